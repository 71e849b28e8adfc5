"""A client loses its connection and comes back to another server: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support import data
from support.cluster import NODES, Redis, negotiate, running_cluster, running_redis
from support.control import SESSIONS
from support.raw import JSON_RELIABLE, GoneError, connect
from support.roaming import Roaming, at
from support.server import InProcess, running_process, wait_until

SPEED = int(NODES["speed"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Redis]:
    with running_redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(data.write_day(tmp_path_factory.mktemp("recovery"), 20_000))


@pytest.fixture(scope="module")
def nodes(engine: Redis, folder: str) -> Iterator[list[InProcess]]:
    with running_cluster(engine, 3, data_dir=folder) as servers:
        yield servers


def refused(client: Roaming, address: tuple[str, int]) -> bool:
    """Whether a client is told that its connection cannot be recovered."""
    assert client.recover(address) == 101
    code, _ = client.raw.read_close()
    client.raw.socket.close()
    return code == 1008


def test_a_server_that_lives_gives_the_connection_to_the_one_that_is_asked(nodes: list[InProcess]) -> None:
    client = Roaming(nodes[0].orderflow("lives"))
    client.read_new(30)
    client.acknowledge()
    client.read_new(10)
    client.drop()
    assert client.recover(nodes[1].address) == 101
    client.read_new(60)
    assert client.repeated >= 5, "what was not acknowledged came again, the same"
    client.close()


def test_it_does_so_when_others_of_the_key_listen_there(nodes: list[InProcess]) -> None:
    """The feed there runs already, a moment before or behind that of the server that had the connection."""
    url = nodes[0].orderflow("listens")
    client = Roaming(url)
    with connect(at(url, nodes[1].address), JSON_RELIABLE) as other:
        other.join(data.group())
        other.read_kind("data")
        for number in range(12):
            client.read_new(20)
            client.acknowledge()
            client.drop()
            assert client.recover(nodes[(number + 1) % 3].address) == 101
        client.read_new(20)
    client.close()


def test_a_client_that_is_away_for_a_while_gets_all_that_it_has_missed(nodes: list[InProcess]) -> None:
    client = Roaming(nodes[0].orderflow("away"))
    client.read_new(10)
    before = client.second
    client.drop()

    def position() -> float:
        status = json.loads(nodes[2].get(f"{SESSIONS}/by-key?key=away")[1])
        market: float = status["playback"]["market_time"]
        return market

    wait_until(lambda: position() > before + 3 * SPEED, 10, "three seconds are over")
    assert client.recover(nodes[2].address) == 101
    client.read_new(3 * SPEED)
    client.close()


def test_what_is_taken_over_goes_on_from_the_open_socket(nodes: list[InProcess]) -> None:
    """The client has come back before the first server knows that it is gone."""
    client = Roaming(nodes[0].orderflow("taken"))
    client.read_new(10)
    old = client.raw
    assert client.recover(nodes[1].address) == 101
    client.read_new(30)
    assert old.is_gone()
    old.socket.close()
    client.close()


def test_after_a_jump_it_cannot_be_recovered_elsewhere(engine: Redis, folder: str) -> None:
    """The messages up to the jump are no more."""
    with running_cluster(engine, 2, cluster_prefix="jump", data_dir=folder) as (first, second):
        client = Roaming(first.orderflow("jumped"))
        client.read_new(5)
        first.stop()
        client.raw.socket.close()
        second.request("POST", f"{SESSIONS}/by-key/seek?key=jumped", b'{"time":"11:00"}')
        assert refused(client, second.address)


def test_a_wrong_token_gets_nothing_and_takes_nothing_away(nodes: list[InProcess]) -> None:
    client = Roaming(nodes[0].orderflow("thief"))
    client.read_new(5)
    right, client._recovery = client._recovery, client._recovery[:-4] + "0000"
    old = client.raw
    assert refused(client, nodes[1].address)
    client.raw, client._recovery = old, right
    client.read_new(5)
    client.close()


def test_a_server_that_stops_hands_its_connections_over(engine: Redis, folder: str) -> None:
    with running_cluster(engine, 2, cluster_prefix="drain", data_dir=folder) as (first, second):
        clients = [Roaming(first.orderflow(f"drained-{number}"), number) for number in range(10)]
        for client in clients:
            client.read_new(20)
            client.acknowledge()
        first.stop()
        assert any("handed over 10 of 10" in line for line in first.stderr), first.stderr
        for client in clients:
            client.raw.socket.close()
            assert client.recover(second.address) == 101
        for client in clients:
            client.read_new(2 * SPEED)
            client.close()


def test_the_close_of_a_server_that_stops_is_1001(engine: Redis, folder: str) -> None:
    with (
        running_cluster(engine, 1, cluster_prefix="end", data_dir=folder) as (only,),
        connect(only.orderflow("ended"), JSON_RELIABLE) as raw,
    ):
        raw.join(data.group())
        only.stop()
        assert raw.read_close()[0] == 1001


@pytest.mark.long
def test_a_server_that_is_killed_takes_its_connections_along(engine: Redis, folder: str) -> None:
    settings = {"data_dir": folder, "cluster": engine.url, "cluster_prefix": "killed", **NODES}
    with running_process(**settings) as first, running_process(**settings) as second:
        client = Roaming(first.orderflow("killed"))
        client.read_new(5)
        first.send_signal(signal.SIGKILL)
        first.join()
        client.raw.socket.close()
        assert refused(client, second.address)
        fresh = Roaming(second.orderflow("killed"))
        fresh.read_new(5)
        assert fresh.second > client.second, "it goes on where the market is"
        fresh.close()


def test_a_client_too_far_behind_is_not_handed_over(
    engine: Redis, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexfaker.server.cluster.handing.HANDED_BYTES", 2000)
    with running_cluster(engine, 2, cluster_prefix="behind", data_dir=folder) as (first, second):
        client = Roaming(first.orderflow("behind"))
        client.read_new(100)
        first.stop()
        assert any("handed over 0 of 1" in line for line in first.stderr)
        client.raw.socket.close()
        assert refused(client, second.address)


# --- what was decided while a client was away ----------------------------------------------------


def member(node: InProcess, key: str, *groups: str) -> str:
    """The URL of a key that has negotiated these groups by POST."""
    return node.post(*groups, key=key)["orderflow"]


def test_a_recovered_connection_has_its_hub_and_a_newer_one_closes_it(nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "owner")["orderflow"]
    client = Roaming(url)
    client.read_new(5)
    client.drop()
    assert client.recover(nodes[1].address) == 101
    client.read_new(5)
    with connect(at(url, nodes[0].address), JSON_RELIABLE), pytest.raises((AssertionError, GoneError)):
        client.read_new(10_000)
    client.raw.socket.close()


def test_a_patch_reaches_a_connection_that_has_moved_whoever_is_asked(nodes: list[InProcess]) -> None:
    client = Moved(member(nodes[0], "mover", "ES_SPX_orderflow_orderflow"))
    client.recover(nodes[1].address)
    for node in nodes:
        assert node.patch({"orderflow": ["ES_SPX_orderflow_orderflow"]}, key="mover")["updated_groups"] == 1
    client.raw.read_kind("data")
    client.raw.socket.close()


class Moved:
    """A connection of a key whose groups the server joins."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw = connect(url, JSON_RELIABLE)
        told = self.raw.read_kind("connected")
        self.raw.read_kind("data")
        self.recovery = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"

    def recover(self, address: tuple[str, int]) -> None:
        self.raw.abort()
        self.raw = connect(at(self.recovery, address), JSON_RELIABLE)


