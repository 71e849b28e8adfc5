"""``POST /load``: other days as a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gexfaker.server.routes.loading import Loads
from support.control import DAYS, SESSIONS, Plane, first_of, write_days
from support.server import InProcess, running_server, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    with running_server(data_dir=str(write_days(tmp_path, 30)), data_date=DAYS[0]) as running:
        yield running


@pytest.fixture
def plane(server: InProcess) -> Iterator[Plane]:
    with Plane(server) as made:
        yield made


def loaded(plane: Plane, **wanted: Any) -> dict[str, Any]:
    """The job, when it has ended."""
    status, job = plane.call("POST", "/load", {name.rstrip("_"): value for name, value in wanted.items()})
    assert status == 202, job
    assert job["status_url"] == f"/load/status/{job['job_id']}"
    found: list[dict[str, Any]] = []

    def has_ended() -> bool:
        found.append(plane.call("GET", job["status_url"])[1])
        return bool(found[-1]["status"] != "running")

    wait_until(has_ended, 10, "the end of the job")
    return found[-1]


@pytest.mark.parametrize(
    ("wanted", "follow"),
    [
        ({"date": DAYS[1]}, DAYS[1:]),
        ({"date": "latest"}, DAYS[2:]),
        ({"from_": DAYS[0], "to": DAYS[1]}, DAYS[:2]),
        ({"dates": [DAYS[2], DAYS[0]]}, (DAYS[0], DAYS[2])),
    ],
)
def test_keys_go_on_with_the_days_named(plane: Plane, wanted: dict[str, Any], follow: tuple[str, ...]) -> None:
    plane.act("pause")
    job = loaded(plane, **wanted)
    assert (job["status"], job["error"], job["done"]) == ("done", None, job["total"])
    assert plane.playback()["day"] == plane.call("GET", "/current-date")[1]["current_date"] == follow[0]
    days = [follow[0]]
    while plane.call("POST", f"{SESSIONS}/demo/day", {"date": "next"})[0] == 200:
        days.append(plane.playback()["day"])
    assert tuple(days) == follow


def test_new_keys_begin_there_too(plane: Plane, server: InProcess) -> None:
    loaded(plane, date=DAYS[2])
    status, body = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer new", "User-Agent": "t"})
    assert (status, f'"timestamp":{first_of(DAYS[2])}'.encode() in body) == (200, True)


def test_days_that_there_are_not_fail_with_a_sentence_and_change_nothing(plane: Plane) -> None:
    plane.act("pause")
    for wanted in ({"date": "2020-01-02"}, {"dates": [DAYS[1], "2020-01-02"]}, {"from_": "2020-01-02", "to": DAYS[1]}):
        job = loaded(plane, **wanted)
        assert job["status"] == "failed"
        assert "no data for '2020-01-02'; there is" in job["error"]
    assert plane.playback()["day"] == DAYS[0]
    assert plane.call("GET", "/current-date")[1]["current_date"] == DAYS[0]


def test_a_day_without_feeds_fails_and_nobody_is_moved_there(plane: Plane, tmp_path: Path) -> None:
    (tmp_path / "2026-07-14").mkdir()
    plane.act("pause")
    for wanted in ({"date": "2026-07-14"}, {"dates": [DAYS[1], "2026-07-14"]}):
        job = loaded(plane, **wanted)
        assert (job["status"], "2026-07-14 holds no feeds" in job["error"]) == ("failed", True)
    assert plane.playback()["day"] == DAYS[0]


NOT_DAYS: list[dict[str, Any]] = [
    *({}, {"date": 7}, {"date": "x"}, {"date": DAYS[0], "to": DAYS[1]}, {"from": DAYS[0]}),
    *({"dates": [","]}, {"dates": ["today", DAYS[0]]}, {"dates": [f"{DAYS[0]}..{DAYS[1]}"]}),
    *({"from": DAYS[1], "to": DAYS[0]}, {"dates": []}, {"dates": [7]}, {"dates": ["a", "b"]}),
]


@pytest.mark.parametrize("body", NOT_DAYS)
def test_what_names_no_days_is_refused(plane: Plane, body: dict[str, Any]) -> None:
    status, answer = plane.call("POST", "/load", body)
    assert (status, "name the days" in answer["error"]) == (400, True)


def test_a_second_job_waits_for_the_first(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loads, "is_running", True)
    assert plane.call("POST", "/load", {"date": DAYS[1]})[0] == 409


def test_a_job_that_there_is_not(plane: Plane) -> None:
    assert plane.call("GET", "/load/status/nothing")[0] == 404


def test_days_may_be_named_one_by_one_at_the_start(tmp_path: Path) -> None:
    days = {"data_dir": str(write_days(tmp_path, 5)), "data_date": f"{DAYS[2]}, {DAYS[0]}"}
    with running_server(**days) as server, Plane(server) as plane:
        assert plane.act("pause")["playback"]["day"] == DAYS[0]
        assert plane.act("day", date="next")["resolved"] == DAYS[2]
        assert plane.call("POST", f"{SESSIONS}/demo/day", {"date": "next"})[0] == 400
