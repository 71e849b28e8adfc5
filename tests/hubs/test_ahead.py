"""Payloads made ahead: what is sent is what the long way would send, and the bounds hold."""

from __future__ import annotations

import json

import pytest

from gexfaker.catalog import Feed
from gexfaker.hubs import ahead as module
from gexfaker.hubs.ahead import LEAST, Ahead
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.limits import RECORDS_AHEAD
from gexfaker.market.simulation import Market
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.tapes.alias import Alias
from gexfaker.wire.feeds import format_of
from gexfaker.wire.orderflow import ORDERFLOW
from gexfaker.wire.payload import pack, unpack
from gexfaker.wire.spot import SPOT
from support.tapes import MemoryTape

NOON = 1_784_304_000
FEED = Feed("SPX", "classic", "gex_zero")
SNAPSHOT = {"ticker": "SPX"} | {field.json: 1.25 for field in ORDERFLOW.fields}
CUT = b'{"timestamp":'


class Counted:
    """A simulated tape that counts how often it is asked for columns, and may give none."""

    def __init__(self, feed: Feed = FEED) -> None:
        self.tape = Market("2026-06-17", 1).tape(feed)
        self.number, self.feed, self.asked, self.spoil = self.tape.number, feed, 0, False

    def columns(self, index: int, shape: Shape, most: int) -> Columns | None:
        self.asked += 1
        found = self.tape.columns(index, shape, most)
        return found._replace(timestamps=found.timestamps << 40) if found is not None and self.spoil else found

    def json(self, index: int) -> bytes:
        return self.tape.json(index)

    def payload(self, index: int) -> bytes | None:
        return self.tape.payload(index)

    def place(self, index: int) -> str:
        return self.tape.place(index)


def long_way(tape: Counted, index: int, form: object = None) -> tuple[str, bytes]:
    table = form or format_of(tape.feed)
    return table.type_url, table.encode(tape.json(index)).message  # type: ignore[attr-defined]


def test_records_are_sent_as_the_long_way_sends_them_and_made_together() -> None:
    encoded, tape = EncodedRecords(), Counted()
    for index in range(RECORDS_AHEAD):
        made = encoded.publication(tape, index, "blue_SPX_classic_gex_zero")  # type: ignore[arg-type]
        assert made is not None
        assert unpack(made.message.data.value) == long_way(tape, index)
    assert (tape.asked, encoded.encoded, encoded.skipped) == (1, RECORDS_AHEAD, 0)
    other = encoded.publication(tape, 3, "orange_SPX_classic_gex_zero")  # type: ignore[arg-type]
    assert other is not None
    assert tape.asked == 1


def test_spot_is_made_of_the_same_columns() -> None:
    encoded, tape = EncodedRecords(), Counted()
    for index in range(5):
        made = encoded.spot(tape, index, "SPX_spot")  # type: ignore[arg-type]
        assert made is not None
        assert unpack(made.message.data.value) == long_way(tape, index, SPOT)
    assert tape.asked == 1


def test_numbers_that_do_not_fit_go_the_long_way() -> None:
    encoded, tape = EncodedRecords(), Counted()
    tape.spoil = True
    made = encoded.publication(tape, 7, "g")  # type: ignore[arg-type]
    assert made is not None
    assert unpack(made.message.data.value) == long_way(tape, 7)


def test_a_stamp_of_its_own_goes_the_long_way() -> None:
    encoded, tape = EncodedRecords(), Counted()
    assert encoded.publication(tape, 7, "g", stamp=1_800_000_000) is not None  # type: ignore[arg-type]
    assert tape.asked == 0


def test_an_alias_has_its_own_name_and_the_others_numbers() -> None:
    tape = Counted(Feed("SPX", "state", "delta_zero"))
    alias = Alias(Feed("SPX", "state", "delta_20260617"), tape)  # type: ignore[arg-type]
    made = EncodedRecords().publication(alias, 9, "g")
    assert made is not None
    assert unpack(made.message.data.value) == long_way(tape, 9)


def test_what_is_kept_is_bounded_and_less_is_made_when_there_is_less_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AHEAD_BYTES", 400_000)
    kept, tape, table, counts = Ahead(pack), Counted(), format_of(FEED), list[int]()
    for place in range(60):
        counts.append(kept._count())
        assert kept.payload(tape, 60 * place, table) is not None  # type: ignore[arg-type]
        assert kept.bytes == sum(len(payload) for _, payload in kept._unread.values())
        assert kept.bytes <= 400_000 + 30 * 3_000
    assert counts[:4] == [RECORDS_AHEAD] * 4
    assert min(counts) == LEAST


