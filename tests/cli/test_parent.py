"""`gexfaker serve --exit-with-parent` and `--open`, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gexfaker.cli.parent import call_when_parent_ends
from support.server import running_process, wait_until

PARENT = """
import subprocess, sys
server = subprocess.Popen(
    [sys.executable, "-m", "gexfaker", "serve", "--port", "0", *sys.argv[1:]], stdout=subprocess.PIPE, text=True
)
print(server.stdout.readline().split()[-1], flush=True)
server.wait()
"""


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310
            return True
    except (OSError, urllib.error.URLError):
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, "--exit-with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert answers(url)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not answers(url), 10, "the server to be gone")


@pytest.mark.skipif(sys.platform == "win32", reason="a process there keeps its parent's number")
def test_a_parent_that_has_ended_meanwhile_is_noticed() -> None:
    noticed = threading.Event()
    call_when_parent_ends(os.getppid() + 1, noticed.set)
    assert noticed.wait(10)
    still = threading.Event()
    call_when_parent_ends(os.getppid(), still.set)
    assert not still.wait(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="a script as the browser")
def test_open_shows_the_page_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, browser = tmp_path / "shown", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {shown}.part && mv {shown}.part {shown}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with running_process(open="") as server:
        wait_until(shown.exists, 10, "the browser to be started")
        assert shown.read_text().strip() == server.url
