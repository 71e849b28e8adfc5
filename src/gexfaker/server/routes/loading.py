"""``POST /load``: other days for all keys, as a job that can be asked after; users of the earlier open tool know it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker import parsing
from gexfaker.bounded import Bounded
from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError, DataError, GexfakerError
from gexfaker.playback.days import MAX_LISTED
from gexfaker.server.http.replies import error, made_once, reply, sentence, service_of, utc
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import read_object
from gexfaker.server.routes.sync import begin_all_anew
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.tapes.folder import LAYOUT

log: Final = logging.getLogger(__name__)

MAX_JOBS: Final = 100
"""Jobs that are remembered: whoever began one asks after it within seconds."""

WANTED: Final = 'name the days: {"date":"2026-07-17"}, {"from":"2026-07-13","to":"2026-07-17"}, or {"dates":[...]}'
RUNNING: Final = "Other days are being loaded: try again when /load/status says that they are."


class Job(msgspec.Struct):
    """Days that are loaded.

    Attributes:
        dates: as the setting DATA_DATE names them.
        done, total: days that were opened, of how many.
        error: why it failed.
    """

    id: str
    dates: str
    began: float
    status: Literal["running", "done", "failed"] = "running"
    done: int = 0
    total: int = 0
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is answered."""
        told = {"job_id": self.id, "status": self.status, "dates": self.dates, "done": self.done, "total": self.total}
        return told | {"error": self.error, "began_at": utc(self.began), "status_url": f"/load/status/{self.id}"}


class Loads:
    """The jobs of one server, of which one runs at a time."""

    def __init__(self) -> None:
        self.jobs: Final[Bounded[str, Job]] = Bounded(MAX_JOBS)
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a job is under way."""
        return self._task is not None and not self._task.done()

    def begin(self, service: Service, dates: str) -> Job:
        """Load other days."""
        job = Job(secrets.token_hex(8), dates, service.clock())
        self.jobs[job.id] = job
        self._task = asyncio.create_task(_load(service, job))
        return job


async def _load(service: Service, job: Job) -> None:
    try:
        _check_feeds(service, job.dates)
        service.load(job.dates)
        service.days.reopen()
        wanted = _days_of(service)
        job.total = len(wanted)
        async for date in in_slices(wanted):
            service.days.day(date)
            job.done += 1
        await begin_all_anew(service)
        job.status = "done"
    except (GexfakerError, OSError) as problem:
        job.status, job.error = "failed", sentence(problem)
    log.info("load %s: %s", job.dates, job.error or f"{job.done} days, all keys begin anew")


def _check_feeds(service: Service, dates: str) -> None:
    """Raises DataError: a recorded day that was named has nothing to play."""
    for date in dates.split(",") if service.days.stored and ".." not in dates else ():
        resolved = service.days.resolve(date)
        if not service.days.folder.feeds(resolved):
            raise DataError(f"{resolved} holds no feeds: put files there as {LAYOUT}")


def _days_of(service: Service) -> list[str]:
    """The days that are opened to see whether they can be: those of a list or a recorded range, at most MAX_LISTED."""
    days = service.days
    if days.span.listed:
        return [*days.span.listed]
    if days.last is None or not days.stored:
        return [days.first]
    return [date for date in days.dates() if days.first <= date <= days.last][:MAX_LISTED]


def _wanted(asked: dict[str, Any]) -> str:
    """The days that a body names, as DATA_DATE does. Raises ControlError."""
    match asked:
        case {"date": str(date), **others} if not others:
            text = date
        case {"from": str(first), "to": str(last), **others} if not others:
            text = f"{first}..{last}"
        case {"dates": [_, *_] as dates, **others} if not others and all(_is_day(one) for one in dates):
            text = ",".join(dates)
        case _:
            raise ControlError(WANTED)
    try:
        return parsing.days(text)
    except ValueError:
        raise ControlError(f"{WANTED}, and not {text[:40]!r}") from None


def _is_day(given: object) -> bool:
    try:
        return isinstance(given, str) and bool(parsing.day(given))
    except ValueError:
        return False


def _loads(request: Request) -> Loads:
    """The server's jobs, made at first use."""
    return made_once(request, "loads", Loads)


async def _begin(request: Request) -> Response:
    service, loads = service_of(request), _loads(request)
    dates = _wanted(await read_object(request))
    if loads.is_running:
        return error(RUNNING, 409)
    if service.cluster is not None and ("," in dates or ".." in dates):
        raise ControlError("the servers of a cluster change the day together, one at a time: name one date")
    return reply(loads.begin(service, dates).as_json(), 202)


async def _status(request: Request) -> Response:
    job = _loads(request).jobs.get(request.path_params["job"])
    return error("There is no such job; the last hundred are remembered.", 404) if job is None else reply(job.as_json())


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "post",
            "/load",
            "Other days for all keys, and for new ones: a date, a range, or a list. Answered at once, with a job.",
            {202: "LoadJob", 409: "Error", **CONTROLLED},
            body="WantedDays",
            key="control",
            tag="earlier tool",
        ),
        _begin,
    ),
    Endpoint(
        Operation(
            "get",
            "/load/status/{job}",
            "How far a job of `POST /load` has come.",
            {200: "LoadJob", **CONTROLLED},
            key="control",
            tag="earlier tool",
        ),
        _status,
    ),
)
"""The routes of this module."""
