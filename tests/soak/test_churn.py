"""A few seconds of it; ``python -m tests.soak.churn`` is the long run, and looks at the memory."""

from __future__ import annotations

from soak.churn import DIALECTS, Totals, churn_server, soak
from support.server import wait_until


def test_visitors_of_all_kinds_come_and_go_and_leave_nothing_behind() -> None:
    totals = Totals()
    with churn_server() as server:
        soak(server, 4.0, totals)
        wait_until(lambda: server.health()["connections"] == 0, 20, "the last lost client is forgotten")
    expected = {*(dialect or "no subprotocol" for dialect in DIALECTS), "post", "rest", "seek", "close", "reset"}
    assert expected <= set(totals.did)
