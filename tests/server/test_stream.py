"""The stream's own loop, on a clock in our hands: when it rests, and that nothing ends it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from gexfaker.catalog import hub_of
from gexfaker.exchange.hours import closing
from gexfaker.hubs.outputs import Joined, Output
from gexfaker.server import stream
from gexfaker.server.service import Service
from gexfaker.settings import load
from gexfaker.wire.tokens import Grant
from support.clients import JSON

DAY = datetime.date(2026, 7, 17)
LONGEST_SECONDS = 60.0


def service_of(folder: Path, clock: Callable[[], float], **settings: str) -> Service:
    """A service of a simulated day."""
    return Service(load({"DATA_DIR": str(folder), "TICKERS": "SPX", "SIMULATE": "true", **settings}, {}), clock)


def listen(service: Service, *keys: str) -> list[Output]:
    """A client for every key, in all groups of SPX; what their sockets are told to do after that."""
    told: list[Output] = []
    for key in keys:
        for feed in sorted(service.day.feeds):
            name = hub_of(feed.package, feed.category)
            service.hubs[name].connect(Grant(key, (), (service.groups.name(name, feed),)), JSON).outlet = told.extend
    for hub in service.hubs.values():
        hub.drain()
    told.clear()
    return told


def messages(told: list[Output]) -> int:
    """How many of the feed are among what sockets were told."""
    return sum(output.messages for output in told if isinstance(output, Joined))


def test_keys_that_are_always_due_are_at_rest_when_the_market_closes(tmp_path: Path) -> None:
    now, services = closing(DAY) - 0.1, list[Service]()

    def clock() -> float:  # the market closes once something was sent
        return now + any(service.streamer.sent for service in services)

    service = service_of(tmp_path, clock, REALISM="market-hours", SPEED="0")
    services.append(service)
    told = listen(service, *"abcdef")
    for number, key in enumerate("abcdef"):
        session = service.worlds.get(key)
        session.play.begin(now)
        session.play.jump(closing(DAY) - 3600 - 600 * number, now)
    asyncio.run(asyncio.wait_for(stream._tick(service), LONGEST_SECONDS))
    assert service.silent
    sent = service.streamer.sent
    assert 0 < sent == messages(told), "what was published is written before anything else has its turn"
    asyncio.run(asyncio.wait_for(stream._wait_and_send(service), LONGEST_SECONDS))
    assert service.streamer.sent == sent
    service.close()


@pytest.mark.parametrize("rings", [False, True])
def test_encoding_ahead_is_left_when_something_changes(tmp_path: Path, rings: bool) -> None:
    now = closing(DAY) - 3600.0
    service = service_of(tmp_path, lambda: now)
    told = listen(service, "a")
    asyncio.run(stream._tick(service))
    assert messages(told) == len(service.day.feeds)
    asyncio.run(service.alarm.sleep(0.0))
    before = service.streamer.encoded.encoded
    if rings:
        service.alarm.ring()
    asyncio.run(stream._prepare(service))
    assert service.streamer.encoded.encoded - before == (1 if rings else len(service.day.feeds))
    service.close()


def test_looking_after_connections_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = service_of(tmp_path, lambda: closing(DAY) - 3600.0)
    swept: list[str] = []

    def sweep() -> None:
        swept.append("once")
        if len(swept) == 1:
            raise RuntimeError("nobody thought of this")
        raise asyncio.CancelledError

    monkeypatch.setattr(service.days, "sweep", sweep)
    monkeypatch.setattr(stream, "REAP_INTERVAL_SECONDS", 0.001)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(stream.reap(service), LONGEST_SECONDS))
    assert len(swept) == 2
    assert "looking after connections and days failed" in caplog.text
    service.close()
