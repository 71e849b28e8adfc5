"""What is read of a record: the fields that are drawn, checked, and nothing else."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from gexfaker.errors import RecordError
from gexfaker.tapes.tape import Tape


class Levels(msgspec.Struct):
    """Of a classic gex record: spot, and the levels a trader watches."""

    timestamp: int
    spot: float
    zero_gamma: float
    major_pos_vol: float
    major_neg_vol: float


class Ladder(msgspec.Struct):
    """Of a classic gex record: exposure by strike, rows of strike, by volume, by open interest, priors."""

    timestamp: int
    spot: float
    zero_gamma: float
    strikes: list[tuple[float, float, float, msgspec.Raw]]


class Flow(msgspec.Struct):
    """Of an orderflow record: the nearest expiry's changes and levels."""

    timestamp: int
    dexoflow: float
    gexoflow: float
    cvroflow: float
    agg_dex: float
    zgr: float
    zcvr: float
    zvanna: float
    zcharm: float


Kind = TypeVar("Kind", Levels, Ladder, Flow)


def read(tape: Tape, index: int, kind: type[Kind]) -> Kind:
    """A record's fields. Raises RecordError: it cannot be read, or lacks one of them."""
    text = tape.json(index)
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordError(f"{tape.place(index)}: {error}") from error
