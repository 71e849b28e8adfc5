"""Greek records to bytes and back, read by an independent decoder."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from gexfaker.errors import RecordError
from gexfaker.wire import greeks, payload
from support import independent
from support.independent import Scaled

KEYS = (
    *("timestamp", "ticker", "spot", "min_dte", "sec_min_dte", "major_positive", "major_negative"),
    *("major_long_gamma", "major_short_gamma", "mini_contracts"),
)
DAYS = ("min_dte", "sec_min_dte")
LEVELS = KEYS[5:9]

DELTA = (
    '{"timestamp":1753283592,"ticker":"SPX","spot":6326.27,"min_dte":0,"sec_min_dte":1,"major_positive":6345,'
    '"major_negative":6280.08,"major_long_gamma":6329.46,"major_short_gamma":6335.55,"mini_contracts":['
    "[6510,0.426,0,0,[0,0,0],null,null],[6310,0.126,0.137,52.36,[51.41,57.72,30.76],null,null],"
    "[6315,0.126,0.137,-52.36,[51.41,-57.72,30.76],0,null],[6320.65,0.2,1,7,[],1234,[5,0,-7]]]}"
)


def changed(**values: Any) -> bytes:
    """The delta record with other values."""
    return json.dumps(json.loads(DELTA) | values).encode()


def spliced(key: str, text: str) -> bytes:
    """The delta record with ``text`` for a key's value, as it is."""
    marked = json.dumps(json.loads(DELTA) | {key: "<here>"})
    return marked.replace('"<here>"', text).encode()


def read(record: bytes) -> dict[str, Any]:
    return independent.message(greeks.GREEKS.encode(record).message, independent.GREEK)


def contract(text: str) -> dict[str, Any]:
    """What the message holds of one row, as it is written."""
    (row,) = read(spliced("mini_contracts", f"[{text}]"))["mini_contracts"]
    assert isinstance(row, dict)
    return row


def back(text: str) -> Any:
    """The row that comes back from one row, as it is written."""
    (row,) = greeks.GREEKS.decode(greeks.GREEKS.encode(spliced("mini_contracts", f"[{text}]")).message)[
        "mini_contracts"
    ]
    return row


# --- the numbers ---------------------------------------------------------------------------------


class Number:
    """A JSON number and what it must be in each kind of field."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.price = independent.scaled(text, "uint32", 100)
        self.volatility = independent.scaled(text, "uint32", 1000)
        self.greek = independent.scaled(text, "sint32", 100)
        self.volume = independent.scaled(text, "sint32", 1)


class Builder:
    """Random records with what must become of them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pool = [Number(text) for text in independent.number_texts(self.rng, 60_000)]
        self.numbers: Iterator[Number] = iter(())
        self.cut: set[str] = set()

    def build(self, timestamp: int, rows: int) -> tuple[str, dict[str, Any], set[str]]:
        """JSON text, the scaled message, the names that must be reported as saturated."""
        rng, self.cut = self.rng, set()
        self.numbers = iter(rng.choices(self.pool, k=10 + 15 * rows))
        parts = {"timestamp": str(timestamp), "ticker": '"SPX"'}
        expected: dict[str, Any] = {"timestamp": timestamp, "ticker": "SPX"}
        for name in ("spot", *LEVELS):
            number = next(self.numbers)
            parts[name], expected[name] = number.text, self._keep(name, number.price)
        for name in DAYS:
            text = rng.choice(("", "null", "0", "1", "3", "-7", "2147483648"))
            if text:
                parts[name] = text
            known = text not in ("", "null")
            expected[name] = self._keep(name, independent.scaled(text, "sint32", 1)) if known else None
        contracts = [self._contract() for _ in range(rows)]
        parts["mini_contracts"] = f"[{','.join(text for text, _ in contracts)}]"
        expected["mini_contracts"] = [row for _, row in contracts]
        return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}", expected, self.cut

    def _keep(self, name: str, scaled: Scaled) -> int:
        if scaled.cut:
            self.cut.add(name)
        return scaled.value

    def _contract(self) -> tuple[str, dict[str, Any]]:
        name, rng = "mini_contracts", self.rng
        strike, call, put, greek = (next(self.numbers) for _ in range(4))
        priors = [next(self.numbers) for _ in range(rng.choice((0, 1, 3, 3)))]
        row: dict[str, Any] = {
            "strike": self._keep(name, strike.price),
            "call_ivol": self._keep(name, call.volatility),
            "put_ivol": self._keep(name, put.volatility),
            "greek": self._keep(name, greek.greek),
            "priors": [self._keep(name, prior.greek) for prior in priors],
            "put_volume": None,
            "put_priors": None,
        }
        columns = [strike.text, call.text, put.text, greek.text, f"[{','.join(prior.text for prior in priors)}]"]
        columns += self._puts(name, row)
        return f"[{','.join(columns)}]", row

    def _puts(self, name: str, row: dict[str, Any]) -> list[str]:
        """The last two columns, or fewer."""
        columns: list[str] = []
        if self.rng.random() < 0.1:
            return columns
        if self.rng.random() < 0.5:
            volume = next(self.numbers)
            columns.append(volume.text)
            row["put_volume"] = self._keep(name, volume.volume)
        else:
            columns.append("null")
        kind = self.rng.randrange(-3, 4)
        if kind == -3:
            return columns
        if kind < 0:
            return [*columns, "null"]
        priors = [next(self.numbers) for _ in range(kind)]
        row["put_priors"] = {"values": [self._keep(name, prior.volume) for prior in priors]}
        return [*columns, f"[{','.join(prior.text for prior in priors)}]"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        pytest.param(5000, 0, 2, id="few rows"),
        pytest.param(100, 70, 107, id="many rows"),
        pytest.param(99_700, 0, 2, id="few rows, in full", marks=pytest.mark.volume),
        pytest.param(300, 70, 107, id="many rows, in full", marks=pytest.mark.volume),
    ],
)
def test_generated_records(count: int, low: int, high: int) -> None:
    builder = Builder(20260814 + high)
    saturated = 0
    for number in range(count):
        text, expected, cut = builder.build(number, builder.rng.randint(low, high))
        encoded = greeks.GREEKS.encode(text.encode())
        if independent.message(encoded.message, independent.GREEK) != expected:
            pytest.fail(f"record {number}: {text}")
        if len(encoded.saturated) != len(cut) or set(encoded.saturated) != cut:
            pytest.fail(f"record {number}: {encoded.saturated} saturated, not {cut}: {text}")
        saturated += bool(cut)
    assert saturated > count * 0.9


