"""The document is OpenAPI, tells of every route there is and of none that is not, and has all of the service's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Match, Route

from contract.strict import JSON, addressed, operations, shown, whole, wrong
from gexfaker.contract.document import document
from gexfaker.contract.operations import TAGS
from gexfaker.contract.schemas import SCHEMAS
from gexfaker.contract.upstream import NOT_SERVED
from gexfaker.playback.actions import ACTIONS
from gexfaker.rest.routes import BASES, ROUTES
from gexfaker.server.http.app import create_app
from gexfaker.server.routes.data import DataRoutes
from gexfaker.server.routes.table import OPERATIONS
from gexfaker.server.service import Service
from gexfaker.settings import load

CONTRACT = document(OPERATIONS)

UPSTREAM = {
    ("get", "/{ticker}/classic/{category}"),
    ("get", "/{ticker}/state/{category}"),
    ("get", "/{ticker}/orderflow/{category}"),
    ("get", "/{ticker}/classic/{category}/maxchange"),
    ("get", "/{ticker}/state/{category}/maxchange"),
    ("get", "/{ticker}/classic/{category}/majors"),
    ("get", "/{ticker}/state/{category}/majors"),
    ("get", "/tickers"),
    ("get", "/classic/categories"),
    ("get", "/state/categories"),
    ("get", "/orderflow/categories"),
    ("get", "/tickers/quant"),
    ("get", "/options/{ticker}/expiries"),
    ("get", "/hist/{ticker}/{package}/{category}/{date}"),
    ("get", "/hist/eod/{ticker}"),
    ("get", "/research/{ticker}/{metric}"),
    ("get", "/futures/conversion"),
    ("get", "/whoami"),
    ("get", "/negotiate"),
    ("post", "/negotiate"),
    ("patch", "/negotiate"),
}
"""The service's own, as its contract has them."""


def references(node: Any) -> Iterator[str]:
    """The names of the schemas that are referred to anywhere below."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].removeprefix("#/components/schemas/")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.long
def test_it_is_openapi() -> None:
    import schemathesis

    schemathesis.openapi.from_dict(document(OPERATIONS)).validate()
    broken = document(OPERATIONS) | {"info": {}}
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


def test_it_is_json_as_it_is() -> None:
    assert json.loads(json.dumps(CONTRACT)) == CONTRACT


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_its_examples_follow_it(name: str) -> None:
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name]})
    follows = jsonschema_rs.Draft202012Validator(whole(CONTRACT, SCHEMAS[name]))
    for example in SCHEMAS[name].get("examples", []):
        follows.validate(example)


def test_every_schema_is_used_and_every_used_one_is_there() -> None:
    from_operations = set(references(CONTRACT["paths"]))
    reached: set[str] = set()
    while waiting := from_operations - reached:
        reached |= waiting
        from_operations |= {inner for name in waiting for inner in references(SCHEMAS[name])}
    assert reached == SCHEMAS.keys()


def test_every_operation_is_described() -> None:
    names = [operation["operationId"] for _, _, operation in operations(CONTRACT)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(CONTRACT):
        assert re.fullmatch(r"[A-Z`].*\.", operation["summary"]), (method, path)
        assert re.fullmatch(r"[A-Z].*\.", operation.get("description", "None.")), (method, path)
        assert set(operation["tags"]) <= TAGS.keys()
        assert operation["responses"]


def test_parameters_are_those_of_the_path_and_only_once() -> None:
    for _, path, operation in operations(CONTRACT):
        parameters = operation["parameters"]
        assert [part["name"] for part in parameters if part["in"] == "path"] == re.findall(r"\{(\w+)\}", path)
        assert len({(part["name"], part["in"]) for part in parameters}) == len(parameters)
        for part in parameters:
            values = part["schema"].get("enum", [])
            assert len(values) == len(set(values)), path


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service(load({"SIMULATE": "true"}, {}))
    yield service
    service.close()


def routed(service: Service) -> set[tuple[str, str]]:
    """Method and path of everything that the application serves."""
    found: set[tuple[str, str]] = set()
    for route in create_app(service).routes:
        if isinstance(route, DataRoutes):
            found |= {("get", base + line.pattern) for line in ROUTES for base in line.bases}
        else:
            assert isinstance(route, Route)
            paths = (
                [route.path.replace("{action}", name) for name in ACTIONS] if "{action}" in route.path else [route.path]
            )
            found |= {(method.lower(), path) for path in paths for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_it_tells_of_every_route_and_of_no_other(service: Service) -> None:
    assert {(method, path) for method, path, _ in operations(CONTRACT)} == routed(service)


def test_every_path_leads_to_its_own_route(service: Service) -> None:
    routes = create_app(service).routes
    for method, path, operation in operations(CONTRACT):
        values = {part["name"]: (shown(part) or ["x"])[0] for part in operation["parameters"] if part["in"] == "path"}
        scope = {"type": "http", "method": method.upper(), "path": addressed(path, values), "root_path": ""}
        reached = next(route for route in routes if route.matches(scope)[0] is Match.FULL)
        if isinstance(reached, Route):
            action = path.rpartition("/")[2]
            assert reached.path.replace("{action}", action) == path
        else:
            assert operation["tags"] == ["data"], path


@pytest.mark.parametrize(("method", "path"), sorted(UPSTREAM))
def test_it_has_what_the_service_has(method: str, path: str) -> None:
    if path in NOT_SERVED:
        assert path not in CONTRACT["paths"]
    else:
        for base in BASES:
            assert method in CONTRACT["paths"][base + path]


def test_what_is_not_served_is_the_services() -> None:
    assert NOT_SERVED.keys() <= {path for _, path in UPSTREAM}
    assert all(NOT_SERVED.values())


def test_an_answer_that_is_json_has_a_schema() -> None:
    free = {"/openapi.json", "/asyncapi.json", "/docs/log.schema.json", "/_files/{name}"}
    for _, path, operation in operations(CONTRACT):
        for response in operation["responses"].values():
            for kind, media in response.get("content", {}).items():
                assert kind != JSON or "schema" in media or path in free


def test_operations_are_in_the_order_of_the_sections() -> None:
    order = list(dict.fromkeys(operation["tags"][0] for _, _, operation in operations(CONTRACT)))
    assert order == list(TAGS)
    assert {operation.tag for operation in OPERATIONS} | {"data"} == TAGS.keys()


def test_it_leads_nowhere_else() -> None:
    assert "://" not in json.dumps(CONTRACT)


def test_what_is_not_documented_is_noticed() -> None:
    operation = CONTRACT["paths"]["/tickers"]["get"]
    good = b'{"stocks":["AAPL"],"indexes":[],"futures":[]}'

    def fault(status: int, kind: str, body: bytes) -> str:
        return wrong(CONTRACT, operation, status, kind, body) or ""

    assert not fault(200, "application/json; charset=utf-8", good)
    assert "status 500" in fault(500, JSON, good)
    assert "'text/html'" in fault(200, "text/html", good)
    assert "required" in fault(200, JSON, b'{"stocks":[],"indexes":[]}')
    assert "at ['stocks', 0]" in fault(200, JSON, good.replace(b'"AAPL"', b"1"))
