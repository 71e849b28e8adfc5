"""The pictures of the studio in docs/, made anew: ``make pictures``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

from support.browser import SECONDS, Page, browser
from support.server import Served, running_server, wait_until

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
GROUP: Final = "SPX_orderflow_orderflow"
SHOTS: Final = {
    "studio-market": ("#market?key=demo", "dark", "document.querySelectorAll('.uplot').length == 10"),
    "studio-faults": ("#faults?key=demo", "light", "document.querySelectorAll('#rules tbody tr').length > 0"),
}
"""By the name of the picture: the address, the theme, and what has to be there."""


def _prepare(server: Served) -> None:
    """A key at noon, for which something is broken."""
    for action, arguments in (("pause", {}), ("seek", {"time": "12:00"})):
        server.request("POST", f"/_gexfaker/sessions/demo/{action}", json.dumps(arguments).encode())
    server.request("POST", "/_gexfaker/faults?key=demo", b'{"preset":"flaky-feed"}')


def _shoot(page: Page, server: Served, name: str) -> None:
    address, theme, ready = SHOTS[name]
    page.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
    page.open("about:blank")
    page.open(f"{server.url}/studio{address}")
    wait_until(lambda: page.run(ready), SECONDS, ready)
    time.sleep(2.0)  # the lines are drawn a few times a second
    page.picture(FOLDER / f"{name}.png", whole=False)
    print(f"wrote docs/pictures/{name}.png")  # noqa: T201


def main() -> None:
    """Make them all."""
    with running_server(tickers="SPX", data_date="2026-07-17") as server, browser() as page:
        page.resize(1280, 960)
        _prepare(server)
        for name in SHOTS:
            _shoot(page, server, name)


if __name__ == "__main__":
    main()
