"""The 26 flow fields, in whole cents, so that the sums and differences among them are exact."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from gexfaker.market.legacy_profiles import FLOW_PATHS, Profile
from gexfaker.market.noise import noise_bytes, sign, uniform
from gexfaker.market.path import BLOCK, Path
from gexfaker.market.session import RECORDS
from gexfaker.market.spot import Index

Columns = dict[str, list[int]]

_SUMS: Final = ("agg", "net", "one_agg", "one_net")
"""X_dex = X_call_dex + X_put_dex, each."""

DIFFERENCES: Final = {
    "dexoflow": "agg_dex",
    "gexoflow": "zgr",
    "cvroflow": "zcvr",
    "one_dexoflow": "one_agg_dex",
    "one_gexoflow": "ogr",
    "one_cvroflow": "ocvr",
}
"""Change since the record before, of which field. Per snapshot, not per second."""

# Convexity is gamma seen from the other side: the changes correlate at -0.99, a little smaller.
_CONVEXITY: Final = {"zcvr": ("zgr", -0.8), "ocvr": ("ogr", -0.95)}

_ZERO_CHARM: Final = 58.66
_ONE_CHARM: Final = 3 * 3.88
"""Typical sizes of charm. Half way through the day the next expiry's formula stands at a third."""

_VANNA_PER_MOVE: Final = 600.0
"""Vanna per usual day's move of the index: changes correlate with the index's at about 0.24."""


class Flows:
    """The flow columns of one chain on one day.

    Args:
        key: seed and date.
    """

    def __init__(self, profile: Profile, key: str, index: Index) -> None:
        self._cents = 100 * profile.size
        self._key = f"{key}/{profile.chain}"
        self._paths = {spec.name: Path(spec, self._key, index.skeleton if spec.lean else ()) for spec in FLOW_PATHS}

    def block(self, block: int, moves: list[float]) -> Columns:
        """The columns of a block, BLOCK + 1 records each, row 0 being the record before the block.

        Args:
            moves: the index's moves at these records.
        """
        values = {name: path.block(block) for name, path in self._paths.items()}
        for field, (gamma, factor) in _CONVEXITY.items():
            values[field] = [factor * g + own for g, own in zip(values[gamma], values[field], strict=True)]
        values["zvanna"] = _follow(values["zvanna"], moves)
        values["zcharm"] = self._charm("zcharm", _ZERO_CHARM, block, RECORDS)
        values["ocharm"] = self._charm("ocharm", _ONE_CHARM, block, 2 * RECORDS)
        cents = self._cents
        return _derive({name: [round(cents * v) for v in column] for name, column in values.items()})

    def _charm(self, name: str, typical: float, block: int, expiry: int) -> list[float]:
        """Delta decay up to now over the time left: one direction only, and a blow-up at the expiry."""
        key = f"{self._key}/{name}"
        scale = sign(f"{key}/sign") * typical * uniform(f"{key}/scale", 0.7, 1.4)
        first = block * BLOCK
        # Each record's share of a step comes early or late, but never makes charm go back.
        early = [0, *noise_bytes(f"{key}/{block}", BLOCK - 1), 0]
        return [scale * (record + share / 256) / max(1, expiry - record) for record, share in enumerate(early, first)]


def _follow(values: list[float], moves: list[float]) -> list[float]:
    """Vanna with the index's wiggles in it; none at the block's ends, where the blocks must meet."""
    start, slope = moves[0], (moves[-1] - moves[0]) / BLOCK
    inner = [
        value + _VANNA_PER_MOVE * (move - start - slope * row)
        for row, (value, move) in enumerate(zip(values, moves, strict=True))
    ]
    return [values[0], *inner[1:-1], values[-1]]


def _derive(columns: Columns) -> Columns:
    for kind in _SUMS:
        sides = zip(columns[f"{kind}_call_dex"], columns[f"{kind}_put_dex"], strict=True)
        columns[f"{kind}_dex"] = [call + put for call, put in sides]
    for field, of in DIFFERENCES.items():
        level = columns[of]
        columns[field] = [0, *(new - old for old, new in pairwise(level))]
    return columns
