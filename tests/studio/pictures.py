"""Pictures of the studio: those in docs/, or those of every screen: ``make pictures ARGS=FOLDER``."""

from __future__ import annotations

import json
import sys
import time
from itertools import product
from pathlib import Path
from typing import Final

from support.browser import SECONDS, Page, browser
from support.raw import joined
from support.server import Served, running_server, wait_until

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
GROUP: Final = "SPX_orderflow_orderflow"
SHOTS: Final = {
    "studio-market": ("#market?key=demo", "dark", "document.querySelectorAll('.uplot').length == 10"),
    "studio-faults": ("#faults?key=demo", "light", "document.querySelectorAll('#rules tbody tr').length > 0"),
}
"""By the name of the picture: the address, the theme, and what has to be there."""


SCREENS: Final = ("market", "clients", "journal", "faults", "days", "settings")
THEMES: Final = ("dark", "light")
WIDTHS: Final = (360, 1440)
MOST_HEIGHT: Final = 5000


def _prepare(server: Served) -> None:
    """A key at noon, for which something is broken."""
    for action, arguments in (("pause", {}), ("seek", {"time": "12:00"})):
        server.request("POST", f"/_gexfaker/sessions/demo/{action}", json.dumps(arguments).encode())
    server.request("POST", "/_gexfaker/faults?key=demo", b'{"preset":"flaky-feed"}')
    server.get("/_gexfaker/journal?key=demo")


def _shoot(page: Page, server: Served, name: str) -> None:
    address, theme, ready = SHOTS[name]
    page.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
    page.open("about:blank")
    page.open(f"{server.url}/studio{address}")
    wait_until(lambda: page.run(ready), SECONDS, ready)
    time.sleep(2.0)  # the lines are drawn a few times a second
    page.picture(FOLDER / f"{name}.png", whole=False)
    print(f"wrote docs/pictures/{name}.png")  # noqa: T201


def make_docs() -> None:
    """Those in docs/."""
    with running_server(tickers="SPX", data_date="2026-07-17") as server, browser() as page:
        page.resize(1280, 960)
        _prepare(server)
        for name in SHOTS:
            _shoot(page, server, name)


def make_all(folder: Path) -> None:
    """Every screen, in both themes, on a phone and on a desk, with a client that listens and one that is silent."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"simulate": "true", "data_dir": str(folder / "days"), "data_date": "2026-07-17"}
    with running_server(**settings) as server, browser() as page:
        _prepare(server)
        server.request("POST", "/_gexfaker/jobs/download", b'{"dates":"2026-07-17"}')
        for width, theme, screen in product(WIDTHS, THEMES, SCREENS):
            urls = server.negotiate()
            with joined(urls["orderflow"], f"blue_{GROUP}"), joined(urls["classic"], "blue_spx_classic_gex_zero"):
                _shoot_whole(page, server, screen, theme, width, folder)


def _shoot_whole(page: Page, server: Served, screen: str, theme: str, width: int, folder: Path) -> None:
    """A screen with all of its height."""
    page.resize(width, 1000)
    page.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
    page.open("about:blank")
    page.open(f"{server.url}/studio#{screen}?key=demo")
    wait_until(lambda: page.run("document.body.dataset.ready") == "true", SECONDS, "the studio")
    time.sleep(3.5)
    page.resize(width, min(int(page.run("document.documentElement.scrollHeight")), MOST_HEIGHT))
    time.sleep(0.5)
    path = folder / f"{screen}-{theme}-{width}.png"
    page.picture(path, whole=False)
    print(f"wrote {path}")  # noqa: T201


if __name__ == "__main__":
    make_all(Path(sys.argv[1])) if len(sys.argv) > 1 else make_docs()
