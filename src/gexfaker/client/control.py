"""The client behind `gexfaker ctl`: ask the control plane, and say on one line what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import click

from gexfaker.client.http import fetch
from gexfaker.errors import ControlError

TIMEOUT_SECONDS: Final = 10.0
PAGE: Final = 1000
"""Sessions asked for at once: 1 MB."""

ALL: Final = "all"
"""Instead of a session: every one there is."""


class Control(NamedTuple):
    """Where the server is, who asks, whom it is about, and how the answer is printed.

    ``session`` is a session's id, or ALL; None is the session of ``key``.
    """

    url: str
    token: str | None
    session: str | None
    key: str
    as_json: bool

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer. Raises ControlError: there is no server, or it refuses."""
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request

        data = None if body is None else json.dumps(body).encode()
        headers = {"User-Agent": "gexfaker", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        base = self.url.rstrip("/")
        try:
            if not base.startswith(("http://", "https://")):
                raise ValueError("not an http:// address")
            request = Request(f"{base}/_gexfaker/sessions{path}", data, headers, method=method)  # noqa: S310
            return fetch(request, TIMEOUT_SECONDS)
        except HTTPError as error:
            raise ControlError(_refusal(error.code, error.read(4096))) from None
        except (OSError, ValueError, HTTPException) as error:
            raise ControlError(f"no server at {base} ({error}); start one with: gexfaker serve") from None

    def act(self, action: str, arguments: Mapping[str, object]) -> None:
        """Do something to the session, or to all, and print what came of it."""
        answer = self.ask("POST", self.path(f"/{action}"), dict(arguments))
        several = answer["sessions"] if self.session == ALL else [answer]
        self.print(answer, (effect_line(one["session"], action, one) for one in several))
        refused = [one for one in several if "error" in one]
        if refused:
            raise ControlError(f"{action}: not done to {len(refused)} of {len(several)} sessions")

    def everything(self) -> Any:
        """All sessions, page by page, in one answer."""
        answer = self.ask("GET", f"?limit={PAGE}")
        while len(answer["sessions"]) < answer["total"]:
            page = self.ask("GET", f"?limit={PAGE}&offset={len(answer['sessions'])}")["sessions"]
            if not page:  # some were forgotten meanwhile
                break
            answer["sessions"] += page
        return answer

    def path(self, action: str = "") -> str:
        """The session in the path; a key goes into the query, as it may be any text."""
        from urllib.parse import quote

        if self.session is None:
            return f"/by-key{action}?key={quote(self.key, safe='')}"
        if self.session != ALL and not self.session.startswith("key-"):
            raise ControlError(f"{self.session} is no session: an id begins with key-; an API key goes with --key")
        return f"/{quote(self.session, safe='')}{action}"

    def print(self, answer: object, lines: Iterable[str]) -> None:
        """The answer as JSON, or as lines for people."""
        if self.as_json:
            click.echo(json.dumps(answer, separators=(",", ":")))
        else:
            click.echo("\n".join(lines) or "there are no sessions")


def _refusal(code: int, body: bytes) -> str:
    """What an error answer says, on one line."""
    try:
        text = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        text = f"the server answered {code}: {body[:200].decode(errors='replace')}"
    return " ".join(text.split())


def effect_line(session: str, action: str, effect: Mapping[str, Any]) -> str:
    if "error" in effect:
        return f"{session} {action}: not done: {effect['error']}"
    reason = f" ({effect['reason']})" if effect["reason"] else ""
    return f"{session} {action}: {_text(effect['requested'])} -> {_text(effect['resolved'])}{reason}"


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "shown" in value:
        return f"{value['shown']}, record {value['index']} of {value['data_key']}"
    return ", ".join(f"{name} {content}" for name, content in value.items())


def status_line(status: Mapping[str, Any]) -> str:
    """One session on one line."""
    playback, count = status["playback"], len(status["connections"])
    connections = f"{count} connection{'' if count == 1 else 's'}"
    if playback is None:
        return f"{status['session']}  not used yet, {connections}"
    stepped = playback["playback"] == "step"
    pace = f"step {playback['interval']:g} s" if stepped else f"clock x{playback['speed']:g}"
    state = "paused" if playback["paused"] else "over" if playback["over"] else "playing"
    return (
        f"{status['session']}  {playback['shown'] or playback['day']}  {pace}, {_rest(playback)}{state}, {connections}"
    )


def _rest(playback: Mapping[str, Any]) -> str:
    return f"{playback['cache_mode']}, " + ("live timestamps, " if playback["timestamps"] == "live" else "")


def group_lines(status: Mapping[str, Any]) -> Iterable[str]:
    """The groups of a session's connections, each with its place, or why nothing comes."""
    for connection in status["connections"]:
        for group in connection["groups"]:
            said = (
                f"silent: {group['silent']}" if "silent" in group else f"record {group.get('next_record', '-')} is next"
            )
            yield f"  {connection['hub']} {group['group']}: {said}"
