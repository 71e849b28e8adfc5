"""Ranges: what a slice of the bytes says is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.archive.ranges import Wanted, content_range, parse_range, resolve

NUMBERS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("", None),
        ("bytes=0-0", Wanted(0, 0)),
        ("Bytes=5-", Wanted(5)),
        ("bytes=-5", Wanted(suffix=5)),
        ("bytes = 1-2", Wanted(1, 2)),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("bytes=--5", None),
        ("bytes=١-", None),
        ("items=0-5", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_headers(header: str | None, wanted: Wanted | None) -> None:
    assert parse_range(header) == wanted


@given(st.binary(max_size=50), NUMBERS, NUMBERS)
def test_from_to(data: bytes, first: int, more: int) -> None:
    part = resolve(Wanted(first, first + more), len(data))
    assert (data[part.start : part.stop] if part else b"") == data[first : first + more + 1]
    assert (part is None) == (first >= len(data))


@given(st.binary(max_size=50), NUMBERS)
def test_from_and_suffix(data: bytes, number: int) -> None:
    part = resolve(Wanted(number), len(data))
    assert (data[part.start : part.stop] if part else b"") == data[number:]
    part = resolve(Wanted(suffix=number), len(data))
    assert (data[part.start : part.stop] if part else b"") == (data[-number:] if number else b"")


def test_content_range() -> None:
    assert content_range(range(1), 10) == "bytes 0-0/10"
    assert content_range(range(3, 10), 10) == "bytes 3-9/10"
    assert content_range(None, 10) == "bytes */10"
