"""The bodies of the service's answers, made from stored records: keys, their order, and how numbers are written.

A record that is already as the service writes it passes unchanged, byte by byte. The text of numbers is never
decoded and written again, so no digit can change on the way.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.records import gex, greeks, orderflow

MAJORS: Final = {
    "timestamp": "timestamp",
    "ticker": "ticker",
    "spot": "spot",
    "mpos_vol": "major_pos_vol",
    "mpos_oi": "major_pos_oi",
    "mneg_vol": "major_neg_vol",
    "mneg_oi": "major_neg_oi",
    "zero_gamma": "zero_gamma",
    "net_gex_vol": "sum_gex_vol",
    "net_gex_oi": "sum_gex_oi",
}
"""The keys of the majors, each with the key of the record it is taken from."""

PRIORS: Final = ("current", "one", "five", "ten", "fifteen", "thirty")
"""The keys of the max changes: the six pairs of ``max_priors``, by minutes back."""

_NO_CHANGE: Final = b"[0,0]"
"""For a pair that the record does not have: such as none is known yet."""

_ZEROS: Final = re.compile(rb"(\.[0-9]*[1-9])0+(?=[,\]}])|\.0+(?=[,\]}])")
"""Zeros at the end of a number's decimals, with the point when nothing else is behind it."""

_POINT: Final = re.compile(rb"\.0+[,\]}]")
"""An integral number that is written with a point."""

_Majors: Final = msgspec.defstruct("_Majors", [(key, msgspec.Raw) for key in MAJORS.values()], gc=False)


class _Head(msgspec.Struct, gc=False):
    timestamp: int
    ticker: str


class _Priors(msgspec.Struct, gc=False):
    timestamp: msgspec.Raw
    ticker: msgspec.Raw
    max_priors: list[msgspec.Raw]


_HEAD: Final = msgspec.json.Decoder(_Head)
_PRIORS: Final = msgspec.json.Decoder(_Priors)
_LEVELS: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_Majors)
ROW_NAMES: Final = (b"strike", b"gex_vol", b"gex_oi", b"priors")
"""What the columns of a gex row are called where rows are objects."""

_ROWS: Final = msgspec.json.Decoder(list[list[msgspec.Raw]])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _template(keys: tuple[str, ...]) -> bytes:
    """An object of these keys with a place for each value."""
    return b"{%b}" % b",".join(b'"%b":%%b' % key.encode() for key in keys)


_MAJORS_TEMPLATE: Final = _template(tuple(MAJORS))
_MAXCHANGE_TEMPLATE: Final = _template(("timestamp", "ticker", *PRIORS))


class Layout:
    """The keys of one kind of record, in the order the service writes them."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys: Final = keys
        self._start: Final = b'{"%b":' % keys[0].encode()
        self._marks: Final = tuple(b',"%b":' % key.encode() for key in keys[1:])
        self._quotes: Final = 2 * len(keys) + 2  # the ticker is the only text among the values

    def is_followed(self, record: bytes) -> bool:
        """Whether a valid record is as the service writes it: these keys in this order, compact, no ``.0``."""
        at = 0
        if not record.startswith(self._start) or record.count(b'"') != self._quotes:
            return False
        for mark in self._marks:
            at = record.find(mark, at)
            if at < 0:
                return False
        return b" " not in record and b"\t" not in record and not _POINT.search(record)

    def arrange(self, record: bytes) -> bytes:
        """A valid record as the service would write it. A key that it does not have is left out, not made up."""
        values = _OBJECT.decode(tidy(record))
        pairs = (b'"%b":%b' % (key.encode(), values[key]) for key in self.keys if key in values)
        return b"{%b}" % b",".join(pairs)


GEX: Final = Layout(gex.GEX.keys)
GREEK: Final = Layout(greeks.GREEKS.keys)
FLOW: Final = Layout(orderflow.ORDERFLOW.keys)


def layout_of(feed: Feed) -> Layout:
    """How the records of a feed are laid out."""
    if feed.package == "orderflow":
        return FLOW
    return GEX if feed.category.startswith("gex_") else GREEK


def tidy(text: bytes) -> bytes:
    """JSON without white space, and without zeros at the end of decimals."""
    return _ZEROS.sub(rb"\1", msgspec.json.format(text, indent=-1))


def whole(record: bytes, layout: Layout) -> bytes:
    """The body of a chart: the record itself. Raises RecordError when it is not valid."""
    try:
        _HEAD.decode(record)
        return record if layout.is_followed(record) else layout.arrange(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"not a snapshot: {error}") from None


def named_rows(record: bytes) -> bytes:
    """A gex record with its rows as objects, as clients of 2023 read them. Raises RecordError when it is not valid."""
    try:
        body = _OBJECT.decode(whole(record, GEX))
        rows = _ROWS.decode(body.get("strikes", b"[]"))
        pairs = ([b'"%b":%b' % pair for pair in zip(ROW_NAMES, row, strict=False)] for row in rows)
        named = b"[%b]" % b",".join(b"{%b}" % b",".join(row) for row in pairs)
        return b"{%b}" % b",".join(
            b'"%b":%b' % (key.encode(), named if key == "strikes" else value) for key, value in body.items()
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"no rows in it: {error}") from None


def majors(record: bytes) -> bytes:
    """The levels of a gex record. Raises RecordError when it has not all of them."""
    try:
        return tidy(_MAJORS_TEMPLATE % astuple(_LEVELS.decode(record)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"no majors in it: {error}") from None


def maxchange(record: bytes) -> bytes:
    """The largest changes of a gex record. Raises RecordError when it has none."""
    try:
        found = _PRIORS.decode(record)
        pairs = [*found.max_priors, *[_NO_CHANGE] * len(PRIORS)][: len(PRIORS)]
        return tidy(_MAXCHANGE_TEMPLATE % (found.timestamp, found.ticker, *pairs))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"no max changes in it: {error}") from None
