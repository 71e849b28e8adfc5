"""What lies in a data folder and is not played is named, with what it may be."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from gexfaker.tapes import strays as module
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.place import Place
from gexfaker.tapes.strays import NAME_FOLDER, Stray, found_in, left_out, shown_strays, strays

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
        (
            "deep/20260714/SPX/classic/gex_zero.jsonl",
            "deep",
            "deep; name that folder, or bring it in with gexfaker import",
        ),
        ("deep/a/20260714/SPX/classic/gex_zero.jsonl", "deep", "deep/a; name that folder"),
        (f"{DATE}/gex_zero.jsonl", f"{DATE}/gex_zero.jsonl", "in the folder of a ticker and a package"),
        (f"{DATE}/SPX/gex_zero.jsonl", f"{DATE}/SPX/gex_zero.jsonl", "of a package: classic, state, orderflow"),
        (f"{DATE}/SPX/clasic/gex_zero.jsonl", f"{DATE}/SPX/clasic", "packages are classic, state, orderflow"),
        (f"{DATE}/SPX/classic/gexone.jsonl", f"{DATE}/SPX/classic/gexone.jsonl", "did you mean gex_one?"),
        (f"{DATE}/SPX/classic/one.jsonl.gz", f"{DATE}/SPX/classic/one.jsonl.gz", "did you mean gex_one?"),
        (f"{DATE}/SPX/classic/gex_full.json", f"{DATE}/SPX/classic/gex_full.json", "rename it to gex_full.jsonl"),
        (f"{DATE}/SPX/classic/gex_full.json.gz", f"{DATE}/SPX/classic/gex_full.json.gz", "to gex_full.jsonl.gz"),
        (f"{DATE}/SPX/classic/gex_full.zip", f"{DATE}/SPX/classic/gex_full.zip", "it must be called gex_full.jsonl"),
        (f"{DATE}/classic/gex_zero.json", f"{DATE}/classic", "its ticker is missing"),
        ("2026/07/14/SPX/classic/gex_zero.jsonl", "2026", "data/2026-07-14: it has tickers in it, as a day has"),
        ("2026-07/14/SPX/classic/gex_zero.jsonl", "2026-07", "data/2026-07-14: it has tickers in it, as a day has"),
        (
            "SPX/classic/gex_zero/2026-07-14.json",
            "SPX",
            "its files are to be called as downloaded. Of the first: rename it to 2026-07-14_SPX_classic_gex_zero.json",
        ),
        *(
            (name, name, "rename it to 2026-07-15_SPX_classic_gex_zero.json")
            for name in (
                *("07152026_SPX_classic_gex_zero.json", "07-15-2026_SPX_classic_gex_zero.json"),
                *("SPX_2026-07-15_classic_gex_zero.json", "2026_07_15_SPX_classic_gex_zero.json"),
                *("2026-07-15 SPX classic gex_zero.json", "2026-07-15_spx_CLASSIC_gex_zero.JSON"),
                *("2026-07-15_SPX_classic_gex_zero.json.txt", "2026-07-15-SPX-classic-gex_zero.json"),
            )
        ),
        (
            "2026-07-15_SPX_classic_gex_zero_old.json",
            "2026-07-15_SPX_classic_gex_zero_old.json",
            "called 2026-07-15_SPX_classic_gex_zero.json it would be played",
        ),
        *(
            (name, name, "it is packed in a way that is not read: unpack it (.gz, .zst and .zip are read)")
            for name in ("day.xz", "2026-07-15_SPX_classic_gex_zero.json.bz2", "reports.7z", "all.rar", "all.tar.gz.br")
        ),
        ("2026-07-15_SPX_classic_gex_zero.ndjson", "2026-07-15_SPX_classic_gex_zero.ndjson", "gex_zero.jsonl"),
        (f"{DATE}/SPX/classic/gex_one.ndjson.gz", f"{DATE}/SPX/classic/gex_one.ndjson.gz", "to gex_one.jsonl.gz"),
        ("2026-07-15_SPX_classic_gex_zero.csv", "2026-07-15_SPX_classic_gex_zero.csv", "it is no JSON"),
        (f"{DATE}/SPX/classic/gex_one.parquet", f"{DATE}/SPX/classic/gex_one.parquet", "it is no JSON"),
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


@pytest.mark.parametrize("day", [DATE, DATE.replace("-", "")])
@pytest.mark.parametrize("folder", ["", "SPX", "SPX/classic"])
def test_who_names_a_folder_too_deep_is_told_which_one_it_is(day: str, folder: str, tmp_path: Path) -> None:
    put(tmp_path, f"{day}/SPX/classic/gex_zero.jsonl")
    [stray] = strays(tmp_path / day / folder)
    assert f"lies in {tmp_path}; name that folder" in stray.hint


@pytest.mark.parametrize("day", ["2026-07-14", "20260714"])
def test_a_day_below_is_told_as_its_folder_and_not_as_a_copy(day: str, tmp_path: Path) -> None:
    put(tmp_path, f"{DATE}/SPX/classic/gex_zero.jsonl", f"stuff/{day}/SPX/classic/gex_zero.jsonl")
    taken = [Place(tmp_path / DATE / "SPX" / "classic" / "gex_zero.jsonl")]
    [stray] = left_out(tmp_path, taken, reaches=False)
    assert stray == Stray(tmp_path / "stuff", f"days lie in {tmp_path / 'stuff'}; {NAME_FOLDER}")


def test_what_lies_twice_is_told_with_the_file_that_is_played(tmp_path: Path) -> None:
    names = (f"{DATE}_SPX_classic_gex_zero.json", f"tree/SPX/classic/{DATE}_SPX_classic_gex_zero.json")
    put(tmp_path, *names)
    [stray] = left_out(tmp_path, [Place(tmp_path / names[0])])
    assert stray == Stray(tmp_path / names[1], f"its feed is there in {tmp_path / names[0]}")


def test_the_tree_of_an_unpacked_report_is_no_day_by_another_name(tmp_path: Path) -> None:
    put(tmp_path, f"unpacked/eod_report_SPX_{DATE}/SPX/classic/{DATE}_SPX_classic_gex_zero.json")
    assert left_out(tmp_path, [], ["2026-07-16"]) == []


@pytest.mark.parametrize(
    "name", ["myapp/src/state/models.py", "myapp/src/state/settings.json", "a/myapp/src/orderflow/x.zip"]
)
def test_a_folder_of_a_program_is_no_day(name: str, tmp_path: Path) -> None:
    put(tmp_path, name)
    assert not any(stray.is_known for stray in (*strays(tmp_path), *left_out(tmp_path, [])))


def test_a_zip_with_a_report_in_it_is_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"{DATE}_SPX_classic_gex_zero.json", "[]")
        archive.writestr("eod_report_SPX_2026-07-16.zip", "PK")
    [stray] = strays(tmp_path)
    assert stray.hint == "a report is called eod_report_TICKER_DATE.zip; unpack it, and import the folder"


@pytest.mark.parametrize("name", ["notes.csv", "trades.parquet", "prices.xlsx", "archive/notes.csv"])
def test_a_table_that_says_no_feed_is_not_told(name: str, tmp_path: Path) -> None:
    put(tmp_path, *GOOD, name)
    assert strays(tmp_path, DATE) == []


def zipped(path: Path, **members: int) -> Path:
    """A report whose members have so many records."""
    with zipfile.ZipFile(path, "w") as archive:
        for category, count in members.items():
            archive.writestr(f"{DATE}_SPX_classic_{category}.json", json.dumps([{"timestamp": 1}] * count))
    return path


@pytest.mark.parametrize("name", ["eod_report_SPX_2026-07-17.zip", "2026-07-17_SPX_classic_gex_zero.json"])
def test_files_that_would_get_the_same_name_are_not_to_be_renamed_all(name: str, tmp_path: Path) -> None:
    wrong = {"eod": ("SPX.zip", "SPX again.zip"), "2026": ("2026_07_17_SPX_classic_gex_zero.json", "other.json.txt")}
    for other in wrong[name.split("_")[0].split("-")[0]]:
        if other.endswith(".zip"):
            zipped(tmp_path / other, gex_zero=3)
        else:
            put(tmp_path, "2026_07_17_SPX_classic_gex_zero.json", "07172026_SPX_classic_gex_zero.json")
    found = strays(tmp_path)
    assert len(found) == 2
    assert {one.hint for one in found} == {
        f"it would be {name}, as another one here is or would be: keep the one that you want"
    }
    put(tmp_path / "more", "2026_07_16_SPX_classic_gex_zero.json", "2026-07-16_SPX_classic_gex_zero.json")
    [stray] = strays(tmp_path / "more")
    assert stray.hint.startswith("it would be 2026-07-16_SPX_classic_gex_zero.json, as another one here is")


def test_what_a_report_has_and_is_taken_from_elsewhere_is_told(tmp_path: Path) -> None:
    """Of each feed the place with most records is taken, and of the others it is told that they have fewer."""
    report = zipped(tmp_path / f"eod_report_SPX_{DATE}.zip", gex_zero=300, gex_one=3, gex_full=7)
    longer = tmp_path / f"{DATE}_SPX_classic_gex_one.json"
    shorter, same = (tmp_path / f"{DATE}_SPX_classic_{category}.json" for category in ("gex_zero", "gex_full"))
    for path, count in ((longer, 30), (shorter, 100), (same, 7)):
        path.write_text(json.dumps([{"timestamp": 1}] * count))
    folder = DataFolder(tmp_path)
    taken = {folder.place(DATE, feed) for feed in folder.feeds(DATE)}
    assert {place.path for place in taken} == {report, longer, same}
    assert set(map(str, left_out(tmp_path, taken))) == {
        f"{shorter} is not played: its feed is there in {report}, which has more records",
        f"2 feeds of {report} are not played: they are there in other files, the first in {longer}, "
        "which has more records",
    }


def test_a_file_that_is_played_although_it_has_fewer_records_is_told(tmp_path: Path) -> None:
    put(tmp_path, f"{DATE}/SPX/classic/gex_zero.jsonl")
    report = zipped(tmp_path / f"eod_report_SPX_{DATE}.zip", gex_zero=300, gex_one=3)
    folder = DataFolder(tmp_path)
    taken = {folder.place(DATE, feed) for feed in folder.feeds(DATE)}
    assert list(map(str, left_out(tmp_path, taken))) == [
        f"classic gex_zero of {report} is not played: it is there in {tmp_path / DATE}, "
        "which has fewer records: move that away to have this one"
    ]


def test_files_that_are_played_do_not_make_their_folders_strange(tmp_path: Path) -> None:
    name = f"{DATE}_SPX_classic_gex_zero.json"
    put(tmp_path, f"SPX/classic/{name}", f"{DATE}/state/{name}")
    used = DataFolder(tmp_path).loose_files()
    assert [stray.path for stray in strays(tmp_path, DATE)] == [tmp_path / "SPX", tmp_path / DATE / "state"]
    assert [stray.path for stray in strays(tmp_path, DATE, used=used)] == [tmp_path / DATE / "state"]


def test_each_file_is_named_when_that_is_asked_for(tmp_path: Path) -> None:
    files = [Stray(tmp_path / f"{number}.json", "why") for number in range(3)]
    assert len(shown_strays(files, 5)) == 1
    assert shown_strays(files, 5, together=False) == list(map(str, files))
