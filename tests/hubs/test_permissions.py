"""Roles: literal names, wildcards, escapes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.hubs.permissions import JOIN, MAX_STARS, SEND, allows


@pytest.mark.parametrize(
    ("role", "group", "allowed"),
    [
        ("webpubsub.joinLeaveGroup", "anything", True),
        ("webpubsub.joinLeaveGroup.g", "g", True),
        ("webpubsub.joinLeaveGroup.g", "G", False),
        ("webpubsub.joinLeaveGroup.g", "gg", False),
        ("webpubsub.joinLeaveGroup.*", "*", True),
        ("webpubsub.joinLeaveGroup.*", "g", False),
        ("webpubsub.joinLeaveGroup.a.b", "a.b", True),
        ("webpubsub.joinLeaveGroup.", "g", False),
        ("webpubsub.JoinLeaveGroup", "g", False),
        ("webpubsub.sendToGroup", "g", False),
        ("webpubsub.joinLeaveGroups", "g", False),
        ("webpubsub.joinLeaveGroups.g", "g", True),
        ("webpubsub.joinLeaveGroups.g", "gx", False),
        ("webpubsub.joinLeaveGroups.?", "g", True),
        ("webpubsub.joinLeaveGroups.?", ".", False),
        ("webpubsub.joinLeaveGroups.?", "gg", False),
        ("webpubsub.joinLeaveGroups.?", "", False),
        ("webpubsub.joinLeaveGroups.*", "blue_SPX", True),
        ("webpubsub.joinLeaveGroups.*", "a.b", False),
        ("webpubsub.joinLeaveGroups.*", "line\nbreak", True),
        ("webpubsub.joinLeaveGroups.**", "a.b\n.c", True),
        ("webpubsub.joinLeaveGroups.blue_*_orderflow", "blue_ES_SPX_orderflow", True),
        ("webpubsub.joinLeaveGroups.blue_*_orderflow", "blue__orderflow", True),
        ("webpubsub.joinLeaveGroups.blue_*_orderflow", "blue_SPX_classic", False),
        ("webpubsub.joinLeaveGroups.a.*.c", "a.b.c", True),
        ("webpubsub.joinLeaveGroups.a.*.c", "a.b.b.c", False),
        ("webpubsub.joinLeaveGroups.a.**.c", "a.b.b.c", True),
        (r"webpubsub.joinLeaveGroups.\*", "*", True),
        (r"webpubsub.joinLeaveGroups.\*", "g", False),
        (r"webpubsub.joinLeaveGroups.\?x", "?x", True),
        (r"webpubsub.joinLeaveGroups.a\\b", r"a\b", True),
        ("webpubsub.joinLeaveGroups.a\\", "a\\", True),
        ("webpubsub.joinLeaveGroups.[ab]+(c)|d$", "[ab]+(c)|d$", True),
        ("webpubsub.joinLeaveGroups.[ab]", "a", False),
        ("webpubsub.joinLeaveGroups.*****", "abc", True),
        ("webpubsub.joinLeaveGroups.******", "abc", False),
        ("", "g", False),
    ],
)
def test_one_role(role: str, group: str, allowed: bool) -> None:
    assert allows([role], JOIN, group) is allowed
    assert allows(["webpubsub.other", role], JOIN, group) is allowed
    assert allows((), JOIN, group) is False
    other = role.replace("joinLeaveGroup", "sendToGroup")
    if other != role:
        assert allows([other], SEND, group) is allowed
        assert allows([role], SEND, group) is False


@given(st.text(max_size=8))
def test_a_literal_role_opens_its_name(group: str) -> None:
    assert allows([f"{JOIN}.{group}"], JOIN, group)
    assert not allows([f"{JOIN}.{group}x"], JOIN, group)


@given(st.text("ab.*?\\\n", max_size=12), st.text("ab.\n", max_size=12))
def test_patterns_against_a_matcher_by_hand(pattern: str, group: str) -> None:
    expected = pattern.count("*") <= 5 and matches(pattern, group)
    assert allows([f"{SEND}s.{pattern}"], SEND, group) is expected


def matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(matches(pattern[2:], text[at:]) for at in range(len(text) + 1))
    if pattern[0] == "*":
        stop = (text + ".").index(".")
        return any(matches(pattern[1:], text[at:]) for at in range(stop + 1))
    if pattern[0] == "?":
        return text[:1] not in ("", ".") and matches(pattern[1:], text[1:])
    if pattern[0] == "\\" and len(pattern) > 1:
        pattern = pattern[1:]
    return text[:1] == pattern[0] and matches(pattern[1:], text[1:])


def reference(pattern: str) -> re.Pattern[str]:
    """The same meaning as a regular expression, which takes long for some patterns."""
    signs = {"?": "[^.]", "*": "[^.]*", "**": ".*"}
    found = re.findall(r"\\.|\*\*|.", pattern, flags=re.DOTALL)
    return re.compile("".join(signs.get(sign) or re.escape(sign[-1]) for sign in found), re.DOTALL)


@given(pattern=st.text("ab.*?\\", max_size=8), name=st.text("ab.*?\\", max_size=10))
def test_patterns_mean_what_the_regular_expression_means(pattern: str, name: str) -> None:
    role = f"{JOIN}s.{pattern}"
    wanted = pattern.count("*") <= MAX_STARS and reference(pattern).fullmatch(name) is not None
    assert allows([role], JOIN, name) is wanted


def test_the_worst_pattern_takes_steps_in_proportion_to_the_name() -> None:
    """A regular expression would try 1,000 to the power of five combinations."""
    assert not allows([f"{JOIN}s.*a*a*a*a*ab"], JOIN, "a" * 1024)
    assert allows([f"{JOIN}s.*a*a*a*a*ab"], JOIN, "a" * 1024 + "b")
