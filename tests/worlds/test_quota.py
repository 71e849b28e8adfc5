"""Requests of a key, counted over a minute from its first one."""

from __future__ import annotations

from gexfaker.worlds.quota import Quota


def test_a_minute_has_so_many_and_the_next_one_as_many_again() -> None:
    quota = Quota()
    assert [quota.allows(2, now) for now in (0.0, 1.0, 2.0, 59.9)] == [True, True, False, False]
    assert [quota.allows(2, now) for now in (60.0, 61.0, 62.0)] == [True, True, False]


def test_a_clock_set_back_does_not_lock_out() -> None:
    quota = Quota()
    assert quota.allows(1, 1000.0)
    assert quota.allows(1, 10.0)
    assert not quota.allows(1, 10.0)
