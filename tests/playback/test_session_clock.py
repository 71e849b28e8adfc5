"""Clock mode, exact to the record: what is due when, at every speed, through pauses, jumps and ends of the day."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.errors import ExhaustedError
from gexfaker.exchange.hours import NEW_YORK, moment
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.playback.options import CacheMode, Options
from gexfaker.playback.turns import IDLE_TURN, SHORTEST_TURN
from support.session import Session
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day

NOW = 1_795_600_000.0
DAY = datetime.date.fromisoformat(DATE)
NEXT_DATE, LAST_DATE = "2026-08-17", "2026-08-18"
WEEKEND = 3 * 86_400
SPEEDS = [0.1, 0.25, 1.0, 2.0, 7.5, 60.0, 1000.0]

AWKWARD: list[int | None] = [
    OPEN - 86_400,  # a stale row of the day before
    *(OPEN + number for number in (2, 3, 3, 3, 4)),
    None,
    *(OPEN + number for number in (5, 7, 10)),
    *(None, None),
    *(OPEN + number for number in (11, 40, 41, 41, 43)),
    None,
    *(OPEN + number for number in range(44, 80)),
]
"""Seconds with several records, gaps, rows that cannot be read."""
FIRST = 1
"""Index of the first record in market hours."""


def made(stamps: Iterable[int | None], **options: object) -> Session:
    return Session("s", MemoryDays(day(at_times(stamps))), Options(**options))  # type: ignore[arg-type]


def tape_of(session: Session, feed: Feed = SPX) -> MemoryTape:
    tape = session.library.tape(feed)
    assert isinstance(tape, MemoryTape)
    return tape


def rest(session: Session, now: float, feed: Feed = SPX) -> int | None:
    """What REST gets; None stands for 404. As a request does, it looks first whether the day is over."""
    session.roll(by_feed=True)
    try:
        return session.snapshot(tape_of(session, feed), "record", now)
    except ExhaustedError:
        return None


@dataclass
class Listener:
    """A client of the session's feed; ``got`` is what arrived when."""

    session: Session
    feed: Feed
    got: list[tuple[float, int]]

    def turn(self, now: float) -> None:
        """As the streamer does it, at ``now``."""
        self.session.roll(by_feed=True)
        tape = tape_of(self.session, self.feed)
        self.session.start(tape, now)
        turn = self.session.turn(now)
        if turn is not None:
            self.got += [(now, index) for index in self.session.due(tape, turn) if tape.records[index] is not None]

    def run(self, now: float, until: float) -> None:
        """Wake up exactly when something may be due."""
        while True:
            self.turn(now)
            at = self.session.next_turn(now)
            if at is None or at > until:
                return
            assert at >= now
            now = at

    @property
    def indexes(self) -> list[int]:
        return [index for _, index in self.got]


def listener(session: Session, now: float, feed: Feed = SPX) -> Listener:
    session.attend(now)
    return Listener(session, feed, [])


def readable(stamps: list[int | None], low: float, high: float) -> list[int]:
    """Indexes of the records with ``low <= time <= high``."""
    return [index for index, stamp in enumerate(stamps) if stamp is not None and low <= stamp <= high]


# --- running -------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.999])
def test_every_record_is_sent_once_in_order_at_its_time(speed: float, fraction: float) -> None:
    session = made(AWKWARD, speed=speed)
    client = listener(session, NOW + fraction)
    client.run(NOW + fraction, NOW + 1 + 100 / speed)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 99)
    assert session.dropped == 0
    assert session.clock is not None
    for at, index in client.got:
        stamp = AWKWARD[index]
        assert stamp is not None
        due = session.clock.real(stamp)
        assert due is not None
        assert -1e-6 <= at - max(due, NOW + fraction) <= SHORTEST_TURN + 1e-6


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_first_answer_is_the_first_record_whenever_the_key_comes(speed: float) -> None:
    for fraction in (0.0, 0.001, 0.5, 0.999):
        session = made(AWKWARD, speed=speed)
        assert rest(session, NOW + fraction) == FIRST
        market = session.market_time(NOW + fraction)
        assert market is not None
        assert OPEN + 2 <= market < OPEN + 3


