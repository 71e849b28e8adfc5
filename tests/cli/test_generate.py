"""`gexfaker generate` as a command: what it writes, what it refuses, and that it may be killed at any time."""

from __future__ import annotations

import datetime
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gexfaker.catalog import CATEGORIES, TICKERS, Feed
from gexfaker.cli.generate import MAX_DAYS, _names, trading_days
from gexfaker.cli.main import cli
from gexfaker.errors import DataError, GexfakerError
from gexfaker.jobs import generate as job
from gexfaker.jobs import processes
from gexfaker.jobs.generate import open_feeds
from gexfaker.jobs.processes import Crew, Report, WorkerError
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.writer import member_name
from jobs import work
from support.server import running_server, wait_until

DATE = "2026-07-17"
FEEDS = sum(map(len, CATEGORIES.values()))
FEW = 12
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor these limits")


def arguments(out: Path, *more: str, records: int = FEW, date: str = DATE, seed: int = 7) -> list[str]:
    return ["--date", date, "--out", str(out), "--records", str(records), "--seed", str(seed), *more]


def command(*given: str) -> list[str]:
    return [sys.executable, "-m", "gexfaker", "generate", *given]


class Inline:
    """The crew without processes, half a second each."""

    def __init__(self, do: Callable[[job.Task, Report], job.Outcome], tasks: list[job.Task], jobs: int) -> None:
        self.do, self.tasks = do, tasks

    def run(self) -> Iterator[tuple[int, None, job.Outcome]]:
        for index, task in enumerate(self.tasks):
            yield index, None, self.do(task, lambda done: None)


def call(*given: str) -> str:
    """The command's output. Raises what main() prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "Crew", Inline)
        return CliRunner().invoke(cli, ["generate", *given], catch_exceptions=False).output


def generate(out: Path, *more: str, records: int = FEW, seed: int = 7) -> str:
    return call(*arguments(out, *more, records=records, seed=seed))


def test_without_a_terminal_a_line_says_now_and_then_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "Crew", Inline)
    for seconds, lines in ((1e9, 0), (0.0, 1)):
        monkeypatch.setattr("gexfaker.cli.generate.REPORT_SECONDS", seconds)
        done = CliRunner().invoke(cli, ["generate", *arguments(tmp_path / str(lines))], catch_exceptions=False)
        told = re.findall(r"^([\d,]+) of \1 records$", done.stderr, re.MULTILINE)
        assert len(told) == lines, done.stderr


def refused(out: Path, *more: str, records: int = FEW, seed: int = 7) -> str:
    """What is said about a refusal."""
    with pytest.raises(GexfakerError) as caught:
        generate(out, *more, records=records, seed=seed)
    text = str(caught.value)
    assert "\n" not in text
    return text


def run(*given: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    done = subprocess.run(command(*given), capture_output=True, text=True, timeout=60, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def contents(root: Path, *, hidden: bool = True) -> dict[str, bytes]:
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and (hidden or path.name[0] != "."))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of two tickers."""
    root = tmp_path_factory.mktemp("written")
    generate(root, "--tickers", "SPX,ES_SPX")
    return root


@pytest.mark.parametrize("ticker", ["SPX", "ES_SPX"])
def test_what_is_written_is_the_simulated_day(written: Path, ticker: str) -> None:
    folder = DataFolder(written)
    tapes = open_feeds(ticker, DATE, 7)
    assert len(tapes) == FEEDS
    for tape in tapes:
        stored = folder.open(DATE, tape.feed)
        assert [stored.json(index) for index in range(len(stored))] == [tape.json(index) for index in range(FEW)]
        stored.close()
        tape.close()


def test_it_says_what_it_did_and_marks_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / DATE / "SPX"
    assert generate(tmp_path, "--tickers", "spx") == f"{folder}: {FEEDS} feeds of {FEW} records written\n"
    mark = json.loads((folder / "generated.json").read_text())
    assert (mark["seed"], mark["records"]) == (7, FEW)
    assert len(contents(tmp_path)) == FEEDS + 1


def test_the_compressed_form_holds_the_same(written: Path, tmp_path: Path) -> None:
    generate(tmp_path, "--format", "jsonl.zst")
    plain, packed = DataFolder(written), DataFolder(tmp_path)
    assert all(name.endswith((".jsonl.zst", "generated.json")) for name in contents(tmp_path))
    for feed in packed.feeds(DATE):
        ours, theirs = packed.open(DATE, feed), plain.open(DATE, feed)
        assert [ours.json(index) for index in range(len(ours))] == [theirs.json(index) for index in range(FEW)]
        ours.close()
        theirs.close()


