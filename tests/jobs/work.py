"""Work for the crew's processes, which have to import it."""

from __future__ import annotations

import os
from pathlib import Path

from gexfaker.errors import DataError
from gexfaker.jobs.processes import Abandoned, Report


def double(task: int, report: Report) -> int:
    """Says half way that it is at 1."""
    report(1)
    return task * 2


def refuse(task: int, report: Report) -> int:
    """Task 1 fails."""
    if task == 1:
        raise DataError("task 1 will not do")
    return task


def die(task: int, report: Report) -> int:
    """Ends without a word."""
    os._exit(3)


def endless(task: str, report: Report) -> None:
    """Goes on until nobody listens, then says so in the file that is its task; fails if that is ``fail``."""
    if task == "fail":
        raise DataError("failed")
    try:
        while True:
            report(1)
    except Abandoned:
        Path(task).write_text("cleaned up")
        raise
