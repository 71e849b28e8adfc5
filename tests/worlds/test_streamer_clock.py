"""The feed in clock mode: every due record once, in order, at its time; jumps, newcomers, slow clients, live stamps."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Any

import pytest

from gexfaker.catalog import Feed, explicit
from gexfaker.errors import DataError
from gexfaker.hubs.connection import State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort
from gexfaker.limits import MAX_TURN_RECORDS, RECORDS_AT_ONCE, STEP_PATIENCE_SECONDS
from gexfaker.playback.day import Day
from gexfaker.playback.options import CacheMode, Options, Playback, Timestamps
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SIMPLE
from support import independent
from support.clients import DIALECTS, JSON, PROTO, RELIABLE, Client, frames_of, make_hub
from support.session import Session, Sessions, apply, recall, remember
from support.stream import START, Bench, times
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day

GROUP, ES_GROUP = "blue_SPX_orderflow_orderflow", "blue_ES_SPX_orderflow_orderflow"
TICKERS = ("SPX", "NDX", "SPY", "QQQ", "RUT", "VIX")
KEYS = ("a", "b", "c")
NEXT_DATE = "2026-08-17"
WEEKEND = 3 * 86_400
FIRST = OPEN + 2

STAMPS: list[int | None] = [
    OPEN - 86_400,
    *(OPEN + number for number in (2, 3, 3, 4)),
    None,
    *(OPEN + number for number in (5, 9, 10)),
    None,
    None,
    *(OPEN + number for number in range(11, 60)),
]
DUE = [stamp for stamp in STAMPS if stamp is not None and stamp >= OPEN]


def named(name: str, bounds: Bounds | None = None) -> Hub:
    hub = make_hub(bounds)
    return Hub(name, hub._new_id, hub._sign, bounds)


def bench(*tapes: MemoryTape, bounds: Bounds | None = None, **options: object) -> Bench:
    """A streamer in clock mode, with one hub."""
    days = MemoryDays(day(*(tapes or (at_times(STAMPS),))))
    return Bench(days, Options(**options), {"orderflow": make_hub(bounds)})  # type: ignore[arg-type]


def client_of(stream: Bench, *groups: str, key: str = "key-1", kind: object = JSON) -> Client:
    """A client that is in these groups."""
    hub = stream.all_hubs["orderflow"]
    return Client(hub, kind, user_id=key, groups=groups or (GROUP,))  # type: ignore[arg-type]


def session_of(stream: Bench, key: str = "key-1") -> Session:
    session = stream.sessions.peek(key)
    assert session is not None
    return session


def do(stream: Bench, action: str, /, key: str = "key-1", **arguments: Any) -> None:
    """As the control plane does it: what was due before goes out first."""
    for hub in stream.all_hubs.values():
        hub.drain()
    apply(stream.sessions.get(key), action, arguments, stream.sessions.options, stream.now)


def rest(stream: Bench, key: str = "key-1", feed: Feed = SPX) -> int:
    """The timestamp of the record that REST gets."""
    session = stream.sessions.get(key)
    tape = session.library.tape(feed)
    assert tape is not None
    return tape.timestamp(session.snapshot(tape, "record", stream.now))


def upto(stamps: Iterable[int | None], after: float, market: float) -> list[int]:
    return [stamp for stamp in stamps if stamp is not None and after < stamp <= market]


# --- every record once, in order, at its time ----------------------------------------------------


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0, 60.0, 1000.0])
def test_every_kind_of_client_gets_every_record_once_in_order(speed: float) -> None:
    stream = bench(speed=speed)
    clients = [client_of(stream, kind=kind) for kind in DIALECTS]
    simple = client_of(stream, kind=SIMPLE)
    stream.run(START + 60 / speed + 0.1)
    assert [times(client) for client in clients] == [DUE] * 4
    bare = [bytes(frame.data) for frame in independent.client_frames(frames_of(simple.done))]
    assert [independent.orderflow_payload(content)["timestamp"] for content in bare] == DUE
    assert stream.sent == 5 * len(DUE)
    assert stream.encoded.skipped <= 3


@pytest.mark.parametrize("speed", [1.0, 8.0])
def test_records_come_at_their_recorded_spacing(speed: float) -> None:
    stream, arrived = bench(speed=speed), list[tuple[float, int | str]]()
    client = client_of(stream)
    while stream.now < START + 60 / speed:
        before = len(client.done)
        stream.run(stream.now + 0.005)
        arrived += [(stream.now, stamp) for stamp in times(client, before)]
    assert [stamp for _, stamp in arrived] == DUE
    for at, stamp in arrived[1:]:
        assert isinstance(stamp, int)
        assert 0 <= at - (START + (stamp - FIRST) / speed) <= 0.02, "not early, and within 20 ms"


def test_an_unreadable_record_takes_none_of_the_others_with_it() -> None:
    """All of these are due in one turn, the unreadable one first."""
    stream = bench(at_times([OPEN, None, None, OPEN + 1, OPEN + 2, None, OPEN + 3]))
    client = client_of(stream)
    stream.run(START + 0.5)
    stream.now += 2.6
    stream.turn()
    assert times(client) == [OPEN, OPEN + 1, OPEN + 2, OPEN + 3]


def test_a_session_s_feeds_are_carried_by_two_hubs_at_once() -> None:
    stream = bench()
    stream.put("v2_orderflow", named("v2_orderflow"))
    old = client_of(stream)
    new = Client(stream.all_hubs["v2_orderflow"], groups=("SPX_orderflow_orderflow",))
    stream.run(START + 20)
    assert times(old) == times(new) == upto(STAMPS, OPEN, FIRST + 20)


def test_an_explicit_expiry_sends_every_fifth_record_at_its_time() -> None:
    expiry = explicit("SPX", "orderflow", "orderflow", datetime.date.fromisoformat(DATE)).group
    stream = bench(at_times(range(OPEN, OPEN + 23)), speed=2.0)
    standard, fifth = client_of(stream), client_of(stream, f"blue_{expiry}")
    stream.run(START + 5.25)
    assert (times(standard), times(fifth)) == (list(range(OPEN, OPEN + 11)), [OPEN, OPEN + 5, OPEN + 10])
    stream.now += 4.9
    stream.turn()
    assert times(fifth) == [OPEN, OPEN + 5, OPEN + 10, OPEN + 15, OPEN + 20], "also of many at once"
    late = client_of(stream, f"blue_{expiry}", key="key-2")
    do(stream, "seek", key="key-2", index=3)
    stream.run(stream.now + 4)
    assert times(late) == [OPEN + 5, OPEN + 10], "the same ones, wherever one begins"


# --- who comes and goes --------------------------------------------------------------------------


def test_a_newly_joined_group_gets_what_is_due_from_then_on() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 100)), at_times(range(OPEN, OPEN + 100), ES_SPX))
    first = client_of(stream)
    stream.run(START + 10.5)
    second = client_of(stream)
    first.send(m.JoinGroup(ES_GROUP))
    before = len(first.done)
    stream.run(START + 12.5)
    assert times(second) == [OPEN + 11, OPEN + 12]
    assert times(first, before) == [OPEN + 11, OPEN + 11, OPEN + 12, OPEN + 12]
    first.send(m.LeaveGroup(ES_GROUP))
    stream.run(START + 20.5)
    before = len(first.done)
    first.send(m.JoinGroup(ES_GROUP))
    stream.run(START + 21.5)
    assert times(first, before) == [OPEN + 21] * 2


@pytest.mark.parametrize("away", [0.0, 30.0, 4000.0])
def test_who_comes_back_is_not_sent_what_was_due_meanwhile(away: float) -> None:
    stream = bench(at_times(range(OPEN, OPEN + 6000)))
    client = client_of(stream)
    stream.run(START + 5.5)
    stream.all_hubs["orderflow"].end(client.connection)
    stream.run(START + 6.5, longest=0.5)
    stream.now += away
    stream.turn()
    back = client_of(stream)
    stream.run(START + away + 8.5)
    assert times(back) == [OPEN + second + away for second in (6, 7, 8)]
    assert session_of(stream).dropped == 0


def test_who_comes_after_rest_was_used_begins_where_rest_is() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 6000)))
    assert rest(stream) == OPEN
    stream.now += 1800.5
    assert rest(stream) == OPEN + 1800
    client = client_of(stream)
    stream.run(stream.now + 3)
    assert times(client) == [OPEN + 1800, OPEN + 1801, OPEN + 1802, OPEN + 1803]


def test_after_rest_was_used_the_position_that_is_told_goes_on_with_the_feed() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 60)))
    rest(stream)
    client = client_of(stream)
    stream.run(START + 10.5)
    told = session_of(stream).used()[SPX]
    assert OPEN + told == times(client)[-1] == OPEN + 10


def test_rest_after_the_feed_tells_the_further_of_both() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 60)))
    client = client_of(stream)
    stream.run(START + 5.5)
    client.lose(stream.now)
    stream.now = START + 20.5
    assert rest(stream) == OPEN + session_of(stream).used()[SPX] == OPEN + 20


def test_a_client_that_hears_nothing_starts_no_clock() -> None:
    stream = bench()
    client_of(stream, "blue_NDX_orderflow_orderflow")
    stream.run(START + 5)
    assert session_of(stream).clock is None
    client = client_of(stream)
    stream.run(START + 7.5)
    assert times(client) == upto(STAMPS, OPEN, FIRST + 2.5)


def test_after_a_sleep_the_newest_records_come_and_the_others_are_counted() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 9000)), bounds=Bounds(queued_messages=5000))
    client = client_of(stream)
    stream.run(START + 10.5)
    before = len(client.done)
    stream.now += 7200
    stream.turn()
    assert times(client, before) == list(range(OPEN + 7210 - MAX_TURN_RECORDS + 1, OPEN + 7211))
    assert session_of(stream).dropped == 7200 - MAX_TURN_RECORDS


@pytest.mark.parametrize("paused", [True, False])
def test_a_step_of_more_than_a_turn_may_send_passes_nothing_over(paused: bool) -> None:
    feeds = [Feed(ticker, "orderflow", "orderflow") for ticker in TICKERS[:3]]
    tapes = [at_times(range(OPEN, OPEN + 9000), feed) for feed in feeds]
    stream = bench(*tapes, bounds=Bounds(queued_messages=20_000))
    clients = [client_of(stream, f"blue_{feed.group}") for feed in feeds]
    stream.run(START + 3.5)
    if paused:
        do(stream, "pause")
    before = [len(client.done) for client in clients]
    do(stream, "step", count=MAX_TURN_RECORDS + 200)
    while session_of(stream).next_turn(stream.now) == stream.now:
        stream.turn()
    wanted = list(range(OPEN + 4, OPEN + 4 + MAX_TURN_RECORDS + 200))
    assert [times(client, start) for client, start in zip(clients, before, strict=True)] == [wanted] * 3
    assert session_of(stream).dropped == 0


# --- jumps, pauses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jump",
    [
        ("seek", {"time": "09:30:30"}),
        ("reset", {}),
        ("day", {"date": DATE}),
        ("mode", {"playback": "step"}),
    ],
)
def test_a_jump_in_the_middle_of_a_tick_stops_the_old_timeline(jump: tuple[str, dict[str, str]]) -> None:
    """Another task changes the session while the tick takes a breath between two groups."""
    assert len(TICKERS) > RECORDS_AT_ONCE
    feeds = [Feed(ticker, "orderflow", "orderflow") for ticker in TICKERS]
    stream = bench(*(at_times(range(OPEN, OPEN + 100), feed) for feed in feeds))
    both = client_of(stream, *(f"blue_{feed.group}" for feed in feeds))
    other = client_of(stream, key="key-2")
    stream.run(START + 5.5)
    before, before_other = len(both.done), len(other.done)
    stream.now = START + 6
    tick = stream.tick(stream.now)
    for _ in range(2):  # a part of each key's turn
        next(tick)
    do(stream, jump[0], **jump[1])
    for _ in tick:
        pass
    for hub in stream.all_hubs.values():
        hub.drain()
    assert times(both, before) == [], "nothing of the old timeline after the jump"
    assert session_of(stream).used() == {}, "nor does it leave a position"
    assert times(other, before_other) == [OPEN + 6], "the other key feels nothing"
    before = len(both.done)
    stream.run(START + 6.5)
    fresh = {"seek": OPEN + 30, "reset": OPEN, "day": OPEN, "mode": None}[jump[0]]
    assert set(times(both, before)) <= {fresh}
    stream.run(START + 7.5)
    got = times(both, before)
    assert got == sorted(got, key=int), "one timeline"
    assert OPEN + 6 not in got


def test_after_a_jump_no_record_of_before_it_comes() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 5000)))
    client = client_of(stream)
    stream.run(START + 3.5)
    for target, expected in ((4000, [4000, 4001]), (100, [100, 101]), (0, [0, 1])):
        before = len(client.done)
        do(stream, "seek", index=target)
        assert rest(stream) == OPEN + target
        stream.run(stream.now + 1.5)
        assert times(client, before) == [OPEN + number for number in expected]


def test_a_paused_session_is_silent_and_steps_when_told() -> None:
    stream = bench()
    client = client_of(stream)
    stream.run(START + 3.5)
    do(stream, "pause")
    stream.run(START + 30)
    assert times(client) == upto(STAMPS, OPEN, FIRST + 3.5)
    assert stream.next_turn(stream.now) is None
    do(stream, "step", count=5)
    stream.run(START + 31)
    assert times(client) == upto(STAMPS, OPEN, FIRST + 8.5)
    assert rest(stream) == OPEN + 10
    do(stream, "resume")
    stream.run(START + 33)
    assert times(client) == upto(STAMPS, OPEN, FIRST + 10.5)


@pytest.mark.parametrize("jump", [None, "09:30:04"], ids=["where it stood", "after a jump"])
def test_who_comes_first_while_the_key_is_paused_gets_the_record_of_that_moment(jump: str | None) -> None:
    stream = bench()
    hub = stream.all_hubs["orderflow"]
    before = client_of(stream)
    stream.run(START + 3.5)
    do(stream, "pause")
    if jump:
        do(stream, "seek", time=jump)
        stream.run(START + 4)
    newest = times(before)[-1]
    for _ in range(3):
        hub.end(before.connection)
        stream.run(stream.now + 1)
        before = client_of(stream)
        stream.run(stream.now + 1)
        assert times(before) == [newest], "once, and nothing more"
    beside = client_of(stream)
    stream.run(stream.now + 5)
    assert times(beside) == [], "nobody is sent a record twice"
    do(stream, "resume")
    stream.run(stream.now + 5)
    assert times(before) == [newest, *times(beside)]
    assert len(times(beside)) > 1
    assert newest not in times(beside)


@pytest.mark.parametrize("mode", [CacheMode.HOLD, CacheMode.EXHAUST])
def test_who_comes_after_the_end_of_the_day_gets_what_rest_answers(mode: CacheMode) -> None:
    stream = bench(cache_mode=mode)
    hub = stream.all_hubs["orderflow"]
    first = client_of(stream)
    stream.run(START + 90, longest=1.0)
    assert times(first)[-1] == OPEN + 59
    hub.end(first.connection)
    stream.run(stream.now + 2, longest=1.0)
    late = client_of(stream)
    stream.run(stream.now + 5, longest=1.0)
    assert times(late) == ([OPEN + 59] if mode is CacheMode.HOLD else [])


def test_nobody_listening_means_nothing_to_wait_for() -> None:
    stream = bench()
    rest(stream)
    assert stream.next_turn(stream.now) is None
    client = client_of(stream)
    assert stream.next_turn(stream.now) is not None
    stream.all_hubs["orderflow"].end(client.connection)
    assert stream.next_turn(stream.now) is None


def test_encoding_ahead_goes_on_for_the_others_when_a_day_is_gone() -> None:
    days = MemoryDays(
        day(at_times(range(OPEN, OPEN + 50))), day(at_times([OPEN + 86_400], date=NEXT_DATE), date=NEXT_DATE)
    )
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    stream.sessions.get("gone").restart(NEXT_DATE)
    client_of(stream, key="gone")
    client_of(stream, key="there")
    stream.turn()
    del days.libraries[NEXT_DATE]
    before = stream.encoded.encoded
    for _ in stream.prepare():
        pass
    assert stream.encoded.encoded == before + 1


@pytest.mark.parametrize("mode", Playback)
def test_a_turn_under_way_when_the_feed_comes_to_rest_is_not_lost(mode: Playback) -> None:
    tapes = [at_times(range(OPEN, OPEN + 20), Feed(ticker, "orderflow", "orderflow")) for ticker in TICKERS]
    stream = bench(*tapes, playback=mode)
    client = client_of(stream, *(f"blue_{ticker}_orderflow_orderflow" for ticker in TICKERS))
    stream.run(START + 2.5)
    stream.now = START + 3.5
    stream.begin(stream.now)
    assert stream.advance()
    stream.rest()
    restored = Sessions(stream.sessions.days, stream.sessions.options)
    recall(restored, remember(stream.sessions, stream.now), stream.now)
    stream.sessions = restored
    stream.run(START + 6)
    seen = sorted(times(client), key=int)
    assert seen == sorted([*range(OPEN, OPEN + len(seen) // len(TICKERS))] * len(TICKERS))


# --- as fast as the client takes it --------------------------------------------------------------


def test_speed_0_waits_for_a_client_that_is_behind() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), bounds=Bounds(queued_messages=20), speed=0.0)
    slow = client_of(stream, kind=RELIABLE)
    fast = client_of(stream, key="key-2")
    stream.run(START + 0.3)
    assert times(slow) == list(range(OPEN, OPEN + 11)), "half of what may be unacknowledged, and one turn"
    assert times(fast) == list(range(OPEN, OPEN + 500)), "the other key does not wait"
    for acknowledged in range(8, 500, 8):
        slow.send(m.SequenceAck(acknowledged))
        stream.run(stream.now + 0.05)
        assert len(slow.connection.unacknowledged) <= 20 // 2 + 1
    assert slow.state is State.OPEN
    assert times(slow) == times(fast) == list(range(OPEN, OPEN + 500))


def test_speed_0_waits_for_a_socket_that_takes_no_more() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), speed=0.0)
    one, two = client_of(stream), client_of(stream, kind=PROTO)
    stream.run(START + 0.05)
    two.connection.blocked = True
    seen = times(one)
    stream.run(START + 0.2)
    assert times(one) == seen, "both are of one key, and a feed moves once"
    stream.all_hubs["orderflow"].unblock(two.connection)
    stream.run(START + 1)
    assert times(one) == times(two) == list(range(OPEN, OPEN + 500))


@pytest.mark.parametrize(
    "options", [{"speed": 1.0}, {"playback": Playback.STEP, "interval": 1000.0}], ids=["clock", "step"]
)
def test_a_step_waits_for_a_silent_client_for_a_while_and_then_goes_on(options: dict[str, Any]) -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), bounds=Bounds(queued_messages=20), **options)
    silent, other = client_of(stream, kind=RELIABLE), client_of(stream)
    stream.run(START + 0.3)
    do(stream, "step", count=100)
    stream.run(stream.now + STEP_PATIENCE_SECONDS - 0.5)
    assert 10 < len(times(other)) < 20, "half of what may be unacknowledged"
    stream.run(stream.now + 2)
    assert silent.ending == Abort(), "it is cut as one that is too slow"
    assert times(other)[:101] == list(range(OPEN, OPEN + 101))


@pytest.mark.parametrize(
    "options", [{"speed": 1.0}, {"playback": Playback.STEP, "interval": 1000.0}], ids=["clock", "step"]
)
def test_a_pause_right_behind_a_step_withholds_nothing_of_it(options: dict[str, Any]) -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), **options)
    client = client_of(stream)
    stream.run(START + 0.3)
    do(stream, "pause")
    had = len(times(client))
    for _ in range(2):
        do(stream, "step", count=10)
        do(stream, "pause")
        stream.run(stream.now + 1)
    assert times(client) == list(range(OPEN, OPEN + had + 20))


def test_a_step_goes_on_as_fast_as_its_clients_acknowledge() -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), bounds=Bounds(queued_messages=20), speed=1.0)
    client = client_of(stream, kind=RELIABLE)
    stream.run(START + 0.3)
    do(stream, "step", count=100)
    for _ in range(12):
        stream.run(stream.now + 1.0)
        client.send(m.SequenceAck(client.connection.numbered))
    assert client.state is State.OPEN
    assert times(client)[:112] == list(range(OPEN, OPEN + 112))


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_client_may_leave_as_much_unacknowledged_at_any_speed_as_in_the_market(speed: float) -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), bounds=Bounds(queued_messages=20), speed=speed)
    client = client_of(stream, kind=RELIABLE)
    for _ in range(20):
        stream.run(stream.now + 1.0)
        client.send(m.SequenceAck(client.connection.numbered))
    assert client.state is State.OPEN
    stream.run(stream.now + 19.0)
    assert client.state is State.OPEN
    stream.run(stream.now + 4.0)
    assert client.ending == Abort(), "one that acknowledges nothing for twenty seconds"


@pytest.mark.parametrize("lost_first", [True, False])
def test_speed_0_goes_on_for_a_client_whose_full_socket_was_lost_or_taken_over(lost_first: bool) -> None:
    stream = bench(at_times(range(OPEN, OPEN + 500)), speed=0.0)
    client = client_of(stream, kind=RELIABLE)
    stream.run(START + 0.05)
    client.connection.blocked = True
    if lost_first:
        client.lose(stream.now)
    assert client.recover()
    client.send(m.SequenceAck(len(times(client))))
    stream.run(START + 1)
    client.send(m.SequenceAck(500))
    assert times(client)[-1] == OPEN + 499


def test_speed_0_passes_gaps_in_no_time_and_rests_at_the_end() -> None:
    stream = bench(speed=0.0)
    client = client_of(stream)
    stream.run(START + 0.5)
    assert times(client) == DUE
    at = stream.next_turn(stream.now)
    assert at is not None
    assert at > stream.now + 0.1, "nothing is left to hurry for"


# --- REST and the feed of a key ------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, 0.3, 1.0, 5.0, 50.0])
def test_rest_and_the_feed_agree_within_a_record_at_every_instant(speed: float) -> None:
    stamps = [stamp for stamp in dict.fromkeys(STAMPS) if stamp is not None and stamp >= OPEN]
    stream = bench(at_times(stamps), speed=speed)
    client = client_of(stream)
    stream.run(START + 0.02)
    got = times(client)
    for number in range(400):
        before = len(client.done)
        stream.run(stream.now + (0.002 if number % 3 else 0.11))
        got += times(client, before)
        if got:
            newest = got[-1]
            assert isinstance(newest, int)
            asked, sent = stamps.index(rest(stream)), stamps.index(newest)
            assert 0 <= asked - sent <= 1
    assert got == stamps[: len(got)]
    assert len(got) > 3


# --- the end of the day --------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, 1.0, 20.0, 1000.0])
@pytest.mark.parametrize("mode", CacheMode)
def test_the_end_of_the_day(mode: CacheMode, speed: float) -> None:
    days = [range(OPEN, OPEN + 4), range(OPEN + WEEKEND, OPEN + WEEKEND + 4)]
    libraries = [
        day(at_times(stamps), at_times(stamps, ES_SPX), date=date)
        for stamps, date in zip(days, (DATE, NEXT_DATE), strict=True)
    ]
    options = Options(cache_mode=mode, speed=speed)
    stream = Bench(MemoryDays(*libraries), options, {"orderflow": make_hub()})
    client = client_of(stream)
    gone = client_of(stream, ES_GROUP)
    stream.run(START + 0.02)
    gone.send(m.LeaveGroup(ES_GROUP))
    stream.run(START + (14 if speed else 2), longest=0.5)
    got, once = times(client), [*days[0]]
    if mode is CacheMode.ROTATION:
        assert got[:12] == once * 3
        assert got == (once * len(got))[: len(got)]
    else:
        assert got == ([*once, *days[1]] if mode is CacheMode.NEXT else once)
    assert session_of(stream).day == (NEXT_DATE if mode is CacheMode.NEXT else DATE)
    assert session_of(stream).dropped == 0


def test_keys_turn_the_day_on_their_own() -> None:
    first, second = at_times(range(OPEN, OPEN + 10)), at_times(range(OPEN + WEEKEND, OPEN + WEEKEND + 10))
    days = MemoryDays(day(first), day(second, date=NEXT_DATE))
    stream = Bench(days, Options(cache_mode=CacheMode.NEXT), {"orderflow": make_hub()})
    one, two = client_of(stream), client_of(stream, key="key-2")
    stream.run(START + 1.5)
    do(stream, "speed", key="key-2", speed=10)
    stream.run(START + 3.5)
    assert times(one) == [*range(OPEN, OPEN + 4)]
    assert (session_of(stream).day, session_of(stream, "key-2").day) == (DATE, NEXT_DATE)
    assert times(two)[:11] == [*range(OPEN, OPEN + 10), OPEN + WEEKEND]


def test_a_day_that_is_gone_silences_its_own_key_only(caplog: pytest.LogCaptureFixture) -> None:
    class Vanishing(MemoryDays):
        def day(self, date: str) -> Day:
            if date == NEXT_DATE:
                raise DataError(f"no data for {date}")
            return super().day(date)

    stamps = range(OPEN, OPEN + 100)
    days = Vanishing(day(at_times(stamps)), day(at_times(stamps), date=NEXT_DATE))
    stream = Bench(days, Options(), {"orderflow": make_hub()})
    lost, other = client_of(stream), client_of(stream, key="key-2")
    stream.sessions.get("key-1").restart(NEXT_DATE)
    stream.run(START + 3.5)
    assert (times(lost), times(other)) == ([], [*range(OPEN, OPEN + 4)])
    assert [item.getMessage().count(NEXT_DATE) for item in caplog.records] == [2]


# --- live timestamps -----------------------------------------------------------------------------


def test_live_timestamps_are_the_times_at_which_records_are_due() -> None:
    stream = bench(timestamps=Timestamps.LIVE)
    stream.now += 0.6
    client = client_of(stream)
    stream.run(START + 30)
    shift = int(START) - FIRST
    assert times(client) == [stamp + shift for stamp in upto(STAMPS, OPEN, FIRST + 30)]


def test_live_timestamps_at_other_speeds_and_after_jumps() -> None:
    stream = bench(timestamps=Timestamps.LIVE, speed=4.0)
    client = client_of(stream)
    stream.run(START + 5)
    assert times(client) == [math.floor(START + (stamp - FIRST) / 4) for stamp in upto(STAMPS, OPEN, FIRST + 20)]
    before = len(client.done)
    do(stream, "seek", time=OPEN + 11)
    stream.run(START + 6.1)
    assert times(client, before) == [math.floor(START + 5 + number / 4) for number in range(5)]


@pytest.mark.parametrize("how", ["paused", "fast"])
def test_live_timestamps_are_now_where_there_is_no_time_for_a_record(how: str) -> None:
    stream = bench(timestamps=Timestamps.LIVE, speed=0.0 if how == "fast" else 1.0)
    if how == "paused":
        do(stream, "pause")
    client = client_of(stream)
    stream.run(START + 100.5, longest=50)
    before = len(client.done)
    do(stream, "seek", time="09:30:50")
    stream.run(START + 100.7)
    assert set(times(client, before)) == {int(START) + 100}


def test_a_key_with_live_timestamps_leaves_the_others_theirs() -> None:
    stream = bench()
    recorded, live = client_of(stream), client_of(stream, key="key-2")
    do(stream, "mode", key="key-2", timestamps="live")
    stream.run(START + 10)
    expected = upto(STAMPS, OPEN, FIRST + 10)
    assert times(recorded) == expected
    assert times(live) == [stamp + int(START) - FIRST for stamp in expected]


def test_who_leaves_before_the_first_look_after_a_pause_is_noticed() -> None:
    """Join, pause, leave, all at once: the session must not count as heard for ever, or its day never rolls."""
    stream = bench(at_times(range(OPEN, OPEN + 5)), cache_mode=CacheMode.ROTATION)
    visitor = client_of(stream)
    stream.finish(stream.worlds.get("key-1"), stream.now)
    assert session_of(stream).heard
    visitor.send(m.LeaveGroup(GROUP))
    stream.begin(stream.now)
    assert not session_of(stream).heard


def test_a_turn_that_was_queued_but_not_begun_is_not_taken_back_with_the_one_before_it() -> None:
    """While the others' turns are made, the control plane changes one whose turn is still to come."""
    stream = bench(*(at_times(range(OPEN, OPEN + 100), Feed(name, "orderflow", "orderflow")) for name in TICKERS))
    clients = [client_of(stream, *(f"blue_{name}_orderflow_orderflow" for name in TICKERS), key=key) for key in KEYS]
    stream.run(START + 3.5)
    stream.now = START + 4
    stream.begin(stream.now)
    assert stream.advance()
    stream.settle(stream.worlds.get(KEYS[-1]))
    do(stream, "speed", key=KEYS[-1], speed=1.0)
    stream.run(START + 6.5)
    for each in clients:
        got = times(each)
        assert len(got) == len(set(got)) * len(TICKERS), "nothing twice"
        assert sorted(set(got), key=int) == list(range(OPEN, OPEN + 7))


@pytest.mark.parametrize("parts", range(1, 12))
def test_a_jump_in_the_middle_of_a_step_does_not_move_the_new_timeline(parts: int) -> None:
    """Wherever the step has come to; also where an unreadable record makes it look for the next one."""
    feeds = [Feed(name, "orderflow", "orderflow") for name in TICKERS]
    tapes = [at_times([None, None, *range(OPEN, OPEN + 50)], feed) for feed in feeds]
    stream = bench(*tapes, playback=Playback.STEP)
    client = client_of(stream, *(f"blue_{feed.group}" for feed in feeds))
    stream.begin(stream.now)
    under_way = all(stream.advance() for _ in range(parts))
    stream.drain()
    sent = times(client)
    do(stream, "seek", time="09:30:30")
    while stream.advance():
        pass
    stream.drain()
    assert not under_way or session_of(stream).used() == {}
    assert times(client) == sent
    stream.run(stream.now + 1.5)
    assert set(times(client, len(client.done) - 1)) == {OPEN + 30}