@pytest.mark.parametrize("speed", SPEEDS)
def test_rest_gets_the_newest_record_however_often_it_asks(speed: float) -> None:
    session = made(AWKWARD, speed=speed)
    rest(session, NOW)
    for half in range(1, 160):
        market = OPEN + 2 + (half + 0.25) / 2
        now = NOW + (market - OPEN - 2) / speed
        newest = readable(AWKWARD, OPEN, market)[-1]
        assert [rest(session, now) for _ in range(3)] == [newest] * 3


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_wake_ups_at_any_time_lose_nothing_and_repeat_nothing(data: st.DataObject) -> None:
    speed = data.draw(st.sampled_from(SPEEDS))
    waits = data.draw(st.lists(st.floats(0.0, 4.0), min_size=1, max_size=40))
    session = made(AWKWARD, speed=speed)
    client, now = listener(session, NOW), NOW
    client.turn(now)
    for wait in waits:
        now += SHORTEST_TURN + wait / speed
        client.turn(now)
        market = session.market_time(now)
        assert market is not None
        assert client.indexes == readable(AWKWARD, OPEN, market)
        assert rest(session, now) == client.indexes[-1]
    assert session.dropped == 0


def test_feeds_of_a_session_share_its_clock_and_have_their_own_records() -> None:
    spx, es = at_times([OPEN, OPEN + 1, OPEN + 2]), at_times([OPEN + 1, OPEN + 1, OPEN + 3], ES_SPX)
    session = Session("s", MemoryDays(day(spx, es)), Options())
    assert (rest(session, NOW), rest(session, NOW, ES_SPX)) == (0, 0)
    assert (rest(session, NOW + 1), rest(session, NOW + 1, ES_SPX)) == (1, 1)
    assert (rest(session, NOW + 3), rest(session, NOW + 3, ES_SPX)) == (2, 2)
    assert session.used() == {SPX: 2, ES_SPX: 2}


def test_whole_market_seconds_of_all_keys_coincide() -> None:
    for speed in (1.0, 8.0, 1000.0):
        seconds = set()
        for fraction in (0.0, 0.1, 0.7):
            session = made(AWKWARD, speed=speed)
            rest(session, NOW + fraction)
            at = session.next_turn(NOW + fraction)
            assert session.clock is not None
            real = session.clock.real(OPEN + 2)
            assert real is not None
            seconds.add(round(real * speed % 1, 3) % 1)
            assert at is not None
        assert seconds == {0.0}


# --- standing and jumping ------------------------------------------------------------------------


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_pause_shifts_the_rest_of_the_day(speed: float) -> None:
    session = made(AWKWARD, speed=speed)
    client = listener(session, NOW)
    pause = NOW + 9.5 / speed
    client.run(NOW, pause - 0.001 / speed)
    session.pause(pause)
    client.run(pause, pause + 500)
    before = list(client.indexes)
    assert before == readable(AWKWARD, OPEN, OPEN + 11)[: len(before)], "what else is due comes when it goes on"
    assert session.next_turn(pause + 500) is None
    session.resume(pause + 500)
    client.run(pause + 500, pause + 500 + 100 / speed)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 99)
    if before == readable(AWKWARD, OPEN, OPEN + 11):
        assert client.got[len(before)][0] == pytest.approx(pause + 500 + 28.5 / speed, abs=SHORTEST_TURN + 1e-3)


def test_steps_while_paused_send_what_they_pass_and_no_more() -> None:
    session = made(AWKWARD)
    client = listener(session, NOW)
    client.run(NOW, NOW + 0.5)
    session.pause(NOW + 0.75)
    for number, upto in enumerate((3, 4, 5, 6, 7)):
        session.advance(1, NOW + 1 + number)
        client.run(NOW + 1 + number, NOW + 1.5 + number)
        assert client.indexes == readable(AWKWARD, OPEN, OPEN + upto)
    session.advance(50, NOW + 10)
    client.run(NOW + 10, NOW + 99)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 57)
    assert rest(session, NOW + 99) == client.indexes[-1]


