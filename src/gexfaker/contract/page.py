"""The contract as a page to read: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final, NamedTuple

from gexfaker.contract.notation import notation

_STYLE: Final = """
:root{color-scheme:light dark;--text:#1c2430;--soft:#5b6675;--line:#d8dee6;--back:#fff;--box:#f6f8fa;
--get:#0b5cad;--post:#0a7045;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#dfe5ee;--soft:#98a4b3;--line:#333b47;--back:#12161c;--box:#1a2028;
--get:#6db3f2;--post:#5fd3a0;--delete:#f2867e}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1.5rem 1rem 4rem;color:var(--text);
background:var(--back)}
h1{font-size:1.6rem;margin:0}h1 small{font-weight:400;color:var(--soft)}
h2{font-size:1.25rem;margin:2.2rem 0 .2rem}h3{font:600 14px ui-monospace,monospace;margin:1.2rem 0 .2rem}
h4{font-size:.85rem;margin:.8rem 0 .1rem;color:var(--soft)}
p{margin:.3rem 0 .7rem}.soft{color:var(--soft)}
a{color:var(--get)}nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:.6rem 0;border-bottom:1px solid var(--line)}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{margin:.2rem 0;padding:.5rem .7rem;background:var(--box);border-radius:4px;white-space:pre-wrap;
overflow-wrap:anywhere}
details{border-bottom:1px solid var(--line)}
summary{display:grid;grid-template-columns:1rem 4.2rem minmax(0,27rem) minmax(0,1fr);gap:0 .5rem;align-items:baseline;
padding:.35rem .2rem;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"\\25B8";color:var(--soft)}details[open]>summary::before{content:"\\25BE"}
summary:hover{background:var(--box)}
summary:focus-visible,a:focus-visible{outline:2px solid var(--get);outline-offset:1px}
summary code{overflow-wrap:anywhere}
details>div{padding:0 .2rem 1rem 1.7rem}
.m{font:600 13px ui-monospace,monospace;color:var(--get)}.post,.patch{color:var(--post)}.delete{color:var(--delete)}
table{border-collapse:collapse;width:100%}
th,td{border-top:1px solid var(--line);padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
tr:first-child>*{border-top:0}th{font-weight:400;width:11rem}td:nth-child(3){width:45%}
@media(max-width:45rem){summary{grid-template-columns:1rem 4.2rem minmax(0,1fr)}summary span:last-child{grid-column:3}
th{width:5rem}td:nth-child(3){width:35%}}
"""
_GENERATIONS: Final = ("/v1", "/v2")


class _Line(NamedTuple):
    """An operation, with the bases before whose path there is the same."""

    method: str
    path: str
    operation: dict[str, Any]
    bases: list[str]


def page(contract: dict[str, Any]) -> str:
    """The HTML page of an OpenAPI document as ``document`` makes it."""
    info, tags = contract["info"], contract["tags"]
    lines = _lines(contract)
    sections = "".join(_section(tag, lines) for tag in tags)
    links = "".join(f'<a href="#{_anchor(tag["name"])}">{escape(tag["name"].capitalize())}</a>' for tag in tags)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>gexfaker: its HTTP API</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<header><h1>gexfaker <small>{escape(info['version'])}</small></h1><p>{escape(info['summary'])} "
        f'For programs: <a href="openapi.json">openapi.json</a></p></header><nav>{links}'
        f'<a href="#schemas">Schemas</a></nav><main>{sections}{_schemas(contract)}</body></html>\n'
    )


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


def _schemas(contract: dict[str, Any]) -> str:
    shown = "".join(
        f'<h3 id="schema-{escape(name)}">{escape(name)}</h3>{_prose(schema.get("description", ""))}'
        f"<pre>{notation(schema, _link)}</pre>"
        for name, schema in contract["components"]["schemas"].items()
    )
    return (
        '<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2><p class="soft">A question mark: may be '
        f"missing. Three dots: and so on.</p>{shown}</section></main>"
    )
