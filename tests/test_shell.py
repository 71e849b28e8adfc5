"""Lines to paste, read by a shell again."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.shell import argument


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_a_path_is_one_argument_in_sh(text: str) -> None:
    path: Any = PurePosixPath(text)
    assert shlex.split(argument(path, windows=False)) == [str(path)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"C:\Users\me\gexdata", r"C:\Users\me\gexdata"),
        (r"C:\Users\First Last\data", r'"C:\Users\First Last\data"'),
        (r"D:\Börse", r'"D:\Börse"'),
        (r"C:\a&b", r'"C:\a&b"'),
        (r"C:\a,b", r'"C:\a,b"'),
        ("data", "data"),
    ],
)
def test_a_path_is_one_argument_in_powershell_and_cmd(text: str, shown: str) -> None:
    path: Any = PureWindowsPath(text)
    assert argument(path, windows=True) == shown
