"""How a server comes to a cluster: it takes over the secret, and is refused when it would play another market."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from gexfaker.limits import ENGINE_SECONDS, NODE_SECONDS, SHARED_KEY_SECONDS
from gexfaker.server.cluster.demands import KEYED, refused
from gexfaker.settings import Settings

STORY: Final = (
    *("data_date", "simulate", "tickers", "seed", "scenario", "feedback", "playback", "cache_mode"),
    *("endpoint_cache_mode", "timestamps", "speed", "start", "realism", "session_rules", "strict_keys"),
    *("strict_groups", "tiers", "quota", "membership_limit", "ws_group_prefix", "v2_prefix", "token_lifetime"),
)
"""The settings that decide what a key is sent: they are the same on all servers of a cluster."""

SECRET, STORY_NAME = "secret", "story"


def introduce(settings: Settings, new_secret: Callable[[], str]) -> Settings:
    """The settings of a server with what its cluster has decided: the secret that signs tokens.

    Raises:
        SettingError: the engine does not answer, or the server is set up for another market than the cluster.
    """
    try:
        with Redis.from_url(
            settings.cluster or "", socket_timeout=ENGINE_SECONDS, socket_connect_timeout=ENGINE_SECONDS
        ) as engine:
            secret = _agreed_secret(engine, settings, new_secret)
            _tell_story(engine, settings)
    except (RedisError, OSError, TimeoutError, ValueError) as problem:
        wanted = f"no engine answers there ({problem}); start one, such as redis-server, or write its address"
        raise refused(settings, "cluster", wanted) from None
    return dataclasses.replace(settings, token_secret=secret)


def _agreed_secret(engine: Any, settings: Settings, new_secret: Callable[[], str]) -> str:
    """The cluster's secret: the first server's, by chance, or the one that all of them are told."""
    own, name = settings.token_secret, f"{settings.cluster_prefix}:{SECRET}"
    wanted = new_secret() if own is None else f"sha256:{hashlib.sha256(own.encode()).hexdigest()}"
    engine.set(name, wanted, nx=True, px=int(SHARED_KEY_SECONDS * 1000))
    agreed = (engine.get(name) or b"").decode()
    if own is None and not agreed.startswith("sha256:"):
        return agreed
    if own is not None and agreed == wanted:
        return own
    raise refused(settings, "token_secret", "give all servers of the cluster the same one, or none of them any")


def _tell_story(engine: Any, settings: Settings) -> None:
    """Say what this server plays. Raises SettingError when the cluster plays anything else."""
    name, own = f"{settings.cluster_prefix}:{STORY_NAME}", story_of(settings)
    engine.set(name, json.dumps(own), nx=True, px=int(NODE_SECONDS * 1000))
    agreed = json.loads(engine.get(name) or b"{}")
    for setting, value in own.items():
        if agreed.get(setting, value) != value:
            theirs = "another value" if setting in KEYED else agreed[setting]
            wanted = f"the other servers of this cluster have {theirs}: give all of them the same"
            raise refused(settings, setting, wanted)


def story_of(settings: Settings) -> dict[str, str]:
    """What decides what keys are sent, as text."""
    values = {name: json.dumps(getattr(settings, name), default=_text, sort_keys=True) for name in STORY}
    return values | {name: hashlib.sha256(values[name].encode()).hexdigest() for name in KEYED}


def _text(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
