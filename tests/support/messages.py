"""Hypothesis strategies for the messages of the Web PubSub client protocol."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import strategies as st

from gexfaker.wire import messages as m

UINT64: Final = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 127, 128, 2**32, 2**63, 2**64 - 1])
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
GROUPS: Final = TEXT.filter(lambda name: bool(name.strip()))
ACK_IDS: Final = st.none() | UINT64
_LEAVES: Final = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT
_JSON: Final = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)


def _any(type_url: str, value: bytes) -> bytes:
    url = type_url.encode()
    head = b"\x0a" + bytes((len(url),)) + url if url else b""
    return head + (b"\x12" + bytes((len(value),)) + value if value else b"")


TEXT_DATA: Final = TEXT.map(lambda text: m.Data(m.DataType.TEXT, text.encode()))
JSON_DATA: Final = _JSON.filter(lambda value: value is not None).map(
    lambda value: m.Data(m.DataType.JSON, json.dumps(value).encode())
)
BINARY_DATA: Final = st.binary(max_size=60).map(lambda value: m.Data(m.DataType.BINARY, value))
PROTOBUF_DATA: Final = st.builds(_any, st.text("abc./", max_size=20), st.binary(max_size=60)).map(
    lambda value: m.Data(m.DataType.PROTOBUF, value)
)
DATA: Final = TEXT_DATA | JSON_DATA | BINARY_DATA | PROTOBUF_DATA
_KEYS: Final = st.text("abcXYZ019!#$%&'*+.^_`|~-", min_size=1, max_size=9)
_VALUES: Final = st.text(st.characters(codec="ascii"), max_size=9)
METADATA: Final[st.SearchStrategy[m.Metadata]] = st.dictionaries(_KEYS, _VALUES, max_size=3).map(
    lambda pairs: tuple(sorted(pairs.items()))
)
EVENTS: Final = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-]{0,20}", fullmatch=True)

UPSTREAM: Final[st.SearchStrategy[m.Upstream]] = st.one_of(
    st.builds(m.JoinGroup, GROUPS, ACK_IDS),
    st.builds(m.LeaveGroup, GROUPS, ACK_IDS),
    st.builds(m.SendToGroup, GROUPS, DATA, ACK_IDS, st.booleans(), METADATA),
    st.builds(m.Event, EVENTS, DATA, ACK_IDS, METADATA),
    st.builds(m.SequenceAck, UINT64),
    st.just(m.Ping()),
)
SERVICE: Final[st.SearchStrategy[m.Downstream]] = st.one_of(
    st.builds(m.Connected, TEXT, st.none() | TEXT.filter(bool), st.none() | TEXT),
    st.builds(m.Disconnected, TEXT),
    st.builds(m.Ack, UINT64, st.none() | st.builds(m.AckError, TEXT, TEXT)),
    st.just(m.Pong()),
)
