"""Which message carries which feed: encoders by package and category, decoders by type URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from gexfaker.catalog import GEX_CATEGORIES, GREEK_CATEGORIES
from gexfaker.wire import gex, greeks, orderflow
from gexfaker.wire.scaling import Encoded


class Format(NamedTuple):
    """A kind of message: its type URL, and how a JSON record becomes one and is made of one."""

    type_url: str
    encode: Callable[[bytes], Encoded]
    decode: Callable[[bytes], dict[str, Any]]


ORDERFLOW: Final = Format(orderflow.TYPE_URL, orderflow.encode, orderflow.decode)
GEX: Final = Format(gex.TYPE_URL, gex.encode, gex.decode)
GREEKS: Final = Format(greeks.TYPE_URL, greeks.encode, greeks.decode)

FORMATS: Final[dict[tuple[str, str], Format]] = {
    ("orderflow", "orderflow"): ORDERFLOW,
    **{("classic", category): GEX for category in GEX_CATEGORIES},
    **{("state", category): GEX for category in GEX_CATEGORIES},
    **{("state", category): GREEKS for category in GREEK_CATEGORIES},
}
"""By package and category."""

BY_TYPE_URL: Final = {kind.type_url: kind for kind in (ORDERFLOW, GEX, GREEKS)}
