"""`gexfaker ctl` against a real server, and against none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.ctl import ctl
from gexfaker.wire.tokens import world_id
from support import data
from support.control import DAYS, SESSIONS, Plane, write_days
from support.raw import joined
from support.server import Served, running_server

COUNT = 900
DEMO, MINE = world_id("demo"), world_id("mine")
TOKEN = "control-token-of-this-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = write_days(tmp_path_factory.mktemp("days"), COUNT)
    with running_server(data_dir=str(root), data_date=DAYS[-1]) as running:
        yield running


@pytest.fixture
def plane(server: Served) -> Iterator[Plane]:
    with Plane(server) as plane:
        plane.call("POST", f"{SESSIONS}/all/reset")
        for key in ("demo", "mine"):
            plane.act("pause", key)
        yield plane


def run(server: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user has it."""
    command = [sys.executable, "-m", "gexfaker", "ctl", *arguments, "--url", server.url]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def call(server: Served, *arguments: str) -> Result:
    """The same in this process, which is quicker; errors meant for the user are raised."""
    return CliRunner().invoke(ctl, [*arguments, "--url", server.url])


def lines(server: Served, *arguments: str) -> list[str]:
    """What a command that must succeed prints."""
    done = call(server, *arguments)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_as_a_command_of_its_own(server: Served, plane: Plane) -> None:
    done = run(server, "seek", "09:40", "--key", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"{MINE} seek 09:40: {data.DATE} 09:40:00, record 598 of ES_SPX/orderflow/orderflow\n")
    assert plane.playback("mine")["market_time"] == data.FIRST + 598


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause"], "pause: paused (it was paused already)"),
        (["resume"], "resume: playing"),
        (["step"], "step: 1"),
        (["step", "12"], f"step: 12; at {data.DATE} "),
        (["seek", "close"], "(clamped: the last record of ES_SPX_orderflow_orderflow is at 2026-07-17 09:45:01)"),
        (["seek", str(data.FIRST + 7)], f"seek {data.FIRST + 7}: 2026-07-17 09:30:09, record 7 of ES_SPX/"),
        (["seek", "17", "--index"], "seek 17: 2026-07-17 09:30:19, record 17 of"),
        (["seek", "18", "--index", "--feed", "ES_SPX_orderflow_orderflow"], "record 18 of"),
        (["speed", "60"], "speed: 60"),
        (["speed", "30x"], "speed: 30"),
        (["speed", "0"], "speed: 0"),
        (["mode", "--playback", "step", "--interval", "500ms"], "mode: playback step, interval 0.5"),
        (["mode", "--interval", "2"], "mode: interval 2"),
        (["mode", "--cache-mode", "rotation", "--timestamps", "live", "--endpoints", "independent"], "timestamps live"),
        (["day", DAYS[0]], f"day: {DAYS[0]}"),
        (["day", "latest"], f"day latest: {DAYS[-1]}"),
        (["reset"], f"reset: day {DAYS[-1]}"),
    ],
)
def test_every_action_prints_its_effect(server: Served, plane: Plane, arguments: list[str], said: str) -> None:
    [line] = lines(server, *arguments)
    assert re.match(rf"{DEMO} {arguments[0]}( \S+)?: ", line)
    assert said in line
    done = call(server, *arguments, "--json", "--key", "mine")
    answer = json.loads(done.output)
    assert (answer["session"], answer["action"]) == (MINE, arguments[0])


def test_the_end_of_the_day_is_told_with_what_is_done(server: Served, plane: Plane) -> None:
    plane.act("resume", "mine")
    plane.act("seek", "mine", time="close")
    assert server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer mine", "User-Agent": "x"})[0] == 200
    [line] = lines(server, "resume", "--key", "mine")
    assert re.fullmatch(
        rf"{MINE} resume: playing \(it was not paused\); at {data.DATE} \d\d:\d\d:\d\d, "
        "the day is over, nothing more comes until it is moved",
        line,
    )


