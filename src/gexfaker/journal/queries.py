"""Which entries of a journal are meant: by their type, their fields, and where they begin."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Meta

from gexfaker.errors import ControlError
from gexfaker.journal.journal import NUMBERS, TEXTS, TYPES, WORDS, Entry, check_type
from gexfaker.nearest import nearest

MAX_ANSWERED: Final = 1000
"""Entries of one answer, unless fewer are asked for: some 300 KB."""

MAX_NUMBER: Final = 1 << 53
"""Of an entry: what every JSON reader can tell apart."""

MAX_COMPARED: Final = 1000
"""Letters of a text that are compared with a pattern: the journal itself cuts what clients choose to 300."""

SHOWN_DIGITS: Final = 16
_UNKNOWN: Final = re.compile(r"Object contains unknown field (\S+)(?: - at \$\.(\w+)\[.*\])?")
"""What msgspec says of a name that the body does not have, or one of those in a list of it."""

_UNKNOWN_IN_WHERE: Final = re.compile(r"Object contains unknown field (\S+) - at \$\.where\[\.\.\.\]")
"""The same of a name in a range of ``where``."""

_CHOICE: Final = re.compile(r"Invalid enum value .* - at \$\.(\w+)", re.DOTALL)
"""What msgspec says of a value that is none of those that a field may have."""

MAX_WAIT_SECONDS: Final = 300.0
"""How long a question may wait for its answer."""


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number from here, up to there."""

    at_least: float | None = None
    at_most: float | None = None


Wanted = Annotated[str, Meta(max_length=500)] | int | float | bool | None | Range


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A question about entries.

    Attributes:
        type: of the entries, or several types; None: any.
        where: by field its value: text with ``*``, a number, or a range ``{"at_least": 40}``.
        since: only entries after this number.
    """

    type: str | tuple[str, ...] | None = None
    where: dict[str, Wanted] = {}
    since: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0

    def check(self) -> None:
        """Raises ControlError: there are no entries of such a type, or a range has no end."""
        for name in self.types:
            check_type(name)
        known = {field for name in self.types or TYPES for field in TYPES[name].fields}
        for name, wanted in self.where.items():
            if name not in known:
                close = nearest(name, known)
                meant = f"did you mean {close}?" if close else f"they have {', '.join(sorted(known))}"
                raise ControlError(f"where: {' and '.join(self.types) or 'no'} entries have no {name[:40]!r}: {meant}")
            if why := _why_never(name, wanted):
                raise ControlError(f"where: {why}")

    @property
    def types(self) -> tuple[str, ...]:
        """Of the entries; empty for any."""
        return () if self.type is None else (self.type,) if isinstance(self.type, str) else self.type

    def of(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that are meant."""
        types, since = self.types, self.since
        found = [entry for entry in entries if entry.number > since and (not types or entry.type in types)]
        for name, wanted in self.where.items():
            fits = _group_test(wanted) if name == "group" and isinstance(wanted, str) else _test(wanted)
            found = [entry for entry in found if fits(entry.fields.get(name))]
        return found

    def said(self) -> str:
        """The question in words: ``a sequenceAck with sequence_id >= 40``."""
        what = " or ".join(self.types) or "entry"
        where = ", ".join(f"{name} {_said(wanted)}" for name, wanted in self.where.items())
        return f"{what} with {where}" if where else what


def _why_never(name: str, wanted: Wanted) -> str:
    """Why a value never fits a field, or "": what is wrong would hold of whatever must not happen."""
    if isinstance(wanted, Range):
        least, most = wanted.at_least, wanted.at_most
        if least is None and most is None:
            return f"{name}: a range has at_least, at_most, or both"
        if least is not None and most is not None and least > most:
            return f"{name}: nothing is at least {least:g} and at most {most:g}"
    if name in NUMBERS and isinstance(wanted, str | bool):
        return f"{name} is a number: write {_as_number(str(wanted))}, not {str(wanted)[:40]!r}"
    if name in TEXTS and isinstance(wanted, int | float | Range):
        return f"{name} is a text, with * for any letters: {wanted} never fits"
    return why_no_word(name, wanted, WORDS[name]) if name in WORDS else ""


