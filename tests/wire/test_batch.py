"""Messages from columns: the same bytes as the long way by text, for any numbers; read back by the protobuf library."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.records.columns import Columns
from gexfaker.records.fields import INT64, UINT32, Field
from gexfaker.wire import batch
from gexfaker.wire.blocks import UnevenError
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.gex import GEX
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.orderflow import ORDERFLOW
from gexfaker.wire.spot import SPOT
from gexfaker.wire.tables import Table

ROWS: dict[str, dict[str, bytes]] = {
    "proto.gex": {"strikes": b"[,,,[,,,,]]", "max_priors": b"[,]"},
    "proto.greek": {"mini_contracts": b"[,,,,[,,],null,null]"},
}
WIDTHS = {b"[,,,[,,,,]]": 8, b"[,]": 2, b"[,,,,[,,],null,null]": 7}
EDGES = (0, 1, 63, 64, 127, 128, 8191, 8192, 16_383, 16_384, 2**20, 2**21 - 1, 2**21, 2**27, 2**28 - 1, 2**28)


def held(field: Field, shape: bytes) -> list[Field]:
    """The column of each number of a row."""
    single = [column for column in field.columns if not column.many and not column.null]
    many = [column for column in field.columns if column.many and not column.null]
    return single + many * (WIDTHS[shape] - len(single))


def number(field: Field, draw: int) -> int:
    low, high = UINT32 if field.bounds == INT64 else field.bounds
    return max(low, min(high, draw if low < 0 else abs(draw)))


def drawn(table: Table, seed: int, count: int, rows: int, zeros: float) -> Columns:
    """Columns of numbers of all sizes, many of them at the edges of varints and of the fields."""
    random = np.random.default_rng(seed)

    def numbers(fields: list[Field], *shape: int) -> np.ndarray[Any, Any]:
        made = np.empty((*shape, len(fields)), dtype=np.int64)
        for place, field in enumerate(fields):
            edges = [*EDGES, *(-edge for edge in EDGES), *(UINT32 if field.bounds == INT64 else field.bounds)]
            picked = random.choice(np.array([number(field, edge) for edge in edges]), shape)
            sizes = (random.random(shape) * 2.0 ** random.integers(1, 31, shape)).astype(np.int64)
            any_size = np.array([number(field, int(one)) for one in sizes.ravel()]).reshape(shape)
            made[..., place] = np.where(random.random(shape) < 0.5, picked, any_size)
        return np.where(random.random(made.shape) < zeros, 0, made)

    values: list[np.ndarray[Any, Any] | None] = []
    shapes = ROWS.get(table.type_url, {})
    for field in table.fields:
        if field.columns:
            values.append(numbers(held(field, shapes[field.json]), count, rows))
        else:
            is_missing = field.optional and random.random() < 0.3
            values.append(None if is_missing else numbers([field], count)[..., 0])
    return Columns(random.integers(1, 2**32, count), tuple(values), shapes)


def text(whole: int, field: Field) -> Any:
    """A whole number as the record has it: exactly, with as many decimals as its field has."""
    return Decimal(int(whole)) / field.factor


def record(table: Table, ticker: str, columns: Columns, index: int) -> bytes:
    """The JSON text of a record, made of its columns without the code under test."""
    made: dict[str, Any] = {"timestamp": int(columns.timestamps[index]), "ticker": ticker}
    for field, values in zip(table.fields, columns.values, strict=True):
        if values is None:
            made[field.json] = None
        elif field.columns:
            shape = columns.rows[field.json]
            made[field.json] = [row(field, shape, numbers) for numbers in values[index]]
        else:
            made[field.json] = text(values[index], field)
    return json.dumps(made, default=_decimal, separators=(",", ":")).replace('"#', "").replace('#"', "").encode()


def _decimal(value: Decimal) -> str:
    return f"#{value:f}#"


def row(field: Field, shape: bytes, numbers: Any) -> list[Any]:
    columns = held(field, shape)
    single = sum(not column.many for column in columns)
    values = [text(one, column) for one, column in zip(numbers, columns, strict=True)]
    made = values[:single] + ([values[single:]] if len(values) > single else [])
    return made + [None] * shape.count(b"null")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.type_url)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 5), rows=st.integers(1, 4), zeros=st.sampled_from([0, 0.5, 1]))
@settings(deadline=None, max_examples=60)
def test_the_bytes_are_those_of_the_long_way(table: Table, seed: int, count: int, rows: int, zeros: float) -> None:
    columns = drawn(table, seed, count, rows, zeros)
    for index, message in enumerate(batch.encode(table, "ES_SPX", columns)):
        encoded = table.encode_carefully(record(table, "ES_SPX", columns, index))
        assert message == encoded.message
        assert not encoded.saturated
        assert table.message.FromString(message).SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("table", "json_name", "too_large"),
    [
        (GEX, "spot", 2**32),
        (GEX, "spot", -1),
        (GEX, "sum_gex_vol", 2**31),
        (GEX, "sum_gex_vol", -(2**31) - 1),
        (GEX, "strikes", 2**32),
        (GEX, "max_priors", -(2**31) - 1),
        (GREEKS, "mini_contracts", 2**32),
        (ORDERFLOW, "zcharm", 2**31),
        (SPOT, "spot", 2**32),
    ],
)
def test_what_does_not_fit_is_left_to_the_long_way(table: Table, json_name: str, too_large: int) -> None:
    columns = drawn(table, 1, 3, 2, 0.5)
    place = [field.json for field in table.fields].index(json_name)
    values = [None if one is None else one.copy() for one in columns.values]
    changed = values[place]
    assert changed is not None
    changed[(1, *(0,) * (changed.ndim - 1))] = too_large
    with pytest.raises(UnevenError):
        batch.encode(table, "SPX", columns._replace(values=tuple(values)))


def test_a_time_beyond_32_bits_is_left_to_the_long_way() -> None:
    columns = drawn(SPOT, 1, 2, 1, 0)
    with pytest.raises(UnevenError):
        batch.encode(SPOT, "SPX", columns._replace(timestamps=np.array([1, 2**32])))


def test_a_list_that_is_missing_is_not_sent() -> None:
    columns = drawn(GEX, 5, 2, 3, 0.1)
    without = columns._replace(values=(*columns.values[:-1], None))
    for message in batch.encode(GEX, "SPX", without):
        assert not GEX.message.FromString(message).HasField("max_priors")


def test_a_very_long_ticker_has_a_length_of_two_bytes() -> None:
    columns, ticker = drawn(SPOT, 1, 1, 1, 0), "T" * 300
    (message,) = batch.encode(SPOT, ticker, columns)
    assert SPOT.decode(message)["ticker"] == ticker
