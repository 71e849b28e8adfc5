"""The studio: its page, who may open it, and what it asks the server for beside the control plane."""

from __future__ import annotations

import asyncio
import base64
import datetime
import hmac
import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import msgspec
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gexfaker import __version__
from gexfaker.catalog import CATEGORIES, TICKERS, Feed, hub_of, parse_group
from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError, DataError, RecordError
from gexfaker.exchange.calendar import is_early_close, why_closed
from gexfaker.exchange.hours import closing, opening
from gexfaker.limits import KIB, MAX_LOOP_BLOCK_SECONDS
from gexfaker.server.http import warmup
from gexfaker.server.http.addresses import base_url
from gexfaker.server.http.controlguard import admits, cookie_name, cookie_of
from gexfaker.server.http.eventstreams import EVENTS, EventStream
from gexfaker.server.http.replies import error, read_at_most, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.bringing import jobs_known
from gexfaker.server.routes.control import known_here
from gexfaker.server.routes.faults import listed_of
from gexfaker.server.routes.negotiate import watch_addresses
from gexfaker.server.routes.status import playback_status, world_status
from gexfaker.server.routes.watching import journal_of, world_asked
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.settings import SETTINGS, Settings, rows
from gexfaker.studio.assets import LOGIN, PAGE, assets
from gexfaker.studio.lines import MAX_POINTS, POINTS, Lines
from gexfaker.tapes.dates import is_date
from gexfaker.tapes.tape import Tape, evenly
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from gexfaker.journal.journal import Journal

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The page loads nothing from elsewhere, and runs no script and no style but its own files."""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

MOST_NUMBER: Final = 1e11
"""Beyond all times and indexes of a query."""

MAX_LOGIN_BYTES: Final = 8 * KIB
"""A form with one field, the control token."""

BEAT_SECONDS: Final = 1.0
"""Between two events of a page; people see no more."""

LATE_SECONDS: Final = 0.25
"""A beat that is so late says that the server has more to do than it can: pages are the first to be let go."""

MAX_SUMMARIES: Final = 100
"""Sessions that a page lists: 20 kB a second; of more it says how many there are."""

MAX_CALENDAR_DAYS: Final = 62
"""Days that a calendar shows at once."""

SHOWN_JOBS: Final = 3
"""Downloads and imports in an event, the newest."""

Jobs = Callable[[], list[dict[str, Any]]]

LOOKS: Final = 4
"""How often in a beat it is looked whether the journal has something new: it is seen within the second."""

MAX_NEWS: Final = 50
"""Entries of a journal in one event; of more since the one before it says how many were left out."""


# --- the page ------------------------------------------------------------------------------------


async def _page(request: Request) -> Response:
    """The page; where the control token is missing, the one that asks for it.

    With a slash behind its address, those of its files would be others.
    """
    if request.scope["raw_path"].endswith(b"/"):
        return RedirectResponse("../studio", 308, HEADERS)
    refusal = admits(request)
    if refusal is None:
        return _sent(PAGE)
    return _sent(LOGIN, 401) if refusal.status_code == 401 else refusal


async def _asset(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in assets() or name in (PAGE, LOGIN):
        raise HTTPException(404, "There is no such file.")
    if request.headers.get("if-none-match") == assets()[name].tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": assets()[name].tag})
    return _sent(name)


def _sent(name: str, status: int = 200) -> Response:
    asset = assets()[name]
    return Response(asset.content, status, {**HEADERS, "ETag": asset.tag}, asset.media_type)


async def _log_in(request: Request) -> Response:
    """A cookie for who knows the control token: of this server, for this site alone, and for no script."""
    token = service_of(request).settings.control_token
    form = parse_qs((await read_at_most(request, MAX_LOGIN_BYTES)).decode("utf-8", "replace"))
    given = form.get("token", [""])[0].strip()
    if token is None or not hmac.compare_digest(given.encode(), token.encode()):
        return RedirectResponse("../studio?wrong=1", 303, HEADERS)
    answer = RedirectResponse("../studio", 303, HEADERS)
    is_secure = (base_url(service_of(request), request.headers, request.url.scheme) or "").startswith("https")
    answer.set_cookie(
        cookie_name(request), cookie_of(service_of(request)), httponly=True, samesite="strict", secure=is_secure
    )
    return answer


# --- what the page is told once ------------------------------------------------------------------


async def _about(request: Request) -> Response:
    """What does not change while the server runs; the page waits for it, so only what it needs is loaded before."""
    service = service_of(request)
    await warmup.load(*warmup.TABLES)
    return reply(await to_thread.run_sync(lambda: about(service)))


def about(service: Service) -> dict[str, Any]:
    """The server, its settings, what can be broken, what the journal tells, and how messages are read."""
    from gexfaker.faults.kinds import KINDS
    from gexfaker.faults.presets import PRESETS
    from gexfaker.journal.journal import TYPES
    from gexfaker.studio.wiretables import wire_tables

    return {
        "version": __version__,
        "simulated": service.day.is_simulated,
        "needs_token": service.settings.control_token is not None,
        "tickers": sorted(service.day.tickers or TICKERS),
        "hubs": {f"{package}_{name}": hub_of(package, name) for package, names in CATEGORIES.items() for name in names},
        "prefix": service.settings.ws_group_prefix,
        "settings": list(_settings(service.settings)),
        "notes": list(service.notes),
        "presets": {name: {"about": one.about, "good": one.good} for name, one in PRESETS.items()},
        "faults": {name: _fault(kind) for name, kind in KINDS.items()},
        "entries": {name: {"about": kind.about, "fields": kind.fields} for name, kind in TYPES.items()},
        "wire": wire_tables(),
    }


def _fault(kind: type[Any]) -> dict[str, Any]:
    """What a type of fault does, and its attributes as they are unless told otherwise."""
    defaults = {one.name: one.default for one in msgspec.structs.fields(kind) if one.default is not msgspec.NODEFAULT}
    return {"about": _first_line(kind.__doc__), "defaults": msgspec.to_builtins(defaults)}


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _settings(settings: Settings) -> Iterator[dict[str, str]]:
    """Every setting, with what it does."""
    for row in rows(settings):
        declared = SETTINGS[row["name"]]
        yield row | {"accepted": declared.accepted, "help": declared.help}


async def _watch(request: Request) -> Response:
    """Addresses of the hubs for who only watches a key: nothing is counted, and nothing of its clients ends."""
    service, world = await world_asked(request)
    base = base_url(service, request.headers, request.url.scheme)
    if base is None or not service.settings.ws_enabled:
        return error("There is no feed: WS_ENABLED is false, or the Host header is none.", 404)
    await _warm(service)
    return reply({"session": world.id, "websocket_urls": watch_addresses(service, world, base)})


async def _warm(service: Service) -> None:
    """Load what records and the feed need, in a thread: the first who asks must not hold up the others."""
    await warmup.load(*warmup.FEED, *(() if service.days.stored else warmup.MARKET))


# --- records at any time -------------------------------------------------------------------------


async def _record(request: Request) -> Response:
    """The newest record of a feed at a time, or the one of an index, as JSON and as clients are sent it."""
    service, world = await world_asked(request)
    await _warm(service)
    feed, tape = _tape(service, world, request)
    asked = _number(request, "index")
    index = await _index_at(service, world, tape, request) if asked is None else int(asked)
    async for _ in in_slices(tape.steps_to_index(index)):
        pass
    if not tape.has(index):
        raise DataError(f"{feed.group} has no such record on {tape.date}")
    return reply(_both(service, tape, feed, index))


def _both(service: Service, tape: Tape, feed: Feed, index: int) -> dict[str, Any]:
    try:
        text = tape.json(index)
    except RecordError as problem:
        raise DataError(f"{tape.place(index)}: {problem}") from None
    except ValueError:  # the day was closed, because so many others are played
        raise DataError(f"{tape.date} was closed meanwhile: ask again") from None
    sent = service.streamer.encoded.publication(tape, index, feed.group)
    if sent is None:
        raise DataError(f"{tape.place(index)} cannot be served: clients are not sent it")
    payload = base64.b64encode(sent.message.data.value).decode()
    return {
        "group": feed.group,
        "day": tape.date,
        "index": index,
        "place": tape.place(index),
        "record": msgspec.Raw(text),
        "payload": payload,
    }


def _tape(service: Service, world: World, request: Request) -> tuple[Feed, Tape]:
    """The feed that the query names, and its tape on the day of the key. Raises ControlError, DataError."""
    group = request.query_params.get("group", "")
    feed = parse_group(group)
    if feed is None:
        raise ControlError("name a group: group=SPX_classic_gex_zero")
    asked = request.query_params.get("day")
    day = service.day_of(world) if asked is None else service.days.day(service.days.resolve(asked))
    tape = day.tape(feed)
    if tape is None:
        raise DataError(f"{day.date} ({day.origin}) has no {group}")
    return feed, tape


def _number(request: Request, name: str) -> float | None:
    """A number of the query; None when it is not there. Raises ControlError."""
    text = request.query_params.get(name)
    try:
        number = None if text is None else float(text)
    except ValueError:
        number = -1.0
    if number is not None and not 0 <= number < MOST_NUMBER:
        raise ControlError(f"{name} is a number")
    return number


async def _index_at(service: Service, world: World, tape: Tape, request: Request) -> int:
    """The newest record not after the time that the query names; else the one where the key is."""
    time = _number(request, "time")
    if time is None and world.is_used:
        time = world.play.market_time(service.clock())
    if time is None:  # the key has no clock, or was not used yet
        return world.play.positions().get(tape.feed, 0)
    async for _ in in_slices(tape.steps_to_time(math.floor(time))):
        pass
    return max(0, tape.index_at(math.floor(time)))


async def _lines(request: Request) -> Response:
    """Values over the day so far, evenly: a page of lines costs no client anything that it feels."""
    service, world = await world_asked(request)
    await _warm(service)
    feed, tape = _tape(service, world, request)
    points = int(min(max(_number(request, "points") or POINTS, 2), MAX_POINTS))
    lines = Lines([name for name in request.query_params.get("columns", "").split(",") if name])
    last = await _index_at(service, world, tape, request)
    async for index in _rested(evenly(last, points)):
        _add(lines, tape, index)
    return reply({"group": feed.group, "day": tape.date, "times": lines.times, "columns": lines.columns})


def _add(lines: Lines, tape: Tape, index: int) -> None:
    """A record that cannot be read is left out, as in the feed."""
    try:
        lines.add(tape.json(index))
    except (RecordError, IndexError, msgspec.MsgspecError, ValueError, RecursionError):
        return


async def _rested(indexes: Iterable[int]) -> AsyncIterator[int]:
    """As ``in_slices``, but after each slice the loop has as long for everybody else."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for index in indexes:
        if loop.time() - began > MAX_LOOP_BLOCK_SECONDS:
            await asyncio.sleep(MAX_LOOP_BLOCK_SECONDS)
            began = loop.time()
        yield index


