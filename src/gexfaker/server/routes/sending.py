"""A record of one's own to the clients of a key, and the whole state of a key as one document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.catalog import homes, meant_group, parse_group
from gexfaker.errors import ControlError, DataError, RecordError
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import MAX_GROUP_LENGTH, MAX_HINTED_LENGTH, MAX_REQUEST_BYTES
from gexfaker.nearest import nearest
from gexfaker.playback.actions import ChangeQuota, ChangeTier
from gexfaker.server.http import warmup
from gexfaker.server.http.gate import plain_name
from gexfaker.server.http.replies import read_at_most, reply
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import act, act_change
from gexfaker.server.routes.faults import fault_status, have_faults, list_of, listed_of
from gexfaker.server.routes.watching import operation, read_json, world_asked
from gexfaker.server.service import Service
from gexfaker.wire.messages import PROTOBUF, Data, DataMessage
from gexfaker.worlds.change import Change
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.snapshot import Snapshot, restoring, snapshot
from gexfaker.worlds.world import World

RAW_TYPES: Final = ("application/octet-stream", "application/x-protobuf", "application/protobuf")
_SLOT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
VERSION: Final = 1
"""Of the document of a key's state."""


async def _send(request: Request) -> Response:
    """Send one record to a group of a key: JSON as REST gives it, or the bytes of a payload."""
    body = await read_at_most(request, MAX_REQUEST_BYTES)
    service, world = await world_asked(request)
    await warmup.load(*warmup.FEED)
    name = request.path_params["group"]
    is_raw = request.headers.get("content-type", "").partition(";")[0].strip().lower() in RAW_TYPES
    payload = body if is_raw else _payload(service, name, body)
    sent = {hub: count for hub in service.hubs if (count := _sent(service, world, hub, name, payload)) is not None}
    service.streamer.drain()
    service.streamer.look_after(world)
    service.alarm.ring()
    total = sum(sent.values())
    nobody = f"no client of this key is in {name[:80]} or in {_prefixed(service, name)}"
    spoiled = "a fault of this key has dropped it, or holds it back" if sent else nobody
    reason = (CUT_OFF if _are_cut_off(world, sent) else None) if total else spoiled
    return reply({"session": world.id, "group": name, "sent": total, "hubs": list(sent), "reason": reason})


CUT_OFF: Final = "the client of this key is cut off: it is sent this when it comes back"


def _are_cut_off(world: World, hubs: Iterable[str]) -> bool:
    """Whether all connections of a key on these hubs wait for their clients."""
    return all(one.is_deaf for hub in hubs if hub in world.audiences for one in world.audiences[hub].connections)


def _payload(service: Service, name: str, record: bytes) -> bytes:
    """The payload of a record. Raises ControlError: the group is none of the feed, or the record is none of it."""
    from gexfaker.wire.feeds import format_of
    from gexfaker.wire.payload import pack

    feed = parse_group(name.removeprefix(f"{service.settings.ws_group_prefix}_"))
    if feed is None:
        meant = _meant(service, name[:MAX_HINTED_LENGTH]) or "such as SPX_classic_gex_zero"
        raise ControlError(
            f"{name[:80]} is no group of the feed, {meant}; to a group of another kind send a raw payload"
        )
    try:
        encoded = format_of(feed).encode(record)
    except RecordError as problem:
        raise ControlError(f"the body is no record of {name[:80]}: {problem}") from None
    if encoded.saturated:
        raise ControlError(
            f"{', '.join(encoded.saturated)}: too large for the wire, or negative where the wire has no sign"
        )
    return pack(format_of(feed).type_url, encoded.message)


def _meant(service: Service, name: str) -> str:
    """The group that is meant by a name that is none, if one is like it."""
    plain = name.removeprefix(f"{service.settings.ws_group_prefix}_")
    groups = [feed.group for feed in service.day.feeds if plain.upper().startswith(f"{feed.ticker}_")]
    close = meant_group(plain) or nearest(plain, sorted(groups))
    return f"did you mean {close}?" if close else ""


def _prefixed(service: Service, name: str) -> str:
    return f"{service.settings.ws_group_prefix}_{name[:80]}"


