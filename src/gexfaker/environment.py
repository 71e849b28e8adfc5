"""The names of settings in the environment, and what is said about names that are none.

Every setting is ``GEXFAKER_<NAME>``. Without the prefix only those are taken that the earlier tool had, because others,
such as HOST or SPEED, belong to somebody else on many machines.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from gexfaker.nearest import nearest

PREFIX: Final = "GEXFAKER_"

EARLIER: Final = frozenset(
    (
        *("PORT", "DATA_DIR", "DATA_DATE", "DATA_MODE", "CACHE_MODE", "ENDPOINT_CACHE_MODE"),
        *("WS_ENABLED", "WS_STREAM_INTERVAL", "WS_GROUP_PREFIX", "SYNC_BROADCAST_SYSTEM_ENABLED"),
        *("SYNC_BROADCAST_SYSTEM_ID", "SYNC_BROADCAST_SYSTEM_INTERVAL"),
    )
)
"""The settings of the earlier tool, which are taken without the prefix, too."""

OF_CLIENTS: Final = frozenset(("URL", "KEY", "TOKEN"))
"""What the commands that ask a server take from the environment, with the prefix."""

_LINK: Final = re.compile(r"(tcp|udp|sctp)://")
"""What Kubernetes and Docker put into ``<SERVICE>_PORT`` for a service of our name."""

_LINKED: Final = re.compile(r"(.+_)?(NAME|ENV_.*|SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_.*)?)")
"""The other names that they set for it, and for services whose name begins with ours."""

PROTECTING: Final = ("CONTROL_TOKEN", "TOKEN_SECRET", "TIERS", "STRICT_KEYS")
"""Settings without which a server is less protected than its user may think."""


def variables_of(name: str) -> tuple[str, ...]:
    """The environment variables of a setting; the first that is set and not empty counts."""
    return (PREFIX + name, name) if name in EARLIER else (PREFIX + name,)


def is_link(text: str) -> bool:
    """Whether a value is not meant for us: the address of a container that is called gexfaker."""
    return _LINK.match(text) is not None


def _is_linked(name: str, text: str) -> bool:
    return is_link(text) or _LINKED.fullmatch(name) is not None


def unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """A sentence about each variable with our prefix that is no setting, with the name that may be meant."""
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in known or name in OF_CLIENTS or _is_linked(name, environment[variable]):
            continue
        close = nearest(name.upper(), known)
        hint = f": did you mean {PREFIX}{close}?" if close else ", see gexfaker settings"
        yield f"the environment variable {variable} is no setting{hint}"
    for name in PROTECTING:
        if environment.get(name) and not environment.get(PREFIX + name):
            yield f"the environment variable {name} is not used: {PREFIX}{name} would be"
    for variable in variables_of("PORT"):
        if is_link(environment.get(variable, "")):
            yield f"{variable} is an address that Kubernetes or Docker has set, and not used"
