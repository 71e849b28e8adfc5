"""Where the caller sees this server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gexfaker.server.service import Service

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


def base_url(service: Service, headers: Mapping[str, str], scheme: str) -> str | None:
    """``http(s)://host[:port]`` as the caller sees this server; None when its Host header is unusable.

    The public-URL setting wins; forwarded headers count only when a setting trusts them.
    """
    settings = service.settings
    if settings.public_url is not None:
        return settings.public_url
    host = headers.get("host", "")
    if settings.trust_forwarded:
        scheme = headers.get("x-forwarded-proto", scheme).split(",")[0].strip().lower()
        host = headers.get("x-forwarded-host", host).split(",")[0].strip()
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return None
    return f"{scheme}://{host}"
