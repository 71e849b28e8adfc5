"""`gexfaker plot` as a command: real PNG files of simulated and stored days, refusals, and life without matplotlib."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.main import cli
from gexfaker.cli.plot import plot
from gexfaker.errors import GexfakerError
from gexfaker.market.scenarios.scenariofile import NAMES, load_scenario
from gexfaker.plotting.canvas import WIDTH
from gexfaker.plotting.pictures import FLOW_HEIGHT, GEX_HEIGHT, SPOT_HEIGHT
from inspection.builder import DATE, Built

ROOT = Path(__file__).resolve().parents[2]
HEIGHTS = {"spot": SPOT_HEIGHT, "gex": GEX_HEIGHT, "orderflow": FLOW_HEIGHT}
FEW = ("--every", "6000")
"""Of a simulated day: five records, so that a test takes no time."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plot", *arguments], catch_exceptions=False)


def refused(*arguments: str) -> str:
    """What is said about a refusal."""
    with pytest.raises(GexfakerError) as caught:
        run(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG; fails if it is none."""
    head = path.read_bytes()[:24]
    signature, length, kind, width, height = struct.unpack(">8sI4sII", head)
    assert (signature, length, kind) == (b"\x89PNG\r\n\x1a\n", 13, b"IHDR")
    assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
    return width, height


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored day."""
    return Built().write(tmp_path_factory.mktemp("data"))


def test_a_simulated_day_is_three_pictures(tmp_path: Path) -> None:
    done = run("--date", DATE, "--out", str(tmp_path / "new"), *FEW)
    paths = [tmp_path / "new" / f"SPX-{DATE}-{picture}.png" for picture in HEIGHTS]
    assert (done.exit_code, done.output.split()) == (0, [str(path) for path in paths])
    assert [size(path) for path in paths] == [(WIDTH, height) for height in HEIGHTS.values()]


def test_a_stored_day_is_three_pictures(data: Path, tmp_path: Path) -> None:
    done = run("--data-dir", str(data), "--ticker", "spx", "--every", "1", "--out", str(tmp_path))
    assert done.exit_code == 0
    assert {path.name: size(path)[1] for path in tmp_path.iterdir()} == {
        f"SPX-{DATE}-{picture}.png": height for picture, height in HEIGHTS.items()
    }


@pytest.mark.parametrize("picture", ["spot", "gex"])
def test_one_picture_may_have_a_file_of_its_own(picture: str, tmp_path: Path, data: Path) -> None:
    path = tmp_path / "a" / "mine.PNG"
    assert run("--data-dir", str(data), "--what", picture, "--out", str(path)).output == f"{path}\n"
    assert size(path) == (WIDTH, HEIGHTS[picture])


def test_the_same_day_is_the_same_file_and_another_is_not(tmp_path: Path) -> None:
    def drawn(*more: str) -> bytes:
        path = tmp_path / "one.png"
        run("--date", DATE, "--ticker", "GME", "--what", "spot", "--out", str(path), *FEW, *more)
        return path.read_bytes()

    usual = drawn()
    assert drawn("--seed", "1") == usual
    others = (("--seed", "2"), ("--scenario", "gap-down"), ("--ticker", "VIX"), ("--every", "9000"))
    assert all(drawn(*other) != usual for other in others)


def test_gex_has_a_time_and_a_category(tmp_path: Path) -> None:
    def drawn(*more: str) -> bytes:
        path = tmp_path / "one.png"
        run("--date", DATE, "--ticker", "GME", "--what", "gex", "--out", str(path), *more)
        return path.read_bytes()

    assert (
        len({drawn("--at", "12:00", "--category", "gex_full"), drawn("--at", "15:30"), drawn("--category", "gex_zero")})
        == 3
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"], ids=["plain", "byte order mark"])
def test_a_scenario_may_be_a_file(tmp_path: Path, encoding: str) -> None:
    plan = tmp_path / "mine.toml"
    plan.write_text("[day]\ndrift = 0.02\n", encoding)
    out = tmp_path / "one.png"
    assert run("--date", DATE, "--scenario", str(plan), "--what", "spot", "--out", str(out), *FEW).exit_code == 0
    assert size(out) == (WIDTH, SPOT_HEIGHT)
    plan.write_text("[day]\ndrfit = 0.02\n")
    assert "line 2: drfit is not known" in refused("--date", DATE, "--scenario", str(plan))
    assert "cannot be read" in refused("--date", DATE, "--scenario", str(tmp_path / "none.toml"))


def test_of_all_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    day = Built(3)
    day.feeds = {"orderflow/orderflow": day.feeds["orderflow/orderflow"]}
    root = day.write(tmp_path / "data")
    done = run("--data-dir", str(root), "--out", str(tmp_path))
    assert done.stdout == f"{tmp_path / f'SPX-{DATE}-orderflow.png'}\n"
    assert done.stderr.count("left out: no data at") == 2
    assert "gex_zero.jsonl" in refused("--data-dir", str(root), "--what", "spot")


def test_strange_rows_of_a_day_do_no_harm(tmp_path: Path) -> None:
    day = Built(1)
    day.row("classic/gex_full", 0).update(strikes=[], zero_gamma=0)
    day.row("classic/gex_zero", 0).update(zero_gamma=0, major_pos_vol=0, major_neg_vol=0)
    for name, value in day.row("orderflow/orderflow", 0).items():
        if isinstance(value, (int, float)) and name != "timestamp":
            day.row("orderflow/orderflow", 0)[name] = 0
    done = run("--data-dir", str(day.write(tmp_path)), "--out", str(tmp_path))
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(list(tmp_path.glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--date", "2026-07-18"), "the next trading day is 2026-07-20"),
        (("--date", "friday"), "YYYY-MM-DD"),
        (("--date", DATE, "--ticker", "XYZ"), "'XYZ' is not simulated"),
        (("--date", DATE, "--scenario", "crash"), "there are calm, trend-day"),
        (("--date", DATE, "--at", "noon"), "HH:MM"),
        (("--date", DATE, "--at", "25:00"), "HH:MM"),
        (("--date", DATE, "--what", "gex", "--at", "09:00"), "give a later time"),
        (("--date", DATE, "--out", "one.png"), "--what spot"),
        (("--out", "a.jpg", "--what", "spot"), "--out a.jpg: pictures are PNG files; write a.png, or name a folder"),
        (("--out", "a.PDF"), "pictures are PNG files"),
        (("--data-dir", "nowhere"), "not a folder"),
        (("--data-dir", ".", "--seed", "1"), "--seed is for simulated days"),
        (("--data-dir", ".", "--scenario", "calm"), "--scenario is for simulated days"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refusals_name_thing_and_remedy(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*arguments)


def test_a_stored_day_has_refusals_of_its_own(data: Path, tmp_path: Path) -> None:
    assert DATE in refused("--data-dir", str(data), "--date", "2026-07-16")
    assert "2026-07-17 has SPX" in refused("--data-dir", str(data), "--ticker", "NDX")
    assert "holds no market data" in refused("--data-dir", str(tmp_path))
    day = Built(2)
    for index in range(2):
        day.feeds["classic/gex_zero"][index] = "{}"
    day.feeds["classic/gex_full"][1] = "{}"
    root = day.write(tmp_path)
    assert "gexfaker inspect says" in refused("--data-dir", str(root), "--what", "spot", "--out", str(tmp_path))


def test_what_cannot_be_written_is_said(data: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "choose another --out" in refused("--data-dir", str(data), "--what", "gex", "--out", str(blocked / "sub"))


def test_without_matplotlib_the_remedy_is_one_line() -> None:
    block = "import sys; sys.modules['matplotlib'] = None; from gexfaker.cli.main import main; main()"
    command = [sys.executable, "-c", block, "plot", "--date", DATE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gexfaker: gexfaker plot needs matplotlib: pip install matplotlib\n"


def test_other_commands_do_not_load_matplotlib() -> None:
    code = "import sys, gexfaker.cli.main; assert not {'matplotlib', 'numpy', 'gexfaker.plotting'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_as_a_process_errors_are_one_line_and_no_bar_is_drawn(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gexfaker", "plot", "--data-dir", str(data), "--what", "spot"]
    bad = subprocess.run([*command, "--date", "2020-01-02"], capture_output=True, text=True, timeout=30)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (2, "", 1)
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_document_says_what_is_there() -> None:
    text = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    [plan] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert load_scenario("document", plan).description == "Quiet, then sold."
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == NAMES
    pictures = re.findall(r"\]\((pictures/[^)]+)\)", text)
    heights = [*HEIGHTS.values(), SPOT_HEIGHT, SPOT_HEIGHT]
    assert [size(ROOT / "docs" / path) for path in pictures] == [(WIDTH, height) for height in heights]
    for given in re.findall(r"^gexfaker plot (.*)$", text, re.MULTILINE):
        plot.make_context("plot", given.split())


def test_help_has_examples() -> None:
    text = run("--help").output
    assert "gexfaker plot --date 2026-07-17 --scenario flash-crash" in text
    assert "--data-dir DIR" in text


def test_several_days_are_one_picture_of_spot(tmp_path: Path) -> None:
    done = run("--date", "2026-11-25..2026-11-30", "--ticker", "SPX", "--out", str(tmp_path), "--every", "3000")
    assert done.stdout == f"{tmp_path / 'SPX-2026-11-25-to-2026-11-30-spot.png'}\n"
    assert size(tmp_path / "SPX-2026-11-25-to-2026-11-30-spot.png") == (WIDTH, SPOT_HEIGHT)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--date", "2026-11-25..2026-11-30", "--what", "gex"), "several days are drawn with --what spot"),
        (("--date", "2026-11-28..2026-11-29"), "the market is closed on all of these days"),
        (("--date", "2026-01-02..2026-02-20", "--every", "9000"), "a picture has 25 days at most"),
    ],
)
def test_days_that_make_no_picture_are_refused(arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(*arguments)
