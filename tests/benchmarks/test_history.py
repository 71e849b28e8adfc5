"""What is kept of a release, and what counts as a change."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.history import change, keep, newest


@pytest.mark.parametrize(
    ("name", "now", "before", "same_machine", "told"),
    [
        ("us a message", [2.0, 2.1], [1.0, 1.1], True, "+95 %"),
        ("us a message", [0.5], [1.0, 1.1], True, "-52 %"),
        ("us a message", [1.1, 1.3], [1.0, 1.2], True, "="),  # the ranges meet
        ("us a message", [1.12, 1.13], [1.0, 1.01], True, "="),  # less than whole runs differ
        ("us a message", [2.0], [1.0], False, ""),
        ("plain JSON / raw limit", [2.0], [1.0], False, "+100 %"),
        ("200 keys, delivered", [0.5], [1.0], False, "-50 %"),
        ("us a message", [2.0], None, True, ""),
        ("block, ms", [2.0], [0.0], True, "new"),
    ],
)
def test_a_change_is_told_when_it_is_more_than_noise(
    name: str, now: list[float], before: list[float] | None, same_machine: bool, told: str
) -> None:
    assert change(name, now, before, same_machine=same_machine) == told


def test_the_newest_release_is_by_number_and_parts_add_up(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    keep("0.9.0", "here", {"a": [1.0]}, tmp_path)
    keep("0.10.0", "here", {"a": [2.0]}, tmp_path)
    keep("0.10.0", "here", {"b": [3.0]}, tmp_path)
    assert newest(tmp_path) == ("0.10.0", {"machine": "here", "values": {"a": [2.0], "b": [3.0]}})


def test_figures_of_two_machines_are_not_mixed(tmp_path: Path) -> None:
    keep("1.0.0", "here", {"a": [1.0]}, tmp_path)
    keep("1.0.0", "there", {"b": [3.0]}, tmp_path)
    assert newest(tmp_path) == ("1.0.0", {"machine": "there", "values": {"b": [3.0]}})
