"""Why nothing comes to a client: the server knows, and is asked. Pure, but for the asking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gexfaker.client.control import Control, Target
from gexfaker.errors import ControlError


def reasons_of(control: Control, key: str, groups: Collection[str]) -> list[str]:
    """Sentences about what keeps these groups of a key silent; none when the server does not tell, as the real one."""
    try:
        status = control.show(Target(key))
    except ControlError:
        return []
    return list(dict.fromkeys(reasons(status, key, groups))) if isinstance(status, Mapping) else []


def reasons(status: Mapping[str, Any], key: str, groups: Collection[str]) -> Iterator[str]:
    """The same of a session's status as ``/_gexfaker/sessions`` shows it, each with what to do."""
    for connection in status.get("connections") or ():
        for group in connection["groups"]:
            if "silent" in group and group["group"] in groups:
                yield f"{group['group']} stays silent: {group['silent']}"
    playback, chosen = status.get("playback"), "" if key == "demo" else f" --key {key}"
    if playback is None:
        return
    if playback["paused"]:
        yield f"{key} is paused: go on with gexfaker ctl resume{chosen}"
    elif playback["over"]:
        yield f"{key} has come to the end of {playback['day']}: begin again with gexfaker ctl reset{chosen}"
    elif playback["market_closed"]:
        yield "the market is closed, and the server has --realism market-hours: the feed goes on when it opens"
