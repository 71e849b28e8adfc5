"""What /health tells."""

from __future__ import annotations

from pathlib import Path

from support import data
from support.control import write_days
from support.server import running_server


def test_records_that_rest_passes_over_are_counted(tmp_path: Path) -> None:
    folder = write_days(tmp_path, 5, (data.DATE,))
    file = folder / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[0] = lines[0].removesuffix("}") + ',"spot":}'
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with running_server(data_dir=str(folder), playback="step") as server:
        assert server.health()["records_passed_over"] == 0
        status, _ = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer demo", "User-Agent": "test"})
        assert status == 200
        assert server.health()["records_passed_over"] == 1
