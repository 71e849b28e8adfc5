"""Days that come into the data folder while the server runs: downloaded, or given by a browser and imported."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.catalog import CATEGORIES, TICKERS
from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError, UnavailableError
from gexfaker.limits import LEAST_FREE_BYTES, MIB
from gexfaker.parsing import days as read_days
from gexfaker.parsing import named
from gexfaker.server.http.jobs import Job, Jobs
from gexfaker.server.http.replies import error, made_once, read_at_most, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import read_object
from gexfaker.tapes.dates import is_day_folder
from gexfaker.tapes.folder import ENDINGS
from gexfaker.tapes.writer import PART
from gexfaker.upstream import KEY, SERVICE, is_key

INCOMING: Final = ".gexfaker-incoming"
"""The folder in the data folder where files lie until they are imported."""

MAX_PIECE_BYTES: Final = 4 * MIB
"""Of a file, in one request: a piece is in memory until it is written."""

SHOWN_NAMES: Final = 5
"""Files that wait to be imported and are named."""

MAX_PIECES: Final = 4
"""Pieces that are in memory at a time; who sends slowly holds up no other."""

MAX_FILE_BYTES: Final = 8 * 1024 * MIB
"""Of a file: ten times the largest end-of-day report that was seen."""

MAX_FILES: Final = 1000
"""Files that wait to be imported: 15 of each of 60 ticker-days."""

MAX_DEPTH: Final = 8
"""Folders of a file's path, which may tell its day: DATE/TICKER/package/category.jsonl has three."""

MAX_KEY: Final = 200
RUNNING: Final = "Days are being brought in: wait for the end of that, or stop it."
NO_JOB: Final = "There is no such job; the last twenty are remembered."
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ ()+-]{0,127}")
"""A folder or a file, of which no system thinks that it is anything else."""

_URL: Final = re.compile(r"https?://[!-~]{1,200}")
IN_A_CLUSTER: Final = "days are brought in by one server that stands alone: use gexfaker download and gexfaker import"

_DEVICES: Final = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(10))})
"""What Windows opens instead of a file of that name."""


def _jobs(request: Request) -> Jobs:
    """The server's jobs, made at first use, and ended with it."""

    def make() -> Jobs:
        jobs = Jobs()
        service_of(request).life.at_end.append(jobs.close)
        return jobs

    return made_once(request, "bringing", make)


def jobs_known(request: Request) -> list[dict[str, Any]]:
    """The jobs there were, the newest first."""
    jobs: Jobs | None = getattr(request.app.state, "bringing", None)
    return [] if jobs is None else [job.as_json() for job in reversed(jobs.known)]


async def _list(request: Request) -> Response:
    """The jobs, and what waits to be imported."""
    folder = _folder(request)
    incoming = folder / INCOMING
    sizes = await to_thread.run_sync(_files_waiting, incoming)
    names = sorted(path.relative_to(incoming).as_posix() for path in islice(sizes, SHOWN_NAMES))
    return reply(
        {
            "jobs": jobs_known(request),
            "folder": str(folder),
            "has_key": bool(os.environ.get(KEY, "").strip()),
            "waiting": {"files": len(sizes), "bytes": sum(sizes.values()), "names": names},
        }
    )


def _folder(request: Request) -> Path:
    return service_of(request).data_folder().root


def _files_waiting(folder: Path) -> dict[Path, int]:
    """The files that wait to be imported, with their sizes."""
    sizes = dict[Path, int]()
    for path in folder.rglob("*") if folder.is_dir() else ():
        with contextlib.suppress(OSError):  # it is gone
            if path.is_file() and path.suffix != PART:
                sizes[path] = path.stat().st_size
    return sizes


def _waiting(folder: Path) -> tuple[int, int]:
    """How many files wait to be imported, and how large they are."""
    sizes = _files_waiting(folder)
    return len(sizes), sum(sizes.values())


# --- downloads -----------------------------------------------------------------------------------


