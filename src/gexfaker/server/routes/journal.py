"""The journal of a key over HTTP: read, searched, waited for, followed, and held against what a test expects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.errors import ControlError
from gexfaker.limits import MAX_CONTROL_BYTES
from gexfaker.parsing import duration
from gexfaker.server.http.downloads import in_thread
from gexfaker.server.http.eventstreams import EVENTS, LOOK_SECONDS, NO_STORE, EventStream
from gexfaker.server.http.replies import read_at_most, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.catchup import catch_up
from gexfaker.server.routes.status import silences
from gexfaker.server.routes.watching import journal_of, operation, read_json, world_asked
from gexfaker.server.service import Service

if TYPE_CHECKING:
    from gexfaker.journal.expectations import Finding
    from gexfaker.journal.journal import Entry, Journal
    from gexfaker.journal.queries import Query
    from gexfaker.worlds.world import World

T = TypeVar("T")

FEW: Final = 500
"""Entries that are looked through at once; of more it takes up to seconds, if many expectations look at them."""

SHORTEST_LOOK: Final = 0.02
"""Seconds between two looks at least, however much happens meanwhile."""

BEGINS_NOW: Final = "; the journal of this key begins now: what was before is not in it"


async def _show(request: Request) -> Response:
    """The entries after ``since``, the oldest first; as events to who accepts these or asks to follow."""
    query = _query_of(request)
    service, world = await world_asked(request)
    follows = request.query_params.get("follow", "").lower() in ("1", "true", "yes")
    if follows or EVENTS in request.headers.get("accept", ""):
        if request.method == "HEAD":
            return Response(headers=NO_STORE, media_type=EVENTS)
        return EventStream(service, _events(service, journal_of(world), query))
    limit = _limit(request.query_params.get("limit"))
    await catch_up(service, world)
    return reply(await _page(request, world.id, query, limit, journal_of(world)))


def _query_of(request: Request) -> Query:
    from gexfaker.journal.queries import Query

    types = tuple(filter(None, request.query_params.get("type", "").split(",")))
    query = Query(type=types or None, since=_whole("since", request.query_params.get("since"), 0))
    query.check()
    return query


def _whole(name: str, text: object, default: int) -> int:
    """A whole number of a query or a body. Raises ControlError."""
    if text is None:
        return default
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text <= 1 << 53:
        return text
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    raise ControlError(f"{name} is a whole number")


def _limit(given: object) -> int:
    from gexfaker.journal.queries import MAX_ANSWERED

    return min(_whole("limit", given, MAX_ANSWERED), MAX_ANSWERED)


async def _page(request: Request, session: str, query: Query, limit: int, journal: Journal) -> dict[str, Any]:
    """The first entries that are meant; ``more`` says how many follow, and ``next`` after which number they do."""
    found = await _looked(request, journal, query.of)
    shown = found[:limit]
    return {
        "session": session,
        "began": journal.began,
        "lost": journal.lost,
        "last": journal.number,
        "entries": [entry.flat() for entry in shown],
        "more": len(found) - len(shown),
        "next": shown[-1].number if shown else query.since,
    }


async def _events(service: Service, journal: Journal, query: Query) -> AsyncIterator[bytes]:
    """Each entry as an event with its number as id, from ``since`` on; what is being summed up once a second."""
    news = asyncio.Event()
    journal.listeners[news.set] = None
    since = query.since
    try:
        yield b": the journal follows\n\n"
        while not service.life.draining and not journal.is_closed:
            news.clear()
            found = query.of(journal.entries(since))
            since = journal.number
            for entry in found:
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
                    entry.number,
                    entry.type.encode(),
                    msgspec.json.encode(entry.flat()),
                )
            await _until(news, service)
            if not news.is_set():
                yield b":\n\n"  # whoever has gone without a reset is noticed by writing only
    finally:
        journal.listeners.pop(news.set, None)


async def _until(news: asyncio.Event, service: Service, seconds: float = 1.0) -> None:
    """Wait for news, for so long at most; the server's stop ends it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not news.is_set() and not service.life.draining and (left := until - loop.time()) > 0:
        try:
            await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
        except TimeoutError:
            continue


# --- questions -----------------------------------------------------------------------------------


async def _find(request: Request) -> Response:
    from gexfaker.journal.queries import Query

    asked, given = await _asked(request, Query, "limit")
    world = await _world(request, given)
    return reply(await _page(request, world.id, asked, _limit(given.get("limit")), journal_of(world)))


async def _count(request: Request) -> Response:
    from gexfaker.journal.queries import Query

    asked, given = await _asked(request, Query)
    _check_alone(service_of(request))
    world = await _world(request, given)
    if (asked.types or asked.where) and _since(world):
        journal_of(world)
        raise ControlError(f"nothing can be counted{_since_now()}")
    journal = journal_of(world)
    _check_since(asked.since, journal)
    count = len(await _looked(request, journal, asked.of))
    if fallen := _fallen_out(journal, asked.since):
        raise ControlError(f"not all can be counted: {fallen}")
    return reply({"session": world.id, "count": count, "last": journal.number})


