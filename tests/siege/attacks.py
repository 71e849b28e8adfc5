"""All attacks by name."""

from __future__ import annotations

import threading
from typing import Final

from siege import control, files, floods, frames, http_attacks, surroundings, walk
from siege.plan import Attack
from siege.target import Target


def nothing(target: Target) -> None:
    """What the figures are without an attack."""
    target.begun()
    threading.Event().wait()


ATTACKS: Final[dict[str, Attack]] = {
    "nothing": Attack(nothing, 0, "no attack, for comparison"),
    **frames.ATTACKS,
    **http_attacks.ATTACKS,
    **files.ATTACKS,
    **control.ATTACKS,
    **floods.ATTACKS,
    **surroundings.ATTACKS,
    **walk.ATTACKS,
}