@pytest.mark.long
def test_through_the_payload() -> None:
    builder = Builder(5)
    for number in range(500):
        text, expected, _ = builder.build(number, 3)
        packed = payload.pack(greeks.GREEKS.type_url, greeks.GREEKS.encode(text.encode()).message)
        assert independent.message_payload(packed, "proto.greek", independent.GREEK) == expected


def decimals(rng: random.Random, low: float, high: float, places: int) -> int | float:
    """A number as the service writes it: at most so many decimals, integral ones without a point."""
    value = round(rng.uniform(low, high), rng.randrange(places + 1))
    return int(value) if value == int(value) else value


def rest_record(rng: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {"timestamp": rng.randrange(2**31), "ticker": "NQ_NDX", "spot": decimals(rng, 0, 30_000, 2)}
    for name in DAYS:
        if rng.random() < 0.8:
            row[name] = rng.randrange(4)
    row |= {name: decimals(rng, 0, 30_000, 2) for name in LEVELS}
    row["mini_contracts"] = [
        [
            decimals(rng, 0, 30_000, 2),
            decimals(rng, 0, 2, 3),
            decimals(rng, 0, 2, 3),
            decimals(rng, -9e6, 9e6, 2),
            [decimals(rng, -9e6, 9e6, 2) for _ in range(rng.choice((0, 3, 3)))],
            rng.choice((None, 0, rng.randrange(-(2**31), 2**31))),
            rng.choice((None, None, [], [0, 0, 0], [rng.randrange(10**6) for _ in range(3)])),
        ]
        for _ in range(rng.randrange(20))
    ]
    return row


@pytest.mark.long
def test_rest_records_come_back_as_the_same_json() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        row = rest_record(rng)
        encoded = greeks.GREEKS.encode(json.dumps(row).encode())
        assert json.dumps(greeks.GREEKS.decode(encoded.message)) == json.dumps(row)
        assert encoded.saturated == ()


def test_a_snapshot_of_the_service_comes_back_as_the_same_text() -> None:
    encoded = greeks.GREEKS.encode(DELTA.encode())
    decoded = greeks.GREEKS.decode(encoded.message)
    assert json.dumps(decoded, separators=(",", ":")) == DELTA
    assert tuple(decoded) == KEYS
    assert encoded.saturated == ()


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("strike", "42949672.959", 2**32 - 1),
        ("strike", "42949672.96", None),
        ("strike", "-0.009", 0),
        ("strike", "-0.01", None),
        ("call_ivol", "4294967.2959", 2**32 - 1),
        ("call_ivol", "4294967.296", None),
        ("put_ivol", "0.1379", 137),
        ("put_ivol", "-0.001", None),
        ("greek", "21474836.479", 2**31 - 1),
        ("greek", "21474836.48", None),
        ("greek", "-21474836.489", -(2**31)),
        ("greek", "-21474836.49", None),
        ("put_volume", "2147483647.9", 2**31 - 1),
        ("put_volume", "2147483648", None),
        ("put_volume", "-2147483648.9", -(2**31)),
        ("put_volume", "-2147483649", None),
    ],
)
def test_the_bounds(column: str, text: str, expected: int | None) -> None:
    """None: the number does not fit; the field holds its bound and is reported."""
    columns = {"strike": "1", "call_ivol": "1", "put_ivol": "1", "greek": "1", "priors": "[]", "put_volume": "1"}
    row = ",".join((columns | {column: text}).values())
    encoded = greeks.GREEKS.encode(spliced("mini_contracts", f"[[{row}]]"))
    value = independent.message(encoded.message, independent.GREEK)["mini_contracts"][0][column]
    kind = "sint32" if column in ("greek", "put_volume") else "uint32"
    bound = independent.scaled("-1e20" if text.startswith("-") else "1e20", kind, 1).value
    assert value == (bound if expected is None else expected)
    assert encoded.saturated == (("mini_contracts",) if expected is None else ())


