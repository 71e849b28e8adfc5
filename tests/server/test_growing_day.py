"""A recorder writes a day while it is played: what it adds is served without a restart, and nobody gets it twice."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from gexfaker.catalog import Feed
from gexfaker.server import stream
from gexfaker.tapes import kept
from support import data, decode
from support.control import SESSIONS, Plane
from support.raw import JSON, connect
from support.server import InProcess, running_server, wait_until

FEW, ALL = 40, 80


def test_what_is_added_comes_to_who_listens_and_to_who_asks(tmp_path: Path) -> None:
    data.write_day(tmp_path, FEW)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    headers = {"Authorization": "Bearer live", "User-Agent": "test"}
    with running_server(data_dir=str(tmp_path), speed="20") as server, connect(server.orderflow("live"), JSON) as raw:
        raw.join(data.group())
        seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(10)]

        def second() -> int:
            status, body = server.get("/ES_SPX/orderflow/orderflow", headers)
            assert status == 200
            found: int = json.loads(body)["timestamp"]
            return found

        wait_until(lambda: second() == data.FIRST + FEW - 1, 10, "the end of what is written")
        with path.open("a", encoding="utf-8") as file:
            for index in range(FEW, ALL):
                file.write(data.record("ES_SPX", index) + "\n")
        server.request("POST", f"{SESSIONS}/by-key/seek?key=live", json.dumps({"time": data.FIRST + FEW}).encode())
        wait_until(lambda: second() == data.FIRST + ALL - 1, 10, "the end of what was added")
        while seen[-1] < data.FIRST + ALL - 1:
            seen.append(decode.timestamp(raw.read_kind("data").any))
    assert seen == list(range(seen[0], data.FIRST + ALL)), "every second once"


@pytest.mark.parametrize("settings", [{"speed": "20"}, {"playback": "step", "ws_stream_interval": "20ms"}])
def test_a_day_that_is_newest_first_is_played_in_order_and_told(tmp_path: Path, settings: dict[str, str]) -> None:
    data.write_day(tmp_path, 400)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    headers = {"Authorization": "Bearer asks", "User-Agent": "test"}
    with running_server(data_dir=str(tmp_path), **settings) as server:
        (note,) = [note for note in server.server.service.notes if "newest first" in note]
        status, body = server.get("/ES_SPX/orderflow/orderflow", headers)
        assert (status, json.loads(body)["timestamp"]) == (200, data.FIRST)
        with connect(server.orderflow("hears"), JSON) as raw:
            raw.join(data.group())
            seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(40)]
        assert seen == list(range(seen[0], seen[0] + 40))
        assert seen[0] < data.FIRST + 40
        status, body = server.get(f"/download/{data.DATE}/ES_SPX/orderflow")
        assert status == 200
        assert [json.loads(line)["timestamp"] for line in body.splitlines()] == [*range(data.FIRST, data.FIRST + 400)]
    assert "gexfaker import --convert jsonl --replace writes them so" in note


@pytest.mark.parametrize("behind", [[0] * 300, range(data.FIRST - 86_400, data.FIRST - 86_000)], ids=["zeros", "a day"])
def test_what_stands_behind_the_day_is_not_played(tmp_path: Path, behind: Iterable[int]) -> None:
    data.write_day(tmp_path, FEW)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(json.loads(data.record("ES_SPX", 0)) | {"timestamp": at}) + "\n" for at in behind)
    with running_server(data_dir=str(tmp_path)) as server:
        assert any("ends with records of " in note for note in server.server.service.notes)
        server.request("POST", f"{SESSIONS}/by-key/seek?key=late", json.dumps({"time": "close"}).encode())
        status, body = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer late", "User-Agent": "t"})
        assert (status, json.loads(body)["timestamp"]) == (200, data.FIRST + FEW - 1)
        status, body = server.get(f"/download/{data.DATE}/ES_SPX/orderflow")
        assert [json.loads(line)["timestamp"] for line in body.splitlines()] == [*range(data.FIRST, data.FIRST + FEW)]


@pytest.mark.parametrize("cache", ["kept", "none"])
def test_a_later_start_knows_where_the_records_of_a_large_file_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setattr(kept, "KEPT_FROM_BYTES", 1000)
    monkeypatch.setattr(stream, "FILES_SECONDS", 0.05)
    monkeypatch.chdir(tmp_path)
    data.write_day(tmp_path / "data", ALL)
    path = tmp_path / "data" / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    os.utime(path, (time.time() - 60,) * 2)

    def steps_to_the_last() -> int:
        """In how many steps a server looks for the last record."""
        with running_server(data_dir="data", cache_dir=cache) as server:
            tape = server.server.service.days.day(data.DATE).tape(Feed("ES_SPX", "orderflow", "orderflow"))
            assert tape is not None
            steps = sum(1 for _ in tape.steps_to_index(ALL))
            status, _ = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer a", "User-Agent": "test"})
            assert status == 200
            if cache != "none":
                wait_until(lambda: any((tmp_path / cache / "indexes").glob("*")), 10, "an index")
            return steps

    first, second = steps_to_the_last(), steps_to_the_last()
    assert first > 0
    assert second == (first if cache == "none" else 0)
    assert not (tmp_path / "none").exists()


def lines_of(first: int, last: int) -> bytes:
    return "".join(data.record("ES_SPX", index) + "\n" for index in range(first, last)).encode()


def array_of(first: int, last: int) -> bytes:
    return b"[" + b",".join(lines_of(first, last).splitlines()) + b"]"


class Way(NamedTuple):
    """How a file that is played, of FEW records, becomes another one.

    Attributes:
        before, after: its name and what is in it.
        is_moved: whether it is written elsewhere and renamed, and not written where it is.
    """

    before: tuple[str, bytes]
    after: tuple[str, bytes]
    is_moved: bool = True

    def change(self, folder: Path) -> None:
        (old, _), (new, content) = self.before, self.after
        target = folder / "being-written.tmp" if self.is_moved else folder / new
        target.write_bytes(content)
        target.replace(folder / new)
        if old != new:
            (folder / old).unlink()


PLAIN, GZIP = "orderflow.jsonl", "orderflow.jsonl.gz"
MEMBERS = gzip.compress(lines_of(0, FEW)) + gzip.compress(lines_of(FEW, ALL))
WAYS = {
    "a member is added to a gz": Way((GZIP, gzip.compress(lines_of(0, FEW))), (GZIP, MEMBERS), is_moved=False),
    "an array is written anew": Way((PLAIN, array_of(0, FEW)), (PLAIN, array_of(0, ALL)), is_moved=False),
    "an array is replaced": Way((PLAIN, array_of(0, FEW)), (PLAIN, array_of(0, ALL))),
    "lines are replaced": Way((PLAIN, lines_of(0, FEW)), (PLAIN, lines_of(0, ALL))),
    "lines are written anew in place": Way((PLAIN, lines_of(0, FEW)), (PLAIN, lines_of(-30, ALL)), is_moved=False),
    "it begins earlier now": Way((PLAIN, lines_of(0, FEW)), (PLAIN, lines_of(-30, ALL))),
    "lines stand in place of an archive": Way((GZIP, gzip.compress(lines_of(0, FEW))), (PLAIN, lines_of(0, ALL))),
    "an archive stands in place of lines": Way((PLAIN, lines_of(0, FEW)), (GZIP, MEMBERS)),
}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server looks at its files so often that a test need not wait."""
    monkeypatch.setattr(stream, "FILES_SECONDS", 0.1)
    monkeypatch.setattr(stream, "RENEWAL_SECONDS", 0.1)


