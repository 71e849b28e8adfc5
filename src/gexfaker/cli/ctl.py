"""`gexfaker ctl`: the control plane from the terminal. A thin client: the server decides, and its answers are shown."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from gexfaker.client.control import ALL, Control, effect_line, group_lines, status_line
from gexfaker.errors import ControlError
from gexfaker.parsing import duration

MODES: Final = (
    ("--playback", "clock|step", "What makes a record due: its market time, or being asked for."),
    ("--cache-mode", "hold|exhaust|rotation|next", "What follows the last record."),
    ("--timestamps", "recorded|live", "Timestamps as recorded, or moved to the present."),
    ("--endpoints", "shared|independent", "Step mode: one REST position for a package, or for each endpoint."),
    ("--interval", "TIME", "Step mode: time between two records, such as 0.5 or 500ms."),
)
"""The options of a session: flag, accepted, help."""


def _reaching(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, as its first argument, the Control that its options mean."""

    @click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Base URL of the server.")
    @click.option(
        "--token",
        envvar=["GEXFAKER_CONTROL_TOKEN", "CONTROL_TOKEN"],
        help="The server's control token.  [default: CONTROL_TOKEN in the environment]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the server's answer as JSON.")
    @functools.wraps(command)
    def reach(url: str, token: str | None, as_json: bool, **options: Any) -> None:
        everybody, session, key = (options.pop(name, None) for name in ("everybody", "session", "key"))
        command(Control(url, token, ALL if everybody else session, key or "", as_json), **options)

    return reach


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """The same, and the options that say which session."""
    reach = _reaching(command)
    reach = click.option("--all", "everybody", is_flag=True, help="Every session there is.")(reach)
    reach = click.option("--session", metavar="ID", help="A session's id, as `sessions` shows it.")(reach)
    return _keyed(reach)


def _keyed(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--key", default="demo", show_default=True, help="API key.")(command)


def _modal(command: Callable[..., None]) -> Callable[..., None]:
    for flag, accepted, text in reversed(MODES):
        command = click.option(flag, metavar=accepted, help=text)(command)
    return command


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as the server takes them."""
    given = {name: value for name, value in options.items() if value is not None}
    return given | ({"interval": _seconds(given["interval"])} if "interval" in given else {})


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


@click.group(short_help="Show and change sessions: seek, pause, step, speed, day, mode.")
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
    """


@ctl.command(short_help="List all sessions.")
@_reaching
def sessions(control: Control) -> None:
    """List all sessions, one line each.

    \b
    Examples:
      gexfaker ctl sessions
      gexfaker ctl sessions --json --url http://127.0.0.1:9000
    """
    answer = control.everything()
    control.print(answer, map(status_line, answer["sessions"]))


@ctl.command(short_help="Show a session and its groups.")
@_choosing
def show(control: Control) -> None:
    """Show where a session is, and for each group that is joined the next record, or why nothing comes.

    \b
    Examples:
      gexfaker ctl show
      gexfaker ctl show --key mine --json
    """
    answer = control.everything() if control.session == ALL else control.ask("GET", control.path())
    several = answer["sessions"] if control.session == ALL else [answer]
    control.print(answer, (line for one in several for line in (status_line(one), *group_lines(one))))


@ctl.command(short_help="Begin a session with settings of its own.")
@click.option("--day", "date", metavar="DATE", help="A date, latest or next.")
@click.option("--speed", type=float, help="Market seconds a second; 0 is as fast as the client takes it.")
@click.option("--time", metavar="WHERE", help="Where to begin: HH:MM[:SS], open, close, or epoch seconds.")
@_modal
@_keyed
@_reaching
def create(control: Control, time: str | None, **options: Any) -> None:
    """Begin a key's session anew, with settings of its own.

    \b
    Examples:
      gexfaker ctl create --day 2026-07-17 --speed 60
      gexfaker ctl create --key mine --time 15:30 --cache-mode rotation
    """
    place = {} if time is None else {"time": _where(time)}
    answer = control.ask("POST", "", {"key": control.key, **_given(options), **place})
    effects = (effect_line(answer["session"], name, effect) for name, effect in answer["effects"].items())
    control.print(answer, effects)


@ctl.command(short_help="Stand still.")
@_choosing
def pause(control: Control) -> None:
    """Stand still: the feed sends nothing more, REST goes on to answer from where it stands.

    \b
    Examples:
      gexfaker ctl pause
      gexfaker ctl pause --all
    """
    control.act("pause", {})


@ctl.command(short_help="Go on.")
@_choosing
def resume(control: Control) -> None:
    """Go on from where it stands.

    \b
    Examples:
      gexfaker ctl resume --key mine
    """
    control.act("resume", {})


@ctl.command(short_help="Send the next records at once.")
@click.argument("count", metavar="[N]", type=int, default=1)
@_choosing
def step(control: Control, count: int) -> None:
    """Send the next N records of every group at once; in clock mode, N seconds of market time.

    \b
    Examples:
      gexfaker ctl step
      gexfaker ctl step 10 --key mine
    """
    control.act("step", {"count": count})


@ctl.command(short_help="Jump within the day.")
@click.argument("where")
@click.option("--feed", metavar="GROUP", help="The feed whose records count, such as SPX_classic_gex_zero.")
@click.option("--index", is_flag=True, help="WHERE is the number of a record, counted from 0.")
@_choosing
def seek(control: Control, where: str, feed: str | None, index: bool) -> None:
    """Jump to WHERE: HH:MM[:SS] in New York, open, close, epoch seconds, or with --index a record's number.

    \b
    Examples:
      gexfaker ctl seek 10:30
      gexfaker ctl seek 1784295002 --key mine
      gexfaker ctl seek 1800 --index --feed SPX_classic_gex_zero
    """
    place = _where(where)
    control.act("seek", {"index" if index else "time": place} | ({} if feed is None else {"feed": feed}))


@ctl.command(short_help="Change the speed.")
@click.argument("speed", type=float)
@_choosing
def speed(control: Control, speed: float) -> None:
    """Play SPEED market seconds a second: 0.1 to 1000, or 0 for as fast as the client takes it.

    \b
    Examples:
      gexfaker ctl speed 60
      gexfaker ctl speed 0 --all
    """
    control.act("speed", {"speed": speed})


@ctl.command(short_help="Change how it plays.")
@_modal
@_choosing
def mode(control: Control, **options: Any) -> None:
    """Change how a session plays.

    \b
    Examples:
      gexfaker ctl mode --playback step --interval 500ms
      gexfaker ctl mode --cache-mode rotation --timestamps live --all
    """
    control.act("mode", _given(options))


@ctl.command(short_help="Play another day.")
@click.argument("date")
@_choosing
def day(control: Control, date: str) -> None:
    """Play another day from its start: DATE is YYYY-MM-DD, latest or next.

    \b
    Examples:
      gexfaker ctl day 2026-07-17
      gexfaker ctl day next --all
    """
    control.act("day", {"date": date})


@ctl.command(short_help="As if the key had never been used.")
@_choosing
def reset(control: Control) -> None:
    """Begin anew, with the server's settings, as if the key had never been used.

    \b
    Examples:
      gexfaker ctl reset
    """
    control.act("reset", {})


@ctl.command(short_help="Close a session's connections.")
@_choosing
def close(control: Control) -> None:
    """Close all connections of a session as the service does; the session keeps its place.

    \b
    Examples:
      gexfaker ctl close --key mine
    """
    answer = control.ask("DELETE", control.path())
    control.print(answer, [f"{answer['session']} close: {answer['closed']} connections closed"])
