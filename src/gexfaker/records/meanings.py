"""What each key of a record means, and its unit: for the contract and the documentation.

The service publishes few of these definitions. The rest is what the words mean in the field (gamma exposure, flow of
customers), and what recorded days show; docs/simulation.md says how the simulated market makes each.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """What a value is.

    Attributes:
        text: a phrase for people.
        unit: of the number; "" where it has none.
    """

    text: str
    unit: str = ""


PRICE: Final = "index points or dollars"
EXPOSURE: Final = "gamma exposure, as the service scales it"
FLOW: Final = "as the service scales it"
DAYS: Final = "days"
VOLATILITY: Final = "per year, 0.2 is 20 %"

_ZERO: Final = "nearest expiry"
_ONE: Final = "next expiry"

_COMMON: Final = {
    "timestamp": Meaning("when the snapshot was made", "seconds since 1970, UTC"),
    "ticker": Meaning("what it is about, such as SPX or ES_SPX"),
    "spot": Meaning("the price of the underlying", PRICE),
    "min_dte": Meaning("days to the nearest expiry that is counted", DAYS),
    "sec_min_dte": Meaning("days to the expiry after it", DAYS),
}
_GEX: Final = {
    "zero_gamma": Meaning("the price at which the gamma exposure changes its sign", PRICE),
    "major_pos_vol": Meaning(
        "the strike with the largest positive gamma exposure by volume, or some cents beside it", PRICE
    ),
    "major_pos_oi": Meaning("the same by open interest", PRICE),
    "major_neg_vol": Meaning(
        "the strike with the largest negative gamma exposure by volume, or some cents beside it", PRICE
    ),
    "major_neg_oi": Meaning("the same by open interest", PRICE),
    "strikes": Meaning("gamma exposure strike by strike"),
    "strike": Meaning("the strike", PRICE),
    "gex by volume": Meaning("gamma exposure at the strike by volume", EXPOSURE),
    "gex by open interest": Meaning("gamma exposure at the strike by open interest", EXPOSURE),
    "sum_gex_vol": Meaning("the sum of the strikes' gamma exposure by volume", EXPOSURE),
    "sum_gex_oi": Meaning("the sum of the strikes' gamma exposure by open interest", EXPOSURE),
    "delta_risk_reversal": Meaning("implied volatility of calls less that of puts of the same delta", VOLATILITY),
    "max_priors": Meaning("the strikes that changed most: now, and in the last 1, 5, 10, 15 and 30 minutes"),
    "change": Meaning("how much the gamma exposure at the strike changed", EXPOSURE),
    "priors": Meaning("the value 1, 5, 10, 15 and 30 minutes before; of greeks three of them"),
}
_GREEKS: Final = {
    "major_positive": Meaning("the strike with the largest positive value of the greek", PRICE),
    "major_negative": Meaning("the strike with the largest negative value of the greek", PRICE),
    "major_long_gamma": Meaning("the strike at which customers are most long gamma", PRICE),
    "major_short_gamma": Meaning("the strike at which customers are most short gamma", PRICE),
    "mini_contracts": Meaning("the greek strike by strike"),
    "call iv": Meaning("implied volatility of the call; 0 without a quote", VOLATILITY),
    "put iv": Meaning("implied volatility of the put; 0 without a quote", VOLATILITY),
    "greek": Meaning("net imbalance of the trades of customers at the strike, in the greek of the category", FLOW),
    "put volume": Meaning("volume of the puts, where it is given", "contracts"),
    "put priors": Meaning("the puts' values before, where they are given"),
}


def _pair(zero: str, one: str, text: str, unit: str) -> dict[str, Meaning]:
    """A value of the nearest and of the next expiry."""
    return {zero: Meaning(f"{text}, {_ZERO}", unit), one: Meaning(f"{text}, {_ONE}", unit)}


_ORDERFLOW: Final = (
    _pair("z_mlgamma", "o_mlgamma", "the strike at which customers are most long gamma", PRICE)
    | _pair("z_msgamma", "o_msgamma", "the strike at which customers are most short gamma", PRICE)
    | _pair(
        "zero_mcall",
        "one_mcall",
        "the strike with the largest positive gamma exposure by volume, or some cents beside it",
        PRICE,
    )
    | _pair(
        "zero_mput",
        "one_mput",
        "the strike with the largest negative gamma exposure by volume, or some cents beside it",
        PRICE,
    )
    | _pair("zcvr", "ocvr", "convexity bought less sold by customers since the open", FLOW)
    | _pair("zgr", "ogr", "gamma exposure of the day's trades, summed since the open", FLOW)
    | _pair("zvanna", "ovanna", "vanna of the day's trades, summed since the open", FLOW)
    | _pair("zcharm", "ocharm", "charm of the day's trades, summed since the open", FLOW)
    | _pair("agg_dex", "one_agg_dex", "delta exposure of all trades since the open: calls and puts", FLOW)
    | _pair("agg_call_dex", "one_agg_call_dex", "delta exposure of all trades in calls since the open", FLOW)
    | _pair("agg_put_dex", "one_agg_put_dex", "delta exposure of all trades in puts since the open", FLOW)
    | _pair("net_dex", "one_net_dex", "delta exposure bought less sold since the open: calls and puts", FLOW)
    | _pair("net_call_dex", "one_net_call_dex", "delta exposure of calls bought less sold since the open", FLOW)
    | _pair("net_put_dex", "one_net_put_dex", "delta exposure of puts bought less sold since the open", FLOW)
    | _pair("dexoflow", "one_dexoflow", "change of agg_dex since the snapshot before", FLOW)
    | _pair("gexoflow", "one_gexoflow", "change of zgr or ogr since the snapshot before", FLOW)
    | _pair("cvroflow", "one_cvroflow", "change of zcvr or ocvr since the snapshot before", FLOW)
)
_SPOT: Final = {
    "source_timestamp_ms": Meaning("when the exchange made the price", "milliseconds since 1970, UTC"),
}

MEANINGS: Final = _COMMON | _GEX | _GREEKS | _ORDERFLOW | _SPOT
"""By the key of a record, or what the column of a row holds; a name means the same in every kind of record."""
