"""Whether an answer is one that the contract knows: by JSON Schema itself, with the document as it is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema_rs

JSON = "application/json"


def wrong(contract: dict[str, Any], operation: dict[str, Any], status: int, kind: str, body: bytes) -> str | None:
    """What is wrong with an answer to ``operation``; None when it is as documented. ``kind`` is its Content-Type."""
    documented = operation["responses"].get(str(status))
    if documented is None:
        return f"the status {status} is not documented"
    content = documented.get("content", {})
    kind = kind.partition(";")[0].strip()
    if not content:
        return f"a body where none is documented: {body[:80]!r}" if body else None
    if kind not in content:
        return f"{kind!r} is not documented for {status}"
    schema = content[kind].get("schema")
    if schema is None:
        return None
    errors = jsonschema_rs.Draft202012Validator(whole(contract, schema)).iter_errors(json.loads(body))
    return "; ".join(f"{error.message} at {error.instance_path}" for error in errors) or None


def whole(contract: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document that stands alone."""
    return {**schema, "components": {"schemas": contract["components"]["schemas"]}}


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation, one by one."""
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def shown(parameter: dict[str, Any]) -> list[str]:
    """The values that the document shows for a parameter."""
    schema = parameter["schema"]
    return [str(value) for value in schema.get("enum") or schema.get("examples") or []]


def addressed(path: str, values: dict[str, str]) -> str:
    """A path with its parameters filled in."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path
