"""Valid messages to start from: every kind, with and without its optional parts."""

from __future__ import annotations

from typing import Final

from google.protobuf.any_pb2 import Any as PackedAny

from gexfaker.wire import jsoncodec, protocodec
from gexfaker.wire import messages as m

GROUP: Final = "fuzz"
ANY: Final = PackedAny(type_url="proto.orderflow", value=b"(\xb5/\xfdabc").SerializeToString()

DATA: Final = (
    m.Data(m.DataType.TEXT, "größe \U0001f600".encode()),
    m.Data(m.DataType.JSON, b'{"a":[1,2.5e3,null,true,"\\u00e9"],"b":{}}'),
    m.Data(m.DataType.JSON, b"[[[[0]]]]"),
    m.Data(m.DataType.BINARY, bytes(range(40))),
    m.Data(m.DataType.PROTOBUF, ANY),
)
METADATA: Final = (("trace-id", "1"), ("x", "y z"))

UPSTREAM: Final[tuple[m.Upstream, ...]] = (
    m.JoinGroup(GROUP),
    m.JoinGroup(GROUP, 1),
    m.JoinGroup("größe", m.MAX_UINT64),
    m.LeaveGroup(GROUP),
    m.LeaveGroup(GROUP, 0),
    *(m.SendToGroup(GROUP, data) for data in DATA),
    *(m.SendToGroup(GROUP, data, 3 + number, True, METADATA) for number, data in enumerate(DATA)),
    *(m.Event("hello", data, 9, METADATA) for data in DATA[:2]),
    m.SequenceAck(1),
    m.SequenceAck(m.MAX_UINT64),
    m.Ping(),
)
DOWNSTREAM: Final[tuple[m.Downstream, ...]] = (
    m.Connected("c-1", "u"),
    m.Connected("c-1", None, "token"),
    m.Disconnected("bye"),
    m.Ack(1),
    m.Ack(m.MAX_UINT64, m.AckError("Forbidden", "no")),
    m.Pong(),
    *(m.DataMessage(data, GROUP, "u", None, "group", METADATA) for data in DATA),
    *(m.DataMessage(data, GROUP, None, 7) for data in DATA),
    m.DataMessage(DATA[0], None, None, 8, "server"),
)

JSON_UP: Final = tuple(jsoncodec.encode_upstream(message) for message in UPSTREAM)
JSON_DOWN: Final = tuple(jsoncodec.encode_downstream(message) for message in DOWNSTREAM)
PROTO_UP: Final = tuple(protocodec.encode_upstream(message) for message in UPSTREAM)
PROTO_DOWN: Final = tuple(protocodec.encode_downstream(message) for message in DOWNSTREAM)
SIMPLE: Final = (b"", b"hello", "größe".encode(), bytes(range(256)), *(data.value for data in DATA))
