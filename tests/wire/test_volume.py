"""The legacy volume feeds: JSON text where the type URL says greeks; read with the standard library's JSON alone."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.wire import feeds, payload, volume
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.volume import VOLUME
from support import independent

KEYS = (
    *("timestamp", "ticker", "spot", "min_dte", "sec_min_dte", "major_call_gamma", "major_put_gamma"),
    *("major_long_gamma", "major_short_gamma", "mini_contracts"),
)
REST = {"major_call_gamma": "major_positive", "major_put_gamma": "major_negative"}
REST_KEYS = tuple(REST.get(key, key) for key in KEYS)
LEVELS = ("spot", *KEYS[5:9])
OPTIONAL = ("min_dte", "sec_min_dte")

TEXT = (
    '{"timestamp":1753283592,"ticker":"SPX","spot":6326.27,"min_dte":0,"sec_min_dte":1,"major_call_gamma":6345,'
    '"major_put_gamma":6280.08,"major_long_gamma":6329.46,"major_short_gamma":6335.55,"mini_contracts":['
    "[6510,0.426,0,0,[0,0,0],null,null],[6310,0.126,0.137,52.36,[51.41,57.72,30.76],3,[4,5]]]}"
)
RECORD = TEXT.replace("major_call_gamma", "major_positive").replace("major_put_gamma", "major_negative")


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(RECORD) | values).encode()


def spliced(key: str, text: str) -> bytes:
    """The record with ``text`` for a key's value, as it is."""
    return json.dumps(json.loads(RECORD) | {key: "<here>"}).replace('"<here>"', text).encode()


def exact(text: bytes | str) -> dict[str, Any]:
    """JSON with numbers as the decimals they are written as; nothing that is not JSON passes."""

    def never(name: str) -> None:
        pytest.fail(f"{name} is not JSON")

    row: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=never)
    return row


# --- the text ------------------------------------------------------------------------------------


def test_the_keys_are_those_of_the_reference() -> None:
    assert volume.KEYS == KEYS


@pytest.mark.parametrize("record", [TEXT, RECORD], ids=["the message's keys", "the keys of REST"])
def test_either_set_of_keys_gives_the_documented_text(record: str) -> None:
    encoded = VOLUME.encode(record.encode())
    assert encoded.message.decode() == TEXT
    assert encoded.saturated == ()


def test_the_order_of_the_keys_extra_keys_and_spaces_do_not_matter() -> None:
    rows = list(json.loads(RECORD).items())
    random.Random(1).shuffle(rows)
    shuffled = {"unknown": [1, {"deep": None}], **dict(rows), "zzz": "text"}
    assert VOLUME.encode(json.dumps(shuffled, indent=1).encode()).message.decode() == TEXT


