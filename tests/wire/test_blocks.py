"""Rows encoded as one array: the same bytes, and the same refusals, as by the protobuf library row by row."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.limits import MAX_LAYOUTS
from gexfaker.wire.blocks import MAX_SHAPE, Rows, UnevenError
from gexfaker.wire.gex import GEX
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.scaling import Encoded, Fitter
from gexfaker.wire.tables import Table

LISTS: Final = {GEX: "strikes", GREEKS: "mini_contracts"}


def rows_of(table: Table) -> Rows:
    """The encoder of a table's rows, with nothing remembered."""
    field = next(field for field in table.fields if field.json == LISTS[table])
    return Rows(field, table.message.DESCRIPTOR.fields_by_name[field.wire])


def record(table: Table, rows: str) -> bytes:
    """A record whose list of rows is this text."""
    fields = {field.json: 0 for field in table.fields if not field.optional}
    text = json.dumps({"timestamp": 1, "ticker": "SPX"} | fields)
    return text.replace(f'"{LISTS[table]}": 0', f'"{LISTS[table]}": {rows}').encode()


def outcome(encode: Any, given: bytes) -> Encoded | str:
    """What was made of a record, or why nothing was."""
    try:
        return encode(given)  # type: ignore[no-any-return]
    except RecordError as error:
        return str(error)


def check(table: Table, rows: str) -> None:
    """Both ways come to the same."""
    given = record(table, rows)
    assert outcome(table.encode, given) == outcome(table.encode_carefully, given)


GEX_ROW: Final = "[6800, -1.5, 2.25, [1, 2.5, -3, 0, 1e3]]"
GREEK_ROW: Final = "[6800, 0.12, 0.13, -1.5, [1, 2.5, -3], null, null]"


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (GEX, "[]"),
        (GEX, " [ ] "),
        (GEX, f"[{GEX_ROW}]"),
        (GEX, "[[1,2,3,[4,5]],[ 1 , 2\t,3,[4,\n5 ] ]\r\n]"),
        (GEX, "[[6800,1,2],[6805,3,4]]"),
        (GEX, "[[6800,1,2,null],[6805,3,4, null]]"),
        (GEX, "[[6800,1,2,[7]],[6805,3,4,[8]]]"),
        (GREEKS, f"[{GREEK_ROW},{GREEK_ROW}]"),
        (GREEKS, "[[6800,1,2,3,[4],5],[6805,1,2,3,[4],5]]"),
        (GREEKS, "[[6800,1,2,3,[4,5],6,[7,8,9]],[6805,1,2,3,[0,0],0,[0,0,0]]]"),
        (GREEKS, "[[6800,1,2,3,[4,5],null,[7,8,9]]]"),
    ],
)
def test_rows_of_one_shape_are_encoded_as_one_array(table: Table, rows: str) -> None:
    block = rows_of(table).encode(rows.encode(), Fitter())
    assert block in table.encode_carefully(record(table, rows)).message
    check(table, rows)


@pytest.mark.parametrize(
    "rows",
    [
        "[5]",
        "5",
        "null",
        "[null]",
        "[[]]",
        "[[],[]]",
        "[[6800,1,2],[6805,3,4,[5]]]",
        "[[6800,1,2,[]],[6805,3,4,[5]]]",
        "[[6800,1,2,[5]],[6805,3,4,[]]]",
        "[[6800,1,2,[]]]",
        "[[6800,1,2,[3,null]]]",
        "[[6800,1,2,[[3]]]]",
        "[[6800,1,null,[3]]]",
        '[[6800,1,"2",[3]]]',
        '[[6800,1,"",[3]]]',
        "[[6800,1,true,[3]]]",
        "[[6800,1,{},[3]]]",
        "[[6800,[1],2,[3]]]",
        "[[6800,1,2,3]]",
        "[[6800,1,2,[3],4]]",
        "[[6800,1]]",
        f"[[6800,1,2,[{','.join(['99999999'] * 60)}]]]",
        "{}",
        '"[[6800,1,2]]"',
    ],
)
def test_anything_else_is_left_to_the_careful_way(rows: str) -> None:
    with pytest.raises((UnevenError, msgspec.MsgspecError)):
        rows_of(GEX).encode(rows.encode(), Fitter())
    check(GEX, rows)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e300", "123456789012345678901234567890", "-1", "4294967295.5"])
