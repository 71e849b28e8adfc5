"""Whatever a path or a record is, the answer is none or right."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.rest.paths import Found, resolve
from gexfaker.rest.shapes import FLOW, GEX, GREEK, Layout, majors, maxchange, whole

pytestmark = pytest.mark.long

PARTS = "v1 v2 SPX es_spx classic state orderflow gex full zero delta majors maxchange tickers categories".split()
LAYOUTS = {"gex": GEX, "greek": GREEK, "flow": FLOW}
CENTS = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)
ROW = st.lists(st.one_of(CENTS, st.none(), st.lists(CENTS, max_size=5)), max_size=7)
VALUE = st.one_of(CENTS, st.integers(-(10**6), 10**6), st.lists(ROW, max_size=4))


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=8)), max_size=7))
def test_no_path_is_too_strange(parts: list[str]) -> None:
    found = resolve("/" + "/".join(parts))
    if isinstance(found, Found) and found.feed is not None:
        assert found.feed.category in found.route.names.values()
        assert found.feed.ticker == found.feed.ticker.upper()
    assert resolve("".join(parts)) is None or parts[0].startswith("/")


@given(st.binary(max_size=200))
def test_no_record_is_too_strange(record: bytes) -> None:
    for layout in LAYOUTS.values():
        with contextlib.suppress(RecordError):
            json.loads(whole(record, layout))
    for shape in (majors, maxchange):
        with contextlib.suppress(RecordError):
            json.loads(shape(record))


def integral(value: Any) -> Any:
    """The value as the service prints it: no point in an integral number."""
    if isinstance(value, list):
        return [integral(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@settings(max_examples=200)
@given(st.data(), st.sampled_from(list(LAYOUTS)), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_every_writer_s_record_becomes_the_service_s(
    data: st.DataObject, name: str, separators: tuple[str, str]
) -> None:
    layout: Layout = LAYOUTS[name]
    row = {"timestamp": data.draw(st.integers(0, 2**33)), "ticker": data.draw(st.sampled_from(["SPX", "A.0", "B C"]))}
    row |= {key: data.draw(VALUE) for key in layout.keys[2:]}
    order = data.draw(st.permutations([*row, "extra"]))
    written = json.dumps({key: row.get(key, [1.0]) for key in order}, separators=separators).encode()
    wanted = json.dumps({key: integral(row[key]) for key in layout.keys}, separators=(",", ":")).encode()
    assert whole(written, layout) == wanted
    assert whole(wanted, layout) == wanted
