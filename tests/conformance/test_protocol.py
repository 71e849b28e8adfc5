"""The client protocol, section by section, over the pure machine: a client's codec, the hub, no sockets, no clock.

Every test names the section of the protocol's description that it proves ("webpubsub 6.3"), and runs in every
subprotocol for which the section has a meaning.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import jwt
import msgspec
import pytest
from google.protobuf.any_pb2 import Any as PackedAny
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from fuzz.targets import Nowhere, masked
from gexfaker.hubs.connection import Connection, RawMode, State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort, Close, Later, Output
from gexfaker.hubs.upstream import receive
from gexfaker.server.service import Service
from gexfaker.server.transport.handshake import Accepted, Unanswered, open_socket
from gexfaker.server.transport.intake import Intake
from gexfaker.server.transport.websocket import Socket
from gexfaker.settings import load
from gexfaker.wire import messages as m
from gexfaker.wire import protocodec
from gexfaker.wire.frames import BINARY, TEXT
from gexfaker.wire.subprotocols import SIMPLE, SUBPROTOCOLS, Subprotocol
from gexfaker.wire.tokens import Grant, mint, reconnection_token
from support.clients import members_of

JOIN, SEND = "webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"
ALL: Final = tuple(SUBPROTOCOLS.values())
RELIABLE: Final = tuple(dialect for dialect in ALL if dialect.reliable)
PLAIN: Final = tuple(dialect for dialect in ALL if not dialect.reliable)
JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE = ALL
WINDOW: Final = 30.0
TEXT_DATA: Final = m.Data(m.DataType.TEXT, b"hello")
ANY: Final = bytes.fromhex("0a0970726f746f2e676578120728b52ffd616263")


def name_of(dialect: Subprotocol) -> str:
    return (dialect.name or "simple").replace(".webpubsub.azure.v1", "")


every = pytest.mark.parametrize("dialect", ALL, ids=name_of)
reliable = pytest.mark.parametrize("dialect", RELIABLE, ids=name_of)
plain = pytest.mark.parametrize("dialect", PLAIN, ids=name_of)


# --- the harness -----------------------------------------------------------------------------


class Client:
    """One end of a wire pair: what it was sent, decoded, and how it ended."""

    def __init__(self, pair: Wire, connection: Connection) -> None:
        self.pair = pair
        self.connection = connection
        self.frames: list[bytes] = []
        self.end: Output | None = None
        self.attach()

    def ended(self) -> bool:
        """Whether the logical connection is over."""
        return self.connection.state is State.ENDED

    def attach(self) -> None:
        """Be the socket of the connection."""
        self.connection.outlet = self._perform
        self.pair.hub.drain()

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            assert self.end is None, "told something after its end"
            if isinstance(output, bytes | Later):
                self.frames.append(output.frame if isinstance(output, Later) else output)
            else:
                self.end = output

    def send(self, *messages: m.Upstream) -> None:
        """Encode and deliver."""
        codec = self.connection.subprotocol.codec
        assert codec is not None
        for message in messages:
            self.raw(codec.encode_upstream(message), codec.OPCODE)

    def raw(self, payload: bytes, opcode: int) -> None:
        """Deliver bytes."""
        receive(self.pair.hub, self.connection, payload, opcode)
        self.pair.hub.drain()

    def payloads(self) -> list[tuple[int, bytes]]:
        """(opcode, payload) of everything that came since the last look."""
        taken, self.frames = self.frames, []
        found = []
        for frame in taken:
            skip = {126: 4, 127: 10}.get(frame[1], 2)
            size = frame[1] if skip == 2 else int.from_bytes(frame[2:skip], "big")
            assert len(frame) == skip + size
            found.append((frame[0] & 0x0F, frame[skip:]))
        return found

    def told(self) -> list[m.Downstream]:
        """Everything that came since the last look, decoded."""
        codec = self.connection.subprotocol.codec
        assert codec is not None
        found = []
        for opcode, payload in self.payloads():
            assert opcode == codec.OPCODE
            found.append(codec.decode_downstream(payload))
        return found

    def acks(self) -> list[m.Ack]:
        """The acks among what came."""
        return [message for message in self.told() if isinstance(message, m.Ack)]

    def texts(self) -> list[str]:
        """The content of the data messages among what came."""
        return [message.data.value.decode() for message in self.told() if isinstance(message, m.DataMessage)]

    def sequences(self) -> list[int | None]:
        """The sequence ids of the data messages among what came."""
        return [message.sequence_id for message in self.told() if isinstance(message, m.DataMessage)]


class Wire:
    """A hub and its clients, with time that stands still until it is told."""

    def __init__(self, **bounds: Any) -> None:
        ids = itertools.count(1)
        self.now = 1000.0
        self.hub = Hub("orderflow", lambda: f"c{next(ids)}", lambda name: f"token-{name}", Bounds(**bounds))

    def client(
        self,
        dialect: Subprotocol,
        roles: Sequence[str] = (JOIN, SEND),
        groups: Sequence[str] = (),
        user: str | None = "u",
        raw: RawMode | None = None,
    ) -> Client:
        """A connected client that has read its ``connected``."""
        client = Client(self, self.hub.connect(Grant(user, tuple(roles), tuple(groups)), dialect, raw))
        client.frames.clear()
        return client

    def lose(self, client: Client) -> None:
        """The client's socket is gone."""
        self.hub.lost(client.connection, self.now)

    def recover(self, client: Client, token: str | None = None) -> Client | None:
        """The client on a new socket, or None when it was refused."""
        name = client.connection.id
        connection = self.hub.recover(name, f"token-{name}" if token is None else token)
        return None if connection is None else Client(self, connection)

    def say(self, *texts: str, group: str = "g", user: str = "u") -> None:
        """Publish to a group from a client that comes and goes."""
        speaker = self.client(JSON, user=user)
        for text in texts:
            speaker.send(m.SendToGroup(group, m.Data(m.DataType.TEXT, text.encode())))
        self.hub.end(speaker.connection)


@pytest.fixture
def wire() -> Wire:
    return Wire()


# --- 1: the handshake ------------------------------------------------------------------------

SECRET: Final = "conformance-" * 4
NOW: Final = 1_784_300_000.0


def make_service(**flags: str) -> Service:
    settings = load({"TOKEN_SECRET": SECRET, "SIMULATE": "true"} | flags, {})
    return Service(settings, lambda: NOW)


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    made = make_service()
    yield made
    made.close()


@pytest.fixture
def service(shared: Service) -> Iterator[Service]:
    yield shared
    for hub in shared.hubs.values():
        for connection in list(hub.connections.values()):
            hub.end(connection)


def token(
    *roles: str, groups: Sequence[str] = (), now: float = NOW, lifetime: float = 3600, secret: str = SECRET
) -> str:
    return mint(Grant("u", roles, tuple(groups)), "http://localhost/client/hubs/orderflow", secret, now, lifetime)


def proof_of(connection: Connection) -> str:
    """The reconnection token of a connection to the orderflow hub."""
    return reconnection_token(f"orderflow/{connection.id}", SECRET)


def signed(**claims: Any) -> str:
    return jwt.encode({"exp": NOW + 60} | claims, SECRET, algorithm="HS256")