def test_a_step_while_it_runs_goes_ahead() -> None:
    session = made(AWKWARD)
    client = listener(session, NOW)
    client.run(NOW, NOW + 1.5)
    session.advance(30, NOW + 1.5)
    client.run(NOW + 1.5, NOW + 1.6)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 33.5)
    client.run(NOW + 1.6, NOW + 10)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 42)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_after_a_jump_there_is_nothing_but_the_new_timeline(data: st.DataObject) -> None:
    session = made(AWKWARD, speed=data.draw(st.sampled_from(SPEEDS)))
    client, now = listener(session, NOW), NOW
    client.turn(now)
    for _ in range(4):
        now += data.draw(st.floats(SHORTEST_TURN, 20))
        client.turn(now)
        timeline = session.timeline
        target = OPEN + data.draw(st.integers(0, 85))
        session.jump(target, now)
        assert session.timeline > timeline
        assert session.market_time(now) == target
        newest = readable(AWKWARD, 0, target)[-1]
        assert rest(session, now) == max(newest, 0)
        client.got.clear()
        now += SHORTEST_TURN
        client.turn(now)
        market = session.market_time(now)
        assert market is not None
        assert client.indexes == readable(AWKWARD, target, market)


def test_a_jump_back_sends_everything_again() -> None:
    session = made(AWKWARD)
    client = listener(session, NOW)
    client.run(NOW, NOW + 30)
    session.jump(OPEN + 2, NOW + 30)
    client.got.clear()
    client.run(NOW + 30, NOW + 60)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 32)


def test_another_speed_goes_on_from_where_it_is() -> None:
    session = made(AWKWARD)
    client = listener(session, NOW)
    client.run(NOW, NOW + 5.5)
    assert session.clock is not None
    session.clock.set_speed(10.0, NOW + 5.5)
    client.run(NOW + 5.5, NOW + 6.5)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 17.5)
    session.clock.set_speed(0.1, NOW + 6.5)
    client.run(NOW + 6.5, NOW + 300)
    assert client.indexes == readable(AWKWARD, OPEN, OPEN + 46)
    sent = [at for at, index in client.got if index == AWKWARD.index(OPEN + 45)]
    assert sent == [pytest.approx(NOW + 6.5 + 275, abs=0.01)]


# --- catching up, and speed 0 --------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("slept", [MAX_TURN_RECORDS - 1, MAX_TURN_RECORDS, MAX_TURN_RECORDS + 1, 5000])
def test_after_a_laptop_s_sleep_the_newest_records_come(slept: int) -> None:
    session = made(range(OPEN, OPEN + 6000))
    client = listener(session, NOW)
    client.run(NOW, NOW + 10)
    client.got.clear()
    client.turn(NOW + 10 + slept)
    assert client.indexes == list(range(11, 11 + slept))[-MAX_TURN_RECORDS:]
    assert session.dropped == max(0, slept - MAX_TURN_RECORDS)
    client.got.clear()
    client.turn(NOW + 11 + slept)
    assert client.indexes == [11 + slept]


def test_whoever_comes_after_nobody_listened_gets_what_is_due_from_then_on() -> None:
    session = made(range(OPEN, OPEN + 6000))
    for second in range(0, 2000, 100):
        rest(session, NOW + second)
    client = listener(session, NOW + 2000.5)
    client.run(NOW + 2000.5, NOW + 2003)
    assert client.indexes == [2000, 2001, 2002, 2003], "the record of this second, and those after it"
    assert session.dropped == 0
    session.heard = False
    client = listener(session, NOW + 2003.9)
    client.run(NOW + 2003.9, NOW + 2004.5)
    assert client.indexes == [2004], "nothing twice"


