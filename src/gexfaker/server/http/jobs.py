"""Days that come into the data folder while the server runs: downloads and imports, each in a process of its own.

The process is a command of ours. It is another process, so that no client waits for it, and it has a lower priority.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from gexfaker import commands
from gexfaker.commands import STOP_SECONDS
from gexfaker.errors import ControlError

MAX_JOBS: Final = 20
"""Jobs that are remembered."""

MAX_LINES: Final = 60
"""Lines of what a job has said that are kept: the newest ones, where the end is."""

MAX_LINE: Final = 500
"""Letters of such a line."""

LOWER_PRIORITY: Final = 10
"""On a scale to 19: clients are served before days are brought in."""

PARTLY: Final = 1
"""The exit code when something could not be had, or is not sound, and what came is there."""

Status = Literal["running", "done", "partly", "failed", "stopped"]


class Step(msgspec.Struct):
    """What a command tells of its progress, see ``--progress json``."""

    done: int
    total: int
    there: int = 0
    file: str = ""
    text: str = ""


class Job(msgspec.Struct):
    """Days that are brought in.

    Attributes:
        kind: the command.
        about: what is brought in, for people.
        began: epoch seconds.
        step: how far it is.
        lines: what it has said beside.
        is_stopped: whether somebody has stopped it.
    """

    id: str
    kind: str
    about: str
    began: float
    status: Status = "running"
    step: Step = msgspec.field(default_factory=lambda: Step(0, 0))
    lines: deque[str] = msgspec.field(default_factory=lambda: deque(maxlen=MAX_LINES))
    is_stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it is answered."""
        told = {"job": self.id, "kind": self.kind, "about": self.about, "began": self.began, "status": self.status}
        return told | msgspec.structs.asdict(self.step) | {"lines": list(self.lines)}

    def ended(self, code: int) -> Status:
        """What it has come to, by the exit code of its process."""
        return "done" if not code else "partly" if code == PARTLY and self.step.there else "failed"

    def hear(self, line: str) -> None:
        """A line that its process has written."""
        try:
            self.step = msgspec.json.decode(line, type=Step)
        except msgspec.MsgspecError:
            if line.strip():
                self.lines.append(line.rstrip()[:MAX_LINE])


class Jobs:
    """The jobs of one server, of which one runs at a time.

    Attributes:
        known: the newest ones, in the order in which they began.
    """

    def __init__(self) -> None:
        self.known: Final[deque[Job]] = deque(maxlen=MAX_JOBS)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def running(self) -> Job | None:
        """The one that runs."""
        return next((job for job in self.known if job.status == "running"), None)

    def begin(self, about: str, arguments: Sequence[str], now: float, key: str | None) -> Job:
        """Run a command; none may run yet.

        Args:
            about: what it brings in, for people.
            arguments: of ``gexfaker``; the first is the command.
            now: epoch seconds.
            key: the API key for its environment, where no list of processes shows it; None: that of the server.

        Raises:
            ControlError: the system lets no more processes begin.
        """
        job = Job(secrets.token_hex(8), arguments[0], about, now)
        try:
            self._process = _started(arguments, key)
        except OSError as problem:
            raise ControlError(f"the command cannot be run: {problem.strerror or problem}") from None
        self.known.append(job)
        self._reader = threading.Thread(target=_follow, args=(self._process, job), name="job", daemon=True)
        self._reader.start()
        return job

    def stop(self, job: Job) -> None:
        """End a job, if it still runs; it takes up to STOP_SECONDS. What came whole stays."""
        process, reader = self._process, self._reader
        if job.status != "running" or process is None or reader is None:
            return
        job.is_stopped = True
        commands.end(process)
        reader.join(STOP_SECONDS)

    def close(self) -> None:
        """End what runs: the server stops."""
        if (job := self.running) is not None:
            self.stop(job)


def _started(arguments: Sequence[str], key: str | None) -> subprocess.Popen[str]:
    """Begin a command with a lower priority, which tells its progress as lines of JSON. Raises OSError."""
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    process = commands.begin([*arguments, "--progress", "json"], key, flags)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, LOWER_PRIORITY)
    return process


def _follow(process: subprocess.Popen[str], job: Job) -> None:
    """Hear what a job says, to its end."""
    if process.stdout is not None:
        with process.stdout as said:
            for line in said:
                job.hear(line)
    code = process.wait()
    job.status = "stopped" if job.is_stopped else job.ended(code)
