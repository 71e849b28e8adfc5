"""Server frames as a client parses them, at every change of the length's form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from gexfaker.wire.frames import BINARY, TEXT, frame
from support import independent

SIZES = (0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 70_000)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", SIZES)
def test_a_client_reads_it(opcode: int, size: int) -> None:
    payload = bytes(65 + number % 26 for number in range(size))
    made = frame(opcode, payload)
    (read,) = independent.client_frames([made])
    assert (int(read.opcode), read.fin, bytes(read.data)) == (opcode, True, payload)
    assert (read.rsv1, read.rsv2, read.rsv3) == (False, False, False)
    assert len(made) - size == (2 if size < 126 else 4 if size < 65536 else 10), "the shortest form of the length"
    assert not made[1] & 0x80, "a server's frame is not masked"


def test_a_stream_of_frames_in_any_pieces() -> None:
    contents = [bytes(size) for size in SIZES]
    stream = b"".join(frame(BINARY, content) for content in contents)
    cut = [stream[at : at + 997] for at in range(0, len(stream), 997)]
    read = independent.client_frames(cut)
    assert [bytes(item.data) for item in read] == contents
    assert {item.opcode for item in read} == {Opcode.BINARY}


@given(st.binary(max_size=300))
def test_any_payload(payload: bytes) -> None:
    (read,) = independent.client_frames([frame(BINARY, payload)])
    assert bytes(read.data) == payload


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_a_payload_in_pieces_is_the_whole_one(pieces: list[bytes]) -> None:
    assert frame(BINARY, *pieces) == frame(BINARY, b"".join(pieces))
