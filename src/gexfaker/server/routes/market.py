"""What is played: the recorded days of the data folder, or a simulated market with its seed and scenario."""

from __future__ import annotations

import logging
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError
from gexfaker.playback.days import Simulation
from gexfaker.playback.simulated import scenario_names, told_scenarios
from gexfaker.server.http import warmup
from gexfaker.server.http.replies import reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import read_object
from gexfaker.server.routes.sync import begin_all_anew
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices

log: Final = logging.getLogger(__name__)

KINDS: Final = ("recorded", "simulated")
WANTED: Final = 'say what to play: {"kind":"recorded"}, or {"kind":"simulated","seed":1,"scenario":"flash-crash"}'
MAX_SEED: Final = 2**53 - 1
"""Whole numbers up to here are the same in every reader of JSON."""

IN_A_CLUSTER: Final = "the servers of a cluster play one market: start them all with other settings"


async def _show(request: Request) -> Response:
    """What is played, and what could be."""
    service = service_of(request)
    await warmup.load(*warmup.SCENARIOS)
    return reply(await to_thread.run_sync(lambda: market(service)))


def market(service: Service) -> dict[str, Any]:
    """What is played, and what could be; looks into the data folder."""
    played, folder = service.days.simulation, service.data_folder()
    return {
        "kind": KINDS[not service.days.stored],
        "seed": played.seed,
        "scenario": played.scenario,
        "origin": service.day.origin,
        "scenarios": told_scenarios(),
        "recorded": {"folder": str(folder.root), "days": len(folder.dates()) if folder.root.is_dir() else 0},
    }


async def _change(request: Request) -> Response:
    """Play something else. Keys go on at their market time, unless the days are others: then they begin anew."""
    service, asked = service_of(request), await read_object(request)
    if service.cluster is not None:
        raise ControlError(IN_A_CLUSTER)
    await warmup.load(*warmup.SCENARIOS)
    kind, simulation = _wanted(service, asked)
    are_others = service.switch(service.data_folder() if kind == "recorded" else None, simulation)
    if are_others:
        await begin_all_anew(service)
    else:
        await _find_again(service)
    log.info("market: %s is played", service.day.origin)
    return reply(await to_thread.run_sync(lambda: market(service)))


async def _find_again(service: Service) -> None:
    async for world in in_slices(service.worlds.in_use()):
        world.play.find_again()
    service.alarm.ring()


def _wanted(service: Service, asked: dict[str, Any]) -> tuple[str, Simulation]:
    """What a body asks for; what it does not name stays as it is. Raises ControlError."""
    played = service.days.simulation
    given = {"kind": "simulated", "seed": played.seed, "scenario": played.scenario, **asked}
    if not asked or len(given) > 3 or (given["kind"] == "recorded" and len(asked) > 1) or given["kind"] not in KINDS:
        raise ControlError(WANTED)
    seed = given["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or abs(seed) > MAX_SEED:
        raise ControlError(f"seed is a whole number from -{MAX_SEED} to {MAX_SEED}")
    return given["kind"], played._replace(seed=seed, scenario=_scenario(service, given["scenario"]))


def _scenario(service: Service, name: Any) -> str | None:
    """A scenario that is shipped, or the one of the settings: no request names a file. Raises ControlError."""
    if name is None or name == "":
        return None
    shipped = scenario_names()
    if not isinstance(name, str) or name not in (*shipped, service.settings.scenario):
        raise ControlError(f"scenario is one of {', '.join(shipped)}, or null for an ordinary day")
    return name


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/_gexfaker/market",
            "What is played: recorded days, or a simulated market with its seed and scenario.",
            {200: "PlayedMarket", **CONTROLLED},
            key="control",
            tag="control",
        ),
        _show,
    ),
    Endpoint(
        Operation(
            "post",
            "/_gexfaker/market",
            "Play recorded days, or a simulated market with another seed or scenario, from now on.",
            {200: "PlayedMarket", **CONTROLLED},
            body="WantedMarket",
            key="control",
            tag="control",
        ),
        _change,
    ),
)
"""The routes of this module."""
