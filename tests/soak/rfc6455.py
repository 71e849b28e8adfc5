"""RFC 6455 over a real socket, case by case: ``python -m tests.soak.rfc6455``; pytest runs the same table.

Every case has a fresh connection to the echo endpoint. What the server must answer is written as a list of frames,
a close by its code; after a close the TCP connection must end too.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from soak.echo import echo_server, echo_url
from support.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, GoneError, RawSocket, connect, frame
from support.server import Running, wait_until

MIB: Final = 1024 * 1024
Frames = Sequence[tuple[int, bytes]]


@dataclass(frozen=True)
class Case:
    """What is sent, and what must come back.

    Attributes:
        sent: the client's bytes.
        answer: the frames that must come, in this order.
        close: the code of the close frame that must follow; None: the connection must go on working.
        portion: how many bytes go into one segment; 0: all at once.
        then: what is sent when the answer has come.
    """

    name: str
    sent: bytes
    answer: Frames = ()
    close: int | None = None
    portion: int = 0
    then: bytes = b""


def _code(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


def _lengths() -> Iterator[Case]:
    for opcode, kind in ((TEXT, "text"), (BINARY, "binary")):
        for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 300_000):
            payload = b"*" * size if opcode == TEXT else bytes(range(256)) * (size // 256) + b"\xfe" * (size % 256)
            yield Case(f"5.2 {kind} of {size}", frame(opcode, payload), [(opcode, payload)])
    yield Case("5.2 text of 1 MiB", frame(TEXT, b"*" * MIB), [(TEXT, b"*" * MIB)])
    yield Case("7.4.1 text beyond 1 MiB", frame(TEXT, b"*" * (MIB + 1)), close=1009)
    yield Case("7.4.1 a length of 2^62", b"\x81\xff" + struct.pack("!Q", 1 << 62) + b"mask", close=1009)
    yield Case("5.2 a length of 2^63", b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"mask", close=1009)
    short = b"\x81\xfe" + struct.pack("!H", 5) + bytes(4) + b"hello"
    yield Case("5.2 a length longer than necessary is understood", short, [(TEXT, b"hello")])
    for portion in (1, 3, 997):
        sent = frame(TEXT, b"slowly" * 40) + frame(BINARY, b"")
        yield Case(f"5 in portions of {portion}", sent, [(TEXT, b"slowly" * 40), (BINARY, b"")], portion=portion)
    many = [(TEXT, b"%d" % number) for number in range(100)]
    yield Case("5 a hundred frames at once", b"".join(frame(*one) for one in many), many)


def _reserved() -> Iterator[Case]:
    for bit, name in ((0x40, "rsv1"), (0x20, "rsv2"), (0x10, "rsv3"), (0x70, "all")):
        for opcode in (TEXT, PING, CLOSE):
            whole = frame(opcode, b"")
            yield Case(f"5.2 {name} set, opcode {opcode}", bytes([whole[0] | bit]) + whole[1:], close=1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"5.2 reserved opcode {opcode}", frame(opcode, b"x"), close=1002)
    for opcode in (TEXT, BINARY, PING, CLOSE):
        yield Case(f"5.1 unmasked, opcode {opcode}", frame(opcode, b"", masked=False), close=1002)


def _fragments() -> Iterator[Case]:
    def split(opcode: int, *parts: bytes) -> bytes:
        last = len(parts) - 1
        return b"".join(frame(CONT if i else opcode, part, fin=i == last) for i, part in enumerate(parts))

    yield Case("5.4 two fragments", split(TEXT, b"fragment1", b"fragment2"), [(TEXT, b"fragment1fragment2")])
    yield Case("5.4 binary fragments", split(BINARY, b"\xff", b"\x00", b"\xfe"), [(BINARY, b"\xff\x00\xfe")])
    yield Case("5.4 empty fragments", split(TEXT, b"", b"", b""), [(TEXT, b"")])
    yield Case("5.4 empty first and last", split(TEXT, b"", b"middle", b""), [(TEXT, b"middle")])
    yield Case("5.4 a thousand fragments", split(TEXT, *[b"x"] * 1000), [(TEXT, b"x" * 1000)])
    yield Case("5.4 byte by byte", split(TEXT, b"ab", b"cd"), [(TEXT, b"abcd")], portion=1)
    ping = frame(PING, b"between")
    with_ping = frame(TEXT, b"a", fin=False) + ping + frame(CONT, b"b")
    yield Case("5.4 a ping between fragments", with_ping, [(PONG, b"between"), (TEXT, b"ab")])
    yield Case("5.4 the same byte by byte", with_ping, [(PONG, b"between"), (TEXT, b"ab")], portion=1)
    with_pong = frame(TEXT, b"a", fin=False) + frame(PONG, b"x") + frame(CONT, b"b")
    yield Case("5.5.3 a pong between fragments", with_pong, [(TEXT, b"ab")])
    for opcode in (PING, PONG, CLOSE):
        yield Case(f"5.5 a fragmented control frame {opcode}", frame(opcode, b"", fin=False), close=1002)
    yield Case("5.4 a continuation of nothing", frame(CONT, b"x"), close=1002)
    yield Case("5.4 an unfinished continuation of nothing", frame(CONT, b"x", fin=False), close=1002)
    yield Case("5.4 text within text", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), close=1002)
    yield Case("5.4 binary within text", frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"), close=1002)
    whole, over = split(TEXT, b"a", b"b"), frame(CONT, b"c")
    yield Case("5.4 a continuation of what is complete", whole, [(TEXT, b"ab")], close=1002, then=over)
    big = split(BINARY, b"x" * (MIB // 2), b"x" * (MIB // 2), b"x")
    yield Case("7.4.1 fragments beyond 1 MiB", big, close=1009)


def _control() -> Iterator[Case]:
    for size in (0, 1, 124, 125):
        payload = bytes(range(size))
        yield Case(f"5.5.2 a ping of {size}", frame(PING, payload), [(PONG, payload)])
    yield Case("5.5.2 a ping byte by byte", frame(PING, b"slow"), [(PONG, b"slow")], portion=1)
    ten = [(PING, b"%d" % number) for number in range(10)]
    yield Case("5.5.2 ten pings", b"".join(frame(*one) for one in ten), [(PONG, payload) for _, payload in ten])
    yield Case("5.5.3 a pong nobody asked for", frame(PONG, b"hello"))
    for opcode in (PING, PONG, CLOSE):
        yield Case(f"5.5 a control frame of 126, opcode {opcode}", frame(opcode, b"x" * 126), close=1002)
    yield Case("5.5.1 a close without a code", frame(CLOSE), close=1005)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.4 a close with {code}", frame(CLOSE, _code(code)), close=code)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield Case(f"7.4 a close with {code}, which is none", frame(CLOSE, _code(code)), close=1002)
    yield Case("5.5.1 a close of one byte", frame(CLOSE, b"\x03"), close=1002)
    yield Case("5.5.1 a reason of 123 bytes", frame(CLOSE, _code(1000, b"*" * 123)), close=1000)
    yield Case("5.5.1 a reason of 124 bytes", frame(CLOSE, _code(1000, b"*" * 124)), close=1002)
    yield Case(
        "5.5.1 a reason that is not UTF-8", frame(CLOSE, _code(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")), close=1007
    )
    after = frame(CLOSE, _code(1000)) + frame(TEXT, b"too late") + frame(PING, b"too late")
    yield Case("5.5.1 nothing counts after a close", after, close=1000)
    twice = frame(CLOSE, _code(1000)) + frame(CLOSE, _code(1001))
    yield Case("5.5.1 a second close", twice, close=1000)
    yield Case(
        "5.5.1 a message, then a close", frame(TEXT, b"last") + frame(PING, b"p"), [(PONG, b"p"), (TEXT, b"last")]
    )


def _utf8() -> Iterator[Case]:
    good = ("κόσμε", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\U00010000")
    for text in (*good, "\U0010ffff", "Hello-µ@ßöäüàá"):
        yield Case(f"8.1 text {text!a}", frame(TEXT, text.encode()), [(TEXT, text.encode())])
    whole = "größe €".encode()
    pieces = b"".join(frame(CONT if i else TEXT, whole[i : i + 1], fin=i == len(whole) - 1) for i in range(len(whole)))
    yield Case("8.1 characters split between fragments", pieces, [(TEXT, whole)])
    bad = (
        b"\xff",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xe2\x82",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok\x80",
    )
    for payload in bad:
        yield Case(f"8.1 invalid text {payload.hex()}", frame(TEXT, payload), close=1007)
        yield Case(f"8.1 the same as binary {payload.hex()}", frame(BINARY, payload), [(BINARY, payload)])
    split = frame(TEXT, b"\xce\xba\xe1", fin=False) + frame(CONT, b"\x28\xa1")
    yield Case("8.1 invalid only when put together", split, close=1007)


CASES: Final = [*_lengths(), *_reserved(), *_fragments(), *_control(), *_utf8()]

HALF: Final[dict[str, bytes]] = {
    "half a header": b"\x81",
    "half a length": b"\x81\xfe\x00",
    "half a mask": b"\x81\x85\x00\x00",
    "half a payload": frame(TEXT, b"hello")[:-2],
    "half a message": frame(TEXT, b"hello", fin=False),
    "half a close": frame(CLOSE, _code(1000))[:-1],
}
"""What a client has sent when it vanishes; the server must forget it and go on."""


def run(case: Case, url: str) -> None:
    """Play a case; raises when anything else comes than it says."""
    with connect(url) as raw:
        raw.socket.setblocking(True)
        raw.socket.settimeout(10)
        _send(raw, case)
        for wanted in case.answer:
            found = raw.read_frame()
            assert found == wanted, (_short(found), _short(wanted))
        if case.then:
            raw.send(case.then)
        if case.close is None:
            raw.send(frame(PING, b"still there?"))
            assert raw.read_frame() == (PONG, b"still there?")
            raw.close(1000)
        opcode, payload = raw.read_frame()
        assert opcode == CLOSE, _short((opcode, payload))
        code = struct.unpack("!H", payload[:2])[0] if payload else 1005
        assert code == (case.close or 1000), (code, payload[2:])
        payload[2:].decode()
        if case.close is not None:
            with contextlib.suppress(OSError):
                raw.close(code if code != 1005 else None)
        assert raw.read_to_end() == b"", "something came after the close frame"


def _send(raw: RawSocket, case: Case) -> None:
    """A server that has failed the connection may not read the rest."""
    portion = case.portion or len(case.sent) or 1
    with contextlib.suppress(OSError) if case.close is not None else contextlib.nullcontext():
        for at in range(0, len(case.sent), portion):
            raw.send(case.sent[at : at + portion])


def _short(found: tuple[int, bytes]) -> str:
    return f"opcode {found[0]}, {len(found[1])} bytes: {found[1][:40]!r}"


def vanish(server: Running, sent: bytes, how: Callable[[RawSocket], None]) -> None:
    """A client that disappears in the middle of something; nothing of it may stay."""
    raw = connect(echo_url(server))
    raw.send(sent)
    how(raw)
    raw.socket.close()
    wait_until(lambda: not server.health()["connections"], 5, "the connection is forgotten")


def main() -> int:
    """Run the table; the exit code."""
    console = Console()
    failed = 0
    with echo_server() as server:
        for case in CASES:
            try:
                run(case, echo_url(server))
            except (AssertionError, GoneError, UnicodeDecodeError, struct.error) as error:
                failed += 1
                console.print(f"{case.name}: {error!r}")
        for name, sent in HALF.items():
            vanish(server, sent, RawSocket.abort)
            console.print(f"vanished after {name}: forgotten")
        tracebacks = [line for line in server.stderr if "Traceback" in line]
    console.print(f"{len(CASES)} cases, {failed} failed, {len(tracebacks)} tracebacks")
    return 1 if failed or tracebacks else 0


if __name__ == "__main__":
    sys.exit(main())
