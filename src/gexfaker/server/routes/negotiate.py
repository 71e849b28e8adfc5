"""The routes around the feed: where a client connects and to what, expiries, the tickers that only the feed has."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.allowances import OTHER
from gexfaker.catalog import CURRENT_HUBS, FUTURES, OPTION_TICKERS, QUANT_INDEXES, QUANT_STOCKS, WEEKLIES
from gexfaker.contract.operations import KEYED, Operation
from gexfaker.errors import NegotiationError, UnavailableError
from gexfaker.exchange.expiries import HORIZON, expiries
from gexfaker.hubs.negotiation import Memberships, generation, patch_plan, post_plan
from gexfaker.hubs.tiers import includes, may_use, why_no_feed
from gexfaker.limits import MAX_REQUEST_BYTES
from gexfaker.rest.routes import BASES
from gexfaker.server.http import warmup
from gexfaker.server.http.addresses import base_url
from gexfaker.server.http.gate import admit, watches
from gexfaker.server.http.replies import error, read_body, reply, sentence, service_of, unavailable
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.service import Service
from gexfaker.wire.tokens import JOIN_LEAVE, Grant, mint
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import World

log: Final = logging.getLogger(__name__)


async def _negotiate(request: Request) -> Response:
    service = service_of(request)
    key = await admit(service, request, "negotiation", user_agent=False)
    if isinstance(key, Response):
        return key
    if not service.settings.ws_enabled:
        return error("The real-time feed is off: start with WS_ENABLED=true.", 404)
    closed = why_no_feed(service.world(key).tier, request.method)
    if closed is not None:
        return error(closed, 403)
    base = base_url(service, request.headers, request.url.scheme)
    if base is None:
        return error("The Host header is not a host name.", 400)
    await warmup.load(*warmup.FEED, *(() if service.days.stored else warmup.MARKET))
    try:
        return reply(await _NEGOTIATIONS[request.method](service, key, base, request))
    except NegotiationError as refused:
        return error(str(refused), refused.status)
    except UnavailableError as problem:
        return unavailable(sentence(problem))


async def _get(service: Service, key: str, base: str, request: Request) -> dict[str, Any]:
    counts = request.method == "GET" and not watches(request)
    return await get_negotiate(service, key, base, counts=counts, lifetime=_lifetime(request))


async def _post(service: Service, key: str, base: str, request: Request) -> dict[str, Any]:
    body, counts = await _body(request), not watches(request)
    return await post_negotiate(service, key, base, body, counts=counts, lifetime=_lifetime(request))


async def _patch(service: Service, key: str, _base: str, request: Request) -> dict[str, Any]:
    return await patch_negotiate(service, key, await _body(request))


_NEGOTIATIONS: Final = {"GET": _get, "HEAD": _get, "POST": _post, "PATCH": _patch}


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long. Raises NegotiationError."""
    body = await read_body(request, MAX_REQUEST_BYTES)
    if body is None:
        raise NegotiationError(400, f"Send a shorter body: at most {MAX_REQUEST_BYTES} bytes.")
    return body


async def _quant_tickers(_request: Request) -> Response:
    return reply({"stocks": QUANT_STOCKS, "indexes": QUANT_INDEXES})


async def _expiries(request: Request) -> Response:
    service = service_of(request)
    key = await admit(service, request, OTHER, user_agent=False)
    if isinstance(key, Response):
        return key
    try:
        return reply(option_expiries(service, key, request.path_params["ticker"]))
    except NegotiationError as refused:
        return error(str(refused), refused.status)


# --- the answers ---------------------------------------------------------------------------------


