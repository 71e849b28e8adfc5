"""Links that open one file for a while and for everybody: no API key is needed, and none is in them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

EXPIRED: Final = "Signature not valid in the specified time frame: the link has expired."
FORGED: Final = "Signature did not match. The link was changed, or it was signed by another server."

OWNER: Final = "skoid"
_EPOCH: Final = re.compile(r"[0-9]{1,12}")


def sign(name: str, secret: str, expires: int, owner: str = "") -> str:
    """The query that opens the file ``name`` until ``expires`` (epoch seconds).

    ``owner`` is the id of the key that has asked for it, which faults and the journal of that key need. Azure has the
    id of who has signed in the same place.
    """
    return f"se={expires}&sp=r&{OWNER}={owner}&sig={_signature(name, secret, str(expires), owner)}"


def refusal(name: str, query: Mapping[str, str], secret: str, now: float) -> str | None:
    """Why a query does not open the file ``name`` at ``now`` (epoch seconds); None when it does."""
    expires, given = query.get("se", ""), query.get("sig", "")
    wanted = _signature(name, secret, expires, query.get(OWNER, ""))
    # Bytes, because text that is not ASCII cannot be compared in constant time.
    if not _EPOCH.fullmatch(expires) or not hmac.compare_digest(given.encode(errors="replace"), wanted.encode()):
        return FORGED
    return EXPIRED if now >= int(expires) else None


def _signature(name: str, secret: str, expires: str, owner: str) -> str:
    message = f"file:{expires}:{owner}:{name}".encode(errors="replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
