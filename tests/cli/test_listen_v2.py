"""`gexfaker listen` on several hubs, on the V2 flow with spot, and for explicit expiries."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from gexfaker.wire.tokens import world_id
from support import days
from support.server import Served, running_server, wait_until

TIMEOUT: Final = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = days.write_days(tmp_path_factory.mktemp("listen"), 200)
    with running_server(
        data_dir=str(folder), ws_stream_interval="20ms", tiers="KEY1=classic,KEY3=orderflow,*=quant"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = days.write_days(tmp_path_factory.mktemp("slow"), 10)
    with running_server(data_dir=str(folder), ws_stream_interval="400ms", cache_mode="rotation") as running:
        yield running


def listen(server: Served, *arguments: str, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gexfaker", "listen", *arguments, "--url", server.url, "--key", key]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)


def rows(server: Served, *groups: str, key: str, count: int) -> list[dict[str, Any]]:
    """The records printed as JSON."""
    done = listen(server, *groups, "--json", "--count", str(count), key=key)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == count
    return found


@contextlib.contextmanager
def held_until_joined(server: Served, key: str, hubs: int) -> Iterator[None]:
    """The market waits until the key is connected to so many hubs: however slowly they open, nothing comes before."""

    def act(action: str) -> None:
        assert server.request("POST", f"/_gexfaker/sessions/by-key/{action}?key={key}", b"{}")[0] == 200

    def go_on() -> None:
        wait_until(lambda: joined() == hubs, TIMEOUT, "all hubs are joined")
        act("resume")

    def joined() -> int:
        [session] = [one for one in server.sessions() if one["session"] == world_id(key)]
        return sum(bool(one["groups"]) for one in session["connections"])

    act("pause")
    with ThreadPoolExecutor(1) as threads:
        going = threads.submit(go_on)
        yield
        going.result()


def plain(ticker: str, category: str, index: int) -> dict[str, Any]:
    """A record as it must be printed: what is null or missing in the file is not sent, so not shown."""
    row: dict[str, Any] = json.loads(days.line(ticker, category, index))
    return {name: value for name, value in row.items() if value is not None}


def without_nulls(row: Any) -> Any:
    """Rows of lists end where nothing but nulls follows."""
    if not isinstance(row, list):
        return row
    shown = [without_nulls(item) for item in row]
    while shown and shown[-1] is None:
        shown.pop()
    return shown


def same(row: dict[str, Any], ticker: str, category: str, index: int) -> bool:
    """Whether a printed record is that of the file."""
    wanted = plain(ticker, category, index)
    return {n: without_nulls(v) for n, v in row.items()} == {n: without_nulls(v) for n, v in wanted.items()}


def test_analytics_and_spot_come_on_the_v2_flow(server: Served) -> None:
    found = rows(server, "SPX_classic_gex_zero", "SPX_spot", key="v2", count=20)
    assert Counter(row["group"] for row in found) == {"SPX_classic_gex_zero": 10, "SPX_spot": 10}
    spots = [row for row in found if row["group"] == "SPX_spot"]
    for index, row in enumerate(spots):
        price = json.loads(days.spot("SPX", index))
        assert row == {"group": "SPX_spot", "timestamp": days.FIRST + index, "ticker": "SPX", "spot": price}
        assert next(iter(row)) == "group"
    records = [{n: v for n, v in row.items() if n != "group"} for row in found if row["group"] != "SPX_spot"]
    assert all(same(row, "SPX", "classic_gex_zero", index) for index, row in enumerate(records))


def test_the_v2_flow_over_several_hubs_and_tickers(server: Served) -> None:
    groups = ("SPX_classic_gex_zero", "ES_SPX_state_delta_one", "ES_SPX_orderflow_orderflow", "SPX_spot", "ES_SPX_spot")
    with held_until_joined(server, "v2-hubs", 3):
        found = rows(server, *groups, key="v2-hubs", count=60)
    assert {row["group"] for row in found} == set(groups)
    for row in found:
        ticker, category = days.split(row.pop("group"))
        assert row["ticker"] == ticker
        assert not category or same(row, ticker, category, row["timestamp"] - days.FIRST)


def test_several_hubs_on_the_get_flow(server: Served) -> None:
    groups = ("SPX_classic_gex_full", "SPX_state_gex_one", "ES_SPX_state_charm_zero", "ES_SPX_orderflow_orderflow")
    with held_until_joined(server, "get-hubs", 4):
        found = rows(server, *groups, key="get-hubs", count=40)
    assert {row["group"] for row in found} == set(groups)
    by_group: Counter[str] = Counter()
    for row in found:
        group = row.pop("group")
        assert same(row, *days.split(group), by_group[group]), group
        by_group[group] += 1


@pytest.mark.parametrize("count", [1, 7])
def test_the_count_holds_over_all_hubs(slow: Served, count: int) -> None:
    # Every tick brings messages of five hubs at the same moment.
    done = listen(slow, *[f"SPX_{ends[0]}" for ends in days.HUBS.values()], "--raw", "--count", str(count), key="count")
    assert len(done.stdout.splitlines()) == count


def test_one_group_needs_no_name(server: Served) -> None:
    for index, row in enumerate(rows(server, "ES_SPX_state_vanna_one", key="one", count=5)):
        assert same(row, "ES_SPX", "state_vanna_one", index)


@pytest.mark.parametrize("spot", [(), ("SPX_spot",)])
@pytest.mark.parametrize(
    ("group", "source"),
    [
        ("SPX_classic_gex_20260717", "classic_gex_zero"),
        ("SPX_state_gamma_20260717", "state_gamma_zero"),
        ("SPX_state_gex_20260720", "state_gex_one"),
        ("SPX_orderflow_20260717", "orderflow_orderflow"),
    ],
)
def test_explicit_expiries_come_every_fifth_record(
    server: Served, group: str, source: str, spot: tuple[str, ...]
) -> None:
    found = rows(server, group, *spot, key=f"{group}{spot}", count=4 * (1 + len(spot)))
    records = [row for row in found if row.pop("group", group) == group]
    assert [row["timestamp"] for row in found[:: 1 + len(spot)]] == [days.FIRST + 5 * number for number in range(4)]
    assert all(same(row, "SPX", source, 5 * number) for number, row in enumerate(records))


def test_lines_for_people_name_the_group_if_there_are_several_layouts(server: Served) -> None:
    done = listen(server, "SPX_classic_gex_zero", "SPX_spot", "--count", "6", key="lines")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    spots = [line.split() for line in lines if "SPX_spot" in line]
    for index, words in enumerate(spots):
        assert words[0] == f"09:30:{2 + index:02}"
        assert words[2:] == ["spot", f"{float(days.spot('SPX', index)):,.2f}"]
    assert all("SPX_classic_gex_zero" in line or "SPX_spot" in line for line in lines)


def test_raw_shows_the_groups_of_the_v2_flow_as_they_are_on_the_wire(server: Served) -> None:
    done = listen(server, "SPX_classic_gex_zero", "SPX_spot", "--raw", "--count", "4", key="raw")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [message["sequenceId"] for message in messages] == [1, 2, 3, 4]
    assert {message["group"] for message in messages} == {"blue_SPX_classic_gex_zero", "blue_SPX_spot"}


@pytest.mark.parametrize(
    ("groups", "key", "said"),
    [
        (("SPX_spot",), "alone", "spot comes with analytics only"),
        (("SPX_classic_gex_zero", "ES_SPX_spot"), "other", "Add 'SPX_spot'"),
        (("ZZZZ_classic_gex_zero", "ZZZZ_spot"), "unknown", "ZZZZ"),
        (("SPX_classic_gex_20260718", "SPX_spot"), "saturday", "expire"),
        (("SPX_state_gex_zero", "SPX_spot"), "KEY1", "needs the quant tier"),
        (("SPX_classic_gex_zero",), "KEY1", "this key has classic"),
        (("SPX_classic_gex_20260717",), "KEY3", "needs the quant tier"),
        (("SPX_state_gamma_20260717",), "KEY3", "no address for the hub 'state_greeks': the tier of this key lacks it"),
    ],
)
def test_a_refusal_is_one_line_with_the_servers_reason(
    server: Served, groups: tuple[str, ...], key: str, said: str
) -> None:
    done = listen(server, *groups, "--count", "1", key=key)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gexfaker: ")
    assert "Traceback" not in done.stderr


def test_a_connection_that_the_server_closes_for_good_ends_in_one_line(server: Served) -> None:
    command = [sys.executable, "-m", "gexfaker", "listen", "SPX_classic_gex_zero", "SPX_spot", "--url", server.url]
    with subprocess.Popen(
        [*command, "--key", "replaced"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            server.post("SPX_classic_gex_one", "SPX_spot", key="replaced")
            assert process.stdout.readline(), "a negotiation of the key's client does not end who watches"
            assert server.request("DELETE", "/_gexfaker/sessions/by-key?key=replaced")[0] == 200
            _, errors = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 2
    assert "1000" in errors
    assert errors.count("\n") == 1
