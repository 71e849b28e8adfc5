"""`gexfaker inspect` as a command: verdicts, exit codes, both outputs, and what it cannot check."""

from __future__ import annotations

import datetime
import gzip
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gexfaker.catalog import Feed
from gexfaker.cli.main import cli
from gexfaker.errors import DataError
from gexfaker.exchange.hours import epoch
from gexfaker.inspection.day import inspect_day
from gexfaker.jobs.generate import Task, write_day
from inspection.builder import DATE, FIRST, Built, gex, line

FLOW = "orderflow/orderflow"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["inspect", *arguments], catch_exceptions=False)


def late(day: Built) -> None:
    """A gap."""
    for index in range(10, 20):
        day.row(FLOW, index)["timestamp"] += 10


def wrong(day: Built) -> None:
    """A sum that does not add up."""
    day.row(FLOW, 9)["agg_call_dex"] += 1000


@pytest.mark.parametrize(
    ("damage", "code", "verdict"),
    [(None, 0, "ok"), (late, 0, "notes"), (wrong, 1, "broken")],
    ids=["sound", "late", "wrong"],
)
def test_verdict_and_exit_code(damage: Callable[[Built], None] | None, code: int, verdict: str, tmp_path: Path) -> None:
    day = Built()
    # Only this feed: the others would be compared with seconds that were moved.
    day.feeds = {FLOW: day.feeds[FLOW]}
    if damage:
        damage(day)
    day.write(tmp_path)
    shown, as_json = run(str(tmp_path)), run(str(tmp_path), "--json")
    assert (shown.exit_code, as_json.exit_code) == (code, code)
    assert f"{DATE} SPX: {verdict}" in shown.output
    assert f"1 ticker-day: {verdict}" in shown.output
    report = json.loads(as_json.output)
    assert report["verdict"] == report["days"][0]["verdict"] == report["days"][0]["feeds"][0]["verdict"] == verdict


def test_a_finding_is_shown_with_its_place_and_remedy(tmp_path: Path) -> None:
    day = Built()
    wrong(day)
    day.feeds["classic/gex_full"][4] = "half a line"
    output = run(str(day.write(tmp_path))).output
    folder = tmp_path / DATE / "SPX"
    assert f"{folder / 'orderflow' / 'orderflow.jsonl'}:10  agg_dex = agg_call_dex + agg_put_dex" in output
    assert f"{folder / 'classic' / 'gex_full.jsonl'}:5  " in output
    assert "dex-sum, 1 time)" in output
    assert output.count("remedy: ") == 2


def test_a_remedy_is_told_once_for_all_feeds_that_need_it(tmp_path: Path) -> None:
    day = Built()
    for lines in day.feeds.values():
        lines[4] = "half a line"
    folder = str(day.write(tmp_path))
    output = run(folder).output
    assert output.count(":5  ") == 3
    assert f"and {len(day.feeds) - 3} more feeds, see -v" in output
    assert output.count("remedy: ") == 1
    assert run(folder, "-v").output.count(":5  ") == len(day.feeds)


def test_the_table_has_every_feed_its_times_and_gaps(tmp_path: Path) -> None:
    day = Built()
    late(day)
    output = run(str(day.write(tmp_path)), "-v").output
    row = next(text for text in output.splitlines() if text.strip().startswith("orderflow "))
    assert row.split() == ["orderflow", "20", "09:30:02", "09:30:31", "1", "11", "s", "0", "0", "notes"]
    for feed in day.feeds:
        package, category = feed.split("/")
        assert package == "orderflow" or f"{package} {category} " in output


def test_a_sound_day_is_five_lines_at_the_most_and_all_of_it_with_v(tmp_path: Path) -> None:
    day = Built()
    late(day)
    folder = str(day.write(tmp_path))
    short, long = run(folder).output.splitlines(), run(folder, "-v").output.splitlines()
    assert len(short) <= 5 < len(long)
    assert short[:2] == [
        f"{DATE} SPX: notes",
        f"  {len(day.feeds)} feeds, {20 * len(day.feeds)} records, 09:30:02 to 09:30:31; the market closed at 16:00:00",
    ]
    assert any(line.startswith(("  note: ", "  as real days have it: ")) for line in short[2:])


