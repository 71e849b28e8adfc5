"""The engine of a cluster, which is Redis or Valkey, asked with bounds: it may be slow, full, or gone.

All that a cluster keeps there has one prefix, and leaves after its time. An operation is never repeated by itself: it
may have been done although the answer did not come.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gexfaker.errors import UnavailableError
from gexfaker.limits import (
    BROUGHT_SECONDS,
    ENGINE_CONNECTIONS,
    ENGINE_SECONDS,
    ENGINE_SILENCE_LOOKS,
    NODE_SECONDS,
    SETTLE_SECONDS,
    SHARED_KEY_SECONDS,
)
from gexfaker.server.cluster import scripts
from gexfaker.server.cluster.patience import patience

T = TypeVar("T")
OUT_OF_REACH: Final = (
    "The engine of the cluster is out of reach or refuses ({why}): nothing is changed meanwhile, and what this server "
    "knows goes on. Try again in a moment; if an answer was lost, the session's status shows what was done"
)


GONE: Final = "-"
"""Instead of the server on which a world is connected to a hub."""


LIFE, SETTLING = "life", "settling"
WAITS: Final = 2
"""What SWAP answers while the engine settles."""


class UnsettledError(Exception):
    """The engine has lost what it had, and does not have all of it back yet."""


class Held(NamedTuple):
    """What the engine has of a world; version 0 is nothing."""

    version: int
    text: bytes


class Beat(NamedTuple):
    """What a look at the engine's clock has shown, in seconds.

    Attributes:
        offset: how far the engine's clock is ahead of this server's.
        round_trip: how long the look took.
    """

    offset: float
    round_trip: float

    @property
    def surely(self) -> float:
        """How far the clocks differ at least, whatever of the round trip was the way there."""
        return max(abs(self.offset) - self.round_trip / 2, 0.0)


class Engine:
    """The engine of one cluster.

    Args:
        url: as the library has it: redis://, rediss:// (TLS), unix://.
        prefix: before the name of everything that is kept there.

    Attributes:
        life: the life of the engine that this server knows, to which it has brought all its worlds.
    """

    def __init__(self, url: str, prefix: str) -> None:
        self._prefix: Final = prefix
        self.life = ""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=ENGINE_CONNECTIONS,
            timeout=None,  # every operation has its bound in _asked, which a standstill does not reach
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Final = Redis(connection_pool=pool)
        self._swap: Final = self._redis.register_script(scripts.SWAP)
        self._keep: Final = self._redis.register_script(scripts.KEEP)
        self._take: Final = self._redis.register_script(scripts.TAKE)
        self._leave: Final = self._redis.register_script(scripts.LEAVE)
        self._claim: Final = self._redis.register_script(scripts.CLAIM)
        self._count: Final = self._redis.register_script(scripts.COUNT)
        self._channel: Final = self.name("changes")

    def name(self, *parts: str) -> str:
        """The full name of something that is kept."""
        return ":".join((self._prefix, *parts))

    # --- worlds ------------------------------------------------------------------------------

    async def swap(self, world: str, version: int, text: bytes) -> tuple[bool, Held]:
        """Give a world another state if it has this version; whether that was done, and what there is now.

        Raises:
            UnsettledError: another server may be about to bring the world back, or a newer state of it.
        """
        keys = [*self._places(world), self.name(LIFE), self.name(SETTLING)]
        arguments = [*self._told(world, version, text), self.life, _milliseconds(BROUGHT_SECONDS)]
        done, held = await self._exchange(self._swap(keys, arguments), world)
        if done == WAITS:
            raise UnsettledError
        return bool(done), held

    async def keep(self, world: str, held: Held) -> Held:
        """Bring a world back if the engine has none or an older state of it; what there is now."""
        return (await self._exchange(self._keep(self._places(world), self._told(world, *held)), world))[1]

    def _places(self, world: str) -> list[str]:
        return [self.name("world", world), self.name("worlds")]

    def _told(self, world: str, version: int, text: bytes) -> list[int | str | bytes]:
        return [version, text, _milliseconds(SHARED_KEY_SECONDS), world, self._channel]

    async def _exchange(self, asked: Awaitable[Any], world: str) -> tuple[int, Held]:
        done, number, now = await _asked(asked)
        held = _held(number, now)
        if held is None:
            raise UnavailableError(self.damaged(world))
        return done, held

    async def meet(self) -> str:
        """The engine's life now, which is over when it loses what it has.

        If it is another than this server knows, the engine settles for SETTLE_SECONDS: until then nobody begins a
        world that is not there, unless it is brought back.
        """
        life = await self.agree(LIFE, secrets.token_hex(8), SHARED_KEY_SECONDS)
        if self.life not in ("", life):
            settles = _milliseconds(SETTLE_SECONDS)
            await _asked(self._redis.set(self.name(SETTLING), "1", nx=True, px=settles))
        return life

    async def look_up(self, worlds: Sequence[str]) -> list[Held | None]:
        """What there is of these worlds; None for what somebody else has put there."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for world in worlds:
                pipe.hmget(self.name("world", world), ["v", "r"])
            found = await _asked(pipe.execute(raise_on_error=False))
        return [None if isinstance(one, Exception) else _held(*one) for one in found]

    def damaged(self, world: str) -> str:
        """That what the engine has of a world cannot be used, and what to do."""
        return f"What the cluster's engine has of this key is damaged: delete {self.name('world', world)} there."

    async def worlds(self, most: int) -> list[str]:
        """The ids of the worlds that the engine has, ``most`` of them."""
        now = _milliseconds(time.time())
        found = await _asked(self._redis.zrange(self.name("worlds"), now, "+inf", byscore=True, offset=0, num=most))
        return [one.decode() for one in found]

    async def touch(self, worlds: Sequence[str]) -> None:
        """Keep these worlds for their whole time from now on, and forget the names of those whose time is over."""
        now, time_to_live = _milliseconds(time.time()), _milliseconds(SHARED_KEY_SECONDS)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zremrangebyscore(self.name("worlds"), 0, now)
            for world in worlds:
                pipe.pexpire(self.name("world", world), time_to_live)
                pipe.zadd(self.name("worlds"), {world: now + time_to_live}, xx=True)
            await _asked(pipe.execute())

    # --- hubs, quotas ------------------------------------------------------------------------

    async def take(self, world: str, hub: str, node: str) -> int:
        """Take a hub for a connection of a world that is about to open; its ticket."""
        keys = [self.name("hubs", world), self.name("tickets")]
        arguments: list[int | str] = [hub, node, _milliseconds(SHARED_KEY_SECONDS), world, self._channel]
        return int(await _asked(self._take(keys, arguments)))

    async def leave(self, world: str, hub: str, node: str, ticket: int) -> None:
        """That the connection with a ticket is gone."""
        await _asked(self._leave([self.name("hubs", world)], [hub, f"{node} {ticket}", f"{GONE} {ticket}"]))

    async def taken(self, world: str) -> dict[str, tuple[str, int]]:
        """The hubs on which a world is or was connected: the server, GONE for none, and the newest ticket."""
        found = await _asked(self._redis.hgetall(self.name("hubs", world)))
        pairs = {hub.decode(): taken.decode().partition(" ") for hub, taken in found.items()}
        return {hub: (node, int(ticket)) for hub, (node, _, ticket) in pairs.items()}

    async def count(self, name: str, seconds: float, arguments: Sequence[float | str]) -> list[float]:
        """Count a request; what COUNT answers."""
        given: list[float | str] = [arguments[0], _milliseconds(seconds), *arguments[1:]]
        found = await _asked(self._count([self.name("quota", name)], given))
        return [float(one) for one in found]

    # --- servers -----------------------------------------------------------------------------

    async def beat(self, node: str, seconds: float) -> Beat:
        """Say that a server lives, for so long; what the look at the clock has shown."""
        began = time.time()
        clock, _ = await _asked(self._beat(node, seconds).execute())
        ended = time.time()
        return Beat(clock[0] + clock[1] / 1e6 - (began + ended) / 2, ended - began)

    def _beat(self, node: str, seconds: float) -> Any:
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.set(self.name("node", node), "1", px=_milliseconds(seconds))
        return pipe

    async def start_with(self, date: str) -> None:
        """Tell all servers, and those that come, with which day new keys start."""
        await _asked(self._redis.set(self.name("start"), date, px=_milliseconds(NODE_SECONDS)))
        await self.tell(f"start\n{date}".encode())

    async def first_day(self) -> str | None:
        """The day with which new keys start, if somebody has said so."""
        found = await _asked(self._redis.get(self.name("start")))
        return None if found is None else cast("bytes", found).decode()

    async def agree(self, name: str, text: str, seconds: float) -> str:
        """Keep something for so long from now on, and bring it back if the engine has lost it; what there is."""
        key, kept = self.name(name), _milliseconds(seconds)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(key, text, nx=True, px=kept)
            pipe.pexpire(key, kept)
            pipe.get(key)
            found = await _asked(pipe.execute())
        return cast("bytes", found[-1]).decode()

    async def refresh(self, name: str, seconds: float) -> bool:
        """Keep something, if it is there, for so long from now on; whether it is."""
        return bool(await _asked(self._redis.pexpire(self.name(name), _milliseconds(seconds))))

    async def lives(self, nodes: Sequence[str]) -> list[bool]:
        """Which of these servers live."""
        if not nodes:
            return []
        found = await _asked(self._redis.mget([self.name("node", node) for node in nodes]))
        return [one is not None for one in found]

    async def end(self, node: str) -> None:
        """Say that a server lives no more."""
        await _asked(self._redis.delete(self.name("node", node)))

    async def tell(self, text: bytes) -> None:
        """Tell all servers something."""
        await _asked(self._redis.publish(self._channel, text))

    async def hand(self, name: str, text: bytes, seconds: float) -> None:
        """Leave something for whoever takes it first."""
        key = self.name("handed", name)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(key, text)
            pipe.pexpire(key, _milliseconds(seconds))
            await _asked(pipe.execute())

    async def ask(self, name: str, request: str, seconds: float) -> None:
        """Ask all servers for something that is wanted for so long; who has it says ``given`` once it is left."""
        await _asked(self._redis.set(self.name("asked", name), request, px=_milliseconds(seconds)))
        await self.tell("\n".join(("give", request, name)).encode())

    async def claim(self, name: str, request: str) -> bool:
        """Whether a request is still waited for; from now on the caller has to answer it, and nobody else."""
        return bool(await _asked(self._claim([self.name("asked", name)], [request])))

    async def fetch(self, name: str) -> bytes | None:
        """Take what was left under a name; None when there is nothing."""
        return cast("bytes | None", await _asked(self._redis.rpop(self.name("handed", name))))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Callable[[], Awaitable[bytes | None]]]:
        """What servers tell while the context lasts: a function that waits for the next, None when it is a while.

        Raises:
            UnavailableError: the engine is gone, or nothing was heard of it in ENGINE_SILENCE_LOOKS.
        """
        with _explained():
            await self._redis.connection_pool.disconnect(inuse_connections=False)  # these are of an engine that was
            async with self._redis.pubsub() as listener:
                ear = _Ear(listener)
                await ear.subscribe(self._channel)
                yield ear.hear

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


