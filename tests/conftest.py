"""What is true of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, and not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TESTS = Path(__file__).parent
PURE = {
    *("contract", "exchange", "hubs", "inspection", "market", "playback", "rest", "tapes", "wire", "worlds"),
    *("test_architecture.py", "test_bounded.py", "test_catalog.py", "test_holdings.py", "test_settings.py"),
}
"""Tests of pure code: `make quick` runs them, but for the long ones."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the pure ones."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in PURE:
            item.add_marker(pytest.mark.pure)