@pytest.mark.parametrize(
    ("date", "times", "said"),
    [
        ("2026-11-25", ("09:30:02", "16:00:00"), "09:30:02 to 16:00:00"),
        ("2026-11-25", ("09:35:00", "15:55:00"), "09:35:00 to 15:55:00"),
        ("2026-11-25", ("09:35:01", "13:00:00"), "{}; the market opened at 09:30:00; the market closed at 16:00:00"),
        ("2026-11-27", ("09:30:02", "13:00:00"), "09:30:02 to 13:00:00 (a half day)"),
        ("2026-11-27", ("09:30:02", "12:54:59"), "{} (a half day); the market closed at 13:00:00"),
    ],
)
def test_what_of_the_markets_hours_is_missing_is_said(
    date: str, times: tuple[str, str], said: str, tmp_path: Path
) -> None:
    day, whole = datetime.date.fromisoformat(date), tmp_path / date / "SPX" / "classic" / "gex_zero.jsonl"
    whole.parent.mkdir(parents=True)
    moments = [epoch(day, datetime.time.fromisoformat(at)) for at in times]
    whole.write_text("".join(line(gex(0, "classic", "gex_zero") | {"timestamp": at}) + "\n" for at in moments))
    shown = run(str(tmp_path)).output.splitlines()[1]
    assert shown == "  1 feed, 2 records, " + said.format(" to ".join(times))
    (told,) = json.loads(run(str(tmp_path), "--json").output)["days"]
    closed = "13:00" if "half" in said else "16:00"
    assert [told["open"], told["close"]] == [epoch(day, datetime.time.fromisoformat(at)) for at in ("09:30", closed)]


def test_what_some_clients_cannot_read_is_a_note_with_its_remedy(tmp_path: Path) -> None:
    day = Built(2)
    day.write(tmp_path)
    file = tmp_path / DATE / "SPX" / "classic" / "gex_full.jsonl"
    file.write_text(file.read_text().replace(",", ", "))
    output = run(str(tmp_path)).output
    assert "note: JSON that is not compact (2); write it without spaces; some clients cannot read them" in output


def test_a_narrow_terminal_has_the_feed_and_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexfaker.cli.inspect.PIPE_WIDTH", 60)
    day = Built()
    output = run(str(day.write(tmp_path)), "-v").output
    table = output[output.index("feed") : output.index("identity")].splitlines()
    assert max(map(len, table)) <= 60
    assert table[0].split() == ["feed", "records", "gaps", "repeats", "back", "verdict"]
    for feed in day.feeds:
        package, category = feed.split("/")
        assert package == "orderflow" or f"{package} {category} " in output


def test_the_help_explains_every_column() -> None:
    text = run("--help").output
    for column in ("gaps", "longest", "repeats", "back", "compared", "differing", "restarts", "alone"):
        assert f"{column} " in text or f"{column}," in text, column


def test_an_array_is_as_sound_as_lines(tmp_path: Path) -> None:
    day = Built(1)
    day.write(tmp_path)
    file = tmp_path / DATE / "SPX" / "classic" / "gex_full.jsonl"
    file.write_text(f"[{file.read_text().strip()}]")
    assert "1 ticker-day: ok" in run(str(tmp_path)).output


def test_records_of_several_lines_are_told_with_a_remedy_that_helps(tmp_path: Path) -> None:
    day = Built(1)
    day.write(tmp_path)
    file = tmp_path / DATE / "SPX" / "classic" / "gex_full.jsonl"
    file.write_text(json.dumps(json.loads(file.read_text()), indent=1))
    output = run(str(tmp_path)).output
    assert f"{file}:1  " in output
    assert "write one JSON object a line, or one array (jq -s .), or get the file again" in output


