"""What POST and PATCH negotiations come to: the memberships, or one sentence about what to add or change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from gexfaker.catalog import CURRENT_HUBS, V2_HUBS, Feed
from gexfaker.errors import NegotiationError
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.negotiation import Memberships, Rules, generation, patch_plan, post_plan
from gexfaker.limits import MAX_GROUP_LENGTH
from support.tapes import MemoryTape, day

VERBS = ("Add", "Change", "Name", "Remove")
Pair = tuple[str, str]


def anything(feed: Feed) -> str | None:
    """Why a feed does not exist: three that do not, for three reasons."""
    if feed.ticker in ("ZZZ", "blue_SPX"):
        return f"there is no ticker {feed.ticker}"
    return "SPX has no options that expire then" if feed.category == "gex_20200103" else None


FREE = Rules(anything)


def named(plan: Memberships) -> dict[str, list[str]]:
    return {hub: [feed.group for feed in feeds] for hub, feeds in plan.items()}


def post(names: str | Sequence[str], rules: Rules = FREE) -> dict[str, list[str]]:
    return named(post_plan(names.split() if isinstance(names, str) else names, rules))


def patch(items: str | Iterable[Pair], rules: Rules = FREE) -> dict[str, list[str]]:
    """``items`` as pairs, or as text: hub:group hub:group."""
    if isinstance(items, str):
        items = [(hub, group) for hub, _, group in (item.partition(":") for item in items.split())]
    return named(patch_plan(items, rules))


def refusal(ask: Callable[[], object]) -> tuple[int, str]:
    """Status and text of a refusal, whose form is checked: one sentence, on one line, that begins with what to do."""
    with pytest.raises(NegotiationError) as caught:
        ask()
    assert is_one_sentence(caught.value), caught.value
    return caught.value.status, str(caught.value)


def is_one_sentence(error: NegotiationError) -> bool:
    text = str(error)
    return bool(re.fullmatch(r"[^\n]+[^.]\.", text)) and ". " not in text and text.split()[0] in VERBS


# --- POST: what it comes to ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "plan"),
    [
        # without spot: the current hubs
        ("SPX_classic_gex_full", {"classic": ["SPX_classic_gex_full"]}),
        (
            "SPX_classic_gex_full ES_SPX_orderflow_orderflow SPX_classic_gex_zero NDX_state_gex_one",
            {
                "classic": ["SPX_classic_gex_full", "SPX_classic_gex_zero"],
                "orderflow": ["ES_SPX_orderflow_orderflow"],
                "state_gex": ["NDX_state_gex_one"],
            },
        ),
        (
            "SPX_state_volume_zero SPX_state_charm_one SPX_state_gamma_20260814 SPX_orderflow_20260814",
            {
                "state_greeks_zero": ["SPX_state_volume_zero"],
                "state_greeks_one": ["SPX_state_charm_one"],
                "state_greeks": ["SPX_state_gamma_20260814"],
                "orderflow": ["SPX_orderflow_20260814"],
            },
        ),
        # with spot: the second generation
        ("SPX_classic_gex_full SPX_spot", {"v2_classic": ["SPX_classic_gex_full", "SPX_spot"]}),
        ("SPX_spot SPX_classic_gex_full", {"v2_classic": ["SPX_classic_gex_full", "SPX_spot"]}),
        (  # the vendor's example
            "SPX_classic_gex_full SPX_state_gamma_zero SPX_spot ES_SPX_orderflow_orderflow ES_SPX_spot",
            {
                "v2_classic": ["SPX_classic_gex_full", "SPX_spot"],
                "v2_state_greeks_zero": ["SPX_state_gamma_zero", "SPX_spot"],
                "v2_orderflow": ["ES_SPX_orderflow_orderflow", "ES_SPX_spot"],
            },
        ),
        (  # a ticker's spot is only where its analytics are, and there once
            "SPX_spot NDX_spot SPX_classic_gex_full SPX_classic_gex_zero SPX_classic_gex_20260814 NDX_state_gex_full",
            {
                "v2_classic": ["SPX_classic_gex_full", "SPX_classic_gex_zero", "SPX_classic_gex_20260814", "SPX_spot"],
                "v2_state_gex": ["NDX_state_gex_full", "NDX_spot"],
            },
        ),
        (  # two tickers on one hub
            "SPX_classic_gex_full NDX_classic_gex_full SPX_spot NDX_spot",
            {"v2_classic": ["SPX_classic_gex_full", "NDX_classic_gex_full", "SPX_spot", "NDX_spot"]},
        ),
        # duplicates count once
        (
            "SPX_classic_gex_full SPX_spot SPX_classic_gex_full SPX_spot",
            {"v2_classic": ["SPX_classic_gex_full", "SPX_spot"]},
        ),
        ("SPX_classic_gex_full SPX_classic_gex_full", {"classic": ["SPX_classic_gex_full"]}),
    ],
)
def test_a_post_that_is_accepted(names: str, plan: dict[str, list[str]]) -> None:
    assert post(names) == plan


@pytest.mark.parametrize("hub", [*CURRENT_HUBS, *V2_HUBS])
def test_the_generation_of_a_hub(hub: str) -> None:
    assert generation(hub) == (V2_HUBS if hub.startswith("v2_") else CURRENT_HUBS)


# --- POST: why not -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("", "Name at least one group in 'groups', such as 'SPX_classic_gex_full'."),
        ("SPX_spot", "Add an analytics group of SPX, or remove 'SPX_spot': spot comes with analytics only."),
        (
            "SPX_classic_gex_full SPX_spot NDX_classic_gex_full",
            "Add 'NDX_spot': each analytics ticker needs its spot group.",
        ),
        (
            "SPX_classic_gex_full SPX_spot NDX_spot",
            "Add an analytics group of NDX, or remove 'NDX_spot': spot comes with analytics only.",
        ),
        (  # a future is not its index
            "ES_SPX_orderflow_orderflow SPX_spot",
            "Add 'ES_SPX_spot': each analytics ticker needs its spot group.",
        ),
        (
            "SPX_classic_gex",
            "Change 'SPX_classic_gex': a group is TICKER_PACKAGE_CATEGORY such as 'SPX_classic_gex_full', "
            "or TICKER_spot.",
        ),
        (
            "SPX_classic_gex_full SPX_classic_gex_20260230",
            "Change 'SPX_classic_gex_20260230': a group is TICKER_PACKAGE_CATEGORY such as 'SPX_classic_gex_full', "
            "or TICKER_spot.",
        ),
        ("ZZZ_classic_gex_full", "Change or remove 'ZZZ_classic_gex_full': there is no ticker ZZZ."),
        (
            "SPX_classic_gamma_zero",
            "Change 'SPX_classic_gamma_zero' to 'SPX_state_gamma_zero': groups are named so.",
        ),
        (
            "blue_SPX_classic_gex_full",
            "Change 'blue_SPX_classic_gex_full' to 'SPX_classic_gex_full': groups are named so, without a prefix.",
        ),
        (
            "SPX_classic_gex_20200103",
            "Change or remove 'SPX_classic_gex_20200103': SPX has no options that expire then.",
        ),
    ],
)
def test_a_post_that_is_refused(names: str, said: str) -> None:
    assert refusal(lambda: post(names)) == (400, said)


# --- PATCH ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "plan"),
    [
        ("", {}),
        ("classic:SPX_classic_gex_full", {"classic": ["SPX_classic_gex_full"]}),
        (
            "classic:SPX_classic_gex_full orderflow:NDX_orderflow_orderflow classic:NDX_classic_gex_20260814",
            {"classic": ["SPX_classic_gex_full", "NDX_classic_gex_20260814"], "orderflow": ["NDX_orderflow_orderflow"]},
        ),
        (  # the vendor's example: six, by two
            "v2_classic:SPX_classic_gex_full v2_classic:SPX_spot v2_state_greeks_zero:SPX_state_gamma_zero "
            "v2_state_greeks_zero:SPX_spot v2_orderflow:ES_SPX_orderflow_orderflow v2_orderflow:ES_SPX_spot",
            {
                "v2_classic": ["SPX_classic_gex_full", "SPX_spot"],
                "v2_state_greeks_zero": ["SPX_state_gamma_zero", "SPX_spot"],
                "v2_orderflow": ["ES_SPX_orderflow_orderflow", "ES_SPX_spot"],
            },
        ),
        (
            "v2_classic:SPX_spot v2_classic:SPX_classic_gex_full v2_classic:SPX_spot v2_classic:SPX_classic_gex_full",
            {"v2_classic": ["SPX_spot", "SPX_classic_gex_full"]},
        ),
        (
            "v2_state_greeks:SPX_state_gamma_20260814 v2_state_greeks:SPX_spot",
            {"v2_state_greeks": ["SPX_state_gamma_20260814", "SPX_spot"]},
        ),
    ],
)
def test_a_patch_that_is_accepted(items: str, plan: dict[str, list[str]]) -> None:
    assert patch(items) == plan


ALL_HUBS = (
    "classic, state_gex, state_greeks_zero, state_greeks, state_greeks_one, orderflow, v2_classic, v2_state_gex, "
    "v2_state_greeks_zero, v2_state_greeks, v2_state_greeks_one, v2_orderflow"
)
ANALYTICS = "each analytics ticker needs its spot group."


@pytest.mark.parametrize(
    ("items", "said"),
    [
        # hubs
        ("spot:SPX_spot", f"Change the hub 'spot': hubs are {ALL_HUBS}."),
        (":SPX_classic_gex_full", f"Change the hub '': hubs are {ALL_HUBS}."),
        ("V2_CLASSIC:SPX_classic_gex_full", f"Change the hub 'V2_CLASSIC': hubs are {ALL_HUBS}."),
        (
            "v2_state_gex:SPX_classic_gex_full v2_state_gex:SPX_spot",
            "Change the hub of 'SPX_classic_gex_full' from 'v2_state_gex' to 'v2_classic'.",
        ),
        (
            "orderflow:SPX_state_charm_one",
            "Change the hub of 'SPX_state_charm_one' from 'orderflow' to 'state_greeks_one'.",
        ),
        (
            "v2_state_greeks_zero:SPX_state_gamma_20260814",
            "Change the hub of 'SPX_state_gamma_20260814' from 'v2_state_greeks_zero' to 'v2_state_greeks'.",
        ),
        (
            "v2_classic:SPX_classic_gex_full v2_classic:SPX_spot classic:SPX_classic_gex_full",
            "Name hubs of one generation only: all with 'v2_' or all without.",
        ),
        (
            "classic:SPX_classic_gex_full classic:SPX_spot",
            "Remove 'SPX_spot' from hub 'classic': spot groups exist on the 'v2_' hubs only.",
        ),
        # spot, hub by hub
        ("v2_classic:SPX_classic_gex_full", f"Add 'SPX_spot' on hub 'v2_classic': {ANALYTICS}"),
        (
            "v2_classic:SPX_spot",
            "Add an analytics group of SPX on hub 'v2_classic', or remove 'SPX_spot': spot comes with analytics only.",
        ),
        (
            "v2_classic:SPX_classic_gex_full v2_classic:SPX_spot v2_state_gex:SPX_state_gex_zero",
            f"Add 'SPX_spot' on hub 'v2_state_gex': {ANALYTICS}",
        ),
        (
            "v2_classic:SPX_classic_gex_full v2_classic:SPX_spot v2_orderflow:SPX_spot",
            "Add an analytics group of SPX on hub 'v2_orderflow', or remove 'SPX_spot': spot comes with analytics "
            "only.",
        ),
        (
            "v2_classic:SPX_classic_gex_full v2_classic:SPX_spot v2_classic:NDX_classic_gex_full "
            "v2_state_gex:NDX_state_gex_full v2_state_gex:NDX_spot",
            f"Add 'NDX_spot' on hub 'v2_classic': {ANALYTICS}",
        ),
        # groups
        (
            "v2_classic:SPX_classic_gex",
            "Change 'SPX_classic_gex': a group is TICKER_PACKAGE_CATEGORY such as 'SPX_classic_gex_full', "
            "or TICKER_spot.",
        ),
        (
            "classic:blue_SPX_classic_gex_full",
            "Change 'blue_SPX_classic_gex_full' to 'SPX_classic_gex_full': groups are named so, without a prefix.",
        ),
        (
            "v2_classic:SPX_classic_gex_20200103",
            "Change or remove 'SPX_classic_gex_20200103': SPX has no options that expire then.",
        ),
    ],
)
def test_a_patch_that_is_refused(items: str, said: str) -> None:
    assert refusal(lambda: patch(items)) == (400, said)


# --- limits --------------------------------------------------------------------------------------


def classic(count: int, ending: str = "classic_gex_full") -> list[str]:
    return [f"T{number}_{ending}" for number in range(count)]


def total(plan: dict[str, list[str]]) -> int:
    return sum(map(len, plan.values()))


def over(count: int, limit: int = 150) -> tuple[int, str]:
    said = f"Remove {count - limit} of the {count} memberships (spot counts on every hub): the limit is {limit}."
    return 403, said


def test_150_memberships_are_enough() -> None:
    assert total(post(classic(150))) == 150
    assert refusal(lambda: post(classic(151))) == over(151)
    assert refusal(lambda: post(classic(1000))) == over(1000)


def test_spot_counts() -> None:
    assert total(post(classic(75) + classic(75, "spot"))) == 150
    assert refusal(lambda: post(classic(76) + classic(76, "spot"))) == over(152)


def test_spot_counts_on_every_hub_that_it_is_put_on() -> None:
    """37 tickers on two hubs, with spot on both: 148, named by 111 groups."""
    names = classic(37) + classic(37, "state_gex_full") + classic(37, "spot")
    assert total(post(names)) == 148
    two_more = ["T0_classic_gex_zero", "T1_classic_gex_zero"]
    assert total(post(names + two_more)) == 150
    assert refusal(lambda: post([*names, *two_more, "T2_classic_gex_zero"])) == over(151)
    third_hub = ["T0_orderflow_orderflow"]
    assert total(post(names + third_hub)) == 150, "one analytics group, and one spot more"
    assert refusal(lambda: post([*names, *third_hub, "T0_classic_gex_zero"])) == over(151)


def test_duplicates_count_once() -> None:
    assert total(post(classic(150) * 3)) == 150
    pairs = [("classic", name) for name in classic(150)]
    assert total(patch(pairs * 3)) == 150


def test_a_patch_has_the_same_limit() -> None:
    pairs = [("classic", name) for name in classic(151)]
    assert total(patch(pairs[:150])) == 150
    assert refusal(lambda: patch(pairs)) == over(151)
    spots = [("v2_classic", name) for name in classic(75) + classic(75, "spot")]
    assert total(patch(spots)) == 150
    assert refusal(lambda: patch([*spots, ("v2_classic", "T0_classic_gex_zero")])) == over(151)


def test_the_limit_is_the_key_s() -> None:
    rules = Rules(anything, limit=3)
    assert total(post(classic(3), rules)) == 3
    assert refusal(lambda: post(classic(4), rules)) == over(4, 3)
    assert refusal(lambda: post("T_classic_gex_full T_state_gex_full T_spot", rules)) == over(4, 3)
    assert refusal(lambda: patch([("classic", name) for name in classic(5)], rules)) == over(5, 3)
    assert total(post(classic(1000), Rules(anything, limit=1000))) == 1000


# --- tiers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "names", "refused", "needed"),
    [
        ("classic", "SPX_classic_gex_full SPX_spot", None, ""),
        ("classic", "SPX_classic_gex_full SPX_state_gex_zero", "SPX_state_gex_zero", "state"),
        ("classic", "SPX_orderflow_orderflow", "SPX_orderflow_orderflow", "orderflow"),
        ("state", "SPX_state_gamma_zero SPX_classic_gex_full SPX_state_volume_one", None, ""),
        ("state", "SPX_orderflow_orderflow SPX_spot", "SPX_orderflow_orderflow", "orderflow"),
        ("orderflow", "SPX_orderflow_orderflow SPX_state_gamma_zero SPX_classic_gex_full SPX_spot", None, ""),
        ("orderflow", "SPX_classic_gex_20260814", "SPX_classic_gex_20260814", "quant"),
        ("orderflow", "SOXL_classic_gex_full", "SOXL_classic_gex_full", "quant"),
        ("orderflow", "SPX_classic_gex_full SPX_spot XSP_spot", "XSP_spot", "quant"),
        ("quant", "SPX_state_gamma_20260814 SOXL_classic_gex_full XSP_orderflow_orderflow", None, ""),
    ],
)
def test_what_a_tier_may_ask_for(tier: str, names: str, refused: str | None, needed: str) -> None:
    rules = Rules(anything, tier)
    if refused is None:
        held = {group for groups in post(names, rules).values() for group in groups}
        assert held == set(names.split())
        return
    said = f"Remove '{refused}': it needs the {needed} tier, and this key has {tier}."
    assert refusal(lambda: post(names, rules)) == (403, said)


def test_a_patch_of_a_small_tier() -> None:
    rules = Rules(anything, "classic")
    said = "Remove 'SPX_state_gex_zero': it needs the state tier, and this key has classic."
    assert refusal(lambda: patch("state_gex:SPX_state_gex_zero", rules)) == (403, said)
    assert patch("v2_classic:SPX_classic_gex_full v2_classic:SPX_spot", rules)


# --- names of strangers --------------------------------------------------------------------------

LONG = [
    "A" * 100_000,
    "A" * 100_000 + "_spot",
    "A" * 100_000 + "_classic_gex_full",
    "A" * MAX_GROUP_LENGTH + "_orderflow_20260814",
]


def real_rules() -> Rules:
    """Rules that know the universe, as the server's do."""
    groups = Groups(day(MemoryTape([])), "blue")
    return Rules(lambda feed: groups.why_not(feed, strict=True))