async def _calendar(request: Request) -> Response:
    """Each day of a month or two: whether it can be played, and why not."""
    service, query = service_of(request), request.query_params
    first, last = (_date(query.get(name)) for name in ("from", "to"))
    count = (last - first).days + 1
    if not 0 < count <= MAX_CALENDAR_DAYS:
        raise ControlError(f"ask for 1 to {MAX_CALENDAR_DAYS} days")
    stored = frozenset(service.days.dates()) if service.days.stored else None
    dates = (first + datetime.timedelta(days=number) for number in range(count))
    return reply({"days": [_playable(date, stored) for date in dates]})


def _date(text: str | None) -> datetime.date:
    if text is None or not is_date(text):
        raise ControlError("from and to are days, YYYY-MM-DD")
    return datetime.date.fromisoformat(text)


def _playable(date: datetime.date, stored: frozenset[str] | None) -> dict[str, Any]:
    if stored is None:
        why = why_closed(date)
        return {"date": date.isoformat(), "playable": why is None, "why": why, "early": is_early_close(date)}
    is_there = date.isoformat() in stored
    why = None if is_there else "not recorded"
    return {"date": date.isoformat(), "playable": is_there, "why": why, "early": is_early_close(date)}


# --- what the page follows -----------------------------------------------------------------------


