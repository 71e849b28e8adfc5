"""Blocks kept for all simulated feeds together: within their bounds, and each made once while it is played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gexfaker.catalog import Feed
from gexfaker.market.feeds.blockcache import BLOCK_BYTES, UNREAD, Blocks
from gexfaker.market.simulation import Market

A, B = object(), object()


class Maker:
    """Makes blocks of some bytes, and counts them."""

    def __init__(self, size: int = 8) -> None:
        self.size = size
        self.made: list[int] = []

    def __call__(self, number: int) -> tuple[NDArray[np.int64]]:
        self.made.append(number)
        return (np.full(self.size // 8, number, dtype=np.int64),)


def test_a_block_is_made_once_and_two_feeds_have_each_their_own() -> None:
    blocks, one, two = Blocks(), Maker(), Maker()
    for _ in range(3):
        assert blocks.block(A, 7, one)[0].tolist() == [7]
        assert blocks.block(B, 7, two)[0].tolist() == [7]
    assert (one.made, two.made) == ([7], [7])
    assert (len(blocks), blocks.bytes) == (2, 16)


def test_beyond_the_bytes_the_one_read_longest_ago_goes() -> None:
    blocks, maker = Blocks(byte_limit=24), Maker()
    for number in (0, 1, 2, 0, 3):
        blocks.block(A, number, maker)
    assert blocks.bytes == 24
    for number in (0, 2, 3):
        blocks.block(A, number, maker)
    assert maker.made == [0, 1, 2, 3]


def test_the_newest_is_kept_however_large_it_is() -> None:
    blocks, small, large = Blocks(byte_limit=24), Maker(), Maker(80)
    blocks.block(A, 0, small)
    for _ in range(2):
        blocks.block(A, 1, large)
    assert (large.made, len(blocks), blocks.bytes) == ([1], 1, 80)


def test_one_that_nobody_plays_any_more_goes_though_there_is_room() -> None:
    blocks, maker = Blocks(unread=5), Maker()
    for number in (0, *[1] * 5):
        blocks.block(A, number, maker)
    assert len(blocks) == 2
    blocks.block(A, 1, maker)
    assert (len(blocks), maker.made) == (1, [0, 1])


def test_a_feed_is_forgotten_with_its_blocks_only() -> None:
    blocks, maker = Blocks(), Maker()
    for feed in (A, B):
        for number in range(3):
            blocks.block(feed, number, maker)
    blocks.forget(A)
    assert (len(blocks), blocks.bytes) == (3, 24)


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 9), st.integers(1, 5))))
def test_bytes_are_those_of_what_is_kept(reads: list[tuple[object, int, int]]) -> None:
    blocks = Blocks(byte_limit=64, unread=10)
    for feed, number, words in reads:
        made = blocks.block(feed, number, Maker(8 * words))
        assert made[0][0] == number
        assert blocks.bytes == sum(kept.size for kept in blocks._kept.values())
        assert blocks.bytes <= 64
        assert all(blocks._reads - kept.read <= 10 for kept in blocks._kept.values())


@pytest.mark.parametrize("name", ["classic gex_full", "state delta_zero", "orderflow orderflow"])
def test_keys_at_many_positions_do_not_make_each_others_blocks_again(name: str) -> None:
    """It was two blocks a feed once: from the third position on, every record cost what a whole minute costs."""
    blocks = Blocks()
    tape = Market("2026-06-17", 1, blocks=blocks).tape(Feed("SPY", *name.split()))
    tape.json(0)
    made = counted(tape._records)
    for index in range(5):
        for position in range(20):
            tape.json(600 + 60 * position + index)
    assert made == [*range(10, 30)]


def counted(records: Any) -> list[int]:
    """The blocks that a feed makes from now on."""
    made: list[int] = []
    make: Callable[[int], object] = records._block

    def block(number: int) -> object:
        made.append(number)
        return make(number)

    records._block = block
    return made


def test_days_that_share_it_keep_no_more_than_one_and_a_closed_day_nothing() -> None:
    blocks, feed = Blocks(), Feed("SPY", "state", "gex_zero")
    days = [Market(date, 1, blocks=blocks) for date in ("2026-07-16", "2026-07-17")]
    for day in days:
        day.tape(feed).json(0)
    assert len(blocks) == 2
    days[0].close()
    assert len(blocks) == 1
    days[1].tape(feed).close()
    assert (len(blocks), blocks.bytes) == (0, 0)


def test_a_day_played_from_end_to_end_leaves_little() -> None:
    blocks = Blocks()
    tape = Market("2026-06-17", 1, blocks=blocks).tape(Feed("SPY", "state", "gex_zero"))
    for index in range(0, 60 * 100, 6):
        tape.json(index)
    assert len(blocks) <= UNREAD // 10 + 1
    assert blocks.bytes < BLOCK_BYTES / 3