async def _wait(request: Request) -> Response:
    """Answered as soon as so many entries are there; 406 with a sentence when they do not come in time."""
    from gexfaker.journal.queries import Query

    asked, given = await _asked(request, Query, "count", "within")
    _check_alone(service_of(request))
    world = await _world(request, given)
    since = _since(world)
    journal, wanted = journal_of(world), _whole("count", given.get("count"), 1)
    if not wanted:
        raise ControlError('count is 1 or more: that something does not come is for verify, with "exactly": 0')
    _check_since(asked.since, journal)
    seconds = _seconds(given.get("within", 5.0))
    found = await _come_true(request, journal, seconds, asked.of, lambda found: len(found) >= wanted)
    if len(found) >= wanted:
        return reply(
            {"session": world.id, "entries": [entry.flat() for entry in found[:wanted]], "last": journal.number}
        )
    from gexfaker.journal.queries import MAX_ANSWERED

    text = f"expected {wanted} {asked.said()} within {seconds:g} s, and there were {len(found)}{since}"
    text += _why_nothing_comes(request, world, [asked])
    return reply({"error": text, "nearest": [entry.flat() for entry in found[:MAX_ANSWERED]]}, 406)


async def _verify(request: Request) -> Response:
    """202 when all that is expected holds, else 406 with what does not and the entries that came nearest."""
    from gexfaker.journal.expectations import Verification, findings

    asked, given = await _asked(request, Verification)
    _check_alone(service_of(request))
    world = await _world(request, given)
    since = _since(world)
    journal, seconds = journal_of(world), _seconds(asked.within)
    _check_since(asked.since, journal)
    if since and not seconds and not asked.is_final_at_once:
        return reply({"error": f"nothing can be said of what must not happen{_since_now()}", "findings": []}, 406)

    def is_done(found: list[Finding]) -> bool:
        return not found and asked.is_final_at_once

    found = await _come_true(request, journal, seconds, lambda entries: findings(asked, entries), is_done)
    if (fallen := _fallen_out(journal, asked.since)) and (found or not asked.is_a_least):
        return reply({"error": f"nothing can be said: {fallen}", "findings": []}, 406)
    if not found:
        return reply({"session": world.id, "verified": len(asked.expect), "last": journal.number}, 202)
    return reply(_told(found, seconds, since + _why_nothing_comes(request, world, asked.expected)), 406)


def _why_nothing_comes(request: Request, world: World, asked: Sequence[Query]) -> str:
    """What keeps the groups of a key silent, if deliveries were asked for."""
    if not any("deliver" in one.types for one in asked):
        return ""
    return "".join(f"; {reason}" for reason in silences(service_of(request), world))


def _since(world: World) -> str:
    """That a journal begins with this very question; to be asked before it does."""
    if world.watch is not None and world.watch.journal is not None:
        return ""
    return BEGINS_NOW


def _since_now() -> str:
    """The same, with what to do about it."""
    return f"{BEGINS_NOW}. Ask for it before the client begins, or start the server with --journal true"


def _check_alone(service: Service) -> None:
    """Raises ControlError: the journal here is one of several, and what a client did may be in another one."""
    if service.settings.cluster is not None:
        raise ControlError(
            "each process of a cluster, or of --workers, has a journal of its own, so that this one may not know what "
            "the client did: run its tests against a server of one process"
        )


def _check_since(since: int, journal: Journal) -> None:
    """Raises ControlError: a question is about entries after one that there is not yet."""
    if since > journal.number:
        raise ControlError(f"since is {since}, and the last entry of the journal is {journal.number}")


def _fallen_out(journal: Journal, since: int) -> str:
    """That entries after one are not there any more; empty when all are."""
    first = journal.number - len(journal)
    if not journal.lost or since >= first:
        return ""
    return (
        f"{min(journal.lost, first - since):,} entries fell out of the journal, which keeps the newest. "
        f"Ask of what came since {first}, or clear the journal before the client begins and ask sooner"
    )


def _told(found: Sequence[Finding], seconds: float, since: str) -> dict[str, Any]:
    within = f" (looked at for {seconds:g} s)" if seconds else ""
    return {
        "error": "; ".join(one.text for one in found) + within + since,
        "findings": [{"text": one.text, "nearest": [entry.flat() for entry in one.nearest]} for one in found],
    }


async def _world(request: Request, given: dict[str, Any]) -> World:
    """Whose journal a question is about; what is due to the key by now has been sent."""
    service, world = await world_asked(request, given.get("key"))
    await catch_up(service, world)
    return world


