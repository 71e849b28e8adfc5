"""One message for many: encoded once per kind of receiver, shared by all of them."""

from __future__ import annotations

from gexfaker.wire.frames import frame
from gexfaker.wire.messages import DataMessage
from gexfaker.wire.subprotocols import Subprotocol, simple_frame


class Publication:
    """A data message and the frames made of it so far."""

    __slots__ = ("_frames", "_parts", "message")

    def __init__(self, message: DataMessage) -> None:
        self.message = message
        self._frames: dict[str | None, bytes] = {}
        self._parts: dict[str | None, bytes] = {}

    def frame(self, subprotocol: Subprotocol) -> bytes:
        """The whole frame for a plain or a simple client: the same object every time."""
        made = self._frames.get(subprotocol.name)
        if made is None:
            codec = subprotocol.codec
            if codec is None:
                made = simple_frame(self.message.data)
            else:
                made = frame(codec.OPCODE, codec.complete(self._part(subprotocol), None))
            self._frames[subprotocol.name] = made
        return made

    def numbered(self, subprotocol: Subprotocol, sequence_id: int) -> bytes:
        """The frame for a reliable client; equal arguments give equal bytes, so a replay repeats the original."""
        codec = subprotocol.codec
        if codec is None:
            raise ValueError("a simple client has no sequence ids")
        return frame(codec.OPCODE, codec.complete(self._part(subprotocol), sequence_id))

    def _part(self, subprotocol: Subprotocol) -> bytes:
        part = self._parts.get(subprotocol.name)
        if part is None and subprotocol.codec is not None:
            part = subprotocol.codec.shared(self.message, reliable=subprotocol.reliable)
            self._parts[subprotocol.name] = part
        return part or b""