def test_a_name_is_reported_once_and_is_that_of_the_json() -> None:
    rows = [[-1, -1, -1, 1e12, [1e12, 1e12], 1e12, [1e12]]] * 3
    encoded = greeks.GREEKS.encode(changed(major_positive=-1, major_negative=1e12, mini_contracts=rows, min_dte=2**40))
    assert sorted(encoded.saturated) == ["major_negative", "major_positive", "min_dte", "mini_contracts"]


# --- the fields ----------------------------------------------------------------------------------


def test_every_field_has_its_own_number() -> None:
    """All different values, so that no two fields can be exchanged."""
    row: dict[str, Any] = {"timestamp": 1, "ticker": "SPX", "spot": 3.25, "min_dte": 4, "sec_min_dte": 5}
    row |= {name: number + 0.25 for number, name in enumerate(LEVELS, start=6)}
    row["mini_contracts"] = [[1.25, 2.125, 3.125, 4.25, [51.25, 52.25], 6, [71, 72]]]
    encoded = greeks.GREEKS.encode(json.dumps(row).encode()).message
    top = independent.fields(encoded)
    assert [number for number, _, _ in top] == list(range(1, 11))
    inner = top[-1][2]
    assert isinstance(inner, bytes)
    assert [number for number, _, _ in independent.fields(inner)] == list(range(1, 8))
    expected: dict[str, Any] = {"timestamp": 1, "ticker": "SPX", "spot": 325, "min_dte": 4, "sec_min_dte": 5}
    expected |= {name: number * 100 + 25 for number, name in enumerate(LEVELS, start=6)}
    expected["mini_contracts"] = [
        {
            "strike": 125,
            "call_ivol": 2125,
            "put_ivol": 3125,
            "greek": 425,
            "priors": [5125, 5225],
            "put_volume": 6,
            "put_priors": {"values": [71, 72]},
        }
    ]
    assert independent.message(encoded, independent.GREEK) == expected


def test_a_known_message_byte_for_byte() -> None:
    """3: 682295; 4: zigzag 0 sent all the same; 10: {1: 600000, 2: 126, 4: -150, 5: -1 1, 6: 0, 7: {1: -1}}."""
    text = (
        '{"timestamp":1,"ticker":"SPX","spot":6822.95,"min_dte":0,"major_positive":0,"major_negative":0,'
        '"major_long_gamma":0,"major_short_gamma":0,"mini_contracts":[[6000,0.126,0,-1.5,[-0.01,0.01],0,[-1]]]}'
    )
    row = "08c0cf24" + "107e" + "20ab02" + "2a020102" + "3000" + "3a03" + "0a0101"
    expected = "0801" + "1203535058" + "18b7d229" + "2000" + "5214" + row
    assert greeks.GREEKS.encode(text.encode()).message.hex() == expected


