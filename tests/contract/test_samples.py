"""The lines of the page that can be pasted: they run, in each language, and say what the server says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from contract.strict import operations
from gexfaker.contract.document import document
from gexfaker.contract.samples import DATE, ORIGIN, Call, call_of, samples
from gexfaker.server.routes.table import OPERATIONS
from support.server import Served, running_server

pytestmark = pytest.mark.long

DAY: Final = "2026-07-17"
ENDLESS: Final = ("/_gexfaker/sync", "/sync/stream", "/_gexfaker/studio/events")
CALLS: Final = {
    f"{method} {path}": call_of(method, path, operation)
    for method, path, operation in operations(document(OPERATIONS))
    if path not in ENDLESS and not path.startswith(("/v1", "/v2", "/download", "/hist/eod"))
}
"""Each operation once, but streams without an end, and files of megabytes."""


OTHERS: Final = {
    "get /_files/{name}": {400, 403},  # a link is signed by the server
    "get /client/hubs/{hub}": {400},
    "post /load": {202, 409},
    "get /load/status/{job}": {404},
    "post /_gexfaker/market": {404},  # there are no recorded days
    "post /_gexfaker/jobs/download": {202, 409},  # one runs at a time
    "post /_gexfaker/jobs/import": {400, 409},  # nothing waits
    **{f"{method} /_gexfaker/jobs/{{job}}": {404} for method in ("get", "delete")},
    "put /_gexfaker/incoming": {200, 409},
    "delete /_gexfaker/incoming": {200, 409},
    "post /studio/login": {303},
    "get /client/": {400},
    "get /ws/{hub}": {400},
    "patch /negotiate": {400},  # the key has to be connected
    **{f"{method} /_gexfaker/faults/{{fault}}": {200, 404} for method in ("get", "patch", "delete")},
    "post /_gexfaker/journal/wait": {406},  # nobody has joined
    "post /_gexfaker/verify": {406},
}
"""What is answered that is not what was asked for, each with its reason: a WebSocket's address, for example."""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", data_date=DAY) as running:
        running.request("POST", "/_gexfaker/sessions/by-key/pause?key=demo", b"{}")  # so that the session is there
        yield running


def code_of(call: Call, language: str, server: Served) -> str:
    return dict(samples(call))[language].replace(ORIGIN, server.url).replace(DATE, DAY)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("name", CALLS)
def test_curl(server: Served, name: str) -> None:
    call = CALLS[name]
    line = code_of(call, "curl", server)
    done = subprocess.run(
        ["sh", "-c", f"{line} -s -w '\\n%{{http_code}}'"], capture_output=True, timeout=30, check=True
    )
    body, _, status = done.stdout.rpartition(b"\n")
    assert int(status) in OTHERS.get(name, {200, 201, 302}), done.stdout
    if call.is_json and status == b"200":
        json.loads(body)


SOME: Final = ("get /{ticker}/classic/{category}/majors", "get /tickers", "post /negotiate", "get /health")
"""Enough to show that the lines of a language are right: they are all made alike."""


@pytest.mark.parametrize("name", SOME)
def test_python(server: Served, name: str) -> None:
    code = code_of(CALLS[name], "Python", server)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("200 {")


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node")
@pytest.mark.parametrize("name", SOME)
def test_javascript(server: Served, name: str) -> None:
    code = code_of(CALLS[name], "JavaScript", server)
    command = ["node", "--input-type=module", "--eval", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("200 {")
