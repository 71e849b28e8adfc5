"""Plays that take the place of others: a new one, another day, another kind."""

from __future__ import annotations

from gexfaker.exchange.hours import shown
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options, Playback
from gexfaker.playback.play import Play
from gexfaker.playback.stepplay import StepPlay


def fresh(days: Days, options: Options, date: str | None = None, *, at_open: bool = False) -> Play:
    """A play of the kind that the options name, not used yet.

    It begins where the options say, or ``at_open``; ``date`` is the day, None the one that keys start with.
    """
    if options.playback is Playback.STEP:
        return StepPlay(days, options, date)
    return ClockPlay(days, options, date, at_open=at_open)


def replaced(play: Play, made: Play) -> Play:
    """``made``, in the place of ``play``."""
    made.follow(play)
    return made


def restarted(play: Play, date: str, *, at_open: bool = False) -> Play:
    """A play of the same key from the start of a day, paused if this one is."""
    return replaced(play, fresh(play.days, play.options, date, at_open=at_open))


def rolled(play: Play, *, by_feed: bool = False) -> Play | None:
    """At the end of the day the play of the same day again, or of the next one, if the options say so.

    While somebody listens only the feed rolls over, which knows that it has sent everything.
    """
    date = None if play.heard and not by_feed else play.day_after_the_end()
    return None if date is None else restarted(play, date, at_open=True)


def switched(play: Play, options: Options, now: float) -> tuple[Play, str | None]:
    """The play with other options, and what is different from before; a new kind goes on where this one has come to."""
    if options.playback is play.options.playback:
        play.options = options
        return play, None
    market = play.reached(now)
    again = market is None or play.is_waiting_at(market)
    made = fresh(play.days, options, play.date)
    made.follow(play)
    if market is None:
        made.timeline = play.timeline  # nothing was used: nothing ends
        return made, None
    made.begin(now)
    made.jump(market, now, again=again)
    return made, f"positions go on from {shown(market)}"
