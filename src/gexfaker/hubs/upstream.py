"""What a client's message does: the operations of the protocol, on a hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gexfaker.errors import FrameError
from gexfaker.hubs.connection import Connection, State
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.outputs import Close
from gexfaker.hubs.permissions import JOIN, SEND, allows
from gexfaker.hubs.publication import Publication
from gexfaker.wire import messages as m
from gexfaker.wire.frames import TEXT

NO_HANDLER: Final = m.AckError("InternalServerError", "Internal server error")
UNHANDLED_FRAME: Final = Close(1011, "The server has no handler for messages of simple clients.")
Operation = m.JoinGroup | m.LeaveGroup | m.SendToGroup | m.Event | m.Unsupported
"""The client's messages that are acknowledged when they carry an ack id."""


def receive(hub: Hub, connection: Connection, payload: bytes, opcode: int) -> None:
    """One whole message of a client; nothing of a connection that has ended is heard any more."""
    if connection.state is not State.OPEN:
        return
    hub.changed(connection)
    codec = connection.subprotocol.codec
    if codec is None:
        _receive_raw(hub, connection, payload, opcode)
        return
    try:
        if opcode != codec.OPCODE:
            raise FrameError(1003, codec.WRONG_OPCODE)
        message = codec.decode_upstream(payload)
        watch = connection.watch
        if watch is None:
            operate(hub, connection, message)
        else:
            watch.operate(connection, message)
    except FrameError as error:
        hub.faults.wrong(connection, error.why or error.reason)
        hub.finish(connection, Close(error.code, error.reason))


def _receive_raw(hub: Hub, connection: Connection, payload: bytes, opcode: int) -> None:
    if connection.raw is None:
        hub.finish(connection, UNHANDLED_FRAME)
        return
    try:
        payload.decode() if opcode == TEXT else None
    except UnicodeDecodeError:
        hub.finish(connection, Close(1007, "The text message is not valid UTF-8."))
        return
    kind = m.DataType.TEXT if opcode == TEXT else m.DataType.BINARY
    message = m.SendToGroup(connection.raw.group, m.Data(kind, payload), None, connection.raw.no_echo)
    if (watch := connection.watch) is not None:
        watch.note("sendToGroup", hub=hub.name, connection=connection.id, group=message.group, bytes=len(payload))
    _send(hub, connection, message)


def operate(hub: Hub, connection: Connection, message: m.Received) -> m.AckError | None:
    """Do what a message asks for, and answer it; why it was not done, or None."""
    error = None
    match message:
        case m.SequenceAck(sequence_id):
            hub.confirm(connection, sequence_id)
        case m.Ping():
            connection.say(m.Pong())
        case _ if connection.is_duplicate(message.ack_id):
            text = f"Message with ack-id: {message.ack_id} has been processed"
            error = m.AckError("Duplicate", text)
            connection.acknowledge(message.ack_id, error)
        case _:
            error = _perform(hub, connection, message)
            connection.acknowledge(message.ack_id, error)
    return error


def _perform(hub: Hub, connection: Connection, message: Operation) -> m.AckError | None:
    """Run an operation that may be acknowledged; why it failed, or None."""
    if isinstance(message, m.Event):
        hub.faults.refused(connection, message.event, NO_HANDLER)
        return NO_HANDLER
    if isinstance(message, m.Unsupported):
        return _refuse(hub, connection, message)
    right, denied, run = OPERATIONS[type(message)]
    if not allows(connection.grant.roles, right, message.group):
        refused = m.AckError("Forbidden", denied.format(message.group))
        hub.faults.refused(connection, message.group, refused)
        return refused
    return run(hub, connection, message)


def _refuse(hub: Hub, connection: Connection, message: m.Unsupported) -> m.AckError:
    """Answer what the hub does not have in the way in which the client waits for it; the connection goes on."""
    error = m.AckError("BadRequest", f"The hub does not support {message.what}.")
    hub.faults.refused(connection, message.what, error)
    if message.invocation_id is not None:
        connection.say(m.InvokeFailed(message.invocation_id, error))
    if message.stream_id is not None:
        connection.say(m.StreamClosed(message.stream_id, error))
    return error


def _join(hub: Hub, connection: Connection, message: m.JoinGroup) -> m.AckError | None:
    return hub.refuse(connection, message.group) or hub.enter(connection, message.group)


def _leave(hub: Hub, connection: Connection, message: m.LeaveGroup) -> None:
    hub.leave(connection, message.group)


def _send(hub: Hub, connection: Connection, message: m.SendToGroup) -> None:
    sent = m.DataMessage(message.data, message.group, connection.grant.user_id, metadata=message.metadata)
    excluded = connection if message.no_echo else None
    hub.publish(connection.audience, message.group, Publication(sent), excluded)


NO_SENDING: Final = "The client does not have permission to send to group '{}'."

OPERATIONS: Final[dict[type, tuple[str, str, Callable[[Hub, Connection, Any], m.AckError | None]]]] = {
    m.JoinGroup: (JOIN, "The client does not have permission to join group '{}'.", _join),
    m.LeaveGroup: (JOIN, "The client does not have permission to leave group '{}'.", _leave),
    m.SendToGroup: (SEND, NO_SENDING, _send),
}
"""For each operation on a group: the role it needs, what is said without it, and what it does."""
