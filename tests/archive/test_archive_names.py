"""Names of the history, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.archive.names import (
    File,
    member_name,
    parse_category,
    parse_date,
    parse_file,
    parse_stored_category,
    report_name,
    short_category,
    standard_feeds,
)
from gexfaker.catalog import CATEGORIES, FUTURES, STOCKS, STORED_CATEGORIES, Feed

FEEDS = [feed for ticker in (*STOCKS[:3], *FUTURES, "BRK.B") for feed in standard_feeds(ticker)]


@given(st.sampled_from(FEEDS), st.dates())
def test_a_files_name_leads_back_to_it(feed: Feed, day: object) -> None:
    file = File(str(day), feed)
    assert parse_file(file.name) == file


@given(st.text(max_size=40))
def test_no_text_is_a_file_by_accident(text: str) -> None:
    file = parse_file(text)
    assert file is None or file.name == text


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026-07-17_SPX_classic_gex_full",
        "2026-07-17_SPX_classic_gex_full.jsonl",
        "2026-07-17_SPX_classic_gex_full.json.gz",
        "2026-07-17_SPX_classic_gex_full.json\n",
        "2026-7-17_SPX_classic_gex_full.json",
        "2026-02-30_SPX_classic_gex_full.json",
        "2026-07-17_SPX_classic_full.json",
        "2026-07-17_SPX_classic_delta_zero.json",
        "2026-07-17_SPX_state_volume_zero.json",
        "2026-07-17_SPX_classic_gex_20260717.json",
        "2026-07-17_SPX_spot.json",
        "2026-07-17__classic_gex_full.json",
    ],
)
def test_what_is_no_file(name: str) -> None:
    assert parse_file(name) is None


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-07-17", "2026-07-17"),
        ("2026-7-17", "2026-07-17"),
        ("2026-7-1", "2026-07-01"),
        ("2026-02-30", None),
        ("2026-00-10", None),
        ("26-07-17", None),
        ("20260717", None),
        ("2026-07-17 ", None),
        ("2026-07-017", None),
        ("٢٠٢٦-07-17", None),
        ("latest", None),
        ("", None),
    ],
)
def test_dates_may_lack_their_zeros(text: str, date: str | None) -> None:
    assert parse_date(text) == date


@pytest.mark.parametrize(
    ("package", "name", "category"),
    [
        ("classic", "full", "gex_full"),
        ("classic", "gex_zero", "gex_zero"),
        ("classic", "one", "gex_one"),
        ("classic", "delta", None),
        ("state", "zero", "gex_zero"),
        ("state", "delta", "delta_zero"),
        ("state", "onedelta", "delta_one"),
        ("state", "onecharm", "charm_one"),
        ("state", "vanna_one", "vanna_one"),
        ("state", "volume_zero", None),
        ("state", "gex_20260717", None),
        ("orderflow", "orderflow", "orderflow"),
        ("orderflow", "full", None),
        ("spot", "", None),
        ("options", "full", None),
    ],
)
def test_categories_and_their_short_names(package: str, name: str, category: str | None) -> None:
    assert parse_category(package, name) == category


def test_every_stored_category_is_found_by_the_name_its_link_has() -> None:
    for package, categories in STORED_CATEGORIES.items():
        for category in categories:
            assert parse_stored_category(package, short_category(category)) == category


def test_the_report_has_fifteen_members() -> None:
    feeds = standard_feeds("SPY")
    assert len(feeds) == 15 == len(set(feeds)) == sum(map(len, CATEGORIES.values()))
    assert report_name("2026-07-17", "SPY") == "eod_report_SPY_2026-07-17.zip"
    assert member_name("2026-07-17", feeds[0]) == "SPY/classic/gex_full/2026-07-17_SPY_classic_gex_full.json.gz"
    assert member_name("2026-07-17", feeds[-1]) == "SPY/orderflow/orderflow/2026-07-17_SPY_orderflow_orderflow.json.gz"
