"""The installed command `gexfaker`."""

from __future__ import annotations

import os
import re
import signal
import sys
from importlib import import_module
from time import monotonic
from typing import Final, NamedTuple

import click

from gexfaker import __version__
from gexfaker.cli.exits import INTERRUPTED, TERMINATED, Terminated
from gexfaker.cli.loading import without_collector
from gexfaker.cli.suggesting import Suggesting
from gexfaker.errors import GexfakerError
from gexfaker.limits import SAME_SIGNAL_SECONDS

PARENT: Final = os.getppid()
"""The process that started this one, taken at once: if it ends while this one still starts, another takes its place."""

RESUMABLE: Final = {"download", "generate", "import", "prepare"}
"""Commands that go on with the next file when they are run again."""


class Entry(NamedTuple):
    """A command: the module of ``gexfaker.cli`` that has it, loaded when it is asked for, and what it does.

    Attributes:
        function: what it is called there, if not by its name.
    """

    module: str
    does: str
    function: str = ""


COMMANDS: Final = {
    "collect": Entry("collect", "Get each trading evening's reports."),
    "completion": Entry("completion", "Print what has a shell complete commands and values."),
    "coverage": Entry("coverage", "Show which recorded days there are."),
    "ctl": Entry("ctl", "Show and change sessions: seek, pause, step, speed, day, mode."),
    "doctor": Entry("doctor", "Check what usually goes wrong, with remedies."),
    "download": Entry("download", "Get recorded days from the service."),
    "drill": Entry("drill", "Run a client through ten bad days."),
    "generate": Entry("generate", "Write simulated days to files."),
    "health": Entry("doctor", "Show how a running server is."),
    "import": Entry("importing", "Bring recorded days into the data folder.", "import_"),
    "inspect": Entry("inspect", "Check the days of a data folder."),
    "listen": Entry("listen", "Watch feeds in the terminal."),
    "plot": Entry("plot", "Draw a day to PNG files."),
    "prepare": Entry("prepare", "Encode a recorded day beforehand."),
    "serve": Entry("serve", "Start the server."),
    "settings": Entry("settings", "Show every setting and where its value comes from."),
    "verify": Entry("download", "Compare downloaded files with what came."),
}
"""All of them, by name."""


class Commands(Suggesting):
    """The commands of COMMANDS. To load all of them takes longer than one of them needs to start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        with without_collector():
            module = import_module(f"gexfaker.cli.{entry.module}")
        found: click.Command = getattr(module, entry.function or cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each of them does, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].does) for name in self.list_commands(ctx)])


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
      gexfaker download --tickers SPX       the newest end-of-day report of the service
      gexfaker coverage ~/gexdata           which days there are, and which are missing
      gexfaker import ~/Downloads           days that you have downloaded into the data folder
      gexfaker generate --date 2026-07-17   a simulated day as files
      gexfaker plot --date 2026-07-17       a simulated day as pictures
      gexfaker prepare latest               the newest recorded day encoded beforehand
      gexfaker settings                     every setting, and where its value comes from
      gexfaker doctor                       what usually goes wrong, and what to do about it
      gexfaker health                       what a running server plays, and how busy it is
      gexfaker drill -- node client.mjs     how a client survives ten bad days
    """


def main() -> None:
    """Run the command line; errors meant for the user are one line, exit code 2. After a signal it is 130 or 143."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(cli.main(prog_name="gexfaker", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.ctx and isinstance(error.ctx.command, click.Group):
            _tell_whose_option(error.ctx, error.ctx.command, error.option_name)
        if re.search(r"unexpected extra argument.*\((?:[A-Z]{2,5}\b|.*/)", error.message):
            click.echo('A list is one argument, with commas; PowerShell needs quotes around it: "SPX,SPY".', err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as ended:
        resumed = ": run it again to go on" if set(sys.argv[1:2]) & RESUMABLE else ""
        click.echo(f"stopped{resumed}", err=True)
        is_terminated = isinstance(ended, Terminated) or isinstance(ended.__cause__, Terminated)
        sys.exit(TERMINATED if is_terminated else INTERRUPTED)
    except GexfakerError as error:
        click.echo(f"gexfaker: {error}", err=True)
        sys.exit(2)


def _tell_whose_option(context: click.Context, group: click.Group, option: str) -> None:
    """Which commands of a group have an option that stands before them."""
    commands = [command for name in group.list_commands(context) if (command := group.get_command(context, name))]
    owners = [one.name for one in commands if any(option in parameter.opts for parameter in one.params)]
    if owners:
        which = ", ".join(map(str, owners))
        click.echo(f"It stands behind the command: {context.command_path} COMMAND {option} (of {which})", err=True)


def _terminate(_signal: int, _frame: object) -> None:
    """The first signal ends the command, and a later one ends it at once; one that follows at once is the same."""
    began = monotonic()

    def again(number: int, _frame: object) -> None:
        if monotonic() - began > SAME_SIGNAL_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, again)
    raise Terminated
