"""`gexfaker doctor` and `gexfaker health`: whether this machine, and a running server, are as they should be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.cli.flags import CONFIG, sources_of, with_flags_of
from gexfaker.cli.reach import Url, with_key, with_url
from gexfaker.errors import ControlError, SettingError
from gexfaker.settings import Sources, load, load_from

if TYPE_CHECKING:
    from gexfaker.cli.checks import Finding

TIMEOUT_SECONDS: Final = 5.0
"""How long a server has to answer."""


@click.command()
@CONFIG
@with_flags_of("DATA_DIR", "PORT")
@click.option("--url", type=Url(), metavar="URL", envvar="GEXFAKER_URL", help="A running server to look at, too.")
@with_key
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(config: str | None, url: str | None, key: str, as_json: bool, **flags: str | None) -> None:
    """Check this machine for what usually goes wrong: settings, port, data folder, proxies, open files, clock.

    Prints a line for each check, with what to do about it. The exit code is 1 if there is a problem.

    \b
    Examples:
      gexfaker doctor
      gexfaker doctor --data-dir ~/gexdata --port 9000
      gexfaker doctor --url http://127.0.0.1:9000 --key mine
      gexfaker doctor --json
    """
    findings = list(_examine(sources_of(config, flags, os.environ), url, key))
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{finding.kind:<7}  {finding.text}")
            if finding.remedy:
                click.echo(f"         -> {finding.remedy}")
    if any(finding.kind == "problem" for finding in findings):
        raise SystemExit(1)


def _examine(sources: Sources, url: str | None, key: str) -> Iterator[Finding]:
    from gexfaker.cli import checks

    ask = _asker(key)
    yield from checks.versions()
    try:
        loaded = load_from(sources)
    except SettingError as error:
        yield checks.wrong_setting(error)
        loaded = load({}, {})
    else:
        yield from checks.settings(loaded, sources.environment)
    ours = () if url else chain(checks.port(loaded, ask), checks.data(loaded))  # of a server to be started here
    yield from chain(ours, checks.proxies(sources.environment), checks.descriptors(), checks.clock())
    if url is not None:
        yield from checks.server(url, key, ask)


def _asker(key: str) -> Callable[[str], Any]:
    """Gives the decoded answer of a URL, asked as a client with this key."""
    from urllib.error import HTTPError
    from urllib.request import Request

    from gexfaker.client.http import fetch, said

    # Who only watches ends nothing that a client of the key has negotiated.
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "gexfaker", "X-Gexfaker-Watch": "true"}

    def ask(url: str) -> Any:
        try:
            return fetch(Request(url, headers=headers), TIMEOUT_SECONDS)  # noqa: S310
        except HTTPError as refused:
            with refused:
                why = said(refused)
            raise HTTPError(url, refused.code, why or str(refused.reason), refused.headers, None) from None

    return ask


@click.command()
@with_url
@click.option("--json", "as_json", is_flag=True, help="Print the server's answer as JSON.")
def health(url: str, as_json: bool) -> None:
    """Show what a running server plays, its counters, and how much of each bound is used.

    The exit code is 2 if there is no server, so that it serves as a health check.

    \b
    Examples:
      gexfaker health
      gexfaker health --url http://127.0.0.1:9000 --json
    """
    from http.client import HTTPException

    from gexfaker.client.http import unreachable

    try:
        answer = _asker("demo")(f"{url}/health")
        bounds = answer.pop("bounds") if not as_json else {}
    except (OSError, ValueError, KeyError, AttributeError, HTTPException) as error:
        reason = error if isinstance(error, OSError) else ValueError("that is no answer of a gexfaker")
        raise ControlError(unreachable(url, reason)) from None
    if as_json:
        click.echo(json.dumps(answer))
        return
    for name, value in answer.items():
        click.echo(f"{name:<20} {value}")
    click.echo("used of each bound:")
    for name, use in bounds.items():
        click.echo(f"  {name:<18} {use['used']:,} of {use['most']:,}")
