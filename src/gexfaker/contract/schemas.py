"""What requests and answers look like, as JSON Schema; snapshots are made from the tables of the wire."""

from __future__ import annotations

from typing import Any, Final

from gexfaker.catalog import HUBS
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.tables import Field

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "number"}
WHOLE: Final[Schema] = {"type": "integer"}
TRUTH: Final[Schema] = {"type": "boolean"}
ANYTHING: Final[Schema] = {}
DATE: Final[Schema] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def array(items: Schema) -> Schema:
    """A list of ``items``."""
    return {"type": "array", "items": items}


def record(**properties: Schema) -> Schema:
    """An object that has exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def loose(**properties: Schema) -> Schema:
    """An object that has these keys, and may have others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def ref(name: str) -> Schema:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _row(columns: tuple[Field, ...]) -> Schema:
    """A row is an array: its columns in their order, those at the end optional."""
    items = [_value(column) for column in columns]
    needed = len(columns) - sum(column.optional for column in columns)
    return {"type": "array", "prefixItems": items, "minItems": needed}


def _value(field: Field) -> Schema:
    kind = array(_row(field.columns)) if field.columns else array(NUMBER) if field.many else NUMBER
    return {"anyOf": [kind, {"type": "null"}]} if field.optional else kind


def _snapshot(fields: tuple[Field, ...]) -> Schema:
    """A snapshot; records are served as they were stored, so a key may be missing that was not recorded."""
    properties = {"timestamp": WHOLE, "ticker": TEXT} | {field.json: _value(field) for field in fields}
    return {"type": "object", "properties": properties, "required": ["timestamp", "ticker"]}


_PAIR: Final[Schema] = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
_LEVELS: Final = ("spot", "mpos_vol", "mpos_oi", "mneg_vol", "mneg_oi", "zero_gamma", "net_gex_vol", "net_gex_oi")
_LOOK_BACKS: Final = ("current", "one", "five", "ten", "fifteen", "thirty")
_COUNTS: Final[Schema] = {"type": "object", "propertyNames": {"enum": list(HUBS)}, "additionalProperties": WHOLE}
_URLS: Final[Schema] = {"type": "object", "propertyNames": {"enum": list(HUBS)}, "additionalProperties": TEXT}
_MEMBERSHIP: Final = record(hub={"type": "string", "enum": list(HUBS)}, group=TEXT)

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": record(error=TEXT),
    **{table.message.DESCRIPTOR.name: _snapshot(table.fields) for table in TABLES if table.type_url != "proto.spot"},
    "Majors": record(timestamp=WHOLE, ticker=TEXT, **dict.fromkeys(_LEVELS, NUMBER)),
    "MaxChange": record(timestamp=WHOLE, ticker=TEXT, **dict.fromkeys(_LOOK_BACKS, _PAIR)),
    "Tickers": record(stocks=array(TEXT), indexes=array(TEXT), futures=array(TEXT)),
    "QuantTickers": record(stocks=array(TEXT), indexes=array(TEXT)),
    "Categories": array(TEXT),
    "Conversion": record(future_contract=TEXT, multiplier=NUMBER, additive=NUMBER),
    "WhoAmI": loose(key=TEXT, tier=TEXT, subscriptions=array(TEXT), permissions=array(TEXT)),
    "Expiries": record(ticker=TEXT, start_date=DATE, end_date=DATE, expiries=array(DATE)),
    "Negotiated": record(websocket_urls=_URLS, prefix=TEXT),
    "NegotiatedByPost": record(websocket_urls=_URLS),
    "Groups": record(groups=array(TEXT)),
    "Memberships": record(groups=array(_MEMBERSHIP)),
    "Counts": record(updated_groups=WHOLE, hubs=_COUNTS),
    "Link": record(url=TEXT),
    "Health": loose(status=TEXT, data_date=DATE, data_mode=TEXT, cache_mode=TEXT),
    "Ready": record(status=TEXT),
    "Session": loose(session=TEXT, tier=TEXT, playback=ANYTHING, memberships=ANYTHING, connections=array(ANYTHING)),
    "Sessions": record(sessions=array(ref("Session"))),
    "Created": loose(session=TEXT, playback=ANYTHING, effects=ANYTHING),
    "Effect": loose(session=TEXT, playback=ANYTHING, action=TEXT, requested=ANYTHING, resolved=ANYTHING),
    "Effects": {"anyOf": [ref("Effect"), record(sessions=array(ref("Effect")))]},
    "Closed": record(session=TEXT, closed=WHOLE),
    "Arguments": {"type": "object"},
    "NewSession": loose(key=TEXT),
    "Dates": record(dates=array(DATE), count=WHOLE),
    "CurrentDate": record(current_date=DATE, loaded_at=TEXT, files_loaded=WHOLE),
    "AvailableData": record(date=TEXT, tickers=array(ANYTHING), summary=ANYTHING),
    "Links": record(date=TEXT, ticker=TEXT, links=ANYTHING, summary=ANYTHING),
    "Reset": record(status=TEXT, message=TEXT, count=WHOLE),
    "Timestamp": loose(timestamp=WHOLE),
    "Sought": record(status=TEXT, message=TEXT, positions_set=WHOLE, details=array(ANYTHING)),
    "Date": loose(date=TEXT),
    "Reloaded": loose(status=TEXT, previous_date=TEXT, new_date=TEXT, loaded_at=TEXT, files_loaded=WHOLE),
}
"""By name. Exact where clients depend on the shape, loose where a person reads it."""
