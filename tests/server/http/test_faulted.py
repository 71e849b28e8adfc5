"""Faults of REST and negotiation on the wire: what httpx and the standard library meet, and what other keys do not."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gexfaker.faults.kinds import KINDS, Point
from support import rest
from support.leaks import LEAVES_SOCKETS
from support.server import InProcess, running_server, wait_until

PATH = "/SPX/classic/zero"
REQUEST_KINDS = [name for name, kind in KINDS.items() if Point.REQUEST in kind.POINTS]
OTHER = {"Authorization": "Bearer other", "User-Agent": "bystander"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder: Path = tmp_path_factory.mktemp("faulted")
    rest.write_all(folder, count=20)
    with running_server(data_dir=str(folder), control_token="") as running:
        yield running


class User:
    """A user of one key with a client of the standard kind."""

    def __init__(self, server: InProcess, key: str) -> None:
        self.key = key
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "my-bot/1.0"}
        self.http = httpx.Client(base_url=server.url, headers=headers, timeout=5)

    def get(self, path: str = PATH) -> httpx.Response:
        return self.http.get(path)

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> dict[str, Any]:
        answer = self.http.put(f"/_gexfaker/faults?key={self.key}", json={"faults": list(rules), "seed": seed})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def journal(self, *types: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"/_gexfaker/journal?key={self.key}&type={','.join(types)}").json()[
            "entries"
        ]
        return found

    def hits(self) -> list[int]:
        found = self.http.get(f"/_gexfaker/faults?key={self.key}").json()
        return [rule["hits"] for rule in found["faults"]]


@pytest.fixture
def user(server: InProcess, request: pytest.FixtureRequest) -> Iterator[User]:
    made = User(server, re.sub(r"\W", "-", request.node.name))
    with made.http:
        assert made.get().status_code == 200
        yield made


def urllib_get(server: InProcess, user: User, path: str = PATH) -> tuple[int, bytes]:
    """The standard library's client: another implementation of HTTP."""
    headers = {"Authorization": f"Bearer {user.key}", "User-Agent": "urllib"}
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers), timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read()


# --- other answers -------------------------------------------------------------------------------


def test_a_status_with_the_services_own_words_or_with_those_of_the_rule(server: InProcess, user: User) -> None:
    user.faults(
        {"type": "status", "name": "a", "count": 1, "attributes": {"code": 401}},
        {"type": "status", "name": "b", "count": 1, "attributes": {"code": 429}},
        {
            "type": "status",
            "name": "c",
            "count": 1,
            "attributes": {"code": 502, "body": "<html>502</html>", "headers": {"Content-Type": "text/html"}},
        },
        {"type": "status", "name": "d", "count": 1, "attributes": {"code": 200, "body": '{"error":"no data"}'}},
    )
    first, second, third, fourth = (user.get() for _ in range(4))
    assert (first.status_code, first.json()) == (401, {"error": "Unauthorized"})
    assert (second.status_code, second.json(), second.headers["retry-after"]) == (
        429,
        {"error": "Rate limit exceeded."},
        "1",
    )
    assert (third.status_code, third.text, third.headers["content-type"]) == (502, "<html>502</html>", "text/html")
    assert (fourth.status_code, fourth.json()) == (200, {"error": "no data"})
    assert fourth.headers["x-gexfaker"].startswith("recorded"), "the mark stays"
    assert user.get().status_code == 200
    user.faults({"type": "status", "attributes": {"code": 503}})
    assert urllib_get(server, user)[0] == 503


@pytest.mark.parametrize("code", [200, 204, 205, 304, 400, 404, 418, 500, 599])
def test_any_status_with_and_without_a_body(server: InProcess, user: User, code: int) -> None:
    lines = len(server.stderr)
    for body in (None, "a body"):
        user.faults({"type": "status", "attributes": {"code": code, "body": body}})
        assert user.get().status_code == code
        assert user.get().status_code == code, "on the same connection"
    assert not [line for line in server.stderr[lines:] if "Traceback" in line]


@pytest.mark.parametrize(("pool", "least", "most"), [("minute", 1, 60), ("day", 1, 86_400), ("month", 1, 86_400 * 31)])
def test_a_quota_is_used_up_until_its_time(user: User, pool: str, least: int, most: int) -> None:
    user.faults({"type": "quota", "attributes": {"pool": pool}})
    answer = user.get()
    assert answer.status_code == 429
    assert least <= int(answer.headers["retry-after"]) <= most


