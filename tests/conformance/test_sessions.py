"""Sessions as on the service: negotiating again ends what was there, and a key has one connection on each hub."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType, WebPubSubProtocolType

from gexfaker.testing import ManualClock
from gexfaker.wire.tokens import world_id
from support import data
from support.azure import LATE, opened
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect, try_upgrade
from support.server import InProcess, running_server, wait_until

WATCHING: Final = {"X-Gexfaker-Watch": "true"}
GONE: Final = "the key negotiated again since, and the service knows the newest tokens only"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(data.write_day(tmp_path_factory.mktemp("sessions"), 300))


@pytest.fixture(scope="module")
def server(folder: str) -> Iterator[InProcess]:
    with running_server(data_dir=folder, ack_delay=LATE) as running:
        yield running


def negotiate(server: InProcess, key: str, **headers: str) -> dict[str, str]:
    """As a client does."""
    status, body = server.get("/negotiate", {"Authorization": f"Bearer {key}"} | headers)
    assert status == 200
    urls: dict[str, str] = json.loads(body)["websocket_urls"]
    return urls


def wait_for_line(server: InProcess, key: str, pattern: str) -> None:
    owner = world_id(key)
    wait_until(
        lambda: any(re.search(f"{owner}.*{pattern}", line) for line in server.stderr), 5, f"{pattern} of {owner}"
    )


def told_and_closed(raw: RawSocket) -> str:
    """What the server says on a connection before it closes it with 1000; data messages are passed over."""
    reason = str(raw.read_kind("disconnected").message)
    assert raw.read_close()[0] == 1000
    return reason


class Sdk:
    """The official client on one hub."""

    def __init__(self, url: str) -> None:
        self.client: Final[Any] = WebPubSubClient(url, auto_reconnect=False, protocol_type=WebPubSubProtocolType.JSON)
        self.ended, self.received = threading.Event(), threading.Event()
        self.reasons: list[str | None] = []
        self.client.subscribe(CallbackType.DISCONNECTED, self._disconnected)
        self.client.subscribe(CallbackType.GROUP_MESSAGE, lambda _message: self.received.set())

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        with opened(self.client):
            socket = self.client._ws.sock.sock
            yield
        socket.close()  # it leaves that open when the server ends the connection

    def _disconnected(self, event: Any) -> None:
        self.reasons.append(event.message)
        self.ended.set()


@pytest.mark.filterwarnings(
    r"ignore:Exception in thread .*sequence_id_ack_periodically:pytest.PytestUnhandledThreadExceptionWarning"
)
def test_a_client_that_negotiates_once_keeps_all_its_hubs_and_one_that_does_for_each_hub_the_last(
    server: InProcess,
) -> None:
    with contextlib.ExitStack() as stack:
        urls = negotiate(server, "once")
        good = [Sdk(urls[hub]) for hub in ("classic", "orderflow")]
        bad = []
        for one in good:
            stack.enter_context(one.opened())
        for hub in ("classic", "orderflow"):
            bad.append(Sdk(negotiate(server, "per-hub")[hub]))
            stack.enter_context(bad[-1].opened())
        assert bad[0].ended.wait(5)
        assert "a later negotiation with the same key" in str(bad[0].reasons[0])
        wait_for_line(
            server, "per-hub", "negotiated again: 1 older connection closed, as the service does; negotiate once"
        )
        for one in (good[1], bad[1]):
            one.client.join_group(data.group())
            assert one.received.wait(5)
        assert not any(one.ended.is_set() for one in (*good, bad[1]))
    assert not [line for line in server.stderr if "Traceback" in line]


@pytest.mark.parametrize("again", ["GET", "POST"])
@pytest.mark.parametrize("dialect", [JSON, JSON_RELIABLE])
def test_negotiating_again_ends_tokens_and_connections(server: InProcess, again: str, dialect: str) -> None:
    key = f"again-{again}-{dialect}"
    urls = negotiate(server, key)
    with connect(urls["classic"], dialect) as first, connect(urls["orderflow"], dialect) as second:
        held = first.read_kind("connected")
        if again == "GET":
            newer = negotiate(server, key)["classic"]
        else:
            newer = server.post("ES_SPX_classic_gex_full", key=key)["classic"]
        for raw in (first, second):
            assert "a later negotiation with the same key" in told_and_closed(raw)
    wait_for_line(server, key, "negotiated again: 2 older connections closed")
    assert try_upgrade(urls["classic"], [dialect]).status == 401
    wait_for_line(server, key, f"refused with 401: {GONE}")
    with connect(newer, dialect):
        pass
    if dialect == JSON_RELIABLE:
        address = urls["classic"].partition("?")[0]
        back = f"?awps_connection_id={held.id}&awps_reconnection_token={held.token}"
        with connect(address + back, dialect) as raw:
            assert raw.read_close()[0] == 1008


def test_a_newer_connection_takes_the_place_of_the_one_on_the_same_hub(server: InProcess) -> None:
    urls = negotiate(server, "twice")
    with connect(urls["classic"], JSON) as first, connect(urls["orderflow"], JSON) as other:
        with connect(urls["classic"], JSON) as second:
            assert "a newer connection of the same key to this hub" in told_and_closed(first)
            wait_for_line(server, "twice", "connected again to classic: 1 older connection closed, as the service does")
            second.join("blue_ES_SPX_classic_gex_full")
        other.join(data.group())


def test_whoever_watches_ends_nobody_and_is_not_ended(server: InProcess) -> None:
    urls = negotiate(server, "watched")
    watching = [negotiate(server, "watched", **WATCHING)["orderflow"] for _ in range(2)]
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(connect(urls["orderflow"], JSON))
        watchers = [stack.enter_context(connect(url, JSON)) for url in (*watching, watching[0])]
        client.join(data.group())
        negotiate(server, "watched")
        assert "a later negotiation" in told_and_closed(client)
        for watcher in watchers:
            watcher.join(data.group())


def test_a_refused_negotiation_and_a_head_end_nothing(server: InProcess) -> None:
    urls = negotiate(server, "careful")
    with connect(urls["orderflow"], JSON) as raw:
        assert server.ask("POST", ["NOBODY_spot"], "careful")[0] == 400
        assert server.request("HEAD", "/negotiate", headers={"Authorization": "Bearer careful"})[0] == 200
        raw.join(data.group())
    assert try_upgrade(urls["orderflow"], [JSON]).status == 101


@pytest.mark.parametrize(("rules", "minutes"), [("service", 15), ("relaxed", 60)])
def test_a_token_opens_connections_for_a_while_and_open_ones_stay(folder: str, rules: str, minutes: int) -> None:
    clock = ManualClock()
    with running_server(clock, data_dir=folder, session_rules=rules) as server:
        urls = negotiate(server, "late")
        with connect(urls["orderflow"], JSON) as raw:
            clock.advance(minutes * 60)
            assert try_upgrade(urls["classic"], [JSON]).status == 101
            clock.advance(5 * 60 + 1)
            assert try_upgrade(urls["classic"], [JSON]).status == 401
            raw.join(data.group())


def test_by_the_relaxed_rules_a_key_may_have_any_number_of_connections(folder: str) -> None:
    with running_server(data_dir=folder, session_rules="relaxed") as server, contextlib.ExitStack() as stack:
        urls = [negotiate(server, "many")["orderflow"] for _ in range(2)]
        sockets = [stack.enter_context(connect(url, JSON)) for url in (*urls, *urls)]
        for raw in sockets:
            raw.join(data.group())
        assert not [line for line in server.stderr if "older connection" in line]


def test_a_get_after_a_post_leaves_nothing_to_patch(server: InProcess) -> None:
    server.post("ES_SPX_classic_gex_full", "ES_SPX_spot", key="patch")
    negotiate(server, "patch")
    status, body = server.ask("PATCH", [{"hub": "v2_classic", "group": "ES_SPX_classic_gex_full"}], "patch")
    assert status == 400
    assert "error" in body


def test_after_a_restart_the_newest_tokens_count_again(folder: str) -> None:
    secret = "a-secret-that-outlives-the-server-0123456789"
    with running_server(data_dir=folder, token_secret=secret) as first:
        older, newer = negotiate(first, "back"), negotiate(first, "back")
    port = first.address[1]
    with running_server(data_dir=folder, token_secret=secret, port=port):
        with connect(older["classic"], JSON) as stale, connect(newer["orderflow"], JSON) as raw:
            assert "a later negotiation" in told_and_closed(stale)
            raw.join(data.group())
        assert try_upgrade(older["orderflow"], [JSON]).status == 401
