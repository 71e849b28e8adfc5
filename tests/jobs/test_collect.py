"""A month of evenings, with a holiday, a half day, a change of the clocks and an outage, at a service of its own."""

from __future__ import annotations

import datetime as dt
import http.server
import io
import json
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from gexfaker.catalog import CATEGORIES
from gexfaker.client.history import History, Rate
from gexfaker.exchange.calendar import is_trading_day
from gexfaker.exchange.hours import NEW_YORK, epoch
from gexfaker.jobs.collect import AGAIN_SECONDS, BY_DATE, FIRST_LOOK, Collector, due_day, next_look
from gexfaker.jobs.download import Downloader

TICKERS = ("SPX", "ES_SPX")
EXPORTED = dt.time(17, 12)


class Service(http.server.BaseHTTPRequestHandler):
    """The history of a service at a time that the test sets: reports of the newest exported day, arrays by date."""

    now = 0.0
    is_out = False
    is_quant = True
    asked: ClassVar[Counter[str]]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.asked[path] += 1
        if self.is_out:
            self.send_error(503)
        elif path.startswith("/hist/eod/"):
            self._report(path.rpartition("/")[2])
        elif path.startswith("/hist/"):
            self._link(path)
        else:
            self._send(b'[{"timestamp":1}]')

    def _report(self, ticker: str) -> None:
        day = dt.datetime.fromtimestamp(self.now, NEW_YORK).date()
        while not is_trading_day(day) or self.now < epoch(day, EXPORTED):
            day -= dt.timedelta(days=1)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(f"{day}_{ticker}_orderflow_orderflow.json", b"[]")
        self._send(content.getvalue(), f"eod_report_{ticker}_{day}.zip")

    def _link(self, path: str) -> None:
        if not self.is_quant:
            self.send_error(403)
            return
        _, _, ticker, package, category, date = path.split("/")
        if package == "state" and ticker == "ES_SPX":
            self.send_error(404)
            return
        self._send(
            json.dumps({"url": f"http://{self.headers['Host']}/files/{date}_{ticker}_{package}_{category}"}).encode()
        )

    def _send(self, body: bytes, name: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if name:
            self.send_header("Content-Disposition", f"attachment; filename={name}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def service() -> Iterator[tuple[type[Service], str]]:
    class Fresh(Service):
        asked: ClassVar = Counter()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Fresh, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def collector(service: tuple[type[Service], str], folder: Path, back: int = 0) -> Collector:
    kind, url = service
    history = History(url, "k", Rate(1e6))
    return Collector(lambda: Downloader(history, folder, sleep=lambda _: None), folder, TICKERS, back, lambda: kind.now)


def reports(folder: Path, ticker: str = "SPX") -> list[str]:
    return sorted(path.name.removesuffix(".zip")[-10:] for path in folder.glob(f"eod_report_{ticker}_*.zip"))


def trading_days(first: str, last: str) -> list[str]:
    day, found = dt.date.fromisoformat(first), []
    while day.isoformat() <= last:
        found += [day.isoformat()] if is_trading_day(day) else []
        day += dt.timedelta(days=1)
    return found


def test_a_month_of_evenings(service: tuple[type[Service], str], tmp_path: Path) -> None:
    """November 2026: Thanksgiving, the half day after it, and on the 1st the end of summer time."""
    kind, _ = service
    kind.now = epoch(dt.date(2026, 10, 30), dt.time(12))
    one, looks = collector(service, tmp_path), []
    while kind.now < epoch(dt.date(2026, 11, 30), dt.time(12)):
        list(one.look())
        looks.append(dt.datetime.fromtimestamp(kind.now, NEW_YORK))
        kind.now = next_look(kind.now, is_complete=one.is_complete())
    assert reports(tmp_path) == reports(tmp_path, "ES_SPX") == trading_days("2026-10-29", "2026-11-27")
    evenings = [look for look in looks[1:] if look.time() == FIRST_LOOK]
    assert [f"{look:%Y-%m-%d}" for look in evenings] == trading_days("2026-10-30", "2026-11-27")
    assert len(looks) == 1 + 3 * len(evenings), "at 17:05, 17:10 and 17:15, when it is there"
    assert max(count for path, count in kind.asked.items() if "eod" in path) == len(looks)


def test_two_days_of_outage_are_filled_by_date_oldest_first(service: tuple[type[Service], str], tmp_path: Path) -> None:
    kind, _ = service
    kind.now = epoch(dt.date(2026, 7, 13), EXPORTED)
    list(collector(service, tmp_path).look())
    kind.is_out, kind.now = True, epoch(dt.date(2026, 7, 15), dt.time(21))
    broken = list(collector(service, tmp_path, back=2).look())
    assert {outcome.path for outcome in broken} == {None}
    kind.is_out, kind.now = False, epoch(dt.date(2026, 7, 16), EXPORTED)
    one = collector(service, tmp_path, back=3)
    outcomes = list(one.look())
    dates = [outcome.wanted.date for outcome in outcomes if outcome.wanted.date and outcome.path]
    assert dates == sorted(dates)
    assert set(dates) == {"2026-07-14", "2026-07-15"}
    count = sum(map(len, CATEGORIES.values()))
    assert len(list(tmp_path.glob("2026-07-14_SPX_*.json"))) == count
    assert reports(tmp_path) == ["2026-07-13", "2026-07-16"]
    before = sum(kind.asked.values())
    assert (list(one.look()), one.is_complete()) == ([], True)
    assert sum(kind.asked.values()) == before, "what the service has not is not asked for again"


def test_a_report_that_does_not_come_is_asked_for_by_date_in_the_night(
    service: tuple[type[Service], str], tmp_path: Path
) -> None:
    kind, _ = service
    day = dt.date(2026, 7, 17)
    kind.now = epoch(day, dt.time(17, 5))
    one = collector(service, tmp_path)
    list(one.look())
    assert (reports(tmp_path), one.is_complete()) == (["2026-07-16"], False)
    assert one.why_not_newest() == "2026-07-17 of SPX, ES_SPX is not there yet"
    assert next_look(kind.now, is_complete=False) == kind.now + AGAIN_SECONDS
    real, kind.now = kind.now, epoch(day, BY_DATE)
    Service._report, kept = lambda self, ticker: self.send_error(500), Service._report  # type: ignore[method-assign]
    try:
        list(one.look())
    finally:
        Service._report = kept  # type: ignore[method-assign]
    assert one.is_complete()
    assert list(tmp_path.glob("2026-07-17_SPX_classic_*.json"))
    assert one.why_not_newest() == ""
    assert real < kind.now


def test_a_classic_key_is_told_once_and_gets_reports(service: tuple[type[Service], str], tmp_path: Path) -> None:
    kind, _ = service
    kind.is_quant, kind.now = False, epoch(dt.date(2026, 7, 17), EXPORTED)
    one = collector(service, tmp_path, back=30)
    refused = [outcome for outcome in one.look() if outcome.is_refused]
    assert (bool(refused), one.may_ask_by_date, reports(tmp_path)) == (True, False, ["2026-07-17"])
    before = sum(kind.asked.values())
    list(one.look())
    assert sum(kind.asked.values()) == before


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-07-17T17:04:59", "2026-07-16"),
        ("2026-07-17T17:05:00", "2026-07-17"),
        ("2026-07-18T12:00:00", "2026-07-17"),
        ("2026-07-20T09:00:00", "2026-07-17"),
        ("2026-07-03T20:00:00", "2026-07-02"),
        ("2026-11-27T17:05:00", "2026-11-27"),
        ("2026-01-01T20:00:00", "2025-12-31"),
    ],
)
def test_which_day_is_due(now: str, day: str) -> None:
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=NEW_YORK).timestamp()
    assert due_day(moment).isoformat() == day
