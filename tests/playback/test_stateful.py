"""Two keys under random use, against a plain model: every record, every answer, and neither key feels the other.

The model is a session written down without tapes, searches and shared positions: lists, and a look at all of them.
The same driver is run by Hypothesis, which finds short failures, and by a seeded generator, which goes far.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gexfaker.catalog import Feed
from gexfaker.errors import ControlError, ExhaustedError
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Options, Playback
from gexfaker.playback.turns import IDLE_TURN
from gexfaker.wire import messages as m
from support import independent
from support.clients import Client, make_hub
from support.session import Session, Sessions, apply, is_over, recall, remember
from support.stream import START, Bench
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, day, record

pytestmark = pytest.mark.long

KEYS = ("key-1", "key-2")
FEEDS = (SPX, ES_SPX)
DATES = (DATE, "2026-08-17")
TICK = 1 / 64
"""Real time passes in multiples of it, and speeds are powers of two: everything is exact in binary."""

SPEEDS = (0.0, 0.5, 1.0, 4.0, 64.0)
ENDPOINTS = ("record", "majors")
DEFAULTS = Options()
Stamps = list[int | None]


def shifted(first: int, *seconds: int | None) -> Stamps:
    return [None if second is None else first + second for second in seconds]


MONDAY = OPEN + 3 * 86_400
WORLD: dict[str, dict[Feed, Stamps]] = {
    DATES[0]: {
        SPX: shifted(OPEN, -86_400, 2, 3, 3, None, 5, 6, 9, None, None, 10, 12, 12, 12, 13, 20, 21, None),
        ES_SPX: shifted(OPEN, 2, 4, 5, 6, 7, 8, None, 9, 11, 15, 16, 18),
    },
    DATES[1]: {
        SPX: shifted(MONDAY, 0, 1, 2, 4, 4, 5, 7, 8),
        ES_SPX: shifted(MONDAY, 0, None, 1, 3, 5, 9, 10, None, None),
    },
}
OPENS = {DATES[0]: OPEN + 2, DATES[1]: MONDAY}


def tape(date: str, feed: Feed) -> MemoryTape:
    """The price of a record tells which one it is."""
    stamps = WORLD[date][feed]
    records = [None if stamp is None else record(stamp, spot=index) for index, stamp in enumerate(stamps)]
    return MemoryTape(records, feed, date)


@lru_cache
def index_of(content: bytes) -> int:
    return int(independent.orderflow_payload(content)["spot"]) // 100


@dataclass
class Model:
    """What one key's session is and does."""

    date: str = DATES[0]
    options: Options = DEFAULTS
    paused: bool = False
    market: float | None = None  # at the real time ``since``; None: not used yet
    since: float = 0.0
    streamed: float = 0.0
    origin: float | None = None
    ticked: float = 0.0
    seen: float = 0.0
    owed: int = 0
    resting: bool = False
    ended: bool = False
    heard: bool = False
    groups: list[Feed] = field(default_factory=list)
    greets: bool = False
    stepped_to: float = 0.0
    followed: bool = False
    used: dict[Feed, int] = field(default_factory=dict)
    places: dict[Any, int] = field(default_factory=dict)

    def stamps(self, feed: Feed) -> Stamps:
        return WORLD[self.date][feed]

    @property
    def stepped(self) -> bool:
        return self.options.playback is Playback.STEP

    def at(self, now: float) -> float:
        assert self.market is not None
        return self.market if self.paused else self.market + (now - self.since) * self.options.speed

    def set(self, market: float, now: float) -> None:
        self.market, self.since = market, now

    def newest(self, feed: Feed, market: float) -> int:
        found = [index for index, stamp in enumerate(self.stamps(feed)) if stamp is not None and stamp <= market]
        return max(found, default=-1)

    def is_last(self, feed: Feed, index: int) -> bool:
        return all(stamp is None for stamp in self.stamps(feed)[index + 1 :])

    # --- jumps -------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        if self.market is None and not self.stepped:
            rate = max(self.options.speed, 1.0)
            self.set(OPENS[self.date], now if self.paused else math.floor(now * rate) / rate)
            self.streamed, self.seen = OPENS[self.date] - 1, now

    def forget(self) -> None:
        self.places, self.used, self.ended = {}, {}, False

    def restart(self, date: str | None = None) -> None:
        self.date = date or self.date
        self.market, self.origin, self.owed, self.resting, self.greets = None, None, 0, False, False
        self.stepped_to = 0.0
        self.ticked = self.ticked if self.stepped else 0.0
        self.forget()

    def jump(self, market: float, now: float, again: bool = True) -> None:
        self.owed, self.resting, self.stepped_to = 0, False, 0.0
        self.forget()
        self.origin = market if again else math.floor(market) + 1
        if self.market is not None:
            self.set(market, now)
            self.streamed, self.seen = market - again, now

    def indexes(self) -> dict[Feed, int]:
        """How far each feed that was used has come."""
        if not self.stepped:
            return dict(self.used)
        rest = {
            next(f for f in FEEDS if f.ticker == place[0]): n - 1 for place, n in self.places.items() if len(place) > 1
        }
        return rest | {place[0]: n - 1 for place, n in self.places.items() if len(place) == 1}

    def is_over(self) -> bool:
        ends = []
        for feed, reached in self.indexes().items():
            index = reached
            if not self.stepped:
                market = self.at(self.seen)
                index = self.newest(feed, min(market, self.streamed) if self.heard else market)
            ends.append(self.is_last(feed, index))
        return bool(ends) and all(ends)

    def roll(self) -> None:
        mode = self.options.cache_mode
        if mode is CacheMode.NEXT and self.date == DATES[0] and self.is_over():
            self.restart(DATES[1])
        elif mode is CacheMode.ROTATION and not self.stepped and self.is_over():
            self.restart()

    # --- the feed and REST -------------------------------------------------------------------

    def tick(self, now: float) -> dict[Feed, list[int]]:
        """What arrives in each group."""
        if not self.groups:
            self.heard = False
            return {}
        if not self.heard:
            self.heard, self.resting, self.greets, self.stepped_to = True, False, not self.stepped, 0.0
            if self.market is not None:
                self.streamed = max(self.streamed, math.floor(self.at(now)) - 1)
        if not self.is_due(now):
            return {}
        self.roll()
        self.start(now)
        if not self.is_due(now):
            return {}
        return self.stepped_turn(now) if self.stepped else self.clocked_turn(now)

    @property
    def fast(self) -> bool:
        return self.options.speed == 0 and not self.paused

    def is_due(self, now: float) -> bool:
        if self.stepped:
            return bool(self.owed) or (not self.paused and math.floor(now) > self.ticked)
        if self.market is None:
            return now >= self.ticked + IDLE_TURN
        if self.is_behind and not self.resting:
            return True
        if self.fast:
            return now >= self.ticked + (IDLE_TURN if self.ended else 0)
        if self.paused and self.greets:
            return True
        if self.paused and self.resting:
            return False
        return math.floor(self.at(now)) > math.floor(self.streamed)

    @property
    def is_behind(self) -> bool:
        """Whether steps of market time have gone further than the feed, which follows second by second."""
        return self.streamed < self.stepped_to

    def stepped_turn(self, now: float) -> dict[Feed, list[int]]:
        self.ticked = now if self.owed else math.floor(now)
        self.owed = max(0, self.owed - 1)
        return {feed: self.next_readable(feed) for feed in self.groups}

    def next_readable(self, feed: Feed) -> list[int]:
        while (index := self.step(feed, (feed,))) is not None:
            if self.stamps(feed)[index] is not None:
                return [index]
        return []

    def clocked_turn(self, now: float) -> dict[Feed, list[int]]:
        upto, self.followed = self.at(now), self.is_behind
        is_fast = self.fast and not self.followed
        if self.followed:
            upto = min(upto, self.streamed + 1)
        elif is_fast:
            upto = max(upto, self.streamed + 1)
        self.ticked = self.seen = now
        if is_fast:
            self.set(upto, now)
            self.ended = self.is_over()
        sent = {}
        for feed in self.groups:
            due = enumerate(self.stamps(feed))
            sent[feed] = [n for n, stamp in due if stamp is not None and self.streamed < stamp <= upto]
            self.used.setdefault(feed, 0)
            if self.greets and not sent[feed]:
                sent[feed] = self.greeting(feed, upto)
        self.streamed, self.greets = upto, False
        return sent

    def greeting(self, feed: Feed, upto: float) -> list[int]:
        """What somebody gets who has just come while the day stands still."""
        newest = self.newest(feed, upto)
        stamp = self.stamps(feed)[newest] if newest >= 0 else None
        if stamp is None or not (self.paused or self.is_last(feed, newest)):
            return []
        gone = stamp <= upto - 1 and self.is_last(feed, newest) and self.options.cache_mode is CacheMode.EXHAUST
        return [] if gone else [newest]

    def step(self, feed: Feed, place: Any) -> int | None:
        stamps = self.stamps(feed)
        index = self.places.get(place)
        if index is None:
            before = -1 if self.origin is None else self.newest(feed, math.ceil(self.origin) - 1)
            index = before + 1
        if index >= len(stamps):
            if self.options.cache_mode is not CacheMode.ROTATION:
                return None
            index = 0
        self.places[place] = index + 1
        return index

    def rest(self, feed: Feed, endpoint: str, now: float) -> int | None:
        if not self.heard:
            self.roll()
        if self.stepped:
            shared = self.options.endpoints is EndpointCacheMode.SHARED
            place = (feed.ticker, feed.package) if shared else (feed.ticker, endpoint, "own")
            index = self.step(feed, place)
            held = index is None and self.options.cache_mode is CacheMode.HOLD
            return len(self.stamps(feed)) - 1 if held else index
        used = self.market is not None
        self.start(now)
        self.seen = now
        self.used.setdefault(feed, 0)
        if used and self.fast and not self.heard:
            later = [stamp for stamp in self.near(feed, self.at(now)) if stamp is not None and stamp > self.at(now)]
            self.set(later[0] if later else self.at(now), now)
        market = self.at(now)
        index = max(self.newest(feed, market), 0)
        stamp = self.stamps(feed)[index]
        gone = (stamp is None or stamp <= market - 1) and self.is_last(feed, index)
        return None if gone and self.options.cache_mode is CacheMode.EXHAUST else index

    def near(self, feed: Feed, market: float) -> list[int | None]:
        """The records after the newest readable one, as far as they are looked at."""
        first = self.newest(feed, math.floor(market)) + 1
        return self.stamps(feed)[first : first + 5]

    # --- the control plane -------------------------------------------------------------------

    def pause(self, now: float) -> None:
        self.start(now)
        if self.paused:
            return
        if self.market is not None:
            self.set(self.at(now), now)
        self.paused, self.owed = True, 0
        if self.market is not None:
            self.resting = math.floor(self.at(now)) > math.floor(self.streamed)

    def resume(self, now: float) -> None:
        if self.market is not None:
            self.set(self.at(now), now)
        self.paused, self.owed, self.resting = False, 0, False

    def advance(self, count: int, now: float) -> None:
        self.start(now)
        if self.stepped:
            self.owed += count
        else:
            self.set(self.at(now) + count, now)
            self.resting, self.stepped_to = False, self.at(now)

    def speed(self, speed: float, now: float) -> None:
        if self.market is not None:
            self.set(self.at(now), now)
        self.options = msgspec.structs.replace(self.options, speed=speed)

    def seek(self, wanted: float, feed: Feed, now: float) -> None:
        stamps = [stamp for stamp in self.stamps(feed) if stamp is not None]
        at = max((stamp for stamp in stamps if stamp <= wanted), default=stamps[0])
        clamped = self.stepped or wanted < at or wanted > stamps[-1]
        self.start(now)
        self.jump(at if clamped else wanted, now)

    def play(self, playback: Playback, now: float) -> None:
        stepped, market = self.stepped, None if self.market is None else self.at(now)
        waits = self.streamed < math.floor(market or 0)
        if stepped:
            given = [self.stamps(feed)[index] for feed, index in self.indexes().items() if index >= 0]
            market = max((stamp for stamp in given if stamp is not None), default=self.origin)
            waits = not self.indexes()
        self.options = msgspec.structs.replace(self.options, playback=playback)
        if self.stepped != stepped and market is not None:
            self.restart()
            self.start(now)
            self.jump(market, now, waits)
        elif self.stepped != stepped and stepped:
            self.ticked = 0.0  # a new clock has had no turn


