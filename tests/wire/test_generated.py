"""`make proto` gives the committed code, byte for byte."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "src" / "gexfaker" / "wire" / "generated"


@pytest.mark.long
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_proto_regenerates_the_committed_code(tmp_path: Path) -> None:
    subprocess.run(["make", "proto", f"ARGS={tmp_path}"], cwd=ROOT, check=True, capture_output=True)
    made = tmp_path / "gexfaker" / "wire" / "generated"
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(path.name for path in COMMITTED.glob("*_pb2*"))
    for name in names:
        assert (made / name).read_bytes() == (COMMITTED / name).read_bytes(), f"run `make proto`: {name} is stale"
