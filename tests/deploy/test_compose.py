"""compose.yaml against the schema of its specification, and against what there is here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from gexfaker.settings import SETTINGS
from support.node import INSTALLED, node

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path("dclint") / "schemas" / "compose.schema.json"


def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return made


def test_it_is_what_its_schema_says() -> None:
    node()
    schema = json.loads((INSTALLED / SCHEMA).read_text(encoding="utf-8"))
    assert [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(compose())] == []


def test_settings_and_files_that_it_names_are_there() -> None:
    services = compose()["services"]
    for name in services["gexfaker"]["environment"] | services["node-1"]["environment"]:
        assert name.removeprefix("GEXFAKER_") in SETTINGS
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source


def test_nothing_is_open_beyond_this_machine_unless_it_is_told_so() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    for name in ("gexfaker", "node-1", "node-2", "node-3"):
        ours = compose()["services"][name]
        assert (ours["read_only"], ours["cap_drop"]) == (True, ["ALL"])
        assert ours["environment"]["GEXFAKER_CONTROL_TOKEN"].startswith("${GEXFAKER_CONTROL_TOKEN:?")


def test_nginx_leads_to_the_servers_of_the_cluster() -> None:
    conf = (ROOT / "deploy" / "nginx" / "gexfaker.conf").read_text(encoding="utf-8")
    nodes = {name for name in compose()["services"] if name.startswith("node-")}
    assert set(re.findall(r"server (node-\d):8080", conf)) == nodes == set(compose()["services"]["nginx"]["depends_on"])


def test_profiles_that_the_document_names_are_those_there_are() -> None:
    profiles = {name for service in compose()["services"].values() for name in service.get("profiles", ())}
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8") + (ROOT / "compose.yaml").read_text("utf-8")
    assert set(re.findall(r"--profile (\w+)", text)) == profiles
