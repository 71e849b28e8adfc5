"""A day that opens while the server runs."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gexfaker.playback.actions import ChangeDay
from gexfaker.server.routes.control import act
from gexfaker.server.routes.newday import follow_date
from gexfaker.server.service import Service
from gexfaker.settings import load
from support.data import write_day

NEW_YORK = ZoneInfo("America/New_York")


class Clock:
    """Real time, as the test sets it."""

    def __init__(self, text: str) -> None:
        self.now = 0.0
        self.set(text)

    def __call__(self) -> float:
        return self.now

    def set(self, text: str) -> None:
        self.now = dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


def made(clock: Clock, **settings: str) -> Service:
    return Service(load({"TICKERS": "SPX", **settings}, {}), clock)


def is_silent(service: Service) -> bool:
    return service.silent


def look(service: Service) -> str:
    asyncio.run(follow_date(service))
    return service.day.date


def test_new_keys_get_the_new_day_after_the_open_and_old_ones_keep_theirs(tmp_path: Path) -> None:
    clock = Clock("2026-11-25 15:00")
    service = made(clock, DATA_DIR=str(tmp_path / "none"), SIMULATE="true")
    old = service.world("old")
    assert old.play.date == "2026-11-25"
    seen = {}
    for moment in (
        "2026-11-26 12:00",
        "2026-11-27 09:29:59",
        "2026-11-27 09:30",
        "2026-11-28 12:00",
        "2026-11-30 10:00",
    ):
        clock.set(moment)
        seen[moment] = look(service)
    assert list(seen.values()) == ["2026-11-25", "2026-11-25", "2026-11-27", "2026-11-27", "2026-11-30"]
    assert (old.play.date, service.world("new").play.date) == ("2026-11-25", "2026-11-30")


@pytest.mark.parametrize("date", ["2026-11-25", "2026-11-24..2026-11-30"])
def test_a_day_that_was_asked_for_stays(date: str) -> None:
    clock = Clock("2026-11-25 15:00")
    service = made(clock, SIMULATE="true", DATA_DATE=date)
    first = service.day.date
    clock.set("2026-11-27 12:00")
    assert look(service) == first


def test_a_day_that_somebody_has_chosen_stays() -> None:
    clock = Clock("2026-11-25 15:00")
    service = made(clock, SIMULATE="true")
    service.start_with("2026-11-20")
    clock.set("2026-11-27 12:00")
    assert look(service) == "2026-11-20"


def test_a_stored_day_that_has_come_is_played(tmp_path: Path) -> None:
    write_day(tmp_path, 3)
    clock = Clock("2026-08-17 15:00")
    service = made(clock, DATA_DIR=str(tmp_path))
    before = service.day.date
    (tmp_path / before).rename(tmp_path / "2026-08-17")
    write_day(tmp_path, 3)
    clock.set("2026-08-18 09:31")
    assert look(service) == "2026-08-17"


def test_today_is_live_and_everybody_goes_on_with_the_new_day() -> None:
    clock = Clock("2026-11-25 15:00")
    service = made(clock, SIMULATE="true", DATA_DATE="today")
    assert service.settings.start == "live"
    world, other = service.world("one"), service.world("two")
    world.play.begin(clock.now)
    market = world.play.market_time(clock.now)
    assert market is not None
    assert abs(market - clock.now) < 2
    asyncio.run(act(service, other, ChangeDay("2026-11-20"), quietly=True))
    clock.set("2026-11-26 12:00")
    assert is_silent(service), "Thanksgiving"
    clock.set("2026-11-27 09:30:01")
    assert look(service) == "2026-11-27"
    assert not is_silent(service)
    world.play.begin(clock.now)
    market = world.play.market_time(clock.now)
    assert market is not None
    assert abs(market - clock.now) < 2
    assert (world.play.date, other.play.date) == ("2026-11-27", "2026-11-20")
    clock.set("2026-11-27 13:00:02")
    assert is_silent(service), "an early close"


@pytest.mark.parametrize(
    ("given", "start", "silent"),
    [({}, "live", True), ({"START": "open"}, "open", True), ({"REALISM": "none"}, "now", False)],
)
def test_what_today_means_may_be_told_otherwise(given: dict[str, str], start: str, silent: bool) -> None:
    service = made(Clock("2026-11-29 12:00"), SIMULATE="true", DATA_DATE="Today", **given)
    assert (service.settings.start, service.silent, service.day.date) == (start, silent, "2026-11-27")
