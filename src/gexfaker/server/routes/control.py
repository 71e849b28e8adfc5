"""The control plane, ``/_gexfaker/...``: list, show, create and change sessions. Every answer tells the effect."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.contract.operations import CONTROLLED, Operation, body_of
from gexfaker.errors import ControlError, DataError, UnavailableError
from gexfaker.exchange.hours import date_at
from gexfaker.limits import MAX_CONTROL_BYTES, MAX_WORLDS, MIB
from gexfaker.playback.actions import (
    ACTIONS,
    GAP_SECONDS,
    MIN_TIMESTAMP,
    Action,
    ChangeDay,
    Effect,
    Pause,
    Seek,
    Step,
    action_of,
    creation_of,
    why_at_the_end,
)
from gexfaker.playback.days import Nearness
from gexfaker.playback.plays import fresh
from gexfaker.server.http.controlguard import guarded
from gexfaker.server.http.replies import encoded, error, read_at_most, reply, sentence, service_of, unavailable
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.catchup import catch_up
from gexfaker.server.routes.status import close_connections, playback_status, world_status
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.wire.tokens import is_world_id, world_id
from gexfaker.worlds.change import Change, change
from gexfaker.worlds.snapshot import LAST_TIME
from gexfaker.worlds.world import World

log: Final = logging.getLogger(__name__)
ALL: Final = "all"
"""Instead of a session: every one there is."""

BY_KEY: Final = "by-key"
"""Instead of a session: the one of the API key in the query, which may be any text, even a word of ours."""

FIRST_USE: Final = "first use of this key"
STILL_SENDING: Final = "its records are still being sent: a client is behind"
MOVED: Final = "the key was moved before all records of the step were sent"
NO_SESSION: Final = "There is no such session: that key has not been used yet."

PAGE: Final = 1000
"""Sessions listed at once unless told otherwise: 1 MB."""

MAX_PAGE_BYTES: Final = 4 * MIB
"""What a page may have; it ends earlier then, and the next one begins where it ended."""

MAX_PAGE: Final = 10_000
"""Sessions listed at once at the most, if they are within MAX_PAGE_BYTES."""


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; an empty body counts as an empty one. Raises ControlError."""
    body = await read_at_most(request, MAX_CONTROL_BYTES)
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ControlError(f"the body is not a JSON object: {problem}") from None


async def act(service: Service, world: World, action: Action, *, quietly: bool = False) -> Effect:
    """Do something to a world. A day that has to be searched for it is read in slices before.

    Raises:
        ControlError, DataError: it cannot be done.
    """
    if service.cluster is not None:
        await service.cluster.arrive(world)
    async for _ in in_slices(action.approach(world.play)):
        pass
    effect = await act_change(service, world, action)
    if world.watch is not None or not quietly:
        _tell(world, action, msgspec.json.encode(effect.resolved), quietly=quietly)
    return effect


def _tell(world: World, action: Action, text: bytes, *, quietly: bool) -> None:
    """What came of an action: for the journal of the key, and for the log."""
    resolved = msgspec.json.decode(text)
    if world.watch is not None:
        world.watch.note("control", action=action.NAME, resolved=resolved)
    if not quietly:
        fields = {"event": "control", "session": world.id, "name": world.account.name, "action": action.NAME}
        fields["resolved"] = resolved
        log.info("%s %s: %s", world.id, action.NAME, text.decode(), extra={"fields": fields})


async def act_change(service: Service, world: World, what: Change) -> Effect:
    """Change a world, which comes to rest for it: nothing of its old timeline is sent after this.

    Raises:
        ControlError, DataError: it cannot be done.
    """
    if service.cluster is not None:
        return await service.cluster.commit(world, what)
    now = service.clock()
    if not service.silent:
        service.streamer.greet(world, now)
    if isinstance(what, Pause) and not service.silent:
        service.streamer.finish(world, now)
    service.streamer.settle(world)
    effect = change(world, what, now)
    service.alarm.ring()
    return effect


