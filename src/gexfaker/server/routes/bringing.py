"""Days that come into the data folder while the server runs: downloaded, or given by a browser and imported."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.catalog import CATEGORIES, TICKERS
from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError
from gexfaker.limits import MIB
from gexfaker.parsing import days as read_days
from gexfaker.server.http.jobs import RUNNING, Job, Jobs
from gexfaker.server.http.replies import error, made_once, read_at_most, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import read_object
from gexfaker.tapes.folder import is_day_folder
from gexfaker.upstream import KEY, SERVICE

INCOMING: Final = ".gexfaker-incoming"
"""The folder in the data folder where files lie until they are imported."""

MAX_PIECE_BYTES: Final = 4 * MIB
"""Of a file, in one request: a piece is in memory until it is written."""

MAX_FILE_BYTES: Final = 8 * 1024 * MIB
"""Of a file: ten times the largest end-of-day report that was seen."""

MAX_FILES: Final = 1000
"""Files that wait to be imported: 15 of each of 60 ticker-days."""

LEAST_FREE_BYTES: Final = 1024 * MIB
"""Room that is left on the disk, as by an import."""

MAX_DEPTH: Final = 8
"""Folders of a file's path, which may tell its day: DATE/TICKER/package/category.jsonl has three."""

ENDINGS: Final = ("jsonl", "jsonl.gz", "jsonl.zst")
MAX_KEY: Final = 200
NO_JOB: Final = "There is no such job; the last twenty are remembered."
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ ()+-]{0,127}")
"""A folder or a file, of which no system thinks that it is anything else."""

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
    files, size = await to_thread.run_sync(_waiting, folder / INCOMING)
    return reply(
        {
            "jobs": jobs_known(request),
            "folder": str(folder),
            "has_key": bool(os.environ.get(KEY, "").strip()),
            "waiting": {"files": files, "bytes": size},
        }
    )


def _folder(request: Request) -> Path:
    return service_of(request).data_folder().root


def _waiting(folder: Path) -> tuple[int, int]:
    """How many files wait to be imported, and how large they are."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return len(sizes), sum(sizes)


# --- downloads -----------------------------------------------------------------------------------


async def _download(request: Request) -> Response:
    """Get days from the service, as ``gexfaker download`` does."""
    asked = await read_object(request)
    arguments, about = _download_of(asked)
    secret = _key(asked)
    upstream = asked.get("upstream")
    if upstream is not None:
        arguments += ["--upstream", _url(upstream, has_key=bool(secret))]
    arguments += ["--out", str(_folder(request))]
    return _begun(_jobs(request).begin(about, arguments, service_of(request).clock(), secret))


def _begun(job: Job) -> Response:
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
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise ControlError(f"{name} is a list of names")
    found = list(dict.fromkeys(one.strip() for one in names if one.strip()))
    found = [one.upper() if name == "tickers" else one.lower() for one in found]
    unknown = [one for one in found if one not in known]
    if unknown or not found:
        raise ControlError(f"{name}: {unknown[0][:40] if unknown else 'nothing'} is not one of the service's")
    return found


def _key(asked: dict[str, Any]) -> dict[str, str]:
    """The API key of a body, for the environment of the command. Raises ControlError: it is none."""
    key = asked.get("key")
    if key is None or key == "":
        return {}
    if not isinstance(key, str) or len(key) > MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ControlError("key is no API key")
    return {KEY: key}


def _url(upstream: object, *, has_key: bool) -> str:
    """The API that is asked. Raises ControlError: it is none, or the server's own key would be sent there."""
    if not isinstance(upstream, str) or not re.fullmatch(r"https?://[!-~]{1,200}", upstream):
        raise ControlError("upstream is the address of an API, such as http://127.0.0.1:9000")
    if upstream.rstrip("/") != SERVICE and not has_key:
        raise ControlError("another upstream needs a key of its own: the server's key is sent to the service only")
    return upstream


# --- files of a browser --------------------------------------------------------------------------


async def _receive(request: Request) -> Response:
    """A piece of a file that is to be imported; pieces come one after the other."""
    path, offset = _path(request.query_params.get("path", "")), _at(request.query_params.get("at", "0"))
    async with made_once(request, "receiving", asyncio.Lock):  # one piece in memory at a time
        if _jobs(request).running is not None:
            return error(f"{RUNNING[0].upper()}{RUNNING[1:]}.", 409)
        piece = await read_at_most(request, MAX_PIECE_BYTES)
        folder = _folder(request)
        size = await to_thread.run_sync(lambda: _write(folder, path, offset, piece))
    return reply({"path": path, "bytes": size}, 200 if size == offset + len(piece) else 409)


