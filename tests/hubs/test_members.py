"""Who is in which group, and the versions by which what was worked out for a session is known to hold."""

from __future__ import annotations

from gexfaker.hubs.members import Members
from support.clients import JSON, Client, make_hub


def test_a_version_changes_with_the_groups_of_a_session_and_with_nothing_else() -> None:
    hub = make_hub()
    members: Members = hub.members
    one, two = Client(hub, groups=("a",)), Client(hub, JSON, user_id="key-2", groups=("a",))
    before = dict(members.versions)
    hub.enter(one.connection, "b")
    assert members.versions["key-1"] != before["key-1"]
    assert members.versions["key-2"] == before["key-2"]
    now = members.versions["key-1"]
    twin = Client(hub, groups=("a", "b"))
    assert members.versions["key-1"] == now, "another connection in the same groups"
    members.leave(one.connection, "b")
    assert members.versions["key-1"] == now, "somebody is still in"
    members.leave(twin.connection, "b")
    assert members.versions["key-1"] != now
    assert list(members.groups["key-1"]) == ["a"]
    hub.end(two.connection)
    assert "key-2" not in members.versions


def test_a_version_never_comes_again() -> None:
    hub, seen = make_hub(), set()
    for number in range(20):
        client = Client(hub, groups=(f"g{number % 3}",))
        seen.add(hub.members.versions["key-1"])
        hub.end(client.connection)
        assert hub.members.versions == {}
        assert hub.members.groups == {}
    assert len(seen) == 20
