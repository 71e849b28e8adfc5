"""The sync stream and the earlier tool's control routes, as their users know them."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from gexfaker.catalog import Feed
from gexfaker.limits import MAX_SYNC_STREAMS
from gexfaker.server.routes.sync import Broadcast
from gexfaker.wire.tokens import mask, world_id
from support import data
from support.control import DAYS, SESSIONS, Plane, first_of, next_stamp, write_days
from support.raw import RawSocket, joined
from support.rest import OPEN, World, write, write_all
from support.server import CLEAN_EXIT, Served, running_server, wait_until
from support.session import Session

COUNT = 300
INTERVAL = 0.05
KEY = "sync_key_of_a_user"
POSITION = ["cache_key", "index", "data_length", "data_timestamp", "exhausted", "data_date"]
SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/sync/stream",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "scheme": "http",
    "http_version": "1.1",
}
FIELDS = ["broadcaster_id", "data_date", "cache_mode", "timestamp", "sequence", "positions"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_days(tmp_path_factory.mktemp("days"), COUNT))


@pytest.fixture(scope="module")
def server(folder: str) -> Iterator[Served]:
    settings = {"sync_broadcast_system_interval": f"{INTERVAL * 1000:g}ms", "sync_broadcast_system_id": "desk-1"}
    with running_server(data_dir=folder, data_date=DAYS[-1], **settings) as running:
        yield running


@pytest.fixture
def plane(server: Served) -> Iterator[Plane]:
    with Plane(server) as plane:
        plane.call("POST", "/reload-date", {"date": DAYS[-1]})
        plane.call("POST", f"{SESSIONS}/all/reset")
        yield plane


class Events:
    """A follower of the stream, its framing checked to the letter."""

    def __init__(self, server: Served, path: str = "/_gexfaker/sync") -> None:
        self._http = http.client.HTTPConnection(*server.address, timeout=10)
        self._http.request("GET", path)
        self.answer = self._http.getresponse()
        self.status = self.answer.status

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._http.close()

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next event's name and content."""
        lines = [self.answer.readline() for _ in range(3)]
        assert lines[0].startswith(b"event: "), lines
        assert lines[1].startswith(b"data: {"), lines
        assert lines[2] == b"\n"
        return lines[0][7:-1].decode(), json.loads(lines[1][6:])

    def until(self, name: str, value: object) -> dict[str, Any]:
        """The first event whose single position has that value."""
        for _ in range(200):
            _, content = self.next()
            if content["positions"] and content["positions"][0][name] == value:
                return content
        raise AssertionError(f"{name} never was {value}: {content}")


@pytest.mark.parametrize("path", ["/_gexfaker/sync", "/sync/stream"])
def test_a_snapshot_and_then_batches(server: Served, plane: Plane, path: str) -> None:
    plane.act("pause", KEY)
    began = time.time()
    with Events(server, f"{path}?key={KEY}") as events:
        assert events.status == 200
        assert events.answer.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert events.answer.getheader("cache-control") == "no-store"
        told = [events.next() for _ in range(8)]
    assert [name for name, _ in told] == ["snapshot"] + ["batch"] * 7
    for number, (_, content) in enumerate(told):
        assert list(content) == FIELDS
        assert content["sequence"] == number
        assert (content["broadcaster_id"], content["data_date"]) == ("desk-1", DAYS[-1])
        assert content["cache_mode"] == "hold"
    stamps = [content["timestamp"] / 1000 for _, content in told]
    assert began - 0.001 <= stamps[0]
    assert stamps == sorted(stamps)
    assert 7 * INTERVAL - 0.002 <= stamps[-1] - stamps[0] < 7 * INTERVAL + 1.0


def test_positions_follow_the_feed(server: Served, plane: Plane) -> None:
    with joined(server.orderflow(KEY), data.group()) as raw, Events(server, f"/sync/stream?key={KEY}") as events:
        stamp = next_stamp(raw)
        plane.act("pause", KEY)
        plane.act("seek", KEY, index=40)
        while stamp != data.FIRST + 40:
            stamp = next_stamp(raw)
        [position] = events.until("index", 40)["positions"]
        assert list(position) == POSITION
        assert position["cache_key"] == f"ES_SPX/orderflow/orderflow/{mask(KEY)}"
        assert (position["data_length"], position["data_timestamp"]) == (COUNT, data.FIRST + 40)
        assert position["exhausted"] is False
        plane.act("seek", KEY, index=COUNT - 1)
        assert events.until("index", COUNT - 1)["positions"][0]["exhausted"] is True
        plane.act("day", KEY, date=DAYS[0])
        plane.act("resume", KEY)
        [position] = events.until("data_date", DAYS[0])["positions"]
        assert position["data_timestamp"] - first_of(DAYS[0]) in range(COUNT), "that was sent, not the paused day's"


