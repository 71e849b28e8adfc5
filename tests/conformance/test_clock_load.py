"""The market clock in real time, measured by a client, and the control plane under load.

How lateness is measured: the session's status gives its market time; the sample with the shortest round trip of many
ties market time to this machine's clock, to half that trip. From then on a record is due at
``tied + (timestamp - market_time) / speed``, and its lateness is the time of its arrival here less that.
Arrivals are taken in this process, so that the way through the kernel and the wake-up of the client count too.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from support import data
from support.control import DAYS, SESSIONS, first_of, write_days
from support.ear import Ear, listening
from support.server import Running, running_process

# Alone: it compares by how many milliseconds records are late.
pytestmark = pytest.mark.alone

TICKERS = ("ES_SPX", "NQ_NDX", "SPX", "NDX")
SECONDS = 10.0
FAST = 60.0
LATE_P99 = 0.020
DRIFT = 0.001
RECORD = "/ES_SPX/orderflow/orderflow"


class Tie(NamedTuple):
    """Market time tied to our clock."""

    real: float
    market: float
    speed: float
    trip: float

    def due(self, stamp: float) -> float:
        """When market time reaches a timestamp."""
        return self.real + (stamp - self.market) / self.speed


async def tie(http: aiohttp.ClientSession, key: str) -> Tie:
    """The tie with the shortest round trip of many."""
    ties = []
    for _ in range(30):
        began = time.time()
        async with http.get(f"{SESSIONS}/{key}") as answer:
            playback = (await answer.json())["playback"]
        trip = time.time() - began
        ties.append(Tie(began + trip / 2, playback["market_time"], playback["speed"], trip))
    return min(ties, key=lambda tie: tie.trip)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def drift(late: list[float], seconds: float) -> float:
    """How much later, by the median, the last third of the records came than the first, a second of real time."""
    third = len(late) // 3
    return (statistics.median(late[-third:]) - statistics.median(late[:third])) / (seconds * 2 / 3)


class Measured(NamedTuple):
    """What a client measured: lateness at speed 1 and at speed 60 in seconds, and two kinds of drift at speed 60."""

    late: list[float]
    hurried: list[float]
    stamps: list[int]
    feed_drift: float
    status_drift: float
    asked: int
    tied: float

    def p99(self) -> float:
        """Of the distance between sent and due, at speed 1."""
        return percentile(list(map(abs, self.late)), 0.99)

    def __str__(self) -> str:
        late, hurried = (sorted(abs(value) * 1000 for value in values) for values in (self.late, self.hurried))
        return (
            f"{len(late)} messages at speed 1: |sent - due| p50 {percentile(late, 0.5):.2f} ms, "
            f"p99 {percentile(late, 0.99):.2f} ms, tied to {self.tied * 1000:.2f} ms; {self.asked} REST answers agree; "
            f"{len(hurried)} messages at speed 60: p50 {percentile(hurried, 0.5):.2f} ms, "
            f"p99 {percentile(hurried, 0.99):.2f} ms; drift of the feed {self.feed_drift:.3%}, "
            f"of the status {self.status_drift:.4%}"
        )


# --- the clock -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("clock")
    for ticker in TICKERS:
        write_days(root, int(SECONDS * FAST) + 300, DAYS[-1:], ticker)
    with running_process(data_dir=str(root)) as server:
        yield server


async def rest_agrees(http: aiohttp.ClientSession, key: str, ear: Ear, until: float) -> int:
    """Ask REST again and again; it is never behind what the feed has sent, and never ahead but for its lateness."""
    answers: list[tuple[float, int]] = []
    while time.time() < until:
        sent = max((stamp for _, _, stamp in ear.heard), default=0)
        async with http.get(RECORD, params={"key": key}) as answer:
            stamp = (await answer.json())["timestamp"]
        answers.append((time.time(), stamp))
        assert stamp >= sent, "REST is behind the feed"
        await asyncio.sleep(0.1)
    arrived = {stamp: at for at, _, stamp in reversed(ear.heard)}
    early = [stamp for at, stamp in answers[1:-1] if arrived[stamp] > at + 5 * LATE_P99]
    assert early == [], "REST is ahead of the feed"
    return len(answers)


async def measure(server: Running) -> Measured:
    """One key at speed 1 and one at speed 60, at the same time."""
    groups = tuple(data.group(ticker) for ticker in TICKERS)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(server.url))
        for action, body in (("reset", {}), ("speed", {"speed": FAST})):
            async with http.post(f"{SESSIONS}/fast/{action}", json=body) as answer:
                assert answer.status == 200
        slow = [await stack.enter_async_context(listening(server.orderflow("slow"), groups)) for _ in range(4)]
        fast = await stack.enter_async_context(listening(server.orderflow("fast"), groups[:1]))
        await asyncio.sleep(1.0)  # the joins are over, the first records are sent
        begin = time.time()
        one, sixty = await tie(http, "slow"), await tie(http, "fast")
        asked = await rest_agrees(http, "slow", slow[0], begin + SECONDS)
        end = await tie(http, "fast")
    hurried = [(at - sixty.due(stamp), stamp) for at, _, stamp in fast.heard if at > begin]
    late = [value for value, _ in hurried]
    return Measured(
        [at - one.due(stamp) for ear in slow for at, _, stamp in ear.heard if at > begin],
        late,
        [stamp for _, stamp in hurried],
        drift(late, SECONDS),
        (end.market - sixty.market) / (end.real - sixty.real) / FAST - 1,
        asked,
        one.trip / 2,
    )


def test_lateness_at_speed_1_drift_at_speed_60_and_rest_agrees(clocked: Running) -> None:
    found = asyncio.run(measure(clocked))
    if found.p99() > LATE_P99:  # this machine is shared: what others did to it meanwhile is no fault of the server's
        print(found)  # noqa: T201
        found = asyncio.run(measure(clocked))
    print(found)  # noqa: T201
    assert len(found.late) >= 4 * len(TICKERS) * (SECONDS - 2)
    assert found.p99() <= LATE_P99
    assert min(found.late) > -LATE_P99, "nothing is sent before it is due"
    assert abs(found.feed_drift) <= DRIFT
    assert abs(found.status_drift) <= DRIFT
    first, count = found.stamps[0], len(found.stamps)
    assert found.stamps == list(range(first, first + count)), "every record once, in order"
    assert count >= (SECONDS - 1) * FAST


def test_paused_the_feed_rest_and_status_stand_at_the_same_record(clocked: Running) -> None:
    async def stand() -> None:
        async with aiohttp.ClientSession(clocked.url) as http, AsyncExitStack() as stack:
            ear = await stack.enter_async_context(listening(clocked.orderflow("stand"), (data.group(),)))
            for action, body in (("speed", {"speed": FAST}), ("seek", {"index": 30})):
                async with http.post(f"{SESSIONS}/stand/{action}", json=body) as answer:
                    assert answer.status == 200
            for number in range(8):
                await asyncio.sleep(0.1)
                async with http.post(f"{SESSIONS}/stand/pause") as answer:
                    market = (await answer.json())["playback"]["market_time"]
                ear.expect(b"%d" % number, range(0))
                async with http.get(RECORD, params={"key": "stand"}) as answer:
                    stamp = (await answer.json())["timestamp"]
                async with http.get(f"{SESSIONS}/stand") as answer:
                    index = (await answer.json())["playback"]["positions"]["ES_SPX_orderflow_orderflow"]
                while ear.window is None:
                    await asyncio.sleep(0)
                assert int(market) == stamp == data.FIRST + index == ear.heard[-1][2]
                ear.window = None
                async with http.post(f"{SESSIONS}/stand/resume") as answer:
                    assert answer.status == 200
            assert ear.stale == []

    asyncio.run(stand())


# --- load ------------------------------------------------------------------------------------------

KEYS = 20
EARS = 10
LOAD_SECONDS = 8.0
RATE = 500
REACH = 60
"""Market seconds that a timeline of this test has at most."""


class Crowd:
    """What 20 keys do to one server: each jumps, pauses and switches days while its clients listen and REST asks."""

    def __init__(self, http: aiohttp.ClientSession, until: float) -> None:
        self.http = http
        self.until = until
        self.statuses: Counter[int] = Counter()
        self.actions: Counter[str] = Counter()
        self.trips: list[float] = []

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request, counted."""
        began = time.monotonic()
        async with self.http.request(method, path, json=body) as answer:
            content = await answer.json()
        self.trips.append(time.monotonic() - began)
        self.statuses[answer.status] += 1
        return content

    async def direct(self, key: str, ears: list[Ear], number: int) -> None:
        """One key's jumps and pauses; after each answer its clients know what may come."""
        plan = itertools.cycle(("seek", "pause", "resume", "day", "seek", "pause", "resume", "reset"))
        begin = data.FIRST
        for turn, action in enumerate(plan):
            await asyncio.sleep(0.2)
            if time.time() > self.until:
                return
            body: dict[str, Any] = {}
            if action == "seek":
                body = {"index": (turn * 37 + number * 11) % 3 * 90}
            elif action == "day":
                body = {"date": DAYS[(turn + number) % 3]}
            for ear in ears:
                ear.window = None
            told = await self.ask("POST", f"{SESSIONS}/{key}/{action}", body)
            self.actions[action] += 1
            if action == "seek":
                begin = told["resolved"]["timestamp"]
            elif action in ("day", "reset"):
                begin = first_of(told["playback"]["day"])
            for ear in ears:
                ear.expect(b"%d" % turn, range(0) if action == "pause" else range(begin, begin + REACH))

    async def rest(self, key: str, rate: float) -> None:
        """A key's other requests, ``rate`` a second."""
        asked = itertools.cycle(
            (
                ("GET", f"{RECORD}?key={key}"),
                ("GET", f"{SESSIONS}/{key}"),
                ("GET", f"{RECORD}?key={key}"),
                ("POST", f"{SESSIONS}/{key}/speed"),
                ("GET", f"/negotiate?key={key}"),
            )
        )
        at = time.time()
        while at < self.until:
            method, path = next(asked)
            await self.ask(method, path, {"speed": 1} if method == "POST" else None)
            at += 1 / rate
            await asyncio.sleep(max(at - time.time(), 0))


