"""The Autobahn test suite against the echo endpoint: ``python -m tests.soak.autobahn [CASES...]``.

The suite needs Python 2.7. It is installed into .venv/autobahn the first time; without a Python 2.7 our own table
of cases (rfc6455) runs instead. Exits with 1 when a case fails that is not in ``EXCEPTIONS``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from soak import rfc6455
from soak.echo import echo_server, echo_url

ROOT: Final = Path(__file__).resolve().parents[2]
HOME: Final = ROOT / ".venv" / "autobahn"
WSTEST: Final = HOME / "bin" / "wstest"
REQUIREMENT: Final = "autobahntestsuite==0.8.2"

CASES: Final = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
"""All but 9 (performance; up to 16 MiB where our limit is 1 MiB) and 12, 13 (compression, which we do not offer)."""

EXCEPTIONS: Final = {
    "7.1.5": "a close frame between fragments is 1002 in the websockets library's parser; the peer is leaving anyway",
}
"""Cases that may fail, each with its reason."""

ACCEPTED: Final = ("OK", "NON-STRICT", "INFORMATIONAL")
"""NON-STRICT: invalid UTF-8 is refused at the end of the message rather than at the offending byte."""

console = Console()


def python27() -> str | None:
    """A Python 2.7 of this machine that runs (pyenv's shim may be there and not)."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which("python2.7"), *map(str, sorted(pyenv.glob("2.7*/bin/python2.7")))]
    for path in candidates:
        if path is not None and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None


def install(python: str) -> None:
    """wstest into .venv/autobahn."""
    console.print(f"installing {REQUIREMENT} with {python} ...")
    tools = HOME.with_name("autobahn-tools")
    environment = os.environ | {"PYTHONPATH": str(tools)}
    target = ["--target", str(tools), "virtualenv<20.22"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *target], check=True)
    subprocess.run([python, "-m", "virtualenv", "--quiet", str(HOME)], check=True, env=environment)
    subprocess.run([HOME / "bin" / "pip", "install", "--quiet", REQUIREMENT], check=True)


def run(cases: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The report by case."""
    with tempfile.TemporaryDirectory() as folder, echo_server() as server:
        spec = {
            "outdir": folder,
            "servers": [{"url": echo_url(server), "agent": "gexfaker"}],
            "cases": list(cases),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        file = Path(folder) / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        with Path(folder, "log.txt").open("w", encoding="utf-8") as log:
            subprocess.run([WSTEST, "-m", "fuzzingclient", "-s", file], check=True, stdout=log, stderr=log, cwd=folder)
        report: dict[str, dict[str, Any]] = json.loads(Path(folder, "index.json").read_text())["gexfaker"]
        assert not [line for line in server.stderr if "Traceback" in line], server.stderr
    return report


def judge(report: dict[str, dict[str, Any]]) -> int:
    """Print what counts; the number of failures."""
    failed = 0
    totals: dict[str, int] = {}
    for case, result in report.items():
        behavior, closing = str(result["behavior"]), str(result["behaviorClose"])
        totals[behavior] = totals.get(behavior, 0) + 1
        if behavior in ACCEPTED and closing in ACCEPTED:
            continue
        excuse = EXCEPTIONS.get(case)
        failed += excuse is None
        console.print(f"case {case}: {behavior}, close {closing}" + (f" - accepted: {excuse}" if excuse else ""))
    counts = ", ".join(f"{name} {count}" for name, count in sorted(totals.items()))
    console.print(f"{len(report)} cases: {counts}; {failed} failed")
    return failed


def main(arguments: list[str]) -> int:
    """The exit code."""
    if not WSTEST.exists():
        python = python27()
        if python is None:
            console.print("There is no Python 2.7 here, which Autobahn needs: running our own table instead.")
            return rfc6455.main()
        install(python)
    report = run(tuple(arguments) or CASES)
    return 1 if not report or judge(report) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
