"""Payloads made beforehand: the same bytes as live ones, or none at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gexfaker.catalog import CATEGORIES, VOLUME_CATEGORIES, Feed, explicit
from gexfaker.errors import RecordError
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.jobs.prepare import Job, Writer, prepare
from gexfaker.playback.day import StoredDay
from gexfaker.tapes import prepared
from gexfaker.tapes.files import PooledFile
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.prepared import HEADER_BYTES, Header, PayloadFile, fingerprint, payload_path
from gexfaker.wire import payload, spot
from gexfaker.wire.feeds import format_of
from support.rest import DATE, GEX, GREEK, STATE_GEX, at, write, write_all
from support.tapes import record

FLOW = Feed("SPX", "orderflow", "orderflow")
COUNT = 12
EVERY = [Feed("SPX", package, category) for package, categories in CATEGORIES.items() for category in categories]
LEGACY = [Feed("SPX", "state", category) for category in VOLUME_CATEGORIES]
ENDINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def flow(timestamp: int = 1000, ticker: str = "SPX", spot: float = 7000.25) -> str:
    return record(timestamp, ticker=ticker, spot=spot).decode()


def prepare_feed(root: Path, feed: Feed = FLOW) -> Path:
    """Prepare a feed; its payload file."""
    [outcome] = prepare((Job.of(root, DATE, feed),), lambda done: None)
    assert outcome.header, outcome
    return root / DATE / feed.ticker / feed.package / f"{feed.category}.payloads"


def tape_file(root: Path) -> Path:
    return root / DATE / "SPX" / "orderflow" / "orderflow.jsonl"


def opened(root: Path, feed: Feed = FLOW) -> JsonlTape:
    return DataFolder(root).open(DATE, feed)


def live(tape: JsonlTape, index: int) -> bytes | None:
    form = format_of(tape.feed)
    try:
        encoded = form.encode(tape.json(index))
    except RecordError:
        return None
    return payload.pack(form.type_url, encoded.message)


def payloads(root: Path, feed: Feed = FLOW) -> list[bytes | None]:
    with closing(opened(root, feed)) as tape:
        return [tape.payload(index) for index in range(len(tape))]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [item.getMessage() for item in caplog.records]


def assert_ignored(root: Path, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    caplog.clear()
    assert payloads(root) == [None] * COUNT
    [line] = lines(caplog)
    assert reason in line
    assert str(payload_path(tape_file(root))) in line
    assert f"run gexfaker prepare {DATE} again" in line


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """A folder with a prepared orderflow."""
    write(tmp_path, "SPX/orderflow/orderflow", *(flow(1000 + n, spot=7000 + n) for n in range(COUNT)))
    prepare_feed(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, list[bytes | None]]:
    """A prepared folder to be damaged, its payload file as it was, and what is in it."""
    root = tmp_path_factory.mktemp("model")
    write(root, "SPX/orderflow/orderflow", *(flow(1000 + n, spot=7000 + n) for n in range(COUNT)))
    content = prepare_feed(root).read_bytes()
    return root, content, payloads(root)


# --- the same bytes ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_all(tmp_path_factory.mktemp("full"), count=COUNT)
    write(root, "SPX/orderflow/orderflow", *(flow(1000 + n) for n in range(COUNT)))
    for feed in LEGACY:
        write(root, f"SPX/state/{feed.category}", *(at(GREEK, 1000 + n) for n in range(COUNT)))
    return root


@pytest.mark.parametrize("feed", [*EVERY, *LEGACY], ids=lambda feed: feed.group)
def test_they_are_what_live_encoding_gives(full: Path, feed: Feed) -> None:
    prepare_feed(full, feed)
    with closing(opened(full, feed)) as tape:
        wanted = [live(tape, index) for index in range(COUNT)]
        assert [tape.payload(index) for index in range(COUNT)] == wanted
        assert len(set(wanted)) == COUNT
        backwards = [tape.payload(index) for index in reversed(range(COUNT))]
    assert backwards[::-1] == wanted


@pytest.mark.parametrize("ending", ENDINGS)
def test_compressed_tapes_have_them_too(tmp_path: Path, ending: str) -> None:
    content = "".join(flow(1000 + n) + "\n" for n in range(COUNT)).encode()
    file = tape_file(tmp_path).with_name(f"orderflow.jsonl{ending}")
    file.parent.mkdir(parents=True)
    file.write_bytes(ENDINGS[ending](content))
    assert prepare_feed(tmp_path).name == "orderflow.payloads"
    with closing(opened(tmp_path)) as tape:
        assert [tape.payload(index) for index in range(COUNT)] == [live(tape, index) for index in range(COUNT)]
        assert tape.payload(0)


@posix
def test_a_tape_behind_a_link_has_them_beside_the_link(tmp_path: Path) -> None:
    write(tmp_path, "SPX/orderflow/orderflow", flow())
    elsewhere = tmp_path / "blob"
    tape_file(tmp_path).rename(elsewhere)
    tape_file(tmp_path).symlink_to(elsewhere)
    assert prepare_feed(tmp_path).exists()
    assert payloads(tmp_path) != [None]


def test_there_are_none_outside_the_day(day: Path) -> None:
    with closing(opened(day)) as tape:
        assert [tape.payload(index) for index in (-1, COUNT, 2**70)] == [None] * 3
        assert tape.payload(0)
        tape.close()
        assert tape.payload(0) is None


def test_an_empty_tape_has_none(tmp_path: Path) -> None:
    write(tmp_path, "SPX/orderflow/orderflow")
    assert prepare_feed(tmp_path).stat().st_size == HEADER_BYTES
    with closing(opened(tmp_path)) as tape:
        assert tape.payload(0) is None


def test_a_day_that_is_not_prepared_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "SPX/orderflow/orderflow", flow())
    assert payloads(tmp_path) == [None]
    assert lines(caplog) == []


def test_records_with_trouble_have_none_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good, large = flow(), flow(spot=5e9)
    write(tmp_path, "SPX/orderflow/orderflow", good, "{nonsense}", large, '{"cut', good, "[1]")
    [outcome] = prepare((Job.of(tmp_path, DATE, FLOW),), lambda done: None)
    assert outcome.header
    assert (outcome.header.records, outcome.header.skipped, outcome.header.saturated) == (6, 3, 1)
    assert [content is not None for content in payloads(tmp_path)] == [True, False, False, False, True, False]
    assert lines(caplog) == []
    served = [EncodedRecords(), EncodedRecords()]
    made = []
    for kept in served:  # with and without: the same messages, the same counters
        with closing(opened(tmp_path)) as tape:
            made.append([kept.publication(tape, index, "g") for index in range(6)])
        payload_path(tape_file(tmp_path)).unlink(missing_ok=True)
    values = [[item and item.message.data.value for item in items] for items in made]
    assert values[0] == values[1]
    assert [(kept.skipped, kept.saturated) for kept in served] == [(3, 1), (3, 1)]


def test_without_positional_reads(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = payloads(day)
    monkeypatch.setattr(prepared, "PooledFile", lambda path: PooledFile(path, pread=None))
    assert payloads(day) == wanted


# --- stale, damaged, foreign ---------------------------------------------------------------------


def touched(file: Path) -> None:
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def grown(file: Path) -> None:
    status = file.stat()
    file.write_bytes(file.read_bytes() + b"\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def edited(file: Path, place: int) -> None:
    """Another byte, the same size and time."""
    status, content = file.stat(), bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [touched, grown, lambda file: edited(file, 20), lambda file: edited(file, -20), lambda file: edited(file, 5000)],
    ids=["time", "size", "first record", "last record", "between"],
)
def test_payloads_of_a_tape_that_was_changed_are_not_used(
    day: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    change(tape_file(day))
    assert_ignored(day, caplog, "was changed")
    prepare_feed(day)
    assert payloads(day).count(None) <= 1, "the edited one may be no record any more"


def test_the_look_at_a_large_tape_covers_its_ends_and_is_short(tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    file.write_bytes(bytes(3_000_000))
    before = fingerprint(file)
    for place in (0, 999_999, 2_000_000, -1):
        edited(file, place)
        assert fingerprint(file) != before, place
        edited(file, place)
    assert fingerprint(file) == before
    assert prepared.SAMPLES * prepared.SAMPLE_BYTES < 100_000


@pytest.mark.parametrize("when", [0, -1, 2**33 * 10**9, 10**18])
def test_a_tape_of_any_time_can_be_prepared(tmp_path: Path, when: int) -> None:
    write(tmp_path, "SPX/orderflow/orderflow", flow())
    try:
        os.utime(tape_file(tmp_path), ns=(when, when))
    except OverflowError:
        pytest.skip("not on this file system")
    prepare_feed(tmp_path)
    assert payloads(tmp_path) != [None]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_noticed(model: tuple[Path, bytes, list[bytes | None]], data: st.DataObject) -> None:
    root, content, wanted = model
    damaged = bytearray(content)
    places = st.integers(0, 8 * len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4, unique=True)):
        damaged[place // 8] ^= 1 << place % 8
    payload_path(tape_file(root)).write_bytes(damaged)
    found = payloads(root)
    assert all(made in (None, good) for made, good in zip(found, wanted, strict=True))
    assert None in found


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"x"], ids=["cut", "grown"])
def test_a_file_of_another_length_is_not_used(
    day: Path, change: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    file = payload_path(tape_file(day))
    file.write_bytes(change(file.read_bytes()))
    assert_ignored(day, caplog, "it is cut off or has grown")


@pytest.mark.long
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_that_are_lost_or_added_are_noticed(
    model: tuple[Path, bytes, list[bytes | None]], data: st.DataObject
) -> None:
    root, content, _ = model
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
    added = data.draw(st.binary(max_size=30))
    changed = content[:start] + added + content[end:]
    payload_path(tape_file(root)).write_bytes(changed)
    if len(changed) != len(content):
        assert payloads(root) == [None] * COUNT


@pytest.mark.long
def test_every_bit_of_header_and_table_counts(model: tuple[Path, bytes, list[bytes | None]]) -> None:
    root, content, _ = model
    table = Header.parse(content[:HEADER_BYTES]).table_at
    for place in (*range(8 * HEADER_BYTES), *range(8 * table, 8 * len(content), 31)):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        payload_path(tape_file(root)).write_bytes(damaged)
        with closing(opened(root)) as tape:
            assert tape.payload(3) is None, place


def test_one_damaged_payload_does_not_take_the_others_along(day: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted, file = payloads(day), payload_path(tape_file(day))
    content = bytearray(file.read_bytes())
    content[HEADER_BYTES + 5] ^= 1
    content[HEADER_BYTES + len(wanted[0] or b"") + 5] ^= 1
    file.write_bytes(content)
    assert payloads(day) == [None, None, *wanted[2:]]
    [line] = lines(caplog)
    assert "is not used in part: the payload of record 0 is damaged" in line
    assert f"{file} " in line


def resealed(file: Path, place: int, number: int) -> None:
    """Another number in the header, its checksum right."""
    content = bytearray(file.read_bytes())
    struct.pack_into("<I", content, place, number)
    struct.pack_into("<I", content, HEADER_BYTES - 4, zlib.crc32(content[: HEADER_BYTES - 4]))
    file.write_bytes(content)


def test_other_versions_are_not_used(day: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = payload_path(tape_file(day))
    resealed(file, 8, prepared.FORMAT_VERSION)
    resealed(file, 12, prepared.WIRE_VERSION)
    assert all(payloads(day)), "nothing changed"
    resealed(file, 12, prepared.WIRE_VERSION + 1)
    assert_ignored(day, caplog, "encoded differently")
    resealed(file, 8, prepared.FORMAT_VERSION + 1)
    assert_ignored(day, caplog, "another version")


@pytest.mark.parametrize("content", [b"", b"x", b'{"a":1}\n' * 100, prepared.MAGIC, bytes(4096)])
def test_other_files_are_not_used(day: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    payload_path(tape_file(day)).write_bytes(content)
    assert_ignored(day, caplog, "")


def test_payloads_of_another_tape_are_not_used(day: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(day, "NDX/orderflow/orderflow", *(flow(1000 + n, "NDX") for n in range(COUNT)))
    other = prepare_feed(day, Feed("NDX", "orderflow", "orderflow"))
    shutil.copy2(other, payload_path(tape_file(day)))
    assert_ignored(day, caplog, "is not the file it was made from")


def test_payloads_of_another_kind_of_feed_are_not_used(tmp_path: Path) -> None:
    write(tmp_path, "SPX/state/gamma_zero", GREEK)
    made = prepare_feed(tmp_path, Feed("SPX", "state", "gamma_zero"))
    for old in (made, made.with_suffix(".jsonl")):
        shutil.copy2(old, old.with_stem("volume_zero"))
    assert payloads(tmp_path, Feed("SPX", "state", "gamma_zero")) != [None]
    assert payloads(tmp_path, Feed("SPX", "state", "volume_zero")) == [None]


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "dangling link", "loop"])
def test_only_a_regular_file_is_used(day: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    file = payload_path(tape_file(day))
    file.rename(file.with_name("other"))
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to({"link": "other", "loop": file.name}.get(kind, "nowhere"))
    assert_ignored(day, caplog, "not a regular file")


def test_a_file_that_changes_while_it_is_used(day: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = payload_path(tape_file(day))
    whole = file.read_bytes()
    with closing(opened(day)) as tape:
        assert tape.payload(0)
        for content in (b"", whole[:HEADER_BYTES], bytes(len(whole)), b"\xff" * len(whole)):
            file.write_bytes(content)
            assert tape.payload(COUNT - 1) is None
        assert len(lines(caplog)) == 1
        file.write_bytes(whole)
        assert tape.payload(COUNT - 1), "it is as it was"


def test_a_file_of_another_tape_that_takes_its_place_while_it_is_used(day: Path) -> None:
    other = day / "other"
    other.mkdir()
    large(day, COUNT)
    large(other, COUNT, bytes(len(PIECE)))  # the same layout
    with closing(opened(day)) as tape:
        assert tape.payload(0)
        payload_path(tape_file(day)).write_bytes(payload_path(tape_file(other)).read_bytes())
        assert [tape.payload(index) for index in range(COUNT)] == [None] * COUNT


def test_a_payload_is_not_taken_for_another_record_s(day: Path) -> None:
    file = large(day, COUNT)
    content = bytearray(file.read_bytes())
    table = Header.parse(bytes(content[:HEADER_BYTES])).table_at
    content[table : table + 16] = content[table + 16 : table + 32]
    file.write_bytes(content)
    resealed(file, TABLE_SUM_AT, zlib.crc32(content[table:]))
    with closing(opened(day)) as tape:
        assert tape.payload(0) is None
        assert tape.payload(1)


# --- how it is read and written ------------------------------------------------------------------

PIECE = os.urandom(1000)
TABLE_SUM_AT = 80
"""Where the header has the table's checksum."""


