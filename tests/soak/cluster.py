"""Three servers behind nginx, on a real Redis: ``python -m tests.soak.cluster [DROPS [CLIENTS [RESTARTS [FAULTS]]]]``.

1. Reliable clients are dropped at random points and come back to any server.
2. The servers are stopped and started again in turn, while clients listen through nginx.
3. Everything goes wrong at random, while clients move keys on; then all servers must agree, and nothing that was
   acknowledged may be lost.

Every message must come to a client once and in order.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from support import data
from support.cluster import Redis, act, running_redis
from support.holdingproxy import HoldingProxy
from support.nginx import Balanced, balanced
from support.raw import GoneError
from support.roaming import Roaming
from support.server import Running, free_port, serve_command, wait_until

RECORDS: Final = 60_000
NODES: Final = 3
AWAY: Final = (502, 503, 504)
"""What nginx answers while a server goes or comes."""

PATIENCE_SECONDS: Final = 25.0
"""Less than RECOVERY_WINDOW: who comes back by then must get everything."""


class Node:
    """A server process of the cluster, at the same port each time it is started."""

    def __init__(self, folder: Path, engine: str, speed: str) -> None:
        self._folder: Final = folder
        self._port: Final = free_port()
        self._settings: Final[dict[str, str | int]] = {
            "port": self._port,
            "cluster": engine,
            "speed": speed,
            "data_dir": str(folder),
            "log_level": "warning",
        }
        self.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._port

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.server = Running(serve_command(**self._settings), self._folder)
        self.server.wait_ready()

    def end(self) -> None:
        """Certainly gone afterwards."""
        self.server.kill()

    def restart(self, *, kill: bool = False) -> None:
        """Stop it as an operator does, or kill it, and start it again."""
        if kill:
            self.server.kill()
        else:
            assert self.server.stop(seconds=30) == 0, self.server.stderr
            self.server.kill()
        self.start()


@contextlib.contextmanager
def nodes_on(engine: str, folder: Path, speed: str) -> Iterator[list[Node]]:
    """Three servers that are ready, and certainly gone afterwards."""
    with ThreadPoolExecutor(NODES) as pool:
        made = list(pool.map(lambda _: Node(folder, engine, speed), range(NODES)))
    try:
        yield made
    finally:
        for node in made:
            node.end()


@dataclass
class Totals:
    """What all clients met."""

    drops: int = 0
    messages: int = 0
    repeated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, client: Roaming, drops: int) -> None:
        """What one client met."""
        with self.lock:
            self.drops += drops
            self.messages += client.largest
            self.repeated += client.repeated


# --- drops ---------------------------------------------------------------------------------------


def drop_clients(
    nodes: list[Node], drops: int, clients: int, seed: int, progress: Callable[[], None] = lambda: None
) -> Totals:
    """So many drops in all, each recovered at a server by chance; anything lost, repeated or out of order raises."""
    totals, tickets = Totals(), itertools.count()

    def roam(number: int) -> None:
        random = Random(f"{seed} {number}")
        client = Roaming(random.choice(nodes).server.orderflow(f"roam-{seed}-{number}"), number)
        count = 0
        while next(tickets) < drops:
            client.read_new(random.randint(0, 12))
            if random.random() < 0.5:
                client.acknowledge()
            client.drop()
            assert client.recover(random.choice(nodes).address) == 101
            count += 1
            progress()
        client.read_new(5)
        client.close()
        totals.add(client, count)

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(roam, number) for number in range(clients)]:
            future.result()
    return totals


# --- rolling restarts ----------------------------------------------------------------------------


def restart_in_turn(
    nodes: list[Node], front: Balanced, clients: int, restarts: int, pause: float, progress: Callable[[], None]
) -> Totals:
    """The servers are restarted in turn, ``pause`` seconds between, while clients listen through nginx."""
    totals, over = Totals(), threading.Event()

    def listen(number: int) -> None:
        client, back = begin(front, number), 0
        while not over.is_set():
            try:
                client.read_new(3)
                client.acknowledge()
            except (GoneError, OSError):
                back += 1
                come_back(client, front)
        client.read_new(3)
        client.close()
        totals.add(client, back)

    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(listen, number) for number in range(clients)]
        for number in range(restarts):
            over.wait(pause)
            nodes[number % NODES].restart()
            progress()
        over.set()
        for future in futures:
            future.result()
    return totals


def begin(front: Balanced, number: int) -> Roaming:
    """A client that listens; whom a server that is about to stop refuses, asks again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return Roaming(front.orderflow(f"listen-{number}"), number)
        except (AssertionError, OSError, GoneError):
            assert time.monotonic() < deadline, "nobody took the client"
            time.sleep(0.05)


