"""Five seconds of it; ``python -m tests.soak.steady`` is the long run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from soak.steady import CLIENTS, INTERVAL, TICKERS, check, soak, steady_server

# Alone: it asks for 20,000 messages a second on time.
pytestmark = pytest.mark.alone


def test_twenty_thousand_messages_a_second_arrive_once_in_order_and_on_time(tmp_path: Path) -> None:
    with steady_server(tmp_path) as server:
        seen = asyncio.run(soak(server, 5.0))
    check(seen, 5.0)
    assert CLIENTS * len(TICKERS) / INTERVAL == 20_000
