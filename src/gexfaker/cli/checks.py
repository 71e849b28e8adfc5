"""What usually goes wrong on a machine: each check gives findings, with a remedy where one is needed."""

from __future__ import annotations

import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from gexfaker import __version__
from gexfaker.environment import EARLIER
from gexfaker.errors import GexfakerError, SettingError
from gexfaker.settings import DEFAULT, SETTINGS, Settings
from gexfaker.shell import expanded

FORBIDDEN: Final = 403
FEW_DESCRIPTORS: Final = 1024
"""With fewer, some hundred clients or a few large days make the server close files and connections."""

FIRST_YEAR: Final = 2026
"""The clock of a machine that shows an earlier year was never set."""

LIBRARIES: Final = ("protobuf", "websockets", "uvicorn", "uvloop")
PROXIES: Final = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


class Kind(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """What a check has found.

    Attributes:
        kind: whether something has to be done.
        text: what was found.
        remedy: what to do; empty for nothing.
    """

    kind: Kind
    text: str
    remedy: str = ""


def versions() -> Iterator[Finding]:
    """Python, gexfaker, and the libraries that frames are made with."""
    found = [f"{name} {_version(name)}" for name in LIBRARIES]
    python = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    yield Finding(Kind.OK, f"gexfaker {__version__}, {python}; {', '.join(found)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


def wrong_setting(error: SettingError) -> Finding:
    """The settings cannot be used."""
    return Finding(Kind.PROBLEM, str(error), "correct it; gexfaker settings shows where each setting comes from")


def settings(loaded: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What of the settings is not used, and which variables are somebody else's."""
    given = sum(source != DEFAULT for source in loaded.sources.values())
    yield Finding(Kind.OK, f"settings: {given} given, the others have their defaults")
    for note in loaded.notes:
        yield Finding(Kind.NOTE, note)
    for name in sorted(set(SETTINGS) - EARLIER):
        if environment.get(name):
            remedy = f"if it is meant for gexfaker, call it GEXFAKER_{name}"
            yield Finding(Kind.NOTE, f"the environment variable {name} is not used", remedy)


def port(loaded: Settings, ask: Callable[[str], Any]) -> Iterator[Finding]:
    """Whether the server's port is free, and if not, who has it; ``ask`` gives the answer of a URL."""
    if not loaded.port:
        yield Finding(Kind.OK, "port: any free one")
        return
    if not _is_taken(loaded.port):
        yield Finding(Kind.OK, f"port {loaded.port} is free")
        return
    try:
        health = ask(f"http://127.0.0.1:{loaded.port}/health")
        yield Finding(Kind.OK, f"port {loaded.port}: a gexfaker runs there and plays {health['data_date']}")
    except (OSError, ValueError, KeyError, TypeError):
        remedy = f"end it, or take another port: gexfaker serve --port {loaded.port + 1}"
        yield Finding(Kind.PROBLEM, f"port {loaded.port} is used by another program", remedy)


def _is_taken(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        if sys.platform != "win32":
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", number))
        except OSError:
            return True
    return False


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"


def data(loaded: Settings) -> Iterator[Finding]:
    """What the data folder holds."""
    from gexfaker.tapes.folder import LAYOUT, DataFolder

    root = expanded(Path(loaded.data_dir))
    try:
        folder = DataFolder(root)
        dates = folder.dates()
        feeds = folder.feeds(dates[-1]) if dates else []
    except (GexfakerError, OSError) as error:
        yield Finding(Kind.PROBLEM, f"data folder {root}: {error}", "make it readable, or set another DATA_DIR")
        return
    if loaded.wants_days and not root.is_dir():
        yield Finding(Kind.PROBLEM, f"data folder {root}: there is no such folder", "is its name right, or its drive?")
        return
    if not dates:
        remedy = f"to play recorded days, put files there as {LAYOUT}"
        if loaded.wants_days:
            text = f"data folder {root}: no recorded days, so `gexfaker serve` does not start"
            yield Finding(
                Kind.PROBLEM, text, f"{remedy}; for a simulated market: --simulate, or GEXFAKER_SIMULATE=true"
            )
        else:
            yield Finding(Kind.OK, f"data folder {root}: no recorded days, so a market is simulated", remedy)
    elif not feeds:
        yield Finding(
            Kind.PROBLEM, f"data folder {root}: {dates[-1]} has no record files", f"put them there as {LAYOUT}"
        )
    else:
        days, there = _counted(len(dates), "day"), _counted(len(feeds), "feed")
        yield Finding(Kind.OK, f"data folder {root}: {days} up to {dates[-1]}, which has {there}")


def proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether clients on this machine may be sent to a proxy instead of to the server."""
    named = [name for name in PROXIES if environment.get(name)]
    spared = environment.get("no_proxy", "") + environment.get("NO_PROXY", "")
    if named and not all(host in spared for host in ("127.0.0.1", "localhost")) and spared.strip() != "*":
        remedy = "set NO_PROXY=127.0.0.1,localhost for your clients"
        yield Finding(Kind.NOTE, f"{named[0]} is set: many clients would ask the proxy for 127.0.0.1", remedy)
    else:
        yield Finding(Kind.OK, "no proxy stands between clients and this machine")


def descriptors() -> Iterator[Finding]:
    """How many files and connections the server may have."""
    from gexfaker.server.descriptors import connections_of, descriptor_limit, raise_descriptor_limit

    raise_descriptor_limit()
    limit = descriptor_limit()
    text = f"{limit:,} descriptors: {connections_of(limit):,} connections at once"
    if limit < FEW_DESCRIPTORS:
        yield Finding(Kind.NOTE, text, "raise the hard limit of open files for many clients (ulimit -Hn)")
    else:
        yield Finding(Kind.OK, text)


def clock(now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Whether the time of day can be right, and the one of New York is known."""
    from datetime import datetime
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        there = datetime.fromtimestamp(now(), ZoneInfo("America/New_York"))
    except ZoneInfoNotFoundError:
        yield Finding(Kind.PROBLEM, "the time zone of New York is not known", "pip install tzdata")
        return
    if there.year < FIRST_YEAR:
        remedy = "set the clock: tokens and the newest day follow it"
        yield Finding(Kind.PROBLEM, f"the clock shows {there:%Y-%m-%d %H:%M}", remedy)
    else:
        yield Finding(Kind.OK, f"it is {there:%A %Y-%m-%d %H:%M} in New York")


def server(url: str, key: str, ask: Callable[[str], Any]) -> Iterator[Finding]:
    """What a given server answers; ``ask`` gives the answer of a URL, asked with the key."""
    from urllib.error import HTTPError

    from gexfaker.client.http import why

    try:
        health = ask(f"{url}/health")
        yield Finding(Kind.OK, f"{url} is a gexfaker that plays {health['data_date']} ({health['data_origin']})")
    except (HTTPError, ValueError, KeyError, TypeError):
        yield Finding(Kind.NOTE, f"{url}/health is not that of a gexfaker", "is it the server that you mean?")
    except OSError as error:
        yield Finding(Kind.PROBLEM, f"{url} does not answer: {why(error)}", "start one with: gexfaker serve")
        return
    try:
        hubs = ask(f"{url}/negotiate")["websocket_urls"]
        yield Finding(
            Kind.OK, f"{url}/negotiate gives {len(hubs)} hubs to the key {'demo' if key == 'demo' else 'given'}"
        )
        yield from _addresses(url, hubs)
    except HTTPError as refused:
        is_of_tier = refused.code == FORBIDDEN
        remedy = "gexfaker ctl tier gives the key another" if is_of_tier else "see the server's log"
        yield Finding(Kind.NOTE if is_of_tier else Kind.PROBLEM, f"{url}/negotiate: {why(refused)}", remedy)
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = why(error) if isinstance(error, OSError) else "no hubs"
        yield Finding(Kind.PROBLEM, f"{url}/negotiate: {text}", "see the server's log")


def _addresses(url: str, hubs: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the WebSocket addresses lead to the server that was asked."""
    from urllib.parse import urlsplit

    asked = urlsplit(url).netloc
    given = {urlsplit(address).netloc for address in hubs.values()}
    if given - {asked}:
        text = f"the WebSocket addresses lead to {', '.join(sorted(given))}, and not to {asked}"
        yield Finding(Kind.NOTE, text, "behind a proxy set PUBLIC_URL, or TRUST_FORWARDED")
