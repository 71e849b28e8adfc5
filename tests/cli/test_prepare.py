"""`gexfaker prepare` as a command: what it writes, leaves and deletes, and that it may be killed at any time."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.cli import prepare as command_module
from gexfaker.cli.main import cli
from gexfaker.errors import DataError, GexfakerError
from gexfaker.jobs import prepare as job
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.prepared import fingerprint
from support.rest import DATE, write, write_all
from support.server import clean_environment, running_server, wait_until
from support.tapes import record

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, limits and terminals")
FLOW = "SPX/orderflow/orderflow"
GROUPS = ("SPX_classic_gex_zero", "SPX_state_gamma_one", "SPX_orderflow_orderflow")


def flow(timestamp: int, ticker: str = "SPX", **changed: Any) -> str:
    return record(timestamp, ticker=ticker, **changed).decode()


def call(root: Path, *given: str, date: str = DATE) -> str:
    """The command's output. Raises what main() prints."""
    arguments = ["prepare", date, "--data-dir", str(root), *given]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False).output


def command(root: Path, *given: str) -> list[str]:
    return [sys.executable, "-m", "gexfaker", "prepare", DATE, "--data-dir", str(root), *given]


def contents(root: Path) -> dict[str, bytes]:
    """The payload files, and the hidden ones."""
    paths = (path for path in sorted(root.rglob("*")) if path.suffix == ".payloads" or path.name[0] == ".")
    return {str(path.relative_to(root / DATE)): path.read_bytes() for path in paths}


def is_prepared(root: Path, feed: Feed) -> bool:
    with closing(DataFolder(root).open(DATE, feed)) as tape:
        return all(tape.payload(index) for index in range(len(tape)))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All fifteen feeds, prepared."""
    root = write_all(tmp_path_factory.mktemp("full"), count=20)
    write(root, FLOW, *(flow(1000 + n, spot=7000 + n) for n in range(20)))
    call(root)
    return root


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Two tickers' orderflow."""
    for ticker in ("SPX", "NDX"):
        write(tmp_path, f"{ticker}/orderflow/orderflow", *(flow(1000 + n, ticker) for n in range(5)))
    return tmp_path


# --- what it does --------------------------------------------------------------------------------


def test_every_feed_gets_its_file(full: Path) -> None:
    feeds = {f"SPX/{package}/{category}" for package, names in CATEGORIES.items() for category in names}
    assert contents(full).keys() == {f"{feed}.payloads" for feed in feeds}
    assert all(is_prepared(full, feed) for feed in DataFolder(full).feeds(DATE))


def test_it_says_what_it_did(day: Path) -> None:
    said = call(day, "--ticker", "spx", date="latest").splitlines()
    assert said == [f"{FLOW}: 5 records; prepared, 0.0 MB", "in all 1 of 1 files, 5 records, 0.0 MB"]
    assert contents(day).keys() == {f"{FLOW}.payloads"}
    assert call(day, "--ticker", "NDX", "--ticker", "SPX").splitlines() == [
        "NDX/orderflow/orderflow: 5 records; prepared, 0.0 MB",
        f"{FLOW}: 5 records; was prepared before, 0.0 MB",
        "in all 2 of 2 files, 10 records, 0.0 MB",
    ]


def test_a_second_run_leaves_what_is_sound(day: Path) -> None:
    call(day)
    before = {path: path.stat().st_mtime_ns for path in day.rglob("*.payloads")}
    said = call(day)
    assert said.count("was prepared before") == 2
    assert {path: path.stat().st_mtime_ns for path in day.rglob("*.payloads")} == before


def test_what_no_longer_fits_is_made_anew(day: Path) -> None:
    call(day)
    write(day, FLOW, *(flow(2000 + n) for n in range(7)))
    said = call(day)
    assert f"{FLOW}: 7 records; prepared" in said
    assert "NDX/orderflow/orderflow: 5 records; was prepared before" in said
    assert is_prepared(day, Feed("SPX", "orderflow", "orderflow"))


