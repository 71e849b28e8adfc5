"""Reads simulated records with nothing of the simulation but its bytes, and says what must hold among them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.market.simulation import Market

Record = dict[str, Any]

DIFFERENCES = {
    "dexoflow": "agg_dex",
    "gexoflow": "zgr",
    "cvroflow": "zcvr",
    "one_dexoflow": "one_agg_dex",
    "one_gexoflow": "ogr",
    "one_cvroflow": "ocvr",
}
LOOK_BACKS = (60, 300, 600, 900, 1800)
FIFTEEN = tuple((package, category) for package, names in CATEGORIES.items() for category in names)


class Reader:
    """One ticker's records, decoded and remembered."""

    def __init__(self, market: Market, ticker: str) -> None:
        self._market = market
        self._ticker = ticker
        self._seen: dict[tuple[str, str, int], Record] = {}

    def __call__(self, package: str, category: str, index: int) -> Record:
        key = (package, category, index)
        if key not in self._seen:
            tape = self._market.tape(Feed(self._ticker, package, category))
            self._seen[key] = msgspec.json.decode(tape.json(index))
        return self._seen[key]

    def earlier(self, package: str, category: str, index: int, seconds: int) -> int:
        """The index of the record that was the newest so many seconds before another; -1 before the first."""
        tape = self._market.tape(Feed(self._ticker, package, category))
        return tape.index_at(tape.timestamp(index) - seconds)


def cents(value: float) -> int:
    return round(value * 100)


def check_orderflow(read: Reader, index: int) -> None:
    row = read("orderflow", "orderflow", index)
    for kind in ("agg", "net", "one_agg", "one_net"):
        assert cents(row[f"{kind}_dex"]) == cents(row[f"{kind}_call_dex"]) + cents(row[f"{kind}_put_dex"])
    before = read("orderflow", "orderflow", index - 1) if index else None
    for flow, of in DIFFERENCES.items():
        assert cents(row[flow]) == (cents(row[of]) - cents(before[of]) if before else 0), flow


def check_agreement(read: Reader, index: int) -> None:
    """Orderflow against the state feeds of the same moment."""
    row = read("orderflow", "orderflow", index)
    for o, one, long, short, call, put, gamma, net in (
        ("zero", "", "z_mlgamma", "z_msgamma", "zero_mcall", "zero_mput", "zgr", "net_dex"),
        ("one", "one_", "o_mlgamma", "o_msgamma", "one_mcall", "one_mput", "ogr", "one_net_dex"),
    ):
        gex, greek = read("state", f"gex_{o}", index), read("state", f"gamma_{o}", index)
        assert (row[long], row[short]) == (greek["major_long_gamma"], greek["major_short_gamma"])
        assert (row[call], row[put]) == (gex["major_pos_vol"], gex["major_neg_vol"])
        assert (row[call], row[put]) == (greek["major_positive"], greek["major_negative"])
        assert row[gamma] == gex["sum_gex_vol"]
        delta = read("state", f"delta_{o}", index)
        assert cents(row[net]) == sum(cents(contract[3]) for contract in delta["mini_contracts"])
        assert net.startswith(one)


def check_sums(read: Reader, index: int) -> None:
    spots = {(r["timestamp"], r["spot"]) for r in (read(package, name, index) for package, name in FIFTEEN)}
    assert len(spots) == 1
    for package in ("classic", "state"):
        for name in CATEGORIES["classic"]:
            row = read(package, name, index)
            assert cents(row["sum_gex_vol"]) == sum(cents(strike[1]) for strike in row["strikes"])
            assert cents(row["sum_gex_oi"]) == sum(cents(strike[2]) for strike in row["strikes"])
            check_majors(row)


def check_majors(row: Record) -> None:
    """A major is the strike of the largest exposure; one by volume may lie just beside it."""
    strikes = [strike[0] for strike in row["strikes"]]
    spacing = min(b - a for a, b in pairwise(strikes))
    columns = ((1, "vol"), (2, "oi")) if row["zero_gamma"] else ((1, "vol"),)
    for column, name in columns:
        largest = max(row["strikes"], key=lambda strike: strike[column])
        smallest = min(row["strikes"], key=lambda strike: strike[column])
        for sign, extreme in (("pos", largest), ("neg", smallest)):
            if extreme[column] * (1 if sign == "pos" else -1) > 0:
                off = abs(row[f"major_{sign}_{name}"] - extreme[0])
                assert off < (0.08 * spacing + 0.011 if name == "vol" else 0.001)


def check_priors(read: Reader, package: str, category: str, index: int) -> None:
    row = read(package, category, index)
    greek = "mini_contracts" in row
    rows, value, priors = (row["mini_contracts"], 3, 4) if greek else (row["strikes"], 1, 3)
    for place, seconds in enumerate(LOOK_BACKS[: len(rows[0][priors])]):
        then = past(read, package, category, read.earlier(package, category, index, seconds))
        assert [r[priors][place] for r in rows] == [then.get(r[0], 0) for r in rows], (seconds, index, value)


def check_max_priors(read: Reader, package: str, category: str, index: int) -> None:
    row = read(package, category, index)
    now = {strike[0]: cents(strike[1]) for strike in row["strikes"]}
    for (strike, change), seconds in zip(row["max_priors"], (1, *LOOK_BACKS), strict=True):
        then = past(read, package, category, read.earlier(package, category, index, seconds))
        changes = {k: v - cents(then.get(k, 0)) for k, v in now.items()}
        assert cents(change) == changes[strike]
        assert abs(changes[strike]) == max(map(abs, changes.values()))


def past(read: Reader, package: str, category: str, index: int) -> dict[float, float]:
    """The values by strike at a record; none before the open."""
    if index < 0:
        return {}
    row = read(package, category, index)
    if "strikes" in row:
        return {strike[0]: strike[1] for strike in row["strikes"]}
    return {contract[0]: contract[3] for contract in row["mini_contracts"]}