async def _looked(request: Request, journal: Journal, look: Callable[[list[Entry]], T]) -> T:
    """What is found in the entries; of many it is looked for in a thread, so that nobody waits for it."""
    entries = journal.entries()
    return look(entries) if len(entries) <= FEW else await in_thread(request, lambda: look(entries))


async def _come_true(
    request: Request, journal: Journal, seconds: float, look: Callable[[list[Entry]], T], is_done: Callable[[T], bool]
) -> T:
    """What is found once it is done, or when the time is over."""
    service = service_of(request)
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    until = loop.time() + seconds
    journal.listeners[news.set] = None
    try:
        while True:
            news.clear()
            found = await _looked(request, journal, look)
            left = until - loop.time()
            if is_done(found) or left <= 0 or service.life.draining or journal.is_closed:
                return found
            await asyncio.sleep(min(left, SHORTEST_LOOK))
            await _until(news, service, min(left, LOOK_SECONDS))
    finally:
        journal.listeners.pop(news.set, None)


def _seconds(given: object) -> float:
    """How long to wait. Raises ControlError."""
    from gexfaker.journal.queries import MAX_WAIT_SECONDS

    try:
        seconds = duration(given) if isinstance(given, str) else given
    except ValueError as problem:
        raise ControlError(f"within is a time such as 5s, or seconds{f': {problem}' if str(problem) else ''}") from None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise ControlError(f"within is a time of at most {MAX_WAIT_SECONDS:g} s, such as 5s or 0.5")
    return float(seconds)


async def _asked(request: Request, kind: type[Any], *others: str) -> tuple[Any, dict[str, Any]]:
    """The question in a body, and the body itself; ``others`` are read by who asks. Raises ControlError."""
    from gexfaker.journal.queries import convert, read

    body = await read_at_most(request, MAX_CONTROL_BYTES)
    given = read(body, dict[str, Any], getattr(kind, "EXAMPLE", ""))
    asked = convert({name: one for name, one in given.items() if name not in ("key", *others)}, kind, others)
    asked.check()
    for one in getattr(asked, "expected", (asked,)):
        _check_fault(one)
    key = given.get("key")
    if key is not None and (not isinstance(key, str) or not key):
        raise ControlError("key is an API key")
    return asked, given


def _check_fault(asked: Query) -> None:
    """Raises ControlError: a question is about a fault that there is not."""
    if "fault" in asked.where:
        from gexfaker.faults.kinds import KINDS
        from gexfaker.journal.queries import why_no_word

        if why := why_no_word("fault", asked.where["fault"], tuple(KINDS)):
            raise ControlError(f"where: {why}")


async def _clear(request: Request) -> Response:
    _, world = await world_asked(request)
    journal = journal_of(world)
    return reply({"session": world.id, "cleared": journal.clear(), "last": journal.number})


async def _end(request: Request) -> Response:
    """The journal is kept no more; its entries are gone."""
    _, world = await world_asked(request)
    if world.watch is not None:
        world.watch.close()
        world.unwatch()
    return reply({"session": world.id, "cleared": 0, "last": 0})


async def _report(request: Request) -> Response:
    """What a client says of itself, for expectations such as ``handled_in_order``."""
    given = await read_json(request)
    _, world = await world_asked(request)
    journal = journal_of(world)
    journal.add("report", body=msgspec.Raw(msgspec.json.encode(given)))
    return reply({"session": world.id, "last": journal.number}, 201)


BASE: Final = "/_gexfaker/journal"
_SHOW: Final = "What the clients of a key did and were told; asking begins the journal. As events with follow=true."
_WAIT: Final = "The entries that are meant, as soon as there are so many; 406 when they do not come in time."
_VERIFY: Final = "Whether the clients of a key did what is expected: 202, or 406 and what is missing."
_REPORT: Final = "What a client says of itself, into the journal."
ENDPOINTS: Final = (
    Endpoint(
        operation("get", BASE, _SHOW, {200: f"Journal|{EVENTS}"}, query=("type", "since", "limit", "follow")), _show
    ),
    Endpoint(operation("post", f"{BASE}/find", "The entries that are meant.", {200: "Journal"}, "Find"), _find),
    Endpoint(operation("post", f"{BASE}/count", "How many entries are meant.", {200: "Counted"}, "Query"), _count),
    Endpoint(operation("post", f"{BASE}/wait", _WAIT, {200: "Waited", 406: "NotFound"}, "Wait"), _wait),
    Endpoint(operation("post", f"{BASE}/clear", "Forget all entries; numbers go on.", {200: "Cleared"}), _clear),
    Endpoint(operation("delete", BASE, "End the journal of a key.", {200: "Cleared"}), _end),
    Endpoint(
        operation("post", "/_gexfaker/verify", _VERIFY, {202: "Verified", 406: "NotVerified"}, "Verification"), _verify
    ),
    Endpoint(operation("post", "/_gexfaker/report", _REPORT, {201: "Reported"}, "Report"), _report),
)
"""The routes of this module."""
