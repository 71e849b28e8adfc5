"""What is not used costs nothing: keys that wait, keys whose turn is later, feeds that fail, days that are closed."""

from __future__ import annotations

import gc
import math
import weakref
from collections import Counter

import pytest

from gexfaker.errors import DataError
from gexfaker.hubs.connection import State
from gexfaker.hubs.hub import Bounds
from gexfaker.limits import WORLDS_AT_ONCE
from gexfaker.playback.actions import Pause
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.day import Day
from gexfaker.playback.options import Options, Playback
from gexfaker.playback.plays import restarted
from gexfaker.wire import messages as m
from gexfaker.worlds.change import change
from support.clients import JSON, PROTO, RELIABLE, Client, make_hub
from support.stream import START, Bench, times
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day, record

GROUP, ES_GROUP = "blue_SPX_orderflow_orderflow", "blue_ES_SPX_orderflow_orderflow"
DATES = {DATE: 0, "2026-08-17": 3 * 86_400, "2026-08-18": 4 * 86_400}
LEFT_DATE = "2026-08-17"


def bench(*days: Day, bounds: Bounds | None = None, **options: object) -> Bench:
    return Bench(MemoryDays(*days), Options(**options), {"orderflow": make_hub(bounds)})  # type: ignore[arg-type]


def client_of(stream: Bench, *groups: str, key: str = "key-1", kind: object = JSON) -> Client:
    return Client(stream.all_hubs["orderflow"], kind, user_id=key, groups=groups or (GROUP,))  # type: ignore[arg-type]


# --- speed 0 -------------------------------------------------------------------------------------


def test_while_a_client_is_behind_at_speed_0_there_is_nothing_to_wake_up_for() -> None:
    stream = bench(day(at_times(range(OPEN, OPEN + 500))), bounds=Bounds(queued_messages=20), speed=0.0)
    slow = client_of(stream, kind=RELIABLE)
    stream.run(START + 0.3)
    assert stream.next_turn(stream.now) is None
    slow.send(m.SequenceAck(8))
    assert (stream.next_turn(stream.now) or math.inf) <= stream.now


@pytest.mark.parametrize("kind", [JSON, PROTO])
def test_while_a_socket_is_full_at_speed_0_there_is_nothing_to_wake_up_for(kind: object) -> None:
    stream = bench(day(at_times(range(OPEN, OPEN + 500))), speed=0.0)
    client = client_of(stream, kind=kind)
    client.connection.blocked = True
    stream.turn()
    assert stream.next_turn(stream.now + 1) is None
    stream.all_hubs["orderflow"].unblock(client.connection)
    assert (stream.next_turn(stream.now + 1) or math.inf) <= stream.now + 1


def test_who_waits_at_speed_0_goes_on_when_the_client_that_was_behind_has_gone() -> None:
    stream = bench(day(at_times(range(OPEN, OPEN + 500))), bounds=Bounds(queued_messages=20), speed=0.0)
    slow, fast = client_of(stream, kind=RELIABLE), client_of(stream)
    stream.run(START + 0.3)
    assert len(times(fast)) < 500
    slow.lose(stream.now)
    stream.all_hubs["orderflow"].expire(stream.now + 3600)
    stream.run(START + 0.6)
    assert times(fast) == list(range(OPEN, OPEN + 500))


# --- many keys -----------------------------------------------------------------------------------


def test_a_wake_up_looks_at_no_key_whose_turn_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = bench(day(at_times(range(OPEN, OPEN + 600))))
    for number in range(200):
        client_of(stream, key=f"key-{number}")
        stream.run(START + number / 200)
    stream.run(START + 5)
    asked = Counter[str]()
    original = ClockPlay.next_turn

    def counted(play: ClockPlay, now: float) -> float | None:
        asked["next turn"] += 1
        return original(play, now)

    monkeypatch.setattr(ClockPlay, "next_turn", counted)
    wakes = 0
    while stream.now < START + 6:
        stream.run(stream.now + 0.001)
        wakes += 1
    assert wakes >= 900
    assert 200 <= asked["next turn"] <= 3 * 200, "each has one turn, and is asked in it and after it"


def test_of_very_many_keys_a_wake_up_begins_a_bounded_number_and_all_get_theirs() -> None:
    count = 3 * WORLDS_AT_ONCE
    stream = bench(day(at_times(range(OPEN, OPEN + 60))))
    clients = [client_of(stream, key=f"key-{number}") for number in range(count)]
    began = 0
    while began < count:
        stream.next_turn(stream.now)
        stream.begin(stream.now)
        begun = len(stream._under_way)
        assert begun <= WORLDS_AT_ONCE
        began += begun
        while stream.advance():
            stream.drain()
    stream.run(START + 10.5)
    assert {tuple(times(client)) for client in clients} == {tuple(range(OPEN, OPEN + 11))}


# --- a feed that fails, a day that is gone --------------------------------------------------------


class BrokenTape(MemoryTape):
    """A tape whose disk fails as soon as something is looked for in it."""

    def index_at(self, timestamp: int) -> int:
        raise DataError("disk failure")

    def has(self, index: int) -> bool:
        raise DataError("disk failure")