@pytest.mark.parametrize(
    ("columns", "volume", "priors"),
    [
        ("", None, None),
        (",null", None, None),
        (",null,null", None, None),
        (",0", 0, None),
        (",0,null", 0, None),
        (",0.0,null", 0, None),
        (",1234,null", 1234, None),
        (",56.99,null", 56, None),
        (",-56.99,null", -56, None),
        (",null,[]", None, []),
        (",null,[0,0]", None, [0, 0]),
        (",7,[1,-2,3.99]", 7, [1, -2, 3]),
    ],
)
def test_the_last_two_columns(columns: str, volume: int | None, priors: list[int] | None) -> None:
    text = f"[6310,0.126,0.137,52.36,[51.41,57.72,30.76]{columns}]"
    row = contract(text)
    assert row["put_volume"] == volume
    assert row["put_priors"] == (None if priors is None else {"values": priors})
    assert back(text) == [6310, 0.126, 0.137, 52.36, [51.41, 57.72, 30.76], volume, priors]


@pytest.mark.parametrize("count", range(6))
def test_any_number_of_priors(count: int) -> None:
    priors = [index - 2.5 for index in range(count)]
    text = f"[1,0,0,0,{priors},null,null]"
    assert contract(text)["priors"] == [100 * index - 250 for index in range(count)]
    assert back(text) == [1, 0, 0, 0, priors, None, None]


@pytest.mark.parametrize("name", DAYS)
def test_null_and_missing_are_the_same(name: str) -> None:
    row = json.loads(DELTA)
    del row[name]
    missing = greeks.GREEKS.encode(json.dumps(row).encode())
    assert missing == greeks.GREEKS.encode(changed(**{name: None}))
    assert independent.message(missing.message, independent.GREEK)[name] is None
    decoded = greeks.GREEKS.decode(missing.message)
    assert name not in decoded
    assert list(decoded) == list(row)


@pytest.mark.parametrize("name", DAYS)
@pytest.mark.parametrize("days", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_days(name: str, days: int) -> None:
    encoded = greeks.GREEKS.encode(changed(**{name: days}))
    assert independent.message(encoded.message, independent.GREEK)[name] == days
    assert greeks.GREEKS.decode(encoded.message)[name] == days
    assert encoded.saturated == ()


@pytest.mark.parametrize("name", DAYS)
@pytest.mark.parametrize("text", ["2147483648", "9" * 17, "9" * 20])
@pytest.mark.parametrize("sign", ["", "-"])
def test_days_beyond_the_field(name: str, sign: str, text: str) -> None:
    text = "-2147483649" if sign and len(text) == 10 else sign + text
    encoded = greeks.GREEKS.encode(spliced(name, text))
    assert independent.message(encoded.message, independent.GREEK)[name] == (-(2**31) if sign else 2**31 - 1)
    assert encoded.saturated == (name,)


def test_no_contracts() -> None:
    assert read(changed(mini_contracts=[]))["mini_contracts"] == []
    assert greeks.GREEKS.decode(greeks.GREEKS.encode(changed(mini_contracts=[])).message)["mini_contracts"] == []


def test_integral_values_have_no_point() -> None:
    assert json.dumps(back("[6890.0,1.0,0.0,1e2,[5.0,-0.0],3.0,[4.0]]")) == "[6890, 1, 0, 100, [5, 0], 3, [4]]"


def test_the_order_of_the_keys_and_extra_keys_and_columns_do_not_matter() -> None:
    straight = greeks.GREEKS.encode(DELTA.encode())
    rows = list(json.loads(DELTA).items())
    random.Random(1).shuffle(rows)
    extra = {"unknown": [1, {"deep": None}], **dict(rows), "zzz": "text"}
    extra["mini_contracts"] = [[*row, "more"] for row in extra["mini_contracts"]]
    assert greeks.GREEKS.encode(json.dumps(extra, indent=1).encode()) == straight


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_timestamps_at_the_ends_of_int64(number: int) -> None:
    assert read(changed(timestamp=number))["timestamp"] == number


def test_a_timestamp_beyond_int64_saturates() -> None:
    assert read(changed(timestamp=10**30))["timestamp"] == 2**63 - 1
    assert read(changed(timestamp=-(10**400)))["timestamp"] == -(2**63)


@pytest.mark.parametrize("ticker", ["", "ES_SPX", "\u00e9\u4e2d\U0001f600", "a" * 1000, "\x00"])
def test_any_ticker(ticker: str) -> None:
    assert read(changed(ticker=ticker))["ticker"] == ticker
    assert greeks.GREEKS.decode(greeks.GREEKS.encode(changed(ticker=ticker)).message)["ticker"] == ticker


# --- records that cannot be served ---------------------------------------------------------------

NOT_A_NUMBER = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000),
    *('"6822.95"', "true", "false", "[]", "{}", "[1]", "", "01", "1.", ".5", "+1", "0x10", "1_000", "nan"),
]
PLACES: dict[str, Callable[[str], bytes]] = {
    **{name: partial(spliced, name) for name in ("spot", *LEVELS)},
    "strike": lambda text: spliced("mini_contracts", f"[[1,2,3,4,[]],[{text},2,3,4,[]]]"),
    "call ivol": lambda text: spliced("mini_contracts", f"[[1,{text},3,4,[]]]"),
    "put ivol": lambda text: spliced("mini_contracts", f"[[1,2,{text},4,[]]]"),
    "greek": lambda text: spliced("mini_contracts", f"[[1,2,3,{text},[]]]"),
    "prior": lambda text: spliced("mini_contracts", f"[[1,2,3,4,[5,{text}],null,null]]"),
    "put prior": lambda text: spliced("mini_contracts", f"[[1,2,3,4,[],null,[5,{text}]]]"),
}


