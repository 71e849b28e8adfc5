"""POST and PATCH negotiation over HTTP: what is answered, what is refused and why, and what a refusal leaves alone."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from support import days
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect, try_upgrade
from support.server import Served, running_server, wait_until

HUBS: Final = ["classic", "state_gex", "state_greeks_zero", "state_greeks", "state_greeks_one", "orderflow"]
V2_HUBS: Final = [f"v2_{hub}" for hub in HUBS]
MISSING: Final = b'{"error":"Authorization header not found."}'
PATHS: Final = ("/negotiate", "/v2/negotiate")
MIB: Final = 1024 * 1024
TIERS: Final = "KEY1=classic,KEY2=state,KEY3=orderflow,*=quant"
STOCKS: Final = (
    "AAPL AMD AMZN APP AVGO BABA BOIL COIN CRWD CRWV DDOG DIA GLD GME GOOG GOOGL HOOD HYG IBIT INTC IONQ IWM META MSFT "
    "MSTR MU NFLX NVDA NVO ORCL PL PLTR QQQ RDDT ROKU SHOP SLV SMCI SNDK SNOW SOFI SPY TLT TQQQ TSLA TSM UBER UNG UNH "
    "USO UVXY VALE ZS"
).split()

# The contract's own examples.
POST_EXAMPLE: Final = (
    "SPX_classic_gex_full",
    "SPX_state_gamma_zero",
    "SPX_spot",
    "ES_SPX_orderflow_orderflow",
    "ES_SPX_spot",
)
PATCH_EXAMPLE: Final = {
    "v2_classic": ["SPX_classic_gex_full", "SPX_spot"],
    "v2_state_greeks_zero": ["SPX_state_gamma_zero", "SPX_spot"],
    "v2_orderflow": ["ES_SPX_orderflow_orderflow", "ES_SPX_spot"],
}
PATCH_REPLY: Final = (
    b'{"updated_groups":6,"hubs":{"v2_classic":2,"v2_state_gex":0,"v2_state_greeks_zero":2,"v2_state_greeks":0,'
    b'"v2_state_greeks_one":0,"v2_orderflow":2}}'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(days.write_days(tmp_path_factory.mktemp("negotiate"), 5))


@pytest.fixture(scope="module")
def server(folder: str) -> Iterator[Served]:
    with running_server(data_dir=folder, v2_prefix="false", cache_mode="rotation") as running:
        yield running


def items(groups: dict[str, list[str]]) -> list[dict[str, str]]:
    """The body of a PATCH."""
    return [{"hub": hub, "group": group} for hub, names in groups.items() for group in names]


def check_sentence(reply: Any) -> str:
    """The text of an error body, which must be one sentence."""
    assert list(reply) == ["error"]
    text: str = reply["error"]
    assert text.strip() == text
    assert "\n" not in text
    assert text.endswith(".")
    assert ". " not in text
    assert "Traceback" not in text
    assert len(text) < 500
    return text


def send(server: Served, method: str, body: bytes, key: str = "demo", path: str = "/v2/negotiate") -> tuple[int, bytes]:
    return server.request(method, path, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})


def claims(url: str) -> dict[str, Any]:
    """The claims of a URL's token, read without any JWT library."""
    payload = url.partition("access_token=")[2].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def groups_of(server: Served, url: str) -> dict[str, set[str]]:
    """The groups in which the connections of the session that owns a URL are, by hub."""
    owned = [found for found in server.sessions() if found["session"] == claims(url)["sub"]]
    return {
        held["hub"]: {group["group"] for group in held["groups"]} for found in owned for held in found["connections"]
    }


@contextlib.contextmanager
def connected(server: Served, urls: dict[str, str], *hubs: str) -> Iterator[dict[str, RawSocket]]:
    """A JSON client on each of these hubs, wherever the URLs point."""
    with contextlib.ExitStack() as stack:
        found = {}
        for hub in hubs:
            parts = urlsplit(urls[hub])
            local = parts._replace(scheme="ws", netloc=urlsplit(server.url).netloc).geturl()
            found[hub] = stack.enter_context(connect(local, JSON))
            assert found[hub].read_json().kind == "connected"
        yield found


# --- what is answered ----------------------------------------------------------------------------


