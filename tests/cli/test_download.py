"""`gexfaker download` as a user has it: where the key comes from, what is printed, and how it ends."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import keyring
import keyring.backend
import keyring.errors
import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.main import cli
from support import data
from support.server import Served, free_port, running_server
from support.upstream import bad_day, status

DAY = "2026-07-17"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = data.write_day(tmp_path_factory.mktemp("upstream"), 50)
    with running_server(data_dir=str(folder)) as running:
        yield running


def download(*arguments: str, **environment: str | None) -> Result:
    given = {"GEXBOT_API_KEY": "a-secret-key"} | environment
    return CliRunner().invoke(cli, ["download", *arguments, "--rate", "50"], env=given)


def test_a_report_and_a_day_and_what_is_there_already(server: Served, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path), "--upstream", server.url, "--tickers", "ES_SPX")
    done = download(*out)
    assert done.exit_code == 0, done.output
    assert f"the end-of-day report of ES_SPX: eod_report_ES_SPX_{DAY}.zip, 0." in done.output
    assert f"play them: gexfaker serve --data-dir {tmp_path}" in done.output
    for told in ("1 file of", "0 files of"):
        done = download(DAY, "--packages", "orderflow", *out)
        assert (done.exit_code, told in done.output) == (0, True)
    assert f"{DAY} ES_SPX orderflow: {DAY}_ES_SPX_orderflow_orderflow.json, is there already" in done.output
    assert "secret" not in done.output


def test_what_cannot_be_had_is_told_and_the_exit_code_is_1(server: Served, tmp_path: Path) -> None:
    done = download("2026-07-16", "--packages", "orderflow", "--out", str(tmp_path), "--url", server.url)
    assert done.exit_code == 1
    assert "2026-07-16 SPX orderflow: the service has none (" in done.output
    assert "1 could not be had" in done.output


def test_a_key_that_is_refused_is_one_sentence(server: Served, tmp_path: Path) -> None:
    with bad_day(server.address, ("/hist/eod", status(401))) as relay:
        done = download("--out", str(tmp_path), "--upstream", relay.url)
    assert "the end-of-day report of SPX: the service refuses this key (401: not now)" in done.output
    assert (done.exit_code, "secret" in done.output) == (1, False)


def test_no_service_is_told_after_some_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexfaker.jobs.download.PAUSES", (0.0,))
    done = download("--out", str(tmp_path), "--upstream", f"http://127.0.0.1:{free_port()}")
    assert "the connection failed: Connection refused; tried 2 times" in done.output
    assert done.exit_code == 1


def test_the_key_from_a_file(server: Served, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("\ufeffanother\n", encoding="utf-8")
    with bad_day(server.address) as relay:
        arguments = ("--key-file", str(file), "--out", str(tmp_path), "--upstream", relay.url, "--tickers", "ES_SPX")
        assert download(*arguments, GEXBOT_API_KEY=None).exit_code == 0
        assert relay.keys[0][1] == "Bearer another"


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {"GEXBOT_API_KEY": None}, "an API key is needed, and there is none: set GEXBOT_API_KEY, use --key-file"),
        (
            (),
            {"GEXBOT_API_KEY": "two words"},
            "an API key is needed, and what is in GEXBOT_API_KEY is no API key: set GEXBOT_API_KEY, use --key-file",
        ),
        (("--tickers", "SPXX"), {}, "--tickers: SPXX is not a ticker of the service"),
        (("--tickers", ","), {}, "--tickers: none is not a ticker"),
        (("--packages", "greeks"), {}, "--packages: greeks is not one of classic, state, orderflow"),
        (("2026-07-18",), {}, "2026-07-18: "),
        (("2026-07-17..2026-07-13",), {}, "2026-07-17..2026-07-13: the end is before the beginning"),
        (("yesterday",), {}, "yesterday"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_asked(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str | None], said: str
) -> None:
    done = download(*arguments, "--out", str(tmp_path / "new"), **environment)
    assert said in str(done.exception)
    assert not (tmp_path / "new").exists()


def test_what_came_is_compared_with_what_is_there(server: Served, tmp_path: Path) -> None:
    for day in ("ES_SPX",):
        assert download("--tickers", day, "--out", str(tmp_path), "--upstream", server.url).exit_code == 0
    assert (
        download(
            DAY,
            "--packages",
            "orderflow,classic",
            "--tickers",
            "ES_SPX",
            "--out",
            str(tmp_path),
            "--upstream",
            server.url,
        ).exit_code
        == 1
    )

    def verified() -> tuple[int, list[str]]:
        done = CliRunner().invoke(cli, ["verify", str(tmp_path)])
        return done.exit_code, done.stdout.splitlines()

    assert verified() == (0, ["2 of 2 files are as they came"])
    report, array = tmp_path / f"eod_report_ES_SPX_{DAY}.zip", tmp_path / f"{DAY}_ES_SPX_orderflow_orderflow.json"
    content = array.read_bytes()
    array.write_bytes(content[:-1] + b" ")
    with report.open("ab") as file:
        file.write(b"x")
    code, lines = verified()
    assert (code, lines[2:]) == (
        1,
        ["0 of 2 files are as they came", "remove the others, and run gexfaker download again"],
    )
    assert lines[0] == f"{array.name}: its content is another: it was changed or is damaged"
    assert lines[1].startswith(f"{report.name}: it has ")
    array.write_bytes(content)
    report.unlink()
    assert verified() == (
        1,
        [
            f"{report.name}: it is not there any more",
            "1 of 2 files are as they came",
            "remove the others, and run gexfaker download again",
        ],
    )


def test_where_nothing_was_downloaded_there_is_nothing_to_compare(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["verify", str(tmp_path)])
    assert "has no downloads.json of a download" in str(done.exception)


def test_collecting_once_ends_with_1_while_the_newest_day_is_missing(server: Served, tmp_path: Path) -> None:
    """The day of that server is long past, so that it never has the one that is due today."""
    arguments = ["collect", "--once", "--tickers", "ES_SPX", "--out", str(tmp_path), "--upstream", server.url]
    with bad_day(server.address) as told:
        done = CliRunner().invoke(cli, [*arguments, "--webhook", told.url], env={"GEXBOT_API_KEY": "k"})
        assert (done.exit_code, told.asked) == (1, {})
    assert f"the end-of-day report of ES_SPX: eod_report_ES_SPX_{DAY}.zip" in done.output


def test_what_could_not_be_had_is_told_to_who_wants_to_know(server: Served, tmp_path: Path) -> None:
    with bad_day(server.address, ("/hist/eod", status(401))) as relay, told_to() as heard:
        arguments = ["collect", "--once", "--out", str(tmp_path), "--upstream", relay.url]
        arguments += ["--webhook", f"{heard.url}/hook?token=t", "--ntfy", f"{heard.url}/topic"]
        done = CliRunner().invoke(cli, arguments, env={"GEXBOT_API_KEY": "k"})
    assert done.exit_code == 1
    text = "the end-of-day report of SPX: the service refuses this key (401: not now)"
    assert heard.bodies == [
        ("/hook?token=t", None, json.dumps({"title": "gexfaker collect", "message": text}).encode()),
        ("/topic", "gexfaker collect", text.encode()),
    ]


class Heard(http.server.BaseHTTPRequestHandler):
    """A webhook."""

    url = ""
    bodies: ClassVar[list[tuple[str, str | None, bytes]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append((self.path, self.headers.get("Title"), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def told_to() -> Iterator[type[Heard]]:
    class Fresh(Heard):
        bodies: ClassVar = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as made:
        Fresh.url = f"http://127.0.0.1:{made.server_port}"
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield Fresh
        made.shutdown()


class Ring(keyring.backend.KeyringBackend):
    """A keyring as the library knows them, with what a test puts into it."""

    priority = 1

    def __init__(self, keys: dict[tuple[str, str], str], trouble: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.trouble = keys, trouble

    def get_password(self, service: str, username: str) -> str | None:
        if self.trouble is not None:
            raise self.trouble
        return self.keys.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.keys[service, username] = password


@pytest.fixture
def ring() -> Iterator[Callable[[Ring], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


OURS = {("gexfaker", "GEXBOT_API_KEY"): "of-the-ring"}


def test_the_key_of_the_keyring(server: Served, tmp_path: Path, ring: Callable[[Ring], None]) -> None:
    ring(Ring(OURS))
    with bad_day(server.address) as relay:
        arguments = ("--out", str(tmp_path), "--upstream", relay.url, "--tickers", "ES_SPX")
        assert download(*arguments, GEXBOT_API_KEY=None).exit_code == 0
        assert download(*arguments, GEXBOT_API_KEY="of-the-environment").exit_code == 0
        told = [key for _, key in relay.keys if key is not None]
        assert list(dict.fromkeys(told)) == ["Bearer of-the-ring", "Bearer of-the-environment"]


RINGS = [
    Ring({("gexbot", "me"): "x"}),
    Ring(OURS, keyring.errors.NoKeyringError()),
    Ring(OURS, keyring.errors.KeyringLocked()),
]


@pytest.mark.parametrize("keys", RINGS)
def test_a_keyring_without_our_key_is_none(tmp_path: Path, ring: Callable[[Ring], None], keys: Ring) -> None:
    ring(keys)
    done = download("--out", str(tmp_path), GEXBOT_API_KEY=None)
    assert done.exit_code != 0
    assert "keyring set gexfaker GEXBOT_API_KEY" in str(done.exception)


def test_progress_as_lines_of_json(server: Served, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path), "--upstream", server.url, "--tickers", "ES_SPX,SPX", "--packages", "orderflow")
    done = download(DAY, *out, "--progress", "json")
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {one["total"] for one in told} == {2}
    assert [told[-1][name] for name in ("done", "there")] == [2, 1]
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
    assert f"{DAY} SPX orderflow: the service has none" in done.stdout
    assert done.exit_code == 1
