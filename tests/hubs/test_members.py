"""Who is in which group, and the versions by which what was worked out for a session is known to hold."""

from __future__ import annotations

from gexfaker.hubs import connection
from gexfaker.hubs.members import Members
from gexfaker.limits import MAX_GROUP_SETS
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


def test_connections_in_the_same_groups_have_one_set_of_them_of_a_bounded_number() -> None:
    hub = make_hub()
    one, two, other = (Client(hub, groups=groups).connection for groups in (("a", "b"), ("b", "a"), ("a",)))
    assert one.group_set is two.group_set == {"a", "b"}
    assert other.group_set == {"a"}
    for number in range(2 * MAX_GROUP_SETS):
        assert Client(hub, groups=(f"g{number}",)).connection.group_set == {f"g{number}"}
    assert connection._one.cache_info().currsize == MAX_GROUP_SETS
    hub.members.leave(two, "b")
    assert two.group_set == other.group_set == {"a"}
    assert one.group_set == {"a", "b"}
