"""What a tick sends: the record that is due, once, to every session; and why some groups stay silent."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gexfaker.catalog import Feed, explicit, parse_group
from gexfaker.errors import DataError
from gexfaker.hubs.connection import State
from gexfaker.hubs.hub import Hub
from gexfaker.limits import MAX_EXPLAINED_GROUPS, MAX_HINTED_LENGTH, MAX_HINTS, MAX_SKIPS_PER_TICK
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days
from gexfaker.playback.options import CacheMode, Options, Playback
from gexfaker.playback.turns import EXPIRY_STRIDE
from gexfaker.tapes.folder import DataFolder
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SIMPLE
from support import independent
from support.clients import JSON, PROTO, RELIABLE, Client, frames_of, make_hub
from support.stream import Bench, times
from support.tapes import DATE, ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day, record

GROUP, ES_GROUP = "blue_SPX_orderflow_orderflow", "blue_ES_SPX_orderflow_orderflow"


def streamer(*tapes: MemoryTape, mode: CacheMode = CacheMode.EXHAUST, library: Day | None = None) -> Bench:
    """A streamer in step mode."""
    return Bench(MemoryDays(library or day(*tapes)), Options(Playback.STEP, mode))


def tick(stream: Bench, hubs: Mapping[str, Hub]) -> None:
    """The next interval."""
    for name, hub in hubs.items():
        stream.put(name, hub)
    stream.now += 1.0
    stream.turn()


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
    again = Hub("v2_orderflow", hub._new_id, hub._sign)
    twin = Client(again, groups=(GROUP.removeprefix("blue_"),))
    for _ in range(3):
        tick(stream, {"orderflow": hub, "v2_orderflow": again})
    assert all(times(client) == [0, 1, 2] for client in clients)
    assert times(twin) == [0, 1, 2]
    assert tape.reads == len(tape), "each record once, together with those behind it"


def test_the_tick_takes_a_breath_after_each_group_and_survives_changes() -> None:
    hub, stream = make_hub(), streamer(MemoryTape(good(9)))
    clients = [Client(hub, user_id=f"key-{number}", groups=(GROUP,)) for number in range(3)]
    stream.put("orderflow", hub)
    steps = stream.tick(stream.now)
    next(steps)
    hub.end(clients[1].connection)
    late = Client(hub, user_id="key-9", groups=(GROUP,))
    for _ in steps:
        pass
    hub.drain()
    assert [len(times(client)) for client in (clients[0], clients[2], late)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("mode", "expected"), [(mode, [0, 1, 2, 0, 1, 2, 0] if mode == "rotation" else [0, 1, 2]) for mode in CacheMode]
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
    assert times(client) == ([1, 4, 1, 4] if mode is CacheMode.ROTATION else [1, 4])
    assert stream.encoded.skipped == 4
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
        assert ruined.reads - before <= 1.1 * MAX_SKIPS_PER_TICK, "a few are tried together first"
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

    stream = streamer(library=Day("2026-08-14", "memory", [SPX, ES_SPX], opener))
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
            ["there is no ticker 'ES_SPY'", f"mean {ES_GROUP!r}?"],
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


# --- the second generation: analytics with their spot --------------------------------------------

FRIDAY, NEXT = datetime.date(2026, 8, 14), datetime.date(2026, 8, 17)
"""The day of the tapes in memory, an expiry of SPX, and the next one."""


def named(name: str) -> Hub:
    numbers = itertools.count(1)
    return Hub(name, lambda: f"c{next(numbers)}", lambda connection: f"token-{connection}")


def named_hubs(names: str) -> dict[str, Hub]:
    return {name: named(name) for name in names.split()}


def gex(timestamp: int, spot: float = 6500.25, ticker: str = "SPX") -> bytes:
    levels = (
        "zero_gamma major_pos_vol major_pos_oi major_neg_vol major_neg_oi sum_gex_vol sum_gex_oi delta_risk_reversal"
    )
    row = {"timestamp": timestamp, "ticker": ticker, "spot": spot, "strikes": [], **dict.fromkeys(levels.split(), 0.5)}
    return json.dumps(row).encode()


def greek(timestamp: int, spot: float = 6500.25) -> bytes:
    levels = "major_positive major_negative major_long_gamma major_short_gamma"
    row = {"timestamp": timestamp, "ticker": "SPX", "spot": spot, **dict.fromkeys(levels.split(), 0.5)}
    return json.dumps(row | {"mini_contracts": []}).encode()


def tape(group: str, records: list[bytes | None]) -> MemoryTape:
    feed = parse_group(group)
    assert feed is not None
    return MemoryTape(records, feed)


def gex_tape(group: str, count: int, start: int = 0, spot: float = 6500.25) -> MemoryTape:
    ticker = group.partition("_classic")[0].partition("_state")[0]
    return tape(group, [gex(start + number, spot + number, ticker) for number in range(count)])


def read(content: bytes) -> dict[str, Any]:
    """What is in a payload of any kind, by its type URL."""
    packed = independent.any_message(content)
    independent.assert_no_content_size(packed.value)
    message = independent.unzstd(packed.value)
    if message.startswith(b"{"):
        return {name: value for name, value in json.loads(message).items() if name != "mini_contracts"}
    tables = {"proto.gex": independent.GEX, "proto.greek": independent.GREEK, "proto.spot": independent.SPOT}
    if packed.type_url == "proto.orderflow":
        return dict(independent.orderflow(message))
    return independent.message(message, tables[packed.type_url])


def received(client: Client) -> list[tuple[str, int, int]]:
    """Group, timestamp and scaled spot of everything that arrived."""
    found = []
    for item in client.messages():
        if isinstance(item, m.DataMessage):
            row = read(item.data.value)
            assert item.group is not None
            assert item.group.endswith("_spot") == (independent.any_message(item.data.value).type_url == "proto.spot")
            found.append((item.group, row["timestamp"], row["spot"]))
    return found


def at(client: Client, group: str) -> list[int]:
    """The timestamps that arrived in a group."""
    return [timestamp for name, timestamp, _ in received(client) if name == group]


FULL, ZERO, FLOW, SPOT = "SPX_classic_gex_full", "SPX_classic_gex_zero", "SPX_orderflow_orderflow", "SPX_spot"


def test_a_spot_comes_with_the_analytics_of_the_same_time_and_price() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 3))
    client = Client(hubs["v2_classic"], groups=(FULL, SPOT))
    for number in range(3):
        tick(stream, hubs)
        expected = [(FULL, number, 650025 + 100 * number), (SPOT, number, 650025 + 100 * number)]
        assert sorted(received(client)[-2:]) == expected
    tick(stream, hubs)
    assert len(received(client)) == stream.sent == 6, "and none when the day is over"


@pytest.mark.parametrize("kind", [JSON, RELIABLE, PROTO])
def test_every_kind_of_client_gets_it(kind: Any) -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 3))
    client = Client(hubs["v2_classic"], kind, groups=(SPOT, FULL))
    tick(stream, hubs)
    assert sorted(received(client)) == [(FULL, 0, 650025), (SPOT, 0, 650025)]


def test_a_simple_client_gets_it_as_a_bare_any() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 3))
    client = Client(hubs["v2_classic"], SIMPLE, groups=(SPOT, FULL))
    tick(stream, hubs)
    contents = [bytes(frame.data) for frame in independent.client_frames(frames_of(client.done))]
    assert sorted(independent.any_message(content).type_url for content in contents) == ["proto.gex", "proto.spot"]


def test_one_spot_for_all_feeds_of_a_ticker_that_share_the_time() -> None:
    one = FULL, ZERO, "SPX_classic_gex_one"
    hubs = named_hubs("v2_classic v2_orderflow")
    stream = streamer(*(gex_tape(name, 3) for name in one), tape(FLOW, good(3)))
    classic = Client(hubs["v2_classic"], groups=(*one, SPOT))
    flow = Client(hubs["v2_orderflow"], groups=(FLOW, SPOT))
    for _ in range(3):
        tick(stream, hubs)
    assert [at(classic, name) for name in (*one, SPOT)] == [[0, 1, 2]] * 4
    assert at(flow, SPOT) == at(flow, FLOW) == [0, 1, 2], "each hub has its own"
    assert stream.sent == 18


@pytest.mark.parametrize("mode", Playback)
@pytest.mark.parametrize("odd", [10**18, -5])
def test_a_time_that_the_wire_takes_and_the_tape_does_not_costs_no_other_record(
    tmp_path: Path, mode: Playback, odd: int
) -> None:
    """In nanoseconds, say. What is due with it has its spot and is sent."""
    folder = tmp_path / DATE / "SPX" / "orderflow"
    folder.mkdir(parents=True)
    stamps = [OPEN, OPEN + 1, OPEN + 2, odd, OPEN + 4, OPEN + 5]
    (folder / "orderflow.jsonl").write_bytes(b"".join(record(stamp) + b"\n" for stamp in stamps))
    hubs = named_hubs("v2_orderflow")
    days = Days(DataFolder(tmp_path), DATE, 1, (), datetime.date.fromisoformat(DATE))
    stream = Bench(days, Options(mode), hubs)
    client = Client(hubs["v2_orderflow"], groups=(FLOW, SPOT))
    for _ in range(8):
        stream.turn()
        stream.now += 1
    days.close()
    assert [stamp for stamp in at(client, FLOW) if stamp != odd] == [stamp for stamp in stamps if stamp != odd]
    assert set(stamps) - {odd} <= set(at(client, SPOT))


@pytest.mark.long
def test_steps_wait_for_a_client_that_has_not_acknowledged() -> None:
    names = ("SPX", "ES_SPX", "NDX")
    feeds = [Feed(ticker, "orderflow", "orderflow") for ticker in names]
    days = MemoryDays(day(*(at_times(range(OPEN, OPEN + 1500), feed) for feed in feeds)))
    hubs = {"orderflow": make_hub()}
    stream = Bench(days, Options(Playback.STEP), hubs)
    client = Client(hubs["orderflow"], RELIABLE, groups=tuple(f"blue_{ticker}_orderflow_orderflow" for ticker in names))
    session = stream.sessions.get("key-1")
    session.pause(stream.now)
    session.advance(1000, stream.now)
    for _ in range(20):
        stream.run(stream.now + 0.3)
        assert client.state is State.OPEN
        client.send(m.SequenceAck(len(client.numbers())))
    assert len(client.numbers()) == 3000


def test_calculations_of_different_times_have_a_spot_each() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 2), gex_tape(ZERO, 2, start=100, spot=7000.5))
    client = Client(hubs["v2_classic"], groups=(FULL, ZERO, SPOT))
    for _ in range(2):
        tick(stream, hubs)
    spots = sorted(item for item in received(client) if item[0] == SPOT)
    assert spots == [(SPOT, 0, 650025), (SPOT, 1, 650125), (SPOT, 100, 700050), (SPOT, 101, 700150)]


def test_tickers_have_their_own_spots() -> None:
    hubs = named_hubs("v2_classic")
    stream = streamer(gex_tape(FULL, 2), gex_tape("ES_SPX_classic_gex_full", 2, spot=6539.9))
    both = Client(hubs["v2_classic"], groups=(FULL, "ES_SPX_classic_gex_full", SPOT, "ES_SPX_spot"))
    tick(stream, hubs)
    assert sorted(item for item in received(both) if item[0].endswith("_spot")) == [
        ("ES_SPX_spot", 0, 653990),
        (SPOT, 0, 650025),
    ]


@pytest.mark.parametrize(
    ("groups", "arrives"),
    [
        ((FULL,), [FULL]),
        ((SPOT,), []),
        ((FULL, "ES_SPX_spot"), [FULL]),
        (("NDX_classic_gex_full", SPOT), []),
        ((FULL, "blue_SPX_spot"), [FULL]),
        ((f"blue_{FULL}", SPOT), []),
    ],
)
def test_spot_needs_its_own_group_and_analytics_of_its_ticker(groups: tuple[str, ...], arrives: list[str]) -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 2), gex_tape("ES_SPX_classic_gex_full", 2))
    client = Client(hubs["v2_classic"], groups=groups)
    tick(stream, hubs)
    assert [name for name, _, _ in received(client)] == arrives


def test_analytics_on_one_hub_make_no_spot_on_another() -> None:
    hubs = named_hubs("v2_classic v2_state_gex")
    stream = streamer(gex_tape(FULL, 2))
    classic = Client(hubs["v2_classic"], groups=(FULL,))
    state = Client(hubs["v2_state_gex"], groups=(SPOT,))
    tick(stream, hubs)
    assert (len(received(classic)), received(state)) == (1, [])


def test_current_hubs_have_no_spot() -> None:
    hubs, stream = named_hubs("classic v2_classic"), streamer(gex_tape(FULL, 2))
    client = Client(hubs["classic"], groups=(f"blue_{FULL}", "blue_SPX_spot", SPOT))
    tick(stream, hubs)
    assert [name for name, _, _ in received(client)] == [f"blue_{FULL}"]


def test_keys_have_their_own_spots_and_a_key_s_connections_share_them() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 9))
    hub = hubs["v2_classic"]
    first = Client(hub, groups=(FULL, SPOT))
    for _ in range(3):
        tick(stream, hubs)
    spot_only, stranger = Client(hub, groups=(SPOT,)), Client(hub, user_id="key-2", groups=(FULL, SPOT))
    silent = Client(hub, user_id="key-3", groups=(SPOT,))
    for _ in range(2):
        tick(stream, hubs)
    assert at(first, SPOT) == at(first, FULL) == [0, 1, 2, 3, 4]
    assert at(spot_only, SPOT) == [3, 4]
    assert at(stranger, SPOT) == at(stranger, FULL) == [0, 1]
    assert received(silent) == []


def test_keys_at_the_same_place_in_the_day_have_a_spot_each() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(gex_tape(FULL, 9))
    clients = [Client(hubs["v2_classic"], user_id=f"key-{number}", groups=(FULL, SPOT)) for number in range(3)]
    for _ in range(2):
        tick(stream, hubs)
    assert [at(client, SPOT) for client in clients] == [[0, 1]] * 3
    assert stream.sent == 12


def test_a_bad_record_has_no_spot_either() -> None:
    hubs, stream = named_hubs("v2_classic"), streamer(tape(FULL, [gex(0), b"bad", None, gex(3)]))
    client = Client(hubs["v2_classic"], groups=(FULL, SPOT))
    for _ in range(2):
        tick(stream, hubs)
    assert at(client, FULL) == at(client, SPOT) == [0, 3]
    assert stream.encoded.skipped == 2


def test_a_legacy_volume_feed_is_text_from_the_gamma_tape_and_has_its_spot() -> None:
    volume = "SPX_state_volume_zero"
    hubs = named_hubs("v2_state_greeks_zero state_greeks_zero")
    stream = streamer(tape("SPX_state_gamma_zero", [greek(number) for number in range(3)]))
    new = Client(hubs["v2_state_greeks_zero"], groups=(volume, SPOT))
    old = Client(hubs["state_greeks_zero"], groups=(f"blue_{volume}",))
    tick(stream, hubs)
    assert sorted(received(new)) == [(SPOT, 0, 650025), (volume, 0, 6500.25)], "text is not scaled"
    (message,) = [item for item in old.messages() if isinstance(item, m.DataMessage)]
    packed = independent.any_message(message.data.value)
    assert packed.type_url == "proto.greek"
    assert list(json.loads(independent.unzstd(packed.value)))[:4] == ["timestamp", "ticker", "spot", "major_call_gamma"]


# --- both generations, and explicit expiries -----------------------------------------------------


def test_both_generations_in_one_tick_move_a_feed_once() -> None:
    hubs, stream = named_hubs("orderflow v2_orderflow"), streamer(MemoryTape(good(9)))
    old, new = Client(hubs["orderflow"], groups=(GROUP,)), Client(hubs["v2_orderflow"], groups=(FLOW, SPOT))
    for _ in range(4):
        tick(stream, hubs)
    assert at(old, GROUP) == at(new, FLOW) == at(new, SPOT) == [0, 1, 2, 3]
    session = stream.sessions.peek("key-1")
    assert session is not None
    assert session.place(SPX) == 4


EXPIRY, LATER = (explicit("SPX", "orderflow", "orderflow", expiry).group for expiry in (FRIDAY, NEXT))


def test_an_explicit_expiry_sends_every_fifth_record_when_the_standard_feed_does() -> None:
    assert EXPIRY_STRIDE == 5
    hubs, stream = named_hubs("v2_orderflow"), streamer(MemoryTape(good(23)))
    client = Client(hubs["v2_orderflow"], groups=(FLOW, EXPIRY, LATER, SPOT))
    for number in range(23):
        before = len(received(client))
        tick(stream, hubs)
        groups = [FLOW, SPOT] if number % 5 else [FLOW, SPOT, EXPIRY, LATER]
        assert sorted(received(client)[before:]) == sorted((name, number, 150) for name in groups)
    assert at(client, EXPIRY) == at(client, LATER) == [0, 5, 10, 15, 20]


@pytest.mark.parametrize(("hub", "group"), [("orderflow", f"blue_{EXPIRY}"), ("v2_orderflow", EXPIRY)])
def test_an_explicit_expiry_alone_on_both_generations(hub: str, group: str) -> None:
    hubs, stream = named_hubs(hub), streamer(MemoryTape(good(12)))
    client = Client(hubs[hub], groups=(group, SPOT))
    for _ in range(12):
        tick(stream, hubs)
    assert at(client, group) == [0, 5, 10]
    assert at(client, SPOT) == ([0, 5, 10] if hub.startswith("v2_") else [])


def test_an_explicit_expiry_has_a_position_of_its_own() -> None:
    hubs, stream = named_hubs("v2_orderflow"), streamer(MemoryTape(good(30)))
    client = Client(hubs["v2_orderflow"], groups=(FLOW,))
    for _ in range(7):
        tick(stream, hubs)
    client.send(m.JoinGroup(EXPIRY))
    for _ in range(6):
        tick(stream, hubs)
    client.send(m.LeaveGroup(FLOW))
    client.send(m.JoinGroup(LATER))
    for _ in range(6):
        tick(stream, hubs)
    assert at(client, FLOW) == list(range(13))
    assert at(client, EXPIRY) == [0, 5, 10]
    assert at(client, LATER) == [0, 5]


def test_explicit_expiries_of_two_generations_in_one_tick_move_once() -> None:
    hubs, stream = named_hubs("orderflow v2_orderflow"), streamer(MemoryTape(good(30)))
    old, new = Client(hubs["orderflow"], groups=(f"blue_{EXPIRY}",)), Client(hubs["v2_orderflow"], groups=(EXPIRY,))
    for _ in range(11):
        tick(stream, hubs)
    assert at(old, f"blue_{EXPIRY}") == at(new, EXPIRY) == [0, 5, 10]


def test_the_nearest_expiry_is_zero_s_and_a_later_one_is_one_s() -> None:
    names = [explicit("SPX", "classic", "gex", expiry).group for expiry in (FRIDAY, NEXT)]
    hubs = named_hubs("v2_classic")
    stream = streamer(gex_tape(FULL, 9), gex_tape(ZERO, 9, start=100), gex_tape("SPX_classic_gex_one", 9, start=200))
    client = Client(hubs["v2_classic"], groups=(*names, FULL))
    for _ in range(6):
        tick(stream, hubs)
    assert [at(client, name) for name in names] == [[100, 105], [200, 205]]


@pytest.mark.parametrize(("mode", "expected"), [(CacheMode.EXHAUST, [0, 5]), (CacheMode.ROTATION, [0, 5, 0, 5, 0])])
def test_the_end_of_an_explicit_expiry_s_day(mode: CacheMode, expected: list[int]) -> None:
    hubs, stream = named_hubs("v2_orderflow"), streamer(MemoryTape(good(7)), mode=mode)
    client = Client(hubs["v2_orderflow"], groups=(EXPIRY, FLOW))
    for _ in range(17):
        tick(stream, hubs)
    assert at(client, EXPIRY) == expected


def test_a_bad_record_of_an_explicit_expiry_is_left_out() -> None:
    records: list[bytes | None] = [b"bad" if number == 5 else record(number) for number in range(20)]
    hubs, stream = named_hubs("v2_orderflow"), streamer(MemoryTape(records))
    client = Client(hubs["v2_orderflow"], groups=(EXPIRY, FLOW))
    for _ in range(20):
        tick(stream, hubs)
    assert at(client, EXPIRY) == [0, 10, 15]
    assert at(client, FLOW) == [number for number in range(20) if number != 5]


def test_an_expiry_that_nobody_lists_is_silent() -> None:
    saturday = explicit("SPX", "orderflow", "orderflow", datetime.date(2026, 8, 15)).group
    hubs, stream = named_hubs("v2_orderflow"), streamer(MemoryTape(good(9)))
    client = Client(hubs["v2_orderflow"], groups=(saturday, SPOT))
    for _ in range(6):
        tick(stream, hubs)
    assert received(client) == []
