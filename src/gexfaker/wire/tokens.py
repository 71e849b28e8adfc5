"""Access tokens: signed, expiring JWTs of the shape the service's own SDKs mint, and keys that stay secret."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gexfaker.errors import TokenError

SHOWN_AUDIENCE: Final = 200
"""Letters of another audience that a log shows."""

ALGORITHM: Final = "HS256"
JOIN_LEAVE: Final = "webpubsub.joinLeaveGroup"
SLOT: Final = "gexfaker.slot"
"""A claim of our own; the service keeps this where we cannot see it."""

WATCHES: Final = "gexfaker.watches"
"""Another one: whoever has it is no client."""

CLOCK_SKEW_SECONDS: Final = 300
"""How far a token may be past its expiry at most, as the service's emulator allows."""

SKEW_SHARE: Final = 1 / 12
"""The same as a share of the token's lifetime: five minutes of an hour. Without it, a lifetime of ten seconds would be
one of five minutes and ten seconds."""


class Grant(msgspec.Struct, frozen=True):
    """What a token allows: whose session it is (None: anonymous), the roles, and groups joined on connect.

    ``slot`` names the negotiation that it belongs to; None where negotiating again leaves earlier tokens valid. Who
    only ``watches`` is no client of the key: no fault hits it, and no journal and no log tells of it.
    """

    user_id: str | None
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    slot: str | None = None
    watches: bool = False

    @property
    def is_joined_by_server(self) -> bool:
        """Whether the key has negotiated with POST, so that the server says in which groups its connections are."""
        return self.slot is not None and not self.roles


PREFIX: Final = "key-"
_WORLD_ID: Final = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")


def world_id(key: str) -> str:
    """The name of an API key's session: a digest, so that tokens, logs and replies never carry the key."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()[:16]


def _jwt() -> Any:
    """The library, loaded with the first token: it takes 16 ms of a start."""
    import jwt

    return jwt


def is_world_id(text: str) -> bool:
    """Whether a text looks like what ``world_id`` gives."""
    return _WORLD_ID.fullmatch(text) is not None


def mask(secret: str) -> str:
    """A key as logs may show it: its first characters only, none of a short one."""
    return f"{secret[:4]}***" if len(secret) >= 12 else "***"


def shown_start(key: str) -> str:
    """The start of a key, for a user who wants to see which is which: half of it, eight letters at the most."""
    return f"{key[: min(8, len(key) // 2)]}..."


def mint(grant: Grant, audience: str, secret: str, now: float, lifetime: float) -> str:
    """A token for ``audience`` (a hub's URL) valid for ``lifetime`` seconds from ``now`` (epoch seconds)."""
    claims: dict[str, Any] = {"aud": audience, "iat": int(now), "exp": int(now + lifetime)}
    if grant.user_id is not None:
        claims["sub"] = grant.user_id
    if grant.roles:
        claims["role"] = list(grant.roles)
    if grant.groups:
        claims["webpubsub.group"] = list(grant.groups)
    if grant.slot is not None:
        claims[SLOT] = grant.slot
    if grant.watches:
        claims[WATCHES] = True
    token: str = _jwt().encode(claims, secret, algorithm=ALGORITHM)
    return token


ANEW: Final = "negotiate again; with --token-secret tokens stay good when the server is started again"


def verify(token: str, secret: str, now: float, audience: str | None = None, hub: str = "") -> Grant:
    """What ``token`` allows, checked for signature, expiry, and ``audience`` when one is given.

    As on the service a token is good for the hub that it was made for. The host in it is often another one here, as
    behind a proxy, and is compared with ``audience`` only.

    Raises:
        TokenError: not a token, not signed by us, expired, or made for another hub or audience.
    """
    if not token:
        raise TokenError("there is no access token")
    options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
    jwt = _jwt()
    try:
        claims = jwt.decode(token, secret, algorithms=[ALGORITHM], options=options)
    except jwt.InvalidSignatureError:
        text = "the access token was signed by another server, or by this one before it was started again"
        raise TokenError(text, remedy=ANEW) from None
    except (jwt.PyJWTError, UnicodeError) as error:
        raise TokenError(f"the access token is not valid: {error}") from None
    expiry, owner = claims.get("exp"), "" if claims.get(WATCHES) is True else str(claims.get("sub") or "")
    if not isinstance(expiry, int | float) or expiry + _skew(claims.get("iat"), expiry) < now:
        raise TokenError("the access token has expired", owner)
    named = _HUB.search(str(claims.get("aud")))
    if hub and named is not None and named[1].lower() != hub.lower():
        made_for = named[1][:SHOWN_AUDIENCE]
        text = f"the access token is for hub {made_for}, and this is {hub}: each hub has a URL of its own"
        raise TokenError(text, owner, f"use that of {hub} from the same answer")
    if audience is not None and str(claims.get("aud")).lower() != audience.lower():
        made_for = str(claims.get("aud"))[:SHOWN_AUDIENCE]
        raise TokenError(f"the access token is for {made_for}, and this is {audience}", owner)
    user_id, slot = claims.get("sub"), claims.get(SLOT)
    roles, groups = _strings(claims.get("role")), _strings(claims.get("webpubsub.group"))
    slot = slot if isinstance(slot, str) else None
    return Grant(user_id and _text(user_id), roles, groups, slot, claims.get(WATCHES) is True)


_HUB: Final = re.compile(r"/client/hubs/([^/]+)/?$")
"""The hub in a token's audience. Source: Azure Web PubSub, ``aud`` is the endpoint and ``/client/hubs/HUB``."""


def _skew(issued: object, expiry: float) -> float:
    """How many seconds a token may be past its expiry; one that does not say when it was made gets the most."""
    if not isinstance(issued, int | float):
        return CLOCK_SKEW_SECONDS
    return max(min(CLOCK_SKEW_SECONDS, (expiry - issued) * SKEW_SHARE), 0)


def _text(name: str) -> str:
    """``name`` if it can be sent: JSON's escapes can spell half a character, which no frame can carry."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise TokenError("the access token holds a name that is not text") from None
    return name


def _strings(claim: object) -> tuple[str, ...]:
    if isinstance(claim, str):
        claim = [claim]
    if claim is None:
        return ()
    if isinstance(claim, Sequence) and all(isinstance(item, str) for item in claim):
        return tuple(_text(item) for item in claim)
    raise TokenError("the access token's roles or groups are not a list of names")


def reconnection_token(connection_id: str, secret: str) -> str:
    """The token that recovers one connection; it holds for that connection only, any number of times."""
    message = f"reconnect:{connection_id}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
