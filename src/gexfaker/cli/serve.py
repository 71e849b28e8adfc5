"""`gexfaker serve`: the server, its flags made from the table of settings."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.cli.flags import Sectioned, sources_of, with_settings
from gexfaker.cli.pipes import PipeHandler, PipeWriter, open_standard_streams
from gexfaker.settings import load_from

if TYPE_CHECKING:
    from types import FrameType

    from gexfaker.server.run import Server
    from gexfaker.server.service import Service

GARBAGE_THRESHOLDS: Final = (5_000, 4, 25)
"""When the collector runs. What the feed and its connections make is freed without it; each run holds up the loop."""

EXIT_AT_ONCE: Final = 130
"""The exit code after the second signal."""


@click.command(short_help="Start the server.", cls=Sectioned)
@with_settings
def serve(config: str | None, **flags: Any) -> None:
    """Start the server: recorded days from the data folder, or a simulated market where there are none.

    A setting comes from its flag, else GEXFAKER_<NAME> in the environment, else the settings file, else its
    default; an empty one is unset. The settings of the earlier tool are taken without GEXFAKER_, too. See
    `gexfaker settings`.

    \b
    Examples:
      gexfaker serve
      gexfaker serve --port 9000 --data-dir ~/gexdata --data-date 2026-07-17
      WS_STREAM_INTERVAL=100ms CACHE_MODE=rotation gexfaker serve
    """
    open_standard_streams()
    settings = load_from(sources_of(config, flags, os.environ))
    printed, logged = PipeWriter(sys.stdout), PipeWriter(sys.stderr)
    handler = PipeHandler(logged, as_json=settings.log_format == "json")
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # what it warns of our doors tell, and not each time
    from gexfaker.server.descriptors import descriptor_limit, open_files_of, raise_descriptor_limit
    from gexfaker.server.run import Server
    from gexfaker.tapes.files import OPEN_FILES

    raise_descriptor_limit()
    OPEN_FILES.most = open_files_of(descriptor_limit())
    try:
        server = Server(settings)
        for note in server.service.notes:
            logging.getLogger(__name__).warning("%s", note)
        _run(server, printed)
    finally:
        for writer in (printed, logged):
            writer.flush()


def _run(server: Server, printed: PipeWriter) -> None:
    """Serve in this process, which is the server's alone, until a signal comes; the second one ends it at once."""
    import asyncio
    import gc

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if server.is_stopping:
            os._exit(EXIT_AT_ONCE)
        server.stop()

    for number in _signals():
        signal.signal(number, on_signal)
    gc.freeze()  # what is there now stays: the collector need not look at it again
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    with asyncio.Runner(loop_factory=server.loop_factory()) as runner:
        runner.run(server.serve(lambda: printed.write(announcement(server.service, server.url))))


def _signals() -> list[signal.Signals]:
    if sys.platform == "win32":
        return [signal.SIGINT, signal.SIGTERM, signal.SIGBREAK]
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]  # nohup stays
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def announcement(service: Service, url: str) -> str:
    """That the server is ready, and what to try: first the line that programs wait for, then what people read."""
    day = service.day
    feeds = sorted(day.feeds)
    tickers = [feed.ticker for feed in feeds if feed.package == "orderflow"]
    ticker = tickers[0] if tickers and "SPX" not in tickers else "SPX"
    at = "" if url == "http://127.0.0.1:8080" else f" --url {url}"
    return (
        f"gexfaker ready on {url}\n"
        f"  day {day.date} ({day.origin}), {len(feeds)} feeds\n"
        f"  try: gexfaker listen orderflow {ticker}{at}\n"
        f'  or:  curl -H "Authorization: Bearer demo" {url}/negotiate\n'
    )
