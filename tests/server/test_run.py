"""A server as an object: in a thread, as a task, with a clock in the hand of a test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from gexfaker.errors import SettingError
from gexfaker.playback.actions import Mode, Resume
from gexfaker.server.run import Server
from gexfaker.settings import load
from gexfaker.testing import Control, ManualClock, Target, receive, serving
from support.control import DAYS, write_days
from support.data import group
from support.raw import joined

NIGHT = 1_800_000_000.0
"""Three in the morning in New York."""


def orderflow_of(url: str) -> str:
    """The orderflow hub's URL for the key demo."""
    request = Request(f"{url}/negotiate", headers={"Authorization": "Bearer demo"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        found: str = json.load(answer)["websocket_urls"]["orderflow"]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_days(tmp_path_factory.mktemp("days"), 300, DAYS[-1:]))


def test_a_server_serves_once(folder: str) -> None:
    server = Server(load({"DATA_DIR": folder, "PORT": "0"}, {}))
    with server.in_thread():
        assert Control(server.url).sessions()["total"] == 0
    entered = False
    with pytest.raises(Exception), server.in_thread():  # noqa: B017, PT011 - whatever uvicorn says
        entered = True
    assert not entered


def test_two_servers_live_in_one_process(folder: str) -> None:
    with serving(data_dir=folder) as one, serving(data_dir=folder) as two:
        assert one.url != two.url
        for server in (one, two):
            assert receive(server.url, "ES_SPX_orderflow_orderflow")


def test_a_server_is_a_task_beside_others(folder: str) -> None:
    async def run() -> int:
        async with Server(load({"DATA_DIR": folder, "PORT": "0"}, {})) as server:
            return len(await asyncio.to_thread(receive, server.url, "ES_SPX_orderflow_orderflow", count=2))

    assert asyncio.run(run()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_a_newcomer_does_not_wait_a_round_of_the_loop_for_each_who_came_before(folder: str) -> None:
    """They come while the loop is busy, and wait in the kernel."""
    crowd, rounds = 160, 0
    with serving(data_dir=folder) as server, contextlib.ExitStack() as stack:
        loop, doors = server._uvicorn._loop, server._uvicorn.config.app.state.doors  # type: ignore[union-attr]
        assert loop is not None
        held, let_in = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            let_in.wait(10)
            go_round()

        def go_round() -> None:
            nonlocal rounds
            rounds += 1
            if doors.count < crowd:
                loop.call_soon(go_round)
            else:
                held.set()

        loop.call_soon_threadsafe(hold)
        assert held.wait(10)
        held.clear()
        address = urlsplit(server.url)
        for _ in range(crowd):
            stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
        let_in.set()
        assert held.wait(10)
        assert rounds < crowd / 2


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path) -> None:
    with serving(tickers="SPX") as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(SettingError, match="PORT"), serving(port=port):
            pytest.fail("the port is taken")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gexfaker http")]


@pytest.mark.parametrize("again", range(3))
def test_with_a_manual_clock_each_beat_is_sent_once(folder: str, again: int) -> None:
    clock = ManualClock()
    with serving(clock, data_dir=folder, playback="step", ws_stream_interval="100ms") as server:
        control = Control(server.url)
        with joined(orderflow_of(server.url), group()) as client:
            control.act(Target("demo"), Mode(interval=0.1))
            control.act(Target("demo"), Resume())
            sent = [0]
            for _ in range(4):
                clock.advance(0.5)
                sent.append(control.show(Target("demo"))["playback"]["messages_sent"])
            assert sent[1] in (5, 6), "the beat at which it began may be one of them"
            assert [later - earlier for earlier, later in pairwise(sent[1:])] == [5, 5, 5]
            assert client


def test_a_manual_clock_works_while_the_market_is_closed(folder: str) -> None:
    clock = ManualClock(NIGHT)
    with serving(clock, data_dir=folder, realism="market-hours") as server:
        clock.advance(60)
        assert Control(server.url).sessions()["total"] == 0
