"""The official Python client on the GET flow receives all fifteen categories of two tickers at the same time."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType, OnGroupDataMessageArgs

from support import days
from support.azure import LATE, opened
from support.server import Running, running_process, wait_until

RECORDS: Final = 160
COMPARED: Final = 60
KEY: Final = "feeds-python"
# Its acknowledging thread may wake while the client closes, and then sends on a connection that is gone.
pytestmark = [
    pytest.mark.filterwarnings(
        r"ignore:Exception in thread .*sequence_id_ack_periodically:pytest.PytestUnhandledThreadExceptionWarning"
    ),
]


class Hub:
    """A client on one hub, in the groups of all tickers there. Callbacks run in threads of their own."""

    def __init__(self, name: str, url: str, prefix: str) -> None:
        self.name: Final = name
        self.groups: Final = [f"{prefix}_{ticker}_{end}" for end in days.HUBS[name] for ticker in days.TICKERS]
        self.counts: Counter[str] = Counter()
        self._messages: list[OnGroupDataMessageArgs] = []
        self._lock: Final = threading.Lock()
        self._client: Final[Any] = WebPubSubClient(url)
        self._client.subscribe(CallbackType.GROUP_MESSAGE, self._received)

    def _received(self, message: OnGroupDataMessageArgs) -> None:
        with self._lock:
            self.counts[message.group] += 1
            self._messages.append(message)

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        with opened(self._client):
            for group in self.groups:
                self._client.join_group(group)
            yield

    def done(self) -> bool:
        return all(self.counts[group] >= COMPARED for group in self.groups)

    def in_order(self) -> list[OnGroupDataMessageArgs]:
        """All messages by their sequence ids, of which none is missing up to the last that was waited for."""
        with self._lock:
            found = sorted(self._messages, key=lambda message: message.sequence_id or 0)
        enough = COMPARED * len(self.groups)
        assert [message.sequence_id for message in found[:enough]] == list(range(1, enough + 1))
        return found


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Hub]]:
    """The five hubs' clients, after they received what is compared."""
    folder = days.write_days(tmp_path_factory.mktemp("feeds"), RECORDS)
    with (
        running_process(data_dir=str(folder), ws_stream_interval="40ms", ack_delay=LATE) as server,
        contextlib.ExitStack() as stack,
    ):
        made = [Hub(name, url, prefix) for name, url, prefix in addresses(server)]
        for hub in made:
            stack.enter_context(hub.joined())
        wait_until(lambda: all(hub.done() for hub in made), 40, "all records of all feeds")
        stack.close()
        assert not [line for line in server.stderr if "WARNING" in line or "Traceback" in line], server.stderr
        health = server.health()
        assert [health[name] for name in ("records_skipped", "values_saturated", "clients_cut")] == [0, 0, 0]
        yield made


def addresses(server: Running) -> list[tuple[str, str, str]]:
    """Name, URL and group prefix of each hub that has standard categories."""
    status, body = server.get("/negotiate", {"Authorization": f"Bearer {KEY}"})
    assert status == 200
    reply = json.loads(body)
    return [(name, reply["websocket_urls"][name], reply["prefix"]) for name in days.HUBS]


def test_thirty_feeds_come_from_five_hubs(hubs: list[Hub]) -> None:
    assert len(hubs) == 5
    assert len({group for hub in hubs for group in hub.groups}) == 30
    for hub in hubs:
        assert set(hub.counts) == set(hub.groups)
        assert {message.data_type for message in hub.in_order()} == {"protobuf"}


@pytest.mark.parametrize("category", days.CATEGORIES)
@pytest.mark.parametrize("ticker", days.TICKERS)
def test_every_record_comes_once_in_order_and_to_its_decimals(hubs: list[Hub], ticker: str, category: str) -> None:
    (hub,) = (hub for hub in hubs if category in days.HUBS[hub.name])
    payloads = [bytes(m.data) for m in hub.in_order() if m.group == f"blue_{ticker}_{category}"]
    assert len(payloads) >= COMPARED
    for index, payload in enumerate(payloads[:COMPARED]):
        assert days.read(payload) == days.wanted(ticker, category, index), index


def test_the_day_shows_every_form_a_record_can_have() -> None:
    # What the comparison above is worth depends on what was in the files.
    gex = [days.wanted("SPX", "classic_gex_full", index).values for index in range(COMPARED)]
    priors = [strike["priors"] for row in gex for strike in row["strikes"]]
    assert None in priors
    assert any(held and len(held["values"]) == 5 for held in priors)
    changes = [row["max_priors"] and len(row["max_priors"]["tuples"]) for row in gex]
    assert {None, *range(7)} == set(changes)
    assert {row["min_dte"] for row in gex} == {0, None}
    contracts = [c for i in range(COMPARED) for c in days.wanted("SPX", "state_gamma_zero", i).values["mini_contracts"]]
    volumes = [(contract["put_volume"], contract["put_priors"]) for contract in contracts]
    assert (None, None) in volumes
    assert any(volume == 0 and priors == {"values": [0, 0, 0]} for volume, priors in volumes)
    assert any(volume and priors is None for volume, priors in volumes)
    text = "".join(days.line("SPX", "classic_gex_full", index) for index in range(COMPARED))
    assert all(said in text for said in ('"max_priors":null', ",null]", ":7139,", ":7139.0,", "6280.08", "6822.95"))


def test_the_files_are_what_the_comparison_reads(tmp_path: Path) -> None:
    folder = days.write_days(tmp_path, 2, ("SPX",), ())
    files = sorted(folder.rglob("*.jsonl"))
    assert len(files) == len(days.CATEGORIES) == 15
    for file in files:
        category = f"{file.parent.name}_{file.stem}"
        assert file.read_text().splitlines() == [days.line("SPX", category, index) for index in range(2)]
