"""What all tapes have in common."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gexfaker.tapes.tape import evenly


@given(last=st.integers(0, 30_000), points=st.integers(2, 400))
def test_indexes_are_chosen_evenly_from_the_first_to_the_last(last: int, points: int) -> None:
    found = evenly(last, points)
    assert (found[0], found[-1]) == (0, last) or last == 0
    assert len(found) == len(set(found)) == min(points, last + 1)
    steps = [later - earlier for earlier, later in pairwise(found)]
    assert max(steps, default=0) - min(steps, default=0) <= 1


def test_before_the_first_record_there_is_none() -> None:
    assert evenly(-1, 10) == []
