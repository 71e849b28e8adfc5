"""Names of groups on both generations of hubs: what they carry, why some carry nothing, and who may not ask."""

from __future__ import annotations

import pytest

from gexfaker.catalog import CURRENT_HUBS, HUBS, V2_HUBS, Feed, homes, parse_group, spot_of
from gexfaker.hubs import groups
from gexfaker.hubs.groups import Groups
from gexfaker.limits import MAX_KNOWN_GROUPS
from gexfaker.playback.day import Day
from support.tapes import OPEN, MemoryTape, at_times, day

STORED = (
    *("SPX_classic_gex_full", "SPX_classic_gex_zero", "SPX_state_gex_zero", "SPX_state_gamma_zero"),
    *("SPX_orderflow_orderflow", "ES_SPX_orderflow_orderflow", "ES_SPX_classic_gex_full", "ACME_classic_gex_full"),
)


def feed(group: str) -> Feed:
    found = parse_group(group)
    assert found is not None
    return found


def library(*names: str) -> Day:
    return Day("2026-08-14", "memory", map(feed, names), lambda served: MemoryTape([], served))


def make(prefix: str = "blue", stored: tuple[str, ...] = STORED) -> Groups:
    return Groups(library(*stored), prefix)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["blue", "green", "x_y"])
@pytest.mark.parametrize("name", ["SPX_classic_gex_full", "ES_SPX_orderflow_orderflow", "SPX_state_gamma_20260814"])
def test_current_groups_are_prefixed_and_second_generation_ones_are_not(prefix: str, name: str) -> None:
    made = make(prefix)
    assert {made.name(hub, feed(name)) for hub in CURRENT_HUBS} == {f"{prefix}_{name}"}
    assert {made.name(hub, feed(name)) for hub in V2_HUBS} == {name}


def test_spot_is_called_by_its_ticker() -> None:
    assert make().name("v2_classic", spot_of("ES_SPX")) == "ES_SPX_spot"


@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("SPX_classic_gex_full", "classic"),
        ("SPX_classic_gex_20260814", "classic"),
        ("SPX_state_gex_one", "state_gex"),
        ("SPX_state_gex_20260814", "state_gex"),
        ("SPX_state_vanna_zero", "state_greeks_zero"),
        ("SPX_state_volume_zero", "state_greeks_zero"),
        ("SPX_state_charm_one", "state_greeks_one"),
        ("SPX_state_volume_one", "state_greeks_one"),
        ("SPX_state_delta_20260814", "state_greeks"),
        ("ES_SPX_orderflow_orderflow", "orderflow"),
        ("SPX_orderflow_20260814", "orderflow"),
    ],
)
def test_homes(name: str, hub: str) -> None:
    assert homes(feed(name)) == (hub, f"v2_{hub}")


def test_spot_is_at_home_on_every_hub_of_the_second_generation() -> None:
    assert set(homes(spot_of("SPX"))) == set(V2_HUBS)


# --- what a group carries ------------------------------------------------------------------------

CARRIED = [
    ("classic", "blue_SPX_classic_gex_full"),
    ("v2_classic", "SPX_classic_gex_full"),
    ("orderflow", "blue_ES_SPX_orderflow_orderflow"),
    ("v2_orderflow", "ES_SPX_orderflow_orderflow"),
    ("state_gex", "blue_SPX_state_gex_zero"),
    ("v2_state_gex", "SPX_state_gex_zero"),
    ("state_greeks_zero", "blue_SPX_state_gamma_zero"),
    ("state_greeks_zero", "blue_SPX_state_volume_zero"),  # served by gamma_zero
    ("v2_state_greeks_zero", "SPX_state_volume_zero"),
    ("classic", "blue_SPX_classic_gex_20260814"),
    ("v2_classic", "SPX_classic_gex_20260817"),
    ("state_gex", "blue_SPX_state_gex_20260814"),
    ("state_greeks", "blue_SPX_state_gamma_20260814"),
    ("v2_state_greeks", "SPX_state_gamma_20260918"),
    ("v2_orderflow", "SPX_orderflow_20260918"),
    ("classic", "blue_ACME_classic_gex_full"),  # a ticker of the folder's own
    *((hub, "SPX_spot") for hub in V2_HUBS),
    ("v2_state_greeks_one", "ES_SPX_spot"),
    ("v2_classic", "ACME_spot"),
]

