"""Every metric in one table: what `/metrics` answers and what the documentation lists are made from it."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from gexfaker import __version__
from gexfaker.playback.play import of_its_day
from gexfaker.server.metrics.counts import NO_SUBPROTOCOL, Durations
from gexfaker.server.service import Service

MAX_LOOKED_AT: Final = 1000
"""Keys whose market time is looked at for one answer, a microsecond each."""

Bounds = Mapping[str, tuple[int, int]]
"""By the name of a bound what is used of it, and the most."""


class Kind(StrEnum):
    """The kinds of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Seen(NamedTuple):
    """What the metrics of one answer are read from."""

    service: Service
    bounds: Bounds


Sample = tuple[tuple[str, ...], float | Durations]
"""The values of the labels, and the number; of a histogram all that was observed."""


class Metric(NamedTuple):
    """One metric.

    Attributes:
        name: without the ending that Prometheus gives to its kind (``_total``).
        kind: how its numbers behave.
        help: what they are.
        labels: their names.
        read: gives the samples.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    read: Callable[[Seen], Iterable[Sample]]


def _one(read: Callable[[Service], float]) -> Callable[[Seen], Iterable[Sample]]:
    """A metric that is a single number."""
    return lambda seen: [((), read(seen.service))]


def _connections(seen: Seen) -> Iterator[Sample]:
    for name, hub in seen.service.hubs.items():
        kinds = Counter(connection.subprotocol.name or NO_SUBPROTOCOL for connection in hub.connections.values())
        yield from (((name, subprotocol), count) for subprotocol, count in kinds.items())


def _unacknowledged(seen: Seen) -> Iterator[Sample]:
    for name, hub in seen.service.hubs.items():
        waiting = (len(connection.unacknowledged) for connection in hub.connections.values())
        yield (name,), max(waiting, default=0)


def _market_times(seen: Seen) -> Iterator[Sample]:
    """Of the keys that are connected, the one that is farthest back in its market's time, and the one farthest on."""
    now = seen.service.clock()
    worlds = islice((world for world in seen.service.worlds.in_use() if world.is_connected), MAX_LOOKED_AT)
    times = [of_its_day(lambda play=world.play: play.market_time(now), None) for world in worlds]  # type: ignore[misc]
    known = [time for time in times if time is not None]
    if known:
        yield ("first",), min(known)
        yield ("last",), max(known)


def _cluster(name: str) -> Callable[[Seen], Iterable[Sample]]:
    """A figure of the cluster; none of a server that stands alone."""

    def read(seen: Seen) -> Iterable[Sample]:
        cluster = seen.service.cluster
        return [] if cluster is None else [((), dict(cluster.figures())[name])]

    return read


