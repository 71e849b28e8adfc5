"""`/metrics` against what was done to the server, read by Prometheus' own parser."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from gexfaker.server.metrics.counts import BUCKETS, OWN_CODES, Counts, Durations, code_label
from gexfaker.server.metrics.table import METRICS, Kind
from gexfaker.testing import ALL, Control, Pause, Target, receive
from support.raw import JSON, RawSocket, joined, try_upgrade, upgrade_request
from support.server import Served, running_server, wait_until

GROUP = "blue_SPX_orderflow_orderflow"
KEY = {"Authorization": "Bearer a-secret-key", "User-Agent": "test"}


@pytest.fixture
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", session_rules="relaxed") as running:
        yield running


def samples(server: Served) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    status, body = server.get("/metrics")
    assert status == 200, body
    families = list(parse(body.decode()))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(server: Served, name: str, **labels: str) -> float:
    return samples(server).get((name, frozenset(labels.items())), 0.0)


def test_each_metric_of_the_table_is_answered_with_its_kind_and_help(server: Served) -> None:
    server.get("/v2/SPX/classic/gex_zero", KEY)
    found = {family.name: family for family in parse(server.get("/metrics")[1].decode())}
    for metric in METRICS:
        assert (found[metric.name].type, found[metric.name].documentation) == (metric.kind, metric.help)
    assert {"process_resident_memory_bytes", "process_open_fds", "python_info"} <= found.keys()


def test_openmetrics_is_answered_to_who_asks_for_it(server: Served) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = parse_openmetrics(answer.read().decode())  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {metric.name for metric in METRICS}
    connection.close()


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "*/*", "text/html;q=0.9", ";;"])
def test_any_accept_header_is_answered(server: Served, accept: str) -> None:
    status, body = server.get("/metrics", {"Accept": accept})
    assert (status, b"gexfaker_build_info" in body) == (200, True)


def test_requests_are_counted_by_route_and_status_on_both_ways(server: Served) -> None:
    route, name = "/{ticker}/classic/{category}", "gexfaker_http_request_duration_seconds_count"
    for number in range(5):  # the first is learned, the others take the fast path
        server.get("/v2/SPX/classic/gex_zero", KEY)
        assert value(server, name, route=route, code="200") == number + 1
    server.get("/v2/SPX/classic/gex_zero")
    assert value(server, name, route=route, code="400") == 1
    server.get("/nothing/of/the/kind")
    server.get("/another")
    assert value(server, name, route="(none)", code="404") == 2
    server.get("/tickers")
    assert value(server, name, route="/tickers", code="200") == 1
    before = value(server, name, route="/health", code="200")
    server.get("/health")
    assert value(server, name, route="/health", code="200") == before + 1


def test_connections_messages_and_ends_are_counted(server: Served) -> None:
    url = server.orderflow("a-secret-key")
    with joined(url, GROUP) as raw:
        raw.read_kind("data")
        assert value(server, "gexfaker_connections", hub="orderflow", subprotocol=JSON) == 1
        assert value(server, "gexfaker_messages_sent_total") >= 1
        assert value(server, "gexfaker_sent_bytes_total") > 100
        assert value(server, "gexfaker_lag_seconds_count") >= 1
        raw.close(4711)
    ended = {"hub": "orderflow", "code": "4xxx", "by": "client"}
    wait_until(lambda: value(server, "gexfaker_connections_closed_total", **ended) == 1, 5, "the end is counted")
    assert value(server, "gexfaker_connections_opened_total", hub="orderflow", subprotocol=JSON) == 1
    with joined(url, GROUP) as raw:
        raw.abort()
    broken = {"hub": "orderflow", "code": "none", "by": "nobody"}
    wait_until(lambda: value(server, "gexfaker_connections_closed_total", **broken) == 1, 5, "the end is counted")
    with joined(url, GROUP):
        Control(server.url).close(Target("a-secret-key"))
        served = {"hub": "orderflow", "code": "1000", "by": "server"}
        wait_until(lambda: value(server, "gexfaker_connections_closed_total", **served) == 1, 5, "the end is counted")


def test_refusals_and_recoveries_are_counted(server: Served) -> None:
    assert try_upgrade(f"{server.url}/client/hubs/orderflow", [JSON]).status == 401
    assert value(server, "gexfaker_refusals_total", what="handshake", code="401") == 1
    with RawSocket(url := f"{server.url}/client/hubs/orderflow?awps_connection_id=x") as raw:
        raw.send(upgrade_request(url, [JSON]))
        assert raw.read_answer() == 101
        raw.read_close()
    assert value(server, "gexfaker_recoveries_total", result="refused") == 1
    url = server.orderflow("a-secret-key")
    with joined(url, GROUP) as raw:
        raw.send_text("{")
        raw.read_close()
    assert value(server, "gexfaker_refusals_total", what="message", code="1007") == 1


def test_market_time_is_that_of_the_keys_that_are_connected(server: Served) -> None:
    name = "gexfaker_market_time_seconds"
    assert value(server, name, which="first") == 0
    receive(server.url, "SPX_orderflow_orderflow", key="early")
    control = Control(server.url)
    control.act(Target("early"), Pause())
    with joined(server.orderflow("a-secret-key"), GROUP) as raw:
        raw.read_kind("data")
        [one] = [one for one in control.show(Target(session=ALL))["sessions"] if one["connections"]]
        first = value(server, name, which="first")
        assert abs(first - one["playback"]["market_time"]) < 60
        assert value(server, name, which="last") >= first


def test_no_key_and_no_name_of_a_client_is_told(server: Served) -> None:
    headers = KEY | {"X-Gexfaker-Name": "a-secret-name"}
    server.get("/v2/SPX/classic/gex_zero", headers)
    server.get("/v2/a-secret-path", headers)
    with joined(server.orderflow("a-secret-key"), GROUP):
        text = server.get("/metrics")[1].decode()
    assert "secret" not in text
    assert not re.search(r"key-[0-9a-f]{16}", text)


def test_it_is_for_who_may_use_the_control_plane() -> None:
    with running_server(tickers="SPX", control_token="hunter2") as guarded:
        assert guarded.get("/metrics")[0] == 401
        assert guarded.get("/metrics", {"Authorization": "Bearer hunter2"})[0] == 200


@pytest.mark.parametrize(
    ("code", "label"), [(None, "none"), (1000, "1000"), (1006, "1006"), (OWN_CODES, "3xxx"), (4999, "4xxx")]
)
def test_codes_that_clients_choose_are_few_labels(code: int | None, label: str) -> None:
    assert code_label(code) == label


def test_times_are_in_the_bucket_that_they_do_not_exceed() -> None:
    durations = Durations()
    for seconds in (0.0, BUCKETS[0], BUCKETS[0] * 1.01, BUCKETS[-1], 1e9):
        durations.observe(seconds)
    assert (durations.counts[0], durations.counts[1], durations.counts[-2], durations.counts[-1]) == (2, 1, 1, 1)
    assert durations.seconds == pytest.approx(1e9 + BUCKETS[-1], abs=0.01)


def test_names_follow_the_rules_of_prometheus() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"gexfaker_[a-z_]+", metric.name)
        assert not metric.name.endswith("_total")
        assert (metric.kind is Kind.HISTOGRAM) <= metric.name.endswith("_seconds")
        assert not {"key", "session", "name"} & set(metric.labels)


def test_counts_start_at_nothing() -> None:
    counts = Counts()
    assert (counts.requests, counts.sent_bytes, sum(counts.lag.counts)) == ({}, 0, 0)
