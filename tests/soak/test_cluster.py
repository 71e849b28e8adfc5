"""A short soak of the cluster; ``make soak`` runs it long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import data
from support.cluster import running_redis
from support.nginx import balanced

from .cluster import drop_clients, faulty, nodes_on, restart_in_turn

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform == "win32", reason="Redis and nginx are not there")]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write_day(tmp_path_factory.mktemp("cluster"), 20_000)


def test_dropped_clients_come_back_to_any_server(days: Path) -> None:
    with running_redis() as engine, nodes_on(engine.url, days, "40") as nodes:
        totals = drop_clients(nodes, 200, 8, seed=1)
    assert totals.drops == 200
    assert totals.repeated > 0


def test_servers_are_restarted_in_turn_under_clients(days: Path) -> None:
    with (
        running_redis() as engine,
        nodes_on(engine.url, days, "5") as nodes,
        balanced([node.address for node in nodes]) as front,
    ):
        totals = restart_in_turn(nodes, front, 20, 3, 1.0, lambda: None)
    assert totals.drops >= 20, "each server had some of the clients"


def test_everything_goes_wrong_and_the_servers_agree(days: Path) -> None:
    met = faulty(days, 12, seed=5)
    assert len(met) >= 4
