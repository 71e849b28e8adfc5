"""A client without subprotocol on the POST/PATCH flow: bare Any frames of what was negotiated, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support import days, independent
from support.days import Read
from support.raw import JSON, JSON_RELIABLE
from support.raw import connect as raw_connect
from support.server import Served, running_server

SECONDS: Final = 10.0
ANALYTICS: Final = ("SPX_classic_gex_full", "ES_SPX_state_delta_zero", "ES_SPX_orderflow_orderflow")
ASKED: Final = (*ANALYTICS, "SPX_spot", "ES_SPX_spot")
OTHERS: Final = {
    "v2_classic": ["ES_SPX_classic_gex_one", "ES_SPX_spot"],
    "v2_orderflow": ["SPX_orderflow_orderflow", "SPX_spot"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = days.write_days(tmp_path_factory.mktemp("simple"), 400)
    with running_server(data_dir=str(folder), ws_stream_interval="20ms", v2_prefix="false") as running:
        yield running


@contextlib.contextmanager
def simple(url: str) -> Iterator[ClientConnection]:
    """A client that offers no subprotocol; one that does not read goes on to take in, or it could not close."""
    with connect(url, compression=None, proxy=None, max_queue=None) as client:
        assert client.subprotocol is None
        yield client


def read(client: ClientConnection) -> Read:
    """The next frame, which must be binary and an Any of the feed."""
    frame = client.recv(timeout=SECONDS)
    assert isinstance(frame, bytes)
    return days.read(frame)


def read_to_end(client: ClientConnection) -> None:
    """Frames of the feed until the connection is closed."""
    while True:
        read(client)


def kind(frame: Read) -> tuple[str, str]:
    """What tells one group's frames from another's here: type URL and ticker."""
    return frame.type_url, frame.values["ticker"]


@pytest.mark.parametrize(
    ("hub", "group"), list(zip(("v2_classic", "v2_state_greeks_zero", "v2_orderflow"), ANALYTICS, strict=True))
)
def test_it_gets_analytics_and_spot_as_bare_frames(server: Served, hub: str, group: str) -> None:
    ticker = days.split(group)[0]
    urls = server.post(*ASKED, key=f"simple-{hub}")
    analytics: list[Read] = []
    spots: list[Read] = []
    with simple(urls[hub]) as client:
        while len(analytics) < 60:
            frame = read(client)
            (spots if frame.type_url == "proto.spot" else analytics).append(frame)
    assert analytics == [days.wanted_group(group, index) for index in range(60)]
    assert abs(len(spots) - 60) <= 1
    assert spots == [days.wanted_spot(ticker, index) for index in range(len(spots))]


def test_two_feeds_of_a_ticker_on_a_hub_share_its_spot(server: Served) -> None:
    urls = server.post("SPX_state_delta_one", "SPX_state_charm_one", "SPX_spot", key="simple-shared")
    with simple(urls["v2_state_greeks_one"]) as client:
        frames = [read(client) for _ in range(90)]
    spots = [frame for frame in frames if frame.type_url == "proto.spot"]
    assert spots == [days.wanted_spot("SPX", index) for index in range(len(spots))]
    assert abs(len(spots) - 30) <= 1


def test_the_legacy_volume_feed_is_json_text_in_a_greek_payload(server: Served) -> None:
    urls = server.post("SPX_state_volume_zero", "SPX_spot", key="simple-volume")
    names = {"major_positive": "major_call_gamma", "major_negative": "major_put_gamma"}
    texts: list[str] = []
    with simple(urls["v2_state_greeks_zero"]) as client:
        while len(texts) < 10:
            packed = independent.any_message(bytes(client.recv(timeout=SECONDS, decode=False)))
            if packed.type_url == "proto.spot":
                continue
            assert packed.type_url == "proto.greek"
            independent.assert_no_content_size(packed.value)
            texts.append(independent.unzstd(packed.value).decode())
    keys = "timestamp ticker spot min_dte sec_min_dte major_call_gamma major_put_gamma major_long_gamma".split()
    assert list(json.loads(texts[0])) == [*keys, "major_short_gamma", "mini_contracts"]
    for index, text in enumerate(texts):
        row = json.loads(days.line("SPX", "state_gamma_zero", index))
        assert json.loads(text) == {names.get(k, k): value for k, value in row.items() if value is not None}


def test_hubs_without_memberships_stay_silent(server: Served) -> None:
    urls = server.post(*ASKED, key="simple-silent")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(simple(urls[hub])) for hub in ("v2_state_gex", "v2_state_greeks_one")]
        with simple(urls["v2_classic"]) as busy:
            for _ in range(40):
                read(busy)
        for client in silent:
            with pytest.raises(TimeoutError):
                client.recv(timeout=0)


def test_a_patch_holds_for_the_connection_and_for_the_next_one_of_the_same_url(server: Served) -> None:
    urls = server.post(*ASKED, key="simple-patched")
    old, new = {("proto.gex", "SPX"), ("proto.spot", "SPX")}, {("proto.gex", "ES_SPX"), ("proto.spot", "ES_SPX")}
    with simple(urls["v2_classic"]) as client, simple(urls["v2_orderflow"]):
        assert {kind(read(client)) for _ in range(10)} == old
        assert server.patch(OTHERS, key="simple-patched")["updated_groups"] == 4
        late = Counter[tuple[str, str]]()
        while (frame := kind(read(client))) not in new:  # what was under way
            late[frame] += 1
        assert set(late) <= old
        assert {frame} | {kind(read(client)) for _ in range(40)} == new
    with simple(urls["v2_classic"]) as again:
        assert {kind(read(again)) for _ in range(20)} == new
    with simple(urls["v2_state_greeks_zero"]) as nothing, simple(urls["v2_orderflow"]) as busy:
        assert {kind(read(busy)) for _ in range(20)} == {("proto.orderflow", "SPX"), ("proto.spot", "SPX")}
        with pytest.raises(TimeoutError):
            nothing.recv(timeout=0)


def test_a_second_post_closes_it_with_1000_and_not_a_word(server: Served) -> None:
    urls = server.post(*ASKED, key="simple-closed")
    with simple(urls["v2_classic"]) as client:
        read(client)
        server.post("SPX_classic_gex_one", "SPX_spot", key="simple-closed")
        with pytest.raises(ConnectionClosed) as ended:
            read_to_end(client)
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1000, "")


@pytest.mark.parametrize("subprotocol", [JSON, JSON_RELIABLE])
def test_the_same_groups_with_a_subprotocol_have_no_prefix(server: Served, subprotocol: str) -> None:
    urls = server.post(*ASKED, key=f"simple-{subprotocol}")
    with raw_connect(urls["v2_classic"], subprotocol) as raw:
        assert raw.read_json().kind == "connected"
        found = [raw.read_json() for _ in range(20)]
    assert {message.kind for message in found} == {"data"}
    for group in ("SPX_classic_gex_full", "SPX_spot"):
        payloads = [message.any for message in found if message.group == group]
        assert [days.read(any_) for any_ in payloads] == [days.wanted_group(group, i) for i in range(len(payloads))]
    assert {message.group for message in found} == {"SPX_classic_gex_full", "SPX_spot"}


def test_without_spot_the_server_joins_the_prefixed_groups_of_the_current_hubs(server: Served) -> None:
    urls = server.post("SPX_classic_gex_full", "ES_SPX_orderflow_orderflow", key="simple-current")
    assert list(urls) == [hub.removeprefix("v2_") for hub in server.post(*ASKED, key="simple-other")]
    with raw_connect(urls["classic"], JSON) as raw:
        assert raw.read_json().kind == "connected"
        found = [raw.read_json() for _ in range(10)]
        assert {message.group for message in found} == {"blue_SPX_classic_gex_full"}
    with simple(urls["orderflow"]) as client:
        frames = [read(client) for _ in range(10)]
        assert frames == [days.wanted_group("ES_SPX_orderflow_orderflow", index) for index in range(10)]
