"""STATE_FILE: positions survive a restart, an orderly one and a kill; what is no state file is never overwritten."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.limits import REAP_INTERVAL_SECONDS
from gexfaker.playback.actions import Pause, Resume, Seek
from gexfaker.playback.stepplay import StepPlay
from gexfaker.server.service import Service
from gexfaker.settings import load
from gexfaker.worlds.change import change
from gexfaker.worlds.snapshot import encode
from support import data
from support.control import DAYS, SESSIONS, Plane, next_stamp, write_days
from support.raw import joined
from support.server import CLEAN_EXIT, Running, running_process, running_server, serve_command, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

COUNT = 1200
KEPT = ("day", "playback", "cache_mode", "endpoints", "timestamps", "interval", "speed", "start", "paused")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_days(tmp_path_factory.mktemp("days"), COUNT))


@contextmanager
def started(folder: str, state: Path, **settings: str) -> Iterator[tuple[Running, Plane]]:
    given = {"data_dir": folder, "data_date": DAYS[-1], "state_file": str(state)} | settings
    with running_process(**given) as server, Plane(server) as plane:
        yield server, plane


def options(playback: dict[str, Any]) -> dict[str, Any]:
    return {name: playback[name] for name in KEPT}


def test_everything_survives_an_orderly_restart(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with started(folder, state) as (server, plane):
        plane.act("pause", "stands")
        plane.act("seek", "stands", index=321)
        made = {"key": "runs", "date": DAYS[0], "speed": 2, "cache_mode": "rotation", "timestamps": "live"}
        assert plane.call("POST", SESSIONS, made)[0] == 201
        plane.act("seek", "runs", time="09:40")
        plane.act("mode", "steps", playback="step", interval=0.02, endpoints="independent")
        with joined(server.orderflow("steps"), data.group()) as raw:
            while next_stamp(raw) < data.FIRST + 5:
                continue
            plane.act("pause", "steps")
            index = plane.playback("steps")["positions"]["ES_SPX_orderflow_orderflow"]
        before = {key: plane.playback(key) for key in ("stands", "runs", "steps")}
        assert server.stop() == CLEAN_EXIT
    with started(folder, state) as (server, plane):
        after = {key: plane.playback(key) for key in before}
        for key, playback in before.items():
            assert options(after[key]) == options(playback), key
        assert after["stands"]["market_time"] == before["stands"]["market_time"] == data.FIRST + 321
        assert 0 <= after["runs"]["market_time"] - before["runs"]["market_time"] < 2 * 10
        assert any("positions of 3 sessions restored" in line for line in server.stderr)
        with joined(server.orderflow("steps"), data.group()) as raw:
            plane.act("step", "steps")
            assert next_stamp(raw) == data.FIRST + index + 1
        with joined(server.orderflow("stands"), data.group()) as raw:
            plane.act("step", "stands")
            assert next_stamp(raw) in (data.FIRST + 321, data.FIRST + 322)


def test_a_place_that_was_sought_and_not_used_yet_survives(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with started(folder, state, playback="step") as (server, plane):
        plane.act("pause")
        plane.act("seek", index=700)
        assert server.stop() == CLEAN_EXIT
    with started(folder, state, playback="step") as (server, plane), joined(server.orderflow(), data.group()) as raw:
        plane.act("step")
        assert next_stamp(raw) == data.FIRST + 700


def test_positions_survive_a_kill_and_are_at_most_about_a_second_old(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with started(folder, state) as (server, plane):
        plane.act("pause", "stands")
        plane.act("seek", "stands", index=77)
        plane.act("seek", "runs", index=100)
        sought = time.time()
        wait_until(lambda: state.exists() and b'"paused":false' in state.read_bytes(), 5, "a state file")
        wait_until(lambda: time.time() - sought > 1.6, 5, "some time to lose")
        alive = plane.playback("runs")["market_time"]
        server.send_signal(signal.SIGKILL)
        server.join()
        killed = time.time()
    with started(folder, state, speed="1") as (server, plane):
        stands, runs = plane.playback("stands"), plane.playback("runs")
        up = time.time() - killed
        assert stands["market_time"] == data.FIRST + 77
        assert alive - 1.3 <= runs["market_time"] <= alive + up + 0.2


def test_reading_at_any_moment_finds_a_whole_file(folder: str, tmp_path: Path) -> None:
    """It is replaced, not rewritten: a reader never sees half of it, and a kill cannot leave half of it."""
    state, found, over = tmp_path / "state.json", set(), threading.Event()

    def read() -> None:
        while not over.is_set():
            if state.exists():
                found.add(len(msgspec.json.decode(state.read_bytes())["sessions"]))

    with started(folder, state) as (server, plane):
        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(200):
                plane.act("pause", f"key%20{number}")
            wait_until(lambda: 200 in found, 5, "all sessions in the file")
        finally:
            over.set()
            reader.join()
        assert server.stop() == CLEAN_EXIT
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("left", [b"", b"garbage \x00", b'{"version":1,"sess'])
def test_what_an_interrupted_write_left_is_harmless(folder: str, tmp_path: Path, left: bytes) -> None:
    state = tmp_path / "state.json"
    (tmp_path / "state.json.new").write_bytes(left)
    with started(folder, state) as (server, plane):
        plane.act("pause")
        assert server.stop() == CLEAN_EXIT
    assert len(msgspec.json.decode(state.read_bytes())["sessions"]) == 1
    assert not (tmp_path / "state.json.new").exists()


GARBAGE: list[bytes] = [
    b"",
    b"garbage \x00\xff",
    b"[]",
    b'{"version":1}',
    b'{"version":2,"sessions":[]}',
    b'{"version":1,"sessions":[{"id":"key-1"}]}',
    b'{"version":1,"sessions":' + b"[" * 5000,
]
SESSION = (
    '{"version":1,"sessions":[{"id":"key-1","day":"2026-07-17","options":{"playback":"PLAY","speed":SPEED},'
    '"market_time":null,"streamed":0.0,"origin":null,"paused":false,"places":PLACES}]}'
)
GARBAGE += [
    SESSION.replace("PLAY", play).replace("SPEED", speed).replace("PLACES", places).encode()
    for play, speed, places in (
        ("fly", "1", "[]"),
        ("clock", '"fast"', "[]"),
        ("clock", "-5", "[]"),
        ("step", "1", '[[["feed"],1]]'),
        ("step", "1", '[[["feed","a","b","c","d","e","f"],1]]'),
        ("step", "1", '[[["endpoint","a"],1]]'),
        ("step", "1", "[[[],1]]"),
    )
]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_state_file_is_refused_and_left_alone(folder: str, tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(content)
    with pytest.raises(DataError, match="remove it, or set another STATE_FILE") as refused:
        Service(load({"DATA_DIR": folder, "STATE_FILE": str(state)}, {}))
    assert str(refused.value).startswith(f"{state} cannot be used (")
    assert "\n" not in str(refused.value)
    assert state.read_bytes() == content


def test_a_server_says_so_in_one_line_and_ends_with_2(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(GARBAGE[1])
    server = Running(serve_command(data_dir=folder, state_file=str(state), log_level="error"), tmp_path)
    try:
        assert server.join() == 2
        [line] = server.stderr
        assert line.startswith(f"gexfaker: {state} cannot be used (")
        assert state.read_bytes() == GARBAGE[1]
    finally:
        server.kill()


def test_a_day_that_is_gone_starts_anew(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with started(folder, state) as (server, plane):
        plane.act("day", "other", date=DAYS[0])
        assert server.stop() == CLEAN_EXIT
    state.write_bytes(state.read_bytes().replace(DAYS[0].encode(), b"2020-01-02"))
    with started(folder, state) as (_, plane):
        assert plane.playback("other")["day"] == DAYS[-1]


def test_a_place_that_is_not_there_is_refused(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "no" / "such" / "state.json"
    with pytest.raises(DataError, match=f"there is no folder {re.escape(str(state.parent))} for the STATE_FILE"):
        Service(load({"DATA_DIR": folder, "STATE_FILE": str(state)}, {}))


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use is not renamed there")
def test_a_place_that_is_gone_meanwhile_is_a_warning(folder: str, tmp_path: Path) -> None:
    state = tmp_path / "place" / "state.json"
    state.parent.mkdir()
    with started(folder, state) as (server, plane):
        state.parent.rename(tmp_path / "elsewhere")
        plane.act("pause")
        wait_until(lambda: any("cannot be written" in line for line in server.stderr), 5, "a warning")
        state.parent.mkdir(parents=True)
        wait_until(state.exists, 5, "the next attempt")
        assert server.stop() == CLEAN_EXIT
        assert len([line for line in server.stderr if "cannot be written" in line]) == 1
        assert not [line for line in server.stderr if "Traceback" in line]


def test_what_is_kept_in_slices_is_what_is_saved(folder: str, tmp_path: Path) -> None:
    """And while it is put together, the loop goes on."""
    state, now = tmp_path / "state.json", 1_900_000_000.0
    service = Service(load({"DATA_DIR": folder, "STATE_FILE": str(state), "PLAYBACK": "step"}, {}), lambda: now)
    for number in range(20_000):
        play = service.worlds.get(f"key-{number:016x}").play
        assert isinstance(play, StepPlay)
        play.cursors[Feed("SPX", "orderflow", "orderflow")] = number
    service.worlds.changes += 1

    async def run() -> int:
        turns = 0

        async def watch() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        watching = asyncio.create_task(watch())
        await service.state_file.keep(service.worlds, now)
        watching.cancel()
        return turns

    turns = asyncio.run(run())
    service.close()
    wait_until(state.exists, 5, "a state file")
    assert state.read_bytes() == encode(service.worlds, now)
    assert turns >= 3, "20,000 sessions are more than one slice"
    assert REAP_INTERVAL_SECONDS < 1


@pytest.mark.parametrize("playback", ["clock", "step"])
def test_nothing_is_written_while_nothing_changes(folder: str, tmp_path: Path, playback: str) -> None:
    state, now = tmp_path / "state.json", 1_900_000_000.0
    service = Service(load({"DATA_DIR": folder, "STATE_FILE": str(state), "PLAYBACK": playback}, {}), lambda: now)
    world = service.worlds.get("key-1")
    change(world, Seek(time="09:31"), now)
    change(world, Resume(), now)

    def keep() -> None:
        asyncio.run(service.state_file.keep(service.worlds, now))
        service.state_file._writer.submit(lambda: None).result(5)

    keep()
    state.unlink()
    now += 60  # the market clock runs, which the file follows from the real time at which it was set
    keep()
    assert not state.exists()
    change(world, Pause(), now)
    keep()
    assert state.exists()
    service.close()


@pytest.mark.parametrize(("away", "moved"), [(0.0, 30 * 60.0), (3600.0, 30 * 60.0)])
def test_after_a_kill_the_clock_goes_on_from_when_the_server_was_last_there(
    folder: str, tmp_path: Path, away: float, moved: float
) -> None:
    state, now = tmp_path / "state.json", 1_900_000_000.0
    settings = load({"DATA_DIR": folder, "STATE_FILE": str(state), "SPEED": "60"}, {})
    service = Service(settings, lambda: now)
    world = service.worlds.get("key-1")
    change(world, Seek(time="09:31"), now)
    begun = world.play.market_time(now)
    for at in (now, now + 30):
        asyncio.run(service.state_file.keep(service.worlds, at))
        service.state_file._writer.submit(lambda: None).result(5)
    service.close()  # which writes nothing: the system lets go of the lock when a process is killed
    again = Service(settings, lambda: now + 30 + away)
    market = again.worlds.get("key-1").play.market_time(now + 30 + away)
    assert market == pytest.approx((begun or 0) + moved, abs=1)
    again.close()


def test_two_servers_do_not_share_a_state_file(folder: str, tmp_path: Path) -> None:
    settings = load({"DATA_DIR": folder, "STATE_FILE": str(tmp_path / "state.json")}, {})
    first = Service(settings)
    for _ in range(2):
        with pytest.raises(DataError, match="used by another server"):
            Service(settings)
    first.close()
    Service(settings).close()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_only_a_regular_file_is_a_state_file(folder: str, tmp_path: Path, kind: str) -> None:
    state = Path("/dev/full") if kind == "device" else tmp_path / "state.json"
    if kind == "fifo":
        os.mkfifo(state)
    elif kind == "folder":
        state.mkdir()
    with pytest.raises(DataError, match="not a regular file"):
        Service(load({"DATA_DIR": folder, "STATE_FILE": str(state)}, {}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("market_time", 1e18),
        ("market_time", -1.0),
        ("streamed", 1e300),
        ("origin", -1e9),
        ("at", 1e11),
        ("interval", 1e-300),
        ("interval", 0.0),
        ("speed", 1e9),
    ],
)
def test_numbers_that_cannot_be_are_refused(folder: str, tmp_path: Path, name: str, value: float) -> None:
    state = tmp_path / "state.json"
    settings = load({"DATA_DIR": folder, "STATE_FILE": str(state)}, {})
    service = Service(settings)
    change(service.worlds.get("key-1"), Seek(time="09:31"), service.clock())
    service.state_file.save(service.worlds, service.clock())
    service.close()
    content = json.loads(state.read_text())
    [session] = content["sessions"]
    (session if name in ("market_time", "streamed", "origin", "at") else session["options"])[name] = value
    state.write_text(json.dumps(content))
    with pytest.raises(DataError, match="not a state file"):
        Service(settings)
    assert json.loads(state.read_text()) == content


def test_at_speed_0_what_was_sent_is_kept(folder: str, tmp_path: Path) -> None:
    with (
        running_server(data_dir=folder, state_file=str(tmp_path / "state.json"), speed=0) as server,
        joined(server.orderflow(), data.group()) as client,
    ):
        state = tmp_path / "state.json"
        client.read_kind("data")
        wait_until(state.exists, 5, "a state file")
        first = state.read_bytes()
        wait_until(lambda: bool(client.read_frame()) and state.read_bytes() != first, 5, "another state file")
