"""Rules as users write them: what is read, and what every mistake is answered with."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gexfaker.errors import ControlError, DataError
from gexfaker.faults.kinds import KINDS, MAX_TEXT, Point, attributes_schema
from gexfaker.faults.presets import PRESETS, preset
from gexfaker.faults.rules import (
    MAX_RULES,
    NO_FAULTS,
    FaultList,
    checked,
    is_close_code,
    patched,
    rule_of,
    rules_of,
)


def test_a_rule_with_everything_is_read_and_written_back_as_it_was() -> None:
    given = {
        "name": "slow",
        "type": "latency",
        "on": {"route": "/SPX/*", "client": "*bot*"},
        "toxicity": 0.5,
        "after": 3,
        "count": 10,
        "for": "30s",
        "when": {"market": "10:05"},
        "attributes": {"latency": 300},
    }
    rule = rule_of(given)
    assert msgspec.to_builtins(rule) == given
    assert rule.seconds == 30.0
    lasting = [rule_of({"type": "drop", "for": lasts}).seconds for lasts in (30, "30", "0.5", "500ms")]
    assert lasting == [30, 30, 0.5, 0.5]
    assert rule.when.market_second == 10 * 3600 + 5 * 60


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_a_rule_with_nothing_but_its_type(name: str) -> None:
    rule = rule_of({"type": name})
    assert rule.name == name
    assert isinstance(rule.fault, KINDS[name])
    assert rule.fault.POINTS, "it acts somewhere"
    assert all(isinstance(point, Point) for point in rule.fault.POINTS)
    assert (KINDS[name].__doc__ or "").strip()
    assert set(attributes_schema(KINDS[name]).get("properties", {})) == set(KINDS[name].__struct_fields__)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "the rule is an object"),
        ({}, "missing required field type"),
        ({"type": "latencyy"}, "did you mean latency?"),
        ({"type": 3}, "Expected str"),
        ({"type": "latency", "atributes": {}}, "unknown field atributes"),
        ({"type": "latency", "attributes": {"lateny": 3}}, "it takes latency, jitter"),
        ({"type": "latency", "attributes": {"lateny": 3}}, "did you mean latency?"),
        ({"type": "status", "attributes": {"code": 429, "cout": 1}}, "did you mean count of the rule?"),
        ({"type": "drop", "on": {"group": "SPX_clasic*"}}, "did you mean classic by clasic? Groups end in"),
        ({"type": "latency", "attributes": {"latency": -1}}, "0.0"),
        ({"type": "latency", "attributes": {"latency": "300ms"}}, "Expected float"),
        ({"type": "empty", "attributes": {"size": 3}}, "it takes no attributes"),
        ({"type": "latency", "attributes": {"latency": "1s"}}, "a number without a unit, and times are milliseconds"),
        ({"type": "latency", "attributes": {"lower": 500, "upper": 100}}, "lower (500) is above upper (100)"),
        ({"type": "slicer", "attributes": {"average_size": 5, "size_variation": 9}}, "(9) is more than average_size"),
        ({"type": "corrupt", "attributes": {"part": "foo"}}, "there are "),
        ({"type": "quota", "attributes": {"pool": "hour"}}, "there are "),
        ({"type": "drop", "onn": {}}, "unknown field onn; there are type, name, on, toxicity"),
        (
            {"type": "drop", "when": {"maket": "10:00"}},
            "unknown field maket, at when; there are market, record, message",
        ),
        ({"type": "drop", "toxicity": 10}, "it is a share from 0 to 1, and 10 % is 0.1"),
        ({"type": "drop", "when": {"market": 1005}}, "when.market is a time of day such as 10:05"),
        ({"type": "drop", "toxicity": 1.5}, "<= 1.0"),
        ({"type": "drop", "count": 0}, ">= 1"),
        ({"type": "drop", "for": "soon"}, "for:"),
        ({"type": "status", "code": 429}, 'code belongs into "attributes": {"code": 429}'),
        ({"type": "drop", "on": {"route": "/SPX/*"}}, "it would never hit: drop is about the feed, which has no route"),
        ({"type": "empty", "on": {"hub": "classic"}}, "empty is about requests, which have no hub"),
        ({"type": "latency", "on": {"hub": "*", "route": "*"}}, "nothing has both a route and a hub"),
        ({"type": "drop", "on": {"hub": "clasic"}}, "there is no hub 'clasic'; did you mean classic?"),
        ({"type": "drop", "on": {"hub": "xyz"}}, "there is no hub 'xyz'; there are"),
        ({"type": "drop", "on": {"package": "clasic"}}, "there is no package 'clasic'; did you mean classic?"),
        ({"type": "drop", "on": {"category": "gexzero"}}, "there is no category 'gexzero'; did you mean gex_zero?"),
        ({"type": "drop", "on": {"subprotocol": "foo"}}, "there is no subprotocol 'foo'; there are json.webpubsub"),
        (
            {"type": "drop", "on": {"group": "SPX_classic_gexzero"}},
            "there is no group 'SPX_classic_gexzero'; groups end",
        ),
        (
            {"type": "empty", "on": {"route": "/nosuch"}},
            "no request of a key has the path '/nosuch'; paths are such as",
        ),
        (
            {"type": "drop", "on": {"group": "SPX_clasic_gex_zero"}},
            "there is no group 'SPX_clasic_gex_zero'; groups end",
        ),
        (
            {"type": "drop", "on": {"hub": "orderflow", "group": "SPX_classic_gex_zero"}},
            "orderflow does not carry SPX_c",
        ),
        ({"type": "drop", "on": {"hub": "classic", "group": "SPX_spot"}}, "classic does not carry SPX_spot"),
        (
            {"type": "drop", "on": {"package": "orderflow", "category": "gex_zero"}},
            "orderflow has no category gex_zero",
        ),
        ({"type": "drop", "on": {"hub": "classic", "category": "orderflow"}}, "classic does not carry orderflow"),
        ({"type": "drop", "on": {"hub": "orderflow", "package": "cl*"}}, "orderflow does not carry cl*"),
        (
            {"type": "drop", "on": {"ticker": "SPY", "group": "SPX_orderflow_orderflow"}},
            "SPX_orderflow_orderflow is not a group of SPY",
        ),
        (
            {"type": "drop", "on": {"package": "state", "group": "blue_SPX_classic_gex_zero"}},
            "is not a group of state",
        ),
        ({"type": "status", "on": {"ticker": "SPX", "route": "/SPY/*"}}, "/SPY/* is not about SPX"),
        ({"type": "status", "on": {"ticker": "SPX", "route": "/v2/spy/classic/*"}}, "is not about SPX"),
        ({"type": "expire_token", "on": {"route": "/SPX/*"}}, "expire_token is about /negotiate"),
        ({"type": "expire_token", "on": {"ticker": "SPX"}}, "expire_token is about /negotiate"),
        ({"type": "stale", "on": {"route": "/negotiate"}}, "stale is about records, and /negotiate gives none"),
        ({"type": "no_ping", "on": {"group": "SPX_*"}}, "no_ping is about no group"),
        ({"type": "no_pong", "on": {"ticker": "SPX"}}, "no_pong is about no group"),
        ({"type": "reject", "on": {"package": "classic"}}, "reject is about no group"),
        ({"type": "sequence", "on": {"subprotocol": "json.webpubsub.azure.v1"}}, "about reliable subprotocols"),
        ({"type": "refuse_recovery", "on": {"subprotocol": "protobuf.webpubsub*"}}, "about reliable subprotocols"),
        ({"type": "drop", "when": {"record": 5_000_000}}, "no day has a record 5,000,000"),
        ({"type": "empty", "when": {"record": 5}}, "empty is not about a record"),
        ({"type": "drop", "when": {"message": "join"}}, "there is no message 'join'; "),
        ({"type": "reset"}, "did you mean reset_peer?"),
        *(
            ({"type": "drop", "for": lasts}, "for: a time such as 30s, or seconds")
            for lasts in (-3, 0, "-5s", "", "nan", "inf", "1e9s", "0s", float("nan"), 10**9)
        ),
        ({"type": "drop", "when": {"market": "25:00"}}, "a time of day such as 10:05"),
        ({"type": "drop", "on": {"grup": "x"}}, "unknown field grup"),
        ({"type": "drop", "name": "a/b"}, "a name has letters"),
        ({"type": "drop", "name": "x" * 61}, "a name has letters"),
        ({"type": "close", "attributes": {"code": 1005}}, "no code of a close frame"),
        ({"type": "close", "attributes": {"code": 2000}}, "no code of a close frame"),
        ({"type": "close", "attributes": {"reason": "ä" * 61}}, "reason has more than 120 bytes"),
        ({"type": "reject", "attributes": {"code": 600}}, "neither an HTTP status nor the code of a close frame"),
        ({"type": "reject", "attributes": {"code": 1006}}, "neither an HTTP status nor the code of a close frame"),
        ({"type": "reject", "attributes": {"code": 2999}}, "neither an HTTP status nor the code of a close frame"),
        ({"type": "status", "attributes": {"headers": {"a b": "c"}}}, "'a b' is no header that can be given"),
        ({"type": "status", "attributes": {"headers": {"Content-Length": "3"}}}, "is no header that can be given"),
        ({"type": "status", "attributes": {"headers": {"A": "b\r\nC: d"}}}, "the value of A is not plain text"),
        ({"type": "status", "attributes": {"body": "x" * (MAX_TEXT + 1)}}, "length"),
    ],
)
def test_a_mistake_is_told_with_its_place(given: Any, said: str) -> None:
    with pytest.raises(ControlError, match=r".*") as caught:
        rule_of(given)
    assert said in str(caught.value), str(caught.value)
    assert "rule" in str(caught.value)
    assert "`" not in str(caught.value)


def test_a_mistake_in_a_list_names_the_rule() -> None:
    with pytest.raises(ControlError, match="rule 2: there is no type 'nothing'"):
        rules_of([{"type": "drop"}, {"type": "nothing"}])
    with pytest.raises(ControlError, match="a list of rules"):
        rules_of({"type": "drop"})


def test_rules_without_names_are_told_apart_and_equal_names_are_refused() -> None:
    assert [rule.name for rule in rules_of([{"type": "drop"}] * 3)] == ["drop", "drop-2", "drop-3"]
    with pytest.raises(ControlError, match="two rules are called a"):
        rules_of([{"type": "drop", "name": "a"}, {"type": "gap", "name": "a"}])


def test_a_list_is_bounded_in_number_and_size() -> None:
    with pytest.raises(ControlError, match=f"{MAX_RULES} rules, not {MAX_RULES + 1}"):
        rules_of([{"type": "drop"}] * (MAX_RULES + 1))
    full = FaultList(rules_of([{"type": "drop"}] * MAX_RULES))
    with pytest.raises(ControlError, match=f"not {MAX_RULES + 1}"):
        full.with_rule(rule_of({"type": "gap"}))
    large = [{"type": "status", "attributes": {"body": "x" * MAX_TEXT}}] * 17
    with pytest.raises(ControlError, match="bytes"):
        checked(FaultList(rules_of(large)))


def test_a_list_keeps_its_order_when_a_rule_is_replaced_added_or_taken_out() -> None:
    listed = FaultList(rules_of([{"type": "drop"}, {"type": "gap"}]))
    again = listed.with_rule(rule_of({"type": "kick", "name": "drop"}))
    assert [(rule.name, rule.type) for rule in again.faults] == [("drop", "kick"), ("gap", "gap")]
    assert [rule.name for rule in again.with_rule(rule_of({"type": "freeze"})).faults] == ["drop", "gap", "freeze"]
    assert [rule.name for rule in again.without("drop").faults] == ["gap"]
    with pytest.raises(DataError, match="there is no fault 'nothing' \\(there are: drop, gap\\)"):
        listed.without("nothing")
    with pytest.raises(DataError, match="none"):
        NO_FAULTS.named("x")


def test_a_patch_merges_attributes_and_keeps_the_rest() -> None:
    rule = rule_of({"type": "latency", "attributes": {"latency": 300}, "on": {"route": "/SPX/*"}})
    again = patched(rule, {"toxicity": 0.5, "attributes": {"jitter": 7}, "on": {"client": "b"}})
    assert again.attributes == {"latency": 300, "jitter": 7}
    assert (again.on.route, again.on.client, again.toxicity) == ("/SPX/*", "b", 0.5)
    with pytest.raises(ControlError, match="keeps its name"):
        patched(rule, {"name": "other"})
    with pytest.raises(ControlError, match="an object"):
        patched(rule, [1])


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_list_of_rules_and_says_what_a_good_client_does(name: str) -> None:
    rules = preset(name)
    assert rules
    assert all(rule.name != rule.type for rule in rules), "each has a name that says what it is"
    assert PRESETS[name].about.endswith(".")
    assert PRESETS[name].good


def test_a_preset_that_there_is_not_is_answered_with_those_there_are() -> None:
    with pytest.raises(ControlError, match="slow-network"):
        preset("slow")


def test_close_codes_are_those_that_a_server_may_send_and_the_one_that_stands_for_a_break() -> None:
    assert [code for code in range(998, 1020) if is_close_code(code)] == [
        *(1000, 1001, 1002, 1003),
        *range(1006, 1015),
    ]
    assert is_close_code(4999)
    assert not is_close_code(5000)
