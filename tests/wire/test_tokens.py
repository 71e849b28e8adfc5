"""Access tokens, keys and reconnection tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import TokenError
from gexfaker.wire.tokens import (
    CLOCK_SKEW_SECONDS,
    Grant,
    mask,
    mint,
    reconnection_token,
    verify,
    world_id,
)

SECRET = "0123456789abcdef0123456789abcdef"
AUDIENCE = "http://localhost:8080/client/hubs/orderflow"
NOW = 1_786_730_400.0
GRANT = Grant("key-1", ("webpubsub.joinLeaveGroup",), ("blue_SPX_orderflow_orderflow", "b"))


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed(claims: dict[str, Any], secret: str = SECRET, header: dict[str, Any] | None = None) -> str:
    """A token written by hand."""
    text = encoded(header or {"alg": "HS256", "typ": "JWT"}) + "." + encoded(claims)
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def opens(claims: dict[str, Any]) -> Grant:
    return verify(signed({"exp": NOW + 60, **claims}), SECRET, NOW)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.none() | NAMES, st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5))
def test_round_trip(user_id: str | None, roles: list[str], groups: list[str]) -> None:
    grant = Grant(user_id, tuple(roles), tuple(groups))
    assert verify(mint(grant, AUDIENCE, SECRET, NOW, 3600), SECRET, NOW, AUDIENCE) == grant


def test_the_shape_is_the_service_sdks() -> None:
    header, claims, _ = mint(GRANT, AUDIENCE, SECRET, NOW + 0.75, 3600).split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {
        "aud": AUDIENCE,
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
        "sub": "key-1",
        "role": ["webpubsub.joinLeaveGroup"],
        "webpubsub.group": ["blue_SPX_orderflow_orderflow", "b"],
    }


def test_claims_that_say_nothing_are_left_out() -> None:
    claims = jwt.decode(mint(Grant(None), AUDIENCE, SECRET, NOW, 60), options={"verify_signature": False})
    assert set(claims) == {"aud", "iat", "exp"}


@pytest.mark.parametrize(
    ("late", "accepted"),
    [
        (-3600, True),
        (0, True),
        (CLOCK_SKEW_SECONDS - 1, True),
        (CLOCK_SKEW_SECONDS, True),
        (CLOCK_SKEW_SECONDS + 1, False),
        (10**6, False),
    ],
)
def test_expiry_with_skew(late: float, accepted: bool) -> None:
    token = mint(GRANT, AUDIENCE, SECRET, NOW, 3600)
    if accepted:
        assert verify(token, SECRET, NOW + 3600 + late) == GRANT
    else:
        with pytest.raises(TokenError, match="expired"):
            verify(token, SECRET, NOW + 3600 + late)


@pytest.mark.parametrize(("lifetime", "skew"), [(10, 0), (60, 5), (240, 20), (3600, 300), (10 * 3600, 300)])
def test_a_short_lifetime_has_a_short_skew(lifetime: float, skew: float) -> None:
    token = mint(GRANT, AUDIENCE, SECRET, NOW, lifetime)
    assert verify(token, SECRET, NOW + lifetime + skew) == GRANT
    with pytest.raises(TokenError, match="expired"):
        verify(token, SECRET, NOW + lifetime + skew + 1)


@pytest.mark.parametrize("issued", [{}, {"iat": None}, {"iat": "yesterday"}, {"iat": 10**12}])
def test_a_token_that_does_not_say_when_it_was_made_gets_no_unlimited_skew(issued: dict[str, Any]) -> None:
    token = signed({"exp": NOW, **issued})
    with pytest.raises(TokenError, match="expired"):
        verify(token, SECRET, NOW + CLOCK_SKEW_SECONDS + 1)


@pytest.mark.parametrize("claims", [{}, {"exp": None}, {"exp": "99999999999"}, {"exp": []}, {"exp": 0}])
def test_a_token_must_say_when_it_ends(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        verify(signed(claims), SECRET, NOW)


def test_the_hand_written_signer_is_right() -> None:
    assert opens({"sub": "u"}) == Grant("u")


def bad_tokens() -> dict[str, str]:
    good = mint(GRANT, AUDIENCE, SECRET, NOW, 3600)
    header, claims, signature = good.split(".")
    longer = {"exp": NOW + 10**7, "role": ["webpubsub.sendToGroup"]}
    none = encoded({"alg": "none", "typ": "JWT"}) + "." + encoded(longer) + "."
    return {
        "empty": "",
        "word": "token",
        "dots": "..",
        "two parts": header + "." + claims,
        "no signature": f"{header}.{claims}.",
        "four parts": good + ".x",
        "other claims": f"{header}.{encoded(longer)}.{signature}",
        "other secret": signed(longer, "another-secret-another-secret-00"),
        "alg none": none,
        "alg none, signed": none + signature,
        "alg HS512": jwt.encode(longer, SECRET * 2, algorithm="HS512"),
        "lower case alg": signed(longer, header={"alg": "hs256"}),
        "no alg": signed(longer, header={"typ": "JWT"}),
        "alg a list": signed(longer, header={"alg": ["HS256"]}),
        "header a list": encoded([]) + "." + claims + "." + signature,
        "claims a list": signed([]),  # type: ignore[arg-type]
        "claims a number": signed(5),  # type: ignore[arg-type]
        "critical": signed(longer, header={"alg": "HS256", "crit": ["x"]}),
        "not ASCII": "é.é.é",
        "half a character": "\ud800",
        "NUL": "\0.\0.\0",
        "deep": base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=") + "." + claims + "." + signature,
        "long": "x" * 100_000,
        "quoted": f'"{good}"',
        "bearer": f"Bearer {good}",
    }


@pytest.mark.parametrize("name", bad_tokens())
def test_bad_tokens(name: str) -> None:
    with pytest.raises(TokenError):
        verify(bad_tokens()[name], SECRET, NOW)


def test_every_truncation_is_refused() -> None:
    good = mint(GRANT, AUDIENCE, SECRET, NOW, 3600)
    for size in range(len(good)):
        with pytest.raises(TokenError):
            verify(good[:size], SECRET, NOW)


def test_damaged_tokens_are_refused_or_mean_the_same() -> None:
    """The last character of a base64 text has idle bits; nothing else may change and stay valid."""
    rng = random.Random(2)
    good = mint(GRANT, AUDIENCE, SECRET, NOW, 3600)
    for _ in range(3_000):
        at = rng.randrange(len(good) - 1)
        damaged = good[:at] + rng.choice("abcXYZ019-_.=% \n\0é\ud800") + good[at + 1 :]
        try:
            assert verify(damaged, SECRET, NOW) == GRANT
        except TokenError:
            continue
        assert damaged == good


@pytest.mark.parametrize(
    ("audience", "asked", "accepted"),
    [
        (AUDIENCE, AUDIENCE, True),
        (AUDIENCE.upper(), AUDIENCE, True),
        (AUDIENCE, AUDIENCE.replace("orderflow", "OrderFlow"), True),
        (AUDIENCE, None, True),
        (None, None, True),
        (AUDIENCE, AUDIENCE.replace("orderflow", "classic"), False),
        (AUDIENCE, AUDIENCE + "/", False),
        (None, AUDIENCE, False),
        ([AUDIENCE], AUDIENCE, False),
        (5, AUDIENCE, False),
    ],
)
def test_audience(audience: object, asked: str | None, accepted: bool) -> None:
    claims = {"exp": NOW + 60, "sub": "u"} | ({} if audience is None else {"aud": audience})
    if accepted:
        assert verify(signed(claims), SECRET, NOW, asked) == Grant("u")
    else:
        with pytest.raises(TokenError):
            verify(signed(claims), SECRET, NOW, asked)


@pytest.mark.parametrize("claim", ["role", "webpubsub.group"])
@pytest.mark.parametrize(
    ("value", "names"),
    [("one", ("one",)), (["a", "b"], ("a", "b")), ([], ()), (None, ()), ("", ("",)), (["ü", "😀"], ("ü", "😀"))],
)
def test_roles_and_groups_are_a_name_or_a_list(claim: str, value: object, names: tuple[str, ...]) -> None:
    grant = opens({claim: value})
    assert (grant.roles if claim == "role" else grant.groups) == names


@pytest.mark.parametrize("claim", ["role", "webpubsub.group"])
@pytest.mark.parametrize(
    "value", [5, 0, True, False, 1.5, {}, {"a": "b"}, [1], ["a", None], [["a"]], ["\ud800"], "\udc00"]
)
def test_other_roles_and_groups_are_refused(claim: str, value: object) -> None:
    with pytest.raises(TokenError):
        opens({claim: value})


@pytest.mark.parametrize("user_id", [5, 0, True, [], {}, "\ud800", "a\udfffb"])
def test_a_user_id_is_text_that_can_be_sent(user_id: object) -> None:
    with pytest.raises(TokenError):
        opens({"sub": user_id})


def test_times_of_issue_do_not_matter() -> None:
    """Only the expiry is checked: a client's clock may run ahead of ours."""
    assert opens({"iat": NOW + 10**6, "nbf": NOW + 10**6, "sub": "u"}) == Grant("u")


# --- keys ----------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_mask_never_reveals_a_key(secret: str) -> None:
    shown = mask(secret)
    assert shown.endswith("***")
    assert len(shown) <= 7
    assert len(shown) - 3 <= len(secret) / 3, "at most a third of it"


@pytest.mark.parametrize(
    ("secret", "shown"), [("", "***"), ("short", "***"), ("elevenchars", "***"), ("gexbot_custom_abcdef", "gexb***")]
)
def test_mask_table(secret: str, shown: str) -> None:
    assert mask(secret) == shown


def test_session_id_is_stable_and_hides_the_key() -> None:
    key = "gexbot_custom_abcdef"
    assert world_id(key) == "key-" + hashlib.sha256(key.encode()).hexdigest()[:16]
    assert world_id(key) == world_id(key) != world_id(key + "x")
    assert world_id("ü😀")
    assert "custom" not in world_id(key)


def test_reconnection_tokens_belong_to_one_connection_and_secret() -> None:
    one = reconnection_token("a", SECRET)
    assert one == reconnection_token("a", SECRET)
    assert len({one, reconnection_token("b", SECRET), reconnection_token("a", SECRET + "x")}) == 3
    assert one != "a"
    assert SECRET not in one
