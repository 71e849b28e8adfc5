"""`gexfaker ctl market`: what is played, for all keys of a running server."""

from __future__ import annotations

from typing import Any, Final

import click

from gexfaker.cli.asking import Asked, reaching

ORDINARY: Final = "none"
PATH: Final = "/market"


@click.command(short_help="Show or change what is played: recorded days, or a simulated market.")
@click.option("--recorded", is_flag=True, help="Play the recorded days of the data folder.")
@click.option("--simulated", is_flag=True, help="Play a simulated market.")
@click.option("--seed", type=int, help="Of the simulated market.")
@click.option("--scenario", metavar="NAME", help=f"A scenario that is shipped; {ORDINARY} for an ordinary day.")
@reaching
def market(asked: Asked, recorded: bool, simulated: bool, seed: int | None, scenario: str | None) -> None:
    """Show what is played, or change it, for all keys.

    With another seed or scenario keys go on at their market time. When recorded days are played for simulated ones, or
    the other way round, all keys begin anew with the newest day.

    \b
    Examples:
      gexfaker ctl market
      gexfaker ctl market --scenario flash-crash
      gexfaker ctl market --scenario none --seed 7
      gexfaker ctl market --recorded
    """
    if recorded and (simulated or seed is not None or scenario is not None):
        raise click.UsageError("--recorded is alone: seed and scenario are of a simulated market")
    wanted: dict[str, Any] = {"kind": "recorded"} if recorded else {"kind": "simulated"} if simulated else {}
    if seed is not None:
        wanted["seed"] = seed
    if scenario is not None:
        wanted["scenario"] = None if scenario == ORDINARY else scenario
    answer = asked.control.ask("POST" if wanted else "GET", PATH, wanted or None)
    asked.print(answer, lines(answer, with_choices=not wanted))


def lines(answer: dict[str, Any], *, with_choices: bool) -> list[str]:
    """What is played, and what could be."""
    played = [f"{answer['kind']}: {answer['origin']}"]
    if not with_choices:
        return played
    days, folder = answer["recorded"]["days"], answer["recorded"]["folder"]
    there = f"{days} recorded day{'s' * (days != 1)} in {folder}"
    return [*played, there, "scenarios:", *(f"  {name}: {about}" for name, about in answer["scenarios"].items())]
