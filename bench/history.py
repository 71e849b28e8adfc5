"""The figures of each release, kept as `bench/history/RELEASE.json`, and how a run differs from them.

A difference counts when it is larger than what the same code shows from run to run: the ranges of both do not meet, and
the medians are further apart than NOISE. Figures of another machine are not compared, except those without a unit.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

HISTORY: Final = Path(__file__).parent / "history"
NOISE: Final = 0.15
"""Whole runs of the same code differ by so much on a shared machine."""

RATIOS: Final = (" / ", ", times ", "CPU times", "delivered")
"""Parts of the names of figures that are shares or ratios within one run."""

Values = Mapping[str, Sequence[float]]


def newest(folder: Path = HISTORY) -> tuple[str, dict[str, Any]] | None:
    """(release, what was kept of it) of the newest release, None when there is none."""
    kept = sorted(folder.glob("*.json"), key=lambda file: _release(file.stem))
    return (kept[-1].stem, json.loads(kept[-1].read_text())) if kept else None


def _release(name: str) -> list[int]:
    return [int(part) for part in name.split(".") if part.isdecimal()]


def keep(release: str, machine: str, values: Values, folder: Path = HISTORY) -> Path:
    """Write the figures of a release; those of parts that were not measured now stay as they were."""
    file = folder / f"{release}.json"
    folder.mkdir(exist_ok=True)
    before = json.loads(file.read_text()) if file.exists() else {}
    all_values: dict[str, list[float]] = before["values"] if before.get("machine") == machine else {}
    all_values |= {name: list(found) for name, found in values.items()}
    file.write_text(json.dumps({"machine": machine, "values": all_values}, indent=1) + "\n")
    return file


def change(name: str, now: Sequence[float], before: Sequence[float] | None, *, same_machine: bool) -> str:
    """What a figure is now against before, such as ``+23 %``; ``=`` within the noise, "" when not comparable."""
    if not before or not (same_machine or any(part in name for part in RATIOS)):
        return ""
    old, new = statistics.median(before), statistics.median(now)
    meet = min(now) <= max(before) and min(before) <= max(now)
    if meet or abs(new - old) <= NOISE * abs(old):
        return "="
    return f"{(new - old) / abs(old):+.0%}".replace("%", " %") if old else "new"