def put_volume(text: str) -> bytes:
    return spliced("mini_contracts", f"[[1,2,3,4,[],{text},null]]")


REFUSED = [
    *((text, place) for text in (*NOT_A_NUMBER, "null") for place in PLACES.values()),
    *((text, put_volume) for text in NOT_A_NUMBER),
]


@pytest.mark.parametrize(("text", "place"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_a_finite_number_is_refused(text: str, place: Callable[[str], bytes]) -> None:
    with pytest.raises(RecordError):
        greeks.GREEKS.encode(place(text))


@pytest.mark.parametrize("name", [name for name in KEYS if name not in DAYS])
def test_a_missing_key_is_refused(name: str) -> None:
    row = json.loads(DELTA)
    del row[name]
    with pytest.raises(RecordError, match=name):
        greeks.GREEKS.encode(json.dumps(row).encode())


@pytest.mark.parametrize("name", ["timestamp", *DAYS])
@pytest.mark.parametrize("text", ['"1"', "true", "[]", "1e999", "NaN", "1" + "0" * 6000])
def test_a_bad_integer_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError):
        greeks.GREEKS.encode(spliced(name, text))


def test_a_fraction_of_a_second_is_refused_and_one_of_a_day_cut_off() -> None:
    with pytest.raises(RecordError):
        greeks.GREEKS.encode(spliced("timestamp", "1.5"))
    assert greeks.GREEKS.decode(greeks.GREEKS.encode(spliced("min_dte", "1.5")).message)["min_dte"] == 1


@pytest.mark.parametrize("ticker", ["1", "null", "true", "[]", r'"\ud800"', r'"\udc00x"'])
def test_a_bad_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(RecordError):
        greeks.GREEKS.encode(spliced("ticker", ticker))


@pytest.mark.parametrize(
    "text",
    [
        *("null", "{}", "1", '"x"', "[1]", "[null]", "[{}]", "[[]]", "[[1]]", "[[1,2]]", "[[1,2,3]]", "[[1,2,3,4]]"),
        *(f"[[1,2,3,4,{priors}]]" for priors in ("null", "1", "{}", '"x"', "true", "[null]", "[[1]]", '["1"]')),
        *(f"[[1,2,3,4,[],0,{priors}]]" for priors in ("1", "{}", '"x"', "true", "[null]", "[[1]]", '["1"]')),
        "[[1,[2],3,4,[]]]",
        '[{"strike":1,"call_ivol":2,"put_ivol":3,"greek":4,"priors":[]}]',
    ],
)
def test_a_row_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="mini_contracts"):
        greeks.GREEKS.encode(spliced("mini_contracts", text))


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
        DELTA[:-1].encode(),
        DELTA[:100].encode(),
        DELTA.encode() + b"x",
        DELTA.encode() * 2,
        b"[" + DELTA.encode() + b"]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        spliced("mini_contracts", "[" * 100_000),
        spliced("unknown", "[" * 50_000 + "]" * 50_000),
        b"\xff\xfe",
        b"\x00" * 50,
        DELTA.encode("utf-16"),
        DELTA.encode().replace(b"SPX", b"S\xffX"),
        DELTA.encode().replace(b"SPX", b"\xed\xa0\x80"),
    ],
    ids=range(22),
)
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        greeks.GREEKS.encode(text)


@pytest.mark.long
def test_damaged_records_never_raise_anything_else() -> None:
    rng = random.Random(3)
    intact = DELTA.encode()
    refused = 0
    for _ in range(20_000):
        text = bytearray(intact)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            independent.message(greeks.GREEKS.encode(bytes(text)).message, independent.GREEK)
        except RecordError:
            refused += 1
    assert 10_000 < refused < 20_000


def test_what_is_not_a_message_is_not_decoded() -> None:
    with pytest.raises(DecodeError):
        greeks.GREEKS.decode(b"\xff\xff\xff")
