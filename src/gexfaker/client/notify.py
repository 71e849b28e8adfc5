"""A word to whoever is not watching: a webhook, or a topic of ntfy."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Final
from urllib.error import URLError
from urllib.request import Request, urlopen

TIMEOUT_SECONDS: Final = 10.0


def notify(webhook: str | None, ntfy: str | None, title: str, message: str) -> list[str]:
    """Tell it to those that are named; sentences about what did not work, none of which ends anything.

    Args:
        title: in ASCII, as it is sent in a header.
    """
    troubles = []
    if webhook is not None:
        body = json.dumps({"title": title, "message": message}).encode()
        troubles += _post(webhook, body, {"Content-Type": "application/json"})
    if ntfy is not None:
        troubles += _post(
            ntfy, message.encode(), {"Title": title.encode("ascii", "replace").decode(), "Tags": "warning"}
        )
    return troubles


def _post(url: str, body: bytes, headers: dict[str, str]) -> list[str]:
    try:
        with urlopen(Request(url, body, headers | {"User-Agent": "gexfaker"}), timeout=TIMEOUT_SECONDS):  # noqa: S310
            return []
    except (URLError, OSError, HTTPException, ValueError) as error:
        return [f"{url.partition('?')[0]} could not be told: {getattr(error, 'reason', error)}"]
