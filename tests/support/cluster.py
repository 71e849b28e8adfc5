"""Several servers that are one, on a real Redis."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from support.control import SESSIONS
from support.server import InProcess, Served, running_server, wait_until

NODES = {"speed": "60"}
"""What servers of a cluster have unless a test says otherwise: market time runs fast enough to see it."""


class Redis:
    """A Redis of the test's own, on a socket in a folder; it can be paused, filled, killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "redis.sock"
        self._command = ["redis-server", "--port", "0", "--unixsocket", str(self.path), "--save", "", *options]
        self.url = f"unix://{self.path}?db=0"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, as it was at first: with nothing in it."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 10, "Redis answers")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        """End it as the system does when memory is short."""
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """It answers nothing meanwhile; its connections stay."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def names(self) -> set[str]:
        """Of all that it keeps, the names."""
        found: Any = self.client.keys("*")
        return {name.decode() for name in found}

    def content(self, name: str) -> Any:
        """What it keeps under a name."""
        kinds: dict[Any, Any] = {b"string": self.client.get, b"hash": self.client.hgetall}
        read = kinds.get(self.client.type(name))
        return None if read is None else read(name)


@contextlib.contextmanager
def running_redis(*options: str) -> Iterator[Redis]:
    """A Redis that is certainly gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        made = Redis(Path(folder), *options)
        try:
            yield made
        finally:
            made.kill()
            made.client.close()


@contextlib.contextmanager
def running_cluster(engine: Redis, count: int = 2, /, **settings: str | int) -> Iterator[list[InProcess]]:
    """Servers in this process that are one; they simulate one market unless the settings say otherwise."""
    market = {} if "data_dir" in settings else {"simulate": "true", "tickers": "SPX", "data_date": "2026-07-17"}
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(running_server(None, cluster=engine.url, **{**NODES, **market, **settings}))
            for _ in range(count)
        ]


# --- what tests ask its servers ------------------------------------------------------------------


def ask(server: Served, path: str, key: str) -> tuple[int, Any]:
    status, body = server.get(path, {"Authorization": f"Bearer {key}", "User-Agent": "test"})
    return status, json.loads(body)


def orderflow(server: Served, key: str) -> int:
    """The time of the record that a key gets."""
    status, body = ask(server, "/ES_SPX/orderflow/orderflow", key)
    assert status == 200, body
    second: int = body["timestamp"]
    return second


def act(server: Served, key: str, action: str, **arguments: Any) -> tuple[int, Any]:
    body = json.dumps(arguments).encode()
    status, answer = server.request("POST", f"{SESSIONS}/by-key/{action}?key={key}", body)
    return status, json.loads(answer)


def playback(server: Served, key: str) -> dict[str, Any]:
    status, body = server.get(f"{SESSIONS}/by-key?key={key}")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)["playback"]
    return found


def agree(nodes: list[InProcess], key: str) -> dict[str, Any]:
    """Where all servers say that a paused key is."""
    seen: list[dict[str, Any]] = []

    def same() -> bool:
        answers = [node.get(f"{SESSIONS}/by-key?key={key}") for node in nodes]
        if any(status != 200 for status, _ in answers):
            return False
        playbacks = [json.loads(body)["playback"] for _, body in answers]
        seen[:] = [{name: one[name] for name in ("day", "market_time", "paused", "timeline")} for one in playbacks]
        return all(place == seen[0] for place in seen)

    wait_until(same, 5, f"all servers agree about {key}: {seen}")
    return seen[0]


def negotiate(server: Served, key: str) -> dict[str, str]:
    status, body = ask(server, "/negotiate", key)
    assert status == 200
    urls: dict[str, str] = body["websocket_urls"]
    return urls
