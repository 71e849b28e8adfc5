"""One bound for all: who has the most goes, and the sum is always right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gexfaker.holdings import Holdings, Share


class Guests:
    """Shares by number, and who was cut, in order."""

    def __init__(self, most: int, count: int) -> None:
        self.holdings, self.cut = Holdings(most), list[int]()
        self.shares = [self._share(number) for number in range(count)]

    def _share(self, number: int) -> Share:
        return self.holdings.share(lambda: self.cut.append(number))


def test_who_has_the_most_goes_first_and_no_more_than_must() -> None:
    guests = Guests(100, 4)
    for share, size in zip(guests.shares, (10, 60, 40, 50), strict=True):
        share.add(size)
    guests.holdings.shed()
    assert (guests.cut, guests.holdings.total, guests.holdings.cut) == ([1], 100, 1)
    guests.shares[0].add(1)
    guests.holdings.shed()
    assert (guests.cut, guests.holdings.total) == ([1, 3], 51)


def test_of_who_has_gone_nothing_counts() -> None:
    guests = Guests(100, 1)
    guests.shares[0].add(70)
    guests.shares[0].end()
    guests.shares[0].add(70)
    guests.shares[0].add(-30)
    guests.holdings.shed()
    assert (guests.holdings.total, guests.shares[0].size, guests.cut) == (0, 0, [])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-50, 100)), max_size=60))
def test_the_total_is_the_sum_and_within_the_bound(steps: list[tuple[int, int]]) -> None:
    guests = Guests(150, 5)
    for number, size in steps:
        share = guests.shares[number]
        share.add(max(size, -share.size))
        guests.holdings.shed()
        assert guests.holdings.total == sum(share.size for share in guests.shares) <= 150
    assert len(set(guests.cut)) == len(guests.cut)
