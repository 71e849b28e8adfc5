"""A real server for the length of a test: in this process, or where that is what is tested in one of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec

from gexfaker.cli.serve import announcement
from gexfaker.server.run import Server
from gexfaker.settings import DEFAULT, REPLACED, SETTINGS, load

READY = "gexfaker ready on "
START_SECONDS = 20.0
STOP_SECONDS = 15.0
CLEAN_EXIT = 1 if sys.platform == "win32" else 0
"""What ``stop`` returns when all is well; Windows knows no SIGTERM, there the process is terminated."""


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as ``condition`` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that is a setting of the server."""
    names = {*SETTINGS, *REPLACED}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GEXFAKER_") and k not in names}
    return kept | {"PYTHONUNBUFFERED": "1"}


class Served:
    """A server that answers at ``url``. ``stdout`` and ``stderr`` are the lines it wrote so far."""

    url = ""
    stdout: list[str]
    stderr: list[str]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of a GET; ``headers`` may hold a Host."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of any request."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, method: str, groups: Any, key: str = "demo", path: str = "/v2/negotiate") -> tuple[int, Any]:
        """Status and decoded body of a negotiation by POST or PATCH for these ``groups``."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        status, body = self.request(method, path, json.dumps({"groups": groups}).encode(), headers)
        return status, json.loads(body)

    def post(self, *groups: str, key: str = "demo") -> dict[str, str]:
        """The URLs of a POST negotiation for these groups."""
        status, reply = self.ask("POST", groups, key)
        assert status == 200, reply
        assert list(reply) == ["websocket_urls"]
        urls: dict[str, str] = reply["websocket_urls"]
        return urls

    def patch(self, groups: dict[str, list[str]], key: str = "demo") -> dict[str, Any]:
        """The reply of a PATCH negotiation for these groups by hub."""
        items = [{"hub": hub, "group": group} for hub, names in groups.items() for group in names]
        status, reply = self.ask("PATCH", items, key)
        assert status == 200, reply
        counts: dict[str, Any] = reply
        return counts

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that /_gexfaker/sessions lists."""
        listed: list[dict[str, Any]] = json.loads(self.get("/_gexfaker/sessions")[1])["sessions"]
        return listed

    def health(self) -> dict[str, Any]:
        """The body of /health."""
        body: dict[str, Any] = json.loads(self.get("/health")[1])
        return body

    def negotiate(self, key: str = "demo", path: str = "/negotiate") -> dict[str, str]:
        """The URLs of the hubs for a watcher of ``key``, of whom there may be any number."""
        status, body = self.get(path, {"Authorization": f"Bearer {key}", "X-Gexfaker-Watch": "true"})
        assert status == 200, body
        urls: dict[str, str] = json.loads(body)["websocket_urls"]
        return urls

    def orderflow(self, key: str = "demo") -> str:
        """The orderflow hub's URL for ``key``."""
        return self.negotiate(key)["orderflow"]

    def stop(self) -> int:
        """Stop the server as an operator would; its exit code."""
        raise NotImplementedError


class Running(Served):
    """A server process."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=clean_environment()
        )
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        pairs = ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr))
        self._drains = [threading.Thread(target=_drain, args=pair, daemon=True) for pair in pairs]
        for drain in self._drains:
            drain.start()
        self.url = ""

    def wait_ready(self) -> None:
        """Wait for the line that says the server answers."""
        wait_until(lambda: bool(self._ready_lines()) or self.process.poll() is not None, START_SECONDS, "ready line")
        if not self._ready_lines():
            self.join()
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.stderr}")
        self.url = self._ready_lines()[0].removeprefix(READY)

    def _ready_lines(self) -> list[str]:
        return [line for line in self.stdout if line.startswith(READY)]

    def send_signal(self, number: int) -> None:
        """Send a real signal."""
        self.process.send_signal(number)

    def join(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the end of the process and of its output; its exit code."""
        code = self.process.wait(seconds)
        for drain in self._drains:
            drain.join(seconds)
        return code

    def stop(self, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
        """Stop the server as an operator would; its exit code."""
        if self.process.poll() is None:
            self.send_signal(number)
        return self.join(seconds)

    def kill(self) -> None:
        """End the process whatever state it is in, and close the pipes."""
        if self.process.poll() is None:
            self.process.kill()
        self.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class InProcess(Served):
    """A server in a thread of this process; what it logs is in ``stderr``, as the command prints it."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folder: Path,
        clock: Callable[[], float] | None = None,
        /,
        **settings: str | int,
    ) -> None:
        self.stdout, self.stderr = [], []
        self._stack = stack
        flags = {name.upper(): str(value) for name, value in ({"port": 0} | settings).items()}
        loaded = load(flags, {})
        if loaded.sources["DATA_DIR"] == DEFAULT:  # no ./data of the developer's
            loaded = msgspec.structs.replace(loaded, data_dir=str(folder / "data"))
        lines = _Lines(self.stderr, loaded.log_level.upper())
        stack.enter_context(lines)
        server = Server(loaded, clock)
        lines.thread = f"gexfaker {server.url}"
        self.server = stack.enter_context(server.in_thread())
        self.url = self.server.url
        self.stdout += announcement(self.server.service, self.url).splitlines()

    def stop(self) -> int:
        """Stop the server as an operator would; its exit code."""
        self._stack.close()
        return CLEAN_EXIT


class _Lines(logging.Handler):
    """Keeps what one server logs as lines; threads that are no server's may work for any."""

    def __init__(self, lines: list[str], level: str) -> None:
        super().__init__(level)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.lines = lines
        self.thread = ""

    def __enter__(self) -> None:
        _LOGGER.addHandler(self)
        _LOGGER.setLevel(logging.DEBUG)

    def __exit__(self, *_: object) -> None:
        _LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        other = (record.threadName or "").startswith("gexfaker ") and record.threadName != self.thread
        if not other:
            self.lines += self.format(record).splitlines()


_LOGGER = logging.getLogger("gexfaker")


def _drain(pipe: IO[str], lines: list[str]) -> None:
    for line in pipe:
        lines.append(line.rstrip("\n"))


def serve_command(**settings: str | int) -> list[str]:
    """The command line of a server with these settings (lower-case names; "" is a bare flag), on a free port."""
    command = [sys.executable, "-m", "gexfaker", "serve"]
    for name, value in ({"port": 0} | settings).items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return [word for word in command if word]


@contextlib.contextmanager
def running_server(clock: Callable[[], float] | None = None, /, **settings: str | int) -> Iterator[InProcess]:
    """A server in this process that is ready, and certainly gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        yield InProcess(stack, Path(folder), clock, **settings)


@contextlib.contextmanager
def running_process(**settings: str | int) -> Iterator[Running]:
    """A server process that is ready, and certainly gone afterwards: where the process is what is tested."""
    # A folder of its own: no gexfaker.toml and no ./data of the developer's.
    with tempfile.TemporaryDirectory() as folder:
        server = Running(serve_command(**settings), Path(folder))
        try:
            server.wait_ready()
            yield server
        finally:
            server.kill()
