"""What a POST or PATCH negotiation asks for, checked: the memberships of every hub, or one sentence why not.

The rules are the service's contract: spot groups select the V2 hubs; each analytics ticker needs its spot group,
each spot group analytics; a group belongs to one hub; memberships, spot on every hub counted, are limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from gexfaker.catalog import CURRENT_HUBS, HUBS, SPOT, V2, V2_HUBS, Feed, hub_of, meant_group, parse_group, spot_of
from gexfaker.errors import NegotiationError
from gexfaker.hubs.tiers import includes, tier_of
from gexfaker.limits import MAX_MEMBERSHIPS

SHOWN_NAME_CHARS: Final = 80
"""How much of a wrong name an answer repeats: the client chose it, and it may be very long."""

Memberships = dict[str, list[Feed]]
"""The feeds a slot is in, by hub."""


class Rules(msgspec.Struct, frozen=True):
    """What one key may ask for.

    Attributes:
        why_not: why a feed does not exist, or None when it does.
        tier: the key's.
        limit: how many memberships it may have.
    """

    why_not: Callable[[Feed], str | None]
    tier: str = "quant"
    limit: int = MAX_MEMBERSHIPS


def post_plan(names: Sequence[str], rules: Rules) -> Memberships:
    """The memberships of a POST: every analytics group on its hub, every spot group where its ticker is.

    Raises:
        NegotiationError: no group, too many, one that is unknown or not in the tier, spot incomplete or too much.
    """
    if not names:
        raise NegotiationError(400, "Name at least one group in 'groups', such as 'SPX_classic_gex_full'.")
    wanted = dict.fromkeys(names)
    _check_count(len(wanted), rules.limit)
    feeds = [_feed(name, rules) for name in wanted]
    spots = {feed.ticker for feed in feeds if feed.package == SPOT}
    plan: Memberships = {}
    for feed in feeds:
        if feed.package != SPOT:
            plan.setdefault((V2 if spots else "") + hub_of(feed.package, feed.category), []).append(feed)
    if spots:
        _check_coverage({feed.ticker for feed in feeds if feed.package != SPOT}, spots, "")
        for held in plan.values():
            held += map(spot_of, dict.fromkeys(feed.ticker for feed in held))
    _check_count(sum(map(len, plan.values())), rules.limit)
    return plan


def patch_plan(items: Iterable[tuple[str, str]], rules: Rules) -> Memberships:
    """The memberships of a PATCH, (hub, group) pairs as they are to be.

    Raises:
        NegotiationError: as above; an unknown hub, a group on the wrong hub, hubs of both generations.
    """
    wanted = dict.fromkeys(items)
    _check_count(len(wanted), rules.limit)
    plan: Memberships = {}
    for hub, name in wanted:
        plan.setdefault(_hub(hub), []).append(_on_hub(hub, _feed(name, rules)))
    if 0 < sum(hub.startswith(V2) for hub in plan) < len(plan):
        raise NegotiationError(400, "Name hubs of one generation only: all with 'v2_' or all without.")
    for hub, feeds in plan.items():
        if hub.startswith(V2):
            spots = {feed.ticker for feed in feeds if feed.package == SPOT}
            _check_coverage({feed.ticker for feed in feeds if feed.package != SPOT}, spots, f" on hub '{hub}'")
    return plan


def generation(hub: str) -> tuple[str, ...]:
    """All hubs of a hub's generation."""
    return V2_HUBS if hub.startswith(V2) else CURRENT_HUBS


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        text = f"Remove {count - limit} of the {count} memberships (spot counts on every hub): the limit is {limit}."
        raise NegotiationError(403, text)


def _feed(name: str, rules: Rules) -> Feed:
    shown = repr(name[:SHOWN_NAME_CHARS])
    feed = parse_group(name)
    reason = None if feed is None else rules.why_not(feed)
    meant = meant_group(name) if feed is None or reason is not None else None
    if meant is not None and meant != name:
        is_prefixed = name.upper().endswith(f"_{meant.upper()}")
        how = ", in these letters" if meant.upper() == name.upper() else ", without a prefix" * is_prefixed
        raise NegotiationError(400, f"Change {shown} to '{meant}': groups are named so{how}.")
    if feed is None:
        text = f"Change {shown}: a group is TICKER_PACKAGE_CATEGORY such as 'SPX_classic_gex_full', or TICKER_spot."
        raise NegotiationError(400, text)
    if reason is not None:
        raise NegotiationError(400, f"Change or remove {shown}: {reason}.")
    needed = tier_of(feed)
    if not includes(rules.tier, needed):
        text = f"Remove {shown}: it needs the {needed} tier, and this key has {rules.tier}."
        raise NegotiationError(403, text)
    return feed


def _hub(name: str) -> str:
    if name not in HUBS:
        raise NegotiationError(400, f"Change the hub {name[:SHOWN_NAME_CHARS]!r}: hubs are {', '.join(HUBS)}.")
    return name


def _on_hub(hub: str, feed: Feed) -> Feed:
    if feed.package == SPOT:
        if not hub.startswith(V2):
            text = f"Remove '{feed.group}' from hub '{hub}': spot groups exist on the 'v2_' hubs only."
            raise NegotiationError(400, text)
        return feed
    home = (V2 if hub.startswith(V2) else "") + hub_of(feed.package, feed.category)
    if home != hub:
        raise NegotiationError(400, f"Change the hub of '{feed.group}' from '{hub}' to '{home}'.")
    return feed


def _check_coverage(analytics: set[str], spots: set[str], where: str) -> None:
    for ticker in sorted(analytics - spots):
        raise NegotiationError(400, f"Add '{ticker}_spot'{where}: each analytics ticker needs its spot group.")
    for ticker in sorted(spots - analytics):
        text = f"Add an analytics group of {ticker}{where}, or remove '{ticker}_spot': spot comes with analytics only."
        raise NegotiationError(400, text)
