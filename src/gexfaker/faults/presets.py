"""Lists of rules with a name, for what goes wrong most; each says what a good client does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

from gexfaker.errors import ControlError
from gexfaker.faults.rules import Rule, read_list, read_rules, rules_of


class Preset(NamedTuple):
    """Rules, what they stand for, and what a good client does."""

    about: str
    good: str
    faults: list[dict[str, Any]]


PRESETS: Final[dict[str, Preset]] = {
    "slow-network": Preset(
        "Answers and messages come 100 to 600 ms late, with 64 KB a second.",
        "shows how old its data is, has a timeout for each request, and asks for nothing twice at a time",
        [
            {
                "name": "slow-answers",
                "type": "latency",
                "on": {"route": "*"},
                "attributes": {"lower": 100, "upper": 600},
            },
            {"name": "slow-feed", "type": "bandwidth", "attributes": {"rate": 64}},
        ],
    ),
    "flaky-feed": Preset(
        "One message in fifty is lost, doubled or broken, and the connection breaks every thousand messages.",
        "recovers by its reconnection token, knows each record by its timestamp, and passes over what it cannot read",
        [
            {"name": "break", "type": "reset_peer", "on": {"hub": "*"}, "after": 1000, "count": 5},
            {"name": "lost", "type": "drop", "toxicity": 0.02},
            {"name": "twice", "type": "duplicate", "toxicity": 0.02},
            {"name": "broken", "type": "corrupt", "toxicity": 0.02, "attributes": {"part": "zstd"}},
        ],
    ),
    "open-burst": Preset(
        "At the open the first records are those of before, then messages are doubled and come in another order.",
        "orders records by their timestamps, and keeps no more than it shows",
        [
            {"name": "old-first", "type": "stale", "on": {"group": "*"}, "count": 30, "attributes": {"records": 5}},
            {"name": "twice", "type": "duplicate", "toxicity": 0.5, "for": "60s", "attributes": {"copies": 3}},
            {"name": "mixed", "type": "reorder", "for": "60s", "attributes": {"window": 5}},
        ],
    ),
    "quota-exhausted": Preset(
        "Every request is answered 429, as on a day whose quota is used up; the feed goes on.",
        "waits as long as Retry-After says, and goes on with the feed",
        [{"name": "used-up", "type": "quota", "attributes": {"pool": "day"}}],
    ),
    "token-hour": Preset(
        "Tokens have expired when the client connects with them again, and its connection is reset once.",
        "negotiates again when a handshake is answered 401, instead of trying the old address for ever",
        [
            {"name": "expired", "type": "expire_token", "count": 1, "on": {"route": "*negotiate*"}},
            {"name": "break", "type": "reset_peer", "on": {"hub": "*"}, "after": 20, "count": 1},
            {"name": "forgotten", "type": "refuse_recovery", "count": 1},
        ],
    ),
    "bad-friday": Preset(
        "Requests fail with a proxy's 502, or come cut; the feed has gaps of half a minute, and the server restarts.",
        "tries again with growing pauses, shows that data is missing, and is itself again a minute later",
        [
            {
                "name": "bad-gateway",
                "type": "status",
                "toxicity": 0.3,
                "attributes": {
                    "code": 502,
                    "headers": {"Content-Type": "text/html"},
                    "body": "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1>"
                    "</center><hr><center>nginx</center></body></html>\n",
                },
            },
            {"name": "cut", "type": "malformed", "toxicity": 0.1},
            {"name": "silence", "type": "gap", "toxicity": 0.002, "attributes": {"duration": 30_000}},
            {"name": "restart", "type": "close", "toxicity": 0.001, "attributes": {"code": 1001}},
        ],
    ),
}
"""Every preset by its name."""


def rules_called(text: str) -> tuple[Rule, ...]:
    """The rules of a preset, of a list in JSON, or of a file with one, for every key. Raises ControlError."""
    if text in PRESETS:
        return preset(text)
    return read_list(text.encode()) if text.lstrip().startswith(("[", "{")) else read_rules(Path(text))


def preset(name: str) -> tuple[Rule, ...]:
    """The rules of a preset. Raises ControlError: there is none of that name."""
    if not isinstance(name, str):
        raise ControlError(f"a preset is one name, not {str(name)[:60]}: there are {', '.join(PRESETS)}")
    found = PRESETS.get(name)
    if found is None:
        raise ControlError(f"there is no preset {name[:40]!r}: there are {', '.join(PRESETS)}")
    return rules_of(found.faults)
