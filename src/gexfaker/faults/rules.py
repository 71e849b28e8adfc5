"""Rules: which fault hits whom, when, and how often. An ordered list of them; the first that matches wins.

{"name": "slow", "type": "latency", "on": {"route": "/SPX/*"}, "toxicity": 0.5, "attributes": {"latency": 300}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Meta

from gexfaker.catalog import GROUP_ENDINGS, HUBS
from gexfaker.errors import ControlError, DataError
from gexfaker.exchange.hours import RECORDS
from gexfaker.faults.kinds import (
    BROKEN,
    KINDS,
    Close,
    ExpireToken,
    Fault,
    Latency,
    NoPing,
    NoPong,
    Point,
    RefuseRecovery,
    Reject,
    Sequence,
    Slicer,
    Stale,
    Status,
)
from gexfaker.faults.patterns import (
    NAMED_CATEGORIES,
    NEGOTIATION,
    PACKAGES,
    RECORD_ROUTES,
    SUBPROTOCOLS,
    fits_category,
    fits_feed,
    fits_group,
    fits_hub,
    fits_one,
    fits_route,
    fits_ticker,
    fits_together,
    misspelt_in,
)
from gexfaker.limits import MAX_RECORDS
from gexfaker.nearest import nearest
from gexfaker.parsing import duration
from gexfaker.shell import expanded, text_of

MAX_RULES: Final = 100
"""Rules of one key: each may be looked at for each message."""

MAX_LISTS_BYTES: Final = 1 << 20
"""What the rules of one key may have as JSON; bodies of answers are the long part."""

LONGEST_SECONDS: Final = 7 * 86_400.0
"""How long a rule may count."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
FRAMING: Final = frozenset(("content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"))
"""Headers that say where an answer ends: those are the server's own."""

MESSAGES: Final = ("joinGroup", "leaveGroup", "sendToGroup", "event", "sequenceAck", "ping")
"""The types of messages that clients send, for ``when``."""

FIRST_CLOSE_CODE: Final = 1000
LAST_STATUS: Final = 599
MAX_REASON_BYTES: Final = 120
"""Of a close frame, whose payload has 125 bytes with the code. Source: RFC 6455, section 5.5."""

SENT: Final = {Point.MESSAGE}
"""Where only what a client is sent is met."""

ABOUT_NO_FEED: Final = (NoPing, NoPong, Reject, RefuseRecovery)
"""Kinds that act on a ping or a handshake, which belong to no group."""

RELIABLE: Final = tuple(name for name in SUBPROTOCOLS if "reliable" in name)
RELIABLE_ONLY: Final = (Sequence, RefuseRecovery)
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")

Pattern = Annotated[str, Meta(max_length=200)]