async def act_and_tell(service: Service, world: World, action: Action) -> Effect:
    """``act``, which says so when the key had not been used yet: it may be a typing error."""
    is_new = not is_known(world)
    return _with_first_use(await act(service, world, action), is_new=is_new)


def _with_first_use(effect: Effect, *, is_new: bool) -> Effect:
    return effect._replace(reason="; ".join(filter(None, (effect.reason, FIRST_USE)))) if is_new else effect


async def world_named(request: Request) -> World | str:
    """The world that a path means: by its id, an API key, or ``by-key`` and the key in the query.

    Of a key that nothing is known of only the id is returned.

    Raises:
        ControlError, DataError: it says both, or the half of it; there is no such session.
    """
    service = service_of(request)
    worlds = service.worlds
    name, key = request.path_params["session"], request.query_params.get("key")
    if (name == BY_KEY) != (key is not None):
        raise ControlError(f"a key in the query goes with /sessions/{BY_KEY}: /_gexfaker/sessions/{BY_KEY}?key=KEY")
    if service.cluster is not None:
        await service.cluster.look_up(name if key is None and is_world_id(name) else world_id(key or name))
    by_id = None if key is not None else worlds.peek(name)
    if by_id is not None and is_known(by_id):
        return by_id
    if key is None and name.startswith("key-"):
        raise DataError(f"there is no session {name[:40]}; a key of that name is /sessions/{BY_KEY}?key=KEY")
    owner = world_id(name if key is None else key)
    found = worlds.peek(owner)
    return owner if found is None or not is_known(found) else found


def is_known(world: World) -> bool:
    """Whether there is anything to show of it."""
    return world.is_used or world.is_connected or world.watch is not None or world.slot is not None


async def _list(request: Request) -> Response:
    """The sessions, a page of them."""
    service = service_of(request)
    limit, offset = _whole(request, "limit", PAGE, MAX_PAGE), _whole(request, "offset", 0, MAX_WORLDS)
    known = await known_worlds(service)
    shown, size = list[msgspec.Raw](), 0
    async for world in in_slices(known[offset : offset + limit]):
        shown.append(encoded(world_status(service, world)))
        size += len(bytes(shown[-1]))
        if size >= MAX_PAGE_BYTES:
            break
    return reply({"sessions": shown, "total": len(known)})


async def known_worlds(service: Service) -> list[World]:
    """The worlds that have a place in a day or a connection, in the order of their ids; looked through in slices."""
    if service.cluster is not None:
        await service.cluster.look_up_all()
    return await known_here(service)


async def known_here(service: Service) -> list[World]:
    """The same, as far as this server of a cluster knows them: its engine is not asked."""
    known = {world.id: world async for world in in_slices(service.worlds.all()) if is_known(world)}
    return [known[name] for name in sorted(known)]


