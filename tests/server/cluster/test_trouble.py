"""The engine is gone, slow, full or empty: servers go on with what they know, change nothing, and heal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gexfaker.limits import BROUGHT_SECONDS, SETTLE_SECONDS
from gexfaker.server.cluster.engine import Engine as SharedEngine
from gexfaker.server.cluster.engine import Held, UnsettledError
from support import data
from support.cluster import (
    NODES,
    Redis,
    act,
    agree,
    ask,
    negotiate,
    orderflow,
    playback,
    running_cluster,
    running_redis,
)
from support.control import write_days
from support.holdingproxy import HoldingProxy
from support.raw import JSON_RELIABLE, connect, try_upgrade
from support.roaming import Roaming, at
from support.server import InProcess, running_server, wait_until

HEALING_SECONDS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(data.write_day(tmp_path_factory.mktemp("trouble"), 20_000))


@pytest.fixture
def engine() -> Iterator[Redis]:
    with running_redis() as redis:
        yield redis


@pytest.fixture
def nodes(engine: Redis, folder: str) -> Iterator[list[InProcess]]:
    with running_cluster(engine, 2, data_dir=folder) as servers:
        yield servers


def is_up(server: InProcess) -> bool:
    cluster = server.server.service.cluster
    return cluster is not None and dict(cluster.figures())["up"] == 1


def healed(nodes: list[InProcess]) -> None:
    wait_until(lambda: all(map(is_up, nodes)), HEALING_SECONDS, "the cluster is whole again")


def fallen(nodes: list[InProcess]) -> None:
    wait_until(lambda: not any(map(is_up, nodes)), HEALING_SECONDS, "the trouble is noticed")


def test_while_the_engine_is_gone_all_goes_on_and_nothing_changes(engine: Redis, nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "known")["orderflow"]
    client = Roaming(nodes[0].orderflow("known"))
    client.read_new(5)
    before = orderflow(nodes[1], "known")
    engine.kill()
    fallen(nodes)
    wait_until(lambda: orderflow(nodes[1], "known") > before, 5, "REST goes on")
    client.read_new(60)
    client.drop()
    assert client.recover(nodes[0].address) == 101, "a connection comes back to the server that has it"
    client.read_new(20)
    for server in nodes:
        status, answer = act(server, "known", "seek", time="11:00")
        assert status == 503
        assert "engine of the cluster is out of reach" in answer["error"]
        assert ask(server, "/ES_SPX/orderflow/orderflow", "unknown")[0] == 503
        assert ask(server, "/negotiate", "known")[0] == 503
        assert try_upgrade(at(url, server.address), [JSON_RELIABLE]).status == 503
        assert server.health()["status"] == "ok"
    engine.start()
    healed(nodes)
    assert ask(nodes[0], "/ES_SPX/orderflow/orderflow", "unknown")[0] == 200
    client.read_new(20)
    assert act(nodes[1], "known", "pause")[0] == 200
    agree(nodes, "known")
    client.close()


def test_an_engine_that_lost_everything_is_told_again(engine: Redis, nodes: list[InProcess]) -> None:
    act(nodes[0], "kept", "seek", time="11:00")
    act(nodes[0], "kept", "pause")
    found = agree(nodes, "kept")
    engine.kill()
    fallen(nodes)
    engine.start()
    healed(nodes)
    assert agree(nodes, "kept")["market_time"] == found["market_time"]
    assert act(nodes[1], "kept", "step", count=3)[0] == 200
    assert agree(nodes, "kept")["market_time"] == found["market_time"] + 3


def test_what_was_decided_while_one_server_heard_nothing_is_caught_up(engine: Redis, folder: str) -> None:
    """A network that is cut without a word: the server notices by the silence."""
    with HoldingProxy(engine.path) as network:
        settings = {"data_dir": folder, **NODES}
        with (
            running_server(None, cluster=network.url, **settings) as cut_off,
            running_server(None, cluster=engine.url, **settings) as other,
        ):
            act(cut_off, "split", "seek", time="11:00")
            network.holds = True
            assert act(other, "split", "seek", time="13:00")[0] == 200
            act(other, "split", "pause")
            began = time.monotonic()
            assert act(cut_off, "split", "seek", time="12:00")[0] == 503
            assert time.monotonic() - began < 3
            wait_until(lambda: not is_up(cut_off), HEALING_SECONDS, "the silence is noticed")
            network.holds = False
            healed([cut_off, other])
            assert agree([cut_off, other], "split")["market_time"] == playback(other, "split")["market_time"]


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
def test_news_that_were_lost_are_caught_up(engine: Redis, nodes: list[InProcess], kind: str) -> None:
    act(nodes[0], "news", "pause")
    for hour in (10, 11, 12, 13):
        engine.client.client_kill_filter(_type=kind)
        healed(nodes)
        wait_until(lambda hour=hour: act(nodes[hour % 2], "news", "seek", time=f"{hour}:30")[0] == 200, 5, "a seek")  # type: ignore[misc]
        assert agree(nodes, "news")["market_time"] is not None


def test_a_slow_engine_holds_up_no_stream(engine: Redis, nodes: list[InProcess]) -> None:
    client = Roaming(nodes[0].orderflow("slow"))
    try:
        client.read_new(5)
        with engine.silent():
            client.read_new(60)
            status, answer = act(nodes[0], "slow", "seek", time="11:00")
            assert status == 503, answer
        healed(nodes)
        wait_until(lambda: act(nodes[0], "slow", "pause")[0] == 200, HEALING_SECONDS, "changes are decided again")
        agree(nodes, "slow")
    finally:
        client.raw.socket.close()


def test_a_full_engine_refuses_changes_and_nothing_is_half_done(engine: Redis, nodes: list[InProcess]) -> None:
    act(nodes[0], "full", "seek", time="11:00")
    act(nodes[0], "full", "pause")
    before = agree(nodes, "full")
    engine.client.config_set("maxmemory-policy", "noeviction")
    engine.client.config_set("maxmemory", "1")
    for server in nodes:
        status, answer = act(server, "full", "step")
        assert status == 503
        assert "memory" in answer["error"]
        assert ask(server, "/ES_SPX/orderflow/orderflow", "full")[0] == 200
    assert agree(nodes, "full") == before
    engine.client.config_set("maxmemory", "0")
    assert act(nodes[1], "full", "step")[0] == 200
    assert agree(nodes, "full")["market_time"] == before["market_time"] + 1


def test_a_decision_whose_answer_was_lost_is_seen_by_all(engine: Redis, nodes: list[InProcess]) -> None:
    """The client is told that it may have been done; that it was, or not, all servers agree about."""
    act(nodes[0], "lost", "pause")
    engine.client.client_pause(1300, all=False)  # writes wait, and are done later
    status, answer = act(nodes[0], "lost", "seek", time="12:00")
    assert status == 503
    assert "status shows what was done" in answer["error"]
    healed(nodes)
    wait_until(lambda: act(nodes[0], "lost", "step")[0] == 200, HEALING_SECONDS, "changes are decided again")
    agree(nodes, "lost")


# --- the start -----------------------------------------------------------------------------------


def test_a_server_does_not_start_without_its_engine(engine: Redis) -> None:
    engine.kill()
    with pytest.raises(Exception, match=r"CLUSTER='\*\*\*' \(from the flag --cluster\) .* no engine answers there"):
        start(engine)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"seed": "9"}, "SEED='9'"),
        ({"speed": "2"}, "SPEED='2.0'"),
        ({"data_date": "2026-07-16"}, "DATA_DATE"),
        ({"quota": "10/minute"}, r"QUOTA='\*\*\*'.*another value"),
        ({"token_secret": "s" * 32}, r"TOKEN_SECRET='\*\*\*'"),
        ({"state_file": "state.json"}, "STATE_FILE.*leave it out"),
        ({"playback": "step"}, "PLAYBACK"),
        ({"speed": "0"}, "SPEED"),
    ],
)
def test_a_server_that_would_play_another_market_is_refused(engine: Redis, other: dict[str, str], why: str) -> None:
    with running_cluster(engine, 1), pytest.raises(Exception, match=why):
        start(engine, **other)


def start(engine: Redis, **settings: str) -> None:
    with running_cluster(engine, 1, **settings):
        pass


def test_a_cluster_that_is_gone_may_begin_anew_with_other_settings(engine: Redis) -> None:
    start(engine)
    wait_until(lambda: "gexfaker:story" not in engine.names(), 10, "nobody is there any more")
    start(engine, seed="9")


def test_tokens_of_one_server_are_good_on_all_and_after_a_restart(engine: Redis, folder: str) -> None:
    with running_cluster(engine, 1, data_dir=folder) as (first,):
        url = first.orderflow("token")
    with running_cluster(engine, 1, data_dir=folder) as (second,), connect(at(url, second.address)) as raw:
        assert raw.status == 101


def test_a_secret_that_all_are_told_is_not_kept_in_the_engine(engine: Redis) -> None:
    with running_cluster(engine, 2, token_secret="secret-" * 5):
        assert b"secret-secret" not in (engine.client.get("gexfaker:secret") or b"")


# --- an engine that has lost everything, or was changed by somebody ------------------------------


def lose(engine: Redis, nodes: list[InProcess]) -> None:
    """The engine is killed, and starts with nothing in it."""
    engine.kill()
    fallen(nodes)
    engine.start()
    healed(nodes)


def test_a_key_that_another_server_is_about_to_bring_back_does_not_begin_anew(engine: Redis, folder: str) -> None:
    with HoldingProxy(engine.path) as network, ThreadPoolExecutor(1) as pool:
        settings = {"data_dir": folder, **NODES}
        with (
            running_server(None, cluster=network.url, **settings) as slow,
            running_server(None, cluster=engine.url, **settings) as quick,
        ):
            act(slow, "far", "seek", time="11:00")
            act(slow, "far", "pause")
            kept = playback(slow, "far")["market_time"]
            engine.kill()
            fallen([slow, quick])
            network.holds = True
            engine.start()
            healed([quick])
            stepped = pool.submit(act, quick, "far", "step")
            with pytest.raises(TimeoutError):
                stepped.result(0.5)
            network.holds = False
            assert stepped.result(HEALING_SECONDS)[0] == 200
            healed([slow, quick])
            assert agree([slow, quick], "far")["market_time"] == kept + 1


def test_a_new_key_waits_after_a_loss_no_longer_than_the_engine_settles(engine: Redis, nodes: list[InProcess]) -> None:
    lose(engine, nodes)
    began = time.monotonic()
    assert act(nodes[0], "new", "pause")[0] == 200
    assert time.monotonic() - began < 2 * SETTLE_SECONDS
    began = time.monotonic()
    assert act(nodes[1], "newer", "pause")[0] == 200
    assert time.monotonic() - began < SETTLE_SECONDS, "it has settled already"


def test_what_an_engine_loses_while_all_are_connected_is_brought_back_too(
    engine: Redis, nodes: list[InProcess]
) -> None:
    act(nodes[0], "flushed", "seek", time="11:00")
    act(nodes[0], "flushed", "pause")
    kept = playback(nodes[0], "flushed")["market_time"]
    engine.client.flushall()
    assert act(nodes[1], "flushed", "step")[0] == 200
    assert agree(nodes, "flushed")["market_time"] == kept + 1


def test_an_older_state_that_was_brought_back_does_not_change_before_a_newer_one_can_come(engine: Redis) -> None:
    async def play() -> None:
        quick, slow = SharedEngine(engine.url, "older"), SharedEngine(engine.url, "older")
        slow.life = await slow.meet()
        began, one = await slow.swap("k", 0, b"one")
        done, two = await slow.swap("k", one.version, b"two")
        assert (began, done) == (True, True)
        engine.client.flushall()
        assert await quick.keep("k", one) == one
        with pytest.raises(UnsettledError):
            await quick.swap("k", one.version, b"another two")
        assert await slow.keep("k", two) == two
        assert await quick.swap("k", one.version, b"another two") == (False, two)
        await quick.close()
        await slow.close()

    asyncio.run(play())


def test_what_was_brought_back_waits_from_the_first_moment_on(engine: Redis) -> None:
    """Also within the millisecond in which it was brought: a time that was rounded up would let half of them pass."""

    async def play() -> None:
        server = SharedEngine(engine.url, "moment")
        for number in range(100):
            await server.keep(f"k{number}", Held(7, b"seven"))
            with pytest.raises(UnsettledError):
                await server.swap(f"k{number}", 7, b"eight")
        await server.close()

    asyncio.run(play())


def test_a_clock_that_is_behind_keeps_nobody_waiting(engine: Redis) -> None:
    async def play() -> None:
        server = SharedEngine(engine.url, "behind")
        await server.keep("k", Held(7, b"seven"))
        engine.client.hset("behind:world:k", "b", str(int(time.time() * 1000) + 60_000))
        assert (await server.swap("k", 7, b"eight"))[0]
        await server.close()

    asyncio.run(play())


def test_what_was_brought_back_changes_once_nobody_has_brought_anything_newer(engine: Redis) -> None:
    async def play() -> None:
        server = SharedEngine(engine.url, "brought")
        await server.keep("k", Held(7, b"seven"))
        began = time.monotonic()
        while (swapped := await swap(server, 7)) is None:
            await asyncio.sleep(0.02)
        assert 0.8 * BROUGHT_SECONDS < time.monotonic() - began < 3 * BROUGHT_SECONDS
        assert swapped[0]
        assert (await server.swap("k", swapped[1].version, b"next"))[0], "it waits once"
        await server.close()

    async def swap(server: SharedEngine, version: int) -> tuple[bool, Held] | None:
        with contextlib.suppress(UnsettledError):
            return await server.swap("k", version, b"eight")
        return None

    asyncio.run(play())


def test_an_engine_that_never_settles_is_told_to_whoever_waits(
    engine: Redis, nodes: list[InProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexfaker.server.cluster.cluster.SETTLE_SECONDS", 0.2)
    engine.client.set("gexfaker:settling", "1")
    status, answer = act(nodes[0], "new", "pause")
    assert status == 503
    assert "keeps losing it" in answer["error"]


def test_the_secret_is_told_again_so_that_tokens_are_good_on_servers_that_come(engine: Redis, folder: str) -> None:
    with running_cluster(engine, 1, data_dir=folder) as (first,):
        lose(engine, [first])
        with running_cluster(engine, 1, data_dir=folder) as (late,):
            for one, other in ((first, late), (late, first)):
                url = one.orderflow("secret")
                assert try_upgrade(at(url, other.address), [JSON_RELIABLE]).status == 101


def test_a_server_that_would_play_another_market_is_refused_after_a_loss_too(engine: Redis, folder: str) -> None:
    with running_cluster(engine, 1, data_dir=folder) as nodes:
        lose(engine, nodes)
        with pytest.raises(Exception, match="SPEED"):
            start(engine, data_dir=folder, speed="7")


def test_the_newest_connection_wins_after_a_loss_too(engine: Redis, nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "ticket")["orderflow"]
    for node in nodes:
        connect(at(url, node.address), JSON_RELIABLE).socket.close()
    lose(engine, nodes)
    with (
        connect(at(url, nodes[0].address), JSON_RELIABLE) as first,
        connect(at(url, nodes[1].address), JSON_RELIABLE) as second,
    ):
        assert "newer connection" in str(first.read_kind("disconnected").message)
        second.join(data.group())
        second.read_kind("data")


@pytest.mark.parametrize("damage", ["version", "type", "text", "quota", "tier", "step", "time"])
def test_what_somebody_has_put_into_the_engine_is_felt_by_that_key_only(
    engine: Redis, nodes: list[InProcess], damage: str
) -> None:
    act(nodes[0], "damaged", "pause")
    session = act(nodes[1], "damaged", "pause")[1]["session"]
    name = f"gexfaker:world:{session}"
    text: Any = engine.client.hget(name, "r")
    if damage == "version":
        engine.client.hset(name, "v", "abc")
    elif damage == "type":
        engine.client.delete(name)
        engine.client.set(name, "text")
    else:
        replica = json.loads(text)
        changes: dict[str, Any] = {"quota": {"quota": "bogus///"}, "tier": {"tier": "zzz"}}
        place = replica["place"]
        places = {
            "step": place | {"options": place["options"] | {"playback": "step"}},
            "time": place | {"anchor": [1e300, 1e300]},
        }
        changed = replica | changes.get(damage, {"place": places.get(damage)})
        wrong = b"{" if damage == "text" else json.dumps(changed).encode()
        engine.client.hset(name, mapping={"r": wrong, "v": str(10**16)})
    engine.client.client_kill_filter(_type="pubsub")
    for number, server in enumerate(nodes):
        key = f"innocent-{number}"
        wait_until(lambda server=server, key=key: act(server, key, "seek", time="11:00")[0] == 200, 5, "all is well")  # type: ignore[misc]
        wait_until(lambda server=server: is_up(server), 5, "it stays so")  # type: ignore[misc]
        assert ask(server, "/ES_SPX/orderflow/orderflow", key)[0] == 200
        status, _ = ask(server, "/ES_SPX/orderflow/orderflow", "damaged")
        assert status in (200, 503)
        assert act(server, "damaged", "step")[0] in (200, 503)
    assert not [line for node in nodes for line in node.stderr if "Traceback" in line]


@pytest.mark.parametrize(
    "news", [b"world", b"kick\n\xff\xfe", b"take\nx", b"unknown", b"", b"world\nx\ny\nz\n{}", b"start\n../x"]
)
def test_what_is_told_by_nobody_is_passed_over(engine: Redis, nodes: list[InProcess], news: bytes) -> None:
    engine.client.publish("gexfaker:changes", news)
    for server in nodes:
        assert act(server, "told", "step")[0] == 200
        assert is_up(server)
        assert server.health()["data_date"] == data.DATE


def test_a_day_that_one_server_has_not_is_told_there_and_the_next_change_is_followed(
    engine: Redis, tmp_path: Path
) -> None:
    settings = {**NODES, "cluster": engine.url, "data_date": "2026-07-17"}
    both, one = write_days(tmp_path / "both", 60), write_days(tmp_path / "one", 60, ("2026-07-17",))
    with (
        running_server(None, data_dir=str(both), **settings) as rich,
        running_server(None, data_dir=str(one), **settings) as poor,
    ):
        assert orderflow(poor, "mover") > 0
        act(rich, "mover", "day", date="2026-07-16")
        wait_until(lambda: ask(poor, "/ES_SPX/orderflow/orderflow", "mover")[0] == 404, 5, "the day is missing there")
        assert "no data for '2026-07-16'" in ask(poor, "/ES_SPX/orderflow/orderflow", "mover")[1]["error"]
        act(rich, "mover", "day", date="2026-07-17")
        act(rich, "mover", "pause")
        agree([rich, poor], "mover")
        assert orderflow(rich, "mover") == orderflow(poor, "mover")


def test_other_records_of_the_same_day_are_told(engine: Redis, tmp_path: Path) -> None:
    one = data.write_day(tmp_path / "one", 60)
    other = data.write_day(tmp_path / "other", 60, ("ES_SPX", "SPX"))
    with running_cluster(engine, 2, data_dir=str(one)) as same:
        with running_cluster(engine, 1, data_dir=str(other)) as (different,):
            wait_until(lambda: any(OTHER_RECORDS in line for line in different.stderr), 5, "it is told")
        assert not [line for node in same for line in node.stderr if OTHER_RECORDS in line]


OTHER_RECORDS = f"the records of {data.DATE} are others here than on the other servers of this cluster"
