"""The OpenAPI document, made from the tables of routes, operations and schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gexfaker import __version__
from gexfaker.contract.operations import JSON, OPERATIONS, Operation
from gexfaker.contract.schemas import DATE, SCHEMAS, TEXT, Schema, ref
from gexfaker.rest.routes import ROUTES, Answer, DataRoute

_ANSWERS: Final = {
    Answer.MAJORS: "Majors",
    Answer.MAXCHANGE: "MaxChange",
    Answer.TICKERS: "Tickers",
    Answer.CATEGORIES: "Categories",
    Answer.CONVERSION: "Conversion",
    Answer.WHOAMI: "WhoAmI",
}
_REASONS: Final = {
    200: "As asked.",
    201: "Made.",
    206: "The part asked for.",
    302: "The link is in Location.",
    400: "The request is not usable; the text says why.",
    401: "The key is not known, or the token is missing.",
    403: "Not with this key.",
    404: "There is no such thing, or no more data.",
    416: "There is no such part.",
    429: "Too many requests.",
    503: "Not now.",
}
_PARAMETERS: Final[dict[str, Schema]] = {
    "ticker": {"type": "string", "examples": ["SPX", "ES_SPX"]},
    "date": {**DATE, "examples": ["2026-07-17"]},
}
_SECURITY: Final[dict[str, Any]] = {
    "api": {"type": "http", "scheme": "bearer", "description": "Any key; `Basic KEY` and `?key=` work too."},
    "control": {"type": "http", "scheme": "bearer", "description": "CONTROL_TOKEN, where one is set."},
}


def document() -> dict[str, Any]:
    """The whole contract, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, described in (*_data_operations(), *_other_operations()):
        known = paths.setdefault(path, {}).setdefault(method, described)
        if known is not described:
            _merge(known, described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gexfaker",
            "version": __version__,
            "summary": "A local stand-in for the GexBot market-data API. Not the service, not affiliated with it.",
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": _SECURITY},
    }


def _data_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for route in ROUTES:
        for base in route.bases:
            yield "get", base + route.pattern, _data_operation(route)


def _data_operation(route: DataRoute) -> dict[str, Any]:
    errors = dict.fromkeys((400, 401, 403, 404, 429), "Error")
    answers = {200: _answer_of(route)} if route.answer is not Answer.GEX_ONLY else {}
    summary = {"": f"{route.answer.value}."}.get(route.package, f"{route.package} {route.answer.value}.")
    query = ("ticker*", "future*", "model") if route.answer is Answer.CONVERSION else ()
    operation = Operation(
        "get",
        route.pattern,
        " ".join((summary.capitalize(), route.note)).strip(),
        {**answers, **({} if route.public else errors)},
        query=query,
        key="" if route.public else "api",
        tag="data",
    )
    described = _describe(operation)
    for parameter in described["parameters"]:
        if parameter["name"] == "category":
            parameter["schema"] = {"type": "string", "enum": list(route.names)}
    return described


def _answer_of(route: DataRoute) -> str:
    if route.answer is not Answer.RECORD:
        return _ANSWERS[route.answer]
    if route.package == "orderflow":
        return "Orderflow"
    return "Gex" if "gex_zero" in route.names.values() else "OptionProfile"


def _other_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation in OPERATIONS:
        for base in operation.bases:
            yield operation.method, base + operation.path, _describe(operation)


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.path), *map(_query_parameter, operation.query)],
        "responses": {str(status): _response(status, name) for status, name in operation.answers.items()},
    }
    if operation.key:
        described["security"] = [{operation.key: []}] + ([{}] if operation.key == "control" else [])
    if operation.body:
        content = {JSON: {"schema": ref(operation.body)}}
        described["requestBody"] = {"required": operation.body != "Arguments", "content": content}
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": dict(_PARAMETERS.get(name, TEXT))}


def _query_parameter(name: str) -> dict[str, Any]:
    return {"name": name.rstrip("*"), "in": "query", "required": name.endswith("*"), "schema": TEXT}


def _response(status: int, name: str) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _REASONS[status]}
    if name:
        kind, schema = (name, {}) if "/" in name else (JSON, ref(name))
        described["content"] = {kind: {"schema": schema} if schema else {}}
    return described


def _merge(known: dict[str, Any], other: dict[str, Any]) -> None:
    """Two routes of one path, such as the gex and the greek categories of state: either answer, all names."""
    for parameter, more in zip(known["parameters"], other["parameters"], strict=True):
        if "enum" in parameter["schema"]:
            parameter["schema"]["enum"] = [*parameter["schema"]["enum"], *more["schema"]["enum"]]
    for status, response in other["responses"].items():
        if known["responses"].setdefault(status, response) != response:
            first, second = (held["content"][JSON] for held in (known["responses"][status], response))
            first["schema"] = {"anyOf": [first["schema"], second["schema"]]}
