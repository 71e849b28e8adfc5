"""Gex records, classic and state, to bytes and back, read by an independent decoder."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from gexfaker.errors import RecordError
from gexfaker.wire import gex, payload
from support import independent
from support.independent import Scaled

KEYS = (
    *("timestamp", "ticker", "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi"),
    *("major_neg_vol", "major_neg_oi", "strikes", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "max_priors"),
)
OPTIONAL = ("min_dte", "sec_min_dte", "max_priors")
LEVELS = KEYS[4:10]
SUMS = KEYS[11:14]

CLASSIC = (
    '{"timestamp":1777492800,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":7138.55,"zero_gamma":7112.95,'
    '"major_pos_vol":7135,"major_pos_oi":7200,"major_neg_vol":7100.01,"major_neg_oi":6900,"strikes":['
    "[6890,-228.01,-86.9,[-240.55,-243.15,-245.22,-221.27,-220.12]],"
    "[6895,-48.47,69.76,[-49.05,-46.76,-45.55,-45.53,-42.97]],"
    "[7380,44.16,75.99,[0,47.7,47.3,0,40.55]],[7385,5.5,14.27,[0,0,0,0,0]]],"
    '"sum_gex_vol":1712585.519,"sum_gex_oi":51521.105,"delta_risk_reversal":0.118,"max_priors":[[7140,170979.742],'
    "[7135,1145886.722],[7135,997473.336],[7135,1106210.715],[7135,1128504.809],[7135,1131150.488]]}"
)
STATE = (
    '{"timestamp":1753283591,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":6326.45,"zero_gamma":0,'
    '"major_pos_vol":6345,"major_pos_oi":0,"major_neg_vol":6280.08,"major_neg_oi":0,"strikes":['
    "[6110,-0.09,0,[-0.09,-0.09,-0.17,-0.17,-0.22]],[6115,-0.01,0,[-0.01,-0.01,-0.01,-0.01,0]]],"
    '"sum_gex_vol":-597.683,"sum_gex_oi":0,"delta_risk_reversal":0,"max_priors":[[6340,-29.431],[6335,97.079]]}'
)


def changed(**values: Any) -> bytes:
    """The classic record with other values."""
    return json.dumps(json.loads(CLASSIC) | values).encode()


def spliced(key: str, text: str) -> bytes:
    """The classic record with ``text`` for a key's value, as it is."""
    marked = json.dumps(json.loads(CLASSIC) | {key: "<here>"})
    return marked.replace('"<here>"', text).encode()


def read(record: bytes) -> dict[str, Any]:
    return independent.message(gex.GEX.encode(record).message, independent.GEX)


# --- the numbers ---------------------------------------------------------------------------------