def _path(text: str) -> str:
    """The path of a file below the folder for them. Raises ControlError: it is none, or leads elsewhere."""
    parts = text.split("/")
    if len(parts) > MAX_DEPTH or not all(_is_plain(part) for part in parts):
        raise ControlError("path is the name of a file, with its folders: letters, digits, and . _ - + ( )")
    return text


def _is_plain(part: str) -> bool:
    is_named = _PART.fullmatch(part) is not None and not part.endswith((" ", "."))
    return is_named and part.partition(".")[0].upper().strip() not in _DEVICES


def _at(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:20]) > MAX_FILE_BYTES:
        raise ControlError(f"at is how many bytes came before, up to {MAX_FILE_BYTES}")
    return int(text)


def _write(folder: Path, path: str, offset: int, piece: bytes) -> int:
    """Write a piece; how long the file is then, which is something else where a piece is missing before it."""
    target = folder / INCOMING / path
    there = target.stat().st_size if target.exists() else 0
    if offset and there != offset:
        return there
    if offset + len(piece) > MAX_FILE_BYTES:
        raise ControlError(f"a file has up to {MAX_FILE_BYTES} bytes")
    if not offset and not target.exists() and _waiting(folder / INCOMING)[0] >= MAX_FILES:
        raise ControlError(f"{MAX_FILES} files wait already: import them first")
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free - len(piece) < LEAST_FREE_BYTES:
        raise ControlError(f"less than {LEAST_FREE_BYTES // MIB} MiB would be free on the disk of {folder}")
    with target.open("ab" if offset else "wb") as file:
        file.write(piece)
    return offset + len(piece)


async def _forget(request: Request) -> Response:
    """Take away what waits to be imported."""
    if _jobs(request).running is not None:
        return error(f"{RUNNING[0].upper()}{RUNNING[1:]}.", 409)
    folder = _folder(request) / INCOMING
    files, size = await to_thread.run_sync(_waiting, folder)
    await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
    return reply({"files": files, "bytes": size})


async def _import(request: Request) -> Response:
    """Import what has come, as ``gexfaker import`` does."""
    asked, folder = await read_object(request), _folder(request)
    incoming = folder / INCOMING
    if not (await to_thread.run_sync(_waiting, incoming))[0]:
        raise ControlError("no file waits to be imported: send some with PUT /_gexfaker/incoming?path=NAME")
    sources = await to_thread.run_sync(_sources, incoming)
    arguments = ["import", *map(str, sources), "--out", str(folder), *_import_options(asked)]
    files, size = await to_thread.run_sync(_waiting, incoming)
    about = f"{files} file{'s' * (files != 1)}, {size / 1e6:,.1f} MB"
    clear = lambda: shutil.rmtree(incoming, ignore_errors=True)  # noqa: E731
    return _begun(_jobs(request).begin(about, arguments, service_of(request).clock(), after=clear))


def _sources(incoming: Path) -> list[Path]:
    """The folders to look for days in: one that was given whole is a data folder of its own."""
    there = sorted(incoming.iterdir())
    given = [path for path in there if path.is_dir() and not is_day_folder(path.name)]
    return given if len(given) == len(there) else [incoming, *given]


def _import_options(asked: dict[str, Any]) -> Sequence[str]:
    """Raises ControlError."""
    unknown = sorted(asked.keys() - {"convert", "prepare", "replace"})
    flags = [asked.get(name, False) for name in ("prepare", "replace")]
    convert = asked.get("convert")
    if unknown or not all(isinstance(flag, bool) for flag in flags) or convert not in (None, *ENDINGS):
        raise ControlError(
            f'an import is told {{"convert": one of {", ".join(ENDINGS)}, "prepare": true, "replace": true}}'
        )
    chosen = ["--link"] if convert is None else ["--convert", convert]
    return [*chosen, *(["--prepare"] * flags[0]), *(["--replace"] * flags[1])]


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
            {202: "BringingJob"},
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
            query=("path*", "at"),
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
            {202: "BringingJob"},
            body="WantedImport",
        ),
        _import,
    ),
    Endpoint(_control("get", "/_gexfaker/jobs/{job}", "How far a job is.", {200: "BringingJob"}), _show),
    Endpoint(_control("delete", "/_gexfaker/jobs/{job}", "Stop a job.", {200: "BringingJob"}), _stop),
)
"""The routes of this module."""
