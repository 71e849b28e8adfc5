"""Every REST data route, in one table: the router, the tests and the list of what is covered are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from gexfaker.catalog import CATEGORIES, FLOW_NAMES, GEX_NAMES, GREEK_NAMES

V2: Final = "/v2"
BASES: Final = ("", "/v1", V2)
"""Before the path; one host serves all generations."""

OLD_BASES: Final = ("", "/v1")
"""Where the forms of 2023 are served."""


class Answer(StrEnum):
    """What a route answers with."""

    RECORD = "record"
    MAJORS = "majors"
    MAXCHANGE = "maxchange"
    NAMED_ROWS = "named rows"
    GEX_ONLY = "gex only"
    TICKERS = "tickers"
    CATEGORIES = "categories"
    CONVERSION = "conversion"
    WHOAMI = "whoami"


class DataRoute(msgspec.Struct, frozen=True):
    """One line of the table.

    Attributes:
        pattern: the path after the base.
        answer: what comes.
        upstream: the route of the service that it stands for.
        package: of whose records it is made; "" when of none.
        names: the categories as clients write them, each with the category it means.
        bases: before which it is served.
        public: whether it needs no key.
        note: where it differs from the service, or goes by a single source.
    """

    pattern: str
    answer: Answer
    upstream: str
    package: str = ""
    names: Mapping[str, str] = msgspec.field(default_factory=dict)
    bases: tuple[str, ...] = BASES
    public: bool = False
    note: str = ""


OLD_NAMES: Final = {"all": "gex_full", "full": "gex_full", "zero": "gex_zero", "one": "gex_one"}
"""The categories of 2023 were ``all`` and ``zero``; ``full`` and ``one`` do no harm."""

_OLD: Final = "the record of classic; the fields of 2023 are not documented any more"
_FIELDS: Final = "the service does not document the fields"


def _package(package: str, word: str, names: Mapping[str, str], bases: tuple[str, ...], note: str) -> list[DataRoute]:
    """The chart, majors and maxchange of one package's gex categories, under the ``word`` it has in the path."""
    path, upstream = f"/{{ticker}}/{word}/{{category}}", f"/{{ticker}}/{package}/{{category}}"
    endings = ((Answer.RECORD, ""), (Answer.MAJORS, "/majors"), (Answer.MAXCHANGE, "/maxchange"))
    return [
        DataRoute(path + ending, answer, upstream + ending, package, names, bases, note=note)
        for answer, ending in endings
    ]


ROUTES: Final = (
    *_package("classic", "classic", GEX_NAMES, BASES, ""),
    *_package("state", "state", GEX_NAMES, BASES, ""),
    DataRoute("/{ticker}/state/{category}", Answer.RECORD, "/{ticker}/state/{category}", "state", GREEK_NAMES),
    *(
        DataRoute(
            f"/{{ticker}}/state/{{category}}/{ending}",
            Answer.GEX_ONLY,
            f"/{{ticker}}/state/{{category}}/{ending}",
            "state",
            GREEK_NAMES,
            note="always 400, as on the service",
        )
        for ending in ("majors", "maxchange")
    ),
    DataRoute(
        "/{ticker}/orderflow/{category}", Answer.RECORD, "/{ticker}/orderflow/{category}", "orderflow", FLOW_NAMES
    ),
    *_package("classic", "gex", OLD_NAMES, OLD_BASES, _OLD),
    DataRoute(
        "/{ticker}/{category}/gex",
        Answer.NAMED_ROWS,
        "/{ticker}/classic/{category}",
        "classic",
        OLD_NAMES,
        OLD_BASES,
        note="all, full, zero or one, as the clients of 2023 read it: the rows are objects of `strike`, `gex_vol`, "
        "`gex_oi` and `priors`",
    ),
    DataRoute("/tickers", Answer.TICKERS, "/tickers", public=True),
    *(
        DataRoute(f"/{package}/categories", Answer.CATEGORIES, "/{package}/categories", package, public=True)
        for package in CATEGORIES
    ),
    DataRoute("/futures/conversion", Answer.CONVERSION, "/futures/conversion", note="prices are of the market played"),
    DataRoute("/whoami", Answer.WHOAMI, "/whoami", note=_FIELDS),
)
