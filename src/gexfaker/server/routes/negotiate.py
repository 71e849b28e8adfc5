"""Where a client connects, and to what: GET, POST and PATCH of `/negotiate` and `/v2/negotiate`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from gexfaker.catalog import CURRENT_HUBS, FUTURES, OPTION_TICKERS, WEEKLIES
from gexfaker.errors import NegotiationError
from gexfaker.hubs.negotiation import Memberships, patch_plan, post_plan
from gexfaker.hubs.tiers import includes, may_use
from gexfaker.playback.sources import HORIZON, expiries
from gexfaker.server.service import Service
from gexfaker.wire.tokens import JOIN_LEAVE, Grant, mint, session_id

NO_KEY: Final = "Authorization header not found."
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


def api_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The caller's key: ``Authorization: Bearer KEY`` or ``Basic KEY`` (the raw key), or ``?key=``; None without."""
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "basic") and key.strip():
        return key.strip()
    return query.get("key", "").strip() or None


def base_url(service: Service, headers: Mapping[str, str], scheme: str) -> str | None:
    """``http(s)://host[:port]`` as the caller sees this server; None when its Host header is unusable.

    The public-URL setting wins; forwarded headers count only when a setting trusts them.
    """
    settings = service.settings
    if settings.public_url is not None:
        return settings.public_url
    host = headers.get("host", "")
    if settings.trust_forwarded:
        scheme = headers.get("x-forwarded-proto", scheme).split(",")[0].strip().lower()
        host = headers.get("x-forwarded-host", host).split(",")[0].strip()
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return None
    return f"{scheme}://{host}"


def get_negotiate(service: Service, key: str, base: str) -> dict[str, Any]:
    """The reply of the GET flow, where the client joins: the current hubs the key may use, and the group prefix."""
    grant = Grant(session_id(key), roles=(JOIN_LEAVE,))
    hubs = [hub for hub in CURRENT_HUBS if may_use(service.tier(session_id(key)), hub)]
    urls = {hub: _address(service, hub, grant, base) for hub in hubs}
    return {"websocket_urls": urls, "prefix": service.settings.ws_group_prefix}


def post_negotiate(service: Service, key: str, base: str, body: bytes) -> dict[str, Any]:
    """The reply of the POST flow, where the server joins: the hubs the key may use, memberships in their tokens.

    Raises:
        NegotiationError: the body, or what it asks for, is refused; nothing is changed then.
    """
    session = session_id(key)
    plan = post_plan(_parse(body, _Post).groups, service.rules(session))
    names = _names(service, plan)
    service.streamer.settle(session)
    slot = service.slots.open(session, names)
    grants = {hub: Grant(session, (), tuple(slot.groups.get(hub, ())), slot.id) for hub in slot.counts()}
    tier = service.tier(session)
    return {"websocket_urls": {hub: _address(service, hub, grants[hub], base) for hub in grants if may_use(tier, hub)}}


def patch_negotiate(service: Service, key: str, body: bytes) -> dict[str, Any]:
    """Replace the memberships of a key's slot; the reply counts them by hub.

    Raises:
        NegotiationError: the body, or what it asks for, is refused; nothing is changed then.
    """
    session = session_id(key)
    items = [(item.hub, item.group) for item in _parse(body, _Patch).groups]
    names = _names(service, patch_plan(items, service.rules(session)))
    service.streamer.settle(session)  # a turn under way is the old set's, whole or not at all
    slot = service.slots.replace(session, names)
    counts = slot.counts()
    return {"updated_groups": sum(counts.values()), "hubs": counts}


def option_expiries(service: Service, key: str, ticker: str) -> dict[str, Any]:
    """The expiries of a ticker's options, for 90 days from the day the key plays (``GET /options/{ticker}/expiries``).

    Raises:
        NegotiationError: 403 below the quant tier, 404 when the ticker owns no options.
    """
    session, ticker = session_id(key), ticker.upper()
    tier, library = service.tier(session), service.library_of(session)
    if not includes(tier, "quant"):
        raise NegotiationError(403, f"Expiries need the quant tier, and this key has {tier}.")
    if ticker not in OPTION_TICKERS | WEEKLIES.keys() | (library.tickers - set(FUTURES)):
        raise NegotiationError(404, f"There are no options of {ticker[:16]!r}: use a stock or an index, such as SPX.")
    start = library.day
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


def _address(service: Service, hub: str, grant: Grant, base: str) -> str:
    now, lifetime = service.clock(), service.settings.token_lifetime
    token = mint(grant, f"{base}/client/hubs/{hub}", service.secret, now, lifetime)
    return f"ws{base.removeprefix('http')}/client/hubs/{hub}?access_token={token}"
