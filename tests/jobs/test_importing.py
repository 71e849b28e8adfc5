"""Days from anywhere into the data folder: each form, whole or not at all, and once."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner, Result

from gexfaker.catalog import Feed
from gexfaker.cli.main import cli
from gexfaker.errors import DataError
from gexfaker.jobs import importing
from gexfaker.jobs.importing import Importer, found_below
from gexfaker.tapes import strays
from gexfaker.tapes.folder import DataFolder
from support.data import DATE, record, write_day
from support.server import wait_until

FLOW = Feed("ES_SPX", "orderflow", "orderflow")
LINES = [record("ES_SPX", index) for index in range(40)]
ARRAY = ("[" + ",".join(LINES) + "]").encode()
NAME = f"{DATE}_ES_SPX_orderflow_orderflow.json"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["import", *map(str, arguments)], catch_exceptions=False)


def records(root: Path, date: str = DATE, feed: Feed = FLOW) -> list[str]:
    with closing(DataFolder(root).open(date, feed)) as tape:
        return [tape.json(index).decode() for index in range(len(tape))]


def laid_out(root: Path) -> Path:
    return write_day(root, len(LINES))


def compressed(root: Path) -> Path:
    path = laid_out(root) / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    path.with_name("orderflow.jsonl.zst").write_bytes(zstandard.compress(path.read_bytes()))
    path.unlink()
    return root


def array(root: Path) -> Path:
    (root / NAME).write_bytes(ARRAY)
    return root / NAME


def zipped_array(root: Path) -> Path:
    (root / f"{NAME}.gz").write_bytes(gzip.compress(ARRAY))
    return root / f"{NAME}.gz"


def report(root: Path) -> Path:
    path = root / f"eod_report_ES_SPX_{DATE}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"ES_SPX/orderflow/orderflow/{NAME}.gz", gzip.compress(ARRAY))
    return path


def tree(root: Path) -> Path:
    with zipfile.ZipFile(report(root)) as archive:
        archive.extractall(root / "unpacked")
    (root / f"eod_report_ES_SPX_{DATE}.zip").unlink()
    return root


def undashed(root: Path) -> Path:
    laid_out(root)
    (root / DATE).rename(root / DATE.replace("-", ""))
    return root


MAGIC = {"jsonl": b"{", "jsonl.gz": b"\x1f\x8b", "jsonl.zst": b"\x28\xb5\x2f\xfd"}
FORMS = [laid_out, compressed, array, zipped_array, report, tree, undashed]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["", "--link", "--convert jsonl", "--convert jsonl.gz", "--convert jsonl.zst"])
def test_every_form_is_the_same_day_afterwards(form: object, how: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    path = form(source)  # type: ignore[operator]
    done = run(path, "--out", out, *how.split(), "--no-check")
    assert done.exit_code == 0, done.output
    assert records(out) == LINES
    ending = how.partition(" ")[2]
    if ending:
        (written,) = out.rglob(f"orderflow.{ending}")
        assert written.read_bytes()[: len(MAGIC[ending])] == MAGIC[ending]
    again = run(path, "--out", out, *how.split(), "--no-check")
    assert again.exit_code == 0
    assert "0 files, 0.0 MB; 1 there already; 0 not brought in" in again.output
    assert not list(out.rglob(".*.part"))


@pytest.mark.parametrize("depth", range(5))
def test_any_folder_or_file_of_a_day_can_be_named(depth: int, tmp_path: Path) -> None:
    laid_out(tmp_path / "source")
    path = tmp_path / "source" / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    named = [path, *path.parents][depth]
    assert [(one.date, one.feed) for one in found_below(named)] == [(DATE, FLOW)]


def test_days_and_tickers_are_chosen(tmp_path: Path) -> None:
    write_day(tmp_path / "source", 5, ("SPX", "ES_SPX"))
    done = run(tmp_path / "source", "--out", tmp_path / "out", "--ticker", "spx", "--no-check")
    assert done.exit_code == 0
    assert [feed.ticker for feed in DataFolder(tmp_path / "out").feeds(DATE)] == ["SPX"]
    wrong = run_failing(tmp_path / "source", "--out", tmp_path / "out", "--ticker", "NDX")
    assert f"none of that is there; there is {DATE} ES_SPX, {DATE} SPX" in wrong


def run_failing(*arguments: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        run(*arguments)
    return str(caught.value)


def test_what_is_there_is_not_replaced_unless_that_is_said(tmp_path: Path) -> None:
    path = array(tmp_path)
    run(path, "--out", tmp_path / "out", "--no-check")
    path.write_bytes(b"[" + LINES[0].encode() + b"]")
    refused = run(path, "--out", tmp_path / "out", "--no-check")
    assert refused.exit_code == 1
    assert "is there with other content: --replace takes" in refused.output
    assert records(tmp_path / "out") == LINES
    assert run(path, "--out", tmp_path / "out", "--replace", "--no-check").exit_code == 0
    assert records(tmp_path / "out") == LINES[:1]


def test_a_conversion_does_not_leave_a_feed_in_two_files(tmp_path: Path) -> None:
    path = array(tmp_path)
    run(path, "--out", tmp_path / "out", "--convert", "jsonl", "--no-check")
    refused = run(path, "--out", tmp_path / "out", "--convert", "jsonl.zst", "--no-check")
    assert "is there already: --replace writes orderflow.jsonl.zst anew" in refused.output
    assert run(path, "--out", tmp_path / "out", "--convert", "jsonl.zst", "--replace", "--no-check").exit_code == 0
    assert [one.name for one in (tmp_path / "out").rglob("orderflow.jsonl*")] == ["orderflow.jsonl.zst"]


def test_records_that_cannot_be_read_are_told_and_nothing_else_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "source" / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([LINES[0], '{"timestamp":', LINES[1]]) + "\n", encoding="utf-8")
    done = run(path, "--out", tmp_path / "out", "--convert", "jsonl", "--no-check")
    assert done.exit_code == 1
    assert "1 of 3 records cannot be read and are left out" in done.output
    assert "orderflow.jsonl:2" in done.output
    assert records(tmp_path / "out") == LINES[:2]


@pytest.mark.parametrize("order", [LINES[::-1], LINES[20:] + LINES[:20]], ids=["newest first", "two halves"])
def test_records_are_sorted_by_their_times_when_they_are_written_anew(order: list[str], tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("[" + ",".join(order) + "]")
    done = run(tmp_path / NAME, "--out", tmp_path / "out", "--convert", "jsonl", "--no-check")
    assert "its records were not in the order of their times; 40 have another place now" in done.output
    assert done.exit_code == 0, "nothing is lost"
    assert records(tmp_path / "out") == LINES


def test_what_is_broken_is_the_exit_code(tmp_path: Path) -> None:
    changed = json.loads(LINES[0]) | {"agg_dex": 1}
    (tmp_path / NAME).write_text(json.dumps([changed, *map(json.loads, LINES[1:])]))
    done = run(tmp_path / NAME, "--out", tmp_path / "out")
    assert (done.exit_code, "broken" in done.output) == (1, True)


def test_prepared_files_are_made_for_it(tmp_path: Path) -> None:
    assert run(laid_out(tmp_path / "a"), "--out", tmp_path / "out", "--no-check", "--prepare").exit_code == 0
    assert list((tmp_path / "out").rglob("*.payloads"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: root / "nothing", "is not there: give a file or a folder with days"),
        (lambda root: root, "holds no days. A file is called as downloaded"),
        (lambda root: _written(root / "notes.txt"), "holds no days. A file is called as downloaded"),
    ],
)
def test_what_holds_no_days_is_said(make: object, said: str, tmp_path: Path) -> None:
    assert said in run_failing(make(tmp_path), "--out", tmp_path / "out")  # type: ignore[operator]


def _written(path: Path) -> Path:
    path.write_text("hello")
    return path


@pytest.mark.parametrize("options", [(), ("--convert", "jsonl.gz")])
@pytest.mark.parametrize("form", [laid_out, array, report])
def test_what_is_moved_is_gone_where_it_was(form: object, options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    source = form(tmp_path / "from")  # type: ignore[operator]
    run(source, "--out", tmp_path / "out", "--move", *options)
    assert records(tmp_path / "out") == LINES
    assert [path for path in (tmp_path / "from").rglob("*") if path.is_file()] == []


def test_what_is_not_brought_in_stays_when_files_are_moved(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    source = array(tmp_path / "from")
    run(source, "--out", tmp_path / "out")
    source.write_bytes(ARRAY[:-1] + b"," + LINES[0].encode() + b"]")
    assert "1 not brought in" in run(source, "--out", tmp_path / "out", "--move").output
    assert source.exists()
    run(source, "--out", tmp_path / "out", "--move", "--replace")
    assert (source.exists(), len(records(tmp_path / "out"))) == (False, len(LINES) + 1)


def test_a_file_is_moved_to_another_disk_and_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("from", "real"):
        (tmp_path / name).mkdir()
    real = array(tmp_path / "real")
    link = tmp_path / "from" / NAME
    link.symlink_to(real)
    run(link, "--out", tmp_path / "first", "--move")
    assert (link.is_symlink(), real.exists(), records(tmp_path / "first")) == (False, True, LINES)
    monkeypatch.setattr(importing, "_is_renamed", lambda _source, _target: False)
    run(real, "--out", tmp_path / "second", "--move")
    assert (real.exists(), records(tmp_path / "second")) == (False, LINES)


def test_link_and_move_do_not_go_together(tmp_path: Path) -> None:
    done = run(array(tmp_path), "--out", tmp_path / "out", "--link", "--move")
    assert (done.exit_code, "--link keeps files where they are" in done.output) == (2, True)


def test_link_and_convert_do_not_go_together(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["import", str(tmp_path), "--link", "--convert", "jsonl"])
    assert done.exit_code == 2
    assert "choose one" in done.output


def test_a_full_disk_is_said_before_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LEAST_FREE_BYTES", shutil.disk_usage(tmp_path).free)
    done = run(array(tmp_path), "--out", tmp_path / "out", "--no-check")
    assert done.exit_code == 1
    assert "make room, or use --link" in done.output
    assert not list((tmp_path / "out").rglob("*.json"))


def test_two_imports_do_not_meet(tmp_path: Path) -> None:
    with closing(Importer(tmp_path / "out")):
        assert "another import writes into" in run_failing(array(tmp_path), "--out", tmp_path / "out")
    assert run(tmp_path / NAME, "--out", tmp_path / "out", "--no-check").exit_code == 0


def test_what_lies_in_the_data_folder_already_stays_where_it_is(tmp_path: Path) -> None:
    path = array(tmp_path)
    done = run(path, "--out", tmp_path, "--no-check")
    assert "1 there already" in done.output
    assert [one.name for one in tmp_path.rglob("*.json")] == [NAME]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("convert", [(), ("--convert", "jsonl.zst")])
def test_a_killed_import_leaves_no_half_file_and_goes_on(convert: tuple[str, ...], tmp_path: Path) -> None:
    tickers = [f"T{number}" for number in range(30)]
    write_day(tmp_path / "source", 400, tickers)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "gexfaker", "import", str(tmp_path / "source"), "--out", str(out), "--no-check"]
    process = subprocess.Popen([*command, *convert], stdout=subprocess.DEVNULL)
    wait_until(lambda: len(list(out.rglob("orderflow.jsonl*"))) > 3 or process.poll() is not None, 20, "some files")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_ino for path in out.rglob("orderflow.jsonl*") if not path.name.startswith(".")}
    assert subprocess.run([*command, *convert], stdout=subprocess.DEVNULL, check=False).returncode == 0
    for ticker in tickers:
        feed = Feed(ticker, "orderflow", "orderflow")
        assert records(out, feed=feed) == [record(ticker, index) for index in range(400)]
    assert all(path.stat().st_ino == number for path, number in kept.items()), "what was whole is not written again"


@pytest.mark.parametrize("how", [(), ("--convert", "jsonl.zst"), ("--convert", "jsonl.gz"), ("--convert", "jsonl")])
def test_a_file_has_the_time_of_its_source_as_soon_as_it_has_its_name(
    how: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that is killed just then is not in the way of the next one."""
    source, seen = array(tmp_path), list[float]()
    os.utime(source, (1e9, 1e9))
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved = replace(self, target)
        seen.append(moved.stat().st_mtime)
        return moved

    monkeypatch.setattr(Path, "replace", watched)
    run(source, "--out", tmp_path / "out", "--no-check", *how)
    assert seen == [1e9]


