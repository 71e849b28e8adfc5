"""Ten bad days that every client of the feed should survive: what is broken, and what a good client does about it.

A drill starts the client's command, breaks something for its key, and holds the journal of that key against what is
expected. What the client prints is kept, and shown when it fails.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from typing import IO, Any, Final, NamedTuple

from gexfaker.client.undertest import ExpectationError, KeyUnderTest
from gexfaker.commands import end

Rule = dict[str, Any]

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether a client that does not listen yet has ended."""

STOP_SECONDS: Final = 5.0
"""How long a client has to end after it was asked to; then it is killed."""

READY_SECONDS: Final = 20.0
"""How long a client has to join its first group."""

SPEED: Final = 4.0
"""How fast the market runs: some three records a second, so that nobody waits for what is broken."""

SHOWN_SILENT: Final = 3
"""Groups of which it is told why nothing comes."""

SHOWN_LINES: Final = 5
"""Last lines of what a client printed that are shown when it fails."""

FEED: Final[Rule] = {"hub": "*"}
REQUESTS: Final[Rule] = {"route": "*"}

BACK: Final[list[Rule]] = [{"type": "close"}, {"type": ("connect", "recover")}, {"type": "deliver"}]
"""A connection ended, the client came back, and records reached it again."""


class Drill(NamedTuple):
    """One bad day.

    Attributes:
        name: what it is called.
        about: what happens.
        good: what a good client does.
        faults: rules that come once the client listens; with ``first`` from its first request on.
        expect: what the journal must show after that.
        within: seconds.
        order: whether it must come in this order.
        first: whether the faults are there before the client is.
        may_end: whether the client may end by itself.
    """

    name: str
    about: str
    good: str
    faults: list[Rule]
    expect: list[Rule]
    within: float = 20.0
    order: str = "strict"
    first: bool = False
    may_end: bool = False


DRILLS: Final = (
    Drill(
        "reset",
        "The TCP connection is reset in the middle of the day.",
        "comes back by itself, and goes on",
        [{"type": "reset_peer", "on": FEED, "count": 1}],
        BACK,
    ),
    Drill(
        "restart",
        "The server closes with 1001, as it does for an update.",
        "comes back by itself, and goes on",
        [{"type": "close", "attributes": {"code": 1001}, "count": 1}],
        BACK,
    ),
    Drill(
        "forgotten",
        "The connection is reset, and the service does not know it any more: recovery ends with 1008.",
        "opens another connection, and joins its groups again",
        [{"type": "refuse_recovery", "count": 1}, {"type": "reset_peer", "on": FEED, "count": 1}],
        [{"type": "close"}, {"type": "connect"}, {"type": "deliver"}],
        30.0,
    ),
    Drill(
        "old-address",
        "The connection is reset, and the address that was negotiated is answered 401: its token is not good any more.",
        "negotiates again, instead of trying the old address for ever",
        [
            {"type": "refuse_recovery", "count": 1},
            {"type": "reset_peer", "on": FEED, "count": 1},
            {"type": "reject", "attributes": {"code": 401}, "count": 2},
        ],
        [{"type": "close"}, {"type": "negotiate"}, {"type": "connect"}, {"type": "deliver"}],
        45.0,
    ),
    Drill(
        "half-open",
        "The connection falls silent and is not closed, as when a cable is pulled.",
        "notices that no record comes and that its pings are not answered, and opens another connection",
        [{"type": "half_open", "count": 1}],
        [{"type": ("connect", "recover")}, {"type": "deliver"}],
        90.0,
    ),
    Drill(
        "broken-messages",
        "Messages are cut, have flipped bits, an unknown type, or are of a kind that the client does not know.",
        "passes over what it cannot read, and stays connected",
        [
            {"type": "corrupt", "name": "cut", "attributes": {"part": "zstd"}, "count": 2},
            {"type": "corrupt", "name": "flipped", "attributes": {"part": "bits", "flips": 50}, "count": 2},
            {"type": "corrupt", "name": "foreign", "attributes": {"part": "type_url"}, "count": 2},
            {"type": "unknown_message", "count": 2},
        ],
        [{"type": "fault", "at_least": 8}, {"type": "close", "exactly": 0}],
        8.0,
        "any",
    ),
    Drill(
        "repeated",
        "Messages come twice, in another order, and with sequence ids that were there before.",
        "knows what it has already, and stays connected",
        [
            {"type": "sequence", "attributes": {"kind": "repeat"}, "toxicity": 0.3},
            {"type": "duplicate", "toxicity": 0.3},
            {"type": "reorder", "attributes": {"window": 3}, "toxicity": 0.5},
        ],
        [{"type": "fault", "at_least": 4}, {"type": "close", "exactly": 0}],
        8.0,
        "any",
    ),
    Drill(
        "rate-limit",
        "The first requests are answered 429 with Retry-After, for three seconds.",
        "waits as long as it is told, and then connects",
        [{"type": "status", "on": REQUESTS, "attributes": {"code": 429, "headers": {"Retry-After": "3"}}, "for": "3s"}],
        [{"type": "request", "where": {"status": 429}, "at_least": 1, "at_most": 3}, {"type": "connect"}],
        12.0,
        "any",
        first=True,
    ),
    Drill(
        "bad-gateway",
        "The first answers are a proxy's 502 in HTML, half a JSON, and none at all.",
        "tries again, and connects",
        [
            {
                "type": "status",
                "on": REQUESTS,
                "attributes": {
                    "code": 502,
                    "body": "<html>502 Bad Gateway</html>",
                    "headers": {"Content-Type": "text/html"},
                },
                "count": 2,
            },
            {"type": "malformed", "count": 1},
            {"type": "empty", "count": 1},
        ],
        [{"type": "request", "at_least": 4}, {"type": "connect"}],
        60.0,
        "any",
        first=True,
    ),
    Drill(
        "refused-key",
        "The key is answered 401.",
        "says so and stops asking: a key does not become right by asking again",
        [{"type": "status", "on": REQUESTS, "attributes": {"code": 401}}],
        [{"type": "request", "where": {"status": 401}, "at_least": 1, "at_most": 3}],
        10.0,
        "any",
        first=True,
        may_end=True,
    ),
)
"""All of them, in the order in which they are run."""


