"""What a test expects of a client, held against its journal; what does not hold is told in one sentence.

An expectation counts entries (``exactly``, ``at_least``, ``at_most``), or is one of the ready-made ones in READY.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from gexfaker.errors import ControlError
from gexfaker.journal.journal import Entry
from gexfaker.journal.queries import MAX_NUMBER, Query, is_group

MAX_EXPECTATIONS: Final = 100
"""Expectations in one question."""

NEAREST: Final = 5
"""Entries that are shown beside an expectation that does not hold."""

Count = Annotated[int, Meta(ge=0)]


class Expectation(Query, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One expectation: a question with how many entries it must have, or ``is`` with the name of a ready-made one.

    Attributes:
        ready: one of READY; ``is`` in JSON.
        times: how often, for those that count.
        seconds: how long, for those that measure.
        groups: for ``joined_exactly``.
        status: for ``stopped_after``.
    """

    ready: str | None = msgspec.field(default=None, name="is")
    exactly: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None
    times: Count = 1
    seconds: Annotated[float, Meta(ge=0)] = 5.0
    groups: tuple[str, ...] | None = None
    status: int = 401

    def check(self) -> None:
        """Raises ControlError: it asks for something that there is not."""
        super().check()
        if self.ready is not None and self.ready not in READY:
            raise ControlError(f"there is no expectation {self.ready[:40]!r}: there are {', '.join(READY)}")
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ControlError("exactly goes without at_least and at_most")
        if (self.at_least or 0) > (self.most if self.most is not None else MAX_NUMBER):
            raise ControlError(f"at_least {self.at_least} and at_most {self.at_most} can never hold together")
        self._check_parts()
        if self.ready == "joined_exactly" and self.groups is None:
            raise ControlError('joined_exactly takes groups: {"is": "joined_exactly", "groups": [...]}, [] for none')
        if self.ready is None and not self.types and not self.where:
            raise ControlError('an expectation has a type, a where, or "is" with one of: ' + ", ".join(READY))

    def _check_parts(self) -> None:
        """Raises ControlError: a part is given that this expectation does not look at: it would prove nothing."""
        parts = [one for one in msgspec.structs.fields(self) if one.encode_name not in ("since", "is", "where")]
        given = {one.encode_name for one in parts if getattr(self, one.name) != one.default}
        given |= {"where"} if self.where else set()
        looked_at = COUNTED if self.ready is None else {PARTS[self.ready]} if self.ready in PARTS else set()
        if strange := sorted(given - looked_at):
            belongs = next((f" (it belongs to {name})" for name, part in PARTS.items() if strange[0] == part), "")
            has = ", ".join(sorted(looked_at)) or "nothing"
            raise ControlError(f"{self.ready or 'an expectation of entries'} takes {has}, not {strange[0]}{belongs}")

    @property
    def least(self) -> int:
        """The fewest entries that must be there: one unless something else is asked for."""
        if self.exactly is not None:
            return self.exactly
        if self.at_least is not None:
            return self.at_least
        return 0 if self.at_most is not None else 1

    @property
    def most(self) -> int | None:
        """The most entries that may be there; None for any number."""
        return self.exactly if self.exactly is not None else self.at_most


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question of ``verify``.

    Attributes:
        expect: all of them must hold; one without arguments may be its name alone.
        order: ``strict``: the first entries that meet them come in this order.
        within: seconds, or a time such as ``5s``, in which they must hold; what may not be is looked at until the end.
        since: only entries after this number count.
    """

    EXAMPLE: ClassVar[str] = '{"expect": [{"type": "joinGroup", "exactly": 1}, "recovered"]}'

    MEMBERS: ClassVar[dict[str, type[Any]]] = {"expect": Expectation}

    expect: tuple[Expectation | str, ...]
    order: Literal["any", "strict"] = "any"
    within: str | float = 0.0
    since: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0

    def check(self) -> None:
        """Raises ControlError: it asks for something that there is not."""
        if not 0 < len(self.expect) <= MAX_EXPECTATIONS:
            raise ControlError(f"expect is a list of 1 to {MAX_EXPECTATIONS} expectations")
        for one in self.expected:
            one.check()

    @property
    def expected(self) -> tuple[Expectation, ...]:
        """What is expected, with all names read."""
        return tuple(Expectation(ready=one) if isinstance(one, str) else one for one in self.expect)

    @property
    def is_a_least(self) -> bool:
        """Whether it only asks for so many entries at least, which others cannot make untrue."""
        return self.order == "any" and all(one.ready is None and one.most is None for one in self.expected)

    @property
    def is_final_at_once(self) -> bool:
        """Whether it can be answered before its time is over once it holds: nothing in it may still go wrong."""
        return all(one.most is None and one.ready in EARLY for one in self.expected)


class Finding(NamedTuple):
    """An expectation that does not hold: the sentence, and the entries that came nearest."""

    text: str
    nearest: list[Entry]


def findings(asked: Verification, entries: Sequence[Entry]) -> list[Finding]:
    """What does not hold; empty when all does."""
    considered = [entry for entry in entries if entry.number > asked.since]
    held = [_finding(one, entries if one.ready in OF_NOW else considered) for one in asked.expected]
    found = [one for one in held if one is not None]
    return found or (_order(asked, considered) if asked.order == "strict" else [])


def _finding(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    if expected.ready is not None:
        return READY[expected.ready](expected, entries)
    found = expected.of(entries)
    most = expected.most
    if len(found) >= expected.least and (most is None or len(found) <= most):
        return None
    wanted = _wanted(expected.least, most)
    text = f"expected {wanted} {expected.said()}, and there {_are(len(found))}"
    nearest = found[-NEAREST:] or _latest(expected.types, entries)
    return Finding(f"{text}{_last(expected, nearest) if not found else ''}", nearest)


def _latest(types: tuple[str, ...], entries: Sequence[Entry]) -> list[Entry]:
    """The last entries of these types; of any, if there are none."""
    of_type = (entry for entry in reversed(entries) if not types or entry.type in types)
    return list(islice(of_type, NEAREST))[::-1]


def _last(expected: Query, nearest: Sequence[Entry]) -> str:
    """How the last one of the type differs."""
    if not nearest or not expected.where:
        return ""
    last = nearest[-1]
    values = ", ".join(f"{name} {last.fields.get(name, 'missing')}" for name in expected.where)
    return f"; the last {last.type} had {values}"


def _wanted(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least}"
    return f"exactly {least}" if least == most else f"at most {most}" if not least else f"{least} to {most}"


def _are(count: int) -> str:
    return "was none" if not count else "was 1" if count == 1 else f"were {count}"


def _order(asked: Verification, entries: Sequence[Entry]) -> list[Finding]:
    """Each expectation is met by an entry after that which met the one before."""
    after, before = 0, ""
    for expected in asked.expected:
        if expected.ready is not None or not expected.least:
            continue
        later = [entry for entry in expected.of(entries) if entry.number > after]
        if len(later) < expected.least:
            text = f"expected {expected.said()} after {before}, and it came earlier or too seldom"
            return [Finding(text, expected.of(entries)[-NEAREST:])]
        after, before = later[expected.least - 1].number, expected.said()
    return []


# --- the ready-made ones -------------------------------------------------------------------------


def _acknowledged_everything(_: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """Reliable connections were sent messages, and each that did not break for good has acknowledged the last one."""
    sent, acked, broken = _last_sent(entries), _last_acked(entries), _broken(entries)
    reliable = [name for name, entry in sent.items() if "sequence_id" in entry.fields]
    if not reliable:
        return Finding("expected acknowledgements, and no reliable connection was sent anything", [*sent.values()])
    if broken.issuperset(reliable):
        text = "expected acknowledgements, and every reliable connection broke before the last one could come"
        return Finding(text, [sent[name] for name in reliable][-NEAREST:])
    for connection, entry in sent.items():
        wanted = None if connection in broken else entry.fields.get("sequence_id")
        last = acked.get(connection)
        has = _acked(last) if last is not None else 0
        if wanted is not None and has < wanted:
            said = f"the last was {has}" if has else "there was none"
            text = f"expected a sequenceAck >= {wanted} on {entry.fields['hub']}; {said}"
            return Finding(text, [one for one in (last, entry) if one is not None])
    return None


def _last_sent(entries: Sequence[Entry]) -> dict[str, Entry]:
    """For each connection the delivery with the largest sequence id."""
    return _largest((entry for entry in entries if entry.type == "deliver"), _sequence_id)


def _last_acked(entries: Sequence[Entry]) -> dict[str, Entry]:
    """For each connection the acknowledgement that is good for the most."""
    return _largest((entry for entry in entries if entry.type == "sequenceAck"), _acked)


def _largest(entries: Iterable[Entry], number: Callable[[Entry], int]) -> dict[str, Entry]:
    """For each connection the entry with the largest number, of several the last."""
    found: dict[str, Entry] = {}
    for entry in entries:
        known = found.get(entry.fields["connection"])
        if known is None or number(entry) >= number(known):
            found[entry.fields["connection"]] = entry
    return found


def _sequence_id(entry: Entry) -> int:
    return entry.fields.get("sequence_id") or 0


def _acked(entry: Entry) -> int:
    """The last message that an acknowledgement is good for."""
    sent = entry.fields.get("last")
    return min(_sequence_id(entry), sent) if isinstance(sent, int) else _sequence_id(entry)


def _broken(entries: Sequence[Entry]) -> set[str]:
    """The connections that the client did not close, and did not come back to."""
    found = set[str]()
    for entry in entries:
        if entry.type == "close" and not _is_wanted(entry):
            found.add(entry.fields["connection"])
        elif entry.type == "recover":
            found.discard(entry.fields["connection"])
    return found


WANTED_CODES: Final = (None, 1000, 1001, 1005)
"""With which clients close on purpose: normally, as one leaves a page, or without a code, as the official JavaScript
client does. A client that misses an answer closes with another one. Source: RFC 6455, section 7.4.1.
"""


def _is_wanted(close: Entry) -> bool:
    """Whether it was the client that closed, as one does."""
    return close.fields["by"] == "client" and close.fields.get("code") in WANTED_CODES


def _returns(entries: Sequence[Entry], *types: str) -> list[tuple[Entry, Entry | None]]:
    """Each end of a connection that the client did not want, with the first entry of these types on its hub after it.

    None for one after which nothing of that kind came.
    """
    found = list[tuple[Entry, Entry | None]]()
    next_on = dict[str, Entry]()
    for entry in reversed(entries):
        hub = entry.fields.get("hub")
        if entry.type in types and hub is not None:
            next_on[hub] = entry
        elif entry.type == "close" and not _is_wanted(entry):
            found.append((entry, next_on.get(entry.fields["hub"])))
    return found[::-1]


def _reconnected_within(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """A connection broke, and after each that did another one to the same hub came within so many seconds."""
    returns = _returns(entries, "connect", "recover")
    for end, back in returns:
        hub = end.fields["hub"]
        if back is None:
            return Finding(f"expected the client back on {hub} within {expected.seconds:g} s; it did not come", [end])
        took = back.at - end.at
        if took > expected.seconds:
            text = f"expected the client back on {hub} within {expected.seconds:g} s; it took {took:.2f} s"
            return Finding(text, [end, back])
    return None if returns else NOTHING_BROKE


def _recovered(_: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """A connection broke, and after each that did the client came back to it, and did not open another one."""
    returns = _returns(entries, "connect", "recover", "reject")
    for end, back in returns:
        hub = end.fields["hub"]
        if back is None:
            return Finding(f"expected the client to recover its connection to {hub}; it did not come back", [end])
        if back.type != "recover":
            did = "opened another one" if back.type == "connect" else f"was refused: {back.fields.get('why', '')}"
            did += _why_it_cannot(end, entries)
            return Finding(f"expected the client to recover its connection to {hub}; it {did}", [end, back])
    return None if returns else NOTHING_BROKE


UNREADABLE: Final = ("corrupt", "mislabel", "extremes", "oversize")
"""Faults of messages that a good client may pass over."""

REPORT: Final = '{"group": "SPX_classic_gex_zero", "timestamps": [1784295000]}'
"""What a client reports of the records of a group that it has handled; one alone may be its ``timestamp``."""

NOTHING_BROKE: Final = Finding("expected a connection that breaks, and none did", [])


def _why_it_cannot(end: Entry, entries: Sequence[Entry]) -> str:
    """That a client speaks a subprotocol whose connections cannot be recovered, if it does."""
    name = end.fields["connection"]
    opened = (entry for entry in entries if entry.type == "connect" and entry.fields["connection"] == name)
    spoken = next((entry.fields.get("subprotocol") or "no subprotocol" for entry in opened), "reliable")
    return "" if "reliable" in spoken else f" (it speaks {spoken}, which cannot recover)"


def _negotiated_at_most(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """The client negotiated so often at most; tries that were refused are not counted."""
    found = [entry for entry in entries if entry.type == "negotiate"]
    if len(found) <= expected.times:
        return None
    return Finding(f"expected at most {expected.times} negotiations, and there {_are(len(found))}", found[-NEAREST:])


def _joined_exactly(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """The client is in these groups now, whatever their prefix, and in no other, by all that the journal has."""
    inside = _groups_at_the_end(entries)
    wanted = set(expected.groups or ())
    missing = sorted(group for group in wanted if not any(is_group(name, group) for name in inside))
    others = sorted(name for name in inside if not any(is_group(name, group) for group in wanted))
    if not missing and not others:
        return None
    parts = [f"is not in {', '.join(missing)}"] * bool(missing) + [f"is in {', '.join(others)}"] * bool(others)
    text = f"expected the client in exactly {', '.join(sorted(wanted)) or 'no group'}; it {' and '.join(parts)}"
    if missing and (ended := next((entry for entry in reversed(entries) if entry.type == "close"), None)) is not None:
        by = ended.fields["by"]
        text += f"; its connection to {ended.fields['hub']} {'broke' if by == 'nobody' else f'was closed by the {by}'}"
    return Finding(text, [inside[name] for name in others][-NEAREST:])


def _groups_at_the_end(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The groups that the client is in after all, each with the entry by which it came there."""
    inside: dict[tuple[str, str], Entry] = {}
    opened = set[str]()
    for entry in entries:
        connection, hub, group = (entry.fields.get(name) or "" for name in ("connection", "hub", "group"))
        if entry.type == "joinGroup" and "error" not in entry.fields:
            inside[connection, group] = entry
        elif entry.type == "leaveGroup":
            inside = {
                place: one for place, one in inside.items() if place[1] != group or place[0] not in (connection, "")
            }
        elif entry.type == "close":
            opened.discard(connection)
            if _is_wanted(entry) or entry.fields.get("code") == 1000:
                inside = {place: one for place, one in inside.items() if place[0] != connection}
        elif entry.type == "recover":
            opened.add(connection)
        elif entry.type == "connect":  # what one that is gone had joined on the hub is gone, too
            kept = {place: one for place, one in inside.items() if one.fields.get("hub") != hub or place[0] in opened}
            inside = kept | {(connection, one): entry for one in entry.fields.get("groups", ())}
            opened.add(connection)
        elif entry.type == "negotiate" and entry.fields.get("method") == "PATCH":
            inside = {("", one): entry for one in entry.fields.get("groups", ())}
    return {group: entry for (_, group), entry in inside.items()}


