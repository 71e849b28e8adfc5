"""The opening of a WebSocket: path, token, recovery, subprotocol, and the answer (webpubsub protocol, section 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from gexfaker.errors import TokenError, UnavailableError
from gexfaker.hubs.connection import Connection, RawMode
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.outputs import Close
from gexfaker.limits import ACK_DELAY_SECONDS, MAX_GROUP_LENGTH
from gexfaker.server.access.log import NO_KEY, NOTED
from gexfaker.server.cluster.sharing import Sharing
from gexfaker.server.http.addresses import base_url
from gexfaker.server.http.gate import plain_name
from gexfaker.server.http.requestids import ID_HEADER, id_given
from gexfaker.server.http.targets import plain_path
from gexfaker.server.http.watched import SHOWN_PATH
from gexfaker.server.service import Service
from gexfaker.wire.subprotocols import Subprotocol, choose
from gexfaker.wire.tokens import Grant, verify
from gexfaker.worlds.world import World

HUB_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_`,.\[\]]{0,127}")
HASTY_CLIENT: Final = "azsdk-python-webpubsub-client"
"""What Azure's Python SDK says of itself: it sends before it waits, and loses an answer that comes in between."""

LEAST_CLOSE_CODE: Final = 1000
"""Below it the code of a rule is an HTTP status."""

TOO_LATE: Final = (
    "the connection is not known any more (it was closed, or cut as too slow, its window is over, its key has "
    "negotiated again, or the server was started again), or the "
    "reconnection token is another's"
)
UNRECOVERABLE: Final = "The connection could not be recovered."
_PATHS: Final = re.compile(r"/(?:client/hubs|ws)/([^/]+)/?|/client/?")


class Accepted(msgspec.Struct, frozen=True):
    """The 101 to send, and the connection behind it; ``hub`` and ``connection`` are None for a refused recovery.

    Attributes:
        seconds: so much later a fault has it sent.
        close: with which a fault closes it at once.
        agent: the User-Agent of the client, where somebody watches.
        tell: says that the client has come, once it has its late answer; None where that was said already.
    """

    response: Response
    hub: Hub | None = None
    connection: Connection | None = None
    seconds: float = 0.0
    close: Close | None = None
    agent: str = ""
    tell: Callable[[], None] | None = None


class Unanswered(msgspec.Struct, frozen=True):
    """No answer: the TCP connection is reset, or with ``held`` kept, for so many seconds (0: until the client goes)."""

    seconds: float = 0.0
    held: bool = False


class _RefusedError(Exception):
    """The handshake ends with an HTTP status.

    Args:
        status, reason: the status line.
        text: the body.
        why: for the log, where the service's answer does not tell.
        owner: the id of the client's world, if it is known.
    """

    def __init__(self, status: int, reason: str, text: str = "", *, why: str = "", owner: str = NO_KEY) -> None:
        super().__init__(f"{status}: {why or text or reason}")
        self.response: Final = refusal(status, reason, text)
        self.status: Final = str(status)
        self.why: Final = why or text or reason
        self.owner: Final = owner


