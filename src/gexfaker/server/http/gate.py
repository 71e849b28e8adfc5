"""The gate before all protected REST routes: who asks, how, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.errors import UnavailableError
from gexfaker.hubs.tiers import includes
from gexfaker.server.access.log import NOTED
from gexfaker.server.http.replies import error, sentence, unavailable
from gexfaker.server.service import Service
from gexfaker.wire.tokens import shown_start, world_id
from gexfaker.worlds.world import World

NO_KEY: Final = "Authorization header not found."
NO_SCHEME: Final = "Authorization header has no scheme: write Bearer before the key."
OTHER_SCHEME: Final = "Authorization header has another scheme: write Bearer before the key."
NO_USER_AGENT: Final = "User-Agent header not found."
UNKNOWN_KEY: Final = "Unknown API key: the server knows only the keys named in TIERS."
NAME_HEADER: Final = "x-gexfaker-name"
MAX_NAME: Final = 40
"""Letters of a client's name that are kept."""

WATCH_HEADER: Final = "x-gexfaker-watch"
"""What tools of ours send, such as ``gexfaker listen``: they see what a key is sent, and count for nothing."""

OVER_QUOTA: Final = "Rate limit exceeded."


def owner_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The id of the caller's key, whether it is one that may be used or not; None without a key."""
    key = api_key(headers, query)
    return None if key is None else world_id(key)


def api_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The caller's key: ``Authorization: Bearer KEY`` or ``Basic KEY`` (the raw key), or ``?key=``; None without."""
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "basic") and key.strip():
        return key.strip()
    return query.get("key", "").strip() or None


async def admit(service: Service, request: Request, pool: str, *, user_agent: bool = True) -> str | Response:
    """The key of who asks, or why not: as ``identify``, and 429 when the key has no more requests of the pool.

    503 when the server is in a cluster that cannot tell anything of the key at the moment.
    """
    key = identify(service, request, user_agent=user_agent)
    if isinstance(key, Response):
        return key
    try:
        if service.cluster is not None:
            await service.cluster.arrive(service.world(key))
        return await _over_quota(service, request, key, pool) or key
    except UnavailableError as problem:
        return unavailable(sentence(problem))


def identify(service: Service, request: Request, *, user_agent: bool = True) -> str | Response:
    """The key of who asks, or why not: 400 without key or User-Agent, 401 unknown.

    ``user_agent`` is whether one is demanded: the service does so on its data routes; of negotiation and expiries
    it was never seen, and a client that connects without one must not fail here only.
    """
    settings, headers = service.settings, request.headers
    key = api_key(headers, request.query_params)
    if key is None:
        return error(_no_key(headers), 400)
    request.state.owner = world_id(key)
    if user_agent and not headers.get("user-agent"):
        return error(NO_USER_AGENT, 400)
    if settings.strict_keys and (key not in settings.tiers or key == "*"):
        return error(UNKNOWN_KEY, 401)
    name_client(service, key, name_given(request))
    return key


async def _over_quota(service: Service, request: Request, key: str, pool: str) -> Response | None:
    """429 when a key has no more requests of a pool, in the service's words; None when it has, or only watches."""
    world, now = service.world(key), service.clock()
    quota = world.account.quota
    if not quota.allowances or watches(request):
        return None
    over = quota.refuses(pool, now) if service.cluster is None else await service.cluster.count(world, pool)
    if over is None:
        return None
    wait = world.account.quota.wait(over, now)
    if service.access is not None:
        service.access.tell(world.id, "refusal", f"429: its quota of {over} is used up", level=NOTED)
    response = error(OVER_QUOTA, 429)
    response.headers["Retry-After"] = str(wait)
    return response


def _no_key(headers: Mapping[str, str]) -> str:
    """What is wrong with an Authorization header that gives no key, as people write it the first time."""
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme and not key and scheme.lower() not in ("bearer", "basic"):
        return NO_SCHEME
    return OTHER_SCHEME if key.strip() else NO_KEY


def watches(request: Request) -> bool:
    """Whether who asks only watches: no quota is used, and nothing that the key has negotiated ends."""
    return request.headers.get(WATCH_HEADER, "").lower() in ("1", "true", "yes")


def name_given(request: Request) -> str:
    """The name that a client gives itself with a request; empty for none."""
    header = request.headers.get(NAME_HEADER, "").encode("latin-1", "replace").decode("utf-8", "replace")
    return plain_name(header or request.query_params.get("name", ""))


def name_client(service: Service, key: str, name: str) -> None:
    """Have a key shown by this name; without one by the start of the key, if the user wants that."""
    if name:
        service.world(key).account.name = name
    elif service.settings.show_keys and (account := service.world(key).account).name is None:
        account.name = plain_name(shown_start(key))


def plain_name(given: str) -> str:
    """A name as it is shown: not long, and nothing that could be taken for another part of a line."""
    return "".join(letter for letter in given if letter.isprintable() and letter not in "():").strip()[:MAX_NAME]


def forbidden(service: Service, world: World, needed: str, what: str) -> Response | None:
    """403 with the reason when a key's tier has not what it asks for; None when it has.

    With the realism switch ``orderflow-error-200`` orderflow is refused inside a 200, as was once seen on the service.
    """
    tier = world.tier
    if includes(tier, needed):
        return None
    hidden = needed == "orderflow" and service.settings.is_real("orderflow-error-200")
    return error(f"{what} needs the {needed} tier, and this key has {tier}.", 200 if hidden else 403)
