"""The routes for faults, journal, expectations, records of one's own and the state of a key."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gexfaker.journal import journal as journal_module
from gexfaker.wire.tokens import world_id
from support import data, decode, rest
from support.journal import check_declared
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect
from support.server import InProcess, running_server, wait_until

FAULTS, JOURNAL = "/_gexfaker/faults", "/_gexfaker/journal"
PATH = "/ES_SPX/orderflow/orderflow"
FLOW = json.loads(data.record("ES_SPX", 7))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder: Path = tmp_path_factory.mktemp("watched")
    data.write_day(folder, 2000)
    rest.write(folder, "SPX/classic/gex_zero", rest.at(rest.GEX, rest.OPEN), rest.at(rest.GEX, rest.OPEN + 1))
    with running_server(data_dir=str(folder), ws_stream_interval="20ms") as running:
        yield running


class Key:
    """The plane of one key."""

    def __init__(self, server: InProcess, key: str) -> None:
        self.server, self.key = server, key

    def call(self, method: str, path: str, body: Any = None, *, more: str = "") -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        status, answer = self.server.request(method, f"{path}?key={self.key}{more}", content)
        return status, json.loads(answer) if answer else None

    def ok(self, method: str, path: str, body: Any = None, *, more: str = "", status: int = 200) -> Any:
        found, answer = self.call(method, path, body, more=more)
        assert found == status, answer
        return answer

    def get(self, path: str = PATH) -> int:
        return self.server.get(path, {"Authorization": f"Bearer {self.key}", "User-Agent": "t"})[0]

    def entries(self, *types: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ok("GET", JOURNAL, more=f"&type={','.join(types)}")["entries"]
        return found


@pytest.fixture
def key(server: InProcess, request: pytest.FixtureRequest) -> Iterator[Key]:
    made = Key(server, f"key{abs(hash(request.node.nodeid))}")
    yield made
    check_declared(server, made.key)


# --- faults --------------------------------------------------------------------------------------


def test_a_list_is_put_added_to_changed_and_switched_off(key: Key) -> None:
    assert key.ok("GET", FAULTS) == {"session": world_id(key.key), "seed": 0, "faults": []}
    first = key.ok("POST", FAULTS, {"type": "latency", "name": "slow"}, status=201)
    assert [rule["name"] for rule in first["faults"]] == ["slow"]
    key.ok("POST", FAULTS, [{"type": "drop"}, {"type": "gap"}], status=201)
    assert [one["name"] for one in key.ok("GET", FAULTS)["faults"]] == ["slow", "drop", "gap"]
    assert key.call("POST", FAULTS, {"type": "drop"})[0] == 400, "there is one of that name"
    patched = key.ok("PATCH", f"{FAULTS}/drop", {"toxicity": 0.25})
    assert patched["faults"][1]["toxicity"] == 0.25
    key.ok("PUT", f"{FAULTS}/gap", {"type": "kick"})
    assert key.ok("GET", f"{FAULTS}/gap")["type"] == "kick"
    assert [one["name"] for one in key.ok("DELETE", f"{FAULTS}/drop")["faults"]] == ["slow", "gap"]
    assert key.ok("PUT", FAULTS, {"preset": "flaky-feed", "seed": 7})["seed"] == 7
    assert key.ok("PUT", FAULTS, [])["faults"] == []
    key.ok("POST", FAULTS, {"preset": "quota-exhausted"}, status=201)
    assert key.get() == 429
    assert key.ok("DELETE", FAULTS)["faults"] == []
    assert key.get() == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "", {"rules": []}, 400, "send a list of rules"),
        ("PUT", "", b"{", 400, "the body is no JSON"),
        ("PUT", "", [{"type": "x"}], 400, "rule 1: there is no type"),
        ("PUT", "", {"preset": "x"}, 400, "there is no preset"),
        ("PUT", "", {"faults": [], "seed": "x"}, 400, "seed is a whole number"),
        ("POST", "", 3, 400, "send a list of rules"),
        ("PUT", "/a", [], 400, "a rule is an object"),
        ("PATCH", "/none", {}, 404, "there is no fault 'none'"),
        ("DELETE", "/none", None, 404, "there is no fault 'none'"),
        ("GET", "/none", None, 404, "there is no fault 'none'"),
        ("PUT", "/a", {"type": "drop", "toxicity": 2}, 400, "<= 1"),
    ],
)
def test_what_cannot_be_done_is_said(key: Key, method: str, path: str, body: Any, status: int, said: str) -> None:
    found, answer = key.call(method, FAULTS + path, body)
    assert found == status, answer
    assert said in answer["error"]
    assert answer["error"].endswith(".")


@pytest.mark.parametrize("mode", ["clock", "step"])
def test_rules_count_from_where_the_last_step_has_gone(key: Key, mode: str) -> None:
    """A step, and faults right behind it: its records are under the rules that there were."""
    path = "/_gexfaker/sessions/by-key"
    key.ok("POST", f"{path}/mode", {"playback": mode})
    key.ok("POST", f"{path}/pause", {})
    assert key.entries() == [], "the journal begins"
    raw = connect(key.server.orderflow(key.key), JSON)
    raw.read_kind("connected")
    raw.send_text(decode.json_join(data.group()))
    wait_until(lambda: bool(key.entries("joinGroup")), 5, "the join")
    for _ in range(5):
        key.ok("PUT", FAULTS, [])
        key.ok("PUT", FAULTS, [{"type": "duplicate", "name": "seen"}])
        before = len(key.entries("fault"))
        key.ok("POST", f"{path}/step", {"count": 20})
        [rule] = key.ok("GET", FAULTS)["faults"]
        assert (rule["hits"], len(key.entries("fault")) - before) == (20, 20)
        key.ok("PUT", FAULTS, [{"type": "drop"}])
        assert key.entries("fault")[-1]["fault"] == "duplicate"
    raw.socket.close()


def test_what_comes_after_a_reset_is_not_delivered_until_the_client_is_back(key: Key) -> None:
    path = "/_gexfaker/sessions/by-key"
    key.ok("POST", f"{path}/pause", {})
    assert key.entries() == [], "the journal begins"
    raw = connect(key.server.orderflow(key.key), JSON_RELIABLE)
    connected = raw.read_kind("connected")
    raw.send_text(decode.json_join(data.group()))
    wait_until(lambda: bool(key.entries("joinGroup")), 5, "the join")
    key.ok("POST", f"{path}/step", {"count": 3})
    before = sum(one["count"] for one in key.entries("deliver"))
    key.ok("PUT", FAULTS, [{"type": "reset_peer", "count": 1}])
    key.ok("POST", f"{path}/step", {"count": 5})
    assert sum(one["count"] for one in key.entries("deliver")) == before, "they wait for the client"
    assert (
        key.call(
            "POST",
            "/_gexfaker/journal/wait",
            {"type": "deliver", "within": 0.1, "since": key.ok("GET", JOURNAL)["last"]},
        )[0]
        == 406
    )
    back = recover(key, connected)
    after = key.entries("recover", "deliver")
    assert [one["type"] for one in after[-2:]] == ["recover", "deliver"]
    assert after[-1]["count"] == 5
    assert after[-1]["sequence_id"] == before + 5
    raw.socket.close()
    back.socket.close()


def recover(key: Key, connected: decode.Downstream) -> RawSocket:
    """A new socket for a connection."""
    name, token = connected.id, connected.token
    base = key.server.orderflow(key.key).partition("?")[0]
    return connect(f"{base}?awps_connection_id={name}&awps_reconnection_token={token}", JSON_RELIABLE)


def test_whose_faults_they_are_is_said_once(server: InProcess) -> None:
    for path in (FAULTS, f"{FAULTS}?key=a&session={world_id('a')}", f"{FAULTS}?key="):
        assert server.get(path)[0] == 400, path
    assert server.get(f"{FAULTS}?session={world_id('nobody knows')}")[0] == 404
    assert server.get(f"{FAULTS}?session=all")[0] == 404


def test_a_rule_may_name_its_key_which_is_not_kept_in_it(server: InProcess) -> None:
    rule = {"type": "status", "on": {"key": "named-in-the-rule", "route": "/ES_SPX/*"}, "attributes": {"code": 500}}
    status, answer = server.request("POST", FAULTS, json.dumps(rule).encode())
    assert status == 201
    assert b"named-in-the-rule" not in answer
    assert Key(server, "named-in-the-rule").get() == 500
    both = [rule, rule | {"name": "b", "on": {"key": "other"}}]
    status, answer = server.request("PUT", FAULTS, json.dumps(both).encode())
    assert status == 400
    assert b"several keys" in answer


def test_the_kinds_are_told_with_their_attributes(server: InProcess) -> None:
    status, answer = server.get("/_gexfaker/fault-types")
    found = json.loads(answer)
    assert status == 200
    assert found["types"]["latency"]["attributes"]["latency"]["maximum"] == 600_000
    assert found["types"]["drop"]["acts_on"] == ["message"]
    assert found["presets"]["flaky-feed"]["faults"]


def test_another_session_by_its_id(key: Key) -> None:
    key.get()
    status, answer = key.server.get(f"{FAULTS}?session={world_id(key.key)}")
    assert (status, json.loads(answer)["faults"]) == (200, [])


# --- the journal ---------------------------------------------------------------------------------


def test_it_is_off_until_it_is_asked_for_and_off_again(key: Key) -> None:
    key.get()
    assert key.entries() == []
    key.get()
    assert [entry["type"] for entry in key.entries()] == ["request"]
    key.ok("DELETE", JOURNAL)
    key.get()
    assert key.entries() == []


def test_what_a_client_does_from_negotiation_to_its_end(key: Key) -> None:
    key.ok("GET", JOURNAL)
    status, answer = key.server.get("/negotiate", {"Authorization": f"Bearer {key.key}"})
    url = json.loads(answer)["websocket_urls"]["orderflow"]
    assert status == 200
    with connect(url, JSON) as client:
        client.read_kind("connected")
        client.send_text(decode.json_join(data.group(), 1))
        for _ in range(3):
            client.read_kind("data")
        client.send_text(decode.json_leave(data.group(), 2))
        client.read_kind("ack")
    wait_until(lambda: bool(key.entries("close")), 5, "the close in the journal")
    types = [entry["type"] for entry in key.entries() if entry["type"] != "deliver"]
    assert types == ["negotiate", "request", "connect", "joinGroup", "ack", "leaveGroup", "ack", "close"]
    delivered = key.entries("deliver")
    assert delivered[0]["first"] == 0
    assert sum(entry["count"] for entry in delivered) >= 3
    [close] = key.entries("close")
    assert (close["hub"], close["by"]) == ("orderflow", "nobody")


def test_pages_and_types(key: Key) -> None:
    key.ok("GET", JOURNAL)
    for _ in range(5):
        key.get()
    page = key.ok("GET", JOURNAL, more="&limit=2")
    assert (len(page["entries"]), page["more"], page["next"]) == (2, 3, 2)
    rest_of_it = key.ok("GET", JOURNAL, more=f"&since={page['next']}")
    assert [entry["number"] for entry in rest_of_it["entries"]] == [3, 4, 5]
    for more, said in (("&type=nothing", "no entries of type"), ("&since=x", "since is"), ("&limit=-1", "limit is")):
        status, answer = key.call("GET", JOURNAL, more=more)
        assert status == 400
        assert said in answer["error"]


def test_entries_are_found_counted_waited_for_and_cleared(key: Key) -> None:
    key.ok("GET", JOURNAL)
    key.get()
    key.get("/ES_SPX/orderflow/nothing")
    found = key.ok("POST", f"{JOURNAL}/find", {"type": "request", "where": {"status": 404}})
    assert [entry["status"] for entry in found["entries"]] == [404]
    assert key.ok("POST", f"{JOURNAL}/count", {"where": {"path": "/ES_SPX/*"}})["count"] == 2
    began = time.monotonic()
    assert len(key.ok("POST", f"{JOURNAL}/wait", {"type": "request", "count": 2, "within": "5s"})["entries"]) == 2
    assert time.monotonic() - began < 2, "it was there already"
    status, answer = key.call("POST", f"{JOURNAL}/wait", {"type": "connect", "within": 0.1})
    assert status == 406
    assert answer == {"error": "expected 1 connect within 0.1 s, and there were 0", "nearest": []}
    assert key.ok("POST", f"{JOURNAL}/clear")["cleared"] == 2
    assert key.entries() == []


def test_a_wait_ends_as_soon_as_it_happens(key: Key) -> None:
    key.ok("GET", JOURNAL)
    later = threading.Timer(0.2, key.get)
    later.start()
    began = time.monotonic()
    key.ok("POST", f"{JOURNAL}/wait", {"type": "request", "within": 20})
    assert 0.15 < time.monotonic() - began < 5
    later.join()


def test_expectations_hold_or_are_told_with_what_came_nearest(key: Key) -> None:
    key.ok("GET", JOURNAL)
    key.get()
    good = {"expect": [{"type": "request", "exactly": 1}, {"is": "negotiated_at_most", "times": 0}]}
    assert key.ok("POST", "/_gexfaker/verify", good, status=202)["verified"] == 2
    bad = {"expect": [{"type": "request", "where": {"status": 500}}], "within": 0.2}
    began = time.monotonic()
    status, answer = key.call("POST", "/_gexfaker/verify", bad)
    assert status == 406
    assert time.monotonic() - began > 0.15, "it may have come true"
    assert answer["error"].startswith("expected at least 1 request with status = 500, and there was none; the last")
    assert answer["findings"][0]["nearest"][0]["path"] == PATH


def test_an_expectation_may_be_its_name_alone(key: Key) -> None:
    key.ok("GET", JOURNAL)
    expect = {"expect": ["negotiated_at_most", {"type": "request", "exactly": 0}]}
    assert key.ok("POST", "/_gexfaker/verify", expect, status=202)["verified"] == 2
    status, answer = key.call("POST", "/_gexfaker/verify", {"expect": ["recovered"]})
    assert (status, answer["error"]) == (406, "expected a connection that breaks, and none did")


def test_a_rule_is_for_the_key_of_the_request(key: Key) -> None:
    status, answer = key.call("POST", "/_gexfaker/faults", {"type": "drop", "on": {"key": "another"}})
    assert (status, "the body is for another key than ?key= names" in answer["error"]) == (400, True)


def test_a_key_with_a_journal_has_a_status_before_its_first_use(key: Key) -> None:
    by_key = f"/_gexfaker/sessions/by-key?key={key.key}"
    assert key.server.get(by_key)[0] == 404
    key.ok("GET", JOURNAL)
    status, body = key.server.get(by_key)
    assert (status, json.loads(body)["playback"], json.loads(body)["connections"]) == (200, None, [])
    assert key.server.request("DELETE", by_key, b"")[0] == 200


def test_that_the_journal_begins_is_told_by_the_question_that_begins_it_alone(key: Key) -> None:
    asked = {"expect": [{"type": "request"}]}
    told = [key.call("POST", "/_gexfaker/verify", asked)[1]["error"] for _ in range(2)]
    assert [text.endswith("begins now: what was before is not in it") for text in told] == [True, False]
    waited = key.call("POST", "/_gexfaker/journal/wait", {"type": "request", "within": 0.01})[1]["error"]
    assert "begins now" not in waited


def test_who_waits_for_records_that_never_come_reads_why(key: Key) -> None:
    group = f"{data.group()}s"
    with joined(key, "orderflow", group):
        asked = {"type": "deliver", "within": 0.01}
        told = key.call("POST", "/_gexfaker/journal/wait", asked)[1]["error"]
        assert f"{group} stays silent: " in told
        verified = key.call("POST", "/_gexfaker/verify", {"expect": [{"type": "deliver"}]})[1]["error"]
        assert f"{group} stays silent: " in verified
        assert "stays silent" not in key.call("POST", "/_gexfaker/verify", {"expect": [{"type": "ping"}]})[1]["error"]
        key.ok("POST", "/_gexfaker/sessions/by-key/pause", {})
        assert "the key is paused" in key.call("POST", "/_gexfaker/journal/wait", asked)[1]["error"]


def test_nothing_is_said_of_what_must_not_happen_by_a_journal_that_begins_with_the_question(key: Key) -> None:
    for _ in range(3):
        key.get()
    negative = {"expect": [{"type": "request", "exactly": 0}]}
    status, answer = key.call("POST", "/_gexfaker/verify", negative)
    assert (status, answer["findings"]) == (406, [])
    assert "nothing can be said of what must not happen; the journal of this key begins now" in answer["error"]
    assert "--journal true" in answer["error"]
    key.ok("POST", "/_gexfaker/verify", negative, status=202)
    key.get()
    assert key.call("POST", "/_gexfaker/verify", negative)[0] == 406


def test_nothing_is_counted_by_a_journal_that_begins_with_the_question(key: Key) -> None:
    key.get()
    status, answer = key.call("POST", "/_gexfaker/journal/count", {"type": "request"})
    assert (status, "nothing can be counted; the journal of this key begins now" in answer["error"]) == (400, True)
    assert key.ok("POST", "/_gexfaker/journal/count", {"type": "request"})["count"] == 0


def test_the_number_of_the_last_entry_may_be_what_begins_a_journal(key: Key) -> None:
    assert key.ok("POST", "/_gexfaker/journal/count", {})["last"] == 0
    key.get()
    assert key.ok("POST", "/_gexfaker/journal/count", {"type": "request"})["count"] == 1


def test_what_may_not_happen_is_looked_at_until_the_end(key: Key) -> None:
    key.ok("GET", JOURNAL)
    later = threading.Timer(0.15, key.get)
    later.start()
    status, answer = key.call(
        "POST", "/_gexfaker/verify", {"expect": [{"type": "request", "exactly": 0}], "within": 0.5}
    )
    later.join()
    assert status == 406, answer


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/verify", {}, "missing required field expect"),
        ("/verify", {"expect": [{"type": "joinGroup", "times": 2}]}, "not times (it belongs to negotiated_at_most)"),
        ("/verify", {"expect": [{"is": "negotiated_at_most", "exactly": 3}]}, "takes times, not exactly"),
        ("/verify", {"expect": [{"is": "recovered", "type": "close"}]}, "recovered takes nothing, not type"),
        ("/verify", {"expect": [{"type": "deliver", "group": "x"}]}, 'it belongs into "where": {"group": ...}'),
        (
            "/verify",
            {"expect": [{"type": "fault", "where": {"fault": "reset_pear"}, "exactly": 0}]},
            "fault is never 'reset_pear': did you mean reset_peer?",
        ),
        (
            "/journal/wait",
            {"type": "ping", "count": 0},
            "count is 1 or more: that something does not come is for verify",
        ),
        ("/journal/wait", {"type": "ping", "since": 10**6}, "since is 1000000, and the last entry of the journal is"),
        ("/verify", {"expect": [{"type": "ping", "exactly": 0}], "since": 10**6}, "since is 1000000, and the last"),
        ("/verify", {"expect": ["recovered"], "within": "soon"}, "within is a time such as 5s, or seconds"),
        ("/verify", ["recovered"], 'such as {"expect": ['),
        ("/verify", {"is": "recovered"}, "unknown field is; there are expect, order"),
        (
            "/verify",
            {"expect": [{"is": "recovered", "secs": 5}]},
            "unknown field secs - at $.expect[0] (did you me",
        ),
        ("/verify", {"expect": ["recoverd"]}, "there is no expectation 'recoverd': there are"),
        ("/verify", {"expect": [{"type": "ping"}], "key": "another"}, "one request is for one key"),
        ("/verify", {"expect": [{"type": "x"}]}, "no entries of type 'x'"),
        ("/verify", {"expect": [{"type": "ping"}], "within": "1h"}, "at most 300 s"),
        ("/journal/wait", {"within": -1}, "within is"),
        ("/journal/wait", {"within": "soon"}, "within"),
        ("/journal/find", {"limit": "x"}, "limit is"),
        ("/journal/count", [1], "not what this takes"),
        ("/journal/count", {"key": 3}, "key is an API key"),
        ("/report", b"{", "no JSON"),
    ],
)
def test_what_is_no_question_is_refused(key: Key, path: str, body: Any, said: str) -> None:
    status, answer = key.call("POST", f"/_gexfaker{path}", body)
    assert status == 400
    assert said in answer["error"]


def test_a_clients_own_report_is_in_the_journal(key: Key) -> None:
    key.ok("POST", "/_gexfaker/report", {"group": "g", "timestamps": [1, 2]}, status=201)
    assert key.entries("report")[0]["body"] == {"group": "g", "timestamps": [1, 2]}


def events_of(key: Key, more: str, count: int) -> list[dict[str, Any]]:
    """So many events of the journal, as they come."""
    connection = http.client.HTTPConnection(*key.server.address, timeout=10)
    connection.request("GET", f"{JOURNAL}?key={key.key}{more}", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = answer.readline()
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
    connection.close()
    return found


def test_the_journal_is_followed_live_within_a_second(key: Key) -> None:
    key.ok("GET", JOURNAL)
    key.get()
    later = threading.Timer(0.2, key.get)
    later.start()
    began = time.monotonic()
    found = events_of(key, "&type=request", 2)
    assert [entry["number"] for entry in found] == [1, 2]
    assert time.monotonic() - began < 3
    later.join()


def test_a_follower_is_told_of_the_end_of_the_journal(key: Key) -> None:
    key.ok("GET", JOURNAL)
    later = threading.Timer(0.3, lambda: key.ok("DELETE", JOURNAL))
    later.start()
    connection = http.client.HTTPConnection(*key.server.address, timeout=10)
    connection.request("GET", f"{JOURNAL}?key={key.key}&follow=true")
    assert connection.getresponse().read().startswith(b": the journal follows")
    connection.close()
    later.join()


def test_many_expectations_over_a_full_journal_hold_up_nobody(key: Key) -> None:
    key.ok("GET", JOURNAL)
    world = key.server.server.service.worlds.peek(world_id(key.key))
    assert world is not None
    assert world.watch is not None
    for number in range(20_000):
        world.watch.note("wrong", hub="classic", connection="c", why=f"why {number}")
    asked = [{"type": "wrong", "where": {"why": f"x*y*{number}", "connection": "z*"}} for number in range(60)]
    answers: list[Any] = []
    verifying = threading.Thread(
        target=lambda: answers.append(key.call("POST", "/_gexfaker/verify", {"expect": asked}))
    )
    verifying.start()
    slowest = 0.0
    while verifying.is_alive():
        began = time.monotonic()
        assert key.server.get("/health")[0] == 200
        slowest = max(slowest, time.monotonic() - began)
    verifying.join()
    assert answers[0][0] == 406
    assert slowest < 1.0, "it takes seconds on the loop"


def test_a_follower_that_goes_leaves_nothing_behind(key: Key) -> None:
    key.ok("GET", JOURNAL)
    key.get()
    events_of(key, "&type=request", 1)
    world = key.server.server.service.worlds.peek(world_id(key.key))
    assert world is not None
    assert world.watch is not None
    journal = world.watch.journal
    assert journal is not None
    wait_until(lambda: not journal.listeners, 5, "the follower gone")
    wait_until(lambda: key.server.server.service.life.sync_streams == 0, 5, "its place free")


# --- records of one's own ------------------------------------------------------------------------


def joined(key: Key, hub: str, group: str) -> RawSocket:
    client = connect(key.server.negotiate(key.key)[hub], JSON)
    client.read_kind("connected")
    client.send_text(decode.json_join(group, 1))
    return client


def test_a_record_as_rest_gives_it_and_a_raw_payload_reach_this_key_alone(key: Key) -> None:
    key.server.request("POST", f"/_gexfaker/sessions/by-key/pause?key={key.key}", b"{}")
    record = json.loads(data.record("ES_SPX", 7)) | {"spot": 1234.56}
    group = "ES_SPX_orderflow_orderflow"
    nobody = key.ok("POST", f"/_gexfaker/groups/{group}/send", record)
    assert nobody["sent"] == 0
    assert "no client of this key is in" in nobody["reason"]
    with joined(key, "orderflow", data.group()) as client:
        client.read_kind("ack")
        assert key.ok("POST", f"/_gexfaker/groups/{group}/send", record)["sent"] == 1
        assert decode.orderflow(client.read_kind("data").any) == data.expected("ES_SPX", 7) | {"spot": 123456}
        assert key.ok("POST", f"/_gexfaker/groups/{data.group()}/send", record)["sent"] == 1, "with the prefix"
        client.read_kind("data")
        status, _ = key.server.request(
            "POST",
            f"/_gexfaker/groups/{group}/send?key={key.key}",
            b"anything at all",
            {"Content-Type": "application/octet-stream"},
        )
        assert status == 200
        assert client.read_kind("data").any == b"anything at all"


def test_a_record_of_ones_own_for_a_client_that_is_cut_off_waits_for_it(key: Key) -> None:
    key.server.request("POST", f"/_gexfaker/sessions/by-key/pause?key={key.key}", b"{}")
    raw = connect(key.server.orderflow(key.key), JSON_RELIABLE)
    connected = raw.read_kind("connected")
    raw.send_text(decode.json_join(data.group(), 1))
    raw.read_kind("ack")
    assert key.ok("POST", f"/_gexfaker/groups/{data.group()}/send", FLOW)["reason"] is None
    key.ok("PUT", FAULTS, [{"type": "reset_peer", "count": 1}])
    answer = key.ok("POST", f"/_gexfaker/groups/{data.group()}/send", FLOW | {"spot": 1234.56})
    assert answer["reason"] == "the client of this key is cut off: it is sent this when it comes back"
    back = recover(key, connected)
    while decode.orderflow(back.read_kind("data").any)["spot"] != 123456:
        continue  # what was sent before comes again first
    raw.socket.close()
    back.socket.close()


def test_a_record_of_ones_own_that_a_fault_holds_back_comes_in_its_time(key: Key) -> None:
    key.server.request("POST", f"/_gexfaker/sessions/by-key/pause?key={key.key}", b"{}")
    record = json.loads(data.record("ES_SPX", 7))
    with joined(key, "orderflow", data.group()) as client:
        client.read_kind("ack")
        key.ok("PUT", FAULTS, [{"type": "delay", "attributes": {"delay": 300}}])
        began = time.monotonic()
        answer = key.ok("POST", f"/_gexfaker/groups/{data.group()}/send", record)
        assert (answer["sent"], answer["reason"]) == (0, "a fault of this key has dropped it, or holds it back")
        client.read_kind("data")
        assert 0.25 < time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("group", "body", "said"),
    [
        (
            "nothing",
            {"timestamp": 1},
            "is no group of the feed, such as SPX_classic_gex_zero; to a group of another kind",
        ),
        ("ES_SPX_orderflow_orderflw", {"timestamp": 1}, "did you mean ES_SPX_orderflow_orderflow?"),
        ("es_spx_orderflow_ORDERFLOW", {"timestamp": 1}, "did you mean ES_SPX_orderflow_orderflow?"),
        ("ES_SPX_orderflow_orderflow", {"timestamp": 1}, "the body is no record"),
        ("ES_SPX_orderflow_orderflow", b"{", "the body is no record"),
        ("ES_SPX_orderflow_orderflow", FLOW | {"spot": -5}, "spot: too large for the wire, or negative where"),
        ("ES_SPX_orderflow_orderflow", FLOW | {"spot": 1e12}, "spot: too large for the wire, or negative where"),
    ],
)
def test_what_is_no_record_is_refused(key: Key, group: str, body: Any, said: str) -> None:
    status, answer = key.call("POST", f"/_gexfaker/groups/{group}/send", body)
    assert status == 400
    assert said in answer["error"]


# --- the state of a key --------------------------------------------------------------------------


def test_the_state_of_a_key_is_put_back_on_another_one(key: Key) -> None:
    key.get()
    key.server.request("POST", f"/_gexfaker/sessions/by-key/tier?key={key.key}", b'{"tier": "state"}')
    key.server.request("POST", f"/_gexfaker/sessions/by-key/quota?key={key.key}", b'{"allowances": "9/day"}')
    key.ok("PUT", FAULTS, {"faults": [{"type": "drop", "name": "d"}], "seed": 5})
    state = key.ok("GET", "/_gexfaker/state")
    assert key.key not in json.dumps(state)
    twin = Key(key.server, key.key + "-twin")
    put = twin.ok("PUT", "/_gexfaker/state", state)
    assert [rule["name"] for rule in put["faults"]] == ["d"]
    again = twin.ok("GET", "/_gexfaker/state")
    assert again["session"]["market_time"] == pytest.approx(state["session"]["market_time"], abs=5)
    for name in ("tier", "quota", "faults", "version"):
        assert again[name] == state[name]


def test_its_own_state_put_back_closes_no_connection(key: Key) -> None:
    key.ok("GET", JOURNAL)
    with joined(key, "orderflow", data.group()) as client:
        client.read_kind("ack")
        key.ok("PUT", "/_gexfaker/state", key.ok("GET", "/_gexfaker/state"))
        key.server.request("POST", f"/_gexfaker/sessions/by-key/step?key={key.key}", b'{"count": 3}')
        assert client.read_kind("data").group == data.group()
        assert key.entries("close") == []
    assert "restore" in [entry["action"] for entry in key.entries("control")]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ([], 400, "no state of a key"),
        ({"version": 2}, 400, "version 2"),
        ({"version": 1, "faults": {"faults": [{"type": "x"}]}}, 400, "there is no type"),
        ({"version": 1, "tier": "gold"}, 400, "tier is one of"),
        ({"version": 1, "unknown": 3}, 400, "unknown field"),
        ({"version": 1, "faults": {"rules": []}}, 400, "unknown field rules"),
        ({"version": 1, "memberships": {"id": "x", "groups": {"nope": []}}}, 400, "those of no negotiation"),
        ({"version": 1, "memberships": {"id": "a\nb"}}, 400, "those of no negotiation"),
        ({"version": 1, "memberships": {"id": "x", "groups": {"classic": ["g" * 2000]}}}, 400, "too long a name"),
    ],
)
def test_what_is_no_state_is_refused_and_nothing_is_changed(key: Key, body: Any, status: int, said: str) -> None:
    found, answer = key.call("PUT", "/_gexfaker/state", body)
    assert (found, said in answer["error"]) == (status, True), answer


# --- who may, and how many -----------------------------------------------------------------------


def test_faults_and_journal_are_for_who_may_use_the_control_plane(tmp_path: Path) -> None:
    data.write_day(tmp_path, 3)
    with running_server(data_dir=str(tmp_path), control_token="secret") as server:
        for path in (FAULTS, JOURNAL, "/_gexfaker/state", "/_gexfaker/fault-types"):
            assert server.get(f"{path}?key=a")[0] == 401, path
            assert server.get(f"{path}?key=a", {"Authorization": "Bearer secret"})[0] == 200, path


def test_no_more_keys_are_watched_than_the_bound(server: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = len(server.server.service.worlds.watching.pinned)
    monkeypatch.setattr("gexfaker.worlds.worlds.MAX_WATCHED", watched + 1)
    first, second = Key(server, "bounded-1"), Key(server, "bounded-2")
    first.ok("GET", JOURNAL)
    status, answer = second.call("GET", JOURNAL)
    assert status == 400
    assert "end some of these first" in answer["error"]
    first.ok("DELETE", JOURNAL)
    second.ok("GET", JOURNAL)
    second.ok("DELETE", JOURNAL)


def test_in_step_mode_a_rule_that_waits_for_a_market_time_is_refused(key: Key) -> None:
    timed = {"type": "close", "when": {"market": "10:05"}}
    body = json.dumps({"playback": "step"}).encode()
    assert key.server.request("POST", f"/_gexfaker/sessions/{key.key}/mode", body)[0] == 200
    status, answer = key.call("POST", "/_gexfaker/faults", timed)
    assert (status, "in step mode there is no market time" in answer["error"]) == (400, True)
    key.ok("POST", "/_gexfaker/faults", {"type": "close", "when": {"record": 100}}, status=201)


@pytest.mark.parametrize(("playback", "action"), [("clock", "step"), ("clock", "seek"), ("step", "step")])
def test_a_question_after_a_step_is_about_the_records_of_that_step(key: Key, playback: str, action: str) -> None:
    sessions = f"/_gexfaker/sessions/{key.key}"

    def act(name: str, **arguments: object) -> None:
        status, answer = key.server.request("POST", f"{sessions}/{name}", json.dumps(arguments).encode())
        assert status == 200, answer

    key.ok("GET", JOURNAL)
    act("mode", playback=playback)
    act("pause")
    with connect(key.server.orderflow(key.key), JSON_RELIABLE) as client:
        client.send_text(decode.json_join(data.group()))
        if playback == "step":
            act("step", count=1)
        last = client.read_kind("data").sequence
        for _ in range(5):
            client.send_text(f'{{"type":"sequenceAck","sequenceId":{last}}}')
            key.ok("POST", "/_gexfaker/journal/wait", {"type": "sequenceAck", "where": {"sequence_id": last}})
            since = key.ok("POST", "/_gexfaker/journal/count", {})["last"]
            act(action, **({"count": 3} if action == "step" else {"index": 20}))
            found = key.ok("POST", "/_gexfaker/journal/count", {"type": "deliver", "since": since})
            assert found["count"] == 1, "it was sent before the question was answered"
            assert key.call("POST", "/_gexfaker/verify", {"expect": ["acknowledged_everything"]})[0] == 406
            last = max(client.read_kind("data").sequence for _ in range(3 if action == "step" else 1))


def test_a_rule_that_was_there_before_step_mode_holds_up_no_other(key: Key) -> None:
    timed, mode = {"type": "close", "when": {"market": "10:05"}}, f"/_gexfaker/sessions/{key.key}/mode"
    assert key.server.request("POST", mode, b'{"playback": "clock"}')[0] == 200
    key.ok("POST", "/_gexfaker/faults", [timed, {"type": "drop"}], status=201)
    assert key.server.request("POST", mode, b'{"playback": "step"}')[0] == 200
    key.ok("DELETE", "/_gexfaker/faults/drop")
    key.ok("POST", "/_gexfaker/faults", {"type": "gap"}, status=201)
    key.ok("POST", "/_gexfaker/faults", timed | {"name": "rests", "enabled": False}, status=201)
    assert key.call("POST", "/_gexfaker/faults", timed | {"name": "new"})[0] == 400


def test_who_has_joined_gets_all_records_of_a_step_that_follows_at_once(key: Key) -> None:
    sessions, seek = f"/_gexfaker/sessions/{key.key}", json.dumps({"time": data.FIRST + 50}).encode()
    for number in range(5):
        for name, body in (("mode", b'{"playback": "clock"}'), ("seek", seek), ("pause", b"")):
            assert key.server.request("POST", f"{sessions}/{name}", body)[0] == 200
        with connect(key.server.orderflow(key.key), JSON) as client:
            client.join(data.group())
            assert key.server.request("POST", f"{sessions}/step", b'{"count": 5}')[0] == 200
            stamps = [decode.timestamp(client.read_kind("data").any) - data.FIRST for _ in range(6)]
            assert stamps == [50, 51, 52, 53, 54, 55], number


# --- a journal that has forgotten ------------------------------------------------------------------


def test_of_what_fell_out_nothing_is_said(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_ENTRIES", 10)
    key.ok("GET", JOURNAL)
    for _ in range(15):
        assert key.get() == 200
    fell = "5 entries fell out of the journal"
    for expected in ({"type": "joinGroup", "exactly": 0}, "recovered", {"type": "request", "at_least": 11}):
        status, answer = key.call("POST", "/_gexfaker/verify", {"expect": [expected]})
        assert status == 406
        assert fell in answer["error"]
    assert fell in key.call("POST", f"{JOURNAL}/count", {"type": "request"})[1]["error"]
    key.ok("POST", "/_gexfaker/verify", {"expect": [{"type": "request", "at_least": 10}]}, status=202)
    key.ok("POST", "/_gexfaker/verify", {"expect": [{"type": "joinGroup", "exactly": 0}], "since": 5}, status=202)
    assert key.ok("POST", f"{JOURNAL}/count", {"type": "request", "since": 5})["count"] == 10
    key.ok("POST", f"{JOURNAL}/clear")
    key.ok("POST", "/_gexfaker/verify", {"expect": [{"type": "joinGroup", "exactly": 0}]}, status=202)