def test_effects_are_real(server: Served, plane: Plane) -> None:
    lines(server, "mode", "--playback", "step", "--cache-mode", "exhaust", "--interval", "250ms", "--key", "mine")
    lines(server, "speed", "7", "--session", MINE)
    lines(server, "day", DAYS[1], "--key", "mine")
    mine = plane.playback("mine")
    assert (mine["playback"], mine["cache_mode"], mine["interval"]) == ("step", "exhaust", 0.25)
    assert (mine["speed"], mine["day"], mine["paused"]) == (7, DAYS[1], True)
    lines(server, "resume", "--key", "mine")
    assert not plane.playback("mine")["paused"]
    assert plane.playback("demo")["paused"], "another key's"


def test_all_prints_a_line_for_each_session(server: Served, plane: Plane) -> None:
    printed = lines(server, "seek", "20", "--index", "--all")
    assert [line.split()[0] for line in printed] == sorted(
        one["session"] for one in plane.call("GET", SESSIONS)[1]["sessions"]
    )
    assert all("record 20 of" in line for line in printed)
    answer = json.loads(call(server, "pause", "--all", "--json").output)
    assert {one["action"] for one in answer["sessions"]} == {"pause"}


def test_all_tells_who_refused_and_ends_with_2(server: Served, plane: Plane) -> None:
    plane.act("day", "mine", date=DAYS[0])
    done = run(server, "day", "next", "--all")
    assert done.returncode == 2
    assert f"{MINE} day next: {DAYS[1]}\n" in done.stdout
    assert f"{DEMO} day: not done: there is no day after {DAYS[-1]}.\n" in done.stdout
    assert re.fullmatch(r"gexfaker: day: not done to \d of \d sessions\n", done.stderr)


def test_create(server: Served, plane: Plane) -> None:
    printed = lines(
        server, "create", "--key", "made", "--day", DAYS[1], "--speed", "60", "--time", "09:40", "--cache-mode", "next"
    )
    made = world_id("made")
    assert [" ".join(line.split(":")[0].split()[:2]) for line in printed] == [
        f"{made} {action}" for action in ("reset", "day", "mode", "speed", "seek")
    ]
    playback = plane.playback("made")
    assert (playback["day"], playback["speed"], playback["cache_mode"]) == (DAYS[1], 60, "next")
    assert json.loads(call(server, "create", "--json", "--interval", "2s").output)["effects"]["mode"]


def test_sessions_and_show(server: Served, plane: Plane) -> None:
    plane.act("seek", "mine", index=88)
    with joined(server.orderflow("mine"), data.group()) as raw:
        raw.join("blue_NOBODY_orderflow_orderflow", 2)
        printed = lines(server, "show", "--key", "mine")
        assert f"{MINE}  {data.DATE} 09:31:30  clock x1, hold, paused, 1 connection" in lines(server, "sessions")
    assert printed[0] == f"{MINE}  {data.DATE} 09:31:30  clock x1, hold, paused, 1 connection"
    assert re.fullmatch(rf"  orderflow {data.group()}: record \d+ is next", printed[1])
    assert re.fullmatch(r"  orderflow blue_NOBODY_orderflow_orderflow: silent: there is no ticker 'NOBODY'", printed[2])
    plane.act("mode", "mine", playback="step", timestamps="live")
    assert "step 1 s, hold, live timestamps, paused, 0 connections" in lines(server, "show", "--session", MINE)[0]
    assert len(lines(server, "show", "--all")) == len(lines(server, "sessions"))
    assert json.loads(call(server, "sessions", "--json").output) == plane.call("GET", SESSIONS)[1]
    assert json.loads(call(server, "show", "--json").output)["session"] == DEMO


def test_close(server: Served, plane: Plane) -> None:
    with joined(server.orderflow("mine"), data.group()) as raw:
        assert lines(server, "close", "--key", "mine") == [f"{MINE} close: 1 connections closed"]
        assert raw.read_close()[0] == 1000
    assert lines(server, "close", "--all") == ["all close: 0 connections closed"]


def test_a_fresh_server_has_no_sessions() -> None:
    with running_server() as server:
        assert lines(server, "sessions") == ["there are no sessions"]
        assert lines(server, "pause", "--all") == ["there are no sessions"]


