"""`gexfaker drill` with clients that are not good: what is told of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gexfaker.cli.drill import drill
from gexfaker.faults.rules import rules_of
from gexfaker.jobs.drills import DRILLS
from gexfaker.journal.expectations import Verification
from gexfaker.journal.queries import read
from support.server import wait_until

FRAGILE = """
import json, sys, urllib.request
from websockets.sync.client import connect
request = urllib.request.Request(sys.argv[1] + "/negotiate", headers={"Authorization": "Bearer " + sys.argv[2]})
url = json.load(urllib.request.urlopen(request))["websocket_urls"]["classic"]
with connect(url, subprotocols=["json.webpubsub.azure.v1"]) as socket:
    for group in ("blue_SPX_classic_gex_zeros", "blue_SPX_classic_gex_zero"):
        socket.send(json.dumps({"type": "joinGroup", "group": group}))
    while True:
        print(socket.recv()[:30], flush=True)
"""


@pytest.mark.parametrize("one", DRILLS, ids=lambda one: one.name)
def test_every_drill_is_made_of_rules_and_expectations_that_there_are(one: object) -> None:
    assert isinstance(one, type(DRILLS[0]))
    assert rules_of(one.faults)
    asked = read(json.dumps({"expect": one.expect, "within": one.within, "order": one.order}).encode(), Verification)
    asked.check()
    assert one.about.endswith(".")
    assert not one.good.endswith(".")


def test_there_are_ten() -> None:
    assert len({one.name for one in DRILLS}) == 10


@pytest.mark.long
def test_a_client_that_does_not_come_back_fails_and_its_last_words_are_shown(tmp_path: Path) -> None:
    (tmp_path / "fragile.py").write_text(FRAGILE, encoding="utf-8")
    command = [sys.executable, "-m", "gexfaker", "drill", "--only", "reset", "--", sys.executable, "fragile.py"]
    done = subprocess.run([*command, "{url}", "{key}"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "1/1  reset" in done.stdout
    assert "FAILED" in done.stdout
    assert "the client had ended with code 1" in " ".join(done.stdout.split())
    assert "| " in done.stdout
    assert "nothing will come" not in done.stderr, "what the server logs does not stand in the report"
    assert "0 of 1 passed" in done.stdout


@pytest.mark.long
def test_a_client_that_does_nothing_is_told_so() -> None:
    idle = [sys.executable, "-c", "import time; time.sleep(60)"]
    done = CliRunner().invoke(drill, ["--only", "reset", "--ready", "0.5", "--", *idle])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "the client got no record within" in said
    assert "of this key came nothing: does the client use {url} and {key}?" in said


@pytest.mark.long
def test_a_client_in_a_group_that_stays_silent_is_told_why(tmp_path: Path) -> None:
    wrong = FRAGILE.replace('"blue_SPX_classic_gex_zeros", "blue_SPX_classic_gex_zero"', '"blue_spx_classic_gex_zero",')
    (tmp_path / "wrong.py").write_text(wrong, encoding="utf-8")
    client = [sys.executable, str(tmp_path / "wrong.py"), "{url}", "{key}"]
    done = CliRunner().invoke(drill, ["--only", "reset", "--ready", "3", "--", *client])
    assert "blue_spx_classic_gex_zero stays silent: there is no ticker 'spx'; did you" in " ".join(done.output.split())


@pytest.mark.long
def test_a_client_that_ends_at_once_is_not_waited_for() -> None:
    began = time.monotonic()
    done = CliRunner().invoke(drill, ["--only", "reset", "--", sys.executable, "-c", "print('sorry')"])
    assert time.monotonic() - began < 10
    assert "the client had ended with code 0" in " ".join(done.output.split())
    assert "| sorry" in done.output


def test_what_cannot_be_done_is_said() -> None:
    done = CliRunner().invoke(drill, ["--only", "nothing", "--", "x"])
    assert "there is no drill 'nothing': there are reset" in str(done.exception)
    done = CliRunner().invoke(drill, ["--only", "reset", "--", "/no/such/program"])
    assert "/no/such/program cannot be started" in str(done.exception)
    assert CliRunner().invoke(drill, []).exit_code == 2


def test_the_drills_are_listed() -> None:
    listed = CliRunner().invoke(drill, ["--list"]).output
    assert all(f"{one.name}\n" in listed for one in DRILLS)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_no_client_is_left_when_it_is_stopped(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(
        "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)", encoding="utf-8"
    )
    command = [sys.executable, "-m", "gexfaker", "drill", "--only", "reset", "--", sys.executable, "client.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    written = tmp_path / "pid"
    wait_until(lambda: written.exists() and written.read_text() != "", 30, "the client runs")
    process.send_signal(sent)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told.decode().strip()) == (code, "stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)