def test_without_a_key_it_is_every_session_and_no_key(server: Served, plane: Plane) -> None:
    with ExitStack() as stack:
        raws = [stack.enter_context(joined(server.orderflow(key), data.group())) for key in (KEY, "other_sync_key")]
        for raw in raws:
            next_stamp(raw)
        _, content = stack.enter_context(Events(server)).next()
    wanted = {f"ES_SPX/orderflow/orderflow/{world_id(key)}" for key in (KEY, "other_sync_key")}
    assert {position["cache_key"] for position in content["positions"]} >= wanted
    assert KEY not in json.dumps(content)


def test_each_position_has_its_day_and_a_keys_batch_its_mode(server: Served, plane: Plane) -> None:
    with ExitStack() as stack:
        for key, day in ((KEY, DAYS[0]), ("other_sync_key", DAYS[1])):
            plane.act("day", key, date=day)
            next_stamp(stack.enter_context(joined(server.orderflow(key), data.group())))
        plane.act("mode", KEY, cache_mode="rotation")
        _, content = stack.enter_context(Events(server)).next()
        _, own = stack.enter_context(Events(server, f"/sync/stream?key={KEY}")).next()
    days = {position["cache_key"].rpartition("/")[2]: position["data_date"] for position in content["positions"]}
    assert (days[world_id(KEY)], days[world_id("other_sync_key")]) == (DAYS[0], DAYS[1])
    assert (content["data_date"], content["cache_mode"]) == (DAYS[-1], "hold"), "the server's"
    assert (own["data_date"], own["cache_mode"]) == (DAYS[0], "rotation"), "the key's"


def test_an_unknown_key_has_no_positions_and_becomes_no_session(server: Served, plane: Plane) -> None:
    with Events(server, "/sync/stream?key=never_used_before") as events:
        assert events.next()[1]["positions"] == []
    assert plane.call("GET", f"{SESSIONS}/never_used_before")[0] == 404


def test_the_number_of_streams_is_bounded_and_gone_ones_make_room(server: Served) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(Events(server)) for _ in range(MAX_SYNC_STREAMS)]
        assert {stream.next()[0] for stream in streams} == {"snapshot"}
        with Events(server) as refused:
            assert (refused.status, list(json.loads(refused.answer.read()))) == (503, ["error"])
        assert server.get("/health")[0] == 200

    assert server.request("HEAD", "/sync/stream")[0] == 200

    def is_open() -> bool:
        with Events(server) as events:
            return events.status == 200

    wait_until(is_open, 5, "room for a stream")


def test_it_can_be_turned_off(folder: str) -> None:
    with running_server(data_dir=folder, sync_broadcast_system_enabled="false") as server:
        status, body = server.get("/sync/stream")
        assert (status, "SYNC_BROADCAST_SYSTEM_ENABLED" in body.decode()) == (404, True)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_open_streams_do_not_hold_up_a_stop(folder: str) -> None:
    with running_server(data_dir=folder, sync_broadcast_system_interval="1h") as server, ExitStack() as stack:
        streams = [stack.enter_context(Events(server)) for _ in range(20)]
        assert {stream.next()[0] for stream in streams} == {"snapshot"}
        began = time.monotonic()
        server.server.stop()
        assert [stream.answer.read() for stream in streams] == [b""] * 20, "ended in order, no event cut in two"
        assert server.stop() == CLEAN_EXIT
        assert time.monotonic() - began < 5
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr


