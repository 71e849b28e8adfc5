"""`gexfaker serve` as a command: one line for what is wrong, the ready line, broken data served around."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gexfaker.errors import SettingError
from gexfaker.server.service import Service
from gexfaker.settings import SETTINGS, flag_of, load
from support.data import DATE, FIRST, expected, group, record, write_day
from support.server import clean_environment, running_process, wait_until

LISTEN = (sys.executable, "-m", "gexfaker", "listen", "orderflow")


def plain_client(url: str) -> ClientConnection:
    return connect(url, subprotocols=[Subprotocol("json.webpubsub.azure.v1")], proxy=None)


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gexfaker", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=cwd,
        env=clean_environment() | environment,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("--port", "99999"), {}, ("PORT", "--port", "65535")),
        ((), {"WS_STREAM_INTERVAL": "fast"}, ("WS_STREAM_INTERVAL", "environment variable", "500ms")),
        ((), {"GEXFAKER_CACHE_MODE": "loop"}, ("CACHE_MODE", "GEXFAKER_CACHE_MODE", "exhaust, rotation or next")),
        (("--host", "no.such.host.invalid"), {}, ("HOST", "--host", "address of this machine")),
        (("--host", "a..b"), {}, ("HOST", "--host", "address of this machine")),
        (("--config", "nope.toml"), {}, ("nope.toml", "--config", "a file that exists")),
        ((), {"DATA_DIR": "nope"}, ("DATA_DIR", "nope", "environment variable", "a folder that exists; there is no")),
        ((), {"DATA_DIR": "'../x'"}, ("DATA_DIR", "a folder that exists; the quotes are taken as a part of its name")),
        (
            (),
            {"DATA_DIR": __file__},
            ("DATA_DIR", "a folder that exists; this is a file: name the folder that it lies"),
        ),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(
    arguments: tuple[str, ...], environment: dict[str, str], said: tuple[str, ...], tmp_path: Path
) -> None:
    done = run("serve", *arguments, cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for words in said:
        assert words in done.stderr


def test_a_bad_line_in_the_settings_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "gexfaker.toml").write_text("prot = 1\n")
    done = run("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "gexfaker.toml" in done.stderr
    assert "prot" in done.stderr


def test_a_taken_port_is_said_with_a_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert port in done.stderr
    assert "--port 0" in done.stderr


def test_a_day_that_is_not_stored_is_said(tmp_path: Path) -> None:
    write_day(tmp_path / "data", 1)
    done = run("serve", "--data-date", "2020-01-02", cwd=tmp_path)
    assert done.returncode == 2
    assert DATE in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("put", "found"),
    [
        ((), "it is empty"),
        (("readme.txt", "notes/a.txt"), "it holds notes, readme.txt"),
        (("SPX/2026-07-17/classic/gex_zero.jsonl",), "ticker and date are swapped; days lie there as 2026-07-17/SPX"),
        (("gexbot/2026-07-17/SPX/classic/gex_zero.jsonl",), "gexbot; name that folder"),
        (
            ("eod_report_SPX.zip",),
            "eod_report_SPX.zip is not played: a report is called eod_report_TICKER_DATE.zip",
        ),
    ],
)
def test_a_folder_without_days_is_refused_with_what_it_holds(put: tuple[str, ...], found: str, tmp_path: Path) -> None:
    for name in put:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(SettingError) as refused:
        notes_of(data_dir=str(tmp_path))
    text = str(refused.value)
    assert text.startswith(
        f"DATA_DIR={str(tmp_path)!r} (from the flag --data-dir) is not usable: it holds no recorded days. Days lie "
        "there as YYYY-MM-DD/TICKER/package/category.jsonl (or .jsonl.gz, .jsonl.zst); "
    )
    assert found in text
    assert text.endswith(". For a simulated market: --simulate, or GEXFAKER_SIMULATE=true")
    [note] = notes_of(data_dir=str(tmp_path), simulate="true")
    assert note.endswith("has no effect: a market is simulated (SIMULATE)")


def test_what_is_odd_about_the_day_that_is_played_is_told_at_the_start(tmp_path: Path) -> None:
    write_day(tmp_path, 30)
    file = tmp_path / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    stale = json.loads(record("ES_SPX", 0)) | {"timestamp": FIRST - 60_000}  # as a real day begins
    file.write_text(f"{json.dumps(stale)}\n{file.read_text()}")
    assert not notes_of(data_dir=str(tmp_path))
    (tmp_path / DATE).rename(tmp_path / "2026-07-16")
    (tmp_path / "2026-07-16" / "gex_zero.jsonl").write_text("{}")
    beside, other_day = notes_of(data_dir=str(tmp_path))
    assert beside == (
        f"{tmp_path / '2026-07-16' / 'gex_zero.jsonl'} is not played: "
        "record files lie in the folder of a ticker and a package"
    )
    assert (
        other_day
        == "the records of 2026-07-16 are of 2026-07-17: call the files by their day, or move them into its folder"
    )


def test_days_that_are_not_found_in_the_default_folder_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_day(tmp_path / "data" / "deep", 3)
    monkeypatch.chdir(tmp_path)
    [note] = notes_of()
    assert note.startswith("data/deep is not played: days lie in data/deep; name that folder".replace("/", os.sep))
    assert not notes_of(simulate="true")


def test_the_default_folder_need_not_hold_days(tmp_path: Path) -> None:
    assert not notes_of(data_dir="")


def notes_of(**flags: str) -> tuple[str, ...]:
    """What a server with these settings says at its start."""
    service = Service(load({name.upper(): value for name, value in flags.items()}, {}))
    try:
        return service.notes
    finally:
        service.close()


def test_help_has_every_setting_and_examples(tmp_path: Path) -> None:
    for command in ("serve", "listen"):
        text = run(command, "--help", cwd=tmp_path).stdout
        assert f"gexfaker {command}" in text
        assert "Examples" in text
    text = run("serve", "--help", cwd=tmp_path).stdout
    for setting in SETTINGS:
        assert flag_of(setting) in text


def test_the_ready_line_comes_first_and_is_followed_by_what_to_try() -> None:
    with running_process() as server:
        assert server.stdout[0] == f"gexfaker ready on {server.url}"
        assert server.get("/ready") == (200, b'{"status":"ready"}')
        hint = next(line for line in server.stdout if "listen" in line).partition("gexfaker ")[2]
        done = subprocess.run(
            [sys.executable, "-m", "gexfaker", *hint.split(), "--count", "1"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert "SPX" in done.stdout
        assert server.health()["data_origin"].startswith("simulated")


def test_broken_lines_are_skipped_and_named_and_the_rest_is_served(tmp_path: Path) -> None:
    write_day(tmp_path, 0)
    file = tmp_path / DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    good = [record("ES_SPX", index) for index in range(4)]
    lines = [
        "\ufeff" + good[0] + "\r",
        "",
        "{not json}",
        good[1],
        json.dumps({"timestamp": 1, "ticker": "ES_SPX"}),
        "   ",
        good[2].replace('"spot":', '"spot":NaN,"x":'),
        "x" * (4 * 1024 * 1024 + 1),
        good[3],
        good[3][: len(good[3]) // 2],
    ]
    file.write_text("\n".join(lines), encoding="utf-8", newline="")
    with running_process(data_dir=str(tmp_path), ws_stream_interval="30ms", cache_mode="rotation") as server:
        done = subprocess.run(
            [*LISTEN, "es_spx", "--url", server.url, "--json", "--count", "7"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        received = [json.loads(line) for line in done.stdout.splitlines()]
        wanted = [expected("ES_SPX", index)["timestamp"] for index in (0, 1, 3)]
        assert [row["timestamp"] for row in received] == (wanted * 3)[:7]
        warned = [line for line in server.stderr if ": skipped (" in line]
        for number in (3, 5, 7, 8, 10):
            assert sum(f"orderflow.jsonl:{number}:" in line for line in warned) == 1, (number, warned)
        assert len(warned) == 5
        assert server.health()["records_skipped"] >= 5
        assert not [line for line in server.stderr if "Traceback" in line]


def test_a_file_that_cannot_be_read_silences_only_its_own_feed(tmp_path: Path) -> None:
    write_day(tmp_path, 5, tickers=("SPX", "NDX"))
    broken = tmp_path / DATE / "NDX" / "orderflow" / "orderflow.jsonl"
    with running_process(data_dir=str(tmp_path), ws_stream_interval="30ms", cache_mode="rotation") as server:
        broken.unlink()
        done = subprocess.run(
            [*LISTEN, "NDX", "SPX", "--url", server.url, "--json", "--count", "3"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert {json.loads(line)["ticker"] for line in done.stdout.splitlines()} == {"SPX"}
        # Whether the server has seen by then that the file is gone, or not yet, is a matter of a second.
        told = ("nothing will come", "is silent", "stays silent")
        assert sum("NDX" in line and any(words in line for words in told) for line in server.stderr) == 1


def test_nothing_outside_the_data_folder_is_read(tmp_path: Path) -> None:
    write_day(tmp_path / "outside", 3)
    write_day(tmp_path / "data", 3)
    escapes = ["..", "../../outside/" + DATE + "/ES_SPX", "%2e%2e", "/etc", "ES_SPX\0", "..\\..", "C:"]
    names = [group(ticker) for ticker in escapes]
    with running_process(data_dir=str(tmp_path / "data"), ws_stream_interval="30ms") as server:
        with plain_client(server.orderflow()) as client:
            client.recv()
            for number, name in enumerate([*names, group()]):
                client.send(json.dumps({"type": "joinGroup", "group": name, "ackId": number}))
            seen = [json.loads(client.recv(timeout=10)) for _ in range(len(names) + 4)]
        assert {message["ackId"] for message in seen if message["type"] == "ack"} == {*range(len(names) + 1)}
        assert {message["group"] for message in seen if message["type"] == "message"} == {group()}


@pytest.mark.skipif(os.name == "nt", reason="a link needs rights there")
def test_a_link_out_of_the_data_folder_is_not_followed_where_that_is_wanted(tmp_path: Path) -> None:
    write_day(tmp_path / "outside", 3, tickers=("SECRET",))
    write_day(tmp_path / "data", 3)
    (tmp_path / "data" / DATE / "LINK").symlink_to(tmp_path / "outside" / DATE / "SECRET")
    with running_process(data_dir=str(tmp_path / "data"), links="inside") as server:
        assert not [line for line in server.stdout if "2 feeds" in line]
        assert sum("LINK is left out: it is reached by a link that leaves" in line for line in server.stderr) == 1


def test_the_status_says_why_a_group_is_silent_and_strict_groups_refuse_it() -> None:
    wrong = "blue_SPXX_orderflow_orderflow"
    for strict in ("false", "true"):
        with running_process(strict_groups=strict) as server:
            with plain_client(server.orderflow("my-own-secret-key")) as client:
                client.recv(timeout=10)
                client.send(json.dumps({"type": "joinGroup", "group": wrong, "ackId": 1}))
                ack = json.loads(client.recv(timeout=10))
                status = json.loads(server.get("/_gexfaker/sessions")[1])
            [session] = status["sessions"]
            [connection] = session["connections"]
            assert "my-own-secret-key" not in json.dumps(status)
            if strict == "true":
                assert ack["success"] is False
                assert ack["error"]["name"] == "NotFound"
                assert "blue_SPX_orderflow_orderflow" in ack["error"]["message"]
                assert connection["groups"] == []
            else:
                assert ack == {"type": "ack", "ackId": 1, "success": True}
                [entry] = connection["groups"]
                assert "blue_SPX_orderflow_orderflow" in entry["silent"]
                wait_until(lambda: any(wrong in line for line in server.stderr), 5, "the reason in the log")
                assert sum(wrong in line for line in server.stderr) == 1


def test_an_address_that_this_machine_has_not_is_not_blamed_on_the_port(tmp_path: Path) -> None:
    done = run("serve", "--host", "192.0.2.1", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "gexfaker: HOST='192.0.2.1' (from the flag --host) is not usable: an address of this machine, such as 127.0.0.1"
    )
