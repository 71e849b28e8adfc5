"""`gexfaker listen`: the feed as a real client sees it - negotiate, connect, join, decode, print."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from gexfaker.errors import FrameError, GexfakerError, RecordError

NEW_YORK: Final = ZoneInfo("America/New_York")
NEGOTIATE_TIMEOUT_SECONDS: Final = 10.0
HEADER_EVERY: Final = 40
"""Lines between two headings: one stays in sight on an ordinary screen."""

_COLUMNS: Final = (
    "spot",
    "zgr",
    "gexoflow",
    "net_dex",
    "dexoflow",
    "zero_mcall",
    "zero_mput",
    "z_mlgamma",
    "z_msgamma",
)


class ListenError(GexfakerError):
    """The server cannot be reached, refuses, or ends the connection."""


@click.command(short_help="Watch a feed in the terminal.")
@click.argument("package", type=click.Choice(["orderflow"]))
@click.argument("tickers", metavar="TICKER...", nargs=-1, required=True)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Base URL of the server.")
@click.option("--key", default="demo", show_default=True, help="API key; each key has a place of its own in the day.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON.")
@click.option("--raw", is_flag=True, help="Print the WebSocket messages as they arrive.")
def listen(
    package: str, tickers: tuple[str, ...], url: str, key: str, count: int | None, as_json: bool, raw: bool
) -> None:
    """Connect as a real client does, and print what the feed sends.

    \b
    Examples:
      gexfaker listen orderflow SPX
      gexfaker listen orderflow SPX ES_SPX --json --count 10
      gexfaker listen orderflow SPX --url http://127.0.0.1:9000 --key mine --raw
    """
    messages = _messages(package, [ticker.upper() for ticker in tickers], url.rstrip("/"), key)
    try:
        for number, (frame, record) in enumerate(islice(messages, count)):
            if raw:
                click.echo(frame)
            elif as_json:
                click.echo(json.dumps(record, separators=(",", ":")))
            else:
                if number % HEADER_EVERY == 0:
                    click.echo("".join(f"{name:>12}" for name in ("time", "ticker", *_COLUMNS)))
                click.echo(_line(record))
    except KeyboardInterrupt:
        click.echo()
    finally:
        messages.close()


def _line(record: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(record["timestamp"], NEW_YORK)
    columns = "".join(f"{record[name]:>12,.2f}" for name in _COLUMNS)
    return f"{moment:%H:%M:%S}".rjust(12) + f"{record['ticker']:>12}" + columns


def _negotiate(url: str, key: str) -> dict[str, Any]:
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        request = Request(f"{url}/negotiate", headers={"Authorization": f"Bearer {key}", "User-Agent": "gexfaker"})  # noqa: S310
        with urlopen(request, timeout=NEGOTIATE_TIMEOUT_SECONDS) as answer:  # noqa: S310
            negotiated: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        raise ListenError(
            f"{url}/negotiate answered {error.code}: {error.read(500).decode(errors='replace')}"
        ) from None
    except (URLError, OSError, ValueError) as error:
        raise ListenError(f"no server at {url} ({error}); start one with: gexfaker serve") from None
    return negotiated


def _messages(
    package: str, tickers: list[str], url: str, key: str
) -> Generator[tuple[str, dict[str, Any]], None, None]:
    """(the WebSocket message, its decoded record) of every data message, for ever."""
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect

    from gexfaker.wire import messages as m
    from gexfaker.wire.jsoncodec import encode_upstream

    negotiated = _negotiate(url, key)
    hub = negotiated["websocket_urls"][package]
    try:
        with connect(hub, subprotocols=["json.reliable.webpubsub.azure.v1"], compression=None, proxy=None) as websocket:  # type: ignore[list-item]
            for number, ticker in enumerate(tickers, 1):
                group = f"{negotiated['prefix']}_{ticker}_{package}_{package}"
                websocket.send(encode_upstream(m.JoinGroup(group, number)), text=True)
            for frame in websocket:
                message = _decode(frame)
                if isinstance(message, m.DataMessage):
                    websocket.send(encode_upstream(m.SequenceAck(message.sequence_id or 0)), text=True)
                    yield str(frame), _record(message.data.value)
                elif isinstance(message, m.Ack) and message.error is not None:
                    raise ListenError(message.error.message)
            raise ListenError(f"the server closed the connection ({websocket.close_code} {websocket.close_reason})")
    except ConnectionClosed as error:
        raise ListenError(f"the server closed the connection: {error}") from None
    except (WebSocketException, OSError) as error:
        raise ListenError(f"cannot connect to {hub.partition('?')[0]}: {error}") from None


def _decode(frame: str | bytes) -> Any:
    from gexfaker.wire.jsoncodec import decode_downstream

    try:
        return decode_downstream(frame if isinstance(frame, bytes) else frame.encode())
    except FrameError as error:
        raise ListenError(f"not a message of this protocol ({error}): {frame!r:.200}") from None


def _record(data: bytes) -> dict[str, Any]:
    from google.protobuf.message import DecodeError

    from gexfaker.wire.orderflow import decode
    from gexfaker.wire.payload import unpack

    try:
        return decode(unpack(data)[1])
    except (RecordError, DecodeError) as error:
        raise ListenError(f"cannot decode a message: {error}") from None