def come_back(client: Roaming, front: Balanced) -> None:
    """Recover through nginx, as often as it takes while servers go and come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        client.raw.socket.close()
        with contextlib.suppress(OSError, GoneError):
            status = client.recover(front.address)
            if status == 101:
                return
            assert status in AWAY, status
        assert time.monotonic() < deadline, "nobody took the client back"
        time.sleep(0.05)


# --- faults --------------------------------------------------------------------------------------


@dataclass
class History:
    """What was asked of one key, which stands still, and what came of it: it is a counter of market seconds.

    Attributes:
        done: seconds of the steps that were acknowledged.
        unknown: seconds of the steps of which nobody knows.
    """

    key: str
    start: float
    done: int = 0
    unknown: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def break_everything(
    engine: Redis, networks: list[HoldingProxy], nodes: list[Node], faults: int, seed: int, progress: Callable[[], None]
) -> Counter[str]:
    """Random faults, one after the other, under clients that move keys on; then a check of the whole history."""
    random, met = Random(seed), Counter[str]()
    histories = [begun(nodes, f"fault-{seed}-{number}") for number in range(4)]
    over = threading.Event()
    kinds = ("engine paused", "engine killed", "network held", "news lost", "engine full", "server killed")
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(move_on, nodes, histories, over, Random(f"{seed} {n}")) for n in range(8)]
        for _ in range(faults):
            kind = random.choice(kinds)
            break_once(kind, engine, networks, nodes, random)
            met[kind] += 1
            progress()
            time.sleep(random.uniform(0, 0.3))
        wait_until(lambda: all(can_change(node) for node in nodes), 10, "the cluster has healed")
        over.set()
        for future in futures:
            future.result()
    for history in histories:
        check(nodes, history)
    return met


def begun(nodes: list[Node], key: str) -> History:
    status, answer = act(nodes[0].server, key, "pause")
    assert status == 200, answer
    return History(key, answer["playback"]["market_time"])


def move_on(nodes: list[Node], histories: list[History], over: threading.Event, random: Random) -> None:
    """Steps, each at a server by chance; what is answered is written down."""
    while not over.is_set():
        history, count = random.choice(histories), random.randint(1, 5)
        try:
            status, answer = act(random.choice(nodes).server, history.key, "step", count=count)
        except (OSError, ValueError, GoneError):
            status, answer = 0, {}
        except Exception as problem:  # http.client's own
            status, answer = 0, {"error": str(problem)}
        with history.lock:
            if status == 200:
                history.done += count
            else:
                assert status in (0, 503), (status, answer)
                history.unknown += count
        time.sleep(random.uniform(0, 0.02))


def break_once(kind: str, engine: Redis, networks: list[HoldingProxy], nodes: list[Node], random: Random) -> None:
    if kind == "engine paused":
        engine.client.client_pause(random.choice((50, 500, 1500)), all=random.random() < 0.5)
    elif kind == "engine killed":
        engine.kill()
        time.sleep(random.uniform(0, 1))
        engine.start()
    elif kind == "network held":
        network = random.choice(networks)
        network.holds = True
        time.sleep(random.choice((0.1, 1, 4)))
        network.holds = False
    elif kind == "news lost":
        engine.client.client_kill_filter(_type=random.choice(("pubsub", "normal")), skipme=True)
    elif kind == "engine full":
        engine.client.config_set("maxmemory", "1")
        time.sleep(random.uniform(0, 0.5))
        engine.client.config_set("maxmemory", "0")
    else:
        # The others are up to date first: what only a dead engine and a dead server knew is lost with them.
        wait_until(lambda: all(can_change(node) for node in nodes), 10, "the cluster has healed")
        random.choice(nodes).restart(kill=True)


def can_change(node: Node) -> bool:
    with contextlib.suppress(OSError):
        return act(node.server, "probe", "step")[0] == 200
    return False


def check(nodes: list[Node], history: History) -> None:
    """All servers agree; every step that was acknowledged is there, and none that nobody asked for."""
    seen: list[Any] = []

    def agree() -> bool:
        seen[:] = [place(node, history.key) for node in nodes]
        return len(set(seen)) == 1

    wait_until(agree, 5, f"all servers agree about {history.key}: {seen}")
    moved = seen[0][0] - history.start
    assert history.done <= moved <= history.done + history.unknown, (history, moved)


def place(node: Node, key: str) -> tuple[float, int, bool]:
    status, answer = act(node.server, key, "pause")
    assert status == 200, answer
    playback = answer["playback"]
    return playback["market_time"], playback["timeline"], playback["paused"]


# --- all of it -----------------------------------------------------------------------------------


def main(drops: int, clients: int, restarts: int, faults: int) -> None:
    """Run with a progress bar and print figures."""
    console, seed = Console(), int(time.time())
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        days = data.write_day(Path(folder), RECORDS)
        with running_redis() as engine, nodes_on(engine.url, days, "40") as nodes:
            task = progress.add_task("drops", total=drops)
            totals = drop_clients(nodes, drops, clients, seed, lambda: progress.advance(task))
            console.print(f"{totals.drops:,} drops of {clients} clients: {_shown(totals)}")
        with (
            running_redis() as engine,
            nodes_on(engine.url, days, "5") as nodes,
            balanced([node.address for node in nodes]) as front,
        ):
            task = progress.add_task("restarts", total=restarts)
            totals = restart_in_turn(nodes, front, 200, restarts, 10.0, lambda: progress.advance(task))
            console.print(f"{restarts} restarts under 200 clients, {totals.drops:,} recoveries: {_shown(totals)}")
        task = progress.add_task("faults", total=faults)
        met = faulty(days, faults, seed, lambda: progress.advance(task))
        console.print(f"{faults} faults, no divergence, nothing acknowledged was lost: {dict(met)}")


def faulty(days: Path, faults: int, seed: int, progress: Callable[[], None] = lambda: None) -> Counter[str]:
    """A cluster of which each server reaches the engine through a network of its own, and everything goes wrong."""
    with running_redis() as engine, contextlib.ExitStack() as stack:
        networks = [stack.enter_context(HoldingProxy(engine.path)) for _ in range(NODES)]
        nodes = list[Node]()
        for network in networks:
            nodes.append(Node(days, network.url, "1"))
            stack.callback(nodes[-1].end)
        return break_everything(engine, networks, nodes, faults, seed, progress)


def _shown(totals: Totals) -> str:
    return f"{totals.messages:,} messages exactly once and in order, {totals.repeated:,} sent again and recognised"


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [10_000, 16, 12, 1000][len(given) :]))
