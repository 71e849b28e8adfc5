"""Payloads made some records ahead, for tapes that have their records as numbers: a simulated market's.

Clients read on and on, so that the next records are made with the one that is asked for: that costs little more than
one alone. They are kept for every key that is there, whatever its group is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.limits import MAX_AHEAD, MAX_AHEAD_BYTES
from gexfaker.tapes.tape import Tape
from gexfaker.wire import batch
from gexfaker.wire.blocks import UnevenError
from gexfaker.wire.tables import Table

Pack = Callable[[str, bytes], bytes]


class Ahead:
    """Payloads by (tape, index, message), those asked for longest ago forgotten first.

    Args:
        pack: makes a payload of a type URL and a message.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack: Final = pack
        self._made: Final[Bounded[tuple[int, int, str], bytes]] = Bounded(MAX_AHEAD, MAX_AHEAD_BYTES, len)

    def payload(self, tape: Tape, index: int, form: object) -> bytes | None:
        """The payload of a record; None where it has to be encoded from its text."""
        if not isinstance(form, Table):
            return None
        found = self._made.get((tape.number, index, form.type_url))
        return self._make(tape, index, form) if found is None else found

    def _make(self, tape: Tape, index: int, table: Table) -> bytes | None:
        columns = tape.columns(index, table.shape)
        if columns is None:
            return None
        try:
            messages = batch.encode(table, tape.feed.ticker, columns)
        except UnevenError:  # a number is too large for the wire, which the long way tells and counts
            return None
        payloads = [self._pack(table.type_url, message) for message in messages]
        for place, payload in enumerate(payloads):
            self._made[tape.number, index + place, table.type_url] = payload
        return payloads[0]
