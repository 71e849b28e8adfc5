"""Days as people have them: arrays, reports, trees and folders in every form, served as the same records."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, UnavailableError
from gexfaker.tapes import loose as module
from gexfaker.tapes.folder import DataFolder

DATE, PLAIN = "2026-07-17", "20260717"
OPEN = 1_784_295_000
FEEDS = (
    Feed("SPX", "classic", "gex_full"),
    Feed("ES_SPX", "state", "delta_zero"),
    Feed("SPX", "orderflow", "orderflow"),
)


def records(feed: Feed) -> list[dict[str, Any]]:
    size = 3 + len(feed.category)
    rows = [[6800 + 5 * number, 1.25, -2.5, [0.5, None]] for number in range(size)]
    return [{"timestamp": OPEN + second, "ticker": feed.ticker, "strikes": rows} for second in range(400)]


def lines(feed: Feed) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records(feed))


def array(feed: Feed, **style: Any) -> bytes:
    return json.dumps(records(feed), **style).encode()


def name(feed: Feed, date: str = DATE) -> str:
    return f"{date}_{feed.ticker}_{feed.package}_{feed.category}"


def path(feed: Feed) -> str:
    return f"{feed.ticker}/{feed.package}/{feed.category}"


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def arrays(
    root: Path, *, form: Callable[[bytes], bytes] = bytes, ending: str = ".json", date: str = DATE, **style: Any
) -> None:
    for feed in FEEDS:
        write(root / f"{name(feed, date)}{ending}", form(array(feed, **style)))


def report(root: Path, *, compression: int = zipfile.ZIP_STORED, folder: str = "", date: str = DATE) -> None:
    for ticker in {feed.ticker for feed in FEEDS}:
        file = root / folder / f"eod_report_{ticker}_{date}.zip"
        file.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(file, "w", compression) as archive:
            for feed in FEEDS:
                if feed.ticker == ticker:
                    archive.writestr(f"{path(feed)}/{name(feed, date)}.json.gz", gzip.compress(array(feed)))


def tree(root: Path, folder: str = "") -> None:
    for feed in FEEDS:
        write(root / folder / path(feed) / f"{name(feed)}.json.gz", gzip.compress(array(feed)))


def laid_out(root: Path, *, form: Callable[[bytes], bytes] = bytes, ending: str = ".jsonl", date: str = DATE) -> None:
    for feed in FEEDS:
        write(root / date / f"{path(feed)}{ending}", form(lines(feed)))


def envelope(content: bytes) -> bytes:
    return b"".join(b'{"recorded_at":"2026-07-17T13:30:00Z","data":%b}\n' % line for line in content.splitlines())


def utf16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


def zipped_utf16(content: bytes) -> bytes:
    return gzip.compress(utf16(content))


def milliseconds(content: bytes) -> bytes:
    for second in range(400):
        content = content.replace(b'"timestamp": %d,' % (OPEN + second), b'"timestamp": %d000,' % (OPEN + second))
    return content


FORMS: dict[str, Callable[[Path], None]] = {
    "lines": laid_out,
    "lines, gzip under a plain name": lambda root: laid_out(root, form=gzip.compress),
    "lines, zstd under a plain name": lambda root: laid_out(root, form=zstandard.ZstdCompressor().compress),
    "lines, plain under the name of gzip": lambda root: laid_out(root, ending=".jsonl.gz"),
    "lines in UTF-16": lambda root: laid_out(root, form=utf16),
    "lines in UTF-16, zipped": lambda root: laid_out(
        root, form=lambda text: gzip.compress(utf16(text)), ending=".jsonl.gz"
    ),
    "lines in envelopes": lambda root: laid_out(root, form=envelope),
    "lines with commas": lambda root: laid_out(root, form=lambda text: text.replace(b"\n", b",\n")),
    "lines of milliseconds": lambda root: laid_out(root, form=milliseconds),
    "lines, a day without dashes": lambda root: laid_out(root, date=PLAIN),
    "arrays": arrays,
    "arrays, gzip": lambda root: arrays(root, form=gzip.compress, ending=".json.gz"),
    "arrays, gzip under a plain name": lambda root: arrays(root, form=gzip.compress),
    "arrays, zstd": lambda root: arrays(root, form=zstandard.ZstdCompressor().compress, ending=".json.zst"),
    "arrays, indented": lambda root: arrays(root, indent=1),
    "arrays, a record a line": lambda root: arrays(root, form=lambda text: text.replace(b"}, {", b"},\n{")),
    "arrays in the folder of their day": lambda root: arrays(root / DATE),
    "arrays in some folder": lambda root: arrays(root / "downloads" / "july"),
    "arrays, dates without dashes": lambda root: arrays(root, date=PLAIN),
    "reports": report,
    "reports, packed twice": lambda root: report(root, compression=zipfile.ZIP_DEFLATED),
    "reports in the folder of their day": lambda root: report(root, folder=DATE),
    "reports in some folder": lambda root: report(root, folder="zips"),
    "a report unpacked": tree,
    "a report unpacked into the folder of its day": lambda root: tree(root, DATE),
    "a report unpacked into a folder": lambda root: tree(root, "eod_report_SPX_2026-07-17"),
}


@pytest.mark.parametrize("make", FORMS.values(), ids=list(FORMS))
def test_every_form_of_a_day_has_the_same_records(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    folder = DataFolder(tmp_path)
    assert (folder.dates(), folder.latest(), folder.feeds(DATE)) == ([DATE], DATE, sorted(FEEDS))
    for feed in FEEDS:
        wanted = records(feed)
        with closing(folder.open(DATE, feed)) as tape:
            for index in (399, 0, 250, 17):
                assert json.loads(tape.json(index)) == wanted[index]
                assert tape.timestamp(index) == OPEN + index
            assert (len(tape), tape.index_at(OPEN + 123), tape.date) == (400, 123, DATE)
            assert name(feed, "")[1:] in tape.place(5) or f"{path(feed)}.jsonl" in tape.place(5)


def test_what_is_laid_out_goes_before_what_lies_loose(tmp_path: Path) -> None:
    arrays(tmp_path)
    feed = FEEDS[0]
    write(tmp_path / DATE / f"{path(feed)}.jsonl", lines(feed)[:200])
    folder = DataFolder(tmp_path)
    assert folder.feeds(DATE) == sorted(FEEDS)
    assert folder.path(DATE, feed).name == "gex_full.jsonl"
    assert folder.path(DATE, FEEDS[1]).name == f"{name(FEEDS[1])}.json"


def test_an_array_goes_before_the_report_that_it_was_taken_out_of(tmp_path: Path) -> None:
    report(tmp_path)
    write(tmp_path / "zz" / f"{name(FEEDS[0])}.json", array(FEEDS[0]))
    assert DataFolder(tmp_path).path(DATE, FEEDS[0]).name == f"{name(FEEDS[0])}.json"


def test_files_that_come_while_a_server_runs_are_seen(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.dates() == []
    arrays(tmp_path)
    assert folder.feeds(DATE) == sorted(FEEDS)
    report(tmp_path, date="2026-07-20", folder="later")
    assert folder.dates() == [DATE, "2026-07-20"]
    for file in tmp_path.glob("*.json"):
        file.unlink()
    assert folder.dates() == ["2026-07-20"]


def test_a_report_that_is_replaced_in_place_is_looked_at_again(tmp_path: Path) -> None:
    report(tmp_path)
    folder, file = DataFolder(tmp_path), tmp_path / "eod_report_SPX_2026-07-17.zip"
    assert FEEDS[0] in folder.feeds(DATE)
    with file.open("r+b") as zipped:
        zipped.truncate()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr(f"{name(FEEDS[2])}.json", array(FEEDS[2]))
    assert folder.feeds(DATE) == sorted(FEEDS[1:])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"<html>expired</html>"])
def test_a_damaged_report_is_told_once_and_costs_no_other(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    arrays(tmp_path)
    write(tmp_path / "eod_report_NDX_2026-07-18.zip", content)
    folder = DataFolder(tmp_path)
    for _ in range(3):
        assert folder.dates() == [DATE]
    [line] = caplog.messages
    assert "eod_report_NDX_2026-07-18.zip cannot be read as a zip file" in line
    assert "get it again" in line


def test_a_report_cut_short_while_it_is_played_is_an_error_of_its_own(tmp_path: Path) -> None:
    report(tmp_path)
    folder, file = DataFolder(tmp_path), tmp_path / "eod_report_SPX_2026-07-17.zip"
    assert FEEDS[0] in folder.feeds(DATE)
    stamp = file.stat()
    file.write_bytes(b"\0" * stamp.st_size)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(UnavailableError, match="damaged or was changed"):
        folder.open(DATE, FEEDS[0])


@pytest.mark.parametrize(
    "other",
    [
        "2026-07-17_SPX_classic_nothing.json",
        "2026-07-17_SPX_gex_full.json",
        "2026-13-17_SPX_classic_gex_full.json",
        "SPX_classic_gex_full.json",
        ".2026-07-17_SPX_classic_gex_full.json",
        "2026-07-17_SPX_classic_gex_full.json.part",
        "eod_report_SPX.zip",
    ],
)
def test_other_names_are_no_days(tmp_path: Path, other: str) -> None:
    write(tmp_path / other, array(FEEDS[0]))
    assert DataFolder(tmp_path).dates() == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
@pytest.mark.parametrize("leaves", [True, False])
def test_a_linked_file_counts_as_far_as_links_are_followed_and_a_linked_folder_never(
    tmp_path: Path, leaves: bool
) -> None:
    arrays(tmp_path / "outside")
    root = tmp_path / "days"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "outside", target_is_directory=True)
    file = next((tmp_path / "outside").iterdir())
    assert DataFolder(root, leaves=leaves).dates() == []
    (root / file.name).symlink_to(file)
    assert DataFolder(root, leaves=leaves).dates() == ([DATE] if leaves else [])


def test_members_with_bad_names_cannot_lead_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "eod_report_SPX_2026-07-17.zip", "w") as archive:
        archive.writestr(f"../../{name(FEEDS[0])}.json", array(FEEDS[0]))
    folder = DataFolder(tmp_path)
    with closing(folder.open(DATE, FEEDS[0])) as tape:
        assert len(tape) == 400
        assert Path(tape.place(0).rpartition(":")[0]).parent == tmp_path


def test_a_trouble_is_told_once_until_the_file_changes_whoever_looks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "eod_report_NDX_2026-07-18.zip"
    broken.write_bytes(b"half")
    (tmp_path / "link.json").symlink_to("/dev/null")
    first = DataFolder(tmp_path, leaves=False)
    for folder in (first, first.again(), first.again(), DataFolder(tmp_path).again()):
        folder.dates()
    assert len([message for message in caplog.messages if "cannot be read as a zip" in message]) == 1
    broken.write_bytes(b"another half")
    first.again().dates()
    assert len([message for message in caplog.messages if "cannot be read as a zip" in message]) == 2
    assert len([message for message in caplog.messages if "is left out" in message]) == 1


def test_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "MAX_NAMES", 2)
    monkeypatch.setattr(module, "MAX_MEMBERS", 1)
    arrays(tmp_path)
    assert len(DataFolder(tmp_path).feeds(DATE)) == 2
    assert "more than 2 files; the rest is not played" in caplog.text
    deep = tmp_path / "deep"
    arrays(deep.joinpath(*"abcdef"))
    with pytest.raises(DataError):
        DataFolder(deep).latest()
    zips = tmp_path / "zips"
    report(zips)
    assert DataFolder(zips).feeds(DATE) == [FEEDS[1]], "the other report has two"
    assert "eod_report_SPX_2026-07-17.zip has more than 1 members: it is no report" in caplog.text


def test_folders_are_bounded_and_links_among_them_lead_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_FOLDERS", 50)
    arrays(tmp_path)
    for number in range(8):
        (tmp_path / f"l{number}").symlink_to(".", target_is_directory=True)
    seen = module.LooseFiles(tmp_path, lambda _entry: True)
    assert (set(seen.found()[DATE]), len(seen._stamps)) == (set(FEEDS), 1)
    for number in range(60):
        (tmp_path / f"f{number}").mkdir()
    assert len(DataFolder(tmp_path).feeds(DATE)) == len(FEEDS)
    assert "more than 50 folders; the rest is not looked into" in caplog.text


@pytest.mark.parametrize("ticker", ["..", "-X", "CON", "A.", "_"])
def test_what_can_be_no_ticker_is_no_feed(tmp_path: Path, ticker: str) -> None:
    write(tmp_path / f"2026-07-17_{ticker}_classic_gex_full.json", b"[]")
    assert DataFolder(tmp_path).dates() == []


def test_a_member_that_begins_with_a_stored_block_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "eod_report_SPX_2026-07-17.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=0) as archive:
        archive.writestr(f"{name(FEEDS[0])}.json", array(FEEDS[0]))
    with closing(DataFolder(tmp_path).open(DATE, FEEDS[0])) as tape:
        assert len(tape) == 400


def test_a_page_that_was_saved_instead_is_not_taken_for_the_fuller_file(tmp_path: Path) -> None:
    for mark, content in (("", b"<html>" + b"x" * 5000), (" (1)", b'[{"timestamp":1784295000}]')):
        write(tmp_path / f"{name(FEEDS[0])}{mark}.json", content)
    assert DataFolder(tmp_path).path(DATE, FEEDS[0]).name == f"{name(FEEDS[0])} (1).json"