def http_reason(status: int) -> str:
    """What a status line says beside the number."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Refused"


def refusal(status: int, reason: str, text: str = "") -> Response:
    """An HTTP answer instead of the 101; the TCP connection ends with it."""
    body = text.encode()
    headers = Headers(
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), ("Connection", "close")]
    )
    return Response(status, reason, headers, body)


def ack_delay(asked: float | None, request: Request) -> float:
    """Seconds that the 101 and acknowledgements wait; ``asked`` for all, None: only for the client that needs it."""
    if asked is not None:
        return asked
    agents = request.headers.get_all("User-Agent")
    return ACK_DELAY_SECONDS if any(HASTY_CLIENT in agent for agent in agents) else 0.0


def open_socket(service: Service, request: Request) -> Accepted | Unanswered | Response:
    """Decide about an upgrade request: a connection to serve, or the HTTP answer that refuses it."""
    decided = _decide(service, request)
    if isinstance(decided, Unanswered):
        return decided
    connection = decided.connection if isinstance(decided, Accepted) else None
    answer = decided.response if isinstance(decided, Accepted) else decided
    mark = service.mark(None if connection is None else service.world_of(connection))
    if mark is not None:
        answer.headers["X-Gexfaker"] = mark.decode()
    ids = request.headers.get_all(ID_HEADER)
    if ids and (given := id_given({ID_HEADER: ids[-1]})) is not None:  # the last of several counts, as by HTTP
        answer.headers[ID_HEADER] = given
    return decided


async def open_shared_socket(service: Service, cluster: Sharing, request: Request) -> Accepted | Unanswered | Response:
    """As ``open_socket``, once the cluster has decided what it must before: who is in use, and who has to go."""
    try:
        if not service.life.draining:
            await _arrange(service, cluster, request)
    except _RefusedError:
        pass  # it is refused again, and told, below
    except UnavailableError as problem:
        service.counts.refusals["handshake", "503"] += 1
        what = f"WebSocket {_shown(request)} refused with 503: {problem}"
        service.clients.access.tell(NO_KEY, "refusal", what, level=NOTED)
        return refusal(503, "Service Unavailable", str(problem))
    return open_socket(service, request)


async def _arrange(service: Service, cluster: Sharing, request: Request) -> None:
    path, query = _target(request)
    hub = _find_hub(service, path, query)
    name = query.get("awps_connection_id")
    if name:
        if name not in hub.connections and hub.knows(name, query.get("awps_reconnection_token", "")):
            await cluster.bring_back(hub, name)
        return
    grant = _granted(service, hub, request, query)
    world = service.worlds.get(grant.user_id or "")
    await cluster.begin(world)
    if grant.slot is not None and world.slot is None:
        await cluster.commit_slot(world, service.memberships.restored(grant.slot, grant))
    if service.memberships.is_exclusive(grant):
        await cluster.take_hub(world, hub.name)


def _decide(service: Service, request: Request) -> Accepted | Unanswered | Response:
    try:
        if service.life.draining:
            raise _RefusedError(503, "Service Unavailable", "The server is stopping.")
        path, query = _target(request)
        switch = _websocket(request)
        hub = _find_hub(service, path, query)
        if query.get("awps_connection_id"):
            return _recover(service, hub, switch, request, query)
        return _connect(service, hub, switch, request, query)
    except _RefusedError as refused:
        what = f"WebSocket {_shown(request)} refused with {refused}"
        service.counts.refusals["handshake", refused.status] += 1
        service.clients.access.tell(refused.owner, "refusal", what, level=NOTED)
        world = service.worlds.peek(refused.owner)
        if world is not None and world.watch is not None:
            world.watch.note("reject", path=_shown(request), status=int(refused.status), why=refused.why)
        return refused.response


def _shown(request: Request) -> str:
    """The path of a request, without its query, which has the token."""
    return request.path.partition("?")[0][:SHOWN_PATH]


def _target(request: Request) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(request.path)
    except ValueError:
        raise _RefusedError(400, "Bad Request", "The request target is not a URL.") from None
    return plain_path(parts.path), {name: values[0] for name, values in parse_qs(parts.query).items()}


def _websocket(request: Request) -> Response:
    response = ServerProtocol().accept(request)
    if response.status_code != 101:
        raise _RefusedError(400, "Bad Request", (response.body or b"").decode())
    return response


def _find_hub(service: Service, path: str, query: Mapping[str, str]) -> Hub:
    match = _PATHS.fullmatch(unquote(path))
    if match is None:
        raise _RefusedError(404, "Not Found", "Connect to /client/hubs/HUB, as /negotiate returns it.")
    name = match[1] or query.get("hub", "")
    if not HUB_NAME.fullmatch(name):
        raise _RefusedError(400, "Bad Request", "The hub name is missing or invalid.")
    hub = service.hubs.get(name.lower())
    if hub is None or not service.settings.ws_enabled:
        known = ", ".join(service.hubs) if service.settings.ws_enabled else "none, WS_ENABLED is false"
        raise _RefusedError(404, "Not Found", f"There is no hub {name!r} (hubs: {known}).")
    return hub


def _offered(request: Request) -> list[str]:
    """The subprotocols the client offers, in its order and spelling."""
    return [name.strip() for line in request.headers.get_all("Sec-WebSocket-Protocol") for name in line.split(",")]


def _recover(
    service: Service, hub: Hub, switch: Response, request: Request, query: Mapping[str, str]
) -> Accepted | Unanswered:
    name, token = query["awps_connection_id"], query.get("awps_reconnection_token", "")
    held = hub.connections.get(name)
    world = None if held is None or not hub.knows(name, token) else service.world_of(held)
    spoiled = None if world is None or held is None else _spoiled(world, hub, held.subprotocol, request, recovers=True)
    if isinstance(spoiled, Unanswered):
        return spoiled
    is_refused = spoiled is not None and spoiled.refuses
    connection = None if is_refused else hub.recover(name, token)
    if is_refused and held is not None:
        hub.end(held)
    if connection is None:
        owner = _owner_of(service, hub, request, query) if world is None else world.id
        _tell_unrecovered(service, hub, owner)
        _, spelling = choose(_offered(request))
        if spelling is not None:  # without one, a client that offered some fails before it can see the 1008
            switch.headers["Sec-WebSocket-Protocol"] = spelling
        return Accepted(switch)
    if connection.subprotocol.name is not None:
        switch.headers["Sec-WebSocket-Protocol"] = connection.subprotocol.name
    tell = partial(service.clients.recovered, hub.name, connection, len(connection.unacknowledged))
    return _accepted(switch, hub, connection, request, spoiled, tell)


def _tell_unrecovered(service: Service, hub: Hub, owner: str) -> None:
    """Tell who may not come back. Raises _RefusedError where the settings have it refused by a status."""
    service.counts.recoveries["refused",] += 1
    if service.settings.recovery_reject == "http404":
        raise _RefusedError(404, "Not Found", UNRECOVERABLE, why=TOO_LATE, owner=owner)
    service.clients.access.tell(owner, "refusal", f"may not come back to {hub.name}: {TOO_LATE}", level=NOTED)
    world = service.worlds.peek(owner)
    if world is not None and world.watch is not None:
        world.watch.note("reject", hub=hub.name, status=1008, why=UNRECOVERABLE)


def _connect(
    service: Service, hub: Hub, switch: Response, request: Request, query: Mapping[str, str]
) -> Accepted | Unanswered:
    grant, raw = _grant(service, hub, request, query), _raw_mode(query)
    world, offered = service.worlds.get(grant.user_id or ""), _offered(request)
    subprotocol, spelling = choose(offered)
    spoiled = None if grant.watches else _spoiled(world, hub, subprotocol, request, recovers=False)
    if isinstance(spoiled, Unanswered):
        return spoiled
    closed = service.memberships.take_over(world, hub.name, grant)
    if not hub.make_room():
        raise _RefusedError(503, "Service Unavailable", f"The hub already has {len(hub.connections)} connections.")
    if spelling is not None:
        switch.headers["Sec-WebSocket-Protocol"] = spelling
    if not grant.watches and (name := plain_name(query.get("name", ""))):
        world.account.name = name
    connection = hub.connect(grant, subprotocol, raw)
    if closed:
        service.clients.taken_over(hub.name, connection, closed)
    tell = partial(service.clients.connected, hub.name, connection, offered)
    return _accepted(switch, hub, connection, request, spoiled, tell)


class Spoiled(NamedTuple):
    """A handshake as a fault has it, if it is answered at all.

    Attributes:
        seconds: so much later.
        refuses: whether the connection cannot be recovered.
        close: with which it is closed at once.
    """

    seconds: float = 0.0
    refuses: bool = False
    close: Close | None = None


def _spoiled(
    world: World, hub: Hub, dialect: Subprotocol, request: Request, *, recovers: bool
) -> Spoiled | Unanswered | None:
    """What a fault of the key makes of a handshake; None when nothing does. Raises _RefusedError."""
    if world.watch is None:
        return None
    from gexfaker.faults import kinds as k  # with the first key that has any
    from gexfaker.faults.matching import Happening
    from gexfaker.worlds.shaping import seconds_of

    clients = world.watch.names(_agent(request))
    happening = Happening(hub=hub.name, subprotocol=dialect.name, clients=clients, market=world.watch.market())
    kinds = [kind for kind in k.KINDS.values() if recovers or kind is not k.RefuseRecovery]
    run = world.watch.choose(
        k.Point.HANDSHAKE, happening, *kinds, hub=hub.name, hit="recovery" if recovers else "handshake"
    )
    match None if run is None else run.fault:
        case k.Latency() as latency if run is not None:
            return Spoiled(seconds_of(latency, run))
        case k.ResetPeer(timeout=timeout):
            return Unanswered(timeout / 1000)
        case k.Timeout(timeout=timeout):
            return Unanswered(timeout / 1000, held=True)
        case k.RefuseRecovery():
            return Spoiled(refuses=True)
        case k.Reject(code=code, reason=reason) if code >= LEAST_CLOSE_CODE:
            return Spoiled(close=Close(code, reason))
        case k.Reject(code=code, reason=reason):
            raise _RefusedError(code, http_reason(code), reason or http_reason(code), owner=world.id)
    return None


def _agent(request: Request) -> str:
    agents = request.headers.get_all("User-Agent")
    return agents[-1] if agents else ""


def _accepted(
    switch: Response,
    hub: Hub,
    connection: Connection,
    request: Request,
    spoiled: Spoiled | None,
    tell: Callable[[], None],
) -> Accepted:
    """The 101 for a connection; rules that end connections may hit it once it is open.

    ``tell`` says that the client has come: at once, or where a fault has the answer come late, then.
    """
    agent = "" if connection.watch is None else _agent(request)
    spoiled = spoiled or Spoiled()
    if not spoiled.seconds:
        tell()
    return Accepted(switch, hub, connection, spoiled.seconds, spoiled.close, agent, tell if spoiled.seconds else None)


def _raw_mode(query: Mapping[str, str]) -> RawMode | None:
    """How the frames of a simple client are meant (webpubsub protocol 1.1); refused before the upgrade if unclear."""
    mode = query.get("webpubsub_mode", "sendEvent")
    if mode == "sendEvent":
        return None
    group = query.get("group", "")
    if mode != "sendToGroup" or not group.strip() or len(group) > MAX_GROUP_LENGTH:
        raise _RefusedError(400, "Bad Request", "webpubsub_mode is sendEvent, or sendToGroup with a group.")
    return RawMode(group, query.get("noEcho", "").lower() == "true")


def _granted(service: Service, hub: Hub, request: Request, query: Mapping[str, str]) -> Grant:
    """What the token of a request allows."""
    try:
        grant = _verified(service, hub, request, query)
    except TokenError as problem:
        owner = problem.owner or NO_KEY
        raise _RefusedError(401, "Unauthorized", why=f"{problem}; {problem.remedy}", owner=owner) from None
    if any(not group.strip() or len(group) > MAX_GROUP_LENGTH for group in grant.groups):
        raise _RefusedError(400, "Bad Request", "The token contains an invalid group name.")
    return grant


def _verified(service: Service, hub: Hub, request: Request, query: Mapping[str, str]) -> Grant:
    """What the token of a request says. Raises TokenError."""
    headers = {name.lower(): value for name, value in request.headers.raw_items()}  # the last of several counts
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    token = query.get("access_token") or (bearer.strip() if scheme.lower() == "bearer" else "")
    audience = None
    if service.settings.token_audience:
        audience = f"{base_url(service, headers, 'http')}/client/hubs/{hub.name}"
    return verify(token, service.secret, service.clock(), audience, hub.name)


def _owner_of(service: Service, hub: Hub, request: Request, query: Mapping[str, str]) -> str:
    """Whose token a request has, whether it is good or not; NO_KEY where that is not sure, and of who only watches."""
    try:
        grant = _verified(service, hub, request, query)
        return NO_KEY if grant.watches else grant.user_id or NO_KEY
    except TokenError as problem:
        return problem.owner or NO_KEY


def _grant(service: Service, hub: Hub, request: Request, query: Mapping[str, str]) -> Grant:
    """The same, with the groups that the key's slot is in now."""
    grant = _granted(service, hub, request, query)
    admitted = service.memberships.admit(service.worlds.get(grant.user_id or ""), hub.name, grant)
    if admitted is None:
        why = "the key negotiated again since, and the service knows the newest tokens only; keep its URLs"
        raise _RefusedError(401, "Unauthorized", why=why, owner=grant.user_id or NO_KEY)
    return admitted
