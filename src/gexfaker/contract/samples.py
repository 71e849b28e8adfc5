"""How an operation is called, in lines that can be pasted: a shell, Python and JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from gexfaker.contract.operations import JSON
from gexfaker.shell import CURL

ORIGIN: Final = "@ORIGIN@"
KEY: Final = "demo"
DATE: Final = "@DATE@"
"""What stands for the server's address, the API key and the day that is played; the page puts in what is used."""

Operation = Mapping[str, Any]


class Call(NamedTuple):
    """A request, as an example of an operation.

    Attributes:
        path: with its parameters, and the query that is needed.
        body: as JSON, or None.
        has_key: whether it is sent with an API key.
        is_json: whether the answer is JSON.
    """

    method: str
    path: str
    body: Any
    has_key: bool
    is_json: bool


def call_of(method: str, path: str, operation: Operation) -> Call:
    """An example of calling an operation of an OpenAPI document."""
    values = {parameter["name"]: _value(parameter) for parameter in operation["parameters"]}
    filled = re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe="@"), path)
    needed = [one["name"] for one in operation["parameters"] if one["in"] == "query" and one["required"]]
    query = f"?{urlencode({name: values[name] for name in needed})}" if needed else ""
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    answers = operation["responses"].get("200", operation["responses"].get("201", {})).get("content", {})
    has_key = any("api" in one for one in operation.get("security", ()))
    return Call(method.upper(), filled + query, content.get("example"), has_key, JSON in answers)


def _value(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    if parameter["name"] == "date":
        return DATE
    examples = schema.get("examples") or schema.get("enum") or [schema.get("default", parameter["name"])]
    return str(examples[0])


def samples(call: Call) -> Iterator[tuple[str, str]]:
    """A language, and the lines in it; ORIGIN and KEY stand for what the reader has."""
    yield "curl", _curl(call)
    yield "Python", _python(call)
    yield "JavaScript", _javascript(call)


def _curl(call: Call) -> str:
    parts = [CURL, *((f"-X {call.method}",) if call.method != "GET" else ())]
    if call.has_key:
        parts.append(f'-H "Authorization: Bearer {KEY}"')
    if call.body is not None:
        text = json.dumps(call.body, separators=(",", ":")).replace('"', '\\"')
        parts.append(f'-H "Content-Type: application/json" -d "{text}"')  # as sh and cmd read it, but no PowerShell
    return " ".join((*parts, f'"{ORIGIN}{call.path}"'))


def _python(call: Call) -> str:
    arguments = [f'"{call.method}"', f'"{ORIGIN}{call.path}"']
    if call.has_key:
        arguments.append(f'headers={{"Authorization": "Bearer {KEY}"}}')
    if call.body is not None:
        arguments.append(f"json={call.body!r}")
    shown = "answer.json()" if call.is_json else "answer.text"
    return f"import httpx\n\nanswer = httpx.request({', '.join(arguments)})\nprint(answer.status_code, {shown})"


def _javascript(call: Call) -> str:
    headers = [f'Authorization: "Bearer {KEY}"'] if call.has_key else []
    headers += ['"Content-Type": "application/json"'] if call.body is not None else []
    options = [f'method: "{call.method}"'] if call.method != "GET" else []
    options += [f"headers: {{ {', '.join(headers)} }}"] if headers else []
    options += [f"body: JSON.stringify({json.dumps(call.body)})"] if call.body is not None else []
    given = f", {{ {', '.join(options)} }}" if options else ""
    shown = "json" if call.is_json else "text"
    asked = f'const answer = await fetch("{ORIGIN}{call.path}"{given});'
    return f"{asked}\nconsole.log(answer.status, await answer.{shown}());"
