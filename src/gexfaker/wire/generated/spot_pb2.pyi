from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SpotPrice(_message.Message):
    __slots__ = ("timestamp", "ticker", "spot", "source_timestamp_ms")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    SPOT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    ticker: str
    spot: int
    source_timestamp_ms: int
    def __init__(self, timestamp: _Optional[int] = ..., ticker: _Optional[str] = ..., spot: _Optional[int] = ..., source_timestamp_ms: _Optional[int] = ...) -> None: ...
