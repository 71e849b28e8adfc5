"""What is true of all tests."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gexfaker.upstream import KEY
from support.server import wait_until

# How long an example takes says something of the machine, and not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

os.environ.pop(KEY, None)  # no test asks the service itself in the name of who runs it

TESTS = Path(__file__).parent
CLIENT_SECONDS = 3.0
"""How long the threads of a client are waited for; some never end, and hold what they hold."""

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


def _foreign_threads() -> int:
    """Threads that are no server's of ours, which may be started in a test and serve others."""
    return sum(not thread.name.startswith("gexfaker ") for thread in threading.enumerate())


@pytest.fixture
def collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client has left to the garbage collector is collected here, not in somebody else's test."""
    before = _foreign_threads()
    yield
    with contextlib.suppress(AssertionError):
        wait_until(lambda: _foreign_threads() <= before, CLIENT_SECONDS, "the client's threads end")
    caplog.clear()  # it holds exceptions, these hold sockets
    gc.collect()
