"""The first page: what runs here, and how a client is pointed at it."""

from __future__ import annotations

from html import escape
from typing import Final

from gexfaker.contract.page import framed
from gexfaker.contract.samples import ORIGIN, Call, samples

_LINKS: Final = (
    ("studio", "the market, your clients, faults and days, to see and to steer"),
    ("docs", "the API, to read and to try"),
    ("docs/readme", "how to use it"),
    ("docs/decoding", "how to decode a message"),
    ("health", "its state and counters"),
    ("_gexfaker/sessions", "who is connected, and where each key is in its day"),
    ("openapi.json", "the HTTP contract"),
    ("asyncapi.json", "the WebSocket contract"),
)


_CALL: Final = Call("GET", "/v2/SPX/classic/gex_zero/majors", None, True, True)
_CSHARP: Final = """\
using var client = new HttpClient();
client.DefaultRequestHeaders.Add("Authorization", "Bearer demo");
Console.WriteLine(await client.GetStringAsync("{origin}{path}"));"""


def _pointers(origin: str) -> str:
    """Lines to paste, by language."""
    lines = [*samples(_CALL), ("C#", _CSHARP.format(origin=ORIGIN, path=_CALL.path))]
    return "".join(
        f"<h3>{language}</h3><pre>{escape(code.replace(ORIGIN, origin), quote=False)}</pre>" for language, code in lines
    )


def welcome(origin: str, date: str, source: str, feeds: int) -> str:
    """The page of a server at ``origin`` that plays a day.

    Args:
        origin: address of the server, as the reader has it.
        date: the day.
        source: where it is from, such as ``simulated, seed 1``.
        feeds: how many it has.
    """
    at = escape(origin)
    links = "".join(f'<li><a href="{path}">{path}</a> <span class="soft">{text}</span></li>' for path, text in _LINKS)
    body = (
        "<header><h1>gexfaker</h1><p>A local stand-in for the GexBot market-data "
        f"API, and it is running: day <b>{escape(date)}</b> "
        f'<span class="soft">({escape(source)}), {feeds} feeds.</span></p>'
        f"</header><main><h2>Point your client here</h2><p>The base URL is <code>{at}</code>; any API key will do.</p>"
        f"{_pointers(origin)}<h3>the feed, in a terminal</h3><pre>gexfaker listen orderflow SPX --url {at}</pre>"
        f"<h2>Look around</h2><ul>{links}</ul></main>"
    )
    return framed("gexfaker", body)
