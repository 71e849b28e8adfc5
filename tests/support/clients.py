"""A hub's clients without sockets: each collects what the hub would have its socket do."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from gexfaker.hubs.connection import Audience, Connection, RawMode, State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort, Close, Drop, Later, Mute, Output
from gexfaker.hubs.publication import Publication
from gexfaker.hubs.upstream import receive
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SUBPROTOCOLS, Subprotocol
from gexfaker.wire.tokens import Grant
from support import independent

JSON: Final = SUBPROTOCOLS["json.webpubsub.azure.v1"]
RELIABLE: Final = SUBPROTOCOLS["json.reliable.webpubsub.azure.v1"]
PROTO: Final = SUBPROTOCOLS["protobuf.webpubsub.azure.v1"]
RELIABLE_PROTO: Final = SUBPROTOCOLS["protobuf.reliable.webpubsub.azure.v1"]
DIALECTS: Final = (JSON, RELIABLE, PROTO, RELIABLE_PROTO)
EVERYTHING: Final = ("webpubsub.joinLeaveGroup", "webpubsub.sendToGroup")


def make_hub(bounds: Bounds | None = None) -> Hub:
    """A hub whose ids count and whose tokens are predictable."""
    numbers = itertools.count(1)
    return Hub("orderflow", lambda: f"c{next(numbers)}", lambda name: f"token-{name}", bounds)


def text(content: str) -> m.Data:
    return m.Data(m.DataType.TEXT, content.encode())


def publication(content: str, group: str = "g") -> Publication:
    return Publication(m.DataMessage(text(content), group))


def frames_of(outputs: Iterable[Output]) -> list[bytes]:
    """The frames among outputs, those to be written later too; joined ones in one piece."""
    return [bytes_of(output) for output in outputs if not isinstance(output, (Close, Abort, Drop, Mute))]


def bytes_of(output: Output) -> bytes:
    """What an output writes, now or later."""
    if isinstance(output, Later):
        return output.frame
    assert not isinstance(output, (Close, Abort, Drop, Mute)), output
    return output if isinstance(output, bytes) else output.data


class Client:
    """One client of a hub; ``done`` is all that its socket was told to do, in order."""

    def __init__(
        self,
        hub: Hub,
        subprotocol: Subprotocol = JSON,
        user_id: str | None = "key-1",
        roles: tuple[str, ...] = EVERYTHING,
        groups: tuple[str, ...] = (),
        raw: RawMode | None = None,
    ) -> None:
        self.hub = hub
        self.subprotocol = subprotocol
        self.done: list[Output] = []
        self.connection: Connection = hub.connect(Grant(user_id, roles, groups), subprotocol, raw)
        self.attach()
        hub.drain()

    def attach(self) -> None:
        """A new socket."""
        self.connection.outlet = self.done.extend

    def send(self, message: m.Upstream) -> list[m.Downstream]:
        """Send one message; what comes back for it."""
        assert self.subprotocol.codec is not None
        return self.send_raw(self.subprotocol.codec.encode_upstream(message), self.subprotocol.codec.OPCODE)

    def send_raw(self, payload: bytes, opcode: int) -> list[m.Downstream]:
        before = len(self.done)
        receive(self.hub, self.connection, payload, opcode)
        self.hub.drain()
        return self.messages(before)

    def lose(self, now: float = 0.0) -> None:
        self.hub.lost(self.connection, now)
        self.hub.drain()

    def recover(self, token: str | None = None) -> bool:
        """Open a new socket for the same connection; whether that was allowed. ``done`` starts anew."""
        found = self.hub.recover(self.connection.id, f"token-{self.connection.id}" if token is None else token)
        if found is None:
            return False
        assert found is self.connection
        self.done = []
        self.attach()
        self.hub.drain()
        return True

    def messages(self, start: int = 0) -> list[m.Downstream]:
        """What arrived since output ``start``, as a client's own parser reads it."""
        codec = self.subprotocol.codec
        assert codec is not None
        read = independent.client_frames(frames_of(self.done[start:]))
        assert all(int(frame.opcode) == codec.OPCODE and frame.fin for frame in read)
        return [codec.decode_downstream(bytes(frame.data)) for frame in read]

    def texts(self, start: int = 0) -> list[str]:
        """The contents of the data messages that arrived."""
        return [item.data.value.decode() for item in self.messages(start) if isinstance(item, m.DataMessage)]

    def numbers(self, start: int = 0) -> list[int | None]:
        """Their sequence ids."""
        return [item.sequence_id for item in self.messages(start) if isinstance(item, m.DataMessage)]

    @property
    def state(self) -> State:
        return self.connection.state

    @property
    def ending(self) -> Close | Abort | None:
        """How the socket was told to end, always as the last thing."""
        endings = [output for output in self.done if isinstance(output, Close | Abort)]
        assert len(endings) <= 1
        assert not endings or self.done[-1] is endings[0]
        return endings[0] if endings else None


def publish(hub: Hub, member: tuple[str, str], made: Publication, excluded: Connection | None = None) -> int:
    """Publish to a key's group on a hub; for how many."""
    return hub.publish(hub._audience_of(member[0]), member[1], made, excluded)


def members_of(hub: Hub) -> dict[tuple[str, str], dict[Connection, None]]:
    """The connections of every (key, group) of a hub that somebody is in."""
    audiences = dict.fromkeys(held.audience for held in hub.connections.values())
    return {(_key_of(audience), group): inside for audience in audiences for group, inside in audience.groups.items()}


def _key_of(audience: Audience) -> str:
    return next(iter(audience.connections)).grant.user_id or ""