def ends_with(server: InProcess, plane: Plane, last: int) -> bool:
    """Whether the day of a key of its own ends with a record now."""
    plane.act("pause", "looks")
    plane.act("seek", "looks", time="close")
    status, body = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer looks", "User-Agent": "t"})
    return status == 200 and json.loads(body)["timestamp"] == last


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_file_that_is_another_one_now_is_played_on(
    tmp_path: Path, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / data.DATE / "ES_SPX" / "orderflow"
    folder.mkdir(parents=True)
    name, content = way.before
    (folder / name).write_bytes(content)
    with (
        running_server(data_dir=str(tmp_path), speed="20") as server,
        Plane(server) as plane,
        connect(server.orderflow("live"), JSON) as raw,
    ):
        raw.join(data.group())
        seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(10)]
        plane.act("pause", "live")
        way.change(folder)
        wait_until(lambda: renewals(caplog) > 0, 10, "that it is seen")
        wait_until(lambda: ends_with(server, plane, data.FIRST + ALL - 1), 10, "what is there now")
        plane.act("resume", "live")
        while seen[-1] < data.FIRST + ALL - 1:
            seen.append(decode.timestamp(raw.read_kind("data").any))
    assert seen == list(range(seen[0], data.FIRST + ALL)), "every second once"


