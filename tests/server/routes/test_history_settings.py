"""The history under an injected clock, with the settings that make it more like the service, and when it is busy."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gexfaker.server.http.app import create_app
from gexfaker.server.http.downloads import MAX_DOWNLOADS, Downloads
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
        self.now = START
        self.service = Service(load({"DATA_DIR": str(root)}, {}), lambda: self.now)
        self.app = create_app(self.service)

    def set(self, **changes: Any) -> None:
        self.service.settings = dataclasses.replace(self.service.settings, **changes)  # type: ignore[misc]

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


@pytest.mark.parametrize("path", ["link", f"/download/{DATE}/ES_SPX/orderflow", "/hist/eod/ES_SPX"])
def test_too_many_downloads_are_told_to_wait(client: Client, path: str) -> None:
    path = client.link() if path == "link" else path
    downloads = client.app.state.downloads = Downloads()
    downloads.count = MAX_DOWNLOADS
    answer = client.get(path, HEADERS)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert list(json.loads(answer.content)) == ["error"]
    downloads.count -= 1
    assert client.get(path, HEADERS).status_code == 200
    assert downloads.count == MAX_DOWNLOADS - 1


def test_a_download_that_fails_is_counted_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from gexfaker.tapes.jsonl import JsonlTape
    from gexfaker.tapes.source import FileSource

    closed = []

    def fail(_tape: JsonlTape, _index: int) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(JsonlTape, "json", fail)
    monkeypatch.setattr(FileSource, "close", lambda source: closed.append(source._file.close()))
    with pytest.raises(OSError, match="the disk is gone"):
        client.get(f"/download/{DATE}/ES_SPX/orderflow")
    assert client.app.state.downloads.count == 0
    assert closed
