"""What the command `serve` prints and logs: it never waits for whoever reads it.

A pipe that nobody reads is full at some time, and writing to it waits for ever. So a thread of its own writes, and what
it cannot write in time is dropped, counted and told. A pipe that was closed takes everything.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

from gexfaker.limits import LOG_FLUSH_SECONDS, MAX_LOG_BYTES

LOST: Final = "({:,} lines before this one were lost: nobody read them)"

FULL_SECONDS: Final = 0.05
"""Between two tries to write to a full pipe that does not wait."""


def open_standard_streams() -> None:
    """Open what a program was started without: a socket with the number of a standard stream ends libuv."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, which is this one


class PipeWriter:
    """Writes text to a stream of this process, in a thread.

    Args:
        stream: standard output or error; None where a program has none.
        most: bytes that may wait.

    Attributes:
        lost: how many texts were dropped.
        as_line: gives a sentence of its own the form of the lines that it writes.
    """

    def __init__(self, stream: TextIO | None, most: int = MAX_LOG_BYTES) -> None:
        self._stream: Final = stream
        self._most: Final = most
        self._encoding: Final = getattr(stream, "encoding", None) or "utf-8"
        self._waiting: Final[deque[bytes]] = deque()
        self._bytes = 0
        self._changed: Final = threading.Condition()
        self.lost = self._untold = 0
        self.as_line: Callable[[str], str] = str
        self._is_writing = False
        if stream is not None:
            stream.flush()
            threading.Thread(target=self._run, name="gexfaker writer", daemon=True).start()

    def write(self, text: str) -> None:
        """Have a text written, unless too much waits already."""
        if self._stream is None:
            return
        data = text.encode(self._encoding, "backslashreplace")
        with self._changed:
            if self._bytes + len(data) > self._most:
                self.lost += 1
                self._untold += 1
                return
            if self._untold:
                data = (self.as_line(LOST.format(self._untold)) + "\n").encode() + data
                self._untold = 0
            self._waiting.append(data)
            self._bytes += len(data)
            self._changed.notify_all()

    def flush(self, seconds: float = LOG_FLUSH_SECONDS) -> bool:
        """Wait until everything is written, but no longer than this; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_writing, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                data = self._waiting.popleft()
                self._is_writing = True
            self._put(data)
            with self._changed:
                self._bytes -= len(data)
                self._is_writing = False
                self._changed.notify_all()

    def _put(self, data: bytes) -> None:
        """Write all of it. Nobody may be there any more, or never was: that is no reason to stop."""
        try:
            if sys.platform == "win32" and self._stream is not None and self._stream.isatty():
                self._stream.write(data.decode(self._encoding))  # a console takes no bytes
                self._stream.flush()
                return
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self._descriptor(), rest) :]
                except BlockingIOError:  # somebody has made the pipe one that does not wait
                    time.sleep(FULL_SECONDS)
        except (OSError, ValueError):
            return

    def _descriptor(self) -> int:
        return -1 if self._stream is None else self._stream.fileno()


class PipeHandler(logging.Handler):
    """Log lines to a writer; what clients have sent cannot make a line of its own or move the cursor.

    Args:
        writer: where to.
        as_json: an object a line instead, as `docs/log.schema.json` says.
    """

    def __init__(self, writer: PipeWriter, *, as_json: bool = False) -> None:
        super().__init__()
        self.setFormatter(_JsonLine() if as_json else _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._writer: Final = writer
        if as_json:
            writer.as_line = _json_line

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written."""
        try:
            self._writer.write(self.format(record) + "\n")
        except Exception:  # what cannot be formatted must not end whoever logs it
            self._writer.write(self._writer.as_line(f"a log record of {record.name} cannot be shown") + "\n")


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(map(_escaped, line))


def _escaped(letter: str) -> str:
    """A letter as it is shown: what moves the cursor or turns the direction is told by its number."""
    if letter.isprintable() or letter == "\t":
        return letter
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def _json_line(text: str) -> str:
    """A sentence of the writer's own."""
    line = {"time": _time(time.time()), "level": "warning", "logger": __name__, "message": text, "event": "message"}
    return json.dumps(line)


def _time(seconds: float) -> str:
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "event": "message",
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
