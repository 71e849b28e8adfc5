"""The path that is meant by one that there is not."""

from __future__ import annotations

import pytest

from gexfaker.rest.nearmiss import SHAPE, meant_path
from gexfaker.rest.paths import Found, resolve


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v2/SPX/orderflow", "/v2/SPX/orderflow/orderflow"),
        ("/v2/SPX/classic", "/v2/SPX/classic/gex_full"),
        ("/spx", "/SPX/classic/gex_full"),
        ("/v2/SPX/gamma_zero", "/v2/SPX/state/gamma_zero"),
        ("/v2/classic/SPX/gex_zero", "/v2/SPX/classic/gex_zero"),
        ("/v3/SPX/orderflow/orderflow", "/SPX/orderflow/orderflow"),
        ("/api/v2/SPX/classic/gex_full", "/v2/SPX/classic/gex_full"),
    ],
)
def test_a_path_of_records(path: str, meant: str) -> None:
    assert meant_path(path) == f"did you mean {meant}?"
    assert isinstance(resolve(meant), Found)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v2/negociate", "did you mean /negotiate?"),
        ("/ticker", "did you mean /tickers?"),
        ("/", SHAPE),
        ("/x/y/z", SHAPE),
        ("/" + "a/" * 5000, SHAPE),
    ],
)
def test_other_paths(path: str, said: str) -> None:
    assert meant_path(path) == said
