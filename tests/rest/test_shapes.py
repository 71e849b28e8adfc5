"""Bodies made from records: real values, key order, number format, and records that are not as the service's."""

from __future__ import annotations

import json
import re

import pytest

from gexfaker.errors import RecordError
from gexfaker.rest.shapes import FLOW, GEX, GREEK, Layout, majors, maxchange, named_rows, tidy, whole
from support import rest

LAYOUTS = [(rest.GEX, GEX), (rest.STATE_GEX, GEX), (rest.GREEK, GREEK), (rest.flow(), FLOW)]


@pytest.mark.parametrize(("text", "layout"), LAYOUTS)
def test_what_is_as_the_service_writes_it_passes_byte_by_byte(text: str, layout: Layout) -> None:
    record = text.encode()
    assert layout.is_followed(record)
    assert whole(record, layout) is record
    assert list(json.loads(record)) == list(layout.keys)


def test_the_numbers_of_keys() -> None:
    assert (len(GEX.keys), len(GREEK.keys), len(FLOW.keys)) == (15, 10, 37)
    assert list(FLOW.keys) == ["timestamp", "ticker", *rest.FLOW_NAMES]


@pytest.mark.parametrize(("text", "layout"), LAYOUTS)
@pytest.mark.parametrize("change", ["spaces", "order", "extra", "points", "zeros", "all"])
def test_what_is_not_is_written_as_the_service_does(text: str, layout: Layout, change: str) -> None:
    row = json.loads(text)
    separators = (",", ":")
    if change in ("spaces", "all"):
        separators = (" , ", ": ")
    if change in ("order", "all"):
        row = dict(reversed(row.items()))
    if change in ("extra", "all"):
        row = {"source": "me", **row, "received": 1.5, "deep": [{"strikes": []}]}
    other = json.dumps(row, separators=separators)
    if change in ("points", "all"):
        other = re.sub(r"(?<=[ ,:\[])(-?\d+)(?=[ ,\]}])", r"\1.0", other).replace('stamp": ', 'stamp":')
        other = re.sub(r'("timestamp" ?: ?\d+)\.0', r"\1", other)
    if change in ("zeros", "all"):
        other = re.sub(r"(\.\d*[1-9])(?=[ ,\]}])", r"\g<1>00", other)
    assert not layout.is_followed(other.encode()) or other == text or change == "zeros"
    if change != "zeros":
        assert whole(other.encode(), layout).decode() == text
    assert layout.arrange(other.encode()).decode() == text


def test_a_key_that_is_not_there_is_not_made_up() -> None:
    row = json.loads(rest.GEX)
    del row["delta_risk_reversal"]
    assert list(json.loads(whole(json.dumps(row).encode(), GEX))) == list(row)


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        b"[]",
        b"nothing",
        b"",
        rest.GEX[:-40].encode() + b"}",
        rest.GEX.replace("7138.55", "NaN").encode(),
        rest.GEX.replace("1777492800", '"soon"').encode(),
        rest.GEX.replace("[7380", "[[" * 3000 + "7380").encode(),
        rest.GEX.encode().replace(b'"SPX"', b'"SP\xff"'),
    ],
)
def test_what_is_no_snapshot_is_refused(bad: bytes) -> None:
    with pytest.raises(RecordError):
        whole(bad, GEX)
    for shape in (majors, maxchange):
        if b"\xff" not in bad and b'"soon"' not in bad:
            with pytest.raises(RecordError):
                shape(bad)


def test_majors_of_real_values() -> None:
    assert majors(rest.MAJORS_RECORD.encode()).decode() == rest.MAJORS
    spaced = json.dumps(dict(reversed(json.loads(rest.MAJORS_RECORD).items())), indent=1)
    assert majors(spaced.replace("6400", "6400.0").encode()).decode() == rest.MAJORS


def test_maxchange_of_real_values() -> None:
    assert maxchange(rest.MAXCHANGE_RECORD.encode()).decode() == rest.MAXCHANGE
    spaced = json.dumps(json.loads(rest.MAXCHANGE_RECORD), indent=1).replace("6335,", "6335.0,")
    assert maxchange(spaced.encode()).decode() == rest.MAXCHANGE


def test_rows_as_objects_of_real_values() -> None:
    row, named = json.loads(rest.GEX), json.loads(named_rows(rest.GEX.encode()))
    assert list(named) == list(row)
    assert named | {"strikes": row["strikes"]} == row
    names = ("strike", "gex_vol", "gex_oi", "priors")
    assert named["strikes"] == [dict(zip(names, one, strict=False)) for one in row["strikes"]]
    for bad in (b"{}", b'{"timestamp":1,"ticker":"SPX","strikes":[1]}', b"[]"):
        with pytest.raises(RecordError):
            named_rows(bad)


def test_pairs_that_are_missing_are_no_change() -> None:
    made = json.loads(maxchange(rest.STATE_GEX.encode()))
    assert made["current"] == [6340, -29.431]
    assert [made[key] for key in ("five", "ten", "fifteen", "thirty")] == [[0, 0]] * 4


@pytest.mark.parametrize("record", [rest.GREEK, rest.flow()])
def test_records_without_levels_have_no_majors(record: str) -> None:
    with pytest.raises(RecordError):
        majors(record.encode())
    with pytest.raises(RecordError):
        maxchange(record.encode())


def test_tidy_keeps_every_digit_that_says_something() -> None:
    text = b'{"a": [1.0, 10.0, 0.0, -3.00, 1.50, 100, 0.05, 1.010, 1e5, 1.0e5, null], "t": "X.0"}'
    assert tidy(text) == b'{"a":[1,10,0,-3,1.5,100,0.05,1.01,1e5,1.0e5,null],"t":"X.0"}'