def test_the_published_examples_come_back_field_for_field(folder: str) -> None:
    with running_server(data_dir=folder, v2_prefix="false", public_url="https://ws.gex.bot:443") as server:
        reply = json.loads(server.get("/v2/negotiate", {"Authorization": "Bearer demo"})[1])
        assert list(reply) == ["websocket_urls", "prefix"]
        assert reply["prefix"] == "blue"
        assert list(reply["websocket_urls"]) == HUBS
        urls = server.post(*POST_EXAMPLE)
        assert list(urls) == V2_HUBS
        for hub, url in (reply["websocket_urls"] | urls).items():
            address, _, token = url.partition("=")
            assert address == f"wss://ws.gex.bot:443/client/hubs/{hub}?access_token"
            assert token.count(".") == 2
        with connected(server, urls, *PATCH_EXAMPLE):
            body = json.dumps({"groups": items(PATCH_EXAMPLE)}).encode()
            assert send(server, "PATCH", body) == (200, PATCH_REPLY)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["Bearer {}", "Basic {}", ""])
def test_every_path_and_way_to_give_a_key_means_the_same_slot(server: Served, path: str, scheme: str) -> None:
    headers, query = ({"Authorization": scheme.format("ways")}, "") if scheme else ({}, "?key=ways")
    body = json.dumps({"groups": POST_EXAMPLE}).encode()
    status, answer = server.request("POST", path + query, body, headers)
    assert status == 200
    urls = json.loads(answer)["websocket_urls"]
    assert claims(urls["v2_classic"])["sub"] == claims(server.post(*POST_EXAMPLE, key="ways")["v2_classic"])["sub"]
    assert try_upgrade(urls["v2_classic"], [JSON]).status == 401, "the later POST of the same key replaced it"


def test_a_token_holds_its_hub_groups_and_no_right_to_join(server: Served) -> None:
    wanted: dict[str, list[str]] = {hub: [] for hub in V2_HUBS} | PATCH_EXAMPLE
    for hub, url in server.post(*POST_EXAMPLE).items():
        held = claims(url)
        assert held["aud"] == f"{server.url}/client/hubs/{hub}"
        assert set(held.get("webpubsub.group", [])) == set(wanted[hub])
        assert "role" not in held
        assert "demo" not in json.dumps(held)


def test_the_server_joins_and_the_client_may_not(server: Served) -> None:
    urls = server.post(*POST_EXAMPLE, key="no-join")
    with connected(server, urls, *V2_HUBS) as clients:
        assert groups_of(server, urls["v2_classic"]) == {hub: set(PATCH_EXAMPLE.get(hub, [])) for hub in V2_HUBS}
        clients["v2_state_gex"].send_text('{"type":"joinGroup","group":"SPX_state_gex_full","ackId":1}')
        ack = clients["v2_state_gex"].read_json()
        assert (ack.kind, ack.success, ack.error["name"]) == ("ack", False, "Forbidden")


def test_duplicates_count_once(server: Served) -> None:
    urls = server.post(*POST_EXAMPLE, *POST_EXAMPLE, "SPX_spot", key="twice")
    with connected(server, urls, *PATCH_EXAMPLE):
        assert groups_of(server, urls["v2_classic"]) == {hub: set(groups) for hub, groups in PATCH_EXAMPLE.items()}
        status, reply = server.ask("PATCH", items(PATCH_EXAMPLE) * 3, "twice")
        assert (status, reply) == (200, json.loads(PATCH_REPLY))


def test_an_empty_patch_leaves_no_membership(server: Served) -> None:
    urls = server.post(*POST_EXAMPLE, key="empty")
    with connected(server, urls, "v2_classic"):
        assert server.patch({}, key="empty") == {"updated_groups": 0, "hubs": dict.fromkeys(V2_HUBS, 0)}
        assert groups_of(server, urls["v2_classic"]) == {"v2_classic": set()}
        assert server.patch({"v2_classic": ["SPX_classic_gex_one", "SPX_spot"]}, key="empty")["updated_groups"] == 2


def test_explicit_expiries_and_all_five_kinds_of_hub(server: Served) -> None:
    wanted = {
        "v2_classic": ["SPX_classic_gex_20260717", "SOXL_classic_gex_20260717"],
        "v2_state_gex": ["SPX_state_gex_20260717", "SPX_state_gex_one"],
        "v2_state_greeks_zero": ["SPX_state_vanna_zero"],
        "v2_state_greeks": ["SPX_state_delta_20260717", "SPX_state_charm_20260720"],
        "v2_state_greeks_one": ["SPX_state_gamma_one"],
        "v2_orderflow": ["SPX_orderflow_20260717"],
    }
    asked = [group for groups in wanted.values() for group in groups]
    urls = server.post(*asked, "SPX_spot", "SOXL_spot", key="expiries")
    with connected(server, urls, *V2_HUBS):
        for groups in wanted.values():
            groups.append("SPX_spot")
        wanted["v2_classic"].append("SOXL_spot")
        assert groups_of(server, urls["v2_classic"]) == {hub: set(groups) for hub, groups in wanted.items()}
        assert server.patch(wanted, key="expiries")["updated_groups"] == 16


