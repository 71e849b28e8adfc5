"""Sessions at one place are sent the very same bytes; everybody else, and everything of before, is left out of it."""

from __future__ import annotations

import gc

import pytest

from gexfaker.catalog import Feed
from gexfaker.hubs.outputs import Joined
from gexfaker.hubs.publication import Batch, Part
from gexfaker.limits import MAX_BATCHES, MAX_NUMBERED
from gexfaker.playback.options import CacheMode, Options, Playback, Timestamps
from gexfaker.wire import messages as m
from gexfaker.wire.messages import MAX_UINT64
from support.clients import JSON, RELIABLE, Client, frames_of, make_hub
from support.stream import Bench, times
from support.tapes import OPEN, MemoryDays, MemoryTape, at_times, day, record

TICKERS = ("SPX", "NDX", "SPY", "QQQ", "RUT", "VIX")
FEEDS = [Feed(ticker, "orderflow", "orderflow") for ticker in TICKERS]
GROUPS = tuple(f"blue_{feed.group}" for feed in FEEDS)


def bench(records: int = 100, **options: object) -> Bench:
    tapes = [at_times(range(OPEN, OPEN + records), feed) for feed in FEEDS]
    return Bench(MemoryDays(day(*tapes)), Options(**options), {"orderflow": make_hub()})  # type: ignore[arg-type]


def client(stream: Bench, key: str, *groups: str) -> Client:
    return Client(stream.all_hubs["orderflow"], JSON, user_id=key, groups=groups or GROUPS)


def joined(client: Client) -> list[Joined]:
    return [output for output in client.done if isinstance(output, Joined)]


@pytest.mark.parametrize("playback", list(Playback))
def test_keys_at_one_place_share_their_bytes(playback: Playback) -> None:
    stream = bench(playback=playback)
    clients = [client(stream, f"key-{number}") for number in range(5)]
    stream.run(stream.now + 1.5)
    for each in clients:
        each.done.clear()
    for _ in range(3):
        for _ in stream.prepare():  # as the server does, so that no turn has to pause
            pass
        stream.now += 1.0
        stream.turn()
    first, *others = [joined(each) for each in clients]
    assert len(first) == 3
    assert all(len(piece.data) > 1000 and piece.messages == len(FEEDS) for piece in first)
    for other in others:
        assert all(piece.data is same.data for piece, same in zip(other, first, strict=True))


def test_other_groups_another_place_or_another_time_are_not_shared() -> None:
    stream = bench()
    one, fewer, later = client(stream, "one"), client(stream, "fewer", *GROUPS[:2]), client(stream, "later")
    stream.sessions.get("later").options = Options(timestamps=Timestamps.LIVE)
    stream.run(stream.now + 3.0)
    assert times(one)
    assert len(set(times(one))) * 2 == len(times(fewer))
    assert not set(times(later)) & set(times(one)), "its timestamps are those of today"
    assert len(times(later)) == len(times(one))


def test_what_a_key_passed_over_is_passed_over_for_each() -> None:
    """In step mode an unreadable record moves the key on: the other one, at the same place, has to move, too."""
    contents = [record(OPEN), None, None, record(OPEN + 3), record(OPEN + 4)]
    tape = MemoryTape(contents, FEEDS[0])
    stream = Bench(MemoryDays(day(tape)), Options(playback=Playback.STEP), {"orderflow": make_hub()})
    clients = [client(stream, f"key-{number}", GROUPS[0]) for number in range(3)]
    stream.run(stream.now + 6.0)
    for each in clients:
        assert times(each) == [OPEN, OPEN + 3, OPEN + 4]


def test_a_client_that_leaves_during_a_pause_takes_nothing_from_the_others() -> None:
    stream = bench()
    leaving, staying = client(stream, "leaving"), client(stream, "staying")
    stream.run(stream.now + 2.0)
    before = len(staying.done)
    stream.now += 1.0
    stream.begin(stream.now)
    assert stream.advance(), "some of its groups are made, the last ones are not"
    leaving.send(m.LeaveGroup(GROUPS[-1]))
    while stream.advance():
        pass
    for hub in stream.all_hubs.values():
        hub.drain()
    assert len(times(staying, before)) == len(FEEDS)


@pytest.mark.long
def test_reliable_clients_at_many_sequence_ids_leave_nothing_behind() -> None:
    """A short day, played round and round: the same places again and again, under ever other numbers."""
    stream = bench(records=3, playback=Playback.STEP, cache_mode=CacheMode.ROTATION)
    hub = stream.all_hubs["orderflow"]
    clients = [Client(hub, RELIABLE, user_id="key", groups=GROUPS) for _ in range(2 * MAX_NUMBERED)]
    for number, each in enumerate(clients):
        each.connection._numbered = 1000 * number
    for _ in range(30):
        stream.now += 1.0
        stream.turn()
        for each in clients:
            each.done.clear()
            hub.confirm(each.connection, MAX_UINT64)
    gc.collect()
    parts = [thing for thing in gc.get_objects() if isinstance(thing, Part)]
    assert len(parts) <= MAX_BATCHES
    assert all(len(part._numbered) <= MAX_NUMBERED for part in parts)
    del parts
    stream.begin(stream.now)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Part)], "a tick's batches end with it"


def test_what_was_sent_is_not_kept_for_ever_though_the_streamer_never_rests() -> None:
    """Keys at places of their own, more than the server keeps up with: there is always a turn under way."""
    stream = bench(records=400)
    keys = [f"key-{number}" for number in range(3)]
    clients = [client(stream, key) for key in keys]
    for number, key in enumerate(keys):
        stream.sessions.get(key).options = Options(playback=Playback.STEP)
        stream.sessions.get(key).places.update(dict.fromkeys(FEEDS, number * 100))
    for _ in range(MAX_BATCHES * 2):
        stream.now += 1.0
        stream.begin(stream.now)
        stream.advance()
    assert min(len(frames_of(each.done)) for each in clients) > 0
    gc.collect()
    kept = sum(isinstance(thing, Batch) for thing in gc.get_objects())
    assert kept <= MAX_BATCHES + 1