def request(target: str, *offers: str, drop: str = "", **headers: str) -> Request:
    pairs = [
        ("Host", "localhost"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Version", "13"),
        *(("Sec-WebSocket-Protocol", offer) for offer in offers),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    return Request(target, Headers([pair for pair in pairs if pair[0] != drop]))


def opened(service: Service, target: str, *offers: str, **headers: str) -> tuple[Response, Connection]:
    answer = open_socket(service, request(target, *offers, **headers))
    assert isinstance(answer, Accepted), answer
    assert answer.response.status_code == 101
    assert answer.connection is not None
    return answer.response, answer.connection


def status(service: Service, target: str, *offers: str, drop: str = "", **headers: str) -> int:
    answer = open_socket(service, request(target, *offers, drop=drop, **headers))
    assert isinstance(answer, Response), answer
    return answer.status_code


@pytest.mark.parametrize(
    "path",
    ["/client/hubs/orderflow?", "/client/hubs/OrderFlow?", "/client/?hub=orderflow&", "/client/?hub=ORDERFLOW&"],
)
def test_paths(service: Service, path: str) -> None:
    """webpubsub 1.1: both forms of the path; hub names are case-insensitive."""
    answer = open_socket(service, request(f"{path}access_token={token()}"))
    assert isinstance(answer, Accepted)
    assert answer.hub is service.hubs["orderflow"]


def test_token_in_the_authorization_header(service: Service) -> None:
    """webpubsub 1.1: the header counts when the query has no token."""
    _, connection = opened(service, "/client/hubs/orderflow", Authorization=f"Bearer {token()}")
    assert connection.grant.user_id == "u"
    assert status(service, "/client/hubs/orderflow?access_token=bad", Authorization=f"Bearer {token()}") == 401


def test_recovery_does_not_look_at_the_access_token(service: Service) -> None:
    """webpubsub 1.1: a connection id selects the recovery path."""
    hub = service.hubs["orderflow"]
    connection = hub.connect(Grant("u"), JSON_RELIABLE)
    proof = proof_of(connection)
    target = f"/client/hubs/orderflow?awps_connection_id={connection.id}&awps_reconnection_token={proof}"
    for query in ("", "&access_token=bad"):
        assert opened(service, target + query)[1] is connection


@pytest.mark.parametrize(
    "extra", ["awps_reconnection_token=stray", "awps_connection_id=&awps_reconnection_token=stray"]
)
def test_a_stray_reconnection_token_is_a_new_connection(service: Service, extra: str) -> None:
    """webpubsub 1.1: without a connection id it means nothing."""
    target = f"/client/hubs/orderflow?{extra}"
    assert opened(service, f"{target}&access_token={token()}")[1].grant.user_id == "u"
    assert status(service, target) == 401


@pytest.mark.parametrize(
    "mode",
    [
        "webpubsub_mode=dance",
        "webpubsub_mode=sendtogroup&group=g",
        "webpubsub_mode=sendToGroup",
        "webpubsub_mode=sendToGroup&group=",
        "webpubsub_mode=sendToGroup&group=%20%20",
        "webpubsub_mode=sendToGroup&group=" + "g" * 1025,
    ],
)
def test_bad_modes_of_simple_clients(service: Service, mode: str) -> None:
    """webpubsub 1.1: a bad mode or group is 400 before the upgrade."""
    assert status(service, f"/client/hubs/orderflow?access_token={token(SEND)}&{mode}") == 400


@pytest.mark.parametrize(
    ("mode", "raw"),
    [
        ("", None),
        ("&webpubsub_mode=sendEvent", None),
        ("&webpubsub_mode=sendToGroup&group=g", RawMode("g")),
        ("&webpubsub_mode=sendToGroup&group=g&noEcho=true", RawMode("g", True)),
        ("&webpubsub_mode=sendToGroup&group=g&noEcho=false", RawMode("g")),
    ],
)
def test_modes_of_simple_clients(service: Service, mode: str, raw: RawMode | None) -> None:
    """webpubsub 1.1: sendEvent is the default; sendToGroup names its group."""
    assert opened(service, f"/client/hubs/orderflow?access_token={token(SEND)}{mode}")[1].raw == raw


@pytest.mark.parametrize(
    ("claims", "grant"),
    [
        ({}, Grant(None)),
        ({"sub": "me"}, Grant("me")),
        ({"role": SEND}, Grant(None, (SEND,))),
        ({"role": [SEND, JOIN]}, Grant(None, (SEND, JOIN))),
        ({"webpubsub.group": "one"}, Grant(None, (), ("one",))),
        ({"webpubsub.group": ["one", "two"]}, Grant(None, (), ("one", "two"))),
        ({"exp": NOW - 299}, Grant(None)),
    ],
    ids=["none", "sub", "one role", "roles", "one group", "groups", "5 min skew"],
)
def test_claims(service: Service, claims: dict[str, Any], grant: Grant) -> None:
    """webpubsub 1.2: every claim but exp is optional; roles and groups may be one string."""
    _, connection = opened(service, f"/client/hubs/orderflow?access_token={signed(**claims)}")
    assert connection.grant == grant
    assert tuple(connection.groups) == grant.groups, "joined before the first frame, no role needed"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "garbage",
        "a.b.c",
        token(secret="x" * 32),
        token(now=NOW - 4000, lifetime=10),
        jwt.encode({"sub": "u"}, SECRET, algorithm="HS256"),
        jwt.encode({"exp": NOW + 60}, SECRET * 2, algorithm="HS512"),
        jwt.encode({"exp": NOW + 60}, "", algorithm="none"),
        signed(role=7),
        signed(**{"webpubsub.group": [1]}),
    ],
    ids=["none", "garbage", "dots", "signature", "expired", "no exp", "HS512", "alg none", "role", "group"],
)
def test_bad_tokens(service: Service, bad: str) -> None:
    """webpubsub 1.3: 401 with an empty body."""
    answer = open_socket(service, request(f"/client/hubs/orderflow?access_token={bad}"))
    assert isinstance(answer, Response)
    assert (answer.status_code, answer.body) == (401, b"")


@pytest.mark.parametrize("group", ["", " ", "g" * 1025], ids=["empty", "blank", "long"])
def test_a_token_with_an_invalid_group(service: Service, group: str) -> None:
    """webpubsub 1.3: 400 with the service's text."""
    answer = open_socket(service, request(f"/client/hubs/orderflow?access_token={token(groups=[group])}"))
    assert isinstance(answer, Response)
    assert (answer.status_code, answer.body) == (400, b"The token contains an invalid group name.")


def test_a_token_for_another_hub(service: Service) -> None:
    """webpubsub 1.2: 401, whatever host it was made for."""
    for aud, wanted in (
        ("https://elsewhere/client/hubs/OrderFlow", 101),
        ("https://elsewhere/client/hubs/classic", 401),
        ("https://elsewhere", 101),
    ):
        answer = open_socket(service, request(f"/client/hubs/orderflow?access_token={signed(aud=aud)}"))
        assert not isinstance(answer, Unanswered)
        found = answer.response.status_code if isinstance(answer, Accepted) else answer.status_code
        assert found == wanted, aud


def test_audience() -> None:
    """webpubsub 1.2: compared without regard to case; a token for another hub or host is 401."""
    service = make_service(TOKEN_AUDIENCE="true")
    try:
        for aud, wanted in (
            ("HTTP://LocalHost/client/hubs/OrderFlow", 101),
            ("http://localhost/client/hubs/x", 401),
            ("http://127.0.0.1/client/hubs/orderflow", 401),
        ):
            answer = open_socket(service, request(f"/client/hubs/orderflow?access_token={signed(aud=aud)}"))
            assert not isinstance(answer, Unanswered)
            found = answer.response.status_code if isinstance(answer, Accepted) else answer.status_code
            assert found == wanted
    finally:
        service.close()


