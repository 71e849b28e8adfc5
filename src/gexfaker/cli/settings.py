"""`gexfaker settings`: every setting, its value, and where that comes from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gexfaker.cli.flags import Sectioned, sources_of, with_settings
from gexfaker.errors import GexfakerError
from gexfaker.settings import DEFAULT, Section, Settings, idle_with, load_from, rows
from gexfaker.shell import expanded


@click.command(cls=Sectioned)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def settings(config: str | None, as_json: bool, **flags: Any) -> None:
    """Show the settings that `gexfaker serve` would have here, each with its value and its source, and check them.

    Takes the same flags, environment and file. Secrets are not shown. Exit code 2: the server would not start.

    \b
    Examples:
      gexfaker settings
      gexfaker settings --config desk.toml --speed 60
      gexfaker settings --json
    """
    sources = sources_of(config, flags, os.environ)
    loaded = load_from(sources)
    listed, notes = list(rows(loaded)), [*loaded.notes, *idle_with(loaded, is_stored=_is_stored(loaded))]
    if as_json:
        click.echo(json.dumps({"settings": listed, "notes": notes}))
    else:
        click.echo("\n".join(_lines(listed)))
        for note in notes:
            click.echo(f"note: {note}", err=True)
    from gexfaker.server.service import check_start  # when all has been shown: it takes a while to load

    check_start(loaded, time.time())


def _is_stored(loaded: Settings) -> bool:
    """Whether there are recorded days to play."""
    from gexfaker.tapes.folder import DataFolder

    try:
        return not loaded.simulate and bool(DataFolder(expanded(Path(loaded.data_dir))).dates())
    except GexfakerError:
        return False


def _lines(listed: list[dict[str, str]]) -> Iterator[str]:
    for section in Section:
        yield f"[{section}]"
        for row in listed:
            if row["section"] == section:
                source = "" if row["source"] == DEFAULT else f"  from {row['source']}"
                yield f"{row['name'].lower()} = {row['value']}{source}"
        yield ""
