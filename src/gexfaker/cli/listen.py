"""`gexfaker listen`: the feed as a real client sees it."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final

import click

from gexfaker.catalog import Feed, parse_group
from gexfaker.cli.reach import is_given, is_ours, with_key, with_token, with_url
from gexfaker.exchange.hours import NEW_YORK

if TYPE_CHECKING:
    from gexfaker.client.feed import Target

FIRST_LOOK_SECONDS: Final = 1.0
"""When the server is asked for the first time whether a group will stay silent: it has joined by then."""

ASK_SECONDS: Final = 2.0
"""How long the server has to say why; the end of the command waits for it."""

SILENT_SECONDS: Final = 3.0
"""After so long without a message the server is asked why; at the usual speed one comes each second."""

LEAST_WIDTH: Final = 11
"""Letters of a column of numbers: six digits, two commas, a sign and cents."""

HEADER_EVERY: Final = 40
"""Lines between two headings: one stays in sight on an ordinary screen."""

_COLUMNS: Final = {
    "gex": "spot zero_gamma major_pos_vol major_neg_vol sum_gex_vol sum_gex_oi".split(),
    "orderflow": "spot zgr gexoflow net_dex dexoflow zero_mcall zero_mput z_mlgamma z_msgamma".split(),
    "spot": ["spot"],
}
_GREEK_COLUMNS: Final = "spot major_positive major_negative major_long_gamma major_short_gamma".split()


@click.command(short_help="Watch feeds in the terminal.")
@click.argument("names", metavar="[orderflow TICKER... | GROUP...]", nargs=-1)
@with_url
@with_key
@with_token
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON, with its group if several.")
@click.option("--raw", is_flag=True, help="Print the WebSocket messages as they arrive.")
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
    as_json: bool,
    raw: bool,
    captured: IO[bytes] | None,
) -> None:
    """Connect as a real client does, and print what the feeds send; when nothing comes, why.

    A GROUP is TICKER_PACKAGE_CATEGORY, without the prefix, or TICKER_spot. With a spot group the V2 flow is
    used (POST /v2/negotiate, the server joins), else the GET flow (the client joins).

    \b
    Examples:
      gexfaker listen orderflow SPX
      gexfaker listen orderflow SPX ES_SPX --json --count 10
      gexfaker listen SPX_classic_gex_zero SPX_state_delta_zero
      gexfaker listen SPX_classic_gex_zero SPX_spot
      gexfaker listen orderflow SPX --url http://127.0.0.1:9000 --key mine --raw
      gexfaker listen --decode-file frames.txt
    """
    if captured is not None:
        _decode(captured)
        return
    feeds = _choose(names)
    import asyncio

    from gexfaker.client.control import Control
    from gexfaker.client.feed import negotiate
    from gexfaker.client.silence import reasons_of

    targets = negotiate(url, key, feeds)
    printer = _Printer(feeds, count, "raw" if raw else "json" if as_json else "lines")
    control = Control(url, token if is_ours(url) or is_given("token") else None, ASK_SECONDS)
    groups = {group for target in targets for group in target.joins} | {feed.group for feed in feeds}
    try:
        asyncio.run(_listen(targets, printer, lambda: reasons_of(control, key, groups)))
    except BrokenPipeError:  # who reads it has seen enough, as with `| head`
        sys.stdout = None  # nothing is flushed to it at the end


def _decode(captured: IO[bytes]) -> None:
    """Print the records of captured frames as lines of JSON."""
    from gexfaker.client.captured import MAX_CAPTURED_BYTES, decode_captured

    for record in decode_captured(captured.read(MAX_CAPTURED_BYTES + 1)):
        click.echo(json.dumps(record, separators=(",", ":")))


async def _listen(targets: Sequence[Target], printer: _Printer, ask: Callable[[], list[str] | None]) -> None:
    """Print what comes, and why nothing does."""
    import asyncio

    from gexfaker.client.feed import follow

    explainer = asyncio.create_task(_explain_silence(printer, ask))
    try:
        await follow(targets, printer.show)
    finally:
        explainer.cancel()


async def _explain_silence(printer: _Printer, ask: Callable[[], list[str] | None]) -> None:
    """Ask the server once at the start, and whenever nothing comes for a while, as long as it tells; say each once."""
    import asyncio

    told: set[str] = set()
    wait = FIRST_LOOK_SECONDS
    while True:
        await asyncio.sleep(wait)
        if wait == FIRST_LOOK_SECONDS or printer.is_silent():
            reasons = await asyncio.to_thread(ask)
            if reasons is None:
                return
            for reason in dict.fromkeys(reasons).keys() - told:
                told.add(reason)
                click.echo(f"gexfaker: {reason}", err=True)
        wait = SILENT_SECONDS


def _choose(names: tuple[str, ...]) -> list[Feed]:
    """The feeds that the arguments mean."""
    from gexfaker.client.feed import ListenError

    if not names:
        raise ListenError("what? For example: gexfaker listen orderflow SPX")
    if names[0].lower() == "orderflow":
        names = tuple(f"{ticker.upper()}_orderflow_orderflow" for ticker in names[1:])
        if not names:
            raise ListenError("which ticker? For example: gexfaker listen orderflow SPX")
    feeds = []
    for name in dict.fromkeys(names):
        feed = parse_group(name)
        if feed is None:
            hint = _meant(name)
            raise ListenError(f"{name!r} is not a group such as SPX_classic_gex_zero or SPX_spot{hint}")
        feeds.append(feed)
    return feeds


def _meant(name: str) -> str:
    """What a wrong name may mean: one with a prefix, or in other letters."""
    for other in (name, name.partition("_")[2]):
        ticker, _, rest = other.partition("_")
        for group in (f"{ticker.upper()}_{rest.lower()}", f"{ticker.upper()}_{rest.upper()}"):
            if parse_group(group) is not None:
                return f"; did you mean {group}?"
    return ""


class _Printer:
    """Prints messages until there were enough."""

    def __init__(self, feeds: list[Feed], count: int | None, style: str) -> None:
        self._style = style
        self._count = count
        self._shown = 0
        self._last = time.monotonic()
        # A message's group may have a prefix, so its feed is found by the ending.
        self._feeds = sorted(feeds, key=lambda feed: -len(feed.group))
        self._name_width = max(len(feed.group) for feed in feeds)
        self._one_layout = len({tuple(_columns(feed)) for feed in feeds}) == 1

    def is_silent(self) -> bool:
        """Whether nothing has come for a while."""
        return time.monotonic() - self._last >= SILENT_SECONDS

    def show(self, received: Any) -> bool:
        """Print one message; whether to go on. Several connections may bring more than was asked for."""
        self._last = time.monotonic()
        if self._shown == self._count:
            return False
        feed = next(feed for feed in self._feeds if received.group.endswith(feed.group))
        if self._style == "raw":
            click.echo(received.frame)
        elif self._style == "json":
            named = received.record if len(self._feeds) == 1 else {"group": feed.group, **received.record}
            click.echo(json.dumps(named, separators=(",", ":")))
        else:
            self._show_line(feed, received.record)
        self._shown += 1
        return self._shown != self._count

    def _show_line(self, feed: Feed, record: dict[str, Any]) -> None:
        columns = _columns(feed)
        if not self._one_layout:
            values = "  ".join(f"{name} {record[name]:,.2f}" for name in columns)
            click.echo(_fitting(f"{_time(record)}  {feed.group:<{self._name_width}}  {values}"))
            return
        if self._shown % HEADER_EVERY == 0:
            named = (f"{name:>{_width(name)}}" for name in columns)
            click.echo(_fitting(" ".join((f"{'time':>8}", f"{'group':<{self._name_width}}", *named))))
        numbers = (f"{record[name]:>{_width(name)},.2f}" for name in columns)
        click.echo(_fitting(" ".join((_time(record), f"{feed.group:<{self._name_width}}", *numbers))))


def _width(name: str) -> int:
    """Letters of a column: large sums take more than prices."""
    return max(len(name), LEAST_WIDTH)


def _fitting(line: str) -> str:
    """A line as wide as the terminal, whole columns only; all of it where there is none."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[:width].rpartition(" ")[0].rstrip()


def _columns(feed: Feed) -> list[str]:
    """What a person sees of a feed's records."""
    return _COLUMNS.get(feed.kind, _GREEK_COLUMNS)


def _time(record: dict[str, Any]) -> str:
    try:
        return f"{datetime.fromtimestamp(record['timestamp'], NEW_YORK):%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{record['timestamp']:>8}"  # not epoch seconds
