"""WebSockets opened one after the other, as a program does that starts its clients in a loop."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rich.progress import Progress

from bench.days import write_day
from bench.load import ask, upgrade
from bench.processes import gexfaker
from bench.report import Report
from gexfaker.catalog import Feed

SOCKETS: Final = 500
REPEATS: Final = 5
JSON: Final = "json.webpubsub.azure.v1"
FEED: Final = Feed("SPX", "orderflow", "orderflow")


def opened(url: str) -> socket.socket:
    """A socket whose handshake is answered."""
    parts = urlsplit(url)
    made = socket.create_connection((parts.hostname, parts.port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.sendall(upgrade(url, JSON))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += made.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return made


def took(root: Path) -> float:
    """Seconds for SOCKETS of them, all with one token."""
    with gexfaker(root) as (_, url):
        target = ask(f"{url}/negotiate", "bench")["websocket_urls"]["orderflow"]
        opened(target).close()  # what the first client makes the server load is no part of it
        began = time.perf_counter()
        made = [opened(target) for _ in range(SOCKETS)]
        seconds = time.perf_counter() - began
        for one in made:
            one.close()
        return seconds


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Some servers, one after the other."""
    write_day(root, [FEED], 10)
    task = progress.add_task("openings", total=REPEATS)
    for _ in range(REPEATS):
        report.note(f"{SOCKETS} WebSockets opened one after the other, s", took(root))
        progress.advance(task)
