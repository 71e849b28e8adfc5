"""Frames that somebody has captured: as text of a JSON subprotocol, as base64, as hexadecimal digits, or as bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import IO, Any, Final

from gexfaker.client.feed import ListenError, decode_payload
from gexfaker.errors import FrameError

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""Of one frame, as a line or as bytes; the largest record of a real day has 100 kB."""

SAMPLE_BYTES: Final = 64 * 1024
"""Of the beginning of a file, by which it is text or bytes."""

MAX_CUT_BYTES: Final = 3
"""Of a letter in UTF-8 that the sample may cut."""

_HEX: Final = re.compile(rb"[0-9a-fA-F]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_=-]+")
_URLSAFE: Final = bytes.maketrans(b"-_", b"+/")


def decode_captured(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The records of captured frames, oldest first, read as they are asked for. One a line, but bytes are one frame.

    Raises:
        ListenError: a line, which is named, or the bytes are no frame with a record.
    """
    head = file.read(SAMPLE_BYTES)
    if not _is_text(head[:-MAX_CUT_BYTES] if len(head) == SAMPLE_BYTES else head):
        yield _of_bytes(_bounded(head + file.read(MAX_FRAME_BYTES + 1 - len(head))))
        return
    for number, line in enumerate(_lines(head, file), 1):
        if line.strip():
            try:
                yield _of_line(_bounded(line).strip())
            except ListenError as error:
                raise ListenError(f"line {number}: {error}") from None


def _lines(head: bytes, file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file of which the beginning was read."""
    yield from (head + file.readline(MAX_FRAME_BYTES + 1)).split(b"\n")
    while line := file.readline(MAX_FRAME_BYTES + 1):
        yield line


def _bounded(frame: bytes) -> bytes:
    if len(frame) > MAX_FRAME_BYTES:
        raise ListenError(f"that is more than the {MAX_FRAME_BYTES:,} bytes of the longest frame")
    return frame


def _is_text(content: bytes) -> bool:
    try:
        return content.decode("utf-8").replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    except UnicodeDecodeError:
        return False


def _of_line(line: bytes) -> dict[str, Any]:
    if line.startswith(b"{"):
        from gexfaker.wire.jsoncodec import decode_downstream

        return _record_of(decode_downstream, line)
    digits = b"".join(line.split())
    if _HEX.fullmatch(digits) and len(digits) % 2 == 0:
        return _of_bytes(bytes.fromhex(digits.decode()))
    if _BASE64.fullmatch(digits):
        try:
            return _of_bytes(base64.b64decode(digits.translate(_URLSAFE) + b"=="))
        except binascii.Error:
            pass
    raise ListenError("it is neither a JSON message, nor base64, nor hexadecimal digits")


def _of_bytes(data: bytes) -> dict[str, Any]:
    """An Any, as simple clients get it, or a message of the protobuf subprotocols around one."""
    from gexfaker.wire.protocodec import decode_downstream

    try:
        return decode_payload(data)
    except ListenError as error:
        try:
            return _record_of(decode_downstream, data)
        except ListenError:
            raise error from None


def _record_of(decode: Any, frame: bytes) -> dict[str, Any]:
    from gexfaker.wire.messages import DataMessage

    try:
        message = decode(frame)
    except FrameError as error:
        raise ListenError(str(error)) from None
    if not isinstance(message, DataMessage):
        raise ListenError("it is a message of the protocol without a record, such as connected or ack")
    return {"group": message.group, **decode_payload(message.data.value)}
