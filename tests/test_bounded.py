"""The bounded map, against a plain list of what was used last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.bounded import Bounded

STEPS = st.lists(st.tuples(st.sampled_from(["set", "get", "look"]), st.integers(0, 8), st.integers(0, 40)))


@given(STEPS, st.integers(1, 5), st.integers(0, 60))
def test_what_was_used_longest_ago_goes_first(steps: list[tuple[str, int, int]], limit: int, byte_limit: int) -> None:
    kept: Bounded[int, bytes] = Bounded(limit, byte_limit, len)
    model: list[tuple[int, bytes]] = []
    for step, key, size in steps:
        known = dict(model)
        if step == "set":
            kept[key] = bytes(size)
            model = [item for item in model if item[0] != key] + [(key, bytes(size))]
            while len(model) > limit or (sum(len(value) for _, value in model) > byte_limit and len(model) > 1):
                del model[0]
        elif step == "get":
            assert kept.get(key) == known.get(key)
            model = [item for item in model if item[0] != key] + [item for item in model if item[0] == key]
        else:
            assert (key in kept) == (key in known)
        assert len(kept) == len(model)
    assert {key: kept[key] for key, _ in model} == dict(model)


def test_a_value_may_be_none_and_a_key_may_be_missing() -> None:
    kept: Bounded[str, int | None] = Bounded(2)
    kept["nothing"] = None
    assert kept["nothing"] is None
    with pytest.raises(KeyError):
        kept["other"]
    kept.clear()
    assert len(kept) == 0
