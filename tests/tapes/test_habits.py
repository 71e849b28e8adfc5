"""Records as other programs write them, and as they are served."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.tapes.habits import as_the_service, first_time, is_array, last_time

NOON = 1_784_304_000
SERVED = b'{"timestamp":%d,"ticker":"SPX","spot":7457.1}' % NOON


def written(time: str) -> bytes:
    return SERVED.replace(str(NOON).encode(), time.encode())


@pytest.mark.parametrize(
    "time",
    [
        f"{NOON}.0",
        f"{NOON}.75",
        "1.784304e9",
        "1.784304E+09",
        f"{NOON}000",
        f"{NOON}250",
        f"{NOON}000000",
        f"{NOON}000.0",
        '"2026-07-17T16:00:00Z"',
        '"2026-07-17T12:00:00-04:00"',
        '"2026-07-17 16:00:00.250+00:00"',
        f'"{NOON}"',
    ],
)
def test_times_of_all_kinds_are_whole_seconds(time: str) -> None:
    assert as_the_service(written(time)) == SERVED


@pytest.mark.parametrize(
    "time",
    [
        "1700000000.5abc",
        "1" + "0" * 50 + ".5",
        f"{NOON}.{'9' * 40}",
        "Infinity",
        '"NaN"',
        '"sNaN"',
        '"Infinity"',
        '"1960-01-01T00:00:00Z"',
        "null",
        "true",
        "-5",
        "NaN",
        "1e999",
        '"noon"',
        '"2026-07-17T12:00:00"',
        '""',
        '"' + "1" * 50 + '"',
        "{}",
        "[1]",
    ],
)
def test_what_means_no_time_is_left_for_whoever_decodes_it(time: str) -> None:
    assert as_the_service(written(time)) == written(time)


@pytest.mark.parametrize(
    "record",
    [SERVED + b",", SERVED + b" ,", b'{"recorded_at":"2026-07-17T16:00:01Z","data":' + SERVED + b"}"],
    ids=["comma", "space and comma", "envelope"],
)
def test_what_stands_around_a_record_goes(record: bytes) -> None:
    assert as_the_service(record) == SERVED


def test_bytes_that_are_no_text_are_no_time() -> None:
    record = b'{"timestamp":"\xff\xfe","ticker":"SPX"}'
    assert as_the_service(record) == record
    arabic = '{"timestamp":"\u0661\u0662"}'.encode()
    assert as_the_service(arabic) == arabic


def test_only_the_time_of_the_record_itself_is_changed() -> None:
    inner = b'{"meta":{"timestamp":1.5},"timestamp":%d}'
    assert as_the_service(inner % NOON) == inner % NOON
    assert as_the_service(inner % (NOON * 1000)) == inner % NOON
    assert as_the_service(b'{"meta":{"timestamp":%d000}}' % NOON) == b'{"meta":{"timestamp":%d000}}' % NOON


def test_an_envelope_of_milliseconds() -> None:
    assert as_the_service(b'{ "recorded_at" : 1, "data" : %b }' % written(f"{NOON}000")) == SERVED


@pytest.mark.parametrize(
    "record", [b"", b"{", b'{"recorded_at":', b'{"recorded_at":1}', b'{"recorded_at":1,"data"', b"[1]"]
)
def test_what_is_no_record_stays_as_it_is(record: bytes) -> None:
    assert as_the_service(record) == record


@given(seconds=st.integers(0, 99_999_999_999), rest=st.dictionaries(st.text(max_size=5), st.integers(), max_size=3))
def test_a_record_as_the_service_writes_it_is_the_same_object(seconds: int, rest: dict[str, int]) -> None:
    record = json.dumps({"timestamp": seconds} | {f"x{name}": value for name, value in rest.items()}).encode()
    assert as_the_service(record) is record


@pytest.mark.parametrize(
    ("start", "is_one"),
    [(b"[", True), (b" \r\n[{", True), (b"\xef\xbb\xbf[", True), (b"{", False), (b"", False), (b"x[", False)],
)
def test_an_array_is_seen_by_its_start(start: bytes, is_one: bool) -> None:
    assert is_array(start) == is_one


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (b'{"timestamp": 7, "a": 1}\n{"timestamp": 9}', 7, 9),
        (b'{"timestamp":7}\n{"timestamp":1784295000123}\n{"timesta', 7, 1784295000),
        (b'{"timestamp":7}\n{"timestamp":17', 7, 7),
        (b'{"timestamp":"2026-07-17T13:30:00Z","x":0}', 1784295000, 1784295000),
        (b'{"timestamp":"?","x":0}', None, None),
        (b'{"x":0}', None, None),
        (b"", None, None),
    ],
)
def test_the_first_and_the_last_time_in_some_bytes(text: bytes, first: int | None, last: int | None) -> None:
    assert (first_time(text), last_time(text)) == (first, last)
