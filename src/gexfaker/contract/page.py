"""The contract as a page: to read without a script, and to try with one. Nothing is loaded from anywhere.

The page is made once for all who ask; `addressed` puts the address of the server and the day into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any, Final, NamedTuple

from gexfaker.contract.asyncapi import groups_of
from gexfaker.contract.notation import notation
from gexfaker.contract.samples import DATE, KEY, ORIGIN, Call, call_of, samples

_LINKS: Final = ", ".join(
    f'<a href="{name}">{name}</a>'
    for name in ("openapi.json", "openapi.yaml", "asyncapi.json", "asyncapi.yaml", "llms.txt")
)
_KEY_FIELD: Final = (
    '<p class="key"><label>API key <input id="key" value="demo" autocomplete="off" spellcheck="false"></label>'
    '<span class="soft">Any key will do; it is put into the lines below.</span></p>'
)
_GENERATIONS: Final = ("/v1", "/v2")


class _Line(NamedTuple):
    """An operation, with the bases before whose path there is the same."""

    method: str
    path: str
    operation: dict[str, Any]
    bases: list[str]


def page(contract: dict[str, Any], feed: dict[str, Any]) -> str:
    """The HTML page of what ``document`` and ``asyncapi`` make."""
    info, tags = contract["info"], contract["tags"]
    lines = _lines(contract)
    sections = "".join(_section(tag, lines) for tag in tags)
    links = "".join(f'<a href="#{_anchor(tag["name"])}">{escape(tag["name"].capitalize())}</a>' for tag in tags)
    body = (
        f"<header><h1>gexfaker <small>{escape(info['version'])}</small></h1><p>{escape(info['summary'])} "
        f"For programs: {_LINKS}</p>{_KEY_FIELD}</header><nav>{links}"
        '<a href="#websocket">WebSocket</a><a href="#schemas">Schemas</a></nav>'
        f"<main>{sections}{_websocket(feed)}{_schemas(contract)}<script>{SCRIPT}</script>"
    )
    return framed("gexfaker: its API", body)


def framed(title: str, body: str, root: str = "") -> str:
    """A page of ours.

    Args:
        title: of the window.
        body: HTML.
        root: the way from the page to the root of the server.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="{root}favicon.svg">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def addressed(text: str, origin: str, date: str) -> str:
    """The page with the address of the server and the day that is played in its examples."""
    return text.replace(ORIGIN, escape(origin)).replace(DATE, escape(date))


def _file(name: str) -> str:
    return files("gexfaker.contract").joinpath(name).read_text(encoding="utf-8")


def _lines(contract: dict[str, Any]) -> list[_Line]:
    found: dict[tuple[str, str, str], _Line] = {}
    for path, methods in contract["paths"].items():
        base = next((one for one in _GENERATIONS if path.startswith(one + "/")), "")
        rest = path.removeprefix(base)
        for method, operation in methods.items():
            told = {key: value for key, value in operation.items() if key != "operationId"}
            line = _Line(method, rest, told, [])
            found.setdefault((method, rest, json.dumps(told)), line).bases.append(base)
    return list(found.values())


def _anchor(tag: str) -> str:
    return tag.replace(" ", "-")


def _section(tag: dict[str, str], lines: list[_Line]) -> str:
    shown = "".join(_operation(line) for line in lines if line.operation["tags"] == [tag["name"]])
    return (
        f'<section aria-labelledby="{_anchor(tag["name"])}"><h2 id="{_anchor(tag["name"])}">'
        f'{escape(tag["name"].capitalize())}</h2><p class="soft">{escape(tag["description"])}</p>{shown}</section>'
    )


def _operation(line: _Line) -> str:
    operation = line.operation
    return (
        f'<details><summary><span class="m {line.method}">{line.method.upper()}</span><code>{_path(line.path)}</code>'
        f"<span>{_prose(operation['summary'])}</span></summary><div>{''.join(_parts(line))}</div></details>"
    )


def _path(path: str) -> str:
    """The path, which may be broken after a slash."""
    return escape(path).replace("/", "/<wbr>")


