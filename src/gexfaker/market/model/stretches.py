"""Stretches of a day in which something stands still, and that end at no fixed second.

A length alone would be a clock: whoever looks at the seconds of changes modulo it sees the simulation. So each stretch
begins up to its length later than it would, by a draw of its own.
"""

from __future__ import annotations

import numpy as np

from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.numeric.exact import Floats, Ints
from gexfaker.market.numeric.hashing import uniforms, words


def stretches(key: str, block: int, length: int) -> Ints:
    """The number of the stretch that each record of a block is in; stretches have ``length`` seconds on average."""
    records = np.arange(block * BLOCK, (block + 1) * BLOCK)
    whole, within = records // length, records % length
    draws = uniforms(words(f"{key}/waits", range(whole[0], whole[-1] + 1)), 0)[:, 0]
    wait = np.floor(draws * length).astype(np.int64)[whole - whole[0]]
    numbers: Ints = whole - (within < wait) + 1
    return numbers


def drawn(key: str, numbers: Ints, part: int = 0) -> Floats:
    """A number from 0 to 1 for each record, the same in all of a stretch; the four parts are independent."""
    first = int(numbers.min())
    found: Floats = uniforms(words(key, range(first, int(numbers.max()) + 1)), part)[:, 0][numbers - first]
    return found
