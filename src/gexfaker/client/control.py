"""Our client of the control plane: it asks, and gives the decoded answer, or one sentence why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gexfaker.client.http import fetch, opened, said, unreachable
from gexfaker.errors import ControlError
from gexfaker.playback.actions import CREATION, SHOWN_CHARS, Action

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import Request

_VERSION: Final = re.compile(r"/v[12]$")
"""What stands behind the base URL of clients of the service; the control plane has no versions."""

TIMEOUT_SECONDS: Final = 10.0
PAGE: Final = 1000
"""Sessions asked for at once: 1 MB."""

ALL: Final = "all"
"""Instead of a session: every one there is."""


UNMET: Final = 406
"""The status of an answer that says what is missing of what was expected."""


class UnmetError(ControlError):
    """What was expected of a client does not hold.

    Attributes:
        answer: the server's: the sentence, and the entries of the journal that came nearest.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer["error"]))
        self.answer: Final = answer


class Target(NamedTuple):
    """Whom it is about: the session of that id, or ALL; without an id the session of the API key."""

    key: str = "demo"
    session: str | None = None

    def query(self) -> str:
        """The session in a query, as the routes of faults and journal take it. Raises ControlError: it is none."""
        from urllib.parse import quote

        if self.session is None:
            return f"?key={quote(self.key, safe='')}"
        if not self.session.startswith("key-"):
            raise ControlError(f"{self.session} is no session: an id begins with key-, and this is for one key")
        return f"?session={self.session}"

    def path(self, ending: str = "") -> str:
        """The session in the path; a key goes into the query, as it may be any text. Raises ControlError."""
        from urllib.parse import quote

        if self.session is None:
            return f"/by-key{ending}?key={quote(self.key, safe='')}"
        if self.session != ALL and not self.session.startswith("key-"):
            raise ControlError(f"{self.session} is no session: an id begins with key-; an API key goes with --key")
        return f"/{quote(self.session, safe='')}{ending}"


class Control:
    """A server's control plane.

    Args:
        url: base URL of the server.
        token: its control token, where it has one.
        timeout: seconds that it has to answer.

    Every method raises ControlError: there is no server, or it refuses.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        self._base: Final = _VERSION.sub("", url.rstrip("/"))
        self._token: Final = token
        self._timeout: Final = timeout

    def act(self, target: Target, action: Action) -> Any:
        """Do something to a session, or to all; the effect, or with ALL a list of them in ``sessions``."""
        _check(target, action)
        return self._ask("POST", target.path(f"/{action.NAME}"), action.given())

    def create(self, key: str, actions: Iterable[Action]) -> Any:
        """Begin a key's session anew with the arguments of these actions, which are among those of CREATION."""
        actions = list(actions)
        for action in actions:
            _check_creation(action)
        arguments = {name: value for action in actions for name, value in action.given().items()}
        return self._ask("POST", "", {"key": key, **arguments})

    def show(self, target: Target) -> Any:
        """One session; with ALL, all of them."""
        return self.sessions() if target.session == ALL else self._ask("GET", target.path())

    def sessions(self) -> Any:
        """All sessions, asked for page by page, in one answer."""
        answer = self._ask("GET", f"?limit={PAGE}")
        while len(answer["sessions"]) < answer["total"]:
            page = self._ask("GET", f"?limit={PAGE}&offset={len(answer['sessions'])}")["sessions"]
            if not page:  # some were forgotten meanwhile
                break
            answer["sessions"] += page
        return answer

    def close(self, target: Target) -> Any:
        """Close all connections of a session, as the service does."""
        return self._ask("DELETE", target.path())

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return self.ask(method, f"/sessions{path}", body)

    def ask(self, method: str, path: str, body: object = None, *, longer: float = 0.0) -> Any:
        """What the server answers to any path below ``/_gexfaker``.

        Args:
            method, path: of the request.
            body: bytes as they are, or what is made JSON of.
            longer: seconds that it may take beyond the timeout.

        Raises:
            UnmetError: 406, what is expected does not hold.
        """
        from http.client import HTTPException
        from urllib.error import HTTPError

        try:
            return fetch(self._request(method, path, body), self._timeout + longer)
        except HTTPError as error:
            if error.code == UNMET:
                raise UnmetError(json.loads(error.read())) from None
            raise ControlError(_refusal(self._base, error)) from None
        except (OSError, ValueError, HTTPException) as error:
            raise ControlError(unreachable(self._base, error)) from None

    def _request(self, method: str, path: str, body: object = None, accept: str = "application/json") -> Request:
        """Raises ValueError: the address is none."""
        from urllib.request import Request

        if not self._base.startswith(("http://", "https://")):
            raise ValueError("not an http:// address")
        is_raw = isinstance(body, bytes)
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"User-Agent": "gexfaker", "Accept": accept}
        headers["Content-Type"] = "application/octet-stream" if is_raw else "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return Request(f"{self._base}/_gexfaker{path}", data, headers, method=method)  # noqa: S310

    def follow(self, path: str) -> Iterator[Any]:
        """The events of a path below ``/_gexfaker``, decoded, until the server ends them. Raises ControlError."""
        from http.client import HTTPException
        from urllib.error import HTTPError

        try:
            with opened(self._request("GET", path, accept="text/event-stream")) as answer:
                for line in answer:
                    if line.startswith(b"data: "):
                        yield json.loads(line.removeprefix(b"data: "))
        except HTTPError as error:
            raise ControlError(_refusal(self._base, error)) from None
        except (OSError, ValueError, HTTPException) as error:
            raise ControlError(unreachable(self._base, error)) from None


def _check(target: object, action: object) -> None:
    if not isinstance(target, Target) or not isinstance(action, Action):
        wanted = "act(Target(key), action), such as act(Target('demo'), Pause())"
        raise ControlError(f"write {wanted}, and not act({_shown(target)}, {_shown(action)})")


def _check_creation(action: object) -> None:
    if not isinstance(action, CREATION):
        names = ", ".join(known.NAME for known in CREATION)
        raise ControlError(f"create takes {names}, and not {_shown(action)}: do that afterwards, with act")


def _shown(given: object) -> str:
    """What was given instead of an action or a target, for a sentence."""
    return given.NAME if isinstance(given, Action) else repr(given)[:SHOWN_CHARS]


def _refusal(base: str, error: HTTPError) -> str:
    """What an error answer says, on one line; a server of ours answers with JSON."""
    return " ".join((said(error) or unreachable(base, error)).split())