@pytest.mark.parametrize("name", LONG, ids=range(len(LONG)))
def test_an_answer_repeats_a_long_name_only_in_part(name: str) -> None:
    status, text = refusal(lambda: post([name], real_rules()))
    assert status == 400
    assert len(text) < 400


def test_an_answer_repeats_a_long_hub_only_in_part() -> None:
    status, text = refusal(lambda: patch([("h" * 100_000, "SPX_classic_gex_full")], real_rules()))
    assert status == 400
    assert len(text) < 400


@pytest.mark.parametrize("name", ["A\nB", "A\nB_spot", "A\r\nB_classic_gex_full", "\x00\x1b[31m_spot", "\u2028_spot"])
def test_an_answer_stays_on_one_printable_line(name: str) -> None:
    _, text = refusal(lambda: post([name], real_rules()))
    assert text.isprintable()


def test_what_the_universe_says() -> None:
    rules = real_rules()
    assert refusal(lambda: post("ZZZZ_classic_gex_full", rules))[0] == 400
    assert refusal(lambda: post("SPX_classic_gex_full", rules))[0] == 400, "strict: the day has no such feed"
    assert post("SPX_orderflow_orderflow SPX_spot", rules) == {"v2_orderflow": ["SPX_orderflow_orderflow", "SPX_spot"]}


