"""The short way of a data request: the same bytes as before mean the same question, so they are not parsed again.

Clients poll with the very same request, some hundred bytes, again and again. Its meaning - whose session, which feed,
which headers - is worked out once and found by those bytes; what remains is to look up the record that is due and to
write its stored body. Whatever is out of the ordinary takes the ordinary way, which gives the same answers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from time import perf_counter
from typing import Final, NamedTuple

from starlette.requests import Request

from gexfaker.bounded import Bounded
from gexfaker.errors import GexfakerError
from gexfaker.limits import KIB
from gexfaker.rest.paths import Found, resolve
from gexfaker.rest.routes import Answer
from gexfaker.server.http.gate import identify, name_given
from gexfaker.server.http.marked import MARK_HEADER
from gexfaker.server.http.replies import wants_gzip
from gexfaker.server.http.requestids import ids_for
from gexfaker.server.http.watched import SHOWN_PATH
from gexfaker.server.metrics.counts import Durations
from gexfaker.server.routes.data import Asked, Body, body_headers, look_up
from gexfaker.server.service import Service
from gexfaker.wire.tokens import world_id
from gexfaker.worlds.world import World

log: Final = logging.getLogger(__name__)

MAX_KNOWN: Final = 4096
"""Requests remembered: each feed of the universe for four clients."""

MAX_REQUEST: Final = 2 * KIB
"""Longest request remembered; together at most 8 MiB."""

MAX_HEADS: Final = 1024
"""Starts of answers remembered for the second they are good for, by the length of the body: 200 bytes each."""

SHAPED: Final = (Answer.RECORD, Answer.MAJORS, Answer.MAXCHANGE, Answer.NAMED_ROWS)
VARY: Final = b"Accept-Encoding, Origin"
"""As the application's middleware leaves it."""

END: Final = b"\r\n\r\n"
_LINE: Final = re.compile(rb"GET (/[A-Za-z0-9_/.-]*)(?:\?([!-~]*))? HTTP/1\.1")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*)")
_UNUSUAL: Final = frozenset(
    (b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"te", b"trailer", b"x-request-id")
)


class Known(NamedTuple):
    """What a request means."""

    owner: str
    asked: Asked
    origin: bool
    durations: Durations
    shown: str
    name: str


class FastPath:
    """Answers data requests by their bytes.

    Args:
        service: the server.
    """

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._access: Final = service.access
        self._counts: Final = service.counts
        self._ids: Final = ids_for(service.settings)
        self._known: Final[Bounded[bytes, Known]] = Bounded(MAX_KNOWN)
        self._defaults: Iterable[tuple[bytes, bytes]] = ()
        self._heads: Final[dict[tuple[int, bool, bool, bytes | None], bytes]] = {}
        self._failures: Final[set[type[Exception]]] = set()

    def answer(self, raw: bytes, defaults: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The whole response to the bytes of one request; None when it has to go the ordinary way.

        ``defaults`` are the headers that every response has.
        """
        try:
            return self._answer(raw, defaults)
        except GexfakerError:
            return None
        except Exception as problem:  # it would end the connection; the ordinary way answers 500
            if type(problem) not in self._failures:
                self._failures.add(type(problem))
                log.exception("a request could not be answered the short way; such a failure is told once")
            return None

    def _answer(self, raw: bytes, defaults: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        began = perf_counter()
        known = self._known.get(raw) or self._learn(raw)
        if known is None:
            return None
        world = self._service.worlds.get(known.owner)
        if world.watch is not None or world.account.quota.allowances or self._is_undecided(world):
            return None  # the ordinary way is watched, counts, and asks
        if known.name and world.account.name is None:  # it was forgotten meanwhile
            world.account.name = known.name
        made = look_up(self._service, world, known.asked)
        if not isinstance(made, Body):
            return None
        body, zipped = made
        if defaults is not self._defaults:  # a second has gone by
            self._defaults = defaults
            self._heads.clear()
        kind = len(body), zipped, known.origin, self._service.mark(world)
        head = self._heads.get(kind)
        if head is None:
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            head = self._heads[kind] = _head(defaults, *kind)
        if self._access is not None:
            self._access.tell(known.owner, "request", known.shown)
        known.durations.observe(perf_counter() - began)
        if self._ids is not None:
            head = b"%bx-request-id: %b\r\n\r\n" % (head[:-2], self._ids.new().encode())
        return head + body

    def _is_undecided(self, world: World) -> bool:
        """Whether the cluster has still to be asked about a world."""
        return world.shared is None and self._service.cluster is not None

    def _learn(self, raw: bytes) -> Known | None:
        known = self._read(raw)
        if known is not None:
            self._known[raw] = known
        return known

    def _read(self, raw: bytes) -> Known | None:
        """The meaning of a request that is quite ordinary and allowed."""
        request = _parse(raw)
        found = None if request is None else resolve(request.url.path)
        if request is None or not isinstance(found, Found) or found.feed is None or found.route.answer not in SHAPED:
            return None
        key = identify(self._service, request)
        if not isinstance(key, str) or self._service.world(key).account.quota.allowances:
            return None
        asked = Asked(found.feed, found.route.answer, wants_gzip(request.headers))
        shown = f"GET {request.url.path[:SHOWN_PATH]} 200"
        durations = self._counts.durations(found.route.pattern, 200)
        return Known(world_id(key), asked, "origin" in request.headers, durations, shown, name_given(request))


def _head(
    defaults: Iterable[tuple[bytes, bytes]], length: int, zipped: bool, origin: bool, mark: bytes | None
) -> bytes:
    """What stands before a body."""
    headers = [*defaults, *body_headers(length, zipped, VARY)]
    if origin:
        headers.append((b"access-control-allow-origin", b"*"))
    if mark is not None:
        headers.append((MARK_HEADER, mark))
    return b"".join((b"HTTP/1.1 200 OK\r\n", *[b"%b: %b\r\n" % header for header in headers], b"\r\n"))


def _parse(raw: bytes) -> Request | None:
    """A GET request without a body and without anything that changes how it is read, whole and nothing behind it."""
    if len(raw) > MAX_REQUEST or not raw.endswith(END) or raw.count(END) > 1:
        return None
    first, *lines = raw[: -len(END)].split(b"\r\n")
    line, headers = _LINE.fullmatch(first), [_HEADER.fullmatch(text) for text in lines]
    if line is None or not all(headers):
        return None
    named = [(match[1].lower(), match[2].strip()) for match in headers if match]
    names = [name for name, _ in named]
    if names.count(b"host") != 1 or not _UNUSUAL.isdisjoint(names):
        return None
    if any(value.lower() != b"keep-alive" for name, value in named if name == b"connection"):
        return None
    path = line[1].decode()
    scope = {"type": "http", "method": "GET", "path": path, "query_string": line[2] or b"", "headers": named}
    return Request(scope | {"scheme": "http", "server": None})
