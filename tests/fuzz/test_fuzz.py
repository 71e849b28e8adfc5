"""A short run of every target; ``python -m tests.fuzz`` is the long one."""

from __future__ import annotations

import pytest

from fuzz.campaign import run
from fuzz.targets import HubTarget, SocketTarget, codecs

STEPS = 20_000


@pytest.mark.parametrize("number", range(4))
def test_decoders_raise_frame_errors_only(number: int) -> None:
    report = run(codecs()[number], STEPS, seed=1)
    assert set(report.outcomes) == {"understood", "1007"}
    assert min(report.outcomes.values()) > STEPS / 100


def test_the_hub_closes_with_documented_codes(caplog: pytest.LogCaptureFixture) -> None:
    report = run(HubTarget(), STEPS, seed=1)
    assert set(report.outcomes) >= {"served", "1003", "1007", "1011"}
    assert not caplog.records


def test_the_socket_survives_any_bytes() -> None:
    target = SocketTarget()
    try:
        report = run(target, STEPS // 10, seed=1)
    finally:
        target.close()
    assert set(report.outcomes) >= {"open", "1002", "1007"}
