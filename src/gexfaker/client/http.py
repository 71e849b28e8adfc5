"""Asking a server of ours, past any proxy that the environment names: it is on this machine, or is meant as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import Request


REFUSAL_BYTES: Final = 4096
"""What of a refusal is read: it is one sentence."""

MARK: Final = "x-gexfaker"
"""What every answer of ours has, unless a setting says otherwise."""


def why(error: Exception) -> str:
    """Why a server could not be asked, without the words of the library."""
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)


def unreachable(url: str, error: Exception) -> str:
    """A sentence about a server that cannot be asked, and what to do."""
    from ssl import SSLError  # here, because it takes 10 ms to load

    if not url.startswith(("http://", "https://")):
        return f"{url} is not the address of a server: write http://{url}"
    if (code := getattr(error, "code", None)) is not None and is_ours(error):
        return f"the server at {url} answered {code} {why(error)}: its log says why"
    if code is not None or not isinstance(error, OSError):
        answer = f"it answered {code} {why(error)}" if code else why(error)
        return f"what answers at {url} is not a gexfaker ({answer}); start one with: gexfaker serve"
    if isinstance(getattr(error, "reason", error), TimeoutError):
        return f"the server at {url} does not answer in time: it may be stopped, busy, or another program"
    if url.startswith("https://") and isinstance(getattr(error, "reason", error), SSLError):
        return f"the server at {url} does not speak TLS ({why(error)}): write http:// if it is a gexfaker"
    return f"no server at {url} ({why(error)}); start one with: gexfaker serve"


def is_ours(refused: Exception) -> bool:
    """Whether an HTTPError is the answer of a gexfaker."""
    headers = getattr(refused, "headers", None)
    return headers is not None and MARK in headers


def opened(request: Request, timeout: float | None = None) -> Any:
    """The answer, to be read and closed. Raises OSError (HTTPError among them), HTTPException."""
    from urllib.request import ProxyHandler, build_opener  # here, because it takes 20 ms to load

    return build_opener(ProxyHandler({})).open(request, timeout=timeout)


def fetch(request: Request, timeout: float) -> Any:
    """The decoded answer. Raises OSError (HTTPError among them), ValueError, HTTPException."""
    with opened(request, timeout) as answer:
        return json.load(answer)


def said(refused: HTTPError) -> str | None:
    """The sentence with which a server of ours refuses something, which is left to be closed; None without one."""
    try:
        return str(json.loads(refused.read(REFUSAL_BYTES))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