async def _events(request: Request) -> Response:
    """One stream for a page: where all keys are, all of one key, its journal if that is asked for, and the server."""
    service = service_of(request)
    is_followed = "key" in request.query_params or "session" in request.query_params
    world = (await world_asked(request))[1] if is_followed else None
    follows = world is not None and request.query_params.get("journal") == "true"
    since = int(_number(request, "since") or 0)
    if request.method == "HEAD":
        return Response(media_type=EVENTS)
    if world is not None and follows:
        journal_of(world)  # refused now, and not in the middle of the stream
    jobs = partial(jobs_known, request)
    return EventStream(service, _beats(service, world, since if follows else None, jobs))


async def _beats(service: Service, world: World | None, since: int | None, jobs: Jobs) -> AsyncIterator[bytes]:
    """A state in each beat, and what is new in a journal several times in it."""
    loop = asyncio.get_running_loop()
    news = None if world is None or since is None else _News(world, since)
    looks = 1 if news is None else LOOKS
    for look in count():
        if service.life.draining:
            return
        if look % looks == 0:
            yield _event("state", await _state(service, world) | {"jobs": jobs()[:SHOWN_JOBS]})
        if news is not None and (told := news.take(settles=look % looks == 0)) is not None:
            yield _event("journal", told)
        until = loop.time() + BEAT_SECONDS / looks
        await asyncio.sleep(BEAT_SECONDS / looks)
        if loop.time() - until > LATE_SECONDS:
            yield _event("busy", {"late": round(loop.time() - until, 3)})
            return


