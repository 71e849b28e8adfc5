"""The access log's words for what WebSocket clients do: connect, join, are refused or cut, come back, and leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from gexfaker.hubs.connection import Connection, State
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.upstream import NO_HANDLER, NO_SENDING
from gexfaker.limits import MAX_HINTED_LENGTH
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days
from gexfaker.playback.play import of_its_day
from gexfaker.server.access.log import MAX_KEYS, NO_KEY, NOTED, AccessLog
from gexfaker.server.metrics.counts import NO_SUBPROTOCOL, Counts
from gexfaker.settings import Settings
from gexfaker.wire.messages import AckError
from gexfaker.worlds.world import World

LOOKED_AT_ONCE: Final = 16
"""Keys of which it is looked up whether their day has ended, twice a second: some 20 us each."""

SHOWN_GROUPS: Final = 5
"""Groups of a connection's token that are named."""


UNTIL_NAMED: Final = " until a POST or PATCH of /v2/negotiate names one"
BY_THE_SERVER: Final = "; it negotiated with POST: name the group there or with PATCH, and the server joins it"
ONLY_JOINS: Final = "; as on the service, clients join groups to receive, and send nothing to them"
NO_EVENTS: Final = "; as on the service, nobody handles events of clients, and their ack is an InternalServerError"
FORBIDDEN: Final = "Forbidden"
WITHOUT_SUBPROTOCOL: Final = "; offer json.webpubsub.azure.v1, or negotiate with POST, which names the groups"


PACED: Final = "a lower speed helps, a larger --queue-messages, or --speed 0, which waits for its clients"


class Later(NamedTuple):
    """That nothing comes for a while: until when, and what more there is to say."""

    until: str
    detail: str


