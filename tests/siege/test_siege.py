"""Three of the attacks for three seconds; ``python -m tests.siege`` is all of them, with narrower bounds."""

from __future__ import annotations

import sys

import pytest

# Alone: it compares times.
pytestmark = [
    pytest.mark.alone,
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

SECONDS = 3.0
GENEROUS_MS = 250.0
"""Beyond the bounds of the long run, as other machines are slower and busier; without a defence it is seconds."""


@pytest.mark.parametrize("name", ["pings-8", "leaves-unread-64", "no-body", "walk"])
def test_others_hardly_notice(name: str) -> None:
    from siege.run import judged  # it needs Linux

    result = judged(name, SECONDS, short=True, latency=GENEROUS_MS, gap=GENEROUS_MS)
    assert not result.complaints(latency=GENEROUS_MS, gap=GENEROUS_MS)
    assert result.did > 0, "the attack took place"