async def crowd(server: Running) -> tuple[Crowd, list[Ear]]:
    """Everybody at once, for LOAD_SECONDS."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=60)
        http = await stack.enter_async_context(aiohttp.ClientSession(server.url, connector=connector))
        keys = [f"load-{number}" for number in range(KEYS)]
        urls = [server.orderflow(key) for key in keys]
        ears = [[await stack.enter_async_context(listening(url, (data.group(),))) for _ in range(EARS)] for url in urls]
        found = Crowd(http, time.time() + LOAD_SECONDS)
        jobs = [found.direct(key, ears[number], number) for number, key in enumerate(keys)]
        await asyncio.gather(*jobs, *(found.rest(key, RATE / KEYS - 4) for key in keys))
        return found, list(itertools.chain(*ears))


def test_two_hundred_clients_while_everything_is_changed(tmp_path: Path) -> None:
    root = write_days(tmp_path, 300)
    with running_process(data_dir=str(root), data_date=DAYS[-1], log_level="warning") as server:
        found, ears = asyncio.run(crowd(server))
        health = server.health()
        heard = sum(len(ear.heard) for ear in ears)
        print(  # noqa: T201
            f"{found.statuses.total() / LOAD_SECONDS:.0f} requests/s {dict(found.statuses)}, answered in p50 "
            f"{percentile(found.trips, 0.5) * 1000:.1f} ms p99 {percentile(found.trips, 0.99) * 1000:.1f} ms; "
            f"{dict(found.actions)}; {len(ears)} clients heard {heard} messages"
        )
        assert set(found.statuses) == {200}
        assert found.statuses.total() >= 0.8 * RATE * LOAD_SECONDS
        assert sum(len(ear.stale) for ear in ears) == 0, [ear.stale[:3] for ear in ears if ear.stale][:5]
        assert min(len(ear.heard) for ear in ears) >= 4
        assert health["clients_cut"] == 0
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr[:20]
