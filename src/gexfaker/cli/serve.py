"""`gexfaker serve`: the server, its flags made from the table of settings."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from gexfaker.cli.flags import Sectioned, sources_of, with_settings
from gexfaker.cli.loading import without_collector
from gexfaker.cli.pipes import PipeHandler, PipeWriter, open_standard_streams
from gexfaker.limits import SAME_SIGNAL_SECONDS
from gexfaker.settings import load_from
from gexfaker.shell import CURL

if TYPE_CHECKING:
    from types import FrameType

    from gexfaker.playback.day import Day
    from gexfaker.server.run import Server
    from gexfaker.server.service import Service
    from gexfaker.settings import Settings

log: Final = logging.getLogger(__name__)

GARBAGE_THRESHOLDS: Final = (5_000, 4, 25)
"""When the collector runs. What the feed and its connections make is freed without it; each run holds up the loop."""

EXIT_AT_ONCE: Final = 130
"""The exit code after the second signal."""


@click.command(cls=Sectioned)
@with_settings
@click.option("--open", "opens", is_flag=True, help="Open the server's page in the browser once it is ready.")
@click.option("--exit-with-parent", is_flag=True, help="Stop when the process that started this one has ended.")
@click.option("--collect", "collects", metavar="TICKERS", help="Get each evening's reports of them into DATA_DIR.")
@click.option("--collect-from", metavar="URL", help="The API to ask for them.  [default: the service]")
@click.option("--listen-fds", hidden=True, help="Sockets of the process that looks after this worker.")
def serve(
    config: str | None,
    opens: bool,
    exit_with_parent: bool,
    collects: str | None,
    collect_from: str | None,
    listen_fds: str | None,
    **flags: Any,
) -> None:
    """Start the server: recorded days from the data folder, or a simulated market where there are none.

    A setting comes from its flag, else GEXFAKER_<NAME> in the environment, else the settings file, else its
    default; an empty one is unset. The settings of the earlier tool are taken without GEXFAKER_, too. See
    `gexfaker settings`.

    \b
    Examples:
      gexfaker serve
      gexfaker serve --scenario flash-crash --open
      gexfaker serve --workers 4
      gexfaker serve --collect SPX,SPY
      gexfaker serve --port 9000 --data-dir ~/gexdata --data-date 2026-07-17
      WS_STREAM_INTERVAL=100ms CACHE_MODE=rotation gexfaker serve
    """
    open_standard_streams()
    settings = msgspec.structs.replace(load_from(sources_of(config, flags, os.environ)), awaits_days=bool(collects))
    printed, logged = PipeWriter(sys.stdout), PipeWriter(sys.stderr)
    handler = PipeHandler(logged, as_json=settings.log_format == "json")
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # what it warns of our doors tell, and not each time
    if collects and settings.workers > 1:
        raise click.UsageError("--collect is for one process: run gexfaker collect beside --workers")
    if settings.workers > 1 and _serve_with_workers(settings, printed, opens):
        return
    try:
        with without_collector():
            server = _made(settings, listen_fds)
        for note in server.service.notes:
            log.warning("%s", note, extra={"fields": {"event": "note"}})
        if exit_with_parent:
            from gexfaker.cli.main import PARENT
            from gexfaker.cli.parent import call_when_parent_ends

            call_when_parent_ends(PARENT, server.stop)
        with _collecting(collects, collect_from, settings):
            _run(server, printed, opens)
        if listen_fds is not None:
            _end_without_parent(settings)
    finally:
        for writer in (printed, logged):
            writer.flush()


def _made(settings: Settings, listen_fds: str | None) -> Server:
    """The server, with as many open files as this process may have."""
    from gexfaker.server.descriptors import descriptor_limit, open_files_of, raise_descriptor_limit
    from gexfaker.server.run import Server
    from gexfaker.tapes.files import OPEN_FILES

    raise_descriptor_limit()
    OPEN_FILES.most = open_files_of(descriptor_limit())
    return Server(settings, sockets=_given(listen_fds))


def _serve_with_workers(settings: Settings, printed: PipeWriter, opens: bool) -> bool:
    """Look after several processes until a signal comes; False where this system has one only."""
    from gexfaker.cli.workers import Workers, are_possible

    if not are_possible():
        log.warning("--workers: this system does not spread connections over processes; one process serves")
        return False

    def announce(said: str) -> None:
        printed.write(said)
        if opens:
            _open(said.partition("\n")[0].rpartition(" ")[2])

    with Workers(settings, sys.argv[2:], announce) as workers:
        heard = 0

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            nonlocal heard
            heard += 1
            workers.stop() if heard == 1 else workers.kill()

        for number in _signals():
            signal.signal(number, on_signal)
        code = workers.run()
    printed.flush()
    if code:
        sys.exit(code)
    return True


@contextlib.contextmanager
def _collecting(tickers: str | None, upstream: str | None, settings: Settings) -> Iterator[None]:
    """Collect days beside the server, if that is wished."""
    if tickers is None:
        yield
        return
    from gexfaker.cli.collecting import collecting

    with collecting(tickers, upstream, settings.data_dir):
        yield


def _given(descriptors: str | None) -> list[socket.socket]:
    """The sockets that a worker was given."""
    return [socket.socket(fileno=int(text)) for text in (descriptors or "").split(",") if text]


def _end_without_parent(settings: Settings) -> None:
    """A worker whose parent was killed ends what the parent has started."""
    from gexfaker.cli.main import PARENT
    from gexfaker.cli.workers import shut_down_orphan

    if os.getppid() != PARENT and settings.cluster is not None:
        shut_down_orphan(settings.cluster)


def _run(server: Server, printed: PipeWriter, opens: bool) -> None:
    """Serve in this process, which is the server's alone, until a signal comes; the second one ends it at once."""
    import asyncio
    import gc

    first = 0.0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal first
        now = monotonic()
        if not server.is_stopping:
            first = now
        elif now - first > SAME_SIGNAL_SECONDS:
            os._exit(EXIT_AT_ONCE)
        server.stop()

    for number in _signals():
        signal.signal(number, on_signal)
    gc.freeze()  # what is there now stays: the collector need not look at it again
    gc.set_threshold(*GARBAGE_THRESHOLDS)

    def announce() -> None:
        printed.write(announcement(server.service, server.url))
        if opens:
            _open(server.url)

    with asyncio.Runner(loop_factory=server.loop_factory()) as runner:
        runner.run(server.serve(announce))


