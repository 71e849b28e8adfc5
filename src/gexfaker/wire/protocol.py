"""The messages of the protocol, a row each: how it is read and written, as JSON and as protobuf.

The codecs are made from these rows. The class of a message is in ``messages``; what it does is in ``hubs.upstream``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from gexfaker.errors import FrameError
from gexfaker.wire import jsonfields as js
from gexfaker.wire import messages as m
from gexfaker.wire import protofields as proto


class Row(NamedTuple):
    """One message.

    Attributes:
        message: its class.
        json: its ``type`` in JSON, and of a system message its ``event``.
        field: its field in the protobuf frame, below ``system.`` for a system message.
        read_json: from a frame; raises FrameError, and what its parts raise.
        write_json: its keys but for ``type``, ``event`` and ``ackId``.
        read_proto: from its part of the frame.
        write_proto: fills its part of the frame, but for the ack id.
    """

    message: type
    json: tuple[str, str]
    field: str
    read_json: Callable[[Any], Any]
    write_json: Callable[[Any], dict[str, Any]]
    read_proto: Callable[[Any], Any]
    write_proto: Callable[[Any, Any], None]


# --- from the client to the service --------------------------------------------------------------


def _read_send(frame: js.UpFrame) -> m.SendToGroup:
    if not 0 <= (frame.ttl_seconds or 0) <= js.MAX_TTL_SECONDS:
        raise FrameError(1007, js.INVALID, f"ttlSeconds is a number from 0 to {js.MAX_TTL_SECONDS}")
    data, metadata = js.read_data(frame), js.read_metadata(frame)
    return m.SendToGroup(js.read_group(frame), data, js.read_uint(frame.ack_id), bool(frame.no_echo), metadata)


def _read_proto_send(part: Any) -> m.SendToGroup | m.Unsupported:
    if part.HasField("stream"):
        return m.Unsupported("a stream", proto.read_ack_id(part))
    if part.ttl_seconds > js.MAX_TTL_SECONDS:
        raise FrameError(1007, proto.INVALID)
    data, metadata = proto.read_data(part.data), proto.read_metadata(part)
    return m.SendToGroup(proto.read_group(part.group), data, proto.read_ack_id(part), part.no_echo, metadata)


def _read_event(frame: js.UpFrame) -> m.Event:
    if frame.event is None or not js.EVENT_NAME.fullmatch(frame.event):
        raise FrameError(1007, js.INVALID, "it needs an 'event', a name")
    return m.Event(frame.event, js.read_data(frame), js.read_uint(frame.ack_id), js.read_metadata(frame))


def _read_proto_event(part: Any) -> m.Event:
    if not js.EVENT_NAME.fullmatch(part.event):
        raise FrameError(1007, proto.INVALID)
    return m.Event(part.event, proto.read_data(part.data), proto.read_ack_id(part), proto.read_metadata(part))


def _read_sequence_ack(frame: js.UpFrame) -> m.SequenceAck:
    number = js.read_uint(frame.sequence_id)
    if number is None:
        raise FrameError(1007, js.INVALID, "it needs a 'sequenceId'")
    return m.SequenceAck(number)


def _write_group(message: m.JoinGroup | m.LeaveGroup, part: Any) -> None:
    part.group = message.group


def _write_send(message: m.SendToGroup, part: Any) -> None:
    part.group, part.no_echo = message.group, message.no_echo
    _write_content(message, part)


def _write_event(message: m.Event, part: Any) -> None:
    part.event = message.event
    _write_content(message, part)


def _write_content(message: m.SendToGroup | m.Event, part: Any) -> None:
    part.data.CopyFrom(proto.write_data(message.data))
    part.metadata.update(dict(message.metadata))


def _write_sequence_ack(message: m.SequenceAck, part: Any) -> None:
    part.sequence_id = message.sequence_id
    part.SetInParent()


def _write_nothing(_message: Any, part: Any) -> None:
    part.SetInParent()


UPSTREAM: Final = (
    Row(
        m.JoinGroup,
        ("joinGroup", ""),
        "join_group",
        lambda frame: m.JoinGroup(js.read_group(frame), js.read_uint(frame.ack_id)),
        lambda message: {"group": message.group},
        lambda part: m.JoinGroup(proto.read_group(part.group), proto.read_ack_id(part)),
        _write_group,
    ),
    Row(
        m.LeaveGroup,
        ("leaveGroup", ""),
        "leave_group",
        lambda frame: m.LeaveGroup(js.read_group(frame), js.read_uint(frame.ack_id)),
        lambda message: {"group": message.group},
        lambda part: m.LeaveGroup(proto.read_group(part.group), proto.read_ack_id(part)),
        _write_group,
    ),
    Row(
        m.SendToGroup,
        ("sendToGroup", ""),
        "send_to_group",
        _read_send,
        lambda message: {
            "group": message.group,
            "noEcho": message.no_echo,
            **js.write_data(message.data, message.metadata),
        },
        _read_proto_send,
        _write_send,
    ),
    Row(
        m.Event,
        ("event", ""),
        "event",
        _read_event,
        lambda message: {"event": message.event, **js.write_data(message.data, message.metadata)},
        _read_proto_event,
        _write_event,
    ),
    Row(
        m.SequenceAck,
        ("sequenceAck", ""),
        "sequence_ack",
        _read_sequence_ack,
        lambda message: {"sequenceId": message.sequence_id},
        lambda part: m.SequenceAck(part.sequence_id),
        _write_sequence_ack,
    ),
    Row(m.Ping, ("ping", ""), "ping", lambda _: m.Ping(), lambda _: {}, lambda _: m.Ping(), _write_nothing),
)


# --- from the service to the client --------------------------------------------------------------


def _write_connected(message: m.Connected) -> dict[str, Any]:
    fields: dict[str, Any] = {"userId": message.user_id, "connectionId": message.connection_id}
    token = message.reconnection_token
    return fields if token is None else fields | {"reconnectionToken": token}


def _read_proto_connected(part: Any) -> m.Connected:
    token = part.reconnection_token if part.HasField("reconnection_token") else None
    return m.Connected(part.connection_id, part.user_id or None, token)


def _write_proto_connected(message: m.Connected, part: Any) -> None:
    part.connection_id, part.user_id = message.connection_id, message.user_id or ""
    if message.reconnection_token is not None:
        part.reconnection_token = message.reconnection_token


def _write_disconnected(message: m.Disconnected, part: Any) -> None:
    part.reason = message.message
    part.SetInParent()


def _read_ack(frame: js.DownFrame) -> m.Ack:
    error = frame.error or js.ErrorFrame()
    return m.Ack(frame.ack_id, None if frame.success else m.AckError(error.name, error.message))


def _write_ack(message: m.Ack) -> dict[str, Any]:
    fields = {"ackId": message.ack_id, "success": message.error is None}
    if message.error is None:
        return fields
    return fields | {"error": {"name": message.error.name, "message": message.error.message}}


def _read_proto_ack(part: Any) -> m.Ack:
    error = m.AckError(part.error.name, part.error.message) if part.HasField("error") else None
    return m.Ack(part.ack_id, error)


def _write_proto_ack(message: m.Ack, part: Any) -> None:
    part.ack_id, part.success = message.ack_id, message.error is None
    if message.error is not None:
        part.error.name, part.error.message = message.error.name, message.error.message


def _read_data(frame: js.DownFrame) -> m.DataMessage:
    carrier = js.UpFrame(type="", data_type=frame.data_type, data=frame.data)
    metadata = tuple((frame.metadata or {}).items())
    source = cast("Any", frame.source)
    return m.DataMessage(js.read_data(carrier), frame.group, frame.from_user_id, frame.sequence_id, source, metadata)


def _read_proto_data(part: Any) -> m.DataMessage:
    group = part.group if part.HasField("group") else None
    number = part.sequence_id if part.HasField("sequence_id") else None
    metadata = tuple(sorted(part.metadata.items()))
    return m.DataMessage(proto.read_data(part.data), group, None, number, getattr(part, "from"), metadata)


def _written_by_the_codec(*_: Any) -> Any:
    """Data messages are what all is about: the codecs write them by a way of their own, which shares what it can."""
    raise NotImplementedError


DOWNSTREAM: Final = (
    Row(
        m.Connected,
        ("system", "connected"),
        "system.connected",
        lambda frame: m.Connected(frame.connection_id, frame.user_id, frame.token),
        _write_connected,
        _read_proto_connected,
        _write_proto_connected,
    ),
    Row(
        m.Disconnected,
        ("system", "disconnected"),
        "system.disconnected",
        lambda frame: m.Disconnected(frame.message),
        lambda message: {"message": message.message},
        lambda part: m.Disconnected(part.reason),
        _write_disconnected,
    ),
    Row(m.Ack, ("ack", ""), "ack", _read_ack, _write_ack, _read_proto_ack, _write_proto_ack),
    Row(
        m.DataMessage,
        ("message", ""),
        "data",
        _read_data,
        _written_by_the_codec,
        _read_proto_data,
        _written_by_the_codec,
    ),
    Row(m.Pong, ("pong", ""), "pong", lambda _: m.Pong(), lambda _: {}, lambda _: m.Pong(), _write_nothing),
)
