"""What your own tests need: a server in this process, its clock in your hand, our clients, and a decoder.

    from gexfaker.testing import Control, Seek, Target, receive, serving

    def test_my_client_shows_the_latest_price():
        with serving(tickers="SPX") as server:
            Control(server.url).act(Target("my-key"), Seek(time="10:30"))
            assert my_client(server.url, "my-key").price() > 0

Everything here is public and keeps its name. See docs/testing.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

from gexfaker.client.control import ALL, Control, Target
from gexfaker.client.feed import NEGOTIATE_TIMEOUT_SECONDS, ListenError, Received, decode_payload, names_of, negotiate
from gexfaker.client.feed import Target as Hub
from gexfaker.client.follow import follow
from gexfaker.client.groups import feed_named
from gexfaker.client.silence import reasons, status_of
from gexfaker.client.undertest import AsyncKeyUnderTest, ExpectationError, KeyUnderTest
from gexfaker.errors import ControlError
from gexfaker.playback.actions import ChangeDay, Mode, Pause, Reset, Resume, Seek, Speed, Step
from gexfaker.server.run import Server
from gexfaker.settings import SETTINGS, Sources, as_text, load_from, no_setting

__all__ = [
    "ALL",
    "AsyncKeyUnderTest",
    "ChangeDay",
    "Control",
    "ControlError",
    "ExpectationError",
    "KeyUnderTest",
    "ListenError",
    "ManualClock",
    "Mode",
    "Pause",
    "Received",
    "Reset",
    "Resume",
    "Seek",
    "Server",
    "Speed",
    "Step",
    "Target",
    "decode_payload",
    "receive",
    "serving",
]

Status = Mapping[str, Any]

WITHOUT_REASON: Final = "the server does not say why; by a ManualClock nothing comes until it is advanced"

RECEIVE_SECONDS: Final = 30.0
"""How long ``receive`` waits by default: a typing error in a group must not hold up a run of tests for ever."""

SETTLE_SECONDS: Final = 10.0
"""How long ``ManualClock.advance`` waits for a server to have done what was due; it takes milliseconds."""


@contextlib.contextmanager
def serving(clock: Callable[[], float] | None = None, **settings: Any) -> Iterator[Server]:
    """A server in a thread of this process, on a free port; it is gone when the context ends.

    Args:
        clock: real time (epoch seconds), such as a ManualClock; the system's by default.
        settings: by their lower-case names: ``speed=60``, ``data_dir="days"``, ``tickers=["SPX", "NDX"]``. The
            environment and the settings file are not looked at, and without ``data_dir`` no folder: a market is
            simulated.

    Raises:
        SettingError, DataError: it cannot start so.
        ControlError: the clock is none.
    """
    if clock is not None and not callable(clock):
        raise ControlError(f"clock is a function that gives epoch seconds, such as ManualClock(), not {clock!r}")
    here: dict[str, Any] = {"port": 0} if "data_dir" in settings else {"port": 0, "simulate": "true"}
    flags = {name.upper(): as_text(value) for name, value in (here | settings).items()}
    for name in flags.keys() - SETTINGS.keys():
        raise no_setting(name.lower(), "serving()", str.lower)
    given = Sources(flags, {}, flag=lambda name: f"the argument {name.lower()}")
    with Server(load_from(given), clock).in_thread() as server:
        for note in server.service.notes:
            logging.getLogger(__name__).warning("%s", note)
        yield server


def receive(
    url: str, *groups: str, key: str = "demo", count: int = 1, timeout: float = RECEIVE_SECONDS
) -> list[Received]:
    """The next ``count`` messages of these groups (``SPX_classic_gex_zero``, ``SPX_spot``), as a real client gets them.

    Args:
        url: base URL of the server.
        groups: without a prefix; a name that is none is refused at once, with the one that may be meant.
        key: API key.
        count: how many messages.
        timeout: seconds in which all of them must come.

    Raises:
        ListenError: the server cannot be reached, refuses, or ends the connection; or not enough came, with the reason.
    """
    if not (count >= 1 and timeout > 0):
        raise ListenError(f"count is 1 or more, and timeout more than 0 s: {count} and {timeout:g} bring nothing")
    feeds = [feed_named(group) for group in dict.fromkeys(groups)]
    if not feeds:
        raise ListenError("which groups? Name one such as SPX_classic_gex_zero")
    got: list[Received] = []

    def take(received: Received) -> bool:
        if len(got) < count:
            got.append(received)
        return len(got) < count

    base = url.rstrip("/")
    began = time.monotonic()
    targets = negotiate(base, key, feeds, min(timeout, NEGOTIATE_TIMEOUT_SECONDS))
    left = max(timeout - (time.monotonic() - began), 0.0)
    status = asyncio.run(_receive(targets, take, left, lambda: status_of(Control(base), key)))
    if status is not None:
        why = "; ".join(reasons(status, key, names_of(targets, feeds))) or WITHOUT_REASON
        raise ListenError(f"{len(got)} of {count} messages came in {timeout:g} s: {why}")
    return got


async def _receive(
    targets: Sequence[Hub], take: Callable[[Received], bool], timeout: float, ask: Callable[[], Status | None]
) -> Status | None:
    """Receive until there is enough; after the time the status of the key, asked for while it is connected."""
    following = asyncio.create_task(follow(targets, take))
    done, _ = await asyncio.wait({following}, timeout=timeout)
    if done:
        following.result()
        return None
    status = await asyncio.to_thread(ask)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return status or {}


class _Timer:
    """A call at a time of a ManualClock."""

    def __init__(self, callback: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self.callback: Callable[[], None] | None = callback
        self.loop: Final = loop

    def cancel(self) -> None:
        """It is not called any more."""
        self.callback = None


class ManualClock:
    """Real time that stands still until ``advance`` moves it; a server that is given it sleeps by it.

    For one server, and for use from one thread beside the server's.

    Args:
        now: epoch seconds at the start.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers: Final = count()
        self._changed: Final = threading.Condition()

    def __call__(self) -> float:
        """Epoch seconds."""
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Timer:
        """Call ``callback`` in the running event loop once the clock has been advanced by ``seconds``."""
        timer = _Timer(callback, asyncio.get_running_loop())
        with self._changed:
            heapq.heappush(self._timers, (self._now + seconds, next(self._numbers), timer))
            self._changed.notify_all()
        return timer

    def advance(self, seconds: float) -> None:
        """Move on, from one thing that is due to the next; return when the server has done all of it and sleeps.

        Raises:
            ValueError: time does not go back, and has no end.
            TimeoutError: nothing sleeps by this clock.
        """
        if not isinstance(seconds, int | float):
            raise ValueError(f"a clock is advanced by a number of seconds, not {seconds!r}")
        if seconds < 0:
            raise ValueError(f"a clock does not go back, as by {seconds:g} s: seek moves a key back")
        if not math.isfinite(seconds):
            raise ValueError(f"a clock is advanced by a number of seconds, not {seconds}")
        until = self._now + seconds
        while (timer := self._take(until)) is not None:
            callback = timer.callback
            if callback is not None:
                timer.loop.call_soon_threadsafe(callback)
        self._now = until

    def _take(self, until: float) -> _Timer | None:
        """The next timer up to a time, once somebody sleeps; the clock stands where it is due."""
        with self._changed:
            if not self._changed.wait_for(self._is_slept_by, SETTLE_SECONDS):
                raise TimeoutError("no server sleeps by this clock")
            if self._timers[0][0] > until:
                return None
            self._now, _, timer = heapq.heappop(self._timers)
            return timer

    def _is_slept_by(self) -> bool:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return bool(self._timers)
