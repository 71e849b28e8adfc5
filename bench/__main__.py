"""`make bench`: fan-out, positions, a simulated market, many keys, REST, access log, journal, openings, cluster,
recorded days in each form, footprint, studio, encoding.

Linux only.

Ratios carry over to other machines, microseconds do not. Everything is compared within one run. Server and load each
have a core of their own where there are two.

    python -m bench            everything, some fifteen minutes
    python -m bench rest       a part: fanout, positions, simulated, keys, rest, access, journal, openings, cluster,
                               tapes, footprint, studio, encoding
    python -m bench --keep     the figures are those of this release from now on: bench/history/RELEASE.json
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.progress import Progress

from bench import (
    access,
    cluster,
    encoding,
    fanout,
    footprint,
    history,
    journal,
    keys,
    openings,
    positions,
    rest,
    simulated,
    studio,
    tapes,
)
from bench.report import Report, machine
from gexfaker import __version__

KEEP = "--keep"
PARTS = {
    "fanout": fanout.measure,
    "positions": positions.measure,
    "simulated": simulated.measure,
    "keys": keys.measure,
    "rest": rest.measure,
    "access": access.measure,
    "journal": journal.measure,
    "openings": openings.measure,
    "cluster": cluster.measure,
    "tapes": tapes.measure,
    "footprint": footprint.measure,
    "studio": studio.measure,
    "encoding": encoding.measure,
}


def main(names: list[str]) -> None:
    """Run the parts, print the table, keep the JSON."""
    keeping, names = KEEP in names, [name for name in names if name != KEEP]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    report = Report()
    try:
        with tempfile.TemporaryDirectory() as folder, Progress() as progress:
            for name in names or PARTS:
                PARTS[name](report, Path(folder) / name, progress)
    finally:
        report.print()
    if keeping:
        print(f"kept as {__version__}: {history.keep(__version__, machine(), report.values)}")


if __name__ == "__main__":
    main(sys.argv[1:])
