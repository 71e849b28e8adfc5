"""A server's part in its cluster: it asks for decisions, follows those of all servers, and tells that it lives.

A world is loaded from the engine when a client of its key first comes to this server. From then on the server follows
what is decided about it. While the engine is out of reach nothing is decided; what the server knows it goes on with.
Then it compares all that it knows with the engine: of two states of a world the newer one counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar

from gexfaker.allowances import Allowance
from gexfaker.errors import DataError, GexfakerError, UnavailableError
from gexfaker.hubs.hub import Hub
from gexfaker.limits import (
    ENGINE_SECONDS,
    MAX_CLOCK_OFFSET,
    MAX_SWAPS,
    MAX_WORLDS,
    NODE_SECONDS,
    SETTLE_SECONDS,
    SHARED_KEY_SECONDS,
    WORLDS_AT_A_TIME,
)
from gexfaker.playback.actions import Effect
from gexfaker.server.cluster.engine import GONE, LIFE, OUT_OF_REACH, Beat, Engine, Held, UnsettledError
from gexfaker.server.cluster.handing import Handing
from gexfaker.server.cluster.introduction import SECRET, STORY_NAME, secret_of, story_text
from gexfaker.server.routes.status import close_connections
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.settings import DEFAULT
from gexfaker.worlds.change import Begin, Change
from gexfaker.worlds.quota import end_of
from gexfaker.worlds.replica import Decision, Replica, decide, decode, encode, follow, with_slot
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import Shared, World

log: Final = logging.getLogger(__name__)
T = TypeVar("T")
SHOWN_BYTES: Final = 60
"""How much of a strange message the log shows."""

ABOUT: Final = {"fields": {"event": "cluster"}}

START: Final = "start"
"""The name of the day with which new keys start."""

UNSETTLED: Final = "The cluster's engine has lost what it had, and keeps losing it: see to the engine, and try again."

UNSETTLED_SECONDS: Final = 0.25
"""From one try to begin a world to the next, while it may be one that the engine has lost: a thousand keys that wait
are 4,000 operations a second, half of what one core does beside its streams.
"""

BEAT_SECONDS: Final = 1.0
"""From one sign of life to the next."""

TOUCH_SECONDS: Final = SHARED_KEY_SECONDS / 24
"""From one look at which worlds are in use, so that the engine keeps them, to the next."""

QUOTA_SECONDS: Final = 32 * 24 * 3600.0
"""How long counts are kept: the longest period is a month."""


class Health:
    """How a cluster is, as this server sees it.

    Attributes:
        up: whether changes can be decided and are followed.
        beat: the last look at the engine's clock.
        conflicts: changes that had to be tried again, because another server was first.
        followed: changes of this and other servers that were followed.
        differs: whether other servers play another market.
        delay: how long after its decision the last change was heard of, in seconds.
    """

    __slots__ = ("beat", "conflicts", "delay", "differs", "followed", "up")

    def __init__(self) -> None:
        self.up = self.differs = False
        self.beat, self.delay = Beat(0.0, 0.0), 0.0
        self.conflicts = self.followed = 0


class Cluster:
    """One server of a cluster.

    Args:
        service: the server.
        engine: what the servers of the cluster share.
        node: the name of this server.

    Attributes:
        tickets: by world and hub, the newest ticket that is known here, as long as there is a connection.
    """

    def __init__(self, service: Service, engine: Engine, node: str) -> None:
        self.service: Final = service
        self.engine: Final = engine
        self._node: Final = node
        self.health: Final = Health()
        self.tickets: Final[dict[tuple[str, str], int]] = {}
        self._taking: Final[Counter[tuple[str, str]]] = Counter()
        self.handing: Final = Handing(service, engine, self, self.tickets)
        self._locks: Final[dict[str, asyncio.Lock]] = {}
        self._proposed: Final[set[World]] = set()
        self._digest = "", ""
        self._tasks: Final[set[asyncio.Task[None]]] = set()

    # --- a server's life ---------------------------------------------------------------------

    async def start(self) -> None:
        """Follow the cluster from now on. Returns once it does, or after the time in which the engine should answer."""
        for job in (self._listen(), self._beat(), self._touch()):
            self._do(job)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NODE_SECONDS):
                while not self.health.up:
                    await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Leave the cluster."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(UnavailableError):
            await self.engine.end(self._node)
        await self.engine.close()

    async def _listen(self) -> None:
        """Follow what is decided; when the engine was gone, see what was decided meanwhile."""
        while True:
            try:
                async with self.engine.listening() as hear:
                    await self._agree()
                    await self._meet()
                    if (date := await self.engine.first_day()) is not None:
                        self._start_with(date)
                    self._tell(up=True)
                    while True:
                        news = await hear()
                        if news is not None:
                            self._heard(news)
            except UnavailableError as problem:
                self._tell(up=False, why=str(problem))
            except Exception:
                log.exception("following the cluster failed; it begins anew")
                self.health.up = False
            await asyncio.sleep(ENGINE_SECONDS / 2)

    def _tell(self, *, up: bool, why: str = "") -> None:
        if up != self.health.up:
            if up:
                log.info("server %s is in the cluster", self._node, extra=ABOUT)
            else:
                log.warning("%s", why, extra=ABOUT)
        self.health.up = up

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(UnavailableError):
                before, self.health.beat = self.health.beat, await self.engine.beat(self._node, NODE_SECONDS)
                self._tell_offset(before.surely, self.health.beat.surely)
                await self._refresh()
                await self._leave_hubs()
            await asyncio.sleep(BEAT_SECONDS)

    async def _refresh(self) -> None:
        """Keep what all servers have in common."""
        await self.engine.refresh(START, NODE_SECONDS)
        kept = [
            await self.engine.refresh(STORY_NAME, NODE_SECONDS),
            await self.engine.refresh(SECRET, SHARED_KEY_SECONDS),
            not self._digest[1] or await self.engine.refresh(f"records:{self._digest[0]}", NODE_SECONDS),
        ]
        if not all(kept):
            await self._agree()
        if not await self.engine.refresh(LIFE, SHARED_KEY_SECONDS):
            await self._meet()

    async def _agree(self) -> None:
        """See whether all servers have the same in common, and bring back what the engine has lost of it."""
        settings, life = self.service.settings, self.service.life
        story = story_text(settings)
        differs = await self.engine.agree(STORY_NAME, story, NODE_SECONDS) != story
        if differs and not self.health.differs:
            log.error("the other servers of this cluster play another market: start all with the same", extra=ABOUT)
        self.health.differs = differs
        await self._agree_on_records()
        secret = await self.engine.agree(SECRET, secret_of(settings), SHARED_KEY_SECONDS)
        if secret != secret_of(settings) and settings.sources["TOKEN_SECRET"] == DEFAULT and secret != life.secret:
            log.warning("the cluster has another secret: tokens from before are not good any more", extra=ABOUT)
            life.secret = secret

    async def _agree_on_records(self) -> None:
        """Tell when the recorded day that keys start with is another one here."""
        day = self.service.day
        if not self.service.days.stored or day.is_simulated:
            return
        if self._digest[0] != day.date:
            self._digest = day.date, day.digest()
        if await self.engine.agree(f"records:{day.date}", self._digest[1], NODE_SECONDS) != self._digest[1]:
            log.error(
                "the records of %s are others here than on the other servers of this cluster: give all the same folder",
                day.date,
                extra=ABOUT,
            )

    def _tell_offset(self, before: float, now: float) -> None:
        if abs(now) > MAX_CLOCK_OFFSET >= abs(before):
            log.warning(
                "this machine's clock differs from that of the cluster's engine by %.0f ms: clients that come to "
                "another server see the market jump; set the clock, for instance by NTP",
                abs(now) * 1000,
                extra=ABOUT,
            )

    async def _touch(self) -> None:
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            with contextlib.suppress(UnavailableError):
                for part in _parts([world.id for world in self.service.worlds.in_use()]):
                    await self.engine.touch(part)

    # --- worlds ------------------------------------------------------------------------------

    async def arrive(self, world: World) -> None:
        """Know what is decided about a world. Raises UnavailableError."""
        if world.shared is None:
            async with self._alone(world):
                if world.shared is None:
                    self._require()
                    (held,) = await self.engine.look_up([world.id])
                    if held is None:
                        raise UnavailableError(self.engine.damaged(world.id))
                    self._follow(world, held)

    async def begin(self, world: World) -> None:
        """Have a world in use: its clock runs. Raises UnavailableError, and DataError when its day is gone."""
        await self.arrive(world)
        while world.play.is_new:
            day = world.play.day
            tape = day.tape(min(day.feeds)) if day.feeds else None
            if tape is None:
                return
            async for _ in in_slices(world.play.steps_to_open(tape)):
                pass
            await self.commit(world, Begin())

    async def commit(self, world: World, what: Change) -> Effect:
        """Change a world as soon as that is decided, and tell the effect.

        Raises:
            ControlError, DataError, ExhaustedError: it cannot be done.
            UnavailableError: nothing can be decided at the moment.
        """
        decision = await self._settle(world, lambda: decide(world, what, self.service.clock()))
        return decision.effect

    async def commit_slot(self, world: World, slot: Slot) -> None:
        """Give a world a slot on all servers. Raises UnavailableError."""
        await self._settle(world, lambda: Decision(with_slot(world, slot), Effect(slot, slot)))

    async def _settle(self, world: World, propose: Callable[[], Decision]) -> Decision:
        """Have decided what is proposed for a world; it is proposed anew when another server was first."""
        await self.arrive(world)
        async with self._alone(world):
            for _ in range(MAX_SWAPS):
                decision = await self._decided(world, propose)
                if decision is not None:
                    return decision
        raise UnavailableError("Other servers of the cluster change this key at the same time: try again.")

    async def _decided(self, world: World, propose: Callable[[], Decision]) -> Decision | None:
        """Have something decided as soon as the engine has the world, or knows that it is new.

        It is proposed anew each time: meanwhile the market has gone on. None when another server was first.
        """
        until = time.monotonic() + 2 * SETTLE_SECONDS
        while time.monotonic() < until:
            self._require()
            decision = propose()
            try:
                return decision if await self._swap(world, decision.replica) else None
            except UnsettledError:
                await asyncio.sleep(UNSETTLED_SECONDS)
        raise UnavailableError(UNSETTLED)

    async def _swap(self, world: World, replica: Replica) -> bool:
        """Have a replica decided; False when another server was first, which is followed then.

        Raises:
            UnsettledError: the world, or a newer state of it, may be about to be brought back.
        """
        self._require()
        shared = world.shared
        version = 0 if shared is None else shared.version
        done, held = await self.engine.swap(world.id, version, encode(replica))
        if not done:
            self.health.conflicts += 1
            if not held.version and shared is not None:  # the engine has lost it
                held = await self.engine.keep(world.id, Held(shared.version, shared.text))
        self._follow(world, held)
        return done

    def _require(self) -> None:
        """Raises UnavailableError while nothing can be decided."""
        if not self.health.up:
            raise UnavailableError(OUT_OF_REACH.format(why="it is looked for"))

    @contextlib.asynccontextmanager
    async def _alone(self, world: World) -> AsyncIterator[None]:
        """One decision about a world at a time; several would only be in each other's way."""
        lock = self._locks.setdefault(world.id, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(world.id) is lock:
                del self._locks[world.id]

    def _propose(self, world: World, what: Change) -> None:
        """What the feed found out, such as the end of a day: it is decided once, if nothing else happens before."""
        if world not in self._proposed:
            self._proposed.add(world)
            self._do(self._decide(world, what))

    async def _decide(self, world: World, what: Change) -> None:
        play = world.play
        try:
            async with self._alone(world):
                if world.play is play and world.shared is not None:
                    await self._swap(world, decide(world, what, self.service.clock()).replica)
        except (GexfakerError, UnsettledError) as problem:
            log.debug("%s: %s", world.id, problem)  # the feed proposes it again
        finally:
            self._proposed.discard(world)

    # --- what is decided ---------------------------------------------------------------------

    def _follow(self, world: World, held: Held) -> None:
        """Have a world as the cluster has decided, if that is news."""
        shared = world.shared
        if shared is not None and (held.version < shared.version or held == Held(shared.version, shared.text)):
            return
        if held.version:
            try:
                self._apply(world, decode(held.text))
            except (GexfakerError, OSError, ValueError, OverflowError) as problem:
                log.error("%s cannot be followed: %s", world.id, problem, extra=ABOUT)
                world.shared = None
                return
            self.health.followed += 1
        world.shared = Shared(held.version, held.text, self._propose)
        self.service.alarm.ring()

    def _apply(self, world: World, replica: Replica) -> None:
        service, now, place = self.service, self.service.clock(), replica.place
        if place is not None and place.rolled and world.is_used and world.play.timeline != place.timeline:
            service.streamer.finish(world, now)
        if not service.silent:
            service.streamer.greet(world, now)
        service.streamer.settle(world)
        follow(world, replica, now)
        if place is not None and place.paused and not service.silent:
            service.streamer.finish(world, now)
        service.memberships.follow(world, replica.slot)

    async def _meet(self) -> None:
        """Bring everything that is known here to an engine that has begun anew; then it may be told of new worlds."""
        life = await self.engine.meet()
        await self._compare()
        self.engine.life = life

    async def _compare(self) -> None:
        """See what was decided while nothing was heard, and bring back what the engine has lost."""
        known = [world for world in self.service.worlds.all() if world.shared is not None]
        for part in _parts(known):
            for world, held in zip(part, await self.engine.look_up([world.id for world in part]), strict=True):
                await self._compare_one(world, held)

    async def _compare_one(self, world: World, held: Held | None) -> None:
        shared = world.shared
        if held is None:
            log.error("%s: %s", world.id, self.engine.damaged(world.id), extra=ABOUT)
        if shared is None or held is None:
            return
        if held.version < shared.version:
            held = await self.engine.keep(world.id, Held(shared.version, shared.text))
        self._follow(world, held)

    def _heard(self, news: bytes) -> None:
        """Something that a server has told; what is none of ours is passed over."""
        try:
            self._take(news)
        except ValueError:
            log.warning("something is told in the cluster that no server says: %r", news[:SHOWN_BYTES], extra=ABOUT)

    def _take(self, news: bytes) -> None:
        kind, _, rest = news.partition(b"\n")
        if kind == b"world":
            name, number, at, text = rest.split(b"\n", 3)
            self.health.delay = max(time.time() + self.health.beat.offset - float(at), 0.0)
            world = self.service.worlds.peek(name.decode())
            if world is not None and world.shared is not None:
                self._follow(world, Held(int(number), text))
        elif kind == b"take":
            owner, hub, ticket = rest.decode().split("\n")
            self._taken(owner, hub, int(ticket))
        elif kind == b"kick":
            self._kicked(rest.decode())
        elif kind == b"start":
            self._start_with(rest.decode())
        elif kind == b"give":
            request, _, place = rest.decode().partition("\n")
            self._do(self._give(place, request))
        elif kind == b"given":
            self.handing.given(rest.decode())

    async def _give(self, place: str, request: str) -> None:
        with contextlib.suppress(UnavailableError):  # the server that asks does not get it, and refuses its client
            await self.handing.give(place, request)

    def _do(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside, until the server stops."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and not isinstance(task.exception(), UnavailableError | None):
            log.error("something beside failed", exc_info=task.exception(), extra=ABOUT)

    # --- quotas ------------------------------------------------------------------------------

    async def count(self, world: World, pool: str) -> Allowance | None:
        """The allowance that leaves no room for one more request of a pool; None when it may come, and is counted."""
        quota, now = world.account.quota, self.service.clock()
        counted = quota.counted_for(pool)
        if not counted:
            return None
        self._require()
        asked: list[float | str] = [now]
        for allowance in counted:
            asked += [str(allowance), allowance.requests, end_of(allowance.period, now)]
        refused, *counts = await self.engine.count(f"{world.id}:{world.account.grants}", QUOTA_SECONDS, asked)
        if refused:
            quota.know(counted[int(refused) - 1], counts[0], int(counts[1]))
            return counted[int(refused) - 1]
        for allowance, began, used in zip(counted, counts[::2], counts[1::2], strict=True):
            quota.know(allowance, began, int(used))
        return None

    # --- connections -------------------------------------------------------------------------

    async def take_hub(self, world: World, hub: str) -> None:
        """Take a hub for a connection that is about to open: older ones of the world are closed on all servers."""
        self._require()
        place = world.id, hub
        self._taking[place] += 1
        try:
            ticket = await self.engine.take(world.id, hub, self._node)
        finally:
            self._taking[place] -= 1
            if not self._taking[place]:
                del self._taking[place]
        if ticket < self.tickets.get(place, 0):
            raise UnavailableError(f"The key has connected to hub {hub} again meanwhile, and has one connection there.")
        self.tickets[place] = ticket

    def _taken(self, owner: str, hub: str, ticket: int) -> None:
        """Somebody has taken a hub: an older connection here goes, and one that is about to open does not."""
        world, place = self.service.worlds.peek(owner), (owner, hub)
        if world is not None and ticket > self.tickets.get(place, ticket if not self._taking[place] else 0):
            self.tickets[place] = ticket
            closed = self.service.memberships.dismiss(world, hub)
            self.service.clients.replaced(world.id, hub, closed)

    async def hubs_elsewhere(self, world: World) -> list[str]:
        """The hubs on which a world is connected to other servers that live. Raises UnavailableError."""
        found = (await self.engine.taken(world.id)).items()
        taken = {hub: node for hub, (node, _) in found if node not in (self._node, GONE)}
        alive = await self.engine.lives(list(taken.values()))
        return [hub for hub, lives in zip(taken, alive, strict=True) if lives]

    async def _leave_hubs(self) -> None:
        """Tell of the connections that are gone."""
        for (owner, hub), ticket in list(self.tickets.items()):
            world = self.service.worlds.peek(owner)
            is_young = time.time() - ticket / 1e6 < NODE_SECONDS  # its connection may be about to open
            if not is_young and (world is None or hub not in world.audiences):
                del self.tickets[owner, hub]
                await self.engine.leave(owner, hub, self._node, ticket)

    async def kick(self, world_id: str) -> None:
        """Close the connections of a world on the other servers. Raises UnavailableError."""
        self._require()
        await self.engine.tell(b"kick\n" + world_id.encode())

    def _kicked(self, owner: str) -> None:
        world = self.service.worlds.peek(owner)
        if world is not None:
            close_connections(self.service, world)

    # --- days --------------------------------------------------------------------------------

    async def start_with(self, date: str) -> None:
        """Let new keys start with another day on all servers. Raises UnavailableError."""
        self._require()
        await self.engine.start_with(date)

    def _start_with(self, date: str) -> None:
        service = self.service
        if date != service.days.first:
            try:
                service.start_with(date)
            except DataError as problem:
                log.error("new keys cannot start with %s here: %s", date, problem, extra=ABOUT)
            else:
                service.days.reopen()

    async def bring_back(self, hub: Hub, connection_id: str) -> None:
        """Fetch a connection whose client has come here, if any server has it. Raises UnavailableError."""
        self._require()
        # What was taken would be lost with a client that is gone again before it is here.
        await asyncio.shield(self._do(self.handing.take(hub, connection_id)))

    async def hand_over(self) -> None:
        """Let all reliable connections go to other servers: this one stops, and sends nothing any more."""
        await self.handing.give_all()

    def figures(self) -> Iterator[tuple[str, float]]:
        """How the cluster is, as numbers by their names."""
        health = self.health
        yield "up", health.up
        yield "conflicts", health.conflicts
        yield "followed", health.followed
        yield "clock_offset_seconds", health.beat.offset
        yield "round_trip_seconds", health.beat.round_trip
        yield "delay_seconds", health.delay

    # --- all of it ---------------------------------------------------------------------------

    async def look_up(self, world_id: str) -> None:
        """Load a world by its id, if the cluster has it. Raises UnavailableError."""
        world = self.service.worlds.peek(world_id)
        if world is None or world.shared is None:
            self._require()
            (held,) = await self.engine.look_up([world_id])
            if held is not None and held.version:
                self._follow(self.service.worlds.get(world_id), held)

    async def look_up_all(self) -> None:
        """Load all worlds that the cluster has. Raises UnavailableError."""
        self._require()
        names = await self.engine.worlds(MAX_WORLDS)
        unknown = [name for name in names if not self._knows(name)]
        for part in _parts(unknown):
            for name, held in zip(part, await self.engine.look_up(part), strict=True):
                if held is not None and held.version:
                    self._follow(self.service.worlds.get(name), held)

    def _knows(self, name: str) -> bool:
        world = self.service.worlds.peek(name)
        return world is not None and world.shared is not None


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A few of them at a time."""
    for at in range(0, len(items), WORLDS_AT_A_TIME):
        yield items[at : at + WORLDS_AT_A_TIME]
