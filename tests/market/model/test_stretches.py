"""Stretches: how long they last, that they end at no fixed second, and that any block is found by itself."""

from __future__ import annotations

import numpy as np
import pytest

from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.model.stretches import drawn, stretches

LENGTHS = (2, 6, 8, 10, 45)


def day(length: int) -> np.ndarray:
    return np.concatenate([stretches("key", block, length) for block in range(BLOCKS)])


@pytest.mark.parametrize("length", LENGTHS)
def test_they_follow_each_other_and_have_their_length(length: int) -> None:
    steps = np.diff(day(length))
    assert set(steps.tolist()) <= {0, 1}
    assert len(steps) / steps.sum() == pytest.approx(length, rel=0.02)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("modulo", [2, 4, 6, 8, 10, 60])
def test_they_end_at_no_fixed_second(length: int, modulo: int) -> None:
    ends = np.flatnonzero(np.diff(day(length))) + 1
    share = np.bincount(ends % modulo, minlength=modulo) / len(ends)
    assert np.abs(share - 1 / modulo).max() < 5 * (1 / modulo / len(ends)) ** 0.5


def test_a_draw_is_the_same_in_all_of_a_stretch_and_another_in_the_next() -> None:
    numbers = day(8)
    values = np.concatenate([drawn("key", stretches("key", block, 8)) for block in range(BLOCKS)])
    changed = np.diff(numbers) > 0
    assert (np.diff(values)[~changed] == 0).all()
    assert (np.diff(values)[changed] != 0).mean() > 0.999
    assert 0.48 < values.mean() < 0.52
    assert values.shape == (BLOCK * BLOCKS,)
    assert len({drawn("key", numbers[:60], part).tobytes() for part in range(4)}) == 4
