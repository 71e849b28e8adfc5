"""Every feed there is has a message format, and every content finds its way back."""

from __future__ import annotations

import datetime

import pytest

from gexfaker.catalog import CATEGORIES, GREEKS, VOLUME_CATEGORIES, Feed, explicit, spot_of
from gexfaker.wire import feeds

DAY = datetime.date(2026, 7, 17)
EVERY = [Feed("SPX", package, category) for package, categories in CATEGORIES.items() for category in categories]
LEGACY = [Feed("SPX", "state", category) for category in VOLUME_CATEGORIES]
EXPLICIT = [
    explicit("SPX", "classic", "gex", DAY),
    explicit("SPX", "state", "gex", DAY),
    explicit("SPX", "orderflow", "orderflow", DAY),
    *(explicit("SPX", "state", greek, DAY) for greek in GREEKS),
]


def expected(feed: Feed) -> str:
    if feed.package == "orderflow":
        return "proto.orderflow"
    return "proto.gex" if "gex_" in feed.category else "proto.greek"


@pytest.mark.parametrize("feed", [*EVERY, *LEGACY, *EXPLICIT], ids=lambda feed: feed.group)
def test_the_type_url_of_every_feed(feed: Feed) -> None:
    assert feeds.format_of(feed).type_url == expected(feed)


def test_spot_has_a_format_of_its_own() -> None:
    assert feeds.format_of(spot_of("ES_SPX")).type_url == "proto.spot"


GEX = (
    b'{"timestamp":1,"ticker":"SPX","spot":2.5,"zero_gamma":0,"major_pos_vol":0,"major_pos_oi":0,'
    b'"major_neg_vol":0,"major_neg_oi":0,"strikes":[],"sum_gex_vol":0,"sum_gex_oi":0,"delta_risk_reversal":0}'
)
GREEK = (
    b'{"timestamp":1,"ticker":"SPX","spot":2.5,"major_positive":0,"major_negative":0,'
    b'"major_long_gamma":0,"major_short_gamma":0,"mini_contracts":[]}'
)


@pytest.mark.parametrize(
    ("feed", "record"),
    [
        (Feed("SPX", "classic", "gex_zero"), GEX),
        (Feed("SPX", "state", "vanna_one"), GREEK),
        (Feed("SPX", "state", "volume_zero"), GREEK),
        (spot_of("SPX"), GEX),
    ],
)
def test_what_is_encoded_can_be_decoded_by_its_type_url(feed: Feed, record: bytes) -> None:
    form = feeds.format_of(feed)
    decoded = feeds.decode(form.type_url, form.encode(record).message)
    assert (decoded["timestamp"], decoded["ticker"], decoded["spot"]) == (1, "SPX", 2.5)


def test_an_unknown_type_url_is_an_error() -> None:
    with pytest.raises(KeyError):
        feeds.decode("proto.nothing", b"")
