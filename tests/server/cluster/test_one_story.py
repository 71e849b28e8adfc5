"""One key on several servers: whatever is asked, and whoever is asked, it is one story."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support import data
from support.cluster import (
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
from support.control import SESSIONS, write_days
from support.raw import JSON_RELIABLE, RawSocket, connect, try_upgrade, upgrade_request
from support.roaming import at
from support.server import InProcess, wait_until

MAJORS = "/SPX/classic/zero/majors"


@pytest.fixture(scope="module")
def engine() -> Iterator[Redis]:
    with running_redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def nodes(engine: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[InProcess]]:
    folder = data.write_day(tmp_path_factory.mktemp("cluster"), 20_000)
    with running_cluster(engine, 3, data_dir=str(folder), quota="counted=10/minute") as servers:
        yield servers


# --- the clock -----------------------------------------------------------------------------------


def test_the_first_use_is_one_whoever_is_asked_first(nodes: list[InProcess]) -> None:
    with ThreadPoolExecutor(9) as pool:
        seconds = list(pool.map(lambda number: orderflow(nodes[number % 3], "first"), range(9)))
    assert max(seconds) - min(seconds) < 60, "half a second at speed 60: nobody started a clock of its own"
    act(nodes[0], "first", "pause")
    assert len({orderflow(node, "first") for node in nodes}) == 1


@pytest.mark.parametrize("action", [{"time": "11:30"}, {"time": data.FIRST + 5000}])
def test_a_jump_on_one_server_is_one_on_all(nodes: list[InProcess], action: dict[str, Any]) -> None:
    act(nodes[0], "jumper", "pause")
    status, answer = act(nodes[1], "jumper", "seek", **action)
    assert status == 200
    found = agree(nodes, "jumper")
    assert found["market_time"] == answer["resolved"]["market_time"]
    assert {orderflow(node, "jumper") for node in nodes} == {answer["resolved"]["timestamp"]}


def test_servers_agree_on_market_time_while_it_runs(nodes: list[InProcess]) -> None:
    act(nodes[1], "runner", "seek", time="11:00")
    act(nodes[2], "runner", "speed", speed=10)
    for _ in range(20):
        before = playback(nodes[0], "runner")["market_time"]
        between = playback(nodes[1], "runner")["market_time"]
        after = playback(nodes[0], "runner")["market_time"]
        assert before - 0.2 <= between <= after + 0.2, "20 ms at speed 10"


def test_steps_of_many_at_once_are_all_done_and_each_once(nodes: list[InProcess]) -> None:
    act(nodes[0], "stepper", "pause")
    start = agree(nodes, "stepper")["market_time"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: act(nodes[number % 3], "stepper", "step"), range(60)))
    assert [status for status, _ in answers] == [200] * 60
    assert agree(nodes, "stepper")["market_time"] == start + 60


@pytest.mark.parametrize(("action", "arguments"), [("mode", {"playback": "step"}), ("speed", {"speed": 0})])
def test_what_does_not_follow_from_a_clock_is_refused(
    nodes: list[InProcess], action: str, arguments: dict[str, Any]
) -> None:
    act(nodes[1], "stubborn", "seek", time="11:00")
    status, answer = act(nodes[0], "stubborn", action, **arguments)
    assert status == 400
    assert "is for one server" in answer["error"]
    assert playback(nodes[1], "stubborn")["speed"] == 60


def test_reset_and_the_sessions_are_known_on_a_server_that_never_saw_the_key(nodes: list[InProcess]) -> None:
    act(nodes[0], "stranger", "seek", time="11:00")
    session = act(nodes[0], "stranger", "pause")[1]["session"]
    assert session in [one["session"] for one in nodes[1].sessions()]
    act(nodes[2], "stranger", "reset")
    wait_until(lambda: playback(nodes[0], "stranger")["market_time"] is None, 5, "that the first has heard of it")


def test_faults_given_on_one_server_hit_on_all_and_are_switched_off_on_all(nodes: list[InProcess]) -> None:
    path = "/ES_SPX/orderflow/orderflow"
    assert ask(nodes[1], path, "broken")[0] == 200
    rules = [{"type": "status", "name": "busy", "attributes": {"code": 503}}]
    body = json.dumps({"faults": rules, "seed": 7}).encode()
    assert nodes[0].request("PUT", "/_gexfaker/faults?key=broken", body)[0] == 200
    wait_until(lambda: {ask(node, path, "broken")[0] for node in nodes} == {503}, 5, "the fault everywhere")
    listed = [json.loads(node.get("/_gexfaker/faults?key=broken")[1]) for node in nodes]
    assert [(one["seed"], [rule["name"] for rule in one["faults"]]) for one in listed] == [(7, ["busy"])] * 3
    act(nodes[1], "broken", "pause")
    assert {ask(node, path, "broken")[0] for node in nodes} == {503}, "another change leaves them"
    assert nodes[2].request("DELETE", "/_gexfaker/faults?key=broken")[0] == 200
    wait_until(lambda: {ask(node, path, "broken")[0] for node in nodes} == {200}, 5, "the fault gone everywhere")
    assert ask(nodes[0], path, "whole")[0] == 200


def test_the_state_of_a_key_is_put_back_in_a_cluster(nodes: list[InProcess]) -> None:
    act(nodes[0], "kept", "seek", time="11:00")
    act(nodes[0], "kept", "pause")
    state = nodes[1].get("/_gexfaker/state?key=kept")[1]
    status, answer = nodes[2].request("PUT", "/_gexfaker/state?key=put-back", state)
    assert status == 200, answer
    assert agree(nodes, "put-back")["market_time"] == agree(nodes, "kept")["market_time"]


def test_tier_and_quota_are_given_on_all_servers(nodes: list[InProcess]) -> None:
    assert ask(nodes[0], "/ES_SPX/orderflow/orderflow", "subscriber")[0] == 200
    act(nodes[1], "subscriber", "tier", tier="classic")
    wait_until(lambda: ask(nodes[0], "/ES_SPX/orderflow/orderflow", "subscriber")[0] == 403, 5, "the tier everywhere")
    act(nodes[2], "subscriber", "quota", allowances="3/minute")
    codes = []
    for number in range(6):
        codes.append(ask(nodes[number % 3], "/ES_SPX/classic/zero", "subscriber")[0])
    assert codes[3:] == [429] * 3


def test_a_quota_counts_the_requests_to_all_servers(nodes: list[InProcess]) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda number: ask(nodes[number % 3], "/ES_SPX/orderflow/orderflow", "counted"), range(30))
        assert sorted(status for status, _ in answers) == [200] * 10 + [429] * 20


# --- sessions ------------------------------------------------------------------------------------


def test_negotiating_on_one_server_closes_what_is_open_on_another(nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "twice")["orderflow"]
    with connect(at(url, nodes[1].address), JSON_RELIABLE) as raw:
        negotiate(nodes[2], "twice")
        assert "negotiat" in str(raw.read_kind("disconnected").message)
    for node in nodes:
        assert try_upgrade(at(url, node.address), [JSON_RELIABLE]).status == 401


def test_a_key_has_one_connection_on_a_hub_of_all_servers(nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "doubled")["orderflow"]
    with connect(url, JSON_RELIABLE) as first, connect(at(url, nodes[1].address), JSON_RELIABLE) as second:
        assert "newer connection" in str(first.read_kind("disconnected").message)
        second.join(data.group())
        second.read_kind("data")


def test_of_many_connections_at_once_one_is_left(nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "crowd")["orderflow"]
    with ThreadPoolExecutor(9) as pool:
        raws = list(pool.map(lambda number: upgraded(at(url, nodes[number % 3].address)), range(9)))

    def left() -> int:
        listed = [json.loads(node.get(f"{SESSIONS}/by-key?key=crowd")[1]) for node in nodes]
        return sum(len(one["connections"]) for one in listed)

    wait_until(lambda: left() == 1, 5, "one connection")
    for raw in raws:
        raw.socket.close()


def upgraded(url: str) -> RawSocket:
    """A connection, or one that was refused because a newer one was first."""
    raw = RawSocket(url)
    raw.send(upgrade_request(url, [JSON_RELIABLE]))
    assert raw.read_answer() in (101, 503), raw.body
    return raw


def test_patch_changes_the_memberships_on_whichever_server_they_are(nodes: list[InProcess]) -> None:
    urls = nodes[0].post("ES_SPX_orderflow_orderflow", key="patcher")
    groups = {"orderflow": ["ES_SPX_orderflow_orderflow"]}
    status, answer = nodes[1].ask("PATCH", [{"hub": "orderflow", "group": "ES_SPX_orderflow_orderflow"}], "patcher")
    assert status == 400
    assert "no live connection" in answer["error"]
    with connect(at(urls["orderflow"], nodes[2].address), JSON_RELIABLE) as raw:
        raw.read_kind("data")
        assert nodes[1].patch(groups, key="patcher")["updated_groups"] == 1
        raw.read_kind("data")


def test_closing_a_session_closes_its_connections_on_all_servers(nodes: list[InProcess]) -> None:
    url = negotiate(nodes[0], "closed")["orderflow"]
    with connect(at(url, nodes[1].address), JSON_RELIABLE) as raw:
        status, _ = nodes[2].request("DELETE", f"{SESSIONS}/by-key?key=closed")
        assert status == 200
        assert raw.read_close()[0] == 1000


# --- days ----------------------------------------------------------------------------------------


def test_the_next_day_begins_once_on_all_servers(engine: Redis, tmp_path: Path) -> None:
    """Each server finds out by itself that the day is over; the next one begins at one moment."""
    folder = write_days(tmp_path, 120)
    settings = {"data_dir": str(folder), "data_date": "2026-07-15..2026-07-17", "cache_mode": "next", "speed": "40"}
    with running_cluster(engine, 2, cluster_prefix="days", **settings) as nodes:
        urls = [at(nodes[0].orderflow("roller"), node.address) for node in nodes]
        with connect(urls[0], JSON_RELIABLE) as one, connect(urls[1], JSON_RELIABLE) as other:
            seen = [set[int](), set[int]()]
            for raw in (one, other):
                raw.join(data.group())
            for number, raw in enumerate((one, other)):
                while len(seen[number]) < 240:
                    message = raw.read_kind("data")
                    seen[number].add(json.loads(json.dumps(message.sequence)))
                    raw.send_text(f'{{"type":"sequenceAck","sequenceId":{message.sequence}}}')
        act(nodes[0], "roller", "pause")
        found = agree(nodes, "roller")
        assert found["day"] > "2026-07-15"


# --- what is kept --------------------------------------------------------------------------------


def test_all_that_is_kept_has_the_prefix_and_leaves_after_its_time(engine: Redis, nodes: list[InProcess]) -> None:
    orderflow(nodes[0], "kept")
    for name in engine.names():
        assert name.startswith(("gexfaker:", "days:", "apart:")), name
        if not name.endswith((":worlds", ":tickets")):
            assert 0 < engine.client.pttl(name) <= 32 * 86_400_000, name


def test_clusters_with_other_prefixes_do_not_meet(engine: Redis, nodes: list[InProcess]) -> None:
    act(nodes[0], "mine", "seek", time="11:00")
    with running_cluster(engine, 1, cluster_prefix="apart", seed="9") as (other,):
        assert "mine" not in str(other.sessions())
        assert len(other.sessions()) == 0


def test_no_api_key_reaches_the_engine(engine: Redis, nodes: list[InProcess]) -> None:
    orderflow(nodes[0], "very-secret-key-1234")
    negotiate(nodes[0], "very-secret-key-1234")
    for name in engine.names():
        text = f"{name} {engine.content(name)!r}"
        assert "very-secret" not in text
        assert "counted" not in text, "the keys of QUOTA"


def test_a_day_that_is_loaded_is_that_of_new_keys_on_all_servers_and_on_those_that_come(
    engine: Redis, tmp_path: Path
) -> None:
    settings = {"data_dir": str(write_days(tmp_path, 60)), "data_date": "2026-07-17", "cluster_prefix": "load"}
    with running_cluster(engine, 2, **settings) as nodes:
        orderflow(nodes[1], "early")
        status, _ = nodes[0].request("POST", "/reload-date", b'{"date":"2026-07-15"}')
        assert status == 200
        wait_until(lambda: nodes[1].health()["data_date"] == "2026-07-15", 5, "the day is that of all servers")
        assert playback(nodes[1], "early")["day"] == "2026-07-15", "and of the keys in use"
        with running_cluster(engine, 1, **settings) as (late,):
            assert late.health()["data_date"] == "2026-07-15"


# --- what is for a server that stands alone ------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "incoming?path=a.zip&total=1", b"x"),
        ("DELETE", "incoming", b""),
        ("POST", "jobs/import", b"{}"),
        ("POST", "jobs/download", b'{"key":"k"}'),
        ("POST", "market", b'{"seed":3}'),
    ],
)
def test_servers_of_a_cluster_bring_no_days_and_change_no_market(
    nodes: list[InProcess], method: str, path: str, body: bytes
) -> None:
    status, found = nodes[0].request(method, f"/_gexfaker/{path}", body)
    assert status == 400
    assert "cluster" in json.loads(found)["error"] or "stands alone" in json.loads(found)["error"]