def test_current_hubs_are_patched_by_unprefixed_names(server: Served) -> None:
    urls = server.post("SPX_classic_gex_full", key="current")
    assert list(urls) == HUBS
    with connected(server, urls, "classic", "orderflow"):
        assert groups_of(server, urls["classic"]) == {"classic": {"blue_SPX_classic_gex_full"}, "orderflow": set()}
        reply = server.patch(
            {"orderflow": ["SPX_orderflow_orderflow"], "classic": ["SPX_classic_gex_one"]}, key="current"
        )
        assert reply == {"updated_groups": 2, "hubs": dict.fromkeys(HUBS, 0) | {"classic": 1, "orderflow": 1}}
        assert list(reply["hubs"]) == HUBS
        assert groups_of(server, urls["classic"]) == {
            "classic": {"blue_SPX_classic_gex_one"},
            "orderflow": {"blue_SPX_orderflow_orderflow"},
        }


def test_every_connection_of_a_slot_on_a_hub_is_patched(folder: str) -> None:
    wanted = ["SPX_classic_gex_one", "ES_SPX_classic_gex_one", "SPX_spot", "ES_SPX_spot"]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_server(data_dir=folder, v2_prefix="false", session_rules="relaxed"))
        urls = server.post("SPX_classic_gex_full", "SPX_spot", key="several")
        for _ in range(2):
            stack.enter_context(connected(server, urls, "v2_classic"))
        assert server.patch({"v2_classic": wanted}, key="several")["updated_groups"] == 4
        (session,) = (found for found in server.sessions() if found["session"] == claims(urls["v2_classic"])["sub"])
        held = [{group["group"] for group in connection["groups"]} for connection in session["connections"]]
        assert held == [set(wanted), set(wanted)]
        assert session["memberships"] == dict.fromkeys(V2_HUBS, 0) | {"v2_classic": 4}


def test_after_a_restart_the_urls_and_a_patch_still_work(folder: str) -> None:
    secret = "a-secret-that-outlives-the-server-0123456789"
    with running_server(data_dir=folder, v2_prefix="false", token_secret=secret) as first:
        urls = first.post(*POST_EXAMPLE)
    with (
        running_server(data_dir=folder, v2_prefix="false", token_secret=secret) as server,
        connected(server, urls, *PATCH_EXAMPLE),
    ):
        assert groups_of(server, urls["v2_classic"]) == {hub: set(groups) for hub, groups in PATCH_EXAMPLE.items()}
        changed = PATCH_EXAMPLE | {"v2_classic": ["ES_SPX_classic_gex_one", "ES_SPX_spot"]}
        assert server.patch(changed)["updated_groups"] == 6
        assert groups_of(server, urls["v2_classic"]) == {hub: set(groups) for hub, groups in changed.items()}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("path", PATHS)
def test_a_browser_may_ask_from_another_origin(server: Served, method: str, path: str) -> None:
    with RawSocket(server.url) as raw:
        lines = [
            f"OPTIONS {path} HTTP/1.1",
            "Host: x",
            "Origin: https://dashboard.test",
            f"Access-Control-Request-Method: {method}",
            "Access-Control-Request-Headers: authorization,content-type",
        ]
        raw.send("\r\n".join([*lines, "", ""]).encode())
        assert raw.read_answer() == 200
        assert raw.header("access-control-allow-origin") in (["*"], ["https://dashboard.test"])
        assert method in raw.header("access-control-allow-methods")[0].split(", ")
        assert raw.header("access-control-allow-headers")[0].lower() == "authorization,content-type"
        body = b'{"groups":[]}'
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: x",
            "Origin: https://dashboard.test",
            f"Content-Length: {len(body)}",
        ]
        raw.send("\r\n".join([*head, "", ""]).encode() + body)
        assert raw.read_answer() == 400
        assert raw.header("access-control-allow-origin") == ["*"], "a page has to be able to read errors too"
        assert raw.body == MISSING


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer "}])
def test_without_a_key_it_is_400_to_the_byte(server: Served, method: str, path: str, headers: dict[str, str]) -> None:
    for body in (json.dumps({"groups": POST_EXAMPLE}).encode(), b"", b"nonsense"):
        assert server.request(method, path, body, headers) == (400, MISSING)


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused(server: Served, path: str) -> None:
    status, body = server.request("DELETE", path, None, {"Authorization": "Bearer demo"})
    assert status == 405
    assert list(json.loads(body)) == ["error"]


