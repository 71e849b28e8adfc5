"""Two hundred drops; ``python -m tests.soak.drops`` is the long run."""

from __future__ import annotations

from pathlib import Path

from soak.drops import drop_server, soak


def test_every_message_arrives_exactly_once_and_in_order_across_200_drops(tmp_path: Path) -> None:
    with drop_server(tmp_path) as server:
        totals = soak(server, drops=200, clients=10)
    assert sum(totals.drops.values()) == 200
    assert len(totals.drops) == 8, "every way to break a connection was met"
    assert totals.messages > 1000
    assert totals.repeated > 100