@pytest.mark.parametrize("drop", ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_not_an_upgrade(service: Service, drop: str) -> None:
    """webpubsub 1.3: 400."""
    assert status(service, f"/client/hubs/orderflow?access_token={token()}", drop=drop) == 400


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/client/", 400), ("/client/?hub=", 400), ("/client/hubs/9x", 400), ("/client/hubs/nope", 404), ("/else", 404)],
)
def test_no_hub(service: Service, path: str, wanted: int) -> None:
    """webpubsub 1.3: a missing or impossible hub is 400; one that we do not have 404."""
    joint = "&" if "?" in path else "?"
    assert status(service, f"{path}{joint}access_token={token()}") == wanted


def test_a_stopping_server_accepts_nobody(service: Service) -> None:
    """webpubsub 6.3: 5xx means "try again" to clients, recovery included."""
    service.life.draining = True
    try:
        assert status(service, f"/client/hubs/orderflow?access_token={token()}") == 503
        assert status(service, "/client/hubs/orderflow?awps_connection_id=x") == 503
    finally:
        service.life.draining = False


@every
@pytest.mark.parametrize("spell", [str, str.upper, str.title], ids=["exact", "upper", "title"])
def test_the_reply_echoes_the_clients_spelling(service: Service, dialect: Subprotocol, spell: Any) -> None:
    """webpubsub 1.4: subprotocols are compared without regard to case."""
    offer = spell(dialect.name)
    response, connection = opened(service, f"/client/hubs/orderflow?access_token={token()}", offer)
    assert response.headers["Sec-WebSocket-Protocol"] == offer
    assert connection.subprotocol is dialect


@pytest.mark.parametrize(
    ("offers", "wanted"),
    [
        ([f"mqtt, {PROTOBUF.name}, {JSON.name}"], PROTOBUF),
        ([f"{JSON.name},{PROTOBUF.name}"], JSON),
        (["chat", str(JSON_RELIABLE.name), str(JSON.name)], JSON_RELIABLE),
        ([f"json.webpubsub.azure.v2, {PROTOBUF_RELIABLE.name}"], PROTOBUF_RELIABLE),
    ],
    ids=["unknown first", "order", "several lines", "version"],
)
def test_the_first_supported_offer_wins(service: Service, offers: list[str], wanted: Subprotocol) -> None:
    """webpubsub 1.4: in the client's order."""
    response, connection = opened(service, f"/client/hubs/orderflow?access_token={token()}", *offers)
    assert response.headers["Sec-WebSocket-Protocol"] == wanted.name
    assert connection.subprotocol is wanted


@pytest.mark.parametrize("offers", [[], ["mqtt"], ["json.webpubsub.azure.v2, chat"]], ids=["none", "one", "two"])
def test_no_supported_offer_is_a_simple_client(service: Service, offers: list[str]) -> None:
    """webpubsub 1.4: upgraded, and no subprotocol named."""
    response, connection = opened(service, f"/client/hubs/orderflow?access_token={token()}", *offers)
    assert "Sec-WebSocket-Protocol" not in response.headers
    assert connection.subprotocol is SIMPLE
    assert connection.take() == [], "webpubsub 1.5: no frames of the service"


def test_no_compression_and_no_look_at_the_origin(service: Service) -> None:
    """webpubsub 1.4: extensions are offered in vain; Origin and User-Agent do not matter."""
    offered = {"Sec_WebSocket_Extensions": "permessage-deflate", "Origin": "http://evil.example", "User_Agent": "?"}
    response, _ = opened(service, f"/client/hubs/orderflow?access_token={token()}", str(JSON.name), **offered)
    assert "Sec-WebSocket-Extensions" not in response.headers


@reliable
@pytest.mark.parametrize("offer", [[], ["json.webpubsub.azure.v1"], ["protobuf.webpubsub.azure.v1", "chat"]])
def test_recovery_keeps_the_subprotocol(service: Service, dialect: Subprotocol, offer: list[str]) -> None:
    """webpubsub 1.4: whatever is offered now."""
    hub = service.hubs["orderflow"]
    connection = hub.connect(Grant("u"), dialect)
    query = f"awps_connection_id={connection.id}&awps_reconnection_token={proof_of(connection)}"
    response, again = opened(service, f"/client/hubs/orderflow?{query}", *offer)
    assert again is connection
    assert response.headers["Sec-WebSocket-Protocol"] == dialect.name


@every
def test_a_refused_recovery_is_upgraded_in_a_dialect_of_the_client(service: Service, dialect: Subprotocol) -> None:
    """webpubsub 1.3, 1.4: 101 before the 1008; a client that offers dialects fails a 101 that names none."""
    target = "/client/hubs/orderflow?awps_connection_id=nobody&awps_reconnection_token=x"
    answer = open_socket(service, request(target, str(dialect.name)))
    assert isinstance(answer, Accepted)
    assert answer.connection is None
    assert answer.response.headers["Sec-WebSocket-Protocol"] == dialect.name


def test_a_refused_recovery_may_be_404() -> None:
    """webpubsub 0.5: the switch for clients that cannot see close codes."""
    service = make_service(RECOVERY_REJECT="http404")
    try:
        assert status(service, "/client/hubs/orderflow?awps_connection_id=nobody") == 404
    finally:
        service.close()


@every
def test_recovery_on_another_hub(service: Service, dialect: Subprotocol) -> None:
    """webpubsub 6.3: refused, and the real session does not notice."""
    here = service.hubs["orderflow"]
    there = next(hub for hub in service.hubs.values() if hub is not here)
    connection = here.connect(Grant("u"), dialect)
    assert there.recover(connection.id, proof_of(connection)) is None
    assert connection.state is State.OPEN


# --- 1.5: simple clients ---------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_simple_client_that_speaks(wire: Wire, opcode: int) -> None:
    """webpubsub 1.5: nobody handles its event: 1011."""
    client = wire.client(SIMPLE)
    client.raw(b"hello", opcode)
    assert isinstance(client.end, Close)
    assert client.end.code == 1011
    assert client.ended()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("no_echo", [False, True])
def test_raw_send_to_group(wire: Wire, opcode: int, no_echo: bool) -> None:
    """webpubsub 1.1, 1.5: each frame is a message to the group; noEcho leaves its sender out."""
    speaker = wire.client(SIMPLE, groups=["g"], raw=RawMode("g", no_echo))
    listener = wire.client(SIMPLE, groups=["g"])
    speaker.raw(b"hello", opcode)
    assert listener.payloads() == [(opcode, b"hello")]
    assert speaker.payloads() == ([] if no_echo else [(opcode, b"hello")])


def test_raw_mode_without_the_role(wire: Wire) -> None:
    """webpubsub 5: 1008."""
    client = wire.client(SIMPLE, roles=[JOIN], raw=RawMode("g"))
    assert client.end == Close(1008, "The connection is not authorized for raw sendToGroup mode.")


def test_raw_text_that_is_not_text(wire: Wire) -> None:
    """webpubsub 5, RFC 6455 8.1: 1007."""
    client = wire.client(SIMPLE, raw=RawMode("g"))
    client.raw(b"\xff", TEXT)
    assert isinstance(client.end, Close)
    assert client.end.code == 1007


# --- 2: the JSON subprotocols ----------------------------------------------------------------