NOT_A_BODY: Final = [
    *(
        b"",
        b" ",
        b"x",
        b"{",
        b"null",
        b"1",
        b'"groups"',
        b"[]",
        b"{}",
        b'["SPX_classic_gex_full"]',
        b"\xff\xfe",
        b"\x00",
    ),
    *(
        b'{"groups":null}',
        b'{"groups":"SPX_classic_gex_full"}',
        b'{"groups":1}',
        b'{"groups":{}}',
        b'{"groups":[null]}',
    ),
    *(b'{"groups":[1]}', b'{"groups":[["SPX_spot"]]}', b'{"Groups":[]}', b'{"groups":["SPX_spot"', b'{"groups":[{}]}'),
    *(b'{"groups":["\\ud800_spot"]}', b'{"groups":["\xff_spot"]}', b"groups=SPX_spot", b'{"groups":[true]} x'),
    b'{"groups":' + b"[" * 100_000,
]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", NOT_A_BODY, ids=lambda body: repr(body[:24]))
def test_a_body_that_is_none_is_refused_with_an_example(server: Served, method: str, body: bytes) -> None:
    status, answer = send(server, method, body)
    assert status == 400
    text = check_sentence(json.loads(answer))
    assert '{"groups":[' in text or "Name at least one group" in text


@pytest.mark.parametrize(
    "body",
    [
        b'{"groups":["SPX_classic_gex_full","SPX_spot"]}',
        b'{"groups":[{"hub":"v2_classic"}]}',
        b'{"groups":[{"group":"SPX_spot"}]}',
        b'{"groups":[{"hub":1,"group":2}]}',
        b'{"groups":[{"hub":null,"group":"SPX_spot"}]}',
        b'{"groups":[{"hub":["v2_classic"],"group":"SPX_spot"}]}',
        b'{"groups":{"v2_classic":["SPX_spot"]}}',
    ],
)
def test_items_that_are_no_hub_and_group_are_refused(server: Served, body: bytes) -> None:
    status, answer = send(server, "PATCH", body)
    assert status == 400
    assert "hub" in check_sentence(json.loads(answer))


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("size", [MIB + 1, 8 * MIB])
def test_a_body_over_a_mebibyte_is_refused(server: Served, method: str, size: int) -> None:
    status, answer = send(server, method, b'{"groups":[]}'.ljust(size))
    assert status == 400
    assert "1048576" in check_sentence(json.loads(answer))


def test_a_body_of_exactly_a_mebibyte_is_read(server: Served) -> None:
    body = json.dumps({"groups": POST_EXAMPLE}).encode().ljust(MIB)
    assert send(server, "POST", body)[0] == 200


NO_GROUPS: Final = {
    "ZZZZ_classic_gex_full": "ZZZZ",
    "spx_classic_gex_full": "spx",
    "blue_SPX_classic_gex_full": "blue_SPX",
    "SPX_classic_gex_two": "SPX_classic_gex_two",
    "SPX_classic_delta_zero": "SPX_classic_delta_zero",
    "SPX_state_orderflow": "SPX_state_orderflow",
    "SPX": "'SPX'",
    "": "''",
    "_spot": "'_spot'",
    "SPX_classic_gex_20260718": "expire",  # a Saturday
    "SPX_state_gamma_20991231": "expire",
    "SPX_orderflow_20260716": "expire",  # the day before
    "SPX_classic_gex_20260231": "SPX_classic_gex_20260231",  # no such date
    "SPX_classic_gex_2026-07-17": "SPX_classic_gex_2026-07-17",
    "SPX_classic_gex_\uff12\uff10260717": "SPX_classic_gex",
    "ES_SPX_classic_gex_20260717": "SPX",  # a future owns no options
    "SPX\n_classic_gex_full": "SPX\\n",
    "A" * 5000 + "_classic_gex_full": "AAAA",
    "A" * 5000: "AAAA",
}


