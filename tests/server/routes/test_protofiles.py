"""The .proto files that clients can have: as they are in the package, and right."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import gexfaker
from gexfaker.server.routes.protofiles import NAMES
from gexfaker.testing import receive
from support.node import INSTALLED, node
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


def test_the_javascript_of_the_document_decodes_a_frame(tmp_path: Path) -> None:
    command = node()
    text = (ROOT / "docs" / "decoding.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    with running_server(tickers="SPX") as server:
        [message] = receive(server.url, "SPX_classic_gex_zero")
        (tmp_path / "gex.proto").write_bytes(server.get("/proto/gex.proto")[1])
    (tmp_path / "node_modules").symlink_to(INSTALLED, target_is_directory=True)
    (tmp_path / "frame.json").write_text(message.frame)
    shown = (
        'const found = decodeGex(readFileSync("frame.json", "utf8"));\nconsole.log(found.ticker, found.spot / 100);\n'
    )
    (tmp_path / "decode.mjs").write_text(code + shown)
    done = subprocess.run([command, "decode.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["SPX", f"{message.record['spot']:g}"]
