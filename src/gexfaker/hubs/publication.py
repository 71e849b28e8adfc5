"""Messages for many: encoded once per kind of receiver, and joined once for all who get the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from gexfaker.hubs.outputs import Joined
from gexfaker.limits import MAX_NUMBERED
from gexfaker.wire.frames import frame
from gexfaker.wire.messages import DataMessage
from gexfaker.wire.subprotocols import Subprotocol, simple_frame


class Publication:
    """A data message, and what was made of it so far for each subprotocol: a frame, or what reliable ones share.

    Attributes:
        index: of its record on the tape; -1 for what is no record.
    """

    __slots__ = ("_made", "index", "message")

    def __init__(self, message: DataMessage, index: int = -1) -> None:
        self.message = message
        self.index = index
        self._made: dict[str | None, bytes] = {}

    def frame(self, subprotocol: Subprotocol) -> bytes:
        """The whole frame for a plain or a simple client: the same object every time."""
        made = self._made.get(subprotocol.name)
        if made is None:
            codec = subprotocol.codec
            made = frame(codec.OPCODE, *codec.pieces(self.message)) if codec else simple_frame(self.message.data)
            self._made[subprotocol.name] = made
        return made

    def numbered(self, subprotocol: Subprotocol, sequence_id: int) -> bytes:
        """The frame for a reliable client; equal arguments give equal bytes, so a replay repeats the original."""
        codec = subprotocol.codec
        if codec is None:
            raise ValueError("a simple client has no sequence ids")
        part = self._made.get(subprotocol.name)
        if part is None:
            part = self._made[subprotocol.name] = codec.shared(self.message)
        return frame(codec.OPCODE, codec.numbered(part, sequence_id))


class Run(NamedTuple):
    """Messages as they were sent to a reliable client at once.

    Attributes:
        first: the sequence id of the first; the others count on.
        sizes: of their frames, in bytes.
        bytes: of all frames together.
    """

    first: int
    sizes: tuple[int, ...]
    publications: tuple[Publication, ...]
    bytes: int


class Part:
    """The messages of a batch that connections in the same groups get, joined once for each kind of them.

    Attributes:
        publications: in the order in which they are sent.
    """

    __slots__ = ("_joined", "_numbered", "publications")

    def __init__(self, publications: Sequence[Publication]) -> None:
        self.publications: Final = tuple(publications)
        self._joined: dict[str | None, Joined] = {}
        self._numbered: dict[tuple[str | None, int], tuple[Joined, Run]] = {}

    def joined(self, subprotocol: Subprotocol) -> Joined:
        """All frames for a plain or a simple client."""
        made = self._joined.get(subprotocol.name)
        if made is None:
            made = Joined.of([publication.frame(subprotocol) for publication in self.publications])
            self._joined[subprotocol.name] = made
        return made

    def numbered(self, subprotocol: Subprotocol, first: int) -> tuple[Joined, Run]:
        """All frames for a reliable client whose next sequence id is ``first``, and what to remember of them."""
        key = (subprotocol.name, first)
        made = self._numbered.get(key)
        if made is None:
            frames = [
                publication.numbered(subprotocol, number) for number, publication in enumerate(self.publications, first)
            ]
            joined, sizes = Joined.of(frames), tuple(map(len, frames))
            if len(self._numbered) >= MAX_NUMBERED:
                self._numbered.clear()
            made = self._numbered[key] = joined, Run(first, sizes, self.publications, len(joined.data))
        return made


class Batch:
    """What one world's connections on a hub are sent at once.

    Args:
        items: (group, publication), in the order in which they are sent.
    """

    __slots__ = ("_parts", "items")

    def __init__(self, items: Sequence[tuple[str, Publication]]) -> None:
        self.items: Final = tuple(items)
        self._parts: dict[frozenset[str], Part] = {}

    def part(self, groups: frozenset[str]) -> Part:
        """The messages for a connection in ``groups``."""
        made = self._parts.get(groups)
        if made is None:
            made = self._parts[groups] = Part([publication for group, publication in self.items if group in groups])
        return made
