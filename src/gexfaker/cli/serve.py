"""`gexfaker serve`: the server, its flags made from the table of settings."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.cli.pipes import PipeHandler, PipeWriter, open_standard_streams
from gexfaker.errors import SettingError
from gexfaker.settings import DEFAULT, FILE, REPLACED, SETTINGS, Section, flag_of, load

if TYPE_CHECKING:
    from types import FrameType

    from gexfaker.server.run import Server
    from gexfaker.server.service import Service

GARBAGE_THRESHOLDS: Final = (5_000, 4, 25)
"""When the collector runs. What the feed and its connections make is freed without it; each run holds up the loop."""

EXIT_AT_ONCE: Final = 130
"""The exit code after the second signal."""


class _Sectioned(click.Command):
    """A command whose help shows the settings section by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the command itself, then those of each section."""
        shown = {param.name: record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))}
        for section in Section:
            names = [name.lower() for name, setting in SETTINGS.items() if setting.section is section]
            with formatter.section(f"{section.capitalize()} settings"):
                formatter.write_dl([shown.pop(name) for name in names])
        with formatter.section("Options"):
            formatter.write_dl(list(shown.values()))


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    for name in REPLACED:  # not shown, but answered with what to use now
        command = click.option(flag_of(name), name.lower(), hidden=True)(command)
    for name, setting in reversed(SETTINGS.items()):
        text = f"{setting.help}  [{setting.accepted}; default: {setting.default or 'unset'}]"
        command = click.option(flag_of(name), name.lower(), metavar="VALUE", help=text)(command)
    return command


@click.command(short_help="Start the server.", cls=_Sectioned)
@click.option("--config", metavar="FILE", help=f"Settings file (TOML).  [default: {FILE}, if there is one]")
@_with_settings
def serve(config: str | None, **flags: Any) -> None:
    """Start the server: recorded days from the data folder, or a simulated market where there are none.

    A setting comes from its flag, else GEXFAKER_<NAME> or <NAME> in the environment, else the settings
    file, else its default.

    \b
    Examples:
      gexfaker serve
      gexfaker serve --port 9000 --data-dir ~/gexdata --data-date 2026-07-17
      WS_STREAM_INTERVAL=100ms CACHE_MODE=rotation gexfaker serve
    """
    open_standard_streams()
    given = {name.upper(): value for name, value in flags.items()}
    if config is not None and not Path(config).is_file():
        raise SettingError("config", config, "the flag --config", "accepted: a file that exists")
    settings = load(given, os.environ, Path(config or FILE))
    printed, logged = PipeWriter(sys.stdout), PipeWriter(sys.stderr)
    handler = PipeHandler(logged, as_json=settings.log_format == "json")
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # what it warns of our doors tell, and not each time
    if settings.sources["DATA_MODE"] != DEFAULT:
        logging.getLogger(__name__).info("DATA_MODE is accepted but has no effect: days are always read in place")
    from gexfaker.server.descriptors import descriptor_limit, open_files_of, raise_descriptor_limit
    from gexfaker.server.run import Server
    from gexfaker.tapes.files import OPEN_FILES

    raise_descriptor_limit()
    OPEN_FILES.most = open_files_of(descriptor_limit())
    try:
        _run(Server(settings), printed)
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
