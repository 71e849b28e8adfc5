"""Data folders of our own, with numbers that show every mistake in scaling."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

DATE = "2026-07-17"

FIRST = 1_784_295_002

POSITIVE = "spot z_mlgamma z_msgamma o_mlgamma o_msgamma zero_mcall zero_mput one_mcall one_mput".split()
SIGNED = (
    "zcvr ocvr zgr ogr zvanna ovanna zcharm ocharm agg_dex one_agg_dex agg_call_dex one_agg_call_dex "
    "agg_put_dex one_agg_put_dex net_dex one_net_dex net_call_dex one_net_call_dex net_put_dex one_net_put_dex "
    "dexoflow gexoflow cvroflow one_dexoflow one_gexoflow one_cvroflow"
).split()

AWKWARD = ("6822.95", "1.15", "8.2", "4.35", "0.29", "1.1", "-1.15", "-0.29", "-8.2", "0", "-0.01", "2.01")
"""Numbers whose product with 100 is not exact in binary, and the small ones around zero."""


def cents(index: int, column: int, signed: bool) -> int:
    """A number in hundredths, different for every record and column, spread over the field's range."""
    mixed = (index * 2_654_435_761 + column * 40_503 + 12_345) % 1_999_999_937
    return mixed - 999_999_968 if signed else mixed


def number(index: int, column: int, signed: bool) -> str:
    """The number as JSON text of at most two decimals."""
    if (index + column) % 5 == 0:
        text = AWKWARD[(index * 7 + column) % len(AWKWARD)]
        return text if signed else text.lstrip("-")
    return str(Decimal(cents(index, column, signed)) / 100)


def record(ticker: str, index: int) -> str:
    """Record ``index`` as a line of JSON; the timestamp counts up by one a record."""
    values = [number(index, column, signed=False) for column in range(len(POSITIVE))]
    values += [number(index, len(POSITIVE) + column, signed=True) for column in range(len(SIGNED))]
    pairs = ",".join(f'"{name}":{value}' for name, value in zip((*POSITIVE, *SIGNED), values, strict=True))
    return f'{{"timestamp":{FIRST + index},"ticker":"{ticker}",{pairs}}}'


def write_day(root: Path, count: int, tickers: Sequence[str] = ("ES_SPX",)) -> Path:
    """A day of ``count`` orderflow records for each ticker; returns ``root``."""
    for ticker in tickers:
        folder = root / DATE / ticker / "orderflow"
        folder.mkdir(parents=True)
        lines = [record(ticker, index) for index in range(count)]
        (folder / "orderflow.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def expected(ticker: str, index: int) -> dict[str, int | str]:
    """What a client must decode of the line: hundredths as exact integers, by JSON name."""
    row: dict[str, Decimal | str] = json.loads(record(ticker, index), parse_float=Decimal, parse_int=Decimal)
    wanted: dict[str, int | str] = {"ticker": ticker, "timestamp": int(row["timestamp"])}
    for name in (*POSITIVE, *SIGNED):
        scaled = Decimal(row[name]) * 100
        assert scaled == int(scaled), "the line must have two decimals at most"
        wanted[name] = int(scaled)
    return wanted


def group(ticker: str = "ES_SPX", prefix: str = "blue") -> str:
    """The wire name of a ticker's orderflow group."""
    return f"{prefix}_{ticker}_orderflow_orderflow"
