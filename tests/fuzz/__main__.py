"""python -m tests.fuzz [N [SEED]]     N messages (1,000,000) for each decoder and the hub, a tenth for the socket.

A step of the socket is a whole connection: handshake, token, frames, end.
"""

from __future__ import annotations

import functools
import logging
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .campaign import run
from .targets import targets


def main(count: int, seed: int) -> None:
    """Run everything and print a table."""
    logging.disable()
    console = Console()
    table = Table("target", "messages", "per second", "memory", "outcomes", title=f"seed {seed}")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        for target in targets():
            steps = count // target.divisor
            task = progress.add_task(target.name, total=steps)
            report = run(target, steps, seed, functools.partial(progress.advance, task))
            outcomes = ", ".join(f"{name} {number:,}" for name, number in report.outcomes.most_common())
            table.add_row(
                target.name,
                f"{steps:,}",
                f"{steps / report.seconds:,.0f}",
                f"{report.growth / 1024:+.0f} KiB",
                outcomes,
            )
    console.print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
