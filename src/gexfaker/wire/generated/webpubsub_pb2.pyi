from google.protobuf import any_pb2 as _any_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Upstream(_message.Message):
    __slots__ = ("send_to_group", "event", "join_group", "leave_group", "sequence_ack", "ping")
    class SendToGroup(_message.Message):
        __slots__ = ("group", "ack_id", "data", "no_echo", "ttl_seconds", "metadata", "stream")
        class MetadataEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        GROUP_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        DATA_FIELD_NUMBER: _ClassVar[int]
        NO_ECHO_FIELD_NUMBER: _ClassVar[int]
        TTL_SECONDS_FIELD_NUMBER: _ClassVar[int]
        METADATA_FIELD_NUMBER: _ClassVar[int]
        STREAM_FIELD_NUMBER: _ClassVar[int]
        group: str
        ack_id: int
        data: Data
        no_echo: bool
        ttl_seconds: int
        metadata: _containers.ScalarMap[str, str]
        stream: Upstream.StreamStart
        def __init__(self, group: _Optional[str] = ..., ack_id: _Optional[int] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., no_echo: bool = ..., ttl_seconds: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., stream: _Optional[_Union[Upstream.StreamStart, _Mapping]] = ...) -> None: ...
    class Event(_message.Message):
        __slots__ = ("event", "data", "ack_id", "metadata")
        class MetadataEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        EVENT_FIELD_NUMBER: _ClassVar[int]
        DATA_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        METADATA_FIELD_NUMBER: _ClassVar[int]
        event: str
        data: Data
        ack_id: int
        metadata: _containers.ScalarMap[str, str]
        def __init__(self, event: _Optional[str] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., ack_id: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...
    class JoinGroup(_message.Message):
        __slots__ = ("group", "ack_id")
        GROUP_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        group: str
        ack_id: int
        def __init__(self, group: _Optional[str] = ..., ack_id: _Optional[int] = ...) -> None: ...
    class LeaveGroup(_message.Message):
        __slots__ = ("group", "ack_id")
        GROUP_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        group: str
        ack_id: int
        def __init__(self, group: _Optional[str] = ..., ack_id: _Optional[int] = ...) -> None: ...
    class SequenceAck(_message.Message):
        __slots__ = ("sequence_id",)
        SEQUENCE_ID_FIELD_NUMBER: _ClassVar[int]
        sequence_id: int
        def __init__(self, sequence_id: _Optional[int] = ...) -> None: ...
    class Ping(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class StreamStart(_message.Message):
        __slots__ = ("stream_id", "idle_timeout_ms")
        STREAM_ID_FIELD_NUMBER: _ClassVar[int]
        IDLE_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
        stream_id: str
        idle_timeout_ms: int
        def __init__(self, stream_id: _Optional[str] = ..., idle_timeout_ms: _Optional[int] = ...) -> None: ...
    SEND_TO_GROUP_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    JOIN_GROUP_FIELD_NUMBER: _ClassVar[int]
    LEAVE_GROUP_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_ACK_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    send_to_group: Upstream.SendToGroup
    event: Upstream.Event
    join_group: Upstream.JoinGroup
    leave_group: Upstream.LeaveGroup
    sequence_ack: Upstream.SequenceAck
    ping: Upstream.Ping
    def __init__(self, send_to_group: _Optional[_Union[Upstream.SendToGroup, _Mapping]] = ..., event: _Optional[_Union[Upstream.Event, _Mapping]] = ..., join_group: _Optional[_Union[Upstream.JoinGroup, _Mapping]] = ..., leave_group: _Optional[_Union[Upstream.LeaveGroup, _Mapping]] = ..., sequence_ack: _Optional[_Union[Upstream.SequenceAck, _Mapping]] = ..., ping: _Optional[_Union[Upstream.Ping, _Mapping]] = ...) -> None: ...

class Data(_message.Message):
    __slots__ = ("text", "binary", "protobuf", "json")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    PROTOBUF_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    text: str
    binary: bytes
    protobuf: _any_pb2.Any
    json: str
    def __init__(self, text: _Optional[str] = ..., binary: _Optional[bytes] = ..., protobuf: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., json: _Optional[str] = ...) -> None: ...

class Downstream(_message.Message):
    __slots__ = ("ack", "data", "system", "pong")
    class Ack(_message.Message):
        __slots__ = ("ack_id", "success", "error")
        class Error(_message.Message):
            __slots__ = ("name", "message")
            NAME_FIELD_NUMBER: _ClassVar[int]
            MESSAGE_FIELD_NUMBER: _ClassVar[int]
            name: str
            message: str
            def __init__(self, name: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        SUCCESS_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        ack_id: int
        success: bool
        error: Downstream.Ack.Error
        def __init__(self, ack_id: _Optional[int] = ..., success: bool = ..., error: _Optional[_Union[Downstream.Ack.Error, _Mapping]] = ...) -> None: ...
    class DataMessage(_message.Message):
        __slots__ = ("group", "data", "sequence_id", "metadata")
        class MetadataEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        FROM_FIELD_NUMBER: _ClassVar[int]
        GROUP_FIELD_NUMBER: _ClassVar[int]
        DATA_FIELD_NUMBER: _ClassVar[int]
        SEQUENCE_ID_FIELD_NUMBER: _ClassVar[int]
        METADATA_FIELD_NUMBER: _ClassVar[int]
        group: str
        data: Data
        sequence_id: int
        metadata: _containers.ScalarMap[str, str]
        def __init__(self, group: _Optional[str] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., sequence_id: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., **kwargs) -> None: ...
    class System(_message.Message):
        __slots__ = ("connected", "disconnected")
        class Connected(_message.Message):
            __slots__ = ("connection_id", "user_id", "reconnection_token")
            CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
            USER_ID_FIELD_NUMBER: _ClassVar[int]
            RECONNECTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
            connection_id: str
            user_id: str
            reconnection_token: str
            def __init__(self, connection_id: _Optional[str] = ..., user_id: _Optional[str] = ..., reconnection_token: _Optional[str] = ...) -> None: ...
        class Disconnected(_message.Message):
            __slots__ = ("reason",)
            REASON_FIELD_NUMBER: _ClassVar[int]
            reason: str
            def __init__(self, reason: _Optional[str] = ...) -> None: ...
        CONNECTED_FIELD_NUMBER: _ClassVar[int]
        DISCONNECTED_FIELD_NUMBER: _ClassVar[int]
        connected: Downstream.System.Connected
        disconnected: Downstream.System.Disconnected
        def __init__(self, connected: _Optional[_Union[Downstream.System.Connected, _Mapping]] = ..., disconnected: _Optional[_Union[Downstream.System.Disconnected, _Mapping]] = ...) -> None: ...
    class Pong(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    ACK_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    ack: Downstream.Ack
    data: Downstream.DataMessage
    system: Downstream.System
    pong: Downstream.Pong
    def __init__(self, ack: _Optional[_Union[Downstream.Ack, _Mapping]] = ..., data: _Optional[_Union[Downstream.DataMessage, _Mapping]] = ..., system: _Optional[_Union[Downstream.System, _Mapping]] = ..., pong: _Optional[_Union[Downstream.Pong, _Mapping]] = ...) -> None: ...
