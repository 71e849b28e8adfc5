"""The contract as a page to read: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:1px solid #d5dbe3;text-transform:capitalize}
details{border:1px solid #d5dbe3;border-radius:6px;margin:.4rem 0;padding:.35rem .7rem}
summary{cursor:pointer}code{font:13px ui-monospace,monospace}
.m{display:inline-block;min-width:3.6rem;font-weight:600;color:#0b5cad}.post,.patch{color:#0a7a4b}.delete{color:#b3261e}
table{border-collapse:collapse;margin:.6rem 0}td,th{border-bottom:1px solid #e6eaf0;padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top}nav a{margin-right:1rem;text-transform:capitalize}
@media(prefers-color-scheme:dark){body{color:#dfe5ee;background:#12161c}details,h2{border-color:#333b47}
td,th{border-color:#2a313c}.m{color:#6db3f2}.post,.patch{color:#5fd3a0}.delete{color:#f2867e}a{color:#8ab8ff}}
"""


def page(contract: dict[str, Any]) -> str:
    """The HTML page of an OpenAPI document as ``document`` makes it."""
    tags: dict[str, list[str]] = {}
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    links = "".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    sections = "".join(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(parts)}' for tag, parts in tags.items())
    info = contract["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>gexfaker</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>gexfaker {escape(info['version'])}</h1><p>{escape(info['summary'])}</p>"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p><nav>{links}</nav>{sections}</body></html>'
    )


def _anchor(tag: str) -> str:
    return tag.replace(" ", "-")


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(_rows(operation))
    return (
        f'<details><summary><span class="m {method}">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation['summary'])}</summary><table>{rows}</table></details>"
    )


def _rows(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation["parameters"]:
        values = parameter["schema"].get("enum") or parameter["schema"].get("examples") or []
        needed = "" if parameter["required"] else " (optional)"
        yield _row(f"{parameter['name']}, {parameter['in']}{needed}", ", ".join(map(str, values)))
    if "requestBody" in operation:
        yield _row("body", _content(operation["requestBody"]))
    for status, response in operation["responses"].items():
        yield _row(status, f"{response['description']} {_content(response)}")


def _content(holder: dict[str, Any]) -> str:
    return "; ".join(
        f"{kind} {media.get('schema', {}).get('$ref', '').rpartition('/')[2]}".strip()
        for kind, media in holder.get("content", {}).items()
    )


def _row(name: str, text: str) -> str:
    return f"<tr><th><code>{escape(name)}</code></th><td>{escape(text)}</td></tr>"