@pytest.mark.usefixtures("often")
def test_a_feed_that_is_added_is_heard_by_who_waits_for_it(tmp_path: Path) -> None:
    data.write_day(tmp_path, 2000)
    with running_server(data_dir=str(tmp_path), speed="20") as server, connect(server.orderflow("live"), JSON) as raw:
        raw.join(data.group("NQ_NDX"), 1)
        raw.join(data.group(), 2)
        raw.read_kind("data")
        data.write_day(tmp_path, 2000, ("NQ_NDX",))
        wait_until(lambda: raw.read_kind("data").group == data.group("NQ_NDX"), 20, "the feed that was added")


@pytest.mark.usefixtures("often")
def test_what_a_link_leads_to_may_come_later_and_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As with a disk that is mounted late."""
    data.write_day(tmp_path / "data", ALL)
    target = tmp_path / "mounted.json"
    (tmp_path / "data" / f"{data.DATE}_SPX_orderflow_orderflow.json").symlink_to(target)
    headers = {"Authorization": "Bearer a", "User-Agent": "t"}
    with running_server(data_dir=str(tmp_path / "data")) as server:
        for is_there in (False, True, False):
            if is_there:
                target.write_bytes(array_of(0, ALL).replace(b"ES_SPX", b"SPX"))
            else:
                target.unlink(missing_ok=True)

            def answers(expected: int = 200 if is_there else 404) -> bool:
                return server.get("/SPX/orderflow/orderflow", headers)[0] == expected

            wait_until(answers, 10, "that it has come" if is_there else "that it is not there")
            server.get("/ES_SPX/orderflow/orderflow", headers)
            before = renewals(caplog)
            wait_until(lambda: time.monotonic() > began + 1, 5, "some looks") if (began := time.monotonic()) else None
            assert renewals(caplog) - before <= 1, "it is opened again without end"


def renewals(caplog: pytest.LogCaptureFixture) -> int:
    return sum("have changed: they are opened again" in text for text in caplog.messages)


@pytest.mark.usefixtures("often")
def test_a_day_that_is_taken_away_and_comes_back_goes_on(tmp_path: Path) -> None:
    data.write_day(tmp_path, ALL)
    (tmp_path / "2026-07-16").mkdir()
    with running_server(data_dir=str(tmp_path), data_date=data.DATE) as server:

        def is_there() -> bool:
            return server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer a", "User-Agent": "t"})[0] == 200

        assert is_there()
        (tmp_path / data.DATE).rename(tmp_path / "away")
        wait_until(lambda: not is_there(), 10, "that it is gone")
        (tmp_path / "away").rename(tmp_path / data.DATE)
        wait_until(is_there, 10, "that it is back")


def test_half_a_line_at_the_end_is_sent_when_it_is_whole(tmp_path: Path) -> None:
    """A recorder's buffer ends anywhere."""
    data.write_day(tmp_path, FEW)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / PLAIN
    text = lines_of(FEW, FEW + 4)
    with running_server(data_dir=str(tmp_path), speed="20") as server, connect(server.orderflow("live"), JSON) as raw:
        raw.join(data.group())
        seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(FEW - 1)]
        for piece in (text[: len(text) // 3], text[len(text) // 3 : -7], text[-7:]):
            with path.open("ab") as file:
                file.write(piece)
            with Plane(server) as plane:
                before = plane.playback("live")["market_time"]
                wait_until(lambda: plane.playback("live")["market_time"] > before + 20, 10, "a second of real time")  # noqa: B023
        while seen[-1] < data.FIRST + FEW + 3:
            seen.append(decode.timestamp(raw.read_kind("data").any))
    assert seen == list(range(seen[0], data.FIRST + FEW + 4)), "every second once"