def state_of(session: Session | None, client: Client, now: float) -> Any:
    """All that can be seen of a key."""
    if session is None:
        return len(client.done), tuple(client.connection.groups)
    clock = None if session.clock is None else (session.clock.at(now), session.clock.speed, session.clock.paused)
    told = session.day, session.options, session.timeline, session.paused, session.dropped, is_over(session)
    feed = session.streamed, session.origin, session.heard, session.next_turn(now), clock
    places = dict(session.places), dict(session.newest), session.used(), [session.place(feed) for feed in FEEDS]
    return told, feed, places, len(client.done), tuple(client.connection.groups)


class Driver:
    """Does one thing after the other to the sessions and to their models."""

    def __init__(self) -> None:
        self.days = MemoryDays(*(day(*(tape(date, feed) for feed in FEEDS), date=date) for date in DATES))
        self.stream = Bench(self.days, DEFAULTS, {"orderflow": make_hub()})
        self.models = {key: Model() for key in KEYS}
        self.clients = {key: Client(self.stream.all_hubs["orderflow"], user_id=key) for key in KEYS}
        self.seen: Counter[str] = Counter()

    @property
    def now(self) -> float:
        return self.stream.now

    def session(self, key: str) -> Session:
        return self.stream.sessions.get(key)

    def stranger(self, key: str) -> Any:
        """The state of the other key."""
        other = KEYS[1 - KEYS.index(key)]
        return state_of(self.stream.sessions.peek(other), self.clients[other], self.now)

    # --- what can happen ---------------------------------------------------------------------

    def wait(self, ticks: int) -> None:
        """Time passes, then the streamer has a look."""
        self.stream.now += max(ticks, 1) * TICK
        expected = {key: model.tick(self.now) for key, model in self.models.items()}
        self.stream.turn()
        for key, client in self.clients.items():
            got: dict[str | None, list[int]] = {}
            for item in client.messages():
                if isinstance(item, m.DataMessage):
                    got.setdefault(item.group, []).append(index_of(item.data.value))
            client.done.clear()
            assert got == {f"blue_{feed.group}": sent for feed, sent in expected[key].items() if sent}
            self.seen["records"] += sum(map(len, got.values()))
            self.agree(key, got)

    def agree(self, key: str, got: dict[str | None, list[int]]) -> None:
        """What the feed sent last is what REST would get now, and nothing else is due."""
        session = self.session(key)
        if session.is_stepped or session.clock is None or not self.models[key].groups:
            return
        market = session.clock.at(self.now)
        model = self.models[key]
        if model.followed or model.is_behind or (model.paused and model.resting):
            return  # the turn of a step may have left a part, and what was due at a pause waits for it to go on
        assert session.options.speed == 0 or math.floor(session.streamed) == math.floor(market)
        for feed in self.models[key].groups:
            sent = got.get(f"blue_{feed.group}")
            assert sent is None or sent[-1] == self.models[key].newest(feed, market)

    def listen(self, key: str, feed: Feed) -> None:
        model, group = self.models[key], f"blue_{feed.group}"
        before = self.stranger(key)
        if feed in model.groups:
            model.groups.remove(feed)
            model.heard = model.heard and bool(model.groups)
            self.clients[key].send(m.LeaveGroup(group))
        else:
            model.groups.append(feed)
            self.clients[key].send(m.JoinGroup(group))
        assert self.stranger(key) == before

    def ask(self, key: str, feed: Feed, endpoint: str) -> None:
        before = self.stranger(key)
        session = self.session(key)
        session.roll()
        found = session.library.tape(feed)
        assert found is not None
        try:
            got: int | None = session.snapshot(found, endpoint, self.now)
        except ExhaustedError:
            got = None
        expected = self.models[key].rest(feed, endpoint, self.now)
        assert got == expected
        self.seen["answers" if got is not None else "ends"] += 1
        assert self.stranger(key) == before

    def control(self, key: str, action: str, **arguments: Any) -> None:
        before, timeline = self.stranger(key), self.session(key).timeline
        effect = apply(self.session(key), action, arguments, DEFAULTS, self.now)
        assert effect.requested is not None
        assert effect.resolved is not None
        assert self.session(key).timeline >= timeline
        assert self.stranger(key) == before
        self.seen[action] += 1

    def pause(self, key: str) -> None:
        self.control(key, "pause")
        self.models[key].pause(self.now)

    def resume(self, key: str) -> None:
        self.control(key, "resume")
        self.models[key].resume(self.now)

    def step(self, key: str, count: int) -> None:
        self.control(key, "step", count=count)
        self.models[key].advance(count, self.now)

    def speed(self, key: str, speed: float) -> None:
        self.control(key, "speed", speed=speed)
        self.models[key].speed(speed, self.now)

    def seek(self, key: str, feed: Feed, second: float) -> None:
        """Seconds after the opening, also before the first record and after the last."""
        wanted = OPENS[self.models[key].date] + second
        self.control(key, "seek", time=wanted, feed=feed.group)
        self.models[key].seek(wanted, feed, self.now)

    def seek_index(self, key: str, feed: Feed, index: int) -> None:
        stamps = self.models[key].stamps(feed)
        before = stamps[: min(max(index, 0), len(stamps) - 1) + 1]
        readable = [stamp for stamp in before if stamp is not None]
        self.control(key, "seek", index=index, feed=feed.group)
        self.models[key].seek(readable[-1], feed, self.now)

    def change(self, key: str, cache_mode: CacheMode, endpoints: EndpointCacheMode) -> None:
        self.control(key, "mode", cache_mode=cache_mode.value, endpoints=endpoints.value)
        model = self.models[key]
        model.options = msgspec.structs.replace(model.options, cache_mode=cache_mode, endpoints=endpoints)

    def play(self, key: str, playback: Playback) -> None:
        self.control(key, "mode", playback=playback.value)
        self.models[key].play(playback, self.now)

    def day(self, key: str, date: str) -> None:
        model = self.models[key]
        if date == "next" and model.date == DATES[1]:
            before = state_of(self.session(key), self.clients[key], self.now)
            with pytest.raises(ControlError):
                self.control(key, "day", date="next")
            assert state_of(self.session(key), self.clients[key], self.now) == before
            return
        self.control(key, "day", date=date)
        model.restart(date if date in DATES else DATES[1])

    def reset(self, key: str) -> None:
        self.control(key, "reset")
        model = self.models[key]
        model.options, model.paused = DEFAULTS, False
        model.restart(DATES[0])

    def stop_and_start(self) -> None:
        """The server is restarted; the connections are kept, so that the feed can be compared."""
        sessions = Sessions(self.days, DEFAULTS)
        recall(sessions, remember(self.stream.sessions, self.now), self.now)
        for key, model in self.models.items():
            if self.stream.sessions.peek(key) is not None:
                model.owed, model.ticked, model.heard, model.used, model.ended = 0, 0.0, False, {}, False
                model.seen, model.greets = self.now, False
        self.stream.sessions = sessions

    # --- what must always hold ---------------------------------------------------------------

    def check(self) -> None:
        for key, model in self.models.items():
            session = self.stream.sessions.peek(key)
            if session is None:
                assert model.market is None
                continue
            assert (session.day, session.options, session.paused) == (model.date, model.options, model.paused)
            assert session.dropped == 0
            expected = None if model.market is None or model.stepped else model.at(self.now)
            assert session.market_time(self.now) == expected
            assert set(session.used()) == set(model.indexes())
            if model.stepped:
                assert session.used() == model.indexes()


