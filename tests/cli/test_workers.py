"""`gexfaker serve --workers`: several processes on one port, none of which is missed for long."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import act, orderflow
from support.data import write_day
from support.server import Running, clean_environment, running_process, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not spread connections over processes")
WORKERS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_day(tmp_path_factory.mktemp("workers"), 5000))


@pytest.fixture
def server(folder: str) -> Iterator[Running]:
    with running_process(workers=WORKERS, data_dir=folder) as running:
        yield running


def children(parent: int) -> dict[int, str]:
    """The processes that a process has started, by number, with their commands."""
    listed = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {int(pid): args for pid, ppid, args in rows if int(ppid) == parent}


def workers_of(server: Running) -> list[int]:
    return [pid for pid, args in children(server.process.pid).items() if "--listen-fds" in args]


def engines_of(server: Running) -> list[int]:
    return [
        pid
        for pid, args in children(server.process.pid).items()
        if "gexfaker-engine.sock" in args and "--listen-fds" not in args
    ]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_they_are_one_server_and_all_of_it_ends_in_order(server: Running) -> None:
    """The address is said once, when every worker answers."""
    assert len([line for line in server.stdout if line.startswith("gexfaker ready on ")]) == 1
    assert len(workers_of(server)) == WORKERS
    assert act(server, "one", "pause")[0] == 200
    seconds = {orderflow(server, "one") for _ in range(20)}
    assert len(seconds) == 1, "each request is a new connection, and any worker answers the same"
    everybody = [*children(server.process.pid)]
    assert server.stop() == 0
    assert not [pid for pid in everybody if is_there(pid)]
    assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr


def test_connections_are_spread_over_the_workers(server: Running) -> None:
    held = [socket.create_connection(server.address) for _ in range(40)]
    try:
        counts = [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in workers_of(server)]
        wait_until(lambda: sum(_sockets(pid) for pid in workers_of(server)) >= 40, 5, f"all are accepted: {counts}")
        assert all(_sockets(pid) > 5 for pid in workers_of(server)), "none has them all"
    finally:
        for one in held:
            one.close()


def _sockets(pid: int) -> int:
    links = [link for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith("socket:") for link in links)


def test_a_worker_that_dies_is_replaced_and_who_comes_meanwhile_waits(server: Running) -> None:
    act(server, "kept", "seek", time="10:30")
    act(server, "kept", "pause")
    second = orderflow(server, "kept")
    before = workers_of(server)
    os.kill(before[0], signal.SIGKILL)
    for _ in range(20):
        assert orderflow(server, "kept") == second
    wait_until(lambda: len(workers_of(server)) == WORKERS, 10, "it is replaced")
    assert before[1] in workers_of(server)
    assert any("is started again" in line for line in server.stderr)


def test_an_engine_that_dies_is_replaced_and_told_what_was_in_it(server: Running) -> None:
    act(server, "kept", "seek", time="10:30")
    act(server, "kept", "pause")
    second = orderflow(server, "kept")
    (before,) = engines_of(server)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: engines_of(server) not in ([], [before]), 10, "it is replaced")
    wait_until(lambda: act(server, "kept", "step")[0] == 200, 10, "changes are decided again")
    wait_until(lambda: {orderflow(server, "kept") for _ in range(10)} == {second + 1}, 5, "one story")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that only this test's server writes to. Its name is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="gx") as folder:
        for name in ("TMPDIR", "TEMP", "TMP"):
            monkeypatch.setenv(name, folder)
        yield Path(folder)


def test_nothing_is_left_behind_a_parent_that_was_killed(folder: str, temporary: Path) -> None:
    with running_process(workers=WORKERS, data_dir=folder) as server:
        everybody = [*children(server.process.pid)]
        assert len(everybody) == WORKERS + 1
        assert len([*temporary.iterdir()]) == 1
        server.send_signal(signal.SIGKILL)
        wait_until(lambda: not [pid for pid in everybody if is_there(pid)], 15, "workers and engine have ended")
    wait_until(lambda: not [*temporary.iterdir()], 5, "the engine's folder is removed")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_drain(folder: str, how: signal.Signals) -> None:
    with running_process(workers=WORKERS, data_dir=folder) as server:
        assert server.stop(how) == 0
        assert sum("stopped after" in line for line in server.stderr) == WORKERS


# --- what is wrong -------------------------------------------------------------------------------


def refused(cwd: Path, *arguments: str, path: str | None = None) -> str:
    """What the command says on standard error, in one line."""
    environment = clean_environment() | ({} if path is None else {"PATH": path})
    command = [sys.executable, "-m", "gexfaker", "serve", "--workers", "2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd, env=environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_without_an_engine_it_says_what_to_install(tmp_path: Path) -> None:
    text = refused(tmp_path, "--port", "0", path=str(tmp_path))
    assert "apt install redis-server" in text
    assert "--cluster redis://" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "65"), "a number from 1 to 64"),
        (("--workers", "0"), "a number from 1 to 64"),
        (("--state-file", "state.json"), "STATE_FILE='state.json' (from the flag --state-file) is not usable"),
        (("--playback", "step"), "a cluster plays by the market clock"),
        (("--cluster", "redis://127.0.0.1:1/0"), "no engine answers there"),
        (("--cluster", "http://127.0.0.1:1/0"), "redis://host:port/0"),
    ],
)
def test_what_does_not_go_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(tmp_path, "--port", "0", *arguments)


def test_a_taken_port_is_not_shared_with_another_program(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "PORT" in refused(tmp_path, "--port", str(taken.getsockname()[1]))


def test_no_question_about_a_client_is_answered_by_one_of_several_journals(server: Running) -> None:
    questions = {"verify": {"expect": ["recovered"]}, "journal/count": {"type": "connect"}, "journal/wait": {}}
    for path, body in questions.items():
        status, answer = server.request("POST", f"/_gexfaker/{path}?key=mine", json.dumps(body).encode())
        assert status == 400
        assert b"each process of a cluster, or of --workers, has a journal of its own" in answer


def test_settings_json_is_not_shown(server: Running) -> None:
    """The address of the engine may hold a password."""
    assert "unix://" not in json.dumps([server.stdout, server.stderr])