def _sent(service: Service, world: World, hub: str, name: str, payload: bytes) -> int | None:
    """Send it on one hub, to whoever is in the group by its plain or its full name: to how many; None: nobody is."""
    audience = world.audiences.get(hub)
    if audience is None:
        return None
    feed = parse_group(name)
    full = service.groups.name(hub, feed) if feed is not None and hub in homes(feed) else name
    inside = [group for group in dict.fromkeys((name, full)) if group in audience.groups]
    batch = Batch([(group, Publication(DataMessage(Data(PROTOBUF, payload), group))) for group in inside])
    return world.send(service.hubs[hub], batch, lambda _hub, _group, _index: None) if inside else None


# --- the state of a key --------------------------------------------------------------------------


class KeptFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Its rules as they were given, and the seed of their chances."""

    faults: list[Any] = []
    seed: int = 0


class Kept(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """All that makes up a key, to be put back later or elsewhere.

    Attributes:
        session: where it is; None before its first use.
        memberships: what it negotiated last.
    """

    version: int
    session: Snapshot | None = None
    tier: str | None = None
    quota: str = ""
    name: str | None = None
    faults: KeptFaults = KeptFaults()
    memberships: Slot | None = None


async def _export(request: Request) -> Response:
    service, world = await world_asked(request)
    listed = listed_of(world)
    account = world.account
    place = snapshot(world, service.clock()) if world.is_used else None
    quota = ",".join(map(str, account.quota.allowances))
    faults = KeptFaults(msgspec.to_builtins(listed.faults), listed.seed)
    return reply(Kept(VERSION, place, account.tier, quota, account.name, faults, world.slot))


async def _import(request: Request) -> Response:
    """Put a key where it was; what is running goes on from there."""
    given = await read_json(request)
    service, world = await world_asked(request)
    try:
        kept = msgspec.convert(given, Kept)
    except msgspec.ValidationError as problem:
        raise ControlError(f"the body is no state of a key: {problem}".replace("`", "")) from None
    if kept.version != VERSION:
        raise ControlError(f"a state of version {kept.version}, this is version {VERSION}")
    listed = list_of({"faults": kept.faults.faults, "seed": kept.faults.seed})
    place = None if kept.session is None else _place(kept.session, service.clock())
    _check_slot(service, kept.memberships)
    granted = [ChangeTier.of({"tier": kept.tier or world.tier}), ChangeQuota.of({"allowances": kept.quota or "none"})]
    if place is not None:  # first, as its day may be gone
        await act_change(service, world, place)
    for action in granted:
        await act(service, world, action)
    if kept.memberships is not None and service.cluster is None:
        service.memberships.follow(world, kept.memberships)
    world.account.name = plain_name(kept.name or "") or world.account.name
    await have_faults(service, world, listed)
    if world.watch is not None:
        world.watch.note("control", action="restore", resolved=None)
    return reply({"session": world.id, **fault_status(service, world)})


def _place(written: Snapshot, now: float) -> Change:
    """The change that puts a key there. Raises ControlError: nobody can be there."""
    try:
        return restoring(written, now)
    except DataError as problem:
        raise ControlError(str(problem)) from None


def _check_slot(service: Service, slot: Slot | None) -> None:
    """Raises ControlError: nobody can have negotiated this."""
    if slot is None:
        return
    groups = [group for names in slot.groups.values() for group in names]
    if not set(slot.groups) <= set(service.hubs) or not _SLOT_ID.fullmatch(slot.id):
        raise ControlError("memberships are those of no negotiation: an unknown hub, or an id that is none")
    if len(groups) > service.settings.membership_limit or any(len(group) > MAX_GROUP_LENGTH for group in groups):
        raise ControlError("memberships are too many, or a group has too long a name")


_SENDS: Final = "Send a record of your own to a group of a key: JSON as REST gives it, or a raw payload."
_KEEPS: Final = "All that makes up a key, as one document: position, tier, quota, faults, memberships."
ENDPOINTS: Final = (
    Endpoint(operation("post", "/_gexfaker/groups/{group}/send", _SENDS, {200: "Sent"}, "OwnRecord"), _send),
    Endpoint(operation("get", "/_gexfaker/state", _KEEPS, {200: "KeyState"}), _export),
    Endpoint(
        operation("put", "/_gexfaker/state", "Put a key where that document says.", {200: "Faults"}, "KeyState"),
        _import,
    ),
)
"""The routes of this module."""
