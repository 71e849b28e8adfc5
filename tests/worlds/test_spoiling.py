"""Payloads that are wrong on purpose, read by decoders that share nothing with the server."""

from __future__ import annotations

import json
from itertools import count

import pytest
import zstandard
from google.protobuf.message import DecodeError

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.faults.kinds import Backdate, Corrupt, Extremes, Fault, Mislabel, Oversize
from gexfaker.hubs.publication import Publication
from gexfaker.records.fields import SINT32, UINT32
from gexfaker.wire.feeds import decode as decode_feed
from gexfaker.wire.feeds import format_of
from gexfaker.wire.messages import Data, DataMessage, DataType
from gexfaker.wire.payload import pack, unpack
from gexfaker.wire.subprotocols import SIMPLE, SUBPROTOCOLS
from gexfaker.worlds.spoiling import UNKNOWN_EVENT, UNKNOWN_TYPE, spoiled, unknown_message
from support import data, decode, independent, rest

RECORDS = {
    "orderflow": (Feed("ES_SPX", "orderflow", "orderflow"), data.record("ES_SPX", 3)),
    "gex": (Feed("SPX", "classic", "gex_zero"), rest.GEX),
    "greeks": (Feed("SPX", "state", "delta_zero"), rest.GREEK),
}
JSON, PROTOBUF = SUBPROTOCOLS["json.webpubsub.azure.v1"], SUBPROTOCOLS["protobuf.webpubsub.azure.v1"]
RELIABLE = SUBPROTOCOLS["json.reliable.webpubsub.azure.v1"]


def publication(kind: str = "orderflow") -> Publication:
    feed, record = RECORDS[kind]
    form = format_of(feed)
    payload = pack(form.type_url, form.encode(record.encode()).message)
    return Publication(DataMessage(Data(DataType.PROTOBUF, payload), "g"), 3)


def chance() -> float:
    return 0.25


def after(kind: str, fault: Fault) -> bytes:
    """The payload with a fault."""
    made = spoiled(publication(kind), fault, chance)
    assert made.index == 3, "it is still the message of that record"
    assert made.message.group == "g"
    return made.message.data.value


def record_of(payload: bytes) -> dict[str, object]:
    return decode_feed(*unpack(payload))


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_backdated_and_nothing_else(kind: str) -> None:
    before, found = record_of(publication(kind).message.data.value), record_of(after(kind, Backdate(by=60_000)))
    assert found == before | {"timestamp": int(str(before["timestamp"])) - 60}
    later = record_of(after(kind, Backdate(by=-1000)))
    assert later["timestamp"] == int(str(before["timestamp"])) + 1


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_has_another_ticker_and_nothing_else(kind: str) -> None:
    before = record_of(publication(kind).message.data.value)
    assert record_of(after(kind, Mislabel(ticker="NDX"))) == before | {"ticker": "NDX"}


def test_every_number_of_an_orderflow_record_is_at_its_bound() -> None:
    for bound, unsigned, signed in (
        ("largest", UINT32[1], SINT32[1]),
        ("smallest", UINT32[0], SINT32[0]),
        ("zero", 0, 0),
    ):
        found = decode.orderflow(after("orderflow", Extremes(bound=bound)))  # type: ignore[arg-type]
        assert found["timestamp"] == decode.orderflow(publication().message.data.value)["timestamp"]
        present = set(decode.orderflow(publication().message.data.value)) - {"timestamp", "ticker"}
        for name in present:
            wanted = unsigned if name in decode.UNSIGNED.values() else signed
            assert found[name] in (wanted, 0), name
        assert found["spot"] == unsigned


@pytest.mark.parametrize("kind", ["gex", "greeks"])
def test_rows_and_lists_inside_are_at_their_bounds_too(kind: str) -> None:
    before, found = record_of(publication(kind).message.data.value), record_of(after(kind, Extremes()))
    text = json.dumps(found)
    assert set(found) == set(before)
    assert "21474836.47" in text or "2147483.647" in text or "42949672.95" in text
    rows = next(value for name, value in found.items() if name in ("strikes", "mini_contracts"))
    assert isinstance(rows, list)
    assert all(row[0] == rows[0][0] for row in rows), "every strike is the same bound"


def test_a_cut_zstd_frame_cannot_be_read() -> None:
    payload = after("orderflow", Corrupt(part="zstd"))
    with pytest.raises(RecordError):
        unpack(payload)
    reader = zstandard.ZstdDecompressor().decompressobj()
    outer = decode.message(payload)
    reader.decompress(decode.inner(outer[2]))
    assert not reader.eof


def test_another_magic_number_is_no_zstd() -> None:
    outer = decode.message(after("gex", Corrupt(part="magic")))
    assert decode.inner(outer[2])[:4] != b"\x28\xb5\x2f\xfd"
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompressobj().decompress(decode.inner(outer[2]))


@pytest.mark.parametrize("kind", RECORDS)
def test_a_cut_message_is_whole_zstd_and_no_message(kind: str) -> None:
    payload = after(kind, Corrupt(part="protobuf"))
    type_url, content = unpack(payload)
    whole = unpack(publication(kind).message.data.value)[1]
    assert type_url == unpack(publication(kind).message.data.value)[0]
    assert whole.startswith(content)
    assert len(content) < len(whole)
    with pytest.raises((RecordError, DecodeError)):
        decode_feed(type_url, content)


