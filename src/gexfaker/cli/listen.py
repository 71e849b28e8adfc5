"""`gexfaker listen`: the feed as a real client sees it."""

from __future__ import annotations

import contextlib
import errno
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from gexfaker.catalog import Feed
from gexfaker.cli.completion import groups
from gexfaker.cli.paths import UserPath
from gexfaker.cli.reach import is_given, is_ours, with_key, with_token, with_url

if TYPE_CHECKING:
    from gexfaker.cli.lines import Printer
    from gexfaker.cli.listener import Listener
    from gexfaker.client.feed import Target
    from gexfaker.client.follow import Reconnection

FIRST_LOOK_SECONDS: Final = 1.0
"""When the server is asked for the first time whether a group will stay silent: it has joined by then."""

ASK_SECONDS: Final = 2.0
"""How long the server has to say why; the end of the command waits for it."""

SEEN_ENOUGH: Final = (errno.EPIPE, errno.EINVAL)
"""Errors of an output whose reader has gone, as with `| head`; the second one on Windows."""

RECONNECT_SECONDS: Final = 30.0
"""How long a lost connection is tried again by default: so long the service takes it back."""

MOST_REFUSALS: Final = 3
"""Times in a row that the server may not tell: the service never does, and is not asked for ever."""

Ask = Callable[[], Mapping[str, Any] | None]
"""The status of the key's session; None where the server does not show it."""


MOST_RECONNECT_SECONDS: Final = 86_400.0
"""A day: long enough for every restart."""


