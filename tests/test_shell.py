"""Lines to paste, read by a shell again."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import SettingError
from gexfaker.settings import load
from gexfaker.shell import argument


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_a_path_is_one_argument_in_sh(text: str) -> None:
    path: Any = PurePosixPath(text)
    assert shlex.split(argument(path, windows=False)) == [str(path)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_is_read_as_people_write_it(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "gexfaker.toml").write_text("port = 9001\nspeed = 2 # schnell ü\n", encoding=encoding)
    assert load({}, {}, tmp_path / "gexfaker.toml").port == 9001


def test_another_encoding_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "gexfaker.toml").write_text("# ü\n", encoding="cp1252")
    with pytest.raises(SettingError, match="it is not UTF-8: save it as UTF-8"):
        load({}, {}, tmp_path / "gexfaker.toml")


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
