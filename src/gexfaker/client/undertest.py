"""One API key in the hand of a test: its clock, its faults, its journal, and records of one's own."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gexfaker.client.control import Control, Target, UnmetError
from gexfaker.errors import ControlError
from gexfaker.parsing import duration

if TYPE_CHECKING:
    from gexfaker.playback.actions import Action

TAIL: Final = 20
"""Entries of the journal that a failed expectation shows."""

Rule = Mapping[str, Any]


class ExpectationError(AssertionError):
    """A client did not do what a test expects; the text has the sentence, and the end of the journal."""


class KeyUnderTest:
    """One API key of a running server. Nothing that is done to it is felt by another key.

    Args:
        url: base URL of the server, for the client under test.
        key: the API key, for the client under test.
        token: the server's control token, where it has one.

    Attributes:
        url, key: as given.
        control: the server's control plane.

    Every method raises ControlError: there is no server, or it refuses.
    """

    def __init__(self, url: str, key: str, token: str | None = None) -> None:
        self.url: Final = url.rstrip("/")
        self.key: Final = key
        self.control: Final = Control(self.url, token)
        self._target: Final = Target(key)

    @property
    def ws_url(self) -> str:
        """The base URL of the WebSocket hubs; clients that negotiate are told whole addresses."""
        return f"ws{self.url.removeprefix('http')}"

    @property
    def headers(self) -> dict[str, str]:
        """What a REST request of this key carries."""
        return {"Authorization": f"Bearer {self.key}", "User-Agent": "gexfaker-test"}

    # --- its clock ---------------------------------------------------------------------------

    def act(self, action: Action) -> Any:
        """Do one of the control actions; its effect."""
        return self.control.act(self._target, action)

    def pause(self) -> Any:
        """The market stands still: what was due is sent, and nothing more."""
        from gexfaker.playback.actions import Pause

        return self.act(Pause())

    def resume(self) -> Any:
        """The market goes on."""
        from gexfaker.playback.actions import Resume

        return self.act(Resume())

    def step(self, count: int = 1) -> Any:
        """So many seconds of the market; in step mode so many records."""
        from gexfaker.playback.actions import Step

        return self.act(Step(count=count))

    def advance_to(self, time: float | str) -> Any:
        """To a time of the day (``10:30``) or epoch seconds."""
        from gexfaker.playback.actions import Seek

        return self.act(Seek(time=time))

    def speed(self, speed: float) -> Any:
        """So many seconds of the market in one; 0 is as fast as its clients read."""
        from gexfaker.playback.actions import Speed

        return self.act(Speed(speed=speed))

    def status(self) -> Any:
        """Where it is, its connections and their groups."""
        return self.control.show(self._target)

    def close(self) -> Any:
        """Close all its connections, as the service does."""
        return self.control.close(self._target)

    # --- its faults --------------------------------------------------------------------------

    def faults(self) -> list[dict[str, Any]]:
        """Its rules in their order, with what they have seen and hit."""
        found: list[dict[str, Any]] = self._ask("GET", "/faults")["faults"]
        return found

    def set_faults(self, *rules: Rule | Sequence[Rule], seed: int = 0) -> None:
        """Have exactly these rules, one by one or in a list; without any all are off."""
        listed = [dict(rule) for given in rules for rule in rules_in(given)]
        self._ask("PUT", "/faults", {"faults": listed, "seed": seed})

    def add_fault(self, type_: str, **rule: Any) -> None:
        """Add a rule behind the others: ``add_fault("latency", latency=300, on={"route": "/SPX/*"})``.

        What is no part of a rule is an attribute; ``for_`` stands for ``for``.
        """
        given = {name.rstrip("_"): value for name, value in rule.items()}
        parts = {name: value for name, value in given.items() if name in PARTS}
        attributes = {name: value for name, value in given.items() if name not in PARTS}
        attributes |= parts.pop("attributes", {})
        self._ask("POST", "/faults", {"type": type_, **parts, "attributes": attributes})

    def preset(self, name: str, seed: int = 0) -> None:
        """Have the rules of a preset, such as ``flaky-feed``."""
        self._ask("PUT", "/faults", {"preset": name, "seed": seed})

    # --- its journal -------------------------------------------------------------------------

    def journal(self, *types: str, since: int = 0) -> list[dict[str, Any]]:
        """The entries of these types after number ``since``, the oldest first; asking begins the journal."""
        found: list[dict[str, Any]] = []
        while True:
            asked = {"since": since} | ({"type": list(types)} if types else {})
            page = self._ask("POST", "/journal/find", asked)
            found += page["entries"]
            if not page["more"]:
                return found
            since = page["next"]

    @property
    def last(self) -> int:
        """The number of the last entry, to count only what comes after it."""
        return int(self._ask("POST", "/journal/count", {})["last"])

    def count(self, type_: str, since: int = 0, **where: Any) -> int:
        """How many entries of a type have these fields."""
        return int(self._ask("POST", "/journal/count", {"type": type_, "where": where, "since": since})["count"])

    def wait_for(
        self, type_: str, count: int = 1, within: float | str = 5.0, since: int = 0, **where: Any
    ) -> list[dict[str, Any]]:
        """The first ``count`` entries of a type with these fields, as soon as they are there.

        ``within`` is seconds, or a time such as ``5s``.

        Raises:
            ExpectationError: they did not come in time.
        """
        __tracebackhide__ = True
        asked = {"type": type_, "where": where, "since": since, "count": count, "within": within}
        found: list[dict[str, Any]] = self._expect("/journal/wait", asked, within)["entries"]
        return found

    def verify(
        self,
        *expectations: Rule | str | Sequence[Rule | str],
        within: float | str = 0.0,
        order: str = "any",
        since: int = 0,
    ) -> None:
        """That all of this holds, now or within so many seconds.

        Args:
            expectations: each an object as ``POST /_gexfaker/verify`` takes it, or the name of a ready-made one; or a
                list of them.
            within: seconds, or a time such as ``5s``.
            order: ``strict``: entries that meet them come in this order.
            since: only entries after this number count.

        Raises:
            ExpectationError: something does not hold.
        """
        __tracebackhide__ = True
        expect = _expected(expectations)
        self._expect("/verify", {"expect": expect, "within": within, "order": order, "since": since}, within)

    def clear_journal(self) -> None:
        """Forget all entries; numbers go on."""
        self._ask("POST", "/journal/clear")

    def report(self, body: Any) -> None:
        """Write what the client says of itself into the journal.

        For ``handled_in_order`` that is ``{"group": ..., "timestamps": [...]}`` of the records that it has handled.
        """
        self._ask("POST", "/report", body)

    # --- records of one's own ----------------------------------------------------------------

    def send(self, group: str, record: Mapping[str, Any] | bytes) -> int:
        """Send a record to a group of this key: as REST gives it, or a raw payload; returns to how many it went.

        A warning says so when no client is in the group.
        """
        from urllib.parse import quote

        if not isinstance(record, bytes | Mapping):
            raise ControlError(f"a record is an object as REST gives it, or bytes, not {type(record).__name__}")
        body = record if isinstance(record, bytes) else dict(record)
        answer = self._ask("POST", f"/groups/{quote(group, safe='')}/send", body)
        if not answer["hubs"]:
            warnings.warn(f"send({group!r}): {answer['reason']}", stacklevel=2)
        return int(answer["sent"])

    def state(self) -> Any:
        """All that makes up the key, as one document."""
        return self._ask("GET", "/state")

    def restore(self, state: Any) -> None:
        """Put the key where that document says."""
        self._ask("PUT", "/state", state)

    # --- asking ------------------------------------------------------------------------------

    def forget(self) -> None:
        """Close its connections, switch its faults off and end its journal."""
        self.set_faults()
        self._ask("DELETE", "/journal")
        if self.status_or_none() is not None:
            self.close()

    def status_or_none(self) -> Any:
        """``status``; None of a key that nothing is known of."""
        try:
            return self.status()
        except ControlError:
            return None

    def _ask(self, method: str, path: str, body: object = None, *, longer: float = 0.0) -> Any:
        return self.control.ask(method, path + self._target.query(), body, longer=longer)

    def _expect(self, path: str, body: object, within: float | str) -> Any:
        __tracebackhide__ = True
        try:
            return self._ask("POST", path, body, longer=_seconds(within))
        except UnmetError as unmet:
            raise ExpectationError(f"{unmet}\n{self._tail()}") from None

    def _tail(self) -> str:
        """The end of the journal, a line for each entry."""
        entries = self.journal()[-TAIL:]
        if entries:
            return "\n".join(["the journal of the key ends with:", *map(entry_line, entries)])
        others = [one["session"] for one in self.control.ask("GET", "/sessions?limit=4")["sessions"]]
        return NO_ENTRIES + (OTHER_KEYS.format(", ".join(others[:3])) if others else "")


NO_ENTRIES: Final = "the journal of the key is empty: no client has used this key since it was first asked for"
OTHER_KEYS: Final = "; other keys of this server are in use ({}): does the client use the key of the test?"
PARTS: Final = ("name", "on", "toxicity", "after", "count", "for", "when", "attributes", "enabled")
"""Of a rule, beside its type."""


def entry_line(entry: Mapping[str, Any]) -> str:
    """An entry of the journal as one line for people."""
    import datetime

    at = datetime.datetime.fromtimestamp(entry["at"]).astimezone()
    fields = {name: value for name, value in entry.items() if name not in ("number", "at", "type")}
    shown = " ".join(f"{name}={_shown(value)}" for name, value in fields.items())
    return f"  {entry['number']:>5}  {at:%H:%M:%S}.{at.microsecond // 1000:03}  {entry['type']:<12} {shown}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, separators=(",", ":"))


class AsyncKeyUnderTest:
    """The same for tests with an event loop: every method is awaited, and runs in a thread; so is ``last``.

    Args:
        key: the key under test.
    """

    def __init__(self, key: KeyUnderTest) -> None:
        self._key: Final = key

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return self._key.url

    @property
    def ws_url(self) -> str:
        """The base URL of the WebSocket hubs."""
        return self._key.ws_url

    @property
    def key(self) -> str:
        """The API key."""
        return self._key.key

    @property
    def headers(self) -> dict[str, str]:
        """What a REST request of this key carries."""
        return self._key.headers

    @property
    def last(self) -> Awaitable[int]:
        """The number of the last entry: ``await key.last``."""
        return asyncio.to_thread(lambda: self._key.last)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._key, name)

        def call(*arguments: Any, **options: Any) -> Awaitable[Any]:
            return asyncio.to_thread(method, *arguments, **options)

        return call


def _expected(given: Sequence[Rule | str | Sequence[Rule | str]]) -> list[Rule | str]:
    """The expectations, of lists their members. Raises ControlError: one is neither an object nor a name."""
    found = list[Rule | str]()
    for one in given:
        if isinstance(one, str | Mapping):
            found.append(one if isinstance(one, str) else dict(one))
        elif isinstance(one, list | tuple):
            found += _expected(one)
        else:
            raise ControlError(f"an expectation is an object or a name, not {type(one).__name__}")
    return found


def _seconds(within: float | str) -> float:
    """How long an answer may take; what is no time the server refuses."""
    try:
        return duration(within) if isinstance(within, str) else float(within)
    except (ValueError, TypeError):
        return 0.0


def rules_in(given: Any) -> list[Rule]:
    """One rule or several, as a list. Raises ControlError: it is a text, or nothing that rules can be."""
    if isinstance(given, str):
        by_name = (
            f"a fault goes by add_fault({given!r}), a preset by preset({given!r}), in a marker by preset={given!r}"
        )
        raise ControlError(f"{given!r} is no rule: {by_name}")
    if not isinstance(given, Mapping | Sequence):
        raise ControlError(f"a rule is an object such as {{'type': 'drop'}}, not {given!r:.60}")
    return [given] if isinstance(given, Mapping) else list(given)
