"""The end of a process of another program."""

from __future__ import annotations

import subprocess


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and end it if it has not done so after ``seconds``; it is gone then."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
