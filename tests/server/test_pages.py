"""The pages in a real browser: they fit, they say nothing wrong, and what can be tried works."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.browser import Page, browser
from support.server import Served, running_server, wait_until

pytestmark = pytest.mark.long

OPEN = "[...document.querySelectorAll('details')].forEach((one) => one.open = true)"
FIRST = "document.querySelector('.try')"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", data_date="2026-07-17") as running:
        yield running


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def test_an_answer_of_the_day_is_shown_on_the_page(server: Served, page: Page) -> None:
    page.open(f"{server.url}/docs")
    page.run(OPEN)
    page.run(f"{FIRST}.querySelector('button').click()")
    shown = f"{FIRST}.nextElementSibling.textContent"
    wait_until(lambda: str(page.run(shown)).startswith("200"), 10, "the answer to be shown")
    assert '"ticker": "SPX"' in page.run(shown)
    page.run(f"{FIRST}.querySelector('input').value = '/SPX/classic/nope'; {FIRST}.querySelector('button').click()")
    wait_until(lambda: str(page.run(shown)).startswith("4"), 10, "the refusal to be shown")


def test_the_key_goes_into_every_line_and_is_asked_with(server: Served, page: Page) -> None:
    page.open(f"{server.url}/docs")
    page.run(
        "const key = document.getElementById('key'); key.value = '<i>my-key'; key.dispatchEvent(new Event('input'))"
    )
    texts = page.run("[...document.querySelectorAll('pre')].map((one) => one.textContent).join()")
    assert "Bearer <i>my-key" in texts
    assert "Bearer demo" not in texts
    assert page.run("document.querySelectorAll('pre i').length") == 0
    page.run(f"{FIRST}.querySelector('button').click()")
    wait_until(lambda: len(json.loads(server.get("/_gexfaker/sessions")[1])["sessions"]) >= 2, 10, "the key to be used")
    page.run("sessionStorage.clear()")


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/readme", "/docs/wire", "/docs/simulation"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_window(server: Served, page: Page, path: str, width: int) -> None:
    page.resize(width, 900)
    page.open(f"{server.url}{path}")
    page.run(OPEN)
    assert page.run("document.documentElement.scrollWidth") <= width
