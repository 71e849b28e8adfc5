"""What requests and answers look like, as JSON Schema; snapshots are made from the tables of the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gexfaker.catalog import HUBS
from gexfaker.contract.operations import body_of
from gexfaker.faults.kinds import KINDS
from gexfaker.faults.presets import PRESETS
from gexfaker.faults.rules import On
from gexfaker.journal.expectations import READY
from gexfaker.journal.journal import TYPES
from gexfaker.playback.actions import ACTIONS, CREATION, Action
from gexfaker.records.fields import Field
from gexfaker.records.meanings import MEANINGS
from gexfaker.wire.feeds import TABLES

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


def choice(**properties: Schema) -> Schema:
    """An object that has any of these keys, and no other."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def words(names: Iterable[str]) -> Schema:
    """One of these."""
    return {"type": "string", "enum": [str(name) for name in names]}


def like(schema: Schema, *examples: Any) -> Schema:
    """The schema, with examples."""
    return {**schema, "examples": list(examples)}


def ref(name: str) -> Schema:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _row(columns: tuple[Field, ...]) -> Schema:
    """A row is an array: its columns in their order, those at the end optional."""
    items = [{"title": column.json, **_told(column.json), **_value(column)} for column in columns]
    needed = len(columns) - sum(column.optional for column in columns)
    return {"type": "array", "prefixItems": items, "minItems": needed}


def _told(name: str) -> Schema:
    """What a value means, and its unit."""
    meaning = MEANINGS[name]
    return {"description": meaning.text, **({"x-unit": meaning.unit} if meaning.unit else {})}


def _value(field: Field) -> Schema:
    kind = array(_row(field.columns)) if field.columns else array(NUMBER) if field.many else NUMBER
    return {"anyOf": [kind, {"type": "null"}]} if field.optional else kind


def _snapshot(fields: tuple[Field, ...]) -> Schema:
    """A snapshot; records are served as they were stored, so a key may be missing that was not recorded."""
    properties = {name: _told(name) | kind for name, kind in (("timestamp", WHOLE), ("ticker", TEXT))}
    properties |= {field.json: _told(field.json) | _value(field) for field in fields}
    told = {"type": "object", "description": "A key that was not recorded is missing."}
    return {**told, "properties": properties, "required": ["timestamp", "ticker"]}


_PAIR: Final[Schema] = {
    "type": "array",
    "prefixItems": [{"title": name, **NUMBER} for name in ("strike", "change")],
    "minItems": 2,
    "maxItems": 2,
}
_LEVELS: Final = ("spot", "mpos_vol", "mpos_oi", "mneg_vol", "mneg_oi", "zero_gamma", "net_gex_vol", "net_gex_oi")
_LOOK_BACKS: Final = ("current", "one", "five", "ten", "fifteen", "thirty")
_COUNTS: Final[Schema] = {"type": "object", "propertyNames": {"enum": list(HUBS)}, "additionalProperties": WHOLE}
_URLS: Final[Schema] = {"type": "object", "propertyNames": {"enum": list(HUBS)}, "additionalProperties": TEXT}
_MEMBERSHIP: Final = record(hub=words(HUBS), group=TEXT)
MESSAGES: Final = {table.message.DESCRIPTOR.name: _snapshot(table.fields) for table in TABLES}
"""The snapshots, by the names of the messages that they are in."""

_SNAPSHOTS: Final = {name: schema for name, schema in MESSAGES.items() if name != "SpotPrice"}


def _arguments(action: type[Action]) -> Schema:
    """The arguments of an action: exactly those it has, or one of the sets that go together."""
    known = action.arguments()
    schemas = {name: argument.schema for name, argument in known.items()}
    if action.EITHER:
        together = [choice(**{name: schemas[name] for name in names}) for names in action.EITHER]
        sets = zip(together, action.EITHER, strict=True)
        return like({"anyOf": [one | {"required": [names[0]]} for one, names in sets]}, action.EXAMPLE)
    needed = [name for name, argument in known.items() if argument.is_needed]
    required = {"required": needed} if needed else {"minProperties": action.AT_LEAST} if action.AT_LEAST else {}
    return like(choice(**schemas) | required, action.EXAMPLE)


def _named_rows(snapshot: Schema) -> Schema:
    """A gex snapshot whose rows are objects."""
    row = loose(strike=NUMBER, gex_vol=NUMBER, gex_oi=NUMBER)
    return snapshot | {"properties": snapshot["properties"] | {"strikes": array(row)}}


_CREATION: Final = {name: one.schema for action in CREATION for name, one in action.arguments().items()}