def test_memberships_that_changed_while_it_was_in_the_engine_hold_when_it_is_back(
    engine: Redis, tmp_path: Path
) -> None:
    """Its server has stopped, and the key is connected to another hub elsewhere, which a PATCH needs."""
    folder = data.write_day(tmp_path, 5000, ("ES_SPX", "SPX"))
    groups = ("ES_SPX_orderflow_orderflow", "SPX_orderflow_orderflow")
    with running_cluster(engine, 2, cluster_prefix="patched", data_dir=str(folder)) as (first, second):
        client = Moved(member(first, "patched", *groups))
        world = second.server.service.world("patched")
        first.stop()
        run_there(second, second.server.service.cluster.arrive(world))  # type: ignore[union-attr]
        slot = world.slot
        assert slot is not None
        wanted = msgspec.structs.replace(
            slot, groups={hub: [] for hub in slot.counts()} | {"orderflow": [data.group("SPX")]}
        )
        run_there(second, second.server.service.cluster.commit_slot(world, wanted))  # type: ignore[union-attr]
        client.recover(second.address)
        groups_heard = [client.raw.read_kind("data").group for _ in range(200)]
        assert set(groups_heard[-100:]) == {data.group("SPX")}, "what was left comes first"
        client.raw.socket.close()


def run_there(node: InProcess, job: Coroutine[Any, Any, Any]) -> None:
    """Do something in the loop of a server."""
    loop = node.server._uvicorn._loop
    assert loop is not None
    asyncio.run_coroutine_threadsafe(job, loop).result(5)


def test_a_connection_of_an_older_negotiation_does_not_come_back(engine: Redis, folder: str) -> None:
    with running_cluster(engine, 2, cluster_prefix="older", data_dir=folder) as (first, second):
        client = Roaming(negotiate(first, "older")["orderflow"])
        client.read_new(5)
        first.stop()
        client.raw.socket.close()
        negotiate(second, "older")
        assert refused(client, second.address)