# --- all rules at once ---------------------------------------------------------------------------

HOMES = {
    "classic_gex_full": "classic",
    "classic_gex_20260814": "classic",
    "state_gex_zero": "state_gex",
    "state_gamma_zero": "state_greeks_zero",
    "state_volume_one": "state_greeks_one",
    "state_delta_20260814": "state_greeks",
    "orderflow_orderflow": "orderflow",
}
TIER_OF = {"classic_gex_full": 0, "spot": 0, "state_gex_zero": 1, "state_gamma_zero": 1, "state_volume_one": 1} | {
    "orderflow_orderflow": 2,
    "classic_gex_20260814": 3,
    "state_delta_20260814": 3,
}
TIERS = ("classic", "state", "orderflow", "quant")
Name = tuple[str, str]
"""Ticker and ending of a group."""

TICKERS = st.sampled_from(["SPX", "SPX", "ES_SPX", "AAPL", "XSP"])
NAMES = st.tuples(TICKERS, st.sampled_from([*HOMES, "spot", "spot"]))
RULES = st.builds(Rules, st.just(anything), st.sampled_from([*["quant"] * 6, *TIERS]), st.integers(1, 20))


def too_good(ticker: str, ending: str, rules: Rules) -> bool:
    return TIERS.index(rules.tier) < (3 if ticker == "XSP" else TIER_OF[ending])


