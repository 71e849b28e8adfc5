"""`gexfaker serve --collect`: the collector is a process beside the server, tells in its log, and goes with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import data
from support.server import InProcess, Running, running_server, wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="looks at processes by their numbers"),
]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with running_server(data_dir=str(data.write_day(tmp_path_factory.mktemp("upstream"), 5))) as server:
        yield server


@contextmanager
def collecting(
    upstream: InProcess, folder: Path, monkeypatch: pytest.MonkeyPatch, key: str = "secret-key"
) -> Iterator[Running]:
    data.write_day(folder / "data", 5)
    monkeypatch.setenv("GEXBOT_API_KEY", key)
    command = [sys.executable, "-m", "gexfaker", "serve", "--port", "0", "--data-dir", str(folder / "data")]
    running = Running([*command, "--collect", "SPX", "--collect-from", upstream.url], folder)
    try:
        running.wait_ready()
        yield running
    finally:
        running.kill()


def children(number: int) -> list[int]:
    """The processes that a process has started and that still run."""
    done = subprocess.run(["pgrep", "-P", str(number)], capture_output=True, text=True, check=False)
    return [int(text) for text in done.stdout.split()]


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_tells_in_the_servers_log_without_the_key_and_ends_with_the_server(
    upstream: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting(upstream, tmp_path, monkeypatch) as server:
        wait_until(lambda: any("the end-of-day report of SPX" in line for line in server.stderr), 30, "a look")
        [collector] = children(server.process.pid)
        assert b"secret-key" not in Path(f"/proc/{collector}/cmdline").read_bytes()
        assert server.stop() == 0
        wait_until(lambda: not is_alive(collector), 10, "the collector gone")
        assert not any("secret-key" in line or "Traceback" in line for line in server.stderr)


def test_it_ends_when_the_server_is_killed(
    upstream: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting(upstream, tmp_path, monkeypatch) as server:
        wait_until(lambda: any("the end-of-day report of SPX" in line for line in server.stderr), 30, "a look")
        [collector] = children(server.process.pid)
        server.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not is_alive(collector), 10, "the collector gone")


def test_without_a_key_the_start_is_refused(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GEXBOT_API_KEY"}
    command = [sys.executable, "-m", "gexfaker", "serve", "--port", "0", "--simulate", "--collect", "SPX"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "an API key is needed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_days_is_fine_while_days_are_collected(
    upstream: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may even be missing: that is how everybody begins."""
    monkeypatch.setenv("GEXBOT_API_KEY", "secret-key")
    folder = tmp_path / "days"
    command = [sys.executable, "-m", "gexfaker", "serve", "--port", "0", "--data-dir", str(folder)]
    running = Running([*command, "--collect", "SPX", "--collect-from", upstream.url], tmp_path)
    try:
        running.wait_ready()
        told = "\n".join(running.stderr)
        assert f"there are no recorded days in {folder} yet" in told
        assert f"collect: the reports of SPX come from {upstream.url} into {folder}" in told
        assert "has no effect" not in told
        status, _ = running.get("/SPX/classic/zero", {"Authorization": "Bearer a", "User-Agent": "t"})
        assert status == 200
    finally:
        running.kill()
