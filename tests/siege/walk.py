"""A walk at random through everything at once: requests, frames, control actions, files and signals, by a seed.

Each step may be sense or nonsense. What must not happen is an answer 5xx other than 503; what the innocents notice, a
traceback and the exit code are looked at as in every siege.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from fuzz.mutate import mutated
from siege import days
from siege.plan import Attack
from siege.target import PATIENCE, Target, persist
from support.raw import JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, TEXT, frame

WALKERS: Final = 4
SEED: Final = int(os.environ.get("SIEGE_SEED", "1"))
OTHER: Final = "OTHER"
"""The ticker whose file changes all the time."""

STOP_SECONDS: Final = 0.05
METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "get")
PARTS: Final = (
    *("v2", "SPX", "classic", "gex_zero", "majors", "negotiate", "hist", "_gexfaker", "sessions", "walk-1", "seek"),
    *("health", "docs", "download", days.DATE, "orderflow", "..", "%2e%2e", "%00", "a" * 300, "\u65e5", "tickers", ""),
)
HEADERS: Final[tuple[dict[str, str], ...]] = (
    *(
        {},
        {"Range": "bytes=0-"},
        {"Accept-Encoding": "gzip;q=0, br"},
        {"Origin": "http://x"},
        {"Expect": "100-continue"},
    ),
    *({"Upgrade": "h2c", "Connection": "Upgrade"}, {"Content-Type": "text/html"}, {"Host": ""}),
)
VALUES: Final[tuple[Any, ...]] = (None, 0, -1, 1e300, "", "10:30", "next", True, [], {}, 10**30, "close", 5, 60.0)
BODIES: Final = (None, None, b"{}", b"[", b"\xff" * 50, b"x" * 70_000, b"[[],[],[]]")
ACTIONS: Final = ("pause", "resume", "step", "seek", "speed", "mode", "day", "reset", "nothing")
ARGUMENTS: Final = ("time", "index", "speed", "date", "playback", "cache_mode", "seconds", "feed", "other")
START: Final = (
    b"GET /v2/SPX/classic/gex_zero HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer w\r\nContent-Length: 3\r\n\r\nabc"
)


class Walker:
    """One of them.

    Args:
        target: where it walks.
        number: of it; with the seed it gives all its steps.
    """

    def __init__(self, target: Target, number: int) -> None:
        self._target: Final = target
        self._random: Final = Random(f"{SEED} {number}")
        self._key: Final = f"walk-{number}"
        self._steps: Final[tuple[Callable[[], None], ...]] = (
            *(self._ask, self._ask, self._control, self._control, self._visit, self._babble),
            *(() if number else (self._change_file, self._stop_for_a_moment)),
        )

    def step(self) -> None:
        """One step, any of them."""
        self._target.did += 1
        self._random.choice(self._steps)()

    def _ask(self) -> None:
        path = "/" + "/".join(self._random.choices(PARTS, k=self._random.randrange(1, 6)))
        body = self._random.choice(
            (None, None, b"{}", b"[", b"\xff" * 50, b"x" * 70_000, json.dumps([[]] * 9).encode())
        )
        self._request(self._random.choice(METHODS), path.encode("utf-8").decode("latin-1"), body)

    def _control(self) -> None:
        arguments: dict[str, Any] = {
            self._random.choice(ARGUMENTS): self._random.choice(VALUES) for _ in range(self._random.randrange(3))
        }
        path = f"/_gexfaker/sessions/{self._key}/{self._random.choice(ACTIONS)}"
        self._request("POST", path, json.dumps(arguments).encode())

    def _request(self, method: str, path: str, body: bytes | None) -> None:
        connection = http.client.HTTPConnection(*self._target.address, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": "w", **self._random.choice(HEADERS)}
        with contextlib.closing(connection), contextlib.suppress(UnicodeError, http.client.InvalidURL):
            connection.request(method, path, body, headers)
            status = connection.getresponse().status
            if status >= 500 and status != 503:
                _give_up(f"{method} {path[:200]!r} {headers} {(body or b'')[:100]!r} was answered {status}")

    def _visit(self) -> None:
        dialect = self._random.choice((JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE))
        with self._target.connect(dialect, self._key, self._random.choice(("orderflow", "classic"))) as raw:
            for _ in range(self._random.randrange(8)):
                raw.send(self._frame())
            if self._random.random() < 0.5:
                raw.read_frame()
            if self._random.random() < 0.3:
                raw.abort()

    def _frame(self) -> bytes:
        kind = self._random.choice(("joinGroup", "leaveGroup", "sendToGroup", "sequenceAck", "ping", "event"))
        group = self._random.choice(("blue_SPX_classic_gex_zero", "blue_OTHER_orderflow_orderflow", "x", "\u65e5"))
        message = {"type": kind, "group": group, "ackId": self._random.randrange(50), "sequenceId": 1, "data": "d"}
        whole = frame(TEXT, json.dumps(message).encode())
        return mutated(self._random, [whole]) if self._random.random() < 0.3 else whole

    def _babble(self) -> None:
        with self._target.plain() as raw:
            raw.socket.settimeout(0.2)
            raw.send(mutated(self._random, [START]))
            with contextlib.suppress(TimeoutError):
                raw.socket.recv(65536)

    def _change_file(self) -> None:
        folder = _data_folder(self._target.pid)
        file = folder / days.DATE / OTHER / "orderflow" / "orderflow.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        if self._random.random() < 0.3:
            file.unlink(missing_ok=True)
            return
        record = self._random.choice(('{"timestamp":1784295002,"ticker":"OTHER"}\n', "{\n", "\0" * 5000, ""))
        file.write_text(record * self._random.randrange(200), encoding="utf-8")
        self._request("POST", "/reload-date", b'{"date":"nothing"}')

    def _stop_for_a_moment(self) -> None:
        if self._random.random() < 0.02:
            os.kill(self._target.pid, signal.SIGSTOP)
            time.sleep(STOP_SECONDS)
            os.kill(self._target.pid, signal.SIGCONT)


def _data_folder(pid: int) -> Path:
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return Path(os.fsdecode(arguments[arguments.index(b"--data-dir") + 1]))


def _give_up(problem: str) -> None:
    """The walk ends, and this is what the siege shows."""
    sys.stderr.write(f"seed {SEED}: {problem}\n")
    sys.stderr.flush()
    os._exit(3)


def walk(target: Target) -> None:
    """All walkers, until the end."""
    for number in range(WALKERS):
        walker = Walker(target, number)
        threading.Thread(target=persist, args=(target, walker.step), daemon=True).start()
    target.begun()
    threading.Event().wait()


ATTACKS: Final[dict[str, Attack]] = {
    "walk": Attack(walk, WALKERS, "everything at random", patience=STOP_SECONDS),
}