@pytest.mark.parametrize("paused", [False, True])
def test_as_fast_as_possible_every_turn_is_the_next_second(paused: bool) -> None:
    session = made(AWKWARD, speed=0.0)
    client = listener(session, NOW)
    if paused:
        session.pause(NOW)
    for _ in range(200):
        before = len(client.got)
        client.turn(NOW + 1)
        new = [AWKWARD[index] for index in client.indexes[before:]]
        assert len(set(new)) <= 1
        assert rest(session, NOW + 1) == (client.indexes[-1] if client.got else FIRST)
    assert client.indexes == ([FIRST] if paused else readable(AWKWARD, OPEN, OPEN + 80))


def test_as_fast_as_possible_moves_with_each_request_when_nobody_listens_and_idles_at_the_end() -> None:
    session = made(AWKWARD, speed=0.0)
    given = [rest(session, NOW + 50 * number) for number in range(5)]
    assert given == [FIRST, 4, 5, 7, 8], "each request the newest of the next time"
    client = listener(session, NOW + 300)
    assert session.next_turn(NOW + 300) == 0.0
    for _ in range(90):
        client.turn(NOW + 301)
    at = session.next_turn(NOW + 301)
    assert at == NOW + 301 + IDLE_TURN, "the day is over"
    session.jump(OPEN + 44, NOW + 301)
    assert session.next_turn(NOW + 301) == NOW + 301
    client.got.clear()
    for _ in range(3):
        client.turn(NOW + 302)
    assert client.indexes == readable(AWKWARD, OPEN + 44, OPEN + 46)


def test_market_time_never_goes_back_when_it_becomes_as_fast_as_possible() -> None:
    session = made(range(OPEN, OPEN + 500))
    client = listener(session, NOW)
    client.run(NOW, NOW + 3)
    assert session.clock is not None
    session.clock.set_speed(0.0, NOW + 100.5)
    assert rest(session, NOW + 100.5) == 100
    client.turn(NOW + 100.5)
    assert client.indexes == list(range(101))
    session.advance(50, NOW + 101)
    assert rest(session, NOW + 101) == 150
    for _ in range(50):
        client.turn(NOW + 101)
    assert client.indexes == list(range(151)), "second by second"
    assert rest(session, NOW + 101) == 150


# --- where it starts -----------------------------------------------------------------------------


def new_york(hour: int, minute: int, second: float) -> float:
    """Real time at a time of day in New York, months later."""
    moment = datetime.datetime(2026, 11, 25, hour, minute, int(second), tzinfo=NEW_YORK)
    return moment.timestamp() + second % 1


@pytest.mark.parametrize(
    ("start", "now", "market"),
    [
        ("open", new_york(14, 0, 0), OPEN + 2),
        ("now", new_york(9, 30, 40), OPEN + 40),
        ("now", new_york(9, 30, 40.75), OPEN + 40.75),
        ("now", new_york(3, 0, 0), OPEN - 6.5 * 3600),
        ("now", new_york(20, 0, 0), OPEN + 10.5 * 3600),
        ("live", new_york(9, 30, 40), OPEN + 6.5 * 3600),
        ("09:30:41", new_york(14, 0, 0), OPEN + 41),
        ("9:31", new_york(14, 0, 0), OPEN + 60),
        ("08:00", new_york(14, 0, 0), OPEN - 5400),
        ("16:00", new_york(14, 0, 0), OPEN + 6.5 * 3600),
    ],
)
def test_where_market_time_starts(start: str, now: float, market: float) -> None:
    session = made(AWKWARD, start=start)
    stale = rest(session, now)
    assert session.market_time(now) == market
    expected = readable(AWKWARD, 0, market)[-1]
    assert stale == expected
    assert session.market_time(now + 7) == market + 7
    assert moment(DAY, "09:30") == OPEN


