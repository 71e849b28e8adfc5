"""What can be made again goes when nobody uses it; nothing else does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gexfaker.jobs.eviction import DAY_SECONDS, evict
from gexfaker.tapes.prepared import MAGIC

NOW, OLD = 1_800_000_000.0, 30


def file(root: Path, name: str, *, used: float, made: float = OLD, content: bytes = MAGIC + b"x" * 92) -> Path:
    """A file that was made, and read last, so many days ago."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - used * DAY_SECONDS, NOW - made * DAY_SECONDS))
    return path


def gone(root: Path, days: float = 14) -> list[str]:
    return [path.relative_to(root).as_posix() for path, size in evict(root, days, NOW) if size == 100]


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize(("used", "made", "goes"), [(15, 15, True), (13, 15, False), (15, 13, False), (0, 99, False)])
def test_payloads_go_that_nobody_has_used(tmp_path: Path, ending: str, used: float, made: float, goes: bool) -> None:
    name = "2026-07-17/SPX/classic/gex_zero"
    records = file(tmp_path, name + ending, used=99, content=b"{}\n")
    payloads = file(tmp_path, f"{name}.payloads", used=used, made=made)
    assert gone(tmp_path) == ([f"{name}.payloads"] if goes else [])
    assert (records.exists(), payloads.exists()) == (True, not goes)


@pytest.mark.parametrize(
    ("source", "payloads", "goes"),
    [
        ("2026-07-17_SPX_classic_gex_zero.json", "2026-07-17_SPX_classic_gex_zero.json.payloads", True),
        ("deep/2026-07-17_SPX_classic_gex_zero.json.gz", "deep/2026-07-17_SPX_classic_gex_zero.json.gz.payloads", True),
        (
            "eod_report_SPX_2026-07-17.zip",
            "eod_report_SPX_2026-07-17.zip.2026-07-17_SPX_classic_gex_zero.json.gz.payloads",
            True,
        ),
        (
            "eod_report_SPX_2026-07-16.zip",
            "eod_report_SPX_2026-07-17.zip.2026-07-17_SPX_classic_gex_zero.json.gz.payloads",
            False,
        ),
        ("2026-07-17_SPX_classic_gex_zero.json", "deep/2026-07-17_SPX_classic_gex_zero.json.payloads", False),
    ],
)
def test_payloads_of_arrays_and_reports_go_as_well(tmp_path: Path, source: str, payloads: str, goes: bool) -> None:
    file(tmp_path, source, used=99, content=b"[]")
    file(tmp_path, payloads, used=99)
    assert gone(tmp_path) == ([payloads] if goes else [])
    assert (tmp_path / source).exists()


def test_what_cannot_be_made_again_stays(tmp_path: Path) -> None:
    day = "2026-07-17/SPX/classic"
    kept = [
        file(tmp_path, f"{day}/gex_zero.jsonl", used=99, content=b"{}\n"),
        file(tmp_path, f"{day}/gex_full.payloads", used=99),  # its records are gone
        file(tmp_path, f"{day}/gex_zero.payloads", used=99, content=b"somebody's notes, called like it" + b"x" * 68),
        file(tmp_path, "eod_report_SPX_2026-07-17.zip", used=99),
        file(tmp_path, "notes/SPX/classic/gex_zero.payloads", used=99),
        file(tmp_path, f"{day}/deeper/gex_zero.payloads", used=99),
        file(tmp_path, "2026-07-17/SPX/mine/gex_zero.payloads", used=99),
        file(tmp_path, "2026-07-17/SPX/mine/gex_zero.jsonl", used=99),
        file(tmp_path, "2026-07-17/no ticker/classic/gex_zero.payloads", used=99),
        file(tmp_path, "2026-07-17/no ticker/classic/gex_zero.jsonl", used=99),
    ]
    assert gone(tmp_path) == []
    assert all(path.exists() for path in kept)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    file(tmp_path, "2026-07-17/SPX/classic/gex_zero.jsonl", used=99)
    pipe = tmp_path / "2026-07-17/SPX/classic/gex_zero.payloads"
    os.mkfifo(pipe)
    os.utime(pipe, (0, 0))
    assert gone(tmp_path) == []


@pytest.mark.parametrize("level", ["2026-07-16", "2026-07-17/QQQ", "2026-07-17/SPX/state"])
def test_what_is_linked_to_stays(tmp_path: Path, level: str) -> None:
    rest = {"2026-07-16": "SPX/classic", "2026-07-17/QQQ": "classic"}.get(level, ".")
    payloads = file(tmp_path / "elsewhere", f"{rest}/gex_zero.payloads", used=99)
    file(tmp_path / "elsewhere", f"{rest}/gex_zero.jsonl", used=99, content=b"{}\n")
    (tmp_path / "data" / level).parent.mkdir(parents=True)
    (tmp_path / "data" / level).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert gone(tmp_path / "data") == []
    assert payloads.exists()


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert gone(tmp_path / "nowhere") == []
