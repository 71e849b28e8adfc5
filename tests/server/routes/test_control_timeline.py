"""After the answer to a jump or a pause nothing of the old timeline comes any more: the pong is the witness.

A client that reads sends a ping after the answer. What comes after the pong was sent after the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support import data, decode
from support.control import DAYS, Plane, first_of, next_stamp, until_pong, write_days
from support.raw import JSON, JSON_RELIABLE, RawSocket, connect
from support.server import Served, running_server

COUNT = 1500
ROUNDS = 8
SPEED = 60
OLD = 900
"""Where the old timeline plays, far from where the new ones begin."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("days")
    for ticker in ("ES_SPX", "NQ_NDX"):
        write_days(root, COUNT, ticker=ticker)
    with running_server(data_dir=str(root), data_date=DAYS[-1], speed=SPEED) as running:
        yield running


@pytest.fixture
def plane(server: Served) -> Iterator[Plane]:
    with Plane(server) as plane:
        yield plane


@pytest.fixture(params=[JSON, JSON_RELIABLE])
def raw(server: Served, request: pytest.FixtureRequest) -> Iterator[RawSocket]:
    """A reading client in two groups."""
    with connect(server.orderflow(), request.param) as raw:
        assert raw.read_json().kind == "connected"
        for number, ticker in enumerate(("ES_SPX", "NQ_NDX"), 1):
            raw.join(data.group(ticker), number)
        yield raw


def acknowledge(raw: RawSocket) -> None:
    """All there is so far, for a reliable client; a plain one is not asked."""
    raw.send_text(decode.json_sequence_ack(10**9))


def jump(action: str, number: int) -> tuple[dict[str, Any], int]:
    """The arguments of a round's jump, and the timestamp with which the new timeline begins."""
    if action == "seek":
        return {"index": 10 * number}, data.FIRST + 10 * number
    return ({"date": DAYS[number % 2]}, first_of(DAYS[number % 2])) if action == "day" else ({}, data.FIRST)


@pytest.mark.parametrize("action", ["seek", "day", "reset"])
def test_nothing_of_the_old_timeline_after_the_answer(plane: Plane, raw: RawSocket, action: str) -> None:
    plane.act("reset")
    for number in range(ROUNDS):
        plane.act("day", date=DAYS[-1])
        plane.act("seek", index=OLD + 20 * number)
        while next_stamp(raw) < data.FIRST + OLD:  # until the old timeline plays
            continue
        arguments, begin = jump(action, number)
        plane.act(action, **arguments)
        until_pong(raw, b"answered")
        came = [next_stamp(raw) for _ in range(6)]
        assert [stamp for stamp in came if not begin <= stamp < begin + OLD] == [], number
        acknowledge(raw)


def test_nothing_after_the_answer_to_a_pause(plane: Plane, raw: RawSocket) -> None:
    plane.act("reset")
    for number in range(ROUNDS):
        last = next_stamp(raw)
        told = plane.act("pause")["playback"]["market_time"]
        # What was on its way when the key was reset may still have been of the day before.
        seen = [stamp for stamp in (last, *until_pong(raw, b"answered")) if number or stamp <= int(told)]
        time.sleep(0.06)  # longer than the stream sleeps after a change: it had its chance to send
        assert until_pong(raw, b"later") == [], number
        assert max(seen) == int(told), "what was due before the pause has been sent"
        plane.act("resume")
        assert next_stamp(raw) == max(seen) + 1, "and nothing is lost or sent twice"
        next_stamp(raw)  # the other group's
        acknowledge(raw)


def test_a_step_sends_so_many_records_and_no_more(plane: Plane, raw: RawSocket) -> None:
    plane.act("reset")
    plane.act("mode", playback="step", interval=3600)
    plane.act("pause")
    plane.act("seek", index=50)
    until_pong(raw, b"answered")
    plane.act("step", count=2)
    assert sorted(next_stamp(raw) - data.FIRST for _ in range(4)) == [50, 50, 51, 51]
    assert until_pong(raw, b"nothing else") == []


def test_the_first_of_the_new_timeline_is_the_record_told(plane: Plane, raw: RawSocket) -> None:
    plane.act("reset")
    for index in (700, 20, 1200):
        told = plane.act("seek", index=index)["resolved"]["timestamp"]
        until_pong(raw, b"answered")
        plane.act("pause")
        until_pong(raw, b"nothing more of it")
        plane.act("seek", index=index)
        came = until_pong(raw, b"and again")
        assert told == data.FIRST + index
        assert sorted([*came, *(next_stamp(raw) for _ in range(2 - len(came)))]) == [told, told]
        plane.act("resume")
        acknowledge(raw)
