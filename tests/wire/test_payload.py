"""The payload of a feed: Any around a zstd frame, and what a receiver must not be fooled by."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.limits import MAX_SNAPSHOT_BYTES, MIB
from gexfaker.wire import payload
from support import independent


def packed_any(value: bytes, type_url: bytes = b"proto.orderflow") -> bytes:
    """An Any written by hand."""
    return b"\x0a" + varint(len(type_url)) + type_url + b"\x12" + varint(len(value)) + value


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes((number & 127 | 128,))
        number >>= 7
    return out + bytes((number,))


def compressed(content: bytes, *, stated: bool, level: int = 3) -> bytes:
    return zstandard.ZstdCompressor(level=level, write_content_size=stated).compress(content)


@given(st.binary(max_size=5000), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_round_trip_and_the_independent_reader(message: bytes, type_url: str) -> None:
    data = payload.pack(type_url, message)
    packed = independent.any_message(data)
    assert packed.type_url == type_url
    independent.assert_no_content_size(packed.value)
    assert independent.unzstd(packed.value) == message
    assert payload.unpack(data) == (type_url, message)


def test_a_one_shot_decompress_without_bound_fails_as_on_the_service() -> None:
    frame = independent.any_message(payload.pack("proto.gex", b"message")).value
    with pytest.raises(zstandard.ZstdError, match="content size"):
        zstandard.ZstdDecompressor().decompress(frame)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_791, 65_792, 300_000])
def test_no_content_size_whatever_the_size(size: int) -> None:
    """A single-segment frame, which the encoder would choose for short contents, implies a content size."""
    frame = independent.any_message(payload.pack("x", random.Random(size).randbytes(size))).value
    independent.assert_no_content_size(frame)


def test_equal_messages_give_equal_bytes() -> None:
    assert payload.pack("x", b"abc" * 50) == payload.pack("x", b"abc" * 50)


def test_frames_with_a_stated_content_size_are_read_too() -> None:
    assert payload.unpack(packed_any(compressed(b"abc" * 999, stated=True))) == ("proto.orderflow", b"abc" * 999)


WHOLE = compressed(b"hello " * 400, stated=False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"text, not an Any",
        b"\x0a\x05ab",
        b"\x0a\x02\xff\xfe\x12\x00",
        packed_any(b""),
        packed_any(b"not zstd at all"),
        packed_any(b"\x28\xb5\x2f"),
        packed_any(b"\x28\xb5\x2f\xfd"),
        packed_any(b"\x28\xb5\x2f\xfd\x00"),
        packed_any(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"),
        packed_any(b"\x1f\x8b" + WHOLE[2:]),
        b"\x0a\x05proto",
    ],
    ids=range(13),
)
def test_what_is_not_a_payload_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        payload.unpack(data)


@pytest.mark.parametrize("stated", [False, True])
def test_a_cut_frame_is_refused_not_taken_for_a_shorter_message(stated: bool) -> None:
    frame = compressed(random.Random(5).randbytes(3000) + b"tail" * 3000, stated=stated)
    for size in range(0, len(frame), 7):
        with pytest.raises(RecordError):
            payload.unpack(packed_any(frame[:size]))


@pytest.mark.parametrize("stated", [False, True])
def test_the_bound_itself_is_allowed_and_one_byte_more_is_not(stated: bool) -> None:
    content = bytes(MAX_SNAPSHOT_BYTES)
    assert payload.unpack(packed_any(compressed(content, stated=stated)))[1] == content
    with pytest.raises(RecordError):
        payload.unpack(packed_any(compressed(content + b"\0", stated=stated)))


@pytest.mark.parametrize("stated", [False, True])
def test_a_bomb_is_refused_without_unpacking_it(stated: bool) -> None:
    bomb = packed_any(compressed(bytes(200 * MIB), stated=stated))
    assert len(bomb) < MIB
    tracemalloc.start()
    try:
        with pytest.raises(RecordError):
            payload.unpack(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 2 * MAX_SNAPSHOT_BYTES


def test_an_absurd_stated_size_is_refused_at_once() -> None:
    """Frame_Content_Size_flag 3: eight bytes, here 2^62."""
    frame = b"\x28\xb5\x2f\xfd" + bytes((0b11100000,)) + (2**62).to_bytes(8, "little") + b"\x01\x00\x00"
    with pytest.raises(RecordError):
        payload.unpack(packed_any(frame))


def test_a_window_that_would_cost_memory_is_refused() -> None:
    """One empty block behind a window descriptor of 16 MiB: more than a payload may need."""
    frame = b"\x28\xb5\x2f\xfd" + bytes((0, (24 - 10) << 3)) + b"\x01\x00\x00"
    with pytest.raises(RecordError):
        payload.unpack(packed_any(frame))


def test_damaged_payloads_raise_nothing_else() -> None:
    rng = random.Random(11)
    intact = payload.pack("proto.orderflow", rng.randbytes(60) + b"ab" * 60)
    for _ in range(5_000):
        data = bytearray(intact)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            assert len(payload.unpack(bytes(data))[1]) <= MAX_SNAPSHOT_BYTES
        except RecordError:
            continue


_TOGETHER = """
import random, threading
from concurrent.futures import ThreadPoolExecutor
from gexfaker.wire import payload

together = threading.Barrier(4)

def many(seed):
    message = random.Random(seed).randbytes(2_000) * 100
    together.wait()
    return all(payload.unpack(payload.pack("x", message)) == ("x", message) for _ in range(200))

with ThreadPoolExecutor(4) as threads:
    print(list(threads.map(many, range(4))))
"""


def test_threads_may_pack_at_the_same_time() -> None:
    """Two servers in one process do. In a process of its own, because it dies if they share a compressor."""
    done = subprocess.run([sys.executable, "-c", _TOGETHER], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "[True, True, True, True]"), done.stderr
