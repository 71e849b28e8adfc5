"""Our client of the feed, where `gexfaker listen` does not show it."""

from __future__ import annotations

import time
from pathlib import Path

from gexfaker.testing import receive
from support import days
from support.server import running_server

CLOSE_TIMEOUT = 10.0
"""Seconds after which `websockets` gives up waiting for the answer to its close frame."""


def test_who_has_enough_leaves_at_once_though_more_is_waiting(tmp_path: Path) -> None:
    folder = days.write_days(tmp_path, 400)
    groups = [f"{ticker}_classic_gex_{name}" for ticker in days.TICKERS for name in ("full", "zero", "one")]
    with running_server(data_dir=str(folder), ws_stream_interval="10ms") as server:
        for number in range(5):
            began = time.monotonic()
            assert receive(server.url, *groups, key=f"key-{number}")
            assert time.monotonic() - began < CLOSE_TIMEOUT / 2
