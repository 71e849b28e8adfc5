"""The parts of protobuf frames, read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_GROUP_LENGTH
from gexfaker.wire import messages as m

if TYPE_CHECKING:
    from gexfaker.wire.generated import webpubsub_pb2 as pb

INVALID: Final = "The client message is not a valid protobuf protocol message."
_json: Final = msgspec.json.Decoder(msgspec.Raw)


def read_ack_id(message: Any) -> int | None:
    """The ack id of a message, if it has one."""
    return message.ack_id if message.HasField("ack_id") else None


def read_group(group: str) -> str:
    """The name of a group. Raises FrameError."""
    if not group.strip() or len(group) > MAX_GROUP_LENGTH:
        raise FrameError(1007, INVALID)
    return group


def read_data(data: pb.Data) -> m.Data:
    """A message's content. Raises FrameError."""
    match data.WhichOneof("data"):
        case "text":
            return m.Data(m.DataType.TEXT, data.text.encode())
        case "json":
            return m.Data(m.DataType.JSON, _checked(data.json.encode()))
        case "binary":
            return m.Data(m.DataType.BINARY, data.binary)
        case "protobuf":
            return m.Data(m.DataType.PROTOBUF, data.protobuf.SerializeToString())
    raise FrameError(1007, INVALID)


def _checked(text: bytes) -> bytes:
    """JSON text as it is: receivers that speak JSON get it inside a frame of theirs, so it must be JSON."""
    try:
        _json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        raise FrameError(1007, INVALID) from None
    return text


def read_metadata(part: Any) -> m.Metadata:
    """Names and values beside the content. Raises FrameError."""
    metadata = m.metadata_of(dict(part.metadata))
    if metadata is None:
        raise FrameError(1007, INVALID)
    return tuple(sorted(metadata))


def write_data(data: m.Data) -> pb.Data:
    """A content as a message."""
    from gexfaker.wire.generated import webpubsub_pb2 as pb  # here, because google.protobuf takes 30 ms to load

    match data.type:
        case m.DataType.TEXT:
            return pb.Data(text=data.value.decode())
        case m.DataType.JSON:
            return pb.Data(json=data.value.decode())
        case m.DataType.BINARY:
            return pb.Data(binary=data.value)
    wrapped = pb.Data()
    wrapped.protobuf.MergeFromString(data.value)
    return wrapped
