"""Who is in which group. Groups belong to a session, so that two keys never hear each other."""

from __future__ import annotations

from gexfaker.hubs.connection import Connection

Member = tuple[str, str]
"""(session id, group name): what a publication is addressed to."""


class Members(dict[Member, dict[Connection, None]]):
    """The connections of every group somebody is in; each an ordered set, never an empty one.

    Attributes:
        sessions: the connections of every session that has one, in the order they came.
        groups: the groups of every session that is in one, in the order it entered them; another object after each
            change, so that what was worked out for one holds as long as it is the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, dict[Connection, None]] = {}
        self.groups: dict[str, tuple[str, ...]] = {}

    def admit(self, connection: Connection) -> None:
        """A new connection, in no group yet."""
        self.sessions.setdefault(connection.grant.user_id or "", {})[connection] = None

    def dismiss(self, connection: Connection) -> None:
        """It is gone: out of all its groups, and no connection of its session any more."""
        for group in list(connection.groups):
            self.leave(connection, group)
        session = connection.grant.user_id or ""
        del self.sessions[session][connection]
        if not self.sessions[session]:
            del self.sessions[session]

    def enter(self, connection: Connection, group: str) -> None:
        """Add a connection to a group of its session."""
        connection.groups[group] = None
        connection.regrouped()
        member = member_of(connection, group)
        inside = self.get(member)
        if inside is None:
            inside = self[member] = {}
            self.groups[member[0]] = (*self.groups.get(member[0], ()), group)
        inside[connection] = None

    def leave(self, connection: Connection, group: str) -> None:
        """Take it out again; nothing happens when it is not in."""
        if group not in connection.groups:
            return
        del connection.groups[group]
        connection.regrouped()
        member = member_of(connection, group)
        del self[member][connection]
        if not self[member]:
            del self[member]
            self._empty(*member)

    def _empty(self, session: str, group: str) -> None:
        left = tuple(name for name in self.groups[session] if name != group)
        if left:
            self.groups[session] = left
        else:
            del self.groups[session]


def member_of(connection: Connection, group: str) -> Member:
    """What a group of that name means for this connection."""
    return connection.grant.user_id or "", group
