"""Request targets as clients write them: absolute, with doubled slashes, with a slash at the end."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_DOUBLED: Final = re.compile("/{2,}")


class Targets:
    """Passes requests on with a plain path, so that no route needs to know, and nothing is answered by a redirect.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            path = plain_path(scope["path"])
            if path != scope["path"]:
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def plain_path(target: str) -> str:
    """The path of a target: ``http://host/v2//tickers/`` is ``/v2/tickers``."""
    if target.startswith(("http://", "https://")):  # a proxy's form (RFC 9112, 3.2.2); servers must take it, too
        target = "/" + target.partition("://")[2].partition("/")[2]
    if "//" not in target and not target.endswith("/"):
        return target
    path = _DOUBLED.sub("/", target)
    return path.rstrip("/") if len(path) > 1 and path != "/client/" else path
