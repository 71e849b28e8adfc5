"""The faults of a key over HTTP: an ordered list of rules that can be read, added to, replaced and changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError
from gexfaker.playback.options import Playback
from gexfaker.server.http.replies import reply
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.catchup import catch_up
from gexfaker.server.routes.control import act_change
from gexfaker.server.routes.watching import operation, read_json, world_asked
from gexfaker.server.service import Service
from gexfaker.worlds.change import ChangeFaults
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from gexfaker.faults.rules import FaultList

log: Final = logging.getLogger(__name__)


async def _show(request: Request) -> Response:
    service, world = await world_asked(request)
    await catch_up(service, world)
    return _answer(service, world)


def _answer(service: Service, world: World, status: int = 200) -> Response:
    return reply({"session": world.id, **fault_status(service, world)}, status)


def fault_status(service: Service, world: World) -> dict[str, Any]:
    """The rules of a world in their order, each with what it has seen and hit."""
    watch = world.watch
    if watch is None:
        return {"seed": 0, "faults": []}
    return {"seed": watch.faults.listed.seed, "faults": watch.faults.status(service.clock())}


async def _replace(request: Request) -> Response:
    """PUT of the whole list: a list of rules, or an object with faults and seed, or with the name of a preset."""
    given = await read_json(request)
    service, world = await world_asked(request, _key_in(given))
    await have_faults(service, world, list_of(given))
    return _answer(service, world)


async def _add(request: Request) -> Response:
    """POST of one rule, a list of them, or the name of a preset, behind those that there are."""
    given = await read_json(request)
    service, world = await world_asked(request, _key_in(given))
    added, listed = list_of([given] if isinstance(given, dict) and "type" in given else given), listed_of(world)
    for rule in added.faults:
        if rule.name in {known.name for known in listed.faults}:
            raise ControlError(
                f"there is a rule {rule.name!r} already: give this one another name, or take that one away"
            )
        listed = listed.with_rule(rule)
    await have_faults(
        service, world, listed if not _has_seed(given) else msgspec.structs.replace(listed, seed=added.seed)
    )
    return _answer(service, world, 201)


async def _show_one(request: Request) -> Response:
    service, world = await world_asked(request)
    name = request.path_params["fault"]
    listed_of(world).named(name)
    await catch_up(service, world)
    return reply(next(one for one in fault_status(service, world)["faults"] if one["name"] == name))


async def _put_one(request: Request) -> Response:
    from gexfaker.faults.rules import rule_of

    given = await read_json(request)
    if not isinstance(given, dict):
        raise ControlError("a rule is an object")
    service, world = await world_asked(request, _key_in(given))
    rule = rule_of(without_key(given) | {"name": request.path_params["fault"]})
    await have_faults(service, world, listed_of(world).with_rule(rule))
    return _answer(service, world)


async def _patch_one(request: Request) -> Response:
    from gexfaker.faults.rules import patched

    service, world = await world_asked(request)
    listed, name = listed_of(world), request.path_params["fault"]
    given = await read_json(request)
    if isinstance(given, dict):
        given = without_key(given)
    await have_faults(service, world, listed.with_rule(patched(listed.named(name), given)))
    return _answer(service, world)


async def _delete_one(request: Request) -> Response:
    service, world = await world_asked(request)
    await have_faults(service, world, listed_of(world).without(request.path_params["fault"]))
    return _answer(service, world)


async def _delete_all(request: Request) -> Response:
    from gexfaker.faults.rules import NO_FAULTS

    service, world = await world_asked(request)
    await have_faults(service, world, NO_FAULTS)
    return _answer(service, world)


async def _kinds(_request: Request) -> Response:
    """Every kind of fault and every preset, as they are declared."""
    from gexfaker.faults.kinds import KINDS, attributes_schema
    from gexfaker.faults.presets import PRESETS

    kinds = {
        name: {
            "does": " ".join((kind.__doc__ or "").split()),
            "acts_on": list(kind.POINTS),
            "attributes": attributes_schema(kind).get("properties", {}),
        }
        for name, kind in KINDS.items()
    }
    presets = {name: {"about": one.about, "good": one.good, "faults": one.faults} for name, one in PRESETS.items()}
    return reply({"types": kinds, "presets": presets})


# --- reading -------------------------------------------------------------------------------------


def list_of(given: Any) -> FaultList:
    """The list that a body means. Raises ControlError."""
    from gexfaker.faults.presets import preset
    from gexfaker.faults.rules import FaultList, checked, rules_of

    if isinstance(given, list):
        given = {"faults": given}
    known = {"faults", "seed", "preset", "key"}
    if not isinstance(given, dict) or not given.keys() & {"faults", "preset"} or given.keys() - known:
        raise ControlError('send a list of rules, or {"faults": [...], "seed": 1}, or {"preset": "flaky-feed"}')
    seed, name = given.get("seed", 0), given.get("preset")
    if not isinstance(seed, int) or isinstance(seed, bool) or abs(seed) > 1 << 53:
        raise ControlError("seed is a whole number")
    rules = given.get("faults", [])
    rules = [without_key(one) if isinstance(one, dict) else one for one in rules] if isinstance(rules, list) else rules
    made = () if name is None else preset(str(name))
    return checked(FaultList((*made, *rules_of(rules)), seed))


def without_key(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule without the key that it is for, which is a secret and belongs to its world."""
    on = rule.get("on")
    return rule if not isinstance(on, dict) else rule | {"on": {name: one for name, one in on.items() if name != "key"}}


