"""The clock that market clocks run on: forward, evenly, whatever happens to the system's."""

from __future__ import annotations

import pytest

from gexfaker.server.steadyclock import JUMP_SECONDS, SteadyClock


class Machine:
    """A system clock and a steady one, both in our hands."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_795_600_000.0, 50.0

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.steady)

    def run(self, seconds: float, set_by: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + set_by


def test_it_is_the_time_and_goes_on_with_it() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock() == machine.wall
    machine.run(10)
    assert clock() == machine.wall


@pytest.mark.parametrize("back", [-0.5, -60.0, -3600.0])
def test_it_does_not_go_back(back: float) -> None:
    machine = Machine()
    clock, began = machine.clock(), machine.wall
    machine.run(1, back)
    assert clock() == began + 1
    machine.run(1)
    assert clock() == began + 2


def test_small_corrections_are_not_felt() -> None:
    machine = Machine()
    clock, began = machine.clock(), machine.wall
    machine.run(1, JUMP_SECONDS / 2)
    assert clock() == began + 1


def test_after_a_sleep_it_is_the_time_again() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(1, 7200.0)
    assert clock() == machine.wall
    machine.run(5)
    assert clock() == machine.wall
