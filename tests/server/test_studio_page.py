"""The studio in a real browser: what it shows is what REST gives and what clients get; what it steers moves them."""

from __future__ import annotations

import json
import random
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gexfaker.catalog import CATEGORIES
from gexfaker.cli.main import cli
from gexfaker.exchange.hours import shown as shown_time
from support import data, decode, node
from support.browser import SECONDS, Page, browser
from support.raw import JSON, connect
from support.server import InProcess, Served, running_server, wait_until
from support.upstream import bad_day, dripped, endless

pytestmark = pytest.mark.long

DATE = "2026-07-17"
SCREENS = ("market", "clients", "journal", "faults", "days", "settings")
GROUP = "blue_SPX_orderflow_orderflow"
AXE = Path(node.INSTALLED) / "axe-core" / "axe.min.js"
TOKEN = "control-token-of-this-test"

JOURNAL_SECONDS = 1.0
"""From what a client does to the row of the journal."""


@pytest.fixture(scope="module")
def server() -> Iterator[InProcess]:
    with running_server(tickers="SPX,NDX", data_date=DATE) as running:
        yield running


@pytest.fixture(scope="module")
def opened() -> Iterator[Page]:
    with browser() as page:
        page.resize(1440, 1000)
        yield page


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """The browser, in which nothing may go wrong meanwhile."""
    opened.open("about:blank")
    opened.problems.clear()
    yield opened
    opened.run("1")  # what was complained of until now has come
    assert opened.problems == []


def act(server: Served, key: str, action: str, **arguments: object) -> None:
    status, body = server.request("POST", f"/_gexfaker/sessions/{key}/{action}", json.dumps(arguments).encode())
    assert status == 200, body


def rest(server: Served, key: str, path: str) -> Any:
    status, body = server.get(path, {"Authorization": f"Bearer {key}", "User-Agent": "test"})
    assert status == 200, body
    return json.loads(body)


def show(page: Page, server: Served, address: str) -> None:
    page.open(f"{server.url}/studio{address}")
    wait_until(lambda: page.run("document.body.dataset.ready") == "true", SECONDS, "the studio to be ready")


def put(page: Page, selector: str, value: str, event: str = "change") -> None:
    """Give a field a value, as a user does."""
    page.run(
        f"(() => {{ const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)}; "
        f"field.dispatchEvent(new Event({json.dumps(event)})); }})()"
    )


def values(page: Page, panel: str) -> dict[str, str]:
    found: dict[str, str] = page.run(
        f"Object.fromEntries([...document.querySelectorAll('[data-panel={panel}] dd')]"
        ".map((one) => [one.dataset.value, one.textContent]))"
    )
    return found


def shown(number: float, digits: int = 2) -> str:
    """A number as the page writes it."""
    return f"{number:,.{digits}f}".rstrip("0").rstrip(".").replace("-0", "0" if number == 0 else "-0")


def test_every_panel_shows_what_rest_gives_at_that_instant(server: InProcess, page: Page) -> None:
    act(server, "panels", "pause")
    act(server, "panels", "seek", time="11:15")
    show(page, server, "#market?key=panels&gex=state_gex_full&greek=vanna&expiry=one")
    gex, flow = rest(server, "panels", "/SPX/state/full"), rest(server, "panels", "/SPX/orderflow/orderflow")
    greek = rest(server, "panels", "/SPX/state/vanna_one")
    wait_until(lambda: values(page, "gex").get("spot") == shown(gex["spot"]), SECONDS, "the profile")
    found = values(page, "gex")
    assert found["time"] == clock_of(gex)
    for name, key in (
        ("zero gamma", "zero_gamma"),
        ("major + vol", "major_pos_vol"),
        ("major − vol", "major_neg_vol"),
        ("major + OI", "major_pos_oi"),
        ("net by volume", "sum_gex_vol"),
        ("net by OI", "sum_gex_oi"),
    ):
        is_level = not name.startswith("net")  # a level of 0 is none
        assert found[name] == ("–" if is_level and not gex[key] else shown(gex[key])), name
    assert values(page, "greeks")["major call gamma"] == shown(greek["major_positive"])
    assert values(page, "greeks")["long gamma"] == shown(greek["major_long_gamma"])
    wait_until(lambda: "net GEX" in values(page, "flow"), SECONDS, "the orderflow")
    flows = values(page, "flow")
    for name, key in (
        ("DEX flow", "one_dexoflow"),
        ("net GEX", "ogr"),
        ("net charm", "ocharm"),
        ("call DEX", "one_agg_call_dex"),
    ):
        assert flows[name] == shown(flow[key]), name
    changes = page.run(
        "[...document.querySelectorAll('.change tr')].map((row) => [...row.cells].map((one) => one.textContent))"
    )
    assert changes[1][1:] == [shown(strike) for strike, _ in gex["max_priors"]]
    page.run("document.querySelector('details').open = true")
    wait_until(lambda: len(rows(page)) == len(gex["strikes"]), SECONDS, "the table of strikes")
    assert rows(page) == [[shown(one) for one in row[:3]] for row in gex["strikes"]]


