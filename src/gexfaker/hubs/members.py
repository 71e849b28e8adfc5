"""Who is in which group. Groups belong to a session, so that two keys never hear each other."""

from __future__ import annotations

from gexfaker.hubs.connection import Connection

Member = tuple[str, str]
"""(session id, group name): what a publication is addressed to."""


class Members(dict[Member, dict[Connection, None]]):
    """The connections of every group somebody is in; each an ordered set, never an empty one.

    Attributes:
        sessions: the connections of every session that has one, in the order they came.
        groups: the groups of every session that is in one, in the order it entered them.
        versions: of each of these, a number that is another one after each change.
        changes: counts the times that a group came to be or was left by the last one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, dict[Connection, None]] = {}
        self.groups: dict[str, dict[str, None]] = {}
        self.versions: dict[str, int] = {}
        self.changes = 0

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
            self.groups.setdefault(member[0], {})[group] = None
            self._changed(member[0])
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
        del self.groups[session][group]
        self._changed(session)
        if not self.groups[session]:
            del self.groups[session], self.versions[session]

    def _changed(self, session: str) -> None:
        self.changes += 1
        self.versions[session] = self.changes


def member_of(connection: Connection, group: str) -> Member:
    """What a group of that name means for this connection."""
    return connection.grant.user_id or "", group
