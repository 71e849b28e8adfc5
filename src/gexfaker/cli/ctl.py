"""`gexfaker ctl`: the control plane from the terminal. A thin client: the server decides, and its answers are shown.

The commands that change a session are made from the control actions, one for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, ClassVar, Final

import click

from gexfaker.cli.asking import Asked, choosing, reaching
from gexfaker.cli.reach import with_key
from gexfaker.cli.suggesting import Suggesting
from gexfaker.client.control import ALL
from gexfaker.client.silence import is_before_the_open
from gexfaker.errors import ControlError
from gexfaker.parsing import duration
from gexfaker.playback.actions import ACTIONS, COUNT, CREATION, MOMENT, SECONDS, SPEED, Action, Argument, Kind

Command = Callable[..., None]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return duration(text)
    except ValueError:
        raise ControlError(f"{text!r} is not a time: write seconds, or a time such as 500ms") from None


def _where(where: str) -> int | float | str:
    """Epoch seconds as a number, anything else as it is."""
    for kind in (int, float):
        try:
            return kind(where)
        except ValueError:
            continue
    return where


_NEGATIVE: Final = re.compile(r"-[0-9][0-9.]*[a-z]*")


def _speed(text: str | float) -> float:
    """A speed as people write it: 10, 0.5, 10x."""
    try:
        return float(str(text).lower().removesuffix("x"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no speed: write a number, such as 10 or 0.5") from None


_TYPES: Final[dict[Kind, Callable[[str], Any]]] = {COUNT: int, SPEED: _speed}
"""The kinds of argument that are checked before the server is asked."""

_READERS: Final[dict[Kind, Callable[[str], Any]]] = {SECONDS: _seconds, MOMENT: _where}
"""The kinds that have another form on the command line than in a request."""


# --- options -------------------------------------------------------------------------------------


def _option(name: str, argument: Argument, flag: str | None = None) -> Callable[[Command], Command]:
    """The option of an argument of an action."""
    kind_type = _TYPES.get(argument.kind)
    return click.option(
        flag or "--" + name.replace("_", "-"),
        name,
        type=kind_type,
        metavar="INTEGER" if kind_type is int else "FLOAT" if kind_type else argument.metavar,
        help=argument.help,
    )


def _read(action: type[Action], options: Mapping[str, Any]) -> Action:
    """The action that options mean; the server checks them."""
    known = action.arguments()
    given = {name: value for name, value in options.items() if name in known and value is not None}
    readers = {name: _READERS.get(known[name].kind) for name in given}
    values = {name: value if (reader := readers[name]) is None else reader(value) for name, value in given.items()}
    return action(**values)


# --- commands ------------------------------------------------------------------------------------


class Ctl(Suggesting):
    """The commands of control actions, and those that are loaded when they are asked for."""

    LATER: Final[dict[str, tuple[str, str]]] = {
        "fault": ("ctlfault", "Break things on purpose for a key."),
        "journal": ("ctljournal", "Show what the clients of a key did and were told."),
        "market": ("ctlmarket", "Show or change what is played: recorded days, or a simulated market."),
    }
    """By name: the module, and what the command does."""

    MEANT: ClassVar = {
        "play": "resume",
        "start": "resume",
        "go": "resume",
        "stop": "pause",
        "jump": "seek",
        "goto": "seek",
    }
    """Words that other programs, and the buttons of the studio, have for the same."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in alphabetical order."""
        return sorted([*super().list_commands(ctx), *self.LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in self.LATER:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(f"gexfaker.cli.{self.LATER[cmd_name][0]}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What each of them does, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short(name)) for name in self.list_commands(ctx)])

    def _short(self, name: str) -> str:
        return self.LATER[name][1] if name in self.LATER else self.commands[name].get_short_help_str(80)


@click.group(cls=Ctl)
def ctl() -> None:
    """Show and change the sessions of a running server. Each API key has one: its day, its clock, its options.

    Every command prints what came of it: requested -> resolved (why it is not the same).

    \b
    Examples:
      gexfaker ctl sessions
      gexfaker ctl seek 10:30                 the key demo, to half past ten
      gexfaker ctl speed 60 --key mine        a minute a second
      gexfaker ctl pause --all
      gexfaker ctl step 5 --session key-2a97516c354b6884
      gexfaker ctl fault add latency          answers of the key demo come a second late
      gexfaker ctl journal --follow           what its clients do
      gexfaker ctl market --scenario flash-crash
    """


@ctl.command(short_help="List all sessions.")
@reaching
def sessions(asked: Asked) -> None:
    """List all sessions, one line each.

    \b
    Examples:
      gexfaker ctl sessions
      gexfaker ctl sessions --json --url http://127.0.0.1:9000
    """
    answer = asked.control.sessions()
    asked.print(answer, map(status_line, answer["sessions"]))


@ctl.command(short_help="Show a session and its groups.")
@choosing
def show(asked: Asked) -> None:
    """Show where a session is, and for each group that is joined the next record, or why nothing comes.

    \b
    Examples:
      gexfaker ctl show
      gexfaker ctl show --key mine --json
    """
    answer = asked.control.show(asked.target)
    several = answer["sessions"] if asked.target.session == ALL else [answer]
    asked.print(answer, (line for one in several for line in (status_line(one), *group_lines(one))))


def _creation_options(command: Command) -> Command:
    """The arguments of the actions that begin a session anew; a day is called so, and a place is a time."""
    known = {name: argument for action in CREATION for name, argument in action.arguments().items()}
    aside = {name for action in CREATION for names in action.EITHER for name in names} - {"time"}
    for name in reversed([name for name in known if name not in aside]):
        command = _option(name, known[name], "--day" if name == "date" else None)(command)
    return command


@ctl.command(short_help="Begin a session with settings of its own.")
@_creation_options
@with_key
@reaching
def create(asked: Asked, **options: Any) -> None:
    """Begin a key's session anew, with settings of its own.

    \b
    Examples:
      gexfaker ctl create --day 2026-07-17 --speed 60
      gexfaker ctl create --key mine --time 15:30 --cache-mode rotation
    """
    wanted = [action for action in CREATION if any(options.get(name) is not None for name in action.arguments())]
    answer = asked.control.create(asked.target.key, [_read(action, options) for action in wanted])
    effects = (effect_line(answer["session"], name, effect) for name, effect in answer["effects"].items())
    asked.print(answer, effects)


class Acting(click.Command):
    """The command of an action. A negative number is its argument, for the action to refuse, and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        ctx.ignore_unknown_options = any(_NEGATIVE.fullmatch(arg) for arg in args)
        return super().parse_args(ctx, args)


def _command_of(action: type[Action]) -> click.Command:
    """The command of an action."""

    def run(asked: Asked, **options: Any) -> None:
        where = options.pop("where", None)
        chosen = next((name for name in action.POSITIONAL[1:] if options.pop(name, False)), None)
        if action.POSITIONAL:
            options[chosen or action.POSITIONAL[0]] = where if chosen is None else _where(where)
        _act(asked, _read(action, options))

    command = choosing(run)
    known = action.arguments()
    for name in reversed([name for name in known if name not in action.POSITIONAL]):
        command = _option(name, known[name])(command)
    for name in reversed(action.POSITIONAL[1:]):
        command = click.option(f"--{name}", is_flag=True, help=known[name].help)(command)
    if action.POSITIONAL:
        command = _positional(known[action.POSITIONAL[0]])(command)
    examples = "\n".join(f"  gexfaker ctl {action.NAME} {example}".rstrip() for example in action.EXAMPLES)
    text = f"{action.HELP}\n\n\b\nExamples:\n{examples}"
    return click.command(action.NAME, cls=Acting, help=text, short_help=action.SHORT)(command)


def _positional(argument: Argument) -> Callable[[Command], Command]:
    """The argument of a command that needs no flag; one that has a default may be left out."""
    shown, kind_type = argument.metavar, _TYPES.get(argument.kind)
    if argument.is_needed or argument.default is None:
        # click takes even None for a default, with which an argument may be left out.
        return click.argument("where", metavar=shown, type=kind_type)
    return click.argument("where", metavar=f"[{shown}]", type=kind_type, default=argument.default)


def _act(asked: Asked, action: Action) -> None:
    """Do something to the session, or to all, and print what came of it."""
    answer = asked.control.act(asked.target, action)
    several = answer["sessions"] if asked.target.session == ALL else [answer]
    asked.print(answer, (effect_line(one["session"], action.NAME, one) for one in several))
    refused = [one for one in several if "error" in one]
    if refused:
        raise ControlError(f"{action.NAME}: not done to {len(refused)} of {len(several)} sessions")


for _action in ACTIONS.values():
    ctl.add_command(_command_of(_action))


@ctl.command(short_help="Close a session's connections.")
@choosing
def close(asked: Asked) -> None:
    """Close all connections of a session as the service does; the session keeps its place.

    \b
    Examples:
      gexfaker ctl close --key mine
    """
    answer = asked.control.close(asked.target)
    asked.print(answer, [f"{answer['session']} close: {answer['closed']} connections closed"])


# --- lines ---------------------------------------------------------------------------------------


def effect_line(session: str, action: str, effect: Mapping[str, Any]) -> str:
    if "error" in effect:
        return f"{session} {action}: not done: {effect['error']}"
    reason = f" ({effect['reason']})" if effect["reason"] else ""
    asked, done = _text(effect["requested"]), _text(effect["resolved"])
    return f"{session} {action}{'' if asked in (done, action) else f' {asked}'}: {done}{reason}{_whereabouts(effect)}"


def _whereabouts(effect: Mapping[str, Any]) -> str:
    """Where the key is now, unless the effect itself says so, and why nothing more comes to it, if nothing does."""
    playback = effect.get("playback") or {}
    is_said = isinstance(effect["resolved"], dict) and "shown" in effect["resolved"]
    place = None if is_said else playback.get("shown")
    over = "the day is over, nothing more comes until it is moved" if playback.get("over") else ""
    if playback.get("market_closed"):
        over = "the feed is silent while the market is closed"
    said = ", ".join(filter(None, (place and f"at {place}", over)))
    return f"; {said}" if said else ""


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value).removesuffix(".0")
    if "shown" in value:
        return f"{value['shown']}, record {value['index']} of {value['data_key']}"
    return ", ".join(f"{name} {_text(content)}" for name, content in value.items())


def status_line(status: Mapping[str, Any]) -> str:
    """One session on one line."""
    playback, count = status["playback"], len(status["connections"])
    connections = f"{count} connection{'' if count == 1 else 's'}"
    who = f"{status['session']}{f' ({name})' if (name := status.get('name')) else ''}"
    if playback is None:
        return f"{who}  not used yet, {connections}{_faults(status)}"
    stepped = playback["playback"] == "step"
    pace = f"step {playback['interval']:g} s" if stepped else f"clock x{playback['speed']:g}"
    state = "paused" if playback["paused"] else "over" if playback["over"] else "playing"
    if state == "playing":
        early = "before the open" if is_before_the_open(playback) else state
        state = "silent while the market is closed" if playback["market_closed"] else early
    place = f"{playback['shown'] or playback['day']}  {pace}, {_rest(playback)}{state}"
    return f"{who}  {place}, {connections}{_faults(status)}"


def _faults(status: Mapping[str, Any]) -> str:
    """The faults that are on, and how often they hit."""
    on = ", ".join(f"{fault['name']} hit {fault['hits']:,}" for fault in status.get("faults", ()))
    return f"; faults: {on}" if on else ""


def _rest(playback: Mapping[str, Any]) -> str:
    return f"{playback['cache_mode']}, " + ("live timestamps, " if playback["timestamps"] == "live" else "")


def group_lines(status: Mapping[str, Any]) -> Iterable[str]:
    """The groups of a session's connections, each with its place, or why nothing comes."""
    for connection in status["connections"]:
        for group in connection["groups"]:
            said = f"silent: {group['silent']}" if "silent" in group else _next(status, group)
            yield f"  {connection['hub']} {group['group']}: {said}"


def _next(status: Mapping[str, Any], group: Mapping[str, Any]) -> str:
    if status["playback"] is None:
        return "nothing was sent yet"
    if status["playback"]["market_closed"]:
        return "silent while the market is closed"
    simulated = ", simulated as it was not recorded" if group.get("simulated") else ""
    return f"record {group.get('next_record', '-')} is next{simulated}"