def test_days_and_tickers_may_be_chosen(tmp_path: Path) -> None:
    Built(2).write(tmp_path)
    day = Built(2)
    for rows in day.feeds.values():
        for row in rows:
            row["ticker"] = "ES_SPX"  # type: ignore[index]
    day.write(tmp_path, "ES_SPX")
    (tmp_path / "2026-07-16" / "SPX" / "orderflow").mkdir(parents=True)
    (tmp_path / "2026-07-16" / "SPX" / "orderflow" / "orderflow.jsonl").write_text("")

    def days(*arguments: str) -> list[tuple[str, str]]:
        report = json.loads(run(str(tmp_path), "--json", *arguments).output)
        return [(found["date"], found["ticker"]) for found in report["days"]]

    assert days() == [("2026-07-16", "SPX"), (DATE, "ES_SPX"), (DATE, "SPX")]
    assert days("--date", "latest", "--ticker", "es_spx") == [(DATE, "ES_SPX")]
    assert days("--date", DATE, "--date", "2026-07-16", "--ticker", "SPX") == [("2026-07-16", "SPX"), (DATE, "SPX")]
    assert days("--ticker", "ES_SPX") == [(DATE, "ES_SPX")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "not a folder"),
        (("--date", "2020-01-02"), "2026-07-17"),
        (("--date", "today"), "not a date"),
        (("--ticker", "NDX"), "no days of NDX"),
        (("--date", DATE, "--ticker", "NDX"), "it has SPX"),
    ],
)
def test_nothing_to_check_is_said(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    Built(1).write(tmp_path)
    folder = str(tmp_path / arguments[0]) if arguments[0] == "nowhere" else str(tmp_path)
    with pytest.raises(DataError) as caught:
        run(folder, *arguments[1:] if arguments[0] == "nowhere" else arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_as_a_process_errors_are_one_line_and_no_bar_is_drawn(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gexfaker", "inspect", str(tmp_path)]
    empty = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (empty.returncode, empty.stdout, empty.stderr.count("\n")) == (2, "", 1)
    assert "DATE/TICKER/package/category.jsonl" in empty.stderr
    Built(2).write(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_help_has_examples() -> None:
    text = run("--help").output
    assert "gexfaker inspect ~/gexdata" in text
    assert "Exit code: 0 ok or notes, 1 something is broken" in text


@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst"])
def test_what_generate_writes_is_ok(form: str, tmp_path: Path) -> None:
    write_day(Task(DATE, "ES_SPX", 3, tmp_path, form, 400), lambda done: None)
    done = run(str(tmp_path), "--json")
    assert done.exit_code == 0
    (day,) = json.loads(done.output)["days"]
    assert day["verdict"] == "ok"
    kinds = {finding["check"] for feed in day["feeds"] for finding in feed["findings"]}
    assert kinds <= {"reset-row"}
    assert all(identity["differing"] == 0 for feed in day["feeds"] for identity in feed["identities"])
    priors = [feed["priors"]["60"]["equal_share"] for feed in day["feeds"] if "priors" in feed]
    assert len(priors) == 6
    assert min(priors) > 0.9


def test_a_compressed_day_is_inspected_too(tmp_path: Path) -> None:
    Built().write(tmp_path)
    for path in tmp_path.rglob("*.jsonl"):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert "1 ticker-day: ok" in run(str(tmp_path)).output


class Long:
    """A tape of any length that holds nothing."""

    feed = Feed("SPX", "classic", "gex_full")
    date = DATE
    number = -1

    def __init__(self, count: int) -> None:
        self.count = count
        strikes: list[Any] = [[6000 + 5 * place, 0.25, 0, [0.25] * 5] for place in range(500)]
        row = gex(0, "classic", "gex_full") | {"strikes": strikes, "sum_gex_vol": 125, "sum_gex_oi": 0}
        self.before, self.after = line(row).split(str(FIRST))

    def __len__(self) -> int:
        return self.count

    def has(self, index: int) -> bool:
        return index < self.count

    def timestamp(self, index: int) -> int:
        return FIRST + 10 * index

    def json(self, index: int) -> bytes:
        return f"{self.before}{self.timestamp(index)}{self.after}".encode()

    def payload(self, index: int) -> bytes | None:
        return None

    def columns(self, index: int, shape: object, most: int) -> None:
        return None

    @property
    def is_prepared(self) -> bool:
        return False

    def steps_to_index(self, index: int) -> Iterator[None]:
        return iter(())

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        return iter(())

    def knows(self, timestamp: int) -> bool:
        return True

    def index_at(self, timestamp: int) -> int:
        return (timestamp - FIRST) // 10

    def place(self, index: int) -> str:
        return f"long:{index + 1}"

    def close(self) -> None:
        pass


def test_the_length_of_a_day_costs_no_memory() -> None:
    tape = Long(400)
    tracemalloc.start()
    try:
        report = inspect_day(DATE, [tape.feed], lambda feed: tape, lambda feed, records: None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.feeds[0].records == 400
    assert len(tape.json(0)) * 400 > 5_000_000
    # Half an hour of the column that the priors are compared with, and a record or two.
    assert peak < 2_000_000


def test_what_is_not_played_is_told_and_no_verdict(tmp_path: Path) -> None:
    day = Built()
    folder = day.write(tmp_path)
    stray = tmp_path / DATE / "SPX" / "classic" / "gexone.jsonl"
    stray.write_text("{}")
    done = run(str(folder))
    assert done.exit_code == 0
    assert f"note: {stray} is not played: did you mean gex_one?" in done.output
    assert json.loads(run(str(folder), "--json").output)["not_played"] == [
        f"{stray} is not played: did you mean gex_one?"
    ]


def test_a_folder_without_days_is_refused_with_what_it_may_be(tmp_path: Path) -> None:
    folder = Built().write(tmp_path / "deep")
    with pytest.raises(
        DataError, match=r"SPX is not played: it is a ticker of a day that lies in .*deep; name that folder"
    ):
        run(str(folder / DATE))
