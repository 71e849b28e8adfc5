"""The examples: the bot's own tests pass, and the official clients go through drills."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import node

pytestmark = pytest.mark.long
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GEXFAKER"))}
SHORT = "reset,restart,forgotten,broken-messages"
"""Drills that take seconds; all ten are for a person who waits (docs/testing.md has the report cards)."""


def test_the_bot_passes_its_own_tests(tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    shutil.copytree(EXAMPLES / "bot", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error"]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def card(command: list[str], cwd: Path) -> list[dict[str, object]]:
    """The report card of a client."""
    drill = [sys.executable, "-m", "gexfaker", "drill", "--only", SHORT, "--ready", "60", "--json", "--", *command]
    done = subprocess.run(drill, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    found: list[dict[str, object]] = json.loads(done.stdout)
    assert done.returncode == (0 if all(one["passed"] for one in found) else 1)
    return found


def test_the_official_python_client_is_drilled() -> None:
    found = card([sys.executable, "azure_python.py"], EXAMPLES / "clients")
    assert [(one["name"], one["passed"], one["text"]) for one in found] == [
        (name, True, "") for name in SHORT.split(",")
    ]


def test_the_official_javascript_client_is_drilled(tmp_path: Path) -> None:
    command = node.node()
    shutil.copy(EXAMPLES / "clients" / "azure_javascript.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(node.FOLDER / "node_modules", target_is_directory=True)
    found = card([command, "azure_javascript.mjs"], tmp_path)
    assert [(one["name"], one["passed"], one["text"]) for one in found] == [
        (name, True, "") for name in SHORT.split(",")
    ]
