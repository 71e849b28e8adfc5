"""From whose records a feed is served: its own, the nearest stored category's, or nobody's."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.catalog import CATEGORIES, Feed, explicit, parse_group, spot_of
from gexfaker.exchange.expiries import expiries, is_listed
from gexfaker.playback.day import Day
from gexfaker.playback.sources import source_of
from support.tapes import MemoryTape

FRIDAY = datetime.date(2026, 8, 14)
SATURDAY = datetime.date(2026, 8, 15)
ALL = [f"{package}_{category}" for package, categories in CATEGORIES.items() for category in categories]


def feed(group: str) -> Feed:
    found = parse_group(group)
    assert found is not None
    return found


def source(group: str, stored: Iterable[str], day: datetime.date = FRIDAY) -> str | None:
    """The group name of the feed that serves ``group`` when the feeds of these groups are stored."""
    found = source_of(feed(group), {feed(name) for name in stored}, day)
    return found.group if found else None


def of(ticker: str, endings: str) -> list[str]:
    return [f"{ticker}_{ending}" for ending in endings.split()]


@pytest.mark.parametrize("ending", ALL)
def test_a_stored_feed_serves_itself_and_nobody_serves_another(ending: str) -> None:
    everything = of("SPX", " ".join(ALL))
    assert source(f"SPX_{ending}", everything) == f"SPX_{ending}"
    assert source(f"SPX_{ending}", [name for name in everything if name != f"SPX_{ending}"]) is None
    assert source(f"ES_SPX_{ending}", everything) is None, "a future has records of its own, or none"


def test_a_stored_explicit_or_volume_feed_serves_itself() -> None:
    for own in of("SPX", "classic_gex_20260814 orderflow_20260814 state_volume_zero"):
        assert source(own, [own, *of("SPX", " ".join(ALL))]) == own
    past = "SPX_classic_gex_20200103"
    assert source(past, [past]) == past, "even of a day that nobody lists"


@pytest.mark.parametrize(
    ("asked", "stored", "served_by"),
    [
        # the nearest expiry of the day is what zero shows
        ("classic_gex_20260814", "classic_gex_zero classic_gex_one classic_gex_full", "classic_gex_zero"),
        ("classic_gex_20260814", "classic_gex_one classic_gex_full", "classic_gex_one"),
        ("classic_gex_20260814", "classic_gex_full", "classic_gex_full"),
        ("state_gex_20260814", "state_gex_full state_gex_zero", "state_gex_zero"),
        ("state_delta_20260814", "state_delta_one state_delta_zero state_gex_zero", "state_delta_zero"),
        ("state_gamma_20260814", "state_gamma_one", "state_gamma_one"),
        # every other one is nearest to one
        ("classic_gex_20260817", "classic_gex_zero classic_gex_one classic_gex_full", "classic_gex_one"),
        ("classic_gex_20260918", "classic_gex_zero classic_gex_one classic_gex_full", "classic_gex_one"),
        ("classic_gex_20260918", "classic_gex_zero classic_gex_full", "classic_gex_zero"),
        ("classic_gex_20260918", "classic_gex_full", "classic_gex_full"),
        ("state_gex_20260918", "state_gex_full state_gex_one", "state_gex_one"),
        ("state_vanna_20260918", "state_vanna_zero state_vanna_one", "state_vanna_one"),
        ("state_charm_20260918", "state_charm_zero", "state_charm_zero"),
        ("orderflow_20260814", "orderflow_orderflow classic_gex_zero", "orderflow_orderflow"),
        ("orderflow_20260918", "orderflow_orderflow", "orderflow_orderflow"),
        # another package or another greek is no substitute
        ("classic_gex_20260814", "state_gex_zero state_gex_full", None),
        ("state_gex_20260814", "classic_gex_zero", None),
        ("state_delta_20260814", "state_gamma_zero state_gex_full", None),
        ("orderflow_20260814", "classic_gex_full state_gex_full state_delta_zero", None),
        # legacy volume
        ("state_volume_zero", "state_gamma_zero state_gamma_one", "state_gamma_zero"),
        ("state_volume_one", "state_gamma_zero state_gamma_one", "state_gamma_one"),
        ("state_volume_zero", "state_gamma_one state_delta_zero", None),
        ("state_volume_one", "state_gamma_zero", None),
        # not listed on 14 August 2026
        ("classic_gex_20260813", "classic_gex_zero", None),  # the past
        ("classic_gex_20260815", "classic_gex_zero", None),  # a Saturday
        ("classic_gex_20260907", "classic_gex_zero", None),  # Labor Day
        ("classic_gex_20260922", "classic_gex_zero", None),  # a Tuesday more than five weeks ahead
        ("classic_gex_20261113", "classic_gex_zero", None),  # a Friday beyond the horizon
        ("orderflow_20260815", "orderflow_orderflow", None),
    ],
)
def test_who_serves_a_feed_of_spx(asked: str, stored: str, served_by: str | None) -> None:
    served = source(f"SPX_{asked}", of("SPX", stored))
    assert served == (served_by and f"SPX_{served_by}")


@pytest.mark.parametrize(
    ("asked", "served_by"),
    [
        ("AMD_classic_gex_20260814", "AMD_classic_gex_zero"),
        ("AMD_classic_gex_20260821", "AMD_classic_gex_one"),
        ("AMD_classic_gex_20260817", None),  # weekly: no Monday
        ("VIX_classic_gex_20260819", "VIX_classic_gex_zero"),  # Wednesdays, the nearest is five days ahead
        ("VIX_classic_gex_20260826", "VIX_classic_gex_one"),
        ("VIX_classic_gex_20260821", None),
        ("ES_SPX_classic_gex_20260814", None),  # a future owns no options
        ("NQ_NDX_classic_gex_20260814", None),
        ("ES_SPX_orderflow_20260814", None),
        ("SPXW_classic_gex_20260814", "SPXW_classic_gex_zero"),
    ],
)
def test_who_serves_others(asked: str, served_by: str | None) -> None:
    ticker = asked.partition("_classic")[0].partition("_orderflow")[0]
    assert source(asked, of(ticker, " ".join(ALL))) == served_by


def test_the_day_decides() -> None:
    stored = of("SPX", "classic_gex_zero classic_gex_one")
    assert source("SPX_classic_gex_20260817", stored) == "SPX_classic_gex_one"
    assert source("SPX_classic_gex_20260817", stored, SATURDAY) == "SPX_classic_gex_zero"
    assert source("SPX_classic_gex_20260817", stored, datetime.date(2026, 8, 17)) == "SPX_classic_gex_zero"
    assert source("SPX_classic_gex_20260817", stored, datetime.date(2026, 8, 18)) is None


def test_spot_has_no_source() -> None:
    """It comes with the analytics."""
    assert source("SPX_spot", of("SPX", " ".join(ALL))) is None


@pytest.mark.parametrize(
    ("group", "listed"),
    [
        ("SPX_classic_gex_20260814", True),
        ("SPX_orderflow_20260918", True),
        ("SPX_state_gamma_20260815", False),
        ("ES_SPX_classic_gex_20260814", False),
        ("SPX_classic_gex_zero", False),
        ("SPX_spot", False),
    ],
)
def test_is_listed(group: str, listed: bool) -> None:
    assert is_listed(feed(group), FRIDAY) is listed


TICKERS = st.sampled_from(["SPX", "AMD", "VIX", "ES_SPX", "EXK", "XSP"])
ASKED = st.one_of(
    st.builds(spot_of, TICKERS),
    st.builds(lambda ticker, ending: feed(f"{ticker}_{ending}"), TICKERS, st.sampled_from([*ALL, "state_volume_one"])),
    st.builds(
        lambda ticker, named, ahead: explicit(ticker, named[0], named[1], FRIDAY + datetime.timedelta(days=ahead)),
        TICKERS,
        st.sampled_from([("classic", "gex"), ("state", "gex"), ("state", "charm"), ("orderflow", "orderflow")]),
        st.integers(-5, 100),
    ),
)


@given(ASKED, st.sets(st.builds(lambda t, e: feed(f"{t}_{e}"), TICKERS, st.sampled_from(ALL))))
def test_whoever_serves_is_stored_and_of_the_same_ticker_package_and_kind(asked: Feed, stored: set[Feed]) -> None:
    found = source_of(asked, stored, FRIDAY)
    if asked in stored:
        assert found == asked
    elif found is not None:
        assert found in stored
        assert (found.ticker, found.package) == (asked.ticker, asked.package)
        assert found.kind == ("gamma" if asked.kind == "volume" else asked.kind)
        assert asked.kind == "volume" or asked.expiry in expiries(asked.ticker, FRIDAY)


def test_the_library_asks_the_same_question() -> None:
    zero, one = feed("SPX_classic_gex_zero"), feed("SPX_classic_gex_one")
    library = Day("2026-08-14", "memory", [zero, one], lambda served: MemoryTape([b"1"], served))
    assert library.calendar_date == FRIDAY
    assert library.source(feed("SPX_classic_gex_20260814")) == zero
    assert library.source(feed("SPX_classic_gex_20260817")) == one
    assert library.source(feed("SPX_state_gex_20260814")) is None
    tape = library.tape(feed("SPX_classic_gex_20260814"))
    assert tape is not None
    assert (tape.feed.group, tape.place(0)) == ("SPX_classic_gex_20260814", "memory/SPX.jsonl:1")