EMPTY = [
    # the wrong generation's spelling
    ("classic", "SPX_classic_gex_full", "groups start with 'blue_' here; did you mean 'blue_SPX_classic_gex_full'?"),
    ("classic", "green_SPX_classic_gex_full", "groups start with 'blue_' here"),
    ("v2_classic", "blue_SPX_classic_gex_full", "there is no ticker 'blue_SPX'; did you mean 'SPX_cl"),
    ("v2_classic", "NQ_classic_gex_zero", "there is no ticker 'NQ'; did you mean 'NQ_NDX_classic_gex_zero'?"),
    ("classic", "blue_ES_classic_gex_zero", "there is no ticker 'ES'; did you mean 'blue_ES_SPX_classic_gex_zero'?"),
    ("orderflow", "blue", "groups start with 'blue_' here"),
    (
        "classic",
        "BLUE_SPX_classic_gex_full",
        "groups start with 'blue_' here; did you mean 'blue_SPX_classic_gex_full'?",
    ),
    ("state_gex", "BLUE_SPX_state_gex_one", "groups start with 'blue_' here; did you mean 'blue_SPX_state_gex_one'?"),
    ("state_gex", "spx_state_gex_one", "groups start with 'blue_' here; did you mean 'blue_SPX_state_gex_one'?"),
    # capitals
    ("state_gex", "blue_SPX_state_gex_ZERO", "no group is called so; did you mean 'blue_SPX_state_gex_zero'?"),
    ("state_gex", "blue_SPX_State_gex_zero", "no group is called so; did you mean 'blue_SPX_state_gex_zero'?"),
    ("classic", "blue_SPX_classic_gex_ZERO", "no group is called so; did you mean 'blue_SPX_classic_gex_zero'?"),
    ("classic", "blue_spx_Classic_GEX_FULL", "no group is called so; did you mean 'blue_SPX_classic_gex_full'?"),
    # the wrong hub
    ("orderflow", "blue_SPX_classic_gex_full", "it belongs to hub 'classic'"),
    ("state_gex", "blue_SPX_classic_gex_20260814", "it belongs to hub 'classic'"),
    ("v2_state_greeks_zero", "SPX_state_gamma_20260814", "it belongs to hub 'state_greeks'"),
    ("state_greeks", "blue_SPX_state_gamma_zero", "it belongs to hub 'state_greeks_zero'"),
    ("state_greeks_one", "blue_SPX_state_volume_zero", "it belongs to hub 'state_greeks_zero'"),
    # no such name
    ("v2_classic", "SPX_classic_gex", "the name is not TICKER_PACKAGE_CATEGORY"),
    ("classic", "blue_SPX_classic_gex", "the name is not PREFIX_TICKER_PACKAGE_CATEGORY"),
    ("classic", "blue_", "the name is not PREFIX_TICKER_PACKAGE_CATEGORY"),
    ("v2_classic", "", "the name is not TICKER_PACKAGE_CATEGORY"),
    ("v2_classic", "SPX_classic_gex_20260230", "the name is not TICKER_PACKAGE_CATEGORY"),
    (
        "classic",
        "blue_SPX_classic_gex_2026-08-21",
        "no group is called so; did you mean 'blue_SPX_classic_gex_20260821'?",
    ),
    ("classic", "blue_SPX_classic_gex_ZERO", "no group is called so; did you mean 'blue_SPX_classic_gex_zero'?"),
    (
        "classic",
        "blue_SPX_classic_delta_zero",
        "no group is called so; did you mean 'blue_SPX_state_delta_zero' on hub 'state_greeks_zero'?",
    ),
    # no such feed on the day
    ("classic", "blue_NDX_classic_gex_full", "2026-08-14 (memory) has no NDX"),
    ("v2_classic", "SPX_classic_gex_one", "2026-08-14 (memory) has no such feed; did you mean 'SPX_classic_gex_"),
    (
        "v2_classic",
        "SPX_classic_gex_20260815",
        "on 2026-08-14 SPX has no options that expire then, see /v2/op",
    ),
    (
        "classic",
        "blue_SPX_classic_gex_20260717",
        "on 2026-08-14 SPX has no options that expire then, see /v2/op",
    ),
    ("v2_classic", "ES_SPX_classic_gex_20260814", "on 2026-08-14 expiries are those of SPX, whose options they are"),
    ("v2_state_greeks", "SPX_state_delta_20260814", "2026-08-14 (memory) has no such feed"),
    ("v2_state_greeks_one", "SPX_state_volume_one", "2026-08-14 (memory) has no such feed"),
    ("v2_classic", "NDX_spot", "2026-08-14 (memory) has no NDX"),
    # spot
    *((hub, "blue_SPX_spot", "spot is on the V2 hubs only") for hub in CURRENT_HUBS),
    ("classic", "SPX_spot", "groups start with 'blue_' here"),
    ("v2_classic", "blue_SPX_spot", "there is no ticker 'blue_SPX'"),
]