def test_keys_are_taken_as_they_are(server: Served, plane: Plane) -> None:
    for key in ("a key", "k%41y", "ü?#&", "100%"):
        assert lines(server, "pause", "--key", key)[0].startswith(world_id(key)), key


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seek", "25:00"], "not a time of day"),
        (["seek", "09:40", "--index"], "whole number"),
        (["seek", "open", "--feed", "SPX_classic_gex_zero"], "has no feed"),
        (["day", "2001-01-01"], "there is 2026-07-15"),
        (["day", "next"], f"there is no day after {DAYS[-1]}"),
        (["mode"], "at least one of"),
        (["mode", "--playback", "fly"], "clock, step"),
        (["mode", "--interval", "soon"], "500ms"),
        (["step", "0"], "from 1 to 1000"),
        (["step", "-5"], "from 1 to 1000, not -5"),
        (["speed", "-1"], "speed is 0, or 0.1 to 1000"),
        (["seek", "-30"], "-30 is before all days"),
        (["speed", "nan"], "JSON"),
        (["speed", "5000"], "speed is 0, or 0.1 to 1000"),
        (["show", "--key", "nobody"], "no such session"),
        (["close", "--key", "nobody"], "no such session"),
        (["pause", "--session", "key-0123456789abcdef"], "there is no session key-0123456789abcdef"),
    ],
)
def test_refusals_are_one_line_and_exit_code_2(
    server: Served, plane: Plane, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    done = call(server, *arguments)
    assert done.exit_code == 1
    assert done.output == ""
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "a", "--all"], "--all and --key both say which session: give one of them."),
        (["--session", "key-1", "--all"], "--all and --session both say which session: give one of them."),
        (["--key", "a", "--session", "key-1"], "--session and --key both say which session: give one of them."),
        (["--key", ""], "--key is empty: is the variable unset that it was made of?"),
        (["--session", " "], "--session is empty: is the variable unset that it was made of?"),
    ],
)
def test_which_session_is_said_once(server: Served, plane: Plane, arguments: list[str], said: str) -> None:
    before = plane.call("GET", SESSIONS)[1]["sessions"]
    done = call(server, "pause", *arguments)
    assert (done.exit_code, said in done.output) == (2, True)
    assert plane.call("GET", SESSIONS)[1]["sessions"] == before


