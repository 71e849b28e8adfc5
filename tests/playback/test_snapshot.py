"""Sessions as plain data and back: what survives a restart, and what is refused or starts anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Options, Playback, Timestamps
from gexfaker.worlds.snapshot import VERSION
from support.session import Session, Sessions, apply, recall, remember
from support.tapes import DATE, OPEN, SPX, MemoryDays, MemoryTape, at_times, day

NOW, LATER = 1_795_600_000.0, 1_795_700_000.25
LAST_DATE = "2026-08-17"
FULL, ZERO = Feed("SPX", "classic", "gex_full"), Feed("SPX", "classic", "gex_zero")
STEP = Options(Playback.STEP, CacheMode.EXHAUST)


def made(options: Options | None = None, *, only_first: bool = False) -> Sessions:
    stamps = range(OPEN, OPEN + 60)
    first = day(*(at_times(stamps, feed) for feed in (SPX, FULL, ZERO)))
    last = day(*(at_times((stamp + 3 * 86_400 for stamp in stamps), feed) for feed in (SPX, FULL)), date=LAST_DATE)
    return Sessions(MemoryDays(first) if only_first else MemoryDays(first, last), options or Options())


def tape_of(session: Session, feed: Feed = SPX) -> MemoryTape:
    tape = session.library.tape(feed)
    assert isinstance(tape, MemoryTape)
    return tape


def rest(session: Session, now: float, feed: Feed = SPX, endpoint: str = "record") -> int:
    return session.snapshot(tape_of(session, feed), endpoint, now)


def sent(session: Session, now: float) -> list[int]:
    if not session.heard:
        session.attend(now)
    turn = session.turn(now)
    return [] if turn is None else session.due(tape_of(session), turn)


def again(sessions: Sessions, now: float = NOW, later: float = LATER, **changed: Any) -> Sessions:
    """The sessions of the next start."""
    new = made(sessions.options, **changed)
    assert recall(new, remember(sessions, now), later) == len(sessions)
    return new


def test_market_time_goes_on_where_it_stood_the_stop_not_counted() -> None:
    before = made()
    session = before.get("a")
    rest(session, NOW)
    assert sent(session, NOW + 10.5) != []
    session = again(before, NOW + 10.5).get("a")
    assert session.market_time(LATER) == OPEN + 10.5
    assert rest(session, LATER) == 10
    assert sent(session, LATER + 0.25) == [], "what was sent before is not sent again"
    assert sent(session, LATER + 1) == [11]


@pytest.mark.parametrize("paused", [False, True])
def test_a_paused_session_stays_paused(paused: bool) -> None:
    before = made()
    session = before.get("a")
    rest(session, NOW)
    if paused:
        apply(session, "pause", {}, before.options, NOW + 5)
    session = again(before, NOW + 20).get("a")
    assert session.paused is paused
    assert rest(session, LATER + 10) == (5 if paused else 30)
    apply(session, "resume", {}, before.options, LATER + 10)
    assert rest(session, LATER + 12) == (7 if paused else 32)


def test_day_and_options_are_kept() -> None:
    before = made()
    session = before.get("a")
    apply(session, "day", {"date": LAST_DATE}, before.options, NOW)
    session.options = Options(
        Playback.CLOCK, CacheMode.NEXT, EndpointCacheMode.INDEPENDENT, Timestamps.LIVE, 2.5, 10.0, "15:30"
    )
    rest(session, NOW)
    after = again(before, NOW).get("a")
    assert (after.day, after.options) == (LAST_DATE, session.options)
    assert after.market_time(LATER + 1) == session.market_time(NOW + 1)


@pytest.mark.parametrize("endpoints", EndpointCacheMode)
def test_all_positions_of_step_mode_are_kept(endpoints: EndpointCacheMode) -> None:
    before = made(Options(Playback.STEP, CacheMode.EXHAUST, endpoints))
    one, two = before.get("a"), before.get("b")
    for _ in range(5):
        one.step(tape_of(one), SPX)
        rest(two, NOW, ZERO, "majors")
    for _ in range(3):
        rest(one, NOW, FULL)
    after = again(before)
    assert after.get("a").places == one.places
    assert after.get("b").places == two.places
    assert (rest(after.get("a"), LATER, FULL), rest(after.get("b"), LATER, ZERO, "majors")) == (3, 5)
    assert after.get("a").step(tape_of(one), SPX) == 5
    assert after.get("a").used() == {SPX: 5, FULL: 3}


def test_where_a_session_of_step_mode_was_sought_to_is_kept() -> None:
    before = made(STEP)
    session = before.get("a")
    apply(session, "seek", {"index": 20}, before.options, NOW)
    assert rest(session, NOW, FULL) == 20
    session = again(before).get("a")
    assert rest(session, LATER, FULL) == 21
    assert session.step(tape_of(session), SPX) == 20, "also of what was not used yet"


def test_a_key_not_used_yet_starts_at_its_first_use() -> None:
    before = made()
    apply(before.get("a"), "speed", {"speed": 4}, before.options, NOW)
    session = again(before).get("a")
    assert session.clock is None
    assert rest(session, LATER + 100) == 0
    assert session.options.speed == 4


def test_who_was_sought_to_and_not_sent_is_sent() -> None:
    before = made()
    apply(before.get("a"), "pause", {}, before.options, NOW)
    apply(before.get("a"), "seek", {"index": 30}, before.options, NOW)
    assert sent(again(before).get("a"), LATER) == [30]


def test_twice_is_as_once() -> None:
    before = made()
    for name in "abc":
        rest(before.get(name), NOW + ord(name))
    text = remember(before, NOW + 200)
    assert json.loads(remember(again(before, NOW + 200), LATER)) == json.loads(text)
    assert remember(made(), NOW) == remember(again(made()), LATER)
    assert json.loads(text)["version"] == VERSION


def test_the_key_is_not_in_it() -> None:
    before = made()
    before.get("key-digest")
    assert set(json.loads(remember(before, NOW))["sessions"][0]) == {
        *("id", "day", "options", "market_time", "paused", "places", "streamed", "origin")
    }


def test_a_session_whose_day_is_gone_starts_anew_and_the_others_do_not() -> None:
    before = made()
    apply(before.get("a"), "day", {"date": LAST_DATE}, before.options, NOW)
    apply(before.get("a"), "pause", {}, before.options, NOW)
    rest(before.get("b"), NOW)
    after = again(before, NOW + 7, only_first=True)
    a, b = after.get("a"), after.get("b")
    assert (a.day, a.clock, a.paused, a.options) == (DATE, None, False, before.options)
    assert rest(a, LATER) == 0
    assert rest(b, LATER) == 7


def text_with(**changed: Any) -> bytes:
    """A good state file but for something in its session."""
    before = made(STEP)
    before.get("a").step(tape_of(before.get("a")), SPX)
    content = json.loads(remember(before, NOW))
    content["sessions"][0] |= changed
    return json.dumps(content).encode()


def options_with(**changed: Any) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text_with())["sessions"][0]["options"]
    return options | changed


def test_the_text_of_the_next_tests_is_good_but_for_the_change() -> None:
    assert recall(made(), text_with(), LATER) == 1


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(DataError, match=f"version {version}"):
        recall(made(), json.dumps({"version": version, "sessions": []}).encode(), LATER)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": "1", "sessions": []}',
        b'{"version": 1, "sessions": [{}]}',
        b'{"version": 1, "sessions": [',
        b"[" * 100_000,
        text_with(id=7),
        text_with(day=None),
        text_with(market_time="noon"),
        text_with(paused="no"),
        text_with(places={}),
        text_with(places=[[["feed", "SPX", "orderflow", "orderflow"], -1]]),
        text_with(places=[[["feed", "SPX", "orderflow", "orderflow"], 1.5]]),
        text_with(places=[[["feed", "SPX"], 1]]),
        text_with(places=[[["feed", "a", "b", "c", "d"], 1]]),
        text_with(places=[[["endpoint", "SPX", "orderflow", "orderflow"], 1]]),
        text_with(places=[[["package", "SPX"], 1]]),
        text_with(places=[[["package", "SPX", "b", "c"], 1]]),
        text_with(places=[[["zzz", "SPX", "orderflow"], 1]]),
        text_with(places=[[[], 1]]),
        text_with(options=options_with(speed=-1)),
        text_with(options=options_with(speed=1e9)),
        text_with(options=options_with(interval=0)),
        text_with(options=options_with(start="noon")),
        text_with(options=options_with(playback="tape")),
        text_with(options=options_with(cache_mode=None)),
    ],
)
def test_garbage_is_refused_and_nothing_is_restored(text: bytes) -> None:
    sessions = made()
    with pytest.raises(DataError, match="state file"):
        recall(sessions, text, LATER)
    assert len(sessions) == 0


@pytest.mark.parametrize("start", ["open", "now", "9:30", "09:30:59"])
def test_every_start_is_kept(start: str) -> None:
    assert recall(made(), text_with(options=options_with(start=start)), LATER) == 1
