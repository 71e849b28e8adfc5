"""Servers and load clients as processes of their own, each held on a core where the platform can; their CPU times."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

SERVER_CORE, LOAD_CORE = 0, 1

Process = subprocess.Popen[str]
Job = dict[str, Any]
Counted = dict[str, float]


def run(job: Coroutine[Any, Any, None]) -> None:
    """Run a job on the loop that the server uses: uvloop where it exists."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(job)
    else:
        uvloop.run(job)


def pinned(core: int) -> Callable[[], None] | None:
    """A start hook that keeps a process on one core, so that server and load do not share one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def start(core: int, module: str, *arguments: str, errors: int | None = None) -> Process:
    """A Python module as a process on a core; its log goes to ``errors``, or is shown."""
    command, pipe = [sys.executable, "-m", module, *arguments], subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, preexec_fn=pinned(core))


def line_of(process: Process) -> str:
    """The next line it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextlib.contextmanager
def server(module: str, *arguments: str, errors: int | None = None) -> Iterator[tuple[Process, str]]:
    """A server on its core, and the first line it prints."""
    process = start(SERVER_CORE, module, *arguments, errors=errors)
    try:
        yield process, line_of(process)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def gexfaker(root: Path | None, module: str = "gexfaker", **settings: str | int) -> Iterator[tuple[Process, str]]:
    """A gexfaker server with these settings, and its URL; of a recorded day, or without one of a simulated one."""
    settings = {"log_level": "warning"} | settings | ({"data_dir": str(root)} if root else {})
    errors = subprocess.DEVNULL if settings["log_level"] == "info" else None
    flags = [part for name, value in settings.items() for part in ("--" + name.replace("_", "-"), str(value))]
    with server(module, "serve", "--port", "0", *flags, errors=errors) as (process, line):
        yield process, line.rpartition(" ")[2]


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far, to the nanosecond (Linux)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Load:
    """A load module under way; it says when it begins to count, and what it has counted, and stays until told to go."""

    def __init__(self, module: str, job: Job) -> None:
        self._process = start(LOAD_CORE, module, json.dumps(job))
        said = line_of(self._process)
        assert said == "counting", said

    def counted(self) -> Counted:
        """What it has counted, as soon as it has."""
        counted: Counted = json.loads(line_of(self._process))
        return counted

    def go(self) -> None:
        """Let it close its connections."""
        self._process.communicate()


def loaded(process: Process, module: str, job: Job) -> Counted:
    """What a load module counted; ``cpu`` seconds of ``process`` meanwhile, and its memory afterwards."""
    load = Load(module, job)
    before = cpu_seconds(process.pid)
    counted = load.counted()
    counted |= {"cpu": cpu_seconds(process.pid) - before, "rss_mb": rss_mb(process.pid)}
    load.go()
    return counted
