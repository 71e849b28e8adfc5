"""The agenda gives worlds in the order of their turns, each once, whatever was set before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gexfaker.playback.options import Options
from gexfaker.worlds.agenda import SPARE_ENTRIES, Agenda
from gexfaker.worlds.world import World
from gexfaker.worlds.worlds import Worlds
from support.tapes import MemoryDays, day

AT = st.none() | st.integers(0, 20).map(float)
STEPS = st.lists(st.tuples(st.integers(0, 5), AT) | st.integers(0, 20).map(float), max_size=60)
"""Either the next turn of one of six worlds, or a look at what has become due."""


def worlds_of(count: int) -> list[World]:
    worlds = Worlds(MemoryDays(day()), Options())
    return [worlds.get(f"key-{number}") for number in range(count)]


@given(STEPS)
def test_what_is_taken_is_what_a_plain_table_would_give(steps: list[tuple[int, float | None] | float]) -> None:
    agenda, worlds, expected = Agenda(), worlds_of(6), dict[World, float]()
    for step in steps:
        if isinstance(step, tuple):
            number, at = step
            agenda.set(worlds[number], at)
            expected.pop(worlds[number], None)
            if at is not None:
                expected[worlds[number]] = at
        else:
            due = {world for world, at in expected.items() if at <= step}
            order = [expected[world] for world in taken(agenda, step, due)]
            assert order == sorted(order)
            for world in due:
                del expected[world]
        assert len(agenda) == len(expected)
        assert agenda.first() == min(expected.values(), default=None)


def taken(agenda: Agenda, now: float, due: set[World]) -> list[World]:
    found = []
    while (world := agenda.take(now)) is not None:
        found.append(world)
    assert set(found) == due
    assert len(found) == len(due)
    return found


def test_entries_that_were_replaced_do_not_pile_up() -> None:
    agenda, (world, other) = Agenda(), worlds_of(2)
    agenda.set(other, 0.5)
    for number in range(10 * SPARE_ENTRIES):
        agenda.set(world, 1.0 + number)
        assert agenda.entries <= 2 * 2 + SPARE_ENTRIES + 1
    assert agenda.take(0.5) is other
    assert agenda.first() == 10.0 * SPARE_ENTRIES