KEY = st.sampled_from(KEYS)
FEED = st.sampled_from(FEEDS)


class TwoKeys(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()

    @rule(ticks=st.one_of(st.integers(1, 200), st.integers(1, 3000)))
    def wait(self, ticks: int) -> None:
        self.driver.wait(ticks)

    @rule(key=KEY, feed=FEED)
    def listen(self, key: str, feed: Feed) -> None:
        self.driver.listen(key, feed)

    @rule(key=KEY, feed=FEED, endpoint=st.sampled_from(ENDPOINTS))
    def ask(self, key: str, feed: Feed, endpoint: str) -> None:
        self.driver.ask(key, feed, endpoint)

    @rule(key=KEY)
    def pause(self, key: str) -> None:
        self.driver.pause(key)

    @rule(key=KEY)
    def resume(self, key: str) -> None:
        self.driver.resume(key)

    @rule(key=KEY, count=st.integers(1, 30))
    def step(self, key: str, count: int) -> None:
        self.driver.step(key, count)

    @rule(key=KEY, speed=st.sampled_from(SPEEDS))
    def speed(self, key: str, speed: float) -> None:
        self.driver.speed(key, speed)

    @rule(key=KEY, feed=FEED, second=st.integers(-10, 100).map(lambda number: number / 4))
    def seek(self, key: str, feed: Feed, second: float) -> None:
        self.driver.seek(key, feed, second)

    @rule(key=KEY, feed=FEED, index=st.integers(-2, 20))
    def seek_index(self, key: str, feed: Feed, index: int) -> None:
        self.driver.seek_index(key, feed, index)

    @rule(key=KEY, cache_mode=st.sampled_from(CacheMode), endpoints=st.sampled_from(EndpointCacheMode))
    def change(self, key: str, cache_mode: CacheMode, endpoints: EndpointCacheMode) -> None:
        self.driver.change(key, cache_mode, endpoints)

    @rule(key=KEY, playback=st.sampled_from(Playback))
    def play(self, key: str, playback: Playback) -> None:
        self.driver.play(key, playback)

    @rule(key=KEY, date=st.sampled_from((*DATES, "next", "latest")))
    def day(self, key: str, date: str) -> None:
        self.driver.day(key, date)

    @rule(key=KEY)
    def reset(self, key: str) -> None:
        self.driver.reset(key)

    @rule()
    def stop_and_start(self) -> None:
        self.driver.stop_and_start()

    @invariant()
    def check(self) -> None:
        self.driver.check()


TestTwoKeys = TwoKeys.TestCase
TestTwoKeys.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


def one_step(driver: Driver, rng: random.Random) -> None:
    key, feed = rng.choice(KEYS), rng.choice(FEEDS)
    rare = [
        lambda: driver.pause(key),
        lambda: driver.resume(key),
        lambda: driver.resume(key),
        lambda: driver.step(key, rng.randint(1, 8)),
        lambda: driver.speed(key, rng.choice(SPEEDS)),
        lambda: driver.seek(key, feed, rng.randint(-10, 100) / 4),
        lambda: driver.seek_index(key, feed, rng.randint(-2, 20)),
        lambda: driver.change(key, rng.choice([*CacheMode]), rng.choice([*EndpointCacheMode])),
        lambda: driver.play(key, rng.choice([*Playback])),
        lambda: driver.day(key, rng.choice((*DATES, "next", "latest"))),
        lambda: driver.reset(key),
        lambda: driver.stop_and_start(),
        lambda: driver.listen(key, feed),
        lambda: driver.listen(key, feed),
    ]
    chance = rng.random()
    if chance < 0.5:
        driver.wait(rng.choice((1, 1, 7, 20, 64, 64, 150)) if rng.random() < 0.98 else rng.randint(64, 4000))
    elif chance < 0.8:
        driver.ask(key, feed, rng.choice(ENDPOINTS))
    else:
        rng.choice(rare)()


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.volume) for seed in (2, 3))])
def test_a_long_random_life(seed: int) -> None:
    rng, driver = random.Random(seed), Driver()
    assert driver.now == START
    for _ in range(10_000):
        one_step(driver, rng)
        driver.check()
    assert min(driver.seen[name] for name in ("records", "answers", "ends")) > 100
    actions = ("pause", "resume", "step", "speed", "seek", "mode", "day", "reset")
    assert min(driver.seen[action] for action in actions) > 50
