"""The system's clock is set, the machine sleeps, a year or an era ends: streams go on as documented."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexfaker.exchange.hours import NEW_YORK
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.server.steadyclock import SteadyClock
from support import data, decode
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect, joined, try_upgrade
from support.server import InProcess, Served, running_server

HOUR = 3600
SPEED = 10
RECORDS = 22_000


class Wall:
    """The system's clock, which somebody sets."""

    def __init__(self, at: float | None = None) -> None:
        self.ahead = 0.0 if at is None else at - time.time()

    def __call__(self) -> float:
        return time.time() + self.ahead

    def steady(self) -> SteadyClock:
        """The clock of a server that follows it."""
        return SteadyClock(self)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write_day(tmp_path_factory.mktemp("time"), RECORDS)


@contextlib.contextmanager
def playing(folder: Path, wall: Wall) -> Iterator[InProcess]:
    """A server that plays the day from its first record."""
    with running_server(wall.steady(), data_dir=str(folder), speed=str(SPEED), start="open") as server:
        yield server


def indexes(raw: RawSocket, count: int) -> list[int]:
    """Which records come next."""
    return [decode.timestamp(raw.read_kind("data").any) - data.FIRST for _ in range(count)]


@pytest.mark.parametrize("hours", [0.1, 0.5])
def test_after_a_sleep_or_a_clock_set_forward_the_newest_records_come_and_then_each_again(
    folder: Path, hours: float
) -> None:
    wall = Wall()
    with playing(folder, wall) as server, joined(server.orderflow("k"), data.group()) as raw:
        before = indexes(raw, 5)
        wall.ahead += hours * HOUR
        came = before + indexes(raw, MAX_TURN_RECORDS + 30)
        gap = next(number for number in range(1, len(came)) if came[number] != came[number - 1] + 1)
        assert came[gap:] == list(range(came[gap], came[gap] + len(came) - gap))
        reached = came[gap] + MAX_TURN_RECORDS - 1
        assert abs(reached - came[gap - 1] - hours * HOUR * SPEED) < 2 * SPEED
        assert server.health()["connections"] == 1


@pytest.mark.parametrize("hours", [0.1, 0.5])
def test_a_clock_set_back_repeats_nothing_and_holds_up_nothing(folder: Path, hours: float) -> None:
    wall = Wall()
    with playing(folder, wall) as server, joined(server.orderflow("k"), data.group()) as raw:
        first = indexes(raw, 5)[0]
        wall.ahead -= hours * HOUR
        assert indexes(raw, 12) == list(range(first + 5, first + 17))


def test_a_recovery_window_is_time_that_passes_not_what_the_clock_shows(folder: Path) -> None:
    wall = Wall()
    with playing(folder, wall) as server:
        url = server.orderflow("k")
        with connect(url, JSON_RELIABLE) as raw:
            told = raw.read_json()
            raw.abort()
        wall.ahead += 0.9 * HOUR
        back = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
        with connect(back, JSON_RELIABLE) as raw:
            raw.join(data.group())


def test_a_token_lives_by_the_clock_and_open_connections_outlive_it(folder: Path) -> None:
    wall = Wall()
    with playing(folder, wall) as server:
        url = server.orderflow("k")
        with joined(url, data.group()) as raw:
            wall.ahead += 2 * HOUR
            assert try_upgrade(url, [JSON]).status == 401
            assert try_upgrade(server.orderflow("k"), [JSON]).status == 101
            assert indexes(raw, 3)


def new_york(*date: int) -> float:
    return datetime.datetime(*date, tzinfo=NEW_YORK).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(2**31 - 1.5, id="the last second of 32 bits"),
        pytest.param(2**31 + 86_400.0, id="2038-01-20"),
        pytest.param(2**32 - 1.5, id="2106"),
        pytest.param(new_york(2026, 3, 8, 1, 59, 58), id="clocks go forward"),
        pytest.param(new_york(2026, 11, 1, 1, 59, 58), id="clocks go back"),
        pytest.param(new_york(2026, 12, 31, 23, 59, 58), id="the year ends"),
    ],
)
def test_dates_at_which_clocks_stumble_are_not_felt(folder: Path, moment: float) -> None:
    with playing(folder, Wall(moment)) as server, joined(server.orderflow("k"), data.group()) as raw:
        first = indexes(raw, 1)[0]
        assert indexes(raw, 4 * SPEED) == list(range(first + 1, first + 1 + 4 * SPEED))
        assert_all_answers(server)


def assert_all_answers(server: Served) -> None:
    """Negotiation, a new connection, REST and a signed link."""
    assert try_upgrade(server.orderflow("other"), [JSON]).status == 101
    headers = {"Authorization": "Bearer other", "User-Agent": "test"}
    link = f"/hist/ES_SPX/orderflow/orderflow/{data.DATE}?noredirect"
    for path in ("/v2/ES_SPX/orderflow/orderflow", "/health", link):
        status, body = server.get(path, headers)
        assert status == 200, body
    assert server.get(json.loads(body)["url"].removeprefix(server.url))[0] == 200


@pytest.mark.parametrize(("speed", "told"), [("1", False), ("0.5", False), ("60", True), ("0", True)])
def test_that_live_timestamps_are_the_same_for_several_records_is_told(speed: str, told: bool) -> None:
    with running_server(tickers="SPX", data_date="2026-07-17", timestamps="live", speed=speed) as server:
        said = [note for note in server.server.service.notes if "all records of a second have its time" in note]
        assert bool(said) == told
