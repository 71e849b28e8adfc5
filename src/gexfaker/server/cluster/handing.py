"""How a reliable connection goes from one server of a cluster to another.

A server that stops leaves its connections in the engine. For a connection of a server that lives, whose client has come
back elsewhere, all are asked, and the one that has it leaves it. Whoever takes it first has it. A server that has died
took its connections with it, and their clients are refused recovery (1008), as by the service.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from gexfaker.errors import DataError, UnavailableError
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.handover import Handed, decode, encode, handed
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch
from gexfaker.limits import HAND_OVER_SECONDS, HANDED_BYTES
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.turns import Turn
from gexfaker.server.cluster.engine import Engine
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.streamer import TOO_MUCH
from gexfaker.worlds.world import World

log: Final = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 2.0
"""How long another server may take to hand over a connection; a client whose server has died waits for that long."""

ADOPT_SECONDS: Final = 5.0
"""How long it may take to make what a client has missed. It is a few milliseconds where nobody else comes back."""

ABOUT: Final = {"fields": {"event": "cluster"}}

LOOK_SECONDS: Final = 0.005
"""From one look at how far the feed has come to the next."""


class Deciding(Protocol):
    """What has to be decided for a connection that comes here."""

    async def begin(self, world: World) -> None:
        """Have a world in use."""

    async def take_hub(self, world: World, hub: str) -> None:
        """Take a hub for the connection: older ones of the world are closed on all servers."""


class Handing:
    """Hands connections of one server over, and takes those of others.

    Args:
        service: the server.
        engine: what the servers of the cluster share.
        deciding: the cluster, which has worlds in use and hubs taken.
        tickets: by world and hub, the newest ticket that is known here.
    """

    def __init__(
        self,
        service: Service,
        engine: Engine,
        deciding: Deciding,
        tickets: Mapping[tuple[str, str], int],
    ) -> None:
        self._service: Final = service
        self._engine: Final = engine
        self._deciding: Final = deciding
        self._tickets: Final = tickets
        self._asked: Final[dict[str, asyncio.Future[None]]] = {}

    # --- letting go --------------------------------------------------------------------------

    async def give(self, place: str, request: str) -> None:
        """Let a connection go to the server that has asked for it; nothing happens when it is not here.

        A request may be heard when it is over: the client is then elsewhere already, or here.
        """
        name, _, connection_id = place.partition("/")
        hub = self._service.hubs.get(name)
        if hub is None or connection_id not in hub.connections or not await self._engine.claim(place, request):
            return
        connection = hub.connections.get(connection_id)
        if connection is not None and await self._hand_over(hub, connection):
            await self._engine.tell(f"given\n{request}".encode())

    def given(self, request: str) -> None:
        """A server has left what was asked for."""
        waiting = self._asked.get(request)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def give_all(self) -> None:
        """Let all reliable connections go, as this server stops; what is left after a while has to negotiate again."""
        hubs = self._service.hubs.values()
        found = [(hub, one) for hub in hubs for one in hub.connections.values() if one.subprotocol.reliable]
        went, loop = 0, asyncio.get_running_loop()
        deadline = loop.time() + HAND_OVER_SECONDS
        try:
            for hub, connection in found:
                went += loop.time() < deadline and await self._hand_over(hub, connection)
        except UnavailableError as problem:
            log.warning("%s", problem, extra=ABOUT)
        if found:
            log.info("handed over %d of %d reliable connections to the cluster", went, len(found), extra=ABOUT)

    async def _hand_over(self, hub: Hub, connection: Connection) -> bool:
        """Leave a connection to whoever takes it first; whether it could be left."""
        service = self._service
        world = service.world_of(connection)
        play = world.play
        service.streamer.settle(world)
        if hub.connections.get(connection.id) is not connection or not isinstance(play, ClockPlay):
            return False
        ticket = self._tickets.get((world.id, hub.name), 0)
        text = encode(handed(hub.name, connection, play.timeline, play.sent.upto, ticket))
        if len(text) > HANDED_BYTES:
            return False
        if not service.life.draining:  # else its socket is closed in peace, with 1001
            hub.release(connection)
        await self._engine.hand(f"{hub.name}/{connection.id}", text, hub.bounds.recovery_window)
        return True

    # --- taking ------------------------------------------------------------------------------

    async def take(self, hub: Hub, name: str) -> None:
        """Fetch a connection whose client has come here, from the engine or from the server that has it.

        Nothing happens when nobody has it, or when its world has jumped meanwhile: then it cannot be recovered.

        Raises:
            UnavailableError: the engine is out of reach.
        """
        place = f"{hub.name}/{name}"
        text = await self._engine.fetch(place) or await self._ask_for(place)
        if text is not None:
            try:
                await self._adopt(hub, decode(text))
            except DataError as problem:
                log.warning("a connection could not be taken over: %s", problem, extra=ABOUT)

    async def _ask_for(self, place: str) -> bytes | None:
        """A connection of a server that lives; None when none has it."""
        request = secrets.token_hex(8)
        waiting = self._asked[request] = asyncio.get_running_loop().create_future()
        try:
            await self._engine.ask(place, request, ANSWER_SECONDS)
            async with asyncio.timeout(ANSWER_SECONDS):
                await waiting
        except TimeoutError:
            return None
        finally:
            del self._asked[request]
        return await self._engine.fetch(place)

    async def _adopt(self, hub: Hub, handed: Handed) -> None:
        """Go on with a connection: what its client has missed is made, and from there it gets what the others get.

        While that is made the feed goes on, so there may be more of it; what is left in the end is nothing.
        """
        service, loop = self._service, asyncio.get_running_loop()
        world = service.worlds.get(handed.owner or "")
        await self._deciding.begin(world)
        newest = (await self._engine.taken(world.id)).get(hub.name, ("", 0))[1]
        if handed.slot is not None and (newest > handed.ticket or not _is_of(world.slot, handed)):
            log.info("a connection of %s is not taken over: there is a newer one since", world.id, extra=ABOUT)
            return
        if handed.slot is not None and service.memberships.is_exclusive(Grant(handed.owner, slot=handed.slot)):
            await self._deciding.take_hub(world, hub.name)
        made, upto, deadline = list[Batch](), handed.upto, loop.time() + ADOPT_SECONDS
        while (play := _same(world, handed)) is not None and loop.time() < deadline:
            service.streamer.settle(world)
            play.go_on_after(handed.upto, service.clock())
            turn = Turn(play.timeline, upto, play.sent.upto)
            if turn.upto == turn.after:
                self._go_on(hub, handed, made)
                return
            if turn.upto < turn.after:  # the feed here is a moment behind
                await asyncio.sleep(LOOK_SECONDS)
                continue
            still = [group for group in _groups(world.slot, handed) if group in handed.groups]
            missed = service.streamer.missed(world, handed.hub, still, turn, service.clock())
            batches = [batch async for batch in in_slices(missed)]
            if batches[-1] is TOO_MUCH:
                break
            made.append(batches[-1])
            upto = turn.upto
        world.play.heard = world.is_listening
        why = "the key has jumped" if _same(world, handed) is None else "it has missed too much"
        log.info("a connection of %s is not taken over: %s since", world.id, why, extra=ABOUT)

    def _go_on(self, hub: Hub, handed: Handed, missed: list[Batch]) -> None:
        world = self._service.worlds.get(handed.owner or "")
        connection = hub.adopt(handed, _groups(world.slot, handed), asyncio.get_running_loop().time())
        for batch in missed:
            self._service.streamer.sent += hub.publish_to(connection, batch)
        hub.bounds.kept.shed()


def _is_of(slot: Slot | None, handed: Handed) -> bool:
    """Whether a connection is of the slot that its key has now; of a slot that nobody remembers it may be."""
    return slot is None or slot.id == handed.slot


def _groups(slot: Slot | None, handed: Handed) -> Sequence[str]:
    """The groups that a connection is in now: those of its slot, or those that its client has joined."""
    if slot is None or handed.slot is None or slot.by_client or handed.hub not in slot.groups:
        return handed.groups
    return slot.groups[handed.hub]


def _same(world: World, handed: Handed) -> ClockPlay | None:
    """The play of a world, as long as it is on the timeline on which the connection was."""
    play = world.play
    return play if isinstance(play, ClockPlay) and play.timeline == handed.timeline else None
