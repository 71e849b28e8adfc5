"""`gexfaker settings`: every setting, its value, and where that comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gexfaker.cli.flags import Sectioned, sources_of, with_settings
from gexfaker.errors import GexfakerError
from gexfaker.settings import DEFAULT, SETTINGS, Section, Settings, Sources, idle_with, load_from


@click.command(cls=Sectioned)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def settings(config: str | None, as_json: bool, **flags: Any) -> None:
    """Show the settings that `gexfaker serve` would have here, each with its value and its source, and check them.

    Takes the same flags, environment and file. Secrets are not shown.

    \b
    Examples:
      gexfaker settings
      gexfaker settings --config desk.toml --speed 60
      gexfaker settings --json
    """
    sources = sources_of(config, flags, os.environ)
    loaded = load_from(sources)
    rows, notes = list(_rows(loaded, sources)), [*loaded.notes, *idle_with(loaded, is_stored=_is_stored(loaded))]
    if as_json:
        click.echo(json.dumps({"settings": rows, "notes": notes}))
        return
    click.echo("\n".join(_lines(rows)))
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _is_stored(loaded: Settings) -> bool:
    """Whether there are recorded days to play."""
    from gexfaker.tapes.folder import DataFolder

    try:
        return not loaded.simulate and bool(DataFolder(Path(loaded.data_dir).expanduser()).dates())
    except GexfakerError:
        return False


def _rows(loaded: Settings, sources: Sources) -> Iterator[dict[str, str]]:
    texts = sources.texts()
    for name, setting in SETTINGS.items():
        text, source = texts[name]
        value = getattr(loaded, name.lower())
        shown = text or ("unset" if value is None else str(value))
        hidden = setting.secret and source != DEFAULT
        yield {
            "section": setting.section.value,
            "name": name,
            "value": "***" if hidden else shown,
            "source": source,
        }


def _lines(rows: list[dict[str, str]]) -> Iterator[str]:
    for section in Section:
        yield f"[{section}]"
        for row in rows:
            if row["section"] == section:
                source = "" if row["source"] == DEFAULT else f"  from {row['source']}"
                yield f"{row['name'].lower()} = {row['value']}{source}"
        yield ""
