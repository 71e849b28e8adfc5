"""The access log of a running server: who did what, as a user reads it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema_rs
import pytest

import gexfaker
from gexfaker.cli.ctl import group_lines, status_line
from gexfaker.server.access.events import EVENTS, log_schema
from gexfaker.wire.tokens import world_id
from support import data
from support.control import DAYS, Plane
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect, joined, try_upgrade
from support.server import CLEAN_EXIT, InProcess, running_process, running_server, wait_until

RECORD = "/v2/ES_SPX/orderflow/orderflow"
AGENT = {"User-Agent": "test"}
SOURCE = Path(gexfaker.__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write_day(tmp_path_factory.mktemp("access"), 300)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[InProcess]:
    with running_server(data_dir=str(folder)) as running:
        yield running


@pytest.fixture
def alone(folder: Path) -> Iterator[InProcess]:
    """A server on which nobody else did so many things without a key that the next would only be counted."""
    with running_server(data_dir=str(folder)) as running:
        yield running


def key_of(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **AGENT}


def lines_of(server: InProcess, owner: str) -> list[str]:
    """What the log says of a key, or of what a line starts with."""
    found = [line.partition("gexfaker.access: ")[2] for line in server.stderr if "gexfaker.access: " in line]
    return [line for line in found if line.startswith(owner)]


def wait_for(server: InProcess, owner: str, pattern: str) -> None:
    """Until there is such a line of a key."""
    wait_until(
        lambda: any(re.search(pattern, line) for line in lines_of(server, owner)),
        5,
        f"{pattern!r} in {lines_of(server, owner)}",
    )


def ask(server: InProcess, key: str) -> None:
    server.get(RECORD, key_of(key))


def ask_for_nothing(server: InProcess, key: str) -> None:
    server.get("/v2/ES_SPX/classic/nonsense", key_of(key))


def negotiate_badly(server: InProcess, key: str) -> None:
    server.ask("POST", ["NOBODY_spot"], key)


def join(server: InProcess, key: str) -> None:
    with joined(server.orderflow(key), data.group()):
        pass


def join_nothing(server: InProcess, key: str) -> None:
    with joined(server.orderflow(key), "blue_es_spx_orderflow_orderflow"):
        pass


def close(server: InProcess, key: str) -> None:
    with connect(server.orderflow(key), JSON) as raw:
        raw.close(1000)
        raw.is_gone()


def break_off(server: InProcess, key: str) -> None:
    with connect(server.orderflow(key), JSON_RELIABLE) as raw:
        raw.read_json()
        raw.abort()


def come_back(server: InProcess, key: str) -> None:
    url = server.orderflow(key)
    with connect(url, JSON_RELIABLE) as raw:
        told = raw.read_json()
        raw.abort()
    back = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
    with connect(back, JSON_RELIABLE) as raw:
        raw.close(1000)


def be_closed(server: InProcess, key: str) -> None:
    with connect(server.orderflow(key), JSON) as raw:
        server.request("DELETE", f"/_gexfaker/sessions/{world_id(key)}")
        raw.is_gone()


def babble(server: InProcess, key: str) -> None:
    with connect(server.orderflow(key), JSON) as raw:
        raw.send_text("babble")
        raw.read_close()


def test_the_groups_of_a_token_are_named_and_not_all_of_very_many(server: InProcess) -> None:
    names = [f"SPX_classic_gex_{name}" for name in ("full", "zero", "one")] + ["SPX_state_gex_zero"]
    names += [f"{ticker}_classic_gex_full" for ticker in ("NDX", "SPY", "QQQ", "IWM")]
    urls = server.post(*names, key="k-posted")
    with connect(urls["classic"], JSON):
        wait_for(server, world_id("k-posted"), rf"connected to classic, {re.escape(JSON)}, in \S*SPX_.* and 2 more$")


def test_subprotocols_that_there_are_not_are_told(server: InProcess) -> None:
    with connect(server.orderflow("k-odd"), "json.webpubsub.azure.v2"):
        said = (
            r" without a subprotocol, as the service knows none of those it offers \(json.webpubsub.azure.v2\); offer "
        )
        wait_for(server, world_id("k-odd"), f"connected to orderflow{said}")


def test_who_cannot_join_is_told_at_once_how_to(server: InProcess) -> None:
    with connect(server.negotiate("k-simple")["classic"]):
        said = "connected to classic without a subprotocol: nothing comes, as it cannot join; offer json.webpubsub"
        wait_for(server, world_id("k-simple"), said)
    with connect(server.post("SPX_classic_gex_zero", key="k-named")["classic"]):
        wait_for(server, world_id("k-named"), "connected to classic, without a subprotocol, in ")


@pytest.mark.parametrize(
    ("act", "patterns"),
    [
        (ask, [rf"GET {RECORD} 200$"]),
        (
            ask_for_nothing,
            [r"GET /v2/ES_SPX/classic/nonsense 404: There is no 'nonsense' in classic: .*, \d+ bytes in "],
        ),
        (negotiate_badly, [r"POST /v2/negotiate 400: .*NOBODY"]),
        (
            join,
            [r"GET /negotiate 200", rf"connected to orderflow, {re.escape(JSON)}$", f"joined {data.group()} on order"],
        ),
        (
            join_nothing,
            [
                r"joined, but nothing will come to group 'blue_es_spx_orderflow_orderflow' on hub 'orderflow': .*"
                r"did you mean 'blue_ES_SPX_orderflow_orderflow'"
            ],
        ),
        (close, ["left orderflow: the client closed with 1000$"]),
        (break_off, ["left orderflow: the connection broke without a close frame.*; it may come back within 30 s"]),
        (come_back, ["recovered its connection to orderflow; 0 messages are sent again"]),
        (be_closed, ["left orderflow: the server closed with 1000"]),
        (babble, ["left orderflow: the server closed with 1007 "]),
    ],
)
def test_what_a_client_does_is_a_line(
    server: InProcess, act: Callable[[InProcess, str], None], patterns: list[str]
) -> None:
    key = f"key-of-{act.__name__}"
    act(server, key)
    for pattern in patterns:
        wait_for(server, f"{world_id(key)}: ", pattern)


def test_a_refused_join_is_a_line_with_the_rule(folder: Path) -> None:
    with running_server(data_dir=str(folder), strict_groups="true") as server:
        with connect(server.orderflow("k"), JSON) as raw:
            raw.send_text('{"type":"joinGroup","group":"blue_SPY_orderflow_orderflow","ackId":1}')
            raw.read_kind("ack")
        wait_for(server, world_id("k"), "was refused 'blue_SPY_orderflow_orderflow': Nothing would ever come to group")


def test_a_join_without_the_right_is_a_line(server: InProcess) -> None:
    urls = server.post("ES_SPX_classic_gex_full", key="k-posted-2")
    with connect(urls["classic"], JSON) as raw:
        raw.send_text('{"type":"joinGroup","group":"blue_ES_SPX_classic_gex_one"}')
        said = (
            "was refused 'blue_ES_SPX_classic_gex_one': .*permission.*; it negotiated with POST: name the group there"
        )
        wait_for(server, world_id("k-posted-2"), said)
    for subprotocol in ([], [JSON]):
        with connect(urls["orderflow"], *subprotocol):
            said = (
                "connected to orderflow, of which the negotiation named no group: nothing comes until a POST or PATCH"
            )
            wait_for(server, world_id("k-posted-2"), said)


def test_who_negotiated_with_get_is_not_sent_to_post(server: InProcess) -> None:
    group = "blue_ES_SPX_classic_gex_full"
    for subprotocol in (JSON, JSON_RELIABLE):
        key = f"k-got-{subprotocol}"
        with connect(server.negotiate(key)["classic"], subprotocol) as raw:
            wait_for(server, world_id(key), f"connected to classic, {subprotocol}")
            raw.send_text(f'{{"type":"sendToGroup","group":"{group}","dataType":"text","data":"x","ackId":1}}')
            said = f"was refused '{group}': The client .* send to group '{group}'; as on the service, clients join"
            wait_for(server, world_id(key), said)
        assert not [line for line in lines_of(server, world_id(key)) if "POST" in line]


def test_a_refused_event_is_told_with_the_reason(server: InProcess) -> None:
    with connect(server.negotiate("k-event")["classic"], JSON) as raw:
        raw.send_text('{"type":"event","event":"hello","dataType":"text","data":"x","ackId":1}')
        wait_for(server, world_id("k-event"), "was refused the event 'hello'; as on the service, nobody handles events")


def test_an_expired_token_is_told_of_its_key_and_stands_in_its_journal(server: InProcess) -> None:
    rule = b'[{"type": "expire_token", "attributes": {"lifetime": 0}}]'
    assert server.request("PUT", "/_gexfaker/faults?key=k-expired", rule)[0] == 200
    server.get("/_gexfaker/journal?key=k-expired")
    assert try_upgrade(server.orderflow("k-expired"), [JSON]).status == 401
    wait_for(server, world_id("k-expired"), "orderflow refused with 401: the access token has expired; negotiate again")
    told = json.loads(server.get("/_gexfaker/journal?key=k-expired&type=reject")[1])["entries"]
    assert [(entry["status"], entry["why"]) for entry in told] == [
        (401, "the access token has expired; negotiate again")
    ]
    back = f"{server.orderflow('k-back')}&awps_connection_id=x&awps_reconnection_token=y"
    server.get("/_gexfaker/journal?key=k-back")
    with connect(back, JSON_RELIABLE) as raw:
        raw.read_close()
    wait_for(server, world_id("k-back"), "may not come back to orderflow: ")
    told = json.loads(server.get("/_gexfaker/journal?key=k-back&type=reject")[1])["entries"]
    assert [entry["status"] for entry in told] == [1008]
    watching = f"{watched(server, 'k-watched')}&awps_connection_id=x&awps_reconnection_token=y"
    server.get("/_gexfaker/journal?key=k-watched")
    with connect(watching, JSON_RELIABLE) as raw:
        raw.read_close()
    told = json.loads(server.get("/_gexfaker/journal?key=k-watched&type=reject")[1])["entries"]
    assert told == [], "who only looks on is not told as a client"


def watched(server: InProcess, key: str) -> str:
    return str(json.loads(server.get(f"/_gexfaker/studio/watch?key={key}")[1])["websocket_urls"]["orderflow"])


def test_who_has_no_key_or_a_wrong_token_is_a_line_too(server: InProcess) -> None:
    server.get(RECORD, AGENT)
    wait_for(server, "(no key)", rf"GET {RECORD} 400: Authorization header not found\.")
    try_upgrade(f"{server.orderflow('k')}x", [JSON])
    wait_for(
        server, "(no key)", "WebSocket /client/hubs/orderflow refused with 401: the access token was signed by another"
    )
    try_upgrade(f"{server.url}/client/hubs/nowhere", [JSON])
    wait_for(server, "(no key)", "WebSocket /client/hubs/nowhere refused with 404: There is no hub 'nowhere'")
    back = f"{server.url}/client/hubs/orderflow?awps_connection_id=x&awps_reconnection_token=y"
    with connect(back, JSON_RELIABLE) as raw:
        raw.read_close()
    wait_for(server, "(no key)", "may not come back to orderflow: ")


@pytest.mark.parametrize("path", ["/SPX", "/SPX/classicx", "/tickers", "/nothing?x=1"])
def test_a_key_is_told_where_none_is_needed_or_nothing_is_there(server: InProcess, path: str) -> None:
    server.get(path, key_of("k-stray"))
    wait_for(server, world_id("k-stray"), f"GET {path.partition('?')[0]} ")
    joint = "&" if "?" in path else "?"
    server.get(f"{path}{joint}key=k-query", AGENT)
    wait_for(server, world_id("k-query"), f"GET {path.partition('?')[0]} ")


def test_the_token_of_the_control_plane_is_no_key(server: InProcess) -> None:
    server.get("/_gexfaker/sessions?limit=7", key_of("k-token"))
    wait_for(server, "(no key)", "GET /_gexfaker/sessions 200")
    assert not lines_of(server, world_id("k-token"))


@pytest.mark.parametrize("given", ["secret-key", "key-of-somebody", "key-0123456789abcdeg"])
def test_a_key_in_the_address_of_its_session_is_not_written(alone: InProcess, given: str) -> None:
    server = alone
    for before in ("/_gexfaker/sessions/", "//_gexfaker//sessions//", "/_gexfaker/sessions/x%2F"):
        server.request("POST", f"{before}{given}/pause", b"{}")
        for path in (given, f"{given}/", f"{given}/nothing", f"{given}%2Fpause"):
            server.get(before + path)
    wait_for(server, "(no key)", f"/_gexfaker/sessions/{world_id(given)}/pause ")
    assert not [line for line in server.stderr if given in line]


def test_an_error_of_ours_is_a_500(alone: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    server = alone

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("gexfaker.server.routes.state.bounds_of", fail)
    assert server.get("/health?x")[0] == 500
    wait_for(server, "(no key)", "GET /health 500")


def test_a_name_stays_until_another_is_given(folder: Path) -> None:
    with running_server(data_dir=str(folder), show_keys="true", strict_keys="true", tiers="good-key=quant") as server:
        server.get("/negotiate?name=bot", key_of("good-key"))
        ask(server, "good-key")
        wait_for(server, f"{world_id('good-key')} (bot): ", f"GET {RECORD} 200")
        server.get("/negotiate?name=other", key_of("wrong-key"))
        wait_for(server, f"{world_id('wrong-key')}: ", "GET /negotiate 401")
        assert server.server.service.worlds.peek(world_id("wrong-key")) is None, "who is refused takes no place"


def test_the_start_of_a_key_is_shown_without_what_moves_the_cursor(folder: Path) -> None:
    with running_server(data_dir=str(folder), show_keys="true") as server:
        server.get("/negotiate?key=%1b%5b31mRED%e2%80%aeabcdef", AGENT)
        [world] = server.server.service.worlds.all()
        assert world.account.name == "[31mRE..."


@pytest.mark.parametrize("how", ["header", "query", "websocket"])
def test_a_client_names_itself(server: InProcess, how: str) -> None:
    if how == "websocket":
        with connect(f"{server.orderflow('named-ws')}&name=sock", JSON):
            wait_for(server, f"{world_id('named-ws')} (sock): ", "connected to orderflow")
        return
    name, key = "my \x07bot " + "x" * 50, f"named-{how}"
    headers = {"X-Gexfaker-Name": name.replace("\x07", "")} if how == "header" else {}
    query = "?name=my%20%07bot%20" + "x" * 50 if how == "query" else ""
    server.get("/negotiate" + query, key_of(key) | headers)
    wait_for(server, f"{world_id(key)} (my bot {'x' * 33})", "GET /negotiate 200")
    with joined(server.orderflow(key), data.group()):
        wait_for(server, f"{world_id(key)} (my bot", f"joined {data.group()}")
        [status] = [one for one in server.sessions() if one["session"] == world_id(key)]
        assert status["name"] == f"my bot {'x' * 33}"


def test_keys_are_shown_in_part_if_the_user_wants_it(folder: Path) -> None:
    with running_server(data_dir=str(folder), show_keys="true") as server:
        server.get(RECORD, key_of("gexbot_custom_abcdef"))
        server.get(RECORD, key_of("demo"))
        wait_for(server, f"{world_id('gexbot_custom_abcdef')} (gexbot_c...): ", "GET")
        wait_for(server, f"{world_id('demo')} (de...): ", "GET")
        assert "custom" not in "".join(server.stderr)


def test_the_end_of_a_day_and_the_next_one_are_lines(tmp_path: Path) -> None:
    data.write_day(tmp_path, 30)
    with running_server(data_dir=str(tmp_path), speed="60") as server, joined(server.orderflow("k"), data.group()):
        wait_for(server, world_id("k"), f"has come to the end of {data.DATE}: nothing more comes until it is moved")
        body = json.dumps({"date": data.DATE}).encode()
        server.request("POST", f"/_gexfaker/sessions/{world_id('k')}/day", body)
        wait_for(server, world_id("k"), f"has come to the end of {data.DATE}")


EMPTY = "has no record in the file of ES_SPX_classic_gex_full"


def test_a_feed_without_a_record_is_not_the_end_of_the_day(tmp_path: Path) -> None:
    data.write_day(tmp_path, 30)
    empty = tmp_path / data.DATE / "ES_SPX" / "classic" / "gex_full.jsonl"
    empty.parent.mkdir(parents=True, exist_ok=True)
    empty.write_bytes(b"")
    group = "blue_ES_SPX_classic_gex_full"
    with running_server(data_dir=str(tmp_path)) as server, joined(server.negotiate("k")["classic"], group):
        wait_until(lambda: any(EMPTY in line for line in server.stderr), 5, EMPTY)
        [status] = [one for one in server.sessions() if one["session"] == world_id("k")]
        assert not status["playback"]["over"]
        [shown] = [shown for connection in status["connections"] for shown in connection["groups"]]
        assert EMPTY in shown["silent"]
        assert not lines_of(server, "has come to the end")


@pytest.mark.parametrize("mode", ["next", "rotation"])
def test_the_end_of_a_day_after_which_another_comes_is_not_told_as_the_end(tmp_path: Path, mode: str) -> None:
    for date in DAYS[:2]:
        data.write_day(tmp_path / "other", 30)
        (tmp_path / "other" / data.DATE).rename(tmp_path / date)
    with (
        running_server(data_dir=str(tmp_path), data_date=DAYS[0], speed="60", cache_mode=mode) as server,
        joined(server.orderflow("k"), data.group()) as raw,
    ):
        for _ in range(31):
            raw.read_kind("data")
        if mode == "next":
            wait_for(server, world_id("k"), f"goes on with {DAYS[1]}")
        assert not lines_of(server, f"{world_id('k')}: has come to the end of {DAYS[0]}")


def test_a_join_before_the_open_is_told_as_one_that_stays_silent(folder: Path) -> None:
    with running_server(data_dir=str(folder), start="08:00") as server, joined(server.orderflow("k"), data.group()):
        said = (
            rf"joined {data.group()} on orderflow, but nothing comes before the open: it is {data.DATE} 08:00:0\d there"
        )
        wait_for(server, world_id("k"), said)


def test_a_join_of_a_paused_key_is_told_as_one_that_stays_silent(server: InProcess) -> None:
    server.request("POST", "/_gexfaker/sessions/by-key/pause?key=k-paused", b"{}")
    with joined(server.orderflow("k-paused"), data.group()):
        said = f"joined {data.group()} on orderflow, but nothing comes after the newest record while the key is paused;"
        wait_for(server, world_id("k-paused"), said)


def test_a_closed_market_is_told_at_the_start_and_at_each_join(folder: Path) -> None:
    sunday = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC).timestamp()
    settings = {"data_dir": str(folder), "realism": "market-hours"}
    with running_server(lambda: sunday, **settings) as server, joined(server.orderflow("k"), data.group()):
        until = "2026-11-30 09:30:00 New York"
        told = f"the market is closed: the feed is silent until {until}"
        wait_until(lambda: any(told in line for line in server.stderr), 5, told)
        said = f"joined {data.group()} on orderflow, but nothing comes while the market is closed: it opens at {until}"
        wait_for(server, world_id("k"), said)
        ask(server, "k")
        with Plane(server) as plane:
            (line, *groups) = [status_line(plane.show("k")), *group_lines(plane.show("k"))]
    assert "silent while the market is closed, 1 connection" in line
    assert groups == [f"  orderflow {data.group()}: silent while the market is closed"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"type":"join","group":"g"}', r"there is no type 'join': one of .*joinGroup"),
        ('{"type":"joinGroup","group":"g","ackId":"1"}', r"Expected `int \| null`, got `str` - at `\$.ackId`"),
        ('{"type":"joinGroup","group":"g","ackId":-1}', "an id is a number from 0"),
        ('{"type":"joinGroup","groups":["x"]}', "it needs a 'group'"),
        ('{"type":"sendToGroup","group":"g"}', "it needs 'data'"),
        ('{"type":"event","data":"x"}', "it needs an 'event', a name"),
        ("babble", "JSON is malformed"),
    ],
)
def test_what_is_wrong_with_a_message_is_told_here_and_not_to_the_client(
    server: InProcess, text: str, why: str
) -> None:
    key = f"k-wrong-{text}"
    with connect(server.orderflow(key), JSON) as raw:
        raw.send_text(text)
        assert raw.read_close() == (1007, "The client message is not a valid JSON protocol message.")
    wait_for(server, world_id(key), f"sent to orderflow what is no message: {why}")


def test_a_reliable_client_that_closes_without_a_code_is_a_line(server: InProcess) -> None:
    with connect(server.orderflow("k-codeless"), JSON_RELIABLE) as raw:
        raw.read_json()
        raw.close(None)
        wait_for(server, world_id("k-codeless"), "left orderflow: the client closed with 1005; it may come back within")
    assert len([line for line in lines_of(server, world_id("k-codeless")) if "left" in line]) == 1


def test_a_slow_client_s_cut_has_the_bound_and_the_numbers(folder: Path) -> None:
    bounds = {"queue_messages": "50", "ws_stream_interval": "20ms"}
    with running_server(data_dir=str(folder), **bounds) as server, connect(server.orderflow("k"), JSON_RELIABLE) as raw:
        raw.read_json()
        raw.join(data.group())
        wait_for(
            server,
            world_id("k"),
            r"cut on orderflow, as it reads or acknowledges too slowly: 51 messages of [0-9,]+ bytes wait for it "
            r"\(QUEUE_MESSAGES 50, QUEUE_BYTES [0-9,]+\)",
        )


def test_above_info_only_what_matters_is_told(folder: Path) -> None:
    with running_server(
        data_dir=str(folder), log_level="warning", queue_messages="10", ws_stream_interval="20ms"
    ) as server:
        assert server.server.service.access is None
        with joined(server.orderflow("k"), "blue_NOBODY_orderflow_orderflow"):
            wait_until(lambda: any("nothing will come" in line for line in server.stderr), 5, "the reason")
        ask(server, "k")
        assert len(server.stderr) == 1
        with connect(server.orderflow("slow"), JSON_RELIABLE) as raw:
            raw.read_json()
            raw.join(data.group())
            wait_until(lambda: any("cut on orderflow" in line for line in server.stderr), 5, "the cut")


def test_as_json_each_line_is_an_object(folder: Path) -> None:
    with running_process(data_dir=str(folder), log_format="json", log_level="debug") as server:
        server.get("/negotiate?name=bot", key_of("k"))
        with joined(server.orderflow("k"), data.group()):
            pass
        assert server.stop() == CLEAN_EXIT
        lines = [json.loads(line) for line in server.stderr]
    asked = next(line for line in lines if line["message"].startswith(f"{world_id('k')} (bot): GET /negotiate 200"))
    assert (asked["session"], asked["name"], asked["event"], asked["level"]) == (
        world_id("k"),
        "bot",
        "request",
        "info",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", asked["time"])
    assert [line["message"].split()[0] for line in lines if line["logger"] == "gexfaker.server.run"] == [
        "started",
        "stopped",
    ]
    frames = [line["message"] for line in lines if line["logger"].startswith("websockets")]
    assert any(message.startswith(f"{world_id('k')} orderflow ") for message in frames), frames


def test_every_line_of_the_json_log_is_as_its_schema_says(folder: Path) -> None:
    valid = jsonschema_rs.Draft202012Validator(log_schema())
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    with running_process(data_dir=str(folder), log_format="json", log_level="debug", scenario="calm") as server:
        server.get("/negotiate?name=bot", key_of("k"))
        server.get("/tickers", {"X-Request-Id": "from-a-proxy.1", "traceparent": trace})
        server.request("POST", "/_gexfaker/sessions/by-key/pause?key=k", b"{}")
        server.request("POST", "/_gexfaker/sessions/all/resume", b"{}")
        with joined(server.orderflow("k"), data.group()) as raw:
            raw.join("nothing_of_the_kind", 2)
            raw.send_text("{")
            raw.read_close()
        try_upgrade(f"{server.url}/client/hubs/orderflow", [JSON_RELIABLE])
        assert server.stop() == CLEAN_EXIT
        lines = [json.loads(line) for line in server.stderr]
    assert [[str(error) for error in valid.iter_errors(line)] for line in lines] == [[]] * len(lines)
    told = {line["event"]: line for line in lines}
    wanted = {"start", "stop", "note", "request", "connect", "join", "refusal", "wrong", "close", "control"}
    assert wanted <= told.keys()
    asked = next(line for line in lines if line.get("path") == "/tickers")
    assert (asked["request_id"], asked["trace_id"], asked["span_id"]) == ("from-a-proxy.1", "a" * 32, "b" * 16)
    assert (asked["method"], asked["status"], asked["bytes"] > 0) == ("GET", 200, True)
    paused = next(line for line in lines if line.get("action") == "pause")
    assert (paused["session"], paused["name"], paused["resolved"]) == (world_id("k"), "bot", "paused")


def test_events_that_are_told_are_those_of_the_table() -> None:
    """Of every call that tells something to the log the name of the event is a literal."""
    told = set()
    for path in (SOURCE / "server").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:\.tell|_tell)\(\s*[^"()]+(?:\([^()]*\))?[^"()]*,\s*"([a-z]+)"', text))
        told |= {name for pair in re.findall(r'"event": "([a-z]+)"|_about\("([a-z]+)"', text) for name in pair if name}
    assert told - {"system"} <= EVENTS.keys()
    assert {"request", "connect", "refusal", "start", "control", "summary"} <= told


def test_a_download_that_was_not_taken_to_its_end_is_told_so() -> None:
    with running_server(tickers="SPX") as server:
        with RawSocket(server.url) as raw:
            raw.send(b"GET /hist/eod/SPX HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\nAuthorization: Bearer gone\r\n\r\n")
            assert raw.socket.recv(15) == b"HTTP/1.1 200 OK"
        wait_for(server, world_id("gone"), r"GET /hist/eod/SPX 200: broken off before its end, [\d,]+ bytes in")


def test_a_path_that_there_is_not_is_told_with_the_one_that_is_meant(server: InProcess) -> None:
    meant = {"/v2/SPX/orderflow": "/v2/SPX/orderflow/orderflow", "/v2/negociate": "/negotiate"}
    for path, other in meant.items():
        assert server.get(path, key_of("k-miss"))[0] == 404
        wait_for(server, world_id("k-miss"), re.escape(f"GET {path} 404: Not Found; did you mean {other}?"))