def covered(pairs: set[tuple[str, Name]]) -> bool:
    """Whether on each hub the tickers with analytics are those with spot."""
    analytics = {(hub, ticker) for hub, (ticker, ending) in pairs if ending != "spot"}
    return analytics == {(hub, ticker) for hub, (ticker, ending) in pairs if ending == "spot"}


def wanted_post(names: set[Name], rules: Rules) -> set[tuple[str, Name]] | None:
    """What the reference makes of a POST, or None when it is to be refused."""
    spots = {ticker for ticker, ending in names if ending == "spot"}
    analytics = {ticker for ticker, ending in names if ending != "spot"}
    if not names or any(too_good(*name, rules) for name in names) or (spots and spots != analytics):
        return None
    before = "v2_" if spots else ""
    pairs = {(before + HOMES[name[1]], name) for name in names if name[1] != "spot"}
    if spots:
        pairs |= {(hub, (ticker, "spot")) for hub, (ticker, _) in pairs}
    return pairs if len(pairs) <= rules.limit else None


def wanted_patch(items: set[tuple[str, Name]], rules: Rules) -> set[tuple[str, Name]] | None:
    """What the reference makes of a PATCH."""
    generations = {hub.startswith("v2_") for hub, _ in items}
    at_home = all(HOMES.get(ending, hub.removeprefix("v2_")) == hub.removeprefix("v2_") for hub, (_, ending) in items)
    if len(items) > rules.limit or len(generations) > 1 or not at_home:
        return None
    if any(too_good(*name, rules) for _, name in items):
        return None
    if generations == {False} and any(ending == "spot" for _, (_, ending) in items):
        return None
    return None if generations == {True} and not covered(items) else items


