"""The official JavaScript client in a Node process."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from support import data, decode
from support.node import FOLDER

SECONDS: Final = 20.0


class Driver:
    """A client in a Node process; ``messages`` are what its group-message handler got so far."""

    def __init__(self, node: str, address: str) -> None:
        self._process: Final = subprocess.Popen(
            [node, "driver.mjs", address],
            cwd=FOLDER,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._events: Final[queue.Queue[dict[str, Any]]] = queue.Queue()
        self.messages: list[dict[str, Any]] = []
        self._reader: Final = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))
        self._events.put({"event": "exit"})

    def tell(self, line: str) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def do(self, line: str) -> None:
        """Send a command and wait until the client has done it."""
        self.tell(line)
        told = self.until("done", "failed")
        assert told == {"event": "done", "name": line.split(" ")[0]}

    def start(self) -> str:
        """Open the connection; its id. The event may come before or after the promise is fulfilled."""
        self.tell("start")
        first, second = self.until("done", "failed", "connected"), self.until("done", "failed", "connected")
        connected = first if first["event"] == "connected" else second
        assert {first["event"], second["event"]} == {"done", "connected"}, (first, second)
        return str(connected["connection"])

    def until(self, *events: str) -> dict[str, Any]:
        """The next event of one of these kinds; messages are kept on the way, others passed over."""
        deadline = time.monotonic() + SECONDS
        while True:
            event = self._events.get(timeout=max(deadline - time.monotonic(), 0.01))
            if event["event"] == "message":
                self.messages.append(event)
            if event["event"] in events:
                return event
            assert event["event"] != "exit", self._process.communicate()[1]

    def read(self, count: int) -> None:
        """Wait for so many further messages."""
        target = len(self.messages) + count
        while len(self.messages) < target:
            self.until("message")

    def quiet(self, seconds: float) -> list[str]:
        """The kinds of events within the next seconds."""
        time.sleep(seconds)
        found: list[str] = []
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._events.get_nowait()
                found.append(event["event"])
                if event["event"] == "message":
                    self.messages.append(event)
        return found

    def sequences(self) -> list[int]:
        """The sequence ids of all messages."""
        return [message["sequence"] for message in self.messages]

    def timestamps(self) -> list[int]:
        """The records' timestamps, after a look at everything else."""
        assert {(message["group"], message["type"]) for message in self.messages} == {(data.group(), "protobuf")}
        return [decode.timestamp(base64.b64decode(message["data"])) for message in self.messages]

    def close(self) -> None:
        """End the process; the exit code must be 0 unless it had to be killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            code = self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stderr is not None
            errors = self._process.stderr.read()
            for pipe in (self._process.stdout, self._process.stderr):
                assert pipe is not None
                pipe.close()
        assert code == 0, errors


@contextlib.contextmanager
def driver(node: str, address: str) -> Iterator[Driver]:
    """A client, gone afterwards."""
    made = Driver(node, address)
    try:
        yield made
    finally:
        made.close()