@contextmanager
def deaf_follower(folder: str, **settings: str) -> Iterator[Served]:
    """A server with one follower that reads, and one that does not, whose buffers are full."""
    with running_server(data_dir=folder, sync_broadcast_system_interval="10ms", **settings) as server:
        for number in range(100):  # keys with a position, so that the events are long
            headers = {"Authorization": f"Bearer follow_{number}", "User-Agent": "test"}
            assert server.get("/ES_SPX/orderflow/orderflow", headers)[0] == 200
        with (
            Events(server, "/sync/stream?key=x") as reading,
            RawSocket(server.url, receive_buffer=2048, segment=536) as deaf,
        ):
            deaf.send(b"GET /sync/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for _ in range(100):  # a second, in which the deaf one's buffers fill
                reading.next()
            yield server


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_follower_that_does_not_read_does_not_hold_up_a_stop(folder: str) -> None:
    with deaf_follower(folder) as server:
        began = time.monotonic()
        assert server.stop() == CLEAN_EXIT
        assert time.monotonic() - began < 3, "not the eight seconds that a client may take"
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr


def test_a_follower_that_does_not_read_is_cut_off_and_its_place_is_free(tmp_path: Path) -> None:
    """Its connection is aborted, which ends ``send``; the stream ends with it."""

    class Stuck:
        def __init__(self) -> None:
            self.transport, self.gone = self, asyncio.Event()

        async def receive(self) -> dict[str, Any]:
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(self, _message: object) -> None:
            await self.gone.wait()

        def abort(self) -> None:
            self.gone.set()

    world = World(write_all(tmp_path))

    async def follow() -> float:
        stuck, began = Stuck(), time.monotonic()
        await world.app(dict(SCOPE), stuck.receive, stuck.send)
        assert stuck.gone.is_set(), "through the whole application the way to the transport is open"
        return time.monotonic() - began

    with patch("gexfaker.server.http.eventstreams.SEND_SECONDS", 0.5):
        assert 0.4 < asyncio.run(follow()) < 5
    assert world.service.life.sync_streams == 0


# --- the earlier tool's names ----------------------------------------------------------------------


def test_reset_cache(plane: Plane, server: Served) -> None:
    with joined(server.orderflow(KEY), data.group()) as raw:
        next_stamp(raw)
        plane.act("seek", KEY, index=200)
        while next_stamp(raw) < data.FIRST + 200:
            continue
        assert plane.call("POST", f"/reset-cache?key={KEY}") == (
            200,
            {"status": "success", "message": "1 sessions start anew", "count": 1},
        )
        assert next_stamp(raw) == data.FIRST
    status, answer = plane.call("POST", "/reset-cache?key=never_used_before")
    assert (status, answer["count"]) == (200, 0)
    status, answer = plane.call("POST", "/reset-cache")
    assert (status, list(answer), answer["status"]) == (200, ["status", "message", "count"], "success")
    assert plane.playback(KEY)["market_time"] is None


def test_seek_to_timestamp(plane: Plane) -> None:
    plane.act("pause", KEY)
    plane.act("pause", "second")
    status, answer = plane.call("POST", "/seek-to-timestamp", {"timestamp": data.FIRST + 90, "key": KEY})
    detail = {"data_key": "ES_SPX/orderflow/orderflow", "index": 90, "timestamp": data.FIRST + 90}
    assert status == 200
    assert answer == {"status": "success", "message": "positions set", "positions_set": 1, "details": [detail]}
    assert plane.playback(KEY)["market_time"] == data.FIRST + 90
    assert plane.playback("second")["market_time"] < data.FIRST + 90
    status, answer = plane.call("POST", "/seek-to-timestamp", {"timestamp": data.FIRST + 10**6})
    assert answer["positions_set"] == len(answer["details"]) == len(plane.call("GET", SESSIONS)[1]["sessions"])
    assert answer["message"].startswith("clamped")
    assert plane.playback("second")["market_time"] == data.FIRST + COUNT - 1


def test_seek_to_timestamp_tells_every_feed_and_goes_on_where_one_refuses(tmp_path: Path) -> None:
    write_all(tmp_path, "SPX", count=100)
    write(tmp_path, "EMPTY/orderflow/orderflow", "", date="2026-07-16")
    world = World(tmp_path, data_date="2026-07-17")
    for path in ("/SPX/classic/zero", "/SPX/state/delta", "/SPX/orderflow/orderflow"):
        world.ok(path, "several")
    for key in ("empty", "one"):
        assert not world.service.worlds.get(world_id(key)).play.positions()
    Session.of(world.service.worlds.get(world_id("empty"))).restart("2026-07-16")
    status, answer = post(world, "/seek-to-timestamp", {"timestamp": OPEN + 40})
    assert status == 200
    keys = sorted((detail["data_key"], detail["index"], detail["timestamp"]) for detail in answer["details"])
    several = ["SPX/classic/gex_zero", "SPX/orderflow/orderflow", "SPX/state/delta_zero"]
    assert keys == sorted((key, 39, OPEN + 40) for key in (*several, "SPX/classic/gex_full"))
    assert answer["positions_set"] == 4
    assert f"not done to {world_id('empty')}: " in answer["message"]
    status, answer = post(world, "/seek-to-timestamp", {"timestamp": OPEN + 40, "key": "empty"})
    assert (status, list(answer)) == (400, ["error"])


def post(world: World, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post(path, json=body)
        return answer.status_code, answer.json()

    return asyncio.run(run())


def test_what_was_counted_is_not_counted_again_and_followers_share(tmp_path: Path) -> None:
    write_all(tmp_path, "SPX", count=3000)
    world = World(tmp_path)
    for key in ("one", "two"):
        world.ok("/SPX/classic/zero", key)
    tape = world.service.worlds.get(world_id("one")).play.day.tape(Feed("SPX", "classic", "gex_zero"))
    assert tape is not None
    with patch.object(type(tape), "steps_to_index", autospec=True, side_effect=type(tape).steps_to_index) as looks:

        async def events(number: int) -> list[Any]:
            return [json.loads(event) for event in await asyncio.gather(*(told.event(None, number) for _ in range(9)))]

        told = Broadcast(world.service)
        told.follow(None)
        first = asyncio.run(events(0))
        assert {position["data_length"] for position in first[0]["positions"]} == {3000}
        counted = looks.call_count
        assert counted == 1, "both sessions are on one tape"
        world.now += 1
        later = asyncio.run(events(1))
        assert looks.call_count == counted
    assert [event["positions"] == later[0]["positions"] for event in later] == [True] * 9
    assert later[0]["timestamp"] == int(world.now * 1000)
    with patch.object(Broadcast, "_look", side_effect=AssertionError("looked again")):
        world.now += 0.4
        assert asyncio.run(events(2))[0]["timestamp"] == int(later[0]["timestamp"])
    told.leave(None)
    assert not told._newest
    assert not told._locks


def test_the_places_are_counted_with_the_look(tmp_path: Path) -> None:
    """Many who come at once do not all find the last place free."""
    world = World(write_all(tmp_path))
    world.service.life.sync_streams = MAX_SYNC_STREAMS - 2
    statuses: list[int] = []

    async def follow() -> None:
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                await asyncio.sleep(0.05)
            left.set()

        await world.app(dict(SCOPE), receive, send)

    async def all_at_once() -> None:
        await asyncio.gather(*(follow() for _ in range(10)))

    asyncio.run(all_at_once())
    assert sorted(statuses) == [200, 200] + [503] * 8
    assert world.service.life.sync_streams == MAX_SYNC_STREAMS - 2


def test_reload_date(plane: Plane, server: Served) -> None:
    with joined(server.orderflow(KEY), data.group()) as raw:
        next_stamp(raw)
        status, answer = plane.call("POST", "/reload-date", {"date": DAYS[0]})
        assert status == 200
        assert list(answer) == ["status", "previous_date", "new_date", "loaded_at", "files_loaded"]
        assert (answer["status"], answer["files_loaded"]) == ("success", 1)
        assert (answer["previous_date"], answer["new_date"]) == (DAYS[-1], DAYS[0])
        while next_stamp(raw) >= first_of(DAYS[1]):
            continue
        assert plane.act("pause", "a_new_key")["playback"]["day"] == DAYS[0]
        assert plane.act("reset", KEY)["resolved"] == {"day": DAYS[0]}
    assert plane.call("POST", "/reload-date", {"date": "latest"})[1]["new_date"] == DAYS[-1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/seek-to-timestamp", {}),
        ("/seek-to-timestamp", {"timestamp": "09:40"}),
        ("/seek-to-timestamp", {"timestamp": True, "key": KEY}),
        ("/seek-to-timestamp", b"["),
        ("/reload-date", {}),
        ("/reload-date", {"date": 20260717}),
        ("/reload-date", {"date": "2001-01-01"}),
        ("/reload-date", {"date": "../.."}),
        ("/reload-date", b"\xff"),
    ],
)
def test_what_the_earlier_names_cannot_do_is_400(plane: Plane, path: str, body: object) -> None:
    plane.act("pause", KEY)
    before = plane.playback(KEY)
    status, answer = plane.call("POST", path, body)
    assert (status, list(answer)) == (400, ["error"])
    assert plane.playback(KEY) == before


@pytest.mark.parametrize("path", ["/reset-cache", "/seek-to-timestamp", "/reload-date"])
def test_they_are_post_only(plane: Plane, path: str) -> None:
    assert plane.call("GET", path)[0] == 405