@pytest.mark.parametrize("index", range(40))
def test_a_message_is_cut_inside_a_field_wherever_its_half_is(index: int) -> None:
    feed, _ = RECORDS["orderflow"]
    form = format_of(feed)
    whole = Publication(
        DataMessage(
            Data(DataType.PROTOBUF, pack(form.type_url, form.encode(data.record("ES_SPX", index).encode()).message)),
            "g",
        )
    )
    with pytest.raises((RecordError, DecodeError)):
        decode_feed(*unpack(spoiled(whole, Corrupt(part="protobuf"), chance).message.data.value))


def test_an_unknown_type_holds_the_same_message() -> None:
    assert unpack(after("gex", Corrupt(part="type_url"))) == (
        UNKNOWN_TYPE,
        unpack(publication("gex").message.data.value)[1],
    )


def test_as_many_bits_flip_as_are_asked_for_and_by_chance() -> None:
    numbers = count()
    source = lambda: (next(numbers) * 0.0137) % 1  # noqa: E731
    before = decode.inner(decode.message(publication().message.data.value)[2])
    made = spoiled(publication(), Corrupt(flips=5), source)
    found = decode.inner(decode.message(made.message.data.value)[2])
    assert len(found) == len(before)
    assert sum((a ^ b).bit_count() for a, b in zip(before, found, strict=True)) == 5


def test_no_base64_in_json_and_a_cut_message_in_protobuf() -> None:
    made = spoiled(publication(), Corrupt(part="base64"), chance)
    [text] = independent.client_frames([made.frame(JSON)])
    parsed = json.loads(bytes(text.data))
    assert parsed["data"].startswith("*!")
    assert parsed["group"] == "g"
    with pytest.raises(ValueError, match=r".*"):
        decode.json_frame(bytes(text.data))
    [numbered] = independent.client_frames([made.numbered(RELIABLE, 7)])
    assert json.loads(bytes(numbered.data))["sequenceId"] == 7
    [binary] = independent.client_frames([made.frame(PROTOBUF)])
    with pytest.raises((AssertionError, IndexError, ValueError)):
        decode.protobuf_frame(bytes(binary.data))
    whole = publication().message.data.value
    [simple] = independent.client_frames([made.frame(SIMPLE)])
    assert bytes(simple.data) == whole[: len(whole) // 2], "a client without a subprotocol gets half of the payload"


def test_an_oversized_payload_has_that_size_and_still_the_record() -> None:
    payload = after("orderflow", Oversize(bytes=100_000))
    assert 100_000 <= len(payload) <= 100_020
    assert record_of(payload) == record_of(publication().message.data.value)
    assert len(after("orderflow", Oversize(bytes=1))) < 1000, "smaller than it is it cannot be"


def test_what_is_no_record_of_the_feed_stays_as_it_is() -> None:
    text = Publication(DataMessage(Data(DataType.TEXT, b"hello"), "g"))
    assert spoiled(text, Mislabel(), chance) is text
    odd = Publication(DataMessage(Data(DataType.PROTOBUF, b"\x00"), "g"))
    assert spoiled(odd, Mislabel(), chance) is odd
    foreign = Publication(DataMessage(Data(DataType.PROTOBUF, pack("proto.foreign", b"\x08\x01")), "g"))
    assert unpack(spoiled(foreign, Mislabel(), chance).message.data.value) == ("proto.foreign", b"\x08\x01")


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b'{"a":1}', b"\x0a\x03abc", b"\x12\x02{}"])
@pytest.mark.parametrize(
    "fault",
    [
        *(Corrupt(part=part) for part in ("bits", "zstd", "magic", "protobuf", "type_url", "base64")),
        *(Oversize(bytes=1000), Backdate(), Mislabel(), Extremes()),
    ],
)
def test_a_payload_of_ones_own_that_is_none_is_no_trouble(fault: Fault, payload: bytes) -> None:
    own = Publication(DataMessage(Data(DataType.PROTOBUF, payload), "g"))
    assert spoiled(own, fault, chance).message.group == "g"


def test_broken_content_in_a_whole_wrapping_is_no_trouble() -> None:
    for type_url, content in (("proto.greek", b"{}"), ("proto.greek", b'{"timestamp":"x"}'), ("proto.gex", b"\xff")):
        own = Publication(DataMessage(Data(DataType.PROTOBUF, pack(type_url, content)), "g"))
        for fault in (Backdate(), Mislabel(), Extremes()):
            assert spoiled(own, fault, chance).message.group == "g"


def test_a_volume_record_is_edited_as_the_text_it_is() -> None:
    feed = Feed("SPX", "classic", "gamma_volume")
    payload = pack("proto.greek", b'{"timestamp":1784295002,"ticker":"SPX","spot":1.5,"strikes":[[1,2.5]]}')
    assert feed.kind
    volume = Publication(DataMessage(Data(DataType.PROTOBUF, payload), "g"))

    def text(fault: Fault) -> dict[str, object]:
        found: dict[str, object] = json.loads(unpack(spoiled(volume, fault, chance).message.data.value)[1])
        return found

    assert text(Backdate(by=2000))["timestamp"] == 1784295000
    assert text(Mislabel(ticker="X"))["ticker"] == "X"
    assert text(Extremes(bound="zero")) == {"timestamp": 1784295002, "ticker": "SPX", "spot": 0, "strikes": [[0, 0]]}


def test_an_unknown_message_is_well_formed_and_of_no_known_type() -> None:
    [text] = independent.client_frames([unknown_message(JSON) or b""])
    assert json.loads(bytes(text.data))["event"] == UNKNOWN_EVENT
    [binary] = independent.client_frames([unknown_message(PROTOBUF) or b""])
    [(number, _)] = decode.fields(bytes(binary.data))
    assert number not in (1, 2, 3, 4)
    simple = SUBPROTOCOLS["json.webpubsub.azure.v1"].__class__(None, None)
    assert unknown_message(simple) is None
