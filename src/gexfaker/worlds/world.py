"""A world: everything there is of one API key. Worlds never influence each other.

Requests, upstream messages and control actions reach a key through its world, and what its clients are sent goes out
through it. A world changes through one function only, ``worlds.change.change``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from gexfaker.allowances import Allowance
from gexfaker.hubs.connection import Audience, Connection
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch
from gexfaker.limits import MAX_CHANGED_GROUPS, MAX_HINTED_LENGTH
from gexfaker.playback.actions import Granted
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.playback.play import Play
from gexfaker.playback.plays import fresh
from gexfaker.worlds.quota import Quota
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.subscriptions import Subscriber, Subscriptions

if TYPE_CHECKING:
    from gexfaker.faults.rules import FaultList
    from gexfaker.worlds.watch import Older, Watch

Pause = bool
"""A moment in a turn at which something else may be done; LONG where what was done until then may have taken long."""

SHORT, LONG = False, True


class Registry(Protocol):
    """Where a world tells its news, and has its days from."""

    @property
    def days(self) -> Days:
        """That can be played."""

    def used(self, world: World) -> None:
        """It has got a place in a day."""

    def changed(self, world: World) -> None:
        """It has another version."""

    def touched(self, world: World) -> None:
        """Something may have become due to it."""

    def connected(self, world: World) -> None:
        """Its first client has come."""

    def disconnected(self, world: World) -> None:
        """Its last client has gone."""

    def is_incomplete(self, world: World) -> None:
        """A feed that it is to be sent could not be opened."""

    def watch(self, world: World) -> Watch:
        """What watches over it from now on."""

    def unwatched(self, world: World) -> None:
        """Nothing watches over it any more."""


class Shared:
    """What a cluster of servers has agreed on of a world.

    Attributes:
        version: counts the changes that were decided; 0 while there was none.
        text: the last of them, as they exchange it.
        propose: asks for the decision about a change; it comes later, or not at all.
    """

    __slots__ = ("propose", "text", "version")

    def __init__(self, version: int, text: bytes, propose: Callable[[World, Any], None]) -> None:
        self.version: Final = version
        self.text: Final = text
        self.propose: Final = propose


class Counters:
    """What has happened to a world, counted.

    Attributes:
        sent: messages sent, once for each receiver.
        dropped: records that were due, but too many at once to send.
        cut: clients that read too slowly and were cut.
    """

    __slots__ = ("cut", "dropped", "sent")

    def __init__(self) -> None:
        self.sent = self.dropped = self.cut = 0


class Account:
    """Whom a key belongs to.

    Attributes:
        tier: what the key has subscribed to.
        quota: what it has asked, and may.
        grants: counts how often it began anew to count.
        name: what its owner calls it in the log and in lists; None for no name.
    """

    __slots__ = ("_first", "grants", "name", "quota", "tier")

    def __init__(self, tier: str, allowances: tuple[Allowance, ...] = ()) -> None:
        self._first: Final = tier, allowances
        self.tier = tier
        self.quota = Quota(allowances)
        self.name: str | None = None
        self.grants = 0

    def after(self, granted: Granted) -> tuple[str, tuple[Allowance, ...], int]:
        """The tier, the allowances and the number of grants that it has once this is granted."""
        tier, allowances = self._first if granted.anew else (self.tier, self.quota.allowances)
        tier = tier if granted.tier is None else granted.tier
        allowances = allowances if granted.quota is None else granted.quota
        return tier, allowances, self.grants + (granted.anew or granted.quota is not None)

    def have(self, tier: str, allowances: tuple[Allowance, ...], grants: int) -> None:
        """Have this from now on; with another number of grants nothing of it is used. For ``worlds.change`` only."""
        self.tier = tier
        if grants != self.grants:
            self.quota, self.grants = Quota(allowances), grants


class Delivery:
    """Where the feed of a world is in its round.

    Attributes:
        subscriptions: worked out; None when they have to be worked out again.
        regrouped: groups that came or went since, hub and name, in the order in which they last did.
        turn: the turn under way.
        entry: the number of the world's valid entry in the agenda; None while nothing will be due.
        waits: whether it waits for its clients to read or acknowledge.
        behind_since: since when (real time) a client has been behind, while records are sent as fast as possible.
        prepared: the subscriptions for which nothing has to be encoded ahead.
        failed: whether its last turn ended in trouble, so that the next one is not at once.
    """

    __slots__ = ("behind_since", "entry", "failed", "prepared", "regrouped", "subscriptions", "turn", "waits")

    def __init__(self) -> None:
        self.subscriptions: Subscriptions | None = None
        self.turn: Iterator[Pause] | None = None
        self.entry: int | None = None
        self.waits = self.failed = False
        self.behind_since: float | None = None
        self.prepared: Subscriptions | None = None
        self.regrouped: Final[dict[tuple[str, str], None]] = {}

    @property
    def is_prepared(self) -> bool:
        """Whether nothing has to be encoded ahead."""
        return self.prepared is not None and self.prepared is self.subscriptions and not self.regrouped

    def regroup(self, hub: str, group: str) -> None:
        """Note that a group came or went, for when the subscriptions are needed next."""
        if self.subscriptions is None or len(group) > MAX_HINTED_LENGTH:
            return
        self.regrouped.pop((hub, group), None)
        self.regrouped[hub, group] = None
        if len(self.regrouped) > MAX_CHANGED_GROUPS:
            self.forget()

    def know(self, subscriptions: Subscriptions) -> None:
        """These are the subscriptions now."""
        self.subscriptions = subscriptions
        self.regrouped.clear()

    def forget(self) -> None:
        """Have all subscriptions worked out again when they are needed next."""
        self.subscriptions = self.prepared = None
        self.regrouped.clear()


class World:
    """One API key.

    Args:
        world_id: a digest of the key.
        options: how it is played until somebody changes that.
        account: whom the key belongs to.
        registry: where its news go.

    Attributes:
        slot: the memberships that it negotiated last.
        audiences: its connections, by hub; only hubs on which it has any.
        delivery: where its feed is.
        counters: what has happened to it.
        version: counts its changes.
        shared: what the servers of a cluster agree on; None for a world that is this server's alone.
        watch: its journal and its faults; None while neither is in use.
    """

    __slots__ = (
        *("_play", "_registry", "audiences", "counters", "delivery"),
        *("account", "id", "options", "shared", "slot", "version", "watch"),
    )

    def __init__(self, world_id: str, options: Options, account: Account, registry: Registry) -> None:
        self.id: Final = world_id
        self.options: Final = options
        self.account: Final = account
        self._registry: Final = registry
        self._play: Play | None = None
        self.slot: Slot | None = None
        self.audiences: Final[dict[str, Audience]] = {}
        self.delivery: Final = Delivery()
        self.counters: Final = Counters()
        self.version = 0
        self.shared: Shared | None = None
        self.watch: Watch | None = None

    @property
    def tier(self) -> str:
        """What the key has subscribed to."""
        return self.account.tier

    # --- its day -----------------------------------------------------------------------------

    @property
    def is_used(self) -> bool:
        """Whether the key has a place in a day."""
        return self._play is not None

    @property
    def play(self) -> Play:
        """Its way through the day; asking makes it, at the start."""
        if self._play is None:
            self._play = fresh(self._registry.days, self.options)
            self._registry.used(self)
        return self._play

    def become(self, play: Play) -> None:
        """Go on with this play. For ``worlds.change`` only."""
        if play is not self._play:
            self._play = play
            self.delivery.forget()
        self.version += 1
        self._registry.changed(self)

    # --- its clients -------------------------------------------------------------------------

    def audience(self, hub: str) -> Audience:
        """Its connections on a hub."""
        return self.audiences.get(hub) or Audience(hub, self)

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection, open or detached."""
        return bool(self.audiences)

    @property
    def is_listening(self) -> bool:
        """Whether one of its connections is in a group."""
        return any(audience.groups for audience in self.audiences.values())

    def connections_on(self, hub: str) -> list[Connection]:
        """Its connections on a hub, open and detached."""
        audience = self.audiences.get(hub)
        return [] if audience is None else list(audience.connections)

    def connected(self, audience: Audience) -> None:
        """The first connection on a hub has come."""
        if not self.audiences:
            self._registry.connected(self)
        self.audiences[audience.hub] = audience

    def disconnected(self, audience: Audience) -> None:
        """The last connection on a hub has gone."""
        del self.audiences[audience.hub]
        self._note_silence()
        self._registry.touched(self)
        if not self.audiences:
            self._registry.disconnected(self)

    def regrouped(self, hub: str, group: str) -> None:
        """A group of a hub came to be, or was left by the last connection in it."""
        self.delivery.regroup(hub, group)
        self._note_silence()
        self._registry.touched(self)

    def _note_silence(self) -> None:
        """Once nobody listens, whoever does next is greeted, even if the streamer has not looked in between."""
        if self._play is not None and not self.is_listening:
            self._play.heard = False

    def resubscribe(self) -> None:
        """What its groups carry may be another thing now."""
        self.delivery.forget()
        self._registry.touched(self)

    def eased(self) -> None:
        """A client has read or acknowledged something, or has gone."""
        if self.delivery.waits:
            self._registry.touched(self)

    # --- its journal and its faults ----------------------------------------------------------

    @property
    def name(self) -> str | None:
        """What its owner calls it."""
        return self.account.name

    @property
    def place(self) -> tuple[str, int]:
        """The day that it plays, YYYY-MM-DD, and on which timeline: another one after each jump."""
        return self.play.date, self.play.timeline

    def market_time(self, now: float) -> float | None:
        """Where it is in the day, epoch seconds; None before its first use, and without a clock."""
        return None if self._play is None else self._play.market_time(now)

    def watched(self) -> Watch:
        """Its watch, made when there is none. Raises ControlError: too many keys are watched."""
        if self.watch is None:
            self.watch = self._registry.watch(self)
        return self.watch

    def have_faults(self, faults: FaultList) -> None:
        """Have other rules of what is broken on purpose. For ``worlds.change`` only."""
        if self.watch is None and not faults.faults:
            return
        self.watched().follow(faults)
        self.unwatch()
        self._registry.touched(self)

    def unwatch(self) -> None:
        """End its watch, if nothing needs it any more."""
        if self.watch is not None and not self.watch.is_needed:
            self.watch.close()
            self.watch = None
            self._registry.unwatched(self)

    # --- what is sent ------------------------------------------------------------------------

    def subscriptions(self, subscriber: Subscriber) -> Subscriptions:
        """What its groups carry on the day it plays. Raises DataError when its day is gone."""
        day, delivery = self.play.day, self.delivery
        known = delivery.subscriptions
        if known is not None and known.day is day and not delivery.regrouped:
            return known
        if known is None or known.day is not day:
            found = subscriber.subscribe(self.audiences, day)
        else:
            found = subscriber.follow(known, self.audiences, delivery.regrouped)
        delivery.know(found)
        if found.is_partial:
            self._registry.is_incomplete(self)
        return found

    def send(self, hub: Hub, batch: Batch, older: Older) -> int:
        """Queue a batch for its clients on a hub; returns the number of messages, once for each receiver.

        ``older`` gives the messages of earlier records, which faults may send instead.
        """
        if self.watch is not None:
            sent = self.watch.publish(hub, batch, older)
        else:
            audience = self.audiences.get(hub.name)
            sent = 0 if audience is None else hub.publish_all(audience, batch)
        self.counters.sent += sent
        return sent
