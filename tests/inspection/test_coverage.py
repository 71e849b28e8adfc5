"""Which recorded days there are, and which are worth a look."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.text import Text

from gexfaker.cli import coverage as command
from gexfaker.cli.main import cli
from gexfaker.errors import DataError
from gexfaker.exchange.hours import closing, opening
from gexfaker.inspection.coverage import KEPT, Coverage, Finding, Row, Shape, judge, shape_of
from gexfaker.tapes.folder import DataFolder

DAY = dt.date(2026, 7, 17)
HALF = dt.date(2026, 11, 27)
OPEN, CLOSE = opening(DAY), closing(DAY)
WHOLE = Shape(23_400, OPEN, CLOSE, 3, OPEN)


def write(root: Path, date: dt.date, times: Iterable[int], ticker: str = "SPX") -> None:
    folder = root / date.isoformat() / ticker / "orderflow"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"timestamp": at, "ticker": ticker}) for at in times]
    (folder / "orderflow.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def session(date: dt.date, step: int = 20) -> range:
    """Times of a whole session; with steps of 20 seconds it is far fewer than usual."""
    return range(opening(date) + 2, closing(date), step)


# --- the rules -----------------------------------------------------------------------------------


def test_what_times_make_of_a_day() -> None:
    times = [OPEN - 10, OPEN, OPEN + 1, OPEN + 200, OPEN + 201, CLOSE, CLOSE + 1]
    assert shape_of(times, DAY.isoformat()) == Shape(5, OPEN, CLOSE, CLOSE - OPEN - 201, OPEN + 201)
    assert shape_of([], DAY.isoformat()) == Shape(0, None, None, 0, 0)


@pytest.mark.parametrize(
    ("shape", "usual", "rules"),
    [
        (WHOLE, None, []),
        (WHOLE, 23_400, []),
        (WHOLE._replace(first=OPEN + 300), None, []),
        (WHOLE._replace(first=OPEN + 301), None, ["late-open"]),
        (WHOLE._replace(last=CLOSE - 300), None, []),
        (WHOLE._replace(last=CLOSE - 301), None, ["early-close"]),
        (WHOLE._replace(gap=120), None, []),
        (WHOLE._replace(gap=121), None, ["gap"]),
        (WHOLE._replace(snapshots=9_000), None, []),
        (WHOLE._replace(snapshots=8_999), None, ["sparse-session"]),
        (WHOLE._replace(snapshots=18_000), 20_000, []),
        (WHOLE._replace(snapshots=17_999), 20_000, ["low-snapshots"]),
        (Shape(0, None, None, 0, 0), 20_000, ["sparse-session"]),
        (WHOLE._replace(first=OPEN + 999, gap=500), None, ["late-open", "gap"]),
    ],
)
def test_what_is_worth_a_look(shape: Shape, usual: float | None, rules: list[str]) -> None:
    assert [finding.rule for finding in judge(shape, DAY.isoformat(), usual)] == rules


def test_a_half_day_is_judged_by_its_own_hours() -> None:
    begin, end = opening(HALF), closing(HALF)
    assert end - begin == 3.5 * 3600
    whole = Shape(12_600, begin, end, 3, begin)
    assert not list(judge(whole, HALF.isoformat(), 23_400))
    early = whole._replace(last=end - 400)
    assert [finding.rule for finding in judge(early, HALF.isoformat(), None)] == ["early-close"]
    assert "13:00:00" in next(judge(early, HALF.isoformat(), None)).text


# --- a folder ------------------------------------------------------------------------------------


def test_missing_days_are_those_on_which_was_traded(tmp_path: Path) -> None:
    write(tmp_path, dt.date(2026, 7, 1), session(dt.date(2026, 7, 1)))
    rows = Coverage(DataFolder(tmp_path)).rows(dt.date(2026, 7, 1), dt.date(2026, 7, 7))
    assert [(row.date, row.feeds) for row in rows] == [
        ("2026-07-01", 1),
        ("2026-07-02", 0),
        ("2026-07-06", 0),
        ("2026-07-07", 0),
    ], "the 3rd is a holiday, then comes a weekend"


def test_usual_is_the_median_of_the_days_before(tmp_path: Path) -> None:
    days = [dt.date(2026, 7, number) for number in (6, 7, 8, 9, 10, 13)]
    for day in days:
        write(tmp_path, day, session(day, 2 if day == days[-1] else 1))
    rows = Coverage(DataFolder(tmp_path)).rows(days[0], days[-1])
    assert [[finding.rule for finding in row.findings] for row in rows] == [[], [], [], [], [], ["low-snapshots"]]


def test_what_was_seen_is_kept_until_the_file_changes(tmp_path: Path) -> None:
    write(tmp_path, DAY, session(DAY))
    seen: list[str] = []

    def rows() -> list[object]:
        coverage = Coverage(DataFolder(tmp_path), progress=lambda name, _done: seen.append(name))
        return [row.shape for row in coverage.rows(DAY, DAY)]

    first = rows()
    assert seen
    seen.clear()
    assert rows() == first
    assert not seen, "the file was not opened again"
    write(tmp_path, DAY, session(DAY, 10))
    assert rows() != first


@pytest.mark.parametrize("text", ["", "[]", '{"2026-07-17 SPX_orderflow_orderflow": [1]}', "{" * 100_000])
def test_what_is_kept_may_be_ruined(text: str, tmp_path: Path) -> None:
    write(tmp_path, DAY, session(DAY))
    (tmp_path / KEPT).write_text(text)
    assert Coverage(DataFolder(tmp_path)).rows(DAY, DAY)[0].shape is not None


def test_a_folder_that_may_not_be_looked_through_says_what_is_known(tmp_path: Path) -> None:
    write(tmp_path, DAY, session(DAY))
    (row,) = Coverage(DataFolder(tmp_path), looks=False).rows(DAY, DAY)
    assert (row.feeds, row.shape, row.findings) == (1, None, ())
    assert row.size > 0


# --- the command ---------------------------------------------------------------------------------


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["coverage", *map(str, arguments)], catch_exceptions=False)


def test_a_month_is_shown_as_a_calendar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_today", lambda: dt.date(2026, 7, 20))
    for number in (16, 17):
        write(tmp_path, dt.date(2026, 7, number), session(dt.date(2026, 7, number), 1))
    write(tmp_path, dt.date(2026, 7, 15), range(OPEN - 2 * 86400, CLOSE - 2 * 86400 - 4000))
    done = run(tmp_path)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0].startswith("SPX 2026-07: 3 of 13 days")
    assert lines[1].split() == ["Mon", "Tue", "Wed", "Thu", "Fri"]
    assert "3 closed" in lines[2]
    week = next(line for line in lines if "16 ok" in line)
    assert week.split() == ["13", "missing", "14", "missing", "15", "early-close", "16", "ok", "17", "ok"]
    assert any(line.split() == ["20", "missing", "21", "22", "23", "24"] for line in lines), "the rest is to come"
    assert "2026-07-15 early-close: the last snapshot is of 2026-07-15 14:53:19" in done.output
    assert "missing: 2026-07-01" in done.output


@pytest.mark.parametrize("rule", ["late-open", "early-close", "gap", "sparse-session", "low-snapshots", None])
def test_the_days_of_a_calendar_stand_apart_and_fit_a_terminal(rule: str | None) -> None:
    findings = (Finding(rule, ""),) if rule else ()
    row = Row(HALF.isoformat(), "SPX", 15, 1, None, findings, half=True)
    cell = command._cell(HALF, {row.date: row})
    shown = Text.from_markup(cell).plain
    assert len(shown) - len(shown.rstrip()) >= 2
    assert 2 + 4 * command.COLUMN + len(shown.rstrip()) <= 80


def test_a_complete_month_is_exit_code_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_today", lambda: dt.date(2026, 7, 2))
    for number in (1, 2):
        write(tmp_path, dt.date(2026, 7, number), session(dt.date(2026, 7, number), 1))
    assert run(tmp_path, "--month", "2026-07").exit_code == 0
    report = json.loads(run(tmp_path, "--month", "2026-07", "--json").output)
    assert [(day["date"], day["findings"], day["shape"]["gap"]) for day in report["days"]] == [
        ("2026-07-01", [], 1),
        ("2026-07-02", [], 1),
    ]


def test_what_is_no_month_and_no_folder_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["coverage", str(tmp_path), "--month", "July"])
    assert done.exit_code == 2
    with pytest.raises(DataError, match="gexfaker import brings some in"):
        run(tmp_path)
    write(tmp_path, DAY, session(DAY))
    done = CliRunner().invoke(cli, ["coverage", str(tmp_path), "--month", "2026-13"])
    assert (done.exit_code, "is no month" in done.output) == (2, True)


def test_a_month_without_days_is_missing_and_one_to_come_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_today", lambda: dt.date(2026, 7, 20))
    write(tmp_path, DAY, session(DAY, 1))
    done = run(tmp_path, "--month", "2026-01")
    assert done.exit_code == 1
    assert "SPX 2026-01: 0 of 20 days" in done.output
    with pytest.raises(DataError, match="2027-01 is still to come"):
        run(tmp_path, "--month", "2027-01")
