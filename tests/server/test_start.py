"""The time from the command to the first answer."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from support.server import Running, serve_command

pytestmark = pytest.mark.alone


def start_seconds() -> float:
    """From starting the process to the answer of /health."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        server = Running(serve_command(), Path(folder))
        try:
            server.wait_ready()
            assert server.get("/health")[0] == 200
            return time.perf_counter() - began
        finally:
            server.kill()


def test_health_answers_less_than_a_second_after_the_command() -> None:
    took = [start_seconds() for _ in range(3)]
    print(f"start-up: {', '.join(f'{seconds:.2f}' for seconds in took)} s")  # noqa: T201
    assert min(took) < 1.0


def test_a_taken_port_is_one_line_and_not_a_traceback() -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = Running(serve_command(), Path(folder))
        try:
            first.wait_ready()
            second = Running(serve_command(port=first.address[1]), Path(folder))
            try:
                assert second.join() != 0
                assert any("PORT" in line for line in second.stderr)
                assert not any("Traceback" in line for line in second.stderr)
            finally:
                second.kill()
        finally:
            first.kill()