class _News:
    """What is new in the journal of a key, from an entry on; of another journal, if somebody has ended it, all."""

    def __init__(self, world: World, since: int) -> None:
        self._world: Final = world
        self._since = since
        self._known: Journal | None = None

    def take(self, *, settles: bool) -> dict[str, Any] | None:
        """What the page is told, with what is being summed up if it ``settles``; None when there is nothing."""
        journal = journal_of(self._world)
        is_the_same = self._since <= journal.number and self._known in (None, journal)
        entries = journal.entries(self._since if is_the_same else 0, settles=settles)
        self._since, self._known = journal.number, journal
        if not entries:
            return None
        shown = [entry.flat() for entry in entries[-MAX_NEWS:]]
        return {"began": journal.began, "entries": shown, "left_out": len(entries) - len(shown)}


def _event(name: str, content: Mapping[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))


async def _state(service: Service, world: World | None) -> dict[str, Any]:
    known = await known_here(service)
    return {
        "now": service.clock(),
        "hours": hours(service.day.date if world is None or not world.is_used else world.play.date),
        "server": {
            "day": service.day.date,
            "origin": service.day.origin,
            "sessions": len(known),
            "connections": sum(len(hub.connections) for hub in service.hubs.values()),
            "messages_sent": service.streamer.sent,
        },
        "sessions": [summary(service, one) async for one in in_slices(islice(known, MAX_SUMMARIES))],
        "session": None if world is None else world_status(service, world) | {"faults": len(listed_of(world).faults)},
    }


def hours(date: str) -> dict[str, int]:
    """When the market opens and closes on a day, epoch seconds."""
    day = datetime.date.fromisoformat(date)
    return {"open": opening(day), "close": closing(day)}


def summary(service: Service, world: World) -> dict[str, Any]:
    """A line about a session."""
    playback = playback_status(service, world) if world.is_used else {}
    told = {name: playback.get(name) for name in ("day", "shown", "market_time", "paused", "over", "speed")}
    connections = sum(not one.grant.watches for hub in service.hubs for one in world.connections_on(hub))
    return {
        "session": world.id,
        "name": world.account.name,
        "tier": world.tier,
        "connections": connections,
        "messages_sent": world.counters.sent,
        **told,
    }


# --- the routes ----------------------------------------------------------------------------------

WHOSE: Final = ("key*", "session")
FILES: Final = "text/javascript|text/css|text/plain"


def _control(path: str, summary: str, answer: str, query: tuple[str, ...] = ()) -> Operation:
    """An operation of the page, with the access of the control plane."""
    return Operation("get", path, summary, {200: answer, **CONTROLLED}, query=query, key="control", tag="studio")


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get", "/studio", "The page.", {200: "text/html", 308: "", 401: "text/html", 403: "Error"}, tag="studio"
        ),
        _page,
    ),
    Endpoint(
        Operation("get", "/studio/{file}", "A file of the page.", {200: FILES, 304: "", 404: "Error"}, tag="studio"),
        _asset,
    ),
    Endpoint(
        Operation("post", "/studio/login", "A cookie for who sends the control token.", {303: ""}, tag="studio"),
        _log_in,
    ),
    Endpoint(_control("/_gexfaker/studio/about", "What does not change while the server runs.", "StudioAbout"), _about),
    Endpoint(
        _control("/_gexfaker/studio/watch", "Addresses of the hubs for who only watches a key.", "StudioWatch", WHOSE),
        _watch,
    ),
    Endpoint(
        _control(
            "/_gexfaker/studio/record",
            "A record by its time or its index, as JSON and as clients are sent it; no key moves.",
            "StudioRecord",
            (*WHOSE, "group*", "time", "index", "day"),
        ),
        _record,
    ),
    Endpoint(
        _control(
            "/_gexfaker/studio/lines",
            "Values of a feed over the day so far.",
            "StudioLines",
            (*WHOSE, "group*", "columns*", "time", "points"),
        ),
        _lines,
    ),
    Endpoint(
        _control("/_gexfaker/studio/calendar", "Which days can be played.", "StudioCalendar", ("from*", "to*")),
        _calendar,
    ),
    Endpoint(
        _control(
            "/_gexfaker/studio/events",
            "Where all keys are, each second, and the journal of one.",
            EVENTS,
            ("key", "session", "journal", "since"),
        ),
        _events,
    ),
)
"""The routes of this module."""