def test_json_frames_as_captured(wire: Wire) -> None:
    """webpubsub 2.2: keys and their order; userId is null for an anonymous client."""
    client = Client(wire, wire.hub.connect(Grant(None, (JOIN, SEND), ("g",)), JSON))
    client.raw(b'{"type":"joinGroup","group":"g","ackId":1}', TEXT)
    client.raw(b'{"type":"sendToGroup","group":"g","dataType":"text","data":"x"}', TEXT)
    client.raw(b'{"type":"ping"}', TEXT)
    wire.hub.close(client.connection, "bye")
    wire.hub.drain()
    assert [payload.decode() for _, payload in client.payloads()] == [
        '{"type":"system","event":"connected","userId":null,"connectionId":"c1"}',
        '{"type":"ack","ackId":1,"success":true}',
        '{"type":"message","from":"group","fromUserId":null,"group":"g","dataType":"text","data":"x"}',
        '{"type":"pong"}',
        '{"type":"system","event":"disconnected","message":"Application server closed the connection. Reason: bye"}',
    ]


def test_reliable_json_frames_as_documented(wire: Wire) -> None:
    """webpubsub 2.2: the token at the end, the sequence id at the front, fromUserId last."""
    client = Client(wire, wire.hub.connect(Grant("u", (SEND,), ("g",)), JSON_RELIABLE))
    client.raw(b'{"type":"joinGroup","group":"g","ackId":7}', TEXT)
    client.raw(b'{"type":"sendToGroup","group":"g","data":{"a": [1]}}', TEXT)
    assert [payload.decode() for _, payload in client.payloads()] == [
        '{"type":"system","event":"connected","userId":"u","connectionId":"c1","reconnectionToken":"token-c1"}',
        '{"type":"ack","ackId":7,"success":false,"error":'
        '{"name":"Forbidden","message":"The client does not have permission to join group \'g\'."}}',
        '{"sequenceId":1,"type":"message","from":"group","group":"g","dataType":"json","data":{"a": [1]},'
        '"fromUserId":"u"}',
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"JOINGROUP","group":"g","ackId":1}',
        '{"ackId":1,"group":"g","type":"joingroup"}',
        ' {"type" : "joinGroup",\n"group":"g", "ackId":1} ',
        '{"type":"joinGroup","group":"g","ackId":1,"unknown":{"a":[]}}',
        '{"type":"joinGroup","group":"\\u0067","ackId":1}',
    ],
    ids=["case", "order", "spaces", "unknown field", "escape"],
)
@pytest.mark.parametrize("dialect", [JSON, JSON_RELIABLE], ids=name_of)
def test_json_is_read_tolerantly(wire: Wire, dialect: Subprotocol, text: str) -> None:
    """webpubsub 2.1: the type's case, the keys' order and unknown keys do not matter."""
    client = wire.client(dialect)
    client.raw(text.encode(), TEXT)
    assert client.told() == [m.Ack(1)]
    assert list(client.connection.groups) == ["g"]


CONTENT: Final = {
    m.DataType.TEXT: "größe".encode(),
    m.DataType.JSON: b'{"a":[1,2.50,null]}',
    m.DataType.BINARY: b"\x00\xff",
    m.DataType.PROTOBUF: ANY,
}


@pytest.mark.parametrize("receiver", [*ALL, SIMPLE], ids=name_of)
@pytest.mark.parametrize("sender", ALL, ids=name_of)
@pytest.mark.parametrize("kind", list(m.DataType), ids=str)
def test_what_each_receiver_gets(wire: Wire, sender: Subprotocol, receiver: Subprotocol, kind: m.DataType) -> None:
    """webpubsub 2.3: a type stays what it is between dialects; a simple client gets the bare content."""
    content = CONTENT[kind]
    listener = wire.client(receiver, groups=["g"])
    wire.client(sender, user="u").send(m.SendToGroup("g", m.Data(kind, content)))
    if receiver is SIMPLE:
        opcode = TEXT if kind in (m.DataType.TEXT, m.DataType.JSON) else BINARY
        assert listener.payloads() == [(opcode, content)]
        return
    [message] = listener.told()
    assert isinstance(message, m.DataMessage)
    assert (message.data, message.group, message.source) == (m.Data(kind, content), "g", "group")
    if receiver.codec is JSON.codec:
        assert message.from_user_id == "u"


def test_the_same_any_both_ways(wire: Wire) -> None:
    """webpubsub 2.3: the published example, byte for byte."""
    group = "blue_SPX_classic_gex_full"
    json_client, proto_client = wire.client(JSON, groups=[group]), wire.client(PROTOBUF, groups=[group])
    wire.client(PROTOBUF).send(m.SendToGroup(group, m.Data(m.DataType.PROTOBUF, ANY)))
    assert b'"dataType":"protobuf","data":"Cglwcm90by5nZXgSByi1L/1hYmM="' in json_client.payloads()[0][1]
    [(opcode, payload)] = proto_client.payloads()
    assert opcode == BINARY
    wanted = "123a0a0567726f75701219626c75655f5350585f636c61737369635f6765785f66756c6c1a161a14"
    assert payload == bytes.fromhex(wanted) + ANY