# --- two versions of a feed ----------------------------------------------------------------------

OTHERS = [record("ES_SPX", index + 500) for index in range(len(LINES))]


def other_report(root: Path, *more: str) -> Path:
    """An end-of-day report with other records of the feed, and with the same records of other feeds."""
    path = root / f"eod_report_ES_SPX_{DATE}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for kind in ("orderflow_orderflow", *more):
            name = f"{DATE}_ES_SPX_{kind}.json.gz"
            archive.writestr(name, gzip.compress(f"[{','.join(OTHERS)}]".encode()))
    return path


@pytest.mark.parametrize("first", [laid_out, compressed, array, report])
def test_another_form_of_a_feed_is_a_conflict_and_replacing_it_plays_the_new_one(first: object, tmp_path: Path) -> None:
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    for folder in (one, two):
        folder.mkdir()
    run(first(one), "--out", out, "--no-check")  # type: ignore[operator]
    (two / f"{NAME}.gz").write_bytes(gzip.compress(f"[{','.join(OTHERS)}]".encode()))
    refused = run(two, "--out", out, "--no-check")
    assert refused.exit_code == 1
    assert "has the same feeds already: --replace takes" in refused.output
    assert records(out) == LINES
    assert run(two, "--out", out, "--replace", "--no-check").exit_code == 0
    assert records(out) == OTHERS
    assert len([path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".")]) == 1