METRICS: Final = (
    Metric(
        "gexfaker_build_info",
        Kind.GAUGE,
        "1; the versions are its labels.",
        ("version", "python"),
        lambda _: [((__version__, platform.python_version()), 1)],
    ),
    Metric(
        "gexfaker_day_info",
        Kind.GAUGE,
        "1; the day that keys start with, and whether it is recorded or simulated.",
        ("day", "origin"),
        lambda seen: [((seen.service.day.date, seen.service.day.origin), 1)],
    ),
    Metric(
        "gexfaker_http_request_duration_seconds",
        Kind.HISTOGRAM,
        "Seconds from a request to the end of its answer. A path that there is not has the route (none).",
        ("route", "code"),
        lambda seen: list(seen.service.counts.requests.items()),
    ),
    Metric(
        "gexfaker_connections",
        Kind.GAUGE,
        "WebSocket connections at present; those that may be recovered are among them.",
        ("hub", "subprotocol"),
        _connections,
    ),
    Metric(
        "gexfaker_connections_opened",
        Kind.COUNTER,
        "WebSocket connections opened, recoveries not counted.",
        ("hub", "subprotocol"),
        lambda seen: list(seen.service.counts.opened.items()),
    ),
    Metric(
        "gexfaker_connections_closed",
        Kind.COUNTER,
        "WebSockets that have ended, by the code of the close frame (none: without one) and by who sent it.",
        ("hub", "code", "by"),
        lambda seen: list(seen.service.counts.closed.items()),
    ),
    Metric(
        "gexfaker_recoveries",
        Kind.COUNTER,
        "Tries to come back to a connection.",
        ("result",),
        lambda seen: list(seen.service.counts.recoveries.items()),
    ),
    Metric(
        "gexfaker_refusals",
        Kind.COUNTER,
        "Handshakes refused, by status; messages refused, by the name of the error or the code of the close.",
        ("what", "code"),
        lambda seen: list(seen.service.counts.refusals.items()),
    ),
    Metric(
        "gexfaker_clients_cut",
        Kind.COUNTER,
        "Connections cut because their client reads or acknowledges too slowly.",
        ("hub",),
        lambda seen: [((name,), hub.overflows) for name, hub in seen.service.hubs.items()],
    ),
    Metric(
        "gexfaker_messages_sent",
        Kind.COUNTER,
        "Records of the feed sent, counted once for each client.",
        (),
        _one(lambda service: service.streamer.sent),
    ),
    Metric(
        "gexfaker_sent_bytes",
        Kind.COUNTER,
        "Bytes of WebSocket frames with messages.",
        (),
        _one(lambda service: service.counts.sent_bytes),
    ),
    Metric(
        "gexfaker_lag_seconds",
        Kind.HISTOGRAM,
        "Seconds from when records were due until the last of them was handed to the sockets.",
        (),
        lambda seen: [((), seen.service.counts.lag)],
    ),
    Metric(
        "gexfaker_unacknowledged_messages_most",
        Kind.GAUGE,
        "Messages that wait for an acknowledgement, of the reliable connection with the most.",
        ("hub",),
        _unacknowledged,
    ),
    Metric(
        "gexfaker_records_skipped",
        Kind.COUNTER,
        "Records that could not be sent.",
        (),
        _one(lambda service: service.streamer.encoded.skipped),
    ),
    Metric(
        "gexfaker_records_passed_over",
        Kind.COUNTER,
        "Records that REST could not answer with.",
        (),
        _one(lambda service: service.bodies.skipped),
    ),
    Metric(
        "gexfaker_values_saturated",
        Kind.COUNTER,
        "Numbers that were too large for the wire.",
        (),
        _one(lambda service: service.streamer.encoded.saturated),
    ),
    Metric(
        "gexfaker_sessions",
        Kind.GAUGE,
        "API keys that are known.",
        (),
        _one(lambda service: len(service.worlds)),
    ),
    Metric(
        "gexfaker_market_time_seconds",
        Kind.GAUGE,
        f"Market time of the keys that are connected, epoch seconds: the first and the last of {MAX_LOOKED_AT:,} keys.",
        ("which",),
        _market_times,
    ),
    Metric(
        "gexfaker_silent",
        Kind.GAUGE,
        "1 while the feed is silent because the market is closed (--realism market-hours), else 0.",
        (),
        _one(lambda service: int(service.silent)),
    ),
    Metric(
        "gexfaker_bound_used",
        Kind.GAUGE,
        "What is used of each bound that all clients share.",
        ("bound",),
        lambda seen: [((name,), used) for name, (used, _) in seen.bounds.items()],
    ),
    Metric(
        "gexfaker_bound_most",
        Kind.GAUGE,
        "The most that there may be of it.",
        ("bound",),
        lambda seen: [((name,), most) for name, (_, most) in seen.bounds.items()],
    ),
    Metric(
        "gexfaker_cluster_up",
        Kind.GAUGE,
        "1 while the server is in its cluster; 0 while the engine is out of reach and nothing can be changed.",
        (),
        _cluster("up"),
    ),
    Metric(
        "gexfaker_cluster_changes_followed",
        Kind.COUNTER,
        "Changes of keys that this server has followed, its own among them.",
        (),
        _cluster("followed"),
    ),
    Metric(
        "gexfaker_cluster_conflicts",
        Kind.COUNTER,
        "Changes that were tried again, because another server changed the same key first.",
        (),
        _cluster("conflicts"),
    ),
    Metric(
        "gexfaker_cluster_delay_seconds",
        Kind.GAUGE,
        "Seconds from the decision about the last change until this server heard of it.",
        (),
        _cluster("delay_seconds"),
    ),
    Metric(
        "gexfaker_cluster_round_trip_seconds",
        Kind.GAUGE,
        "Seconds that the last look at the engine took.",
        (),
        _cluster("round_trip_seconds"),
    ),
    Metric(
        "gexfaker_cluster_clock_offset_seconds",
        Kind.GAUGE,
        "Seconds by which the engine's clock is ahead of this server's.",
        (),
        _cluster("clock_offset_seconds"),
    ),
)
"""In the order in which they are answered. None has a key or the name of a client."""
