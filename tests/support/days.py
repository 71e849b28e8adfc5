"""Data folders with all fifteen categories, and what a client must read of each record.

The values are what a day has and what is hard: numbers that binary floating point does not hold, whole ones, the
bounds of the fields, optional parts that are missing, null or empty, majors between strikes, fewer changes than six.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

import zstandard

from support import independent
from support.independent import GEX, GREEK, Table, Wire

DATE: Final = "2026-07-17"
"""A Friday on which all listed options expire."""

FIRST: Final = 1_784_295_002
TICKERS: Final = ("SPX", "ES_SPX")
HUBS: Final = {
    "classic": ("classic_gex_full", "classic_gex_zero", "classic_gex_one"),
    "state_gex": ("state_gex_full", "state_gex_zero", "state_gex_one"),
    "state_greeks_zero": ("state_delta_zero", "state_gamma_zero", "state_vanna_zero", "state_charm_zero"),
    "state_greeks_one": ("state_delta_one", "state_gamma_one", "state_vanna_one", "state_charm_one"),
    "orderflow": ("orderflow_orderflow",),
}
"""The fifteen categories, as they end group names, by hub of the current generation."""

CATEGORIES: Final = tuple(name for names in HUBS.values() for name in names)

_PRICES: Final = "6822.95 0.29 1.15 4.35 8.2 64.1 2.51 9.95 7139 7139.0 0 0.01 6280.08 1.1 8.41 42949672.95".split()
_CENTS: Final = "-6822.95 0.29 -1.15 4.35 -8.2 0.57 -0.01 0 -0 21474836.47 -21474836.48 300 -12.0 2.01 -86.9".split()
_MILLS: Final = "1712585.519 0.118 -1.239 4.035 -0.001 0 2147483.647 -2147483.648 52 -597.683 8.203 -0.29 1.0".split()
_VOLATILITIES: Final = "0.126 0.137 0.426 0 1 1.239 0.001 4294967.295 0.29 2.0 0.57".split()

ORDERFLOW: Final[Table] = {
    number: Wire(name, kind, 1 if name in ("timestamp", "ticker") else 100)
    for number, name, kind in independent.ORDERFLOW
}
SPOT: Final[Table] = {
    1: Wire("timestamp", "int64"),
    2: Wire("ticker", "string"),
    3: Wire("spot", "uint32", 100),
    4: Wire("source_timestamp_ms", "int64", 1, "optional"),
}
TABLES: Final = {"proto.gex": GEX, "proto.greek": GREEK, "proto.orderflow": ORDERFLOW, "proto.spot": SPOT}


# --- records ---------------------------------------------------------------------------------


def _draw(*seed: object) -> int:
    """A number of 32 bits that depends on nothing but the seed."""
    return zlib.crc32(repr(seed).encode())


def _number(awkward: Sequence[str], decimals: int, span: int, *seed: object) -> str:
    """A number's text: an awkward one, or any of at most so many decimals from 0 (from -span, if some are signed)."""
    drawn = _draw(*seed)
    if drawn % 3 == 0:
        return awkward[drawn // 3 % len(awkward)]
    signed = any(text.startswith("-") for text in awkward)
    return str(Decimal(_draw(drawn) % (2 * span + 1 if signed else span) - (span if signed else 0)) / 10**decimals)


def _price(*seed: object) -> str:
    return _number(_PRICES, 2, 900_000, "price", *seed)


def _strike_price(*seed: object) -> str:
    """Of a change, whose field is signed."""
    return _number(_PRICES[:-1], 2, 900_000, "change", *seed)


def _cents(*seed: object) -> str:
    return _number(_CENTS, 2, 50_000_000, "cents", *seed)


def _mills(*seed: object) -> str:
    return _number(_MILLS, 3, 2_000_000_000, "mills", *seed)


def _list(texts: Sequence[str]) -> str:
    return f"[{','.join(texts)}]"


def spot(ticker: str, index: int) -> str:
    """A ticker's price at a time, the same in all its feeds, as JSON text."""
    return str(Decimal(600_000 + _draw("spot", ticker, index) % 150_000) / 100)


def _dte(index: int) -> list[str]:
    """The two optional numbers before the others: both, null, or missing."""
    kinds: tuple[list[str], ...] = (['"min_dte":0', '"sec_min_dte":1'], ['"min_dte":null', '"sec_min_dte":3'], [])
    return kinds[index % len(kinds)]


def _strike(*seed: object) -> str:
    row = [_price(*seed), _cents(*seed, "volume"), _cents(*seed, "interest")]
    priors = _list([_cents(*seed, "prior", number) for number in range(5)])
    rest: tuple[list[str], ...] = ([priors], ["null"], [], [priors])
    return _list(row + rest[_draw(*seed) % len(rest)])


def _gex(index: int, *seed: object) -> list[str]:
    names = "zero_gamma major_pos_vol major_pos_oi major_neg_vol major_neg_oi".split()
    pairs = [f'"{name}":{_price(*seed, name)}' for name in names]
    strikes = _list([_strike(*seed, row) for row in range(_draw(*seed) % 6)])
    sums = [f'"{name}":{_mills(*seed, name)}' for name in ("sum_gex_vol", "sum_gex_oi", "delta_risk_reversal")]
    count = index % 9
    changes = [_list([_strike_price(*seed, n), _mills(*seed, "change", n)]) for n in range(count)]
    ending = {7: ['"max_priors":null'], 8: []}.get(count, [f'"max_priors":{_list(changes)}'])
    return [*pairs, f'"strikes":{strikes}', *sums, *ending]


def _contract(*seed: object) -> str:
    volatilities = [_number(_VOLATILITIES, 3, 2000, *seed, side) for side in ("call", "put")]
    priors = _list([_cents(*seed, "prior", number) for number in range(3)])
    row = [_price(*seed), *volatilities, _cents(*seed, "greek"), priors]
    volumes = [str(_draw(*seed, "volume", number) % 100_000 - 50_000) for number in range(4)]
    rest = (["null", "null"], [volumes[0], _list(volumes[1:])], [volumes[0], "null"], ["0", "[0,0,0]"])
    return _list(row + rest[_draw(*seed) % len(rest)])


def _greeks(*seed: object) -> list[str]:
    names = "major_positive major_negative major_long_gamma major_short_gamma".split()
    pairs = [f'"{name}":{_price(*seed, name)}' for name in names]
    return [*pairs, f'"mini_contracts":{_list([_contract(*seed, row) for row in range(_draw(*seed) % 6)])}']


def _orderflow(*seed: object) -> list[str]:
    names = [name for name in independent.NUMBERS if name != "spot"]
    return [f'"{n}":{(_price if n in independent.UNSIGNED else _cents)(*seed, n)}' for n in names]


def line(ticker: str, category: str, index: int) -> str:
    """Record ``index`` of a ticker's feed (``category`` as it ends group names); a second after the one before."""
    price = f'"spot":{spot(ticker, index)}'
    if category == "orderflow_orderflow":
        values = [price, *_orderflow(ticker, category, index)]
    elif "_gex_" in category:
        values = [*_dte(index), price, *_gex(index, ticker, category, index)]
    else:
        values = [price, *_dte(index), *_greeks(ticker, category, index)]
    return f'{{"timestamp":{FIRST + index},"ticker":"{ticker}",{",".join(values)}}}'


def write_days(root: Path, count: int, tickers: Sequence[str] = TICKERS, packed: Sequence[str] = ("ES_SPX",)) -> Path:
    """A day of ``count`` records of all fifteen categories for each ticker; those ``packed`` as zstd."""
    for ticker in tickers:
        for category in CATEGORIES:
            package, _, name = category.partition("_")
            folder = root / DATE / ticker / package
            folder.mkdir(parents=True, exist_ok=True)
            text = "".join(line(ticker, category, index) + "\n" for index in range(count)).encode()
            if ticker in packed:
                (folder / f"{name}.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(text))
            else:
                (folder / f"{name}.jsonl").write_bytes(text)
    return root


# --- what must be read of them -------------------------------------------------------------------


class Read(NamedTuple):
    """A group message's payload, decoded: its type URL and its scaled values."""

    type_url: str
    values: dict[str, Any]


def read(payload: bytes) -> Read:
    """The serialised Any of a group message: bare type URL, zstd without size, and one of the messages."""
    packed = independent.any_message(payload)
    independent.assert_no_content_size(packed.value)
    content = independent.unzstd(packed.value)
    return Read(packed.type_url, independent.message(content, TABLES[packed.type_url]))


def wanted(ticker: str, category: str, index: int) -> Read:
    """What ``read`` must give for a record, from its text: every number exact, none rounded."""
    row = json.loads(line(ticker, category, index), parse_float=str, parse_int=str)
    kind = "orderflow" if category == "orderflow_orderflow" else "gex" if "_gex_" in category else "greek"
    table = TABLES[f"proto.{kind}"]
    return Read(f"proto.{kind}", {wire.name: _wanted(row.get(wire.name), wire) for wire in table.values()})


def wanted_spot(ticker: str, index: int) -> Read:
    """What ``read`` must give for a ticker's spot message."""
    price = int(Decimal(spot(ticker, index)) * 100)
    values = {"timestamp": FIRST + index, "ticker": ticker, "spot": price, "source_timestamp_ms": None}
    return Read("proto.spot", values)


def wanted_group(group: str, index: int) -> Read:
    """The same for an unprefixed group, analytics or spot."""
    ticker, category = split(group)
    return wanted(ticker, category, index) if category else wanted_spot(ticker, index)


def split(group: str) -> tuple[str, str]:
    """Ticker and category of an unprefixed group; the category of a spot group is empty."""
    ticker = next(ticker for ticker in sorted(TICKERS, key=len, reverse=True) if group.startswith(f"{ticker}_"))
    category = group.removeprefix(f"{ticker}_")
    return ticker, "" if category == "spot" else category


def _wanted(value: Any, wire: Wire) -> Any:
    if value is None and wire.label == "optional":
        return None
    if wire.kind == "message" and wire.label == "repeated":
        return [{w.name: _wanted(v, w) for w, v in zip_longest(wire.inner.values(), row)} for row in value]
    if wire.kind == "message":
        (only,) = wire.inner.values()
        return {only.name: _wanted(value, only)}
    if wire.label == "repeated":
        return [_exact(text, wire) for text in value]
    return value if wire.kind == "string" else int(value) if wire.kind == "int64" else _exact(value, wire)


def _exact(text: str, wire: Wire) -> int:
    number = Decimal(text) * wire.scale
    assert number == int(number), f"{wire.name} {text} has more decimals than the wire"
    assert independent.scaled(text, wire.kind, wire.scale) == (int(number), False), f"{wire.name} {text} does not fit"
    return int(number)