async def _download(request: Request) -> Response:
    """Get days from the service, as ``gexfaker download`` does."""
    asked = await read_object(request)
    arguments, about = _download_of(asked)
    key, upstream = _key(asked), asked.get("upstream")
    if upstream is not None:
        arguments += ["--upstream", _url(upstream, has_key=key is not None)]
    arguments += ["--out", str(_folder(request))]
    async with _alone(request):
        job = _jobs(request).begin(about, arguments, service_of(request).clock(), key)
    return reply(job.as_json(), 202)


def _download_of(asked: dict[str, Any]) -> tuple[list[str], str]:
    """The command that a body means, and what it brings. Raises ControlError."""
    unknown = sorted(asked.keys() - {"dates", "tickers", "packages", "key", "upstream"})
    if unknown:
        raise ControlError(f"{unknown[0][:40]} is none of dates, tickers, packages, key, upstream")
    tickers = _names(asked, "tickers", ["SPX"], TICKERS)
    packages = _names(asked, "packages", ["classic", "state", "orderflow"], CATEGORIES)
    dates = asked.get("dates") or ""
    if not isinstance(dates, str) or (dates and not _are_days(dates)):
        raise ControlError("dates is a day, or days such as 2026-07-13..2026-07-17; without it the newest report comes")
    given = [one.strip() for one in dates.split(",") if one.strip()]
    about = f"{', '.join(tickers)}: {dates or 'the newest end-of-day report'}"
    return ["download", *given, "--tickers", ",".join(tickers), "--packages", ",".join(packages)], about


def _are_days(text: str) -> bool:
    try:
        read_days(text)
    except ValueError:
        return False
    return text[0].isdigit()  # latest and today are of what is played


def _names(asked: dict[str, Any], name: str, default: list[str], known: Any) -> list[str]:
    """The names of a list, or of a text with commas. Raises ControlError: one is unknown."""
    given = asked.get(name) or default
    if not isinstance(given, str) and not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
        raise ControlError(f"{name} is a list of names")
    found = named(given, str.upper if known is TICKERS else str.lower)
    unknown = [one for one in found if one not in known]
    if unknown or not found:
        raise ControlError(f"{name}: {unknown[0][:40] if unknown else 'nothing'} is not one of the service's")
    return found


def _key(asked: dict[str, Any]) -> str | None:
    """The API key of a body; None for that of the server. Raises ControlError: it is none."""
    key = asked.get("key")
    if key is None or key == "":
        return None
    if not isinstance(key, str) or len(key) > MAX_KEY or not is_key(key):
        raise ControlError("key is no API key")
    return key


def _url(upstream: object, *, has_key: bool) -> str:
    """The API that is asked. Raises ControlError: it is none, or the server's own key would be sent there."""
    if not isinstance(upstream, str) or not _is_url(upstream):
        raise ControlError("upstream is the address of an API, such as http://127.0.0.1:9000")
    if upstream.rstrip("/") != SERVICE and not has_key:
        raise ControlError("another upstream needs a key of its own: the server's key is sent to the service only")
    return upstream


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(_URL.fullmatch(text) and parts.hostname and parts.username is None and parts.port != 0)
    except ValueError:
        return False


# --- files of a browser --------------------------------------------------------------------------


async def _receive(request: Request) -> Response:
    """A piece of a file that is to be imported; pieces come one after the other. With the last one it is a file."""
    query, folder = request.query_params, _folder(request)
    path, at = _path(query.get("path", "")), _bytes("at", query.get("at", "0"))
    total = _bytes("total", query.get("total", ""))
    async with made_once(request, "receiving", lambda: asyncio.Semaphore(MAX_PIECES)):
        piece = await read_at_most(request, MAX_PIECE_BYTES)
        if at + len(piece) > total:
            raise ControlError("the file is longer than total says")
        async with _alone(request):
            there = await to_thread.run_sync(lambda: _write(folder, path, at, piece, total))
    return reply({"path": path, "bytes": there}, 200 if there == at + len(piece) else 409)