def check(ask: Callable[[], dict[str, list[str]]], wanted: set[tuple[str, Name]] | None) -> None:
    event("refused" if wanted is None else "accepted")
    if wanted is None:
        assert refusal(ask)[0] in (400, 403)
        return
    pairs = [(hub, group) for hub, groups in ask().items() for group in groups]
    assert sorted(pairs) == sorted((hub, "_".join(name)) for hub, name in wanted)


@pytest.mark.long
@settings(max_examples=400)
@given(st.lists(NAMES, max_size=9), RULES, st.booleans())
@example([("SPX", "classic_gex_full"), ("SPX", "spot")], Rules(anything, limit=2), False)
@example([("SPX", "classic_gex_full"), ("SPX", "spot")], Rules(anything, limit=1), False)
def test_a_post_is_accepted_exactly_when_it_keeps_all_rules(names: list[Name], rules: Rules, complete: bool) -> None:
    if complete:
        names = names + [(ticker, "spot") for ticker, _ in names]
    check(lambda: post(["_".join(name) for name in names], rules), wanted_post(set(names), rules))


def at_home(name: Name) -> list[tuple[str, Name]]:
    """An analytics group on its V2 hub with its spot."""
    hub = "v2_" + HOMES.get(name[1], "classic")
    return [(hub, name), (hub, (name[0], "spot"))]


