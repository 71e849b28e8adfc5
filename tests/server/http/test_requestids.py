"""Ids of requests: taken over when they are ids, made where the log has a place for them, answered on both ways."""

from __future__ import annotations

import http.client

import pytest

from gexfaker.server.http.requestids import RequestIds, id_given, trace_of
from support.raw import JSON, RawSocket, upgrade_request
from support.server import Served, running_server

PATHS = ("/v2/SPX/classic/gex_zero", "/health", "/nothing", "/hist/SPX/classic/gex_zero/2020-01-01")


def answered(server: Served, path: str, **headers: str) -> str | None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={"Authorization": "Bearer k", "User-Agent": "t"} | named)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers.get("X-Request-Id")


@pytest.mark.parametrize("path", PATHS)
def test_an_id_that_is_given_is_answered_and_none_is_made(path: str) -> None:
    with running_server(tickers="SPX") as server:
        for number in range(3):
            assert answered(server, path, X_Request_Id=f"mine-{number}") == f"mine-{number}"
            assert answered(server, path) is None


def test_with_the_json_log_every_answer_has_one_of_its_own() -> None:
    with running_server(tickers="SPX", log_format="json") as server:
        found = [answered(server, path) for path in PATHS for _ in range(3)]
        assert None not in found
        assert len(set(found)) == len(found)
        assert answered(server, PATHS[0], X_Request_Id="mine") == "mine"


def test_the_opening_of_a_websocket_is_answered_with_its_id() -> None:
    with running_server(tickers="SPX") as server, RawSocket(url := server.orderflow("k")) as raw:
        raw.send(upgrade_request(url, [JSON], ["X-Request-Id: mine"]))
        assert raw.read_answer() == 101
        assert raw.header("x-request-id") == ["mine"]


def test_of_two_ids_the_last_counts_on_both_ways() -> None:
    twice = ["X-Request-Id: first", "X-Request-Id: last"]
    with running_server(tickers="SPX") as server:
        with RawSocket(url := server.orderflow("k")) as raw:
            raw.send(upgrade_request(url, [JSON], twice))
            assert raw.read_answer() == 101
            assert raw.header("x-request-id") == ["last"]
        with RawSocket(server.url) as raw:
            raw.send("\r\n".join(["GET /health HTTP/1.1", "Host: localhost", *twice, "", ""]).encode())
            assert raw.read_answer() == 200
            assert raw.header("x-request-id") == ["last"]


@pytest.mark.parametrize("text", ["a", "550e8400-e29b-41d4-a716-446655440000", "abc=/+@:._-", "x" * 128])
def test_what_proxies_send_is_an_id(text: str) -> None:
    assert id_given({"x-request-id": text}) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "two words", "line\nbreak", "\x1b[2J", "é", '"quoted"'])
def test_what_could_break_a_log_is_none(text: str) -> None:
    assert id_given({"x-request-id": text}) is None


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", True),
        (f"cc-{'a' * 32}-{'b' * 16}-01-later", True),
        (f"00-{'0' * 32}-{'b' * 16}-01", False),
        (f"00-{'a' * 32}-{'0' * 16}-01", False),
        (f"00-{'A' * 32}-{'b' * 16}-01", False),
        ("00-aa-bb-01", False),
        ("", False),
    ],
)
def test_a_trace_is_taken_from_a_valid_header_only(text: str, is_valid: bool) -> None:
    assert bool(trace_of({"traceparent": text})) == is_valid


def test_ids_of_two_servers_differ() -> None:
    one, other = RequestIds(), RequestIds()
    assert len({one.new(), one.new(), other.new(), other.new()}) == 4