class Number:
    """A JSON number and what it must be in each kind of field."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.price = independent.scaled(text, "uint32", 100)
        self.value = independent.scaled(text, "sint32", 100)
        self.sum = independent.scaled(text, "sint32", 1000)


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
        self.numbers = iter(rng.choices(self.pool, k=30 + 10 * rows))
        parts = {"timestamp": str(timestamp), "ticker": '"SPX"'}
        expected: dict[str, Any] = {"timestamp": timestamp, "ticker": "SPX"}
        for name in OPTIONAL[:2]:
            self._days(name, parts, expected)
        for name in LEVELS:
            number = next(self.numbers)
            parts[name], expected[name] = number.text, self._keep(name, number.price)
        strikes = [self._strike() for _ in range(rows)]
        parts["strikes"] = f"[{','.join(text for text, _ in strikes)}]"
        expected["strikes"] = [strike for _, strike in strikes]
        for name in SUMS:
            number = next(self.numbers)
            parts[name], expected[name] = number.text, self._keep(name, number.sum)
        self._max_priors(parts, expected)
        return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}", expected, self.cut

    def _keep(self, name: str, scaled: Scaled) -> int:
        if scaled.cut:
            self.cut.add(name)
        return scaled.value

    def _days(self, name: str, parts: dict[str, str], expected: dict[str, Any]) -> None:
        text = self.rng.choice(("", "null", "0", "1", "3", "-7", "2147483648"))
        if text:
            parts[name] = text
        expected[name] = None if text in ("", "null") else self._keep(name, independent.scaled(text, "sint32", 1))

    def _strike(self) -> tuple[str, dict[str, Any]]:
        price, volume, interest = next(self.numbers), next(self.numbers), next(self.numbers)
        text = f"{price.text},{volume.text},{interest.text}"
        strike: dict[str, Any] = {
            "strike_price": self._keep("strikes", price.price),
            "value_1": self._keep("strikes", volume.value),
            "value_2": self._keep("strikes", interest.value),
            "priors": None,
        }
        kind = self.rng.random()
        if kind < 0.1:
            return f"[{text}]", strike
        if kind < 0.2:
            return f"[{text},null]", strike
        priors = [next(self.numbers) for _ in range(0 if kind < 0.3 else self.rng.randrange(1, 6))]
        strike["priors"] = {"values": [self._keep("strikes", prior.value) for prior in priors]}
        return f"[{text},[{','.join(prior.text for prior in priors)}]]", strike

    def _max_priors(self, parts: dict[str, str], expected: dict[str, Any]) -> None:
        count = self.rng.randrange(-2, 7)
        expected["max_priors"] = None
        if count == -1:
            parts["max_priors"] = "null"
        if count < 0:
            return
        pairs = [(next(self.numbers), next(self.numbers)) for _ in range(count)]
        parts["max_priors"] = f"[{','.join(f'[{strike.text},{change.text}]' for strike, change in pairs)}]"
        expected["max_priors"] = {
            "tuples": [
                {
                    "first_value": self._keep("max_priors", strike.value),
                    "second_value": self._keep("max_priors", change.sum),
                }
                for strike, change in pairs
            ]
        }


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
        encoded = gex.GEX.encode(text.encode())
        if independent.message(encoded.message, independent.GEX) != expected:
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
        packed = payload.pack(gex.GEX.type_url, gex.GEX.encode(text.encode()).message)
        assert independent.message_payload(packed, "proto.gex", independent.GEX) == expected


def decimals(rng: random.Random, low: float, high: float, places: int) -> int | float:
    """A number as the service writes it: at most so many decimals, integral ones without a point."""
    value = round(rng.uniform(low, high), rng.randrange(places + 1))
    return int(value) if value == int(value) else value


def rest_record(rng: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {"timestamp": rng.randrange(2**31), "ticker": "ES_SPX"}
    for name in OPTIONAL[:2]:
        if rng.random() < 0.8:
            row[name] = rng.randrange(4)
    row |= {name: decimals(rng, 0, 30_000, 2) for name in LEVELS}
    row["strikes"] = [
        [decimals(rng, 0, 30_000, 2), decimals(rng, -9e5, 9e5, 2), decimals(rng, -9e5, 9e5, 2)]
        + ([[decimals(rng, -9e5, 9e5, 2) for _ in range(rng.choice((0, 5)))]] if rng.random() < 0.8 else [])
        for _ in range(rng.randrange(20))
    ]
    row |= {name: decimals(rng, -2_147_483, 2_147_483, 3) for name in SUMS}
    if rng.random() < 0.8:
        pairs = rng.choice((0, 2, 6))
        row["max_priors"] = [[decimals(rng, 0, 30_000, 2), decimals(rng, -2e6, 2e6, 3)] for _ in range(pairs)]
    return row


@pytest.mark.long
def test_rest_records_come_back_as_the_same_json() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        row = rest_record(rng)
        encoded = gex.GEX.encode(json.dumps(row).encode())
        assert json.dumps(gex.GEX.decode(encoded.message)) == json.dumps(row)
        assert encoded.saturated == ()


@pytest.mark.parametrize("text", [CLASSIC, STATE], ids=["classic", "state"])
def test_a_snapshot_of_the_service_comes_back_as_the_same_text(text: str) -> None:
    encoded = gex.GEX.encode(text.encode())
    decoded = gex.GEX.decode(encoded.message)
    assert json.dumps(decoded, separators=(",", ":")) == text
    assert tuple(decoded) == KEYS
    assert encoded.saturated == ()


def test_five_decimals_are_cut_to_three() -> None:
    decoded = gex.GEX.decode(gex.GEX.encode(changed(sum_gex_vol=41199.07077, sum_gex_oi=-597.68386)).message)
    assert (decoded["sum_gex_vol"], decoded["sum_gex_oi"]) == (41199.07, -597.683)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("spot", "42949672.95", 2**32 - 1),
        ("spot", "42949672.959", 2**32 - 1),
        ("spot", "42949672.96", None),
        ("zero_gamma", "-0.009", 0),
        ("zero_gamma", "-0.01", None),
        ("sum_gex_vol", "2147483.647", 2**31 - 1),
        ("sum_gex_vol", "2147483.648", None),
        ("sum_gex_oi", "-2147483.6489", -(2**31)),
        ("sum_gex_oi", "-2147483.649", None),
    ],
)
def test_the_bounds(name: str, text: str, expected: int | None) -> None:
    """None: the number does not fit; the field holds its bound and is reported."""
    encoded = gex.GEX.encode(spliced(name, text))
    kind = "sint32" if name in SUMS else "uint32"
    bound = independent.scaled("-1e20" if text.startswith("-") else "1e20", kind, 100).value
    value = independent.message(encoded.message, independent.GEX)[name]
    assert value == (bound if expected is None else expected)
    assert encoded.saturated == ((name,) if expected is None else ())


def test_a_name_is_reported_once() -> None:
    rows = [[-1, 1e12, -1e12, [1e12, 1e12]]] * 3
    encoded = gex.GEX.encode(changed(spot=-1, strikes=rows, max_priors=[[1e12, 1e12]] * 6, min_dte=2**40))
    assert sorted(encoded.saturated) == ["max_priors", "min_dte", "spot", "strikes"]


# --- the fields ----------------------------------------------------------------------------------


def test_every_field_has_its_own_number() -> None:
    """All different values, so that no two fields can be exchanged."""
    row: dict[str, Any] = {"timestamp": 1, "ticker": "SPX", "min_dte": 3, "sec_min_dte": 4}
    row |= {name: number + 0.25 for number, name in enumerate(LEVELS, start=5)}
    row["strikes"] = [[11.25, 21.25, 31.25, [41.25, 51.25]]]
    row |= {name: number + 0.125 for number, name in enumerate(SUMS, start=12)}
    row["max_priors"] = [[15.25, 25.125]]
    encoded = gex.GEX.encode(json.dumps(row).encode()).message
    assert [number for number, _, _ in independent.fields(encoded)] == list(range(1, 16))
    expected: dict[str, Any] = {"timestamp": 1, "ticker": "SPX", "min_dte": 3, "sec_min_dte": 4}
    expected |= {name: number * 100 + 25 for number, name in enumerate(LEVELS, start=5)}
    expected["strikes"] = [{"strike_price": 1125, "value_1": 2125, "value_2": 3125, "priors": {"values": [4125, 5125]}}]
    expected |= {name: number * 1000 + 125 for number, name in enumerate(SUMS, start=12)}
    expected["max_priors"] = {"tuples": [{"first_value": 1525, "second_value": 25125}]}
    assert independent.message(encoded, independent.GEX) == expected


def test_a_known_message_byte_for_byte() -> None:
    """1: varint 1; 2: SPX; 3: zigzag 0 sent all the same; 5: 682295; 11: {1: 600000, 2: -150, 4: {1: -1, 1}};
    12: -1.5 = -1500 = zigzag 2999; 15: {1: {1: 700, 2: 1}}; what is 0 is absent."""
    text = (
        '{"timestamp":1,"ticker":"SPX","min_dte":0,"spot":6822.95,"zero_gamma":0,"major_pos_vol":0,"major_pos_oi":0,'
        '"major_neg_vol":0,"major_neg_oi":0,"strikes":[[6000,-1.5,0,[-0.01,0.01]]],"sum_gex_vol":-1.5,"sum_gex_oi":0,'
        '"delta_risk_reversal":0,"max_priors":[[7,0.001]]}'
    )
    strike = "08c0cf24" + "10ab02" + "2204" + "0a020102"
    max_priors = "0a05" + "08f80a" + "1002"
    expected = "0801" + "1203535058" + "1800" + "28b7d229" + "5a0d" + strike + "60b717" + "7a07" + max_priors
    assert gex.GEX.encode(text.encode()).message.hex() == expected


@pytest.mark.parametrize(
    ("row", "priors"),
    [
        ([6890, 1, 2], None),
        ([6890, 1, 2, None], None),
        ([6890, 1, 2, []], {"values": []}),
        ([6890, 1, 2, [0]], {"values": [0]}),
        ([6890, 1, 2, [0, 0, 0, 0, 0]], {"values": [0, 0, 0, 0, 0]}),
        ([6890, 1, 2, [1, -2.5, 3.999]], {"values": [100, -250, 399]}),
    ],
)
def test_the_priors_of_a_strike(row: list[Any], priors: dict[str, Any] | None) -> None:
    record = changed(strikes=[[1, 2, 3, [4]], row])
    assert read(record)["strikes"][1] == {"strike_price": 689000, "value_1": 100, "value_2": 200, "priors": priors}
    decoded = gex.GEX.decode(gex.GEX.encode(record).message)["strikes"][1]
    assert decoded == ([6890, 1, 2] if priors is None else [6890, 1, 2, [value / 100 for value in priors["values"]]])


@pytest.mark.parametrize("count", range(8))
def test_any_number_of_max_priors(count: int) -> None:
    pairs = [[7135 + index, -0.125 * index] for index in range(count)]
    record = changed(max_priors=pairs)
    assert read(record)["max_priors"] == {
        "tuples": [{"first_value": 713500 + 100 * index, "second_value": -125 * index} for index in range(count)]
    }
    assert gex.GEX.decode(gex.GEX.encode(record).message)["max_priors"] == pairs


@pytest.mark.parametrize("name", OPTIONAL)
def test_null_and_missing_are_the_same(name: str) -> None:
    row = json.loads(CLASSIC)
    del row[name]
    missing = gex.GEX.encode(json.dumps(row).encode())
    assert missing == gex.GEX.encode(changed(**{name: None}))
    assert independent.message(missing.message, independent.GEX)[name] is None
    decoded = gex.GEX.decode(missing.message)
    assert name not in decoded
    assert list(decoded) == list(row)


@pytest.mark.parametrize("name", ["min_dte", "sec_min_dte"])
@pytest.mark.parametrize("days", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_days(name: str, days: int) -> None:
    encoded = gex.GEX.encode(changed(**{name: days}))
    assert independent.message(encoded.message, independent.GEX)[name] == days
    assert gex.GEX.decode(encoded.message)[name] == days
    assert encoded.saturated == ()


@pytest.mark.parametrize("name", ["min_dte", "sec_min_dte"])
@pytest.mark.parametrize("text", ["2147483648", "9" * 17, "9" * 20])
@pytest.mark.parametrize("sign", ["", "-"])
def test_days_beyond_the_field(name: str, sign: str, text: str) -> None:
    text = "-2147483649" if sign and len(text) == 10 else sign + text
    encoded = gex.GEX.encode(spliced(name, text))
    assert independent.message(encoded.message, independent.GEX)[name] == (-(2**31) if sign else 2**31 - 1)
    assert encoded.saturated == (name,)


def test_majors_need_not_be_a_strike() -> None:
    decoded = gex.GEX.decode(gex.GEX.encode(changed(major_pos_vol=6339.92, strikes=[[6739.65, 1, 2]])).message)
    assert (decoded["major_pos_vol"], decoded["strikes"]) == (6339.92, [[6739.65, 1, 2]])


def test_no_strikes() -> None:
    assert read(changed(strikes=[]))["strikes"] == []
    assert gex.GEX.decode(gex.GEX.encode(changed(strikes=[])).message)["strikes"] == []


def test_strikes_stay_in_their_order() -> None:
    rows = [[price, 0, 0] for price in (7000, 6000, 7000, 6500)]
    assert gex.GEX.decode(gex.GEX.encode(changed(strikes=rows)).message)["strikes"] == rows


def test_integral_values_have_no_point() -> None:
    text = spliced("strikes", "[[6890.0,-228.00,1e2,[5.0,-0.0]]]")
    decoded = gex.GEX.decode(gex.GEX.encode(text).message)
    assert json.dumps(decoded["strikes"]) == "[[6890, -228, 100, [5, 0]]]"


def test_the_order_of_the_keys_and_extra_keys_and_columns_do_not_matter() -> None:
    straight = gex.GEX.encode(CLASSIC.encode())
    rows = list(json.loads(CLASSIC).items())
    random.Random(1).shuffle(rows)
    extra = {"unknown": [1, {"deep": None}], **dict(rows), "zzz": "text"}
    extra["strikes"] = [[*strike, "more"] for strike in extra["strikes"]]
    extra["max_priors"] = [[*pair, None] for pair in extra["max_priors"]]
    assert gex.GEX.encode(json.dumps(extra, indent=1).encode()) == straight


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0])
def test_timestamps_at_the_ends_of_int64(number: int) -> None:
    assert read(changed(timestamp=number))["timestamp"] == number


def test_a_timestamp_beyond_int64_saturates() -> None:
    assert read(changed(timestamp=10**30))["timestamp"] == 2**63 - 1
    assert read(changed(timestamp=-(10**400)))["timestamp"] == -(2**63)


@pytest.mark.parametrize("ticker", ["", "ES_SPX", "\u00e9\u4e2d\U0001f600", "a" * 1000, "\x00"])
def test_any_ticker(ticker: str) -> None:
    assert read(changed(ticker=ticker))["ticker"] == ticker
    assert gex.GEX.decode(gex.GEX.encode(changed(ticker=ticker)).message)["ticker"] == ticker


# --- records that cannot be served ---------------------------------------------------------------

NOT_A_NUMBER = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000),
    *('"6822.95"', "true", "false", "null", "[]", "{}", "[1]", "", "01", "1.", ".5", "+1", "0x10", "1_000", "nan"),
]
PLACES: dict[str, Callable[[str], bytes]] = {
    **{name: partial(spliced, name) for name in (*LEVELS, *SUMS)},
    "strike": lambda text: spliced("strikes", f"[[1,2,3],[{text},2,3]]"),
    "by volume": lambda text: spliced("strikes", f"[[1,{text},3]]"),
    "by interest": lambda text: spliced("strikes", f"[[1,2,{text},[1]]]"),
    "prior": lambda text: spliced("strikes", f"[[1,2,3,[1,2,{text or ','}]]]"),
    "changed strike": lambda text: spliced("max_priors", f"[[{text},2]]"),
    "change": lambda text: spliced("max_priors", f"[[1,2],[1,{text}]]"),
}


@pytest.mark.parametrize("text", NOT_A_NUMBER, ids=lambda text: text[:12] or "empty")
@pytest.mark.parametrize("place", PLACES)
def test_what_is_not_a_finite_number_is_refused(place: str, text: str) -> None:
    with pytest.raises(RecordError):
        gex.GEX.encode(PLACES[place](text))


@pytest.mark.parametrize("name", [name for name in KEYS if name not in OPTIONAL])
def test_a_missing_key_is_refused(name: str) -> None:
    row = json.loads(CLASSIC)
    del row[name]
    with pytest.raises(RecordError, match=name):
        gex.GEX.encode(json.dumps(row).encode())


@pytest.mark.parametrize("name", ["timestamp", "min_dte", "sec_min_dte"])
@pytest.mark.parametrize("text", ['"1"', "true", "[]", "1e999", "NaN", "1" + "0" * 6000])
def test_a_bad_integer_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError):
        gex.GEX.encode(spliced(name, text))


def test_a_fraction_of_a_second_is_refused_and_one_of_a_day_cut_off() -> None:
    with pytest.raises(RecordError):
        gex.GEX.encode(spliced("timestamp", "1.5"))
    assert gex.GEX.decode(gex.GEX.encode(spliced("min_dte", "1.5")).message)["min_dte"] == 1


@pytest.mark.parametrize("ticker", ["1", "null", "true", "[]", r'"\ud800"', r'"\udc00x"'])
def test_a_bad_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(RecordError):
        gex.GEX.encode(spliced("ticker", ticker))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("strikes", text)
            for text in ("null", "{}", "1", '"x"', "[1]", "[null]", "[{}]", "[[]]", "[[1]]", "[[1,2]]")
        ),
        *(("strikes", f"[[1,2,3,{text}]]") for text in ("1", "{}", '"x"', "true", "[null]", "[[1]]", '["1"]')),
        ("strikes", '[{"price":1,"volume":2,"open_interest":3}]'),
        *(("max_priors", text) for text in ("{}", "1", '"x"', "true", "[1]", "[null]", "[{}]", "[[]]", "[[1]]")),
        *(("max_priors", text) for text in ("[[null,1]]", "[[1,null]]", "[[1,[2]]]", '[["1",2]]')),
    ],
)
def test_a_row_of_another_shape_is_refused(name: str, text: str) -> None:
    with pytest.raises(RecordError, match=name):
        gex.GEX.encode(spliced(name, text))


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
        CLASSIC[:-1].encode(),
        CLASSIC[:100].encode(),
        CLASSIC.encode() + b"x",
        CLASSIC.encode() * 2,
        b"[" + CLASSIC.encode() + b"]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        spliced("strikes", "[" * 100_000),
        spliced("unknown", "[" * 50_000 + "]" * 50_000),
        b"\xff\xfe",
        b"\x00" * 50,
        CLASSIC.encode("utf-16"),
        CLASSIC.encode().replace(b"SPX", b"S\xffX"),
        CLASSIC.encode().replace(b"SPX", b"\xed\xa0\x80"),
    ],
    ids=range(22),
)
def test_what_is_not_a_record_is_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        gex.GEX.encode(text)


@pytest.mark.long
def test_damaged_records_never_raise_anything_else() -> None:
    rng = random.Random(3)
    intact = CLASSIC.encode()
    refused = 0
    for _ in range(20_000):
        text = bytearray(intact)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        try:
            independent.message(gex.GEX.encode(bytes(text)).message, independent.GEX)
        except RecordError:
            refused += 1
    assert 10_000 < refused < 20_000


def test_what_is_not_a_message_is_not_decoded() -> None:
    with pytest.raises(DecodeError):
        gex.GEX.decode(b"\xff\xff\xff")
