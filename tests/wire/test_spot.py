"""Spot prices out of snapshots of every kind, to bytes and back, read by an independent decoder."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.catalog import spot_of
from gexfaker.errors import RecordError
from gexfaker.wire import feeds, payload
from gexfaker.wire.spot import SPOT
from support import independent

BARE = '{"timestamp":1786714205,"ticker":"SPX","spot":7805.29}'

MEMBERS: dict[str, tuple[str, ...]] = {
    "bare": (),
    "gex": (
        *('"min_dte":0', '"sec_min_dte":1', '"zero_gamma":7112.95', '"major_pos_vol":7135', '"major_pos_oi":7200'),
        *(
            '"major_neg_vol":7100.01',
            '"major_neg_oi":6900',
            '"strikes":[[6890,-228.01,-86.9,[-240.55,0]],[7385,5.5,1]]',
        ),
        *('"sum_gex_vol":1712585.519', '"sum_gex_oi":51521.105', '"delta_risk_reversal":0.118'),
        '"max_priors":[[7140,170979.742],[7135,-1145886.722]]',
    ),
    "greek": (
        *('"min_dte":0', '"sec_min_dte":null', '"major_positive":6345', '"major_negative":6280.08'),
        *('"major_long_gamma":6329.46', '"major_short_gamma":6335.55'),
        '"mini_contracts":[[6310,0.126,0.137,52.36,[51.41,57.72,30.76],null,null]]',
    ),
    "volume": ('"min_dte":0', '"major_call_gamma":6345', '"major_put_gamma":6280.08', '"mini_contracts":[]'),
    "orderflow": tuple(f'"{name}":{at}.25' for at, name in enumerate(independent.NUMBERS[1:])),
    "anything": ('"unknown":{"spot":1,"deep":[null,{"timestamp":"x"}]}', '"text":"\\u00e9\\n"'),
}
"""What surrounds the spot in a snapshot of each kind."""

SOURCES = (
    *("", "", "null", "0", "1", "-1", "1786714205123", "1786714205123.9", "-1786714205123.9", "9007199254740991"),
    *("-9007199254740991", "1e15", "1e30", "-1e30"),
)
TICKERS = ("SPX", "ES_SPX", "NQ_NDX", "F", "", "\u00e9\u4e2d\U0001f600")


def changed(**values: Any) -> bytes:
    return json.dumps(json.loads(BARE) | values).encode()


def with_text(name: str, text: str) -> bytes:
    """The bare record with ``text`` for a key's value, as it is."""
    return json.dumps(json.loads(BARE) | {name: "<here>"}).replace('"<here>"', text).encode()


def read(record: bytes) -> dict[str, Any]:
    return independent.message(SPOT.encode(record).message, independent.SPOT)


# --- the numbers ---------------------------------------------------------------------------------


COUNTS = [5000, pytest.param(100_000, marks=pytest.mark.volume)]
"""Records that are generated; the full number takes half a minute."""


@pytest.mark.parametrize("count", COUNTS)
def test_generated_records(count: int) -> None:
    rng = random.Random(20260814)
    pool = [(text, independent.scaled(text, "uint32", 100)) for text in independent.number_texts(rng, count)]
    sources = {text: independent.scaled(text, "int64", 1) for text in SOURCES if text not in ("", "null")}
    tickers = {ticker: json.dumps(ticker) for ticker in TICKERS}
    kinds, saturated = list(MEMBERS.values()), 0
    for number in range(count):
        text, spot = rng.choice(pool)
        ticker, source = rng.choice(TICKERS), rng.choice(SOURCES)
        members = [f'"timestamp":{number}', f'"ticker":{tickers[ticker]}', f'"spot":{text}', *rng.choice(kinds)]
        if source:
            members.append(f'"source_timestamp_ms":{source}')
        rng.shuffle(members)
        record = "{" + ",".join(members) + "}"
        expected = {"timestamp": number, "ticker": ticker, "spot": spot.value, "source_timestamp_ms": None}
        cut = {"spot"} if spot.cut else set()
        if source in sources:
            expected["source_timestamp_ms"] = sources[source].value
            cut |= {"source_timestamp_ms"} if sources[source].cut else set()
        encoded = SPOT.encode(record.encode())
        if independent.message(encoded.message, independent.SPOT) != expected:
            pytest.fail(f"record {number}: {record}")
        if set(encoded.saturated) != cut or len(encoded.saturated) != len(cut):
            pytest.fail(f"record {number}: {encoded.saturated} saturated, not {cut}: {record}")
        saturated += bool(cut)
    assert 0.2 * count < saturated < 0.8 * count


@given(st.integers(0, 2**32 - 1), st.text("0123456789", max_size=4))
def test_more_than_two_decimals_are_cut_off_and_two_come_back(cents: int, more: str) -> None:
    text = f"{cents // 100}.{cents % 100:02}"
    assert read(with_text("spot", text + more))["spot"] == cents
    decoded = SPOT.decode(SPOT.encode(with_text("spot", text)).message)
    assert decoded == {"timestamp": 1786714205, "ticker": "SPX", "spot": float(text)}


