"""`gexfaker serve --workers N`: several processes on one port, and one that looks after them.

This process opens the sockets, one for each worker, and serves nothing itself. The system spreads new connections over
the sockets (SO_REUSEPORT). A worker that dies is started again with the same socket, which meanwhile keeps who comes.
The workers are a cluster; without an engine of the user's, one is started here and ends with them.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from gexfaker.errors import GexfakerError
from gexfaker.server.cluster.demands import check
from gexfaker.server.cluster.membership import introduced
from gexfaker.server.transport.listening import listening_sockets
from gexfaker.settings import Settings

log: Final = logging.getLogger(__name__)

ENGINES: Final = ("valkey-server", "redis-server")
"""What can be an engine, the first that is installed."""

ENGINE_SOCKET: Final = "gexfaker-engine.sock"
NO_ENGINE: Final = (
    "--workers needs an engine that the workers share, and neither redis-server nor valkey-server is installed: "
    "install one (apt install redis-server, dnf install valkey, brew install redis), or give --cluster redis://host:6379/0"
)
ENGINE_MEMORY: Final = "256mb"
"""What the engine may have: a key takes a kilobyte, a connection that is handed over a megabyte at most."""

START_SECONDS: Final = 30.0
"""A worker is ready by then, also on a slow machine with a large day."""

STOP_SECONDS: Final = 20.0
"""Workers that were told to stop have ended by then, or are ended: longer than draining takes."""

LOOK_SECONDS: Final = 0.2
"""From one look at who lives to the next."""

QUICK_DEATHS: Final = 5
"""More deaths than that within QUICK_SECONDS: something is wrong with all workers, and starting them does not help."""

QUICK_SECONDS: Final = 10.0
READY: Final = "gexfaker ready on "


class Engine:
    """An engine that belongs to the workers, in a folder that only this user can read; started again when it ends."""

    def __init__(self) -> None:
        found = next((path for name in ENGINES if (path := shutil.which(name))), None)
        if found is None:
            raise GexfakerError(NO_ENGINE)
        self._folder: Final = tempfile.TemporaryDirectory(prefix="gexfaker-")
        self._path: Final = Path(self._folder.name) / ENGINE_SOCKET
        self._command: Final = [
            *(found, "--port", "0", "--unixsocket", str(self._path), "--unixsocketperm", "700", "--save", ""),
            *("--appendonly", "no", "--maxmemory", ENGINE_MEMORY, "--maxmemory-policy", "noeviction"),
            *("--dir", self._folder.name),
        ]
        self.url: Final = f"unix://{self._path}?db=0"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C is for the workers, which need the engine until they have ended.
        process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS
        while not self._path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if not self._path.exists():
            raise GexfakerError(f"{self._command[0]} does not start (exit code {process.poll()})")
        return process

    def look_after(self) -> None:
        """Start it again if it has ended: the workers know what was in it."""
        if self._process.poll() is not None:
            log.warning("the engine has ended (exit code %d) and is started again", self._process.returncode)
            self._path.unlink(missing_ok=True)
            self._process = self._start()

    def end(self) -> None:
        """End it, and remove its folder."""
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


class Worker:
    """A place for one worker: its sockets, and the process that has them at present.

    Args:
        arguments: of its command, but for the sockets.
        environment: of the process.
        sockets: that it accepts from.
        heard: called with each line of its output.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        sockets: Sequence[socket.socket],
        heard: Callable[[str], None],
    ) -> None:
        self._environment: Final = environment
        self._descriptors: Final = [bound.fileno() for bound in sockets]
        listen = ("--listen-fds", ",".join(map(str, self._descriptors)))
        self._command: Final = [sys.executable, "-m", "gexfaker", "serve", *arguments, *listen]
        self._heard: Final = heard
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.process = subprocess.Popen(  # noqa: S603
            self._command,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self._environment,
            pass_fds=self._descriptors,
        )
        if self.process.stdout is not None:
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._heard(line)


class Workers:
    """All of them, and their engine.

    Args:
        settings: of the server.
        arguments: with which this command was called.
        announce: is called once with what the first worker says when all are ready.

    Raises:
        GexfakerError: there is no engine, the port is taken, or a setting does not go with a cluster.
    """

    def __init__(self, settings: Settings, arguments: Sequence[str], announce: Callable[[str], None]) -> None:
        self._announce: Final = announce
        self._said: list[str] = []
        self._ready = 0
        self._stopping: Final = threading.Event()
        self._deaths: list[float] = []
        check(settings)
        introduced(settings)  # so that what is wrong is told once, and not by each worker
        sockets = [listening_sockets(settings, 0)]
        port = sockets[0][0].getsockname()[1]
        sockets += [listening_sockets(settings, port) for _ in range(1, settings.workers)]
        self._sockets: Final = sockets
        self._engine: Final = None if settings.cluster is not None else Engine()
        given = [*arguments, "--workers", "1", "--port", str(port), "--exit-with-parent"]
        # Not among the arguments: these are for everybody to see, and the address may hold a password.
        environment = dict(os.environ) if self._engine is None else os.environ | {"GEXFAKER_CLUSTER": self._engine.url}
        self._workers: Final = [Worker(given, environment, mine, self._heard) for mine in sockets]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._end()

    def stop(self) -> None:
        """Let all workers drain and end. May be called from a signal handler."""
        self._stopping.set()
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()

    def run(self) -> int:
        """Look after the workers until they are told to stop; the exit code."""
        while not self._stopping.wait(LOOK_SECONDS):
            if self._engine is not None:
                self._engine.look_after()
            for worker in self._workers:
                code = worker.process.poll()
                if code is not None and not self._replace(worker, code):
                    return code or 1
        return 0

    def _replace(self, worker: Worker, code: int) -> bool:
        """Start a worker that has ended again; False when that is of no use."""
        now = time.monotonic()
        self._deaths = [*(at for at in self._deaths if now - at < QUICK_SECONDS), now]
        if self._stopping.is_set() or self._ready < len(self._workers) or len(self._deaths) > QUICK_DEATHS:
            return self._stopping.is_set()
        log.warning("worker %d has ended (exit code %d) and is started again", worker.process.pid, code)
        worker.start()
        return True

    def _heard(self, line: str) -> None:
        """A line of a worker's output: what the first one says is what the user is told, once all are ready."""
        if line.startswith(READY):
            self._ready += 1
        if self._ready <= 1:
            self._said.append(line)
        if self._ready == len(self._workers) and self._said:
            said, self._said = self._said, []
            self._announce("".join(said))

    def _end(self) -> None:
        self.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        for bound in [one for mine in self._sockets for one in mine]:
            bound.close()
        if self._engine is not None:
            self._engine.end()


def shut_down_orphan(url: str) -> None:
    """End the engine of a parent that was killed: nobody else would."""
    if ENGINE_SOCKET in url:
        from redis import Redis
        from redis.exceptions import RedisError

        folder = Path(url.removeprefix("unix://").partition("?")[0]).parent
        try:
            with Redis.from_url(url) as engine:
                engine.shutdown(nosave=True)
        except (RedisError, OSError):
            return  # another worker was first
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def are_possible() -> bool:
    """Whether this system spreads connections over several processes."""
    return sys.platform != "win32" and hasattr(socket, "SO_REUSEPORT") and hasattr(os, "fork")
