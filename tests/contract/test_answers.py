"""Every operation does what the contract says when it is asked as the contract shows."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from contract.strict import addressed, operations, shown, wrong
from gexfaker.catalog import CATEGORIES, GREEK_NAMES
from gexfaker.contract.document import document
from gexfaker.server.routes.table import OPERATIONS
from support import rest
from support.raw import connect
from support.server import Served, running_server

pytestmark = pytest.mark.long

CONTRACT = document(OPERATIONS)
STREAM = "text/event-stream"
STREAMS = {
    "/_gexfaker/sync": ("snapshot", {"sequence", "positions"}),
    "/sync/stream": ("snapshot", {"sequence", "positions"}),
    "/_gexfaker/studio/events": ("state", {"sessions", "session", "server", "hours"}),
}
"""With the name of their first event, and what is in it."""


class Answer(NamedTuple):
    """What came; of a stream only its beginning."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def fault(self, path: str, method: str = "get") -> str | None:
        """What the contract has against it."""
        operation = CONTRACT["paths"][path][method]
        return wrong(CONTRACT, operation, self.status, self.headers.get("content-type", ""), self.body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("data")
    for ticker in ("SPX", "ES_SPX"):
        rest.write_all(root, ticker, count=3)
    with running_server(data_dir=str(root)) as server:
        assert ask(server, "/SPX/classic/gex_zero").status == 200  # so that there is a session
        yield server


def ask(server: Served, path: str, method: str = "get", body: object = None, **headers: str) -> Answer:
    """The answer to a request with a key."""
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    content = None if body is None else json.dumps(body).encode()
    named = {"Authorization": "Bearer demo", "User-Agent": "tests"} | headers
    try:
        connection.request(method.upper(), path, content, named)
        answer = connection.getresponse()
        endless = answer.headers.get("content-type", "").startswith(STREAM)
        return Answer(answer.status, answer.headers, answer.read1() if endless else answer.read())
    finally:
        connection.close()


def addresses(path: str, parameters: list[dict[str, Any]]) -> Iterator[str]:
    """The path as the contract shows it: with each of the categories there are, and the first of other parameters."""
    names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
    choices = [values_of(parameter) for parameter in parameters if parameter["in"] == "path"]
    needed = [parameter for parameter in parameters if parameter["required"] and parameter["in"] == "query"]
    query = "&".join(f"{parameter['name']}={values_of(parameter)[0]}" for parameter in needed)
    for values in product(*choices):
        yield addressed(path, dict(zip(names, values, strict=True))) + (f"?{query}" if query else "")


def values_of(parameter: dict[str, Any]) -> list[str]:
    found = shown(parameter) or ["none"]
    is_every = parameter["name"] == "session" or (parameter["name"] == "category" and "enum" in parameter["schema"])
    return found if is_every else found[:1]


def expected(address: str) -> set[int]:
    """The statuses of an answer to a right request."""
    parts = address.split("/")
    if parts[1] in ("client", "ws"):
        return {400}
    if parts[1] == "_files":
        return {403}  # it is not signed; test_links_to_days follows those that are
    if parts[1] == "_gexfaker" and parts[2] == "faults" and len(parts) == 4:
        return {200, 404}  # it may be deleted already
    if parts[1] == "studio" and parts[2:] == ["login"]:
        return {303}
    if parts[1:3] == ["_gexfaker", "jobs"]:
        return {200, 202, 400, 404, 409}  # nothing waits to be imported, and one runs at a time
    if address.startswith("/_gexfaker/incoming"):
        return {200, 409}  # days are being brought in
    if parts[1] == "load":
        return {200, 202, 404, 409}  # which jobs there are is a matter of the other tests
    if address.startswith(("/_gexfaker/verify", "/_gexfaker/journal/wait")):
        return {406}  # nobody has joined
    is_greek = parts[-1] in ("majors", "maxchange") and parts[-3] == "state" and parts[-2] in GREEK_NAMES
    return {400} if is_greek else {200, 201, 302}


@pytest.mark.parametrize(("method", "path"), [found[:2] for found in operations(CONTRACT)])
def test_it_answers_as_documented(server: Served, method: str, path: str) -> None:
    operation = CONTRACT["paths"][path][method]
    body = None
    if "requestBody" in operation:
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = CONTRACT["components"]["schemas"][name].get("examples", [{}])[0]
    if method == "patch":  # refused when there is no connection: test_memberships_of_a_connection has one
        assert ask(server, path, method, body).fault(path, method) is None
        return
    for address in addresses(path, operation["parameters"]):
        answer = ask(server, address, method, body)
        assert answer.status in expected(address), (address, answer.body)
        assert answer.fault(path, method) is None, address


@pytest.mark.parametrize("path", ["/negotiate", "/v2/negotiate"])
def test_memberships_of_a_connection(server: Served, path: str) -> None:
    schemas = CONTRACT["components"]["schemas"]
    [groups], [memberships] = schemas["Groups"]["examples"], schemas["Memberships"]["examples"]
    negotiated = json.loads(ask(server, path, "post", groups).body)
    with connect(negotiated["websocket_urls"]["v2_classic"], "json.webpubsub.azure.v1") as client:
        client.read_kind("connected")
        answer = ask(server, path, "patch", memberships)
        assert answer.status == 200, answer.body
        assert answer.fault(path, "patch") is None


@pytest.mark.parametrize("package", CATEGORIES)
def test_links_to_days(server: Served, package: str) -> None:
    route = "/hist/{ticker}/{package}/{category}/{date}"
    for category in CATEGORIES[package]:
        found = ask(server, f"/hist/SPX/{package}/{category}/{rest.DATE}?noredirect")
        assert found.fault(route) is None
        link = urlsplit(json.loads(found.body)["url"])
        file = ask(server, f"{link.path}?{link.query}")
        assert file.status == 200
        assert file.fault("/_files/{name}") is None
        assert len(json.loads(file.body)) == 3
        for span, status in (("bytes=0-9", 206), ("bytes=99999999-", 416)):
            part = ask(server, f"{link.path}?{link.query}", Range=span)
            assert part.status == status
            assert part.fault("/_files/{name}") is None


def test_the_report_of_a_day_is_a_zip_of_what_is_documented(server: Served) -> None:
    report = ask(server, "/hist/eod/SPX")
    assert report.fault("/hist/eod/{ticker}") is None
    with zipfile.ZipFile(io.BytesIO(report.body)) as members:
        assert len(members.namelist()) == 15
        for name in members.namelist():
            day = Answer(200, http.client.HTTPMessage(), gzip.decompress(members.read(name)))
            day.headers["content-type"] = "application/json"
            assert day.fault("/_files/{name}") is None


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_begins_with_where_everything_is(server: Served, path: str) -> None:
    answer = ask(server, path)
    assert answer.fault(path) is None
    event, content = answer.body.decode().strip().split("\n")
    name, keys = STREAMS[path]
    assert event == f"event: {name}"
    assert keys <= json.loads(content.removeprefix("data: ")).keys()


def test_the_simulated_market_answers_as_documented() -> None:
    with running_server(simulate="true") as server:
        for _, path, operation in operations(CONTRACT):
            if operation["tags"] == ["data"] and not path.startswith("/v1"):
                for address in addresses(path, operation["parameters"]):
                    assert ask(server, address).fault(path) is None, address