def test_a_start_in_a_gap_sends_nothing_of_before_it() -> None:
    session = made(AWKWARD, start="09:30:20")
    client = listener(session, NOW)
    client.run(NOW, NOW + 21)
    assert client.indexes == readable(AWKWARD, OPEN + 20, OPEN + 41)


@pytest.mark.parametrize(
    ("stamps", "market"),
    [
        ([OPEN + 2], OPEN + 2),
        ([OPEN], OPEN),
        ([OPEN - 5, OPEN - 1], OPEN - 5),
        ([OPEN - 5, OPEN + 9], OPEN + 9),
        ([None, OPEN + 2], OPEN),
        ([OPEN - 5, None, OPEN + 2], OPEN),
        ([None], OPEN),
        ([], OPEN),
        ([1, 2, 3], 1),
    ],
)
def test_the_open_is_the_first_record_in_market_hours(stamps: list[int | None], market: int) -> None:
    session = made(stamps)
    assert session.opening(tape_of(session)) == market
    if any(stamp is not None for stamp in stamps):
        rest(session, NOW)
        assert session.market_time(NOW) == market


def test_the_clock_starts_at_the_first_use_and_not_before() -> None:
    session = made(AWKWARD)
    assert session.market_time(NOW) is None
    assert session.next_turn(NOW) == IDLE_TURN
    assert session.turn(NOW) is None
    session.begin(NOW + 100)
    session.begin(NOW + 200)
    assert session.market_time(NOW + 200) == OPEN + 102


# --- the end of the day --------------------------------------------------------------------------

SHORT = [OPEN + number for number in (2, 3, 5)]


def three_days(**options: object) -> Session:
    """Friday with a stale row and a ruined end, Monday, and an empty Tuesday."""
    friday = at_times([OPEN - 86_400, *SHORT, None])
    monday = at_times([stamp + WEEKEND for stamp in SHORT])
    tuesday = at_times([stamp + WEEKEND + 86_400 for stamp in SHORT])
    days = MemoryDays(day(friday), day(monday, date=NEXT_DATE), day(tuesday, date=LAST_DATE), last=NEXT_DATE)
    return Session("s", days, Options(**options))  # type: ignore[arg-type]


def polled(session: Session, seconds: int, start: float = NOW) -> list[tuple[str, int | None]]:
    """What REST gets once a second: the day, and the second after the open; None stands for 404."""
    seen = []
    for second in range(seconds):
        index = rest(session, start + second)
        stamp = None if index is None else tape_of(session).timestamp(index)
        opened = OPEN + (0 if session.day == DATE else WEEKEND)
        seen.append((session.day, None if stamp is None else stamp - opened))
    return seen


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (CacheMode.HOLD, [2, 3, 3, 5, 5, 5, 5]),
        (CacheMode.EXHAUST, [2, 3, 3, 5, None, None, None]),
        (CacheMode.ROTATION, [2, 3, 3, 5, 2, 3, 3, 5, 2]),
    ],
)
def test_what_rest_gets_at_the_end_of_the_day(mode: CacheMode, expected: list[int | None]) -> None:
    assert polled(three_days(cache_mode=mode), len(expected)) == [(DATE, second) for second in expected]


def test_the_next_day_comes_and_the_last_of_the_range_stays() -> None:
    expected = [(DATE, second) for second in (2, 3, 3, 5)] + [(NEXT_DATE, second) for second in (2, 3, 3, 5, 5, 5)]
    assert polled(three_days(cache_mode=CacheMode.NEXT), len(expected)) == expected


@pytest.mark.parametrize("mode", [CacheMode.ROTATION, CacheMode.NEXT])
@pytest.mark.parametrize("start", ["09:30:05", "now", "16:00"])
def test_again_is_from_the_open_wherever_the_key_started(mode: CacheMode, start: str) -> None:
    session = three_days(cache_mode=mode, start=start)
    seen = polled(session, 3, new_york(16, 0, 0))
    again = DATE if mode is CacheMode.ROTATION else NEXT_DATE
    assert seen == [(DATE, 5), (again, 2), (again, 3)]


