"""A small sound ticker-day of all fifteen feeds, whose identities hold by construction, to be damaged by tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.inspection.day import DayReport, inspect_day
from gexfaker.tapes.folder import DataFolder

DATE = "2026-07-17"
FIRST = 1_784_295_002
"""09:30:02 New York."""

STRIKES = (6790, 6795, 6800, 6805, 6810)
OFFSETS = {"zero": 0, "one": 7, "full": 3}
FLOWS = ("agg_call_dex", "agg_put_dex", "net_call_dex", "net_put_dex")

Row = dict[str, Any]


def wave(index: int, salt: int) -> int:
    """Hundredths that go up and down, differently for every salt; never the same twice in a row."""
    return (index * (37 + salt * 11) + salt * 101) % 1009 * 7 - 3500


def amount(cents: int) -> int | float:
    """A number as the service writes it."""
    return cents // 100 if cents % 100 == 0 else cents / 100


def _strikes(index: int, salt: int, interest: bool) -> list[list[Any]]:
    rows = []
    for place, strike in enumerate(STRIKES):
        volume = amount(wave(index, salt + place) + index * 50)
        rows.append([strike, volume, amount(wave(0, salt + place + 9)) if interest else 0, [0, 0, 0, 0, 0]])
    return rows


def gex(index: int, package: str, category: str) -> Row:
    """A record of a gex feed."""
    state = package == "state"
    salt = OFFSETS[category.removeprefix("gex_")] + (20 if state else 0)
    rows = _strikes(index, salt, interest=not state)
    level = {"major_pos_vol": 6800 + salt, "major_pos_oi": 6805, "major_neg_vol": 6790.5, "major_neg_oi": 6795}
    if state:
        level |= {"major_pos_oi": 0, "major_neg_oi": 0}
    return {
        "timestamp": FIRST + index,
        "ticker": "SPX",
        "min_dte": 0,
        "sec_min_dte": 1,
        "spot": 6801.25,
        "zero_gamma": 0 if state else 6799.5,
        **{name: level[name] for name in ("major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi")},
        "strikes": rows,
        "sum_gex_vol": amount(sum(round(row[1] * 100) for row in rows)),
        "sum_gex_oi": amount(sum(round(row[2] * 100) for row in rows)),
        "delta_risk_reversal": 0 if state else 0.118,
        "max_priors": [[6800, 1.125]] * 6,
    }


def greek(index: int, category: str) -> Row:
    """A record of a greek feed."""
    salt = 40 + sum(map(ord, category)) % 50
    rows = [
        [strike, 0.126, 0.137, amount(wave(index, salt + place)), [0, 0, 0], None, None]
        for place, strike in enumerate(STRIKES)
    ]
    return {
        "timestamp": FIRST + index,
        "ticker": "SPX",
        "spot": 6801.25,
        "min_dte": 0,
        "sec_min_dte": 1,
        "major_positive": 6805,
        "major_negative": 6795,
        "major_long_gamma": amount(680_000 + index % 10 * 7),
        "major_short_gamma": amount(679_000 + salt),
        "mini_contracts": rows,
    }


def _levels(index: int) -> Row:
    zero, one = greek(index, "gamma_zero"), greek(index, "gamma_one")
    gex_zero, gex_one = gex(index, "state", "gex_zero"), gex(index, "state", "gex_one")
    return {
        "z_mlgamma": zero["major_long_gamma"],
        "z_msgamma": zero["major_short_gamma"],
        "o_mlgamma": one["major_long_gamma"],
        "o_msgamma": one["major_short_gamma"],
        "zero_mcall": gex_zero["major_pos_vol"],
        "zero_mput": gex_zero["major_neg_vol"],
        "one_mcall": gex_one["major_pos_vol"],
        "one_mput": gex_one["major_neg_vol"],
    }


def _flow_levels(index: int) -> dict[str, int]:
    """Hundredths of all levels of flow."""
    sums = {expiry: round(gex(index, "state", f"gex_{expiry}")["sum_gex_vol"] * 100) for expiry in ("zero", "one")}
    delta = sum(round(row[3] * 100) for row in greek(index, "delta_zero")["mini_contracts"])
    cents = {"zcvr": -sums["zero"], "ocvr": -sums["one"], "zgr": sums["zero"], "ogr": sums["one"]}
    cents |= {name: wave(index, 60 + place) for place, name in enumerate(("zvanna", "ovanna", "zcharm", "ocharm"))}
    for prefix in ("", "one_"):
        cents |= {prefix + name: wave(index, 70 + place + len(prefix)) for place, name in enumerate(FLOWS)}
    cents["net_put_dex"] = delta - cents["net_call_dex"]
    for side in ("agg", "one_agg", "net", "one_net"):
        cents[f"{side}_dex"] = cents[f"{side}_call_dex"] + cents[f"{side}_put_dex"]
    return cents


CHANGES = {
    "dexoflow": "agg_dex",
    "gexoflow": "zgr",
    "cvroflow": "zcvr",
    "one_dexoflow": "one_agg_dex",
    "one_gexoflow": "ogr",
    "one_cvroflow": "ocvr",
}
ORDER = (
    "zcvr ocvr zgr ogr zvanna ovanna zcharm ocharm agg_dex one_agg_dex agg_call_dex one_agg_call_dex agg_put_dex "
    "one_agg_put_dex net_dex one_net_dex net_call_dex one_net_call_dex net_put_dex one_net_put_dex"
).split()


def orderflow(index: int) -> Row:
    """A record of the orderflow feed; the flows of the first are its levels, as after a start at 0."""
    cents = _flow_levels(index)
    before = _flow_levels(index - 1) if index else dict.fromkeys(cents, 0)
    row: Row = {"timestamp": FIRST + index, "ticker": "SPX", "spot": 6801.25, **_levels(index)}
    row |= {name: amount(cents[name]) for name in ORDER}
    return row | {flow: amount(cents[of] - before[of]) for flow, of in CHANGES.items()}


def reset(row: Row) -> Row:
    """The row with all 26 flows 0, and placeholders for the gamma levels."""
    placeholders = dict.fromkeys(("z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma"), 6565)
    return row | dict.fromkeys((*ORDER, *CHANGES), 0) | placeholders


def record(package: str, category: str, index: int) -> Row:
    """Record ``index`` of a feed."""
    if package == "orderflow":
        return orderflow(index)
    return gex(index, package, category) if category.startswith("gex") else greek(index, category)


def line(row: Row) -> str:
    """As the service writes it."""
    return json.dumps(row, separators=(",", ":"))


class Built:
    """The feeds of a ticker-day as rows; a row may be replaced by a text, which is written as it is."""

    def __init__(self, count: int = 20) -> None:
        self.feeds: dict[str, list[Row | str]] = {
            f"{package}/{category}": [record(package, category, index) for index in range(count)]
            for package, categories in CATEGORIES.items()
            for category in categories
        }

    def row(self, feed: str, index: int) -> Row:
        """A row to be changed."""
        found = self.feeds[feed][index]
        assert isinstance(found, dict)
        return found

    def lines(self, feed: str) -> Iterator[str]:
        """A feed's lines."""
        yield from (row if isinstance(row, str) else line(row) for row in self.feeds[feed])

    def write(self, root: Path, ticker: str = "SPX") -> Path:
        """The day as files; returns ``root``."""
        for feed in self.feeds:
            path = root / DATE / ticker / f"{feed}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{text}\n" for text in self.lines(feed)), encoding="utf-8")
        return root


def inspected(root: Path, ticker: str = "SPX") -> DayReport:
    """The report of a ticker-day on disk."""
    folder = DataFolder(root)
    feeds = [feed for feed in folder.feeds(DATE) if feed.ticker == ticker]
    return inspect_day(DATE, feeds, lambda feed: folder.open(DATE, feed), lambda feed, records: None)


def found(report: DayReport) -> dict[tuple[str, str], tuple[int, list[int]]]:
    """{(feed, check): (count, line numbers of the first)}, nothing else."""
    return {
        (f"{feed.feed.package}/{feed.feed.category}", kind.name): (
            count,
            [int(example.place.rpartition(":")[2] or 0) for example in examples],
        )
        for feed in report.feeds
        for kind, count, examples in feed.tally.items()
    }


def feed_of(name: str, ticker: str = "SPX") -> Feed:
    """``state/gex_zero`` as a feed."""
    package, category = name.split("/")
    return Feed(ticker, package, category)