def large(root: Path, count: int, piece: bytes = PIECE) -> Path:
    """A payload file for a one-record tape, written straight away."""
    write(root, "SPX/orderflow/orderflow", flow())
    file = payload_path(tape_file(root))
    writer = Writer(file, "orderflow", fingerprint(tape_file(root)))
    try:
        for index in range(count):
            writer.add(index.to_bytes(4, "big") + piece)
        writer.commit(0, 0)
    finally:
        writer.discard()
    return file


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.long
@pytest.mark.usefixtures("traced")
def test_neither_writing_nor_reading_holds_the_file(tmp_path: Path) -> None:
    count = 20_000
    file = large(tmp_path, count)
    assert file.stat().st_size > 20_000_000
    assert tracemalloc.get_traced_memory()[1] < 3_000_000, "the table, and what grows it"
    tracemalloc.reset_peak()
    with closing(opened(tmp_path)) as tape:
        for index in range(0, count, 7):
            assert tape.payload(index) == index.to_bytes(4, "big") + PIECE
    assert tracemalloc.get_traced_memory()[1] < 1_000_000


def test_a_payload_is_one_small_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large(tmp_path, 1000)
    sizes: list[int] = []

    class Counted(PooledFile):
        def read_at(self, offset: int, size: int) -> bytes:
            sizes.append(size)
            return super().read_at(offset, size)

    monkeypatch.setattr(prepared, "PooledFile", Counted)
    with closing(opened(tmp_path)) as tape:
        assert sizes == [], "nothing is opened before the first is asked for"
        assert tape.payload(500)
        assert sizes == [HEADER_BYTES, 16 * 1000, len(PIECE) + 4]
        del sizes[:]
        assert tape.payload(900)
        assert sizes == [len(PIECE) + 4]


