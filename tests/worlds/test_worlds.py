"""The registry of worlds: which are kept, and which go first."""

from __future__ import annotations

from gexfaker.playback.options import Options
from gexfaker.worlds.worlds import Worlds
from support.clients import JSON, Client, make_hub
from support.stream import Bench
from support.tapes import OPEN, MemoryDays, at_times, day

GROUP = "blue_SPX_orderflow_orderflow"


def days() -> MemoryDays:
    return MemoryDays(day(at_times(range(OPEN, OPEN + 30))))


def use(worlds: Worlds, *names: str) -> None:
    for name in names:
        assert worlds.get(name).play


def test_of_the_used_ones_the_longest_unused_goes_first() -> None:
    worlds = Worlds(days(), Options(), limit=3)
    use(worlds, "a", "b", "c")
    worlds.get("a")
    use(worlds, "d")
    assert sorted(world.id for world in worlds.all()) == ["a", "c", "d"]
    assert len(worlds) == 3


def test_keys_that_never_played_push_out_no_key_that_did() -> None:
    worlds = Worlds(days(), Options(), limit=3)
    use(worlds, "a", "b")
    for number in range(50):
        worlds.get(f"only negotiates {number}")
    assert [world.id for world in worlds.in_use()] == ["a", "b"]
    assert worlds.peek("only negotiates 49") is not None
    assert worlds.peek("only negotiates 48") is None


def test_a_world_with_a_client_is_never_forgotten() -> None:
    stream = Bench(days(), Options(), {"orderflow": make_hub()})
    stream.worlds._limit = 2  # type: ignore[misc]
    hub = stream.all_hubs["orderflow"]
    client = Client(hub, JSON, user_id="connected", groups=(GROUP,))
    use(stream.worlds, "a", "b", "c")
    assert stream.worlds.peek("connected") is not None
    client.lose(stream.now)
    hub.expire(stream.now + 3600)
    use(stream.worlds, "d", "e")
    assert stream.worlds.peek("connected") is None


def test_what_was_evicted_is_not_looked_at_any_more() -> None:
    stream = Bench(days(), Options(), {"orderflow": make_hub()})
    stream.worlds._limit = 10  # type: ignore[misc]
    hub = stream.all_hubs["orderflow"]
    for number in range(200):
        client = Client(hub, JSON, user_id=f"key-{number}", groups=(GROUP,))
        client.lose(stream.now)
        hub.expire(stream.now + 3600)
    assert len(stream.worlds.take_touched()) <= 10