class ClientLog:
    """What happens to the clients of all hubs.

    Args:
        access: where it is told.
        groups: knows why a group stays silent.
        settings: the server's, for the bounds that are named.
        counts: where it is counted.

    Attributes:
        access, counts: as given.
    """

    def __init__(self, access: AccessLog, groups: Groups, settings: Settings, counts: Counts) -> None:
        self.access: Final = access
        self.counts: Final = counts
        self._groups: Final = groups
        self._settings: Final = settings
        self._days: dict[str, tuple[str, bool]] = {}
        self._next = 0

    def connected(self, hub: str, connection: Connection, offered: Sequence[str] = ()) -> None:
        """A client has come, with the groups of its token; of the subprotocols that it offers one is used, or none."""
        self.counts.opened[hub, connection.subprotocol.name or NO_SUBPROTOCOL] += 1
        if (watch := connection.watch) is not None:
            groups = [_short(group) for group in connection.grant.groups]
            watch.note("connect", **_named_in(connection), subprotocol=connection.subprotocol.name, groups=groups)
        detail = f", {connection.subprotocol.name or 'without a subprotocol'}{_named(connection.grant.groups)}"
        if connection.subprotocol.name is None and offered:
            names = ", ".join(map(_short, offered[:SHOWN_GROUPS]))
            what = f"connected to {hub} without a subprotocol, as the service knows none of those it offers ({names})"
            self._tell(connection, "connect", what, "; offer json.webpubsub.azure.v1", logging.WARNING)
        elif connection.grant.is_joined_by_server and not connection.grant.groups:
            what = f"connected to {hub}, of which the negotiation named no group: nothing comes"
            self._tell(connection, "connect", what, UNTIL_NAMED, NOTED)
        elif connection.subprotocol.name is None and not connection.grant.groups:
            what = f"connected to {hub} without a subprotocol: nothing comes, as it cannot join"
            self._tell(connection, "connect", what, WITHOUT_SUBPROTOCOL, logging.WARNING)
        else:
            self._tell(connection, "connect", f"connected to {hub}", detail)

    def negotiated_again(self, world: World, count: int) -> None:
        """A key has negotiated although connections of it were open, which the service closes then."""
        detail = f": {_counted(count)} closed, as the service does; negotiate once and keep the URLs"
        self.access.tell(world.id, "replaced", "negotiated again", detail, logging.WARNING)

    def taken_over(self, hub: str, connection: Connection, count: int) -> None:
        """A client has connected to a hub on which its key had connections, which the service closes then."""
        self.replaced(connection.grant.user_id or NO_KEY, hub, count)

    def replaced(self, owner: str, hub: str, count: int) -> None:
        """The same, told by the cluster: the new connection may be on another server."""
        if count:
            detail = f": {_counted(count)} closed, as the service does; a key has one connection on each hub"
            self.access.tell(owner, "replaced", f"connected again to {hub}", detail, logging.WARNING)

    def recovered(self, hub: str, connection: Connection, count: int) -> None:
        """A client has come back with its reconnection token; so many messages are sent again."""
        self.counts.recoveries["recovered",] += 1
        missed = connection.hear_again()
        if (watch := connection.watch) is not None:
            watch.came_back(connection, count, missed)
        self._tell(connection, "recover", f"recovered its connection to {hub}", f"; {count:,} messages are sent again")

    def joined(self, hub: str, connection: Connection, group: str, day: Day, later: Later | None = None) -> None:
        """A client is in a group now; whether anything will come, the service itself never tells."""
        if not self.access.tells(logging.INFO):
            self._groups.joined(hub, group, day)
        elif self._groups.feed_of(hub, group, day) is None:
            what = f"joined, but nothing will come to group {_short(group)!r} on hub {hub!r}"
            self._tell(connection, "join", what, lambda: f": {self._groups.reason(hub, group, day)}", logging.WARNING)
        elif (feed := self._groups.feed_of(hub, group, day)) is not None and day.is_filled_in(feed):
            self._tell(
                connection, "join", f"joined {group} on {hub}, which is simulated: {day.date} has no record of it"
            )
        elif later is not None:
            what = f"joined {group} on {hub}, but nothing comes {later.until}"
            self._tell(connection, "join", what, later.detail, NOTED)
        elif group not in connection.grant.groups:
            self._tell(connection, "join", f"joined {group} on {hub}")

    def refused(self, connection: Connection, group: str, error: AckError) -> None:
        """A client may not join a group, or do another thing to it."""
        self.counts.refusals["message", error.name] += 1
        text = f"was refused {_short(group)!r}: {error.message.removesuffix('.')}"
        if error.message == NO_SENDING.format(group):
            advice = ONLY_JOINS
        elif error.name == NO_HANDLER.name:
            text, advice = f"was refused the event {_short(group)!r}", NO_EVENTS
        else:
            advice = BY_THE_SERVER if connection.grant.is_joined_by_server and error.name == FORBIDDEN else ""
        self._tell(connection, "refusal", text, advice, NOTED)

    def wrong(self, hub: str, connection: Connection, why: str) -> None:
        """A client has sent what is no message; the service closes without saying what is wrong with it."""
        self.counts.refusals["message", "1007"] += 1
        if (watch := connection.watch) is not None:
            watch.note("wrong", **_named_in(connection), why=why)
        self._tell(connection, "wrong", f"sent to {hub} what is no message: {why}", level=logging.WARNING)

    def cut(self, hub: str, connection: Connection, messages: int, size: int) -> None:
        """A client that reads too slowly is cut; so many messages of so many bytes wait for it."""
        settings = self._settings
        if (watch := connection.watch) is not None:
            watch.note("cut", **_named_in(connection), messages=messages, bytes=size)
        haste = connection.audience.haste
        times = f" x speed {haste:g}" if haste > 1 else ""
        bounds = f"QUEUE_MESSAGES {settings.queue_messages:,}{times}, QUEUE_BYTES {settings.queue_bytes:,}"
        detail = f": {messages:,} messages of {size:,} bytes wait for it ({bounds}); {PACED}"
        self._tell(connection, "cut", f"cut on {hub}, as it reads or acknowledges too slowly", detail, logging.WARNING)

    def left(self, hub: str, connection: Connection, how: str, code: int | None, by: str) -> None:
        """A client's socket is gone: ``how`` it ended, with which code, and who closed it."""
        self.counts.close(hub, code, by)
        if (watch := connection.watch) is not None:
            watch.note("close", **_named_in(connection), code=code, by=by, how=how)
        if connection.state is State.DETACHED:
            how += f"; it may come back within {self._settings.recovery_window:g} s"
        self._tell(connection, "close", f"left {hub}: {how}")

    def gave_up(self, hub: str, connection: Connection) -> None:
        """A client is gone before it has had the answer to its handshake."""
        what = f"was gone from {hub} before its handshake was answered, which a fault holds back"
        self._tell(connection, "close", what, level=NOTED)

    def look_at(self, days: Days, worlds: Iterable[World]) -> None:
        """Tell whose day has ended since the last look, and who goes on with another one.

        Of the keys that are connected, LOOKED_AT_ONCE are looked at, the next ones the next time. Nothing is opened.
        """
        connected = [world for world in worlds if world.is_connected][:MAX_KEYS]
        self._days = {world.id: self._days[world.id] for world in connected if world.id in self._days}
        self._next = self._next if self._next < len(connected) else 0
        for world in connected[self._next : self._next + LOOKED_AT_ONCE]:
            if days.is_open(world.play.date):
                self._look_at(world)
        self._next += LOOKED_AT_ONCE

    def _look_at(self, world: World) -> None:
        date, is_over = world.play.date, _is_over(world)
        was, was_over = self._days.get(world.id, (date, False))
        self._days[world.id] = date, is_over
        if date != was:
            self.access.tell(world.id, "day", f"goes on with {date}")
        elif is_over and not was_over and not _goes_on(world):
            what = f"has come to the end of {date}: nothing more comes until it is moved, see gexfaker ctl seek --help"
            self.access.tell(world.id, "day", what, level=NOTED)

    def _tell(
        self,
        connection: Connection,
        event: str,
        what: str,
        detail: str | Callable[[], str] = "",
        level: int = logging.INFO,
    ) -> None:
        if not connection.grant.watches:
            self.access.tell(connection.grant.user_id or NO_KEY, event, what, detail, level)


def _named_in(connection: Connection) -> dict[str, str]:
    """A connection, as the journal names it."""
    return {"hub": connection.audience.hub, "connection": connection.id}


def _goes_on(world: World) -> bool:
    """Whether another day, or the same again, follows the one that it plays."""
    return of_its_day(world.play.day_after_the_end, None) is not None


def _counted(count: int) -> str:
    return f"{count:,} older connection{'s' * (count != 1)}"


def _is_over(world: World) -> bool:
    """Whether it is at the end of its day; a day whose files are gone has none."""
    return of_its_day(world.play.is_over, False)


def _named(groups: Sequence[str]) -> str:
    """The groups of a token, not all of very many."""
    if not groups:
        return ""
    more = len(groups) - SHOWN_GROUPS
    return f", in {', '.join(map(_short, groups[:SHOWN_GROUPS]))}" + (f" and {more} more" if more > 0 else "")


def _short(group: str) -> str:
    """A group's name, of which a client may send very many letters."""
    return group if len(group) <= MAX_HINTED_LENGTH else f"{group[:MAX_HINTED_LENGTH]}..."
