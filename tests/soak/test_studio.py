"""A short version of the studio left open."""

from __future__ import annotations

import pytest

from soak import studio

pytestmark = [pytest.mark.long, pytest.mark.alone]


def test_a_page_left_open_stays_fluent_and_keeps_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "SETTLE_SECONDS", 5.0)
    monkeypatch.setattr(studio, "LOOK_SECONDS", 2.0)
    growth, frames = studio.run(6.0)
    assert growth < studio.MAX_GROWTH_MB
    assert frames > 5.0, "a busy machine may draw fewer than a user sees, but not none"
