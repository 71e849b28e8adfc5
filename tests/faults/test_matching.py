"""Which rule hits which event: order, patterns, counts, times and chances; against a model written another way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.faults.kinds import Drop, Gap, Latency, Point
from gexfaker.faults.matching import Faults, Happening, chances
from gexfaker.faults.rules import FaultList, rules_of

SOMETHING = Happening(
    ticker="SPX", package="classic", category="gex_zero", hub="classic", group="blue_SPX_classic_gex_zero"
)


def faults(*rules: dict[str, Any], seed: int = 0) -> Faults:
    return Faults(FaultList(rules_of(list(rules)), seed))


def hit(
    at_work: Faults, happening: Happening = SOMETHING, now: float = 0.0, point: Point = Point.MESSAGE
) -> str | None:
    run = at_work.choose(point, happening, now)
    return None if run is None else run.rule.name


def test_the_first_rule_that_matches_wins() -> None:
    at_work = faults({"type": "gap", "name": "other", "on": {"ticker": "NDX"}}, {"type": "drop"}, {"type": "freeze"})
    assert hit(at_work) == "drop"
    assert hit(at_work, point=Point.REQUEST) is None, "no rule acts there"
    assert at_work.has(Point.MESSAGE)
    assert not at_work.has(Point.FRAME)


@pytest.mark.parametrize(
    ("on", "matches"),
    [
        ({}, True),
        ({"ticker": "SPX"}, True),
        ({"ticker": "spx"}, True),
        ({"ticker": "S*"}, True),
        ({"ticker": "N*"}, False),
        ({"group": "*gex_zero"}, True),
        ({"hub": "v2_*"}, False),
        ({"package": "classic", "category": "gex_zero", "hub": "classic"}, True),
        ({"client": "*bot*"}, False),
        ({"subprotocol": "json*"}, False),
    ],
)
def test_what_a_rule_names_must_be_there_and_fit(on: dict[str, str], matches: bool) -> None:
    assert (hit(faults({"type": "drop", "on": on})) == "drop") == matches


def test_a_client_is_known_by_any_of_its_names() -> None:
    named = SOMETHING._replace(clients=("my dashboard", "python-httpx/0.28"))
    assert hit(faults({"type": "drop", "on": {"client": "python*"}}), named) == "drop"
    assert hit(faults({"type": "drop", "on": {"client": "my *"}}), named) == "drop"
    assert hit(faults({"type": "drop", "on": {"client": "curl*"}}), named) is None


def test_the_version_of_a_path_may_be_left_out() -> None:
    for path in ("/SPX/classic/zero", "/v1/SPX/classic/zero", "/v2/SPX/classic/zero"):
        assert hit(faults({"type": "empty", "on": {"route": "/SPX/*"}}), Happening(route=path), point=Point.REQUEST)
    other = Happening(route="/v1/SPX/classic/zero")
    assert not hit(faults({"type": "empty", "on": {"route": "/v2/*"}}), other, point=Point.REQUEST)


def test_after_lets_events_pass_and_count_ends_it() -> None:
    at_work = faults({"type": "drop", "after": 2, "count": 3})
    assert [hit(at_work) for _ in range(8)] == [None, None, "drop", "drop", "drop", None, None, None]
    [status] = at_work.status(0.0)
    assert (status["seen"], status["hits"], status["spent"]) == (5, 3, True)


def test_for_begins_with_the_first_event_that_matches() -> None:
    at_work = faults({"type": "drop", "for": "30s"})
    assert hit(at_work, SOMETHING._replace(ticker=None), 0.0) == "drop"
    assert hit(at_work, now=29.9) == "drop"
    assert hit(at_work, now=30.0) is None


def test_a_market_time_and_a_record_count_from_there_on_and_not_before() -> None:
    at_work = faults({"type": "drop", "when": {"market": "10:05"}})
    assert hit(at_work) is None
    assert hit(at_work, SOMETHING._replace(market=10 * 3600 + 299.9)) is None
    assert hit(at_work, SOMETHING._replace(market=10 * 3600 + 300.0)) == "drop"
    at_work = faults({"type": "drop", "when": {"record": 7}})
    assert [hit(at_work, SOMETHING._replace(record=index)) for index in (6, 7, 8, 5)] == [None, "drop", "drop", None]


def test_a_message_arms_a_rule_for_good() -> None:
    at_work = faults({"type": "drop", "when": {"message": "joinGroup"}})
    at_work.note(Happening(message="ping"))
    assert hit(at_work) is None
    at_work.note(Happening(message="joinGroup"))
    assert hit(at_work) == "drop"


def test_only_the_kinds_that_can_hit_are_looked_at() -> None:
    at_work = faults({"type": "drop"}, {"type": "gap"})
    assert at_work.choose(Point.MESSAGE, SOMETHING, 0.0, Gap) is at_work.runs[1]
    assert at_work.runs[0].seen == 0
    assert at_work.choose(Point.MESSAGE, SOMETHING, 0.0, Drop, Latency) is at_work.runs[0]


def test_a_rule_that_rests_hits_nothing() -> None:
    assert hit(faults({"type": "drop", "enabled": False}, {"type": "gap"})) == "gap"


def test_toxicity_zero_is_never_and_one_is_always() -> None:
    never, always = faults({"type": "drop", "toxicity": 0}), faults({"type": "drop", "toxicity": 1})
    assert not any(hit(never) for _ in range(10_000))
    assert all(hit(always) for _ in range(10_000))


def test_the_same_seed_gives_the_same_faults_whatever_other_rules_there_are() -> None:
    rule = {"type": "drop", "name": "half", "toxicity": 0.5}
    one = [hit(at_work) for at_work in [faults(rule, seed=7)] for _ in range(200)]
    other = faults({"type": "gap", "name": "before", "on": {"ticker": "NDX"}}, rule, seed=7)
    assert one == [hit(other) for _ in range(200)]
    assert one != [hit(at_work) for at_work in [faults(rule, seed=8)] for _ in range(200)]
    assert 70 < one.count("half") < 130


def test_chances_are_spread_evenly_and_below_one() -> None:
    source = chances("anything")
    found = [next(source) for _ in range(10_000)]
    assert all(0 <= chance < 1 for chance in found)
    tenths = [sum(1 for chance in found if int(chance * 10) == tenth) for tenth in range(10)]
    assert min(tenths) > 850, tenths


def test_a_rule_that_stays_goes_on_counting_when_others_change() -> None:
    at_work = faults({"type": "drop", "count": 2}, {"type": "gap"})
    assert hit(at_work) == "drop"
    changed = at_work.followed_by(
        FaultList(rules_of([{"type": "freeze", "on": {"ticker": "X"}}, {"type": "drop", "count": 2}]))
    )
    assert [hit(changed) for _ in range(2)] == ["drop", None]
    anew = changed.followed_by(FaultList(rules_of([{"type": "drop", "count": 3}])))
    assert [hit(anew) for _ in range(4)] == ["drop"] * 3 + [None], "another rule of that name begins anew"
    seeded = anew.followed_by(FaultList(rules_of([{"type": "drop", "count": 3}]), 9))
    assert hit(seeded) == "drop", "another seed begins anew"


RULES = st.fixed_dictionaries(
    {"type": st.sampled_from(("drop", "gap", "freeze"))},
    optional={
        "on": st.fixed_dictionaries(
            {}, optional={"ticker": st.sampled_from(("SPX", "N*", "*")), "hub": st.just("classic")}
        ),
        "after": st.integers(0, 3),
        "count": st.integers(1, 3),
        "for": st.sampled_from((1.5, 4.0)),
        "enabled": st.booleans(),
        "when": st.fixed_dictionaries({}, optional={"record": st.integers(0, 5)}),
    },
)
EVENTS = st.lists(st.tuples(st.sampled_from(("SPX", "NDX")), st.integers(0, 8), st.floats(0, 1.0)), max_size=40)


@given(st.lists(RULES, max_size=4), EVENTS)
def test_what_is_hit_is_what_the_words_of_the_rules_say(rules: list[dict[str, Any]], events: list[Any]) -> None:
    at_work = Faults(FaultList(rules_of(rules)))
    state = [{"seen": 0, "hits": 0, "began": None} for _ in rules]
    now = 0.0
    for ticker, record, passed in events:
        now += passed
        found = hit(at_work, Happening(ticker=ticker, hub="classic", record=record), now)
        assert found == modelled(rules, state, ticker, record, now)


def modelled(
    rules: list[dict[str, Any]], state: list[dict[str, Any]], ticker: str, record: int, now: float
) -> str | None:
    """The rules' words, read one by one."""
    names = [rule.name for rule in rules_of(rules)]
    for rule, known, name in zip(rules, state, names, strict=True):
        wanted = rule.get("on", {}).get("ticker", "*")
        fits = wanted == "*" or wanted == ticker or (wanted == "N*" and ticker == "NDX")
        lasts = rule.get("for")
        over = lasts is not None and known["began"] is not None and now >= known["began"] + lasts
        full = known["hits"] >= rule.get("count", 1000)
        early = record < rule.get("when", {}).get("record", 0)
        if not fits or over or full or early or not rule.get("enabled", True):
            continue
        known["began"] = now if known["began"] is None else known["began"]
        known["seen"] += 1
        if known["seen"] > rule.get("after", 0):
            known["hits"] += 1
            return name
    return None
