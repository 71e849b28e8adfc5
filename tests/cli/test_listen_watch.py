"""`gexfaker listen --watch`, `--record-to` and what it says about what is odd."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from gexfaker.catalog import parse_group
from gexfaker.cli.listener import Listener
from gexfaker.cli.watch import Board
from gexfaker.client.feed import Received
from gexfaker.client.heard import Heard, MarketClock
from support.server import Served, running_server

OPEN = 1_784_295_000  # 2026-07-17 09:30 in New York
GROUPS = ("SPX_orderflow_orderflow", "SPX_classic_gex_zero")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", data_date="2026-07-17") as running:
        yield running


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gexfaker", "listen", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_a_terminal_shows_a_table_of_the_groups(server: Served) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    arguments = command(*GROUPS, "--url", server.url, "--watch", "--count", "4")
    with subprocess.Popen(arguments, stdout=theirs, stderr=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of the terminal
            while chunk := os.read(ours, 65536):
                shown += chunk
        assert process.wait(20) == 0
    os.close(ours)
    last = shown.decode()[shown.decode().rindex("group") :]
    assert all(word in last for word in ("lag", "count", "gaps", "again", *GROUPS))
    assert "\x1b[" in shown.decode()  # it is drawn in place


def test_piped_there_are_lines(server: Served) -> None:
    done = run(*GROUPS, "--url", server.url, "--watch", "--count", "2")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)


def test_the_table_fits_eighty_columns_and_tells_lag_gaps_and_repeats() -> None:
    feeds = [feed for name in (*GROUPS, "SPX_state_delta_zero") if (feed := parse_group(name))]
    heard = {feed.group: Heard(feed.group) for feed in feeds}
    for second in (0, 1, 1, 90):
        record = {"timestamp": OPEN + second, "spot": 7432.1, "zgr": 7427.5, "gexoflow": -1.25}
        list(heard["SPX_orderflow_orderflow"].hear(record, 1000.0))
    board = Board(feeds, heard)
    board.clock = MarketClock(OPEN + 95.0, 1000.0, 1.0)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(board.table())
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("waiting") == 2
    [row] = [line for line in text.splitlines() if "09:31:30" in line]
    assert row.split()[:3] == ["SPX_orderflow_orderflow", "09:31:30", "7,432.10"]
    assert "zgr" in row
    assert row.split()[-5:] == ["5.0", "s", "4", "1", "1"]


def test_what_is_recorded_is_decoded_again(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "frames.txt"
    shown = [run(*GROUPS, "--url", server.url, "--json", "--count", "3", "--record-to", str(file)) for _ in range(2)]
    decoded = run("--decode-file", str(file))
    assert decoded.returncode == 0, decoded.stderr
    records = [json.loads(line) for done in shown for line in done.stdout.splitlines()]
    assert [json.loads(line) for line in decoded.stdout.splitlines()] == [
        record | {"group": f"blue_{record['group']}"} for record in records
    ]
    assert len(records) == 6


def test_a_recording_that_cannot_be_written_is_told(server: Served, tmp_path: Path) -> None:
    done = run(*GROUPS, "--url", server.url, "--record-to", str(tmp_path / "no" / "frames.txt"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"gexfaker: cannot write to {tmp_path / 'no' / 'frames.txt'}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")  # noqa: PTH110
def test_a_disk_that_is_full_ends_it_with_a_sentence(server: Served) -> None:
    done = run(*GROUPS, "--url", server.url, "--record-to", "/dev/full")
    assert done.returncode == 2
    assert done.stderr == "gexfaker: cannot write to /dev/full: No space left on device; what came before is in it\n"


def received(second: int) -> Received:
    return Received("{}", f"blue_{GROUPS[0]}", {"timestamp": OPEN + second, "spot": 1.0})


def test_a_late_listener_is_told_once_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr("gexfaker.cli.listener.time.time", lambda: now)
    feed = parse_group(GROUPS[0])
    assert feed is not None
    listener = Listener([feed], "demo", None, lambda _: None)
    for second, market in ((0, 0.0), (1, 9.0), (2, 11.0), (13, 13.5)):
        listener.take(received(second))
        listener.set_clock(MarketClock(OPEN + market, now, 1.0))
        assert listener.wonders() is (second in (1, 2))
        now += 1
    assert capsys.readouterr().err.splitlines() == [
        "gexfaker: records come 8.0 s late: what takes them from here, or this machine, is too slow",
        f"gexfaker: {GROUPS[0]}: no record for 11 s of the market, from 09:30:02 to 09:30:13",
        "gexfaker: records come in time again",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--watch", "--json"), "--watch and --json are two ways of showing the same: choose one"),
        (("--json", "--raw"), "--json and --raw are two ways of showing the same: choose one"),
        (("--decode-file", os.devnull), "--decode-file prints JSON and does not listen: leave out SPX_orderflow"),
        (("--reconnect", "nan"), "it is a number of seconds"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: tuple[str, ...], said: str) -> None:
    done = run(GROUPS[0], *options)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")  # noqa: PTH110
def test_an_output_that_takes_no_more_ends_it(server: Served) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        arguments = command(*GROUPS, "--url", server.url, "--json")
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr == "gexfaker: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_what_is_odd_is_said_above_the_table(server: Served) -> None:
    import pty

    ours, theirs = pty.openpty()
    arguments = command("FOO_orderflow_orderflow", "--url", server.url, "--watch", "--key", "foo")
    with subprocess.Popen(
        arguments, stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        while b"stays silent" not in shown:
            shown += os.read(ours, 65536)
        process.terminate()
    os.close(ours)
    before = shown[: shown.index(b"gexfaker: ")]
    assert before.rsplit(b"\r", 1)[-1].rsplit(b"\n", 1)[-1].strip(b"\x1b[0123456789;KAJ") == b"", "on a line of its own"
