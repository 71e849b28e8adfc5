"""The snapshot of one greek by strike: JSON record <-> ``proto.greek`` message (OptionProfile).

Prices, the greek and its priors are scaled by 100, volatilities by 1000, put volumes are whole numbers. Of a row
[strike, call iv, put iv, greek, [priors], put volume, put priors] the last two may be null or missing.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

import msgspec

from gexfaker.wire.generated.greeks_pb2 import OptionProfile
from gexfaker.wire.scaling import INT64, SINT32, UINT32, Encoded, Field, Fitter, read_record, saturate, unscale

TYPE_URL: Final = "proto.greek"
PRICE: Final = 100
VOLATILITY: Final = 1000

FIELDS: Final = (
    Field("spot", "spot", PRICE, UINT32),
    Field("major_call_gamma", "major_positive", PRICE, UINT32),
    Field("major_put_gamma", "major_negative", PRICE, UINT32),
    Field("major_long_gamma", "major_long_gamma", PRICE, UINT32),
    Field("major_short_gamma", "major_short_gamma", PRICE, UINT32),
)
"""The plain numbers of the message, in the order of the JSON keys."""


class _Row(msgspec.Struct, array_like=True, gc=False):
    strike: float
    call_ivol: float
    put_ivol: float
    greek: float
    priors: list[float]
    put_volume: float | None = None
    put_priors: list[float] | None = None


_Record: Final = msgspec.defstruct(
    "GreekRecord",
    [
        ("timestamp", int),
        ("ticker", str),
        *((field.json, float) for field in FIELDS),
        ("mini_contracts", list[_Row]),
        ("min_dte", int | None, None),
        ("sec_min_dte", int | None, None),
    ],
    gc=False,
)
_decoder: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_Record)
_numbers: Final = attrgetter(*(field.json for field in FIELDS))


def encode(record: bytes) -> Encoded:
    """The serialised ``proto.greek`` message of one JSON record.

    Raises:
        RecordError: invalid JSON or UTF-8, a key missing or of the wrong type, a number that is not finite.
    """
    row = read_record(_decoder, record, "a greeks")
    fitter = Fitter()
    values = fitter.fit_all(FIELDS, _numbers(row))
    message = OptionProfile(timestamp=saturate(row.timestamp, INT64), ticker=row.ticker, **values)
    for name in ("min_dte", "sec_min_dte"):
        days = getattr(row, name)
        if days is not None:
            setattr(message, name, fitter.fit(saturate(days, INT64), 1, SINT32, name))
    for contract in row.mini_contracts:
        _add_contract(message, contract, fitter)
    return fitter.done(message.SerializeToString())


def _add_contract(message: OptionProfile, row: _Row, fitter: Fitter) -> None:
    fit, name = fitter.fit, "mini_contracts"
    added = message.mini_contracts.add(
        strike=fit(row.strike, PRICE, UINT32, name),
        call_ivol=fit(row.call_ivol, VOLATILITY, UINT32, name),
        put_ivol=fit(row.put_ivol, VOLATILITY, UINT32, name),
        call_cvolume=fit(row.greek, PRICE, SINT32, name),
        call_cvolume_priors=[fit(value, PRICE, SINT32, name) for value in row.priors],
    )
    if row.put_volume is not None:
        added.put_cvolume = fit(row.put_volume, 1, SINT32, name)
    if row.put_priors is not None:
        added.put_cvolume_priors.SetInParent()
        added.put_cvolume_priors.values.extend([fit(value, 1, SINT32, name) for value in row.put_priors])


def decode(message: bytes) -> dict[str, Any]:
    """The JSON record of a serialised message, keys in the REST order, rows of seven columns.

    Raises:
        google.protobuf.message.DecodeError: not a protobuf message.
    """
    parsed = OptionProfile.FromString(message)
    record: dict[str, Any] = {"timestamp": parsed.timestamp, "ticker": parsed.ticker}
    spot, *levels = FIELDS
    record[spot.json] = unscale(parsed.spot, PRICE)
    record |= {name: getattr(parsed, name) for name in ("min_dte", "sec_min_dte") if parsed.HasField(name)}
    record |= {field.json: unscale(getattr(parsed, field.wire), PRICE) for field in levels}
    record["mini_contracts"] = [_contract(contract) for contract in parsed.mini_contracts]
    return record


def _contract(row: OptionProfile.MiniContract) -> list[Any]:
    return [
        unscale(row.strike, PRICE),
        unscale(row.call_ivol, VOLATILITY),
        unscale(row.put_ivol, VOLATILITY),
        unscale(row.call_cvolume, PRICE),
        [unscale(value, PRICE) for value in row.call_cvolume_priors],
        row.put_cvolume if row.HasField("put_cvolume") else None,
        list(row.put_cvolume_priors.values) if row.HasField("put_cvolume_priors") else None,
    ]