def test_an_old_snapshot(user: User) -> None:
    user.http.post(f"/_gexfaker/sessions/by-key/pause?key={user.key}")
    user.http.post(
        f"/_gexfaker/sessions/by-key/seek?key={user.key}", json={"index": 10, "feed": "SPX_classic_gex_zero"}
    )
    now = user.get().json()["timestamp"]
    user.faults({"type": "stale", "attributes": {"records": 4}})
    assert user.get().json()["timestamp"] == now - 4
    user.faults({"type": "stale", "attributes": {"records": 600}})
    assert user.get().json()["timestamp"] == rest.OPEN + 1


# --- broken connections --------------------------------------------------------------------------


def test_a_reset_no_answer_and_an_empty_one(server: InProcess, user: User) -> None:
    user.faults({"type": "reset_peer", "count": 1}, {"type": "empty", "count": 2}, {"type": "timeout"})
    with pytest.raises(httpx.ReadError, match="reset"):
        user.get()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        user.get()
    with pytest.raises(http.client.RemoteDisconnected):
        urllib_get(server, user)
    with pytest.raises(httpx.ReadTimeout):
        user.http.get(PATH, timeout=0.3)
    user.faults({"type": "timeout", "attributes": {"timeout": 300}})
    began = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        user.get()
    assert 0.25 < time.monotonic() - began < 3


