"""Every fault of the feed as the official Python client meets it. The key is that of our own pytest plug-in.

What this client neither does nor shows, pings, is tested with the library `websockets` and a bare socket.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import httpx
import pytest
from azure.messaging.webpubsubclient import WebPubSubClient, WebPubSubClientCredential
from azure.messaging.webpubsubclient.models import (
    CallbackType,
    OnGroupDataMessageArgs,
    OpenClientError,
    SendMessageError,
)
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gexfaker.faults.kinds import KINDS, Point
from gexfaker.testing import KeyUnderTest
from support import decode
from support.azure import LATE
from support.leaks import LEAVES_SOCKETS
from support.raw import PING, PONG, RawSocket, frame
from support.raw import connect as raw
from support.server import wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.gexfaker(tickers="SPX", data_date="2026-07-17", ack_delay=LATE, speed=20, ping_interval="200ms"),
    *LEAVES_SOCKETS,
    pytest.mark.filterwarnings(r"ignore:Exception in thread .*:pytest.PytestUnhandledThreadExceptionWarning"),
]
GROUP: Final = "blue_SPX_orderflow_orderflow"
JSON: Final = Subprotocol("json.webpubsub.azure.v1")


def negotiate(key: KeyUnderTest) -> str:
    """The address of the hub, by a negotiation as the vendor's client does it."""
    answer = httpx.get(f"{key.url}/negotiate", headers=key.headers, timeout=10)
    return str(answer.json()["websocket_urls"]["orderflow"])


class Listener:
    """The official client in one group."""

    def __init__(self, key: KeyUnderTest, **options: Any) -> None:
        self.got: list[OnGroupDataMessageArgs] = []
        self.arrived: list[float] = []
        self.asked = 0.0
        self.told: list[str] = []
        self._lock = threading.Lock()
        self.client = WebPubSubClient(WebPubSubClientCredential(lambda: negotiate(key)), **options)
        self.client.subscribe(CallbackType.GROUP_MESSAGE, self._take)
        self.client.subscribe(CallbackType.CONNECTED, lambda _: self.told.append("connected"))
        self.client.subscribe(CallbackType.DISCONNECTED, lambda _: self.told.append("disconnected"))

    def _take(self, message: OnGroupDataMessageArgs) -> None:
        with self._lock:
            self.arrived.append(time.monotonic())
            self.got.append(message)

    def wait(self, count: int) -> list[OnGroupDataMessageArgs]:
        """The first so many messages, in the order of their sequence ids."""
        wait_until(lambda: len(self.got) >= count, 20, f"{count} messages, and there are {len(self.got)}")
        with self._lock:
            return sorted(self.got, key=lambda message: message.sequence_id or 0)[:count]

    def seconds_to(self, count: int) -> float:
        """From when the client asked to join until so many messages had arrived."""
        self.wait(count)
        return self.arrived[count - 1] - self.asked

    def stamps(self, count: int) -> list[int]:
        return [decode.timestamp(bytes(message.data)) for message in self.wait(count)]

    def records(self, count: int) -> list[dict[str, int | str]]:
        return [decode.orderflow(bytes(message.data)) for message in self.wait(count)]


@contextlib.contextmanager
def listening(key: KeyUnderTest, *rules: Mapping[str, Any], **options: Any) -> Iterator[Listener]:
    """A client that has joined, with these rules for what comes then."""
    listener = Listener(key, **options)
    with listener.client:
        try:
            key.set_faults(*rules)
            listener.asked = time.monotonic()
            listener.client.join_group(GROUP)
            yield listener
        finally:
            listener.client._auto_reconnect = False