_ENTRY: Final = loose(number=WHOLE, at=NUMBER, type=words(TYPES))
_RULE: Final = {
    "type": "object",
    "properties": {
        "type": words(KINDS),
        "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$"},
        "on": choice(**{name: {"type": "string", "maxLength": 200} for name in On.__struct_fields__}),
        "toxicity": {"type": "number", "minimum": 0, "maximum": 1},
        "after": {"type": "integer", "minimum": 0},
        "count": {"type": "integer", "minimum": 1},
        "for": {"anyOf": [TEXT, NUMBER], "examples": ["30s"]},
        "when": choice(market=like(TEXT, "10:05"), record={"type": "integer", "minimum": 0}, message=TEXT),
        "attributes": {"type": "object"},
        "enabled": TRUTH,
    },
    "additionalProperties": False,
}
_EXAMPLE_RULE: Final = {"type": "latency", "on": {"route": "/SPX/*"}, "attributes": {"latency": 300}}
_LIST: Final = {
    "anyOf": [array(ref("Rule")), choice(faults=array(ref("Rule")), seed=WHOLE, preset=words(PRESETS), key=TEXT)],
}
_QUERY: Final[dict[str, Schema]] = {
    "type": {"anyOf": [words(TYPES), array(words(TYPES))]},
    "where": {"type": "object"},
    "since": {"type": "integer", "minimum": 0},
    "key": TEXT,
}
_WITHIN: Final = {"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0, "maximum": 300}], "examples": ["5s"]}
_EXPECTATION: Final = choice(
    **{name: schema for name, schema in _QUERY.items() if name != "key"},
    **{
        "is": words(READY),
        **{name: {"type": "integer", "minimum": 0} for name in ("exactly", "at_least", "at_most", "times")},
    },
    seconds={"type": "number", "minimum": 0},
    groups=array(TEXT),
    status=WHOLE,
)
_OWN_RECORD: Final = {
    "timestamp": 1784295002,
    "ticker": "SPX",
    "min_dte": 0,
    "sec_min_dte": 1,
    "spot": 7000.25,
    "zero_gamma": 6990.5,
    "major_pos_vol": 7000,
    "major_pos_oi": 7050,
    "major_neg_vol": 6950,
    "major_neg_oi": 6900,
    "strikes": [[7000, 12.5, 3.25, [12, 11.5, 11, 10, 9.5]]],
    "sum_gex_vol": 12.5,
    "sum_gex_oi": 3.25,
    "delta_risk_reversal": 0.118,
    "max_priors": [[7000, 0.5]] * 6,
}
_TESTING: Final[dict[str, Schema]] = {
    "Rule": like(_RULE | {"required": ["type"]}, _EXAMPLE_RULE),
    "RulePart": like(_RULE, {"toxicity": 0.5}),
    "AddedFaults": like({"anyOf": [ref("Rule"), *_LIST["anyOf"]]}, _EXAMPLE_RULE),
    "AllFaults": like(_LIST, [_EXAMPLE_RULE]),
    "Fault": loose(type=TEXT, name=TEXT, seen=WHOLE, hits=WHOLE, spent=TRUTH),
    "Faults": record(session=TEXT, seed=WHOLE, faults=array(ref("Fault"))),
    "FaultTypes": record(types={"type": "object"}, presets={"type": "object"}),
    "Journal": record(
        session=TEXT, began=NUMBER, lost=WHOLE, last=WHOLE, entries=array(_ENTRY), more=WHOLE, next=WHOLE
    ),
    "Query": like(choice(**_QUERY), {"type": "joinGroup", "where": {"group": "*SPX*"}}),
    "Find": like(choice(**_QUERY, limit={"type": "integer", "minimum": 0}), {"type": ["connect", "close"]}),
    "Wait": like(
        choice(**_QUERY, count={"type": "integer", "minimum": 1}, within=_WITHIN),
        {"type": "joinGroup", "count": 1, "within": 0},
    ),
    "Counted": record(session=TEXT, count=WHOLE, last=WHOLE),
    "Waited": record(session=TEXT, entries=array(_ENTRY), last=WHOLE),
    "NotFound": record(error=TEXT, nearest=array(_ENTRY)),
    "Cleared": record(session=TEXT, cleared=WHOLE, last=WHOLE),
    "Verification": like(
        choice(
            expect=array(_EXPECTATION) | {"minItems": 1, "maxItems": 100},
            order=words(("any", "strict")),
            within=_WITHIN,
            since={"type": "integer", "minimum": 0},
            key=TEXT,
        )
        | {"required": ["expect"]},
        {"expect": [{"type": "joinGroup", "at_least": 1}, {"is": "negotiated_at_most", "times": 1}], "within": 0},
    ),
    "Verified": record(session=TEXT, verified=WHOLE, last=WHOLE),
    "NotVerified": record(error=TEXT, findings=array(record(text=TEXT, nearest=array(_ENTRY)))),
    "Report": like(ANYTHING, {"group": "SPX_classic_gex_zero", "timestamps": [1784295002, 1784295003]}),
    "Reported": record(session=TEXT, last=WHOLE),
    "OwnRecord": like({"type": "object"}, _OWN_RECORD),
    "Sent": record(session=TEXT, group=TEXT, sent=WHOLE, hubs=array(TEXT), reason=ANYTHING),
    "KeyState": like(loose(version=WHOLE), {"version": 1}),
}
"""What tests of clients ask and are told."""

_MAYBE_NUMBERS: Final = array({"type": ["number", "null"]})
_NAMES: Final[Schema] = {"anyOf": [TEXT, array(TEXT)]}
_WAITING: Final = record(files=WHOLE, bytes=WHOLE)
_WAITING_NAMED: Final = record(files=WHOLE, bytes=WHOLE, names=array(TEXT))
_JOB: Final = record(
    job=TEXT,
    kind=words(("download", "import")),
    about=TEXT,
    began=NUMBER,
    status=words(("running", "done", "partly", "failed", "stopped")),
    done=WHOLE,
    there=WHOLE,
    total=WHOLE,
    file=TEXT,
    text=TEXT,
    lines=array(TEXT),
)
_STUDIO: Final[dict[str, Schema]] = {
    "StudioAbout": loose(version=TEXT, tickers=array(TEXT), settings=array(loose(name=TEXT, value=TEXT, source=TEXT))),
    "StudioWatch": record(session=TEXT, websocket_urls=_URLS),
    "StudioRecord": record(
        group=TEXT,
        day=DATE,
        index=WHOLE,
        place=TEXT,
        record=loose(timestamp=WHOLE),
        payload=TEXT,
    ),
    "StudioLines": record(
        group=TEXT,
        day=DATE,
        times=array(WHOLE),
        columns={"type": "object", "additionalProperties": _MAYBE_NUMBERS},
    ),
    "BringingJob": _JOB,
    "BringingJobs": record(jobs=array(ref("BringingJob")), folder=TEXT, has_key=TRUTH, waiting=_WAITING_NAMED),
    "Waiting": _WAITING,
    "Received": record(path=TEXT, bytes=WHOLE),
    "WantedDownload": like(
        choice(dates=TEXT, tickers=_NAMES, packages=_NAMES, key=TEXT, upstream=TEXT),
        {"dates": "2026-07-17", "tickers": ["SPX"], "packages": ["classic"]},
    ),
    "WantedImport": like(
        choice(convert={"enum": [None, "jsonl", "jsonl.gz", "jsonl.zst"]}, prepare=TRUTH, replace=TRUTH),
        {"prepare": False},
    ),
    "StudioCalendar": record(
        days=array(record(date=DATE, playable=TRUTH, why={"type": ["string", "null"]}, early=TRUTH))
    ),
}
"""What the studio asks for beside the control plane."""

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": record(error=TEXT),
    **_SNAPSHOTS,
    **_STUDIO,
    "Snapshots": array({"anyOf": [ref(name) for name in _SNAPSHOTS]}),
    "Majors": record(timestamp=WHOLE, ticker=TEXT, **dict.fromkeys(_LEVELS, NUMBER)),
    "MaxChange": record(timestamp=WHOLE, ticker=TEXT, **dict.fromkeys(_LOOK_BACKS, _PAIR)),
    "NamedRows": _named_rows(_SNAPSHOTS["Gex"]),
    "Tickers": record(stocks=array(TEXT), indexes=array(TEXT), futures=array(TEXT)),
    "QuantTickers": record(stocks=array(TEXT), indexes=array(TEXT)),
    "Categories": array(TEXT),
    "Conversion": record(future_contract=TEXT, multiplier=NUMBER, additive=NUMBER),
    "WhoAmI": loose(key=TEXT, tier=TEXT, subscriptions=array(TEXT), permissions=array(TEXT)),
    "Expiries": record(ticker=TEXT, start_date=DATE, end_date=DATE, expiries=array(DATE)),
    "Negotiated": record(websocket_urls=_URLS, prefix=TEXT),
    "NegotiatedByPost": record(websocket_urls=_URLS),
    "Groups": like(loose(groups=array(TEXT)), {"groups": ["SPX_classic_gex_full", "SPX_spot"]}),
    "Memberships": like(
        loose(groups=array(_MEMBERSHIP | {"additionalProperties": True})),
        {
            "groups": [
                {"hub": "v2_classic", "group": "SPX_classic_gex_full"},
                {"hub": "v2_classic", "group": "SPX_spot"},
            ]
        },
    ),
    "Counts": record(updated_groups=WHOLE, hubs=_COUNTS),
    "Link": record(url=TEXT),
    "Span": like(loose(start=WHOLE, end=WHOLE), {"start": 1784295000, "end": 1784298600}),
    "LevelRows": array(
        loose(timestamp=WHOLE, major_pos_vol=NUMBER, major_neg_vol=NUMBER, zero_gamma=NUMBER)
        | {"required": ["timestamp"]}
    ),
    "Health": loose(status=TEXT, data_date=DATE, data_mode=TEXT, cache_mode=TEXT),
    "Ready": record(status=TEXT),
    "Welcome": loose(name=TEXT, version=TEXT, day=DATE, origin=TEXT, links=ANYTHING),
    "ProtoFiles": record(files=array(TEXT)),
    "Session": loose(
        session=TEXT,
        tier=TEXT,
        quota=array(ANYTHING),
        playback=ANYTHING,
        memberships=ANYTHING,
        market_opens=ANYTHING,
        faults=array(record(name=TEXT, type=TEXT, hits=WHOLE)),
        connections=array(ANYTHING),
    ),
    "Sessions": record(sessions=array(ref("Session")), total=WHOLE),
    "Created": loose(session=TEXT, playback=ANYTHING, effects=ANYTHING),
    "Effect": loose(session=TEXT, playback=ANYTHING, action=TEXT, requested=ANYTHING, resolved=ANYTHING),
    "Effects": {"anyOf": [ref("Effect"), loose(sessions=array(ref("Effect")))]},
    "Closed": record(session=TEXT, closed=WHOLE),
    "NoArguments": choice(),
    **{body_of(action): _arguments(action) for action in ACTIONS.values() if action.arguments()},
    "NewSession": like(
        choice(key=TEXT, **_CREATION) | {"required": ["key"]},
        {"key": "demo", "date": "latest", "speed": 10},
    ),
    **_TESTING,
    "Dates": record(dates=array(DATE), count=WHOLE),
    "CurrentDate": record(current_date=DATE, loaded_at=TEXT, files_loaded=WHOLE),
    "AvailableData": record(date=TEXT, tickers=array(ANYTHING), summary=ANYTHING),
    "Load": loose(date=DATE, files_loaded=WHOLE),
    "Coverage": record(**{"from": DATE, "to": DATE}, days=array(ANYTHING), union=array(TEXT), intersection=array(TEXT)),
    "SoughtDay": record(
        resolved_ts=WHOLE,
        day=DATE,
        in_gap={"type": "boolean"},
        clamped={"enum": ["none", "start", "end"]},
        reason=ANYTHING,
        details=array(ANYTHING),
    ),
    "Links": record(date=TEXT, ticker=TEXT, links=ANYTHING, summary=ANYTHING),
    "Reset": record(status=TEXT, message=TEXT, count=WHOLE),
    "Timestamp": like(
        loose(timestamp=WHOLE) | {"properties": {"timestamp": WHOLE, "key": TEXT}}, {"timestamp": 1784295002}
    ),
    "Sought": record(status=TEXT, message=TEXT, positions_set=WHOLE, details=array(ANYTHING)),
    "Date": like(loose(date=TEXT), {"date": "latest"}),
    "WantedDays": like(
        choice(**{"date": TEXT, "from": TEXT, "to": TEXT, "dates": array(TEXT)}),
        {"date": "latest"},
        {"from": "2026-07-13", "to": "2026-07-17"},
        {"dates": ["2026-07-13", "2026-07-15"]},
    ),
    "WantedMarket": like(
        choice(kind=words(("recorded", "simulated")), seed=WHOLE, scenario={"type": ["string", "null"]}),
        {"kind": "recorded"},
        {"kind": "simulated", "seed": 7, "scenario": None},
        {"scenario": "flash-crash"},
    ),
    "PlayedMarket": record(
        kind=words(("recorded", "simulated")),
        seed=WHOLE,
        scenario={"type": ["string", "null"]},
        origin=TEXT,
        scenarios={"type": "object", "additionalProperties": TEXT},
        recorded=record(folder=TEXT, days=WHOLE),
    ),
    "LoadJob": loose(job_id=TEXT, status={"enum": ["running", "done", "failed"]}, dates=TEXT, done=WHOLE, total=WHOLE),
    "Reloaded": loose(status=TEXT, previous_date=TEXT, new_date=TEXT, loaded_at=TEXT, files_loaded=WHOLE),
}
"""By name. Exact where clients depend on the shape, loose where a person reads it."""
