"""What a reliable client has not acknowledged yet, kept as it was sent: many messages at once, shared by everybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from gexfaker.hubs.publication import Publication, Run


class Unacknowledged:
    """Runs of messages, oldest first, of which acknowledgements take away from the front.

    Its length is the number of messages; iterating gives (sequence id, bytes of its frame, publication) of each.

    Attributes:
        bytes: of all their frames.
    """

    __slots__ = ("_gone", "_length", "_runs", "bytes")

    def __init__(self) -> None:
        self._runs: Final[deque[Run]] = deque()
        self._gone = 0  # of the first run
        self._length = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[int, int, Publication]]:
        gone = self._gone
        for run in self._runs:
            for at in range(gone, len(run.sizes)):
                yield run.first + at, run.sizes[at], run.publications[at]
            gone = 0

    def add(self, run: Run) -> None:
        """What was sent now; its first sequence id follows the last one."""
        self._runs.append(run)
        self._length += len(run.sizes)
        self.bytes += run.bytes

    def confirm(self, sequence_id: int) -> int:
        """Take away everything up to ``sequence_id``; returns how many bytes that was."""
        before = self.bytes
        while self._runs:
            run, gone = self._runs[0], self._gone
            done = min(sequence_id + 1 - run.first, len(run.sizes))
            if done > gone:
                self.bytes -= sum(run.sizes[gone:done])
                self._length -= done - gone
            if done < len(run.sizes):
                self._gone = max(done, gone)
                break
            self._runs.popleft()
            self._gone = 0
        return before - self.bytes