def test_a_file_is_closed_when_it_is_not_used(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Watched(PooledFile):
        def close(self) -> None:
            super().close()
            closed.append(True)

    monkeypatch.setattr(prepared, "PooledFile", Watched)
    touched(tape_file(day))
    with closing(opened(day)) as tape:
        assert tape.payload(0) is None
        assert closed == [True]


def test_everything_can_be_checked(day: Path) -> None:
    with closing(PayloadFile(payload_path(tape_file(day)), tape_file(day), "orderflow")) as file:
        file.verify()
        assert file.header.records == COUNT


# --- where they are used -------------------------------------------------------------------------


def test_they_are_no_feeds(day: Path) -> None:
    folder = DataFolder(day)
    assert folder.feeds(DATE) == [FLOW]
    tape_file(day).unlink()
    assert folder.feeds(DATE) == []


def test_an_explicit_expiry_has_those_of_the_tape_it_is_served_from(full: Path) -> None:
    prepare_feed(full)
    library = StoredDay(DataFolder(full), DATE)
    with closing(library):
        alias = library.tape(explicit("SPX", "orderflow", "orderflow", library.calendar_date))
        tape = library.tape(FLOW)
        assert alias
        assert tape
        assert alias.payload(1) == tape.payload(1) is not None


def test_a_legacy_feed_is_encoded_differently_from_the_tape_it_is_served_from(tmp_path: Path) -> None:
    write(tmp_path, "SPX/state/gamma_zero", GREEK)
    prepare_feed(tmp_path, Feed("SPX", "state", "gamma_zero"))
    with closing(StoredDay(DataFolder(tmp_path), DATE)) as library:
        alias, tape = library.tape(LEGACY[0]), library.tape(Feed("SPX", "state", "gamma_zero"))
        assert alias
        assert tape
        assert tape.payload(0)
        assert alias.payload(0) is None
        made = EncodedRecords().publication(alias, 0, "g")
        assert made
        assert payload.unpack(made.message.data.value)[1].startswith(b"{")


def test_the_hubs_take_them_for_the_tape_s_own_format_and_time_only(tmp_path: Path) -> None:
    large(tmp_path, 1)
    with closing(opened(tmp_path)) as tape:
        kept = EncodedRecords()
        own = kept.publication(tape, 0, "g")
        same = kept.publication(tape, 0, "h", format_of(FLOW))
        price, moved = kept.publication(tape, 0, "s", spot.SPOT), kept.publication(tape, 0, "g", stamp=5)
        assert own
        assert same
        assert price
        assert moved
        assert own.message.data.value == same.message.data.value == bytes(4) + PIECE
        assert payload.unpack(price.message.data.value)[0] == "proto.spot"
        assert payload.unpack(moved.message.data.value)[0] == "proto.orderflow"


MESSAGES = "58bee45401996d14b2c85b38e9b22090bd1a1cd57e1d7afb26fac7675bc65d97"
"""Of the messages that WIRE_VERSION stands for."""


def test_the_wire_version_stands_for_these_messages() -> None:
    """When this fails, records are encoded differently: raise WIRE_VERSION, and note the new digest here."""
    records = {"gex_zero": (GEX, STATE_GEX), "gamma_zero": (GREEK,), "volume_zero": (GREEK,), "orderflow": (flow(),)}
    digest = hashlib.sha256()
    for category, texts in records.items():
        form = format_of(Feed("SPX", "orderflow" if category == "orderflow" else "state", category))
        for text in texts:
            row = json.loads(text)
            for changed in (text, json.dumps(row | {"spot": 1e12}), json.dumps(row | {"spot": -0.005, "timestamp": 0})):
                digest.update(form.type_url.encode() + form.encode(changed.encode()).message)
    assert (prepared.WIRE_VERSION, digest.hexdigest()) == (1, MESSAGES)
