"""Audiences: who is in which group of a key, and what their owner is told of it."""

from __future__ import annotations

from gexfaker.hubs import connection
from gexfaker.hubs.connection import Audience
from gexfaker.limits import MAX_GROUP_SETS, MAX_SHARED_GROUPS
from support.clients import Client, make_hub


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.news: list[str] = []

    def regrouped(self, hub: str, group: str) -> None:
        self.news.append("regrouped")

    @property
    def watch(self) -> None:
        return None

    def eased(self) -> None:
        self.news.append("eased")

    def connected(self, audience: Audience) -> None:
        self.news.append(f"connected {audience.hub}")

    def disconnected(self, audience: Audience) -> None:
        self.news.append(f"disconnected {audience.hub}")

    def take(self) -> list[str]:
        news, self.news = self.news, []
        return news


def test_the_owner_is_told_when_a_group_comes_to_be_or_is_left_by_the_last_and_of_nothing_else() -> None:
    owner = Owner()
    audience = Audience("orderflow", owner)
    hub = make_hub()
    hub._audience_of = lambda _key: audience  # type: ignore[misc]
    one = Client(hub, groups=("a",))
    assert owner.take() == ["connected orderflow", "regrouped"]
    hub.enter(one.connection, "b")
    assert owner.take() == ["regrouped"]
    twin = Client(hub, groups=("a", "b"))
    assert owner.take() == [], "another connection in the same groups"
    audience.leave(one.connection, "b")
    assert owner.take() == [], "somebody is still in"
    audience.leave(twin.connection, "b")
    assert owner.take() == ["regrouped"]
    assert list(audience.groups) == ["a"]
    hub.end(twin.connection)
    assert set(owner.take()) == {"eased"}, "whoever waited for it need not any more"
    hub.end(one.connection)
    news = owner.take()
    assert (news[0], "disconnected orderflow" in news) == ("regrouped", True)
    assert (audience.groups, audience.connections) == ({}, {})


def test_connections_in_the_same_groups_have_one_set_of_them_of_a_bounded_number() -> None:
    hub = make_hub()
    one, two, other = (Client(hub, groups=groups).connection for groups in (("a", "b"), ("b", "a"), ("a",)))
    assert one.group_set is two.group_set == {"a", "b"}
    assert other.group_set == {"a"}
    for number in range(2 * MAX_GROUP_SETS):
        assert Client(hub, groups=(f"g{number}",)).connection.group_set == {f"g{number}"}
    assert connection._one.cache_info().currsize == MAX_GROUP_SETS
    two.audience.leave(two, "b")
    assert two.group_set == other.group_set == {"a"}
    assert one.group_set == {"a", "b"}


def test_the_names_of_very_many_groups_are_not_kept_for_others() -> None:
    hub, many = make_hub(), tuple(map(str, range(MAX_SHARED_GROUPS + 1)))
    first, second, fewer, same = (Client(hub, groups=groups).connection for groups in (many, many, many[1:], many[1:]))
    assert first.group_set == second.group_set
    assert first.group_set is not second.group_set
    assert first.group_set is first.group_set
    assert fewer.group_set is same.group_set
