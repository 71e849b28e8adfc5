"""The tables of all messages against the reference, and the service's own snapshots through them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto

from gexfaker.catalog import Feed, spot_of
from gexfaker.records.fields import INT64, SINT32, UINT32, Field
from gexfaker.wire import feeds, payload
from gexfaker.wire.gex import GEX
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.orderflow import ORDERFLOW
from gexfaker.wire.spot import SPOT
from gexfaker.wire.tables import Table

# --- the reference, written down: field number, name, type, scale, JSON name ---------------------

HEAD = "1 timestamp int64 1 timestamp\n2 ticker string 1 ticker\n"

REFERENCE: dict[str, str] = {
    "proto.orderflow": HEAD
    + """
        3 spot uint32 100 spot
        4 zero_major_long_gamma uint32 100 z_mlgamma
        5 zero_major_short_gamma uint32 100 z_msgamma
        6 one_major_long_gamma uint32 100 o_mlgamma
        7 one_major_short_gamma uint32 100 o_msgamma
        8 zero_major_call_gamma uint32 100 zero_mcall
        9 zero_major_put_gamma uint32 100 zero_mput
        10 one_major_call_gamma uint32 100 one_mcall
        11 one_major_put_gamma uint32 100 one_mput
        12 zero_convexity_ratio sint32 100 zcvr
        13 one_convexity_ratio sint32 100 ocvr
        14 zero_gex_ratio sint32 100 zgr
        15 one_gex_ratio sint32 100 ogr
        16 zero_net_vanna sint32 100 zvanna
        17 one_net_vanna sint32 100 ovanna
        18 zero_net_charm sint32 100 zcharm
        19 one_net_charm sint32 100 ocharm
        20 zero_agg_total_dex sint32 100 agg_dex
        21 one_agg_total_dex sint32 100 one_agg_dex
        22 zero_agg_call_dex sint32 100 agg_call_dex
        23 one_agg_call_dex sint32 100 one_agg_call_dex
        24 zero_agg_put_dex sint32 100 agg_put_dex
        25 one_agg_put_dex sint32 100 one_agg_put_dex
        26 zero_net_total_dex sint32 100 net_dex
        27 one_net_total_dex sint32 100 one_net_dex
        28 zero_net_call_dex sint32 100 net_call_dex
        29 one_net_call_dex sint32 100 one_net_call_dex
        30 zero_net_put_dex sint32 100 net_put_dex
        31 one_net_put_dex sint32 100 one_net_put_dex
        32 dex_orderflow sint32 100 dexoflow
        33 gex_orderflow sint32 100 gexoflow
        34 convexity_orderflow sint32 100 cvroflow
        35 one_dex_orderflow sint32 100 one_dexoflow
        36 one_gex_orderflow sint32 100 one_gexoflow
        37 one_convexity_orderflow sint32 100 one_cvroflow
    """,
    "proto.gex": HEAD
    + """
        3 min_dte optional-sint32 1 min_dte
        4 sec_min_dte optional-sint32 1 sec_min_dte
        5 spot uint32 100 spot
        6 zero_gamma uint32 100 zero_gamma
        7 major_pos_vol uint32 100 major_pos_vol
        8 major_pos_oi uint32 100 major_pos_oi
        9 major_neg_vol uint32 100 major_neg_vol
        10 major_neg_oi uint32 100 major_neg_oi
        11 strikes repeated-message - strikes
        12 sum_gex_vol sint32 1000 sum_gex_vol
        13 sum_gex_oi sint32 1000 sum_gex_oi
        14 delta_risk_reversal sint32 1000 delta_risk_reversal
        15 max_priors optional-message - max_priors
    """,
    "proto.gex strikes": """
        1 strike_price uint32 100 -
        2 value_1 sint32 100 -
        3 value_2 sint32 100 -
        4 priors optional-message 100 -
    """,
    "proto.gex strikes priors": "1 values repeated-sint32 100 -",
    "proto.gex max_priors": "1 tuples repeated-message - -",
    "proto.gex max_priors tuples": "1 first_value sint32 100 -\n2 second_value sint32 1000 -",
    "proto.greek": HEAD
    + """
        3 spot uint32 100 spot
        4 min_dte optional-sint32 1 min_dte
        5 sec_min_dte optional-sint32 1 sec_min_dte
        6 major_call_gamma uint32 100 major_positive
        7 major_put_gamma uint32 100 major_negative
        8 major_long_gamma uint32 100 major_long_gamma
        9 major_short_gamma uint32 100 major_short_gamma
        10 mini_contracts repeated-message - mini_contracts
    """,
    "proto.greek mini_contracts": """
        1 strike uint32 100 -
        2 call_ivol uint32 1000 -
        3 put_ivol uint32 1000 -
        4 call_cvolume sint32 100 -
        5 call_cvolume_priors repeated-sint32 100 -
        6 put_cvolume optional-sint32 1 -
        7 put_cvolume_priors optional-message 1 -
    """,
    "proto.greek mini_contracts put_cvolume_priors": "1 values repeated-sint32 1 -",
    "proto.spot": HEAD
    + """
        3 spot uint32 100 spot
        4 source_timestamp_ms optional-int64 1 source_timestamp_ms
    """,
}
TABLES = {"proto.gex": GEX, "proto.greek": GREEKS, "proto.orderflow": ORDERFLOW, "proto.spot": SPOT}
BOUNDS = {"uint32": UINT32, "sint32": SINT32, "int64": INT64}


def rows(place: str) -> list[list[str]]:
    """The lines of one message of the reference, in columns."""
    return [line.split() for line in REFERENCE[place].splitlines() if line.strip()]


def columns_at(place: str) -> tuple[Field, ...]:
    """The columns of a list inside a message, by the path of field names to it (wrapping messages left out)."""
    table, name = place.split()[:2]
    (field,) = (field for field in TABLES[table].fields if field.wire == name)
    return field.columns


def descriptor_at(place: str) -> Descriptor:
    """The descriptor of a message by the path of field names to it."""
    table, *path = place.split()
    found: Any = TABLES[table].message.DESCRIPTOR
    for name in path:
        found = found.fields_by_name[name].message_type
    assert isinstance(found, Descriptor)
    return found


@pytest.mark.parametrize("place", REFERENCE)
def test_the_messages_have_the_numbers_and_types_of_the_reference(place: str) -> None:
    proto = DescriptorProto()
    descriptor_at(place).CopyToProto(proto)
    assert len(proto.extension_range) == len(proto.reserved_range) == 0
    found = []
    for field in proto.field:
        kind = field.Type.Name(field.type).removeprefix("TYPE_").lower()
        label = "repeated-" if field.label == field.LABEL_REPEATED else "optional-" if field.proto3_optional else ""
        found.append([str(field.number), field.name, label + kind])
    assert sorted(found) == sorted(row[:3] for row in rows(place))


@pytest.mark.parametrize("type_url", TABLES)
def test_the_tables_have_the_names_scales_and_bounds_of_the_reference(type_url: str) -> None:
    table = TABLES[type_url]
    assert table.type_url == type_url
    plain = [field for field in table.fields if not field.columns]
    reference = [row for row in rows(type_url)[2:] if row[3] != "-"]
    for field, (_, name, kind, factor, json_name) in zip(plain, reference, strict=True):
        label, _, number = kind.rpartition("-")
        assert (field.wire, field.json, field.factor) == (name, json_name, int(factor))
        assert field.bounds == BOUNDS[number]
        assert field.optional == (label == "optional")
    listed = [field.json for field in table.fields if field.columns]
    assert listed == [row[4] for row in rows(type_url) if row[3] == "-"]


@pytest.mark.parametrize("place", ["proto.gex strikes", "proto.gex max_priors tuples", "proto.greek mini_contracts"])
def test_the_columns_of_lists_have_the_scales_and_bounds_of_the_reference(place: str) -> None:
    for column, (_, name, kind, factor, _) in zip(columns_at(place), rows(place), strict=True):
        assert (column.wire, column.factor) == (name, int(factor))
        if kind == "optional-message":
            assert (column.optional, column.many, column.inside) == (True, True, "values")
            assert column.bounds == SINT32
            continue
        label, _, number = kind.rpartition("-")
        assert (column.optional, column.many) == (label == "optional", label == "repeated")
        assert column.bounds == BOUNDS[number]


def test_every_table_is_known_to_the_feeds() -> None:
    assert {table.type_url: table for table in feeds.TABLES} == TABLES


def field_names(table: Table) -> set[str]:
    return {"timestamp", "ticker", *(field.wire for field in table.fields)}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_table_leaves_no_field_of_its_message_out(table: Table) -> None:
    assert field_names(table) == {field.name for field in table.message.DESCRIPTOR.fields}


# --- snapshots of the service --------------------------------------------------------------------

CLASSIC = (
    '{"timestamp":1777492800,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":7138.55,"zero_gamma":7112.95,'
    '"major_pos_vol":7135,"major_pos_oi":7200,"major_neg_vol":7100,"major_neg_oi":6900,"strikes":['
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
    '"sum_gex_vol":-597.68386,"sum_gex_oi":0,"delta_risk_reversal":0,"max_priors":[[6340,-29.431],[6335,97.079]]}'
)
"""From 2025, when sums still had five decimals: the wire has room for three of them."""
STATE_ON_THE_WIRE = STATE.replace("-597.68386", "-597.683")

DELTA = (
    '{"timestamp":1753283592,"ticker":"SPX","spot":6326.27,"min_dte":0,"sec_min_dte":1,"major_positive":6345,'
    '"major_negative":6280.08,"major_long_gamma":6329.46,"major_short_gamma":6335.55,"mini_contracts":['
    "[6510,0.426,0,0,[0,0,0],null,null],[6310,0.126,0.137,52.36,[51.41,57.72,30.76],null,null]]}"
)
FLOW = (
    '{"timestamp":1786714205,"ticker":"SPX","spot":7805.29,"z_mlgamma":7759.64,"z_msgamma":7835.78,'
    '"o_mlgamma":7467.73,"o_msgamma":7532.12,"zero_mcall":7482.5,"zero_mput":7440,"one_mcall":7545,"one_mput":7395,'
    '"zcvr":-1738.19,"ocvr":807.28,"zgr":2556.8,"ogr":-495.84,"zvanna":361.02,"ovanna":310.1,"zcharm":-1000058.66,'
    '"ocharm":3.88,"agg_dex":-51.68,"one_agg_dex":593.85,"agg_call_dex":707.1,"one_agg_call_dex":232.33,'
    '"agg_put_dex":-758.78,"one_agg_put_dex":361.52,"net_dex":-315.2,"one_net_dex":585.99,"net_call_dex":476.54,'
    '"one_net_call_dex":257.69,"net_put_dex":-791.74,"one_net_put_dex":328.3,"dexoflow":-5.5,"gexoflow":31.74,'
    '"cvroflow":-22.3,"one_dexoflow":0.41,"one_gexoflow":-0.65,"one_cvroflow":0}'
)
SPX_GEX = Feed("SPX", "classic", "gex_full")
SNAPSHOTS = {
    "classic gex": (SPX_GEX, CLASSIC, CLASSIC),
    "state gex": (Feed("SPX", "state", "gex_zero"), STATE, STATE_ON_THE_WIRE),
    "delta": (Feed("SPX", "state", "delta_zero"), DELTA, DELTA),
    "delta as legacy volume": (Feed("SPX", "state", "volume_zero"), DELTA, DELTA),
    "orderflow": (Feed("SPX", "orderflow", "orderflow"), FLOW, FLOW),
}


@pytest.mark.parametrize(("feed", "sent", "received"), SNAPSHOTS.values(), ids=list(SNAPSHOTS))
def test_snapshots_of_the_service_come_back_as_the_same_text(feed: Feed, sent: str, received: str) -> None:
    """Through all layers, and down to the keys' order and the numbers' writing, where their decimals have room."""
    form = feeds.format_of(feed)
    encoded = form.encode(sent.encode())
    assert encoded.saturated == ()
    decoded = feeds.decode(*payload.unpack(payload.pack(form.type_url, encoded.message)))
    assert json.dumps(decoded, separators=(",", ":")) == received


@pytest.mark.parametrize("record", [CLASSIC, STATE, DELTA, FLOW], ids=["classic", "state", "delta", "orderflow"])
def test_the_spot_of_every_snapshot(record: str) -> None:
    row: dict[str, Any] = json.loads(record)
    expected = {name: row[name] for name in ("timestamp", "ticker", "spot")}
    assert SPOT.decode(feeds.format_of(spot_of("SPX")).encode(record.encode()).message) == expected


@pytest.mark.parametrize(
    ("name", "given", "received"),
    [
        ("sum_gex_vol", "41199.07077", 41199.07),
        ("sum_gex_oi", "57505.37699", 57505.376),
        ("sum_gex_oi", "1115.7977", 1115.797),
        ("sum_gex_oi", "-3594.82074", -3594.82),
        ("sum_gex_oi", "0.00099", 0),
        ("spot", "6326.459", 6326.45),
    ],
)
def test_more_decimals_than_the_wire_has_are_cut_off(name: str, given: str, received: float) -> None:
    record = json.dumps(json.loads(CLASSIC) | {name: "<here>"}).replace('"<here>"', given)
    encoded = GEX.encode(record.encode())
    assert GEX.decode(encoded.message) == json.loads(CLASSIC) | {name: received}
    assert encoded.saturated == ()
