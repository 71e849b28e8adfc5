"""The documents that come with the package, as Markdown and as pages."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final

_ABOUT: Final = {
    "readme": "what it is, how to start, point a client at it, and set it up",
    "wire": "negotiation, hubs, groups, and every message field by field",
    "decoding": "how to decode a message in Python and JavaScript",
    "simulation": "the simulated market and its scenarios",
    "settings": "every setting",
    "testing": "tests of your client: keys, journal, expectations, ten bad days, and a clock in your hand",
    "faults": "what can be broken on purpose, and for whom",
    "studio": "the page to see the market, steer it, and watch your client",
    "coverage": "every route, and where it differs from the service",
    "operating": "containers, metrics, and the log for programs",
    "security": "what it is proof against",
    "benchmarks": "how fast it is",
}
NAMES: Final = tuple(_ABOUT)
"""What can be read at /docs/NAME: the README, and the files of docs/."""


def _folder() -> Path:
    """The documents: in the package as it is installed, else in the source tree beside it."""
    installed = Path(str(files("gexfaker"))) / "documents"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3]


def _path(name: str) -> Path:
    folder = _folder()
    return folder / "README.md" if name == "readme" else folder / "docs" / f"{name}.md"


def markdown(name: str) -> str:
    """One of NAMES, with links to the others as they are served."""
    return _linked(_path(name).read_text(encoding="utf-8"), ".md")


def pictures() -> dict[str, bytes]:
    """The pictures of the documents, by the names of their files; 0.4 MB."""
    return {path.name: path.read_bytes() for path in (_folder() / "docs" / "pictures").glob("*.png")}


def as_page(name: str) -> str:
    """One of NAMES as an HTML page; links among the documents lead to their pages. All links are relative."""
    from markdown_it import MarkdownIt

    from gexfaker.contract.page import framed

    text = _linked(_path(name).read_text(encoding="utf-8"), "")
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse("\n".join(line for line in text.splitlines() if not line.startswith("<!--")))
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", _anchor(inline.content))
    body = reader.renderer.render(tokens, reader.options, {})
    links = "".join(f'<a href="{other}">{other}</a>' for other in NAMES)
    nav = f'<nav><a href="../">start</a><a href="../docs">API</a>{links}</nav>'
    return framed(f"gexfaker: {name}", f'{nav}<main class="document">{body}</main>', root="../")


def _anchor(heading: str) -> str:
    """What a heading is called in links, as GitHub does it."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def _linked(text: str, ending: str) -> str:
    """The text with links to documents as they lead from one to the other here; what is not served is no link."""
    for name in NAMES:
        for written in (f"](docs/{name}.md", f"]({name}.md"):
            text = text.replace(written, f"]({name}{ending}")
    text = text.replace("](../README.md", f"](readme{ending}").replace("](docs/pictures/", "](pictures/")
    return re.sub(r"\[([^\]]+)\]\([A-Z]+\.md\)", r"\1", text)


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


def everything() -> str:
    """All documents, one after the other."""
    return "\n\n".join(f"<!-- {name} -->\n\n{markdown(name).strip()}" for name in NAMES) + "\n"