def clock_of(record: dict[str, Any]) -> str:
    """When a record was made, in New York."""
    return shown_time(record["timestamp"])[11:]


def rows(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.run(
        "[...document.querySelectorAll('details tbody tr')].map((row) => [...row.cells].map((one) => one.textContent))"
    )
    return found


@pytest.mark.parametrize("name", [f"{package}_{one}" for package, names in CATEGORIES.items() for one in names])
def test_the_page_decodes_every_message_to_the_record_that_rest_gives(server: InProcess, page: Page, name: str) -> None:
    act(server, "decoded", "pause")
    act(server, "decoded", "seek", time="10:45")
    if not page.run("location.href").startswith(server.url):
        show(page, server, "#settings")
    found = page.run(
        f"""(async () => {{
        const {{ bytesOf, open }} = await import("./studio/decode.js");
        const about = await (await fetch("_gexfaker/studio/about")).json();
        const told = await (await fetch("_gexfaker/studio/record?key=decoded&group=SPX_{name}")).json();
        return [told.record, open(bytesOf(told.payload), about.wire).record]; }})()"""
    )
    assert found[0] == found[1]


def test_lines_end_where_the_key_is(server: InProcess, page: Page) -> None:
    act(server, "lines", "pause")
    act(server, "lines", "seek", time="13:30")
    show(page, server, "#market?key=lines")
    newest = rest(server, "lines", "/SPX/classic/zero")
    label = "document.querySelector('.lines')?.getAttribute('aria-label') ?? ''"
    wait_until(lambda: clock_of(newest) in page.run(label), SECONDS, "the lines")
    assert f"spot {shown(newest['spot'], 0)}" in page.run(label)
    wait_until(lambda: page.run("document.querySelectorAll('.uplot').length") == 10, SECONDS, "all lines")


def test_the_clock_of_the_page_moves_a_real_client(server: InProcess, page: Page) -> None:
    with connect(server.orderflow("moved"), JSON) as client:
        client.join(GROUP)
        client.read_kind("data")
        show(page, server, "#market?key=moved")
        wait_until(lambda: page.run("document.getElementById('play').textContent") == "Pause", SECONDS, "that it plays")
        page.run("document.getElementById('play').click()")
        wait_until(lambda: playback(server, "moved")["paused"], SECONDS, "the pause")
        page.run(
            "document.getElementById('jump').value = '12:00'; document.querySelector('#replay form').requestSubmit()"
        )
        noon = rest_stamp(server, "moved", "12:00")
        while decode.timestamp(client.read_kind("data").any) != noon:
            continue
        for _ in range(4):  # a second each: there is a record every one to three
            page.run("document.getElementById('step').click()")
        assert noon < decode.timestamp(client.read_kind("data").any) <= noon + 4
        wait_until(lambda: "12:00:04" in page.run("document.getElementById('mark').textContent"), SECONDS, "the mark")
        put(page, "#replay select", "60")
        wait_until(lambda: playback(server, "moved")["speed"] == 60, SECONDS, "the speed")
        put(page, "#day", "2026-07-16")
        wait_until(lambda: playback(server, "moved")["day"] == "2026-07-16", SECONDS, "the day")


def rest_stamp(server: InProcess, key: str, time_: str) -> int:
    """When a time of the day is, epoch seconds, once the key is there."""
    wait_until(lambda: f" {time_}" in str(playback(server, key)["shown"]), SECONDS, f"{key} to be at {time_}")
    stamp: int = rest(server, key, "/SPX/orderflow/orderflow")["timestamp"]
    return stamp


def playback(server: Served, key: str) -> Any:
    return json.loads(server.get(f"/_gexfaker/sessions/{key}")[1])["playback"]


def test_the_slider_looks_at_another_time_and_then_goes_there(server: InProcess, page: Page) -> None:
    act(server, "slid", "pause")
    act(server, "slid", "seek", time="12:00")
    show(page, server, "#market?key=slid")
    at_noon = clock_of(rest(server, "slid", "/SPX/classic/zero"))
    wait_until(lambda: values(page, "gex").get("time") == at_noon, SECONDS, "noon")
    slider = "document.getElementById('slider')"
    wait_until(lambda: page.run(f"{slider}.max") > "1", SECONDS, "the hours of the day")
    page.run(f"{slider}.value = {slider}.valueAsNumber - 3600; {slider}.dispatchEvent(new Event('input'))")
    wait_until(
        lambda: values(page, "gex").get("time", "").startswith(("10:59:5", "11:00:00")),
        SECONDS,
        "the time that is looked at",
    )
    assert playback(server, "slid")["shown"].endswith("12:00:00"), "the key has not moved"
    page.run("document.getElementById('look').click()")
    page.run(f"{slider}.value = {slider}.valueAsNumber; {slider}.dispatchEvent(new Event('change'))")
    wait_until(lambda: not page.run("document.getElementById('live').hidden"), SECONDS, "the way back")
    assert playback(server, "slid")["shown"].endswith("12:00:00")
    put(page, "#jump", "10:00")
    page.run("document.querySelector('#replay form').requestSubmit()")
    wait_until(
        lambda: values(page, "gex").get("time", "").startswith(("09:59:5", "10:00:00")), SECONDS, "the other time"
    )
    assert playback(server, "slid")["shown"].endswith("12:00:00"), "the key has not moved"
    assert page.run("document.getElementById('play').disabled && document.getElementById('step').disabled")
    page.run("document.getElementById('live').click()")
    wait_until(lambda: values(page, "gex").get("time") == at_noon, SECONDS, "noon again")
    page.run("document.getElementById('look').click()")
    page.run(f"{slider}.value = {slider}.valueAsNumber - 1800")
    page.run(f"{slider}.dispatchEvent(new Event('input')); {slider}.dispatchEvent(new Event('change'))")
    wait_until(lambda: playback(server, "slid")["shown"].endswith("11:30:00"), SECONDS, "the key to be there")


def test_faults_that_are_switched_on_there_hit_a_real_client(server: InProcess, page: Page) -> None:
    with connect(server.orderflow("hit"), JSON) as client:
        client.join(GROUP)
        show(page, server, "#faults?key=hit")
        rule = json.dumps({"name": "end", "type": "close", "count": 1, "attributes": {"code": 1011}})
        page.run(
            f"document.getElementById('rule').value = {json.dumps(rule)}; document.getElementById('add-rule').click()"
        )
        assert client.read_close()[0] == 1011
    hits = "document.querySelector('[data-hits=end]')?.textContent"
    wait_until(lambda: page.run(hits) == "1", SECONDS, "the hit to be shown")
    page.run("document.getElementById('rule-end').click()")
    wait_until(lambda: faults(server, "hit") == [], SECONDS, "the rule to be off")
    wait_until(lambda: page.run(hits) == "–", SECONDS, "that to be shown")
    page.run("document.getElementById('rule-end').click()")
    wait_until(lambda: [one["name"] for one in faults(server, "hit")] == ["end"], SECONDS, "the rule to be on again")
    page.run("document.getElementById('preset-quota-exhausted').click()")
    wait_until(lambda: len(faults(server, "hit")) == 2, SECONDS, "the preset")
    assert server.get("/SPX/classic/zero", {"Authorization": "Bearer hit", "User-Agent": "test"})[0] == 429
    page.run("document.getElementById('all-off').click()")
    wait_until(lambda: faults(server, "hit") == [], SECONDS, "all to be off")


def faults(server: Served, key: str) -> Any:
    return json.loads(server.get(f"/_gexfaker/faults?key={key}")[1])["faults"]


def test_a_rule_that_is_refused_says_why(server: InProcess, page: Page) -> None:
    show(page, server, "#faults?key=refused")
    page.run("document.getElementById('rule').value = '{'; document.getElementById('add-rule').click()")
    notice = "[...document.querySelectorAll('.notice')].map((one) => one.textContent).join()"
    wait_until(lambda: "is not JSON" in page.run(notice), SECONDS, "the reason")
    page.run(
        "document.getElementById('rule').value = '{\"type\":\"nope\"}'; document.getElementById('add-rule').click()"
    )
    wait_until(lambda: "nope" in page.run(notice), SECONDS, "what the server says")
    page.run("1")
    page.problems[:] = [one for one in page.problems if "400" not in one and "not JSON" not in one]


def test_the_journal_shows_a_join_within_a_second_and_opens_a_delivery(server: InProcess, page: Page) -> None:
    show(page, server, "#journal?key=seen")
    wait_until(
        lambda: "entries" in page.run("document.querySelector('[role=status].soft').textContent"), SECONDS, "the screen"
    )
    wait_until(lambda: server.server.service.world("seen").watch is not None, SECONDS, "the journal to be kept")
    with connect(server.orderflow("seen"), JSON) as client:
        began = time.monotonic()
        client.join(GROUP)
        wait_until(lambda: page.run("!!document.querySelector('tr[data-type=joinGroup]')"), SECONDS, "the join")
        took = time.monotonic() - began
        client.read_kind("data")
        wait_until(lambda: page.run("!!document.querySelector('tr[data-type=deliver]')"), SECONDS, "a delivery")
    page.run("document.querySelector('tr[data-type=deliver] button').click()")
    wait_until(lambda: page.run("document.querySelectorAll('#delivery details').length") == 3, SECONDS, "the record")
    record = json.loads(page.run("document.querySelector('#delivery pre').textContent"))
    assert record["ticker"] == "SPX"
    page.run("[...document.querySelectorAll('#delivery details')].forEach((one) => one.open = true)")
    wait_until(
        lambda: page.run("!!document.getElementById('fields') && !!document.getElementById('hex')"), SECONDS, "bytes"
    )
    cells = page.run(
        "[...document.querySelectorAll('#fields tbody tr')].map((row) => [...row.cells].map((one) => one.textContent))"
    )
    spot = next(row for row in cells if row[1] == "spot")
    assert int(spot[3]) == round(record["spot"] * 100)
    assert spot[4] == "spot × 100"
    page.run(
        "const find = document.getElementById('find'); find.value = 'joinGroup'; find.dispatchEvent(new Event('input'))"
    )
    wait_until(lambda: page.run("document.querySelectorAll('#entries tbody tr').length") == 1, SECONDS, "the search")
    assert took < JOURNAL_SECONDS


def test_clients_are_shown_with_what_stays_silent_and_can_be_closed(server: InProcess, page: Page) -> None:
    with connect(server.orderflow("listed"), JSON) as client:
        client.join("blue_SPX_classic_gex_zero")
        show(page, server, "#clients?key=listed")
        wait_until(lambda: page.run("!!document.querySelector('.silent')"), SECONDS, "the silent group")
        assert "SPX_classic_gex_zero" in page.run("document.querySelector('.silent').textContent")
        server.get("/SPX/classic/zero", {"Authorization": "Bearer listed", "User-Agent": "test"})
        wait_until(lambda: page.run("!!document.getElementById('look-SPX_classic_gex_zero')"), SECONDS, "the positions")
        page.run("document.getElementById('look-SPX_classic_gex_zero').click()")
        wait_until(lambda: page.run("document.querySelectorAll('#record details').length") == 3, SECONDS, "the record")
        page.run("document.getElementById('client-close').click()")
        assert client.read_close()[0] == 1000


def test_a_day_of_the_calendar_is_played(server: InProcess, page: Page) -> None:
    act(server, "calendar", "pause")
    show(page, server, "#days?key=calendar")
    day = "[...document.querySelectorAll('.day')].find((one) => one.ariaLabel.includes('2026-07-15'))"
    wait_until(lambda: page.run(f"!!{day}"), SECONDS, "the calendar")
    holiday = page.run(
        "[...document.querySelectorAll('.day')].find((one) => one.ariaLabel.includes('2026-07-03')).disabled"
    )
    assert holiday is True
    page.run(f"{day}.click()")
    wait_until(lambda: playback(server, "calendar")["day"] == "2026-07-15", SECONDS, "the day")
    wait_until(lambda: page.run(f"{day}.ariaLabel").endswith("played now"), SECONDS, "that to be shown")


def test_recorded_days_are_shown_while_a_simulated_market_is_played(page: Page, tmp_path: Path) -> None:
    days = data.write_day(tmp_path / "days", 50, ("SPX",))
    with running_server(simulate="true", tickers="SPX", data_dir=str(days), data_date=DATE) as server:
        show(page, server, "#days?key=beside")
        wait_until(lambda: page.run("!!document.getElementById('play-recorded')"), SECONDS, "the recorded day")
        assert page.run("document.querySelector('#main tbody').innerText").startswith(DATE)
        assert page.run("document.querySelectorAll('.day.there').length") == 1
        page.run("document.getElementById('play-recorded').click()")
        wait_until(lambda: page.run("!document.getElementById('play-recorded')"), SECONDS, "that it is played")
        assert server.health()["data_mode"] != "simulated"
        page.open("about:blank")


def test_a_day_that_is_refused_does_not_stay_in_the_field(server: InProcess, page: Page) -> None:
    act(server, "refused", "pause")
    show(page, server, "#market?key=refused")
    wait_until(lambda: page.run("document.getElementById('day').value") != "", SECONDS, "the day")
    before = page.run("document.getElementById('day').value")
    page.run("document.getElementById('day').focus()")
    put(page, "#day", "1990-01-02")
    wait_until(lambda: page.run("!!document.querySelector('.notice.wrong')"), SECONDS, "the refusal")
    wait_until(lambda: page.run("document.getElementById('day').value") == before, SECONDS, "the day that is played")
    page.open("about:blank")
    (told,) = page.problems  # the browser's own word for an answer of 404
    assert "404" in told
    page.problems.clear()


def test_what_is_known_of_recorded_days_is_shown(page: Page, tmp_path: Path) -> None:
    days = data.write_day(tmp_path / "my days", 50, ("SPX",))
    assert CliRunner().invoke(cli, ["coverage", str(days)]).exit_code == 1, "it is told of something"
    with running_server(data_dir=str(days)) as server:
        show(page, server, "#days?key=coverage")
        wait_until(lambda: page.run("document.querySelectorAll('#main tbody tr').length") == 1, SECONDS, "the day")
        shown = page.run("document.querySelector('#main tbody').innerText")
        (row,) = json.loads(server.get("/coverage")[1])["days"][0]["details"]
        assert row["shape"]["snapshots"] == 50
        for text in (DATE, "SPX", f"{row['size'] / 1e3:.0f} kB", "50", "09:30:02 to 09:30:51"):
            assert text in shown
        assert [finding["text"] in shown for finding in row["findings"]] == [True] * len(row["findings"])
        assert "object" not in page.run("document.getElementById('main').innerText")
        command = page.run("[...document.querySelectorAll('code')].map((one) => one.textContent).join('\\n')")
        assert f"gexfaker coverage '{days}'" in command
        assert f"gexfaker import ~/Downloads --out '{days}'" in command
        page.open("about:blank")


def test_everything_can_be_done_by_the_keyboard(server: InProcess, page: Page) -> None:
    act(server, "keys", "resume")
    show(page, server, "#market?key=keys")
    wait_until(lambda: page.run("document.getElementById('play').textContent") == "Pause", SECONDS, "that it plays")
    page.run("document.getElementById('main').focus()")
    page.press(" ", " ")
    wait_until(lambda: playback(server, "keys")["paused"], SECONDS, "the pause")
    page.press("2", "2")
    wait_until(lambda: page.run("location.hash").startswith("#clients"), SECONDS, "the clients")
    page.run("document.activeElement.blur()")
    reached = set()
    for _ in range(80):
        page.press("Tab")
        reached.add(page.run("document.activeElement.id || document.activeElement.className"))
    assert {
        "skip",
        "tab-market",
        "tab-settings",
        "key",
        "theme",
        "play",
        "slider",
        "day",
        "look",
        "client-pause",
    } <= reached


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_and_is_accessible(
    server: InProcess, page: Page, screen: str, width: int, theme: str
) -> None:
    node.node()
    act(server, "fits", "pause")
    act(server, "fits", "seek", time="11:00")
    page.resize(width, 900)
    page.prefer(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
    try:
        show(page, server, f"#{screen}?key=fits")
        wait_until(lambda: page.run("document.querySelectorAll('main section').length") >= 2, SECONDS, "the screen")
        wait_until(lambda: "fits" in page.run("document.getElementById('key').value"), SECONDS, "the key")
        assert page.run("document.documentElement.dataset.theme") == theme
        assert page.run("document.documentElement.scrollWidth") <= width
        page.run(AXE.read_text(encoding="utf-8"))
        found = page.run(
            "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((one) => "
            "[one.id, one.impact, one.nodes.slice(0, 3).map((node) => node.html)]))"
        )
        assert [one for one in found if one[1] in ("serious", "critical")] == []
    finally:
        page.resize(1440, 1000)
        page.prefer()


def test_nine_hundred_messages_a_second_do_not_make_it_fall_behind(server: InProcess, page: Page) -> None:
    act(server, "fast", "speed", speed=300)
    act(server, "fast", "seek", time="open")
    show(page, server, "#market?key=fast")
    status = "document.querySelector('.bar [role=status]').textContent"
    wait_until(lambda: "passed over to keep up" in page.run(status), SECONDS, "that it says so")

    def behind() -> float:
        """Seconds of market time between the key and what is shown."""
        now = playback(server, "fast")["market_time"]
        hours, minutes, seconds = map(int, values(page, "gex")["time"].split(":"))
        return float(now % 86400 - (hours + 4) * 3600 - minutes * 60 - seconds)

    wait_until(lambda: behind() < 300, SECONDS, "to be within a second of real time")


def test_a_page_with_a_token_is_opened_by_logging_in(page: Page) -> None:
    with running_server(tickers="SPX", data_date=DATE, control_token=TOKEN) as server:
        page.open(f"{server.url}/studio")
        page.run("document.querySelector('input').value = 'wrong'; document.querySelector('form').requestSubmit()")
        wait_until(lambda: page.run("document.getElementById('wrong')?.hidden") is False, SECONDS, "the refusal")
        page.run(f"document.querySelector('input').value = '{TOKEN}'; document.querySelector('form').requestSubmit()")
        wait_until(lambda: page.run("document.body?.dataset.ready") == "true", SECONDS, "the studio")
        wait_until(lambda: "SIMULATED" in page.run("document.getElementById('mark').textContent"), SECONDS, "the mark")
        page.open("about:blank")
    page.run("1")
    page.problems[:] = [one for one in page.problems if "401" not in one]


def test_the_state_of_the_page_is_in_its_address(server: InProcess, page: Page) -> None:
    show(page, server, "#market?key=deep&ticker=NDX&greek=charm")
    wait_until(lambda: page.run("document.querySelectorAll('main select').length") > 0, SECONDS, "the screen")
    assert page.run("[...document.querySelectorAll('main select')].map((one) => one.value)")[::2][:2] == [
        "NDX",
        "charm",
    ]
    put(page, "main select", "SPX")
    wait_until(lambda: "ticker" not in page.run("location.hash"), SECONDS, "the address")
    assert "greek=charm" in page.run("location.hash")


# --- what is played, and days that come ----------------------------------------------------------


def options(page: Page, selector: str) -> dict[str, bool]:
    """The values of a choice, and which can be chosen."""
    every = f"[...document.querySelectorAll('{selector} option')]"
    found: dict[str, bool] = page.run(f"Object.fromEntries({every}.map((one) => [one.value, !one.disabled]))")
    return found


def test_another_market_is_chosen_in_the_bar_and_clients_get_it(page: Page) -> None:
    with running_server(simulate="true", tickers="SPX", data_date=DATE) as server:
        act(server, "chosen", "pause")
        act(server, "chosen", "seek", time="14:45")
        show(page, server, "#market?key=chosen")
        wait_until(lambda: "calm" in options(page, "#scenario"), SECONDS, "the scenarios")
        assert options(page, "#scenario")["recorded"] is False, "there are no days"
        before = rest(server, "chosen", "/SPX/classic/zero")["spot"]
        wait_until(lambda: values(page, "gex").get("spot") == shown(before), SECONDS, "the market before")
        put(page, "#scenario", "flash-crash")
        wait_until(lambda: rest(server, "chosen", "/SPX/classic/zero")["spot"] < before * 0.98, SECONDS, "the crash")
        crashed = rest(server, "chosen", "/SPX/classic/zero")["spot"]
        wait_until(lambda: values(page, "gex").get("spot") == shown(crashed), SECONDS, "that it is shown")
        put(page, "#seed", "77")
        wait_until(lambda: rest(server, "chosen", "/SPX/classic/zero")["spot"] != crashed, SECONDS, "another seed")
        put(page, "#seed", "9007199254740993000")
        wait_until(
            lambda: page.run("document.querySelector('.notice.wrong')?.textContent ?? ''") != "", SECONDS, "why not"
        )
        wait_until(lambda: page.run("document.getElementById('seed').value") == "77", SECONDS, "the seed as it is")
        page.problems[:] = [one for one in page.problems if "400" not in one]
        page.open("about:blank")


def report(folder: Path) -> Path:
    """An end-of-day report, as the service has it."""
    path = folder / f"eod_report_SPX_{DATE}.zip"
    records = [data.record("SPX", index) for index in range(30)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{DATE}_SPX_orderflow_orderflow.json", "[" + ",".join(records) + "]")
        archive.writestr("padding.txt", random.Random(1).randbytes(5_000_000))  # so that it comes in two pieces
    return path


def test_files_are_imported_and_their_day_is_played(page: Page, tmp_path: Path) -> None:
    days = tmp_path / "days"
    with running_server(simulate="true", tickers="SPX", data_dir=str(days)) as server:
        show(page, server, "#days?key=imported")
        page.choose("#files", report(tmp_path))
        play = "document.querySelector('[id^=play-]')"
        wait_until(lambda: page.run(f"!!{play}"), SECONDS, "the end of the import")
        assert "1 of 1 files" not in page.run("document.getElementById('sent').textContent")
        assert f"Import of 1 file, {report(tmp_path).stat().st_size / 1e6:,.1f} MB" in page.run(
            "document.getElementById('jobs').textContent"
        )
        page.run(f"{play}.click()")
        wait_until(lambda: server.health()["data_date"] == DATE, SECONDS, "the day")
        wait_until(lambda: "RECORDED" in page.run("document.getElementById('mark').textContent"), SECONDS, "the mark")
        assert rest(server, "imported", "/SPX/orderflow/orderflow") == json.loads(data.record("SPX", 0))
        put(page, "#scenario", "")
        wait_until(lambda: "SIMULATED" in page.run("document.getElementById('mark').textContent"), SECONDS, "and back")
        page.open("about:blank")


def test_what_is_no_day_is_left_out_or_waits_until_it_is_discarded(page: Page, tmp_path: Path) -> None:
    with running_server(simulate="true", tickers="SPX", data_dir=str(tmp_path / "days")) as server:
        show(page, server, "#days?key=left")
        for name in (".DS_Store", "what \u00fc.zip", "notes.txt"):
            (tmp_path / name).write_bytes(b"no day")
        page.choose("#files", tmp_path / ".DS_Store", tmp_path / "notes.txt")
        wait_until(lambda: page.run("!!document.querySelector('.notice.wrong')"), SECONDS, "that none can be a day")
        page.choose("#files", tmp_path / ".DS_Store", tmp_path / "what \u00fc.zip")
        wait_until(lambda: page.run("!!document.getElementById('discard')"), SECONDS, "the file that waits")
        assert "1 file waits" in page.run("document.getElementById('waiting').textContent")
        assert "failed" in page.run("document.getElementById('jobs').textContent")
        page.run("document.getElementById('discard').click()")
        wait_until(lambda: page.run("document.getElementById('waiting').textContent") == "", SECONDS, "that it is gone")
        page.open("about:blank")


def test_a_day_is_downloaded_with_its_progress_and_can_be_stopped(page: Page, tmp_path: Path) -> None:
    upstream_days = data.write_day(tmp_path / "upstream", 50, ("SPX",))
    with (
        running_server(data_dir=str(upstream_days)) as upstream,
        bad_day(upstream.address, ("/_files/", dripped), ("/_files/", endless)) as relay,
        running_server(simulate="true", tickers="SPX", data_dir=str(tmp_path / "days")) as server,
    ):
        show(page, server, "#days?key=loaded")
        put(page, "#upstream", relay.url)
        put(page, "#upstream-key", "a-secret-key")
        for name in ("First day", "Last day"):
            put(page, f"[aria-label='{name}']", DATE)
        for name in ("classic", "state"):
            page.run(f"document.querySelector('input[value={name}]').checked = false")
        page.run("document.getElementById('download').click()")
        jobs = "document.getElementById('jobs').textContent"
        wait_until(lambda: "Download of SPX: 2026-07-17: done" in page.run(jobs), SECONDS, "the end of the download")
        assert "a-secret-key" not in page.run("document.body.textContent")
        assert list((tmp_path / "days").glob(f"{DATE}_SPX_*"))
        put(page, "[aria-label='First day']", "")
        put(page, "[aria-label='Last day']", "")
        for path in (tmp_path / "days").glob("[!.]*"):
            path.unlink()
        put(page, "[aria-label='First day']", DATE)
        page.run("document.getElementById('download').click()")
        stop = "document.querySelector('[id^=stop-]')"
        wait_until(lambda: page.run(f"!!{stop} && !!document.querySelector('progress')"), SECONDS, "the progress")
        page.run(f"{stop}.click()")
        wait_until(lambda: "stopped" in page.run(jobs), SECONDS, "the end")
        page.open("about:blank")


def test_a_connection_is_shown_with_its_address_and_rate(server: InProcess, page: Page) -> None:
    act(server, "watched", "speed", speed=30)
    with connect(server.orderflow("watched"), JSON) as client:
        client.join(GROUP)
        host, port = client.socket.getsockname()
        show(page, server, "#clients?key=watched")
        cells = "[...document.querySelectorAll('[aria-label=Connections] tbody tr td')].map((one) => one.textContent)"
        wait_until(
            lambda: len(page.run(cells)) > 5 and float(page.run(cells)[5].replace(",", "") or 0) > 5,
            SECONDS,
            "the rate",
        )
        found = page.run(cells)
        assert found[1] == f"{host}:{port}"
        assert found[0] == "orderflow"


def test_a_panel_is_saved_as_a_picture(server: InProcess, page: Page, tmp_path: Path) -> None:
    act(server, "saved", "pause")
    act(server, "saved", "seek", time="12:00")
    show(page, server, "#market?key=saved")
    wait_until(lambda: "spot" in values(page, "gex"), SECONDS, "the profile")
    page.save_to(tmp_path)
    page.run("document.querySelector('.picture-of').click()")
    wait_until(lambda: bool(list(tmp_path.glob("*.png"))), SECONDS, "the file")
    [file] = tmp_path.glob("*.png")
    assert file.name.startswith("spx-net-gamma-exposure-by-strike-classic-gex-zero-simulated-2026-07-17-12-00-00")
    width, height = struct.unpack(">II", file.read_bytes()[16:24])
    assert width > 400
    assert height > 440


@pytest.mark.parametrize(("spot", "step"), [(7500.0, 5.0), (230.0, 2.5), (12.0, 0.5)])
def test_as_many_strikes_are_shown_whatever_lies_between_them(
    server: InProcess, page: Page, spot: float, step: float
) -> None:
    show(page, server, "#settings")
    [low, high] = page.run(
        f"""(async () => {{
            const {{ Strikes }} = await import("/studio/strikes.js");
            const made = new Strikes("these");
            const strikes = Array.from({{ length: 400 }}, (_, index) => [{step} * (index + 1), 1]);
            strikes.forEach((one) => {{ one[0] += Math.max(0, Math.round({spot} / {step}) - 200) * {step}; }});
            made.shown = {{ bars: [{{ values: strikes }}], dots: [], levels: [], spot: {spot} }};
            made.range = "near";
            return made.bounds();
        }})()"""
    )
    assert low < spot < high
    assert 39 <= (high - low) / step <= 82, "forty strikes, on one side alone if there are no others"


def test_a_key_that_nobody_has_used_is_told(server: InProcess, page: Page) -> None:
    show(page, server, "#clients?key=tpyo")
    wait_until(lambda: page.run("document.getElementById('unused').textContent") == "not used yet", SECONDS, "the word")
    server.get("/SPX/classic/zero", {"Authorization": "Bearer tpyo", "User-Agent": "test"})
    wait_until(lambda: page.run("document.getElementById('unused').textContent") == "", SECONDS, "that it is used")
