from __future__ import annotations

import gzip
import logging
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import CATEGORIES, Feed, is_ticker
from gexfaker.errors import DataError
from gexfaker.tapes.dates import is_date
from gexfaker.tapes.folder import DataFolder

DATE = "2026-07-01"
FLOW = Feed("SPX", "orderflow", "orderflow")
SECRET = b'{"timestamp":666}\n'


def put(root: Path, name: str, stamp: int = 1) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b'{"timestamp":%d}\n' % stamp
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor().compress(content)
    path.write_bytes(content)
    return path


def stamp_of(folder: DataFolder, feed: Feed = FLOW, date: str = DATE) -> int:
    with closing(folder.open(date, feed)) as tape:
        return tape.timestamp(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data folder with one file, and a secret next to it."""
    (tmp_path / "secret").mkdir()
    for name in ("orderflow.jsonl", "gex_full.jsonl"):
        (tmp_path / "secret" / name).write_bytes(SECRET)
    put(tmp_path / "data", f"{DATE}/SPX/orderflow/orderflow.jsonl")
    return tmp_path / "data"


def test_dates_are_real_days_with_a_folder(root: Path) -> None:
    for name in ("2026-06-30", "2024-02-29", "2026-02-29", "2026-13-01", "20260701", "2026-7-1", "notes", "latest"):
        (root / name).mkdir()
    (root / "2026-06-29").write_text("a file")
    assert DataFolder(root).dates() == ["2024-02-29", "2026-06-30", DATE]


def test_days_added_later_are_found(root: Path) -> None:
    folder = DataFolder(root)
    assert folder.latest() == DATE
    put(root, "2026-07-02/SPX/orderflow/orderflow.jsonl.gz")
    assert folder.latest() == "2026-07-02"


def test_the_latest_day_is_one_with_records(root: Path) -> None:
    (root / "2026-07-03/SPX/orderflow").mkdir(parents=True)
    folder = DataFolder(root)
    assert (folder.latest(), folder.resolve_date("latest")) == (DATE, DATE)
    assert folder.resolve_date("2026-07-03") == "2026-07-03"


@pytest.mark.parametrize("kind", ["missing", "empty", "a file", "only an empty day"])
def test_no_data_says_what_to_do(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "data"
    if kind == "a file":
        root.write_text("")
    elif kind != "missing":
        (root / (DATE if kind == "only an empty day" else "")).mkdir(parents=True)
    folder = DataFolder(root)
    for call in (folder.latest, lambda: folder.resolve_date("latest")):
        with pytest.raises(DataError, match="put files there as YYYY-MM-DD/TICKER") as caught:
            call()
        assert str(root) in str(caught.value)


def test_an_unknown_date_names_those_there_are(root: Path) -> None:
    folder = DataFolder(root)
    assert folder.resolve_date(DATE) == DATE
    with pytest.raises(DataError, match=r"no data for '2026-07-09'; there is 2026-07-01$"):
        folder.resolve_date("2026-07-09")
    for day in range(10, 20):
        (root / f"2026-08-{day}").mkdir()
    with pytest.raises(DataError, match=r"not a date .*'tomorrow'; .*2026-08-19 and 6 earlier days$"):
        folder.resolve_date("tomorrow")
    with pytest.raises(DataError, match="holds no days: put files there"):
        DataFolder(root / "none").resolve_date(DATE)


def test_feeds_are_known_packages_and_categories_only(root: Path) -> None:
    for name in (
        "SPX/classic/gex_zero.jsonl.gz",
        "SPX/state/delta_one.jsonl.zst",
        "SPX/state/delta_one.jsonl",
        "SPX/classic/delta_one.jsonl",
        "SPX/state/gex_full.json",
        "SPX/state/gex_full.jsonl.bz2",
        "SPX/state/GEX_FULL.txt",
        "SPX/other/gex_full.jsonl",
        "ES_SPX/classic/gex_one.jsonl",
        "vix/state/gex_one.jsonl",
        "BRK.B/state/gex_one.jsonl",
        ".git/state/gex_one.jsonl",
        "A TICKER/state/gex_one.jsonl",
        "WAYTOOLONGFORATICKER/state/gex_one.jsonl",
        "README",
    ):
        put(root, f"{DATE}/{name}")
    (root / DATE / "SPX/state/vanna_one.jsonl").mkdir()
    assert DataFolder(root).feeds(DATE) == [
        Feed("BRK.B", "state", "gex_one"),
        Feed("ES_SPX", "classic", "gex_one"),
        Feed("SPX", "classic", "gex_zero"),
        Feed("SPX", "orderflow", "orderflow"),
        Feed("SPX", "state", "delta_one"),
        Feed("VIX", "state", "gex_one"),
    ]


def test_every_feed_listed_can_be_opened(root: Path) -> None:
    for package, categories in CATEGORIES.items():
        for category in categories:
            put(root, f"{DATE}/ndx/{package}/{category}.jsonl")
    folder = DataFolder(root)
    feeds = folder.feeds(DATE)
    assert len(feeds) == 16
    assert {stamp_of(folder, feed) for feed in feeds} == {1}


def test_plain_goes_before_zst_before_gz(root: Path) -> None:
    folder = DataFolder(root)
    base = f"{DATE}/SPX/orderflow/orderflow.jsonl"
    put(root, base, 1), put(root, base + ".zst", 2), put(root, base + ".gz", 3)
    for stamp, ending in ((1, ""), (2, ".zst"), (3, ".gz")):
        assert stamp_of(folder) == stamp
        (root / (base + ending)).unlink()
    with pytest.raises(DataError, match=r"no data at .*SPX/orderflow/orderflow\.jsonl .*another day"):
        folder.open(DATE, FLOW)


def test_a_ticker_folder_in_lower_case_is_found_after_the_exact_one(root: Path) -> None:
    put(root, f"{DATE}/spx/orderflow/orderflow.jsonl", 2)
    put(root, f"{DATE}/spx/classic/gex_one.jsonl", 3)
    folder = DataFolder(root)
    assert folder.feeds(DATE) == [Feed("SPX", "classic", "gex_one"), FLOW]
    assert (stamp_of(folder), stamp_of(folder, Feed("SPX", "classic", "gex_one"))) == (1, 3)


def test_a_place_is_named_as_the_folder_was_given(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    with closing(DataFolder(Path("data")).open(DATE, FLOW)) as tape:
        assert tape.place(0).replace("\\", "/") == f"data/{DATE}/SPX/orderflow/orderflow.jsonl:1"
        assert (tape.feed, tape.date) == (FLOW, DATE)


def test_what_is_missing_names_what_there_is(root: Path) -> None:
    with pytest.raises(DataError, match=r"QQQ.*2026-07-01 has SPX"):
        DataFolder(root).open(DATE, Feed("QQQ", "classic", "gex_full"))
    with pytest.raises(DataError, match="no data for '2026-07-02'; there is 2026-07-01"):
        DataFolder(root).open("2026-07-02", FLOW)


BAD_NAMES = [
    "",
    ".",
    "..",
    "../secret",
    "../../secret",
    "%2e%2e",
    "%2e%2e%2fsecret",
    "/etc",
    "/",
    "\\\\server\\share",
    "..\\secret",
    "C:",
    "C:\\Windows",
    "SPX:stream",
    "SPX/../../../secret",
    "SPX\0",
    "\0",
    "SPX\n",
    "SPX ",
    "SPX.",
    "CON",
    "NUL.TXT",
    "COM1",
    "～",
    "\udcff",
    "２０２６-07-01",
    "2026-07-01\n",
    "2026-07-01/../2026-07-01",
    "2026-02-30",
    "0000-00-00",
    "A" * 17,
    "A" * 100_000,
    "../" * 50_000,
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name[:24]))
def test_no_name_leads_out_or_crashes(root: Path, name: str) -> None:
    folder = DataFolder(root)
    calls: list[Callable[[], object]] = [
        lambda: folder.open(name, FLOW),
        lambda: folder.feeds(name),
        lambda: folder.resolve_date(name),
        lambda: folder.open(DATE, Feed(name, "orderflow", "orderflow")),
        lambda: folder.open(DATE, Feed("SPX", name, "orderflow")),
        lambda: folder.open(DATE, Feed("SPX", "orderflow", name)),
    ]
    for call in calls:
        with pytest.raises(DataError) as caught:
            call()
        assert len(str(caught.value)) < 1000
        assert "\0" not in str(caught.value)


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_any_names_are_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, date: str, ticker: str, package: str, category: str
) -> None:
    folder = DataFolder(tmp_path_factory.getbasetemp())
    with pytest.raises(DataError):
        folder.open(date, Feed(ticker, package, category))


def test_lower_case_tickers_are_the_callers_to_translate(root: Path) -> None:
    with pytest.raises(DataError, match="'spx' is not a ticker"):
        DataFolder(root).open(DATE, Feed("spx", "orderflow", "orderflow"))


LINKS = {
    "date": ("2026-07-02", "2026-07-02", FLOW),
    "ticker": (f"{DATE}/QQQ", DATE, Feed("QQQ", "orderflow", "orderflow")),
    "package": (f"{DATE}/SPX/classic", DATE, Feed("SPX", "classic", "gex_full")),
    "file": (f"{DATE}/SPX/classic/gex_full.jsonl", DATE, Feed("SPX", "classic", "gex_full")),
}


needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root may give files to somebody else"
)


def link(source: Path, target: Path) -> None:
    try:
        source.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:  # pragma: no cover
        pytest.skip("no symbolic links here")


def linked(root: Path, base: Path, where: str, date: str, feed: Feed) -> Path:
    """Below ``base`` lies a record, which ``where`` leads to."""
    below = f"{date}/{feed.ticker}/{feed.package}/{feed.category}.jsonl".removeprefix(where).lstrip("/")
    target = base / below if below else base / "record.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(SECRET)
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    link(root / where, base if below else target)
    return root / where


def is_followed(folder: DataFolder, date: str, feed: Feed) -> bool:
    """Whether what a link leads to is listed, and can be opened; both, or neither."""
    if date in folder.dates() and feed in folder.feeds(date):
        assert stamp_of(folder, feed, date) == 666
        return True
    with pytest.raises(DataError):
        folder.open(date, feed)
    return False


@pytest.mark.parametrize(("where", "date", "feed"), LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("outside", [True, False])
def test_links_of_the_owner_are_followed_as_far_as_is_wanted(
    root: Path, where: str, date: str, feed: Feed, leaves: bool, outside: bool, caplog: pytest.LogCaptureFixture
) -> None:
    linked(root, root.parent / "elsewhere" if outside else root / "elsewhere", where, date, feed)
    assert is_followed(DataFolder(root, leaves=leaves), date, feed) == (leaves or not outside)
    assert any("a link that leaves the data folder" in text for text in caplog.messages) == (outside and not leaves)


@needs_root
@pytest.mark.parametrize(("where", "date", "feed"), LINKS.values(), ids=LINKS)
def test_a_link_that_somebody_else_has_made_is_not_followed_out_of_the_folder(
    root: Path, where: str, date: str, feed: Feed, caplog: pytest.LogCaptureFixture
) -> None:
    os.chown(linked(root, root.parent / "elsewhere", where, date, feed), 1234, 1234, follow_symlinks=False)
    assert not is_followed(DataFolder(root), date, feed)
    assert any("is not of the owner of the data folder" in text for text in caplog.messages)


@needs_root
def test_a_link_to_a_link_of_somebody_else_is_not_followed_out_of_the_folder(root: Path) -> None:
    """The owner's link stays the same, and somebody else says where it leads."""
    target = put(root.parent, "elsewhere/record.jsonl", 666)
    link(root.parent / "way", target)
    name, date, feed = LINKS["file"]
    (root / name).parent.mkdir()
    link(root / name, root.parent / "way")
    assert is_followed(DataFolder(root), date, feed)
    os.chown(root.parent / "way", 1234, 1234, follow_symlinks=False)
    assert not is_followed(DataFolder(root), date, feed)


@needs_root
@pytest.mark.parametrize("target", ["../b/SPX", "{}/b/SPX", "../b/deep/../SPX"])
def test_a_link_through_a_link_of_somebody_else_is_not_followed_out_of_the_folder(root: Path, target: str) -> None:
    """The owner's link leads through a folder that somebody else has put elsewhere."""
    put(root.parent, "elsewhere/SPX/classic/gex_full.jsonl", 666)
    (root.parent / "elsewhere/deep").mkdir()
    (root / "2026-07-02").mkdir()
    link(root / "b", root.parent / "elsewhere")
    (root / "2026-07-02/SPX").symlink_to(target.format(root))
    feed = Feed("SPX", "classic", "gex_full")
    assert is_followed(DataFolder(root), "2026-07-02", feed)
    os.chown(root / "b", 1234, 1234, follow_symlinks=False)
    assert not is_followed(DataFolder(root), "2026-07-02", feed)


@needs_root
@pytest.mark.parametrize(("owner", "follows"), [(1234, True), (0, False)])
def test_a_server_that_may_read_more_than_the_owner_reads_no_more_for_them(
    root: Path, owner: int, follows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    where, date, feed = LINKS["file"]
    made = linked(root, root.parent / "elsewhere", where, date, feed)
    os.chown(root, 1234, 1234)
    os.chown(made, 1234, 1234, follow_symlinks=False)
    os.chown(made, owner, owner)  # what it leads to
    assert is_followed(DataFolder(root), date, feed) == follows
    assert any("leads to what is not of the owner" in text for text in caplog.messages) != follows


def test_a_linked_file_has_the_format_of_its_own_name(root: Path) -> None:
    blob = put(root, "blobs/1.gz", 5).rename(root / "blobs/1")
    (root / f"{DATE}/SPX/classic").mkdir()
    link(root / f"{DATE}/SPX/classic/gex_full.jsonl.gz", blob)
    assert stamp_of(DataFolder(root), Feed("SPX", "classic", "gex_full")) == 5


def test_a_loop_of_links_is_missing_data(root: Path) -> None:
    loop = root / f"{DATE}/SPX/classic/gex_full.jsonl"
    loop.parent.mkdir()
    link(loop, loop)
    link(root / "2026-07-02", root / "2026-07-02")
    folder = DataFolder(root)
    assert (folder.dates(), folder.feeds(DATE)) == ([DATE], [FLOW])
    with pytest.raises(DataError):
        folder.open(DATE, Feed("SPX", "classic", "gex_full"))


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    link(root.parent / "link", root)
    folder = DataFolder(root.parent / "link")
    assert (folder.dates(), folder.feeds(DATE), stamp_of(folder)) == ([DATE], [FLOW], 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_a_tape_and_blocks_nobody(root: Path) -> None:
    (root / f"{DATE}/SPX/classic").mkdir()
    os.mkfifo(root / f"{DATE}/SPX/classic/gex_full.jsonl")
    folder = DataFolder(root)
    assert folder.feeds(DATE) == [FLOW]
    with pytest.raises(DataError):
        folder.open(DATE, Feed("SPX", "classic", "gex_full"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_left_out_with_a_warning(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(root, f"{DATE}/QQQ/orderflow/orderflow.jsonl").chmod(0)
    locked = put(root, f"{DATE}/IWM/orderflow/orderflow.jsonl").parent
    locked.chmod(0)
    folder = DataFolder(root)
    with caplog.at_level(logging.WARNING):
        assert Feed("IWM", "orderflow", "orderflow") not in folder.feeds(DATE)
    assert str(locked) in caplog.text
    for ticker in ("QQQ", "IWM"):
        with pytest.raises(DataError):
            folder.open(DATE, Feed(ticker, "orderflow", "orderflow"))
    locked.chmod(0o755)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2024-02-29", True), ("2025-02-29", False), ("2026-00-10", False), ("0000-01-01", False), ("x", False)],
)
def test_is_date(value: str, expected: bool) -> None:
    assert is_date(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((good, True) for good in ("SPX", "ES_SPX", "BRK.B", "7203", "A" * 16, "PRNT")),
        *((bad, False) for bad in ("spx", "_X", ".X", "A" * 17, "LPT9", "AUX.X", "X.", "")),
    ],
)
def test_is_ticker(value: str, expected: bool) -> None:
    assert is_ticker(value) is expected
