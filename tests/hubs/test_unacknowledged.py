"""What is not acknowledged: the same books as a plain list of messages, however it was sent and acknowledged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gexfaker.hubs.publication import Publication, Run
from gexfaker.hubs.unacknowledged import Unacknowledged
from gexfaker.wire.messages import MAX_UINT64, Data, DataMessage, DataType

SENT = st.lists(st.integers(1, 5000), min_size=1, max_size=7)
ACKNOWLEDGED = st.one_of(st.integers(0, 60), st.just(MAX_UINT64))


@given(st.lists(st.one_of(SENT, ACKNOWLEDGED), max_size=30))
def test_the_books_are_those_of_a_list(steps: list[list[int] | int]) -> None:
    held, expected, number = Unacknowledged(), list[tuple[int, int, Publication]](), 1
    for step in steps:
        if isinstance(step, list):
            publications = tuple(Publication(DataMessage(Data(DataType.TEXT, b""), "g")) for _ in step)
            held.add(Run(number, tuple(step), publications, sum(step)))
            expected += [(number + at, size, publications[at]) for at, size in enumerate(step)]
            number += len(step)
        else:
            freed = sum(size for sequence_id, size, _ in expected if sequence_id <= step)
            assert held.confirm(step) == freed
            expected = [item for item in expected if item[0] > step]
        assert list(held) == expected
        assert (len(held), held.bytes) == (len(expected), sum(size for _, size, _ in expected))
