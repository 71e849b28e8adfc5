"""Records encoded once and kept for everybody at the same position; the unreadable ones counted and logged once."""

from __future__ import annotations

import logging
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from gexfaker.bounded import Bounded
from gexfaker.errors import RecordError
from gexfaker.hubs.publication import Publication
from gexfaker.limits import MAX_PUBLICATION_BYTES, MAX_PUBLICATIONS
from gexfaker.playback.stamps import restamped
from gexfaker.tapes.loglimit import LogLimit
from gexfaker.tapes.tape import Tape
from gexfaker.wire.messages import PROTOBUF, Data, DataMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gexfaker.catalog import Feed
    from gexfaker.hubs.ahead import Ahead
    from gexfaker.wire.feeds import Format

log: Final = logging.getLogger(__name__)

Key = tuple[int, int, str, int | None]
"""Of what is remembered: number of the tape, index, group, timestamp shown instead of the record's own."""


class _Encoders(NamedTuple):
    """What encodes records: the format of a feed, that of spot, and what makes a payload of a message."""

    format_of: Callable[[Feed], Format]
    spot: Format
    pack: Callable[[str, bytes], bytes]


@cache
def _encoders() -> _Encoders:
    """Loaded with the first record that is encoded: numpy takes 0.1 s of a start."""
    from gexfaker.wire.feeds import format_of
    from gexfaker.wire.payload import pack
    from gexfaker.wire.spot import SPOT

    return _Encoders(format_of, SPOT, pack)


class EncodedRecords:
    """Publications by (tape, index, group), the least recently used forgotten beyond ``limit`` of them, or
    ``byte_limit`` bytes of payload.

    Attributes:
        encoded: records that were encoded, or tried, so far.
        skipped: records that could not be served, so far.
        saturated: numbers that did not fit their field, so far.
    """

    def __init__(self, limit: int = MAX_PUBLICATIONS, byte_limit: int = MAX_PUBLICATION_BYTES) -> None:
        self._made: Final[Bounded[Key, Publication | None]] = Bounded(limit, byte_limit, _size)
        self._reported: set[tuple[int, int]] = set()
        self._log_limit: Final = LogLimit()
        self.encoded = 0
        self.skipped = 0
        self.saturated = 0

    def __len__(self) -> int:
        return len(self._made)

    @cached_property
    def _ahead(self) -> Ahead:
        from gexfaker.hubs.ahead import Ahead  # with the first record, as the encoders

        return Ahead(_encoders().pack)

    def publication(
        self, tape: Tape, index: int, group: str, form: Format | None = None, stamp: int | None = None
    ) -> Publication | None:
        """What is sent to ``group`` for a record, in the tape's own format unless another is given.

        ``stamp`` is shown instead of the record's own timestamp. None when the record has to be skipped.
        """
        if stamp is None and (form is None or form is _encoders().format_of(tape.feed)):
            ready = tape.payload(index)
            if ready is not None:  # read from a file: not worth remembering
                return Publication(DataMessage(Data(PROTOBUF, ready), group), index)
        key = (tape.number, index, group, stamp)
        if key in self._made:
            return self._made[key]
        made = self._made[key] = self._make(tape, index, group, form, stamp)
        return made

    def spot(self, tape: Tape, index: int, group: str, stamp: int | None = None) -> Publication | None:
        """What is sent to ``group``, one of spot, for a record of any feed; as ``publication``."""
        return self.publication(tape, index, group, _encoders().spot, stamp)

    def _make(self, tape: Tape, index: int, group: str, form: Format | None, stamp: int | None) -> Publication | None:
        self.encoded += 1
        encoders = _encoders()
        form = form or encoders.format_of(tape.feed)
        if stamp is None and (ready := self._ahead.payload(tape, index, form)) is not None:
            return Publication(DataMessage(Data(PROTOBUF, ready), group), index)
        try:
            record = tape.json(index)
            encoded = form.encode(record if stamp is None else restamped(record, stamp))
        except RecordError as error:
            self._skip(tape, index, error)
            return None
        if encoded.saturated:
            self._saturate(tape, index, encoded.saturated)
        data = Data(PROTOBUF, encoders.pack(form.type_url, encoded.message))
        return Publication(DataMessage(data, group), index)

    def _complain(self, tape: Tape, index: int, trouble: str) -> None:
        """A line about a record's trouble, if that is new and there is still to be one."""
        if (tape.number, index) in self._reported or (more := self._log_limit.take(tape)) is None:
            return
        self._reported.add((tape.number, index))
        log.warning("%s: %s%s", tape.place(index), trouble, more)

    def _skip(self, tape: Tape, index: int, error: RecordError) -> None:
        self.skipped += 1
        self._complain(tape, index, f"skipped ({self.skipped} so far): {error}")

    def _saturate(self, tape: Tape, index: int, names: tuple[str, ...]) -> None:
        self.saturated += len(names)
        self._complain(tape, index, f"too large for the wire, sent as the bound: {', '.join(names)}")


def _size(publication: Publication | None) -> int:
    return 0 if publication is None else len(publication.message.data.value)