def _no_nan(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    """A range lets pass what is no number at all."""
    if value != value:
        raise click.BadParameter("it is a number of seconds, such as 30")
    return value


@click.command()
@click.argument("names", metavar="[orderflow TICKER... | GROUP...]", nargs=-1, shell_complete=groups)
@with_url
@with_key
@with_token
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option("--watch", is_flag=True, help="A table of all groups in place of lines, with lag, gaps and repeats.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON, with its group if several.")
@click.option("--raw", is_flag=True, help="Print the WebSocket messages as they arrive.")
@click.option(
    "--record-to",
    "recording",
    type=UserPath(dir_okay=False),
    metavar="FILE",
    help="Add the WebSocket messages to a file, one a line; --decode-file reads it.",
)
@click.option(
    "--reconnect",
    type=click.FloatRange(min=0, max=MOST_RECONNECT_SECONDS),
    callback=_no_nan,
    default=RECONNECT_SECONDS,
    show_default=f"{RECONNECT_SECONDS:g}",
    metavar="SECONDS",
    help="How long to try again when the connection is lost; 0 ends at once.",
)
@click.option(
    "--decode-file",
    "captured",
    type=click.File("rb"),
    metavar="FILE",
    help="Instead of listening decode captured frames: JSON, base64 or hex a line, or bytes; - is standard input.",
)
def listen(
    names: tuple[str, ...],
    url: str,
    key: str,
    token: str | None,
    count: int | None,
    watch: bool,
    as_json: bool,
    raw: bool,
    recording: Path | None,
    reconnect: float,
    captured: IO[bytes] | None,
) -> None:
    """Connect as a reliable client does, and print what the feeds send; when nothing comes, why.

    A GROUP is TICKER_PACKAGE_CATEGORY, without the prefix, or TICKER_spot. With a spot group the V2 flow is
    used (POST /v2/negotiate, the server joins), else the GET flow (the client joins).

    Standard error tells what is odd: records that are missing or come again, a listener that is late, a lost
    connection and its return.

    \b
    Examples:
      gexfaker listen orderflow SPX
      gexfaker listen orderflow SPX ES_SPX --json --count 10
      gexfaker listen SPX_classic_gex_zero SPX_state_delta_zero --watch
      gexfaker listen SPX_classic_gex_zero SPX_spot
      gexfaker listen orderflow SPX --url http://127.0.0.1:9000 --key mine --raw
      gexfaker listen orderflow SPX --record-to frames.txt
      gexfaker listen --decode-file frames.txt
    """
    _check_together(names, captured, {"--watch": watch, "--json": as_json, "--raw": raw})
    if captured is not None:
        _decode(captured)
        return
    feeds = _choose(names)
    from gexfaker.cli.exits import run
    from gexfaker.cli.listener import Listener
    from gexfaker.client.control import Control
    from gexfaker.client.feed import ListenError, negotiate
    from gexfaker.client.follow import Reconnection
    from gexfaker.client.silence import status_of

    control = Control(url, token if is_ours(url) or is_given("token") else None, ASK_SECONDS)
    with _recorded_to(recording) as record:
        listener = Listener(feeds, key, count, record, f" --url {url}" if is_given("url") else "")
        again = Reconnection(reconnect, lambda: negotiate(url, key, feeds), listener.tell)
        targets = again.negotiate()
        shown = _board(listener) if watch else _lines(feeds, "raw" if raw else "json" if as_json else "lines")
        try:
            with shown as listener.printer:
                run(_listen(targets, listener, again, lambda: status_of(control, key)))
        except OSError as error:
            sys.stdout = None  # nothing is flushed to it at the end
            if error.errno not in SEEN_ENOUGH:
                raise ListenError(f"cannot write to standard output: {error.strerror}") from None


def _check_together(names: Sequence[str], captured: object, styles: Mapping[str, bool]) -> None:
    """Raises ListenError for options of which one would be left out."""
    from gexfaker.client.feed import ListenError

    given = [name for name, is_chosen in styles.items() if is_chosen]
    if len(given) > 1:
        raise ListenError(f"{given[0]} and {given[1]} are two ways of showing the same: choose one")
    if captured is not None and (names or given):
        raise ListenError("--decode-file prints JSON and does not listen: leave out " + ", ".join([*names, *given]))


def _decode(captured: IO[bytes]) -> None:
    """Print the records of captured frames as lines of JSON."""
    from gexfaker.client.captured import decode_captured

    for record in decode_captured(captured):
        click.echo(json.dumps(record, separators=(",", ":")))


async def _listen(targets: Sequence[Target], listener: Listener, again: Reconnection, ask: Ask) -> None:
    """Print what comes, and why nothing does."""
    import asyncio

    from gexfaker.client.feed import names_of
    from gexfaker.client.follow import follow

    explainer = asyncio.create_task(_explain(listener, names_of(targets, listener.feeds), ask))
    try:
        await follow(targets, listener.take, again)
    finally:
        explainer.cancel()


async def _explain(listener: Listener, groups: set[str], ask: Ask) -> None:
    """Ask the server once at the start, and whenever something is odd; say each thing once."""
    import asyncio

    from gexfaker.cli.listener import SILENT_SECONDS
    from gexfaker.client.heard import clock_of

    await asyncio.sleep(FIRST_LOOK_SECONDS)
    left = MOST_REFUSALS
    while left:
        status = await asyncio.to_thread(ask)
        left = MOST_REFUSALS if status is not None else left - 1
        if status is not None:
            listener.explain(status, groups)
            listener.set_clock(clock_of(status, time.time()))
        await asyncio.sleep(SILENT_SECONDS)
        while not listener.wonders():
            await asyncio.sleep(SILENT_SECONDS)


def _choose(names: tuple[str, ...]) -> list[Feed]:
    """The feeds that the arguments mean."""
    from gexfaker.client.feed import ListenError
    from gexfaker.client.groups import feed_named

    if not names:
        raise ListenError("what? For example: gexfaker listen orderflow SPX")
    if names[0].lower() == "orderflow":
        names = tuple(f"{ticker.upper()}_orderflow_orderflow" for ticker in names[1:])
        if not names:
            raise ListenError("which ticker? For example: gexfaker listen orderflow SPX")
    if any(name.lower() == "orderflow" for name in names):
        raise ListenError("the word orderflow stands first, before its tickers: gexfaker listen orderflow SPX")
    return [feed_named(name) for name in dict.fromkeys(names)]


@contextlib.contextmanager
def _lines(feeds: Sequence[Feed], style: str) -> Iterator[Printer]:
    from gexfaker.cli.lines import Json, Lines, Raw

    yield Raw() if style == "raw" else Json(len(feeds) > 1) if style == "json" else Lines(feeds)


@contextlib.contextmanager
def _board(listener: Listener) -> Iterator[Printer | None]:
    """A table on a terminal; lines where there is none."""
    from gexfaker.cli.watch import Board

    if not sys.stdout.isatty():
        with _lines(listener.feeds, "lines") as lines:
            yield lines
        return
    listener.board = Board(listener.feeds, listener.heard)
    with listener.board.live:
        yield None


@contextlib.contextmanager
def _recorded_to(path: Path | None) -> Iterator[Callable[[str], None]]:
    """What keeps a message in the file; it adds to what is there.

    Raises:
        ListenError: the file cannot be written; what came before is in it.
    """
    from gexfaker.client.feed import ListenError

    if path is None:
        yield lambda _: None
        return

    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("ab", buffering=0))
        except OSError as error:
            raise ListenError(f"cannot write to {path}: {error.strerror}") from None

        def keep(frame: str) -> None:
            left = memoryview(f"{frame}\n".encode())
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError as error:
                raise ListenError(f"cannot write to {path}: {error.strerror}; what came before is in it") from None

        yield keep