def test_numbers_beyond_the_field(number: str) -> None:
    check(GEX, f"[[{number},1,2,[3]],[1,2,3,[{number}]]]")


def long_rows(priors: int, rows: int = 2) -> str:
    return "[" + ",".join(["[1,2,3,[" + ",".join(["4"] * priors) + "]]"] * rows) + "]"


@pytest.mark.parametrize("priors", [100, MAX_SHAPE - 8, MAX_SHAPE, 255, 256, 257, 65_536, 70_000])
def test_rows_of_any_length(priors: int) -> None:
    """Sums of lengths must not wrap around, whatever they are counted in."""
    check(GEX, long_rows(priors))


def test_a_monstrous_row_is_passed_on_at_once_and_not_remembered() -> None:
    rows = rows_of(GEX)
    with pytest.raises(UnevenError):
        rows.encode(long_rows(400_000, 1).encode(), Fitter())
    assert not rows.layouts


NUMBERS: Final = st.one_of(
    st.integers(-(2**40), 2**40).map(str),
    st.floats(-1e7, 1e7).map(repr),
    st.integers(-(10**9), 10**9).map(lambda cents: repr(cents / 100)),
    st.sampled_from(["0", "-0", "0.0", "-0.005", "1e3", "21474836.47", "42949672.95", "-21474836.48"]),
)
ODD: Final = st.sampled_from(["null", '""', '"1"', "true", "[]", "{}", "[[1]]", "[null]", "1e999"])
BLANKS: Final = st.sampled_from(["", "", "", " ", "\n", "\t "])


def listed(parts: list[str], blank: str) -> str:
    return f"[{blank}" + f"{blank},".join(parts) + f"{blank}]"


@st.composite
def even(draw: st.DrawFn) -> str:
    """Rows of one shape, which need not be that of the table."""
    shape = draw(st.lists(st.one_of(st.just(0), st.integers(0, 6), st.just(-1)), min_size=1, max_size=8))
    blank = draw(BLANKS)

    def item(size: int) -> str:
        if size < 0:
            return "null"
        return listed([draw(NUMBERS) for _ in range(size - 1)], blank) if size else draw(NUMBERS)

    return listed([listed([item(size) for size in shape], blank) for _ in range(draw(st.integers(0, 4)))], blank)


@st.composite
def fitting(draw: st.DrawFn) -> str:
    """Rows of the gex table's shape, of which one may hold something odd."""
    rows = [
        [draw(NUMBERS), draw(NUMBERS), draw(NUMBERS), listed([draw(NUMBERS) for _ in range(3)], draw(BLANKS))]
        for _ in range(draw(st.integers(1, 4)))
    ]
    if draw(st.booleans()):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, 3))] = draw(ODD)
    return listed([listed(row, draw(BLANKS)) for row in rows], draw(BLANKS))


@pytest.mark.long
@settings(max_examples=500)
@given(st.sampled_from((GEX, GREEKS)), st.one_of(even(), fitting()))
@example(GEX, "[[1,2,3,[4,5]],[1,2,3,[4],5]]")
def test_both_ways_come_to_the_same(table: Table, rows: str) -> None:
    check(table, rows)


@settings(max_examples=500)
@given(st.text(alphabet='[],0123456789.-+eEnul "', max_size=40))
def test_any_text_comes_to_the_same(rows: str) -> None:
    check(GEX, rows)


def test_the_shapes_remembered_are_bounded() -> None:
    rows = rows_of(GEX)
    for size in range(1, 12):
        for columns in range(MAX_LAYOUTS):
            text = f"[[1,2,3,{json.dumps([1] * (size + columns))}]]"
            assert rows.encode(text.encode(), Fitter())
    assert len(rows.layouts) == MAX_LAYOUTS
