"""The server's process, with what an operator may do to it: limits, closed pipes, pipes that nobody reads."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from siege.bounds import EXIT_SECONDS, KILL_MB, START_SECONDS, WATCH_SECONDS
from siege.plan import Surroundings
from support.server import READY, Served, clean_environment, serve_command, wait_until

SOURCE: Final = "SIEGE_SOURCE"
"""Environment variable: a folder with another version of the package, to attack that one."""

KEPT_LINES: Final = 5000
"""Of what it logs; an attack may make it log without end."""

HUNG: Final = 99
"""Instead of an exit code: it had to be killed."""


class Fortress(Served):
    """A server process on a processor of its own.

    Attributes:
        process: the process.
        tracebacks: that it has logged.
        peak_mb: the most resident memory it was seen with.
        killed: whether it had to be, because of its memory.
    """

    def __init__(self, command: list[str], folder: Path, surroundings: Surroundings) -> None:
        environment = clean_environment()
        if source := os.environ.get(SOURCE):
            environment["PYTHONPATH"] = source
        self._surroundings: Final = surroundings
        self.process: Final = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
        )
        self._confine()
        self.lines: Final[deque[str]] = deque(maxlen=KEPT_LINES)
        self.tracebacks = 0
        self.peak_mb = 0.0
        self.killed = False
        if surroundings.stdout_read:
            self._start(self._read_stdout)
        else:
            _pipe(self.process.stdout).close()
        self._stderr = self._start(self._read_stderr) if surroundings.stderr_read else None

    def _start(self, work: Any) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def _confine(self) -> None:
        """Before it has begun: an interpreter needs longer to start than this."""
        os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        if (most := self._surroundings.descriptors) is not None:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (most, most))

    def _read_stdout(self) -> None:
        for line in _pipe(self.process.stdout):
            text = line.decode().rstrip("\n")
            if text.startswith(READY):
                self.url = text.removeprefix(READY)

    def _read_stderr(self) -> None:
        for line in _pipe(self.process.stderr):
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self.tracebacks += "Traceback" in self.lines[-1]

    def wait_ready(self) -> None:
        """Wait until the server says that it answers, or does; from then on its memory is watched."""
        wait_until(lambda: self._is_ready() or not self.alive, START_SECONDS, "ready line")
        if not self.alive:
            raise AssertionError(f"the server ended with {self.process.returncode}: {list(self.lines)[-5:]}")
        self._start(self._watch)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.url) and bool(self.get("/ready"))
        return False

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.peak_mb = max(self.peak_mb, self.resident_mb())
            if self.peak_mb > KILL_MB:
                self.killed = True
                self.process.kill()
            time.sleep(WATCH_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}/{name}")

    def resident_mb(self) -> float:
        """Its resident memory; 0 when it has ended."""
        with contextlib.suppress(OSError):
            found = re.search(r"VmRSS:\s*(\d+)", self._proc("status").read_text())
            return int(found[1]) / 1024 if found else 0.0
        return 0.0

    def descriptors(self) -> int:
        """How many it has open; 0 when it has ended."""
        with contextlib.suppress(OSError):
            return sum(1 for _ in self._proc("fd").iterdir())
        return 0

    def processor_seconds(self) -> float:
        """What it has used so far."""
        with contextlib.suppress(OSError):
            user, system = self._proc("stat").read_text().rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def waited_seconds(self) -> float:
        """What its main thread has spent waiting for its processor so far."""
        with contextlib.suppress(OSError, IndexError):
            return int(self._proc("schedstat").read_text().split()[1]) / 1e9
        return 0.0

    def stop(self) -> int:
        """Send SIGTERM; the exit code, HUNG if it did not end in time."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = HUNG
        if self._stderr is None:  # now that it is over
            self._stderr = self._start(self._read_stderr)
        self._stderr.join(EXIT_SECONDS)
        return code

    def close(self) -> None:
        """End the process whatever state it is in, and close the pipes."""
        if self.alive:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def fortress(surroundings: Surroundings, **settings: str) -> Iterator[Fortress]:
    """A server that is ready, and certainly gone afterwards."""
    if not surroundings.stdout_read:
        settings["port"] = str(_free_port())
    with tempfile.TemporaryDirectory() as folder:
        server = Fortress([sys.executable, *serve_command(**settings)[1:]], Path(folder), surroundings)
        if port := settings.get("port"):
            server.url = f"http://127.0.0.1:{port}"
        try:
            server.wait_ready()
            yield server
        finally:
            server.close()
