"""The .proto files that clients can have: as they are in the package, and right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gexfaker
from gexfaker.server.routes.protofiles import NAMES
from gexfaker.testing import receive
from support.server import Served, running_server

ROOT = Path(__file__).resolve().parents[3]
GENERATED = Path(gexfaker.__file__).parent / "wire" / "generated"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX") as running:
        yield running


def test_every_file_of_the_package_is_there(server: Served) -> None:
    assert {path.name for path in GENERATED.glob("*.proto")} == set(NAMES)
    status, body = server.get("/proto")
    assert (status, json.loads(body)) == (200, {"files": [f"/proto/{name}" for name in NAMES]})
    for name in NAMES:
        assert server.get(f"/proto/{name}") == (200, (GENERATED / name).read_bytes())


@pytest.mark.parametrize("name", ["nothing.proto", "..%2fgex_pb2.py", "gex_pb2.py", "%00", "gex.proto%00"])
def test_nothing_else_is_there(server: Served, name: str) -> None:
    status, body = server.get(f"/proto/{name}")
    assert status == 404
    assert b"syntax" not in body


def test_the_example_of_the_document_decodes_a_message(server: Served) -> None:
    text = (ROOT / "docs" / "decoding.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    scope: dict[str, object] = {}
    exec(code, scope)  # noqa: S102
    [message] = receive(server.url, "SPX_classic_gex_zero")
    decoded = scope["decode_gex"](message.frame)  # type: ignore[operator]
    assert (decoded.timestamp, decoded.ticker) == (message.record["timestamp"], "SPX")
    assert decoded.spot / 100 == pytest.approx(message.record["spot"])
