"""What was measured, and how it is told: a table with the spread of the repeats and the change since the last release,
and JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.history import change, newest

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"


class Report:
    """Values by name, in the order in which they came."""

    def __init__(self) -> None:
        self.values: Final[dict[str, list[float]]] = {}

    def note(self, name: str, value: float) -> None:
        """One more value of a measurement."""
        self.values.setdefault(name, []).append(value)

    def note_all(self, prefix: str, values: Mapping[str, float], *names: str) -> None:
        """Some of what a run counted."""
        for name in names:
            self.note(f"{prefix}, {name}", values[name])

    def print(self) -> None:
        """The table, and the JSON beside it."""
        release, kept = newest() or ("no release", {"machine": machine(), "values": {}})
        table = Table("what", "median", "range", "runs", f"since {release}", title=f"gexfaker on {machine()}")
        for column in table.columns[1:]:
            column.justify = "right"
        for name, values in self.values.items():
            spread = f"{number(min(values))} .. {number(max(values))}" if len(values) > 1 else ""
            old = kept["values"].get(name)
            since = change(name, values, old, same_machine=kept["machine"] == machine())
            table.add_row(name, number(statistics.median(values)), spread, str(len(values)), since)
        Console().print(table)
        if kept["machine"] != machine():
            print(f"{release} was measured on {kept['machine']}: only shares and ratios are compared")
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"machine": machine(), "values": self.values}, indent=1))
        print(f"as JSON: {RESULTS}")


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """What it was measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
