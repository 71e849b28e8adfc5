"""What the commands of `gexfaker ctl` have in common: whom they ask, about whom, and how they show the answer."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import click

from gexfaker.cli.reach import is_given, with_key, with_token, with_url
from gexfaker.client.control import ALL, Control, Target

Command = Callable[..., None]


class Asked(NamedTuple):
    """Who is asked, about whom, and how the answer is printed."""

    control: Control
    target: Target
    as_json: bool

    def ask(self, method: str, path: str, body: object = None, *, more: str = "") -> Any:
        """What the server answers to a path of the key's faults or journal; ``more`` goes to its query."""
        return self.control.ask(method, path + self.target.query() + more, body)

    def follow(self, path: str, *, more: str = "") -> Iterator[Any]:
        """The events of such a path."""
        return self.control.follow(path + self.target.query() + more)

    def print(self, answer: object, lines: Iterable[str]) -> None:
        """The answer as JSON, or as lines for people."""
        if self.as_json:
            click.echo(json.dumps(answer, separators=(",", ":")))
        else:
            click.echo("\n".join(lines) or "there are no sessions")


def reaching(command: Command) -> Command:
    """Give a command, as its first argument, what its options mean."""

    @with_url
    @with_token
    @click.option("--json", "as_json", is_flag=True, help="Print the server's answer as JSON.")
    @functools.wraps(command)
    def reach(url: str, token: str | None, as_json: bool, **options: Any) -> None:
        everybody, session, key = (options.pop(name, None) for name in ("everybody", "session", "key"))
        _check_choice({"--all": everybody, "--session": session, "--key": key if is_given("key") else None})
        target = Target(key or "", ALL if everybody else session)
        command(Asked(Control(url, token), target, as_json), **options)

    return reach


def _check_choice(given: Mapping[str, object]) -> None:
    """Refuse two ways to say which session, and an empty one. Raises UsageError."""
    chosen = [name for name, value in given.items() if value not in (None, False)]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} both say which session: give one of them.")
    empty = next((name for name in chosen if not str(given[name]).strip()), None)
    if empty is not None:
        raise click.UsageError(f"{empty} is empty: is the variable unset that it was made of?")


def choosing(command: Command) -> Command:
    """The same, and the options that say which session."""
    reach = reaching(command)
    reach = click.option("--all", "everybody", is_flag=True, help="Every session there is.")(reach)
    reach = click.option("--session", metavar="ID", help="A session's id, as `sessions` shows it.")(reach)
    return with_key(reach)


def choosing_key(command: Command) -> Command:
    """The same for what is of one key at a time: its faults and its journal."""
    reach = click.option("--session", metavar="ID", help="A session's id, as `sessions` shows it.")(reaching(command))
    return with_key(reach)