def _polled_no_faster_than(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """The client asked for records, and between two requests for the same path are at least so many seconds."""
    last: dict[tuple[str, str], Entry] = {}
    for entry in sorted((entry for entry in entries if entry.type == "request"), key=_began):
        name = entry.fields["method"], entry.fields["path"]
        before = last.get(name)
        if before is not None and (took := _began(entry) - _began(before)) < expected.seconds:
            text = f"expected {name[1]} to be asked for every {expected.seconds:g} s at most; it was after {took:.2f} s"
            return Finding(text, [before, entry])
        last[name] = entry
    return None if last else Finding("expected the client to ask for records, and it asked for nothing", [])


def _stopped_after(expected: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """After the first answer with this status no further request was sent, and no WebSocket opened."""
    asked = [entry for entry in entries if entry.type in ("request", "reject", "connect", "recover")]
    ended = next((entry for entry in asked if entry.fields.get("status") == expected.status), None)
    if ended is None:
        return Finding(f"expected an answer {expected.status}, and there was none", asked[-NEAREST:])
    later = [entry for entry in asked if entry.number > ended.number and _began(entry) > ended.at]
    if not later:
        return None
    after = _began(later[0]) - ended.at
    text = f"expected no request after the first {expected.status}; {len(later)} came, the first {after:.2f} s later"
    return Finding(text, [ended, *later[: NEAREST - 1]])


def _began(entry: Entry) -> float:
    """When a request came; it is written down when it is answered."""
    return entry.at - (entry.fields.get("ms") or 0.0) / 1000


def _handled_in_order(_: Expectation, entries: Sequence[Entry]) -> Finding | None:
    """By its own reports the client handled as many records of each group as it was sent and can read, each once."""
    sent: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    told: dict[str, list[Any]] = {}
    for entry in entries:
        if entry.type == "deliver":
            sent[entry.fields["group"]] += entry.fields.get("records", entry.fields["count"])
        elif entry.type == "fault" and entry.fields["fault"] in UNREADABLE:
            unreadable[entry.fields.get("group", "")] += 1
        elif entry.type == "report":
            group, stamps = _told_in(entry.fields["body"])
            told.setdefault(group, []).extend(stamps)
    if not sent:
        return Finding("expected the client to be sent records, and it was sent none", [])
    reports = [entry for entry in entries if entry.type == "report"]
    unread = sum(not _told_in(entry.fields["body"])[0] for entry in reports)
    for group, count in sent.items():
        stamps = next((stamps for name, stamps in told.items() if is_group(group, name)), [])
        text = _why_not_handled(group, range(count - unreadable[group], count + 1), stamps)
        if text is not None:
            return Finding(text + f"; {unread} reports are not of the form {REPORT}" * bool(unread), reports[-NEAREST:])
    return None


def _told_in(body: bytes) -> tuple[str, list[Any]]:
    """The group and the timestamps of a report; no group of one that has another form."""
    found = msgspec.json.decode(body)
    if not isinstance(found, dict) or not isinstance(found.get("group"), str):
        return "", []
    stamps = found.get("timestamps", [found["timestamp"]] if "timestamp" in found else None)
    if not isinstance(stamps, list) or not all(isinstance(one, int | float) for one in stamps):
        return "", []
    return found["group"], stamps


def _why_not_handled(group: str, counts: range, stamps: list[Any]) -> str | None:
    for number, (first, second) in enumerate(pairwise(stamps), 2):
        if second <= first:
            return f"expected the records of {group} in order; report {number} has {second} after {first}"
    if len(stamps) not in counts:
        many = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[-1])
        return f"expected the client to report {many} records of {group}; it reported {len(stamps)}"
    return None


READY: Final[dict[str, Callable[[Expectation, Sequence[Entry]], Finding | None]]] = {
    "acknowledged_everything": _acknowledged_everything,
    "reconnected_within": _reconnected_within,
    "recovered": _recovered,
    "negotiated_at_most": _negotiated_at_most,
    "joined_exactly": _joined_exactly,
    "polled_no_faster_than": _polled_no_faster_than,
    "stopped_after": _stopped_after,
    "handled_in_order": _handled_in_order,
}
"""The ready-made expectations: each gives what does not hold, or None."""

PARTS: Final = {
    "reconnected_within": "seconds",
    "negotiated_at_most": "times",
    "joined_exactly": "groups",
    "polled_no_faster_than": "seconds",
    "stopped_after": "status",
}
"""What a ready-made expectation looks at beside its name and ``since``; the others look at nothing more."""


def takes(name: str) -> str:
    """What a ready-made expectation can be told, for people: its part with the value that it has otherwise."""
    if name == "handled_in_order":
        return 'reports `{"group": ..., "timestamps": [...]}`'
    if name not in PARTS:
        return ""
    default = next(one.default for one in msgspec.structs.fields(Expectation) if one.name == PARTS[name])
    return f"`{PARTS[name]}`" + ("" if default is None else f" ({default:g})")


COUNTED: Final = {"type", "where", "exactly", "at_least", "at_most"}
"""What the others do."""

OF_NOW: Final = ("joined_exactly",)
"""Those that are about what is so now, whenever it came about: ``since`` does not matter to them."""

EARLY: Final = (
    None,
    "acknowledged_everything",
    "reconnected_within",
    "recovered",
    "joined_exactly",
    "handled_in_order",
)
"""Those that hold as soon as they do; the others may still go wrong until the time is over."""
