"""Commands of ours in processes of their own, so that no client waits for them; and the end of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from gexfaker.upstream import KEY

STOP_SECONDS: Final = 5.0
"""How long a command has to end after it was asked to: files are brought in whole or not at all."""


def begin(arguments: Sequence[str], key: str | None, flags: int = 0) -> subprocess.Popen[str]:
    """Run ``gexfaker`` with these arguments; it ends with this process. What it says is read as one stream of lines.

    Args:
        arguments: of a command that has ``--exit-with-parent``.
        key: the API key for its environment, where no list of processes shows it; None: that of this process.
        flags: how Windows is to run it.

    Raises:
        OSError: the system lets no more processes begin.
    """
    return subprocess.Popen(  # noqa: S603 - it is this very program
        [sys.executable, "-m", "gexfaker", *arguments, "--exit-with-parent"],
        env=environment(key, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        creationflags=flags,
    )


def environment(key: str | None, surroundings: Mapping[str, str]) -> dict[str, str]:
    """What a command of ours knows; an empty key takes that of this process away."""
    told = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"}
    return {**surroundings, **told} | ({} if key is None else {KEY: key})


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """Ask a process to end, and end it if it has not done so after ``seconds``; it is gone then."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
