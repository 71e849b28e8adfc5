"""The service's history, asked politely: links to files, files in pieces, and what the answers mean for going on.

The key goes to the host of the API only. A file lies behind a signed link of another host, which neither needs it nor
may see it. Nothing is followed by itself: a redirect would take the key along.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gexfaker import __version__
from gexfaker.errors import GexfakerError

if TYPE_CHECKING:
    from email.message import Message

AGENT: Final = f"gexfaker/{__version__}"
"""The service wants one."""

TIMEOUT_SECONDS: Final = 300.0
READ_BYTES: Final = 256 * 1024
MAX_WAIT_SECONDS: Final = 120.0
"""The longest that Retry-After is waited for; who has to wait longer is told, and comes again another time."""

PAUSES: Final = (1.0, 5.0, 25.0)
"""Before each further try, in seconds."""

PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
"""Statuses that may be others in a moment."""

MAX_DIGITS: Final = 19
"""Of a size in bytes."""

_RANGE: Final = re.compile(r"bytes (?P<first>[0-9]+)-[0-9]+/(?P<size>[0-9]+|\*)")
_NAMED: Final = re.compile(r"""filename\*?=(?:UTF-8'')?"?([A-Za-z0-9_.-]{1,100})"?""")


class StopError(GexfakerError):
    """It makes no sense to ask for anything more: the key is refused, or may ask nothing for long."""


class MissingError(GexfakerError):
    """The service has not got that."""


class TryError(GexfakerError):
    """It went wrong this time.

    Args:
        wait: seconds that the service wants to be left alone; None when it did not say.
    """

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait: Final = wait


class RangeError(TryError):
    """There is nothing from that byte on.

    Args:
        size: of the whole file; 0 when the host does not say.
    """

    def __init__(self, size: int) -> None:
        super().__init__("there is nothing more to send")
        self.size: Final = size


class Rate:
    """At most so many requests a second, of all threads together.

    Args:
        a_second: how many.
        clock, sleep: seconds that only go forward, and waiting.
    """

    def __init__(
        self, a_second: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._apart: Final = 1.0 / a_second
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._lock: Final = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Until it is this thread's turn."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._apart
        if at > now:
            self._sleep(at - now)


class _Stay(HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: Any) -> None:
        return


class History:
    """The history of one key.

    Args:
        upstream: base URL of the API.
        key: the API key.
        rate: of the requests.
        timeout: seconds without a byte after which an answer is given up.
    """

    def __init__(self, upstream: str, key: str, rate: Rate, timeout: float = TIMEOUT_SECONDS) -> None:
        self._upstream: Final = upstream.rstrip("/")
        self._key: Final = key
        self._rate: Final = rate
        self._timeout: Final = timeout
        self._opener: Final = build_opener(_Stay)

    def link(self, ticker: str, package: str, category: str, date: str) -> str:
        """Where the file of a feed's day is. Raises StopError, MissingError, TryError."""
        with self._ask(f"/hist/{ticker}/{package}/{category}/{date}?noredirect") as answer:
            link = _value(answer, "url")
            if not isinstance(link, str) or not link.startswith(("http://", "https://")):
                raise TryError("the answer to /hist is no link")
            return link

    @contextmanager
    def report(self, ticker: str) -> Iterator[HTTPResponse]:
        """The newest end-of-day report of a ticker. Raises StopError, MissingError, TryError."""
        with self._ask(f"/hist/eod/{ticker}") as answer:
            yield answer

    @contextmanager
    def file(self, link: str, start: int, tag: str = "") -> Iterator[HTTPResponse]:
        """What lies behind a link, from a byte on if the host can, and if it is the file that had this entity tag.

        Raises MissingError, TryError.
        """
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            headers |= {"If-Range": tag} if tag else {}
        with self._open(link, headers, is_ours=False) as answer:
            yield answer

    @contextmanager
    def _ask(self, path: str) -> Iterator[HTTPResponse]:
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": AGENT}
        with self._open(self._upstream + path, headers, is_ours=True) as answer:
            yield answer

    @contextmanager
    def _open(self, url: str, headers: dict[str, str], *, is_ours: bool) -> Iterator[HTTPResponse]:
        self._rate.wait()
        try:
            request = Request(url, headers=headers)  # noqa: S310
            with self._opener.open(request, timeout=self._timeout) as answer:
                yield answer
        except HTTPError as error:
            raise _meaning(error, is_ours=is_ours) from None
        except (URLError, OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise TryError(f"the connection failed: {getattr(reason, 'strerror', None) or reason}") from None


def _meaning(error: HTTPError, *, is_ours: bool) -> GexfakerError:
    """What a refusal means for going on."""
    said, wait = _said(error), _retry_after(error.headers)
    if error.code == 416:
        return RangeError(_number(error.headers.get("Content-Range", "").rpartition("/")[2]) or 0)
    if error.code == 404:
        return MissingError(said or "there is none")
    if error.code in (401, 403) and is_ours:
        return StopError(f"the service refuses this key ({error.code}{f': {said}' if said else ''})")
    if (wait or 0) > MAX_WAIT_SECONDS:
        why = "the quota of this key is used up" if error.code == 429 else f"the service answers {error.code}"
        return StopError(f"{why}; it says to come again in {wait:,.0f} s")
    if error.code in PASSING or not is_ours:  # a link that has expired is had again with the next try
        return TryError(f"the answer was {error.code}{f': {said}' if said else ''}", wait)
    return StopError(f"the service answered {error.code}{f': {said}' if said else ''}")


def _said(error: HTTPError) -> str:
    """The sentence of a refusal, without what could move a terminal's cursor."""
    said = str(_value(error, "error") or "")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())[:200]


def _value(answer: HTTPResponse | HTTPError, name: str) -> object:
    """One value of a JSON answer; None when it has none."""
    try:
        return json.loads(answer.read(READ_BYTES))[name]
    except (ValueError, KeyError, TypeError, RecursionError, OSError, HTTPException):
        return None


def _number(text: str | None) -> int | None:
    """A number of bytes; None when it is none that can be meant."""
    return int(text) if text is not None and text.isdecimal() and len(text) < MAX_DIGITS else None


def _retry_after(headers: Message) -> float | None:
    try:
        wait = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return max(0.0, wait) if math.isfinite(wait) else None


def named(answer: HTTPResponse) -> str | None:
    """The file name that an answer gives itself; None when it gives none that is safe."""
    found = _NAMED.search(answer.headers.get("Content-Disposition", ""))
    return found[1] if found and not found[1].startswith(".") else None


def size_of(answer: HTTPResponse, start: int) -> int | None:
    """How large the whole file is that an answer is the rest of, from a byte on; None when it does not say.

    Raises TryError: it is not the rest from that byte on.
    """
    length = _number(answer.headers.get("Content-Length"))
    if not start:
        return length
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None or _number(found["first"]) != start:
        raise TryError("the host sent another part of the file than it was asked for")
    return _number(found["size"]) or (None if length is None else start + length)


def copy(answer: HTTPResponse, file: IO[bytes], told: Callable[[int], None]) -> None:
    """The rest of an answer to a file. Raises TryError when it breaks off, OSError when it cannot be written."""
    while True:
        try:
            piece = answer.read1(READ_BYTES)
        except (OSError, HTTPException) as error:
            raise TryError(f"the download broke off: {error}") from None
        if not piece:
            return
        file.write(piece)
        told(len(piece))