@every
def test_metadata_travels(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 2.2: it is there for every receiver, after the data."""
    listener = wire.client(dialect, groups=["g"])
    metadata = (("a", "1"), ("trace-id", "x y"))
    wire.client(dialect).send(m.SendToGroup("g", TEXT_DATA, metadata=metadata))
    [message] = listener.told()
    assert isinstance(message, m.DataMessage)
    assert message.metadata == metadata


METADATA: Final[dict[str, tuple[dict[str, str], bool]]] = {
    "longest key": ({"k" * 256: "v"}, True),
    "key too long": ({"k" * 257: "v"}, False),
    "longest value": ({"k": "v" * 1024}, True),
    "value too long": ({"k": "v" * 1025}, False),
    "all together": ({f"k{n}": "v" * 1022 for n in range(8)}, True),
    "too much together": ({f"k{n}": "v" * 1023 for n in range(8)}, False),
    "token characters": ({"!#$%&'*+.^_`|~-": "v"}, True),
    "space in a key": ({"a b": "v"}, False),
    "empty key": ({"": "v"}, False),
    "umlaut in a key": ({"ü": "v"}, False),
    "umlaut in a value": ({"k": "ü"}, False),
    "empty value": ({"k": ""}, True),
}


@every
@pytest.mark.parametrize("case", METADATA)
def test_metadata_limits(wire: Wire, dialect: Subprotocol, case: str) -> None:
    """webpubsub 2.1, 7: ASCII, token keys, 256 B, 1,024 B, 8 KiB; beyond them 1007."""
    metadata, fits = METADATA[case]
    client = wire.client(dialect)
    client.send(m.SendToGroup("g", TEXT_DATA, 1, metadata=tuple(metadata.items())))
    if fits:
        assert client.told() == [m.Ack(1)]
    else:
        assert isinstance(client.end, Close)
        assert client.end.code == 1007


# --- 3: the protobuf subprotocols ------------------------------------------------------------

UP_VECTORS: Final[dict[str, m.Upstream]] = {
    "MgcKBWdyb3Vw": m.JoinGroup("group"),
    "MgsKBWdyb3VwEOXYAg==": m.JoinGroup("group", 44133),
    "OgoKBWdyb3VwELlg": m.LeaveGroup("group", 12345),
    "QgQIwMQH": m.SequenceAck(123456),
    "MggKBHJvb20QAA==": m.JoinGroup("room", 0),
    "SgA=": m.Ping(),
}
DOWN_VECTORS: Final[dict[str, m.Downstream]] = {
    "CgQIexAB": m.Ack(123),
    "EhwKBWdyb3VwEglncm91cE5hbWUaBQoDeHl6ILlg": m.DataMessage(
        m.Data(m.DataType.TEXT, b"xyz"), "groupName", None, 12345
    ),
    "EhIKBnNlcnZlchoFCgN4eXoguWA=": m.DataMessage(m.Data(m.DataType.TEXT, b"xyz"), None, None, 12345, "server"),
    "GhQKEgoKY29ubmVjdGlvbhIEdXNlcg==": m.Connected("connection", "user"),
    "GhkKFwoKY29ubmVjdGlvbhIEdXNlchoDcmVj": m.Connected("connection", "user", "rec"),
    "GgcSBRIDbXNn": m.Disconnected("msg"),
    "IgA=": m.Pong(),
}


@pytest.mark.parametrize("vector", UP_VECTORS)
def test_upstream_vectors(vector: str) -> None:
    """webpubsub 3: the published bytes, both ways."""
    payload = base64.b64decode(vector)
    assert protocodec.decode_upstream(payload) == UP_VECTORS[vector]
    if vector != "MggKBHJvb20QAA==":
        assert protocodec.encode_upstream(UP_VECTORS[vector]) == payload


@pytest.mark.parametrize("vector", DOWN_VECTORS)
def test_downstream_vectors(vector: str) -> None:
    """webpubsub 3: the published bytes, both ways."""
    payload = base64.b64decode(vector)
    assert protocodec.encode_downstream(DOWN_VECTORS[vector]) == payload
    assert protocodec.decode_downstream(payload) == DOWN_VECTORS[vector]


def test_an_explicit_ack_id_of_zero_is_answered(wire: Wire) -> None:
    """webpubsub 3: presence counts, not the value."""
    client = wire.client(PROTOBUF)
    client.raw(bytes.fromhex("32080A04726F6F6D1000"), BINARY)
    assert client.told() == [m.Ack(0)]


def test_unknown_fields_are_skipped(wire: Wire) -> None:
    """webpubsub 3: clients and service may know fields the other does not."""
    client = wire.client(PROTOBUF)
    client.raw(bytes.fromhex("32080A04726F6F6D1001") + bytes.fromhex("a20601ff"), BINARY)
    assert client.told() == [m.Ack(1)]


def test_anonymous_in_protobuf(wire: Wire) -> None:
    """webpubsub 3: the user id is an empty string."""
    client = Client(wire, wire.hub.connect(Grant(None), PROTOBUF))
    [(_, payload)] = client.payloads()
    assert payload.startswith(b"\x1a")
    assert protocodec.decode_downstream(payload) == m.Connected("c1", None)


# --- 4: acks and permissions -----------------------------------------------------------------

OPERATIONS: Final[dict[str, m.JoinGroup | m.LeaveGroup | m.SendToGroup | m.Event]] = {
    "join": m.JoinGroup("g"),
    "leave": m.LeaveGroup("g"),
    "send": m.SendToGroup("g", TEXT_DATA),
    "event": m.Event("hello", TEXT_DATA),
}
operations = pytest.mark.parametrize("operation", list(OPERATIONS))


def ask(operation: str, ack_id: int | None) -> m.Upstream:
    return cast("m.Upstream", msgspec.structs.replace(OPERATIONS[operation], ack_id=ack_id))


@every
@operations
@pytest.mark.parametrize("ack_id", [0, 1, 2**32, m.MAX_UINT64])
def test_every_ack_id_is_answered(wire: Wire, dialect: Subprotocol, operation: str, ack_id: int) -> None:
    """webpubsub 4: from 0 to 2^64-1."""
    client = wire.client(dialect)
    client.send(ask(operation, ack_id))
    assert [ack.ack_id for ack in client.acks()] == [ack_id]


@every
@operations
@pytest.mark.parametrize("roles", [(JOIN, SEND), ()], ids=["allowed", "denied"])
def test_no_ack_id_no_answer(wire: Wire, dialect: Subprotocol, operation: str, roles: tuple[str, ...]) -> None:
    """webpubsub 4: fire and forget, on failure too; the connection stays open."""
    client = wire.client(dialect, roles)
    client.send(ask(operation, None))
    assert client.told() == []
    client.send(m.Ping())
    assert client.told() == [m.Pong()]


@every
@pytest.mark.parametrize("operation", ["join", "leave", "send"])
def test_forbidden(wire: Wire, dialect: Subprotocol, operation: str) -> None:
    """webpubsub 4: without the role; name and text as on the service."""
    client = wire.client(dialect, roles=[])
    verb = {"join": "join", "leave": "leave", "send": "send to"}[operation]
    text = f"The client does not have permission to {verb} group 'g'."
    client.send(ask(operation, 5))
    assert client.told() == [m.Ack(5, m.AckError("Forbidden", text))]
    assert not client.connection.groups


@every
def test_an_event_without_a_handler(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: InternalServerError; it needs no role."""
    client = wire.client(dialect, roles=[])
    client.send(ask("event", 1))
    assert client.told() == [m.Ack(1, m.AckError("InternalServerError", "Internal server error"))]


DUPLICATE: Final = m.AckError("Duplicate", "Message with ack-id: 1 has been processed")


@every
def test_a_duplicate_is_not_run(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: duplicate ack id, across kinds: the leave does not leave."""
    client = wire.client(dialect)
    client.send(ask("join", 1), ask("leave", 1), ask("send", 1), ask("event", 1))
    assert client.told() == [m.Ack(1), *[m.Ack(1, DUPLICATE)] * 3]
    assert list(client.connection.groups) == ["g"]


@every
def test_a_failed_ack_id_may_be_used_again(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: only successes are remembered."""
    client = wire.client(dialect, roles=[SEND])
    client.send(ask("join", 1), ask("event", 1), ask("send", 1), ask("send", 1))
    assert [ack.error and ack.error.name for ack in client.acks()] == [
        "Forbidden",
        "InternalServerError",
        None,
        "Duplicate",
    ]


@every
def test_a_thousand_ack_ids_are_remembered(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: first in, first out; a refused duplicate does not renew its place."""
    client = wire.client(dialect)
    for ack_id in range(1, 1001):
        client.send(ask("leave", ack_id))
    client.told()
    client.send(ask("leave", 1))
    assert client.told() == [m.Ack(1, DUPLICATE)]
    client.send(ask("leave", 1001), ask("leave", 2), ask("leave", 1))
    assert [ack.error is None for ack in client.acks()] == [True, False, True]


@reliable
def test_duplicates_are_known_across_recovery(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: ack ids belong to the logical connection."""
    client = wire.client(dialect)
    client.send(ask("join", 1))
    wire.lose(client)
    again = wire.recover(client)
    assert again is not None
    again.send(ask("join", 1))
    assert again.told() == [m.Ack(1, DUPLICATE)]


@every
def test_the_echo_comes_before_its_ack(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: own message first; without echo only the ack; others get it in any case."""
    client, other = wire.client(dialect, groups=["g"]), wire.client(dialect, groups=["g"])
    client.send(ask("send", 1))
    assert [type(message) for message in client.told()] == [m.DataMessage, m.Ack]
    client.send(m.SendToGroup("g", TEXT_DATA, 2, no_echo=True))
    assert client.told() == [m.Ack(2)]
    assert other.texts() == ["hello", "hello"]


@every
def test_join_twice_leave_twice(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: both succeed; what comes comes once, and then no more."""
    client = wire.client(dialect)
    client.send(ask("join", 1), ask("join", 2))
    wire.say("one")
    client.send(ask("leave", 3), ask("leave", 4))
    wire.say("two")
    told = client.told()
    assert [message for message in told if isinstance(message, m.Ack)] == [m.Ack(n) for n in (1, 2, 3, 4)]
    assert [message.data.value for message in told if isinstance(message, m.DataMessage)] == [b"one"]


@pytest.mark.parametrize("dialect", [*ALL, SIMPLE], ids=name_of)
def test_groups_of_the_token_need_no_role(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4, 1.2: joined on connect."""
    client = wire.client(dialect, roles=[], groups=["g"])
    wire.say("x")
    assert len(client.payloads()) == 1


@every
def test_senders_need_not_be_members_nor_receivers_exist(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: both are successes."""
    client = wire.client(dialect, roles=[SEND])
    client.send(m.SendToGroup("nobody is there", TEXT_DATA, 1))
    assert client.told() == [m.Ack(1)]


@every
def test_group_names(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 4: case counts, any characters, up to 1,024 of them."""
    client = wire.client(dialect)
    names = ["G", "g" * 1024, "ü" * 1024, " padded ", "a/b?c=d&e\n", "\U0001f600"]
    client.send(*(m.JoinGroup(name, number) for number, name in enumerate(names)))
    assert client.told() == [m.Ack(number) for number in range(len(names))]
    wire.say("not for G")
    assert client.told() == []


@every
def test_other_sessions_do_not_hear(wire: Wire, dialect: Subprotocol) -> None:
    """The group's name is the same, the key another: our own rule, beside webpubsub 4 (a hub scopes groups)."""
    client = wire.client(dialect, groups=["g"], user="me")
    wire.say("yours", user="you")
    wire.say("mine", user="me")
    assert client.texts() == ["mine"]


ROLES: Final = {
    "join any": ((JOIN,), "g", True),
    "send does not join": ((SEND,), "g", False),
    "literal": ((f"{JOIN}.g",), "g", True),
    "another literal": ((f"{JOIN}.h",), "g", False),
    "literal with dots": ((f"{JOIN}.a.b",), "a.b", True),
    "no prefix match": ((f"{JOIN}.g",), "gg", False),
    "role's case": (("webpubsub.JoinLeaveGroup",), "g", False),
    "group's case": ((f"{JOIN}.G",), "g", False),
    "star": ((f"{JOIN}s.room.*",), "room.1", True),
    "star and dot": ((f"{JOIN}s.room.*",), "room.1.2", False),
    "two stars": ((f"{JOIN}s.room.**",), "room.1.2", True),
    "question mark": ((f"{JOIN}s.r??m",), "room", True),
    "question mark and dot": ((f"{JOIN}s.r?m",), "r.m", False),
    "escaped": ((rf"{JOIN}s.a\*",), "a*", True),
    "escaped is literal": ((rf"{JOIN}s.a\*",), "ab", False),
    "star is literal in the singular": ((f"{JOIN}.*",), "g", False),
    "five stars": ((f"{JOIN}s.*a*a*a*a*",), "aaaa", True),
    "six stars": ((f"{JOIN}s.*a*a*a*a*a*",), "aaaaa", False),
    "one of several": (("x", f"{JOIN}.h", f"{JOIN}s.g*"), "g1", True),
}


@pytest.mark.parametrize("case", ROLES)
def test_roles(wire: Wire, case: str) -> None:
    """webpubsub 1.2: literal and wildcard roles."""
    roles, group, allowed = ROLES[case]
    client = wire.client(JSON, roles)
    client.send(m.JoinGroup(group, 1))
    assert [ack.error is None for ack in client.acks()] == [allowed]


# --- 5: malformed input ----------------------------------------------------------------------

JSON_INVALID: Final = Close(1007, "The client message is not a valid JSON protocol message.")
PROTO_INVALID: Final = Close(1007, "The client message is not a valid protobuf protocol message.")
SEND_TEXT: Final = '{"type":"sendToGroup","group":"g",'
BAD_JSON: Final = {
    "empty": "",
    "not json": "hello",
    "cut off": '{"type":"ping"',
    "more behind": '{"type":"ping"}x',
    "array": '[{"type":"ping"}]',
    "null": "null",
    "no type": '{"group":"g"}',
    "type null": '{"type":null}',
    "unknown type": '{"type":"dance"}',
    "no group": '{"type":"joinGroup"}',
    "blank group": '{"type":"leaveGroup","group":" \\t"}',
    "number group": '{"type":"joinGroup","group":1}',
    "long group": f'{{"type":"joinGroup","group":"{"g" * 1025}"}}',
    "string ack id": '{"type":"joinGroup","group":"g","ackId":"1"}',
    "negative ack id": '{"type":"joinGroup","group":"g","ackId":-1}',
    "fraction ack id": '{"type":"joinGroup","group":"g","ackId":1.5}',
    "huge ack id": '{"type":"joinGroup","group":"g","ackId":18446744073709551616}',
    "boolean ack id": '{"type":"joinGroup","group":"g","ackId":true}',
    "no data": SEND_TEXT + '"dataType":"text"}',
    "null data": SEND_TEXT + '"data":null}',
    "text not a string": SEND_TEXT + '"dataType":"text","data":1}',
    "bad base64": SEND_TEXT + '"dataType":"binary","data":"***"}',
    "unpadded base64": SEND_TEXT + '"dataType":"binary","data":"YWI"}',
    "not an Any": SEND_TEXT + '"dataType":"protobuf","data":"/////w=="}',
    "unknown data type": SEND_TEXT + '"dataType":"xml","data":"x"}',
    "ttl over 300": SEND_TEXT + '"data":1,"ttlSeconds":301}',
    "negative ttl": SEND_TEXT + '"data":1,"ttlSeconds":-1}',
    "noEcho not a boolean": SEND_TEXT + '"data":1,"noEcho":"yes"}',
    "metadata not strings": SEND_TEXT + '"data":1,"metadata":{"a":1}}',
    "event without a name": '{"type":"event","data":1}',
    "bad event name": '{"type":"event","event":"9","data":1}',
    "long event name": f'{{"type":"event","event":"{"e" * 129}","data":1}}',
    "event without data": '{"type":"event","event":"e"}',
    "no sequence id": '{"type":"sequenceAck"}',
    "string sequence id": '{"type":"sequenceAck","sequenceId":"1"}',
    "half a surrogate": '{"type":"joinGroup","group":"\\ud800"}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("dialect", [JSON, JSON_RELIABLE], ids=name_of)
@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json(wire: Wire, dialect: Subprotocol, case: str) -> None:
    """webpubsub 5: 1007, the close being all that is said; the session is gone and nobody else is hurt."""
    client, other = wire.client(dialect, groups=["g"]), wire.client(dialect, groups=["g"])
    client.raw(BAD_JSON[case].encode(), TEXT)
    assert client.end == JSON_INVALID
    assert client.frames == []
    assert wire.recover(client) is None
    client.raw(b'{"type":"sendToGroup","group":"g","data":1}', TEXT)
    wire.say("still here")
    assert other.texts() == ["still here"]


GOOD_JSON: Final = {
    "ack id null": '{"type":"joinGroup","group":"g","ackId":null}',
    "ttl 300": SEND_TEXT + '"data":1,"ttlSeconds":300}',
    "data false": SEND_TEXT + '"data":false}',
    "data type's case": SEND_TEXT + '"dataType":"TEXT","data":""}',
    "empty binary": SEND_TEXT + '"dataType":"binary","data":""}',
    "longest event name": f'{{"type":"event","event":"{"e" * 128}","data":1}}',
    "ack beyond everything": f'{{"type":"sequenceAck","sequenceId":{m.MAX_UINT64}}}',
}


@pytest.mark.parametrize("dialect", [JSON, JSON_RELIABLE], ids=name_of)
@pytest.mark.parametrize("case", GOOD_JSON)
def test_good_json(wire: Wire, dialect: Subprotocol, case: str) -> None:
    """webpubsub 2.1, 5: the last values that are accepted."""
    client = wire.client(dialect)
    client.raw(GOOD_JSON[case].encode(), TEXT)
    client.send(m.Ping())
    assert client.told() == [m.Pong()]


BAD_PROTOBUF: Final = {
    "empty": b"",
    "undecodable": b"\xff" * 8,
    "cut off": base64.b64decode("MgcKBWdyb3Vw")[:-1],
    "no group": bytes.fromhex("3200"),
    "blank group": bytes.fromhex("32030a0120"),
    "long group": protocodec.encode_upstream(m.JoinGroup("g" * 1025)),
    "group not UTF-8": bytes.fromhex("32030a01ff"),
    "no data": bytes.fromhex("0a030a0167"),
    "empty data": bytes.fromhex("0a050a01671a00"),
    "unknown message": bytes.fromhex("7a00"),
    "bad event name": protocodec.encode_upstream(m.Event("9", TEXT_DATA)),
    "json data that is not JSON": bytes.fromhex("0a090a01671a0422027879"),
}


@pytest.mark.parametrize("dialect", [PROTOBUF, PROTOBUF_RELIABLE], ids=name_of)
@pytest.mark.parametrize("case", BAD_PROTOBUF)
def test_bad_protobuf(wire: Wire, dialect: Subprotocol, case: str) -> None:
    """webpubsub 5: 1007, and the session is gone."""
    client = wire.client(dialect)
    client.raw(BAD_PROTOBUF[case], BINARY)
    assert client.end == PROTO_INVALID
    assert client.frames == []
    assert wire.recover(client) is None


@every
def test_the_wrong_kind_of_frame(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 5: 1003, even when the content would do."""
    client = wire.client(dialect)
    codec = dialect.codec
    assert codec is not None
    client.raw(codec.encode_upstream(m.Ping()), TEXT if codec.OPCODE == BINARY else BINARY)
    text = "The JSON subprotocol requires text messages."
    if codec.OPCODE == BINARY:
        text = "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages."
    assert client.end == Close(1003, text)
    assert wire.recover(client) is None


# --- 6.1: sequence ids -----------------------------------------------------------------------


@reliable
def test_one_counter_over_all_groups(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.1: from 1, by one; never for acks and pongs."""
    client = wire.client(dialect, groups=["g", "h"])
    wire.say("a")
    client.send(ask("join", 1), m.Ping())
    wire.say("b", group="h")
    wire.say("c")
    assert client.sequences() == [1, 2, 3]


@plain
def test_no_sequence_ids_on_plain_connections(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.1, 2.1: nor a token; a sequenceAck is accepted and ignored."""
    client = Client(wire, wire.hub.connect(Grant("u", (), ("g",)), dialect))
    assert client.told() == [m.Connected("c1", "u")]
    client.send(m.SequenceAck(5))
    wire.say("a")
    assert client.sequences() == [None]
    assert client.end is None


@reliable
@pytest.mark.parametrize(
    ("acked", "left"),
    [(0, [1, 2, 3, 4]), (1, [2, 3, 4]), (3, [4]), (4, []), (99, []), (m.MAX_UINT64, [])],
)
def test_sequence_acks_are_cumulative(wire: Wire, dialect: Subprotocol, acked: int, left: list[int]) -> None:
    """webpubsub 6.1: n frees everything up to n, a future one all, 0 nothing."""
    client = wire.client(dialect, groups=["g"])
    wire.say("a", "b", "c", "d")
    client.send(m.SequenceAck(acked))
    wire.lose(client)
    again = wire.recover(client)
    assert again is not None
    assert again.sequences() == left
    wire.say("e")
    assert again.sequences() == [5], "the counter goes on"


@reliable
def test_an_older_ack_takes_nothing_back(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.1: acks may come in any order."""
    client = wire.client(dialect, groups=["g"])
    wire.say("a", "b", "c")
    client.send(m.SequenceAck(2), m.SequenceAck(1), m.SequenceAck(2))
    assert [sequence for sequence, _, _ in client.connection.unacknowledged] == [3]
    assert wire.hub.queued_bytes == client.connection.unacknowledged.bytes


# --- 6.2: the buffer -------------------------------------------------------------------------


@reliable
@pytest.mark.parametrize("detached", [False, True], ids=["open", "detached"])
def test_a_full_buffer_ends_the_session(dialect: Subprotocol, detached: bool) -> None:
    """webpubsub 6.2: one message beyond the bound; TCP is cut without a close frame, and recovery refused."""
    wire = Wire(queued_messages=3)
    client, other = wire.client(dialect, groups=["g"]), wire.client(JSON, groups=["g"])
    if detached:
        wire.lose(client)
    wire.say("a", "b", "c")
    assert not client.ended()
    wire.say("d")
    assert client.ended()
    assert client.end == (None if detached else Abort())
    assert wire.recover(client) is None
    assert wire.hub.queued_bytes == 0
    assert other.texts() == ["a", "b", "c", "d"]


@reliable
def test_bytes_are_bounded_too(dialect: Subprotocol) -> None:
    """webpubsub 6.2: or so many bytes."""
    wire = Wire(queued_bytes=1000)
    client = wire.client(dialect, groups=["g"])
    wire.say("x" * 600)
    assert client.end is None
    wire.say("x" * 600)
    assert client.end == Abort()


@reliable
def test_acks_keep_the_buffer_empty(dialect: Subprotocol) -> None:
    """webpubsub 6.2: a client that acknowledges is never cut."""
    wire = Wire(queued_messages=3)
    client = wire.client(dialect, groups=["g"])
    for number in range(1, 50):
        wire.say("x")
        client.send(m.SequenceAck(number))
    assert client.sequences() == list(range(1, 50))


def test_the_bounds_are_the_services() -> None:
    """webpubsub 6.2, 6.3: 1,000 messages, 16 MiB, 30 s."""
    bounds = Bounds()
    assert (bounds.queued_messages, bounds.queued_bytes, bounds.recovery_window) == (1000, 16 * 1024 * 1024, 30)


# --- 6.3: detach and recovery ----------------------------------------------------------------


@reliable
def test_recovery_brings_everything_back(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: no connected frame; all unacknowledged frames in order and byte-identical; then live."""
    client = wire.client(dialect, groups=["g"])
    wire.say("a", "b", "c")
    seen = list(client.frames)
    client.send(m.SequenceAck(1))
    wire.lose(client)
    wire.say("d")
    again = wire.recover(client)
    assert again is not None
    wire.say("e")
    assert again.frames[:2] == seen[1:]
    assert again.sequences() == [2, 3, 4, 5]


@reliable
def test_groups_roles_and_user_are_kept(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: it is the same session."""
    client = wire.client(dialect, roles=[f"{JOIN}.h"], user="me")
    client.send(m.JoinGroup("h", 1))
    wire.lose(client)
    again = wire.recover(client)
    assert again is not None
    assert list(again.connection.groups) == ["h"]
    again.send(m.JoinGroup("h", 2), m.JoinGroup("g", 3))
    assert [ack.error is None for ack in again.acks()] == [True, False]
    assert again.connection.grant.user_id == "me"


@reliable
def test_recovery_any_number_of_times(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: the token stays valid; a loss without acks sends the same again."""
    client = wire.client(dialect, groups=["g"])
    wire.say("a", "b")
    for _ in range(5):
        wire.lose(client)
        again = wire.recover(client)
        assert again is not None
        assert again.sequences() == [1, 2]
        client = again


@reliable
def test_takeover(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: a socket that is still open is aborted; its late loss does not hurt the new one."""
    client = wire.client(dialect, groups=["g"])
    wire.say("a")
    again = wire.recover(client)
    assert again is not None
    assert client.end == Abort()
    assert client.connection is again.connection
    wire.say("b")
    assert again.sequences() == [1, 2]
    assert client.sequences() == [1]


@reliable
@pytest.mark.parametrize("proof", ["", "wrong", "token-c2", "TOKEN-C1", "token-c1 ", "tökén"])
def test_a_wrong_token(wire: Wire, dialect: Subprotocol, proof: str) -> None:
    """webpubsub 6.3: refused; the failed attempt does not hurt the real session, open or detached."""
    client = wire.client(dialect, groups=["g"])
    assert wire.recover(client, proof) is None
    assert client.end is None
    wire.lose(client)
    assert wire.recover(client, proof) is None
    assert wire.recover(client) is not None


@reliable
def test_an_unknown_connection(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: refused."""
    wire.client(dialect)
    assert wire.hub.recover("c9", "token-c9") is None


@plain
def test_plain_connections_end_with_their_socket(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: a plain session cannot be recovered, open or lost."""
    client = wire.client(dialect, groups=["g"])
    assert wire.recover(client) is None
    assert not client.ended()
    wire.lose(client)
    assert client.ended()
    assert wire.recover(client) is None
    assert not members_of(wire.hub)


@reliable
@pytest.mark.parametrize(("seconds", "back"), [(0.0, True), (WINDOW - 0.1, True), (WINDOW, False)])
def test_the_window(wire: Wire, dialect: Subprotocol, seconds: float, back: bool) -> None:
    """webpubsub 6.3: 30 s from the loss."""
    client = wire.client(dialect, groups=["g"])
    wire.lose(client)
    wire.say("a")
    wire.hub.expire(wire.now + seconds)
    assert (wire.recover(client) is not None) == back
    assert bool(members_of(wire.hub)) == back
    assert (wire.hub.queued_bytes > 0) == back


@reliable
def test_a_recovered_connection_does_not_expire(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: the window counts from the last loss."""
    client = wire.client(dialect)
    wire.lose(client)
    again = wire.recover(client)
    assert again is not None
    assert wire.hub.expire(wire.now + 10 * WINDOW) == 0
    wire.now += 10 * WINDOW
    wire.lose(again)
    assert wire.hub.expire(wire.now + WINDOW - 1) == 0
    assert wire.hub.expire(wire.now + WINDOW) == 1


@reliable
def test_acks_that_waited_are_not_sent_to_the_next_socket(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 6.3: only data frames are sent again; an ack that was lost is asked for again as a duplicate."""
    client = wire.client(dialect)
    wire.lose(client)
    receive(wire.hub, client.connection, b"too late", TEXT)
    again = wire.recover(client)
    assert again is not None
    assert again.frames == []
    assert again.end is None


class Line:
    """A real socket class over a transport that goes nowhere, for the question who closed first."""

    def __init__(self, service: Service, dialect: Subprotocol) -> None:
        self.hub = service.hubs["orderflow"]
        self.transport = Nowhere()
        self.socket = Socket(service, set(), self.transport, Intake(lambda: 0.0))
        self.socket.open(request(f"/client/hubs/orderflow?access_token={token()}", str(dialect.name)))
        [self.connection] = self.hub.connections.values()

    async def opened(self) -> None:
        """Wait for the 101."""
        while b"101" not in self.transport.written:
            await asyncio.sleep(0.001)

    def close(self, code: int | None) -> None:
        """The client's close frame, then the end of TCP."""
        self.socket.data_received(masked(8, b"" if code is None else code.to_bytes(2, "big")))
        self.socket.connection_lost(None)


@every
@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, None, "lost"])
def test_how_a_client_ends(service: Service, dialect: Subprotocol, code: int | str | None) -> None:
    """webpubsub 6.3: a reliable session survives anything but a close frame with 1000."""

    async def end() -> Line:
        line = Line(service, dialect)
        await line.opened()
        if code == "lost":
            line.socket.connection_lost(ConnectionResetError())
        else:
            assert not isinstance(code, str)
            line.close(code)
        return line

    line = asyncio.run(end())
    kept = dialect.reliable and code != 1000
    assert line.connection.state is (State.DETACHED if kept else State.ENDED)
    assert (line.hub.recover(line.connection.id, proof_of(line.connection)) is not None) == kept


@reliable
def test_the_echo_of_our_own_close_does_not_count(service: Service, dialect: Subprotocol) -> None:
    """webpubsub 6.3: some clients answer every close with 1000; who closed first decides."""

    async def end() -> Line:
        line = Line(service, dialect)
        await line.opened()
        line.socket.shutdown()
        line.close(1000)
        return line

    line = asyncio.run(end())
    assert line.connection.state is not State.ENDED
    assert b"\x88\x02\x03\xe9" in line.transport.written, "1001"


# --- 7: liveness, limits, the application's close --------------------------------------------


@every
def test_pings_of_the_application(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 7, 2.1, 3: answered at once."""
    client = wire.client(dialect, roles=[])
    client.send(m.Ping(), m.Ping())
    assert client.told() == [m.Pong(), m.Pong()]


@every
@pytest.mark.parametrize("reason", ["", "maintenance"])
def test_the_application_closes(wire: Wire, dialect: Subprotocol, reason: str) -> None:
    """webpubsub 7: disconnected with the reason, then 1000 with none; recovery is refused."""
    client = wire.client(dialect, groups=["g"])
    wire.hub.close(client.connection, reason)
    wire.hub.drain()
    text = "Application server closed the connection." + (" Reason: maintenance" if reason else "")
    assert client.told() == [m.Disconnected(text)]
    assert client.end == Close(1000, "")
    assert wire.recover(client) is None
    assert not members_of(wire.hub)


@reliable
def test_the_application_closes_a_detached_session(wire: Wire, dialect: Subprotocol) -> None:
    """webpubsub 7, 6.3: nobody is there to be told, but it is gone."""
    client = wire.client(dialect, groups=["g"])
    wire.lose(client)
    wire.hub.close(client.connection)
    wire.hub.drain()
    assert client.told() == []
    assert wire.recover(client) is None


def test_an_any_is_passed_on_as_it_is(wire: Wire) -> None:
    """webpubsub 2.3: protobuf data of any type, unknown ones too."""
    packed = PackedAny(type_url="type.example/unknown", value=bytes(range(256))).SerializeToString()
    client = wire.client(JSON_RELIABLE, groups=["g"])
    wire.client(JSON).send(m.SendToGroup("g", m.Data(m.DataType.PROTOBUF, packed)))
    [message] = client.told()
    assert isinstance(message, m.DataMessage)
    assert message.data.value == packed


def test_none_of_this_takes_long() -> None:
    """A hundred clients and a thousand messages are a matter of moments: the machine has no hidden waits."""
    wire = Wire(queued_messages=2000)
    clients = [wire.client(dialect, groups=["g"]) for dialect in ALL for _ in range(25)]
    began = time.monotonic()
    wire.say(*(str(number) for number in range(1000)))
    assert time.monotonic() - began < 10
    assert {tuple(client.texts()) for client in clients} == {tuple(str(number) for number in range(1000))}
