"""The dashboard and the alert rules against the metrics that a server really answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

from gexfaker.server.metrics.table import METRICS, Kind
from support.raw import joined
from support.server import running_server

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
WORDS = {
    *(
        "abs",
        "by",
        "and",
        "or",
        "unless",
        "on",
        "ignoring",
        "sum",
        "max",
        "min",
        "rate",
        "increase",
        "histogram_quantile",
    ),
    *("up", "instance", "job", "le"),
}
"""What stands in an expression beside metrics: PromQL's own, and what Prometheus adds to each."""


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """By the name of each sample the names of its labels: of what a server answers, and of what the table promises."""
    found: dict[str, set[str]] = {}
    with running_server(tickers="SPX") as server, joined(server.orderflow("k"), "blue_SPX_orderflow_orderflow") as raw:
        raw.read_kind("data")
        for family in parse(server.get("/metrics")[1].decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    for metric in METRICS:
        endings = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}
        for ending in endings[metric.kind]:
            found.setdefault(metric.name + ending, set()).update(metric.labels)
    return found


def alerts() -> Iterator[tuple[str, str]]:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def panels() -> Iterator[tuple[str, str]]:
    for panel in json.loads((DEPLOY / "grafana" / "gexfaker.json").read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def variables() -> Iterator[tuple[str, str]]:
    board = json.loads((DEPLOY / "grafana" / "gexfaker.json").read_text(encoding="utf-8"))
    for variable in board["templating"]["list"]:
        if match := re.fullmatch(r"label_values\((.*)\)", variable["query"]):
            yield variable["name"], match[1]


@pytest.mark.parametrize(("where", "expression"), [*alerts(), *panels(), *variables()])
def test_each_expression_names_metrics_and_labels_that_there_are(
    labels: dict[str, set[str]], where: str, expression: str
) -> None:
    plain = re.sub(r'"[^"]*"', '""', expression)
    names = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"\[[^\]]*\]|\$\w+", "", plain))) - WORDS
    known = {name for name in names if name in labels}
    if where == "GexfakerDown":
        assert "up" in plain
        known_labels = {"job"}
    else:
        assert known, expression
        known_labels = set().union(*(labels[name] for name in known))
    assert names - known <= known_labels, expression


def test_every_metric_of_ours_is_on_the_dashboard_or_in_an_alert() -> None:
    text = " ".join(expression for _, expression in (*alerts(), *panels(), *variables()))
    assert [metric.name for metric in METRICS if metric.name not in text] == ["gexfaker_day_info"]


def test_alerts_say_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "remedy"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