def _whole(request: Request, name: str, default: int, most: int) -> int:
    """A whole number of the query. Raises ControlError."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
        raise ControlError(f"{name} is a whole number up to {most}")
    return int(text)


async def _show(request: Request) -> Response:
    if request.path_params["session"] == ALL:
        return await _list(request)
    service, world = service_of(request), await world_named(request)
    return error(NO_SESSION, 404) if isinstance(world, str) else reply(world_status(service, world))


async def _create(request: Request) -> Response:
    """A session for a key, with explicit settings: any argument of ``day``, ``mode``, ``speed``, ``seek``."""
    service, wanted = service_of(request), await read_object(request)
    key = wanted.pop("key", None)
    if not isinstance(key, str) or not key:
        raise ControlError('name the API key: {"key":"demo", ...}')
    world, actions = service.world(key), creation_of(wanted)
    _check_admitted(service, world)
    if service.cluster is not None:
        await service.cluster.arrive(world)
    trial = fresh(service.days, world.options)
    for action in actions:  # refused as a whole, or done as a whole
        async for _ in in_slices(action.approach(trial)):
            pass
        trial = action.run(trial, world.options, service.clock()).play
    effects = {action.NAME: (await act(service, world, action))._asdict() for action in actions}
    return reply(_answer(service, world) | {"effects": effects}, 201)


async def _act(request: Request) -> Response:
    service, name = service_of(request), request.url.path.rpartition("/")[2]
    arguments = await read_object(request)
    if request.path_params["session"] == ALL:
        return await _act_on_all(service, name, arguments)
    found = await world_named(request)
    action = action_of(name, arguments)
    world = service.worlds.get(found) if isinstance(found, str) else found
    _check_admitted(service, world)
    is_new = not is_known(world)
    cut_before = world.counters.cut
    effect = _with_first_use(await _act_on_any_day(service, world, action), is_new=is_new)
    if isinstance(action, Step):
        effect = await _stepped(service, world, effect, cut_before)
    return reply(_answer(service, world) | {"action": name, **effect._asdict()})


def _check_admitted(service: Service, world: World) -> None:
    """Raises ControlError: the server refuses this key, so that nobody would see what is done to it."""
    settings = service.settings
    if settings.strict_keys and world.id not in {world_id(key) for key in settings.tiers if key != "*"}:
        raise ControlError("that is no key of this server, which has --strict-keys: name one of TIERS with --key")


async def _stepped(service: Service, world: World, effect: Effect, cut_before: int) -> Effect:
    """The effect once the records of the step are sent: what a client does next is after them."""
    place = world.place
    is_sent = await catch_up(service, world)
    told, cut = effect.reason or "", world.counters.cut - cut_before
    over = why_at_the_end(world.play) if is_sent else STILL_SENDING
    moved = MOVED if world.place != place else None
    reasons = (told, moved, None if moved or over is None or over in told else over, _cut(cut) if cut else None)
    return effect._replace(reason="; ".join(filter(None, reasons)) or None)


def _cut(count: int) -> str:
    clients, it = ("1 client was", "it does") if count == 1 else (f"{count} clients were", "they do")
    return f"{clients} cut, as {it} not acknowledge or not read what was sent"


async def _act_on_any_day(service: Service, world: World, action: Action, *, quietly: bool = False) -> Effect:
    """``act``, but that a seek to a time of another day goes to that day."""
    if service.cluster is not None:
        await service.cluster.arrive(world)
    there = _other_day(service, world, action)
    if there is None:
        return await act(service, world, action, quietly=quietly)
    return await _go(service, world, action, there, quietly=quietly)


def _other_day(service: Service, world: World, action: Action) -> tuple[str, Nearness] | None:
    """The day that a time is of, if it is another one than the key plays; None for what stays on its day."""
    time = action.time if isinstance(action, Seek) and action.feed is None else None
    if not isinstance(time, int | float) or isinstance(time, bool) or not MIN_TIMESTAMP <= time < LAST_TIME:
        return None
    date, nearness = service.days.nearest(date_at(time).isoformat())
    is_beyond = nearness in (Nearness.START, Nearness.END)
    return None if is_beyond or date == world.play.date else (date, nearness)


async def _go(
    service: Service, world: World, action: Action, there: tuple[str, Nearness], *, quietly: bool = False
) -> Effect:
    """Send a world to a time of another day; where there is no such day, to the open of the one after it."""
    date, nearness = there
    time = getattr(action, "time", None)
    before = world.play.date
    await act(service, world, ChangeDay(date), quietly=quietly)
    effect = await act(service, world, Seek(time="open" if nearness is Nearness.GAP else time), quietly=quietly)
    gap = nearness is Nearness.GAP or abs(effect.resolved["timestamp"] - time) > GAP_SECONDS
    what = f"there is no such day: {date} is the next" if nearness is Nearness.GAP else f"it was on {before}"
    reason = "; ".join(filter(None, (what, effect.reason)))
    return Effect(time, effect.resolved | {"day": date, "in_gap": gap}, reason)


async def _act_on_all(service: Service, name: str, arguments: dict[str, Any]) -> Response:
    """One that is refused, or whose day is gone, does not keep it from the others; 400 when all refuse."""
    answers, refused = list[msgspec.Raw](), list[str]()
    known = await known_worlds(service)
    async for world in in_slices(known):
        done: dict[str, Any]
        try:
            action = action_of(name, arguments)
            done = (await _act_on_any_day(service, world, action, quietly=True))._asdict()
        except (ControlError, DataError, OSError, ValueError) as problem:
            done = {"error": sentence(problem)}
            refused.append(done["error"])
        if len(answers) < PAGE:
            answers.append(encoded(_answer(service, world) | {"action": name, **done}))
    fields = {"event": "control", "session": None, "action": name}
    log.info("%s for all %d sessions, %d refused", name, len(known), len(refused), extra={"fields": fields})
    if refused and len(refused) == len(known):
        return error(refused[0], 400)
    left_out = len(known) - len(answers)
    return reply({"sessions": answers, **({"left_out": left_out} if left_out else {})})


async def _close(request: Request) -> Response:
    service = service_of(request)
    if request.path_params["session"] == ALL:
        name, known = ALL, await known_worlds(service)
    else:
        found = await world_named(request)
        name, known = (found, []) if isinstance(found, str) else (found.id, [found])
    if not known:
        return error(NO_SESSION, 404)
    closed = [close_connections(service, world) async for world in in_slices(known)]
    if service.cluster is not None:
        for world in known:
            await service.cluster.kick(world.id)
    return reply({"session": name, "closed": sum(closed)})


def _answer(service: Service, world: World) -> dict[str, Any]:
    return {"session": world.id, "playback": playback_status(service, world)}


async def control_error(_request: Request, exception: Exception) -> Response:
    """The answer to ControlError and DataError."""
    if isinstance(exception, UnavailableError):
        return unavailable(sentence(exception))
    status = 404 if isinstance(exception, DataError) else 400
    return error(sentence(exception), status)


# --- the routes ----------------------------------------------------------------------------------


def _acting(action: type[Action]) -> Operation:
    """The operation of a control action."""
    return Operation(
        "post",
        f"/_gexfaker/sessions/{{session}}/{action.NAME}",
        (action.__doc__ or "").strip().replace("``", "`"),
        {200: "Effects", **CONTROLLED},
        body=body_of(action),
        query=("key",),
        key="control",
        tag="control",
    )


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/_gexfaker/sessions",
            "All sessions, a page of them.",
            {200: "Sessions", **CONTROLLED},
            query=("limit", "offset"),
            key="control",
            tag="control",
        ),
        _list,
    ),
    Endpoint(
        Operation(
            "post",
            "/_gexfaker/sessions",
            "A session for a key, with explicit settings.",
            {201: "Created", **CONTROLLED},
            body="NewSession",
            key="control",
            tag="control",
        ),
        _create,
    ),
    Endpoint(
        Operation(
            "get",
            "/_gexfaker/sessions/{session}",
            "One session, by its id or its API key, or all.",
            {200: "Session|Sessions", **CONTROLLED},
            query=("key", "limit", "offset"),
            key="control",
            tag="control",
        ),
        _show,
    ),
    Endpoint(
        Operation(
            "delete",
            "/_gexfaker/sessions/{session}",
            "Close its connections, as the application server does.",
            {200: "Closed", **CONTROLLED},
            query=("key",),
            key="control",
            tag="control",
        ),
        _close,
    ),
    *(Endpoint(_acting(action), _act) for action in ACTIONS.values()),
)
"""The routes of this module."""


async def _no_action(request: Request) -> Response:
    name = request.path_params["action"]
    return error(f"There is no action {name[:40]!r}: one of {', '.join(ACTIONS)}.", 404)


FALLBACK: Final = Route("/_gexfaker/sessions/{session}/{action}", guarded(_no_action), methods=["POST"])
"""For an action that there is not."""