def why_no_word(name: str, wanted: Wanted, words: Sequence[str]) -> str:
    """Why a value is none of the words that a field has, or ""; a pattern is one if any word fits it."""
    if not isinstance(wanted, str) or any(fnmatch.fnmatchcase(word, wanted) for word in words):
        return ""
    close = nearest(wanted.upper() if name == "method" else wanted.lower(), words)
    if name == "method" and close is None and wanted.isupper():
        return ""  # clients may send any method, which is refused and told
    return f"{name} is never {wanted[:40]!r}: " + (f"did you mean {close}?" if close else f"it is {', '.join(words)}")


def _as_number(text: str) -> str:
    return text if text.isdecimal() and len(text) < SHOWN_DIGITS else "a number or a range"


def _test(wanted: Wanted) -> Callable[[Any], bool]:
    """Whether a value fits. What can be worked out before is: a test is asked for up to 20,000 entries."""
    if isinstance(wanted, Range):
        least = -math.inf if wanted.at_least is None else wanted.at_least
        most = math.inf if wanted.at_most is None else wanted.at_most
        return lambda value: isinstance(value, int | float) and least <= value <= most
    if isinstance(wanted, str):
        return _text_test(wanted)
    return lambda value: bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _text_test(wanted: str) -> Callable[[Any], bool]:
    """Whether a text, or one of several, fits a pattern."""
    like = re.compile(fnmatch.translate(wanted)).match

    def fits(value: Any) -> bool:
        if isinstance(value, str):
            return like(value[:MAX_COMPARED]) is not None
        return isinstance(value, list | tuple) and any(fits(one) for one in value if isinstance(one, str))

    return fits


def _group_test(wanted: str) -> Callable[[Any], bool]:
    """Whether a group fits a pattern, with or without the prefix."""
    whole, plain = _text_test(wanted), _text_test(f"*_{wanted}")
    return lambda value: whole(value) or plain(value)


def is_group(name: str, wanted: str) -> bool:
    """Whether a group is meant, with or without the prefix."""
    return name == wanted or name.endswith(f"_{wanted}")


def _said(wanted: Wanted) -> str:
    if not isinstance(wanted, Range):
        return f"= {wanted}"
    bounds = ((">=", wanted.at_least), ("<=", wanted.at_most))
    return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


def read(text: bytes, kind: type[Any], such_as: str = "") -> Any:
    """The question in a request's body; who sends another thing is shown one ``such_as`` it. Raises ControlError."""
    return _meant(lambda: msgspec.json.decode(text or b"{}", type=kind), kind, such_as)


def convert(given: dict[str, Any], kind: type[Any], more: Sequence[str] = ()) -> Any:
    """The question in a body that was decoded already, which may have ``more`` beside it. Raises ControlError."""
    return _meant(lambda: msgspec.convert(given, kind), kind, more=more)


def _meant(make: Callable[[], Any], kind: type[Any], such_as: str = "", more: Sequence[str] = ()) -> Any:
    try:
        return make()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        said = str(problem).replace("`", "")
        shown = f"; it is such as {such_as}" if such_as else ""
        raise ControlError(f"the body is not what this takes: {said}{_there_are(said, kind, more)}{shown}") from None


def _there_are(said: str, kind: type[Any], more: Sequence[str] = ()) -> str:
    """The names, or the values, that there are, for who has written one that is none."""
    if choice := _CHOICE.fullmatch(said):
        return f"; there are {', '.join(get_args(get_type_hints(kind)[choice[1]]))}"
    if in_range := _UNKNOWN_IN_WHERE.fullmatch(said):
        return _or_meant(in_range[1], Range.__struct_fields__)
    wrong = _UNKNOWN.fullmatch(said)
    if wrong is None or not issubclass(kind, msgspec.Struct):
        return ""
    if wrong[2]:
        kind = getattr(kind, "MEMBERS", {}).get(wrong[2], kind)
    names = [*(one.encode_name for one in msgspec.structs.fields(kind)), *more]
    if "where" in names and wrong[1] in NUMBERS | TEXTS:
        return f': it belongs into "where": {{"{wrong[1]}": ...}}'
    return _or_meant(wrong[1], names)


def _or_meant(wrong: str, names: Sequence[str]) -> str:
    close = nearest(wrong, names)
    return f"{f' (did you mean {close}?)' if close else ''}; there are {', '.join(names)}"
