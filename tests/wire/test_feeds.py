"""Every feed there is has a message format, and the two tables agree."""

from __future__ import annotations

import pytest

from gexfaker import catalog
from gexfaker.wire import feeds

EVERY = [(package, category) for package, categories in catalog.CATEGORIES.items() for category in categories]


def test_the_formats_are_those_of_the_catalog() -> None:
    assert sorted(feeds.FORMATS) == sorted(EVERY)
    assert len(EVERY) == 15


def test_both_tables_hold_the_same_formats() -> None:
    assert set(feeds.BY_TYPE_URL) == {"proto.orderflow", "proto.gex", "proto.greek"}
    assert set(feeds.BY_TYPE_URL.values()) == set(feeds.FORMATS.values())
    for type_url, kind in feeds.BY_TYPE_URL.items():
        assert kind.type_url == type_url


@pytest.mark.parametrize(("package", "category"), EVERY)
def test_the_type_url_of_every_feed(package: str, category: str) -> None:
    expected = "proto.orderflow"
    if package != "orderflow":
        expected = "proto.gex" if category.startswith("gex_") else "proto.greek"
    kind = feeds.FORMATS[package, category]
    assert kind.type_url == expected
    assert feeds.BY_TYPE_URL[expected] is kind


RECORDS = {
    "proto.gex": b'{"timestamp":1,"ticker":"SPX","spot":2.5,"zero_gamma":0,"major_pos_vol":0,"major_pos_oi":0,'
    b'"major_neg_vol":0,"major_neg_oi":0,"strikes":[],"sum_gex_vol":0,"sum_gex_oi":0,"delta_risk_reversal":0}',
    "proto.greek": b'{"timestamp":1,"ticker":"SPX","spot":2.5,"major_positive":0,"major_negative":0,'
    b'"major_long_gamma":0,"major_short_gamma":0,"mini_contracts":[]}',
}


@pytest.mark.parametrize("type_url", RECORDS)
def test_the_two_functions_of_a_format_belong_together(type_url: str) -> None:
    kind = feeds.BY_TYPE_URL[type_url]
    decoded = kind.decode(kind.encode(RECORDS[type_url]).message)
    assert (decoded["timestamp"], decoded["ticker"], decoded["spot"]) == (1, "SPX", 2.5)
