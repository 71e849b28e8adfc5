"""Schemathesis reads the contract and asks a real server for everything in it, rightly and wrongly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from support import rest
from support.server import Served, clean_environment, running_server

TESTS = Path(__file__).resolve().parent.parent

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,answers_as_documented"
ENDLESS = "/sync|/_gexfaker/studio/events|/_gexfaker/journal/wait|/_gexfaker/verify"
"""The streams never end, test_answers reads their first event; the questions wait as long as they are told."""

AGAIN = "^/v1/"
"""The same handlers as without: test_answers asks them."""

LONG = "/(hist|download|_files)/"
"""Of a simulated market a download is a whole day, which takes seconds to make; recorded ones here are short."""


ANOTHER: Final = "/_gexfaker/(market|jobs/download)"
"""What has a simulated market played for the recorded days, and what would ask the service itself."""


def fuzz(server: Served, folder: Path, examples: int, without: str) -> str:
    """What Schemathesis says; in a process of its own, whose plug-in and warnings do not meet ours."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    command += ["--checks", CHECKS, "--exclude-path-regex", without, "--max-examples", str(examples)]
    command += ["--mode", "all", "--phases", "examples,coverage,fuzzing,stateful", "--seed", "1"]
    command += ["--generation-deterministic", "--no-shrink"]
    command += ["-H", "Authorization: Bearer demo", "--request-timeout", "10", "--max-redirects", "0"]
    command += ["--warnings", "off", "--no-color", "--continue-on-failure"]
    environment = clean_environment() | {"SCHEMATHESIS_HOOKS": "contract.hooks", "PYTHONIOENCODING": "utf-8"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(TESTS), environment.get("PYTHONPATH"))))
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.parametrize("kind", ["recorded", pytest.param("simulated", marks=pytest.mark.volume)])
def test_every_answer_to_anything_is_documented(kind: str, tmp_path: Path) -> None:
    if kind == "recorded":
        for ticker in ("SPX", "ES_SPX"):
            rest.write_all(tmp_path / "data", ticker, count=3)
        played, examples, without = {"data_dir": str(tmp_path / "data")}, 6, f"{ENDLESS}|{AGAIN}|{ANOTHER}"
    else:
        played, examples, without = {"simulate": "true"}, 2, f"{ENDLESS}|{AGAIN}|{LONG}|{ANOTHER}"
    with running_server(**played) as server:
        told = fuzz(server, tmp_path, examples, without)
        assert server.get("/health")[0] == 200
    [tried] = re.findall(r"(\d+) generated", told)
    assert int(tried) > 500, told
    assert not [line for line in server.stderr if "Traceback" in line]
