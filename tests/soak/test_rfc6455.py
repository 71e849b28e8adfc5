"""The table of RFC 6455 cases; the Autobahn suite (``python -m tests.soak.autobahn``) says the same at length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from soak.echo import echo_server, echo_url
from soak.rfc6455 import CASES, HALF, Case, run, vanish
from support.raw import RawSocket
from support.server import Running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with echo_server() as running:
        yield running
        assert not [line for line in running.stderr if "Traceback" in line or "ERROR" in line], running.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(server: Running, case: Case) -> None:
    run(case, echo_url(server))


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("how", ["reset", "end of stream"])
def test_a_client_that_vanishes_midway_is_forgotten(server: Running, name: str, how: str) -> None:
    vanish(server, HALF[name], RawSocket.abort if how == "reset" else lambda raw: raw.socket.close())
