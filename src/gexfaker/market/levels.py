"""The eight price levels: gamma nodes, which the feed jumps between, and the major strikes.

Levels sit a few strikes from where spot was at the beginning of an era and are drawn anew with each era.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gexfaker.market.noise import noise_bytes
from gexfaker.market.path import BLOCK, BLOCKS

ERA_BLOCKS: Final = 16
"""Blocks an exposure landscape lasts: 34 minutes; levels follow spot slowly, not tick by tick."""

_OFF_STRIKE: Final = 31
"""Of 256 stretches, how many have a major just above its strike: 12 %; 4 to 21 % are observed."""

_OFF_STRIKE_SECONDS: Final = 8
_RESET_SHARE: Final = 0.965
"""The first record of a day carries a placeholder 3-4 % under spot for the gamma levels."""


@dataclass(frozen=True, slots=True)
class LevelSpec:
    """One level field: two nodes, each some strikes from spot, and how long the feed stays on one.

    Attributes:
        low, high: range of the first node's distance from spot, in strikes.
        apart: distance of the second node from the first, in strikes, at least 1.
        hold: records between jumps, about.
        gamma: a gamma node lies between strikes and the two alternate; a major lies on a strike and
            mostly stays on the first.
    """

    name: str
    low: int
    high: int
    apart: int
    hold: int
    gamma: bool


LEVELS: Final = (
    LevelSpec("z_mlgamma", low=-5, high=3, apart=4, hold=10, gamma=True),
    LevelSpec("z_msgamma", low=-6, high=2, apart=5, hold=10, gamma=True),
    LevelSpec("o_mlgamma", low=-5, high=3, apart=3, hold=90, gamma=True),
    LevelSpec("o_msgamma", low=5, high=13, apart=4, hold=90, gamma=True),
    LevelSpec("zero_mcall", low=2, high=6, apart=2, hold=150, gamma=False),
    LevelSpec("zero_mput", low=-7, high=-3, apart=2, hold=150, gamma=False),
    LevelSpec("one_mcall", low=9, high=15, apart=4, hold=400, gamma=False),
    LevelSpec("one_mput", low=-15, high=-9, apart=-4, hold=400, gamma=False),
)


class Level:
    """One level field over a day, in cents without basis.

    Args:
        key: seed, date and chain.
        spacing: cents between strikes.
    """

    def __init__(self, spec: LevelSpec, key: str, spacing: int) -> None:
        self._spec = spec
        self._key = f"{key}/{spec.name}"
        self._spacing = spacing
        self._jumps = noise_bytes(f"{self._key}/jumps", BLOCK * BLOCKS // spec.hold + 1)
        self._touches = noise_bytes(f"{self._key}/touches", BLOCK * BLOCKS // _OFF_STRIKE_SECONDS + 1)

    def block(self, block: int, anchors: list[int]) -> list[int]:
        """The level at the BLOCK + 1 records of a block.

        Args:
            anchors: spot in cents at the beginning of each era.
        """
        first, era = block * BLOCK, block // ERA_BLOCKS
        nodes = self._nodes(era, anchors[era])
        at = self._gamma if self._spec.gamma else self._major
        values = [at(record, nodes) for record in range(first, first + BLOCK + 1)]
        if first == 0 and self._spec.gamma:
            values[0] = self._strike(int(anchors[0] * _RESET_SHARE))
        return values

    def _nodes(self, era: int, anchor: int) -> tuple[int, int]:
        spec, spacing = self._spec, self._spacing
        pick, left, right = noise_bytes(f"{self._key}/era/{era}", 3)
        node = self._strike(anchor) + (spec.low + pick % (spec.high - spec.low + 1)) * spacing
        other = node + spec.apart * spacing
        if not spec.gamma:
            return node, other
        return node + left * spacing // 256, other + right * spacing // 256

    def _strike(self, cents: int) -> int:
        return (cents + self._spacing // 2) // self._spacing * self._spacing

    def _gamma(self, record: int, nodes: tuple[int, int]) -> int:
        # The jump falls anywhere in the first half of a stretch, so that it is not a metronome.
        stretch, within = divmod(record, self._spec.hold)
        jump = self._jumps[stretch]
        if within < jump % (self._spec.hold // 2):
            stretch -= 1
        # A node itself breathes by a few cents as trades come in.
        return nodes[stretch & 1] + self._touches[record // _OFF_STRIKE_SECONDS] % 16

    def _major(self, record: int, nodes: tuple[int, int]) -> int:
        node = nodes[self._jumps[record // self._spec.hold] < 48]
        touch = self._touches[record // _OFF_STRIKE_SECONDS]
        return node if touch >= _OFF_STRIKE else node + 1 + touch % 30
