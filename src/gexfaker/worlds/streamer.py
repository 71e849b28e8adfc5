"""What is sent when: to every joined group of every world, the records that are due there. Pure decisions.

A world has a place in the agenda, or it costs nothing. Its next turn is worked out when there is news of it (somebody
joined, left, read on, or changed it) and at the end of each turn; everything else waits for the agenda.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.hubs.connection import Audience
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import (
    MAX_BATCHES,
    MAX_FINISHED_RECORDS,
    RECORDS_AT_ONCE,
    SEARCH_COST,
    STEP_PATIENCE_SECONDS,
    WORLDS_AT_ONCE,
)
from gexfaker.playback.day import Day
from gexfaker.playback.options import Timestamps
from gexfaker.playback.turns import IDLE_TURN, Turn, is_published
from gexfaker.tapes.tape import Tape
from gexfaker.worlds.agenda import Agenda
from gexfaker.worlds.assembly import TROUBLE, Assembly
from gexfaker.worlds.change import FirstUse, TurnSent, change, propose, roll
from gexfaker.worlds.subscriptions import Subscriber, Subscription, Subscriptions
from gexfaker.worlds.world import LONG, Pause, World
from gexfaker.worlds.worlds import Worlds

Made = set[tuple[int, int, str]]
"""What was encoded ahead: number of the tape, index, group."""

SharedKey = tuple[Day, int, Hashable]
"""What worlds have in common that are sent the same: the day, the signature of their groups, the records due."""


NOTHING: Final = Batch(())
TOO_MUCH: Final = Batch(())
"""What is given instead of messages that are too many to be sent at once."""


class Streamer:
    """Moves every world that somebody listens to, and publishes what that makes due.

    Attributes:
        sent: messages published so far, counted once for each receiver.
    """

    def __init__(self, worlds: Worlds, encoded: EncodedRecords, groups: Groups, hubs: Mapping[str, Hub]) -> None:
        self.worlds: Final = worlds
        self.encoded: Final = encoded
        self.groups: Final = groups
        self._hubs: Final = hubs
        self.sent = 0
        self._subscriber: Final = Subscriber(hubs, groups)
        self._agenda: Final = Agenda()
        self._heard: dict[World, None] = {}
        self._under_way: Final[OrderedDict[World, None]] = OrderedDict()
        self._ahead: dict[World, None] = {}
        self._holding: Final[dict[World, None]] = {}
        self._shared: Final[Bounded[SharedKey, dict[Hub, Batch]]] = Bounded(MAX_BATCHES)

    # --- when --------------------------------------------------------------------------------

    def next_turn(self, now: float) -> float | None:
        """When something may be due next, in real time; None when nothing will be."""
        self._hear(now)
        first = now if self._under_way or self.worlds.has_news else self._agenda.first()
        if not self._holding or (held := self._next_release()) is None:
            return first
        return held if first is None else min(first, held)

    def begin(self, now: float) -> None:
        """Start turns that are due at ``now``, beside those under way; of very many, the rest is due the next time."""
        self._hear(now)
        if self._holding:
            self.release(now)
        for _ in range(WORLDS_AT_ONCE):
            world = self._agenda.take(now)
            if world is None:
                return
            self._start(world, now)

    def _hear(self, now: float) -> None:
        """The news of worlds; of very many, the rest is heard the next time."""
        for world in self.worlds.take_touched(WORLDS_AT_ONCE):
            if world.delivery.turn is None:
                self._plan(world, now)

    def _plan(self, world: World, now: float) -> None:
        """When the next turn of a world is."""
        world.delivery.waits = False
        if not world.is_listening:
            self._leave(world)
            return
        play = world.play
        if not play.heard:
            play.attend(now)
        self._heard[world] = None
        for audience in world.audiences.values():
            audience.haste = max(audience.haste, play.options.speed)
        at = play.next_turn(now)
        if world.delivery.failed and at is not None:
            at = max(at, now + IDLE_TURN)
        self._agenda.set(world, at)
        if world.delivery.is_prepared:
            self._ahead.pop(world, None)
        else:
            self._ahead[world] = None

    def _leave(self, world: World) -> None:
        """Nobody listens to it any more: what is remembered would keep its day's tapes in memory."""
        self._agenda.set(world, None)
        self._heard.pop(world, None)
        self._ahead.pop(world, None)
        world.delivery.forget()
        if world.is_used:
            world.play.heard = False

    def _start(self, world: World, now: float) -> None:
        """Begin a turn; a world that goes as fast as its clients waits for those that are behind."""
        if self._has_to_wait(world, now):
            world.delivery.waits = True
            return
        world.delivery.turn, world.delivery.failed = self._turn(world, now), False
        self._under_way[world] = None

    def _has_to_wait(self, world: World, now: float) -> bool:
        """Whether a client is behind that is waited for: in a step for STEP_PATIENCE_SECONDS at most."""
        delivery = world.delivery
        if not world.play.is_hurried or not self._is_congested(world):
            delivery.behind_since = None
            return False
        if world.play.waits_for_clients:
            return True
        if delivery.behind_since is None:
            delivery.behind_since = now
        until = delivery.behind_since + STEP_PATIENCE_SECONDS
        self._agenda.set(world, until)
        return now < until

    def _is_congested(self, world: World) -> bool:
        """Whether a client is behind; who only watches sets the pace where there is no client."""
        listening = [connection for audience in world.audiences.values() for connection in audience.connections]
        clients = [connection for connection in listening if not connection.grant.watches]
        return any(
            connection.is_behind(self._hubs[connection.audience.hub].bounds.queued_messages)
            for connection in clients or listening
        )

    # --- turns under way ---------------------------------------------------------------------

    def advance(self) -> bool:
        """A part of one turn, the worlds in round-robin, so that a fast one cannot hold up the others.

        Whoever calls it drains before anything else has its turn. False when nothing is under way.
        """
        if not self._under_way:
            return False
        world = next(iter(self._under_way))
        if self._go_on(world):
            self._under_way.move_to_end(world)
        return True

    def _go_on(self, world: World) -> bool:
        """A part of a world's turn; whether there is more of it."""
        turn = world.delivery.turn or iter(())
        try:
            for _ in range(RECORDS_AT_ONCE):
                if next(turn) is LONG:
                    break
            return True
        except StopIteration:
            pass
        except TROUBLE as error:
            self._complain(world, error)
            world.delivery.failed = True
        self._end(world)
        return False

    def _complain(self, world: World, error: Exception) -> None:
        self.groups.complain(f"{world.play.date}, which {world.id} plays", str(error))

    def _end(self, world: World) -> None:
        """Its turn is over; when the next one is, is looked at soon."""
        world.delivery.turn = None
        self._under_way.pop(world, None)
        self._ahead[world] = None
        self.worlds.look_at(world)

    def drain(self) -> None:
        """Hand the sockets what was published: of many turns in one go, so that who reads wakes up once for all."""
        if not self._under_way:
            self._shared.clear()
        for hub in self._hubs.values():
            hub.drain()

    def greet(self, world: World, now: float) -> None:
        """Send who has come to listen just now what comes first: what is done to the key next is for him, too."""
        if world.is_listening and not world.play.heard:
            self.finish(world, now)

    def finish(self, world: World, now: float) -> None:
        """Send at once what is due to a world, if that is not much; its turn under way included."""
        if world.is_listening and not world.play.heard:
            world.play.attend(now)
            self._heard[world] = None
        world.play.hasten()
        self._agenda.set(world, None)
        left = MAX_FINISHED_RECORDS
        for turn in self._turns(world, now):
            world.delivery.turn = turn
            self._under_way[world] = None
            try:
                for pause in turn:
                    left -= SEARCH_COST if pause is LONG else 1
                    if left <= 0:
                        break
            except TROUBLE as error:
                self._complain(world, error)
                left -= SEARCH_COST
            left -= 1
            if left <= 0:
                break
        else:
            self._end(world)
        self.drain()

    def _turns(self, world: World, now: float) -> Iterator[Iterator[Pause]]:
        """The turn under way and the next one; of a step all that there are."""
        yield world.delivery.turn or iter(())
        yield self._turn(world, now)
        while world.play.is_hurried and not world.play.waits_for_clients and world.play.next_turn(now) == now:
            yield self._turn(world, now)

    def owes(self, world: World, at: float) -> bool:
        """Whether something that was due to a world at a moment (real time) has still to be sent."""
        delivery, play = world.delivery, world.play if world.is_used else None
        if play is None or not world.is_listening or delivery.failed or (delivery.waits and play.waits_for_clients):
            return False
        due = play.next_turn(at)
        is_under_way = delivery.turn is not None and play.last_turn <= at
        return is_under_way or not play.heard or (due is not None and due <= at)

    def settle(self, world: World) -> None:
        """Let a world come to rest: its turn under way is taken back, to be sent later, or sent to its end."""
        if world.delivery.turn is not None:
            if world.play.take_back():
                self._end(world)
            else:
                while self._go_on(world):
                    continue
        self.drain()

    def rest(self) -> None:
        """Nothing is sent for a while: turns under way are settled, and whoever listens goes on, later.

        With a market clock that is from where the market is then.
        """
        for world in list(self._under_way):
            self.settle(world)
        for world in list(self._heard):
            self._leave(world)
            self.worlds.look_at(world)
        for world in self.worlds.take_touched():
            if world.is_listening:
                self.worlds.look_at(world)

    def _turn(self, world: World, now: float) -> Iterator[Pause]:
        """One turn of a world; what it gave is sent at its end.

        During a pause the world may be changed, and then nothing of this turn is sent: it belongs to a day, or a time,
        at which the world is no longer.
        """
        roll(world, now, by_feed=True)
        play, subscriptions = world.play, world.subscriptions(self._subscriber)
        if subscriptions.all and play.is_new:
            yield from self._use(world, subscriptions, now)
        turn = play.turn(now) if world.play is play else None
        if turn is None:
            return
        assembly = Assembly(self.encoded, self.groups, play, subscriptions.all, turn, now)
        paused = False
        for pause in assembly.move():
            paused = True
            yield pause
            if play.timeline != turn.timeline or world.play is not play:
                return
        world.counters.dropped += assembly.dropped
        position = assembly.position
        key = None if position is None else (subscriptions.day, subscriptions.signature, position)
        batches = None if key is None else self._shared.get(key)
        if batches is None:
            for pause in assembly.build():
                paused = True
                yield pause
                if play.timeline != turn.timeline or world.play is not play:
                    return
            batches = assembly.batches()
            if not assembly.passed_over and not (paused and self._differs(world, subscriptions)):
                self._share(key, batches)
        self._send(world, batches)
        if play.conclude():
            change(world, TurnSent(), now)

    def missed(self, world: World, hub: str, groups: Iterable[str], turn: Turn, now: float) -> Iterator[Batch]:
        """What a client has missed in some groups of a hub while it was with another server.

        The last batch is that, or TOO_MUCH; those before it are pauses.
        """
        play, audience = world.play.twin(), Audience(hub, world)
        audience.groups = {group: {} for group in groups}
        subscriptions = self._subscriber.subscribe({hub: audience}, play.day)
        assembly = Assembly(self.encoded, self.groups, play, subscriptions.all, turn, now)
        for _ in chain(assembly.move(), assembly.build()):
            yield NOTHING
        yield TOO_MUCH if assembly.dropped else assembly.batches().get(self._hubs[hub], NOTHING)

    def _use(self, world: World, subscriptions: Subscriptions, now: float) -> Iterator[Pause]:
        """The first use of a key: its start is looked up in the first of its feeds that can be read."""
        *others, last = subscriptions.all
        for subscription in others:
            with contextlib.suppress(*TROUBLE):
                yield from self._open(world, subscription.tape, now)
                return
        yield from self._open(world, last.tape, now)

    def _open(self, world: World, tape: Tape, now: float) -> Iterator[Pause]:
        play = world.play
        for _ in play.steps_to_open(tape):
            yield LONG
        if world.play is play:
            propose(world, FirstUse(tape), now)

    def _differs(self, world: World, subscriptions: Subscriptions) -> bool:
        """Whether somebody joined or left, or the day was opened again, during a pause."""
        return world.subscriptions(self._subscriber) is not subscriptions

    def _share(self, key: SharedKey | None, batches: dict[Hub, Batch]) -> None:
        """Keep what was made for other worlds at the same position whose turn comes next."""
        if key is not None:
            self._shared[key] = batches

    def _send(self, world: World, batches: dict[Hub, Batch]) -> None:
        for hub, batch in batches.items():
            self.sent += world.send(hub, batch, partial(self._older, world))
        self.look_after(world)

    def look_after(self, world: World) -> None:
        """A fault may hold messages of a world back, which are sent when they are due."""
        if world.watch is not None and world.watch.next_release is not None:
            self._holding[world] = None

    def _older(self, world: World, hub: Hub, group: str, index: int) -> Publication | None:
        """The message of another record of a group that a world listens to."""
        for one in world.delivery.subscriptions.all if world.delivery.subscriptions else ():
            if one.hub is hub and group in (one.group, one.spot):
                with contextlib.suppress(*TROUBLE):
                    make = self.encoded.publication if group == one.group else self.encoded.spot
                    return make(one.tape, index, group)
        return None

    def _next_release(self) -> float | None:
        """When the next message is due that a fault holds back."""
        due = [world.watch.next_release for world in self._holding if world.watch is not None]
        return min((at for at in due if at is not None), default=None)

    def release(self, now: float) -> None:
        """Send what faults have held back until now."""
        for world in list(self._holding):
            if world.watch is not None:
                self.sent += world.watch.release(now)
            if world.watch is None or world.watch.next_release is None:
                del self._holding[world]
        self.drain()

    # --- encoding ahead ----------------------------------------------------------------------

    def prepare(self) -> Iterator[None]:
        """Encode what will be due next, so that the turn itself finds it made; pauses after each record."""
        made: Made = set()
        while self._ahead:
            world = next(iter(self._ahead))
            del self._ahead[world]
            if world.play.options.timestamps is Timestamps.RECORDED:
                with contextlib.suppress(*TROUBLE):  # its turn will tell
                    yield from self._prepare(world, made)
            yield

    def _prepare(self, world: World, made: Made) -> Iterator[None]:
        """The next record of each subscription; where payloads are prepared there is nothing to do, now or later."""
        subscriptions, prepared = world.subscriptions(self._subscriber), True
        if world.delivery.prepared is subscriptions:
            return
        for subscription in subscriptions.all:
            if subscription.tape.is_prepared:
                yield  # it may just have been opened
                continue
            prepared = False
            yield from self._encode(world, subscription, made)
        if prepared:
            world.delivery.prepared = subscriptions

    def _encode(self, world: World, subscription: Subscription, made: Made) -> Iterator[None]:
        tape, group, index = subscription.tape, subscription.group, world.play.next_index(subscription.feed)
        key = (tape.number, index, group)
        if key in made or not is_published(subscription.feed, index) or not tape.has(index):
            return
        made.add(key)
        self.encoded.publication(tape, index, group)
        if subscription.spot is not None and subscription.spot in subscription.audience.groups:
            self.encoded.spot(tape, index, subscription.spot)
        yield