@pytest.mark.parametrize(("hub", "group"), CARRIED)
def test_a_group_that_carries_something(hub: str, group: str) -> None:
    made = make()
    found = made.feed_of(hub, group)
    assert found == feed(group.removeprefix("blue_"))
    assert made.name(hub, found) == group
    assert made.feed_of(hub, group) == found, "and again"
    assert [other for other in HUBS if other not in homes(found) and made.feed_of(other, group) is not None] == []


@pytest.mark.parametrize(("hub", "group", "reason"), EMPTY)
def test_a_group_that_carries_nothing_and_why(hub: str, group: str, reason: str) -> None:
    made = make()
    assert made.feed_of(hub, group) is None
    assert made.feed_of(hub, group) is None, "and again"
    assert made.reason(hub, group).startswith(reason)


@pytest.mark.parametrize(
    ("hub", "group"),
    [("classic", "blue_SPX_gex_zero"), ("classic", "blue_SPX_gex_full"), ("state_gex", "blue_SPX_gex_zero")],
)
def test_a_hint_is_a_group_of_the_hub(hub: str, group: str) -> None:
    hint = make().reason(hub, group).rpartition("did you mean ")[2].strip("?'")
    assert hint.startswith(f"blue_SPX_{hub.removesuffix('_gex')}_gex_"), hint
    assert make().feed_of(hub, hint) is not None


def test_hints_are_spelled_as_the_hub_wants_them() -> None:
    made = make()
    assert made.reason("v2_classic", "SPX_clasic_gex_full").endswith("did you mean 'SPX_classic_gex_full'?")
    assert made.reason("classic", "blue_SPX_clasic_gex_full").endswith("did you mean 'blue_SPX_classic_gex_full'?")


def test_joining_a_good_group_of_the_second_generation_is_not_explained(caplog: pytest.LogCaptureFixture) -> None:
    made = make()
    for hub, group in CARRIED:
        made.joined(hub, group)
    assert caplog.records == []
    made.joined("classic", "blue_SPX_spot")
    (line,) = [item.getMessage() for item in caplog.records]
    assert line == "nothing will come to group 'blue_SPX_spot' on hub 'classic': spot is on the V2 hubs only"


# --- what is remembered --------------------------------------------------------------------------


class Asked(Day):
    """A library that counts how often it is asked for a feed's source."""

    count = 0

    def source(self, feed: Feed) -> Feed | None:
        self.count += 1
        return super().source(feed)


def asked(*names: str) -> Asked:
    return Asked("2026-08-14", "memory", map(feed, names), lambda served: MemoryTape([], served))


def test_a_group_is_looked_up_once_whether_it_carries_something_or_not() -> None:
    source = asked("SPX_classic_gex_full")
    made = Groups(source, "blue")
    for _ in range(5):
        assert made.feed_of("v2_classic", "SPX_classic_gex_full") is not None
        assert made.feed_of("v2_classic", "NDX_classic_gex_full") is None
    assert source.count == 2


