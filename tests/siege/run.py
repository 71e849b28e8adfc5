"""One siege, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from siege import days
from siege.attacks import ATTACKS
from siege.bounds import (
    ATTEMPTS,
    CALM_SECONDS,
    CALM_SHARE,
    FOLLOW_UP_SECONDS,
    GAP_P99_MS,
    KILL_MB,
    LATENCY_P99_MS,
    OWN_LAG_MS,
    RSS_BOUND_MB,
    SETTLE_SECONDS,
    SETUP_SECONDS,
    STARVED_SHARE,
)
from siege.fortress import HUNG, Fortress, fortress
from siege.innocents import KEY, Innocents, Listener
from siege.plan import Attack
from support.server import wait_until

TESTS: Final = Path(__file__).resolve().parent.parent
STOP_SECONDS: Final = 5.0
"""What an attacker may take to be gone."""


@dataclass(slots=True)
class Result:
    """What came of one; times in milliseconds unless they are seconds."""

    name: str
    attack: Attack
    did: int = 0
    refused: int = 0
    gap_p99: float = 0.0
    gap_max: float = 0.0
    turns: int = 0
    problems: list[str] = field(default_factory=list)
    health_p99: float = 0.0
    rest_p99: float = 0.0
    failures: list[str] = field(default_factory=list)
    newcomer_seconds: float = 0.0
    own_lag: float = 0.0
    starved: float = 0.0
    rss_peak: float = 0.0
    rss_after: float = 0.0
    descriptors_before: int = 0
    descriptors_after: int = 0
    calm_seconds: float | None = None
    exit_code: int = HUNG
    tracebacks: int = 0
    killed: bool = False
    broken: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def spoilt(self) -> str:
        """What else made the figures worse than they should be; empty if nothing did."""
        if self.own_lag > OWN_LAG_MS:
            return f"this process itself was held up for {self.own_lag:.0f} ms"
        if self.starved > STARVED_SHARE:
            return f"the server had to wait for its processor in {self.starved:.0%} of the time"
        return ""

    def complaints(self, latency: float = LATENCY_P99_MS, gap: float = GAP_P99_MS) -> list[str]:
        """What is beyond the bounds."""
        if self.broken:
            return [self.broken]
        patience = 1000 * self.attack.patience
        wrong = {
            f"gap p99 {self.gap_p99:.0f} ms": self.gap_p99 > 1000 * self.attack.interval + gap + patience,
            f"listener: {'; '.join(self.problems[:2])}": bool(self.problems),
            f"{self.refused} of its requests were refused": self.attack.is_right and bool(self.refused),
            "no turn came": not self.turns,
            f"health p99 {self.health_p99:.0f} ms": self.health_p99 > latency + patience,
            f"REST p99 {self.rest_p99:.0f} ms": self.rest_p99 > latency + patience,
            f"kept connections: {len(self.failures)} failed, {'; '.join(self.failures[:2])}": bool(self.failures),
            f"a newcomer waited {self.newcomer_seconds:.1f} s": self.newcomer_seconds
            > self.attack.newcomer_seconds + self.attack.patience,
            f"RSS {self.rss_peak:.0f} MB": self.rss_peak > RSS_BOUND_MB,
            f"killed at {KILL_MB:.0f} MB": self.killed,
            f"not calm after {CALM_SECONDS:.0f} s": self.calm_seconds is None and not self.killed,
            f"{self.descriptors_after - self.descriptors_before} descriptors more": self.descriptors_after
            > self.descriptors_before + self.attack.slack,
            f"exit {'hung' if self.exit_code == HUNG else self.exit_code}": bool(self.exit_code),
            f"{self.tracebacks} tracebacks": bool(self.tracebacks),
        }
        return [text for text, is_wrong in wrong.items() if is_wrong]


def judged(
    name: str,
    seconds: float,
    *,
    short: bool = False,
    latency: float = LATENCY_P99_MS,
    gap: float = GAP_P99_MS,
) -> Result:
    """What came of one, at the next attempt if it failed while the machine was busy with something else."""
    for _ in range(ATTEMPTS):
        result = besiege(name, seconds, short=short)
        if not (result.spoilt and result.complaints(latency, gap)):
            break
    return result


def besiege(name: str, seconds: float, *, short: bool = False) -> Result:
    """Start a server, let it be attacked for that long, or as long as that attack needs unless it is short; stop it."""
    attack = ATTACKS[name]
    seconds = seconds if short else max(seconds, attack.at_least)
    result = Result(name, attack)
    with played(attack) as plays:
        settings = {
            "cache_mode": "rotation",
            "ws_stream_interval": f"{1000 * attack.interval:g}ms",
            "log_level": "warning",
            "recovery_window": "3s",
            **attack.settings,
        }
        try:
            with fortress(attack.surroundings, **plays, **settings) as server:
                asyncio.run(_during(server, result, seconds))
                result.exit_code = server.stop()
                result.rss_peak, result.killed = server.peak_mb, server.killed
                result.tracebacks = server.tracebacks
                result.log = list(server.lines)
        except (AssertionError, OSError) as error:  # it did not even start, or did not answer before the attack
            result.broken = str(error) or repr(error)
    return result


@contextlib.contextmanager
def played(attack: Attack) -> Iterator[dict[str, str]]:
    """The settings that say what is played."""
    if attack.prepare is None:
        yield {"simulate": "true"}
        return
    with tempfile.TemporaryDirectory(prefix="siege-") as folder:
        attack.prepare(Path(folder))
        yield {"data_dir": folder}


async def _during(server: Fortress, result: Result, seconds: float) -> None:
    attack = result.attack
    is_simulated = attack.prepare is None
    tickers, records = (days.SIMULATED, None) if is_simulated else (days.LISTENED, days.RECORDS)
    url = await asyncio.to_thread(server.orderflow, KEY)
    listener = Listener(url, tickers, attack.interval, records)
    innocents = Innocents(listener, server.address, days.MAJORS, attack.newcomer)
    await innocents.start(url)
    with contextlib.suppress(AssertionError):
        await asyncio.to_thread(wait_until, lambda: listener.turns > 0, SETUP_SECONDS, "the first turn")
    await asyncio.sleep(SETTLE_SECONDS)
    result.descriptors_before = server.descriptors()
    innocents.begin()
    waited, began = server.waited_seconds(), time.monotonic()
    await _attacked(server, result, seconds)
    result.starved = (server.waited_seconds() - waited) / (time.monotonic() - began)
    result.calm_seconds = await _calmed(server, result.descriptors_before + attack.slack)
    result.rss_after, result.descriptors_after = server.resident_mb(), server.descriptors()
    await _note(result, innocents)


async def _note(result: Result, innocents: Innocents) -> None:
    """What the innocents have met."""
    result.problems += innocents.listener.problems
    result.turns = innocents.listener.turns
    result.failures += await innocents.end()
    result.gap_p99 = innocents.listener.gaps.percentile_ms(0.99)
    result.gap_max = innocents.listener.gaps.percentile_ms(1.0)
    result.health_p99 = innocents.health.times.percentile_ms(0.99)
    result.rest_p99 = innocents.rest.times.percentile_ms(0.99)
    result.failures += innocents.health.failures + innocents.rest.failures
    result.newcomer_seconds = innocents.newcomer.times.percentile_ms(1.0) / 1000
    result.own_lag = innocents.lag.times.percentile_ms(1.0)


async def _attacked(server: Fortress, result: Result, seconds: float) -> None:
    """The attacker comes, attacks for that long, and goes."""
    attacker = await _attacker(result.name, server)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_stream(attacker.stdout).readline(), SETUP_SECONDS)
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until and server.alive and attacker.returncode is None:
        await asyncio.sleep(0.1)
    assert attacker.stdin is not None
    attacker.stdin.close()
    try:
        told = (await asyncio.wait_for(_stream(attacker.stdout).read(), STOP_SECONDS)).split()
        result.did, result.refused = int(told[-3]), int(told[-1])
        await asyncio.wait_for(attacker.wait(), STOP_SECONDS)
    except (TimeoutError, IndexError, ValueError):
        result.problems.append((await _killed(attacker)).strip()[-300:])


async def _attacker(name: str, server: Fortress) -> asyncio.subprocess.Process:
    """Its process."""
    command = [sys.executable, "-m", "siege.attacker", name, server.url, str(server.process.pid)]
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return await asyncio.create_subprocess_exec(
        *command, cwd=TESTS, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )


def _stream(pipe: asyncio.StreamReader | None) -> asyncio.StreamReader:
    assert pipe is not None
    return pipe


async def _killed(attacker: asyncio.subprocess.Process) -> str:
    """End an attacker that did not end by itself; what it said."""
    with contextlib.suppress(ProcessLookupError):
        attacker.kill()
    said = (await _stream(attacker.stderr).read()).decode(errors="replace")
    await attacker.wait()
    return said or "the attacker did not end"


async def _calmed(server: Fortress, descriptors: int) -> float | None:
    """Seconds until the server has nothing to do with the attack any more; None when that takes too long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while server.alive and loop.time() - began < CALM_SECONDS:
        used = server.processor_seconds()
        await asyncio.sleep(FOLLOW_UP_SECONDS)
        is_busy = server.processor_seconds() - used > CALM_SHARE * FOLLOW_UP_SECONDS
        if not is_busy and server.descriptors() <= descriptors and await _alone(server):
            return loop.time() - began
    return None


async def _alone(server: Fortress) -> bool:
    """Whether the listener's is the only connection left."""
    try:
        return bool((await asyncio.to_thread(server.health))["connections"] <= 1)
    except (OSError, ValueError, KeyError):
        return False