def _prose(text: str) -> str:
    """Text in which backquotes mark code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _parts(line: _Line) -> Iterator[str]:
    operation = line.operation
    if "description" in operation:
        yield f"<p>{_prose(operation['description'])}</p>"
    told = [f"The same under {' and '.join(f'<code>{base}</code>' for base in line.bases if base)}."]
    if "security" in operation:
        told.append("Needs an API key." if {"api": []} in operation["security"] else "With the control token, if set.")
    told = told if any(line.bases) else told[1:]
    yield f'<p class="soft">{" ".join(told)}</p>' if told else ""
    if operation["parameters"]:
        yield f"<h4>Parameters</h4><table>{''.join(map(_parameter, operation['parameters']))}</table>"
    if "requestBody" in operation:
        needed = "" if operation["requestBody"]["required"] else ", may be left out"
        yield f"<h4>Body{needed}</h4><p>{_content(operation['requestBody'])}{_examples(operation['requestBody'])}</p>"
    rows = "".join(_answer(status, response) for status, response in operation["responses"].items())
    yield f"<h4>Answers</h4><table>{rows}</table>"
    call = call_of(line.method, max(line.bases) + line.path, operation)
    if line.method == "get" and call.is_json and "sig=" not in call.path:  # a link is signed by the server
        yield _attempt(call)
    yield from _samples(call)


def _attempt(call: Call) -> str:
    """Where the script asks the server and shows its answer, which is a real one of the day that is played."""
    path = escape(call.path)
    return (
        f'<h4>Example answer</h4><div class="try"{" data-key" if call.has_key else ""}>'
        f'<input value="{path}" aria-label="path to ask for" spellcheck="false">'
        '<button type="button">Try it</button></div><pre class="answer" hidden></pre>'
    )


def _samples(call: Call) -> Iterator[str]:
    for language, code in samples(call):
        shown = escape(code, quote=False).replace(KEY, f"<b>{KEY}</b>")
        yield f"<h4>{language}</h4><pre>{shown}</pre>"


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    values = ", ".join(
        f"<code>{escape(str(value))}</code>" for value in schema.get("enum") or schema.get("examples", [])
    )
    such = "one of " if "enum" in schema else "such as " if values else ""
    where = parameter["in"] + ("" if parameter["required"] else ", optional")
    text = f"{_prose(parameter.get('description', ''))} {such}{values}"
    return (
        f'<tr><th><code>{escape(parameter["name"])}</code> <span class="soft">{where}</span></th><td>{text}</td></tr>'
    )


def _answer(status: str, response: dict[str, Any]) -> str:
    text = escape(response["description"])
    return f"<tr><th><code>{status}</code></th><td>{text}</td><td>{_content(response)}</td></tr>"


def _content(holder: dict[str, Any]) -> str:
    """The bodies there may be: the schema of JSON, the type of another."""
    content = holder.get("content", {})
    told = [notation(media["schema"], _link) if "schema" in media else escape(kind) for kind, media in content.items()]
    return f"<code>{' or '.join(told)}</code>" if told else ""


def _examples(holder: dict[str, Any]) -> str:
    found = [json.dumps(media["example"]) for media in holder["content"].values() if "example" in media]
    return "".join(f" such as <code>{escape(example, quote=False)}</code>" for example in found)


def _link(name: str) -> str:
    return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'


def _websocket(feed: dict[str, Any]) -> str:
    """The hubs, and what is said on them."""
    hubs = "".join(
        f"<tr><td><code>{escape(hub)}</code></td><td>{', '.join(_codes(groups_of(hub)))}</td></tr>"
        for hub in feed["channels"]
    )
    senders = {"receive": "the client", "send": "the server"}
    said = "".join(
        _message(feed["components"]["messages"][reference["$ref"].rpartition("/")[2]], senders[operation["action"]])
        for operation in list(feed["operations"].values())[:2]
        for reference in operation["messages"]
    )
    return (
        '<section aria-labelledby="websocket"><h2 id="websocket">WebSocket</h2><p class="soft">The real-time feed: '
        "negotiate for the addresses, connect to a hub with a subprotocol, join groups, acknowledge, decode. On the V2 "
        f"hubs the server joins.</p>{''.join(f'<p>{text}</p>' for text in _SUBPROTOCOLS)}<div>"
        f'<table class="hubs">{hubs}</table></div>{said}</section>'
    )


_SUBPROTOCOLS: Final = (
    "<code>json.webpubsub.azure.v1</code>, <code>protobuf.webpubsub.azure.v1</code>: as below, or in protobuf.",
    "<code>json.reliable.webpubsub.azure.v1</code>, <code>protobuf.reliable.webpubsub.azure.v1</code>: the same, "
    "numbered; a lost connection can be taken back.",
    "No subprotocol: each binary message is the packed record alone.",
)


def _codes(names: list[str]) -> Iterator[str]:
    return (f"<code>{escape(name)}</code>" for name in names)


def _message(message: dict[str, Any], sender: str) -> str:
    example = json.dumps(message["examples"][0]["payload"])
    return (
        f'<details><summary><span class="m post">{sender.split()[1]}</span><code>{escape(message["name"])}</code>'
        f"<span>{_prose(message['summary'])}</span></summary><div><h4>Sent by {sender}, in JSON</h4>"
        f"<pre>{notation(message['payload'], _link)}</pre><h4>Example</h4>"
        f"<pre>{escape(example, quote=False)}</pre></div></details>"
    )


def _schemas(contract: dict[str, Any]) -> str:
    shown = "".join(
        f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>{_prose(schema.get("description", ""))}'
        f"<pre>{notation(schema, _link)}</pre>{_meanings(schema)}"
        for name, schema in contract["components"]["schemas"].items()
    )
    return (
        '<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2><p class="soft">A question mark: may be '
        f"missing. Three dots: and so on.</p>{shown}</section></main>"
    )


def _meanings(schema: dict[str, Any]) -> str:
    """What the values of a snapshot are, and their units."""
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code></th><td>{escape(told['description'])}</td>"
        f'<td class="soft">{escape(told.get("x-unit", ""))}</td></tr>'
        for name, told in _told(schema)
    )
    return f"<div><table>{rows}</table></div>" if rows else ""


def _told(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The values of a schema that have a description, and behind a list those of its rows."""
    for name, value in schema.get("properties", {}).items():
        if "description" in value:
            yield name, value
            kind = value["anyOf"][0] if "anyOf" in value else value
            for column in kind.get("items", {}).get("prefixItems", ()):
                yield f"{name}[].{column['title']}", column


STYLE: Final = _file("page.css")
"""The style of all pages."""

SCRIPT: Final = _file("page.js")
"""The page's script, whose hash the server names, so that no other runs."""
