"""The pytest plug-in, used by a project of its own in a process of its own, as users have it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
HEAD = "import httpx, pytest\nfrom gexfaker.testing import ControlError, ExpectationError, receive\n"


def run(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest over one file, with nothing of this repository's configuration."""
    (folder / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:cacheprovider --strict-markers -q\n", encoding="utf-8"
    )
    (folder / "test_it.py").write_text(HEAD + textwrap.dedent(test), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-W", "error", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GEXFAKER"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_a_test_of_a_client_in_a_few_lines(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        def get(gexfaker):
            return httpx.get(gexfaker.url + "/SPX/classic/zero", headers=gexfaker.headers)

        def test_it_asks_once(gexfaker):
            assert get(gexfaker).status_code == 200
            gexfaker.verify({"type": "request", "exactly": 1}, {"is": "negotiated_at_most", "times": 0})

        def test_each_test_has_a_key_of_its_own(gexfaker):
            assert gexfaker.journal() == []
            gexfaker.add_fault("status", code=503, for_="30s")
            assert get(gexfaker).status_code == 503
            assert [rule["hits"] for rule in gexfaker.faults()] == [1]

        @pytest.mark.gexfaker(day="2026-07-17", start="10:30", paused=True)
        def test_time_is_in_its_hand(gexfaker):
            assert gexfaker.status()["playback"]["shown"] == "2026-07-17 10:30:00"
            gexfaker.step(5)
            assert gexfaker.status()["playback"]["shown"] == "2026-07-17 10:30:05"
            gexfaker.advance_to("11:00")
            assert gexfaker.status()["playback"]["shown"] == "2026-07-17 11:00:00"

        @pytest.mark.gexfaker(day="2026-07-17", start="10:30", paused=True, speed=1000)
        def test_it_stands_exactly_there_at_any_speed(gexfaker):
            assert gexfaker.status()["playback"]["shown"] == "2026-07-17 10:30:00"
            assert gexfaker.status()["playback"]["market_time"] % 60 == 0

        @pytest.mark.gexfaker(faults=[{"type": "empty"}])
        def test_faults_from_the_first_request_on(gexfaker):
            with pytest.raises(httpx.RemoteProtocolError):
                get(gexfaker)
            gexfaker.set_faults()
            assert get(gexfaker).status_code == 200

        @pytest.mark.gexfaker(preset="quota-exhausted")
        def test_a_preset(gexfaker):
            assert get(gexfaker).status_code == 429

        @pytest.mark.gexfaker(preset="flaky-feed", faults={"type": "empty", "name": "first"})
        def test_a_preset_behind_a_fault_of_ones_own(gexfaker):
            names = [rule["name"] for rule in gexfaker.faults()]
            assert (names[0], len(names) > 2) == ("first", True)

        @pytest.mark.gexfaker(scenario="flash-crash", data_date="2026-07-17", tickers="SPX")
        def test_a_server_with_settings_of_its_own(gexfaker, gexfaker_server):
            assert gexfaker.url != gexfaker_server.url
            assert get(gexfaker).status_code == 200

        @pytest.mark.gexfaker(paused=True)
        def test_a_record_of_ones_own(gexfaker):
            [first] = receive(gexfaker.url, "SPX_classic_gex_zero", key=gexfaker.key)
            with pytest.warns(UserWarning, match="no client of this key"):
                assert gexfaker.send("SPX_classic_gex_zero", first.record) == 0, "nobody listens any more"
            gexfaker.wait_for("joinGroup", group="*SPX*")
            assert gexfaker.count("connect") == 1
            gexfaker.report({"group": "x", "timestamps": []})
            assert gexfaker.journal("report")
            last = gexfaker.last
            gexfaker.clear_journal()
            assert gexfaker.last == last
            gexfaker.restore(gexfaker.state())

        def test_the_same_with_an_event_loop(gexfaker_async):
            import asyncio

            async def check():
                assert await gexfaker_async.journal() == []
                await gexfaker_async.set_faults({"type": "drop"})
                return await gexfaker_async.faults()

            assert len(asyncio.run(check())) == 1
            assert gexfaker_async.ws_url.startswith("ws://")
        """,
    )
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_an_expectation_that_fails_shows_the_end_of_the_journal(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        def test_fails(gexfaker):
            httpx.get(gexfaker.url + "/SPX/classic/zero", headers=gexfaker.headers)
            gexfaker.verify({"type": "connect"})

        def test_waits_in_vain(gexfaker):
            gexfaker.wait_for("connect", within=0.1)

        def test_uses_another_key(gexfaker):
            httpx.get(gexfaker.url + "/SPX/classic/zero", headers={"Authorization": "Bearer mine", "User-Agent": "t"})
            gexfaker.verify({"type": "request"})

        def test_a_preset_is_no_rule(gexfaker):
            gexfaker.set_faults("flaky-feed")
        """,
    )
    assert done.returncode == 1
    assert "does the client use the key of the test?" in done.stdout
    assert "a preset by preset('flaky-feed')" in done.stdout
    assert "expected at least 1 connect, and there was none" in done.stdout
    assert "the journal of the key ends with:" in done.stdout
    assert "path=/SPX/classic/zero status=200" in done.stdout
    assert "expected 1 connect within 0.1 s, and there were 0" in done.stdout
    assert "the journal of the key is empty: no client has used this key since it was first asked for" in done.stdout
    assert "def _expect" not in done.stdout, "the insides of gexfaker are not shown"


def test_workers_do_not_meet(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        @pytest.mark.parametrize("number", range(8))
        def test_alone(gexfaker, number):
            gexfaker.set_faults({"type": "status", "attributes": {"code": 500 + number}})
            answer = httpx.get(gexfaker.url + "/SPX/classic/zero", headers=gexfaker.headers)
            assert answer.status_code == 500 + number
            assert gexfaker.count("request") == 1
        """,
        *("-n", "2"),
    )
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_settings_for_all_tests_by_a_fixture_of_that_name(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        @pytest.fixture(scope="session")
        def gexfaker_settings():
            return {"tickers": "NDX", "data_date": "2026-07-17"}

        def test_it(gexfaker, gexfaker_server):
            assert gexfaker.url == gexfaker_server.url
            get = lambda ticker: httpx.get(f"{gexfaker.url}/{ticker}/classic/zero", headers=gexfaker.headers)
            assert (get("NDX").status_code, get("SPX").status_code) == (200, 404)
        """,
    )
    assert done.returncode == 0, done.stdout


def test_a_key_that_nobody_has_used_yet_can_be_looked_at_waited_for_and_closed(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        def test_fresh(gexfaker):
            assert gexfaker.status()["connections"] == []
            assert gexfaker.close()["closed"] == 0
            gexfaker.verify("negotiated_at_most", within="0.1s")
            with pytest.raises(ExpectationError):
                gexfaker.wait_for("request", within="50ms")
        """,
    )
    assert done.returncode == 0, done.stdout


def test_the_key_of_a_loop_has_a_last_entry_too(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import asyncio

        def test_last(gexfaker_async):
            async def ask():
                first = await gexfaker_async.last
                await gexfaker_async.pause()
                return await gexfaker_async.last - first
            assert asyncio.run(ask()) == 1
        """,
    )
    assert done.returncode == 0, done.stdout


def test_each_module_has_the_settings_that_it_gives(tmp_path: Path) -> None:
    text = HEAD + textwrap.dedent(
        """
        @pytest.fixture(scope="session")
        def gexfaker_settings():
            return {{"data_date": "{date}", "tickers": "SPX"}}

        def test_it(gexfaker):
            gexfaker.pause()
            assert gexfaker.status()["playback"]["day"] == "{date}"
        """
    )
    for name, date in (("a", "2026-07-15"), ("b", "2026-07-16")):
        (tmp_path / f"test_{name}.py").write_text(text.format(date=date), encoding="utf-8")
    done = run(tmp_path, "")
    assert done.returncode == 0, done.stdout


def test_helpers_say_what_they_take(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        def test_lists(gexfaker):
            gexfaker.verify(["negotiated_at_most", {"type": "request", "exactly": 0}])
            for wrong in (5, [None], {"type"}):
                with pytest.raises(ControlError, match="an expectation is an object or a name"):
                    gexfaker.verify(wrong)
            with pytest.raises(ControlError, match="a record is an object as REST gives it, or bytes, not list"):
                gexfaker.send("SPX_classic_gex_zero", [1])

        @pytest.mark.gexfaker(preset=["flaky-feed", "slow-network"])
        def test_presets(gexfaker):
            pass
        """,
    )
    assert "a preset is one name, not ['flaky-feed', 'slow-network']: there are" in done.stdout
    assert "1 passed, 1 error" in done.stdout


def test_a_marker_that_is_wrong_is_told(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        @pytest.mark.gexfaker("2026-07-17")
        def test_positional(gexfaker):
            pass

        @pytest.mark.gexfaker(dya="2026-07-17")
        def test_misspelt(gexfaker):
            pass

        @pytest.mark.gexfaker(paused="no")
        def test_a_switch(gexfaker):
            pass
        """,
    )
    assert done.returncode == 1
    assert "write @pytest.mark.gexfaker(day=..., start=...), by names" in done.stdout
    assert "@pytest.mark.gexfaker has no dya: did you mean day?" in done.stdout
    assert "@pytest.mark.gexfaker(paused='no'): write paused=True or paused=False" in done.stdout


def test_nothing_is_imported_that_no_test_asks_for(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import sys

        def test_nothing():
            assert "gexfaker.pytest_plugin" in sys.modules
        """,
    )
    assert done.returncode == 0, done.stdout
    code = (
        "import sys, pytest; before = set(sys.modules); import gexfaker.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('gexfaker')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]", loaded
