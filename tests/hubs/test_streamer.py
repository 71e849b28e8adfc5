"""What a tick sends: the record that is due, once, to every session; and why some groups stay silent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.payloads import Payloads
from gexfaker.hubs.streamer import Streamer
from gexfaker.limits import MAX_EXPLAINED_GROUPS, MAX_HINTED_LENGTH, MAX_HINTS, MAX_SKIPS_PER_TICK
from gexfaker.playback.library import Library
from gexfaker.playback.session import CacheMode, Sessions
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SIMPLE
from support import independent
from support.clients import JSON, PROTO, RELIABLE, Client, frames_of, make_hub
from support.tapes import ES_SPX, SPX, MemoryTape, day, record

GROUP, ES_GROUP = "blue_SPX_orderflow_orderflow", "blue_ES_SPX_orderflow_orderflow"


def streamer(*tapes: MemoryTape, mode: CacheMode = CacheMode.EXHAUST, library: Library | None = None) -> Streamer:
    library = library or day(*tapes)
    return Streamer(library, Sessions(), Payloads(), Groups(library, "blue"), mode)


def tick(stream: Streamer, hubs: Mapping[str, Hub]) -> None:
    for _ in stream.tick(hubs):
        pass
    for hub in hubs.values():
        hub.drain()


def times(client: Client) -> list[int | str]:
    """The timestamps of the records that arrived."""
    contents = [item.data.value for item in client.messages() if isinstance(item, m.DataMessage)]
    return [independent.orderflow_payload(content)["timestamp"] for content in contents]


def good(count: int, start: int = 0) -> list[bytes | None]:
    return [record(start + number) for number in range(count)]


def test_one_record_a_tick_in_order_for_every_kind_of_client() -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(4)))
    clients = [Client(hub, kind, groups=(GROUP,)) for kind in (JSON, RELIABLE, PROTO)]
    simple = Client(hub, SIMPLE, groups=(GROUP,))
    for number in range(1, 5):
        tick(stream, {"orderflow": hub})
        for client in clients:
            assert times(client) == list(range(number))
    assert stream.sent == 16
    bare = [bytes(frame.data) for frame in independent.client_frames(frames_of(simple.done))]
    assert [independent.orderflow_payload(content)["timestamp"] for content in bare] == [0, 1, 2, 3]


def test_two_plain_clients_get_the_very_same_frame() -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(1)))
    one, two = Client(hub, groups=(GROUP,)), Client(hub, groups=(GROUP,))
    other_key = Client(hub, user_id="key-2", groups=(GROUP,))
    tick(stream, {"orderflow": hub})
    assert one.done[-1] is two.done[-1] is other_key.done[-1]


def test_positions_belong_to_the_key() -> None:
    """A second connection of a key joins where the key is; another key starts at the beginning."""
    hub, stream = make_hub(), streamer(MemoryTape(good(9)))
    first = Client(hub, groups=(GROUP,))
    for _ in range(3):
        tick(stream, {"orderflow": hub})
    same_key, other_key = Client(hub, groups=(GROUP,)), Client(hub, user_id="key-2", groups=(GROUP,))
    for _ in range(2):
        tick(stream, {"orderflow": hub})
    assert times(first) == [0, 1, 2, 3, 4]
    assert times(same_key) == [3, 4]
    assert times(other_key) == [0, 1]


def test_feeds_move_only_while_somebody_listens_and_each_for_itself() -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(9)), MemoryTape(good(9, 100), ES_SPX))
    client = Client(hub, groups=(GROUP,))
    tick(stream, {"orderflow": hub})
    client.send(m.JoinGroup(ES_GROUP))
    tick(stream, {"orderflow": hub})
    client.send(m.LeaveGroup(GROUP))
    tick(stream, {"orderflow": hub})
    client.send(m.JoinGroup(GROUP))
    tick(stream, {"orderflow": hub})
    assert sorted(times(client), key=int) == [0, 1, 2, 100, 101, 102]


def test_one_step_a_tick_however_many_connections_and_hubs() -> None:
    tape = MemoryTape(good(9))
    stream, hub = streamer(tape), make_hub()
    clients = [Client(hub, groups=(GROUP,)) for _ in range(5)]
    again = make_hub()
    twin = Client(again, groups=(GROUP,))
    for _ in range(3):
        tick(stream, {"orderflow": hub, "again": again})
    assert all(times(client) == [0, 1, 2] for client in clients)
    assert times(twin) == [0, 1, 2]
    assert tape.reads == 3


def test_the_tick_takes_a_breath_after_each_group_and_survives_changes() -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(9)))
    clients = [Client(hub, user_id=f"key-{number}", groups=(GROUP,)) for number in range(3)]
    steps = stream.tick({"orderflow": hub})
    next(steps)
    hub.end(clients[1].connection)
    late = Client(hub, user_id="key-9", groups=(GROUP,))
    assert sum(1 for _ in steps) == 1
    hub.drain()
    assert [len(times(client)) for client in (clients[0], clients[2], late)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("mode", "expected"), [(CacheMode.EXHAUST, [0, 1, 2]), (CacheMode.ROTATION, [0, 1, 2, 0, 1, 2, 0])]
)
def test_the_end_of_the_day(mode: CacheMode, expected: list[int]) -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(3)), mode=mode)
    client = Client(hub, groups=(GROUP,))
    for _ in range(7):
        tick(stream, {"orderflow": hub})
    assert times(client) == expected


def test_an_exhausted_day_goes_on_if_the_file_grows() -> None:
    tape = MemoryTape(good(1))
    hub, stream = make_hub(), streamer(tape)
    client = Client(hub, groups=(GROUP,))
    for _ in range(3):
        tick(stream, {"orderflow": hub})
    tape.records.append(record(1))
    tick(stream, {"orderflow": hub})
    assert times(client) == [0, 1]


@pytest.mark.parametrize("mode", CacheMode)
def test_an_empty_tape_is_silent(mode: CacheMode) -> None:
    hub, stream = make_hub(), streamer(MemoryTape([]), mode=mode)
    client = Client(hub, groups=(GROUP,))
    for _ in range(3):
        tick(stream, {"orderflow": hub})
    assert times(client) == []
    assert stream.sent == 0


@pytest.mark.parametrize("mode", CacheMode)
def test_bad_records_are_passed_over_within_the_tick(mode: CacheMode, caplog: pytest.LogCaptureFixture) -> None:
    tape = MemoryTape([None, record(1), b"{}", b"bad", record(4), None])
    hub, stream = make_hub(), streamer(tape, mode=mode)
    client = Client(hub, groups=(GROUP,))
    for _ in range(4):
        tick(stream, {"orderflow": hub})
    assert times(client) == ([1, 4] if mode is CacheMode.EXHAUST else [1, 4, 1, 4])
    assert stream.payloads.skipped == 4
    places = [item.getMessage().split(": ")[0] for item in caplog.records]
    assert places == [f"memory/SPX.jsonl:{line}" for line in (1, 3, 4, 6)]


@pytest.mark.parametrize("mode", CacheMode)
@pytest.mark.parametrize("count", [1, MAX_SKIPS_PER_TICK, MAX_SKIPS_PER_TICK * 5])
def test_a_tape_of_nothing_but_bad_records_holds_nobody_up(mode: CacheMode, count: int) -> None:
    ruined = MemoryTape([b"bad"] * count)
    hub, stream = make_hub(), streamer(ruined, MemoryTape(good(9), ES_SPX), mode=mode)
    client = Client(hub, groups=(GROUP, ES_GROUP))
    for number in range(1, 4):
        before = ruined.reads
        tick(stream, {"orderflow": hub})
        assert ruined.reads - before <= MAX_SKIPS_PER_TICK
        assert times(client) == list(range(number)), "the other feed goes on"


def test_behind_a_long_ruined_stretch_the_day_goes_on() -> None:
    ruined: list[bytes | None] = [b"bad"] * (MAX_SKIPS_PER_TICK * 2 + 10)
    hub, stream = make_hub(), streamer(MemoryTape([*ruined, record(7)]))
    client = Client(hub, groups=(GROUP,))
    for _ in range(3):
        tick(stream, {"orderflow": hub})
    assert times(client) == [7]


def test_a_tape_that_cannot_be_opened_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def opener(feed: Feed) -> MemoryTape:
        if feed == SPX:
            raise DataError("SPX.jsonl cannot be opened")
        return MemoryTape(good(5), feed)

    stream = streamer(library=Library("2026-08-14", "memory", [SPX, ES_SPX], opener))
    hub = make_hub()
    client = Client(hub, groups=(GROUP, ES_GROUP))
    for _ in range(3):
        tick(stream, {"orderflow": hub})
    assert times(client) == [0, 1, 2]
    (line,) = [item.getMessage() for item in caplog.records]
    assert "SPX.jsonl cannot be opened" in line


# --- which groups carry something ----------------------------------------------------------------

CLASSIC = Feed("SPX", "classic", "gex_full")


@pytest.mark.parametrize(
    ("hub", "group", "feed"),
    [
        ("orderflow", GROUP, SPX),
        ("orderflow", ES_GROUP, ES_SPX),
        ("orderflow", "SPX_orderflow_orderflow", None),
        ("orderflow", "blue_spx_orderflow_orderflow", None),
        ("orderflow", "green_SPX_orderflow_orderflow", None),
        ("orderflow", "blue_blue_SPX_orderflow_orderflow", None),
        ("orderflow", "blue_NDX_orderflow_orderflow", None),
        ("orderflow", "blue_SPX_orderflow", None),
        ("orderflow", "blue__orderflow_orderflow", None),
        ("orderflow", "", None),
        ("classic", GROUP, None),
        ("classic", "blue_SPX_classic_gex_full", CLASSIC),
        ("state_gex", "blue_SPX_classic_gex_full", None),
    ],
)
def test_the_feed_of_a_group(hub: str, group: str, feed: Feed | None) -> None:
    stream = streamer(MemoryTape([]), MemoryTape([], ES_SPX), MemoryTape([], CLASSIC))
    assert stream.groups.feed_of(hub, group) == feed


@pytest.mark.parametrize(
    ("hub", "group", "said"),
    [
        ("orderflow", "SPX_orderflow_orderflow", ["groups start with 'blue_' here", f"did you mean {GROUP!r}?"]),
        ("orderflow", "zzz", ["groups start with 'blue_' here"]),
        ("orderflow", "blue_SPX_orderflow", ["PREFIX_TICKER_PACKAGE_CATEGORY", f"did you mean {GROUP!r}?"]),
        ("classic", GROUP, ["it belongs to hub 'orderflow'"]),
        (
            "orderflow",
            "blue_ES_SPY_orderflow_orderflow",
            ["2026-08-14 (memory) has no such feed", f"mean {ES_GROUP!r}?"],
        ),
        ("state_gex", "blue_SPX_classic_gex_full", ["it belongs to hub 'classic'"]),
    ],
)
def test_silence_is_explained_once(hub: str, group: str, said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    stream = streamer(MemoryTape([]), MemoryTape([], ES_SPX), MemoryTape([], CLASSIC))
    for _ in range(3):
        stream.groups.joined(hub, group)
    (line,) = [item.getMessage() for item in caplog.records]
    assert repr(group) in line
    assert repr(hub) in line
    for part in said:
        assert part in line
    stream.groups.joined(hub, group + "x")
    assert len(caplog.records) == 2, "another group is another matter"


def test_a_group_that_works_is_not_explained(caplog: pytest.LogCaptureFixture) -> None:
    streamer(MemoryTape([])).groups.joined("orderflow", GROUP)
    assert caplog.records == []


def test_explanations_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    stream = streamer(MemoryTape([]))
    for number in range(MAX_EXPLAINED_GROUPS + 50):
        stream.groups.joined("orderflow", f"group {number}")
    assert len(caplog.records) == MAX_EXPLAINED_GROUPS


def test_hints_are_given_for_a_bounded_number_of_names_and_lengths() -> None:
    stream = streamer(MemoryTape([]))
    names = [f"blue_SPX{number}_orderflow_orderflow" for number in range(MAX_HINTS + 1)]
    reasons = [stream.groups.reason("orderflow", name) for name in names]
    assert ["did you mean" in reason for reason in reasons] == [True] * MAX_HINTS + [False]
    assert "did you mean" in stream.groups.reason("orderflow", names[0]), "a known hint stays"
    long = "blue_" + "S" * MAX_HINTED_LENGTH + "_orderflow_orderflow"
    assert "did you mean" not in streamer(MemoryTape([])).groups.reason("orderflow", long)
