"""The installed command `gexfaker`."""

from __future__ import annotations

import difflib
import os
import sys
from importlib import import_module
from typing import Final

import click

from gexfaker import __version__
from gexfaker.errors import GexfakerError

PARENT: Final = os.getppid()
"""The process that started this one, taken at once: if it ends while this one still starts, another takes its place."""

RESUMABLE: Final = {"generate", "prepare"}
"""Commands that go on with the next file when they are run again."""

INTERRUPTED: Final = 130
"""The exit code of a program that Ctrl-C has ended: 128 and the number of the signal."""


MODULES: Final = {
    **{name: name for name in ("serve", "listen", "ctl", "generate", "inspect", "plot", "prepare")},
    "settings": "settings",
    "doctor": "doctor",
    "health": "doctor",
}
"""The commands, each with the module of ``gexfaker.cli`` that has it; it is loaded when the command is asked for."""


class Commands(click.Group):
    """The commands of MODULES. To load all of them takes longer than one of them needs to start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in alphabetical order."""
        return sorted(MODULES)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that arguments name; for a misspelt one the right name is in the error."""
        if args[0] not in MODULES and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(args[0], MODULES, n=1)
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {close[0]!r}?' if close else ''}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in MODULES:
            return None
        found: click.Command = getattr(import_module(f"gexfaker.cli.{MODULES[cmd_name]}"), cmd_name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gexfaker")
def cli() -> None:
    """A local stand-in for the GexBot market-data API.

    \b
    Examples:
      gexfaker serve                        a simulated market on http://127.0.0.1:8080
      gexfaker serve --data-dir ~/gexdata   your recorded days instead
      gexfaker listen orderflow SPX         watch the feed as a client sees it
      gexfaker ctl seek 10:30               jump to half past ten; also pause, speed, day and more
      gexfaker inspect ~/gexdata            whether recorded days are sound
      gexfaker generate --date 2026-07-17   a simulated day as files
      gexfaker plot --date 2026-07-17       a simulated day as pictures
      gexfaker prepare latest               the newest recorded day encoded beforehand
      gexfaker settings                     every setting, and where its value comes from
      gexfaker doctor                       what usually goes wrong, and what to do about it
      gexfaker health                       what a running server plays, and how busy it is
    """


def main() -> None:
    """Run the command line; errors meant for the user are one line, exit code 2. After Ctrl-C it is 130, as usual."""
    try:
        sys.exit(cli.main(prog_name="gexfaker", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        resumed = ": run it again to go on" if set(sys.argv[1:2]) & RESUMABLE else ""
        click.echo(f"stopped{resumed}", err=True)
        sys.exit(INTERRUPTED)
    except GexfakerError as error:
        click.echo(f"gexfaker: {error}", err=True)
        sys.exit(2)
