"""Days damaged in one place each: exactly that is found, where it is, and nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexfaker.inspection.findings import EXAMPLES, KINDS, Severity
from gexfaker.inspection.orderflow import DIFFERENCES, SUMS
from gexfaker.inspection.times import STALE_ROWS
from inspection.builder import DATE, FIRST, Built, found, inspected, line, reset

FLOW = "orderflow/orderflow"
GEX = "state/gex_zero"
CLASSIC = "classic/gex_full"
GAMMA = "state/gamma_zero"
YESTERDAY = FIRST - 63_000

Damage = Callable[[Built], None]
Expected = dict[tuple[str, str], tuple[int, list[int]]]
Case = tuple[str, Damage, Expected]


def one(feed: str, check: str, *lines: int, count: int | None = None) -> Expected:
    """One kind of finding, at these lines."""
    return {(feed, check): (count or len(lines), list(lines))}


def put(feed: str, index: int, **values: Any) -> Damage:
    return lambda day: day.row(feed, index).update(values)


def add(feed: str, index: int, name: str, amount: float) -> Damage:
    def damage(day: Built) -> None:
        row = day.row(feed, index)
        row[name] = round(row[name] + amount, 2)

    return damage


def cell(feed: str, index: int, key: str, place: int, column: int, value: Any) -> Damage:
    def damage(day: Built) -> None:
        day.row(feed, index)[key][place][column] = value

    return damage


def text(feed: str, index: int, change: Callable[[str], str]) -> Damage:
    def damage(day: Built) -> None:
        day.feeds[feed][index] = change(line(day.row(feed, index)))

    return damage


def moved(feed: str, start: int, seconds: int) -> Damage:
    """All rows from ``start`` come later."""

    def damage(day: Built) -> None:
        for index in range(start, len(day.feeds[feed])):
            day.row(feed, index)["timestamp"] += seconds

    return damage


def everywhere(change: Callable[[list[Any]], None]) -> Damage:
    def damage(day: Built) -> None:
        for rows in day.feeds.values():
            change(rows)

    return damage


def swapped(text: str) -> str:
    row = json.loads(text)
    row = {"ticker": row.pop("ticker"), **row}
    return line(row)


def stale(rows: list[Any]) -> None:
    rows[0]["timestamp"] = YESTERDAY


def repeat(rows: list[Any]) -> None:
    rows.insert(8, dict(rows[7]))


def two_in_a_second(day: Built) -> None:
    for rows in day.feeds.values():
        rows[8]["timestamp"] -= 1  # type: ignore[index, operator]
    day.row(FLOW, 8)["zgr"] = 123.45


SUM_CASES: list[Case] = [
    (f"sum {total}", add(FLOW, 9, call, 0.02), one(FLOW, "dex-sum", 10)) for total, call, _ in SUMS
]
FLOW_CASES: list[Case] = [
    (f"change {flow}", add(FLOW, 9, flow, 0.01), one(FLOW, "flow-difference", 10)) for flow in DIFFERENCES
]
LEVEL_CASES: list[Case] = [
    (f"level {name}", add(FLOW, 9, name, 0.01), one(FLOW, "level", 10))
    for name in "z_mlgamma z_msgamma o_mlgamma o_msgamma zero_mcall zero_mput one_mcall one_mput".split()
]
ZERO_CASES: list[Case] = [
    (f"zero {name}", put(GEX, 4, **{name: 1}), one(GEX, "state-zero", 5))
    for name in ("zero_gamma", "major_pos_oi", "major_neg_oi", "delta_risk_reversal")
]

CASES: list[Case] = [
    *SUM_CASES,
    *FLOW_CASES,
    *LEVEL_CASES,
    *ZERO_CASES,
    ("a level of both rows", add(FLOW, 9, "zgr", 0.01), one(FLOW, "flow-difference", 10, 11)),
    ("a rounded sum", add(FLOW, 9, "agg_call_dex", 0.01), {}),
    ("a state feed's level", add(GAMMA, 9, "major_long_gamma", 0.01), one(FLOW, "level", 10)),
    ("a strike by volume", cell(CLASSIC, 3, "strikes", 2, 1, 9999), one(CLASSIC, "strike-sum", 4)),
    ("a strike by interest", cell(CLASSIC, 3, "strikes", 2, 2, 9999), one(CLASSIC, "strike-sum", 4)),
    ("a sum within rounding", add(CLASSIC, 3, "sum_gex_vol", 0.02), {}),
    ("a sum beyond rounding", add(CLASSIC, 3, "sum_gex_vol", 0.03), one(CLASSIC, "strike-sum", 4)),
    (
        "interest in a state feed",
        cell(GEX, 3, "strikes", 2, 2, 5),
        one(GEX, "state-zero", 4) | one(GEX, "strike-sum", 4),
    ),
    ("strikes out of order", cell(CLASSIC, 3, "strikes", 1, 0, 6801), one(CLASSIC, "range", 4)),
    ("a strike twice", cell(GAMMA, 3, "mini_contracts", 1, 0, 6790), one(GAMMA, "range", 4)),
    ("a negative volatility", cell(GAMMA, 3, "mini_contracts", 1, 1, -0.1), one(GAMMA, "range", 4)),
    ("spot beyond the strikes", put(CLASSIC, 3, spot=6900), one(CLASSIC, "outside-ladder", 4)),
    ("no spot", put(FLOW, 3, spot=0), one(FLOW, "range", 4)),
    ("a negative level", put(CLASSIC, 3, major_pos_vol=-6800), one(CLASSIC, "range", 4)),
    ("expiries out of order", put(GAMMA, 3, min_dte=1), one(GAMMA, "range", 4)),
    ("too large for the wire", put(FLOW, 3, zcharm=21_474_836.48), one(FLOW, "saturates", 4)),
    ("as large as the wire takes", put(FLOW, 3, zcharm=-21_474_836.47), {}),
    ("another ticker", put(GEX, 3, ticker="NDX"), one(GEX, "ticker", 4)),
    ("a line cut off", text(CLASSIC, 3, lambda text: text[:90]), one(CLASSIC, "unreadable", 4)),
    ("a line of words", text(CLASSIC, 3, lambda _: "no data"), one(CLASSIC, "unreadable", 4)),
    ("broken inside", text(CLASSIC, 3, lambda text: text.replace(":", "", 1)), one(CLASSIC, "unreadable", 4)),
    ("a blank line", text(CLASSIC, 3, lambda text: "\n" + text), {}),
    ("another order", text(CLASSIC, 3, swapped), one(CLASSIC, "key-order", 4)),
    ("spaces", text(CLASSIC, 3, lambda text: text.replace(":", ": ")), one(CLASSIC, "spacing", 4)),
    ("a key twice", text(CLASSIC, 3, lambda text: text[:-1] + ',"spot":6801.25}'), one(CLASSIC, "keys", 4)),
    ("a key too many", put(CLASSIC, 3, more=1), one(CLASSIC, "keys", 4)),
    ("a key missing", lambda day: day.row(CLASSIC, 3).pop("spot"), one(CLASSIC, "keys", 4)),
    ("text for a number", put(CLASSIC, 3, spot="6801.25"), one(CLASSIC, "types", 4)),
    ("a short row", lambda day: day.row(CLASSIC, 3)["strikes"][0].pop(), one(CLASSIC, "types", 4)),
    ("four priors", lambda day: day.row(CLASSIC, 3)["strikes"][0][3].pop(), one(CLASSIC, "types", 4)),
    ("milliseconds", put(CLASSIC, 3, timestamp=(FIRST + 3) * 1000), {}),
    ("nanoseconds", put(CLASSIC, 3, timestamp=FIRST * 10**9), one(CLASSIC, "types", 4)),
    ("no priors", cell(CLASSIC, 3, "strikes", 2, 3, None), {}),
    ("a needless zero", text(GAMMA, 3, lambda text: text.replace("6805", "6805.0")), one(GAMMA, "number-format", 4)),
    ("an exponent", text(GAMMA, 3, lambda text: text.replace("6805", "6.805e3")), one(GAMMA, "number-format", 4)),
    ("three decimals", text(FLOW, 3, lambda text: text.replace(".25", ".251")), one(FLOW, "number-format", 4)),
    ("a gap of three", moved(CLASSIC, 5, 2), {}),
    ("a gap of four", moved(CLASSIC, 5, 3), one(CLASSIC, "gap", 6)),
    (
        "a long gap",
        everywhere(lambda rows: rows.__delitem__(slice(5, 15))),
        {("*", "gap"): (1, [6])} | one(FLOW, "flow-restart", 6, 6, 6, count=6),
    ),
    ("a repeat", everywhere(repeat), {("*", "repeated"): (1, [9])}),
    (
        "two snapshots in a second",
        everywhere(lambda rows: rows[8].update(timestamp=FIRST + 7)),
        {("*", "repeated"): (1, [9])},
    ),
    (
        "a change in a second seen twice",
        two_in_a_second,
        {("*", "repeated"): (1, [9])} | one(FLOW, "flow-restart", 9) | one(FLOW, "flow-difference", 10),
    ),
    ("a step back", put(CLASSIC, 7, timestamp=FIRST + 5), one(CLASSIC, "backward", 8)),
    ("a stale first row", everywhere(stale), {("*", "stale-row"): (1, [1])}),
    ("another day", put(CLASSIC, 7, timestamp=FIRST + 86_400), one(CLASSIC, "other-day", 8)),
    ("yesterday in between", put(CLASSIC, 7, timestamp=YESTERDAY), one(CLASSIC, "other-day", 8)),
    (
        "after the close",
        put(CLASSIC, 19, timestamp=FIRST + 23_399),
        one(CLASSIC, "outside-hours", 20) | one(CLASSIC, "gap", 20),
    ),
]


def spread(expected: Expected, day: Built) -> Expected:
    """With ``*`` as every feed."""
    every = {(feed, check): where for (star, check), where in expected.items() if star == "*" for feed in day.feeds}
    return every | {key: where for key, where in expected.items() if key[0] != "*"}


@pytest.mark.long
@pytest.mark.parametrize(("damage", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_exactly_the_damage_is_found(damage: Damage, expected: Expected, tmp_path: Path) -> None:
    day = Built()
    damage(day)
    assert found(inspected(day.write(tmp_path))) == spread(expected, day)


def test_a_sound_day_is_ok_and_every_identity_was_looked_at(tmp_path: Path) -> None:
    report = inspected(Built(130).write(tmp_path))
    assert found(report) == {}
    assert report.severity is Severity.USUAL
    identities = [identity for feed in report.feeds for identity in feed.identities]
    assert len(identities) == 4 + 6 + 8 + 2 * 6
    for identity in identities:
        assert identity["compared"] >= 129, identity
        assert (identity["differing"], identity["tolerated"], identity["alone"]) == (0, 0, 0)
    assert all(feed.records == 130 for feed in report.feeds)


def test_the_open_of_a_real_day_is_no_damage(tmp_path: Path) -> None:
    """A row of the close before, a reset row, then the market: only notes, and the right ones."""
    day = Built()
    day.row(FLOW, 0)["timestamp"] = YESTERDAY
    day.feeds[FLOW][1] = reset(day.row(FLOW, 1))
    report = inspected(day.write(tmp_path))
    assert found(report) == {
        (FLOW, "stale-row"): (1, [1]),
        (FLOW, "reset-row"): (1, [2]),
        (FLOW, "flow-restart"): (12, [2, 2, 2]),
        (FLOW, "level-restart"): (4, [2, 2, 2]),
    }
    assert report.severity is Severity.NOTE


def test_a_reset_row_alone_does_not_change_the_verdict(tmp_path: Path) -> None:
    day = Built()
    zeros = reset(day.row(FLOW, 0))
    levels = "z_mlgamma z_msgamma o_mlgamma o_msgamma".split()
    day.feeds[FLOW][0] = zeros | {name: day.row(FLOW, 0)[name] for name in levels}
    for name, of in DIFFERENCES.items():
        day.row(FLOW, 1)[name] = day.row(FLOW, 1)[of]
    report = inspected(day.write(tmp_path))
    assert found(report) == one(FLOW, "reset-row", 1)
    assert report.severity is Severity.USUAL


def test_a_reset_row_later_is_a_note(tmp_path: Path) -> None:
    day = Built()
    day.feeds[FLOW][12] = reset(day.row(FLOW, 12))
    report = inspected(day.write(tmp_path))
    assert {check for _, check in found(report)} == {"late-reset", "level-restart", "flow-restart"}


def test_feeds_of_different_rows_are_compared_where_they_meet(tmp_path: Path) -> None:
    day = Built()
    del day.feeds[GAMMA][5:7]
    report = inspected(day.write(tmp_path))
    assert found(report) == {}
    flow = next(feed for feed in report.feeds if feed.feed.package == "orderflow")
    alone = {identity["name"].split()[0]: identity["alone"] for identity in flow.identities if identity["alone"]}
    assert alone == {"z_mlgamma": 2, "z_msgamma": 2}


def test_a_missing_feed_is_no_finding(tmp_path: Path) -> None:
    day = Built()
    day.feeds = {FLOW: day.feeds[FLOW]}
    report = inspected(day.write(tmp_path))
    assert found(report) == {}
    assert len(report.feeds[0].identities) == 10


def test_feeds_of_different_days_do_not_correlate(tmp_path: Path) -> None:
    day = Built(130)
    for index, row in enumerate(reversed([dict(day.row(GEX, number)) for number in range(130)])):
        day.feeds[GEX][index] = row | {"timestamp": FIRST + index}
    report = found(inspected(day.write(tmp_path)))
    assert report == one(FLOW, "correlation", 1)


def test_a_file_of_another_day_is_broken(tmp_path: Path) -> None:
    day = Built(3)
    for index in range(3):
        day.row(CLASSIC, index)["timestamp"] -= 86_400
    report = inspected(day.write(tmp_path))
    assert found(report) == one(CLASSIC, "other-day", 1, 2, 3)
    assert report.severity is Severity.BROKEN


@pytest.mark.parametrize("moved", [-3 * 86_400, 86_400])
def test_every_row_of_another_day_is_counted_once(tmp_path: Path, moved: int) -> None:
    day = Built(40)
    for index in range(40):
        day.row(CLASSIC, index)["timestamp"] += moved
    first = (1, 2, 3) if moved > 0 else tuple(STALE_ROWS + number for number in (1, 2, 3))
    assert found(inspected(day.write(tmp_path))) == one(CLASSIC, "other-day", *first, count=40)


def test_a_day_begins_with_a_few_rows_of_the_close_before_at_the_most(tmp_path: Path) -> None:
    day = Built(40)
    for index in range(STALE_ROWS + 5):
        day.row(CLASSIC, index)["timestamp"] = YESTERDAY
    more = range(STALE_ROWS + 1, STALE_ROWS + 4)
    expected = one(CLASSIC, "stale-row", 1, 2, 3, count=STALE_ROWS) | one(CLASSIC, "other-day", *more, count=5)
    assert found(inspected(day.write(tmp_path))) == expected


def test_an_empty_file_and_a_cut_archive_are_broken(tmp_path: Path) -> None:
    day = Built(200)
    day.write(tmp_path)
    folder = tmp_path / DATE / "SPX" / "classic"
    (folder / "gex_full.jsonl").write_bytes(b"\n\n")
    plain = (folder / "gex_one.jsonl").read_bytes()
    (folder / "gex_one.jsonl").unlink()
    (folder / "gex_one.jsonl.gz").write_bytes(gzip.compress(plain)[:-2000])
    checks = {key for key in found(inspected(tmp_path)) if key[0].startswith("classic")}
    assert checks >= {("classic/gex_full", "empty"), ("classic/gex_one", "archive")}


def test_only_the_first_places_are_kept(tmp_path: Path) -> None:
    day = Built()
    for index in range(5, 15):
        day.row(CLASSIC, index)["sum_gex_vol"] = 12345
    report = inspected(day.write(tmp_path))
    assert found(report) == one(CLASSIC, "strike-sum", 6, 7, 8, count=10)
    assert EXAMPLES == 3


def test_every_finding_has_a_kind_with_a_remedy() -> None:
    wanted = {check for _, _, expected in CASES for _, check in expected}
    assert wanted <= KINDS.keys()
    assert all(kind.what and kind.remedy for kind in KINDS.values())


def test_the_report_is_json(tmp_path: Path) -> None:
    day = Built()
    day.row(FLOW, 9)["dexoflow"] += 1
    report = json.loads(json.dumps(inspected(day.write(tmp_path)).as_json()))
    assert (report["date"], report["ticker"], report["verdict"]) == (DATE, "SPX", "broken")
    flow = next(feed for feed in report["feeds"] if feed["package"] == "orderflow")
    assert (flow["first"], flow["last"], flow["gaps"]) == (FIRST, FIRST + 19, 0)
    (finding,) = flow["findings"]
    assert finding["check"] == "flow-difference"
    assert finding["examples"][0]["place"].endswith("orderflow.jsonl:10")