@pytest.mark.parametrize("place", [0, 50, 200, -1])
def test_what_is_damaged_is_made_anew(day: Path, place: int) -> None:
    call(day)
    before = contents(day)
    file = day / DATE / f"{FLOW}.payloads"
    damaged = bytearray(file.read_bytes())
    damaged[place] ^= 1
    file.write_bytes(damaged)
    assert f"{FLOW}: 5 records; prepared" in call(day)
    assert contents(day) == before


def test_records_with_trouble_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    bad = ["{nonsense}", flow(1, spot=5e9), "[]", '{"a":1}', "cut"]
    write(tmp_path, FLOW, flow(1), *bad, flow(2))
    file = tmp_path / DATE / f"{FLOW}.jsonl"
    for done in ("prepared", "was prepared before"):
        said = call(tmp_path).splitlines()
        trouble = "4 of them cannot be sent, 1 of them left to the server: numbers too large for the wire"
        assert said[0] == f"{FLOW}: 7 records, {trouble}; {done}, 0.0 MB"
        if done == "prepared":
            assert said[1].startswith(f"  {file}:2: cannot be sent: not an orderflow record: ")
            assert said[2:] == [
                f"  {file}:3: too large for the wire, sent as the bound: spot",
                f"  {file}:4: cannot be sent: the line is not a JSON object",
                "  and 2 more",
                "in all 1 of 1 files, 7 records, 0.0 MB",
            ]


def test_of_an_archive_that_is_cut_off_what_can_be_read_is_prepared(tmp_path: Path) -> None:
    packed = gzip.compress("".join(flow(1000 + n, spot=n * 7.77) + "\n" for n in range(2000)).encode())
    file = tmp_path / DATE / f"{FLOW}.jsonl.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(packed[: len(packed) // 2])
    first, second, *rest = call(tmp_path).splitlines()
    assert "records" in first
    assert "is damaged or cannot be unpacked after" in second
    assert len(rest) <= 2, "the record that is cut, and the total"