@pytest.mark.parametrize("group", NO_GROUPS, ids=lambda group: ascii(group[:30]))
def test_a_group_that_does_not_exist_is_named(server: Served, group: str) -> None:
    for method, groups in (
        ("POST", ["SPX_classic_gex_full", "SPX_spot", group]),
        ("POST", [group]),
        ("PATCH", [*items(PATCH_EXAMPLE), {"hub": "v2_classic", "group": group}]),
    ):
        status, reply = server.ask(method, groups)
        assert status == 400, (method, reply)
        assert NO_GROUPS[group] in check_sentence(reply)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([], "at least one group"),
        (["SPX_classic_gex_full", "ES_SPX_classic_gex_full", "SPX_spot"], "ES_SPX_spot"),
        (["SPX_classic_gex_full", "ES_SPX_spot"], "SPX_spot"),
        (["SPX_classic_gex_full", "SPX_spot", "ES_SPX_spot"], "ES_SPX"),
        (["SPX_spot"], "SPX"),
        (["SPXW_classic_gex_full", "SPX_spot"], "SPX"),
    ],
)
def test_analytics_and_spot_have_to_cover_each_other(server: Served, groups: list[str], said: str) -> None:
    status, reply = server.ask("POST", groups)
    assert status == 400
    assert said in check_sentence(reply)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"v2_classic": ["SPX_classic_gex_full"]}, ("SPX_spot", "v2_classic")),
        ({"v2_classic": ["SPX_spot"]}, ("SPX", "v2_classic")),
        (PATCH_EXAMPLE | {"v2_orderflow": ["ES_SPX_orderflow_orderflow", "SPX_spot"]}, ("ES_SPX_spot", "v2_orderflow")),
        (PATCH_EXAMPLE | {"v2_state_greeks_zero": ["SPX_state_gamma_zero"]}, ("SPX_spot", "v2_state_greeks_zero")),
        (PATCH_EXAMPLE | {"v2_state_gex": ["SPX_spot"]}, ("SPX_spot", "v2_state_gex")),
        ({"v2_classic": ["SPX_state_gex_full", "SPX_spot"]}, ("v2_classic", "v2_state_gex")),
        (
            {"v2_state_greeks_one": ["SPX_state_gamma_zero", "SPX_spot"]},
            ("v2_state_greeks_one", "v2_state_greeks_zero"),
        ),
        ({"v2_state_greeks": ["SPX_state_gex_20260717", "SPX_spot"]}, ("v2_state_greeks", "v2_state_gex")),
        (
            {"v2_classic": ["SPX_classic_gex_full", "SPX_spot"], "orderflow": ["SPX_orderflow_orderflow"]},
            ("generation",),
        ),
        ({"classic": ["SPX_classic_gex_full", "SPX_spot"]}, ("SPX_spot", "classic", "v2_")),
        ({"classic": ["SPX_classic_gex_full"]}, ("classic", "v2_")),  # the slot has the other hubs
        ({"v2_state_gex": ["SPX_state_gex_full", "SPX_spot"]}, ("v2_state_gex", "onnect")),  # nobody is there
        ({"v2_nothing": ["SPX_spot"]}, ("v2_nothing", "v2_state_greeks_one")),
        ({"V2_CLASSIC": ["SPX_spot"]}, ("V2_CLASSIC",)),
        ({"": ["SPX_spot"]}, ("''",)),
        ({"A" * 5000: ["SPX_spot"]}, ("AAAA",)),
    ],
)
def test_a_refused_patch_says_why_and_changes_nothing(
    server: Served, groups: dict[str, list[str]], said: tuple[str, ...]
) -> None:
    urls = server.post(*POST_EXAMPLE, key="patches")
    with connected(server, urls, *PATCH_EXAMPLE):
        before = groups_of(server, urls["v2_classic"])
        status, reply = server.ask("PATCH", items(groups), "patches")
        assert status == 400
        text = check_sentence(reply)
        assert all(part in text for part in said), text
        assert groups_of(server, urls["v2_classic"]) == before == {h: set(g) for h, g in PATCH_EXAMPLE.items()}


def test_a_refused_post_leaves_the_slot_and_its_connections_alone(server: Served) -> None:
    urls = server.post(*POST_EXAMPLE, key="refused")
    with connected(server, urls, "v2_classic") as clients:
        assert server.ask("POST", ["SPX_spot"], "refused")[0] == 400
        assert send(server, "POST", b"nonsense", "refused")[0] == 400
        assert groups_of(server, urls["v2_classic"]) == {"v2_classic": {"SPX_classic_gex_full", "SPX_spot"}}
        clients["v2_classic"].send_text('{"type":"ping"}')
        clients["v2_classic"].read_kind("pong")
        assert try_upgrade(urls["v2_orderflow"], [JSON]).status == 101


def test_a_connection_that_was_lost_cannot_come_back_after_a_second_post(server: Served) -> None:
    url = server.post(*POST_EXAMPLE, key="lost")["v2_classic"]
    with connect(url, JSON_RELIABLE) as raw:
        told = raw.read_json()
        raw.abort()
    again = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
    with connect(again, JSON_RELIABLE) as raw:
        raw.abort()
    server.post(*POST_EXAMPLE, key="lost")
    with connect(again, JSON_RELIABLE) as raw:
        assert raw.read_close()[0] == 1008


