"""Negotiation and the other HTTP answers, over real sockets."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.raw import JSON, RawSocket, connect, try_upgrade
from support.server import Served, running_server

HUBS = ["classic", "state_gex", "state_greeks_zero", "state_greeks", "state_greeks_one", "orderflow"]
MISSING = b'{"error":"Authorization header not found."}'


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server() as running:
        yield running


def ask(server: Served, headers: dict[str, str] | None = None, path: str = "/negotiate") -> dict[str, Any]:
    status, body = server.get(path, {"Authorization": "Bearer demo"} if headers is None else headers)
    assert status == 200, body
    reply: dict[str, Any] = json.loads(body)
    return reply


def claims(url: str) -> dict[str, Any]:
    """The claims of a URL's token, read without any JWT library."""
    payload = url.partition("access_token=")[2].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


@pytest.mark.parametrize("path", ["/negotiate", "/v2/negotiate"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"Authorization": "Bearer gexbot_custom_1"}),
        ("", {"Authorization": "bearer gexbot_custom_1"}),
        ("", {"Authorization": "Basic gexbot_custom_1"}),
        ("?key=gexbot_custom_1", {}),
    ],
)
def test_every_way_to_give_a_key_leads_to_the_same_session(
    server: Served, path: str, query: str, headers: dict[str, str]
) -> None:
    reply = ask(server, headers, path + query)
    assert list(reply) == ["websocket_urls", "prefix"]
    assert reply["prefix"] == "blue"
    assert list(reply["websocket_urls"]) == HUBS
    host = server.url.removeprefix("http://")
    subjects = set()
    for hub, url in reply["websocket_urls"].items():
        assert url.startswith(f"ws://{host}/client/hubs/{hub}?access_token=")
        found = claims(url)
        assert found["aud"] == f"http://{host}/client/hubs/{hub}"
        assert found["role"] == ["webpubsub.joinLeaveGroup"]
        assert found["exp"] - found["iat"] == 15 * 60
        subjects.add(found["sub"])
    reference = claims(server.orderflow("gexbot_custom_1"))["sub"]
    assert subjects == {reference}
    assert "gexbot" not in reference


@pytest.mark.parametrize("path", ["/negotiate", "/v2/negotiate"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer "}])
def test_without_a_key_it_is_400_to_the_byte(server: Served, path: str, headers: dict[str, str]) -> None:
    assert server.get(path, headers) == (400, MISSING)
    assert server.get(path + "?key=", headers) == (400, MISSING)


@pytest.mark.parametrize("host", ["example.test", "example.test:9999", "10.1.2.3:80", "[::1]:8080", "my_box"])
def test_urls_follow_the_host_header(server: Served, host: str) -> None:
    urls = ask(server, {"Authorization": "Bearer demo", "Host": host})["websocket_urls"]
    assert all(url.startswith(f"ws://{host}/client/hubs/") for url in urls.values())


@pytest.mark.parametrize(
    "host", ['a"b', "a b", "a/b", "a?b", "a#b", "user@a", "", "a:b", "a:123456", "<script>", "[::1"]
)
def test_a_hostile_host_header_is_refused(server: Served, host: str) -> None:
    status, body = server.get("/negotiate", {"Authorization": "Bearer demo", "Host": host})
    assert status == 400
    assert b"access_token" not in body


def test_forwarded_headers_are_ignored_unless_trusted(server: Served) -> None:
    headers = {
        "Authorization": "Bearer demo",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "feeds.example.test",
    }
    url = ask(server, headers)["websocket_urls"]["classic"]
    assert url.startswith(f"ws://{server.url.removeprefix('http://')}/client/hubs/classic?")
    with running_server(trust_forwarded="true") as trusting:
        url = ask(trusting, headers)["websocket_urls"]["classic"]
        assert url.startswith("wss://feeds.example.test/client/hubs/classic?")
        several = headers | {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "outer.test, inner.test"}
        assert ask(trusting, several)["websocket_urls"]["classic"].startswith("wss://outer.test/client/")
        for name, value in (("X-Forwarded-Host", 'a"b'), ("X-Forwarded-Proto", "javascript")):
            assert trusting.get("/negotiate", headers | {name: value})[0] == 400
        assert ask(trusting)["websocket_urls"]["classic"].startswith(f"ws://{trusting.url.removeprefix('http://')}/")


def test_the_public_url_wins_over_everything() -> None:
    settings = {"public_url": "https://feeds.example.test/gex/", "trust_forwarded": "true", "token_lifetime": "90s"}
    with running_server(**settings) as server:
        headers = {"Authorization": "Bearer demo", "Host": 'a"b', "X-Forwarded-Host": "other.test"}
        for hub, url in ask(server, headers)["websocket_urls"].items():
            assert url.startswith(f"wss://feeds.example.test/gex/client/hubs/{hub}?access_token=")
            assert claims(url)["exp"] - claims(url)["iat"] == 90


def test_ws_enabled_false_turns_the_feed_off() -> None:
    with running_server(ws_enabled="false") as server:
        status, body = server.get("/negotiate", {"Authorization": "Bearer demo"})
        assert status == 404
        assert list(json.loads(body)) == ["error"]
        assert server.get("/negotiate") == (400, MISSING)
        assert try_upgrade(f"{server.url}/client/hubs/orderflow?access_token=x", [JSON]).status == 404
        assert server.get("/health")[0] == 200


def test_other_answers(server: Served) -> None:
    assert server.get("/ready") == (200, b'{"status":"ready"}')
    assert server.get("/")[0] == 200
    status, body = server.get("/nowhere")
    assert status == 404
    assert list(json.loads(body)) == ["error"]
    for path in ("/client/hubs/orderflow", "/client/", "/ws/orderflow"):
        assert server.get(path)[0] == 400


def test_health_counts_connections_and_messages(server: Served) -> None:
    before = server.health()
    with connect(server.orderflow(), JSON) as raw:
        assert raw.read_json().kind == "connected"
        assert server.health()["connections"] == before["connections"] + 1
    assert before["status"] == "ok"
    assert before["data_origin"].startswith("simulated")


def test_negotiated_urls_open_every_hub(server: Served) -> None:
    for url in ask(server)["websocket_urls"].values():
        with connect(url, JSON) as raw:
            assert raw.read_json().kind == "connected"


def test_keep_alive_serves_several_requests_and_then_an_upgrade(server: Served) -> None:
    from support.raw import upgrade_request

    url = server.orderflow()
    with RawSocket(url) as raw:
        for _ in range(2):
            raw.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.read_answer() == 200
        raw.send(upgrade_request(url, [JSON]))
        assert raw.read_answer() == 101
        assert raw.read_json().kind == "connected"
