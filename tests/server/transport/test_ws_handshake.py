"""Who may open a WebSocket, and what everybody else is told."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gexfaker.server.transport import handshake
from gexfaker.wire.tokens import Grant, mint
from support import decode
from support.raw import JSON, RawSocket, connect, try_upgrade, upgrade_request
from support.server import Served, running_server, wait_until

SECRET = "only-for-tests-0123456789abcdef0123456789abcdef"
MEMBER = Grant("somebody", roles=("webpubsub.joinLeaveGroup",))


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(token_secret=SECRET) as running:
        yield running


def token(grant: Grant = MEMBER, secret: str = SECRET, age: float = 0.0, lifetime: float = 60.0) -> str:
    return mint(grant, "http://here/client/hubs/orderflow", secret, time.time() - age, lifetime)


def hub(server: Served, access_token: str = "", path: str = "/client/hubs/orderflow") -> str:
    return f"{server.url}{path}" + (f"?access_token={access_token}" if access_token else "")


@pytest.mark.parametrize(
    "access_token",
    [
        "",
        "garbage",
        "a.b.c",
        token(secret="another-secret-0123456789abcdef0123456789abcdef"),
        token(age=4000.0, lifetime=3600.0),
        token()[:-4] + "AAAA",
        # {"alg":"none","typ":"JWT"} and a claim set nobody signed
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.",
    ],
    ids=["none", "garbage", "dots", "signature", "expired", "cut", "unsigned"],
)
def test_no_valid_token_is_401_with_an_empty_body(server: Served, access_token: str) -> None:
    answer = try_upgrade(hub(server, access_token), [JSON])
    assert (answer.status, answer.body) == (401, b"")
    assert answer.header("content-length") == ["0"]


def test_expiry_allows_five_minutes_of_skew(server: Served) -> None:
    assert try_upgrade(hub(server, token(age=3700.0, lifetime=3600.0)), [JSON]).status == 101


def test_the_token_may_come_as_a_header(server: Served) -> None:
    assert try_upgrade(hub(server), [JSON], [f"Authorization: Bearer {token()}"]).status == 101
    assert try_upgrade(hub(server), [JSON], ["Authorization: Bearer nonsense"]).status == 401


@pytest.mark.parametrize("agents", [(), ("Mozilla/5.0",), ("azsdk-js-webpubsub-client/1.0",)])
def test_nobody_else_waits_for_what_the_python_sdk_needs(
    server: Served, monkeypatch: pytest.MonkeyPatch, agents: tuple[str, ...]
) -> None:
    monkeypatch.setattr(handshake, "ACK_DELAY_SECONDS", 60.0)
    url = hub(server, token())
    sdk = "User-Agent: mine azsdk-python-webpubsub-client/1.1.0 Python/3.11"
    with RawSocket(url) as waiting, RawSocket(url) as other:
        waiting.send(upgrade_request(url, [JSON], [sdk]))
        other.send(upgrade_request(url, [JSON], [f"User-Agent: {agent}" for agent in agents]))
        assert other.read_answer() == 101
        assert other.join("SPX_orderflow").success
        waiting.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.socket.recv(1)


def test_a_delay_that_is_asked_for_is_everybodys() -> None:
    with running_server(token_secret=SECRET, ack_delay="10s") as slow:
        url = hub(slow, token())
        with RawSocket(url) as waiting:
            waiting.send(upgrade_request(url, [JSON]))
            assert slow.get("/health")[0] == 200
            waiting.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                waiting.socket.recv(1)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/client/hubs/unknown", 404),
        ("/client/hubs/v3_classic", 404),
        ("/client/", 400),
        ("/client/?hub=", 400),
        ("/client/?hub=unknown", 404),
        ("/client/hubs/9lives", 400),
        ("/client/hubs/a%20b", 400),
        ("/client/hubs/orderflow/more", 404),
        ("/client/hubs/", 404),
        ("/negotiate", 404),
        ("/", 404),
    ],
)
def test_no_such_hub(server: Served, path: str, status: int) -> None:
    answer = try_upgrade(f"{server.url}{path}", [JSON])
    assert answer.status == status
    assert answer.body


@pytest.mark.parametrize("missing", ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_not_a_websocket_upgrade_is_400(server: Served, missing: str) -> None:
    assert try_upgrade(hub(server, token()), [JSON], drop=[missing]).status == 400


def test_a_wrong_websocket_version_or_key_is_400(server: Served) -> None:
    for name, value in (("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Key", "short")):
        assert try_upgrade(hub(server, token()), [JSON], [f"{name}: {value}"], drop=[name]).status == 400


def test_an_invalid_group_in_the_token_is_400(server: Served) -> None:
    for group in (" ", "x" * 1025):
        answer = try_upgrade(hub(server, token(Grant("x", groups=(group,)))), [JSON])
        assert (answer.status, answer.body) == (400, b"The token contains an invalid group name.")


def test_a_stray_reconnection_token_is_an_ordinary_connection(server: Served) -> None:
    with connect(hub(server, token()) + "&awps_reconnection_token=x", JSON) as raw:
        assert raw.read_json().kind == "connected"


def test_audience_is_checked_when_asked_for() -> None:
    with running_server(token_secret=SECRET, token_audience="true") as server:
        assert try_upgrade(hub(server, token()), [JSON]).status == 401
        urls = server.negotiate()
        assert try_upgrade(urls["orderflow"], [JSON]).status == 101
        other = urls["classic"].partition("access_token=")[2]
        assert try_upgrade(hub(server, other), [JSON]).status == 401


def test_a_token_is_good_for_its_own_hub_and_no_other() -> None:
    with running_server(tickers="SPX") as other:
        urls = other.negotiate("mixed-up")
        wrong = urls["classic"].replace("/client/hubs/classic?", "/client/hubs/orderflow?")
        assert try_upgrade(wrong, [JSON]).status == 401
        told = "the access token is for hub classic, and this is orderflow: each hub has a URL of its own; use that"
        wait_until(lambda: any(told in line for line in other.stderr), 5, told)
        cased = urls["classic"].replace("/client/hubs/classic?", "/client/hubs/Classic?")
        assert try_upgrade(cased, [JSON]).status == 101


def test_a_request_line_of_16_kib_is_accepted(server: Served) -> None:
    groups = tuple(f"blue_SPX_classic_gex_202607{number:03d}_long_name_{number}" for number in range(150))
    long_token = token(Grant("many", groups=groups))
    url = hub(server, long_token)
    url += "&pad=" + "x" * (16 * 1024 - len(url))
    with connect(url, JSON) as raw:
        assert raw.read_json().user == "many"


@pytest.mark.parametrize("where", ["line", "header", "endless"])
def test_an_oversize_head_is_refused(server: Served, where: str) -> None:
    huge = "x" * (200 * 1024)
    with RawSocket(server.url) as raw:
        if where == "line":
            raw.send(upgrade_request(hub(server, huge), [JSON]))
        elif where == "header":
            raw.send(upgrade_request(hub(server, token()), [JSON], [f"X-Huge: {huge}"]))
        else:
            raw.send(b"GET /" + huge.encode())
        assert 400 <= raw.read_answer() < 500
        assert raw.is_gone()
    assert server.get("/health")[0] == 200


def test_a_failed_attempt_leaves_no_connection_behind(server: Served) -> None:
    before = server.health()["connections"]
    for access_token in ("", "garbage"):
        try_upgrade(hub(server, access_token), [JSON])
    assert server.health()["connections"] == before


def test_frames_right_behind_the_request_are_processed(server: Served) -> None:
    from support.raw import TEXT, frame

    url = hub(server, token())
    frames = [frame(TEXT, decode.json_join(f"room {number}", number).encode()) for number in range(3)]
    with RawSocket(url) as raw:
        raw.send(upgrade_request(url, [JSON]) + b"".join(frames))
        assert raw.read_answer() == 101
        assert raw.read_json().kind == "connected"
        assert [raw.read_json().id for _ in range(3)] == [0, 1, 2]