def test_a_report_with_other_feeds_is_not_removed_for_one_of_them(tmp_path: Path) -> None:
    run(other_report(tmp_path, "classic_gex_zero"), "--out", tmp_path / "out", "--no-check")
    done = run(array(tmp_path), "--out", tmp_path / "out", "--replace", "--no-check")
    assert done.exit_code == 1
    assert "has other feeds, too: move it away, or import with --convert" in done.output
    assert records(tmp_path / "out") == OTHERS


def test_a_report_takes_the_place_of_the_files_of_its_feeds(tmp_path: Path) -> None:
    run(laid_out(tmp_path / "one"), "--out", tmp_path / "out", "--no-check")
    assert run(other_report(tmp_path), "--out", tmp_path / "out", "--replace", "--no-check").exit_code == 0
    assert records(tmp_path / "out") == OTHERS


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (f"eod_report_SPX_{DATE}.zip", b"PK", "cannot be read, or holds no arrays of the service: get it again"),
        (
            "mydays.zip",
            b"PK",
            "a report is called eod_report_TICKER_DATE.zip, and this is no zip file that can be read",
        ),
        ("gex_zero (2).json", ARRAY, "its name is none of these"),
    ],
)
def test_a_file_that_is_no_day_is_looked_at_alone(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "eod_report_NDX_2026-07-17.zip").write_bytes(b"broken, and nobody has asked for it")
    assert said in run_failing(tmp_path / name, "--out", tmp_path / "out")


