"""Which dialect a connection speaks, and what a simple client gets."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from gexfaker.wire.messages import Data, DataType
from gexfaker.wire.subprotocols import SIMPLE, SUBPROTOCOLS, choose, simple_frame
from support import independent

JSON, RELIABLE_JSON = "json.webpubsub.azure.v1", "json.reliable.webpubsub.azure.v1"
PROTO, RELIABLE_PROTO = "protobuf.webpubsub.azure.v1", "protobuf.reliable.webpubsub.azure.v1"


@pytest.mark.parametrize(
    ("offered", "name", "spelling"),
    [
        ([JSON], JSON, JSON),
        ([RELIABLE_JSON], RELIABLE_JSON, RELIABLE_JSON),
        ([PROTO], PROTO, PROTO),
        ([RELIABLE_PROTO], RELIABLE_PROTO, RELIABLE_PROTO),
        ([PROTO, JSON], PROTO, PROTO),
        ([JSON, RELIABLE_JSON], JSON, JSON),
        (["mqtt", RELIABLE_JSON, PROTO], RELIABLE_JSON, RELIABLE_JSON),
        ([JSON.upper()], JSON, JSON.upper()),
        (["Json.Reliable.WebPubSub.Azure.V1", JSON], RELIABLE_JSON, "Json.Reliable.WebPubSub.Azure.V1"),
        ([], None, None),
        (["mqtt"], None, None),
        (["", " ", JSON + "x", "x" + JSON, f" {JSON}"], None, None),
    ],
)
def test_choice(offered: list[str], name: str | None, spelling: str | None) -> None:
    dialect, answered = choose(offered)
    assert (dialect.name, answered) == (name, spelling)
    assert (dialect is SIMPLE) == (name is None)


def test_the_dialects() -> None:
    assert {name: dialect.reliable for name, dialect in SUBPROTOCOLS.items()} == {
        JSON: False,
        RELIABLE_JSON: True,
        PROTO: False,
        RELIABLE_PROTO: True,
    }
    opcodes = {name: dialect.codec.OPCODE if dialect.codec else 0 for name, dialect in SUBPROTOCOLS.items()}
    assert opcodes == {JSON: 1, RELIABLE_JSON: 1, PROTO: 2, RELIABLE_PROTO: 2}
    assert SIMPLE.codec is None
    assert not SIMPLE.reliable


@pytest.mark.parametrize(
    ("kind", "value", "opcode"),
    [
        (DataType.TEXT, "grün".encode(), Opcode.TEXT),
        (DataType.JSON, b'{"a":1}', Opcode.TEXT),
        (DataType.BINARY, b"\x00\xff", Opcode.BINARY),
        (DataType.PROTOBUF, b"\x0a\x01x", Opcode.BINARY),
    ],
)
def test_a_simple_client_gets_the_bare_content(kind: DataType, value: bytes, opcode: Opcode) -> None:
    (read,) = independent.client_frames([simple_frame(Data(kind, value))])
    assert (read.opcode, bytes(read.data)) == (opcode, value)
