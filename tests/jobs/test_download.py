"""Downloads from a gexfaker, on good days and on bad ones: what comes is whole or not there, and plays."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gexfaker.catalog import Feed
from gexfaker.client.history import History, Rate, StopError
from gexfaker.errors import DataError
from gexfaker.jobs import download as module
from gexfaker.jobs.download import Downloader, Outcome, Wanted
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.strays import MANIFEST
from support import data
from support.server import Served, clean_environment, running_server, wait_until
from support.upstream import Spoil, bad_day, cut, dripped, ended, page, shorter, status

DAY = "2026-07-17"
FLOW = Wanted("ES_SPX", "orderflow", "orderflow", DAY)
FILES = "/_files/"
LINK = "/hist/ES_SPX/orderflow/orderflow/"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write_day(tmp_path_factory.mktemp("upstream"), 3000)


@pytest.fixture(scope="module")
def server(source: Path) -> Iterator[Served]:
    with running_server(data_dir=str(source)) as running:
        yield running


def bring(url: str, folder: Path, *wanted: Wanted, key: str = "a-key") -> tuple[list[Outcome], list[float]]:
    """What became of each, and the pauses that were made."""
    slept: list[float] = []
    downloader = Downloader(History(url, key, Rate(1e6)), folder, sleep=slept.append)
    return list(downloader.bring(wanted or (FLOW,), 2)), slept


def lines(folder: Path, feed: Feed) -> list[dict[str, object]]:
    with closing(DataFolder(folder).open(DAY, feed)) as tape:
        return [json.loads(tape.json(index)) for index in range(len(tape))]


def check_whole(server: Served, source: Path, folder: Path) -> None:
    """The file is what the server gives in one go, is written down, and plays as the source does."""
    link = json.loads(server.get(f"{LINK}{DAY}?noredirect", {"Authorization": "Bearer k", "User-Agent": "t"})[1])["url"]
    expected = server.get(link.removeprefix(server.url))[1]
    file = folder / f"{FLOW.stem}.json"
    assert file.read_bytes() == expected
    entry = json.loads((folder / MANIFEST).read_bytes())["files"][file.name]
    assert entry == {"size": len(expected), "sha256": hashlib.sha256(expected).hexdigest()}
    feed = Feed(*FLOW[:3])
    assert lines(folder, feed) == lines(source, feed)
    assert not list(folder.glob(".*.part"))


def test_a_day_comes_and_plays_and_is_not_asked_for_again(server: Served, source: Path, tmp_path: Path) -> None:
    with bad_day(server.address) as relay:
        [outcome], slept = bring(relay.url, tmp_path)
        assert (outcome.path, outcome.was_there, slept) == (tmp_path / f"{FLOW.stem}.json", False, [])
        check_whole(server, source, tmp_path)
        [again], _ = bring(relay.url, tmp_path)
        assert (again.path, again.was_there) == (outcome.path, True)
        assert sum(relay.asked.values()) == 2


def test_the_key_goes_to_the_api_alone(server: Served, tmp_path: Path) -> None:
    with bad_day(server.address) as relay:
        bring(relay.url, tmp_path, key="the-secret")
        assert [(place.startswith(FILES), key) for place, key in relay.keys] == [
            (False, "Bearer the-secret"),
            (True, None),
        ]
    assert "the-secret" not in (tmp_path / MANIFEST).read_text()


@pytest.mark.parametrize(
    ("spoils", "pauses"),
    [
        ([(LINK, status(429, Retry_After="7"))], [7.0]),
        ([(LINK, status(503)), (FILES, status(500))], [1.0, 5.0]),
        ([(FILES, status(403))], [1.0]),
        ([(FILES, cut)], [1.0]),
        ([(FILES, cut), (FILES, cut), (FILES, cut)], [1.0, 5.0, 25.0]),
        ([(FILES, ended)], [1.0]),
        ([(FILES, shorter)], [1.0]),
        ([(FILES, page)], [1.0]),
        ([(LINK, page)], [1.0]),
        ([(LINK, cut)], [1.0]),
    ],
    ids=[
        "429",
        "5xx",
        "expired link",
        "reset",
        "reset again",
        "ended",
        "cut and silent",
        "page",
        "page for a link",
        "link cut",
    ],
)
def test_on_a_bad_day_it_is_whole_in_the_end(
    server: Served, source: Path, tmp_path: Path, spoils: list[tuple[str, Spoil]], pauses: list[float]
) -> None:
    with bad_day(server.address, *spoils) as relay:
        [outcome], slept = bring(relay.url, tmp_path)
        assert (outcome.trouble, slept, relay.spoils) == ("", pauses, [])
    check_whole(server, source, tmp_path)


def test_what_has_come_is_not_asked_for_a_second_time(server: Served, tmp_path: Path) -> None:
    sizes = []

    def cut_and_count(relay: object, body: bytes) -> None:
        sizes.append(len(body))
        ended(relay, body)  # type: ignore[arg-type]

    with bad_day(server.address, *[(FILES, cut_and_count)] * 3) as relay:
        bring(relay.url, tmp_path)
    assert sizes[1] < 0.6 * sizes[0]
    assert sizes[2] < 0.6 * sizes[1]


def test_who_goes_on_wrongly_never_leaves_half_a_file(server: Served, tmp_path: Path) -> None:
    with bad_day(server.address, *[(FILES, shorter)] * 4) as relay:
        [outcome], _ = bring(relay.url, tmp_path)
    assert outcome.path is None
    assert "tried 4 times" in outcome.trouble
    assert not list(tmp_path.glob("*.json*")) or json.loads((tmp_path / MANIFEST).read_bytes())["files"] == {}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (status(401), "the service refuses this key (401: not now)"),
        (status(403), "the service refuses this key (403: not now)"),
        (status(429, Retry_After="90000"), "come again in 90,000 s"),
    ],
)
def test_what_makes_no_sense_to_go_on_ends_all(server: Served, tmp_path: Path, spoil: Spoil, said: str) -> None:
    wanted = [FLOW, *(Wanted("ES_SPX", "classic", f"gex_{name}", DAY) for name in ("full", "zero", "one"))]
    with bad_day(server.address, ("/hist/", spoil)) as relay:
        slept: list[float] = []
        history = History(relay.url, "k", Rate(1e6))
        outcomes = list(Downloader(history, tmp_path, sleep=slept.append).bring(wanted, 1))
        assert [outcome.path for outcome in outcomes] == [None] * 4
        assert all(said in outcome.trouble for outcome in outcomes)
        assert (sum(relay.asked.values()), slept) == (1, [])


def test_a_day_that_there_is_not_is_told_and_costs_no_other(server: Served, tmp_path: Path) -> None:
    missing = Wanted("ES_SPX", "orderflow", "orderflow", "2026-07-16")
    with bad_day(server.address) as relay:
        outcomes, slept = bring(relay.url, tmp_path, missing, FLOW)
        found = {outcome.wanted: outcome for outcome in outcomes}
        assert found[missing].trouble.startswith("the service has none (There is no history of ES_SPX_orderflow")
        assert found[FLOW].path is not None
        assert (relay.asked["/hist/ES_SPX/orderflow/orderflow/2026-07-16"], slept) == (1, [])


def test_the_newest_report_comes_and_plays(server: Served, source: Path, tmp_path: Path) -> None:
    report = Wanted("ES_SPX")
    with bad_day(server.address, ("/hist/eod", cut)) as relay:
        [outcome], _ = bring(relay.url, tmp_path, report)
        assert outcome.path == tmp_path / f"eod_report_ES_SPX_{DAY}.zip"
        assert zipfile.ZipFile(outcome.path).testzip() is None
        feed = Feed(*FLOW[:3])
        assert lines(tmp_path, feed) == lines(source, feed)
        [again], _ = bring(relay.url, tmp_path, report)
        assert again.was_there


def test_a_damaged_archive_is_no_file(server: Served, tmp_path: Path) -> None:
    def damaged(relay: object, body: bytes) -> None:
        relay.send(200, gzip.compress(body)[:-9], {})  # type: ignore[attr-defined]

    with bad_day(server.address, (FILES, damaged)) as relay:
        [outcome], slept = bring(relay.url, tmp_path)
    assert (outcome.path is not None, slept) == (True, [1.0])


def test_two_runs_do_not_meet(server: Served, tmp_path: Path) -> None:
    first = Downloader(History(server.url, "k", Rate(1e6)), tmp_path).bring([FLOW, Wanted("ES_SPX")], 1)
    next(first)
    with pytest.raises(DataError, match="another download into"):
        bring(server.url, tmp_path)
    list(first)
    bring(server.url, tmp_path)


def test_a_full_disk_stops_it_before_it_is_full(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 10**18)
    [outcome], slept = bring(server.url, tmp_path)
    assert (outcome.path, slept) == (None, [])
    assert "GB left" in outcome.trouble
    assert not list(tmp_path.glob("*.json"))


def test_requests_keep_their_distance() -> None:
    slept: list[float] = []
    rate = Rate(2.0, lambda: 100.0, slept.append)
    for _ in range(4):
        rate.wait()
    assert slept == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("free", [1, 10**18])
def test_a_disk_that_gets_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(module, "LITTLE_FREE_BYTES", free)
    told = module.room_left(tmp_path)
    assert told is None if free == 1 else told is not None and "downloads stop below 3 GB: make room" in told
    assert module.room_left(tmp_path / "nowhere") is None


@pytest.mark.alone
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.volume)])
def test_killed_at_any_moment_it_goes_on_and_is_whole(server: Served, source: Path, tmp_path: Path, kills: int) -> None:
    """Each run goes on where the one before was killed; when the file is whole, it begins in another folder."""
    chance, number, quiet = random.Random(7), 0, subprocess.DEVNULL
    with bad_day(server.address, *[(FILES, dripped)] * 1000) as relay:

        def command(folder: Path) -> list[str]:
            wanted = [DAY, "--tickers", "ES_SPX", "--packages", "orderflow", "--upstream", relay.url]
            return [sys.executable, "-m", "gexfaker", "download", *wanted, "--out", str(folder)]

        environment = clean_environment() | {"GEXBOT_API_KEY": "k"}
        for _ in range(kills):
            folder = tmp_path / str(number)
            process = subprocess.Popen(command(folder), env=environment, stdout=quiet, stderr=quiet)
            deadline = time.monotonic() + chance.uniform(0.1, 1.2)
            wait_until(lambda: time.monotonic() > deadline or process.poll() is not None, 10, "its moment")  # noqa: B023
            process.send_signal(signal.SIGKILL)
            process.wait()
            for file in folder.glob("[!.]*.json"):
                assert json.loads(file.read_bytes())
            assert relay.starts == sorted(relay.starts), "what had come was asked for again"
            if (folder / f"{FLOW.stem}.json").exists():
                number += 1
                relay.starts.clear()
        folder = tmp_path / str(number)
        done = subprocess.run(command(folder), env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    for whole in range(number + 1):
        check_whole(server, source, tmp_path / str(whole))


def link_to(link: object) -> Spoil:
    """A link of the service's own."""
    return lambda relay, _body: relay.send(200, json.dumps({"url": link}).encode(), {})