def test_a_report_under_another_name_is_called_by_its_right_one(tmp_path: Path) -> None:
    named = report(tmp_path)
    odd = named.rename(tmp_path / "SPX_eod_2026.zip")
    assert f"rename it to {named.name}" in run_failing(odd, "--out", tmp_path / "out")
    done = CliRunner().invoke(cli, ["inspect", str(tmp_path)])
    assert f"SPX_eod_2026.zip is not played: rename it to {named.name}" in str(done.exception)
    with zipfile.ZipFile(odd, "a") as archive:
        archive.writestr(f"{DATE}_NDX_classic_gex_zero.json.gz", b"")
    assert "unpack it, and import the folder" in run_failing(odd, "--out", tmp_path / "out")


def test_a_file_that_was_downloaded_twice_is_there_already(tmp_path: Path) -> None:
    first, out = report(tmp_path), tmp_path / "out"
    run(first, "--out", out, "--no-check")
    second = first.rename(first.with_name(f"{first.stem} (1).zip"))
    done = run(second, "--out", out, "--no-check", "--move")
    assert (done.exit_code, second.exists()) == (0, False)
    assert "0 files, 0.0 MB; 1 there already; 0 not brought in" in done.output
    assert records(out) == LINES


@pytest.mark.parametrize("form", [array, report, laid_out])
@pytest.mark.parametrize("convert", [(), ("--convert", "jsonl")])
def test_what_is_moved_into_the_folder_where_it_lies_is_not_lost(
    form: object, convert: tuple[str, ...], tmp_path: Path
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    form(real)  # type: ignore[operator]
    (tmp_path / "other").mkdir()
    link = tmp_path / "data"
    link.symlink_to(real)
    for source, out in ((real, link), (link, real), (tmp_path / "other" / ".." / "real", link)):
        run(source, "--out", out, "--move", "--no-check", *convert)
        assert records(real) == LINES


def test_what_is_of_no_use_is_counted_and_does_not_hold_up_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    good = array(source)
    broken = source / f"eod_report_SPX_{DATE}.zip"
    broken.write_bytes(b"half a report")
    (source / "my_gex_zero.jsonl").write_text(LINES[0])
    done = run(source, "--out", out, "--no-check")
    assert done.exit_code == 1
    assert f"{broken} cannot be read as a zip file" in caplog.text
    assert "1 not brought in; 1 passed over, as the notes say" in done.output
    assert "my_gex_zero.jsonl is passed over: record files lie in folders" in done.output
    again = run(broken, good, tmp_path / "none", "--out", out, "--no-check")
    assert again.exit_code == 1
    assert "1 there already; 2 not brought in" in again.output
    assert f"{tmp_path / 'none'} is not there: give a file or a folder with days" in again.output


def test_a_report_whose_arrays_lie_beside_it_is_not_called_unreadable(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    report(source)
    array(source)
    done = run(source, "--out", tmp_path / "out", "--no-check")
    assert (done.exit_code, "; 0 not brought in" in done.output) == (0, True), done.output
    assert (
        f"eod_report_ES_SPX_{DATE}.zip is passed over: its feeds are there, the first in {source / NAME}" in done.output
    )


def test_everything_that_is_left_out_is_named_wherever_it_lies(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    array(source)
    below = source / "July" / "more"
    below.mkdir(parents=True)
    laid_out(source)
    package = source / DATE / "SPX" / "classic"
    package.mkdir(parents=True)
    for path in (below / "renamed.json", below / "report.zip", package / "gex_zero (1).jsonl", source / "x.json"):
        path.write_text(LINES[0])
    (source / DATE / "SPX" / "classic old").mkdir()
    (source / DATE / "SPX" / "classic old" / "gex_one.jsonl").write_text(LINES[0])
    (below / "loop").symlink_to(below)
    done = run(source, "--out", out, "--no-check", "--move")
    told = [line for line in done.output.splitlines() if line.startswith("note: ")]
    for name in ("renamed.json", "report.zip", "gex_zero (1).jsonl", "x.json", "classic old"):
        assert len([line for line in told if name in line]) == 1, (name, told)
    assert f"; {len(told)} passed over, as the notes say" in done.output
    assert "did you mean gex_zero?" in done.output
    assert [path.name for path in below.iterdir() if path.is_file()] != []


def test_days_in_folders_below_are_brought_in_and_what_has_another_name_is_counted(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    laid_out(source / "old" / "recordings")
    renamed = report(source).rename(source / "SPX tuesday.zip")
    done = run(source, "--out", out, "--no-check")
    assert records(out) == LINES
    assert f"{renamed} is passed over: rename it to eod_report_ES_SPX_{DATE}.zip" in done.output.replace("\n", "")
    assert (done.exit_code, "; 1 not brought in" in done.output) == (1, True), done.output
    renamed.unlink()
    done = run(source, "--out", tmp_path / "again", "--no-check")
    assert (done.exit_code, records(tmp_path / "again")) == (0, LINES), done.output


@pytest.mark.parametrize("convert", [(), ("--convert", "jsonl.gz")])
@pytest.mark.parametrize("apart", [False, True])
def test_of_two_versions_of_a_day_neither_is_lost(convert: tuple[str, ...], apart: bool, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    files = []
    for name in ("a", "b"):
        files.append(laid_out(source / name) / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl")
    files[1].write_text("\n".join(LINES[:7]) + "\n")
    paths = [source / "a", source / "b"] if apart else [source]
    done = run(*paths, "--out", out, "--no-check", "--move", "--replace", *convert)
    assert records(out) == LINES
    assert files[1].read_text().splitlines() == LINES[:7], "it is where it was"
    assert files[1].name in done.output.replace("\n", "")
    assert done.exit_code == (1 if apart else 0)


def test_days_below_days_are_brought_in_and_a_link_to_itself_is_not_followed(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    laid_out(source / "a")
    shutil.copytree(source / "a" / DATE, source / "a" / "b" / "2026-07-16")
    (source / "link").symlink_to(source)
    done = run(source, "--out", out, "--no-check", "--move")
    assert done.exit_code == 0, done.output
    assert DataFolder(out).dates() == ["2026-07-16", DATE]


def test_of_a_day_that_was_not_asked_for_nothing_is_counted(tmp_path: Path) -> None:
    laid_out(tmp_path / "source")
    (tmp_path / "source" / DATE).joinpath("../2026_07_10/SPX/classic").resolve().mkdir(parents=True)
    done = run(tmp_path / "source", "--out", tmp_path / "out", "--no-check", "--date", DATE)
    assert (done.exit_code, "; 0 not brought in" in done.output) == (0, True), done.output


def test_the_data_folder_is_no_source_of_itself_unless_it_is_named(tmp_path: Path) -> None:
    data = laid_out(tmp_path / "data")
    other = tmp_path / NAME.replace(DATE, "2026-07-16")
    other.write_bytes(ARRAY)
    done = run(tmp_path, "--out", data, "--no-check", "--convert", "jsonl.gz")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in data.rglob("orderflow.jsonl*")) == ["orderflow.jsonl", "orderflow.jsonl.gz"]


def test_a_large_folder_is_listed_in_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is looked at once: with a look at all others for each, this takes a minute."""
    for number in range(4000):
        (tmp_path / f"2026-07-17_SPX_classic_gex_full ({number}).json").touch()
    compared: list[object] = []

    def equal(one: Path, other: object) -> bool:
        compared.append(one)
        return str(one) == str(other)

    monkeypatch.setattr(Path, "__eq__", equal)
    monkeypatch.setattr(Path, "__hash__", lambda one: hash(str(one)))
    assert strays.strays(tmp_path) == []
    assert len(compared) < 10_000


def test_what_was_written_anew_replaces_the_other_form(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    report(source)
    old = out / DATE / f"eod_report_ES_SPX_{DATE}.zip"
    assert run(source, "--out", out, "--no-check").exit_code == 0
    assert old.exists()
    refused = run(source, "--out", out, "--no-check", "--convert", "jsonl")
    assert "has the same feeds already: --replace takes" in refused.output.replace("\n", " ")
    assert refused.exit_code == 1
    done = run(source, "--out", out, "--no-check", "--replace", "--convert", "jsonl.zst")
    assert (done.exit_code, old.exists(), records(out)) == (0, False, LINES)
    again = run(source, "--out", out, "--no-check", "--replace")
    assert (again.exit_code, old.exists(), records(out)) == (0, True, LINES)
    assert not list(out.rglob("*.jsonl.zst")), "one form alone stays"


def test_a_data_folder_may_be_named_from_here_and_written_anew_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Path("source")
    source.mkdir()
    old = array(source)
    assert run(source, "--out", "out", "--no-check", "--convert", "jsonl").exit_code == 0
    assert records(Path("out")) == LINES
    assert run(source, "--out", source, "--no-check", "--convert", "jsonl").exit_code == 0
    assert old.exists(), "it is not replaced unless that is asked for"
    assert run(source, "--out", source, "--no-check", "--convert", "jsonl.gz", "--replace").exit_code == 0
    assert records(source) == LINES


def test_a_report_of_which_not_all_was_written_anew_stays(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    array(source)
    other = NAME.replace("orderflow_orderflow", "classic_gex_zero")
    out.mkdir()
    old = out / f"eod_report_ES_SPX_{DATE}.zip"
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr(f"{NAME}.gz", gzip.compress(ARRAY))
        archive.writestr(f"{other}.gz", gzip.compress(ARRAY))
    done = run(source, "--out", out, "--no-check", "--replace", "--convert", "jsonl")
    assert f"{old.name} stays, as it has other feeds, too" in done.output.replace("\n", " ")
    assert (done.exit_code, old.exists(), records(out)) == (0, True, LINES)


def test_the_copy_of_an_array_is_taken_and_the_array_itself_goes_first(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    one = array(source)
    copy = one.with_name(f"{one.stem} (1){one.suffix}")
    copy.write_bytes(one.read_bytes())
    done = run(source, "--out", out, "--no-check")
    said = done.output.replace("\n", " ")
    assert f"{copy.name} is passed over: its feed is there in {one}" in said
    assert records(out) == LINES
    one.unlink()
    assert run(source, "--out", tmp_path / "again", "--no-check").exit_code == 0
    assert records(tmp_path / "again") == LINES


@pytest.mark.parametrize(
    ("ending", "packed"),
    [
        (".json", ARRAY),
        (".json.gz", gzip.compress(ARRAY)),
        (".json.zst", zstandard.compress(ARRAY)),
        (".jsonl", "\n".join(LINES).encode() + b"\n"),
    ],
)
@pytest.mark.parametrize("is_copy_broken", [True, False])
def test_of_a_file_and_its_copy_the_whole_one_is_taken(
    ending: str, packed: bytes, is_copy_broken: bool, tmp_path: Path
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    names = [NAME.replace(".json", f"{mark}{ending}") for mark in ("", " (1)")]
    good, cut = names if is_copy_broken else reversed(names)
    (source / good).write_bytes(packed)
    (source / cut).write_bytes(packed[: len(packed) // 2])
    done = run(source, "--out", out, "--no-check")
    assert f"{cut} is passed over: its feed is there in {source / good}" in done.output.replace("\n", " ")
    assert records(out) == LINES


@pytest.mark.parametrize("convert", [(), ("--convert", "jsonl")])
@pytest.mark.parametrize(
    "bad",
    [b"<html>404</html>", b'{"error":"unauthorized"}', b"", ARRAY[: len(ARRAY) // 3]],
    ids=["page", "error", "", "cut"],
)
def test_a_sound_file_is_not_replaced_by_a_worse_one(bad: bytes, convert: tuple[str, ...], tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "source"
    source.mkdir()
    assert run(array(source), "--out", out, "--no-check", *convert).exit_code == 0
    (source / NAME).write_bytes(bad)
    done = run(source / NAME, "--out", out, "--no-check", "--replace", "--move", *convert)
    assert (done.exit_code, records(out)) == (1, LINES), done.output
    assert "records of 2026-07-17 ES_SPX_orderflow_orderflow that can be read, and" in done.output.replace("\n", " ")
    assert (source / NAME).read_bytes() == bad, "and what was not brought in stays"
    (source / NAME).write_bytes(ARRAY + b"\n")
    assert run(source / NAME, "--out", out, "--no-check", "--replace", *convert).exit_code == 0


@pytest.mark.parametrize("below", [".", "deep", "deep/deeper"])
def test_days_without_dashes_are_brought_in_wherever_they_lie(below: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    laid_out(source / below)
    (source / below / DATE).rename(source / below / DATE.replace("-", ""))
    report(source).rename(source / f"eod_report_SPY_{DATE}.zip")
    done = run(source, "--out", tmp_path / "out", "--no-check")
    assert (done.exit_code, records(tmp_path / "out")) == (0, LINES), done.output


@pytest.mark.parametrize("name", ["Mon 13 July", "July 2026/14", "deep/14"])
def test_a_day_that_no_folder_names_is_counted_and_told_in_one_note(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    laid_out(source / "x")
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    (source / "x" / DATE).rename(source / name)
    report(source).rename(source / f"eod_report_SPY_{DATE}.zip")
    done = run(source, "--out", tmp_path / "out", "--no-check", "--move")
    notes = [line for line in done.output.splitlines() if line.startswith("note: ")]
    assert [f"{source / name} is passed over: rename it to its date" in line for line in notes] == [True], done.output
    assert (done.exit_code, "; 1 not brought in" in done.output) == (1, True), done.output
    assert (source / name / "ES_SPX").exists()


def test_the_days_of_a_second_folder_are_told_as_copies_in_one_note(tmp_path: Path) -> None:
    source = tmp_path / "source"
    laid_out(source)
    other = source / DATE / "ES_SPX" / "classic"
    other.mkdir()
    (other / "gex_zero.jsonl").write_text(LINES[0])
    shutil.copytree(source / DATE, source / "backup" / DATE)
    done = run(source, "--out", tmp_path / "out", "--no-check")
    assert f"2 files in {source / 'backup' / DATE} are passed over: its feed is there in {source / DATE}" in done.output
    assert done.exit_code == 0


def test_all_that_is_passed_over_can_be_named(tmp_path: Path) -> None:
    array(tmp_path)
    for number in range(30):
        (tmp_path / f"{number}.zip").write_bytes(str(number).encode())
    (tmp_path / "old").mkdir()
    for number in range(30):
        (tmp_path / "old" / f"spx_{number:02}_gex_zero.zip").write_bytes(b"x")
        (tmp_path / "old" / f"d{number}").mkdir()
        (tmp_path / "old" / f"d{number}" / "x.json").write_text("{}")
    short = run(tmp_path, "--out", tmp_path / "out", "--no-check").output
    assert "more files or folders are passed over: -v names all" in short
    whole = run(tmp_path, "--out", tmp_path / "again", "--no-check", "-v").output
    assert "-v names all" not in whole
    assert all(f"d{number}/x.json" in whole.replace(os.sep, "/") for number in range(30))


@pytest.mark.parametrize("copy", [" - Copy", " - Kopie (2)", "(1)", " (2)"])
@pytest.mark.parametrize("whole", ["copy", "original"])
def test_a_copy_as_browsers_and_windows_call_it_is_taken_where_it_alone_is_whole(
    copy: str, whole: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = {"original": NAME, "copy": NAME.replace(".json", f"{copy}.json")}
    for which, name in names.items():
        (source / name).write_bytes(ARRAY if which == whole else b"")
    done = run(source, "--out", tmp_path / "out", "--no-check")
    other = names["copy" if whole == "original" else "original"]
    assert f"{other} is passed over: its feed is there in {source / names[whole]}" in done.output
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "out" / DATE).iterdir()] == [(names[whole], ARRAY)]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (f"{NAME}.txt", f"rename it to {NAME}"),
        (NAME.upper(), f"rename it to {NAME}"),
        (f"{NAME}.gz.part", "it is a download that was not finished: get it again"),
        ("Unconfirmed 123456.crdownload", "it is a download that was not finished: get it again"),
        ("eod_report_SPX_2026-07-17.zip.crdownload", "it is a download that was not finished: get it again"),
    ],
)
def test_what_windows_and_browsers_make_of_a_name_is_told(name: str, hint: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    report(source).rename(source / f"eod_report_SPY_{DATE}.zip")
    (source / name).write_bytes(b"x")
    done = run(source, "--out", tmp_path / "out", "--no-check")
    assert f"{name} is passed over: {hint}" in done.output.replace("\n", " "), done.output
    assert done.exit_code == hint.startswith("rename")


def test_several_tickers_may_be_one_list(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for ticker in ("ES_SPX", "SPY", "QQQ"):
        (source / NAME.replace("ES_SPX", ticker)).write_bytes(ARRAY.replace(b"ES_SPX", ticker.encode()))
    assert run(source, "--out", tmp_path / "out", "--no-check", "--ticker", "spy,es_spx").exit_code == 0
    assert {feed.ticker for feed in DataFolder(tmp_path / "out").feeds(DATE)} == {"SPY", "ES_SPX"}


@pytest.mark.parametrize("wish", [("--date", "2026-07-18"), ("--ticker", "SPY")])
def test_a_broken_report_of_another_day_or_ticker_is_not_counted(wish: tuple[str, str], tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in (NAME, NAME.replace(DATE, "2026-07-18"), NAME.replace("ES_SPX", "SPY")):
        (source / name).write_bytes(ARRAY)
    broken = source / f"eod_report_ES_SPX_{DATE}.zip"
    broken.write_bytes(b"half a report")
    wished = run(source, "--out", tmp_path / "out", "--no-check", *wish)
    assert (wished.exit_code, "; 0 not brought in" in wished.output) == (0, True), wished.output
    assert "another file" not in wished.output
    assert run(source, "--out", tmp_path / "all", "--no-check").exit_code == 1


def test_a_folder_of_very_many_names_is_not_looked_through_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays, "MAX_BELOW", 4)
    array(tmp_path)
    for number in range(9):
        (tmp_path / f"{number}.json").write_text("{}")
    done = run(tmp_path, "--out", tmp_path / "out", "--no-check")
    assert "it has more than 4 files, and the rest was not looked through" in done.output.replace("\n", " ")


def test_no_note_says_that_something_is_passed_over_which_is_brought_in(tmp_path: Path) -> None:
    laid_out(tmp_path / "source")
    done = run(tmp_path / "source" / DATE, "--out", tmp_path / "out", "--no-check")
    assert (done.exit_code, "passed over" in done.output, records(tmp_path / "out")) == (0, False, LINES)


def test_the_next_command_can_be_pasted(tmp_path: Path) -> None:
    done = run(array(tmp_path), "--out", tmp_path / "my days", "--no-check")
    assert f"gexfaker serve --data-dir '{tmp_path / 'my days'}'" in done.output


def test_what_looks_like_a_day_and_is_not_brought_in_is_told(tmp_path: Path) -> None:
    array(tmp_path)
    (tmp_path / "days.zip").write_bytes(b"PK")
    done = run(tmp_path, "--out", tmp_path / "out", "--no-check")
    assert done.exit_code == 0
    assert "note: " in done.output
    assert "days.zip" in done.output


def test_what_is_no_day_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["import", str(array(tmp_path)), "--date", "07/16/2026"])
    assert (done.exit_code, "is no day: write YYYY-MM-DD" in done.output) == (2, True)


def _with_marks(form: str) -> bytes:
    """The same array as other programs write it."""
    if form == "gap":
        return ARRAY + b"\n" * 500
    return ARRAY.decode().encode(form)


@pytest.mark.parametrize("form", ["utf-8-sig", "utf-16", "gap"])
def test_a_whole_file_of_another_encoding_replaces_a_longer_one(form: str, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "source"
    for folder in (out / DATE, source):
        folder.mkdir(parents=True)
    (out / DATE / NAME).write_bytes(ARRAY.replace(b"[", b"[" + ARRAY.strip()[1:-1] + b","))
    (source / NAME).write_bytes(_with_marks(form))
    done = run(source, "--out", out, "--no-check", "--replace")
    assert done.exit_code == 0, done.output
    assert (out / DATE / NAME).read_bytes() == _with_marks(form)


def test_a_gzip_file_without_its_end_replaces_no_whole_one(tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "source"
    for folder in (out / DATE, source):
        folder.mkdir(parents=True)
    (out / DATE / f"{NAME}.gz").write_bytes(gzip.compress(ARRAY))
    (source / f"{NAME}.gz").write_bytes(gzip.compress(ARRAY, 1)[:-8])
    done = run(source, "--out", out, "--no-check", "--replace")
    assert done.exit_code == 1
    assert "is broken" in done.output
    assert (out / DATE / f"{NAME}.gz").read_bytes() == gzip.compress(ARRAY)


# --- two places with the same feed -----------------------------------------------------------------

OTHER = NAME.replace("orderflow_orderflow", "classic_gex_zero")


def two_places(source: Path, in_array: int, in_report: int) -> tuple[Path, Path]:
    """A feed in an array and in a report, so many records of it in each; the report has another feed, too."""
    source.mkdir()
    array_file, report_file = source / NAME, source / f"eod_report_ES_SPX_{DATE}.zip"
    array_file.write_text("[" + ",".join(LINES[:in_array]) + "]")
    with zipfile.ZipFile(report_file, "w") as archive:
        archive.writestr(NAME, "[" + ",".join(LINES[:in_report]) + "]")
        archive.writestr(OTHER, ARRAY)
    return array_file, report_file


@pytest.mark.parametrize("convert", [(), ("--convert", "jsonl")])
@pytest.mark.parametrize(("in_array", "in_report"), [(3, len(LINES)), (len(LINES), 3), (len(LINES), len(LINES))])
def test_of_a_feed_in_two_places_all_records_are_there_afterwards(
    in_array: int, in_report: int, convert: tuple[str, ...], tmp_path: Path
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    files = two_places(source, in_array, in_report)
    done = run(source, "--out", out, "--no-check", "--move", *convert)
    assert done.exit_code == 0, done.output
    assert records(out) == LINES, "the fuller one is taken"
    said = done.output.replace("\n", " ")
    fewer, more = files if in_array < in_report else files[::-1]
    if in_array != in_report:
        assert "which has more records" in said
        assert f"in {more}" in said
    if convert:
        assert files[1].exists() == (in_array >= in_report), "a report goes once all of it was brought in"
    if not in_array >= in_report:
        assert fewer.exists()
    assert ("stays, as ES_SPX_orderflow_orderflow of it was not brought in" in said) == (
        bool(convert) and files[1].exists()
    )


@pytest.mark.parametrize("in_copy", [3, len(LINES)])
def test_of_a_file_and_a_later_download_the_fuller_one_is_taken(in_copy: int, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    first, copy = source / NAME, source / NAME.replace(".json", " (1).json")
    in_first = len(LINES) + 3 - in_copy
    for path, count in ((first, in_first), (copy, in_copy)):
        path.write_text("[" + ",".join(LINES[:count]) + "]")
    done = run(source, "--out", out, "--no-check")
    assert records(out) == LINES
    fewer, more = (first, copy) if in_copy > in_first else (copy, first)
    said = done.output.replace("\n", " ")
    assert f"{fewer} is passed over: its feed is there in {more}, which has more records" in said


def test_what_was_converted_before_goes_only_if_it_has_the_same_records(tmp_path: Path) -> None:
    """A file of the same second may be another one: what it has more is nowhere else."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / NAME).write_text("[" + ",".join(LINES[:3]) + "]")
    os.utime(source / NAME, (1_784_300_000,) * 2)
    assert run(source, "--out", out, "--no-check", "--convert", "jsonl").exit_code == 0
    (source / NAME).write_bytes(ARRAY)
    os.utime(source / NAME, (1_784_300_000,) * 2)
    done = run(source, "--out", out, "--no-check", "--convert", "jsonl", "--move")
    assert (done.exit_code, (source / NAME).exists()) == (1, True), done.output
    (source / NAME).write_text("[" + ",".join(LINES[:3]) + "]")
    os.utime(source / NAME, (1_784_300_000,) * 2)
    done = run(source, "--out", out, "--no-check", "--convert", "jsonl", "--move")
    assert (done.exit_code, (source / NAME).exists()) == (0, False), done.output


def test_a_report_of_which_one_feed_is_there_says_how_the_others_come_in(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    array_file, report_file = two_places(source, 3, len(LINES))
    assert run(array_file, "--out", out, "--no-check").exit_code == 0
    done = run(report_file, "--out", out, "--no-check")
    said = done.output.replace("\n", " ")
    assert f"{out / DATE / NAME} has 1 of the 2 feeds of {report_file} already, so none is brought in" in said
    assert "--convert jsonl brings in the others, --replace takes all of them instead" in said
    assert run(report_file, "--out", out, "--no-check", "--convert", "jsonl").exit_code == 1
    assert [feed.package for feed in DataFolder(out).feeds(DATE)] == ["classic", "orderflow"]
