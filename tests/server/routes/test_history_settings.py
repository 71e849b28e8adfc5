"""The history under an injected clock, with the settings that make it more like the service, and when it is busy."""

from __future__ import annotations

import asyncio
import datetime
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Message

from gexfaker.server.http import downloads as downloads_module
from gexfaker.server.http.app import create_app
from gexfaker.server.http.downloads import MAX_DOWNLOADS, MAX_OF_ONE, SLOW_SECONDS, Downloads, Slot
from gexfaker.server.service import Service
from gexfaker.settings import load
from support.data import DATE, record, write_day

START = 1_784_400_000.0
"""The day after the data's."""

HEADERS = {"Authorization": "Bearer demo"}
LINK = f"/hist/ES_SPX/orderflow/orderflow/{DATE}"
WHOLE = ("[" + ",".join(record("ES_SPX", index) for index in range(30)) + "]").encode()


class Client:
    """A client of a server in this process, whose clock is ``now``."""

    def __init__(self, root: Path) -> None:
        self.now, self.root = START, root
        self.service = Service(load({"DATA_DIR": str(root)}, {}), lambda: self.now)
        self.app = create_app(self.service)

    def set(self, **changes: Any) -> None:
        self.service.settings = msgspec.structs.replace(self.service.settings, **changes)  # type: ignore[misc]

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(run())

    def link(self) -> str:
        answer = self.get(f"{LINK}?noredirect", HEADERS)
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        return url


class Held(Slot):
    """The slot of a download whose client takes something all the time, until ``since`` is set."""

    def __init__(self) -> None:
        self.since, self.what = math.inf, "another file"
        self.is_cut = False

    def cut_off(self) -> None:
        self.is_cut = True


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(write_day(tmp_path, 30))
    yield made
    made.service.close()


def test_a_link_lives_five_minutes(client: Client) -> None:
    url = client.link()
    for seconds, status in ((0, 200), (299, 200), (300, 403), (100_000, 403)):
        client.now = START + seconds
        answer = client.get(url)
        assert answer.status_code == status
        assert answer.content == WHOLE or status == 403


def test_or_as_long_as_it_is_set(client: Client) -> None:
    client.set(history_url_lifetime=2.0)
    url = client.link()
    client.now += 1.5
    assert client.get(url).status_code == 200
    client.now += 1
    assert client.get(url).status_code == 403


def test_the_window_of_90_days_is_there_on_request(client: Client) -> None:
    last = datetime.datetime(2026, 10, 15, 20, tzinfo=datetime.UTC).timestamp()
    client.now = last + 86_400
    assert client.get(LINK, HEADERS).status_code == 302
    client.set(realism=frozenset({"history-window"}))
    answer = client.get(LINK, HEADERS)
    assert answer.status_code == 404
    assert "90 days" in answer.json()["error"]
    client.now = last
    assert client.get(LINK, HEADERS).status_code == 302


@pytest.fixture
def short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a slot is told so soon."""
    monkeypatch.setattr(downloads_module, "LINE_SECONDS", (0.1, 0.3))


@pytest.mark.usefixtures("short_line")
@pytest.mark.parametrize("path", ["link", f"/download/{DATE}/ES_SPX/orderflow", "/hist/eod/ES_SPX"])
def test_too_many_downloads_are_told_to_wait(client: Client, path: str) -> None:
    path = client.link() if path == "link" else path
    downloads = client.app.state.downloads = Downloads()
    slots = [Held() for _ in range(MAX_DOWNLOADS)]
    downloads.slots.update(dict.fromkeys(slots))
    answer = client.get(path, HEADERS)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert list(json.loads(answer.content)) == ["error"]
    downloads.give_back(slots.pop())
    assert client.get(path, HEADERS).status_code == 200
    assert len(downloads.slots) == MAX_DOWNLOADS - 1
    downloads.slots[Held()] = None
    assert client.get(path, HEADERS).status_code == 503
    slots[7].since = -SLOW_SECONDS
    assert client.get(path, HEADERS).status_code == 200
    assert [slot.is_cut for slot in slots].index(True) == 7


def test_a_download_that_fails_is_counted_out(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from gexfaker.tapes.files import PooledFile
    from gexfaker.tapes.jsonl import JsonlTape

    closed = []

    def fail(_tape: JsonlTape, _index: int) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(JsonlTape, "json", fail)
    monkeypatch.setattr(PooledFile, "close", lambda file: closed.append(file))
    with pytest.raises(AssertionError):  # of httpx: the response is not complete
        client.get(f"/download/{DATE}/ES_SPX/orderflow")
    assert client.app.state.downloads.slots == {}
    assert closed
    assert "was cut off: the disk is gone" in caplog.text


def test_a_range_is_measured_once_and_again_when_the_file_was_changed(client: Client) -> None:
    url, ask = client.link(), HEADERS | {"Range": "bytes=-5"}
    assert client.get(url, ask).content == WHOLE[-5:]
    downloads = client.app.state.downloads
    [measured] = [downloads.measured.get(key) for key in list(downloads.measured._entries)]
    measured.total = 100
    assert client.get(url, ask).headers["content-range"] == "bytes 95-99/100"
    file = next(client.root.rglob("*.jsonl"))
    file.write_bytes(file.read_bytes() + b"\n")
    assert client.get(url, ask).content == WHOLE[-5:]
    assert downloads.slots == {}


@pytest.mark.usefixtures("short_line")
def test_those_who_came_together_are_not_refused_together() -> None:
    def request() -> Request:
        return Request({"type": "http", "path": "/"}, receive=_never)

    async def refused(downloads: Downloads) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with downloads.reserve(request()) as slot:
            assert slot is None
        return loop.time() - began

    async def all_refused() -> list[float]:
        downloads = Downloads()
        downloads.slots.update({Slot(_never, str(number)): None for number in range(MAX_DOWNLOADS)})
        return await asyncio.gather(*(refused(downloads) for _ in range(50)))

    waited = sorted(asyncio.run(all_refused()))
    assert waited[0] >= 0.1
    assert waited[-1] - waited[0] > 0.1


async def _never() -> Message:
    raise NotImplementedError


@pytest.mark.usefixtures("short_line")
def test_ranges_are_counted_before_they_are_measured(client: Client) -> None:
    url = client.link()
    downloads = client.app.state.downloads = Downloads()
    downloads.slots.update({Held(): None for _ in range(MAX_DOWNLOADS)})
    assert client.get(url, {"Range": "bytes=0-0"}).status_code == 503
    assert len(downloads.measured) == 0


@pytest.mark.usefixtures("short_line")
def test_one_file_has_half_of_all_slots(client: Client) -> None:
    url = client.link()
    downloads = client.app.state.downloads = Downloads()
    slots = [Held() for _ in range(MAX_OF_ONE)]
    for slot in slots:
        slot.what = url.partition("?")[0].removeprefix("http://test")
    downloads.slots.update(dict.fromkeys(slots))
    assert client.get(url).status_code == 503
    assert client.get(f"/download/{DATE}/ES_SPX/orderflow").status_code == 200
    downloads.give_back(slots.pop())
    assert client.get(url).status_code == 200
