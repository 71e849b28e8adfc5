"""A thousand PATCHes while twenty keys stream: every one is answered, and nobody ever sees an old set again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from support import days
from support.raw import JSON
from support.server import Served, running_server

KEYS: Final = 20
ROUNDS: Final = 20
WIDTHS: Final = (2, 3)
"""How many equal PATCHes a key sends at once, in turn: 50 in flight for all keys, 50 for each key in all."""

WATCHED: Final = (1, 2)
"""Of four rounds, those after which the new set is waited for; the others follow each other as fast as they can."""

SECONDS: Final = 20.0
INTERVAL: Final = "20ms"

Groups = dict[str, frozenset[str]]


def groups_of(ticker: str) -> Groups:
    """One of the two sets: the same hubs, another ticker."""
    kinds = {
        "v2_classic": ("classic_gex_zero", "classic_gex_one"),
        "v2_state_greeks_zero": ("state_gamma_zero",),
        "v2_orderflow": ("orderflow_orderflow",),
    }
    return {hub: frozenset(f"{ticker}_{kind}" for kind in (*kinds[hub], "spot")) for hub in kinds}


SETS: Final = (groups_of("SPX"), groups_of("ES_SPX"))
"""What is asked for in even and in odd rounds; round 0 is the POST."""


class Key:
    """An API key's negotiations: ``sent`` and ``answered`` are the latest rounds asked for and answered."""

    def __init__(self, name: str, client: aiohttp.ClientSession) -> None:
        self._client: Final = client
        self._headers: Final = {"Authorization": f"Bearer {name}"}
        self.sent = self.answered = 0
        self.statuses: list[int] = []

    async def _ask(self, method: str, groups: Sequence[Any]) -> Any:
        asked = self._client.request(method, "/v2/negotiate", json={"groups": groups}, headers=self._headers)
        async with asked as answer:
            self.statuses.append(answer.status)
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self) -> dict[str, str]:
        asked = sorted(frozenset().union(*SETS[0].values()))
        urls: dict[str, str] = (await self._ask("POST", asked))["websocket_urls"]
        return urls

    async def patch(self, width: int) -> None:
        """The next round: so many equal PATCHes at once."""
        self.sent += 1
        wanted = SETS[self.sent % 2]
        items = [{"hub": hub, "group": group} for hub, groups in wanted.items() for group in sorted(groups)]
        replies = await asyncio.gather(*(self._ask("PATCH", items) for _ in range(width)))
        for reply in replies:
            assert reply["updated_groups"] == len(items)
            assert {hub: count for hub, count in reply["hubs"].items() if count} == {
                h: len(g) for h, g in wanted.items()
            }
        self.answered = self.sent


class Stream:
    """A connection of a key. ``round`` is the earliest round that explains what it saw so far.

    Each message belongs to one of two sets, so to an even or an odd round; rounds only go forward. A message that
    needs a round not asked for yet, or one before a round whose answer preceded a question answered here, is wrong.
    """

    def __init__(self, key: Key, hub: str, socket: ClientConnection) -> None:
        self._key: Final = key
        self._socket: Final = socket
        self._hub: Final = hub
        self._old: Final = SETS[0][hub]
        self._new: Final = SETS[1][hub]
        self._asked: Final[deque[int]] = deque()
        self._run: dict[str, int] = {}
        self._began = 0
        self.round = 0
        self.switches = 0

    async def ask(self) -> None:
        """Ask something of which the answer comes in its turn: what follows it is of the answered round or later."""
        self._asked.append(self._key.answered)
        await self._socket.send('{"type":"ping"}')

    async def read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame)
            if message["type"] == "pong":
                self.round = max(self.round, self._asked.popleft())
            elif message["type"] == "message":
                self._see(message["group"])
            else:
                assert message["event"] == "connected", message

    def _see(self, group: str) -> None:
        parity = int(group in self._new)
        assert group in (self._new if parity else self._old), f"{group} was never asked for"
        if self.round % 2 != parity:
            self.round += 1
        assert self.round <= self._key.sent, f"{group} of round {self.round}, but only {self._key.sent} were asked for"
        if self._run.keys().isdisjoint(self._new if parity else self._old):
            self._end_run()
            self._run, self._began = dict.fromkeys(self._new if parity else self._old, 0), self.round
        self._run[group] += 1

    def _end_run(self) -> None:
        """The set has changed. Every tick of it brought each of its groups once, but one that a PATCH cut short."""
        if self._run:
            cuts = 1 + (self.round - self._began) // 2
            assert max(self._run.values()) - min(self._run.values()) <= cuts, self._run
            self.switches += 1

    def shows(self, number: int) -> bool:
        """Whether the latest message was of that round's set."""
        return self._run.keys() == SETS[number % 2][self._hub]

    @property
    def settled(self) -> bool:
        """Whether all questions are answered and the last set has come."""
        return not self._asked and self.round == ROUNDS and self.shows(ROUNDS)


@contextlib.asynccontextmanager
async def streaming(key: Key) -> AsyncIterator[list[Stream]]:
    """A key's three connections, being read; what is wrong on one ends everything at once."""
    urls = await key.post()
    async with contextlib.AsyncExitStack() as stack:
        streams = []
        for hub in SETS[0]:
            opened = connect(urls[hub], subprotocols=[Subprotocol(JSON)], compression=None, proxy=None, max_queue=None)
            streams.append(Stream(key, hub, await stack.enter_async_context(opened)))
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(stream.read()) for stream in streams]
            yield streams
            assert not any(reader.done() for reader in readers), "the server closed a connection"
            for reader in readers:
                reader.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.002)


async def one_key(name: str, client: aiohttp.ClientSession, ready: asyncio.Barrier) -> tuple[Key, list[Stream]]:
    """A key's whole life: connect, patch round after round, and look at what comes in the end."""
    key = Key(name, client)
    async with streaming(key) as streams:
        await until(lambda: all(stream.shows(0) for stream in streams))
        await ready.wait()
        for number in range(1, ROUNDS + 1):
            await key.patch(WIDTHS[number % len(WIDTHS)])
            for stream in streams:
                await stream.ask()
            if number % 4 in WATCHED:
                await until(lambda: all(stream.shows(key.sent) for stream in streams))
        await until(lambda: all(stream.settled for stream in streams))
        await asyncio.sleep(0.1)  # some ticks more, of the last set
    return key, streams


async def patch_all(server: Served) -> list[tuple[Key, list[Stream]]]:
    """All keys at once."""
    ready = asyncio.Barrier(KEYS)
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(server.url, connector=connector) as client:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one_key(f"load-{number}", client, ready)) for number in range(KEYS)]
        return [task.result() for task in tasks]


def test_a_thousand_patches_while_everybody_streams(tmp_path: Path) -> None:
    days.write_days(tmp_path, 50)
    settings = {"ws_stream_interval": INTERVAL, "cache_mode": "rotation", "v2_prefix": "false"}
    with running_server(data_dir=str(tmp_path), **settings) as server:
        done = asyncio.run(patch_all(server))
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr
        assert server.health()["clients_cut"] == 0
    statuses = [status for key, _ in done for status in key.statuses]
    assert statuses == [200] * (KEYS + 1000)
    for key, streams in done:
        assert key.answered == ROUNDS
        for stream in streams:
            assert stream.round == ROUNDS
            assert stream.switches >= ROUNDS // 2, "each watched round was another set"
