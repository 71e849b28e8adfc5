"""Targets as clients and proxies write them, and what else HTTP allows."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from gexfaker.server.http.targets import plain_path
from support import data
from support.raw import JSON, RawSocket, upgrade_request
from support.server import Served, running_server, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = data.write_day(tmp_path_factory.mktemp("targets"), 100, ("ES_SPX",))
    with running_server(data_dir=str(folder)) as running:
        yield running


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/negotiate/", "/negotiate"),
        ("//v2//tickers", "/v2/tickers"),
        ("/v2/tickers///", "/v2/tickers"),
        ("http://h:8080/v2/tickers", "/v2/tickers"),
        ("https://user@h/negotiate/", "/negotiate"),
        ("http://h", "/"),
        ("http://h/a%41b", "/a%41b"),
        ("http://[", "/"),
        ("/client/", "/client/"),
        ("*", "*"),
    ],
)
def test_plain_paths(target: str, path: str) -> None:
    assert plain_path(target) == path


def ask(server: Served, target: str) -> tuple[int, bytes]:
    """The answer to a request with this very target."""
    with socket.create_connection(server.address, timeout=10) as connection:
        lines = [
            f"GET {target} HTTP/1.1",
            "Host: h",
            "Authorization: Bearer demo",
            "User-Agent: t",
            "Connection: close",
        ]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("path", ["/negotiate", "/tickers", "/v2/ES_SPX/orderflow/orderflow", "/health", "/docs"])
def test_every_form_of_a_target_is_answered_and_none_is_redirected(server: Served, path: str) -> None:
    for target in (path, f"{path}/", f"/{path}", f"http://127.0.0.1:1{path}", f"{path}?x=1", f"{path}/?x=1"):
        status, body = ask(server, target)
        assert status == 200, target
        assert body


@pytest.mark.parametrize(
    "form", ["/client/hubs/orderflow/", "/client//hubs/orderflow", "http://h/client/hubs/orderflow"]
)
def test_websockets_too(server: Served, form: str) -> None:
    url = server.orderflow()
    with RawSocket(url) as raw:
        raw.send(upgrade_request(url, (JSON,)).replace(b"/client/hubs/orderflow", form.encode(), 1))
        assert raw.read_answer() == 101


def test_a_page_of_the_internet_may_ask_for_the_private_network(server: Served) -> None:
    headers = {
        "Origin": "https://dashboard.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = httpx.options(f"{server.url}/negotiate", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize("name", ["Via", "X-Real-IP", "Forwarded", "X-Forwarded-For"])
def test_what_a_proxy_passes_on_needs_the_token(server: Served, name: str) -> None:
    assert server.get("/_gexfaker/sessions", {name: "1.1 proxy"})[0] == 403
    assert server.get("/_gexfaker/sessions")[0] == 200


@pytest.mark.parametrize("path", ["/v2/negotiate", "/_gexfaker/sessions/demo/seek", "/reload-date"])
def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_trouble(
    server: Served, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        with socket.create_connection(server.address, timeout=10) as connection:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer demo\r\nContent-Length: 2\r\n\r\n{{"
            )
            connection.sendall(head.encode())
    wait_until(lambda: server.health()["bounds"]["tcp_connections"]["used"] == 1, 5, "only who asks for it is there")
    assert server.get("/health")[0] == 200  # what was told of the others has come by now
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_localhost_is_both_families() -> None:
    with running_server(host="localhost") as server:
        port = server.address[1]
        assert server.url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        if socket.has_ipv6 and can_bind_ipv6():
            assert httpx.get(f"http://[::1]:{port}/health").status_code == 200
            assert httpx.get(f"http://[::1]:{port}/_gexfaker/sessions").status_code == 200


def can_bind_ipv6() -> bool:
    """Whether this machine has ``::1``."""
    try:
        with socket.socket(socket.AF_INET6) as bound:
            bound.bind(("::1", 0))
    except OSError:
        return False
    return True
