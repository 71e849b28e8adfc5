"""Records read together: the same bytes as the long way, as far as they are alike; never another answer than its."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.records.fields import Field
from gexfaker.wire import batch
from gexfaker.wire.blocks import UnevenError
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.gex import GEX
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.orderflow import ORDERFLOW
from gexfaker.wire.reading import reader_of
from gexfaker.wire.spot import SPOT
from gexfaker.wire.tables import Table

ODD = (0, -0.0, 0.005, -0.005, 6822.95, 0.1 + 0.2, 1e-9, 2**31 / 100, -(2**31) / 100, 1e6, 21474836.47, 4503599627370.5)


def value(draw: st.DrawFn, column: Field) -> Any:
    numbers = st.one_of(st.sampled_from(ODD), st.floats(-1e5, 1e5, allow_nan=False), st.integers(-(10**6), 10**6))
    if column.many:
        return draw(st.lists(numbers, max_size=3))
    return draw(numbers)


@st.composite
def days(draw: st.DrawFn, table: Table) -> list[bytes]:
    """Texts of some records that are mostly alike: a few have other rows, other keys, or are none at all."""
    made = []
    first: dict[str, Any] = {"timestamp": 1_784_295_000, "ticker": "SPX"}
    sizes = {field.json: draw(st.integers(0, 3)) for field in table.fields}
    for second in range(draw(st.integers(1, 6))):
        record = first | {"timestamp": 1_784_295_000 + second}
        for field in table.fields:
            if field.columns:
                record[field.json] = rows(draw, field, sizes[field.json] + draw(st.sampled_from([0, 0, 0, 1])))
            else:
                record[field.json] = value(draw, field)
        oddity = draw(st.sampled_from([None] * 8 + ["ticker", "null", "cut", "text", "missing"]))
        made.append(spoiled(table, record, oddity))
    return made


def rows(draw: st.DrawFn, field: Field, count: int) -> list[Any]:
    """Rows of one length of their lists; it is drawn anew for each record, mostly the same."""
    size = draw(st.sampled_from([3, 3, 3, 3, 0, 1]))
    numbers = st.one_of(st.sampled_from(ODD), st.floats(-1e4, 1e4, allow_nan=False))
    row = [st.lists(numbers, min_size=size, max_size=size) if column.many else numbers for column in field.columns]
    return [draw(st.tuples(*row)) for _ in range(count)]


def spoiled(table: Table, record: dict[str, Any], oddity: str | None) -> bytes:
    last = table.fields[-1].json
    match oddity:
        case "ticker":
            record["ticker"] = "NDX"
        case "null":
            record[last] = None
        case "missing":
            del record[last]
        case "text":
            record[last] = "many"
        case "cut":
            return json.dumps(record).encode()[:-5]
    return json.dumps(record).encode()


def long_way(table: Table, text: bytes) -> bytes | None:
    """The message, None where there is none or where a number was saturated."""
    try:
        encoded = table.encode_carefully(text)
    except RecordError:
        return None
    return None if encoded.saturated else encoded.message


def together(table: Table, texts: list[bytes]) -> list[bytes]:
    try:
        alike = reader_of(table).read(texts)
        return batch.encode(table, alike.ticker, alike.columns)
    except UnevenError:
        return []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.type_url)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_what_is_made_together_is_what_the_long_way_makes(table: Table, data: st.DataObject) -> None:
    texts = data.draw(days(table))
    made = together(table, texts)
    assert made == [long_way(table, text) for text in texts[: len(made)]]


def sample(table: Table, **changed: Any) -> dict[str, Any]:
    """A small record."""
    lists: dict[str, Any] = {
        "strikes": [[6800, 1.25, -2.5, [1.5, 2.5]], [6805.5, -1, 2, [3, 4]]],
        "max_priors": [[6800, 1.125], [6805, -2.5]],
        "mini_contracts": [
            [6800, 0.15, 0.16, 1.5, [1, 2, 3], None, None],
            [6810, 0.14, 0.15, 2.5, [1, 2, 4], None, None],
        ],
    }
    made: dict[str, Any] = {"timestamp": 1_784_295_000, "ticker": "SPX"}
    made |= {field.json: lists.get(field.json, 12.34) for field in table.fields}
    return made | changed


def read(table: Table, *records: dict[str, Any] | bytes) -> int:
    """How many of them are made together; these are checked."""
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    made = together(table, texts)
    assert made == [long_way(table, text) for text in texts[: len(made)]]
    return len(made)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.type_url)
def test_records_that_are_alike_are_made_together(table: Table) -> None:
    assert read(table, *(sample(table, spot=6800 + number / 100) for number in range(30))) == 30


GEX_ROW = [6800, 1.25, -2.5, [1.5, 2.5]]


@pytest.mark.parametrize(
    ("table", "other"),
    [
        (SPOT, {"ticker": "NDX"}),
        (GEX, {"min_dte": None}),
        (GEX, {"max_priors": None}),
        (GEX, {"max_priors": [[6800, 1.125]]}),
        (GEX, {"strikes": [GEX_ROW]}),
        (GEX, {"strikes": [GEX_ROW, [6805, 1, 2, [1, 2, 3]]]}),
        (GEX, {"strikes": [GEX_ROW, [6805, 1, 2, None]]}),
        (GEX, {"strikes": [GEX_ROW, [6805, 1, 2]]}),
        (GREEKS, {"mini_contracts": []}),
        (GREEKS, {"mini_contracts": [[1, 2, 3, 4, [1, 2, 3], 7, [1, 2]], [1, 2, 3, 4, [1, 2, 3], 7, [1, 2]]]}),
        (ORDERFLOW, {"zcvr": "many"}),
        (ORDERFLOW, {"zcvr": None}),
        (ORDERFLOW, {"timestamp": "now"}),
    ],
)
def test_a_run_ends_before_the_first_that_is_not_alike(table: Table, other: dict[str, Any]) -> None:
    one = sample(table)
    assert read(table, one, one, one | other, one) == 2
    if long_way(table, json.dumps(one | other).encode()) is not None:
        assert read(table, one | other, one | other, one) in (0, 2)


@pytest.mark.parametrize("unreadable", [b"", b"{", b"[]", b'{"timestamp":1}', b"\xff", b"[" * 10_000])
def test_one_that_cannot_be_read_ends_the_run(unreadable: bytes) -> None:
    assert read(GEX, sample(GEX), unreadable, sample(GEX)) == 1
    assert read(GEX, unreadable, sample(GEX)) == 0


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        (SPOT, {"spot": 5e9}),
        (SPOT, {"spot": -1}),
        (SPOT, {"timestamp": 2**32}),
        (SPOT, {"ticker": ""}),
        (SPOT, {"timestamp": 2**70}),
        (GEX, {"sum_gex_vol": 1e300}),
        (GEX, {"sum_gex_vol": 1.7e308}),
        (GEX, {"sum_gex_vol": 9.3e15}),
        (GEX, {"strikes": [[1e12, 0, 0, [0, 0]]]}),
        (GEX, {"strikes": [[1, 0, 0, []]]}),
        (GEX, {"strikes": [[1, 0, 0, [[]]]]}),
        (GEX, {"strikes": {}}),
        (GEX, {"strikes": [5]}),
        (GEX, {"strikes": [[1, 0, 0, list(range(300))]]}),
    ],
)
def test_what_is_not_for_this_way_is_left_to_the_long_one(table: Table, changed: dict[str, Any]) -> None:
    assert read(table, sample(table, **changed), sample(table)) == 0
    assert read(table, sample(table), sample(table, **changed)) in (0, 1)


def test_no_more_texts_are_read_than_one_beyond_the_run() -> None:
    texts = [json.dumps(sample(SPOT, ticker=ticker)).encode() for ticker in ("A", "A", "B", "A")]
    source = iter(texts)
    assert reader_of(SPOT).read(source).columns.timestamps.size == 2
    assert list(source) == texts[3:]
    assert next(itertools.islice(source, 1), None) is None


def test_spaces_make_no_difference() -> None:
    spaced = json.dumps(sample(GEX), indent=1).encode()
    assert read(GEX, spaced, spaced, sample(GEX)) == 3