def test_a_tape_that_changes_meanwhile_is_told_and_the_others_are_prepared(
    day: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = job.Encoder.payloads

    def meddled(self: job.Encoder, report: job.Report) -> Iterator[bytes]:
        yield from real(self, report)
        write(day, FLOW, flow(1))

    monkeypatch.setattr(job.Encoder, "payloads", meddled)
    with pytest.raises(DataError, match="1 of 2 files could not be prepared"):
        call(day)
    assert contents(day).keys() == {"NDX/orderflow/orderflow.payloads"}


@posix
def test_a_link_that_leads_elsewhere_meanwhile_is_told(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, other = day / DATE / f"{FLOW}.jsonl", day / DATE / "NDX/orderflow/orderflow.jsonl"
    link.rename(day / "elsewhere")
    link.symlink_to(day / "elsewhere")

    def meddling(tape: Path) -> Any:
        link.unlink()
        link.symlink_to(other)
        return fingerprint(tape)

    monkeypatch.setattr(job, "fingerprint", meddling)
    with pytest.raises(DataError, match="1 of 1 files"):
        call(day, "--ticker", "SPX")
    assert contents(day) == {}


def test_a_tape_that_cannot_be_opened_is_told(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = DataFolder.open

    def refusing(self: DataFolder, date: str, feed: Feed) -> Any:
        if feed.ticker == "SPX":
            raise DataError("no permission")
        return real(self, date, feed)

    monkeypatch.setattr(DataFolder, "open", refusing)
    with pytest.raises(DataError, match="see above; the server encodes them live"):
        call(day)
    assert contents(day).keys() == {"NDX/orderflow/orderflow.payloads"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--ticker", "AAPL"], "has no AAPL; it has NDX, SPX"),
        (["--ticker", ""], "it names no ticker"),
        (["--ticker", ",", "--clean"], "it names no ticker"),
        (["--ticker", "../SPX"], "has no ../SPX"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_what_makes_no_sense_is_said(day: Path, given: list[str], said: str) -> None:
    try:
        text = call(day, *given)
    except GexfakerError as error:
        text = str(error)
    assert said in text
    assert contents(day) == {}


@pytest.mark.parametrize("date", ["2026-07-18", "nonsense", "../..", ""])
def test_a_day_that_is_not_there_is_said(day: Path, date: str) -> None:
    with pytest.raises(DataError, match=DATE):
        call(day, date=date)


def test_the_folder_is_the_servers_setting(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXFAKER_DATA_DIR", str(day))
    CliRunner().invoke(cli, ["prepare", "latest"], catch_exceptions=False)
    assert len(contents(day)) == 2


def test_two_runs_do_not_write_in_one_place(day: Path) -> None:
    lock = WriteLock(day / DATE / "SPX" / ".gexfaker.lock")
    assert lock.acquire()
    try:
        with pytest.raises(DataError, match="being written by another gexfaker"):
            call(day)
    finally:
        lock.release()
    call(day)
    assert len(contents(day)) == 2, "and no lock is left"


# --- --clean -------------------------------------------------------------------------------------


@posix
def test_clean_deletes_what_was_prepared_and_nothing_else(day: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = {path: path.read_bytes() for path in day.rglob("*") if path.is_file()}
    call(day)
    outside = tmp_path_factory.mktemp("outside")
    (outside / "gex_zero.payloads").write_bytes(b"outside")
    (day / DATE / "SPX" / "classic").symlink_to(outside)
    kept = ("SPX/orderflow/mine.payloads", "SPX/orderflow.payloads", "SPX/orderflow/deep/orderflow.payloads")
    for name in kept:
        (day / DATE / name).parent.mkdir(exist_ok=True)
        (day / DATE / name).write_bytes(b"kept")
    (day / DATE / "NDX" / "orderflow" / "orderflow.jsonl").unlink()
    (day / DATE / "NDX" / "orderflow" / ".orderflow.payloads.part").write_bytes(b"half")
    assert call(day, "--clean").endswith("2 payload files deleted, 0.0 MB\n")
    assert contents(day).keys() == set(kept)
    assert (outside / "gex_zero.payloads").read_bytes() == b"outside"
    assert all(path.read_bytes() == text for path, text in before.items() if "NDX" not in str(path))


def test_clean_deletes_what_was_prepared_of_arrays_and_reports(tmp_path: Path) -> None:
    array = "[" + ",".join(flow(1784295000 + index, "ES_SPX") for index in range(5)) + "]"
    name = f"{DATE}_ES_SPX_orderflow_orderflow.json"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / name).write_text(array)
    with zipfile.ZipFile(tmp_path / f"eod_report_SPX_{DATE}.zip", "w") as archive:
        archive.writestr(
            f"SPX/{name.replace('ES_SPX', 'SPX')}.gz", gzip.compress(array.replace("ES_SPX", "SPX").encode())
        )
    before = sorted(tmp_path.rglob("*"))
    call(tmp_path)
    assert len(list(tmp_path.rglob("*.payloads"))) == 2
    assert "1 payload file" in call(tmp_path, "--clean", "--ticker", "SPX")
    assert "1 payload file" in call(tmp_path, "--clean")
    assert sorted(path for path in tmp_path.rglob("*") if path.suffix != ".lock") == before


def test_clean_can_be_of_one_ticker(day: Path) -> None:
    call(day)
    call(day, "--clean", "--ticker", "ndx")
    assert contents(day).keys() == {f"{FLOW}.payloads"}
    assert "0 payload files" in call(day, "--clean", "--ticker", "NDX")


# --- processes -----------------------------------------------------------------------------------


def test_several_processes_write_the_same(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(full)
    call(full, "--clean")
    monkeypatch.setattr(command_module, "MIN_TASK_BYTES", 50_000)
    said = call(full, "--jobs", "2")
    assert said.count("; prepared,") == len(before)
    assert contents(full) == before


BIG = 1000
"""Records that take half a second."""


def big(root: Path, *tickers: str) -> Path:
    for ticker in tickers:
        strikes: list[Any] = [[6000 + 5 * n, 0.25 * n, -n, [0.1, 0.2, n, 0.4, 0.5]] for n in range(150)]
        row = json.loads(Path(root / DATE / "SPX/classic/gex_full.jsonl").read_text().splitlines()[0])
        line = json.dumps(row | {"strikes": strikes, "ticker": ticker}, separators=(",", ":"))
        padding = " " * (command_module.MIN_TASK_BYTES // BIG)  # enough for a process, and quickly read
        write(root, f"{ticker}/classic/gex_full", *[line[:-1] + padding + "}"] * BIG)
    return root


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two tickers' files that take a while, and some small ones."""
    return big(write_all(tmp_path, count=1), "SPX", "NDX")


@contextmanager
def half_way(root: Path, *given: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own, some of whose bytes are on the disk."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command(root, *given), start_new_session=True, stdout=pipe, stderr=pipe, text=True
    ) as process:
        wait_until(lambda: any(map(_size, root.rglob(".*.part"))), 30, "bytes on the disk")
        yield process


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@posix
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_run_leaves_nothing_half_and_is_made_up_for(two: Path, jobs: str) -> None:
    with half_way(two, "--jobs", jobs) as process:
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    whole = {name: text for name, text in contents(two).items() if name.endswith("full.payloads")}
    call(two, "--jobs", "1")
    made = contents(two)
    assert len(whole) < 3, "it was not killed half way"
    assert all(made[name] == text for name, text in whole.items())
    assert all(is_prepared(two, feed) for feed in DataFolder(two).feeds(DATE) if feed.package == "classic")
    assert not list(two.rglob(".*")), "neither parts nor locks"


@posix
def test_a_killed_group_of_processes_is_made_up_for(two: Path) -> None:
    with half_way(two, "--jobs", "2") as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert list(two.rglob(".*.part"))
    assert DataFolder(two).feeds(DATE), "leftovers are ignored"
    call(two, "--jobs", "1")
    assert not list(two.rglob(".*"))


@posix
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run_cleans_up(two: Path, jobs: str) -> None:
    with half_way(two, "--jobs", jobs) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    # A process that is just starting may say that it was interrupted, too.
    assert (
        errors.strip() == "stopped: run it again to go on"
        if jobs == "1"
        else errors.endswith("stopped: run it again to go on\n")
    )
    assert not list(two.rglob(".*"))


@posix
def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing_half(two: Path) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(command(two), capture_output=True, text=True, timeout=30, preexec_fn=limit)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert not list(two.rglob(".*"))


@posix
def test_a_bar_on_a_terminal(day: Path) -> None:
    ours, theirs = os.openpty()
    done = subprocess.run(command(day), stdout=theirs, stderr=theirs, timeout=30, env=clean_environment())
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the end, on Linux
        pass
    os.close(ours)
    assert done.returncode == 0
    assert shown.count(b"; prepared, 0.0 MB") == 2
    assert b"preparing" in shown


# --- served --------------------------------------------------------------------------------------


def frames(root: Path, count: int) -> dict[str, list[dict[str, Any]]]:
    """What a server sends on each group, and that all is as it should be there."""
    with running_server(data_dir=str(root), ws_stream_interval="20ms", log_level="warning") as server:
        listen = [sys.executable, "-m", "gexfaker", "listen", *GROUPS, "--raw", "--url", server.url]
        done = subprocess.run([*listen, "--count", str(count)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert server.stderr == []
    found: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        found.setdefault(message["group"], []).append({**message, "sequenceId": None})
    return found


def test_a_server_sends_the_same_with_and_without(full: Path) -> None:
    call(full)
    prepared = frames(full, 45)
    call(full, "--clean")
    live = frames(full, 45)
    assert prepared.keys() == live.keys() == {f"blue_{group}" for group in GROUPS}
    for group in live:
        common = min(len(prepared[group]), len(live[group]))
        assert common >= 5, "there are 20 of each group"
        assert prepared[group][:common] == live[group][:common]
