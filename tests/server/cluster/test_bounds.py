"""Every bound of a cluster, reached."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gexfaker.server.cluster.engine import Beat
from support import data
from support.cluster import Redis, act, agree, ask, orderflow, running_cluster, running_redis
from support.roaming import Roaming
from support.server import wait_until

CLUSTER = "gexfaker.server.cluster.cluster"


@pytest.fixture(scope="module")
def engine() -> Iterator[Redis]:
    with running_redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(data.write_day(tmp_path_factory.mktemp("bounds"), 3000))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (Beat(0.0, 0.001), Beat(0.03, 0.001), True),
        (Beat(0.0, 0.001), Beat(-0.03, 0.001), True),
        (Beat(0.0, 0.001), Beat(0.02, 0.001), False),
        (Beat(0.0, 0.001), Beat(0.139, 0.7), False),
        (Beat(0.05, 0.001), Beat(0.05, 0.001), False),
    ],
    ids=["ahead", "behind", "near", "nobody knows, as the look took so long", "told before"],
)
def test_a_clock_that_differs_for_sure_is_told_once(
    engine: Redis, folder: str, before: Beat, now: Beat, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with running_cluster(engine, 1, cluster_prefix="clock", data_dir=folder) as (server,):
        cluster = server.server.service.cluster
        assert cluster is not None
        with caplog.at_level(logging.WARNING):
            cluster._tell_offset(before.surely, now.surely)  # type: ignore[attr-defined]
    assert ("clock differs" in caplog.text) == told


def test_a_change_that_others_always_come_before_is_refused(
    engine: Redis, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_cluster(engine, 1, cluster_prefix="swaps", data_dir=folder) as (server,):
        monkeypatch.setattr(f"{CLUSTER}.MAX_SWAPS", 0)
        status, answer = act(server, "busy", "pause")
        assert (status, answer["error"]) == (
            503,
            "Other servers of the cluster change this key at the same time: try again.",
        )
        assert ask(server, "/negotiate", "busy")[0] == 503
        monkeypatch.undo()
        assert act(server, "busy", "pause")[0] == 200


def test_what_cannot_be_handed_over_in_time_has_to_negotiate_again(
    engine: Redis, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexfaker.server.cluster.handing.HAND_OVER_SECONDS", 0)
    with running_cluster(engine, 2, cluster_prefix="late", data_dir=folder) as (first, second):
        client = Roaming(first.orderflow("late"))
        client.read_new(3)
        first.stop()
        assert any("handed over 0 of 1" in line for line in first.stderr)
        client.raw.socket.close()
        assert client.recover(second.address) == 101
        assert client.raw.read_close()[0] == 1008
        client.raw.socket.close()


def test_more_operations_than_connections_wait_for_one_another(
    engine: Redis, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexfaker.server.cluster.engine.ENGINE_CONNECTIONS", 2)  # one of them listens
    with running_cluster(engine, 1, cluster_prefix="few", data_dir=folder) as (server,), ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda number: act(server, f"many-{number}", "pause")[0], range(60)))
    assert statuses == [200] * 60


def kept(engine: Redis) -> int:
    return sum(name.startswith("parts:world:") for name in engine.names())


def test_many_keys_are_compared_in_parts(engine: Redis, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{CLUSTER}.WORLDS_AT_A_TIME", 2)
    with running_cluster(engine, 2, cluster_prefix="parts", data_dir=folder) as nodes:
        keys = [f"part-{number}" for number in range(7)]
        for key in keys:
            act(nodes[0], key, "pause")
            orderflow(nodes[1], key)
        for name in engine.names():
            if name.startswith("parts:world:"):
                engine.client.delete(name)
        engine.client.client_kill_filter(_type="pubsub")
        wait_until(
            lambda: sum(name.startswith("parts:world:") for name in engine.names()) == 7, 5, "all are told again"
        )
        for key in keys:
            wait_until(lambda key=key: act(nodes[1], key, "step")[0] == 200, 5, "changes are decided")  # type: ignore[misc]
            agree(nodes, key)
        assert len(nodes[0].sessions()) == 7