def test_a_client_that_gives_up_leaves_nothing_behind(server: InProcess, user: User) -> None:
    user.faults({"type": "timeout"})
    user.journal()
    with pytest.raises(httpx.ReadTimeout):
        user.http.get(PATH, timeout=0.1)
    wait_until(lambda: [one["status"] for one in user.journal("request")] == [0], 5, "it is written down as given up")
    user.faults()
    assert user.get().status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_body_that_is_cut_in_each_way(server: InProcess, user: User, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    whole = user.http.get("/SPX/classic/full", headers=headers).content
    user.faults({"type": "malformed", "attributes": {"part": "json"}})
    cut = user.http.get("/SPX/classic/full", headers=headers)
    assert cut.status_code == 200
    assert len(cut.content) == len(whole) // 2
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    user.faults({"type": "malformed", "attributes": {"part": "length"}})
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        user.http.get("/SPX/classic/full", headers=headers)
    user.faults({"type": "malformed", "attributes": {"part": "gzip"}})
    connection = http.client.HTTPConnection(*server.address, timeout=5)
    connection.request(
        "GET", "/SPX/classic/full", headers=headers | {"Authorization": f"Bearer {user.key}", "User-Agent": "x"}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.headers.get("Content-Encoding") == ("gzip" if encoding == "gzip" else None)
    if encoding == "gzip":
        with pytest.raises(EOFError):
            gzip.decompress(body)
    else:
        assert 0 < len(body) < len(whole)


def test_no_more_than_so_many_bytes(server: InProcess, user: User) -> None:
    user.faults({"type": "limit_data", "attributes": {"bytes": 10}})
    with pytest.raises(http.client.IncompleteRead) as caught:
        urllib_get(server, user)
    assert len(caught.value.partial) == 10


FILE = f"/hist/SPX/classic/gex_zero/{rest.DATE}"


@pytest.mark.parametrize("on", [{"route": "/_files/*"}, {"ticker": "SPX", "category": "gex_zero"}, {}])
def test_a_download_of_the_history_is_cut_and_told_in_the_journal(user: User, on: dict[str, str]) -> None:
    journal = f"/_gexfaker/journal?key={user.key}&type=request"
    user.http.get(journal)
    whole = user.http.get(FILE, follow_redirects=True)
    assert (whole.status_code, len(whole.json())) == (200, 20)
    rule: dict[str, Any] = {"type": "limit_data", "on": on, "attributes": {"bytes": 100}}
    link = user.http.get(FILE, params={"noredirect": ""}).json()["url"]
    user.faults(rule)
    with httpx.Client() as nobody, pytest.raises(httpx.RemoteProtocolError):
        nobody.get(link)  # as clients do: without the key
    assert user.hits() == [1]

    def told() -> list[dict[str, Any]]:
        entries = user.http.get(journal).json()["entries"]
        return [entry for entry in entries if entry["path"].startswith("/_files/")]

    wait_until(lambda: len(told()) == 2, 5, "both downloads in the journal")
    assert [entry["status"] for entry in told()] == [200, 200]
    assert told()[1]["bytes"] <= 100 < told()[0]["bytes"]


def test_a_link_is_good_for_the_key_that_has_asked_alone(user: User) -> None:
    link = user.http.get(FILE, params={"noredirect": ""}).json()["url"]
    assert user.key not in link
    assert httpx.get(link).status_code == 200
    other = re.sub(r"skoid=[^&]+", "skoid=0123456789abcdef", link)
    user.faults({"type": "empty"})
    for forged in (other, re.sub(r"&skoid=[^&]+", "", link)):
        assert forged != link
        assert httpx.get(forged).status_code == 403
    assert httpx.get(link.replace("sig=", "sig=0")).status_code == 403
    assert user.hits() == [0], "nobody uses up the faults of another key"
    user.faults({"type": "stale", "attributes": {"records": 3}}, {"type": "empty"})
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(link)
    assert user.hits() == [0, 1], "an old record is nothing for a whole day"


# --- slow answers --------------------------------------------------------------------------------


def took(user: User) -> float:
    began = time.monotonic()
    answer = user.get()
    assert answer.status_code == 200
    assert answer.json()["ticker"] == "SPX"
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("rule", "least"),
    [
        ({"type": "latency", "attributes": {"latency": 300}}, 0.3),
        ({"type": "latency", "attributes": {"lower": 200, "upper": 300}}, 0.2),
        ({"type": "latency", "attributes": {"median": 300, "sigma": 0}}, 0.29),
        ({"type": "slicer", "attributes": {"average_size": 100, "delay": 50}}, 0.25),
        ({"type": "bandwidth", "attributes": {"rate": 2}}, 0.2),
    ],
)
def test_answers_are_whole_and_late(user: User, rule: dict[str, Any], least: float) -> None:
    assert took(user) < least
    user.faults(rule)
    assert least <= took(user) < least + 4


# --- negotiation ---------------------------------------------------------------------------------


def test_tokens_that_have_expired(server: InProcess, user: User) -> None:
    user.faults({"type": "expire_token", "count": 1})
    for refused in (True, False):
        url = user.get("/negotiate").json()["websocket_urls"]["classic"]
        asked = (
            httpx.get(
                url.replace("ws://", "http://"),
                headers={
                    "Connection": "Upgrade",
                    "Upgrade": "websocket",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                },
                timeout=5,
            )
            if refused
            else None
        )
        assert asked is None or asked.status_code == 401


# --- the standard library's client ----------------------------------------------------------------


def exp_of(server: InProcess, user: User) -> float:
    """When the token that a negotiation gives expires, in seconds from now."""
    body = json.loads(urllib_get(server, user, "/negotiate")[1])
    token = body["websocket_urls"]["classic"].partition("access_token=")[2]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return float(claims["exp"]) - time.time()


def stamp_of(server: InProcess, user: User) -> int:
    return int(json.loads(urllib_get(server, user)[1])["timestamp"])


def lasts(server: InProcess, user: User) -> float:
    began = time.monotonic()
    assert json.loads(urllib_get(server, user)[1])["ticker"] == "SPX"
    return time.monotonic() - began


STANDARD: dict[str, tuple[dict[str, Any], Callable[[InProcess, User], bool]]] = {
    "latency": ({"latency": 300}, lambda server, user: lasts(server, user) > 0.29),
    "bandwidth": ({"rate": 2}, lambda server, user: lasts(server, user) > 0.2),
    "slicer": ({"average_size": 100, "delay": 40}, lambda server, user: lasts(server, user) > 0.2),
    "reset_peer": ({}, lambda server, user: isinstance(failure(server, user), ConnectionResetError)),
    "status": ({"code": 502}, lambda server, user: urllib_get(server, user)[0] == 502),
    "timeout": (
        {"timeout": 100},
        lambda server, user: isinstance(failure(server, user), http.client.RemoteDisconnected),
    ),
    "empty": ({}, lambda server, user: isinstance(failure(server, user), http.client.RemoteDisconnected)),
    "malformed": (
        {"part": "length"},
        lambda server, user: isinstance(failure(server, user), http.client.IncompleteRead),
    ),
    "limit_data": ({"bytes": 7}, lambda server, user: isinstance(failure(server, user), http.client.IncompleteRead)),
    "stale": ({"records": 600}, lambda server, user: stamp_of(server, user) == rest.OPEN + 1),
    "expire_token": ({}, lambda server, user: exp_of(server, user) <= 0),
    "quota": ({}, lambda server, user: urllib_get(server, user)[0] == 429),
}
"""By kind: attributes, and whether the client has met what they say."""


def failure(server: InProcess, user: User) -> BaseException:
    """What the client raises, without the wrapping of the library."""
    try:
        urllib_get(server, user)
    except Exception as problem:
        reason = getattr(problem, "reason", problem)
        return reason if isinstance(reason, BaseException) else problem
    raise AssertionError("nothing was raised")


@LEAVES_SOCKETS[0]
@LEAVES_SOCKETS[1]
@pytest.mark.parametrize("kind", REQUEST_KINDS)
def test_the_standard_librarys_client_meets_it(server: InProcess, user: User, kind: str) -> None:
    attributes, has_met = STANDARD[kind]
    user.http.post(f"/_gexfaker/sessions/by-key/pause?key={user.key}")
    user.http.post(f"/_gexfaker/sessions/by-key/seek?key={user.key}", json={"index": 9, "feed": "SPX_classic_gex_zero"})
    assert kind in ("slicer", "latency", "bandwidth") or not met_already(has_met, server, user)
    user.faults({"type": kind, "attributes": attributes})
    assert has_met(server, user)


def met_already(has_met: Callable[[InProcess, User], bool], server: InProcess, user: User) -> bool:
    """Whether the client meets it without the fault, so that the test would prove nothing."""
    try:
        return has_met(server, user)
    except AssertionError:
        return False


# --- aim -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "hit", "missed"),
    [
        ({"route": "/SPX/classic/*"}, PATH, "/SPX/state/zero"),
        ({"category": "gex_zero", "package": "state"}, "/SPX/state/zero", PATH),
        ({"route": "/negotiate"}, "/negotiate", PATH),
        ({"route": "/whoami"}, "/whoami", PATH),
        ({"client": "my-bot*"}, PATH, ""),
        ({"client": "other*"}, "", PATH),
        ({"ticker": "spx"}, PATH, "/negotiate"),
        ({"route": "/SPX/classic/*"}, f"/v2{PATH}", "/v2/SPX/state/zero"),
    ],
)
def test_a_rule_hits_whom_it_names(user: User, on: dict[str, str], hit: str, missed: str) -> None:
    user.faults({"type": "status", "on": on, "attributes": {"code": 500}})
    assert not hit or user.get(hit).status_code == 500
    assert not missed or user.get(missed).status_code == 200


