"""How a reliable connection goes from one server of a cluster to another.

A server that stops leaves its connections in the engine. For a connection of a server that lives, whose client has come
back elsewhere, all are asked, and the one that has it leaves it. Whoever takes it first has it. A server that has died
took its connections with it, and their clients are refused recovery (1008), as by the service.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

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


class Handing:
    """Hands connections of one server over, and takes those of others.

    Args:
        service: the server.
        engine: what the servers of the cluster share.
        begin: has a world in use, as the cluster has decided.
    """

    def __init__(self, service: Service, engine: Engine, begin: Callable[[World], Awaitable[None]]) -> None:
        self._service: Final = service
        self._engine: Final = engine
        self._begin: Final = begin
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
        went = 0
        try:
            async with asyncio.timeout(HAND_OVER_SECONDS):
                for hub, connection in found:
                    went += await self._hand_over(hub, connection)
        except (UnavailableError, TimeoutError) as problem:
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
        text = encode(handed(hub.name, connection, play.timeline, play.sent.upto))
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
        await self._begin(world)
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
            missed = service.streamer.missed(world, handed.hub, handed.groups, turn, service.clock())
            batches = [batch async for batch in in_slices(missed)]
            if batches[-1] is TOO_MUCH:
                break
            made.append(batches[-1])
            upto = turn.upto
        world.play.heard = world.is_listening
        why = "the key has jumped" if _same(world, handed) is None else "it has missed too much"
        log.info("a connection of %s is not taken over: %s since", world.id, why, extra=ABOUT)

    def _go_on(self, hub: Hub, handed: Handed, missed: list[Batch]) -> None:
        connection = hub.adopt(handed, asyncio.get_running_loop().time())
        for batch in missed:
            self._service.streamer.sent += hub.publish_to(connection, batch)
        hub.bounds.kept.shed()


def _same(world: World, handed: Handed) -> ClockPlay | None:
    """The play of a world, as long as it is on the timeline on which the connection was."""
    play = world.play
    return play if isinstance(play, ClockPlay) and play.timeline == handed.timeline else None
