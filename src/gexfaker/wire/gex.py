"""The gex snapshot, classic and state: JSON record <-> ``proto.gex`` message.

Prices, exposures by strike and their priors are scaled by 100; sums, the risk reversal and the changes of
max_priors by 1000. A strike's priors, and max_priors, may be missing or null.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

import msgspec

from gexfaker.wire.generated.gex_pb2 import Gex
from gexfaker.wire.scaling import INT64, SINT32, UINT32, Encoded, Field, Fitter, read_record, saturate, unscale

TYPE_URL: Final = "proto.gex"
PRICE: Final = 100
SUM: Final = 1000

FIELDS: Final = (
    *(Field(name, name, PRICE, UINT32) for name in ("spot", "zero_gamma")),
    *(Field(name, name, PRICE, UINT32) for name in ("major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi")),
    *(Field(name, name, SUM, SINT32) for name in ("sum_gex_vol", "sum_gex_oi", "delta_risk_reversal")),
)
"""The plain numbers of the message, in the order of the JSON keys."""

_LEVELS: Final = tuple(field for field in FIELDS if field.factor == PRICE)


class _Strike(msgspec.Struct, array_like=True, gc=False):
    price: float
    volume: float
    open_interest: float
    priors: list[float] | None = None


class _Change(msgspec.Struct, array_like=True, gc=False):
    strike: float
    change: float


_Record: Final = msgspec.defstruct(
    "GexRecord",
    [
        ("timestamp", int),
        ("ticker", str),
        *((field.json, float) for field in FIELDS),
        ("strikes", list[_Strike]),
        ("min_dte", int | None, None),
        ("sec_min_dte", int | None, None),
        ("max_priors", list[_Change] | None, None),
    ],
    gc=False,
)
_decoder: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_Record)
_numbers: Final = attrgetter(*(field.json for field in FIELDS))


def encode(record: bytes) -> Encoded:
    """The serialised ``proto.gex`` message of one JSON record.

    Raises:
        RecordError: invalid JSON or UTF-8, a key missing or of the wrong type, a number that is not finite.
    """
    row = read_record(_decoder, record, "a gex")
    fitter = Fitter()
    fit = fitter.fit
    values = fitter.fit_all(FIELDS, _numbers(row))
    message = Gex(timestamp=saturate(row.timestamp, INT64), ticker=row.ticker, **values)
    for name in ("min_dte", "sec_min_dte"):
        days = getattr(row, name)
        if days is not None:
            setattr(message, name, fit(saturate(days, INT64), 1, SINT32, name))
    for strike in row.strikes:
        _add_strike(message, strike, fitter)
    if row.max_priors is not None:
        message.max_priors.SetInParent()
        for pair in row.max_priors:
            message.max_priors.tuples.add(
                first_value=fit(pair.strike, PRICE, SINT32, "max_priors"),
                second_value=fit(pair.change, SUM, SINT32, "max_priors"),
            )
    return fitter.done(message.SerializeToString())


def _add_strike(message: Gex, strike: _Strike, fitter: Fitter) -> None:
    fit = fitter.fit
    added = message.strikes.add(
        strike_price=fit(strike.price, PRICE, UINT32, "strikes"),
        value_1=fit(strike.volume, PRICE, SINT32, "strikes"),
        value_2=fit(strike.open_interest, PRICE, SINT32, "strikes"),
    )
    if strike.priors is not None:
        added.priors.SetInParent()
        added.priors.values.extend([fit(value, PRICE, SINT32, "strikes") for value in strike.priors])


def decode(message: bytes) -> dict[str, Any]:
    """The JSON record of a serialised message, keys in the REST order; what was not sent is left out.

    Raises:
        google.protobuf.message.DecodeError: not a protobuf message.
    """
    parsed = Gex.FromString(message)
    record: dict[str, Any] = {"timestamp": parsed.timestamp, "ticker": parsed.ticker}
    record |= {name: getattr(parsed, name) for name in ("min_dte", "sec_min_dte") if parsed.HasField(name)}
    record |= {field.json: unscale(getattr(parsed, field.wire), PRICE) for field in _LEVELS}
    record["strikes"] = [_strike(strike) for strike in parsed.strikes]
    for field in FIELDS[len(_LEVELS) :]:
        record[field.json] = unscale(getattr(parsed, field.wire), SUM)
    if parsed.HasField("max_priors"):
        record["max_priors"] = [
            [unscale(pair.first_value, PRICE), unscale(pair.second_value, SUM)] for pair in parsed.max_priors.tuples
        ]
    return record


def _strike(strike: Gex.Strike) -> list[Any]:
    row: list[Any] = [unscale(value, PRICE) for value in (strike.strike_price, strike.value_1, strike.value_2)]
    if strike.HasField("priors"):
        row.append([unscale(value, PRICE) for value in strike.priors.values])
    return row