def test_a_day_that_was_opened_again_is_looked_up_again() -> None:
    before, after = asked(), asked("SPX_classic_gex_full")
    made = Groups(before, "blue")
    found = [made.feed_of("v2_classic", "SPX_classic_gex_full", library) for library in (before, after)]
    assert found == [None, feed("SPX_classic_gex_full")]


def test_what_is_remembered_is_bounded_and_forgotten_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MAX_KNOWN_GROUPS", 3)
    source = asked("SPX_classic_gex_full", "SPX_classic_gex_zero")
    made = Groups(source, "blue")
    names = ("SPX_classic_gex_full", "SPX_classic_gex_zero", "SPX_classic_gex_one")
    for _ in range(4):
        assert [made.feed_of("v2_classic", name) is not None for name in names] == [True, True, False]
    assert source.count == 3
    made.feed_of("v2_classic", "NDX_classic_gex_one")
    assert source.count == 4
    assert [made.feed_of("v2_classic", name) is not None for name in names] == [True, True, False]
    assert source.count == 7, "the fourth name made room by forgetting the three"


def test_as_many_names_as_clients_invent_are_answered_and_not_kept() -> None:
    made = make()
    for number in range(MAX_KNOWN_GROUPS + 1000):
        assert made.feed_of("v2_classic", f"{number}_spot") is None
    assert len(made._known) <= MAX_KNOWN_GROUPS
    assert made.feed_of("v2_classic", "SPX_spot") == spot_of("SPX")


# --- who may not ask -----------------------------------------------------------------------------

NO_DAY = "2026-08-14 (memory) has no such feed"


@pytest.mark.parametrize(
    ("name", "loose", "strict"),
    [
        ("SPX_classic_gex_full", None, None),
        ("SPX_spot", None, None),
        ("SPX_classic_gex_20260814", None, None),
        ("SPX_state_volume_zero", None, None),
        ("ACME_classic_gex_full", None, None),
        ("ACME_spot", None, None),
        ("SPX_classic_gex_one", None, NO_DAY),
        ("NDX_classic_gex_full", None, NO_DAY),
        ("SOXL_classic_gex_full", None, NO_DAY),
        ("SPXW_classic_gex_full", None, NO_DAY),
        ("SPX_state_delta_20260814", None, NO_DAY),
        ("NDX_spot", None, None),
        ("ZZZZ_classic_gex_full", "there is no ticker ZZZZ", "there is no ticker ZZZZ"),
        ("spx_classic_gex_full", "there is no ticker spx", "there is no ticker spx"),
        ("blue_SPX_spot", "there is no ticker blue_SPX", "there is no ticker blue_SPX"),
        *(("ES_classic_gex_full", *["there is no ticker ES; did you mean ES_SPX?"] * 2),),
        *(
            (f"{future}_{ending}", said, said)
            for future, said in (
                ("ES_SPX", "expiries are those of SPX, whose options they are"),
                ("NQ_NDX", "expiries are those of NDX, whose options they are"),
            )
            for ending in ("classic_gex_20260814", "orderflow_20260814")
        ),
        *(
            (f"SPX_{ending}", said, said)
            for said in ("SPX has no options that expire then, see /v2/options/SPX/expiries",)
            for ending in ("classic_gex_20260815", "state_gamma_20200103", "orderflow_20270114")
        ),
    ],
)
def test_why_nobody_may_ask_for_a_feed(name: str, loose: str | None, strict: str | None) -> None:
    made = make()
    for said, expected in ((made.why_not(feed(name), False), loose), (made.why_not(feed(name), True), strict)):
        assert (said and said.replace("'", "")) == expected, "quoted or not"


def test_the_hint_is_of_the_day_that_is_asked_for() -> None:
    made = make()
    other = day(at_times([OPEN], feed("RUT_orderflow_orderflow"), "2026-08-17"), date="2026-08-17")
    reason = made.reason("orderflow", "blue_RUT_orderflow_orderflo", other)
    assert reason.endswith("did you mean 'blue_RUT_orderflow_orderflow'?")
    assert "RUT" not in made.reason("orderflow", "blue_RUT_orderflow_orderflo").partition("did you mean")[2]
