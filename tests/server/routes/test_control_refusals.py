"""What the control plane refuses: each with one sentence that says what would be accepted, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gexfaker.limits import MAX_CONTROL_BYTES
from support import data
from support.control import DAYS, SESSIONS, Plane, write_days
from support.server import Served, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = write_days(tmp_path_factory.mktemp("days"), 50)
    with running_server(data_dir=str(root), data_date=DAYS[-1]) as running:
        yield running


@pytest.fixture
def plane(server: Served) -> Iterator[Plane]:
    with Plane(server) as plane:
        plane.act("reset")
        plane.act("pause")
        yield plane


@pytest.mark.parametrize(
    ("action", "body", "said"),
    [
        ("seek", {}, "say where"),
        ("seek", {"time": "25:00"}, "not a time of day"),
        ("seek", {"time": ["09:30"]}, "not a time of day"),
        ("seek", {"time": True}, "not a time of day"),
        ("seek", {"time": None}, "say where"),
        ("seek", {"index": 3.5}, "whole number"),
        ("seek", {"index": True}, "whole number"),
        ("seek", {"time": "09:40", "feed": "SPX_classic_gex_zero"}, "has no feed 'SPX_classic_gex_zero'"),
        ("seek", {"time": "09:40", "feed": 7}, "has no feed '7'"),
        ("speed", {}, "speed is a number"),
        ("speed", {"speed": "60"}, "speed is a number"),
        ("speed", {"speed": True}, "speed is a number"),
        ("speed", b'{"speed": NaN}', "not a JSON object"),
        ("speed", b'{"speed": 1e400}', "not a JSON object"),
        ("step", {"count": 0}, "whole number from 1 to 1000"),
        ("step", {"count": -1}, "whole number from 1 to 1000"),
        ("step", {"count": 1.5}, "whole number from 1 to 1000"),
        ("step", {"count": "2"}, "count is a number"),
        ("day", {}, "date is text"),
        ("day", {"date": 20260717}, "date is text"),
        ("mode", {}, "at least one of"),
        ("mode", {"playback": "fly"}, "clock, step"),
        ("mode", {"cache_mode": ["hold"]}, "hold, exhaust, rotation, next"),
        ("mode", {"colour": "red"}, "there is no option 'colour'"),
        ("mode", {"interval": 0}, "from 0.01 to 3600"),
        ("mode", {"interval": "1s"}, "from 0.01 to 3600"),
        ("pause", b"[]", "not a JSON object"),
        ("pause", b"null", "not a JSON object"),
        ("pause", b"{", "not a JSON object"),
        ("pause", b"\xff\xfe", "not a JSON object"),
        ("pause", b'{"a":' * 10_000, "not a JSON object"),
        ("pause", b" " * (MAX_CONTROL_BYTES + 1), f"longer than {MAX_CONTROL_BYTES} bytes"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(plane: Plane, action: str, body: object, said: str) -> None:
    before = plane.playback()
    status, answer = plane.call("POST", f"{SESSIONS}/demo/{action}", body)
    assert (status, list(answer)) == (400, ["error"])
    assert said in answer["error"]
    assert answer["error"].endswith(".")
    assert "\n" not in answer["error"]
    assert plane.playback() == before


@pytest.mark.parametrize("date", ["2001-01-01", "2026-13-45", "../../etc", "", "x" * 5000])
def test_days_that_do_not_exist_are_404(plane: Plane, date: str) -> None:
    status, answer = plane.call("POST", f"{SESSIONS}/demo/day", {"date": date})
    assert status == 404
    assert DAYS[-1] in answer["error"]
    assert len(answer["error"]) < 300
    assert plane.playback()["day"] == DAYS[-1]


def test_unknown_actions_and_sessions_are_404(plane: Plane) -> None:
    status, answer = plane.call("POST", f"{SESSIONS}/demo/fly")
    assert (status, "reset, pause, resume" in answer["error"]) == (404, True)
    for method, path in (
        ("GET", "nobody"),
        ("GET", "key-0123456789abcdef"),
        ("DELETE", "nobody"),
        ("DELETE", "key-0123456789abcdef"),
        ("POST", "key-0123456789abcdef/pause"),
    ):
        status, answer = plane.call(method, f"{SESSIONS}/{path}")
        assert (status, list(answer)) == (404, ["error"]), path
    known = plane.call("GET", SESSIONS)[1]["sessions"]
    assert len(known) == 1, "asking makes no session"


@pytest.mark.parametrize(
    "body", [{}, {"key": ""}, {"key": 7}, {"key": None}, [], "demo", b"{", b"\x00" * 10, b"1" * (MAX_CONTROL_BYTES + 1)]
)
def test_create_needs_a_key(plane: Plane, body: object) -> None:
    status, answer = plane.call("POST", SESSIONS, body)
    assert (status, list(answer)) == (400, ["error"])


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", ""), ("DELETE", ""), ("POST", "/demo"), ("GET", "/demo/pause"), ("PATCH", "/demo")]
)
def test_other_methods_are_405(plane: Plane, method: str, path: str) -> None:
    status, answer = plane.call(method, SESSIONS + path)
    assert (status, list(answer)) == (405, ["error"])


def test_every_body_up_to_the_limit_is_read(plane: Plane) -> None:
    body = b'{"speed":2}' + b" " * (MAX_CONTROL_BYTES - 11)
    assert plane.call("POST", f"{SESSIONS}/demo/speed", body)[0] == 200


def test_numbers_of_any_size_are_no_failure(server: Served, plane: Plane) -> None:
    huge: list[tuple[str, dict[str, Any]]] = [
        ("step", {"count": 10**30}),
        ("step", {"count": 1e300}),
        ("seek", {"index": 10**30}),
        ("seek", {"index": -(10**30)}),
        ("seek", {"time": 1e300}),
        ("seek", {"time": 10**30}),
        ("seek", {"time": -(10**30)}),
        ("speed", {"speed": 1e300}),
        ("speed", {"speed": -1e300}),
        ("mode", {"interval": 1e300}),
    ]
    for action, arguments in huge:
        status, answer = plane.call("POST", f"{SESSIONS}/demo/{action}", arguments)
        assert status in (200, 400), (action, arguments, answer)
    assert plane.playback()["day"] == data.DATE
    assert not [line for line in server.stderr if "Traceback" in line]
