"""Who may use the control plane: this machine, or who has the token; no web page of another origin."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.control import SESSIONS, Plane
from support.rest import World, write_all
from support.server import Served, running_server

TOKEN = "control-token-of-this-test"
GUARDED = (
    ("GET", SESSIONS),
    ("POST", SESSIONS),
    ("GET", f"{SESSIONS}/demo"),
    ("DELETE", f"{SESSIONS}/demo"),
    ("POST", f"{SESSIONS}/demo/pause"),
    ("POST", f"{SESSIONS}/all/reset"),
    ("GET", "/_gexfaker/sync"),
    ("GET", "/sync/stream"),
    ("POST", "/reset-cache"),
    ("POST", "/seek-to-timestamp"),
    ("POST", "/reload-date"),
)


def answers(server: Served, headers: dict[str, str]) -> set[int]:
    """The statuses of all guarded routes."""
    found = set()
    for method, path in GUARDED:
        with closing(http.client.HTTPConnection(*server.address, timeout=10)) as connection:
            connection.request(method, path, b"{}", headers)
            answer = connection.getresponse()
            found.add(answer.status)
            if answer.status >= 400:
                assert list(json.loads(answer.read())) == ["error"]
    return found


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    with running_server(control_token=TOKEN) as server:
        yield server


@pytest.fixture(scope="module")
def local() -> Iterator[Served]:
    with running_server() as server:
        yield server


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"]
)
def test_without_the_token_it_is_401(guarded: Served, given: str) -> None:
    assert answers(guarded, {"Authorization": given} if given else {}) == {401}
    assert guarded.get("/health")[0] == 200


def test_nothing_happened_without_the_token(guarded: Served) -> None:
    with Plane(guarded, {"Authorization": f"Bearer {TOKEN}"}) as plane:
        assert plane.call("GET", SESSIONS) == (200, {"sessions": [], "total": 0})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_the_token_it_is_open(guarded: Served, scheme: str) -> None:
    with Plane(guarded, {"Authorization": f"{scheme} {TOKEN}"}) as plane:
        assert plane.act("pause", "other")["resolved"] == "paused"
        assert plane.act("reset", "other")["requested"] == "reset"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "", "http://[", "[::1"]
)
def test_pages_of_another_origin_are_refused(local: Served, guarded: Served, origin: str) -> None:
    assert answers(local, {"Origin": origin}) == {403}
    assert answers(guarded, {"Origin": origin, "Authorization": f"Bearer {TOKEN}"}) == {403}


def test_pages_of_its_own_origin_are_not(local: Served) -> None:
    with Plane(local, {"Origin": local.url}) as plane:
        assert plane.act("pause")["resolved"] == "paused"


def test_a_browser_is_not_told_that_it_may_delete(local: Served) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
    with closing(http.client.HTTPConnection(*local.address, timeout=10)) as connection:
        connection.request("OPTIONS", f"{SESSIONS}/demo", headers=asked)
        answer = connection.getresponse()
        answer.read()
    assert answer.status == 400
    assert "DELETE" not in (answer.getheader("access-control-allow-methods") or "")


def test_beyond_this_machine_it_needs_a_token() -> None:
    with running_server(host="0.0.0.0") as server:  # noqa: S104
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert answers(server, {}) == {403}
        assert answers(server, {"Authorization": "Bearer "}) == {403}
        with Plane(server) as plane:
            status, answer = plane.call("GET", SESSIONS)
        assert (status, "CONTROL_TOKEN" in answer["error"]) == (403, True)
        assert server.get("/health")[0] == 200
    with running_server(host="0.0.0.0", control_token=TOKEN) as server:  # noqa: S104
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert answers(server, {}) == {401}
        with Plane(server, {"Authorization": f"Bearer {TOKEN}"}) as plane:
            assert plane.act("pause")["resolved"] == "paused"


def test_the_name_of_this_machine_is_open_too() -> None:
    with running_server(host="localhost") as server, Plane(server) as plane:
        assert plane.call("GET", SESSIONS)[0] == 200


def test_the_token_is_not_written(guarded: Served) -> None:
    assert not [line for line in guarded.stdout + guarded.stderr if TOKEN in line]


@pytest.mark.parametrize("host", ["[::1", "[nonsense]", "127.0.0.1@evil.example", "evil.example:127", ""])
def test_what_is_no_name_of_this_machine_is_refused(local: Served, host: str) -> None:
    assert answers(local, {"Host": host}) == {403}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "Forwarded"])
def test_behind_a_proxy_it_needs_a_token(local: Served, guarded: Served, name: str) -> None:
    """A proxy on this machine makes everybody look like this machine."""
    assert answers(local, {name: "203.0.113.7"}) == {403}
    with Plane(guarded, {name: "203.0.113.7", "Authorization": f"Bearer {TOKEN}"}) as plane:
        assert plane.act("pause")["resolved"] == "paused"


@pytest.mark.parametrize("setting", [{"public_url": "https://faker.test"}, {"trust_forwarded": "true"}])
def test_settings_for_a_proxy_close_it_too(setting: dict[str, Any], tmp_path: Path) -> None:
    write_all(tmp_path)
    refused = World(tmp_path, **setting).ask(SESSIONS, host="127.0.0.1")
    assert (refused.status, b"CONTROL_TOKEN" in refused.body) == (403, True)
    told = World(tmp_path, control_token=TOKEN, **setting)
    assert told.ask(SESSIONS, host="127.0.0.1", authorization=f"Bearer {TOKEN}").status == 200
