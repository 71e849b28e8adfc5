"""Valid messages made invalid, or differently valid, by small random changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

TOKENS: Final = (
    b"null",
    b'""',
    b"-1",
    b"0",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1e400",
    b"1.5",
    b"true",
    b"{}",
    b"[" * 300,
    b'"\\ud800"',
    b"\\u0000",
    b"\xed\xa0\x80",
    b"\xff",
    b"\x00",
    b'"ackId":7,',
    b'"dataType":"protobuf",',
    b'"dataType":"binary",',
    b'"type":"event",',
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
)
"""What decoders stumble over, in JSON and in protobuf."""

LENGTHS: Final = (0, 1, 2, 0x7D, 0x7E, 0x7F, 0x80, 0xFD, 0xFE, 0xFF)

Change = Callable[[Random, bytearray, Sequence[bytes]], None]


def _at(rng: Random, data: bytearray) -> int:
    return int(rng.random() * len(data)) if data else 0


def _flip(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    if data:
        data[_at(rng, data)] ^= 1 << int(rng.random() * 8)


def _truncate(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    del data[_at(rng, data) :]


def _cut(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    start = _at(rng, data)
    del data[start : start + 1 + int(rng.random() * 8)]


def _splice(rng: Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    other = corpus[int(rng.random() * len(corpus))]
    data[_at(rng, data) :] = other[int(rng.random() * (len(other) + 1)) :]


def _duplicate(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    start = _at(rng, data)
    piece = data[start : start + 1 + int(rng.random() * 32)]
    where = _at(rng, data)
    data[where:where] = piece * (1 + int(rng.random() * 3))


def _length(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    """A byte that may well be a length becomes another one."""
    if data:
        where = _at(rng, data)
        if rng.random() < 0.5:
            data[where] = LENGTHS[int(rng.random() * len(LENGTHS))]
        else:
            data[where] = (data[where] + (1 if rng.random() < 0.5 else 255)) & 0xFF


def _token(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    where = _at(rng, data)
    token = TOKENS[int(rng.random() * len(TOKENS))]
    data[where : where + int(rng.random() * (len(token) + 1))] = token


def _noise(rng: Random, data: bytearray, _corpus: Sequence[bytes]) -> None:
    where = _at(rng, data)
    data[where:where] = rng.randbytes(1 + int(rng.random() * 6))


CHANGES: Final[tuple[Change, ...]] = (
    _flip,
    _flip,
    _truncate,
    _cut,
    _splice,
    _duplicate,
    _length,
    _length,
    _token,
    _noise,
)
MAX_BYTES: Final = 4096


def mutated(rng: Random, corpus: Sequence[bytes]) -> bytes:
    """A message of the corpus after one to eight changes; one in fifty stays as it is."""
    data = bytearray(corpus[int(rng.random() * len(corpus))])
    if rng.random() < 0.02:
        return bytes(data)
    changes = 1 + int(8 * rng.random() ** 6)
    for _ in range(changes):
        CHANGES[int(rng.random() * len(CHANGES))](rng, data, corpus)
    return bytes(data[:MAX_BYTES])