async def get_negotiate(
    service: Service, key: str, base: str, *, counts: bool = True, lifetime: float | None = None
) -> dict[str, Any]:
    """The reply of the GET flow, where the client joins: the current hubs the key may use, and the group prefix.

    A negotiation that counts ends what the key negotiated before, by the rules of the service. ``lifetime`` is that
    of the tokens in seconds, where it is not the settings'.
    """
    world = service.world(key)
    slot = service.memberships.made_for_client() if counts else None
    if slot is not None:
        await _begin(service, world, slot)
    grant = Grant(world.id, roles=(JOIN_LEAVE,), slot=None if slot is None else slot.id)
    urls = _current_hubs(service, world, grant, base, lifetime)
    if counts:
        _note(world, "GET", list(urls), ())
    return {"websocket_urls": urls, "prefix": service.settings.ws_group_prefix}


def watch_addresses(service: Service, world: World, base: str) -> dict[str, str]:
    """Where who only watches a key connects to, by hub; nothing that the key has negotiated ends."""
    grant = Grant(world.id, roles=(JOIN_LEAVE,), watches=True)
    return _current_hubs(service, world, grant, base, None)


def _current_hubs(service: Service, world: World, grant: Grant, base: str, lifetime: float | None) -> dict[str, str]:
    """The addresses of the hubs that a key may use, by hub."""
    usable = (hub for hub in CURRENT_HUBS if may_use(world.tier, hub))
    return {hub: _address(service, hub, grant, base, lifetime) for hub in usable}


async def post_negotiate(
    service: Service, key: str, base: str, body: bytes, *, counts: bool = True, lifetime: float | None = None
) -> dict[str, Any]:
    """The reply of the POST flow, where the server joins: the hubs the key may use, memberships in their tokens.

    A negotiation that counts ends what the key negotiated before.

    Raises:
        NegotiationError: the body, or what it asks for, is refused; nothing is changed then.
    """
    world = service.world(key)
    plan = post_plan(_parse(body, _Post).groups, service.rules(world))
    names = _names(service, plan)
    slot = service.memberships.made(names) if counts else None
    if slot is not None:
        await _begin(service, world, slot)
    usable = [hub for hub in generation(next(iter(names))) if may_use(world.tier, hub)]
    name = None if slot is None else slot.id
    if counts:
        _note(world, "POST", usable, [group for groups in names.values() for group in groups])
    grants = {hub: Grant(world.id, (), tuple(names.get(hub, ())), name) for hub in usable}
    return {"websocket_urls": {hub: _address(service, hub, grant, base, lifetime) for hub, grant in grants.items()}}


async def patch_negotiate(service: Service, key: str, body: bytes) -> dict[str, Any]:
    """Replace the memberships of a key's slot; the reply counts them by hub.

    Raises:
        NegotiationError: the body, or what it asks for, is refused; nothing is changed then.
    """
    world = service.world(key)
    items = [(item.hub, item.group) for item in _parse(body, _Patch).groups]
    names = _names(service, patch_plan(items, service.rules(world)))
    elsewhere = () if service.cluster is None else await service.cluster.hubs_elsewhere(world)
    slot = service.memberships.replaced(world, names, elsewhere)
    if service.cluster is None:
        service.streamer.settle(world)  # a turn under way is the old set's, whole or not at all
        service.memberships.put(world, slot)
    else:
        await service.cluster.commit_slot(world, slot)
    counts = slot.counts()
    _note(world, "PATCH", list(names), [group for groups in names.values() for group in groups])
    return {"updated_groups": sum(counts.values()), "hubs": counts}


def _note(world: World, method: str, hubs: Sequence[str], groups: Sequence[str]) -> None:
    """A negotiation, for the journal."""
    if world.watch is not None:
        world.watch.note("negotiate", method=method, hubs=list(hubs), groups=list(groups))


async def _begin(service: Service, world: World, slot: Slot) -> None:
    """Give a world a new slot. Raises UnavailableError: its cluster cannot decide about it at the moment."""
    if service.cluster is not None:
        await service.cluster.commit_slot(world, slot)
        return
    if world.is_connected:
        service.streamer.settle(world)
    service.memberships.begin(world, slot)


