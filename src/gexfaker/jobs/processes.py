"""Work spread over processes, one for each task, some at a time.

They are spawned, never forked, so that it is the same on every system. A worker that finds nobody listening any more
stops and cleans up: the parent was killed, or gave up because another worker failed.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final, Generic, TypeVar

from gexfaker.errors import GexfakerError

STOP_SECONDS: Final = 10.0
"""How long workers that are no longer needed may clean up before they are ended."""

Task = TypeVar("Task")
Result = TypeVar("Result")
Report = Callable[[int], None]
"""Tells how far a task is, in any unit."""


class WorkerError(GexfakerError):
    """A worker cannot start, or ended without a word, e.g. because the system had no memory left."""


class Abandoned(Exception):  # noqa: N818 - no error: nobody wants the result any more
    """The parent is gone, or has given up."""


class Crew(Generic[Task, Result]):
    """Workers on a list of tasks.

    Args:
        work: an importable function of a task and a report; raises GexfakerError when the user can act on it.
        tasks: what to work on; picklable, as are the results.
        jobs: processes at a time, at least 1.
    """

    def __init__(self, work: Callable[[Task, Report], Result], tasks: list[Task], jobs: int) -> None:
        self._work = work
        self._waiting = deque(enumerate(tasks))
        self._jobs = jobs
        self._running: dict[Connection, tuple[int, SpawnProcess]] = {}

    def run(self) -> Iterator[tuple[int, int | None, Result | None]]:
        """(task's index, how far it is, None) now and then, and (index, None, its result) at its end.

        Raises the first GexfakerError of any task, and ends the others; WorkerError.
        """
        try:
            while self._waiting or self._running:
                self._start()
                for connection in wait(list(self._running)):
                    if isinstance(connection, Connection):
                        yield self._receive(connection)
        finally:
            self._stop()

    def _start(self) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        while self._waiting and len(self._running) < self._jobs:
            index, task = self._waiting.popleft()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(self._work, task, theirs), daemon=True)
            try:
                with _deaf_to_interrupts():
                    process.start()
            except OSError as error:
                raise WorkerError(f"no process can be started ({error}); run it again, with fewer --jobs") from error
            theirs.close()  # so that the end of the worker is the end of the pipe
            self._running[ours] = index, process

    def _receive(self, connection: Connection) -> tuple[int, int | None, Result | None]:
        index, process = self._running[connection]
        try:
            kind, value = connection.recv()
        except (EOFError, OSError):
            process.join(STOP_SECONDS)
            raise WorkerError(
                f"a worker died (exit code {process.exitcode}); run it again, with fewer --jobs"
            ) from None
        if kind == "progress":
            return index, value, None
        if kind == "error":
            raise value
        del self._running[connection]
        connection.close()
        process.join()
        return index, None, value

    def _stop(self) -> None:
        for connection in self._running:
            connection.close()
        for _, process in self._running.values():
            process.join(STOP_SECONDS)
            process.kill()
            process.join()


def _child(work: Callable[[Any, Report], Any], task: Any, connection: Connection) -> None:
    # Ctrl-C, and a CI that ends a job, reach the whole group; the parent hears it too, closes the pipes, and so stops
    # the workers, which clean up.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)

    def send(kind: str, value: Any) -> None:
        try:
            connection.send((kind, value))
        except OSError:
            raise Abandoned from None

    with contextlib.suppress(Abandoned):
        try:
            result = work(task, lambda done: send("progress", done))
        except GexfakerError as error:
            send("error", _bare(error))
        else:
            send("done", result)


def _bare(error: GexfakerError) -> GexfakerError:
    """The error without what cannot travel: its class's own arguments, and where it came from."""
    return GexfakerError(str(error))


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let a process begin without hearing Ctrl-C: while it still imports, it could only answer with a traceback.

    The parent hears it again at once, and ends the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