def part_of(first: int, body: bytes, total: object = "*") -> Spoil:
    """An answer to a request for the rest of a file."""
    headers = {"Content-Range": f"bytes {first}-{first + len(body) - 1}/{total}"}
    return lambda relay, _body: relay.send(206, body, headers)


def nothing_more(size: str) -> Spoil:
    return lambda relay, _body: relay.send(416, b"", {"Content-Range": f"bytes */{size}"})


@pytest.mark.parametrize(
    "spoils",
    [
        *([(LINK, link_to(link))] for link in ("foo", None, "http://[::1", 7, "", "ftp://x/y", "data:,[]")),
        [(LINK, lambda relay, _body: relay.send(200, b"[" * 200_000, {}))],
        [(FILES, nothing_more("4101"))],
        [(FILES, nothing_more("9" * 5000))],
        [(FILES, ended), (FILES, part_of(0, b"[1]"))],
        [(FILES, ended), (FILES, part_of(10**9, b"[1]"))],
        [(FILES, lambda relay, body: relay.send(200, body, {"ETag": "x"}))],
        [(LINK, status(503, Retry_After="inf"))],
        [(LINK, status(503, Retry_After="never"))],
    ],
    ids=lambda spoils: None,
)
def test_whatever_the_service_says_it_is_whole_in_the_end(
    server: Served, source: Path, tmp_path: Path, spoils: list[tuple[str, Spoil]]
) -> None:
    with bad_day(server.address, *spoils) as relay:
        [outcome], _ = bring(relay.url, tmp_path)
        assert (outcome.trouble, relay.spoils) == ("", [])
    check_whole(server, source, tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_files_of_this_machine_are_not_read(server: Served, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("[1]")
    with bad_day(server.address, *[(LINK, link_to(secret.as_uri()))] * 4) as relay:
        [outcome], _ = bring(relay.url, tmp_path / "out")
    assert "the answer to /hist is no link" in outcome.trouble


@pytest.mark.parametrize("wait", ["100000", "1e300"])
def test_nobody_waits_for_days(server: Served, tmp_path: Path, wait: str) -> None:
    with bad_day(server.address, (LINK, status(503, Retry_After=wait))) as relay:
        [outcome], slept = bring(relay.url, tmp_path)
    assert "the service answers 503; it says to come again in" in outcome.trouble
    assert slept == []


@pytest.mark.parametrize(
    "name", ["mine.zip", "eod_report_NDX_2026-07-17.zip", "../up.zip", "eod_report_ES_SPX_x.zip", ""]
)
def test_a_report_of_another_name_touches_no_file(server: Served, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.zip").write_text("mine")
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    spoil: Spoil = lambda relay, body: relay.send(200, body, headers)  # noqa: E731
    with bad_day(server.address, *[("/hist/eod", spoil)] * 4) as relay:
        [outcome], _ = bring(relay.url, tmp_path, Wanted("ES_SPX"))
    assert "no report of the ticker" in outcome.trouble
    assert (tmp_path / "mine.zip").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.zip"]


def test_an_array_is_no_report(server: Served, tmp_path: Path) -> None:
    def array(relay: object, _body: bytes) -> None:
        headers = {"Content-Disposition": f"attachment; filename=eod_report_ES_SPX_{DAY}.zip"}
        relay.send(200, b"[]", headers)  # type: ignore[attr-defined]

    with bad_day(server.address, *[("/hist/eod", array)] * 4) as relay:
        [outcome], _ = bring(relay.url, tmp_path, Wanted("ES_SPX"))
    assert "it is damaged: File is not a zip file" in outcome.trouble
    assert not list(tmp_path.glob("*.zip"))


def test_a_file_that_somebody_has_put_there_is_taken_or_left_alone(server: Served, tmp_path: Path) -> None:
    file = tmp_path / f"{FLOW.stem}.json"
    file.write_text("[]")
    [outcome], _ = bring(server.url, tmp_path)
    assert (outcome.path, outcome.was_there, file.read_text()) == (file, True, "[]")
    (tmp_path / MANIFEST).unlink()
    file.write_text("no array")
    [outcome], _ = bring(server.url, tmp_path)
    assert (outcome.path, outcome.is_missing, file.read_text()) == (None, False, "no array")
    assert "move it away" in outcome.trouble


def test_what_the_service_says_moves_no_cursor(server: Served, tmp_path: Path) -> None:
    spoil: Spoil = lambda relay, _body: relay.send(401, b'{"error":"\\u001b]0;x\\u0007 no"}', {})  # noqa: E731
    with bad_day(server.address, (LINK, spoil)) as relay:
        [outcome], _ = bring(relay.url, tmp_path)
    assert outcome.trouble.isprintable()
    assert outcome.trouble.endswith("]0;x no)")


def test_room_is_looked_for_while_a_file_of_unknown_size_comes(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_BYTES", 1000)
    looks: list[int | None] = []

    def room(self: Downloader, size: int | None) -> None:
        looks.append(size)
        if len(looks) > 3:
            raise StopError("no room")

    monkeypatch.setattr(Downloader, "_room", room)
    [outcome], _ = bring(server.url, tmp_path, Wanted("ES_SPX"))
    assert (outcome.trouble, looks) == ("no room", [None] * 4)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
@pytest.mark.parametrize("where", ["/hist/", "/files"])
def test_ctrl_c_ends_it_at_once_whatever_the_service_does(server: Served, tmp_path: Path, where: str) -> None:
    waiting, over = threading.Event(), threading.Event()

    def hang(relay: object, _body: bytes) -> None:
        waiting.set()
        over.wait(30)

    with bad_day(server.address, (LINK if where == "/hist/" else FILES, hang)) as relay:
        command = [sys.executable, "-m", "gexfaker", "download", DAY, "--tickers", "ES_SPX", "--packages", "orderflow"]
        command += ["--upstream", relay.url, "--out", str(tmp_path)]
        environment = clean_environment() | {"GEXBOT_API_KEY": "k"}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert waiting.wait(20)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, errors = process.communicate(timeout=20)
        over.set()
    assert (process.returncode, errors.strip()) == (130, "stopped: run it again to go on")
    assert time.monotonic() - began < 5
