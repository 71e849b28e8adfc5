"""The gate before all protected REST routes: who asks, how, and how often."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.hubs.tiers import includes
from gexfaker.limits import MAX_SESSIONS
from gexfaker.server.http.replies import error
from gexfaker.server.routes.negotiate import NO_KEY, api_key
from gexfaker.server.service import Service
from gexfaker.wire.tokens import session_id

NO_USER_AGENT: Final = "User-Agent header not found."
UNKNOWN_KEY: Final = "Unknown API key: the server knows only the keys named in TIERS."
OVER_QUOTA: Final = "Rate limit exceeded."

QUOTA_SECONDS: Final = 60.0
"""The time that a quota is for: requests a minute."""


class Quota:
    """Requests of each key, counted over a minute from its first one. Time is an argument.

    Args:
        limit: keys remembered; beyond it the one whose minute began first is forgotten, 200 bytes each.
    """

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit: Final = limit
        self._minutes: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._minutes)

    def allows(self, key: str, quota: int, now: float) -> bool:
        """Whether one more request of ``key`` is within ``quota`` a minute; it is counted if so."""
        began, count = self._minutes.get(key, (now, 0))
        if not 0 <= now - began < QUOTA_SECONDS:
            began, count = now, 0
        if count >= quota:
            return False
        self._minutes[key] = began, count + 1
        if not count:
            self._minutes.move_to_end(key)
        if len(self._minutes) > self._limit:
            self._minutes.popitem(last=False)
        return True


class Gate:
    """What a request must bring; one for a server, because it counts."""

    def __init__(self) -> None:
        self._quota: Final = Quota()

    def key(self, service: Service, request: Request, *, user_agent: bool = True) -> str | Response:
        """The key of who asks, or why not: 400 without key or User-Agent, 401 unknown, 429 too often.

        ``user_agent`` is whether one is demanded: the service does so on its data routes; of negotiation and expiries
        it was never seen, and a client that connects without one must not fail here only.
        """
        settings, headers = service.settings, request.headers
        key = api_key(headers, request.query_params)
        if key is None:
            return error(NO_KEY, 400)
        if user_agent and not headers.get("user-agent"):
            return error(NO_USER_AGENT, 400)
        if settings.strict_keys and key not in settings.tiers:
            return error(UNKNOWN_KEY, 401)
        quota = settings.quota
        if quota is not None and not self._quota.allows(session_id(key), quota, service.clock()):
            return error(OVER_QUOTA, 429)
        return key


def gate_of(request: Request) -> Gate:
    """The server's gate."""
    gate: Gate = request.app.state.gate
    return gate


def forbidden(service: Service, session: str, needed: str, what: str) -> Response | None:
    """403 with the reason when a session's tier has not what it asks for; None when it has.

    With the setting ``orderflow_error_200`` orderflow is refused inside a 200, as one observer of the service saw it.
    """
    tier = service.tier(session)
    if includes(tier, needed):
        return None
    hidden = needed == "orderflow" and service.settings.orderflow_error_200
    return error(f"{what} needs the {needed} tier, and this key has {tier}.", 200 if hidden else 403)
