"""The control plane's actions: each with what it asks, what comes of it and why; and every argument that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import ControlError, DataError
from gexfaker.playback.actions import ACTIONS, GAP_SECONDS, MAX_STEPS, Effect
from gexfaker.playback.day import Day
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Options, Playback, Timestamps
from support.session import Session, apply
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day

NOW = 1_795_600_000.0
CLOCK, STEP = Options(), Options(Playback.STEP, CacheMode.EXHAUST)
LAST_DATE = "2026-08-17"
GROUP = "SPX_orderflow_orderflow"
STAMPS = [OPEN + number for number in (2, 3, 4, 4, 6, 20, 21)]
"""A second in which there are two records, and a gap."""


def days(stamps: list[int | None] | None = None) -> MemoryDays:
    spx = at_times(STAMPS if stamps is None else stamps)
    return MemoryDays(day(spx, at_times([OPEN + 2, OPEN + 5], ES_SPX)), day(at_times([OPEN]), date=LAST_DATE))


def made(options: Options = CLOCK, stamps: list[int | None] | None = None) -> Session:
    return Session("s", days(stamps), options)


def do(session: Session, action: str, /, now: float = NOW, **arguments: Any) -> Effect:
    return apply(session, action, arguments, CLOCK, now)


def tape_of(session: Session, feed: Feed = SPX) -> MemoryTape:
    tape = session.library.tape(feed)
    assert isinstance(tape, MemoryTape)
    return tape


def rest(session: Session, now: float = NOW) -> int:
    return session.snapshot(tape_of(session), "record", now)


def sent(session: Session, now: float) -> list[int]:
    """What the feed sends of SPX at ``now``."""
    if not session.heard:
        session.attend(now)
    found: list[int] = []
    while (turn := session.turn(now)) is not None:
        found += session.due(tape_of(session), turn)
    return found


# --- what is refused -----------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("rewind", {}, "one of reset, pause, resume, step, seek, speed, mode, day"),
    ("", {}, "one of reset"),
    ("x" * 1000, {}, "one of reset"),
    *((action, {"now": True}, "takes nothing") for action in ("reset", "pause", "resume")),
    ("step", {"cuont": 3}, "takes count"),
    ("step", {"count": 0}, "whole number from 1 to 1000"),
    ("step", {"count": -1}, "whole number from 1 to 1000"),
    ("step", {"count": 1.5}, "whole number from 1 to 1000"),
    ("step", {"count": 1001}, "whole number from 1 to 1000, not 1001: ask for several, or seek"),
    ("step", {"count": 99_999_999}, "whole number from 1 to 1000, not 99999999: ask"),
    ("step", {"count": 10**30}, "whole number from 1 to 1000"),
    ("step", {"count": "3"}, "count is a number"),
    ("step", {"count": True}, "count is a number"),
    ("step", {"count": None}, "count is a number"),
    ("step", {"count": float("inf")}, "whole number"),
    ("step", {"count": float("nan")}, "count is a number"),
    ("speed", {}, "speed is a number"),
    ("speed", {"speed": "fast"}, "speed is a number"),
    ("speed", {"speed": True}, "speed is a number"),
    ("speed", {"speed": float("nan")}, "speed is a number"),
    ("speed", {"speed": [2]}, "speed is a number"),
    ("speed", {"speed": 2, "unit": "x"}, "takes speed"),
    ("tier", {}, "tier is one of: classic"),
    ("tier", {"tier": "gold"}, "tier is one of: classic"),
    ("tier", {"tier": 1}, "tier is one of: classic"),
    ("quota", {}, "allowances is text"),
    ("quota", {"allowances": 60}, "allowances is text"),
    ("quota", {"allowances": "classic:1/week"}, "allowances: there is no period 'week'"),
    ("quota", {"allowances": "0"}, "allowances: the count is from 1"),
    ("quota", {"allowances": ",".join(["1"] * 65)}, "allowances: there are 65 of them"),
    ("day", {}, "date is text"),
    ("day", {"date": 20260814}, "date is text"),
    ("day", {"date": None}, "date is text"),
    ("day", {"date": DATE, "time": "open"}, "takes date"),
    ("mode", {}, "playback, cache_mode, endpoints, timestamps, interval"),
    ("mode", {"speed": 2}, "no option 'speed'"),
    ("mode", {"x" * 1000: 2}, "no option"),
    ("mode", {"playback": "tape"}, "clock, step"),
    ("mode", {"playback": 1}, "clock, step"),
    ("mode", {"playback": None}, "clock, step"),
    ("mode", {"cache_mode": "loop"}, "hold, exhaust, rotation, next"),
    ("mode", {"endpoints": "own"}, "shared, independent"),
    ("mode", {"timestamps": "now"}, "recorded, live"),
    ("mode", {"interval": 0}, "from 0.01 to 3600"),
    ("mode", {"interval": 0.001}, "from 0.01 to 3600"),
    ("mode", {"interval": 3601}, "from 0.01 to 3600"),
    ("mode", {"interval": "1s"}, "from 0.01 to 3600"),
    ("mode", {"interval": True}, "from 0.01 to 3600"),
    ("mode", {"interval": float("nan")}, "from 0.01 to 3600"),
    ("mode", {"cache_mode": "next", "playback": "tape"}, "clock, step"),
    ("seek", {}, "say where"),
    ("seek", {"feed": GROUP}, "say where"),
    ("seek", {"time": None}, "say where"),
    ("seek", {"time": "open", "index": 3}, "say where"),
    ("seek", {"time": "noon"}, "HH:MM"),
    ("seek", {"time": "25:00"}, "HH:MM"),
    ("seek", {"time": ""}, "HH:MM"),
    ("seek", {"time": True}, "HH:MM"),
    ("seek", {"time": [1]}, "HH:MM"),
    ("seek", {"time": 10**400}, "epoch seconds"),
    ("seek", {"time": 1_786_714_202_000}, "epoch seconds"),
    ("seek", {"time": float("inf")}, "epoch seconds"),
    ("seek", {"time": float("nan")}, "epoch seconds"),
    ("seek", {"index": 1.0}, "whole number"),
    ("seek", {"index": "1"}, "whole number"),
    ("seek", {"index": True}, "whole number"),
    ("seek", {"index": None}, "say where"),
    ("seek", {"index": 1, "feed": "SPX"}, "has no feed 'SPX'"),
    ("seek", {"index": 1, "feed": "NDX_orderflow_orderflow"}, "has no feed"),
    ("seek", {"index": 1, "feed": "x" * 1000}, "has no feed"),
    ("seek", {"index": 1, "feed": 7}, "has no feed"),
    ("seek", {"tmie": "open"}, "takes time, index, feed"),
]


def state(session: Session, now: float) -> tuple[Any, ...]:
    positions = dict(session.places), dict(session.newest), session.used()
    clock = None if session.clock is None else (session.clock.speed, session.clock.paused)
    return session.day, session.options, session.timeline, session.paused, session.market_time(now), clock, positions


@pytest.mark.parametrize("options", [CLOCK, STEP], ids=["clock", "step"])
@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize(("action", "arguments", "said"), REFUSED)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    action: str, arguments: dict[str, Any], said: str, options: Options, used: bool
) -> None:
    session = made(options)
    if used:
        rest(session)
    before = state(session, NOW + 5)
    with pytest.raises(ControlError) as caught:
        apply(session, action, arguments, CLOCK, NOW + 5)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
    assert state(session, NOW + 5) == before


def test_a_day_that_there_is_not_is_refused_with_those_there_are() -> None:
    session = made()
    for wanted in ("2026-08-15", "", "yesterday"):
        with pytest.raises(DataError, match=LAST_DATE):
            do(session, "day", date=wanted)
    do(session, "day", date="next")
    with pytest.raises(ControlError, match=f"no day after {LAST_DATE}"):
        do(session, "day", date="next")
    assert session.day == LAST_DATE


def test_on_a_day_without_records_there_is_nowhere_to_go() -> None:
    empty = Session("s", MemoryDays(day(at_times([]))), CLOCK)
    with pytest.raises(ControlError, match="has no records"):
        do(empty, "seek", time="open")
    ruined = Session("s", MemoryDays(day(at_times([None, None]))), CLOCK)
    with pytest.raises(ControlError, match="has a time that can be read: epoch seconds are expected"):
        do(ruined, "seek", time="open")
    nothing = Session("s", MemoryDays(Day(DATE, "memory", [], lambda feed: at_times([], feed))), CLOCK)
    for action, arguments in (("seek", {"time": "open"}), ("step", {"count": 3})):
        with pytest.raises(ControlError, match="no feeds"):
            do(nothing, action, **arguments)
    assert do(nothing, "pause") == Effect("paused", "paused")


def test_every_action_has_its_case() -> None:
    assert set(ACTIONS) <= {action for action, _, _ in REFUSED}


# --- pause, resume, step, speed, reset, day ------------------------------------------------------


def test_pause_and_resume() -> None:
    session = made()
    rest(session)
    assert do(session, "pause", NOW + 2) == Effect("paused", "paused")
    assert do(session, "pause", NOW + 9) == Effect("paused", "paused", "it was paused already")
    assert rest(session, NOW + 99) == 3
    assert do(session, "resume", NOW + 100) == Effect("playing", "playing")
    assert do(session, "resume", NOW + 101) == Effect("playing", "playing", "it was not paused")
    assert session.market_time(NOW + 103) == OPEN + 7


def test_a_key_may_be_paused_before_its_first_use() -> None:
    session = made()
    do(session, "pause", NOW + 0.5)
    assert rest(session, NOW + 500) == 0
    do(session, "resume", NOW + 500)
    assert rest(session, NOW + 501) == 1


@pytest.mark.parametrize("options", [CLOCK, STEP], ids=["clock", "step"])
@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        ({}, Effect(1, 1)),
        ({"count": 3}, Effect(3, 3)),
        ({"count": 3.0}, Effect(3, 3)),
        ({"count": MAX_STEPS}, Effect(1000, 1000)),
    ],
)
def test_steps(arguments: dict[str, Any], effect: Effect, options: Options) -> None:
    session = made(options)
    session.attend(NOW)
    do(session, "pause")
    requested, resolved, reason = do(session, "step", **arguments)
    assert (requested, resolved) == effect[:2]
    assert effect.reason is None or str(reason).startswith(effect.reason)
    assert len(sent(session, NOW)) > 0


def test_a_step_beyond_the_last_record_says_where_that_is() -> None:
    session = made()
    session.attend(NOW)
    rest(session)
    assert do(session, "step", count=3).reason is None
    told = do(session, "step", count=900).reason
    assert told is not None
    assert told.startswith("the day's last record is at 2026-08-14 09:3")


GEX = Feed("SPX", "classic", "gex_zero")


def uneven(gex: list[int | None]) -> Session:
    """A day on which gex_zero has these records, and orderflow ten minutes of them."""
    flow = at_times([OPEN + number for number in range(2, 602)])
    return Session("s", MemoryDays(day(at_times(gex, GEX), flow)), CLOCK)


@pytest.mark.parametrize(
    "gex", [[OPEN + 2, OPEN + 3], [], [None, None], [OPEN + 2, None]], ids=["cut", "empty", "unreadable", "half"]
)
@pytest.mark.parametrize("used", [False, True])
def test_the_day_goes_as_far_as_its_longest_feed(gex: list[int | None], used: bool) -> None:
    session = uneven(gex)
    if used:
        rest(session)
    for _ in range(2):
        effect = do(session, "seek", time="09:35")
        assert effect.resolved == {
            "market_time": OPEN + 300,
            "shown": f"{DATE} 09:35:00",
            "data_key": "SPX/orderflow/orderflow",
            "index": 298,
            "timestamp": OPEN + 300,
        }
        assert effect.reason is None
    assert do(session, "seek", time="close").resolved["market_time"] == OPEN + 601


def test_a_time_that_the_usual_feed_has_is_looked_for_in_no_other() -> None:
    session = uneven([OPEN + number for number in range(2, 602)])
    assert do(session, "seek", time="09:35").resolved["data_key"] == "SPX/classic/gex_zero"


@pytest.mark.parametrize("wanted", [10.30, 15, 1030, -1, 0])
def test_a_time_of_day_that_is_a_number_is_refused(wanted: float) -> None:
    session = made()
    rest(session)
    before = session.market_time(NOW)
    with pytest.raises(ControlError, match="is before all days: write a time of day as HH:MM, such as 10:30"):
        do(session, "seek", time=wanted)
    assert session.market_time(NOW) == before


def test_steps_while_paused_send_at_once_what_they_pass() -> None:
    session = made()
    session.attend(NOW)
    rest(session)
    assert sent(session, NOW) == [0]
    do(session, "pause")
    do(session, "step")
    assert sent(session, NOW + 0.25) == [1]
    do(session, "step", count=4)
    assert sent(session, NOW + 0.5) == [2, 3, 4]
    assert sent(session, NOW + 99) == []
    assert (rest(session, NOW + 99), session.market_time(NOW + 99)) == (4, OPEN + 7)


def test_steps_of_step_mode_are_records() -> None:
    session = made(STEP)
    do(session, "pause")
    assert sent(session, NOW + 50) == []
    do(session, "step", count=3)
    assert sent(session, NOW + 50) == [0, 1, 2]
    do(session, "step", count=2)
    do(session, "resume")
    assert len(sent(session, NOW + 60)) == 1, "resumed, what was asked for is not owed any more"


@pytest.mark.parametrize(("mode", "ends"), [("exhaust", True), ("hold", True), ("rotation", False), ("next", False)])
def test_a_step_behind_the_last_record_of_step_mode_says_so(mode: str, ends: bool) -> None:
    session = made(Options(Playback.STEP, CacheMode(mode)))
    do(session, "pause")
    session.attend(NOW)
    do(session, "step", count=len(STAMPS) - 1)
    assert len(sent(session, NOW)) == len(STAMPS) - 1
    assert do(session, "step").reason is None, "there is one more"
    assert len(sent(session, NOW)) == 1
    assert ("every feed in use has given its last record" in (do(session, "step").reason or "")) is ends


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (1, 1.0),
        (0, 0.0),
        (0.1, 0.1),
        (1000, 1000.0),
        (60.5, 60.5),
    ],
)
def test_speeds(wanted: float, given: float) -> None:
    session = made()
    session.attend(NOW)
    rest(session)
    assert do(session, "speed", NOW + 2, speed=wanted) == Effect(wanted, given, None)
    assert session.options.speed == given
    assert session.market_time(NOW + 4) == OPEN + 4 + 2 * given
    unused = made()
    unused.attend(NOW)
    do(unused, "speed", speed=wanted)
    rest(unused)
    assert unused.market_time(NOW + 2) == OPEN + 2 + 2 * given


def test_the_speed_of_step_mode_is_for_later_and_says_so() -> None:
    session = made(STEP)
    no_effect = "in step mode the speed has no effect until PLAYBACK is clock"
    assert do(session, "speed", speed=5) == Effect(5, 5.0, no_effect)
    do(session, "mode", playback="clock")
    rest(session)
    assert session.market_time(NOW + 1) == OPEN + 7


@pytest.mark.parametrize("wanted", [0.05, 1001, 5000, float("inf"), float("nan"), -3, 10**400, "10", None, True])
def test_a_speed_that_is_none_is_refused_as_by_the_setting(wanted: Any) -> None:
    session = made()
    with pytest.raises(ControlError, match=r"speed is (a number|0, or 0\.1 to 1000)"):
        do(session, "speed", speed=wanted)
    assert session.options.speed == 1.0


def test_reset_is_as_if_the_key_had_never_been_used() -> None:
    session = made()
    do(session, "day", date=LAST_DATE)
    do(session, "mode", playback="step", cache_mode="rotation", timestamps="live", interval=2)
    do(session, "speed", speed=9)
    do(session, "pause")
    rest(session)
    timeline = session.timeline
    assert do(session, "reset", NOW + 7) == Effect("reset", {"day": DATE})
    assert (session.day, session.options, session.paused, session.clock) == (DATE, CLOCK, False, None)
    assert session.used() == {}
    assert session.timeline > timeline
    assert rest(session, NOW + 50) == 0
    assert session.market_time(NOW + 51) == OPEN + 3


@pytest.mark.parametrize(
    ("wanted", "resolved"), [(LAST_DATE, LAST_DATE), ("latest", LAST_DATE), ("next", LAST_DATE), (DATE, DATE)]
)
@pytest.mark.parametrize("options", [CLOCK, STEP], ids=["clock", "step"])
def test_another_day_from_its_start(wanted: str, resolved: str, options: Options) -> None:
    session = made(options)
    for second in range(3):
        rest(session, NOW + second)
    is_other = f"its records are of {DATE}, though" if resolved == LAST_DATE else ""  # as days() has made it
    done = do(session, "day", NOW + 3, date=wanted)
    assert (done.requested, done.resolved, (done.reason or "")[: len(is_other) or None]) == (wanted, resolved, is_other)
    assert (session.day, session.used()) == (resolved, {})
    assert rest(session, NOW + 50) == 0
    if options is CLOCK:
        assert session.market_time(NOW + 50) == (OPEN if resolved == LAST_DATE else OPEN + 2)


# --- mode ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "resolved"),
    [
        ({"cache_mode": "rotation"}, {"cache_mode": CacheMode.ROTATION}),
        ({"endpoints": "independent"}, {"endpoints": EndpointCacheMode.INDEPENDENT}),
        ({"timestamps": "live", "interval": 2}, {"timestamps": Timestamps.LIVE, "interval": 2.0}),
        ({"interval": 0.01}, {"interval": 0.01}),
        ({"interval": 3600}, {"interval": 3600.0}),
        ({"playback": "clock"}, {"playback": Playback.CLOCK}),
    ],
)
def test_options_change_and_nothing_else_does(arguments: dict[str, Any], resolved: dict[str, Any]) -> None:
    session = made()
    rest(session)
    before = session.timeline, session.market_time(NOW + 1)
    assert do(session, "mode", **arguments) == Effect(arguments, resolved)
    assert {name: getattr(session.options, name) for name in resolved} == resolved
    assert (session.timeline, session.market_time(NOW + 1)) == before


def test_from_clock_to_step_positions_go_on() -> None:
    session = made()
    session.attend(NOW)
    rest(session)
    assert sent(session, NOW + 1.5) == [0, 1]
    timeline = session.timeline
    effect = do(session, "mode", NOW + 1.5, playback="step")
    assert effect.resolved == {"playback": Playback.STEP}
    assert effect.reason == "positions go on from 2026-08-14 09:30:03"
    assert session.timeline > timeline
    assert sent(session, NOW + 2) == [2]
    assert [rest(session) for _ in range(3)] == [2, 3, 4]
    assert session.market_time(NOW + 2) is None


def test_from_step_to_clock_market_time_goes_on() -> None:
    session = made(STEP)
    session.attend(NOW)
    assert [rest(session) for _ in range(5)] == [0, 1, 2, 3, 4]
    effect = do(session, "mode", NOW + 60, playback="clock")
    assert effect.reason == "positions go on from 2026-08-14 09:30:06"
    assert session.market_time(NOW + 60) == OPEN + 6
    assert rest(session, NOW + 60) == 4
    assert sent(session, NOW + 60) == [], "what was given is not sent again"
    assert sent(session, NOW + 74) == [5]


@pytest.mark.parametrize(("options", "other"), [(CLOCK, "step"), (STEP, "clock")])
def test_a_key_that_was_not_used_begins_at_the_beginning(options: Options, other: str) -> None:
    session = made(options)
    assert do(session, "mode", playback=other) == Effect({"playback": other}, {"playback": Playback(other)})
    assert rest(session) == 0


def test_where_one_has_sought_to_one_stays_when_the_mode_changes() -> None:
    session = made(STEP)
    session.attend(NOW)
    do(session, "seek", index=4, feed=GROUP)
    do(session, "mode", playback="clock")
    assert (rest(session), sent(session, NOW + 0.25)) == (4, [4])
    do(session, "mode", NOW + 0.25, playback="step")
    assert rest(session) == 5
    do(session, "seek", NOW + 1, index=1, feed=GROUP)
    do(session, "mode", NOW + 1, playback="clock")
    do(session, "mode", NOW + 1, playback="step")
    assert (rest(session), sent(session, NOW + 2)) == (1, [1]), "not given yet"


# --- seek ----------------------------------------------------------------------------------------

FIRST_AT, LAST_AT = f"first record of {GROUP} is at {DATE} 09:30:02", f"last record of {GROUP} is at {DATE} 09:30:21"
SEEKS: list[tuple[dict[str, Any], float, int, int, str | None]] = [
    # arguments, market time, index, its time, reason
    ({"time": OPEN + 2}, OPEN + 2, 0, OPEN + 2, None),
    ({"time": OPEN + 3.5}, OPEN + 3.5, 1, OPEN + 3, None),
    ({"time": OPEN + 4}, OPEN + 4, 3, OPEN + 4, None),
    ({"time": "09:30:03"}, OPEN + 3, 1, OPEN + 3, None),
    ({"time": "open"}, OPEN + 2, 0, OPEN + 2, None),
    ({"time": OPEN + 6 + GAP_SECONDS}, OPEN + 9, 4, OPEN + 6, None),
    ({"time": OPEN + 15}, OPEN + 15, 4, OPEN + 6, "gap: the newest record before is at 2026-08-14 09:30:06"),
    ({"time": OPEN}, OPEN + 2, 0, OPEN + 2, f"clamped: the {FIRST_AT}"),
    ({"time": 100_000_000}, OPEN + 2, 0, OPEN + 2, f"clamped: the {FIRST_AT}"),
    ({"time": 100_000_005.5}, OPEN + 2, 0, OPEN + 2, f"clamped: the {FIRST_AT}"),
    ({"time": "09:30"}, OPEN + 2, 0, OPEN + 2, f"clamped: the {FIRST_AT}"),
    ({"time": "close"}, OPEN + 21, 6, OPEN + 21, f"clamped: the {LAST_AT}"),
    ({"time": 9_999_999_999}, OPEN + 21, 6, OPEN + 21, f"clamped: the {LAST_AT}"),
    ({"index": 0}, OPEN + 2, 0, OPEN + 2, None),
    ({"index": 3}, OPEN + 4, 3, OPEN + 4, None),
    ({"index": 2}, OPEN + 4, 3, OPEN + 4, "record 2 has the time of record 3, and positions are times"),
    ({"index": 6, "feed": GROUP}, OPEN + 21, 6, OPEN + 21, None),
    ({"index": 7, "feed": GROUP}, OPEN + 21, 6, OPEN + 21, "clamped: the feed has no record 7"),
    ({"index": 10**30}, OPEN + 21, 6, OPEN + 21, f"clamped: the feed has no record {10**30}"),
    ({"index": -1}, OPEN + 2, 0, OPEN + 2, "clamped: the feed has no record -1"),
]


@pytest.mark.parametrize(("arguments", "market", "index", "at", "reason"), SEEKS)
def test_seeks(arguments: dict[str, Any], market: float, index: int, at: int, reason: str | None) -> None:
    session = made()
    session.attend(NOW)
    rest(session)
    sent(session, NOW + 3)
    timeline = session.timeline
    effect = apply(session, "seek", {"feed": GROUP} | arguments, CLOCK, NOW + 3)
    assert effect.requested == arguments.get("time", arguments.get("index"))
    resolved = {"market_time": market, "shown": "2026-08-14 09:30:" + f"{int(market) - OPEN:02d}"}
    assert effect.resolved == resolved | {"data_key": "SPX/orderflow/orderflow", "index": index, "timestamp": at}
    assert effect.reason == reason
    assert session.timeline > timeline
    assert (session.market_time(NOW + 3), rest(session, NOW + 3)) == (market, index)
    again = [number for number, stamp in enumerate(STAMPS) if market - 1 < stamp <= market]
    assert sent(session, NOW + 3.01) == again, "the record of that time is sent next, and nothing before it"
    assert sent(session, NOW + 99) == list(range(index + 1, len(STAMPS)))


@pytest.mark.parametrize(("arguments", "market", "index", "at", "reason"), SEEKS)
def test_seeks_of_step_mode_tell_the_record_that_comes_next(
    arguments: dict[str, Any], market: float, index: int, at: int, reason: str | None
) -> None:
    session = made(STEP)
    rest(session)
    effect = apply(session, "seek", {"feed": GROUP} | arguments, CLOCK, NOW)
    assert effect.resolved["market_time"] == effect.resolved["timestamp"] == at
    first = STAMPS.index(at)
    assert effect.resolved["index"] == first
    if market != at:
        assert effect.reason is not None
        assert "gap" in effect.reason
    assert rest(session) == first
    assert sent(session, NOW + 1) == [first]


def test_a_paused_session_seeks_and_shows_where_it_is() -> None:
    session = made()
    session.attend(NOW)
    do(session, "pause")
    sent(session, NOW)
    do(session, "seek", NOW + 1, index=4, feed=GROUP)
    assert sent(session, NOW + 1) == [4]
    assert sent(session, NOW + 90) == []
    do(session, "resume", NOW + 90)
    assert sent(session, NOW + 103.5) == []
    assert sent(session, NOW + 104) == [5]


def test_a_key_may_seek_before_its_first_use() -> None:
    session = made()
    do(session, "seek", time="09:30:06", feed=GROUP)
    assert (rest(session, NOW), session.market_time(NOW + 1)) == (4, OPEN + 7)


def test_without_a_feed_it_is_the_one_used_that_is_meant() -> None:
    session = made()
    assert do(session, "seek", time=OPEN + 5).resolved["data_key"] == "SPX/orderflow/orderflow", "that of SPX"
    rest(session)
    assert do(session, "seek", time=OPEN + 6).resolved["data_key"] == "SPX/orderflow/orderflow"


@pytest.mark.parametrize(
    ("stamps", "index", "resolved"),
    [
        ([OPEN, None, OPEN + 2], 1, (0, OPEN)),
        ([None, OPEN + 1, OPEN + 2], 0, (1, OPEN + 1)),
        ([OPEN, None, None], 2, (0, OPEN)),
    ],
)
def test_a_record_that_cannot_be_read_is_said(stamps: list[int | None], index: int, resolved: tuple[int, int]) -> None:
    effect = do(made(stamps=stamps), "seek", index=index, feed=GROUP)
    assert (effect.resolved["index"], effect.resolved["timestamp"]) == resolved
    assert effect.reason is not None
    assert f"record {index} cannot be read" in effect.reason


def test_unreadable_ends_of_the_day_are_no_records() -> None:
    session = made(stamps=[None, OPEN + 1, OPEN + 2, None])
    early, late = (do(session, "seek", time=time, feed=GROUP) for time in (OPEN - 5, OPEN + 500))
    assert (early.resolved["index"], late.resolved["index"]) == (1, 2)
    assert "first" in str(early.reason)
    assert "last" in str(late.reason)


def test_every_action_does_something_of_its_own() -> None:
    assert all("run" in vars(action) for action in ACTIONS.values())
