"""Signed links."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.archive.signing import EXPIRED, FORGED, refusal, sign

SECRET = "s" * 32
NAME = "2026-07-17_SPX_classic_gex_full.json"
EXPIRES = 1_784_295_300


def query(name: str = NAME, secret: str = SECRET, expires: int = EXPIRES) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(sign(name, secret, expires), strict_parsing=True).items()}


def test_a_link_opens_its_file_until_it_expires() -> None:
    assert refusal(NAME, query(), SECRET, EXPIRES - 300) is None
    assert refusal(NAME, query(), SECRET, EXPIRES - 0.001) is None
    assert refusal(NAME, query(), SECRET, EXPIRES) == EXPIRED
    assert refusal(NAME, query(), SECRET, EXPIRES + 1e6) == EXPIRED


@pytest.mark.parametrize(
    "changed",
    [
        {"se": str(EXPIRES + 1)},
        {"se": f"0{EXPIRES}"},
        {"se": f"{EXPIRES}.0"},
        {"se": "9" * 5000},
        {"se": "١"},
        {"se": ""},
        {"sig": ""},
        {"sig": "0" * 64},
        {"sig": "é\udc80"},
        {"sig": query()["sig"].upper()},
        {"sig": query()["sig"] + "0"},
    ],
)
def test_a_changed_link_opens_nothing(changed: dict[str, str]) -> None:
    assert refusal(NAME, query() | changed, SECRET, EXPIRES - 10) == FORGED


def test_a_link_opens_no_other_file_and_no_other_server() -> None:
    assert refusal(NAME + ".gz", query(), SECRET, 0) == FORGED
    assert refusal(NAME, query(), SECRET + "x", 0) == FORGED
    assert refusal(NAME, {}, SECRET, 0) == FORGED


@given(st.text(), st.text(), st.text())
def test_nothing_but_a_signature_opens(name: str, expires: str, signature: str) -> None:
    assert refusal(name, {"se": expires, "sig": signature}, SECRET, 0) == FORGED