class Result(NamedTuple):
    """What came of a drill.

    Attributes:
        text: why it failed; empty when it passed.
        printed: the last lines of what the client printed.
    """

    name: str
    passed: bool
    text: str
    seconds: float
    printed: list[str]


class Client:
    """The client's command, running.

    Args:
        command: with ``{url}``, ``{ws_url}`` and ``{key}`` where the server's address and the API key belong.
        key: the key under test.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], key: KeyUnderTest) -> None:
        named = {"url": key.url, "ws_url": key.ws_url, "key": key.key}
        filled = [_filled(part, named) for part in command]
        told = {"GEXFAKER_URL": key.url, "GEXFAKER_KEY": key.key, "GEXBOT_API_KEY": key.key}
        self._printed: Final[IO[bytes]] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        try:
            self._process: Final = subprocess.Popen(  # noqa: S603 - it is the user's own command
                filled, env=os.environ | told, stdin=subprocess.DEVNULL, stdout=self._printed, stderr=subprocess.STDOUT
            )
        except OSError:
            self._printed.close()
            raise

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def stop(self) -> list[str]:
        """End it; the last lines that it printed."""
        end(self._process, STOP_SECONDS)
        with self._printed as printed:
            printed.seek(0)
            return printed.read().decode(errors="replace").splitlines()[-SHOWN_LINES:]


def _what_it_did(key: KeyUnderTest) -> str:
    """What reached the server of a client that did not do what it should."""
    counts = Counter(entry["type"] for entry in key.journal())
    done = ", ".join(f"{count} {name}" for name, count in counts.items() if name not in ("control", "fault"))
    came = f"; of this key came {done or 'nothing: does the client use {url} and {key}?'}"
    connections = (key.status_or_none() or {}).get("connections", ())
    groups = [group for connection in connections for group in connection["groups"] if "silent" in group]
    return came + "".join(f"; {group['group']} stays silent: {group['silent']}" for group in groups[:SHOWN_SILENT])


def _filled(part: str, named: dict[str, str]) -> str:
    """A part of a command with what stands for the server's address and the key; other braces stay."""
    for name, value in named.items():
        part = part.replace("{" + name + "}", value)
    return part


def run(drill: Drill, command: Sequence[str], key: KeyUnderTest, ready: float = READY_SECONDS) -> Result:
    """Run one drill. Raises OSError: the command cannot be started."""
    began = time.monotonic()
    key.journal()
    key.speed(SPEED)
    if drill.first:
        key.set_faults(*drill.faults)
    client = Client(command, key)
    text = ""
    try:
        text = _endure(drill, client, key, ready)
    finally:
        printed = client.stop()
        key.forget()
    return Result(drill.name, not text, text, time.monotonic() - began, printed)


def _wait_until_it_listens(client: Client, key: KeyUnderTest, ready: float) -> None:
    """Until the client gets its first record. Raises ExpectationError: it has ended before, or is too late."""
    until = time.monotonic() + ready
    while True:
        left = until - time.monotonic()
        try:
            key.wait_for("deliver", within=max(0.0, min(left, LOOK_SECONDS)))
        except ExpectationError:
            if client.code is not None:
                raise ExpectationError("the client got no record") from None
            if left <= LOOK_SECONDS:
                raise ExpectationError(f"the client got no record within {ready:g} s") from None
        else:
            return


def _endure(drill: Drill, client: Client, key: KeyUnderTest, ready: float) -> str:
    """Break things and look what the client does; why it failed, or nothing."""
    since = 0
    try:
        if not drill.first:
            _wait_until_it_listens(client, key, ready)
            since = key.last
            key.set_faults(*drill.faults)
        key.verify(*drill.expect, within=drill.within, order=drill.order, since=since)
    except ExpectationError as unmet:
        ended = "" if client.code is None else f" (the client had ended with code {client.code})"
        return str(unmet).partition("\n")[0] + (_what_it_did(key) if not since else "") + ended
    if client.code is not None and not drill.may_end:
        return f"the client ended with code {client.code}"
    return ""