def test_a_key_of_the_environment_is_no_second_choice(
    server: Served, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXFAKER_KEY", "from-outside")
    assert call(server, "show", "--all").exit_code == 0


def test_a_refusal_as_a_user_sees_it(server: Served) -> None:
    done = run(server, "seek", "25:00")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gexfaker: '25:00' is not a time of day: write HH:MM or HH:MM:SS.\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://127.0.0.1:abc", "http://[::"])
def test_without_a_server_it_says_so(url: str) -> None:
    done = CliRunner().invoke(ctl, ["sessions", "--url", url])
    assert "start one with: gexfaker serve" in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("url", ["file:///etc", "http://", "ws://127.0.0.1:8080"])
def test_what_is_no_url_of_a_server_is_told(url: str) -> None:
    done = CliRunner().invoke(ctl, ["sessions", "--url", url])
    assert "accepted: a URL such as http://127.0.0.1:8080" in str(done.exception)
    assert repr(url) in str(done.exception)


@pytest.mark.parametrize("from_where", ["flag", "GEXFAKER_URL", "GEXFAKER_PORT", "PORT", "file"])
def test_the_server_is_found_as_it_was_started(
    server: Served, from_where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without http:// too, as people write it; and the port that a server started here would have."""
    host, port = server.address
    monkeypatch.chdir(tmp_path)
    if from_where == "file":
        (tmp_path / "gexfaker.toml").write_text(f"port = {port}\n")
    values = {"GEXFAKER_URL": f"{host}:{port}/", "GEXFAKER_PORT": str(port), "PORT": str(port)}
    environment = {from_where: values[from_where]} if from_where in values else {}
    url = ["--url", f"{host}:{port}"] if from_where == "flag" else []
    done = CliRunner().invoke(ctl, ["pause", *url], env=environment | {"GEXFAKER_KEY": "of-the-environment"})
    assert done.exit_code == 0, done.exception
    assert done.output.startswith(world_id("of-the-environment"))


def test_without_a_server_the_exit_code_is_2() -> None:
    command = [sys.executable, "-m", "gexfaker", "ctl", "pause", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_another_server_at_the_address_is_no_traceback(server: Served) -> None:
    done = CliRunner().invoke(ctl, ["pause", "--url", f"{server.url}/v2/nowhere"])
    assert "Not Found" in str(done.exception)


def test_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if "TOKEN" not in k})
    with running_server(control_token=TOKEN) as server:
        assert "control token" in str(call(server, "sessions").exception)
        assert "control token" in str(call(server, "sessions", "--token", "wrong").exception)
        assert lines(server, "sessions", "--token", TOKEN)
        for name in ("GEXFAKER_TOKEN", "GEXFAKER_CONTROL_TOKEN"):
            done = CliRunner().invoke(ctl, ["sessions", "--url", server.url], env={name: TOKEN})
            assert done.exit_code == 0, done.output
        odd = call(server, "sessions", "--token", "two\nlines \u20ac")
        assert odd.exception is not None
        assert "\n" not in str(odd.exception)


def test_a_proxy_of_the_environment_is_not_asked(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert lines(server, "sessions")


def test_help_has_examples_of_every_command() -> None:
    for name in ("", *ctl.commands):
        done = CliRunner().invoke(ctl, [*filter(None, [name]), "--help"])
        assert done.exit_code == 0
        assert "Example" in done.output, name
        assert f"gexfaker ctl {name}".strip() in done.output
        if name:
            assert {"--url", "--token", "--json"} <= set(re.findall(r"--[a-z]+", done.output)), name
    assert set(ctl.commands) == set(
        "sessions show create pause resume step seek speed mode day tier quota reset close".split()
    )


def test_examples_of_the_help_can_be_parsed() -> None:
    for name, command in ctl.commands.items():
        for example in re.findall(r"gexfaker ctl (.*)", command.help or ""):
            words = re.split(r"\s+", example.partition("   ")[0].strip())
            assert words[0] == name
            command.make_context(name, words[1:])


@pytest.mark.parametrize("key", ["all", "a/b", "key-0123456789abcdef", "by-key"])
def test_any_key_can_be_named(server: Served, plane: Plane, key: str) -> None:
    made = f"{world_id(key)} pause: paused"
    assert lines(server, "pause", "--key", key)[0].startswith(made)
    assert lines(server, "show", "--key", key)[0].startswith(world_id(key))
    assert lines(server, "close", "--key", key) == [f"{world_id(key)} close: 0 connections closed"]


def test_sessions_are_listed_page_by_page(server: Served, plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [one["session"] for one in plane.call("GET", SESSIONS)[1]["sessions"]]
    monkeypatch.setattr("gexfaker.client.control.PAGE", 2)
    assert [line.split()[0] for line in lines(server, "sessions")] == wanted
    assert len(wanted) > 2


@pytest.mark.parametrize("group", [(), ("ctl",)])
def test_an_option_before_the_command_is_told_to_stand_behind_it(group: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "gexfaker", *group, "--url", "http://127.0.0.1:1", "show"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"It stands behind the command: {' '.join(('gexfaker', *group))} COMMAND --url" in done.stderr


@pytest.mark.parametrize("version", ["/v2", "/v1", "/v2/"])
def test_the_base_url_of_a_client_will_do(server: Served, plane: Plane, version: str) -> None:
    done = CliRunner().invoke(ctl, ["pause", "--key", "mine", "--url", server.url + version])
    assert (done.exit_code, done.output.split()[1:3]) == (0, ["pause:", "paused"]), done.output
    plane.act("resume", "mine")


def test_a_key_that_the_server_refuses_is_not_moved() -> None:
    with running_server(tickers="SPX", data_date="2026-07-17", strict_keys="true", tiers="good=quant") as strict:
        refused = CliRunner().invoke(ctl, ["pause", "--url", strict.url])
        assert "that is no key of this server, which has --strict-keys" in str(refused.exception)
        assert CliRunner().invoke(ctl, ["pause", "--url", strict.url, "--key", "good"]).exit_code == 0
