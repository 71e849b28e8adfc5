"""Orderflow records to bytes and back, read by an independent decoder."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.wire import orderflow, payload
from support import independent

BOUNDS = {
    name: (0, 2**32 - 1) if name in independent.UNSIGNED else (-(2**31), 2**31 - 1) for name in independent.NUMBERS
}
AWKWARD = (
    *("6822.95", "0.29", "1.005", "-2.675", "1.239", "-1.239", "0.57", "1.15", "4.35", "0.001", "-0.001", "-0"),
    *("0", "0.0", "0.01", "-0.01", "0.009999", "-0.009999", "0.019", "64.1", "1.1", "8.41", "2.51", "9.95"),
    *("42949672.95", "42949672.955", "42949672.96", "42949672.949", "42949673", "429496729.5"),
    *("21474836.47", "21474836.479", "21474836.48", "-21474836.48", "-21474836.489", "-21474836.49", "-21474837"),
    *("1e15", "-1e15", "1e300", "-1e300", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-5e-324"),
    *("1e-7", "-1e-7", "1E2", "1e+2", "12e-1", "999999999999.99", "-999999999999.99", "123456789012.345"),
)


def truncated(text: str) -> int:
    """Hundredths in a JSON number's text, truncated toward zero."""
    return int((Decimal(text) * 100).to_integral_value(rounding=ROUND_DOWN))


def fitted(scaled: int, name: str) -> int:
    low, high = BOUNDS[name]
    return min(max(scaled, low), high)


def record(numbers: dict[str, str], timestamp: str = "1786730400", ticker: str = "SPX") -> bytes:
    """JSON text with the numbers exactly as they are written."""
    rows = ",".join(f'"{name}":{text}' for name, text in numbers.items())
    return f'{{"timestamp":{timestamp},"ticker":{json.dumps(ticker)},{rows}}}'.encode()


def plain_record(**changed: str) -> bytes:
    return record({**dict.fromkeys(independent.NUMBERS, "1.5"), **changed})


# --- the numbers ---------------------------------------------------------------------------------


def number_texts() -> st.SearchStrategy[str]:
    """Decimals of up to 15 significant digits, and the awkward ones."""
    digits = st.integers(-(10**15) + 1, 10**15 - 1)
    plain = st.builds(lambda number, places: format(Decimal(number).scaleb(-places), "f"), digits, st.integers(0, 9))
    near = st.sampled_from([2**32, 2**31, -(2**31), 0]).flatmap(
        lambda bound: st.integers(-20, 20).map(lambda step: format(Decimal(bound * 10 + step).scaleb(-3), "f"))
    )
    return st.sampled_from(AWKWARD) | plain | near


