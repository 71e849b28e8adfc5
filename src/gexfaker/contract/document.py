"""The OpenAPI document, made from the tables of routes, operations and schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from gexfaker import __version__
from gexfaker.catalog import CATEGORIES
from gexfaker.contract.operations import JSON, TAGS, Operation
from gexfaker.contract.schemas import DATE, NUMBER, SCHEMAS, TEXT, TRUTH, Schema, like, ref, words
from gexfaker.rest.conversion import MODELS, PAIRS
from gexfaker.rest.routes import ROUTES, Answer, DataRoute

_ANSWERS: Final = {
    Answer.MAJORS: "Majors",
    Answer.MAXCHANGE: "MaxChange",
    Answer.NAMED_ROWS: "NamedRows",
    Answer.TICKERS: "Tickers",
    Answer.CATEGORIES: "Categories",
    Answer.CONVERSION: "Conversion",
    Answer.WHOAMI: "WhoAmI",
}
_SUMMARIES: Final = {
    Answer.RECORD: "The {package} snapshot of a category.",
    Answer.MAJORS: "The levels of the {package} snapshot.",
    Answer.MAXCHANGE: "The largest changes of the {package} snapshot.",
    Answer.NAMED_ROWS: "The {package} snapshot of a category, its rows as objects.",
    Answer.GEX_ONLY: "",  # never without the gex categories of the same path
    Answer.TICKERS: "All tickers that there are.",
    Answer.CATEGORIES: "The categories of {package}.",
    Answer.CONVERSION: "What turns a ticker's price into its future's.",
    Answer.WHOAMI: "What the key has subscribed to.",
}
_REASONS: Final = {
    200: "As asked.",
    201: "Made.",
    202: "All of it holds.",
    206: "The part asked for.",
    302: "The link is in Location.",
    303: "Go on with the address in Location.",
    308: "The same without the slash.",
    304: "It has not changed.",
    400: "The request is not usable; the text says why.",
    401: "The key is not known, or the token is missing.",
    403: "Not with this key, or not with this link.",
    404: "There is no such thing, or no more data.",
    406: "It does not hold; the text says what is missing.",
    409: "Another one is under way.",
    416: "There is no such part.",
    429: "Too many requests.",
    503: "Not now.",
}
_SCHEMAS: Final[dict[str, Schema]] = {
    "ticker": like(TEXT, "SPX", "ES_SPX"),
    "date": like(DATE, "2026-07-17"),
    "package": words(CATEGORIES),
    "category": like(TEXT, "gex_zero", "delta_zero", "orderflow"),
    "session": like(TEXT, "all", "demo"),
    "mask": {"type": "integer", "minimum": 1, "maximum": 7, "examples": [7]},
    "limit": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 1000},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
    "hub": like(TEXT, "classic", "v2_classic"),
    "name": like(TEXT, "2026-07-17_SPX_classic_gex_zero.json"),
    "fault": like(TEXT, "slow"),
    "key": like(TEXT, "demo"),
    "group": like(TEXT, "SPX_classic_gex_zero"),
    "type": like(TEXT, "request", "joinGroup,close"),
    "since": {"type": "integer", "minimum": 0, "default": 0},
    "follow": TRUTH,
    "message": like(TEXT, "gex.proto", "orderflow.proto"),
    "document": like(TEXT, "wire", "readme.md"),
    "picture": like(TEXT, "SPX-2026-07-17-spot.png"),
    "future": words(dict.fromkeys(future for _, future in PAIRS)),
    "model": words(MODELS),
    "file": like(TEXT, "main.js"),
    "day": like(DATE, "2026-07-17"),
    "from": like(DATE, "2026-07-01"),
    "to": like(DATE, "2026-07-31"),
    "time": like(NUMBER, 1784295002),
    "index": {"type": "integer", "minimum": 0},
    "points": {"type": "integer", "minimum": 2, "maximum": 400, "default": 130},
    "columns": like(TEXT, "spot,zero_gamma"),
    "journal": TRUTH,
    "path": like(TEXT, "eod_report_SPX_2026-07-17.zip"),
    "at": {"type": "integer", "minimum": 0, "default": 0},
    "total": like({"type": "integer", "minimum": 0}, 1),
    "job": like(TEXT, "4f1c2a9be0d37856"),
}
"""Of parameters that are more than text."""

_MEANINGS: Final = {
    "session": "A session's id, an API key, `all`, or `by-key` with the API key in the query.",
    "?session": "A session's id, which may stand instead of a key.",
    "key": "An API key, which may be any text.",
    "type": "Types of entries, with commas between them.",
    "since": "Only entries after this number.",
    "follow": "Entries as events, as they come.",
    "time": "A market time in epoch seconds; that of the key unless it is given.",
    "index": "The number of a record in its day, from 0.",
    "points": "How many records at the most.",
    "day": "A day; that of the key unless it is given.",
    "columns": "Names of values of the records, with commas between them.",
    "path": "The name of a file, with its folders where these tell its day.",
    "total": "How many bytes the whole file has.",
    "at": "How many bytes of the file came before; 0 begins it anew.",
    "journal": "Whether the entries of the key's journal come, too; asking begins it.",
    "mask": "Which levels: 1 major_pos_vol, 2 major_neg_vol, 4 zero_gamma, added up.",
    "limit": "How many at the most.",
    "offset": "How many to leave out before.",
    "noredirect": "Present, with any value: the link as JSON instead of a redirect.",
    "se": "Until when the link is good, in epoch seconds.",
    "sp": "What the link allows.",
    "skoid": "The id of the key that has asked for the link.",
    "sig": "The signature.",
}
_SECURITY: Final[dict[str, Any]] = {
    "api": {"type": "http", "scheme": "bearer", "description": "Any key; `Basic KEY` and `?key=` work too."},
    "control": {"type": "http", "scheme": "bearer", "description": "CONTROL_TOKEN, where one is set."},
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole contract, OpenAPI 3.1: the data routes, and these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, described in (*_data_operations(), *_other_operations(operations)):
        known = paths.setdefault(path, {}).setdefault(method, described)
        if known is described:
            described["operationId"] = "_".join((method, *re.findall(r"\w+", path)))
        else:
            _merge(known, described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gexfaker",
            "version": __version__,
            "summary": "A local stand-in for the GexBot market-data API. Not the service, not affiliated with it.",
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": _SECURITY},
    }


def _data_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for route in ROUTES:
        for base in route.bases:
            yield "get", base + route.pattern, _data_operation(route)


def _data_operation(route: DataRoute) -> dict[str, Any]:
    errors = dict.fromkeys((400, 401, 403, 404, 429, 503), "Error")
    answers = {200: _answer_of(route)} if route.answer is not Answer.GEX_ONLY else {}
    query = ("ticker*", "future*", "model") if route.answer is Answer.CONVERSION else ()
    operation = Operation(
        "get",
        route.pattern,
        _SUMMARIES[route.answer].format(package=route.package),
        {**answers, **({} if route.public else errors)},
        query=query,
        key="" if route.public else "api",
        tag="data",
        note="greeks: " * (route.answer is Answer.GEX_ONLY) + route.note,
    )
    described = _describe(operation)
    for parameter in described["parameters"]:
        if parameter["name"] == "category":
            parameter["schema"] = words(route.names)
        elif parameter["in"] == "query" and parameter["name"] == "ticker":
            parameter["schema"] = words(dict.fromkeys(ticker for ticker, _ in PAIRS))
    return described


def _answer_of(route: DataRoute) -> str:
    if route.answer is not Answer.RECORD:
        return _ANSWERS[route.answer]
    if route.package == "orderflow":
        return "Orderflow"
    return "Gex" if "gex_zero" in route.names.values() else "OptionProfile"


def _other_operations(operations: Iterable[Operation]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation in operations:
        for base in operation.bases:
            yield operation.method, base + operation.path, _describe(operation)


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"summary": operation.summary, "tags": [operation.tag]}
    if operation.note:
        described["description"] = f"{operation.note[0].upper()}{operation.note[1:]}."
    names = re.findall(r"\{(\w+)\}", operation.path)
    described["parameters"] = [
        *(_parameter(name, "path", needed=True) for name in names),
        *(_parameter(name.rstrip("*"), "query", needed=name.endswith("*")) for name in operation.query),
    ]
    if operation.body:
        described["requestBody"] = _body(operation.body)
    described["responses"] = {
        str(status): _response(status, names) for status, names in sorted(operation.answers.items())
    }
    if operation.key:
        described["security"] = [{operation.key: []}] + ([{}] if operation.key == "control" else [])
    return described


def _parameter(name: str, place: str, *, needed: bool) -> dict[str, Any]:
    told = _MEANINGS.get(f"?{name}" if place == "query" else name, _MEANINGS.get(name))
    meaning = {} if told is None else {"description": told}
    return {"name": name, "in": place, **meaning, "required": needed, "schema": dict(_SCHEMAS.get(name, TEXT))}


def _body(name: str) -> dict[str, Any]:
    """A body of this schema; there must be one unless an empty object would do."""
    schema = SCHEMAS[name]
    example = {"example": schema["examples"][0]} if "examples" in schema else {}
    needed = any(word in schema for word in ("required", "anyOf", "minProperties"))
    return {"required": needed, "content": {JSON: {"schema": ref(name), **example}}}


def _response(status: int, names: str) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _REASONS[status]}
    if status == 302:
        described["headers"] = {"Location": {"schema": TEXT}}
    schemas = [ref(name) for name in names.split("|") if name and "/" not in name]
    content = {JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}} if schemas else {}
    content |= {kind: {} for kind in names.split("|") if "/" in kind}
    return described | ({"content": content} if content else {})


def _merge(known: dict[str, Any], other: dict[str, Any]) -> None:
    """Two routes of one path, such as the gex and the greek categories of state: either answer, all names."""
    for parameter, more in zip(known["parameters"], other["parameters"], strict=True):
        if "enum" in parameter["schema"]:
            parameter["schema"]["enum"] = [*parameter["schema"]["enum"], *more["schema"]["enum"]]
    if "description" in other:
        known["description"] = " ".join((known.get("description", ""), other["description"])).strip()
    for status, response in other["responses"].items():
        if known["responses"].setdefault(status, response) != response:
            first, second = (held["content"][JSON] for held in (known["responses"][status], response))
            first["schema"] = {"anyOf": [first["schema"], second["schema"]]}