@pytest.mark.long
@pytest.mark.parametrize("places", [1, 20, 80])
def test_readers_at_many_places_lose_nothing_that_was_made(monkeypatch: pytest.MonkeyPatch, places: int) -> None:
    """More of them make less at once, and what was made is read: the cost of a record never jumps."""
    monkeypatch.setattr(module, "MAX_AHEAD_BYTES", 1_000_000)
    kept, tape, table, made = Ahead(lambda _url, message: message[:1500]), Counted(), format_of(FEED), 0
    for second in range(120):
        for place in range(places):
            before = tape.asked
            assert kept.payload(tape, 180 * place + second, table) is not None  # type: ignore[arg-type]
            made += tape.asked - before
    at_once = min(RECORDS_AHEAD, max(LEAST, 1_000_000 / 1500 / places / 2))
    assert made <= 120 * places / at_once * 1.5 + places
    assert kept.bytes <= 1_000_000 + RECORDS_AHEAD * 1500


@pytest.mark.long
def test_what_nobody_reads_any_more_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AHEAD_BYTES", 300_000)
    kept, tape, table = Ahead(pack), Counted(), format_of(FEED)
    for place in range(60):  # sixty keys read one record each, and leave
        kept.payload(tape, 60 * place, table)  # type: ignore[arg-type]
    assert kept._count() == LEAST
    for index in range(6000, 8000):  # one reads on
        kept.payload(tape, index, table)  # type: ignore[arg-type]
    assert kept._count() == RECORDS_AHEAD
    assert len(kept._unread) <= RECORDS_AHEAD


def test_another_form_is_not_made_ahead() -> None:
    assert Ahead(pack).payload(Counted(), 0, object()) is None  # type: ignore[arg-type]


def recorded(count: int, **odd: object) -> MemoryTape:
    """A recorded feed; ``odd`` are records of its own by number, such as ``at7``."""
    lines = [json.dumps({"timestamp": NOON + number, **SNAPSHOT, "spot": 6800 + number}) for number in range(count)]
    made: list[bytes | None] = [line.encode() for line in lines]
    for name, line in odd.items():
        made[int(name.removeprefix("at"))] = line if isinstance(line, bytes) else None
    return MemoryTape(made, Feed("SPX", "orderflow", "orderflow"))


def sent(encoded: EncodedRecords, tape: MemoryTape) -> list[bytes | None]:
    """The messages of all records, read one after the other."""
    made = [encoded.publication(tape, index, "blue_SPX_orderflow_orderflow") for index in range(len(tape))]
    return [None if one is None else unpack(one.message.data.value)[1] for one in made]


def by_one(tape: MemoryTape) -> list[bytes | None]:
    return [None if line is None or line == CUT else ORDERFLOW.encode(line).message for line in tape.records]


def test_recorded_feeds_are_read_ahead_and_no_further_than_they_go() -> None:
    encoded, tape = EncodedRecords(), recorded(RECORDS_AHEAD + 5)
    assert encoded.publication(tape, 0, "g") is not None
    assert tape.reads == RECORDS_AHEAD
    assert sent(encoded, tape) == by_one(tape)
    assert tape.reads == len(tape)


@pytest.mark.parametrize("odd", [None, CUT], ids=["unreadable", "cut"])
def test_one_that_cannot_be_sent_keeps_the_others_from_nothing(odd: bytes | None) -> None:
    encoded, tape = EncodedRecords(), recorded(100, at0=odd, at40=odd, at99=odd)
    assert sent(encoded, tape) == by_one(tape)
    assert encoded.skipped == 3


def test_too_large_a_number_is_told_for_its_record_alone() -> None:
    huge = json.dumps({"timestamp": NOON, **SNAPSHOT, "spot": 1e300}).encode()
    encoded, tape = EncodedRecords(), recorded(50, at10=huge)
    assert sent(encoded, tape) == by_one(tape)
    assert encoded.saturated == 1


def test_where_every_record_is_for_the_long_way_few_are_read_in_vain() -> None:
    huge = {f"at{number}": json.dumps({"timestamp": NOON, **SNAPSHOT, "spot": 1e300}).encode() for number in range(300)}
    encoded, tape = EncodedRecords(), recorded(300, **huge)
    assert sent(encoded, tape) == by_one(tape)
    assert tape.reads < 2.1 * len(tape)
