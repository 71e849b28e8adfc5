"""What a start says when it cannot be. How long it takes is measured in bench/footprint.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

from support.server import Running, serve_command


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