def test_the_archive_holds_the_same_in_arrays(written: Path, tmp_path: Path) -> None:
    generate(tmp_path, "--format", "eod")
    assert list(contents(tmp_path)) == [f"eod_report_SPX_{DATE}.zip"]
    with zipfile.ZipFile(tmp_path / f"eod_report_SPX_{DATE}.zip") as archive:
        assert len(archive.namelist()) == FEEDS
        for package, categories in CATEGORIES.items():
            for category in categories:
                rows = gzip.decompress(archive.read(member_name(Feed("SPX", package, category), DATE)))
                lines = (written / DATE / "SPX" / package / f"{category}.jsonl").read_bytes().splitlines()
                assert rows == b"[" + b",".join(lines) + b"]"


@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst", "eod"])
def test_a_second_run_leaves_everything_as_it_is(form: str, tmp_path: Path) -> None:
    generate(tmp_path, "--format", form)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert f"{FEEDS} feeds skipped: complete already" in generate(tmp_path, "--format", form)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_only_what_is_missing_is_written(written: Path, tmp_path: Path) -> None:
    generate(tmp_path)
    missing = tmp_path / DATE / "SPX" / "state" / "delta_one.jsonl"
    missing.unlink()
    assert f"1 feed of {FEW} records written, {FEEDS - 1} feeds skipped" in generate(tmp_path)
    assert missing.read_bytes() == (written / DATE / "SPX" / "state" / "delta_one.jsonl").read_bytes()


# --- killed --------------------------------------------------------------------------------------

MANY = 200
"""Records that take seconds, and more than a file's buffer, so that a killed run has unfinished files on the disk."""


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """What a run that nobody disturbs writes, by form."""
    made: dict[str, dict[str, bytes]] = {}

    def make(form: str) -> dict[str, bytes]:
        if form not in made:
            root = tmp_path_factory.mktemp("unkilled")
            generate(root, "--tickers", "SPX,ES_SPX", "--format", form, records=MANY)
            made[form] = contents(root)
        return made[form]

    return make