class _Ear:
    """Listens to the engine, and asks now and then whether it is there."""

    def __init__(self, listener: PubSub) -> None:
        self._listener: Final = listener
        self._silent_looks = 0
        self._asked = 0.0

    async def subscribe(self, channel: str) -> None:
        """Follow the channel: nothing is missed from here. Raises UnavailableError."""
        async with patience(ENGINE_SECONDS):
            await self._listener.subscribe(channel)
        if await self._next() is None:
            raise UnavailableError(OUT_OF_REACH.format(why="no answer"))

    async def hear(self) -> bytes | None:
        """The next that is told, None when nothing was told for a while. Raises UnavailableError."""
        with _explained():
            message = await self._next()
        return cast("bytes", message["data"]) if message is not None and message["type"] == "message" else None

    async def _next(self) -> dict[str, Any] | None:
        if self._silent_looks >= ENGINE_SILENCE_LOOKS:
            raise UnavailableError(OUT_OF_REACH.format(why=f"silent for {ENGINE_SILENCE_LOOKS * ENGINE_SECONDS:g} s"))
        now = time.monotonic()
        if now - self._asked > ENGINE_SECONDS:
            self._asked = now
            async with patience(ENGINE_SECONDS):
                await self._listener.ping()
        message = await self._listener.get_message(timeout=ENGINE_SECONDS)
        self._silent_looks = self._silent_looks + 1 if message is None else 0
        return cast("dict[str, Any] | None", message)


async def _asked(operation: Awaitable[Any]) -> Any:
    """What the engine answers. Raises UnavailableError."""
    with _explained():
        async with patience(ENGINE_SECONDS):
            return await operation


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as problem:
        raise UnavailableError(OUT_OF_REACH.format(why=str(problem) or type(problem).__name__)) from None


def _held(version: bytes | None, text: bytes | None) -> Held | None:
    """What an entry of the engine is; None when it is none of ours."""
    try:
        return Held(int(version or 0), text or b"")
    except ValueError:
        return None


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
