"""What is said of a server that cannot be asked: nothing there, another program, no address."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from urllib.request import Request

import pytest

from gexfaker.client.control import Control
from gexfaker.client.feed import ListenError
from gexfaker.client.http import opened, unreachable
from gexfaker.errors import ControlError
from gexfaker.testing import receive

PAGE = b"<!DOCTYPE html><p>mine</p>"


class Mine(http.server.BaseHTTPRequestHandler):
    """A web server of somebody else: a page for GET, an error page for the rest."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def do_PUT(self) -> None:
        self.send_response(500)
        self.send_header("X-Gexfaker", "simulated")
        self.end_headers()

    def do_POST(self) -> None:
        self.send_error(418)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


ASKING: dict[str, Callable[[str], object]] = {
    "sessions": lambda url: Control(url).sessions(),
    "create": lambda url: Control(url).create("k", []),
    "orderflow": lambda url: receive(url, "SPX_orderflow_orderflow"),
    "spot": lambda url: receive(url, "SPX_spot"),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=list(ASKING))
def test_another_program_is_not_called_no_server_and_not_shown(other: str, ask: Callable[[str], object]) -> None:
    with pytest.raises((ControlError, ListenError)) as caught:
        ask(other)
    assert str(caught.value).startswith(f"what answers at {other} is not a gexfaker (")
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("ask", ASKING.values(), ids=list(ASKING))
def test_an_address_without_http_is_told_with_it(other: str, ask: Callable[[str], object]) -> None:
    address = other.removeprefix("http://")
    with pytest.raises((ControlError, ListenError), match=f"is not the address of a server: write http://{address}"):
        ask(address)


def test_a_failure_of_a_gexfaker_is_not_taken_for_another_program(other: str) -> None:
    with pytest.raises(OSError, match="500") as caught:
        opened(Request(f"{other}/x", method="PUT"), 5)  # noqa: S310 - http
    assert unreachable(other, caught.value) == (
        f"the server at {other} answered 500 Internal Server Error: its log says why"
    )
    caught.value.close()  # type: ignore[attr-defined]
