"""The official JavaScript client on the POST/PATCH flow: it connects, the server does the joining."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from support import days
from support import node as installed
from support.proxy import proxied
from support.raw import JSON_RELIABLE, connect, try_upgrade
from support.server import Served, running_server, wait_until

FOLDER: Final = Path(__file__).with_name("js")
SECONDS: Final = 20.0
KEY: Final = "javascript-v2"
INTERVAL: Final = "40ms"

Groups = dict[str, list[str]]

FIRST: Final[Groups] = {
    "v2_classic": ["SPX_classic_gex_full", "ES_SPX_classic_gex_zero", "SPX_spot", "ES_SPX_spot"],
    "v2_state_greeks_zero": ["SPX_state_gamma_zero", "SPX_state_delta_zero", "SPX_spot"],
    "v2_orderflow": ["ES_SPX_orderflow_orderflow", "ES_SPX_spot"],
}
ASKED: Final = tuple(dict.fromkeys(group for groups in FIRST.values() for group in groups))
"""What a POST has to name for FIRST: each spot group once."""

SECOND: Final[Groups] = {
    "v2_classic": ["SPX_classic_gex_one", "SPX_spot"],
    "v2_state_greeks_zero": ["ES_SPX_state_vanna_zero", "ES_SPX_state_charm_zero", "ES_SPX_spot"],
    "v2_orderflow": ["SPX_orderflow_orderflow", "SPX_spot"],
}
ONLY_FIRST: Final = {(hub, group) for hub, groups in FIRST.items() for group in groups if group not in SECOND[hub]}
ONLY_SECOND: Final = {(hub, group) for hub, groups in SECOND.items() for group in groups if group not in FIRST[hub]}


def places(groups: Groups) -> set[tuple[str, str]]:
    """(hub, group) pairs."""
    return {(hub, group) for hub, names in groups.items() for group in names}


@pytest.fixture(scope="module")
def node() -> str:
    """The node command, the client installed beside the driver."""
    return installed.node()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(days.write_days(tmp_path_factory.mktemp("javascript"), 400))


class Driver:
    """Clients in a Node process; ``events`` are what was told of them so far, in order."""

    def __init__(self, node: str, *arguments: str) -> None:
        pipe = subprocess.PIPE
        command = [node, "negotiated.mjs", *arguments]
        self._process: Final = subprocess.Popen(command, cwd=FOLDER, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
        self.events: Final[list[dict[str, Any]]] = []
        self._reader: Final = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))

    def tell(self, do: str, **values: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()

    def until(self, event: str, start: int = 0, **values: Any) -> int:
        """The position of the first such event from ``start`` on, waited for."""
        shape = {"event": event, **values}

        def found() -> list[int]:
            return [at for at, told in enumerate(self.events[start:], start) if shape.items() <= told.items()]

        wait_until(lambda: bool(found()) or self._process.poll() is not None, SECONDS, f"{event} {values}")
        assert self._process.poll() is None, "the driver ended"
        return found()[0]

    def negotiate(self, method: str, groups: list[Any]) -> tuple[int, Any]:
        """The position of the reply among the events, and the reply."""
        start = len(self.events)
        self.tell(method.lower(), groups=groups)
        at = self.until("reply", start, method=method)
        assert self.events[at]["status"] == 200, self.events[at]
        return at, self.events[at]["body"]

    def patch(self, groups: Groups) -> tuple[int, Any]:
        return self.negotiate("PATCH", [{"hub": hub, "group": name} for hub, names in groups.items() for name in names])

    def connect(self, *hubs: str) -> None:
        for hub in hubs:
            self.tell("connect", hub=hub)
            self.until("connected", hub=hub)

    def mark(self, *hubs: str) -> dict[str, int]:
        """The positions of the answers to a question on each hub's connection."""
        start = len(self.events)
        for hub in hubs:
            self.tell("mark", hub=hub)
        found = {hub: self.until("marked", start, hub=hub) for hub in hubs}
        assert {self.events[at]["answer"] for at in found.values()} == {"InternalServerError"}
        return found

    def messages(self, start: int = 0) -> list[dict[str, Any]]:
        return [event for event in self.events[start:] if event["event"] == "message"]

    def counts(self, start: int = 0) -> Counter[tuple[str, str]]:
        """How many messages came by hub and group."""
        return Counter((message["hub"], message["group"]) for message in self.messages(start))

    def receive(self, groups: Groups, count: int, start: int = 0) -> None:
        """Wait for so many messages from event ``start`` on in each of these groups."""

        def enough() -> bool:
            counts = self.counts(start)
            return all(counts[place] >= count for place in places(groups))

        wait_until(enough, SECONDS, f"{count} messages of each group: {self.counts(start)}")

    def close(self) -> None:
        """End the process; the exit code must be 0 unless it had to be killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            code = self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stderr is not None
            errors = self._process.stderr.read()
            for pipe in (self._process.stdout, self._process.stderr):
                assert pipe is not None
                pipe.close()
        assert (code, errors) == (0, "")


@contextlib.contextmanager
def driver(node: str, server: Served, *via: str) -> Iterator[Driver]:
    made = Driver(node, server.url, KEY, *via)
    try:
        yield made
    finally:
        made.close()


def check_sequences(client: Driver, *hubs: str) -> None:
    """On each connection every message came, in order."""
    for hub in hubs:
        sequences = [message["sequence"] for message in client.messages() if message["hub"] == hub]
        assert sequences == list(range(1, len(sequences) + 1)), hub


def check_records(client: Driver, hub: str, group: str, start: int = 0) -> None:
    """Every message of a group is the next record of its feed, from the first one on."""
    payloads = [m["data"] for m in client.messages(start) if (m["hub"], m["group"]) == (hub, group)]
    for index, payload in enumerate(payloads):
        assert days.read(base64.b64decode(payload)) == days.wanted_group(group, index), (hub, group, index)


def test_it_receives_exactly_what_was_negotiated_and_never_joins(node: str, day: str) -> None:
    with (
        running_server(data_dir=day, ws_stream_interval=INTERVAL, v2_prefix="false") as server,
        driver(node, server) as client,
    ):
        _, reply = client.negotiate("POST", list(ASKED))
        assert list(reply) == ["websocket_urls"]
        assert list(reply["websocket_urls"]) == [
            "v2_classic",
            "v2_state_gex",
            "v2_state_greeks_zero",
            "v2_state_greeks",
            "v2_state_greeks_one",
            "v2_orderflow",
        ]
        client.connect(*reply["websocket_urls"])
        client.receive(FIRST, 30)
        assert set(client.counts()) == places(FIRST)
        assert {message["type"] for message in client.messages()} == {"protobuf"}
        check_sequences(client, *FIRST)
        for hub, group in places(FIRST):
            check_records(client, hub, group)


def test_a_patch_replaces_everything_at_once(node: str, day: str) -> None:
    with (
        running_server(data_dir=day, ws_stream_interval=INTERVAL, v2_prefix="false") as server,
        driver(node, server) as client,
    ):
        client.negotiate("POST", list(ASKED))
        client.connect(*FIRST)
        client.receive(FIRST, 10)
        replied, reply = client.patch(SECOND)
        assert reply == {
            "updated_groups": 7,
            "hubs": {
                "v2_classic": 2,
                "v2_state_gex": 0,
                "v2_state_greeks_zero": 3,
                "v2_state_greeks": 0,
                "v2_state_greeks_one": 0,
                "v2_orderflow": 2,
            },
        }
        assert list(reply["hubs"])[0::5] == ["v2_classic", "v2_orderflow"]
        marked = client.mark(*SECOND)
        client.receive(SECOND, 25, replied)  # a second
        events = list(client.events)
        for hub in SECOND:
            seen = [
                (at, (hub, e["group"])) for at, e in enumerate(events) if e["event"] == "message" and e["hub"] == hub
            ]
            assert {place for _, place in seen} <= places(FIRST) | places(SECOND)
            last_old = max(at for at, place in seen if place in ONLY_FIRST)
            first_new = min(at for at, place in seen if place in ONLY_SECOND)
            assert last_old < first_new, f"{hub}: the old set after the new one"
            assert last_old < marked[hub], f"{hub}: the old set after the answer to a question asked after the reply"
        check_sequences(client, *SECOND)
        for hub, group in ONLY_SECOND - {place for place in ONLY_SECOND if place[1].endswith("_spot")}:
            check_records(client, hub, group)


def test_a_second_post_closes_the_first_connections_and_their_urls(node: str, day: str) -> None:
    with (
        running_server(data_dir=day, ws_stream_interval=INTERVAL, v2_prefix="false") as server,
        driver(node, server) as client,
    ):
        _, first = client.negotiate("POST", list(ASKED))
        client.connect(*FIRST)
        client.receive(FIRST, 3)
        was = {hub: client.events[client.until("connected", hub=hub)]["connection"] for hub in FIRST}
        with connect(first["websocket_urls"]["v2_state_gex"], JSON_RELIABLE) as raw:
            assert raw.read_kind("connected")
            _, second = client.negotiate("POST", ["SPX_classic_gex_one", "SPX_spot"])
            said = raw.read_json()
            assert said.kind == "disconnected"
            assert said.message.startswith("Application server closed the connection.")
            assert raw.read_close() == (1000, "")
        # The client tries to recover, is refused, and asks for a new URL.
        for hub in FIRST:
            told = client.events[client.until("disconnected", hub=hub)]
            assert told["connection"] == was[hub]
            assert told["message"].startswith("Application server closed the connection.")
        for url in first["websocket_urls"].values():
            assert try_upgrade(url, [JSON_RELIABLE]).status == 401
        for hub in FIRST:
            at = client.until("connected", client.until("disconnected", hub=hub), hub=hub)
            assert client.events[at]["connection"] != was[hub]
        again = client.until("connected", client.until("disconnected", hub="v2_classic"), hub="v2_classic")
        wanted = {"v2_classic": ["SPX_classic_gex_one", "SPX_spot"]}
        client.receive(wanted, 10, again)
        assert set(client.counts(again)) == places(wanted)
        assert set(second["websocket_urls"]) == set(first["websocket_urls"])


def test_a_recovered_connection_keeps_the_patched_memberships(node: str, day: str) -> None:
    with (
        running_server(data_dir=day, ws_stream_interval=INTERVAL, v2_prefix="false") as server,
        proxied(server) as proxy,
        driver(node, server, f"127.0.0.1:{proxy.port}") as client,
    ):
        client.negotiate("POST", list(ASKED))
        client.connect(*FIRST)
        client.receive(FIRST, 3)
        client.patch(SECOND)
        marked = max(client.mark(*SECOND).values())
        client.receive(SECOND, 5, marked)
        proxy.cut()
        cut = len(client.events)
        wait_until(lambda: proxy.handshakes.count((True, 101)) == len(SECOND), SECONDS, "recoveries")
        client.receive(SECOND, 25, cut)
        assert set(client.counts(marked)) == places(SECOND)
        check_sequences(client, *SECOND)
        kinds = Counter(event["event"] for event in client.events)
        assert (kinds["connected"], kinds["disconnected"]) == (len(FIRST), 0)
        assert proxy.accepted == 2 * len(SECOND)