@pytest.mark.parametrize(
    ("text", "expected", "fits"),
    [
        ("6822.95", 682295, True),
        ("1.239", 123, True),
        ("0.29", 29, True),
        ("0.009", 0, True),
        ("-0.009", 0, True),
        ("-0.01", 0, False),
        ("-7805.29", 0, False),
        ("42949672.95", 2**32 - 1, True),
        ("42949672.959", 2**32 - 1, True),
        ("42949672.96", 2**32 - 1, False),
        ("1e300", 2**32 - 1, False),
        ("-1e300", 0, False),
    ],
)
def test_the_bounds(text: str, expected: int, fits: bool) -> None:
    encoded = SPOT.encode(with_text("spot", text))
    assert independent.message(encoded.message, independent.SPOT)["spot"] == expected
    assert encoded.saturated == (() if fits else ("spot",))


# --- the fields ----------------------------------------------------------------------------------


def test_known_messages_byte_for_byte() -> None:
    """1: varint 1; 2: SPX; 3: 682295; 4: 0, sent because it was given, or 1786714205123."""
    head = "0801" + "1203535058" + "18b7d229"
    text = '{"timestamp":1,"ticker":"SPX","spot":6822.95'
    assert SPOT.encode(f"{text}}}".encode()).message.hex() == head
    assert SPOT.encode(f'{text},"source_timestamp_ms":null}}'.encode()).message.hex() == head
    assert SPOT.encode(f'{text},"source_timestamp_ms":0}}'.encode()).message.hex() == head + "2000"
    given = SPOT.encode(f'{text},"source_timestamp_ms":1786714205123}}'.encode()).message.hex()
    assert given == head + "20c3d7dc838034"


def test_what_is_zero_is_absent() -> None:
    assert SPOT.encode(b'{"timestamp":0,"ticker":"","spot":0}').message == b""


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_source_time_is_there_only_when_it_was_given(kind: str) -> None:
    members = ('"timestamp":1753283591', '"ticker":"ES_SPX"', '"spot":6326.45', *MEMBERS[kind])
    without = "{" + ",".join(members) + "}"
    plain = {"timestamp": 1753283591, "ticker": "ES_SPX", "spot": 6326.45}
    assert SPOT.decode(SPOT.encode(without.encode()).message) == plain
    given = without[:-1] + ',"source_timestamp_ms":1753283591004}'
    decoded = SPOT.decode(SPOT.encode(given.encode()).message)
    assert json.dumps(decoded) == json.dumps(plain | {"source_timestamp_ms": 1753283591004})


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_timestamps_at_the_ends_of_int64(number: int) -> None:
    assert read(changed(timestamp=number))["timestamp"] == number


def test_a_timestamp_beyond_int64_saturates() -> None:
    assert read(changed(timestamp=10**30))["timestamp"] == 2**63 - 1
    assert read(changed(timestamp=-(10**30)))["timestamp"] == -(2**63)


def test_through_the_payload() -> None:
    form = feeds.format_of(spot_of("SPX"))
    packed = payload.pack(form.type_url, form.encode(BARE.encode()).message)
    assert independent.message_payload(packed, "proto.spot", independent.SPOT) == {
        "timestamp": 1786714205,
        "ticker": "SPX",
        "spot": 780529,
        "source_timestamp_ms": None,
    }
    assert feeds.decode(*payload.unpack(packed)) == json.loads(BARE)


# --- records that cannot be served ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["spot", "source_timestamp_ms", "timestamp"])
@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 5000, '"6822.95"', "true", "false", "[]"),
        *("{}", "[1]", "", "01", "1.", ".5", "+1", "0x10", "1_000", "nan"),
    ],
    ids=range(20),
)
def test_what_is_not_a_finite_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError):
        SPOT.encode(with_text(name, text))


@pytest.mark.parametrize("name", ["timestamp", "ticker", "spot"])
def test_a_missing_key_or_null_is_refused(name: str) -> None:
    row = json.loads(BARE)
    del row[name]
    with pytest.raises(RecordError, match=name):
        SPOT.encode(json.dumps(row).encode())
    with pytest.raises(RecordError, match=name):
        SPOT.encode(changed(**{name: None}))


def test_a_fraction_of_a_second_is_refused() -> None:
    with pytest.raises(RecordError):
        SPOT.encode(with_text("timestamp", "1.5"))


@pytest.mark.parametrize("ticker", ["1", "null", "true", "[]", r'"\ud800"', r'"\udc00x"'])
def test_a_bad_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(RecordError):
        SPOT.encode(with_text("ticker", ticker))


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" ", b"{}", b"[]", b"null", b"17", b'"text"', b"not json", b"\xff\xfe", b"\x00" * 50),
        *(BARE[:-1].encode(), BARE.encode() * 2, b"[" + BARE.encode() + b"]", BARE.encode("utf-16")),
        *(b"[" * 100_000, b'{"a":' * 100_000, BARE.encode().replace(b"SPX", b"S\xffX")),
        with_text("unknown", "[" * 50_000 + "]" * 50_000),
    ],
    ids=range(18),
)
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        SPOT.encode(text)


def test_damaged_records_never_raise_anything_else() -> None:
    rng = random.Random(3)
    refused = 0
    for _ in range(10_000):
        text = bytearray(BARE.encode())
        at = rng.randrange(len(text))
        text[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            independent.message(SPOT.encode(bytes(text)).message, independent.SPOT)
        except RecordError:
            refused += 1
    assert 3_000 < refused < 10_000


def test_what_is_not_a_message_is_not_decoded() -> None:
    with pytest.raises(DecodeError):
        SPOT.decode(b"\xff\xff\xff")