@contextlib.asynccontextmanager
async def _alone(request: Request) -> AsyncIterator[None]:
    """The files for nobody else meanwhile. Raises HTTPException, 409: a job runs, which has them."""
    if service_of(request).cluster is not None:
        raise ControlError(IN_A_CLUSTER)
    async with made_once(request, "writing", asyncio.Lock):
        if _jobs(request).running is not None:
            raise HTTPException(409, RUNNING)
        yield


def _path(text: str) -> str:
    """The path of a file below the folder for them. Raises ControlError: it is none, or leads elsewhere."""
    parts = text.split("/")
    if len(parts) > MAX_DEPTH or not all(_is_plain(part) for part in parts):
        raise ControlError("path is the name of a file, with its folders: letters, digits, and . _ - + ( )")
    return text


def _is_plain(part: str) -> bool:
    is_named = _PART.fullmatch(part) is not None and not part.endswith((" ", ".", PART))
    return is_named and part.partition(".")[0].upper().strip() not in _DEVICES


def _bytes(name: str, text: str) -> int:
    """A number of bytes of a file. Raises ControlError."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_FILE_BYTES))
    if not is_number or int(text) > MAX_FILE_BYTES:
        raise ControlError(f"{name} is a number of bytes, up to {MAX_FILE_BYTES}")
    return int(text)


def _write(folder: Path, path: str, at: int, piece: bytes, total: int) -> int:
    """Write a piece; how much of the file is there then, which is something else where a piece is missing before it.

    The file has its name when all of it is there. It is another file than the one of that name before, whatever that
    was linked to.

    Raises:
        UnavailableError: the disk does not take it.
        ControlError: it is one too many, or would lie elsewhere.
    """
    incoming = folder / INCOMING
    part = incoming / f"{path}{PART}"
    try:
        _check_place(folder, path, part, at)
        if not at:
            part.unlink(missing_ok=True)
        there = part.stat().st_size if part.exists() else 0
        if there != at:
            return there
        _check_room(incoming, at, len(piece))
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab" if at else "xb") as file:
            file.write(piece)
        if at + len(piece) == total:
            part.replace(incoming / path)
    except OSError as problem:
        raise UnavailableError(f"{part.parent} takes no file: {problem.strerror or problem}") from None
    return at + len(piece)


def _check_place(folder: Path, path: str, part: Path, at: int) -> None:
    """Raises ControlError: there is a folder of that name, or a link leads elsewhere."""
    is_below = part.parent.resolve() == (folder.resolve() / INCOMING / path).parent
    is_linked = bool(at) and part.is_symlink()  # the first piece takes its place
    if not is_below or is_linked or (folder / INCOMING / path).is_dir():
        raise ControlError(f"{path} is a folder, or a link leads out of {folder / INCOMING}")


def _check_room(incoming: Path, at: int, more: int) -> None:
    """Raises ControlError: too many files wait, or the disk would be full."""
    if not at and _waiting(incoming)[0] >= MAX_FILES:
        raise ControlError(f"{MAX_FILES} files wait already: import them first, or take them away")
    existing = next(parent for parent in (incoming, *incoming.resolve().parents) if parent.is_dir())
    if shutil.disk_usage(existing).free - more < LEAST_FREE_BYTES:
        raise ControlError(f"less than {LEAST_FREE_BYTES // MIB} MiB would be free on the disk of {incoming.parent}")


async def _forget(request: Request) -> Response:
    """Take away what waits to be imported."""
    folder = _folder(request) / INCOMING
    async with _alone(request):
        files, size = await to_thread.run_sync(_waiting, folder)
        await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
    return reply({"files": files, "bytes": size})


async def _import(request: Request) -> Response:
    """Import what has come, as ``gexfaker import --move`` does: what cannot be brought in stays, and waits."""
    asked, folder = await read_object(request), _folder(request)
    incoming, options = folder / INCOMING, _import_options(asked)
    async with _alone(request):
        files, size = await to_thread.run_sync(_waiting, incoming)
        if not files:
            raise ControlError("no file waits to be imported: send some with PUT /_gexfaker/incoming")
        sources = await to_thread.run_sync(_sources, incoming)
        arguments = ["import", *map(str, sources), "--out", str(folder), "--move", *options]
        about = f"{files} file{'s' * (files != 1)}, {size / 1e6:,.1f} MB"
        job = _jobs(request).begin(about, arguments, service_of(request).clock(), key="")  # it needs none
    return reply(job.as_json(), 202)


def _sources(incoming: Path) -> list[Path]:
    """The folders to look for days in: one that was given whole is a data folder of its own."""
    there = sorted(incoming.iterdir())
    given = [path for path in there if path.is_dir() and not is_day_folder(path.name)]
    beside = [incoming] if any(_waiting_there(path) for path in there if path not in given) else []
    return beside + [path for path in given if _waiting_there(path)]


def _waiting_there(path: Path) -> bool:
    """Whether a file is whole, or there is one in a folder."""
    return bool(_waiting(path)[0]) if path.is_dir() else path.suffix != PART


def _import_options(asked: dict[str, Any]) -> list[str]:
    """Raises ControlError."""
    unknown = sorted(asked.keys() - {"convert", "prepare", "replace"})
    flags = [asked.get(name, False) for name in ("prepare", "replace")]
    convert = asked.get("convert")
    if unknown or not all(isinstance(flag, bool) for flag in flags) or convert not in (None, *ENDINGS):
        raise ControlError(
            f'an import is told {{"convert": one of {", ".join(ENDINGS)}, "prepare": true, "replace": true}}'
        )
    return [
        *([] if convert is None else ["--convert", convert]),
        *(["--prepare"] * flags[0]),
        *(["--replace"] * flags[1]),
    ]


# --- jobs ----------------------------------------------------------------------------------------


def _job_named(request: Request) -> Job | None:
    return next((job for job in _jobs(request).known if job.id == request.path_params["job"]), None)


async def _show(request: Request) -> Response:
    job = _job_named(request)
    return error(NO_JOB, 404) if job is None else reply(job.as_json())


async def _stop(request: Request) -> Response:
    """Stop a job; what came whole stays."""
    job = _job_named(request)
    if job is None:
        return error(NO_JOB, 404)
    await to_thread.run_sync(_jobs(request).stop, job)
    return reply(job.as_json())


def _control(method: str, path: str, summary: str, answers: dict[int, str], **more: Any) -> Operation:
    return Operation(method, path, summary, {**answers, **CONTROLLED}, key="control", tag="studio", **more)


ENDPOINTS: Final = (
    Endpoint(
        _control("get", "/_gexfaker/jobs", "Downloads and imports, the newest first.", {200: "BringingJobs"}), _list
    ),
    Endpoint(
        _control(
            "post",
            "/_gexfaker/jobs/download",
            "Get days from the service into the data folder.",
            {202: "BringingJob", 409: "Error"},
            body="WantedDownload",
        ),
        _download,
    ),
    Endpoint(
        _control(
            "put",
            "/_gexfaker/incoming",
            "A piece of a file that is to be imported, 4 MiB at the most.",
            {200: "Received", 409: "Received|Error"},
            query=("path*", "total*", "at"),
        ),
        _receive,
    ),
    Endpoint(
        _control(
            "delete",
            "/_gexfaker/incoming",
            "Take away the files that wait to be imported.",
            {200: "Waiting", 409: "Error"},
        ),
        _forget,
    ),
    Endpoint(
        _control(
            "post",
            "/_gexfaker/jobs/import",
            "Bring the files that wait into the data folder.",
            {202: "BringingJob", 409: "Error"},
            body="WantedImport",
        ),
        _import,
    ),
    Endpoint(_control("get", "/_gexfaker/jobs/{job}", "How far a job is.", {200: "BringingJob"}), _show),
    Endpoint(_control("delete", "/_gexfaker/jobs/{job}", "Stop a job.", {200: "BringingJob"}), _stop),
)
"""The routes of this module."""
