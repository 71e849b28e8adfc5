"""What the newest clients ask for and the hub does not have is refused, and the connection goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gexfaker.errors import FrameError
from gexfaker.wire import jsoncodec, protocodec
from gexfaker.wire import messages as m
from gexfaker.wire.generated import webpubsub_pb2
from gexfaker.wire.jsoncodec import MAX_ID
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect
from support.server import running_server, wait_until

CALL = {"type": "invoke", "invocationId": "7", "target": "event", "event": "sum", "dataType": "text", "data": "x"}
STREAM = {"type": "sendToGroup", "group": "g", "ackId": 3, "stream": {"streamId": "s1", "idleTimeoutMs": 1000}}
STATE = "The hub does not support the state of groups."


def answers(raw: RawSocket, sent: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """So many answers to a message, and that to the ping behind it, which may overtake an ack; without that one."""
    raw.send_text(json.dumps(sent))
    raw.send_text('{"type":"ping"}')
    found: list[dict[str, Any]] = [json.loads(raw.read_message()) for _ in range(count + 1)]
    return [answer for answer in found if answer["type"] != "pong"]


def failure(message: str) -> dict[str, Any]:
    return {"name": "BadRequest", "message": message}


@pytest.mark.parametrize("subprotocol", [JSON, JSON_RELIABLE])
def test_every_feature_is_refused_as_its_client_waits_for_it(subprotocol: str) -> None:
    calls, stream = (failure(f"The hub does not support {what}.") for what in ("calls of the application", "a stream"))
    ack = {"type": "ack", "success": False}
    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (CALL, [{"type": "invokeResponse", "invocationId": "7", "success": False, "error": calls}]),
        ({"type": "cancelInvocation", "invocationId": "7"}, []),
        (STREAM, [{"type": "streamClosed", "streamId": "s1", "error": stream}, ack | {"ackId": 3, "error": stream}]),
        (
            {"type": "streamData", "streamId": "s1", "streamSequenceId": 1, "dataType": "text", "data": "x"},
            [{"type": "streamClosed", "streamId": "s1", "error": stream}],
        ),
        ({"type": "streamEnd", "streamId": "s1"}, [{"type": "streamClosed", "streamId": "s1", "error": stream}]),
        *(
            ({"type": f"{name}GroupState", "group": "g", "ackId": at}, [ack | {"ackId": at, "error": failure(STATE)}])
            for at, name in enumerate(("set", "subscribe", "unsubscribe"), 10)
        ),
        ({"type": "setGroupState", "group": "g", "state": {"a": "b"}}, []),
    ]
    with running_server(tickers="SPX") as server, connect(server.orderflow(), subprotocol) as raw:
        raw.read_message()
        for sent, expected in cases:
            assert answers(raw, sent, len(expected)) == expected, sent
        assert raw.join("blue_SPX_orderflow_orderflow", 99).kind == "ack"
        wait_until(lambda: any("does not support" in line for line in server.stderr), 5, "the refusal in the log")


def test_a_stream_of_a_protobuf_client_is_refused_by_its_ack() -> None:
    start = webpubsub_pb2.Upstream()
    start.send_to_group.group, start.send_to_group.ack_id = "g", 5
    start.send_to_group.stream.stream_id = "s1"
    assert protocodec.decode_upstream(start.SerializeToString()) == m.Unsupported("a stream", 5)


@pytest.mark.parametrize("name", ["invocationId", "streamId"])
def test_an_id_that_is_sent_back_is_bounded(name: str) -> None:
    kind = "invoke" if name == "invocationId" else "streamData"
    longest = json.dumps({"type": kind, name: "x" * MAX_ID}).encode()
    assert isinstance(jsoncodec.decode_upstream(longest), m.Unsupported)
    with pytest.raises(FrameError) as caught:
        jsoncodec.decode_upstream(json.dumps({"type": kind, name: "x" * (MAX_ID + 1)}).encode())
    assert caught.value.code == 1007
