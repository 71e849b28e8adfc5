"""What the studio asks the server: who may, what it is told, and that no client is touched by it."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gexfaker.server.http.controlguard import COOKIE
from gexfaker.server.routes import studio as module
from support import decode, independent
from support.raw import JSON, connect
from support.server import InProcess, Served, running_server, wait_until

TOKEN = "control-token-of-this-test"
DATE = "2026-07-17"
KINDS = ("SPX_classic_gex_zero", "SPX_state_gex_full", "SPX_state_gamma_zero", "SPX_orderflow_orderflow")
PATHS = {
    "SPX_classic_gex_zero": "/SPX/classic/zero",
    "SPX_state_gex_full": "/SPX/state/full",
    "SPX_state_gamma_zero": "/SPX/state/gamma_zero",
    "SPX_orderflow_orderflow": "/SPX/orderflow/orderflow",
}


@pytest.fixture(scope="module")
def server() -> Iterator[InProcess]:
    with running_server(tickers="SPX", data_date=DATE) as running:
        yield running


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    with running_server(control_token=TOKEN) as running:
        yield running


def asked(server: Served, path: str, status: int = 200) -> Any:
    found, body = server.get(f"/_gexfaker/studio/{path}")
    assert found == status, body
    return json.loads(body)


def answered(server: Served, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    """An answer with its headers; its body has been read."""
    with closing(http.client.HTTPConnection(*server.address, timeout=10)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        return answer


def at(server: InProcess, key: str, time: str) -> None:
    """A key that stands still at a time."""
    for action, arguments in (("pause", {}), ("seek", {"time": time})):
        status, body = server.request("POST", f"/_gexfaker/sessions/{key}/{action}", json.dumps(arguments).encode())
        assert status == 200, body


def rest(server: Served, key: str, group: str) -> Any:
    status, body = server.get(PATHS[group], {"Authorization": f"Bearer {key}", "User-Agent": "test"})
    assert status == 200, body
    return json.loads(body)


# --- who may -------------------------------------------------------------------------------------


def test_on_this_machine_the_page_is_free(server: Served) -> None:
    answer = answered(server, "GET", "/studio")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_with_a_token_the_page_asks_for_it(guarded: Served) -> None:
    answer = answered(guarded, "GET", "/studio")
    assert answer.status == 401
    assert 'action="studio/login"' in answer.text  # type: ignore[attr-defined]
    assert answered(guarded, "GET", "/studio/login.js").status == 200
    assert answered(guarded, "GET", "/_gexfaker/studio/about").status == 401


def logged_in(server: Served) -> str:
    """The cookie for the token, as a browser sends it."""
    answer = answered(server, "POST", "/studio/login", f"token={quote(TOKEN)}".encode())
    assert (answer.status, answer.getheader("Location")) == (303, "../studio")
    cookie = answer.getheader("Set-Cookie") or ""
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    return cookie.split(";")[0]


def test_the_cookie_opens_the_page_and_the_control_plane(guarded: Served) -> None:
    cookie = logged_in(guarded)
    assert answered(guarded, "GET", "/studio", Cookie=cookie).status == 200
    own = {"Cookie": cookie, "Sec_Fetch_Site": "same-origin"}
    assert answered(guarded, "GET", "/_gexfaker/studio/about", b"", **own).status == 200
    assert answered(guarded, "POST", "/_gexfaker/sessions/demo/pause", b"{}", **own).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "wrong"},
        {"Cookie": "none"},
        {"Cookie": "", "Sec_Fetch_Site": "same-origin"},
        {"Cookie": "right", "Sec_Fetch_Site": "cross-site"},
        {"Cookie": "right", "Sec_Fetch_Site": "same-site"},
        {"Cookie": "right", "Origin": "http://evil.example"},
    ],
)
def test_no_other_cookie_and_no_other_site(guarded: Served, headers: dict[str, str]) -> None:
    right = logged_in(guarded)
    cookies = {
        "right": right,
        "wrong": f"{right.partition('=')[0]}=wrong",
        "none": f"{right.partition('=')[0]}=",
        "": "",
    }
    headers = {**headers, "Cookie": cookies[headers["Cookie"]]}
    assert answered(guarded, "POST", "/_gexfaker/sessions/demo/pause", b"{}", **headers).status in (401, 403)


def test_servers_at_other_ports_have_other_cookies(guarded: Served) -> None:
    with running_server(control_token=TOKEN) as other:
        names = {logged_in(one).partition("=")[0] for one in (guarded, other)}
    assert names == {f"{COOKIE}_{one.address[1]}" for one in (guarded, other)}


def test_with_a_slash_behind_it_it_is_the_same_page(server: Served) -> None:
    answer = answered(server, "GET", "/studio/")
    assert (answer.status, answer.getheader("Location")) == (308, "../studio")


@pytest.mark.parametrize("body", [b"", b"token=", b"token=wrong", b"other=1", b"\xff\xfe", b"token=%ff"])
def test_a_wrong_token_gets_no_cookie(guarded: Served, body: bytes) -> None:
    answer = answered(guarded, "POST", "/studio/login", body)
    assert (answer.status, answer.getheader("Location")) == (303, "../studio?wrong=1")
    assert answer.getheader("Set-Cookie") is None


def test_a_form_that_is_too_long_is_refused(guarded: Served) -> None:
    assert answered(guarded, "POST", "/studio/login", b"x" * (module.MAX_LOGIN_BYTES + 1)).status == 400


def test_without_a_token_there_is_nothing_to_log_in_to(server: Served) -> None:
    assert answered(server, "POST", "/studio/login", b"token=").getheader("Set-Cookie") is None


@pytest.mark.parametrize("name", ["index.html", "login.html", "nope.js", "..%2f..%2fservice.py", "%00", "assets.py"])
def test_only_the_files_of_the_page_can_be_asked_for(server: Served, name: str) -> None:
    assert answered(server, "GET", f"/studio/{name}").status == 404


def test_a_file_that_the_browser_has_is_not_sent_again(server: Served) -> None:
    first = answered(server, "GET", "/studio/main.js")
    assert (first.status, first.getheader("Content-Type")) == (200, "text/javascript; charset=utf-8")
    again = answered(server, "GET", "/studio/main.js", If_None_Match=first.getheader("ETag") or "")
    assert (again.status, again.text) == (304, "")  # type: ignore[attr-defined]


# --- what it is told -----------------------------------------------------------------------------


@pytest.mark.parametrize("group", KINDS)
@pytest.mark.parametrize("time", ["09:31", "12:00", "close"])
def test_a_record_is_the_one_that_rest_answers_with(server: InProcess, group: str, time: str) -> None:
    at(server, "same", time)
    expected = rest(server, "same", group)
    found = asked(server, f"record?key=same&group={group}")
    assert found["record"] == expected
    again = asked(server, f"record?key=other&group={group}&time={expected['timestamp']}")
    assert again == found
    assert asked(server, f"record?key=other&group={group}&index={found['index']}") == found
    payload = base64.b64decode(found["payload"])
    assert decode.timestamp(payload) == expected["timestamp"]
    if group == "SPX_orderflow_orderflow":
        assert independent.orderflow_payload(payload)["spot"] == round(expected["spot"] * 100)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("group=SPX_classic_gex_zero", 400, "say whose"),
        ("key=a", 400, "name a group"),
        ("key=a&group=nope", 400, "name a group"),
        ("key=a&group=QQQ_classic_gex_zero", 404, "has no QQQ_classic_gex_zero"),
        ("key=a&group=SPX_classic_gex_zero&index=99999999", 404, "no such record"),
        ("key=a&group=SPX_classic_gex_zero&time=x", 400, "time is a number"),
        ("key=a&group=SPX_classic_gex_zero&time=nan", 400, "time is a number"),
        ("key=a&group=SPX_classic_gex_zero&time=-1", 400, "time is a number"),
        ("key=a&group=SPX_classic_gex_zero&index=1e300", 400, "index is a number"),
        ("key=a&group=SPX_classic_gex_zero&day=2026-07-19", 404, "closed"),
        ("session=key-0000000000000000&group=SPX_classic_gex_zero", 404, "no session"),
    ],
)
def test_what_cannot_be_shown_says_why(server: Served, query: str, status: int, said: str) -> None:
    assert said in asked(server, f"record?{query}", status)["error"]


def test_lines_are_values_of_the_day_up_to_where_the_key_is(server: InProcess) -> None:
    at(server, "lines", "11:00")
    now = rest(server, "lines", "SPX_classic_gex_zero")
    found = asked(server, "lines?key=lines&group=SPX_classic_gex_zero&columns=spot,zero_gamma&points=50")
    assert len(found["times"]) == 50
    assert found["times"] == sorted(set(found["times"]))
    assert found["times"][-1] == now["timestamp"]
    assert (found["columns"]["spot"][-1], found["columns"]["zero_gamma"][-1]) == (now["spot"], now["zero_gamma"])
    middle = asked(server, f"record?key=lines&group=SPX_classic_gex_zero&time={found['times'][25]}")["record"]
    assert found["columns"]["spot"][25] == middle["spot"]
    for columns in ("", "__init__", "__dict__", "_x", "a-b", "x" * 100):
        query = f"lines?key=lines&group=SPX_classic_gex_zero&columns={columns}"
        assert "columns are" in asked(server, query, 400)["error"]


def test_a_record_of_another_day_is_found_by_its_day(server: InProcess) -> None:
    at(server, "days", "10:00")
    here = asked(server, "record?key=days&group=SPX_classic_gex_zero&index=100")
    there = asked(server, "record?key=days&group=SPX_classic_gex_zero&index=100&day=2026-07-16")
    assert (here["day"], there["day"]) == (DATE, "2026-07-16")
    assert there["record"]["timestamp"] < here["record"]["timestamp"] - 80_000


@pytest.mark.parametrize("line", ['{"timestamp":1784295002,"spot":NaN}', '{"timestamp":"x"}', '"x"', "{"])
def test_a_record_that_clients_are_not_sent_is_refused(tmp_path: Path, line: str) -> None:
    folder = tmp_path / DATE / "SPX" / "orderflow"
    folder.mkdir(parents=True)
    (folder / "orderflow.jsonl").write_text(line + "\n")
    with running_server(data_dir=str(tmp_path)) as recorded:
        found = asked(recorded, "record?key=a&group=SPX_orderflow_orderflow&index=0", 404)
    assert "orderflow.jsonl:1" in found["error"]


def test_the_calendar_says_which_days_can_be_played(server: Served, tmp_path: Path) -> None:
    days = {one["date"]: one for one in asked(server, "calendar?from=2026-07-01&to=2026-07-05")["days"]}
    assert [one["playable"] for one in days.values()] == [True, True, False, False, False]
    assert "closed" in days["2026-07-03"]["why"]
    november = asked(server, "calendar?from=2026-11-25&to=2026-11-27")["days"]
    assert [(one["playable"], one["early"]) for one in november] == [(True, False), (False, False), (True, True)]
    for query in (
        "",
        "from=2026-07-01",
        "from=x&to=y",
        "from=2026-07-05&to=2026-07-01",
        "from=2026-01-01&to=2026-12-31",
    ):
        assert asked(server, f"calendar?{query}", 400)["error"]
    (tmp_path / DATE / "SPX" / "orderflow").mkdir(parents=True)
    (tmp_path / DATE / "SPX" / "orderflow" / "orderflow.jsonl").write_text('{"timestamp":1}\n')
    with running_server(data_dir=str(tmp_path)) as recorded:
        found = asked(recorded, "calendar?from=2026-07-16&to=2026-07-17")["days"]
        assert [one["playable"] for one in found] == [False, True]


def test_settings_are_told_with_their_source_and_no_secret() -> None:
    with running_server(
        tiers="secret-key=classic", quota="secret-key=5/day", speed="3", token_secret="s" * 40
    ) as server:
        about = asked(server, "about")
        settings = {one["name"]: one for one in about["settings"]}
        assert (settings["SPEED"]["value"], settings["SPEED"]["source"]) == ("3", "the flag --speed")
        assert settings["TIERS"]["value"] == settings["QUOTA"]["value"] == settings["TOKEN_SECRET"]["value"] == "***"
        assert "secret-key" not in json.dumps(about)
        assert all(one["help"] and one["accepted"] for one in settings.values())


def test_the_tables_of_messages_name_every_field_of_a_record(server: Served) -> None:
    tables = {one["message"]: one for one in asked(server, "about")["wire"].values()}
    assert tables.keys() == {"Gex", "OptionProfile", "Orderflow", "SpotPrice"}
    for table in tables.values():
        names = {field["name"] for field in table["fields"].values()}
        assert {rule["wire"] for rule in table["record"]} | {"timestamp", "ticker"} == names
    strikes = next(field for field in tables["Gex"]["fields"].values() if field["name"] == "strikes")
    assert strikes["many"] is True
    assert strikes["fields"]["1"] == {"name": "strike_price", "kind": "int"}


# --- what it follows -----------------------------------------------------------------------------


def events(server: Served, query: str, count: int) -> list[tuple[str, Any]]:
    """The first events of a stream."""
    found = list[tuple[str, Any]]()
    with closing(http.client.HTTPConnection(*server.address, timeout=10)) as connection:
        connection.request("GET", f"/_gexfaker/studio/events?{query}")
        answer = connection.getresponse()
        assert answer.status == 200
        name = ""
        while len(found) < count:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


def test_a_page_is_told_where_the_keys_are(server: InProcess) -> None:
    at(server, "followed", "10:30")
    ((name, state),) = events(server, "key=followed", 1)
    assert name == "state"
    assert state["session"]["playback"]["shown"] == f"{DATE} 10:30:00"
    assert state["session"]["session"] in {one["session"] for one in state["sessions"]}
    assert state["hours"]["close"] - state["hours"]["open"] == 6.5 * 3600
    ((_, alone),) = events(server, "", 1)
    assert alone["session"] is None


def test_the_journal_of_the_key_comes_with_it(server: InProcess) -> None:
    server.get("/_gexfaker/journal?key=noted")
    rest(server, "noted", "SPX_classic_gex_zero")
    found = events(server, "key=noted&journal=true", 2)
    assert [name for name, _ in found] == ["state", "journal"]
    (entry,) = found[1][1]["entries"]
    assert (entry["type"], entry["path"]) == ("request", "/SPX/classic/zero")
    again = events(server, f"key=noted&journal=true&since={entry['number']}", 2)
    assert [name for name, _ in again] == ["state", "state"]


def test_a_page_that_knows_another_journal_gets_all_of_this_one(server: InProcess) -> None:
    server.get("/_gexfaker/journal?key=anew")
    rest(server, "anew", "SPX_classic_gex_zero")
    found = events(server, "key=anew&journal=true&since=5000", 2)
    assert [name for name, _ in found] == ["state", "journal"]
    assert len(found[1][1]["entries"]) == 1


def test_who_only_asks_for_the_head_begins_no_journal(server: InProcess) -> None:
    assert answered(server, "HEAD", "/_gexfaker/studio/events?key=head&journal=true").status == 200
    assert server.server.service.world("head").watch is None


def test_of_too_many_entries_the_last_are_told_and_the_others_counted(server: InProcess) -> None:
    server.get("/_gexfaker/journal?key=busy")
    for _ in range(module.MAX_NEWS + 7):
        server.get("/SPX/classic/zero", {"Authorization": "Bearer busy", "User-Agent": "test"})
    news = events(server, "key=busy&journal=true", 2)[1][1]
    assert (len(news["entries"]), news["left_out"]) == (module.MAX_NEWS, 7)


def test_of_very_many_keys_some_are_listed_and_all_counted() -> None:
    with running_server(tickers="SPX", data_date=DATE) as server:
        for number in range(module.MAX_SUMMARIES + 5):
            server.request("POST", f"/_gexfaker/sessions/k{number}/pause", b"{}")
        ((_, state),) = events(server, "", 1)
        assert (len(state["sessions"]), state["server"]["sessions"]) == (module.MAX_SUMMARIES, module.MAX_SUMMARIES + 5)


def test_a_busy_server_lets_the_page_go_first(server: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_SECONDS", -1.0)
    assert [name for name, _ in events(server, "", 2)] == ["state", "busy"]


# --- nobody is touched ---------------------------------------------------------------------------


def watching(server: Served, key: str, hub: str = "orderflow") -> str:
    url: str = asked(server, f"watch?key={key}")["websocket_urls"][hub]
    return url


def test_who_watches_ends_no_connection_of_the_key(server: InProcess) -> None:
    with connect(server.orderflow("mine"), JSON) as client:
        client.join("blue_SPX_orderflow_orderflow")
        with connect(watching(server, "mine"), JSON) as watcher:
            watcher.join("blue_SPX_orderflow_orderflow")
            seen = {decode.timestamp(watcher.read_kind("data").any), decode.timestamp(watcher.read_kind("data").any)}
            while not seen & {decode.timestamp(client.read_kind("data").any)}:
                continue
        (session,) = [one for one in server.sessions() if one["session"] == asked(server, "watch?key=mine")["session"]]
        assert [one.get("watches", False) for one in session["connections"]].count(False) == 1


def test_no_fault_hits_who_watches_and_no_journal_tells_of_it(server: InProcess) -> None:
    rules = [{"type": "drop", "count": 2}, {"type": "forbid_join"}, {"type": "reject", "attributes": {"code": 503}}]
    server.request("PUT", "/_gexfaker/faults?key=broken", json.dumps(rules).encode())
    server.get("/_gexfaker/journal?key=broken")
    with connect(watching(server, "broken"), JSON) as watcher:
        assert watcher.join("blue_SPX_orderflow_orderflow")
        first = decode.timestamp(watcher.read_kind("data").any)
        assert decode.timestamp(watcher.read_kind("data").any) == first + 1
        faults = json.loads(server.get("/_gexfaker/faults?key=broken")[1])["faults"]
        assert [rule["hits"] for rule in faults] == [0, 0, 0]
    entries = json.loads(server.get("/_gexfaker/journal?key=broken")[1])["entries"]
    assert entries == []


def test_rules_that_end_connections_leave_who_watches(server: InProcess) -> None:
    with connect(watching(server, "ended"), JSON) as watcher, connect(server.orderflow("ended"), JSON) as client:
        watcher.join("blue_SPX_orderflow_orderflow")
        server.request("POST", "/_gexfaker/faults?key=ended", b'{"type":"close","attributes":{"code":1001}}')
        code, _ = client.read_close()
        assert code == 1001
        assert watcher.read_kind("data")


def test_who_watches_and_does_not_read_holds_up_no_client_as_fast_as_it_reads(server: InProcess) -> None:
    server.request("POST", "/_gexfaker/sessions/hurried/speed", b'{"speed":0}')
    with connect(server.orderflow("hurried"), JSON) as client:
        client.join("blue_SPX_orderflow_orderflow")
        with connect(watching(server, "hurried"), JSON, receive_buffer=4096) as watcher:
            watcher.join("blue_SPX_orderflow_orderflow")
            first = decode.timestamp(client.read_kind("data").any)
            while decode.timestamp(client.read_kind("data").any) < first + 6000:  # far beyond what waits for a watcher
                continue


def test_who_watches_gives_the_key_no_name_and_is_not_closed_with_its_clients(server: InProcess) -> None:
    with connect(f"{watching(server, 'named')}&name=intruder", JSON) as watcher:
        watcher.join("blue_SPX_orderflow_orderflow")
        status, body = server.request("DELETE", "/_gexfaker/sessions/named", b"")
        assert (status, json.loads(body)["closed"]) == (200, 0)
        assert json.loads(server.get("/_gexfaker/sessions/named")[1])["name"] is None
        assert watcher.read_kind("data")


def test_a_page_that_is_opened_is_no_line_in_the_log() -> None:
    with running_server(tickers="SPX", data_date=DATE) as server:
        asked(server, "about")
        answered(server, "GET", "/studio/main.js")
        asked(server, "record?key=a", 400)
        wait_until(lambda: any("/_gexfaker/studio/record 400" in line for line in server.stderr), 5, "the refusal")
        told = " ".join(server.stderr)
    assert "main.js" not in told
    assert "about" not in told
