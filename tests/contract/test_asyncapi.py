"""The AsyncAPI document: valid by its own schema, and true of what is said on a connection."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest

from gexfaker.catalog import HUBS
from gexfaker.contract.asyncapi import DOWNSTREAM, UPSTREAM, asyncapi, groups_of, written
from gexfaker.wire import protocol
from gexfaker.wire.feeds import TABLES
from support.node import INSTALLED, node
from support.raw import JSON, JSON_RELIABLE, connect
from support.server import running_server

DOCUMENT: Final = asyncapi() | {"servers": {"here": {"host": "127.0.0.1:8080", "protocol": "ws"}}}
SPECIFICATION: Final = "@asyncapi/specs/schemas/3.0.0-without-$id.json"


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(DOCUMENT["components"]["messages"][name]["payload"])


def test_it_is_valid_by_the_schema_of_asyncapi_3() -> None:
    node()
    schema = json.loads((INSTALLED / SPECIFICATION).read_text(encoding="utf-8"))
    errors = list(jsonschema_rs.Draft7Validator(schema).iter_errors(DOCUMENT))
    assert [f"{error.message[:200]} at {error.instance_path}" for error in errors] == []
    wrong = DOCUMENT | {"channels": {"classic": {"address": 7}}}
    assert not jsonschema_rs.Draft7Validator(schema).is_valid(wrong)


def test_every_reference_leads_somewhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                place: Any = DOCUMENT
                for part in node["$ref"].removeprefix("#/").split("/"):
                    place = place[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({name: part for name, part in DOCUMENT.items() if name != "components"})
    walk(DOCUMENT["components"]["messages"])


def test_every_hub_and_every_message_of_the_protocol_is_in_it() -> None:
    assert list(DOCUMENT["channels"]) == list(HUBS)
    for rows, said in ((protocol.UPSTREAM, UPSTREAM), (protocol.DOWNSTREAM, DOWNSTREAM)):
        assert {row.message for row in rows} == {type(one.full) for one in said}
    urls = {schema["x-type-url"] for schema in DOCUMENT["components"]["schemas"].values()}
    assert urls == {table.type_url for table in TABLES}


@pytest.mark.parametrize("said", [*UPSTREAM, *DOWNSTREAM], ids=lambda said: said.name)
def test_both_forms_of_a_message_are_as_described_and_a_broken_one_is_not(said: Any) -> None:
    for message in (said.least, said.full):
        assert validator(said.name).is_valid(written(message))
    assert not validator(said.name).is_valid({"type": "other"})


def test_every_group_has_a_hub_and_v2_hubs_carry_spot() -> None:
    assert "{prefix}_{ticker}_state_gex_zero" in groups_of("state_gex")
    assert "{prefix}_{ticker}_spot" in groups_of("v2_state_gex")
    assert not [group for group in groups_of("classic") if "spot" in group]
    assert all(groups_of(hub) for hub in HUBS)


@pytest.mark.parametrize("dialect", [JSON, JSON_RELIABLE])
def test_what_a_server_says_is_as_described(dialect: str) -> None:
    with running_server(tickers="SPX", speed="60") as server:
        url = server.negotiate("demo")["classic"]
        with connect(url, dialect) as raw:
            raw.send_text('{"type":"joinGroup","group":"blue_SPX_classic_gex_zero","ackId":1}')
            raw.send_text('{"type":"ping"}')
            seen: set[str] = set()
            while seen != {"connected", "ack", "pong", "message"}:
                message = json.loads(raw.read_message())
                name = message["event"] if message["type"] == "system" else message["type"]
                assert validator(name).is_valid(message), message
                seen.add(name)
