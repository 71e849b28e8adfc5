"""What lies in a data folder and is not played is named, with what it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexfaker.tapes import strays as module
from gexfaker.tapes.strays import Stray, found_in, shown_strays, strays

DATE = "2026-07-17"
GOOD = (
    f"{DATE}/SPX/classic/gex_zero.jsonl",
    f"{DATE}/SPX/classic/gex_zero.payloads",
    f"{DATE}/SPX/state/delta_zero.jsonl.gz",
    f"{DATE}/spx/orderflow/orderflow.jsonl.zst",
    f"{DATE}/SPX/generated.json",
    "downloads.json",
    f"{DATE}/SPX/notes.txt",
    "README.md",
    "notes/todo.txt",
    ".cache/2026-07-17/SPX/classic/gex_zero.jsonl",
)


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    return root


def test_a_sound_folder_has_none(tmp_path: Path) -> None:
    assert strays(put(tmp_path, *GOOD), DATE) == []


@pytest.mark.parametrize(
    ("name", "where", "hint"),
    [
        (
            "gex_zero.jsonl",
            "gex_zero.jsonl",
            "record files lie in folders, as YYYY-MM-DD/TICKER/package/category.jsonl",
        ),
        ("eod_report_SPX.zip", "eod_report_SPX.zip", "a report is called eod_report_TICKER_DATE.zip"),
        *(
            (f"{name}/SPX/classic/gex_zero.jsonl", name, "rename it to 2026-07-14")
            for name in ("2026_07_14", "2026-7-14", "07-14-2026", "7-14-2026", "14.07.2026", "14-07-2026", "2026.7.14")
        ),
        *(
            (f"{name}/SPX/classic/gex_zero.jsonl", name, "a day is called by its date alone, such as 2026-07-14")
            for name in ("2026-07-14 - Copy", "2026-07-14 (1)", "2026-07-14-backup")
        ),
        ("SPX/2026-07-14/classic/gex_zero.jsonl", "SPX", "swapped; days lie there as 2026-07-14/SPX"),
        (
            "NDX/classic/gex_zero.jsonl",
            "NDX",
            "it is a ticker of one day; days lie as DATE/TICKER, in a folder two above the tickers",
        ),
        (
            "state/gex_zero.jsonl",
            "state",
            "it is a package of one ticker; days lie as DATE/TICKER/PACKAGE, in a folder three above",
        ),
        ("deep/gexbot/days/2026-07-14/SPX/classic/gex_zero.jsonl", "deep", "deep/gexbot/days; name that folder"),
        (f"{DATE}/gex_zero.jsonl", f"{DATE}/gex_zero.jsonl", "in the folder of a ticker and a package"),
        (f"{DATE}/SPX/gex_zero.jsonl", f"{DATE}/SPX/gex_zero.jsonl", "of a package: classic, state, orderflow"),
        (f"{DATE}/SPX/clasic/gex_zero.jsonl", f"{DATE}/SPX/clasic", "packages are classic, state, orderflow"),
        (f"{DATE}/SPX/classic/gexone.jsonl", f"{DATE}/SPX/classic/gexone.jsonl", "did you mean gex_one?"),
        (f"{DATE}/SPX/classic/one.jsonl.gz", f"{DATE}/SPX/classic/one.jsonl.gz", "did you mean gex_one?"),
        (f"{DATE}/SPX/classic/gex_full.json", f"{DATE}/SPX/classic/gex_full.json", "it must be called gex_full.jsonl"),
        *(
            (f"{DATE}/SPX/orderflow/{name}", f"{DATE}/SPX/orderflow/{name}", "rename it to orderflow.jsonl")
            for name in ("orderflow.jsonl.txt", "orderflow.jsonl.gz.txt")
        ),
        (f"{DATE}/SPX/state/.gex_one.jsonl.part", f"{DATE}/SPX/state", "has not finished it: run it again to go on"),
        (f"{DATE}/SPX/classic/xyz.jsonl", f"{DATE}/SPX/classic/xyz.jsonl", "categories here are gex_full, gex_zero"),
    ],
)
def test_each_kind_is_named(tmp_path: Path, name: str, where: str, hint: str) -> None:
    root = tmp_path / "data"
    [found] = strays(put(root, *GOOD, name), DATE)
    assert found.path == root / where
    assert hint in found.hint


def test_a_day_of_nothing_but_wrong_names_is_looked_into(tmp_path: Path) -> None:
    put(tmp_path, f"{DATE}/SPX/orderflow/orderflow.jsonl.txt")
    assert "it ends in .txt, which Windows may not show: rename it to orderflow.jsonl" in found_in(tmp_path, 5)


def test_a_folder_that_is_none_and_one_that_is_too_large_end_the_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert strays(tmp_path / "none", DATE) == []
    monkeypatch.setattr(module, "MAX_LOOKED_AT", 3)
    put(tmp_path, *(f"{number}.jsonl" for number in range(9)))
    assert len(strays(tmp_path, DATE)) == 3


def test_of_many_some_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    found = [Stray(tmp_path / str(number), f"why {number}") for number in range(7)]
    assert shown_strays(found, 5) == [*map(str, found[:5]), "2 more files or folders are not played"]
    assert shown_strays(found, 7) == list(map(str, found))
    assert str(found[0]) == f"{tmp_path / '0'} is not played: why 0"


def test_files_of_one_day_with_the_same_hint_are_told_together(tmp_path: Path) -> None:
    day = tmp_path / "2026-07-14"
    files = [day / "SPX" / package / "x.jsonl" for package in ("classic", "state")]
    told = shown_strays([*(Stray(file, "why") for file in files), Stray(tmp_path / "y.json", "why")], 5)
    assert told == [f"2 files in {day} are not played: why", f"{tmp_path / 'y.json'} is not played: why"]