def _open(url: str) -> None:
    """Show a page in the user's browser, which may take its time, or be a program in a terminal."""
    import webbrowser

    def show() -> None:
        if not webbrowser.open(url):
            log.warning("--open: there is no browser here; open %s yourself", url)

    threading.Thread(target=show, name="browser", daemon=True).start()


def _signals() -> list[signal.Signals]:
    if sys.platform == "win32":
        return [signal.SIGINT, signal.SIGTERM, signal.SIGBREAK]
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]  # nohup stays
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def announcement(service: Service, url: str) -> str:
    """That the server is ready, and what to try: first the line that programs wait for, then what people read."""
    near = url.replace("//0.0.0.0:", "//127.0.0.1:")  # an address to listen at, but not one to go to
    day, at = service.day, "" if near == "http://127.0.0.1:8080" else f" --url {near}"
    key = "YOUR_KEY" if service.settings.strict_keys else "demo"
    at += f" --key {key}" * service.settings.strict_keys
    count = f"{len(day.feeds)} feed{'' if len(day.feeds) == 1 else 's'}"
    return (
        f"gexfaker ready on {url}\n"
        f"  day {day.date} ({day.origin}), {count}\n"
        f"  try: {program()} listen {_example(day)}{at}\n"
        f"  see: {near}/studio\n"
        f'  or:  {CURL} -H "Authorization: Bearer {key}" {near}/negotiate\n'
    )


def _example(day: Day) -> str:
    """What there is to listen to: orderflow, of SPX if there is any, or else any feed."""
    tickers = sorted(feed.ticker for feed in day.feeds if feed.package == "orderflow")
    if tickers:
        return f"orderflow {'SPX' if 'SPX' in tickers else tickers[0]}"
    groups = sorted(feed.group for feed in day.feeds)
    return groups[0] if groups else "orderflow SPX"


def program() -> str:
    """How this command is called here: by its name if the shell finds it, else by its path."""
    path = Path(sys.argv[0])
    if path.stem != "gexfaker" or shutil.which("gexfaker"):
        return "gexfaker"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
