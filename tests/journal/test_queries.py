"""Questions about entries: by type, by fields with patterns and ranges, and from where on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gexfaker.errors import ControlError
from gexfaker.journal.journal import NUMBERS, TEXTS, TYPES, Entry
from gexfaker.journal.queries import Query, convert, read

ENTRIES = [
    Entry(1, 0.0, "connect", {"hub": "classic", "groups": ["blue_SPX_classic_gex_zero"], "subprotocol": None}),
    Entry(2, 0.1, "joinGroup", {"hub": "classic", "group": "blue_SPX_classic_gex_zero", "ack_id": 1}),
    Entry(3, 0.2, "sequenceAck", {"hub": "classic", "sequence_id": 37, "last": 40}),
    Entry(4, 0.3, "request", {"path": "/SPX/classic/zero", "status": 200}),
]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"type": "joinGroup"}, [2]),
        ({"type": ["joinGroup", "request"]}, [2, 4]),
        ({"since": 2}, [3, 4]),
        ({"where": {"hub": "classic"}}, [1, 2, 3]),
        ({"where": {"group": "*SPX*"}}, [2]),
        ({"where": {"groups": "*SPX*"}}, [1]),
        ({"where": {"status": 200}}, [4]),
        ({"where": {"status": True}}, []),
        ({"where": {"sequence_id": {"at_least": 37}}}, [3]),
        ({"where": {"sequence_id": {"at_least": 38}}}, []),
        ({"where": {"sequence_id": {"at_most": 40, "at_least": 1}}}, [3]),
        ({"where": {"path": {"at_least": 1}}}, []),
        ({"type": "connect", "where": {"subprotocol": None}}, [1]),
        ({"where": {"path": "/SPX/[ab]*"}}, []),
    ],
)
def test_what_is_meant(asked: dict[str, Any], numbers: list[int]) -> None:

    query = read(msgspec.json.encode(asked), Query)
    assert [entry.number for entry in query.of(ENTRIES)] == numbers


def test_a_question_in_words() -> None:
    query = read(b'{"type": ["ping", "ack"], "where": {"hub": "classic", "n": {"at_least": 3, "at_most": 9}}}', Query)
    assert query.said() == "ping or ack with hub = classic, n >= 3 and <= 9"
    assert Query().said() == "entry"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "not what this takes"),
        (b'{"typ": "ping"}', "unknown field typ (did you mean type?); there are type, where"),
        (b'{"zzz": "ping"}', "unknown field zzz; there are type, where"),
        (b'{"since": -1}', ">= 0"),
        (b'{"where": {"n": {"from": 3}}}', "unknown field from"),
        (b"\xff", "not what this takes"),
    ],
)
def test_what_is_no_question_is_refused_with_its_place(text: bytes, said: str) -> None:
    with pytest.raises(ControlError) as caught:
        read(text, Query)
    assert said in str(caught.value)


def test_a_group_is_meant_with_or_without_its_prefix() -> None:
    entries = [
        Entry(number, 0.0, "joinGroup", {"group": f"blue_{name}"}) for number, name in ((1, "SPX_a"), (2, "X_a"))
    ]
    for asked, found in (("SPX_a", [1]), ("blue_SPX_a", [1]), ("*_a", [1, 2]), ("X_a", [2]), ("SPX_b", [])):
        query = Query(where={"group": asked})
        assert [entry.number for entry in query.of(entries)] == found, asked


def test_a_type_that_is_none_is_answered_with_the_one_that_is_meant() -> None:
    with pytest.raises(ControlError, match=r"no entries of type 'joingroup' \(did you mean joinGroup\?\)"):
        read(b'{"type": "joingroup"}', Query).check()


def test_a_field_that_no_such_entry_has_is_refused() -> None:
    with pytest.raises(ControlError, match=r"request entries have no 'stauts': did you mean status\?"):
        read(b'{"type": "request", "where": {"stauts": 200}}', Query).check()
    with pytest.raises(ControlError, match="ping entries have no 'zzz': they have connection, hub"):
        read(b'{"type": "ping", "where": {"zzz": 200}}', Query).check()
    read(b'{"type": ["ping", "request"], "where": {"status": 200}}', Query).check()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"status": "200"}, "where: status is a number: write 200, not '200'"),
        ({"status": "ok"}, "where: status is a number: write a number or a range, not 'ok'"),
        ({"status": "4*"}, "where: status is a number: write a number or a range, not '4*'"),
        ({"status": True}, "where: status is a number"),
        ({"status": {"at_least": 400, "at_most": 300}}, "status: nothing is at least 400 and at most 300"),
        ({"status": {}}, "status: a range has at_least"),
        ({"method": "get"}, "method is never 'get': did you mean GET?"),
        ({"method": "GETT"}, "method is never 'GETT': did you mean GET?"),
        ({"hub": "orderflw"}, "hub is never 'orderflw': did you mean orderflow?"),
        ({"by": "sever"}, "by is never 'sever': did you mean server?"),
        ({"by": "x*"}, "by is never 'x*': it is client, server, nobody"),
        ({"path": 5}, "where: path is a text, with * for any letters: 5 never fits"),
        ({"path": {"at_least": 5}}, "where: path is a text"),
    ],
)
def test_a_value_of_a_kind_that_the_field_never_has_is_refused(where: dict[str, Any], said: str) -> None:
    with pytest.raises(ControlError) as caught:
        read(msgspec.json.encode({"where": where}), Query).check()
    assert said in str(caught.value)


def test_every_field_of_an_entry_is_a_number_a_text_or_a_list() -> None:
    fields = {field for kind in TYPES.values() for field in kind.fields}
    assert fields - NUMBERS - TEXTS == {"hubs", "groups", "resolved", "body"}
    assert not NUMBERS & TEXTS
    assert fields >= NUMBERS | TEXTS
    read(b'{"where": {"status": 200}}', Query).check()


def test_any_method_may_have_been_used() -> None:
    for method in ("TRACE", "PROPFIND"):
        read(msgspec.json.encode({"where": {"method": method}}), Query).check()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"witin": 1}, "(did you mean within?); there are type, where, since, count, within"),
        ({"where": {"count": {"atleast": 1}}}, "(did you mean at_least?); there are at_least, at_most"),
    ],
)
def test_a_misspelt_name_is_told_with_those_that_there_are(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ControlError) as caught:
        convert(given, Query, ("count", "within"))
    assert said in str(caught.value)


def test_a_type_that_there_is_not_is_refused() -> None:
    with pytest.raises(ControlError, match="there are no entries of type 'join'"):
        read(b'{"type": "join"}', Query).check()
