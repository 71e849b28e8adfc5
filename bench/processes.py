"""Servers and load clients as processes of their own, each held on a core where the platform can; their CPU times."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SERVER_CORE, LOAD_CORE = 0, 1


def pinned(core: int) -> Callable[[], None] | None:
    """A start hook that keeps a process on one core, so that server and load do not share one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


@contextlib.contextmanager
def server(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on its core, and the first line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=pinned(SERVER_CORE),
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def gexfaker(**settings: str | int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A gexfaker server with these settings, and its URL."""
    flags = [part for name, value in settings.items() for part in ("--" + name.replace("_", "-"), str(value))]
    with server("gexfaker", "serve", "--port", "0", *flags) as (process, line):
        yield process, line.rpartition(" ")[2]


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have used so far, to the nanosecond where the kernel tells it (Linux)."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def loaded(process: subprocess.Popen[str], module: str, job: dict[str, Any]) -> dict[str, float]:
    """What a load module counted, and the CPU seconds ``process`` spent meanwhile."""
    load = subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=pinned(LOAD_CORE),
    )
    assert load.stdout is not None
    assert load.stdout.readline() == "counting\n"
    before = cpu_seconds(process.pid)
    counted: dict[str, float] = json.loads(load.stdout.readline())
    spent = cpu_seconds(process.pid) - before
    load.wait()
    return counted | {"cpu": spent, "rss_mb": rss_mb(process.pid)}
