"""How a server comes to a cluster: it takes over the secret, and is refused when it would play another market."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from gexfaker.limits import ENGINE_SECONDS, NODE_SECONDS, SHARED_KEY_SECONDS
from gexfaker.server.cluster.demands import KEYED, refused
from gexfaker.settings import DEFAULT, Settings

STORY: Final = (
    *("data_date", "simulate", "tickers", "seed", "scenario", "feedback", "fill", "playback", "cache_mode"),
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
    except (TypeError, AttributeError) as problem:
        raise refused(settings, "cluster", f"an option behind its address is of no use here ({problem})") from None
    except (RedisError, OSError, TimeoutError, ValueError) as problem:
        wanted = f"no engine answers there ({problem}); start one, such as redis-server, or write its address"
        raise refused(settings, "cluster", wanted) from None
    return msgspec.structs.replace(settings, token_secret=secret)


def _agreed_secret(engine: Any, settings: Settings, new_secret: Callable[[], str]) -> str:
    """The cluster's secret: the first server's, by chance, or the one that all of them are told."""
    own, name = settings.token_secret, f"{settings.cluster_prefix}:{SECRET}"
    wanted = new_secret() if own is None else digest(own)
    engine.set(name, wanted, nx=True, px=int(SHARED_KEY_SECONDS * 1000))
    agreed = (engine.get(name) or b"").decode()
    if own is None and not agreed.startswith("sha256:"):
        return agreed
    if own is not None and agreed == wanted:
        return own
    raise refused(settings, "token_secret", "give all servers of the cluster the same one, or none of them any")


def digest(secret: str) -> str:
    """What the engine gets of a secret that all servers were told."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"


def secret_of(settings: Settings) -> str:
    """What the engine has of the secret of a server that was introduced."""
    agreed = settings.token_secret or ""
    return agreed if settings.sources["TOKEN_SECRET"] == DEFAULT else digest(agreed)


def _tell_story(engine: Any, settings: Settings) -> None:
    """Say what this server plays. Raises SettingError when the cluster plays anything else."""
    name, own = f"{settings.cluster_prefix}:{STORY_NAME}", story_of(settings)
    engine.set(name, story_text(settings), nx=True, px=int(NODE_SECONDS * 1000))
    agreed = json.loads(engine.get(name) or b"{}")
    for setting, value in own.items():
        if agreed.get(setting, value) != value:
            theirs = "another value" if setting in KEYED else agreed[setting]
            wanted = f"the other servers of this cluster have {theirs}: give all of them the same"
            raise refused(settings, setting, wanted)


def story_text(settings: Settings) -> str:
    """What decides what keys are sent, as the engine has it."""
    return json.dumps(story_of(settings), sort_keys=True)


def story_of(settings: Settings) -> dict[str, str]:
    """What decides what keys are sent, as text."""
    values = {name: json.dumps(getattr(settings, name), default=_text, sort_keys=True) for name in STORY}
    return values | {name: hashlib.sha256(values[name].encode()).hexdigest() for name in KEYED}


def _text(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
