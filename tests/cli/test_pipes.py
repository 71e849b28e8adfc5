"""Pipes that nobody reads, that are closed, or whose code page lacks a letter: the server goes on."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

from gexfaker.cli.pipes import PipeHandler, PipeWriter
from support import data
from support.server import clean_environment, free_port, serve_command, wait_until

LOST = r"\(([0-9,]+) lines before this one were lost: nobody read them\)"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.fixture
def pipe() -> Iterator[tuple[int, IO[str]]]:
    """A pipe: where it is read, and a stream that writes to it."""
    read, write = os.pipe()
    with os.fdopen(write, "w", encoding="ascii") as stream:
        yield read, stream
        os.close(read)


def test_what_is_written_comes_in_order_and_what_the_encoding_lacks_is_escaped(pipe: tuple[int, IO[str]]) -> None:
    writer = PipeWriter(pipe[1])  # type: ignore[arg-type]
    writer.write("one\n")
    writer.write("zw\xf6lf \u65e5 \udcff\n")
    assert writer.flush(10)
    assert os.read(pipe[0], 1000) == b"one\nzw\\xf6lf \\u65e5 \\udcff\n"


def test_as_json_every_line_is_an_object(pipe: tuple[int, IO[str]]) -> None:
    """Those included that tell of lines which were lost, or of a record that cannot be shown."""
    writer = PipeWriter(pipe[1], most=100_000)  # type: ignore[arg-type]
    handler = PipeHandler(writer, as_json=True)
    log = logging.Logger("of this test")
    log.addHandler(handler)
    for number in range(5_000):
        log.warning("line %60d\n\x1b\u202e", number)
    text = b""
    while not writer.flush(0.01):
        text += os.read(pipe[0], 1 << 20)
    log.warning("%d", "no number")
    log.warning("afterwards")
    while b"afterwards" not in text:
        text += os.read(pipe[0], 1 << 20)
    said = [json.loads(line)["message"] for line in text.decode().splitlines()]
    assert any(re.fullmatch(LOST, message) for message in said)
    assert said[-2:] == ["a log record of of this test cannot be shown", "afterwards"]


def test_a_full_pipe_takes_no_time_and_what_is_lost_is_counted_and_told(pipe: tuple[int, IO[str]]) -> None:
    writer = PipeWriter(pipe[1], most=100_000)  # type: ignore[arg-type]
    for number in range(10_000):
        writer.write(f"line {number:60}\n")
    assert not writer.flush(0.05)
    assert writer.lost > 5_000
    text = b""
    while not writer.flush(0.01):
        text += os.read(pipe[0], 1 << 20)
    writer.write("afterwards\n")
    while b"afterwards" not in text:
        text += os.read(pipe[0], 1 << 20)
    lines = text.decode().splitlines()
    told = [int(found[1].replace(",", "")) for line in lines if (found := re.fullmatch(LOST, line))]
    assert (lines[-1], sum(told)) == ("afterwards", writer.lost)
    assert sum(line.startswith("line ") for line in lines) == 10_000 - writer.lost


@pytest.mark.parametrize("stream", ["closed", "none", "nobody"])
def test_a_stream_that_is_not_there_takes_everything(stream: str) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as file:
        if stream == "closed":
            writer = PipeWriter(file)
            file.close()
        else:
            writer = PipeWriter(None if stream == "none" else file)
        for _ in range(1000):
            writer.write("a line\n" * 100)
            assert writer.flush(10)
        assert writer.lost == 0


def test_a_log_record_is_one_line_whatever_it_says_and_its_traceback_is_whole() -> None:
    lines: list[str] = []

    class Kept(PipeWriter):
        def write(self, text: str) -> None:
            lines.append(text)

    log = logging.Logger("of this test")
    log.addHandler(PipeHandler(Kept(None)))
    log.warning("key %s", "\x1b[31m\r\n2026 INFO forged\x7f\x85")
    log.warning("%d", "no number")
    try:
        raise ValueError("of this test")
    except ValueError:
        log.exception("it failed")
    assert lines[0].endswith("key \\x1b[31m\\x0d\\x0a2026 INFO forged\\x7f\\x85\n")
    assert lines[1] == "a log record of of this test cannot be shown\n"
    assert lines[2].splitlines()[1] == "Traceback (most recent call last):"


def start(folder: Path, stderr: int) -> tuple[subprocess.Popen[str], str]:
    """A server whose pipes the test has; its address."""
    environment, out = clean_environment(), subprocess.PIPE
    process = subprocess.Popen(serve_command(), cwd=folder, env=environment, stdout=out, stderr=stderr, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def negotiate(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/negotiate", headers={"Authorization": "Bearer demo"})
    assert connection.getresponse().status == 200
    connection.close()


@POSIX
def test_a_log_that_nobody_reads_stops_neither_the_server_nor_its_end(tmp_path: Path) -> None:
    process, url = start(tmp_path, stderr=subprocess.PIPE)
    with process:
        for _ in range(2000):  # 64 KiB of the pipe are full after 880
            negotiate(url)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 10


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_a_program_that_reads_one_line_and_closes_the_pipe_has_a_server(tmp_path: Path, number: int) -> None:
    process, url = start(tmp_path, stderr=subprocess.DEVNULL)
    with process:
        assert process.stdout is not None
        process.stdout.close()
        for _ in range(3):
            negotiate(url)
        process.send_signal(number)
        assert process.wait(20) == 0


@POSIX
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_starts_without_standard_streams(tmp_path: Path, closed: str) -> None:
    port = free_port()
    command = f"exec {shlex.join(serve_command(port=port))} {closed}"
    with subprocess.Popen(
        ["sh", "-c", command], cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL
    ) as it:

        def answers() -> bool:
            try:
                negotiate(f"http://127.0.0.1:{port}")
            except OSError:
                return False
            return True

        wait_until(answers, 20, "it answers")
        it.send_signal(signal.SIGTERM)
        assert it.wait(20) == 0


@pytest.mark.parametrize("encoding", ["cp437", "ascii"])
def test_a_folder_that_the_console_cannot_show_is_shown_escaped(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "d\u00e4\u65e5"
    folder.mkdir()
    data.write_day(folder, 5, ("SPX",))
    environment = clean_environment() | {"PYTHONIOENCODING": encoding}
    command = serve_command(data_dir=str(folder))
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as it:
        assert it.stdout is not None
        assert it.stderr is not None
        assert it.stdout.readline().startswith(b"gexfaker ready on ")
        assert b"\\u65e5" in it.stdout.readline()
        it.terminate()
        assert b"Traceback" not in it.stderr.read()