def took(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


# --- messages ------------------------------------------------------------------------------------


def drop(key: KeyUnderTest) -> None:
    with listening(key, {"type": "drop", "after": 1, "count": 2}) as listener:
        first, second = listener.stamps(2)
        assert second - first >= 3
        assert [message.sequence_id for message in listener.wait(2)] == [1, 2], "no gap betrays it"


def duplicate(key: KeyUnderTest) -> None:
    with listening(key, {"type": "duplicate", "count": 1}) as listener:
        first, again, later = listener.stamps(3)
        assert first == again < later


def reorder(key: KeyUnderTest) -> None:
    with listening(key, {"type": "reorder", "count": 4, "attributes": {"window": 4}}) as listener:
        found = listener.stamps(4)
        assert found != sorted(found)


def delay(key: KeyUnderTest) -> None:
    with listening(key, {"type": "delay", "count": 1, "attributes": {"delay": 300}}) as listener:
        found = listener.stamps(8)
        assert min(found) in found[1:], "others have overtaken the first"


def gap(key: KeyUnderTest) -> None:
    with listening(key, {"type": "gap", "after": 1, "count": 1, "attributes": {"duration": 500}}) as listener:
        listener.wait(2)
        assert listener.arrived[1] - listener.arrived[0] > 0.3


def freeze(key: KeyUnderTest) -> None:
    with listening(key, {"type": "freeze", "after": 1, "count": 1}) as listener:
        first, frozen, later = listener.stamps(3)
        assert first == frozen < later


def stale(key: KeyUnderTest) -> None:
    with listening(key, {"type": "stale", "after": 2, "attributes": {"records": 2}}) as listener:
        found = listener.stamps(4)
        assert found[2] == found[0]


def backdate(key: KeyUnderTest) -> None:
    with listening(key, {"type": "backdate", "count": 1, "attributes": {"by": 3_600_000}}) as listener:
        first, second = listener.stamps(2)
        assert second - first > 3590


def corrupt(key: KeyUnderTest) -> None:
    for part in ("bits", "zstd", "magic", "protobuf", "type_url"):
        rule = {"type": "corrupt", "count": 1, "attributes": {"part": part, "flips": 200}}
        with listening(key, rule) as listener:
            broken, whole = listener.wait(2)
            with pytest.raises(Exception, match=r".*"):
                decode.orderflow(bytes(broken.data))
            decode.orderflow(bytes(whole.data))


def mislabel(key: KeyUnderTest) -> None:
    with listening(key, {"type": "mislabel", "count": 1}) as listener:
        assert [record["ticker"] for record in listener.records(2)] == ["OTHER", "SPX"]


def extremes(key: KeyUnderTest) -> None:
    with listening(key, {"type": "extremes", "count": 1}) as listener:
        assert listener.records(1)[0]["spot"] == 2**32 - 1


def sequence(key: KeyUnderTest) -> None:
    with listening(key, {"type": "sequence", "after": 1, "count": 1, "attributes": {"by": 7}}) as listener:
        assert [message.sequence_id for message in listener.wait(3)] == [1, 9, 10]
    key.set_faults()
    with listening(key, {"type": "sequence", "count": 3, "attributes": {"kind": "repeat"}}) as listener:
        numbers = [message.sequence_id for message in listener.wait(5)]
        assert len(set(numbers)) == 5, "the client tells a repeated one once"


def unknown_message(key: KeyUnderTest) -> None:
    with listening(key, {"type": "unknown_message", "count": 3}) as listener:
        listener.wait(6)
        key.verify({"type": "fault", "exactly": 3}, {"type": "close", "exactly": 0})


def oversize(key: KeyUnderTest) -> None:
    with listening(key, {"type": "oversize", "count": 1, "attributes": {"bytes": 500_000}}) as listener:
        large, usual = listener.wait(2)
        assert len(bytes(large.data)) > 500_000 > len(bytes(usual.data))


# --- connections ---------------------------------------------------------------------------------


def reset_peer(key: KeyUnderTest) -> None:
    with listening(key) as listener:
        listener.wait(1)
        key.set_faults({"type": "reset_peer", "on": {"hub": "*"}, "count": 1})
        key.wait_for("recover", within=20)
        numbers = [message.sequence_id for message in listener.wait(20)]
        assert numbers == list(range(1, 21))


def close(key: KeyUnderTest) -> None:
    with listening(key) as listener:
        listener.wait(1)
        key.set_faults({"type": "close", "attributes": {"code": 1001}, "count": 1})
        key.wait_for("close", code=1001, by="server")
        key.wait_for("recover", within=20)
        assert [message.sequence_id for message in listener.wait(20)] == list(range(1, 21))


def kick(key: KeyUnderTest) -> None:
    with listening(key) as listener:
        listener.wait(1)
        key.set_faults({"type": "kick", "count": 1})
        wait_until(lambda: "disconnected" in listener.told, 20, "the client told that it is disconnected")
        key.wait_for("connect", count=2, within=20)


def half_open(key: KeyUnderTest) -> None:
    with listening(key) as listener:
        listener.wait(1)
        key.set_faults({"type": "half_open", "count": 1})
        key.wait_for("fault")
        count = len(listener.got)
        with contextlib.suppress(AssertionError):
            key.wait_for("close", within=1)
            raise RuntimeError("the connection was closed")
        assert len(listener.got) <= count + 2, "nothing comes but what was on its way"
        assert listener.told == ["connected"], "and the client has noticed nothing"


def refuse_recovery(key: KeyUnderTest) -> None:
    with listening(key) as listener:
        listener.wait(1)
        key.set_faults({"type": "refuse_recovery"}, {"type": "reset_peer", "on": {"hub": "*"}, "count": 1})
        key.wait_for("connect", count=2, within=20)
        key.verify({"type": "reject", "where": {"status": 1008}}, {"type": "recover", "exactly": 0})


def opens(key: KeyUnderTest) -> None:
    """Open a client once, without trying again."""
    client = WebPubSubClient(negotiate(key), reconnect_retry_total=0, start_timeout=5)
    client.open()
    client.close()


def reject(key: KeyUnderTest) -> None:
    negotiate(key)
    key.set_faults({"type": "reject", "attributes": {"code": 503}})
    with pytest.raises(OpenClientError):
        opens(key)
    key.verify({"type": "reject", "where": {"status": 503}})


def timeout(key: KeyUnderTest) -> None:
    key.set_faults({"type": "timeout", "on": {"hub": "*"}, "attributes": {"timeout": 700}})
    with pytest.raises(OpenClientError):
        opens(key)
    key.verify({"type": "fault", "where": {"fault": "timeout"}}, {"type": "connect", "exactly": 0})


def no_ack(key: KeyUnderTest) -> None:
    with (
        pytest.raises(SendMessageError),
        listening(key, {"type": "no_ack"}, ack_timeout=0.5, message_retry_total=0),
    ):
        pass
    key.verify({"type": "joinGroup"})


def late_ack(key: KeyUnderTest) -> None:
    listener = Listener(key)
    with listener.client:
        key.set_faults({"type": "late_ack", "attributes": {"delay": 600}})
        assert took(lambda: listener.client.join_group(GROUP)) > 0.55


def forbid_join(key: KeyUnderTest) -> None:
    with pytest.raises(SendMessageError) as caught, listening(key, {"type": "forbid_join"}, message_retry_total=0):
        pass
    assert caught.value.error_detail is not None
    assert caught.value.error_detail.name == "Forbidden"


def latency(key: KeyUnderTest) -> None:
    listener = Listener(key)
    with listener.client:
        key.set_faults({"type": "latency", "on": {"hub": "*"}, "attributes": {"latency": 500}})
        assert took(lambda: listener.client.join_group(GROUP)) > 0.45


def bandwidth(key: KeyUnderTest) -> None:
    key.pause()  # at its speed more comes than such a line takes
    with listening(key, {"type": "bandwidth", "on": {"hub": "*"}, "attributes": {"rate": 2}}) as listener:
        key.step(10)
        assert listener.seconds_to(4) > 0.4
        assert [message.sequence_id for message in listener.wait(4)] == [1, 2, 3, 4]


def slicer(key: KeyUnderTest) -> None:
    rule = {"type": "slicer", "on": {"hub": "*"}, "attributes": {"average_size": 20, "delay": 1}}
    with listening(key, rule) as listener:
        assert len(listener.records(3)) == 3, "whole, piece by piece"


def no_pong(key: KeyUnderTest) -> None:
    with connect(negotiate(key), subprotocols=[JSON], ping_interval=None) as client:
        assert client.ping().wait(5)
        key.set_faults({"type": "no_pong"})
        assert not client.ping().wait(0.5)


def no_ping(key: KeyUnderTest) -> None:
    with raw(negotiate(key), JSON) as client:
        assert pings(client, 0.7) >= 2
        key.set_faults({"type": "no_ping"})
        pings(client, 0.1)
        assert pings(client, 0.7) == 0


def pings(client: RawSocket, seconds: float) -> int:
    """How many pings the server sends in so many seconds; each is answered."""
    count, until = 0, time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        client.socket.settimeout(left)
        with contextlib.suppress(AssertionError):
            opcode, payload = client.read_frame()
            if opcode == PING:
                client.send(frame(PONG, payload))
                count += 1
    return count


FEED_KINDS: Final = [name for name, kind in KINDS.items() if set(kind.POINTS) - {Point.REQUEST}]


@pytest.mark.parametrize("kind", FEED_KINDS)
def test_the_official_client_meets_it(gexfaker: KeyUnderTest, kind: str) -> None:
    globals()[kind](gexfaker)