@pytest.mark.long
@settings(max_examples=300)
@given(
    st.lists(number_texts(), min_size=35, max_size=35),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
def test_any_record(texts: list[str], timestamp: int, ticker: str) -> None:
    numbers = dict(zip(independent.NUMBERS, texts, strict=True))
    encoded = orderflow.ORDERFLOW.encode(record(numbers, str(timestamp), ticker))
    expected = {name: fitted(truncated(text), name) for name, text in numbers.items()}

    read = independent.orderflow_payload(payload.pack(orderflow.ORDERFLOW.type_url, encoded.message))
    assert read == {"timestamp": timestamp, "ticker": ticker, **expected}
    assert encoded.saturated == tuple(name for name in numbers if expected[name] != truncated(numbers[name]))

    ours = orderflow.ORDERFLOW.decode(encoded.message)
    assert list(ours) == list(independent.NAMES)
    for name, scaled in expected.items():
        value = ours[name]
        assert Decimal(repr(value)) == Decimal(scaled) / 100
        assert isinstance(value, int) == (scaled % 100 == 0)


def generated_texts(rng: random.Random) -> Iterator[str]:
    """Numbers like those of a day, and every kind that is hard; never more than 15 significant digits."""
    while True:
        kind = rng.random()
        if kind < 0.3:
            yield f"{rng.uniform(1, 9999):.2f}"
        elif kind < 0.45:
            yield f"{rng.uniform(-99999, 99999):.{rng.randrange(7)}f}"
        elif kind < 0.6:
            yield f"{rng.uniform(-1, 1):.{rng.randrange(1, 6)}f}"
        elif kind < 0.7:
            yield f"{rng.choice((42949672, 21474836, -21474836))}.{rng.randrange(100, 1000)}"
        elif kind < 0.8:
            yield f"{rng.uniform(-9, 9):.{rng.randrange(14)}e}"
        elif kind < 0.9:
            yield f"{rng.uniform(-9, 9):.13f}e{rng.randrange(-30, 30)}"
        elif kind < 0.95:
            yield rng.choice(AWKWARD)
        else:
            yield str(rng.randrange(-(10 ** rng.randrange(1, 15)), 10 ** rng.randrange(1, 15)))


COUNTS = [5000, pytest.param(100_000, marks=pytest.mark.volume)]
"""Records that are generated; the full number takes half a minute."""


@pytest.mark.long
@pytest.mark.parametrize("count", COUNTS)
def test_generated_records(count: int) -> None:
    rng = random.Random(20260814)
    texts = list(itertools.islice(generated_texts(rng), 4 * count))
    pool = [(text, truncated(text)) for text in texts]
    template = "{" + ",".join(f'"{name}":%s' for name in independent.NAMES) + "}"
    lows, highs = zip(*(BOUNDS[name] for name in independent.NUMBERS), strict=True)
    saturated = 0
    for number in range(count):
        drawn = rng.choices(pool, k=35)
        text = template % (number, '"SPX"', *(pair[0] for pair in drawn))
        encoded = orderflow.ORDERFLOW.encode(text.encode())
        read = independent.orderflow_payload(payload.pack(orderflow.ORDERFLOW.type_url, encoded.message))
        scaled = [pair[1] for pair in drawn]
        expected = [min(max(value, low), high) for value, low, high in zip(scaled, lows, highs, strict=True)]
        if list(read.values()) != [number, "SPX", *expected]:
            pytest.fail(f"record {number}: {text}")
        cut = sum(a != b for a, b in zip(scaled, expected, strict=True))
        assert len(encoded.saturated) == cut
        saturated += cut
    assert saturated > count  # negatives in unsigned fields alone are more than that


@pytest.mark.long
def test_two_decimal_records_come_back_as_the_same_json() -> None:
    """REST data has two decimals: decoding gives back exactly the JSON number."""
    rng = random.Random(7)
    for _ in range(2_000):
        row: dict[str, Any] = {"timestamp": rng.randrange(2**31), "ticker": "ES_SPX"}
        for name in independent.NUMBERS:
            value = round(rng.uniform(0 if name in independent.UNSIGNED else -9999, 9999), rng.randrange(3))
            row[name] = int(value) if value == int(value) else value
        decoded = orderflow.ORDERFLOW.decode(orderflow.ORDERFLOW.encode(json.dumps(row).encode()).message)
        assert json.dumps(decoded) == json.dumps(row)


# --- the fields ----------------------------------------------------------------------------------


def test_every_field_has_its_own_number() -> None:
    """All different values, so that no two fields can be exchanged."""
    numbers = {name: f"{position}.25" for position, name in enumerate(independent.NUMBERS, start=3)}
    message = orderflow.ORDERFLOW.encode(record(numbers, "1", "SPX")).message
    assert [number for number, _, _ in independent.fields(message)] == list(range(1, 38))
    read = independent.orderflow(message)
    assert read == {
        "timestamp": 1,
        "ticker": "SPX",
        **{name: position * 100 + 25 for position, name in enumerate(independent.NUMBERS, start=3)},
    }


def test_a_known_message_byte_for_byte() -> None:
    """spot 6822.95 = 682295 = varint B7 D2 29; zcvr -1.5 = -150 = zigzag 299 = AB 02; the rest 0 and absent."""
    numbers = dict.fromkeys(independent.NUMBERS, "0") | {"spot": "6822.95", "zcvr": "-1.5"}
    message = orderflow.ORDERFLOW.encode(record(numbers, "1", "SPX")).message
    assert message.hex() == "0801" + "1203535058" + "18b7d229" + "60ab02"


def test_the_order_of_the_keys_and_extra_keys_do_not_matter() -> None:
    numbers = {name: f"{position}.5" for position, name in enumerate(independent.NUMBERS)}
    straight = orderflow.ORDERFLOW.encode(record(numbers))
    rows = list(json.loads(record(numbers)).items())
    random.Random(1).shuffle(rows)
    assert orderflow.ORDERFLOW.encode(json.dumps(dict(rows)).encode()) == straight
    extra = {"unknown": [1, {"deep": None}], **dict(rows), "zzz": "text"}
    assert orderflow.ORDERFLOW.encode(json.dumps(extra, indent=1).encode()) == straight


@pytest.mark.parametrize("timestamp", ["9223372036854775807", "-9223372036854775808", "0"])
def test_timestamps_at_the_ends_of_int64(timestamp: str) -> None:
    message = orderflow.ORDERFLOW.encode(record(dict.fromkeys(independent.NUMBERS, "1"), timestamp)).message
    assert independent.orderflow(message)["timestamp"] == int(timestamp)


def test_a_timestamp_beyond_int64_saturates() -> None:
    message = orderflow.ORDERFLOW.encode(record(dict.fromkeys(independent.NUMBERS, "1"), str(10**30))).message
    assert independent.orderflow(message)["timestamp"] == 2**63 - 1


# --- records that cannot be served ---------------------------------------------------------------

NOT_A_NUMBER = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000),
    *('"6822.95"', "true", "false", "null", "[]", "{}", "[1]", "", "01", "1.", ".5", "+1", "0x10", "1_000", "nan"),
]