def test_of_posts_at_the_same_time_one_holds(server: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(server.post, *POST_EXAMPLE, key="race") for _ in range(24)]
        answers = [each.result() for each in asked]
    opened = [{try_upgrade(url, [JSON]).status for url in urls.values()} for urls in answers]
    assert sorted(map(sorted, opened)) == [[101]] + [[401]] * 23


def test_groups_without_records_are_silent_or_with_strict_groups_refused(server: Served, folder: str) -> None:
    groups = ["AAPL_classic_gex_full", "AAPL_spot"]
    with connected(server, server.post(*groups, key="silent"), "v2_classic") as clients:
        clients["v2_classic"].send_text('{"type":"ping"}')
        assert clients["v2_classic"].read_json().kind == "pong"
    with running_server(data_dir=folder, v2_prefix="false", strict_groups="true") as strict:
        status, reply = strict.ask("POST", groups)
        assert status == 400
        assert "AAPL_classic_gex_full" in check_sentence(reply)
        strict.post(*POST_EXAMPLE)


def test_a_patch_needs_a_post_before_it(server: Served) -> None:
    for key, prepare in (("never", lambda: None), ("get-only", lambda: server.negotiate("get-only"))):
        prepare()
        for groups in (items(PATCH_EXAMPLE), []):
            status, reply = server.ask("PATCH", groups, key)
            assert status == 400
            assert "POST" in check_sentence(reply)


def test_a_connection_of_the_get_flow_is_not_the_slots(server: Served) -> None:
    with connected(server, server.negotiate("both"), "classic") as clients:
        clients["classic"].join("blue_SPX_classic_gex_zero")
        urls = server.post("SPX_classic_gex_full", key="both")
        status, reply = server.ask("PATCH", items({"classic": ["SPX_classic_gex_one"]}), "both")
        assert status == 400
        assert "onnect" in check_sentence(reply)
        clients["classic"].join("blue_SPX_classic_gex_one", 2)  # it lives, and keeps what it joined
        assert groups_of(server, urls["classic"]) == {
            "classic": {"blue_SPX_classic_gex_zero", "blue_SPX_classic_gex_one"}
        }


def test_a_patch_needs_the_connection_to_be_there_still(server: Served) -> None:
    urls = server.post(*POST_EXAMPLE, key="left")
    with connected(server, urls, "v2_classic", "v2_state_greeks_zero"):
        with connected(server, urls, "v2_orderflow"):
            assert server.patch(PATCH_EXAMPLE, key="left")["updated_groups"] == 6
        wait_until(lambda: len(groups_of(server, urls["v2_classic"])) == 2, 5, "the connection is gone")
        status, reply = server.ask("PATCH", items(PATCH_EXAMPLE), "left")
        assert status == 400
        assert "v2_orderflow" in check_sentence(reply)


# --- limits, tiers, keys -------------------------------------------------------------------------


def current(count: int) -> list[str]:
    """So many groups without spot."""
    kinds = ("classic_gex_full", "classic_gex_zero", "classic_gex_one", "state_gex_full")
    return [f"{stock}_{kind}" for kind in kinds for stock in STOCKS][:count]


def test_150_memberships_are_allowed_and_151_are_not(server: Served) -> None:
    assert server.ask("POST", current(150), "limit")[0] == 200
    assert server.ask("POST", current(150) * 2, "limit")[0] == 200, "duplicates count once"
    status, reply = server.ask("POST", current(151), "limit")
    assert status == 403
    assert "150" in check_sentence(reply)


@pytest.mark.parametrize("subprotocol", [JSON, JSON_RELIABLE])
def test_150_memberships_on_one_hub_fit_into_its_url(server: Served, subprotocol: str) -> None:
    groups = [f"{stock}_classic_gex_{day}" for stock in STOCKS[:50] for day in ("full", "zero", "20260821")]
    url = server.post(*groups, key="long")["classic"]
    with connect(url, subprotocol) as raw:
        told = raw.read_json()
        assert groups_of(server, url) == {"classic": {f"blue_{group}" for group in groups}}
        if told.token is not None:
            raw.abort()
            again = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
            with connect(again, subprotocol):
                assert groups_of(server, url) == {"classic": {f"blue_{group}" for group in groups}}


def test_spot_counts_on_every_hub(server: Served) -> None:
    # Analytics on two hubs with spot on both: four memberships of three names for each ticker.
    def asked(tickers: int) -> list[str]:
        ends = ("classic_gex_full", "orderflow_orderflow", "spot")
        return [f"{ticker}_{end}" for ticker in STOCKS[:tickers] for end in ends]

    exact = [*asked(37), "SPX_classic_gex_full", "SPX_spot"]
    assert server.ask("POST", exact, "spots")[0] == 200
    status, reply = server.ask("POST", [*exact, "SPX_classic_gex_one"], "spots")
    assert status == 403
    assert "151" in check_sentence(reply)
    assert server.ask("POST", asked(38), "spots")[0] == 403, "152 memberships, of 114 names"


