"""What the control plane does, over HTTP: every action with its effect, for a key, a session, and all of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gexfaker.wire.tokens import world_id
from support import data, decode
from support.control import DAYS, SESSIONS, Plane, first_of, next_stamp, write_days
from support.raw import JSON, JSON_RELIABLE, connect, joined
from support.server import Served, running_server, wait_until

COUNT = 1200
LAST = data.FIRST + COUNT - 1
KEY = "ES_SPX/orderflow/orderflow"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = write_days(tmp_path_factory.mktemp("days"), COUNT)
    with running_server(data_dir=str(root), data_date=DAYS[-1]) as running:
        yield running


@pytest.fixture
def plane(server: Served) -> Iterator[Plane]:
    """The control plane, all keys as if never used."""
    with Plane(server) as plane:
        plane.call("POST", f"{SESSIONS}/demo/resume")  # whichever test is the first: demo has been used
        plane.call("POST", f"{SESSIONS}/all/reset")
        yield plane


def effect(answer: dict[str, Any]) -> tuple[Any, Any, Any]:
    return answer["requested"], answer["resolved"], answer["reason"]


def test_pause_and_resume(plane: Plane) -> None:
    plane.act("reset")
    answer = plane.act("pause")
    assert list(answer) == ["session", "playback", "action", "requested", "resolved", "reason"]
    assert (answer["session"], answer["action"]) == (world_id("demo"), "pause")
    assert effect(answer) == ("paused", "paused", None)
    assert effect(plane.act("pause")) == ("paused", "paused", "it was paused already")
    stands = plane.playback()
    assert stands["paused"]
    assert stands["market_time"] == answer["playback"]["market_time"] == plane.playback()["market_time"]
    assert effect(plane.act("resume")) == ("playing", "playing", None)
    assert effect(plane.act("resume")) == ("playing", "playing", "it was not paused")
    assert plane.playback()["market_time"] > stands["market_time"]


def test_step_in_clock_mode_is_seconds_of_market_time(plane: Plane) -> None:
    before = plane.act("pause")["playback"]["market_time"]
    assert effect(plane.act("step")) == (1, 1, None)
    assert effect(plane.act("step", count=10)) == (10, 10, None)
    assert plane.playback()["market_time"] == before + 11


def test_step_in_step_mode_sends_records(server: Served, plane: Plane) -> None:
    plane.act("mode", playback="step")
    plane.act("pause")
    with joined(server.orderflow(), data.group()) as raw:
        plane.act("step", count=3)
        assert [next_stamp(raw) - data.FIRST for _ in range(3)] == [0, 1, 2]
        plane.act("step")
        assert next_stamp(raw) - data.FIRST == 3
        assert plane.playback()["positions"] == {"ES_SPX_orderflow_orderflow": 3}


def test_a_step_is_answered_when_its_records_are_sent(server: Served, plane: Plane) -> None:
    plane.act("mode", playback="step")
    plane.act("pause")
    with joined(server.orderflow(), data.group()) as raw:
        plane.act("seek", time="open")
        assert plane.act("step", count=400)["playback"]["positions"] == {"ES_SPX_orderflow_orderflow": 399}
        assert [next_stamp(raw) - data.FIRST for _ in range(400)] == list(range(400))


def test_a_step_beyond_the_end_says_that_the_day_is_over(server: Served, plane: Plane) -> None:
    plane.act("mode", playback="step", cache_mode="hold")
    plane.act("pause")
    with joined(server.orderflow(), data.group()):
        plane.act("seek", index=COUNT - 9)
        assert effect(plane.act("step", count=8)) == (8, 8, None)
        over = f"every feed in use has given its last record of {data.DATE}; seek to open goes back"
        assert effect(plane.act("step", count=50)) == (50, 50, over)
        assert effect(plane.act("step")) == (1, 1, over)


@pytest.mark.parametrize(
    ("arguments", "index", "reason"),
    [
        ({"time": "09:40"}, 598, None),
        ({"time": "9:40:05"}, 603, None),
        ({"time": data.FIRST + 1000}, 1000, None),
        ({"time": "open"}, 0, None),
        ({"time": "close"}, COUNT - 1, "clamped"),
        ({"time": 100_000_001}, 0, "clamped"),
        ({"time": 100_000_005.5}, 0, "clamped"),
        ({"index": 17}, 17, None),
        ({"index": -1}, 0, "clamped"),
        ({"index": 10**6, "feed": "ES_SPX_orderflow_orderflow"}, COUNT - 1, "clamped"),
    ],
)
def test_seek_tells_where_it_came_to(plane: Plane, arguments: dict[str, Any], index: int, reason: str | None) -> None:
    plane.act("pause")
    requested, resolved, why = effect(plane.act("seek", **arguments))
    assert requested == arguments.get("time", arguments.get("index"))
    assert (resolved["index"], resolved["data_key"]) == (index, KEY)
    assert resolved["timestamp"] == resolved["market_time"] == data.FIRST + index
    assert resolved["shown"].startswith(data.DATE)
    assert why is None if reason is None else why.startswith(reason)
    assert plane.playback()["market_time"] == data.FIRST + index


@pytest.mark.parametrize("day", DAYS[:2])
def test_seek_goes_to_the_day_of_a_time(plane: Plane, day: str) -> None:
    plane.act("pause")
    at = first_of(day) + 100
    requested, resolved, why = effect(plane.act("seek", time=at))
    assert (requested, resolved["timestamp"], resolved["day"], resolved["in_gap"]) == (at, at, day, False)
    assert why == f"it was on {DAYS[2]}"
    assert plane.playback()["day"] == day
    _, resolved, _ = effect(plane.act("seek", time=at - 50))
    assert resolved["timestamp"] == at - 50
    assert "day" not in resolved, "it has stayed on its day"


def test_seek_of_all_goes_to_the_day_of_a_time_and_beyond_all_days_stays(plane: Plane) -> None:
    plane.act("day", date=DAYS[0])
    plane.act("pause")
    status, answer = plane.call("POST", f"{SESSIONS}/all/seek", {"time": first_of(DAYS[1]) + 7})
    assert status == 200
    assert {one["resolved"]["day"] for one in answer["sessions"]} == {DAYS[1]}
    assert effect(plane.act("seek", time=first_of(DAYS[2]) + 10 * 86_400))[1]["timestamp"] < first_of(DAYS[2])
    assert plane.playback()["day"] == DAYS[1]


def test_seek_to_a_day_that_there_is_not_goes_to_the_open_of_the_next(tmp_path: Path) -> None:
    write_days(tmp_path, 50, (DAYS[0], DAYS[2]))
    with running_server(data_dir=str(tmp_path), data_date=DAYS[0]) as server, Plane(server) as plane:
        plane.act("pause")
        _, resolved, why = effect(plane.act("seek", time=first_of(DAYS[1]) + 20))
        assert (resolved["day"], resolved["in_gap"], resolved["timestamp"]) == (DAYS[2], True, first_of(DAYS[2]))
        assert why.startswith(f"there is no such day: {DAYS[2]} is the next")


def test_speed(plane: Plane) -> None:
    assert effect(plane.act("speed", speed=60)) == (60, 60, None)
    assert plane.playback()["speed"] == 60
    assert effect(plane.act("speed", speed=0)) == (0, 0, None)


def test_day(plane: Plane) -> None:
    assert effect(plane.act("day", date=DAYS[0])) == (DAYS[0], DAYS[0], None)
    assert effect(plane.act("day", date="next")) == ("next", DAYS[1], None)
    assert plane.act("pause")["playback"]["market_time"] == pytest.approx(first_of(DAYS[1]), abs=1.5)
    assert effect(plane.act("day", date="latest")) == ("latest", DAYS[2], None)
    assert plane.playback()["day"] == DAYS[2]
    status, refused = plane.call("POST", f"{SESSIONS}/demo/day", {"date": "next"})
    assert (status, list(refused)) == (400, ["error"])
    assert DAYS[2] in refused["error"]


def test_mode(plane: Plane) -> None:
    wanted: dict[str, Any] = {
        "playback": "step",
        "cache_mode": "rotation",
        "timestamps": "live",
        "endpoints": "independent",
        "interval": 0.5,
    }
    requested, resolved, _ = effect(plane.act("mode", **wanted))
    assert requested == resolved == wanted
    assert plane.playback().items() >= wanted.items()
    plane.act("mode", cache_mode="hold")
    assert plane.playback().items() >= (wanted | {"cache_mode": "hold"}).items()


def test_reset_is_as_if_the_key_had_never_been_used(plane: Plane) -> None:
    fresh = plane.playback("demo") if plane.call("GET", f"{SESSIONS}/demo")[0] == 200 else None
    for action, arguments in (("speed", {"speed": 9}), ("day", {"date": DAYS[0]}), ("pause", {})):
        plane.act(action, **arguments)
    assert effect(plane.act("reset")) == ("reset", {"day": DAYS[-1]}, None)
    again = plane.playback()
    assert (again["day"], again["speed"], again["paused"], again["market_time"]) == (DAYS[-1], 1.0, False, None)
    assert fresh is None or again | {"timeline": 0} == fresh | {"timeline": 0}


def test_a_session_goes_by_its_key_or_its_id(plane: Plane) -> None:
    plane.act("speed", "mine", speed=7)
    assert plane.show("mine") == plane.show(world_id("mine"))
    assert plane.act("speed", world_id("mine"), speed=8)["session"] == world_id("mine")
    assert plane.playback("mine")["speed"] == 8
    plane.act("speed", "k%C3%A9y%20one", speed=3)
    assert plane.playback(world_id("kéy one"))["speed"] == 3


def test_sessions_do_not_influence_each_other(plane: Plane) -> None:
    for key in ("one", "two"):
        plane.act("pause", key)
    before = plane.show("two")
    for action, arguments in (("seek", {"index": 9}), ("speed", {"speed": 9}), ("day", {"date": DAYS[0]})):
        plane.act(action, "one", **arguments)
    assert plane.show("two") == before


def test_all_means_every_session(plane: Plane) -> None:
    keys = ("one", "two", "three")
    for key in keys:
        plane.act("pause", key)
    status, answer = plane.call("POST", f"{SESSIONS}/all/seek", {"index": 5})
    assert status == 200
    answers = {one["session"]: one for one in answer["sessions"]}
    assert answers.keys() >= {world_id(key) for key in keys}
    assert {one["resolved"]["index"] for one in answers.values()} == {5}
    for key in keys:
        assert plane.playback(key)["market_time"] == data.FIRST + 5
    listed = plane.call("GET", SESSIONS)[1]
    assert [one["session"] for one in listed["sessions"]] == sorted(answers)
    assert [one["session"] for one in plane.call("GET", f"{SESSIONS}/all")[1]["sessions"]] == sorted(answers)


def test_one_that_refuses_does_not_keep_all_from_the_others(plane: Plane) -> None:
    plane.act("day", "early", date=DAYS[0])
    status, answer = plane.call("POST", f"{SESSIONS}/all/day", {"date": "next"})
    assert status == 200
    told = {one["session"]: one for one in answer["sessions"]}
    assert told[world_id("early")]["resolved"] == DAYS[1]
    assert DAYS[2] in told[world_id("demo")]["error"]
    assert plane.playback("early")["day"] == DAYS[1]
    status, answer = plane.call("POST", f"{SESSIONS}/all/speed", {"speed": "fast"})
    assert (status, answer) == (400, {"error": "speed is a number."})


def test_create(plane: Plane) -> None:
    wanted = {"date": DAYS[1], "speed": 60, "cache_mode": "rotation", "time": "09:40"}
    status, answer = plane.call("POST", SESSIONS, {"key": "made", **wanted})
    assert status == 201
    assert answer["session"] == world_id("made")
    assert list(answer["effects"]) == ["reset", "day", "mode", "speed", "seek"]
    assert answer["effects"]["day"]["resolved"] == DAYS[1]
    assert answer["effects"]["seek"]["resolved"]["index"] == 598
    made = plane.playback("made")
    assert (made["day"], made["speed"], made["cache_mode"]) == (DAYS[1], 60, "rotation")
    assert made["market_time"] >= first_of(DAYS[1]) + 598
    status, answer = plane.call("POST", SESSIONS, {"key": "made"})
    assert (status, list(answer["effects"])) == (201, ["reset"])
    assert plane.playback("made")["speed"] == 1


def test_create_is_refused_as_a_whole(plane: Plane) -> None:
    plane.act("speed", "kept", speed=5)
    before = plane.playback("kept")
    for wrong in ({"speed": "fast"}, {"speed": 2, "colour": 1}, {"date": "2001-01-01"}, {"speed": 2, "time": "25:00"}):
        assert plane.call("POST", SESSIONS, {"key": "kept", **wrong})[0] in (400, 404)
    assert plane.playback("kept")["timeline"] == before["timeline"]
    assert plane.call("POST", SESSIONS, {"key": "never", "speed": "fast"})[0] == 400
    assert plane.call("GET", f"{SESSIONS}/never")[0] == 404


def test_delete_closes_the_connections_and_keeps_the_place(server: Served, plane: Plane) -> None:
    with (
        joined(server.orderflow("gone"), data.group()) as raw,
        joined(server.orderflow("stays"), data.group()) as other,
    ):
        raw.read_kind("data")
        assert plane.call("DELETE", f"{SESSIONS}/gone") == (200, {"session": world_id("gone"), "closed": 1})
        assert "closed by /_gexfaker/sessions" in raw.read_kind("disconnected").message
        assert raw.read_close()[0] == 1000
        assert plane.playback("gone")["market_time"] >= data.FIRST
        assert len(plane.show("stays")["connections"]) == 1
        assert plane.call("DELETE", f"{SESSIONS}/all") == (200, {"session": "all", "closed": 1})
        assert other.read_close()[0] == 1000


def test_status_fields(server: Served, plane: Plane) -> None:
    with joined(server.orderflow(), data.group()) as raw:
        raw.join("blue_NOBODY_orderflow_orderflow", 2)
        raw.read_kind("data")
        status = plane.show()
    names = "session name tier quota playback memberships market_opens faults connections"
    assert list(status) == names.split()
    assert (status["session"], status["tier"], status["memberships"]) == (world_id("demo"), "quant", None)
    playback = status["playback"]
    assert (
        list(playback)
        == (
            "day origin playback cache_mode endpoints timestamps interval speed start market_time shown paused over "
            "market_closed "
            "timeline positions messages_sent records_dropped clients_cut"
        ).split()
    )
    assert (playback["day"], playback["over"], playback["records_dropped"]) == (data.DATE, False, 0)
    assert playback["shown"].startswith(data.DATE)
    assert list(playback["positions"]) == ["ES_SPX_orderflow_orderflow"]
    [connection] = status["connections"]
    assert (connection["hub"], connection["state"], connection["behind"]) == ("orderflow", "open", False)
    silent, fed = sorted(connection["groups"], key=lambda group: "next_record" in group)
    assert (fed["group"], fed["next_record"] >= 1) == (data.group(), True)
    assert (silent["group"], silent["silent"] == "there is no ticker 'NOBODY'") == (
        "blue_NOBODY_orderflow_orderflow",
        True,
    )


def _status(server: Served, path: str, key: str = "demo") -> int:
    return server.get(path, {"Authorization": f"Bearer {key}", "User-Agent": "test"})[0]


def test_a_tier_goes_for_the_key_at_once_and_for_no_other(plane: Plane, server: Served) -> None:
    assert effect(plane.act("tier", tier="Classic")) == ("classic", "classic", None)
    assert plane.show()["tier"] == "classic"
    assert _status(server, "/v2/ES_SPX/orderflow/orderflow") == 403
    assert _status(server, "/v2/ES_SPX/orderflow/orderflow", "other") == 200
    plane.act("tier", tier="quant")
    assert _status(server, "/v2/ES_SPX/orderflow/orderflow") == 200


def test_a_quota_begins_at_once_and_counts_for_its_pool(plane: Plane, server: Served) -> None:
    assert effect(plane.act("quota", allowances="Orderflow:2/day")) == ("orderflow:2/day",) * 2 + (None,)
    assert [_status(server, "/v2/ES_SPX/orderflow/orderflow") for _ in range(3)] == [200, 200, 429]
    assert _status(server, "/whoami") == 200
    [allowance] = plane.show()["quota"]
    assert (allowance["allowance"], allowance["used"]) == ("orderflow:2/day", 2)
    assert 0 < allowance["resets_in"] <= 25 * 3600
    plane.act("quota", allowances="orderflow:2/day")
    assert _status(server, "/v2/ES_SPX/orderflow/orderflow") == 200, "it counts from 0"
    plane.act("quota", allowances="none")
    assert {_status(server, "/v2/ES_SPX/orderflow/orderflow") for _ in range(9)} == {200}


def test_a_reset_key_has_the_tier_and_the_whole_quota_of_the_start(tmp_path: Path) -> None:
    settings = {"data_dir": str(write_days(tmp_path, 5)), "tiers": "a=quant,*=classic", "quota": "a=3/day"}
    with running_server(**settings) as server, Plane(server) as plane:
        path = "/v2/ES_SPX/orderflow/orderflow"
        assert _status(server, path, "a") == 200
        plane.act("tier", "a", tier="classic")
        plane.act("quota", "a", allowances="1/day")
        assert [_status(server, path, "a") for _ in range(2)] == [403, 429]
        plane.act("reset", "a")
        assert [_status(server, path, "a") for _ in range(4)] == [200, 200, 200, 429]
        assert plane.show("a")["tier"] == "quant"


def test_a_day_that_is_over_is_said(plane: Plane, server: Served) -> None:
    plane.act("pause", "over")  # joining may take longer than the last second
    plane.act("seek", "over", index=COUNT - 1)
    with connect(server.orderflow("over"), JSON) as raw:
        raw.send_text(decode.json_join(data.group(), 1))  # its one record may come before the ack
        assert next_stamp(raw) == LAST
        assert plane.playback("over")["over"]


def test_a_range_of_days_ends(tmp_path: Path) -> None:
    days = {"data_dir": str(write_days(tmp_path, 5)), "data_date": f"{DAYS[0]}..{DAYS[1]}"}
    with running_server(**days) as server, Plane(server) as plane:
        assert plane.act("pause")["playback"]["day"] == DAYS[0]
        assert plane.act("day", date="next")["resolved"] == DAYS[1]
        assert plane.call("POST", f"{SESSIONS}/demo/day", {"date": "next"})[0] == 400


def test_the_first_use_of_a_key_is_told(plane: Plane, server: Served) -> None:
    """A typing error in a key makes a session too."""
    assert plane.act("pause", "tpyo")["reason"] == "first use of this key"
    assert plane.act("pause", "tpyo")["reason"] == "it was paused already"
    told = plane.act("seek", "another", time="close")["reason"]
    assert re.fullmatch(r"(clamped|gap): .*; first use of this key", told)
    told = plane.act("seek", "elsewhere", time=first_of(DAYS[0]))["reason"]
    assert told == f"it was on {DAYS[2]}; first use of this key"
    assert plane.act("seek", "here", time=first_of(DAYS[2]))["reason"] == "first use of this key"
    with connect(server.orderflow("connected")):
        assert plane.act("pause", "connected")["reason"] is None
    headers = {"Authorization": "Bearer asked", "User-Agent": "t"}
    assert server.get("/ES_SPX/orderflow/orderflow", headers)[0] == 200
    assert plane.act("pause", "asked")["reason"] is None


@pytest.mark.parametrize("key", ["a/b", "all", "by-key", "key-0123456789abcdef", "key-", "?&#%", "k\u00fc", " "])
def test_any_key_can_be_named_in_the_query(plane: Plane, key: str) -> None:
    named, query = world_id(key), f"?key={quote(key, safe='')}"
    assert plane.call("GET", f"{SESSIONS}/by-key{query}")[0] == 404
    status, answer = plane.call("POST", f"{SESSIONS}/by-key/pause{query}")
    assert (status, answer["session"]) == (200, named)
    assert plane.call("GET", f"{SESSIONS}/by-key{query}")[1]["session"] == named
    assert plane.call("DELETE", f"{SESSIONS}/by-key{query}") == (200, {"session": named, "closed": 0})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{SESSIONS}?keys=demo", "there is no 'keys' in the query of this; did you mean key?"),
        (f"{SESSIONS}/by-key?KEY=demo", "there is no 'KEY' in the query of this; did you mean key?"),
        ("/_gexfaker/journal?key=demo&typ=close", "there is no 'typ' in the query of this; did you mean type?"),
        ("/_gexfaker/journal?key=demo&sinse=5", "did you mean since?"),
        ("/_gexfaker/state?key=demo&x=5", "there is no 'x' in the query of this; there are key, session"),
    ],
)
def test_a_misspelt_name_in_a_query_is_refused(plane: Plane, path: str, said: str) -> None:
    status, answer = plane.call("GET", path)
    assert (status, said in answer["error"]) == (400, True), answer
    assert plane.call("GET", f"{SESSIONS}?_=1&key=any")[0] == 200


@pytest.mark.parametrize("path", ["by-key", "demo?key=demo"])
def test_half_a_name_is_refused(plane: Plane, path: str) -> None:
    place, _, query = path.partition("?")
    for method, ending in (("GET", ""), ("DELETE", ""), ("POST", "/pause")):
        status, answer = plane.call(method, f"{SESSIONS}/{place}{ending}?{query}")
        assert (status, "by-key?key=KEY" in answer["error"]) == (400, True)


def test_the_list_has_pages(plane: Plane) -> None:
    for number in range(5):
        plane.act("pause", f"page-{number}")
    whole = plane.call("GET", SESSIONS)[1]
    names = [one["session"] for one in whole["sessions"]]
    assert (len(names), names) == (whole["total"], sorted(names))
    for place in (SESSIONS, f"{SESSIONS}/all"):
        page = plane.call("GET", f"{place}?limit=2&offset=3")[1]
        assert ([one["session"] for one in page["sessions"]], page["total"]) == (names[3:5], len(names))
    assert plane.call("GET", f"{SESSIONS}?limit=0") == (200, {"sessions": [], "total": len(names)})
    for query in ("limit=-1", "limit=x", "limit=10001", "offset=1.5", "limit=", "offset=99999999999"):
        assert plane.call("GET", f"{SESSIONS}?{query}")[0] == 400, query


@contextlib.contextmanager
def silent_client(root: Path) -> Iterator[tuple[Served, Plane]]:
    """A paused key whose one client is reliable, is in a group, and acknowledges nothing."""
    write_days(root, COUNT)
    with running_server(data_dir=str(root), data_date=DAYS[-1], queue_messages="20") as server, Plane(server) as plane:
        plane.act("pause", "silent")
        plane.act("seek", "silent", time="open")
        raw = connect(server.orderflow("silent"), JSON_RELIABLE)
        raw.join(data.group(), 1)
        wait_until(lambda: bool(plane.show("silent")["connections"][0]["groups"]), 5, "the join")
        yield server, plane
        raw.socket.close()


def test_a_step_by_which_a_client_is_cut_says_so(tmp_path: Path) -> None:
    with silent_client(tmp_path) as (_, plane):
        answer = plane.act("step", "silent", count=100)
        assert effect(answer) == (100, 100, "1 client was cut, as it does not acknowledge or not read what was sent")


def test_a_step_that_a_seek_ends_says_so(tmp_path: Path) -> None:
    def step(server: Served) -> dict[str, Any]:
        with Plane(server) as plane:
            return plane.act("step", "silent", count=100)

    with silent_client(tmp_path) as (server, plane), ThreadPoolExecutor(1) as pool:
        stepping = pool.submit(step, server)
        wait_until(lambda: plane.playback("silent")["market_time"] >= data.FIRST + 100, 5, "the step")
        plane.act("seek", "silent", time=data.FIRST + 300)
        assert effect(stepping.result()) == (100, 100, "the key was moved before all records of the step were sent")
