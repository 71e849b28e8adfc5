"""The days that are played during a siege."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from typing import IO, Final, cast

import zstandard

from support import data
from support.days import CATEGORIES, line

DATE: Final = data.DATE
LISTENED: Final = tuple(f"T{number:02}" for number in range(10))
"""Tickers of a recorded day; the listener is in the orderflow group of each."""

SIMULATED: Final = ("SPX", "NDX", "SPY", "QQQ", "ES_SPX", "NQ_NDX")
"""Those of a simulated day."""

RECORDS: Final = 500
"""Of a recorded day, which begins again at its end."""

MAJORS: Final = "/v2/SPX/classic/gex_zero/majors"
"""What is polled; recorded and simulated days both have it."""


def folder_of(root: Path, ticker: str, package: str) -> Path:
    """The folder of a ticker's package, made if need be."""
    folder = root / DATE / ticker / package
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_usual(root: Path) -> None:
    """The listener's groups, and what the pollers ask for."""
    data.write_day(root, RECORDS, LISTENED)
    lines = "".join(line("SPX", "classic_gex_zero", index) + "\n" for index in range(RECORDS))
    (folder_of(root, "SPX", "classic") / "gex_zero.jsonl").write_text(lines, encoding="utf-8")


LARGE_RECORDS: Final = 6000
LARGE_TEXT: Final = "0123456789abcdef" * 1000
"""Of each: a file of 96 MB, a third of a real day's largest."""


def write_large(root: Path) -> None:
    """The usual, and a large file for downloads."""
    write_usual(root)
    with (folder_of(root, "SPX", "classic") / "gex_full.jsonl").open("w", encoding="utf-8") as file:
        for index in range(LARGE_RECORDS):
            file.write(f'{{"timestamp":{data.FIRST + index},"ticker":"SPX","text":"{LARGE_TEXT}"}}\n')


LATE: Final = tuple(f"LATE{number}" for number in range(4))
LATE_RECORDS: Final = 23_000
"""A second each: as long as a real day."""

LATE_TEXT_BYTES: Final = 2000
"""Of text that hardly compresses, in each of those: 95 MB."""


def _late_lines() -> bytes:
    random = Random(1)
    first = data.record(LATE[0], 0)
    rest = first.removeprefix(f'{{"timestamp":{data.FIRST}').removesuffix("}").encode()
    return b"".join(
        b'{"timestamp":%d%s,"text":"%s"}\n'
        % (data.FIRST + index, rest, random.randbytes(LATE_TEXT_BYTES).hex().encode())
        for index in range(LATE_RECORDS)
    )


def _packed(kind: str, file: Path, pieces: list[bytes]) -> None:
    """Write a compressed file as quickly as that goes."""
    with file.open("wb") as raw:
        if kind == "gz":
            opened = cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1))
        else:
            opened = zstandard.ZstdCompressor(level=1).stream_writer(raw, closefd=False)
        with opened:
            for piece in pieces:
                opened.write(piece)


def _linked(root: Path, tickers: tuple[str, ...], name: str, first: Path) -> None:
    """The same file for all those tickers."""
    for ticker in tickers:
        (folder_of(root, ticker, "orderflow") / name).hardlink_to(first)


def write_late(kind: str, root: Path) -> None:
    """The usual, and compressed days as long as real ones."""
    write_usual(root)
    _packed(kind, root / "late", [_late_lines()])
    _linked(root, LATE, f"orderflow.jsonl.{kind}", root / "late")


BOMBS: Final = tuple(f"BOMB{number}" for number in range(4))
BOMB_BYTES: Final = 200_000_000


def write_bombs(kind: str, root: Path) -> None:
    """The usual, and small files that unpack to a single large line of zeros."""
    write_usual(root)
    piece = bytes(1_000_000)
    _packed(kind, root / "bomb", [piece] * (BOMB_BYTES // len(piece)))
    _linked(root, BOMBS, f"orderflow.jsonl.{kind}", root / "bomb")


SPARSE: Final = "SPARSE"
SPARSE_BYTES: Final = 5_000_000_000


def write_sparse(root: Path) -> None:
    """The usual, and a file of zeros that takes no place on the disk."""
    write_usual(root)
    with (folder_of(root, SPARSE, "orderflow") / "orderflow.jsonl").open("wb") as file:
        file.truncate(SPARSE_BYTES)


UNREADABLE: Final = "PRETTY"
UNREADABLE_RECORDS: Final = 15_000
"""Each on 40 lines: 20 MB."""


def write_unreadable(root: Path) -> None:
    """The usual, and a file in which a record has many lines, so that no line is one."""
    write_usual(root)
    pretty = json.dumps(json.loads(data.record(UNREADABLE, 1)), indent=4) + "\n"
    file = folder_of(root, UNREADABLE, "orderflow") / "orderflow.jsonl"
    file.write_text(pretty * UNREADABLE_RECORDS, encoding="utf-8")


PACKED: Final = tuple(f"G{number:02}" for number in range(24))
PACKED_RECORDS: Final = 50


PACKED_PATHS: Final = tuple(
    f"/v2/{ticker}/{category.replace('_', '/', 1)}" for ticker in PACKED for category in CATEGORIES
)


def write_packed(root: Path) -> None:
    """The usual, and all categories of many tickers as gzip."""
    write_usual(root)
    for category in CATEGORIES:
        lines = "".join(line(PACKED[0], category, index) + "\n" for index in range(PACKED_RECORDS))
        package, _, name = category.partition("_")
        for ticker in PACKED:
            _packed("gz", folder_of(root, ticker, package) / f"{name}.jsonl.gz", [lines.encode()])


FOLDERS: Final = 20_000


def write_folders(root: Path) -> None:
    """The usual, and very many tickers."""
    write_usual(root)
    _linked(root, tuple(f"X{number}" for number in range(FOLDERS)), "orderflow.jsonl", _one_record(root))


def _one_record(root: Path) -> Path:
    file = root / "record"
    file.write_text(data.record("X0", 0) + "\n", encoding="utf-8")
    return file


HEAVY: Final = "HEAVY"
HEAVY_FEEDS: Final = ("classic_gex_full", "classic_gex_zero", "state_gex_full", "state_gex_zero")
HEAVY_STRIKES: Final = 300
HEAVY_RECORDS: Final = 100


def write_heavy(root: Path) -> None:
    """The usual, and records that are as large as the largest real ones."""
    write_usual(root)
    for category in HEAVY_FEEDS:
        package, _, name = category.partition("_")
        lines = "".join(_heavy_line(category, index) + "\n" for index in range(HEAVY_RECORDS))
        (folder_of(root, HEAVY, package) / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _heavy_line(category: str, index: int) -> str:
    """A usual record with very many strikes instead of its few."""
    row, random = json.loads(line(HEAVY, category, index)), Random(index)

    def cents() -> float:
        return random.randrange(-10_000_000, 10_000_000) / 100

    row["strikes"] = [
        [5000 + 5 * strike, cents(), cents(), [cents() for _ in range(5)]] for strike in range(HEAVY_STRIKES)
    ]
    return json.dumps(row, separators=(",", ":"))