def option_expiries(service: Service, key: str, ticker: str) -> dict[str, Any]:
    """The expiries of a ticker's options, for 90 days from the day the key plays (``GET /options/{ticker}/expiries``).

    Raises:
        NegotiationError: 403 below the quant tier, 404 when the ticker owns no options.
    """
    world, ticker = service.world(key), ticker.upper()
    day = service.day_of(world)
    if not includes(world.tier, "quant"):
        raise NegotiationError(403, f"Expiries need the quant tier, and this key has {world.tier}.")
    if ticker not in OPTION_TICKERS | WEEKLIES.keys() | (day.tickers - set(FUTURES)):
        raise NegotiationError(404, f"There are no options of {ticker[:16]!r}: use a stock or an index, such as SPX.")
    start = day.calendar_date
    return {
        "ticker": ticker,
        "start_date": start.isoformat(),
        "end_date": (start + HORIZON).isoformat(),
        "expiries": [day.isoformat() for day in expiries(ticker, start)],
    }


class _Post(msgspec.Struct):
    groups: list[str]


class _Item(msgspec.Struct):
    hub: str
    group: str


class _Patch(msgspec.Struct):
    groups: list[_Item]


_EXAMPLES: Final[dict[type, str]] = {
    _Post: '{"groups":["SPX_classic_gex_full","SPX_spot"]}',
    _Patch: '{"groups":[{"hub":"v2_classic","group":"SPX_classic_gex_full"},{"hub":"v2_classic","group":"SPX_spot"}]}',
}
_Body = TypeVar("_Body", _Post, _Patch)


def _parse(body: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NegotiationError(400, f"Change the body to JSON like {_EXAMPLES[kind]}: {error}.") from None


def _names(service: Service, plan: Memberships) -> dict[str, list[str]]:
    """The plan's groups as they are called on their hubs."""
    return {hub: [service.groups.name(hub, feed) for feed in feeds] for hub, feeds in plan.items()}


def _lifetime(request: Request) -> float | None:
    """How long the tokens are good if a fault has it so, seconds; less than a second is over already."""
    lifetime: float | None = getattr(request.state, "token_lifetime", None)
    return lifetime if lifetime is None or lifetime >= 1 else -1.0


def _address(service: Service, hub: str, grant: Grant, base: str, lifetime: float | None) -> str:
    seconds = service.settings.token_lifetime if lifetime is None else lifetime
    token = mint(grant, f"{base}/client/hubs/{hub}", service.secret, service.clock(), seconds)
    return f"ws{base.removeprefix('http')}/client/hubs/{hub}?access_token={token}"


# --- the routes ----------------------------------------------------------------------------------

ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/negotiate",
            "Where to connect; the client joins its groups itself, with the prefix.",
            {200: "Negotiated", **KEYED, 404: "Error"},
            BASES,
            key="api",
            tag="feed",
            note="the addresses lead to this server",
        ),
        _negotiate,
    ),
    Endpoint(
        Operation(
            "post",
            "/negotiate",
            "Where to connect for these groups, which the server joins; spot groups select the V2 hubs.",
            {200: "NegotiatedByPost", **KEYED, 404: "Error"},
            BASES,
            "Groups",
            key="api",
            tag="feed",
            note="the addresses lead to this server",
        ),
        _negotiate,
    ),
    Endpoint(
        Operation(
            "patch",
            "/negotiate",
            "Replace all memberships of the key at once.",
            {200: "Counts", **KEYED, 404: "Error"},
            BASES,
            "Memberships",
            key="api",
            tag="feed",
        ),
        _negotiate,
    ),
    Endpoint(
        Operation(
            "get", "/tickers/quant", "The tickers that only the feed has.", {200: "QuantTickers"}, BASES, tag="feed"
        ),
        _quant_tickers,
    ),
    Endpoint(
        Operation(
            "get",
            "/options/{ticker}/expiries",
            "The expiries of a ticker's options, for 90 days from the market day.",
            {200: "Expiries", **KEYED, 404: "Error"},
            BASES,
            key="api",
            tag="feed",
            note="by the rules of the exchange, without looking at what is listed",
        ),
        _expiries,
    ),
)
"""The routes of this module."""