def test_a_patch_is_limited_likewise(server: Served) -> None:
    urls = server.post("SPX_classic_gex_full", "SPX_spot", key="patch-limit")
    tickers = STOCKS[:50]
    exact = {
        "v2_classic": [
            f"{ticker}_{end}" for ticker in tickers for end in ("classic_gex_full", "classic_gex_one", "spot")
        ],
    }
    with connected(server, urls, "v2_classic"):
        assert server.patch(exact, key="patch-limit")["updated_groups"] == 150
        more = {"v2_classic": [*exact["v2_classic"], f"{STOCKS[0]}_classic_gex_zero"]}
        status, reply = server.ask("PATCH", items(more), "patch-limit")
        assert status == 403
        assert "150" in check_sentence(reply)
        held = next(s for s in server.sessions() if s["session"] == claims(urls["v2_classic"])["sub"])
        assert held["memberships"]["v2_classic"] == 150


def test_the_limit_is_a_setting(folder: str) -> None:
    with running_server(data_dir=folder, v2_prefix="false", membership_limit=4) as server:
        assert server.ask("POST", ["SPX_classic_gex_full", "SPX_orderflow_orderflow", "SPX_spot"])[0] == 200
        status, reply = server.ask("POST", POST_EXAMPLE)
        assert status == 403
        assert "4" in check_sentence(reply)
    with running_server(data_dir=folder, v2_prefix="false", membership_limit=151) as server:
        assert server.ask("POST", current(151))[0] == 200


@pytest.fixture(scope="module")
def tiered(folder: str) -> Iterator[Served]:
    with running_server(data_dir=folder, v2_prefix="false", tiers=TIERS, cache_mode="rotation") as running:
        yield running


ORDERFLOW_HUBS: Final = ["classic", "state_gex", "state_greeks_zero", "state_greeks_one", "orderflow"]


@pytest.mark.parametrize(("key", "hubs"), [("KEY3", ORDERFLOW_HUBS), ("ANYBODY", HUBS)])
def test_the_get_flow_gives_the_hubs_of_the_tier(tiered: Served, key: str, hubs: list[str]) -> None:
    for path in ("/negotiate", "/v2/negotiate"):
        assert list(tiered.negotiate(key, path)) == hubs


def test_groups_of_the_v2_hubs_have_the_prefix_unless_they_shall_not(folder: str) -> None:
    for given, prefix in (({}, "blue_"), ({"ws_group_prefix": "red"}, "red_"), ({"v2_prefix": "false"}, "")):
        with running_server(data_dir=folder, cache_mode="rotation", **given) as server:
            urls = server.post("SPX_classic_gex_full", "SPX_spot", key="prefixed")
            wanted = {f"{prefix}SPX_classic_gex_full", f"{prefix}SPX_spot"}
            assert set(claims(urls["v2_classic"])["webpubsub.group"]) == wanted
            with connected(server, urls, "v2_classic") as clients:
                heard = {clients["v2_classic"].read_kind("data").group for _ in range(4)}
                assert heard == wanted
                server.patch({"v2_classic": ["SPX_classic_gex_one", "SPX_spot"]}, key="prefixed")
                [session] = [one for one in server.sessions() if one["session"] == claims(urls["v2_classic"])["sub"]]
                [held] = session["connections"]
                assert {group["group"] for group in held["groups"]} == {
                    f"{prefix}SPX_classic_gex_one",
                    f"{prefix}SPX_spot",
                }
                assert not any("silent" in group for group in held["groups"])


def test_a_quant_key_gets_all_hubs_by_post(tiered: Served) -> None:
    assert list(tiered.post("SPX_classic_gex_full", "SPX_spot", key="ANYBODY")) == [f"v2_{hub}" for hub in HUBS]
    assert list(tiered.post("SPX_classic_gex_full", key="ANYBODY")) == HUBS


