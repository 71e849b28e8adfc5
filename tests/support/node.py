"""Node, with the packages of tests/conformance/js beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from gexfaker.tapes.lock import WriteLock
from support.server import wait_until

FOLDER: Final = Path(__file__).parents[1] / "conformance" / "js"
INSTALLED: Final = FOLDER / "node_modules"
LOCK: Final = FOLDER / "package-lock.json"
SECONDS: Final = 300.0


def node() -> str:
    """The node command, once the packages are installed; without one the test is skipped, and fails in CI."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        text = "node and npm are needed to run JavaScript: install Node 20 or newer"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(text)
        pytest.skip(text)
    lock = WriteLock(FOLDER / ".installing")  # tests run in several processes
    wait_until(lock.acquire, SECONDS, "another test to have installed the packages")
    try:
        _install(npm)
    finally:
        lock.release()
    return found


def _install(npm: str) -> None:
    mark = INSTALLED / ".installed"
    if not mark.exists() or mark.read_bytes() != LOCK.read_bytes():
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=SECONDS)
        mark.write_bytes(LOCK.read_bytes())
