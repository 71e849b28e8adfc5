"""Turns take turns: a key that plays fast, or has much to catch up with, holds up nobody."""

from __future__ import annotations

import msgspec
import pytest

from gexfaker.catalog import Feed
from gexfaker.limits import MAX_FINISHED_RECORDS, MAX_TURN_RECORDS
from gexfaker.playback.options import Options
from support.clients import RELIABLE, Client, make_hub
from support.stream import Bench, times
from support.tapes import OPEN, MemoryDays, MemoryTape, day, record

TICKERS = ("SPX", "NDX", "SPY", "QQQ")
LENGTH = 4000


def bench() -> Bench:
    tapes = [
        MemoryTape([record(OPEN + second) for second in range(LENGTH)], Feed(ticker, "orderflow", "orderflow"))
        for ticker in TICKERS
    ]
    return Bench(MemoryDays(day(*tapes)), Options(), {"orderflow": make_hub()})


def groups(*tickers: str) -> tuple[str, ...]:
    return tuple(f"blue_{ticker}_orderflow_orderflow" for ticker in tickers)


def fast(stream: Bench, key: str, speed: float) -> None:
    session = stream.sessions.get(key)
    session.options = msgspec.structs.replace(session.options, speed=speed)
    if session.clock is not None:
        session.clock.set_speed(speed, stream.now)


@pytest.mark.long
def test_a_slow_key_gets_its_record_while_a_fast_one_has_hundreds() -> None:
    stream = bench()
    hub = stream.all_hubs["orderflow"]
    hog = Client(hub, user_id="hog", groups=groups(*TICKERS))
    fast(stream, "hog", 1000.0)
    stream.turn()
    stream.now += 1.0
    victim = Client(hub, user_id="victim", groups=groups("SPX"))
    stream.begin(stream.now)
    steps = 0
    while not times(victim):
        assert stream.advance()
        stream.drain()
        steps += 1
    assert steps <= 5
    assert len(times(hog)) < 10, "the other one is still at it"
    while stream.advance():
        pass
    stream.drain()
    assert len(times(hog)) > 300


def test_a_turn_has_a_bound_for_all_feeds_together_and_what_is_left_out_is_counted() -> None:
    stream = bench()
    client = Client(stream.all_hubs["orderflow"], user_id="hog", groups=groups(*TICKERS))
    fast(stream, "hog", 1000.0)
    stream.turn()
    before = len(times(client))
    stream.now += 3.0
    stream.turn()
    got = len(times(client)) - before
    assert got == MAX_TURN_RECORDS
    session = stream.sessions.get("hog")
    assert session.dropped + got == 4 * 3000
    assert times(client)[-1] == OPEN + 3000, "what is sent is the newest"


def test_after_a_long_sleep_a_reliable_client_is_not_cut() -> None:
    stream = bench()
    client = Client(stream.all_hubs["orderflow"], RELIABLE, user_id="laptop", groups=groups(*TICKERS))
    stream.turn()
    stream.now += 3600
    stream.turn()
    assert client.ending is None
    assert stream.all_hubs["orderflow"].overflows == 0


@pytest.mark.parametrize(("speed", "sent"), [(5.0, True), (1000.0, False)])
def test_before_a_pause_a_little_is_finished_and_much_is_taken_back(speed: float, sent: bool) -> None:
    stream = bench()
    client = Client(stream.all_hubs["orderflow"], user_id="key", groups=groups(*TICKERS))
    fast(stream, "key", speed)
    stream.turn()
    before = len(times(client))
    stream.now += 1.0
    assert (speed * len(TICKERS) < MAX_FINISHED_RECORDS) == sent
    stream.finish(stream.worlds.get("key"), stream.now)
    stream.settle(stream.worlds.get("key"))
    stream.sessions.get("key").pause(stream.now)
    assert (len(times(client)) > before) == sent
    after = len(times(client))
    for _ in range(5):
        stream.now += 1.0
        stream.turn()
    assert len(times(client)) == after, "nothing comes while it is paused"
    stream.sessions.get("key").resume(stream.now)
    stream.turn()
    if not sent:
        assert len(times(client)) > after, "what was taken back comes when it goes on"
