"""Commands that are misspelt, or have another name elsewhere, are answered with the right one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click

from gexfaker.nearest import nearest


class Suggesting(click.Group):
    """Commands, with a suggestion where there is none of a name.

    Attributes:
        MEANT: other words, each with the command that is meant.
    """

    MEANT: ClassVar[Mapping[str, str]] = {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that arguments name; for another word the right name is in the error."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = self.MEANT.get(args[0].lower()) or nearest(args[0], known)
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {close!r}?' if close else ''}")
        return super().resolve_command(ctx, args)
