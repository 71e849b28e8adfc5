"""A JSON Schema as people write it down, in HTML: ``{ticker: text, strikes: [[number, number], ...]}``."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any, Final

Schema = dict[str, Any]
Named = Callable[[str], str]

_WORDS: Final = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "null": "null",
    "object": "{...}",
    "array": "[...]",
}
_INDENT: Final = "  "
SHORT: Final = 72
"""An object no longer than this is on one line."""


def notation(schema: Schema, named: Named, depth: int = 0) -> str:
    """The schema in short; ``named`` gives what stands for a schema that is referred to."""
    if "$ref" in schema:
        return named(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(notation(one, named, depth) for one in schema["anyOf"])
    if "const" in schema:
        return escape(json.dumps(schema["const"]), quote=False)
    if "enum" in schema:
        return escape(" | ".join(json.dumps(value) for value in schema["enum"]), quote=False)
    if schema.get("type") == "array":
        return _list(schema, named, depth)
    if schema.get("type") == "object":
        return _object(schema, named, depth)
    kinds = schema.get("type", "")
    return " or ".join(_WORDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind) or "anything"


def _list(schema: Schema, named: Named, depth: int) -> str:
    if "prefixItems" not in schema:
        items = notation(schema["items"], named, depth)
        return f"[{items}, ...]"
    needed = schema.get("minItems", 0)
    columns = [
        f"{escape(column.get('title', 'value'))}{'' if place < needed else '?'}: {notation(column, named, depth)}"
        for place, column in enumerate(schema["prefixItems"])
    ]
    return f"[{', '.join(columns)}]"


def _object(schema: Schema, named: Named, depth: int) -> str:
    required = schema.get("required", [])
    pairs = [
        f"{escape(name)}{'' if name in required else '?'}: {notation(value, named, depth + 1)}"
        for name, value in schema.get("properties", {}).items()
    ]
    if isinstance(schema.get("additionalProperties"), dict):
        pairs.append(f"(hub): {notation(schema['additionalProperties'], named, depth + 1)}")
    elif pairs and "additionalProperties" not in schema:
        pairs.append("...")
    if not pairs:
        return "{}" if schema.get("additionalProperties") is False else "{...}"
    line = "{" + ", ".join(pairs) + "}"
    if len(line) <= SHORT and "\n" not in line:
        return line
    inner, outer = _INDENT * (depth + 1), _INDENT * depth
    return "{\n" + "".join(f"{inner}{pair}\n" for pair in pairs) + outer + "}"