@pytest.mark.parametrize("playback", list(Playback))
def test_a_feed_that_fails_takes_nothing_from_the_key_s_other_feeds(
    playback: Playback, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BrokenTape([b"{}"], ES_SPX)
    stream = bench(day(at_times(range(OPEN, OPEN + 30)), broken), playback=playback, interval=1.0)
    client = client_of(stream, ES_GROUP, GROUP)
    stream.run(START + 10.5)
    assert times(client)[:10] == list(range(OPEN, OPEN + 10))
    said = [line for line in caplog.messages if "disk failure" in line]
    assert len(said) == 1
    assert "ES_SPX" in said[0]


class GoneDays(MemoryDays):
    """Days whose files are deleted when told."""

    gone = False
    asked = 0

    def day(self, date: str) -> Day:
        self.asked += 1
        if self.gone:
            raise DataError(f"no data for {date}")
        return super().day(date)


@pytest.mark.parametrize("playback", list(Playback))
def test_a_key_whose_day_is_gone_can_be_finished_and_says_whose_day_it_was(
    playback: Playback, caplog: pytest.LogCaptureFixture
) -> None:
    days = GoneDays(day(at_times(range(OPEN, OPEN + 30))))
    stream = Bench(days, Options(playback=playback), {"orderflow": make_hub()})
    client = client_of(stream)
    stream.run(START + 2.5)
    days.gone = True
    stream.finish(stream.worlds.get("key-1"), stream.now + 5)
    stream.run(START + 10)
    assert client.state is State.OPEN
    assert any(DATE in line and "key-1" in line for line in caplog.messages)
    days.asked = 0
    stream.run(stream.now + 5)
    assert 0 < days.asked < 100, "it is looked at now and then only"
    change(stream.worlds.get("key-1"), Pause(), stream.now)
    assert stream.worlds.get("key-1").play.paused
    assert not any("hub ''" in line for line in caplog.messages)


def test_a_day_that_is_gone_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    days = GoneDays(day(at_times(range(OPEN, OPEN + 30))))
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    client_of(stream)
    days.gone = True
    stream.run(START + 10)
    assert len(caplog.messages) == 1


# --- days that nobody plays ----------------------------------------------------------------------


def test_tapes_of_a_day_that_was_left_are_not_kept() -> None:
    libraries = [day(at_times(range(OPEN + at, OPEN + at + 30), date=date), date=date) for date, at in DATES.items()]
    tapes = [weakref.ref(library.tape(SPX)) for library in libraries]
    days = MemoryDays(*libraries)
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    client = client_of(stream)
    world = stream.worlds.get("key-1")
    for number, date in enumerate(list(DATES)[1:], 1):
        world.become(restarted(world.play, date))
        stream.run(START + 10 * number)
    assert len(times(client)) > 15
    libraries.clear()
    days.libraries.pop(LEFT_DATE)
    gc.collect()
    assert [tape() is None for tape in tapes] == [False, True, False]


class PreparedTape(MemoryTape):
    """A tape for which nothing has to be encoded ahead."""

    @property
    def is_prepared(self) -> bool:
        return True


def test_a_prepared_day_that_was_left_is_not_kept() -> None:
    dates = list(DATES.items())
    tapes = [PreparedTape([record(OPEN + at + second) for second in range(30)], SPX, date) for date, at in dates[:2]]
    plain = at_times(range(OPEN + dates[2][1], OPEN + dates[2][1] + 30), date=dates[2][0])
    days = MemoryDays(*(day(tape, date=tape.date) for tape in [*tapes, plain]))
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    client_of(stream)
    world, left = stream.worlds.get("key-1"), weakref.ref(days.libraries[LEFT_DATE])
    for number, date in enumerate(list(DATES)[1:], 1):
        world.become(restarted(world.play, date))
        stream.run(START + 5 * number)
        list(stream.prepare())
        stream.run(START + 5 * number + 2)
    days.libraries.pop(LEFT_DATE)
    gc.collect()
    assert left() is None


def test_keys_that_come_and_go_while_the_market_is_closed_are_forgotten() -> None:
    days = MemoryDays(day(at_times(range(OPEN, OPEN + 30))))
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    stays = client_of(stream, key="stays")
    for number in range(500):
        client = client_of(stream, key=f"key-{number}")
        client.lose(stream.now)
        stream.all_hubs["orderflow"].expire(stream.now + 3600)
    stream.rest()
    assert [world.id for world in stream.worlds.take_touched()] == ["stays"]
    assert stays.state is State.OPEN


# --- one turn that is more than may wait ----------------------------------------------------------


@pytest.mark.parametrize("queued", [1, 2, 5])
def test_a_turn_of_more_messages_than_may_wait_cuts_nobody(queued: int) -> None:
    tickers = ("SPX", "NDX", "SPY", "QQQ", "RUT", "VIX")
    tapes = [at_times(range(OPEN, OPEN + 30), type(SPX)(name, "orderflow", "orderflow")) for name in tickers]
    stream = bench(day(*tapes), bounds=Bounds(queued_messages=queued))
    groups = [f"blue_{name}_orderflow_orderflow" for name in tickers]
    client = client_of(stream, *groups, kind=RELIABLE)
    for quarter in range(80):
        stream.run(START + quarter / 4)
        client.send(m.SequenceAck(len(times(client))))
    assert client.state is State.OPEN
    assert len(times(client)) == 20 * len(tickers)


@pytest.mark.parametrize("queued", [1, 2, 5])
def test_who_never_acknowledges_is_cut_all_the_same(queued: int) -> None:
    stream = bench(day(at_times(range(OPEN, OPEN + 60))), bounds=Bounds(queued_messages=queued))
    client = client_of(stream, kind=RELIABLE)
    stream.run(START + 20)
    assert client.state is not State.OPEN