def _key_in(given: Any) -> str | None:
    """The key that a body names: beside its rules, or in the ``on`` of all of them. Raises ControlError: of several."""
    rules = given.get("faults", [given]) if isinstance(given, dict) else given
    found = {one["on"]["key"] for one in rules if _has_key(one)} if isinstance(rules, list) else set()
    if isinstance(given, dict) and isinstance(given.get("key"), str):
        found.add(given["key"])
    if len(found) > 1:
        raise ControlError("these rules are for several keys: send those of one key at a time")
    return next(iter(found), None)


def _has_key(rule: Any) -> bool:
    return isinstance(rule, dict) and isinstance(rule.get("on"), dict) and isinstance(rule["on"].get("key"), str)


def _has_seed(given: Any) -> bool:
    return isinstance(given, dict) and "seed" in given


def listed_of(world: World) -> FaultList:
    """The rules of a world."""
    from gexfaker.faults.rules import NO_FAULTS

    return NO_FAULTS if world.watch is None else world.watch.faults.listed


async def have_faults(service: Service, world: World, listed: FaultList) -> None:
    """Give a world other rules. Raises ControlError: one counts from a market time, which its play has not."""
    known = listed_of(world).faults
    new = [rule for rule in listed.faults if rule.enabled and rule not in known]
    timed = next((rule for rule in new if rule.when.market is not None), None)
    if timed is not None and world.play.options.playback is Playback.STEP:
        raise ControlError(
            f"rule {timed.name} would never hit: in step mode there is no market time, so say from which record on, "
            'as {"when": {"record": 100}}'
        )
    await catch_up(service, world)  # what was due before is under the rules that there were
    await act_change(service, world, ChangeFaults(listed))
    names = ", ".join(rule.name for rule in listed.faults) or "none"
    fields = {"event": "control", "session": world.id, "name": world.account.name, "action": ChangeFaults.NAME}
    log.info("%s faults: %s", world.id, names, extra={"fields": fields | {"resolved": names}})
    if world.watch is not None:
        world.watch.note("control", action=ChangeFaults.NAME, resolved=[rule.name for rule in listed.faults])


BASE: Final = "/_gexfaker/faults"
ONE: Final = f"{BASE}/{{fault}}"
LISTED: Final = {200: "Faults"}
ENDPOINTS: Final = (
    Endpoint(operation("get", BASE, "The faults of a key, in order, with what they have hit.", LISTED), _show),
    Endpoint(operation("post", BASE, "Add a fault, several, or a preset.", {201: "Faults"}, "AddedFaults"), _add),
    Endpoint(operation("put", BASE, "Replace all faults; [] switches all off.", LISTED, "AllFaults"), _replace),
    Endpoint(operation("delete", BASE, "Switch all faults off.", LISTED), _delete_all),
    Endpoint(
        Operation(
            "get",
            "/_gexfaker/fault-types",
            "Every kind of fault with its attributes, and every preset.",
            {200: "FaultTypes", **CONTROLLED},
            key="control",
            tag="test",
        ),
        _kinds,
    ),
    Endpoint(operation("get", ONE, "One fault.", {200: "Fault"}), _show_one),
    Endpoint(operation("put", ONE, "Add or replace a fault.", LISTED, "Rule"), _put_one),
    Endpoint(operation("patch", ONE, "Change some values of a fault.", LISTED, "RulePart"), _patch_one),
    Endpoint(operation("delete", ONE, "Switch a fault off.", LISTED), _delete_one),
)
"""The routes of this module."""
