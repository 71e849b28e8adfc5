"""`gexfaker listen`: the feed as a real client sees it - negotiate, connect, join, decode, print."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from websockets.typing import Subprotocol

from gexfaker.catalog import hub_of, parse_group
from gexfaker.errors import FrameError, GexfakerError, RecordError

NEW_YORK: Final = ZoneInfo("America/New_York")
NEGOTIATE_TIMEOUT_SECONDS: Final = 10.0
SUBPROTOCOL: Final = Subprotocol("json.reliable.webpubsub.azure.v1")
HEADER_EVERY: Final = 40
"""Lines between two headings: one stays in sight on an ordinary screen."""

_COLUMNS: Final = {
    "strikes": "spot zero_gamma major_pos_vol major_neg_vol sum_gex_vol sum_gex_oi".split(),
    "mini_contracts": "spot major_positive major_negative major_long_gamma major_short_gamma".split(),
    "zgr": "spot zgr gexoflow net_dex dexoflow zero_mcall zero_mput z_mlgamma z_msgamma".split(),
}
"""What a person sees of a record, by a key that only its kind has."""


class ListenError(GexfakerError):
    """The server cannot be reached, refuses, or ends the connection."""


@click.command(short_help="Watch a feed in the terminal.")
@click.argument("names", metavar="[orderflow TICKER... | GROUP...]", nargs=-1, required=True)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Base URL of the server.")
@click.option("--key", default="demo", show_default=True, help="API key; each key has a place of its own in the day.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON.")
@click.option("--raw", is_flag=True, help="Print the WebSocket messages as they arrive.")
def listen(names: tuple[str, ...], url: str, key: str, count: int | None, as_json: bool, raw: bool) -> None:
    """Connect as a real client does, and print what the feed sends.

    A GROUP is TICKER_PACKAGE_CATEGORY, without the prefix; all of them on one hub.

    \b
    Examples:
      gexfaker listen orderflow SPX
      gexfaker listen orderflow SPX ES_SPX --json --count 10
      gexfaker listen SPX_classic_gex_zero SPX_classic_gex_full
      gexfaker listen orderflow SPX --url http://127.0.0.1:9000 --key mine --raw
    """
    hub, groups = _choose(names)
    messages = _messages(hub, groups, url.rstrip("/"), key)
    try:
        for number, (frame, record) in enumerate(islice(messages, count)):
            if raw:
                click.echo(frame)
            elif as_json:
                click.echo(json.dumps(record, separators=(",", ":")))
            else:
                columns = next(columns for kind, columns in _COLUMNS.items() if kind in record)
                if number % HEADER_EVERY == 0:
                    click.echo(" ".join(f"{name:>16}" for name in ("time", "ticker", *columns)))
                click.echo(_line(record, columns))
    except KeyboardInterrupt:
        click.echo()
    finally:
        messages.close()


def _choose(names: tuple[str, ...]) -> tuple[str, list[str]]:
    """The hub, and the unprefixed groups, that the arguments mean."""
    if names[0].lower() == "orderflow":
        names = tuple(f"{ticker.upper()}_orderflow_orderflow" for ticker in names[1:])
        if not names:
            raise ListenError("which ticker? For example: gexfaker listen orderflow SPX")
    hubs: dict[str, str] = {}
    for name in names:
        feed = parse_group(name)
        if feed is None:
            raise ListenError(f"{name!r} is not a group such as SPX_orderflow_orderflow or SPX_classic_gex_zero")
        hubs.setdefault(hub_of(feed.package, feed.category), name)
    if len(hubs) > 1:
        where = ", ".join(f"{name} is on {hub}" for hub, name in hubs.items())
        raise ListenError(f"listen to one hub at a time: {where}")
    return next(iter(hubs)), list(names)


def _line(record: dict[str, Any], columns: list[str]) -> str:
    try:
        moment = f"{datetime.fromtimestamp(record['timestamp'], NEW_YORK):%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        moment = str(record["timestamp"])  # not epoch seconds
    numbers = (f"{record[name]:>16,.2f}" for name in columns)
    return " ".join((moment.rjust(16), f"{record['ticker']:>16}", *numbers))


def _negotiate(url: str, key: str) -> dict[str, Any]:
    from http.client import HTTPException
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
    except (URLError, OSError, ValueError, HTTPException) as error:
        raise ListenError(f"no server at {url} ({error}); start one with: gexfaker serve") from None
    return negotiated


def _messages(hub: str, groups: list[str], url: str, key: str) -> Generator[tuple[str, dict[str, Any]], None, None]:
    """(the WebSocket message, its decoded record) of every data message, for ever."""
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect

    from gexfaker.wire import messages as m
    from gexfaker.wire.jsoncodec import encode_upstream

    negotiated = _negotiate(url, key)
    try:
        prefix, address = negotiated["prefix"], str(negotiated["websocket_urls"][hub])
    except (KeyError, TypeError):
        raise ListenError(f"{url}/negotiate gave no address for the hub {hub!r}") from None
    try:
        with connect(address, subprotocols=[SUBPROTOCOL], compression=None, proxy=None) as websocket:
            for number, group in enumerate(groups, 1):
                join = m.JoinGroup(f"{prefix}_{group}", number)
                websocket.send(encode_upstream(join), text=True)
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
        raise ListenError(
            f"cannot connect to {_bare(address)}: {str(error).replace(address, _bare(address))}"
        ) from None


def _bare(address: str) -> str:
    """An address without its access token."""
    return address.partition("?")[0]


def _decode(frame: str | bytes) -> Any:
    from gexfaker.wire.jsoncodec import decode_downstream

    try:
        return decode_downstream(frame if isinstance(frame, bytes) else frame.encode())
    except FrameError as error:
        raise ListenError(f"not a message of this protocol ({error}): {frame!r:.200}") from None


def _record(data: bytes) -> dict[str, Any]:
    from google.protobuf.message import DecodeError

    from gexfaker.wire.feeds import BY_TYPE_URL
    from gexfaker.wire.payload import unpack

    try:
        type_url, message = unpack(data)
        return BY_TYPE_URL[type_url].decode(message)
    except (RecordError, DecodeError, KeyError) as error:
        raise ListenError(f"cannot decode a message: {error}") from None
