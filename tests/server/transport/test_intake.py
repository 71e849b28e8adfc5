"""Input in portions: order, fairness, bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fuzz.targets import Nowhere
from gexfaker.limits import (
    BUSY_SECONDS,
    INTAKE_SECONDS,
    INTAKE_WINDOW_SECONDS,
    MAX_WAITING_BYTES,
    PORTION_BYTES,
    SMALL_BYTES,
)
from gexfaker.server.transport.intake import Inlet, Intake


class Watch:
    """A clock that goes on by what is worked off."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Line(Nowhere):
    """A transport that knows whether it is read."""

    is_read = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Peer:
    """A connection whose portions take a while to work off."""

    def __init__(self, intake: Intake, watch: Watch, order: list[Peer], seconds: float = 0.001) -> None:
        self.line = Line()
        self.portions: list[bytes] = []
        self._watch, self._order, self._seconds = watch, order, seconds
        self.inlet = Inlet(intake, self.line, self._take)

    def _take(self, portion: bytes) -> None:
        self.portions.append(portion)
        self._order.append(self)
        self._watch.now += self._seconds

    @property
    def got(self) -> bytes:
        return b"".join(self.portions)


class House:
    """An intake and its peers."""

    def __init__(self) -> None:
        self.watch, self.order = Watch(), list[Peer]()
        self.intake = Intake(self.watch)

    def peer(self, seconds: float = 0.001) -> Peer:
        return Peer(self.intake, self.watch, self.order, seconds)


def in_loop(test: Callable[[House], None], after: Callable[[House], None] = lambda _house: None) -> House:
    """Run a test, then rounds of the loop until nothing waits."""

    async def run() -> House:
        house = House()
        test(house)
        while house.intake.is_busy:
            await asyncio.sleep(0)
        after(house)
        return house

    return asyncio.run(asyncio.wait_for(run(), 10))


def test_what_is_small_is_worked_off_at_once() -> None:
    def test(house: House) -> None:
        peer = house.peer()
        peer.inlet.received(bytes(SMALL_BYTES))
        assert peer.portions == [bytes(SMALL_BYTES)]
        assert peer.line.is_read

    in_loop(test)