class Builder:
    """Random records, with what their text must hold."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pool = independent.number_texts(self.rng, 60_000)

    def build(self, timestamp: int) -> tuple[str, dict[str, str]]:
        """JSON with either set of keys, and the text of every value by the key it must come out under."""
        rng = self.rng
        parts = {"timestamp": str(timestamp), "ticker": rng.choice(('"SPX"', '"ES_SPX"', '"\\u00e9\\u4e2d"', '""'))}
        parts |= dict(zip(LEVELS, rng.choices(self.pool, k=5), strict=True))
        parts |= {name: rng.choice(("", "null", "0", "1", "3", "-7", "40")) for name in OPTIONAL}
        parts["mini_contracts"] = f"[{','.join(self._row() for _ in range(rng.choice((0, 1, 1, 2))))}]"
        names = rng.choice((REST, {}, {"major_put_gamma": "major_negative"}))
        given = [f'"{names.get(key, key)}":{text}' for key, text in parts.items() if text]
        rng.shuffle(given)
        expected = {key: parts[key] for key in KEYS if key not in OPTIONAL or parts[key] not in ("", "null")}
        return "{" + ",".join(given) + "}", expected

    def _row(self) -> str:
        rng = self.rng
        numbers = ",".join(rng.choices(self.pool, k=4))
        row = f"{numbers},[{','.join(rng.choices(self.pool, k=rng.choice((0, 3))))}]"
        return f"[{row}{rng.choice(('', ',null', ',null,null', ',17,null', ',0,[1,2]'))}]"


COUNTS = [5000, pytest.param(100_000, marks=pytest.mark.volume)]
"""Records that are generated; the full number takes half a minute."""


@pytest.mark.long
@pytest.mark.parametrize("count", COUNTS)
def test_generated_records(count: int) -> None:
    builder = Builder(20260814)
    for number in range(count):
        record, expected = builder.build(number)
        encoded = VOLUME.encode(record.encode())
        made = exact(encoded.message)
        wanted = exact("{" + ",".join(f'"{key}":{text}' for key, text in expected.items()) + "}")
        if made != wanted or list(made) != list(expected) or encoded.saturated:
            pytest.fail(f"record {number}: {record} became {encoded.message.decode()}")
        if b" " in encoded.message or b"\n" in encoded.message:
            pytest.fail(f"record {number} is not compact: {encoded.message.decode()}")


def cents(rng: random.Random, low: int, high: int) -> int | float:
    """A number as the service writes it: at most two decimals, integral ones without a point."""
    value = rng.randrange(low * 100, high * 100) / 100
    return int(value) if value == int(value) else value


@pytest.mark.long
def test_rest_records_come_back_as_the_same_json() -> None:
    rng = random.Random(7)
    for number in range(2_000):
        row: dict[str, Any] = {"timestamp": number, "ticker": "NQ_NDX", "spot": cents(rng, 0, 30_000)}
        row |= {name: rng.randrange(4) for name in OPTIONAL if rng.random() < 0.8}
        row |= {REST.get(name, name): cents(rng, 0, 30_000) for name in LEVELS[1:]}
        row["mini_contracts"] = [
            [cents(rng, 0, 30_000), 0.426, 0, cents(rng, -900, 900), [cents(rng, -9, 9) for _ in range(3)], None, None]
            for _ in range(rng.randrange(4))
        ]
        assert json.dumps(VOLUME.decode(VOLUME.encode(json.dumps(row).encode()).message)) == json.dumps(row)


def test_decoding_gives_the_keys_of_rest() -> None:
    decoded = VOLUME.decode(TEXT.encode())
    assert tuple(decoded) == REST_KEYS
    assert decoded == json.loads(RECORD)


@pytest.mark.parametrize("name", OPTIONAL)
def test_null_and_missing_are_the_same(name: str) -> None:
    row = json.loads(RECORD)
    del row[name]
    missing = VOLUME.encode(json.dumps(row).encode())
    assert missing == VOLUME.encode(changed(**{name: None}))
    assert tuple(json.loads(missing.message)) == tuple(key for key in KEYS if key != name)


def test_numbers_are_not_scaled_and_never_saturate() -> None:
    encoded = VOLUME.encode(changed(spot=-42949672.96, major_positive=1e300))
    assert encoded.saturated == ()
    row = json.loads(encoded.message)
    assert (row["spot"], row["major_call_gamma"]) == (-42949672.96, 1e300)


# --- in the Any ----------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["volume_zero", "volume_one"])
def test_through_the_payload_it_is_a_greek_by_name_and_text_by_content(category: str) -> None:
    form = feeds.format_of(Feed("SPX", "state", category))
    packed = independent.any_message(payload.pack(form.type_url, form.encode(RECORD.encode()).message))
    assert packed.type_url == "proto.greek"
    independent.assert_no_content_size(packed.value)
    assert independent.unzstd(packed.value).decode() == TEXT


def test_text_and_protobuf_of_the_same_type_url_are_told_apart() -> None:
    rng, rest = random.Random(5), json.loads(RECORD)
    for _ in range(2_000):
        rest["timestamp"], rest["ticker"] = rng.choice((0, 1, 123, rng.randrange(2**40))), rng.choice(("", "{", "SPX"))
        record = json.dumps(rest).encode()
        text, message = VOLUME.encode(record).message, GREEKS.encode(record).message
        assert volume.is_text(text)
        assert not volume.is_text(message)
        assert feeds.decode("proto.greek", text) == feeds.decode("proto.greek", message) == rest


def test_an_empty_message_is_no_text() -> None:
    assert not volume.is_text(b"")
    assert feeds.decode("proto.greek", b"")["mini_contracts"] == []


@pytest.mark.parametrize("type_url", ["proto.nothing", ""])
def test_text_does_not_make_an_unknown_type_url_known(type_url: str) -> None:
    with pytest.raises(KeyError):
        feeds.decode(type_url, TEXT.encode())


# --- records that cannot be served ---------------------------------------------------------------

NOT_A_NUMBER = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000, '"6822.95"', "true"),
    *("null", "[]", "{}", "", "01", "1.", ".5", "+1"),
)


@pytest.mark.parametrize("name", [*LEVELS[:1], *(REST.get(name, name) for name in LEVELS[1:])])
@pytest.mark.parametrize("text", NOT_A_NUMBER, ids=range(len(NOT_A_NUMBER)))
def test_what_is_not_a_finite_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError):
        VOLUME.encode(spliced(name, text))


@pytest.mark.parametrize("text", NOT_A_NUMBER, ids=range(len(NOT_A_NUMBER)))
def test_neither_is_it_in_a_row(text: str) -> None:
    for row in (f"[[{text},2,3,4,[]]]", f"[[1,2,3,{text},[]]]", f"[[1,2,3,4,[5,{text}]]]"):
        with pytest.raises(RecordError):
            VOLUME.encode(spliced("mini_contracts", row))


@pytest.mark.parametrize("name", [name for name in REST_KEYS if name not in OPTIONAL])
def test_a_missing_key_is_refused(name: str) -> None:
    row = json.loads(RECORD)
    del row[name]
    with pytest.raises(RecordError, match=name):
        VOLUME.encode(json.dumps(row).encode())


@pytest.mark.parametrize("text", ["1.5", '"1"', "true", "null", "NaN"])
def test_a_bad_timestamp_is_refused(text: str) -> None:
    with pytest.raises(RecordError):
        VOLUME.encode(spliced("timestamp", text))


@pytest.mark.parametrize("ticker", ["1", "null", "true", "[]", r'"\ud800"', r'"\udc00x"'])
def test_a_bad_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(RecordError):
        VOLUME.encode(spliced("ticker", ticker))


@pytest.mark.parametrize(
    "text",
    ["null", "{}", "1", '"x"', "[1]", "[null]", "[[]]", "[[1,2,3,4]]", "[[1,2,3,4,null]]", "[[1,2,3,4,[],0,1]]"],
)
def test_a_row_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="mini_contracts"):
        VOLUME.encode(spliced("mini_contracts", text))


NOT_A_RECORD = (
    *(b"", b" ", b"{}", b"[]", b"null", b"17", b"not json", b"\xff\xfe", RECORD[:-1].encode(), RECORD.encode() * 2),
    *(b"[" * 100_000, b'{"a":' * 100_000, RECORD.encode("utf-16"), RECORD.encode().replace(b"SPX", b"S\xffX")),
    spliced("unknown", "[" * 50_000 + "]" * 50_000),
)


@pytest.mark.parametrize("text", NOT_A_RECORD, ids=range(len(NOT_A_RECORD)))
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        VOLUME.encode(text)


@pytest.mark.parametrize("text", [b"{", b"{]", b'{"a":1}x', b'{"a":' * 100_000, b'{"ticker":"\xff"}'], ids=range(5))
def test_what_is_not_json_is_not_decoded(text: bytes) -> None:
    with pytest.raises(RecordError):
        feeds.decode("proto.greek", text)


@pytest.mark.long
def test_damaged_records_never_raise_anything_else() -> None:
    rng, refused = random.Random(3), 0
    for _ in range(10_000):
        text = bytearray(RECORD.encode())
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            exact(VOLUME.encode(bytes(text)).message)
        except RecordError:
            refused += 1
    assert 5_000 < refused < 10_000
