"""``python -m tests.siege [SECONDS] [--only NAME ...]``: one attack after the other, and a table of what came of them.

SIEGE_SOURCE=FOLDER in the environment attacks another version of the package than the one that is installed.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from siege.attacks import ATTACKS
from siege.bounds import SECONDS
from siege.fortress import HUNG
from siege.run import Result, judged

WIDTH: Final = 120
LOG_LINES: Final = 40
COLUMNS: Final = ("attack", "conn.", "did", "gap ms", "max", "all", "health", "REST", "new s", "MB", "after", "fds")


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.siege", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=SECONDS, help="of each attack")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these; a name may be a beginning")
    parser.add_argument("--log", action="store_true", help="show the end of the server's log where one fails")
    parser.add_argument("--list", action="store_true", help="tell what there is")
    return parser.parse_args(given)


def _chosen(wanted: list[str]) -> list[str]:
    """The names that are wanted, all of them if none is."""
    unknown = [start for start in wanted if not any(name.startswith(start) for name in ATTACKS)]
    if unknown:
        raise SystemExit(f"there is no attack {', '.join(unknown)}; there are {', '.join(ATTACKS)}")
    exact = [name for name in wanted if name in ATTACKS]
    begun = tuple(start for start in wanted if start not in ATTACKS)
    return [name for name in ATTACKS if not wanted or name in exact or (begun and name.startswith(begun))]


def _short(count: int) -> str:
    """A count in five characters."""
    return f"{count / 1e6:.1f}M" if count >= 1e6 else f"{count / 1e3:.0f}k" if count >= 1e4 else str(count)


def _row(result: Result) -> list[str]:
    complaints = result.complaints()
    code = "-" if result.broken else "hung" if result.exit_code == HUNG else str(result.exit_code)
    return [
        result.name,
        str(result.attack.connections),
        _short(result.did),
        f"{result.gap_p99:.0f}",
        f"{result.gap_max:.0f}",
        "no" if result.problems or not result.turns else "yes",
        f"{result.health_p99:.0f}",
        f"{result.rest_p99:.0f}",
        f"{result.newcomer_seconds:.1f}",
        f"{result.rss_peak:.0f}",
        f"{result.rss_after:.0f}",
        f"{result.descriptors_before}→{result.descriptors_after}",
        code,
        "[red]FAILS[/]" if complaints else "[green]holds[/]",
    ]


def _table(results: list[Result]) -> Table:
    table = Table(box=None, pad_edge=False, title="gap, health, REST: 99th percentile in ms; new: slowest new client")
    for name in (*COLUMNS, "exit", "verdict"):
        table.add_column(name, justify="left" if name in ("attack", "verdict") else "right", no_wrap=True)
    for result in results:
        table.add_row(*_row(result))
    return table


def _tell(console: Console, result: Result, log_lines: int) -> None:
    """Why one fails."""
    if complaints := result.complaints():
        for line in result.log[len(result.log) - log_lines :]:
            console.print(line, markup=False, highlight=False)
        console.print(f"{result.name} ({result.attack.what}): {', '.join(complaints)}", markup=False, highlight=False)
        if result.spoilt:
            console.print(f"{result.name}: {result.spoilt}, at the last attempt too", highlight=False)


def main(given: list[str]) -> int:
    """The exit code."""
    arguments, console = _arguments(given), Console(width=WIDTH)
    names = _chosen(arguments.only)
    if arguments.list:
        for name in names:
            console.print(f"{name}: {ATTACKS[name].connections} x {ATTACKS[name].what}", highlight=False)
        return 0
    results: list[Result] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    try:
        for number, name in enumerate(names, 1):
            with console.status(f"{number} of {len(names)}: {name} ({ATTACKS[name].what})"):
                results.append(judged(name, arguments.seconds))
            _tell(console, results[-1], LOG_LINES if arguments.log else 0)
    finally:  # what there is, if it is interrupted too
        console.print(_table(results), highlight=False)
    return 1 if any(result.complaints() for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