@pytest.mark.parametrize("size", [SMALL_BYTES + 1, 100_000])
def test_what_is_large_comes_in_portions_and_is_not_read_meanwhile(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    peers = list[Peer]()

    def test(house: House) -> None:
        peers.append(house.peer())
        peers[0].inlet.received(data[:size])
        assert peers[0].portions == []
        assert not peers[0].line.is_read
        peers[0].inlet.received(b"more")  # of a transport that had read on already

    in_loop(test)
    assert peers[0].got == data[:size] + b"more"
    assert max(map(len, peers[0].portions)) <= SMALL_BYTES
    assert len(peers[0].portions) >= size // PORTION_BYTES - 1
    assert peers[0].line.is_read


def test_a_small_piece_does_not_wait_behind_floods() -> None:
    """Eight clients have sent 100 portions ahead; a ninth waits for one round at the most."""

    def test(house: House) -> None:
        floods = [house.peer(INTAKE_SECONDS / 2) for _ in range(8)]
        for flood in floods:
            flood.inlet.received(bytes(100 * PORTION_BYTES))
        house.watch.now += INTAKE_WINDOW_SECONDS
        house.intake.charge(INTAKE_SECONDS)  # all time is used up
        house.intake.has_time()
        house.intake.charge(INTAKE_SECONDS)
        house.peer().inlet.received(b"innocent")

    house = in_loop(test)
    place = [peer.got for peer in house.order].index(b"innocent")
    assert place <= 3
    assert sum(len(peer.got) for peer in set(house.order)) == 800 * PORTION_BYTES + 8


def test_floods_take_turns_and_none_starves_beside_small_pieces() -> None:
    def test(house: House) -> None:
        floods = [house.peer() for _ in range(3)]
        for flood in floods:
            flood.inlet.received(bytes(10 * PORTION_BYTES))
        house.watch.now += INTAKE_WINDOW_SECONDS

    house = in_loop(test)
    first = house.order[:9]
    assert {first.count(peer) for peer in first} == {3}


def test_small_pieces_without_end_do_not_starve_a_flood() -> None:
    flood = list[Peer]()

    async def run() -> int:
        house = House()
        flood.append(house.peer())
        flood[0].inlet.received(bytes(10 * PORTION_BYTES))
        rounds = 0
        while len(flood[0].got) < 8 * PORTION_BYTES:  # its last bytes are small
            for _ in range(20):
                house.intake.charge(1.0)
                house.peer(INTAKE_SECONDS).inlet.received(b"x")
            await asyncio.sleep(0)
            rounds += 1
        return rounds

    assert asyncio.run(asyncio.wait_for(run(), 10)) <= 12


def test_all_together_may_send_so_much_ahead_and_who_sent_the_most_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    def test(house: House) -> None:
        piece = bytes(MAX_WAITING_BYTES // 4)
        peers = [house.peer() for _ in range(5)]
        for peer in peers[:4]:
            peer.inlet.received(piece)
        assert house.intake.waiting.total == MAX_WAITING_BYTES
        peers[2].inlet.keep(1)
        assert [peer.line.closing for peer in peers] == [False, False, True, False, False]
        peers[4].inlet.received(bytes(SMALL_BYTES + 1))
        assert (house.intake.waiting.cut, house.intake.waiting.total) == (1, 3 * len(piece) + SMALL_BYTES + 1)
        for peer in peers:
            peer.inlet.close()
        assert house.intake.waiting.total == 0

    in_loop(test)
    assert "bytes ahead, and all clients together too much" in caplog.text


def test_a_held_connection_is_not_worked_off_until_it_goes_on() -> None:
    peers = list[Peer]()

    def test(house: House) -> None:
        peers.append(house.peer())
        peers[0].inlet.hold()
        peers[0].inlet.received(b"early")
        assert (peers[0].portions, peers[0].line.is_read) == ([], False)
        peers[0].inlet.go_on()

    in_loop(test)
    assert (peers[0].portions, peers[0].line.is_read) == ([b"early"], True)


def test_who_keeps_the_server_busy_without_a_pause_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    peers = list[Peer]()

    def test(house: House) -> None:
        peers.extend([house.peer(1.0), house.peer(0.001)])
        for peer in peers:
            peer.inlet.received(bytes(2 * PORTION_BYTES * int(BUSY_SECONDS)))

    in_loop(test)
    assert [peer.line.closing for peer in peers] == [True, False]
    assert len(peers[0].portions) == BUSY_SECONDS + 1
    assert "s of work, nearly without a pause" in caplog.text


def test_pauses_count_against_the_work() -> None:
    async def run() -> Peer:
        house = House()
        peer = house.peer(1.0)
        for _ in range(5):
            peer.inlet.received(bytes(PORTION_BYTES * int(BUSY_SECONDS / 2)))
            while house.intake.is_busy:
                await asyncio.sleep(0)
            house.watch.now += BUSY_SECONDS
        return peer

    assert not asyncio.run(asyncio.wait_for(run(), 10)).line.closing


def test_a_failure_ends_one_connection_and_not_the_round(caplog: pytest.LogCaptureFixture) -> None:
    peers = list[Peer]()

    def fail(_portion: bytes) -> None:
        raise ZeroDivisionError("of this test")

    def test(house: House) -> None:
        peers.extend([house.peer(), house.peer()])
        peers[0].inlet.take = fail
        for peer in peers:
            peer.inlet.received(bytes(5 * PORTION_BYTES))

    in_loop(test)
    assert [peer.line.closing for peer in peers] == [True, False]
    assert len(peers[1].got) == 5 * PORTION_BYTES
    assert "could not be worked off" in caplog.text
