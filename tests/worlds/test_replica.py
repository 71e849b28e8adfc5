"""Servers that decide together: whatever they do, they are where one server alone would be."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import ControlError, DataError, ExhaustedError, GexfakerError, UndecidedError
from gexfaker.playback.actions import action_of
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.options import CacheMode, Options, Playback
from gexfaker.worlds.change import Begin, change, propose
from gexfaker.worlds.replica import decide, decode, encode, follow, with_slot
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import Account, Shared, World
from gexfaker.worlds.worlds import Worlds
from support.tapes import OPEN, SPX, MemoryDays, at_times, day

START = 1_795_600_000.0
OPTIONS = Options(Playback.CLOCK, CacheMode.HOLD, speed=1.0)

ACTIONS = st.one_of(
    st.just(("pause", {})),
    st.just(("resume", {})),
    st.just(("reset", {})),
    st.builds(lambda count: ("step", {"count": count}), st.integers(1, 40)),
    st.builds(lambda at: ("seek", {"time": OPEN + at}), st.integers(-5, 130)),
    st.builds(lambda speed: ("speed", {"speed": speed}), st.sampled_from((0.5, 1, 7, 60))),
    st.builds(lambda tier: ("tier", {"tier": tier}), st.sampled_from(("classic", "quant"))),
    st.builds(lambda count: ("quota", {"allowances": f"{count}/minute"}), st.integers(1, 9)),
)


def days() -> MemoryDays:
    return MemoryDays(day(at_times(range(OPEN, OPEN + 120))))


def world(options: Options = OPTIONS) -> World:
    return World("key", options, Account("quant"), Worlds(days(), options))


def act(name: str, arguments: dict[str, Any]) -> Any:
    return action_of(name, dict(arguments))


def seen(one: World, now: float) -> dict[str, Any]:
    """What clients can see of a world."""
    play = one.play
    assert isinstance(play, ClockPlay)
    tape = play.day.tape(SPX)
    assert tape is not None
    market = play.market_time(now)
    return {
        "market": None if market is None else round(market, 6),
        "paused": play.paused,
        "timeline": play.timeline,
        "options": msgspec.structs.asdict(play.options),
        "newest": None if market is None else tape.index_at(int(market)),
        "tier": one.tier,
        "quota": one.account.quota.allowances,
    }


def shared(count: int) -> list[World]:
    return [world() for _ in range(count)]


@settings(max_examples=150)
@given(st.lists(st.tuples(ACTIONS, st.integers(0, 2), st.floats(0, 5)), max_size=12))
def test_servers_that_decide_together_are_where_one_alone_would_be(
    asked: list[tuple[tuple[str, dict[str, Any]], int, float]],
) -> None:
    alone, nodes, now = world(), shared(3), START
    for (name, arguments), number, wait in asked:
        now += wait
        try:
            effect = change(alone, act(name, arguments), now)
        except (ControlError, DataError, ExhaustedError) as problem:
            with pytest.raises(type(problem)):
                decide(nodes[number], act(name, arguments), now)
            continue
        decision = decide(nodes[number], act(name, arguments), now)
        assert decision.effect == effect
        text = encode(decision.replica)
        for node in nodes:
            follow(node, decode(text), now + 0.003)
    for later in (0.0, 0.9, 30.0):
        assert [seen(node, now + later) for node in nodes] == [seen(alone, now + later)] * 3


@given(ACTIONS)
def test_deciding_changes_nothing(asked: tuple[str, dict[str, Any]]) -> None:
    one = world()
    change(one, Begin(), START)
    before, version = seen(one, START + 7), one.version
    with contextlib.suppress(GexfakerError):
        decide(one, act(*asked), START + 7)
    assert (seen(one, START + 7), one.version) == (before, version)


def test_the_feed_goes_on_where_it_is_when_the_speed_changes() -> None:
    """What was sent is not sent again: only a jump begins anew."""
    one, other = shared(2)
    follow(one, decide(one, Begin(), START).replica, START)
    play = one.play
    assert isinstance(play, ClockPlay)
    play.attend(START)
    assert play.turn(START + 5) is not None
    upto = play.sent.upto
    follow(one, decide(other, Begin(), START).replica, START)
    follow(one, decide(one, act("speed", {"speed": 7}), START + 5).replica, START + 5)
    assert one.play is play
    assert play.sent.upto == upto


def test_a_shared_world_is_changed_by_no_server_alone() -> None:
    one, asked = world(), list[Any]()
    one.shared = Shared(0, b"", lambda _world, what: asked.append(what))
    with pytest.raises(UndecidedError):
        change(one, act("pause", {}), START)
    propose(one, act("pause", {}), START)
    assert len(asked) == 1
    assert not one.play.paused


def test_a_slot_goes_along_and_a_key_that_was_not_used_stays_so() -> None:
    one, other = shared(2)
    replica = with_slot(one, Slot("slot-1", {"v2_classic": ["SPX_classic_gex_full"]}))
    again = decode(encode(replica))
    assert again == replica
    follow(other, again, START)
    assert not other.is_used
    assert again.slot is not None
    assert again.slot.groups == {"v2_classic": ["SPX_classic_gex_full"]}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("mode", {"playback": "step"}, "step mode is for one server"),
        ("speed", {"speed": 0}, "speed 0 is for one server"),
    ],
)
def test_what_does_not_follow_from_a_clock_is_refused(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ControlError, match=said):
        decide(world(), act(name, arguments), START)


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"tier":1}', b"\xff"])
def test_what_is_no_replica_is_said(text: bytes) -> None:
    with pytest.raises(DataError, match="not the state of a key"):
        decode(text)


def test_a_day_that_is_not_here_is_said_when_somebody_asks_and_the_next_change_is_followed() -> None:
    one, other = shared(2)
    replica = decide(other, Begin(), START).replica
    assert replica.place is not None
    elsewhere = msgspec.structs.replace(replica, place=msgspec.structs.replace(replica.place, day="2020-01-02"))
    follow(one, elsewhere, START)
    with pytest.raises(DataError):
        assert one.play.day
    follow(one, replica, START)
    assert one.play.day is not None


@pytest.mark.parametrize(
    "change",
    [
        {"tier": "zzz"},
        {"quota": "bogus///"},
        {"place": {"day": "../../etc"}},
        {"place": {"anchor": (-1.0, 5.0)}},
        {"place": {"anchor": (1e300, 5.0)}},
        {"place": {"upto": -5.0}},
        {"place": {"options": Options(Playback.STEP)}},
    ],
)
def test_what_cannot_be_is_no_state_of_a_key(change: dict[str, Any]) -> None:
    replica = decide(world(), Begin(), START).replica
    assert replica.place is not None
    if "place" in change:
        change = {"place": msgspec.structs.replace(replica.place, **change["place"])}
    with pytest.raises(DataError, match="not the state of a key"):
        decode(encode(msgspec.structs.replace(replica, **change)))