SCATTERED = st.lists(st.tuples(st.sampled_from([*CURRENT_HUBS, *V2_HUBS]), NAMES), max_size=3)
CURRENT = st.lists(NAMES.map(lambda name: (HOMES.get(name[1], "orderflow"), name)), max_size=6)
SECOND = st.lists(NAMES.map(at_home), max_size=5).map(lambda found: [pair for pairs in found for pair in pairs])


@pytest.mark.long
@settings(max_examples=400)
@given(st.one_of(SCATTERED, CURRENT, SECOND, st.builds(lambda one, two: one + two[:1], SECOND, SCATTERED)), RULES)
def test_a_patch_is_accepted_exactly_when_it_keeps_all_rules(items: list[tuple[str, Name]], rules: Rules) -> None:
    pairs = [(hub, "_".join(name)) for hub, name in items]
    check(lambda: patch(pairs, rules), wanted_patch(set(items), rules))


@given(st.lists(NAMES, min_size=1, max_size=9))
def test_what_a_post_comes_to_may_be_patched_as_it_is(names: list[Name]) -> None:
    spots = [(ticker, "spot") for ticker, ending in names if ending != "spot"]
    asked = ["_".join(name) for name in [name for name in names if name[1] != "spot"] + spots]
    if asked:
        plan = post(asked)
        assert patch([(hub, group) for hub, groups in plan.items() for group in groups]) == plan


@given(st.lists(st.text(max_size=20) | NAMES.map("_".join), max_size=5), st.text(max_size=10))
def test_whatever_is_asked_is_answered_or_refused_in_one_sentence(names: list[str], hub: str) -> None:
    refused: list[NegotiationError] = []
    try:
        post(names)
    except NegotiationError as error:
        refused.append(error)
    try:
        patch([(hub, name) for name in names])
    except NegotiationError as error:
        refused.append(error)
    assert all(is_one_sentence(error) and error.status in (400, 403) for error in refused)