@pytest.mark.parametrize("mode", [CacheMode.ROTATION, CacheMode.NEXT])
def test_a_feed_that_nobody_asks_for_any_more_holds_nobody_up(mode: CacheMode) -> None:
    stamps = range(OPEN, OPEN + 10)
    first = day(at_times(stamps), at_times(stamps, ES_SPX))
    second = day(at_times(stamp + WEEKEND for stamp in stamps), date=NEXT_DATE)
    session = Session("s", MemoryDays(first, second), Options(cache_mode=mode))
    assert rest(session, NOW, ES_SPX) == 0
    assert [rest(session, NOW + second) for second in range(1, 11)] == [*range(1, 10), 0]
    assert session.day == (DATE if mode is CacheMode.ROTATION else NEXT_DATE)


@pytest.mark.parametrize("speed", [0.0, 0.5, 1.0, 60.0, 1000.0])
@pytest.mark.parametrize(
    ("mode", "rounds"), [(CacheMode.HOLD, 1), (CacheMode.EXHAUST, 1), (CacheMode.ROTATION, 3), (CacheMode.NEXT, 2)]
)
def test_what_the_feed_sends_at_the_end_of_the_day(mode: CacheMode, rounds: int, speed: float) -> None:
    session = three_days(cache_mode=mode, speed=speed)
    client, now = listener(session, NOW), NOW
    days = []
    while len(client.got) < 9 and now < NOW + 60:
        before = len(client.got)
        client.turn(now)
        days += [session.day] * (len(client.got) - before)
        now += 0.25
    once = client.indexes[:3]
    assert once == [1, 2, 3]
    again = [0, 1, 2] if mode is CacheMode.NEXT else once
    assert client.indexes == once + again * (rounds - 1)
    assert days == [DATE] * 3 + [NEXT_DATE if mode is CacheMode.NEXT else DATE] * 3 * (rounds - 1)
    assert session.dropped == 0


def test_the_feed_is_sent_to_its_end_before_the_day_turns() -> None:
    """REST asks when all is over, but the listening client has not got its last records yet."""
    session = three_days(cache_mode=CacheMode.NEXT)
    client = listener(session, NOW)
    client.turn(NOW)
    assert rest(session, NOW + 50) == rest(session, NOW + 51) == 3
    client.turn(NOW + 51)
    assert client.indexes == [1, 2, 3]
    assert rest(session, NOW + 52) == 0
    assert session.day == NEXT_DATE


def test_the_day_that_follows_keeps_what_the_session_is_told() -> None:
    session = three_days(cache_mode=CacheMode.NEXT, speed=2.0)
    polled(session, 4)
    session.pause(NOW + 4)
    before = rest(session, NOW + 4)
    assert (session.day, before) == (NEXT_DATE, 1)
    session.resume(NOW + 50)
    assert session.market_time(NOW + 51) == OPEN + WEEKEND + 2 + 2 + 2


def test_an_empty_day_is_over_at_once_and_spins_nothing() -> None:
    for mode in CacheMode:
        session = made([], cache_mode=mode)
        client = listener(session, NOW)
        client.run(NOW, NOW + 5)
        assert client.got == []
        assert rest(session, NOW + 6) is None


def test_the_clock_of_sessions_is_their_own() -> None:
    days = MemoryDays(day(at_times(AWKWARD)))
    one, two = Session("1", days, Options()), Session("2", days, Options(speed=2.0))
    rng = random.Random(3)
    rest(one, NOW)
    rest(two, NOW)
    for second in range(1, 30):
        for _ in range(rng.randrange(3)):
            rest(rng.choice((one, two)), NOW + second)
        if second == 10:
            two.pause(NOW + 10)
        assert one.market_time(NOW + second) == OPEN + 2 + second
        assert two.market_time(NOW + second) == OPEN + 2 + 2 * min(second, 10)