@contextmanager
def half_way(out: Path, form: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own, some of whose bytes are on the disk; it is stopped, not ended."""
    given = arguments(out, "--tickers", "SPX,ES_SPX", "--format", form, "--jobs", "2", records=MANY)
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*given), start_new_session=True, stdout=pipe, stderr=pipe, text=True) as process:
        wait_until(lambda: _stands_half_way(process.pid, out), 30, "bytes on the disk")
        yield process


def _stands_half_way(group: int, out: Path) -> bool:
    """Whether a file is half written while all processes are stopped; if not, they go on."""
    if not any(map(_size, parts(out))):
        return False
    os.killpg(group, signal.SIGSTOP)
    if any(map(_size, parts(out))):
        return True
    os.killpg(group, signal.SIGCONT)
    return False


def parts(out: Path) -> list[Path]:
    return list(out.rglob(".*.part"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it got its name meanwhile
        return 0


@posix
@pytest.mark.parametrize(
    ("whom", "form"),
    [("the parent", "jsonl"), ("the parent", "eod"), *(("everyone", form) for form in ("jsonl", "jsonl.zst", "eod"))],
)
def test_a_killed_run_leaves_nothing_half_and_goes_on(
    whom: str, form: str, tmp_path: Path, unkilled: Callable[[str], dict[str, bytes]]
) -> None:
    with half_way(tmp_path, form) as process:
        (os.killpg if whom == "everyone" else os.kill)(process.pid, signal.SIGKILL)
        if whom != "everyone":
            os.killpg(process.pid, signal.SIGCONT)
    assert process.returncode == -signal.SIGKILL
    wanted = unkilled(form)
    whole = contents(tmp_path, hidden=False)  # of a killed parent's workers, the hidden files may be vanishing
    assert len(whole) < len(wanted), "it was not killed half way"
    assert all(wanted[name] == text for name, text in whole.items())
    if whom == "everyone":
        assert parts(tmp_path)
    generate(tmp_path, "--tickers", "SPX,ES_SPX", "--format", form, records=MANY)
    assert contents(tmp_path) == wanted


@posix
@pytest.mark.parametrize(
    ("sent", "to", "code"), [(signal.SIGINT, "all", 130), (signal.SIGTERM, "all", 143), (signal.SIGTERM, "one", 143)]
)
def test_an_interrupted_run_cleans_up(sent: signal.Signals, to: str, code: int, tmp_path: Path) -> None:
    with half_way(tmp_path, "jsonl") as process:
        (os.killpg if to == "all" else os.kill)(process.pid, sent)
        os.killpg(process.pid, signal.SIGCONT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert errors.strip() == "stopped: run it again to go on"
    assert {Path(name).name for name in contents(tmp_path)} == {"generated.json"}


def test_leftovers_of_other_feeds_are_removed(tmp_path: Path) -> None:
    left = tmp_path / DATE / "SPX" / "state" / ".gex_zero.jsonl.zst.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    generate(tmp_path)
    assert not left.exists()


# --- refused -------------------------------------------------------------------------------------


def test_another_seed_is_refused_and_may_be_forced(written: Path, tmp_path: Path) -> None:
    generate(tmp_path, seed=8)
    before = contents(tmp_path)
    said = refused(tmp_path)
    for words in (str(tmp_path), "seed 8, not 7", "--force", "--out"):
        assert words in said
    assert contents(tmp_path) == before
    generate(tmp_path, "--force")
    ours = {name: text for name, text in contents(written).items() if "ES_SPX" not in name}
    assert contents(tmp_path) == ours


def test_another_seed_of_an_archive_is_refused_and_may_be_forced(tmp_path: Path) -> None:
    generate(tmp_path, "--format", "eod", seed=8)
    before = contents(tmp_path)
    assert "seed 8, not 7" in refused(tmp_path, "--format", "eod")
    assert contents(tmp_path) == before
    generate(tmp_path, "--format", "eod", "--force")
    assert contents(tmp_path) != before


def test_another_version_or_length_is_refused(tmp_path: Path) -> None:
    generate(tmp_path)
    assert f"records {FEW}, not 5" in refused(tmp_path, records=5)
    mark = tmp_path / DATE / "SPX" / "generated.json"
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"version": "0.0.1"}))
    assert "version '0.0.1'" in refused(tmp_path)
    mark.write_text("{")
    assert "damaged" in refused(tmp_path)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_recorded_days_are_never_touched_unless_forced(ending: str, tmp_path: Path) -> None:
    recorded = tmp_path / DATE / "SPX" / "orderflow" / f"orderflow{ending}"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes(b"recorded")
    notes = tmp_path / DATE / "SPX" / "notes.txt"
    notes.write_text("mine")
    before = contents(tmp_path)
    said = refused(tmp_path, "--format", "jsonl.zst")
    assert "recorded data" in said
    assert "--force" in said
    assert contents(tmp_path) == before
    generate(tmp_path, "--format", "jsonl.zst", "--force")
    assert notes.read_text() == "mine"
    tape = DataFolder(tmp_path).open(DATE, Feed("SPX", "orderflow", "orderflow"))
    assert len(tape) == FEW, "the recorded file still hides the new one"
    tape.close()


@pytest.mark.parametrize("text", [b"PK recorded", b""])
def test_recorded_archives_are_never_touched_unless_forced(text: bytes, tmp_path: Path) -> None:
    archive = tmp_path / f"eod_report_SPX_{DATE}.zip"
    archive.write_bytes(text)
    assert "was not generated" in refused(tmp_path, "--format", "eod")
    assert archive.read_bytes() == text
    generate(tmp_path, "--format", "eod", "--force")
    assert zipfile.is_zipfile(archive)


def report(folder: Path, name: str, date: str, ticker: str = "SPX") -> Path:
    """A report of the service with one array."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(f"{date}_{ticker}_classic_gex_full.json", "[]")
    return folder / name


def test_a_recorded_day_in_a_folder_that_is_named_from_here_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{DATE}_SPX_classic_gex_full.json").write_text("[]")
    for out in ("data", "./data/../data"):
        assert f"{Path(out) / f'{DATE}_SPX_classic_gex_full.json'} holds recorded data" in refused(Path(out))
    monkeypatch.chdir(tmp_path / "data")
    assert f"{DATE}_SPX_classic_gex_full.json holds recorded data" in refused(Path())


@pytest.mark.parametrize("form", ["jsonl", "eod"])
@pytest.mark.parametrize(
    "name",
    [
        f"{DATE}_SPX_classic_gex_full.json",
        f"{DATE.replace('-', '')}_spx_classic_gex_full.json",
        f"downloads/{DATE}_SPX_classic_gex_full.json.gz",
        f"eod_report_SPX_{DATE.replace('-', '')}.zip",
        f"downloads/eod_report_SPX_{DATE}.zip",
        f"{DATE}/spx/classic/gex_full.jsonl",
        f"{DATE.replace('-', '')}/SPX/classic/gex_full.jsonl",
    ],
)
def test_a_simulated_day_takes_the_place_of_no_recorded_one(form: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[]")
    if name.endswith(".zip"):
        report(path.parent, path.name, DATE)
    before = contents(tmp_path)
    said = refused(tmp_path, "--format", form)
    assert f"{path} holds recorded data of {DATE}" in said
    assert "--force" in said
    assert contents(tmp_path) == before
    generate(tmp_path, "--format", form, "--force")
    generate(tmp_path, "--format", form, *(["--force"] if form == "eod" else []))


@pytest.mark.parametrize(
    "name", [f"{DATE}/a/{DATE}_NDX_classic_gex_full.json", f"{DATE.replace('-', '')}/NDX/classic/gex_full.jsonl"]
)
def test_a_simulated_ticker_hides_no_recorded_one_of_its_day(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("[]")
    assert f"{path} holds recorded data of {DATE}" in refused(tmp_path)
    generate(tmp_path, "--format", "eod")


def test_recorded_days_elsewhere_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"{DATE}_NDX_classic_gex_full.json").write_text("[]")
    (tmp_path / "2026-07-16_SPX_classic_gex_full.json").write_text("[]")
    report(tmp_path, "eod_report_SPX_2026-07-15.zip", "2026-07-15")
    generate(tmp_path)


def test_both_forms_of_a_simulated_day_may_lie_together(tmp_path: Path) -> None:
    generate(tmp_path, "--format", "eod")
    generate(tmp_path)
    generate(tmp_path, "--format", "eod")


def test_recorded_days_beside_are_no_obstacle(tmp_path: Path) -> None:
    other = tmp_path / DATE / "NDX" / "orderflow" / "orderflow.jsonl"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"recorded")
    generate(tmp_path, "--force")
    assert other.read_bytes() == b"recorded"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--date", "2026-07-18"), "the market is closed on 2026-07-18; the next trading day is 2026-07-20"),
        (("--date", "2026-7-17"), "YYYY-MM-DD"),
        (("--date", "2026-07-17..2026-07-13"), "before the beginning"),
        (("--date", "2026-07-18..2026-07-19"), "closed on all of these days"),
        (("--date", "2020-01-01..2026-01-01"), "in parts"),
        (("--date", DATE, "--tickers", ","), "name at least one"),
        (("--date", DATE, "--tickers", "SPX,../X"), "../X"),
    ],
)
def test_what_makes_no_sense_is_said(given: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(GexfakerError) as caught:
        call(*given, "--out", str(tmp_path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == {}


def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    done = run("--date", "2026-07-18", "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_an_error_of_a_process_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    done = run(*arguments(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "another folder" in done.stderr


@posix
@pytest.mark.parametrize("form", ["jsonl", "eod"])
def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing_half(form: str, tmp_path: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run(*arguments(tmp_path, "--format", form, records=300), preexec_fn=limit)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert str(tmp_path) in done.stderr
    assert "smaller format" in done.stderr
    assert {Path(name).name for name in contents(tmp_path)} <= {"generated.json"}


def test_two_runs_do_not_write_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gexfaker.tapes.lock import WriteLock

    monkeypatch.setattr(job, "LOCK_SECONDS", 0.0)
    task = job.Task(DATE, "SPX", 7, tmp_path, "jsonl", FEW)
    other = WriteLock(task.target.lock)
    assert other.acquire()
    with pytest.raises(DataError, match="another gexfaker generate"):
        job.write_day(task, lambda done: None)
    other.release()
    assert job.write_day(task, lambda done: None).written == FEEDS


# --- days and processes --------------------------------------------------------------------------


def test_days_come_in_order_each_once_without_closed_ones() -> None:
    assert trading_days(("2026-07-06", "2026-07-02..2026-07-07", "2026-07-01")) == [
        "2026-07-01",
        "2026-07-02",  # the 3rd is kept for the 4th, a Saturday
        "2026-07-06",
        "2026-07-07",
    ]


def test_a_long_list_of_days_is_refused() -> None:
    first = datetime.date(2020, 1, 1)
    days = [first + datetime.timedelta(days=number) for number in range(3 * MAX_DAYS)]
    weekdays = [f"{day}..{day + datetime.timedelta(days=4)}" for day in days if day.weekday() == 0]
    with pytest.raises(DataError, match="in parts"):
        trading_days(tuple(weekdays))


def test_the_other_commands_do_not_wait_for_what_these_need() -> None:
    heavy = ("numpy", "rich", "multiprocessing", "gexfaker.inspection", "gexfaker.market", "zipfile")
    code = f"import gexfaker.cli.main, sys; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert loaded.stdout == "[]\n"


def test_help_has_examples() -> None:
    text = call("--help")
    assert "Examples" in text
    assert "gexfaker generate --date" in text


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_a_crew_does_all_tasks_and_tells_how_far_it_is(jobs: int) -> None:
    seen = list(Crew(work.double, [1, 2, 3], jobs).run())
    assert {(index, result) for index, done, result in seen if done is None} == {(0, 2), (1, 4), (2, 6)}
    assert sorted(index for index, done, _ in seen if done == 1) == [0, 1, 2]


def test_an_error_of_a_worker_is_the_crews() -> None:
    with pytest.raises(GexfakerError, match="task 1 will not do"):
        list(Crew(work.refuse, [0, 1, 2], 2).run())


def test_a_worker_that_dies_is_told() -> None:
    with pytest.raises(WorkerError, match="exit code 3"):
        list(Crew(work.die, [0], 1).run())


def test_when_one_fails_the_others_clean_up(tmp_path: Path) -> None:
    place = tmp_path / "said"
    with pytest.raises(GexfakerError, match="failed"):
        list(Crew(work.endless, [str(place), "fail"], 2).run())
    assert place.read_text() == "cleaned up"


def spots(root: Path) -> list[float]:
    file = root / DATE / "SPX" / "classic" / "gex_zero.jsonl"
    return [json.loads(line)["spot"] for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_scenario_is_that_of_serve_and_part_of_what_a_run_must_agree_with(tmp_path: Path) -> None:
    generate(tmp_path / "plain")
    generate(tmp_path / "crash", "--scenario", "gap-down")
    assert spots(tmp_path / "crash")[0] < spots(tmp_path / "plain")[0]
    with running_server(scenario="gap-down", data_date=DATE, seed="7", tickers="SPX", speed="0") as server:
        answer = server.get("/v2/SPX/classic/gex_zero", {"Authorization": "Bearer k", "User-Agent": "t"})[1]
    assert json.loads(answer)["spot"] == spots(tmp_path / "crash")[0]
    assert "complete already" in generate(tmp_path / "crash", "--scenario", "gap-down")
    for other, said in (((), "scenario 'gap-down', not None"), (("--scenario", "calm"), "'gap-down', not 'calm'")):
        assert said in refused(tmp_path / "crash", *other)
    assert "scenario None, not 'calm'" in refused(tmp_path / "plain", "--scenario", "calm")


def test_a_scenario_file_that_was_changed_is_another_scenario(tmp_path: Path) -> None:
    from gexfaker.market.scenarios import scenariofile

    file = tmp_path / "mine.toml"
    example = next(Path(scenariofile.__file__).parent.rglob("*.toml"))
    file.write_bytes(example.read_bytes())
    generate(tmp_path / "out", "--scenario", str(file))
    file.write_bytes(example.read_bytes() + b"\n# changed\n")
    assert "mine.toml" in refused(tmp_path / "out", "--scenario", str(file))


def test_a_scenario_that_is_none_is_told_before_anything_is_written(tmp_path: Path) -> None:
    assert "flash-crash" in refused(tmp_path, "--scenario", "flash-crush")
    assert contents(tmp_path) == {}


def test_all_is_every_ticker() -> None:
    assert _names("all") == sorted(TICKERS)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("yesterday", "several days are written"), ("spy", '--tickers "SPX,SPY"'), ("2026-02-30", "e.g.")],
)
def test_what_is_no_day_is_answered_by_what_it_may_be(given: str, meant: str) -> None:
    with pytest.raises(DataError, match=re.escape(meant)):
        trading_days((given,))
