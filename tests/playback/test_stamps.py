"""Records with another timestamp: it is the only thing that changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.playback.stamps import restamped
from support.tapes import OPEN, record


@given(st.integers(0, 9_999_999_999))
def test_only_the_timestamp_changes(stamp: int) -> None:
    before, after = json.loads(record(OPEN)), json.loads(restamped(record(OPEN), stamp))
    assert after.pop("timestamp") == stamp
    before.pop("timestamp")
    assert after == before
    assert list(after) == list(before)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (b'{"timestamp":1,"spot":1.5}', b'{"timestamp":77,"spot":1.5}'),
        (b'{"timestamp": 1786714202, "x": 1}', b'{"timestamp": 77, "x": 1}'),
        (b'{ "spot" : 2, "timestamp" : -5 }', b'{ "spot" : 2, "timestamp" : 77 }'),
        (b'{"timestamp":1,"inner":{"timestamp":2}}', b'{"timestamp":77,"inner":{"timestamp":2}}'),
        (b'{"my_timestamp":1,"timestamp":2}', b'{"my_timestamp":1,"timestamp":77}'),
        (b'{"timestamps":1}', b'{"timestamps":1}'),
        (b'{"spot":1}', b'{"spot":1}'),
        (b'{"timestamp":null}', b'{"timestamp":null}'),
        (b"", b""),
    ],
)
def test_the_bytes_around_it_stay(text: bytes, changed: bytes) -> None:
    assert restamped(text, 77) == changed


def test_twice_is_as_once() -> None:
    assert restamped(restamped(record(OPEN), 5), 6) == restamped(record(OPEN), 6)