@pytest.mark.parametrize(("key", "tier"), [("KEY1", "classic"), ("KEY2", "state"), ("KEY3", "orderflow")])
def test_the_feed_is_for_quant_keys_and_by_get_for_orderflow_keys(tiered: Served, key: str, tier: str) -> None:
    group = "SPX_classic_gex_full"
    asked = [
        tiered.ask("POST", [group], key),
        tiered.ask("PATCH", items({"classic": [group]}), key),
        *([] if tier == "orderflow" else [get(tiered, key)]),
    ]
    for status, reply in asked:
        assert status == 403
        text = check_sentence(reply)
        assert "needs the quant tier" in text
        assert text.endswith(f"this key has {tier}.")
    permissions = json.loads(tiered.get("/whoami", {"Authorization": f"Bearer {key}", "User-Agent": "x"})[1])[
        "permissions"
    ]
    assert ("websocket" in permissions) == (tier == "orderflow")
    assert {"rest", "eod_report"} <= set(permissions)
    assert not {"history", "negotiate_post"} & set(permissions)


def get(server: Served, key: str) -> tuple[int, Any]:
    status, body = server.get("/v2/negotiate", {"Authorization": f"Bearer {key}"})
    return status, json.loads(body)


@pytest.mark.parametrize("group", ["SPX_classic_gex_20260717", "SOXL_classic_gex_full"])
def test_a_join_outside_the_tier_is_refused_where_the_client_joins(tiered: Served, group: str) -> None:
    with connected(tiered, tiered.negotiate("KEY3"), "classic") as clients:
        raw = clients["classic"]
        raw.send_text(json.dumps({"type": "joinGroup", "group": f"blue_{group}", "ackId": 7}))
        ack = raw.read_kind("ack")
        assert (ack.id, ack.success, ack.error["name"]) == (7, False, "Forbidden")
        assert "quant" in ack.error["message"]
        raw.join("blue_SPX_classic_gex_full", 8)
        assert raw.read_kind("data").group == "blue_SPX_classic_gex_full"


def test_a_token_used_on_another_hub_opens_nothing(tiered: Served) -> None:
    url = tiered.negotiate("KEY3")["classic"].replace("/hubs/classic", "/hubs/state_greeks")
    assert try_upgrade(url, [JSON]).status == 401


def test_two_keys_do_not_influence_each_other(server: Served) -> None:
    one, two = (server.post(*POST_EXAMPLE, key=key) for key in ("key-one", "key-two"))
    with connected(server, two, *PATCH_EXAMPLE) as clients:
        wanted = groups_of(server, two["v2_classic"])
        status, reply = server.ask("PATCH", items(PATCH_EXAMPLE), "key-one")
        assert status == 400, "only the other key is connected"
        assert "onnect" in check_sentence(reply)
        with connected(server, one, *PATCH_EXAMPLE):
            assert (
                server.patch({"v2_classic": ["SPX_classic_gex_one", "SPX_spot"]}, key="key-one")["updated_groups"] == 2
            )
            assert groups_of(server, one["v2_classic"])["v2_classic"] == {"SPX_classic_gex_one", "SPX_spot"}
            assert groups_of(server, two["v2_classic"]) == wanted
            server.post("SPX_classic_gex_zero", "SPX_spot", key="key-one")
        assert groups_of(server, two["v2_classic"]) == wanted
        for raw in clients.values():
            raw.send_text('{"type":"ping"}')
            raw.read_kind("pong")
        assert try_upgrade(two["v2_classic"], [JSON]).status == 101
        assert try_upgrade(one["v2_classic"], [JSON]).status == 401


def test_keys_and_tokens_stay_out_of_the_log(folder: str) -> None:
    key, short = "gexbot_custom_SECRETkey0123456789", "hunter2"
    with running_server(data_dir=folder, v2_prefix="false", log_level="debug") as server:
        tokens = []
        for name in (key, short):
            urls = server.post("SPX_classic_gex_full", "SPX_spot", key=name)
            tokens += [url.partition("access_token=")[2] for url in urls.values()]
            with connected(server, urls, "v2_classic"):
                server.patch({"v2_classic": ["SPX_classic_gex_one", "SPX_spot"]}, key=name)
                assert server.ask("PATCH", items(PATCH_EXAMPLE), name)[0] in (400, 403)
                assert server.ask("POST", ["SPX_spot"], name)[0] == 400
                assert server.ask("POST", ["NOBODY_spot"], name)[0] == 400
                server.post("SPX_classic_gex_full", key=name)
            assert try_upgrade(urls["v2_classic"], [JSON]).status == 401
            assert server.get("/options/SPX/expiries", {"Authorization": f"Bearer {name}"})[0] in (200, 403)
            server.request("POST", f"/negotiate?key={name}", b"nonsense")
        server.stop()
        written = "\n".join(server.stdout + server.stderr)
    assert "POST /negotiate 400: " in written
    assert "refused with 401: the key negotiated again since" in written
    for secret in (key, key[5:], short, *tokens):
        assert secret not in written
