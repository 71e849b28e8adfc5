"""The control plane from a test: requests on one connection, days to switch between, and a barrier on the feed."""

from __future__ import annotations

import datetime
import http.client
import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from support import data, decode
from support.raw import PING, PONG, TEXT, RawSocket, frame
from support.server import Served

SESSIONS = "/_gexfaker/sessions"
DAYS = ("2026-07-15", "2026-07-16", "2026-07-17")


def first_of(day: str) -> int:
    """The timestamp of a day's first record."""
    return data.FIRST + (datetime.date.fromisoformat(day) - datetime.date.fromisoformat(data.DATE)).days * 86400


def write_days(root: Path, count: int, days: tuple[str, ...] = DAYS, ticker: str = "ES_SPX") -> Path:
    """Days of ``count`` orderflow records of one ticker, a record a second; returns ``root``."""
    for day in days:
        folder = root / day / ticker / "orderflow"
        folder.mkdir(parents=True)
        shift = first_of(day) - data.FIRST
        lines = [data.record(ticker, index) for index in range(count)]
        lines = [
            line.replace(f'"timestamp":{data.FIRST + index},', f'"timestamp":{data.FIRST + index + shift},')
            for index, line in enumerate(lines)
        ]
        (folder / "orderflow.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


class Plane:
    """A client of the control plane on one kept connection."""

    def __init__(self, server: Served, headers: dict[str, str] | None = None) -> None:
        self._http = http.client.HTTPConnection(*server.address, timeout=10)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = headers or {}

    def __enter__(self) -> Plane:
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """Status and decoded answer; ``body`` is bytes as they are, or made JSON of."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self._http.request(method, path, content, self._headers | (headers or {}))
        answer = self._http.getresponse()
        return answer.status, json.loads(answer.read())

    def act(self, action: str, session: str = "demo", **arguments: object) -> dict[str, Any]:
        """The effect of an action that must succeed."""
        status, effect = self.call("POST", f"{SESSIONS}/{session}/{action}", arguments)
        assert status == 200, effect
        found: dict[str, Any] = effect
        return found

    def show(self, session: str = "demo") -> dict[str, Any]:
        """The status of a session that must exist."""
        status, shown = self.call("GET", f"{SESSIONS}/{session}")
        assert status == 200, shown
        found: dict[str, Any] = shown
        return found

    def playback(self, session: str = "demo") -> dict[str, Any]:
        """Where it is."""
        found: dict[str, Any] = self.show(session)["playback"]
        return found


def until_pong(raw: RawSocket, word: bytes) -> list[int]:
    """Send a ping; the timestamps of the records that came before its pong."""
    raw.send(frame(PING, word))
    stamps: list[int] = []
    while True:
        opcode, payload = raw.read_frame()
        if opcode == PONG and payload == word:
            return stamps
        if opcode == TEXT:
            message = decode.json_frame(payload)
            stamps += [decode.timestamp(message.any)] if message.kind == "data" else []


def next_stamp(raw: RawSocket) -> int:
    """The timestamp of the next record."""
    return decode.timestamp(raw.read_kind("data").any)