class On(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom a rule is about; what is not named may be anything, and ``*`` stands for any letters.

    Attributes:
        key: an API key or a session's id; the rule is given to it.
        route: the path of a request, such as ``/SPX/classic/*`` or ``/negotiate``.
        client: the name that a client gives itself, or its User-Agent.
    """

    key: Pattern | None = None
    route: Pattern | None = None
    ticker: Pattern | None = None
    package: Pattern | None = None
    category: Pattern | None = None
    hub: Pattern | None = None
    group: Pattern | None = None
    subprotocol: Pattern | None = None
    client: Pattern | None = None


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """From when on a rule counts.

    Attributes:
        market: a time of the market day in New York, ``10:05`` or ``10:05:30``.
        record: the index of a record on its tape.
        message: the type of a message that the client has sent, such as ``joinGroup``.
    """

    market: str | None = None
    record: Annotated[int, Meta(ge=0)] | None = None
    message: Pattern | None = None

    @property
    def market_second(self) -> int | None:
        """The time of day in seconds."""
        match = None if self.market is None else _CLOCK.fullmatch(self.market)
        return (
            None
            if match is None
            else sum(int(part or 0) * 60**power for part, power in zip(match.groups(), (2, 1, 0), strict=True))
        )


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule.

    Attributes:
        name: unique in its list.
        type: one of KINDS.
        toxicity: the share of matching events that it hits.
        after: matching events that pass first.
        count: events that it hits at most.
        lasts: how long it counts from the first matching event on, ``30s``; ``for`` in JSON.
        attributes: those of its kind.
        enabled: false lets it rest.
    """

    type: str
    name: str = ""
    on: On = On()
    toxicity: Annotated[float, Meta(ge=0, le=1)] = 1.0
    after: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    lasts: str | float | None = msgspec.field(default=None, name="for")
    when: When = When()
    attributes: dict[str, Any] = {}
    enabled: bool = True

    @property
    def fault(self) -> Fault:
        """Its kind with its attributes."""
        return msgspec.convert(self.attributes, KINDS[self.type])

    @property
    def seconds(self) -> float | None:
        """How long it counts."""
        return _seconds(self.lasts)


class FaultList(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules of a key, in order, and the seed of their chances."""

    faults: tuple[Rule, ...] = ()
    seed: int = 0

    def with_rule(self, rule: Rule) -> FaultList:
        """The list with a rule at its end, or in the place of the one of that name."""
        names = [known.name for known in self.faults]
        if rule.name not in names:
            return checked(FaultList((*self.faults, rule), self.seed))
        place = names.index(rule.name)
        return checked(FaultList((*self.faults[:place], rule, *self.faults[place + 1 :]), self.seed))

    def without(self, name: str) -> FaultList:
        """The list without the rule of that name. Raises DataError: there is none."""
        self.named(name)
        return FaultList(tuple(rule for rule in self.faults if rule.name != name), self.seed)

    def named(self, name: str) -> Rule:
        """The rule of that name. Raises DataError: there is none."""
        found = next((rule for rule in self.faults if rule.name == name), None)
        if found is None:
            has = ", ".join(rule.name for rule in self.faults) or "none"
            raise DataError(f"there is no fault {name[:60]!r} (there are: {has})")
        return found


NO_FAULTS: Final = FaultList()


def rule_of(given: Any, place: str = "the rule", *, judged: bool = True) -> Rule:
    """A rule of decoded JSON; without a name it is called as its type. Raises ControlError, which names the place."""
    if not isinstance(given, dict):
        raise ControlError(f'{place} is an object such as {{"type": "latency", "attributes": {{"latency": 300}}}}')
    _check_attributes(given, place)
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as problem:
        raise ControlError(f"{place}: {_said(problem)}") from None
    if rule.type not in KINDS:
        raise ControlError(
            f"{place}: there is no type {rule.type[:40]!r}{_meant(rule.type)}; there are {', '.join(KINDS)}"
        )
    rule = msgspec.structs.replace(rule, name=rule.name or rule.type)
    if not NAME.fullmatch(rule.name):
        raise ControlError(f"{place}: a name has letters, digits, '-', '_' and '.', not {rule.name[:40]!r}")
    _check(rule, f"{place}, {rule.name}", judged=judged)
    return rule


def _check_attributes(given: dict[str, Any], place: str) -> None:
    """Raises ControlError: attributes stand beside the type, where people put them first."""
    kind = KINDS.get(given["type"]) if isinstance(given.get("type"), str) else None
    names = () if kind is None else kind.__struct_fields__
    found = [name for name in given if name in names and name not in Rule.__struct_encode_fields__]
    if found:
        meant = ", ".join(f'"{name}": {given[name]!r}' for name in found)[:200]
        raise ControlError(f'{place}: {", ".join(found)} belongs into "attributes": {{{meant}}}')


def rules_of(given: Any, *, judged: bool = True) -> tuple[Rule, ...]:
    """A list of rules of decoded JSON. Raises ControlError, which names the place.

    What another server has accepted is not ``judged`` again: whether a rule can hit anything.
    """
    if not isinstance(given, list):
        raise ControlError("faults are a list of rules; [] switches all off")
    if len(given) > MAX_RULES:
        raise ControlError(f"there may be {MAX_RULES} rules, not {len(given)}")
    return _named_apart([rule_of(one, f"rule {number}", judged=judged) for number, one in enumerate(given, 1)], given)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The list of rules in a JSON file, with or without ``{"faults": ...}`` around it. Raises ControlError."""
    try:
        text = text_of(expanded(path))
    except (OSError, UnicodeError) as problem:
        why = getattr(problem, "strerror", None) or problem
        known = "no preset, which `gexfaker ctl fault types` lists, and no JSON file with a list of rules"
        raise ControlError(f"it is {known}: {why}") from None
    return read_list(text, str(path))


def read_list(text: str | bytes, place: str = "the list of rules") -> tuple[Rule, ...]:
    """The same from the text itself. Raises ControlError."""
    try:
        given = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise ControlError(f"{place} is no JSON: {problem}") from None
    return for_every_key(rules_of(given.get("faults") if isinstance(given, dict) else given))


def for_every_key(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The same rules. Raises ControlError: one of them is for a single key, which is a secret."""
    for rule in rules:
        if rule.on.key is not None:
            raise ControlError(f"rule {rule.name}: on.key is for /_gexfaker/faults: these rules are for every key")
    return rules


def _named_apart(rules: Several[Rule], given: Several[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Rules that were given no names are called ``latency``, ``latency-2`` and so on. Raises ControlError."""
    made: dict[str, Rule] = {}
    for rule, asked in zip(rules, given, strict=True):
        name, number = rule.name, 2
        while name in made:
            if asked.get("name"):
                raise ControlError(f"two rules are called {name}: give each a name of its own")
            name, number = f"{rule.name}-{number}", number + 1
        made[name] = msgspec.structs.replace(rule, name=name)
    return tuple(made.values())


def checked(faults: FaultList) -> FaultList:
    """The same list. Raises ControlError: it is too long."""
    if len(faults.faults) > MAX_RULES:
        raise ControlError(f"there may be {MAX_RULES} rules, not {len(faults.faults)}")
    size = len(msgspec.json.encode(faults))
    if size > MAX_LISTS_BYTES:
        raise ControlError(f"the rules have {size:,} bytes: {MAX_LISTS_BYTES:,} at most")
    return faults


def patched(rule: Rule, given: Any) -> Rule:
    """A rule with other values, as a PATCH gives them; ``attributes``, ``on`` and ``when`` are merged."""
    if not isinstance(given, dict):
        raise ControlError('what changes of a rule is an object, such as {"toxicity": 0.5}')
    if given.get("name", rule.name) != rule.name:
        raise ControlError("a rule keeps its name: delete it and add another one")
    old = msgspec.to_builtins(rule)
    merged = {
        name: old.get(name, {}) | given[name]
        for name in ("attributes", "on", "when")
        if isinstance(given.get(name), dict)
    }
    return rule_of(old | given | merged, f"rule {rule.name}")


def _check(rule: Rule, place: str, *, judged: bool) -> None:
    try:
        msgspec.convert(rule.attributes, KINDS[rule.type])
    except msgspec.ValidationError as problem:
        takes = ", ".join(KINDS[rule.type].__struct_fields__) or "no attributes"
        said = _said(problem, KINDS[rule.type]) + _meant_part(rule.attributes, KINDS[rule.type])
        raise ControlError(f"{place}: attributes of {rule.type}: {said} (it takes {takes})") from None
    if rule.when.market is not None and rule.when.market_second is None:
        raise ControlError(f"{place}: when.market is a time of day such as 10:05, not {rule.when.market[:20]!r}")
    try:
        _seconds(rule.lasts)
    except ValueError as problem:
        raise ControlError(f"{place}: for: {problem}") from None
    if judged and (never := _never(rule)) is not None:
        raise ControlError(f"{place}: it would never hit: {never}")
    if (wrong := _wrong_in(rule.fault)) is not None:
        raise ControlError(f"{place}: attributes of {rule.type}: {wrong}")


def _never(rule: Rule) -> str | None:
    """Why a rule can hit nothing; None when it may."""
    on, points = rule.on, set(KINDS[rule.type].POINTS)
    if on.route is not None and Point.REQUEST not in points:
        return f"{rule.type} is about the feed, which has no route: name a hub or a group"
    if (on.hub or on.group or on.subprotocol) and points == {Point.REQUEST}:
        return f"{rule.type} is about requests, which have no hub and no group: name a route or a ticker"
    if on.route is not None and (on.hub or on.group or on.subprotocol):
        return "nothing has both a route and a hub or group"
    known = (
        *((on.hub, tuple(HUBS), "hub"), (rule.when.message, MESSAGES, "message")),
        *((on.package, PACKAGES, "package"), (on.subprotocol, SUBPROTOCOLS, "subprotocol")),
    )
    for pattern, names, what in known:
        if pattern is not None and not fits_one(pattern, names):
            return f"there is no {what} {pattern[:40]!r}; {_or_all(pattern, names)}"
    if on.category is not None and not fits_category(on.category):
        return f"there is no category {on.category[:40]!r}; {_or_all(on.category, NAMED_CATEGORIES)}"
    if on.group is not None and not fits_group(on.group):
        wrong = misspelt_in(on.group)
        meant = f"did you mean {wrong[1]} by {wrong[0]}? Groups" if wrong else "groups"
        return f"there is no group {on.group[:60]!r}; {meant} end in {', '.join(GROUP_ENDINGS)}, or a date"
    if on.route is not None and not fits_route(on.route):
        return f"no request of a key has the path {on.route[:60]!r}; paths are such as /SPX/classic/gex_zero, see /docs"
    return _contradiction(on, points) or _beyond(rule, points) or _misplaced(rule)


def _contradiction(on: On, points: set[Point]) -> str | None:
    """Which two of the things that a rule names never go together; None when all do."""
    if not fits_together(on.hub, on.group, on.package, on.category):
        of_hub = on.hub is not None and on.group is not None
        return f"{on.hub} does not carry {on.group}" if of_hub else f"{on.package} has no category {on.category}"
    feed = " ".join(filter(None, (on.ticker, on.package, on.category)))
    if on.group is not None and not fits_feed(on.group, on.ticker, on.package, on.category):
        return f"{on.group} is not a group of {feed}"
    if on.route is not None and on.ticker is not None and not fits_ticker(on.route, on.ticker):
        return f"{on.route} is not about {on.ticker}"
    # A client may join any group on any hub, which brings nothing: only what it is sent tells the two apart.
    if on.hub is not None and points <= SENT and not fits_hub(on.hub, on.package, on.category):
        return f"{on.hub} does not carry {feed}"
    return None


def _beyond(rule: Rule, points: set[Point]) -> str | None:
    """Why the record never comes from which a rule counts; None when it does."""
    when = rule.when
    if when.record is not None and not points & {Point.MESSAGE, Point.CONNECTION}:
        return f"{rule.type} is not about a record: leave when.record out"
    if when.record is not None and when.record > MAX_RECORDS:
        return f"no day has a record {when.record:,}: a whole one has some {RECORDS:,}"
    return None


def _misplaced(rule: Rule) -> str | None:
    """What a kind never meets of what its rule names; None when it may meet all of it."""
    on, kind = rule.on, KINDS[rule.type]
    names_feed = on.group or on.ticker or on.package or on.category
    if names_feed and kind in ABOUT_NO_FEED:
        return f"{rule.type} is about no group and no ticker: name a hub or a client, or nothing"
    if kind is ExpireToken and (names_feed or (on.route is not None and not fits_route(on.route, NEGOTIATION))):
        return f"{rule.type} is about /negotiate, which gives the tokens: name that route, or nothing"
    if kind is Stale and on.route is not None and not fits_route(on.route, RECORD_ROUTES):
        return f"{rule.type} is about records, and {on.route} gives none"
    if on.subprotocol is not None and kind in RELIABLE_ONLY and not fits_one(on.subprotocol, RELIABLE):
        return f"{rule.type} is about reliable subprotocols, such as {RELIABLE[0]}"
    return None


def _or_all(pattern: str, names: tuple[str, ...]) -> str:
    """The name that is meant, or all of them."""
    close = nearest(pattern.lower(), names)
    return f"did you mean {close}?" if close else f"there are {', '.join(names)}"


def _wrong_in(fault: Fault) -> str | None:
    """What no protocol could carry of a fault; None when all can be sent."""
    match fault:
        case Close(code=code) if not is_close_code(code):
            return f"code {code} is no code of a close frame"
        case Reject(code=code) if code >= FIRST_CLOSE_CODE and (code == BROKEN or not is_close_code(code)):
            return f"code {code} is neither an HTTP status nor the code of a close frame"
        case Reject(code=code) if LAST_STATUS < code < FIRST_CLOSE_CODE:
            return f"code {code} is neither an HTTP status nor the code of a close frame"
        case Close(reason=reason) | Reject(reason=reason) if len(reason.encode()) > MAX_REASON_BYTES:
            return f"reason has more than {MAX_REASON_BYTES} bytes"
        case Latency(lower=lower, upper=upper) if upper is not None and lower > upper:
            return f"lower ({lower:g}) is above upper ({upper:g})"
        case Slicer(average_size=size, size_variation=variation) if variation > size:
            return f"size_variation ({variation}) is more than average_size ({size})"
        case Status(headers=headers):
            return next((wrong for name, value in headers.items() if (wrong := _wrong_header(name, value))), None)
    return None


def _wrong_header(name: str, value: str) -> str | None:
    if not _TOKEN.fullmatch(name) or name.lower() in FRAMING:
        return f"{name[:40]!r} is no header that can be given"
    if not (value.isprintable() and value.isascii()):
        return f"the value of {name[:40]} is not plain text"
    return None


def is_close_code(code: int) -> bool:
    """Whether a server may close with it; 1006 stands for a connection that breaks."""
    return code in (1000, 1001, 1002, 1003, *range(1006, 1015)) or 3000 <= code <= 4999


def _seconds(given: str | float | None) -> float | None:
    """How long it is; a number is seconds. Raises ValueError."""
    if given is None:
        return None
    try:
        seconds = float(given) if not isinstance(given, str) or given.replace(".", "", 1).isdigit() else duration(given)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError("a time such as 30s, or seconds: more than 0 and at most a week")
    return seconds


def _said(problem: msgspec.ValidationError, kind: type[msgspec.Struct] = Rule) -> str:
    """What msgspec says of a ``kind``, with the names, the values or the unit that there are."""
    text = str(problem).replace("`", "").replace(" - at $", ", at ").replace(", at .", ", at ")
    _, _, place = text.partition(", at ")
    if "unknown field" in text and kind is Rule:
        struct = {"on": On, "when": When}.get(place, Rule)
        return f"{text}; there are {', '.join(struct.__struct_encode_fields__)}"
    if place == "toxicity":
        return f"{text}; it is a share from 0 to 1, and 10 % is 0.1"
    if place == "when.market":
        return "when.market is a time of day such as 10:05"
    if "Invalid enum value" in text and place in kind.__struct_fields__:
        return f"{text}; there are {', '.join(map(str, get_args(get_type_hints(kind)[place])))}"
    if text.startswith(("Expected float, got str", "Expected int, got str")) and kind is not Rule:
        return f"{text}; it is a number without a unit, and times are milliseconds"
    return text


def _meant_part(attributes: Mapping[str, Any], kind: type[Fault]) -> str:
    """The attribute, or the part of a rule, that is meant by an attribute which there is not."""
    parts = (*kind.__struct_fields__, *(name for name in Rule.__struct_encode_fields__ if name != "attributes"))
    for name in attributes:
        close = None if name in kind.__struct_fields__ else nearest(name, parts)
        if close is not None:
            return f"; did you mean {close}{'' if close in kind.__struct_fields__ else ' of the rule'}?"
    return ""


def _meant(name: str) -> str:
    begun = next((kind for kind in KINDS if name and kind.startswith(name.lower())), None)
    close = begun or nearest(name.lower(), KINDS)
    return f" (did you mean {close}?)" if close else ""
