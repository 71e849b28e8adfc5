"""What a test expects of a client: each expectation holds, and does not hold with the right sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gexfaker.errors import ControlError
from gexfaker.journal.expectations import EARLY, MAX_EXPECTATIONS, READY, Verification, findings
from gexfaker.journal.journal import Entry
from gexfaker.journal.queries import read

HUB = {"hub": "classic", "connection": "c1"}


def entries(*told: tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], float]) -> list[Entry]:
    """Entries in their order, a tenth of a second apart unless they say when."""
    return [
        Entry(number, one[2] if len(one) > 2 else number / 10, one[0], one[1]) for number, one in enumerate(told, 1)
    ]


def verify(asked: dict[str, Any], found: list[Entry]) -> list[str]:
    question = read(msgspec.json.encode(asked), Verification)
    question.check()
    return [one.text for one in findings(question, found)]


def expect(found: list[Entry], **expectation: Any) -> list[str]:
    return verify({"expect": [expectation]}, found)


JOINS = entries(
    ("joinGroup", HUB | {"group": "blue_SPX_classic_gex_zero"}),
    ("joinGroup", HUB | {"group": "blue_SPX_classic_gex_one"}),
)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, None),
        ({"exactly": 2}, None),
        ({"at_least": 2}, None),
        ({"at_most": 2}, None),
        ({"exactly": 1}, "expected exactly 1 joinGroup, and there were 2"),
        ({"at_least": 3}, "expected at least 3 joinGroup, and there were 2"),
        ({"at_most": 1}, "expected at most 1 joinGroup, and there were 2"),
        ({"at_least": 3, "at_most": 5}, "expected 3 to 5 joinGroup, and there were 2"),
    ],
)
def test_counts(counts: dict[str, int], said: str | None) -> None:
    assert expect(JOINS, type="joinGroup", **counts) == ([] if said is None else [said])


def test_what_is_missing_is_told_beside_the_last_of_its_kind() -> None:
    found = entries(("sequenceAck", HUB | {"sequence_id": 12}), ("sequenceAck", HUB | {"sequence_id": 37}))
    assert expect(found, type="sequenceAck", where={"sequence_id": {"at_least": 40}}) == [
        "expected at least 1 sequenceAck with sequence_id >= 40, and there was none; "
        "the last sequenceAck had sequence_id 37"
    ]
    assert expect([], type="sequenceAck", exactly=0) == []
    assert expect(found, type="close", at_most=0) == []


def test_the_nearest_entries_come_with_it() -> None:
    question = read(b'{"expect": [{"type": "joinGroup", "where": {"group": "x"}}]}', Verification)
    [finding] = findings(question, JOINS)
    assert [entry.number for entry in finding.nearest] == [1, 2]


def test_a_strict_order() -> None:
    found = entries(("connect", HUB), ("joinGroup", HUB), ("connect", HUB))
    order: dict[str, Any] = {"expect": [{"type": "connect"}, {"type": "joinGroup"}], "order": "strict"}
    assert verify(order, found) == []
    order["expect"].reverse()
    assert verify(order, found) == []
    assert verify(order, found[:2]) == ["expected connect after joinGroup, and it came earlier or too seldom"]


def test_only_what_came_after_counts() -> None:
    assert verify({"expect": [{"type": "joinGroup", "exactly": 1}], "since": 1}, JOINS) == []


def test_everything_was_acknowledged() -> None:
    sent = ("deliver", HUB | {"group": "g", "count": 3, "sequence_id": 3})
    assert expect(entries(sent, ("sequenceAck", HUB | {"sequence_id": 3})), **{"is": "acknowledged_everything"}) == []
    assert expect(entries(sent, ("sequenceAck", HUB | {"sequence_id": 2})), **{"is": "acknowledged_everything"}) == [
        "expected a sequenceAck >= 3 on classic; the last was 2"
    ]
    assert expect(entries(sent), **{"is": "acknowledged_everything"}) == [
        "expected a sequenceAck >= 3 on classic; there was none"
    ]
    plain = ("deliver", HUB | {"group": "g", "count": 3})
    for found in (entries(plain), []):
        assert expect(found, **{"is": "acknowledged_everything"}) == [
            "expected acknowledgements, and no reliable connection was sent anything"
        ]
    later = ("sequenceAck", HUB | {"sequence_id": 1})
    acked = ("sequenceAck", HUB | {"sequence_id": 3})
    assert expect(entries(sent, acked, later), **{"is": "acknowledged_everything"}) == [], "the largest one counts"


def test_what_broke_for_good_need_not_be_acknowledged_and_too_much_is_no_more_than_what_was_sent() -> None:
    sent = ("deliver", HUB | {"group": "g", "count": 3, "sequence_id": 3})
    ahead = ("sequenceAck", HUB | {"sequence_id": 9999, "last": 1})
    assert expect(entries(ahead, sent), **{"is": "acknowledged_everything"}) == [
        "expected a sequenceAck >= 3 on classic; the last was 1"
    ]
    again = ("deliver", HUB | {"connection": "c2", "group": "g", "count": 1, "sequence_id": 1})
    acked = ("sequenceAck", HUB | {"connection": "c2", "sequence_id": 1, "last": 1})
    assert expect(entries(sent, BROKEN, again, acked), **{"is": "acknowledged_everything"}) == []
    assert expect(entries(sent, BROKEN), **{"is": "acknowledged_everything"}) == [
        "expected acknowledgements, and every reliable connection broke before the last one could come"
    ]
    more = ("deliver", HUB | {"group": "g", "count": 17, "sequence_id": 20})
    enough = ("sequenceAck", HUB | {"sequence_id": 20, "last": 20})
    assert expect(entries(sent, ahead, more, enough), **{"is": "acknowledged_everything"}) == []
    back = ("recover", HUB | {"unacknowledged": 3})
    for told in ((sent, BROKEN, back), (sent, CLEAN)):
        assert expect(entries(*told), **{"is": "acknowledged_everything"}) == [
            "expected a sequenceAck >= 3 on classic; there was none"
        ]


def test_who_closed_is_in_no_group() -> None:
    joined = ("joinGroup", HUB | {"group": "blue_SPX_classic_gex_zero"})
    asked = {"is": "joined_exactly", "groups": ["SPX_classic_gex_zero"]}
    assert expect(entries(joined, BROKEN), **asked) == [], "it may come back to it"
    assert expect(entries(joined, CLEAN), **asked) == [
        "expected the client in exactly SPX_classic_gex_zero; it is not in SPX_classic_gex_zero; "
        "its connection to classic was closed by the client"
    ]


def test_after_a_status_nothing_is_sent_and_what_was_under_way_is_not_meant() -> None:
    def request(status: int, at: float, ms: float = 1.0) -> tuple[str, dict[str, Any], float]:
        return "request", {"method": "GET", "path": "/x", "status": status, "ms": ms}, at

    asked: dict[str, Any] = {"is": "stopped_after", "status": 401}
    assert expect(entries(request(401, 1.0), request(401, 1.01, 20.0), request(401, 1.02, 30.0)), **asked) == []
    assert expect(entries(request(401, 1.0), request(401, 1.5)), **asked) == [
        "expected no request after the first 401; 1 came, the first 0.50 s later"
    ]
    refused = ("reject", {"hub": "classic", "status": 401, "why": "x"}, 2.0)
    assert expect(entries(request(401, 1.0), refused, refused), **asked) == [
        "expected no request after the first 401; 2 came, the first 1.00 s later"
    ]
    assert expect(entries(refused), **asked) == []
    assert expect(entries(refused, ("connect", HUB, 3.0)), **asked) == [
        "expected no request after the first 401; 1 came, the first 1.00 s later"
    ]


BROKEN = ("close", HUB | {"code": None, "by": "nobody"}, 10.0)


def closed_with(code: int | None) -> tuple[str, dict[str, Any], float]:
    """The client closed its connection."""
    return "close", HUB | {"code": code, "by": "client"}, 20.0


CLEAN = ("close", HUB | {"code": 1000, "by": "client"}, 10.0)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((BROKEN, ("recover", HUB, 12.0)), None),
        ((BROKEN, ("connect", HUB, 12.0)), None),
        ((CLEAN,), "expected a connection that breaks, and none did"),
        *(((closed_with(code),), "expected a connection that breaks, and none did") for code in (None, 1001, 1005)),
        ((BROKEN, ("recover", HUB, 12.0), closed_with(1005)), None),
        ((closed_with(1011),), "expected the client back on classic within 5 s; it did not come"),
        ((BROKEN,), "expected the client back on classic within 5 s; it did not come"),
        ((BROKEN, ("connect", HUB, 17.5)), "expected the client back on classic within 5 s; it took 7.50 s"),
        ((BROKEN, ("connect", HUB | {"hub": "state"}, 11.0)), "within 5 s; it did not come"),
    ],
)
def test_back_in_time(told: Any, said: str | None) -> None:
    found = expect(entries(*told), **{"is": "reconnected_within", "seconds": 5})
    assert (said or "") in "".join(found)
    assert bool(found) == (said is not None)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((BROKEN, ("recover", HUB, 12.0)), None),
        ((CLEAN, ("connect", HUB, 12.0)), "expected a connection that breaks, and none did"),
        (
            (("connect", HUB | {"subprotocol": "json.webpubsub.azure.v1"}, 1.0), BROKEN, ("connect", HUB, 12.0)),
            "(it speaks json.webpubsub.azure.v1, which cannot recover)",
        ),
        (
            (BROKEN, ("connect", HUB, 12.0)),
            "expected the client to recover its connection to classic; it opened another",
        ),
        ((BROKEN, ("reject", HUB | {"why": "too late"}, 12.0)), "it was refused: too late"),
        ((BROKEN,), "it did not come back"),
    ],
)
def test_recovered_rather_than_reconnected(told: Any, said: str | None) -> None:
    found = expect(entries(*told), **{"is": "recovered"})
    assert (said or "") in "".join(found)
    assert bool(found) == (said is not None)


def test_negotiated_at_most() -> None:
    found = entries(("negotiate", {}), ("negotiate", {}))
    assert expect(found, **{"is": "negotiated_at_most", "times": 2}) == []
    assert expect(found, **{"is": "negotiated_at_most"}) == ["expected at most 1 negotiations, and there were 2"]


def test_joined_exactly_needs_groups() -> None:
    with pytest.raises(ControlError, match=r"\[\] for none"):
        Verification(("joined_exactly",)).check()


def test_joined_exactly() -> None:
    groups = ["SPX_classic_gex_zero", "SPX_classic_gex_one"]
    assert expect(JOINS, **{"is": "joined_exactly", "groups": groups}) == []
    assert expect(JOINS, **{"is": "joined_exactly", "groups": ["blue_" + group for group in groups]}) == []
    assert expect(JOINS, **{"is": "joined_exactly", "groups": [groups[0], "NDX_classic_gex_zero"]}) == [
        "expected the client in exactly NDX_classic_gex_zero, SPX_classic_gex_zero; it is not in "
        "NDX_classic_gex_zero and is in blue_SPX_classic_gex_one"
    ]
    left = [*JOINS, Entry(3, 1.0, "leaveGroup", HUB | {"group": "blue_SPX_classic_gex_one"})]
    assert expect(left, **{"is": "joined_exactly", "groups": groups[:1]}) == []
    refused = [*JOINS, Entry(3, 1.0, "joinGroup", HUB | {"group": "blue_X", "error": "Forbidden"})]
    assert expect(refused, **{"is": "joined_exactly", "groups": groups}) == []
    moved = [*JOINS, *entries(("connect", HUB | {"groups": []}))]
    assert expect(moved, **{"is": "joined_exactly", "groups": []}) == [], "another connection begins with nothing"
    patched = [*JOINS, *entries(("negotiate", {"method": "PATCH", "groups": ["SPX_spot"]}))]
    assert expect(patched, **{"is": "joined_exactly", "groups": ["SPX_spot"]}) == []
    second = HUB | {"connection": "second", "group": "blue_SPX_classic_gex_zero"}
    both = entries(
        ("connect", HUB),
        ("joinGroup", HUB | {"group": "blue_SPX_classic_gex_zero"}),
        ("connect", second),
        ("joinGroup", second),
        ("close", HUB | {"code": 1000, "by": "client"}),
    )
    assert expect(both, **{"is": "joined_exactly", "groups": groups[:1]}) == [], "the second one is in it"
    by_token = entries(("connect", HUB | {"groups": groups}))
    assert expect(by_token, **{"is": "joined_exactly", "groups": groups}) == []


def request(path: str, at: float, status: int = 200) -> tuple[str, dict[str, Any], float]:
    return "request", {"method": "GET", "path": path, "status": status}, at


def test_polled_no_faster_than() -> None:
    found = entries(request("/a", 0.0), request("/b", 0.1), request("/a", 1.0))
    assert expect(found, **{"is": "polled_no_faster_than", "seconds": 1}) == []
    assert expect(found, **{"is": "polled_no_faster_than", "seconds": 2}) == [
        "expected /a to be asked for every 2 s at most; it was after 1.00 s"
    ]
    slow = [request("/a", 3.0), request("/a", 3.1)]  # the first answer took 2 s: it was asked for at 1.0
    slow[0][1]["ms"], slow[1][1]["ms"] = 2000.0, 0.0
    assert expect(entries(*slow), **{"is": "polled_no_faster_than", "seconds": 2}) == []
    slow[1] = request("/a", 5.0)  # asked for at 3.0, and at 3.1
    slow[1][1]["ms"], slow[0][1]["ms"] = 1900.0, 0.0
    assert expect(entries(*slow), **{"is": "polled_no_faster_than", "seconds": 1}) == [
        "expected /a to be asked for every 1 s at most; it was after 0.10 s"
    ]
    assert expect([], **{"is": "polled_no_faster_than"}) == [
        "expected the client to ask for records, and it asked for nothing"
    ]


def test_stopped_after() -> None:
    found = entries(request("/a", 0.0), request("/a", 1.0, 401))
    assert expect(found, **{"is": "stopped_after"}) == []
    assert expect(found[:1], **{"is": "stopped_after"}) == ["expected an answer 401, and there was none"]
    again = [*found, *entries(request("/a", 3.5))]
    again[2] = msgspec.structs.replace(again[2], number=3)
    assert expect(again, **{"is": "stopped_after"}) == [
        "expected no request after the first 401; 1 came, the first 2.50 s later"
    ]


def report(*stamps: object) -> tuple[str, dict[str, Any]]:
    return told({"group": "G", "timestamps": list(stamps)})


def told(body: object) -> tuple[str, dict[str, Any]]:
    return "report", {"body": msgspec.Raw(msgspec.json.encode(body))}


def test_handled_in_order() -> None:
    sent = ("deliver", HUB | {"group": "blue_G", "count": 3})
    assert expect(entries(sent, report(1, 2), report(3)), **{"is": "handled_in_order"}) == []
    assert expect(entries(sent, report(1, 2)), **{"is": "handled_in_order"}) == [
        "expected the client to report 3 records of blue_G; it reported 2"
    ]
    assert expect(entries(sent, report(1, 3, 2)), **{"is": "handled_in_order"}) == [
        "expected the records of blue_G in order; report 3 has 2 after 3"
    ]
    assert expect(entries(sent, report(1, 2, 2)), **{"is": "handled_in_order"}) != [], "each once"
    odd: tuple[tuple[object, ...], ...] = ((1, "2", 3), ("1", 2, 3), (1, None, 3), ([], {}, 3))
    for stamps in odd:
        [said] = expect(entries(sent, report(*stamps)), **{"is": "handled_in_order"})
        assert "1 reports are not of the form {" in said, "no numbers"
    assert expect(entries(report(1)), **{"is": "handled_in_order"}) == [
        "expected the client to be sent records, and it was sent none"
    ]
    assert expect(entries(sent, report(1, 3, 2, 4)), **{"is": "handled_in_order"}) == [
        "expected the records of blue_G in order; report 3 has 2 after 3"
    ], "the order before the number"
    for body in (None, 3, [1], {"timestamps": 5}, {"group": 3, "timestamps": [1]}):
        [said] = expect(entries(sent, told(body), report(1)), **{"is": "handled_in_order"})
        assert "it reported 1; 1 reports are not of the form {" in said
    spoiled = ("fault", {"name": "x", "fault": "corrupt", "hit": "", "group": "blue_G", "record": 3})
    for count in (2, 3):
        seen = entries(sent, spoiled, report(*range(count)))
        assert expect(seen, **{"is": "handled_in_order"}) == [], "it may pass over what it cannot read"
    [said] = expect(entries(sent, spoiled, report(1)), **{"is": "handled_in_order"})
    assert said == "expected the client to report 2 to 3 records of blue_G; it reported 1"
    copies = ("deliver", HUB | {"group": "blue_G", "count": 5, "records": 3})
    assert expect(entries(copies, report(1, 2, 3)), **{"is": "handled_in_order"}) == [], "copies are no records"
    each = [told({"group": "G", "timestamp": number}) for number in (1, 2, 3)]
    assert expect(entries(sent, *each), **{"is": "handled_in_order"}) == [], "one at a time"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"expect": []}, "a list of 1 to"),
        ({"expect": [{"type": "ping"}] * (MAX_EXPECTATIONS + 1)}, "a list of 1 to"),
        ({"expect": [{}]}, "an expectation has a type"),
        ({"expect": [{"is": "good"}]}, "there is no expectation 'good'"),
        ({"expect": [{"type": "join"}]}, "there are no entries of type 'join'"),
        ({}, "missing required field expect"),
        (
            {"expect": [{"type": "ping"}], "order": "random"},
            "Invalid enum value 'random' - at $.order; there are any, strict",
        ),
        ({"expect": [{"type": "ping", "exactly": -1}]}, ">= 0"),
        ({"expect": [{"type": "ping", "exactly": 1, "at_least": 1}]}, "exactly goes without"),
        ({"expect": [{"type": "ping", "at_least": 3, "at_most": 1}]}, "can never hold together"),
        ({"expect": [{"type": "ping", "where": {"grop": "x"}}]}, "ping entries have no 'grop'"),
        ({"expect": [{"type": "ping"}], "since": 2**63}, "<="),
        ({"expect": [{"type": "ping", "since": 2**63}]}, "<="),
        ({"expect": [{"type": "ping", "where": {"hub": {}}}]}, "where: hub: a range has at_least, at_most, or both"),
        ({"expect": [{"type": "ping", "where": {"hub": "*" * 501}}]}, "length"),
    ],
)
def test_what_is_no_expectation_is_refused(asked: Any, said: str) -> None:
    with pytest.raises(ControlError) as caught:
        verify(asked, [])
    assert said in str(caught.value)


def test_what_may_still_go_wrong_is_not_answered_before_its_time() -> None:
    def at_once(expectation: dict[str, Any]) -> bool:
        return bool(read(msgspec.json.encode({"expect": [expectation]}), Verification).is_final_at_once)

    assert at_once({"type": "ping"})
    assert at_once({"type": "ping", "at_least": 3})
    assert not at_once({"type": "ping", "exactly": 1})
    assert not at_once({"type": "ping", "at_most": 1})
    assert {name for name in READY if not at_once({"is": name})} == set(READY) - set(EARLY)


@pytest.mark.parametrize("name", READY)
def test_every_ready_made_expectation_says_what_it_is(name: str) -> None:
    assert (READY[name].__doc__ or "").endswith(".")


def test_joined_exactly_is_about_now_whenever_the_client_joined() -> None:
    groups = ["SPX_classic_gex_zero", "SPX_classic_gex_one"]
    expected = {"is": "joined_exactly", "groups": groups}
    assert verify({"expect": [expected], "since": 2}, JOINS) == verify({"expect": [expected]}, JOINS)
    joined = [("joinGroup", HUB | {"connection": "a", "group": group}) for group in groups]
    closed = ("close", HUB | {"connection": "a", "by": "client", "code": 1000})
    assert expect(entries(*joined), **expected) == []
    assert expect(entries(*joined, closed), **expected) == [
        "expected the client in exactly SPX_classic_gex_one, SPX_classic_gex_zero; it is not in SPX_classic_gex_one, "
        "SPX_classic_gex_zero; its connection to classic was closed by the client"
    ]
