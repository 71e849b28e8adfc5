"""`gexfaker drill`: run a client through ten bad days, and print its report card."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.errors import ControlError
from gexfaker.jobs.drills import DRILLS, READY_SECONDS, Drill, Result, run

if TYPE_CHECKING:
    from gexfaker.server.run import Server

FAILED: Final = 1
"""The exit code when a drill was failed."""

_NAMES: Final = ", ".join(one.name for one in DRILLS)


@click.command(epilog=f"The drills: {_NAMES}.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
@click.option("--only", metavar="NAME,...", help="Run only these drills.")
@click.option(
    "--ready", type=float, default=READY_SECONDS, show_default=True, help="Seconds that the client has to listen."
)
@click.option("--list", "lists", is_flag=True, help="Say what each drill is, and run none.")
@click.option("--json", "as_json", is_flag=True, help="Print the report card as JSON.")
def drill(command: Sequence[str], only: str | None, ready: float, lists: bool, as_json: bool) -> None:
    """Run a client through ten bad days, and print its report card.

    COMMAND starts the client; in it {url}, {ws_url} and {key} stand for the server's address and the API key, which
    are in GEXFAKER_URL and GEXFAKER_KEY, too. A server with a simulated market is started for it. The client should
    negotiate, join a group, and run until it is stopped. The exit code is 0 when it passes all drills, 1 when not.

    \b
    Examples:
      gexfaker drill -- python my_client.py --base-url {url} --key {key}
      gexfaker drill --only reset,restart -- node client.mjs
      gexfaker drill --list
    """
    chosen = _chosen(only)
    if lists:
        click.echo("\n".join(line for one in chosen for line in _about(one)))
        return
    if not command:
        raise click.UsageError("which client? Write its command behind --, such as: gexfaker drill -- python client.py")
    results = list(_run_all(chosen, command, ready, quiet=as_json))
    passed = sum(one.passed for one in results)
    if as_json:
        click.echo(json.dumps([one._asdict() for one in results]))
    else:
        click.echo(f"{passed} of {len(results)} passed")
    if passed < len(results):
        raise SystemExit(FAILED)


def _chosen(only: str | None) -> list[Drill]:
    """The drills that are meant. Raises ControlError: there is none of a name."""
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    known = {one.name: one for one in DRILLS}
    for name in names:
        if name not in known:
            raise ControlError(f"there is no drill {name!r}: there are {_NAMES}")
    return [known[name] for name in names] or list(DRILLS)


def _about(one: Drill) -> Iterator[str]:
    yield one.name
    yield click.wrap_text(f"{one.about} A good client {one.good}.", 96, "    ", "    ")


def _run_all(chosen: Sequence[Drill], command: Sequence[str], ready: float, *, quiet: bool) -> Iterator[Result]:
    """The drills one after the other, each with a key of its own; a line for each as soon as it is over."""
    from gexfaker.client.undertest import KeyUnderTest

    with _without_warnings(), _server().in_thread() as server:
        for number, one in enumerate(chosen, 1):
            if not quiet:
                click.echo(f"{number:>2}/{len(chosen)}  {one.name:<16}", nl=False)
            try:
                result = run(one, command, KeyUnderTest(server.url, f"drill-{one.name}"), ready)
            except OSError as problem:
                raise ControlError(f"{command[0]} cannot be started: {problem.strerror or problem}") from None
            if not quiet:
                click.echo("\n".join(_lines(result)))
            yield result


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The warnings of the server would stand in the report card."""
    ours = logging.getLogger("gexfaker")
    before = ours.level
    ours.setLevel(logging.ERROR)
    try:
        yield
    finally:
        ours.setLevel(before)


def _server() -> Server:
    from gexfaker.server.run import Server
    from gexfaker.settings import load

    flags: dict[str, Any] = {"PORT": "0", "SIMULATE": "true"}
    return Server(load(flags, {}))


def _lines(result: Result) -> Iterator[str]:
    yield f"{'passed' if result.passed else 'FAILED'}  {result.seconds:5.1f} s"
    if not result.passed:
        yield click.wrap_text(result.text, 96, " " * 8, " " * 8)
        yield from (f"        | {line[:88]}" for line in result.printed)
