"""The four subprotocols and the simple client, each with its codec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, cast

import msgspec

from gexfaker.wire import jsoncodec
from gexfaker.wire import messages as m
from gexfaker.wire.frames import BINARY, TEXT, frame


class Codec(Protocol):
    """A module that writes and reads the messages of one family of subprotocols."""

    OPCODE: int
    WRONG_OPCODE: str
    decode_upstream: Callable[[bytes], m.Received]
    encode_upstream: Callable[[m.Upstream], bytes]
    decode_downstream: Callable[[bytes], m.Downstream]
    encode_downstream: Callable[[m.Downstream], bytes]

    def pieces(self, message: m.DataMessage) -> tuple[bytes, ...]:
        """A data message as every plain client gets it, to be put together."""

    def shared(self, message: m.DataMessage) -> bytes:
        """What all reliable clients get of a data message."""

    def numbered(self, part: bytes, sequence_id: int) -> bytes:
        """The data message for one reliable client, from the shared part."""


class Subprotocol(msgspec.Struct, frozen=True):
    """A dialect a client may speak; ``name`` is None for the simple client, which has no codec."""

    name: str | None
    codec: Codec | None
    reliable: bool = False


class _ProtobufCodec:
    """The module protocodec, loaded when a client speaks protobuf: google.protobuf takes 30 ms of a start."""

    def __getattr__(self, name: str) -> Any:
        from gexfaker.wire import protocodec

        found = getattr(protocodec, name)
        setattr(self, name, found)  # the next time it is found without this
        return found


_JSON: Final = cast("Codec", jsoncodec)
_PROTOBUF: Final = cast("Codec", _ProtobufCodec())
SIMPLE: Final = Subprotocol(None, None)
SUBPROTOCOLS: Final = {
    dialect.name: dialect
    for dialect in (
        Subprotocol("json.webpubsub.azure.v1", _JSON),
        Subprotocol("json.reliable.webpubsub.azure.v1", _JSON, reliable=True),
        Subprotocol("protobuf.webpubsub.azure.v1", _PROTOBUF),
        Subprotocol("protobuf.reliable.webpubsub.azure.v1", _PROTOBUF, reliable=True),
    )
}


def choose(offered: Iterable[str]) -> tuple[Subprotocol, str | None]:
    """The first supported dialect in the client's order and the client's own spelling of it, else SIMPLE, None."""
    for spelling in offered:
        dialect = SUBPROTOCOLS.get(spelling.lower())
        if dialect is not None:
            return dialect, spelling
    return SIMPLE, None


def simple_frame(data: m.Data) -> bytes:
    """What a simple client receives of a data message: the bare content as a text or binary frame."""
    text = data.type in (m.DataType.TEXT, m.DataType.JSON)
    return frame(TEXT if text else BINARY, data.value)