def test_a_client_is_known_by_its_name_from_its_first_request_on(server: InProcess, user: User) -> None:
    fresh = User(server, f"{user.key}-fresh")
    with fresh.http:
        fresh.faults({"type": "status", "on": {"client": "my bot"}, "attributes": {"code": 418}})
        fresh.http.get(f"/_gexfaker/journal?key={fresh.key}")
        for path in ("/tickers", PATH):
            assert fresh.http.get(path, headers={"X-Gexfaker-Name": "my bot"}).status_code == 418
        entries = fresh.http.get(f"/_gexfaker/journal?key={fresh.key}&type=request").json()["entries"]
    assert [entry["client"] for entry in entries] == ["my bot"] * 2


def test_what_is_not_the_services_is_never_spoiled(user: User) -> None:
    user.faults({"type": "empty"})
    for path in (f"/_gexfaker/faults?key={user.key}", "/health", "/ready", "/openapi.json", "/"):
        assert user.http.get(path).status_code == 200, path
    assert user.hits() == [0]


def strip(answer: httpx.Response) -> list[tuple[str, str]]:
    """The headers but the time."""
    return [(name, one) for name, one in answer.headers.multi_items() if name != "date"]


@pytest.mark.parametrize("kind", REQUEST_KINDS)
def test_another_key_notices_nothing(server: InProcess, user: User, kind: str) -> None:
    pause = {"Authorization": "Bearer other"}
    httpx.post(f"{server.url}/_gexfaker/sessions/by-key/pause?key=other", headers=pause)
    before = [httpx.get(server.url + path, headers=OTHER) for path in (PATH, "/SPX/orderflow/orderflow")]
    user.faults({"type": kind})
    after = [httpx.get(server.url + path, headers=OTHER) for path in (PATH, "/SPX/orderflow/orderflow")]
    assert [(one.status_code, one.content, strip(one)) for one in after] == [
        (one.status_code, one.content, strip(one)) for one in before
    ]


def test_too_many_that_are_held_up_are_reset_instead(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexfaker.server.http.faulted.MAX_SPOILED", 0)
    user.faults({"type": "timeout"})
    with pytest.raises(httpx.ReadError):
        user.get()


def test_the_journal_has_each_request_with_what_it_was_answered(user: User) -> None:
    base = f"/_gexfaker/journal?key={user.key}"
    assert user.http.get(base).json()["entries"] == []
    user.get()
    user.get("/SPX/nothing/zero")
    user.faults({"type": "empty", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        user.get()
    entries = user.http.get(f"{base}&type=request,fault").json()["entries"]
    assert [(entry["type"], entry.get("status")) for entry in entries] == [
        ("request", 200),
        ("request", 404),
        ("fault", None),
        ("request", 0),
    ]
    assert entries[0].items() >= {"method": "GET", "path": PATH, "client": "my-bot/1.0"}.items()
    assert entries[0]["bytes"] > 100
    assert user.key not in json.dumps(entries)
