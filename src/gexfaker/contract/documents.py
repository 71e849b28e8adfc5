"""The documents that come with the package, as Markdown and as pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

NAMES: Final = ("readme", "wire", "decoding", "simulation", "settings", "testing", "coverage", "security", "benchmarks")
"""What can be read at /docs/NAME: the README, and the files of docs/."""

_ABOUT: Final = {
    "readme": "what it is, how to start, point a client at it, and set it up",
    "wire": "negotiation, hubs, groups, and every message field by field",
    "decoding": "how to decode a message in Python and JavaScript",
    "simulation": "the simulated market and its scenarios",
    "settings": "every setting",
    "testing": "servers inside your tests, and a clock in your hand",
    "coverage": "every route, and where it differs from the service",
    "security": "what it is proof against",
    "benchmarks": "how fast it is",
}


def _folder() -> Path:
    """The documents: in the package as it is installed, else in the source tree beside it."""
    installed = Path(str(files("gexfaker"))) / "documents"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3]


def _path(name: str) -> Path:
    folder = _folder()
    return folder / "README.md" if name == "readme" else folder / "docs" / f"{name}.md"


@cache
def markdown(name: str) -> str:
    """One of NAMES as it is written."""
    return _path(name).read_text(encoding="utf-8")


@cache
def pictures() -> Mapping[str, Path]:
    """The pictures of the documents, by the names of their files."""
    return {path.name: path for path in (_folder() / "docs" / "pictures").glob("*.png")}


@cache
def as_page(name: str) -> str:
    """One of NAMES as an HTML page; links among the documents lead to their pages."""
    from markdown_it import MarkdownIt

    from gexfaker.contract.page import STYLE

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(_linked(markdown(name)))
    links = "".join(f'<a href="/docs/{other}">{other}</a>' for other in NAMES)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>gexfaker: {escape(name)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="/favicon.svg">'
        f'<style>{STYLE}</style></head><body><nav><a href="/">start</a><a href="/docs">API</a>{links}</nav>'
        f'<main class="document">{body}</main></body></html>\n'
    )


def _linked(text: str) -> str:
    """The text with links to files of the repository as links to pages, and without marks for its maker."""
    lines = [line for line in text.splitlines() if not line.startswith("<!--")]
    text = "\n".join(lines)
    for name in NAMES:
        for written in (f"](docs/{name}.md", f"]({name}.md"):
            text = text.replace(written, f"](/docs/{name}")
    return text.replace("](../README.md", "](/docs/readme").replace("](pictures/", "](/docs/pictures/")


def index(origin: str) -> str:
    """The contents for language models, as llmstxt.org describes: a title, a summary, links with a word about each."""
    lines = [
        "# gexfaker",
        "",
        "> A local stand-in for the GexBot market-data API (REST and a real-time WebSocket feed): clients run "
        "unchanged, only the base URL differs. It replays recorded days or simulates a market.",
        "",
        "## Documents",
        "",
        *(f"- [{name}]({origin}/docs/{name}.md): {_ABOUT[name]}" for name in NAMES),
        "",
        "## Contract",
        "",
        f"- [OpenAPI]({origin}/openapi.json): every HTTP route, with schemas, units and meanings",
        f"- [AsyncAPI]({origin}/asyncapi.json): the WebSocket hubs, groups and messages",
        f"- [.proto files]({origin}/proto): the messages on the wire",
        "",
        "## Optional",
        "",
        f"- [All documents in one text]({origin}/llms-full.txt)",
    ]
    return "\n".join(lines) + "\n"


@cache
def everything() -> str:
    """All documents, one after the other."""
    return "\n\n".join(f"<!-- {name} -->\n\n{markdown(name).strip()}" for name in NAMES) + "\n"