@pytest.mark.parametrize("text", NOT_A_NUMBER, ids=lambda text: text[:12] or "empty")
@pytest.mark.parametrize("name", ["spot", "one_mput", "zcvr", "one_cvroflow"])
def test_what_is_not_a_finite_number_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError):
        orderflow.ORDERFLOW.encode(plain_record(**{name: text}))


@pytest.mark.parametrize("name", independent.NAMES)
def test_a_missing_key_is_refused(name: str) -> None:
    row = json.loads(plain_record())
    del row[name]
    with pytest.raises(RecordError, match=name):
        orderflow.ORDERFLOW.encode(json.dumps(row).encode())


@pytest.mark.parametrize("timestamp", ["1.5", '"1"', "null", "true", "1e999", "NaN", "1" + "0" * 6000])
def test_a_bad_timestamp_is_refused(timestamp: str) -> None:
    with pytest.raises(RecordError):
        orderflow.ORDERFLOW.encode(record(dict.fromkeys(independent.NUMBERS, "1"), timestamp))


@pytest.mark.parametrize("ticker", ["1", "null", "true", "[]", r'"\ud800"', r'"\udc00x"'])
def test_a_bad_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(RecordError):
        orderflow.ORDERFLOW.encode(plain_record().replace(b'"SPX"', ticker.encode()))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"17",
        b'"text"',
        b"not json",
        plain_record()[:-1],
        plain_record()[:100],
        plain_record() + b"x",
        plain_record() + plain_record(),
        b"[" + plain_record() + b"]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"\x00" * 50,
        plain_record().decode().encode("utf-16"),
        plain_record().replace(b"SPX", b"S\xffX"),
        plain_record().replace(b"SPX", b"\xed\xa0\x80"),
    ],
    ids=range(20),
)
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        orderflow.ORDERFLOW.encode(text)


@pytest.mark.long
def test_damaged_records_never_raise_anything_else() -> None:
    rng = random.Random(3)
    intact = plain_record()
    refused = 0
    for _ in range(20_000):
        text = bytearray(intact)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            independent.orderflow(orderflow.ORDERFLOW.encode(bytes(text)).message)
        except RecordError:
            refused += 1
    assert 10_000 < refused < 20_000
