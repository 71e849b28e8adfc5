"""Why nothing comes to a client: the server knows, and is asked. Pure, but for the asking."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gexfaker.client.control import Control, Target
from gexfaker.errors import ControlError
from gexfaker.exchange.hours import opening
from gexfaker.wire.tokens import world_id


def status_of(control: Control, key: str) -> Mapping[str, Any] | None:
    """A key's session as the server shows it; None when it does not, as the service.

    The session is asked for by its id, as another server may write down what stands in an address.
    """
    try:
        status = control.show(Target(session=world_id(key)))
    except ControlError:
        return None
    return status if isinstance(status, Mapping) else None


def is_before_the_open(playback: Mapping[str, Any]) -> bool:
    """Whether its day has still to begin, with a market clock that runs."""
    market = playback.get("market_time")
    return market is not None and market < opening(datetime.date.fromisoformat(playback["day"]))


def reasons(status: Mapping[str, Any], key: str, groups: Collection[str], at: str = "") -> Iterator[str]:
    """Sentences about what keeps these groups of a key silent, each with what to do, by the status of its session.

    ``at`` is the option by which commands find the server, such as `` --url http://127.0.0.1:9000``.
    """
    for connection in status.get("connections") or ():
        for group in connection.get("groups") or ():
            if "silent" in group and group.get("group") in groups:
                yield f"{group['group']} stays silent: {group['silent']}"
    playback, chosen = status.get("playback") or {}, at + ("" if key == "demo" else f" --key {key}")
    if hit := [fault for fault in status.get("faults") or () if fault["hits"]]:
        names = ", ".join(f"{fault['name']} (hit {fault['hits']:,})" for fault in hit)
        yield f"faults of {key} are on: {names}; take them away with gexfaker ctl fault off{chosen}"
    if playback.get("paused"):
        yield f"{key} is paused: go on with gexfaker ctl resume{chosen}"
    elif opens := status.get("market_opens"):
        yield f"the market is closed until {opens}: the server keeps its hours (--realism market-hours)"
    elif playback.get("over"):
        yield f"{key} has come to the end of {playback['day']}: go back with gexfaker ctl seek open{chosen}"
        if not playback.get("messages_sent") and not str(playback.get("origin")).startswith("simulated"):
            yield "no record of it was sent: gexfaker inspect says whether its lines can be read"
    elif is_before_the_open(playback):
        yield (
            f"for {key} it is {playback['shown']}, before the first record: wait for the open, or go there with "
            f"gexfaker ctl seek open{chosen}"
        )
