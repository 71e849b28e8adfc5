"""Records made into publications: once, shared, the bad ones counted and named."""

from __future__ import annotations

import logging

import pytest

from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.hubs.publication import Publication
from gexfaker.limits import MAX_LOGGED_OF_A_TAPE, MAX_LOGGED_SKIPS
from gexfaker.tapes.loglimit import MORE_LINES
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SIMPLE
from support import independent
from support.clients import DIALECTS, JSON, PROTO, RELIABLE
from support.tapes import ES_SPX, MemoryTape, record

GROUP = "blue_SPX_orderflow_orderflow"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [item.getMessage() for item in caplog.records]


def test_what_is_published() -> None:
    made = EncodedRecords().publication(MemoryTape([record(5, spot=6822.95)]), 0, GROUP)
    assert made is not None
    assert made.message.group == GROUP
    assert made.message.data.type is m.DataType.PROTOBUF
    assert made.message.from_user_id is None
    read = independent.orderflow_payload(made.message.data.value)
    assert (read["timestamp"], read["spot"], read["one_cvroflow"]) == (5, 682295, 150)


def test_a_record_is_read_and_encoded_once() -> None:
    tape, payloads = MemoryTape([record(1), record(2)]), EncodedRecords()
    made = payloads.publication(tape, 0, GROUP)
    assert payloads.publication(tape, 0, GROUP) is made
    payloads.publication(tape, 1, GROUP)
    assert tape.reads == payloads.encoded == 2
    assert payloads.publication(tape, 1, GROUP) is not made
    assert payloads.publication(MemoryTape([record(1)]), 0, GROUP) is not made, "another tape"


def test_frames_are_shared_between_clients_of_a_kind() -> None:
    made = Publication(m.DataMessage(m.Data(m.DataType.TEXT, b"x"), "g"))
    for dialect in (JSON, PROTO, SIMPLE):
        assert made.frame(dialect) is made.frame(dialect)
    assert len({made.frame(JSON), made.frame(PROTO), made.frame(SIMPLE)}) == 3
    assert made.numbered(RELIABLE, 7) == made.numbered(RELIABLE, 7) != made.numbered(RELIABLE, 8)


def test_every_kind_of_frame_is_the_codecs_own() -> None:
    message = m.DataMessage(m.Data(m.DataType.TEXT, b"x"), "g", "u")
    made = Publication(message)
    for dialect in DIALECTS:
        assert dialect.codec is not None
        number = 300 if dialect.reliable else None
        written = made.numbered(dialect, number) if number else made.frame(dialect)
        (frame,) = independent.client_frames([written])
        expected = m.DataMessage(message.data, "g", "u", number)
        assert bytes(frame.data) == dialect.codec.encode_downstream(expected)


def test_a_simple_client_has_no_numbers() -> None:
    with pytest.raises(ValueError, match="simple"):
        Publication(m.DataMessage(m.Data(m.DataType.TEXT, b"x"))).numbered(SIMPLE, 1)


@pytest.mark.parametrize(
    "bad", [None, b"{}", b"not json", record(1, spot=None), b'{"a":' * 50_000, record(1)[:-9] + b"\xff"]
)
def test_a_bad_record_is_skipped_counted_and_named_once(bad: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    tape, payloads = MemoryTape([record(1), bad], ES_SPX), EncodedRecords()
    for _ in range(3):
        assert payloads.publication(tape, 1, GROUP) is None
    assert payloads.skipped == 1
    (line,) = lines(caplog)
    assert line.startswith("memory/ES_SPX.jsonl:2: skipped (1 so far): ")
    assert tape.reads <= 2, "together with others, then alone"


def test_saturated_numbers_are_counted_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    tape, payloads = MemoryTape([record(1, spot=5e7, zcvr=-5e7)]), EncodedRecords()
    for _ in range(3):
        made = payloads.publication(tape, 0, GROUP)
        assert made is not None
        read = independent.orderflow_payload(made.message.data.value)
        assert (read["spot"], read["zcvr"]) == (2**32 - 1, -(2**31))
    assert (payloads.saturated, payloads.skipped) == (2, 0)
    assert lines(caplog) == ["memory/SPX.jsonl:1: too large for the wire, sent as the bound: spot, zcvr"]


def test_a_ruined_file_cannot_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    count = MAX_LOGGED_OF_A_TAPE + 200
    tape, payloads = MemoryTape([b"bad"] * count), EncodedRecords()
    with caplog.at_level(logging.WARNING):
        for index in range(count):
            assert payloads.publication(tape, index, GROUP) is None
    assert payloads.skipped == count
    assert len(caplog.records) == MAX_LOGGED_OF_A_TAPE
    assert [line.endswith(MORE_LINES) for line in lines(caplog)] == [False] * (MAX_LOGGED_OF_A_TAPE - 1) + [True]


def test_many_ruined_files_cannot_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    payloads = EncodedRecords()
    with caplog.at_level(logging.WARNING):
        for _ in range(MAX_LOGGED_SKIPS // MAX_LOGGED_OF_A_TAPE + 1):
            tape = MemoryTape([b"bad"] * MAX_LOGGED_OF_A_TAPE)
            for index in range(MAX_LOGGED_OF_A_TAPE):
                assert payloads.publication(tape, index, GROUP) is None
    assert len(caplog.records) == MAX_LOGGED_SKIPS


def test_a_bad_record_forgotten_and_met_again_is_named_only_the_first_time(caplog: pytest.LogCaptureFixture) -> None:
    tape, payloads = MemoryTape([None, record(1), record(2)]), EncodedRecords(limit=1)
    for index in (0, 1, 2, 0, 1, 0):
        payloads.publication(tape, index, GROUP)
    assert len(caplog.records) == 1


def test_the_least_recently_used_is_forgotten() -> None:
    tape, payloads = MemoryTape([record(number) for number in range(10)]), EncodedRecords(limit=3)
    first = payloads.publication(tape, 0, GROUP)
    for index in range(1, 10):
        payloads.publication(tape, index, GROUP)
        assert payloads.publication(tape, 0, GROUP) is first, "used all the time"
        assert len(payloads) <= 3
    assert tape.reads == 10
    payloads.publication(tape, 1, GROUP)
    assert payloads.encoded == 11


def test_the_bytes_kept_are_bounded_too() -> None:
    tape = MemoryTape([record(number) for number in range(10)])
    made = EncodedRecords().publication(tape, 0, GROUP)
    assert made is not None
    size = len(made.message.data.value)
    payloads = EncodedRecords(byte_limit=size * 3 + size // 2)
    for number in range(10):
        payloads.publication(tape, number, GROUP)
        assert len(payloads) <= 3
    one = EncodedRecords(byte_limit=1)
    assert one.publication(tape, 0, GROUP) is one.publication(tape, 0, GROUP), "the newest always stays"
