"""What `make release` refuses, and that two builds are the same. That a package serves, it tries itself."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from release import __main__ as release

from gexfaker import __version__

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("the time of the packages is that of the last commit, and this is no clone")
    return release.build_twice(tmp_path_factory.mktemp("dist"))


def test_two_builds_are_the_same_and_whole(made: list[Path]) -> None:
    assert [path.name for path in made] == [
        f"gexfaker-{__version__}-py3-none-any.whl",
        f"gexfaker-{__version__}.tar.gz",
    ]
    release.check_content(made)


def test_what_is_missing_or_foreign_in_a_wheel_is_told(made: list[Path], tmp_path: Path) -> None:
    names = zipfile.ZipFile(made[0]).namelist()
    for kept, said in (
        ([name for name in names if not name.endswith("gex.proto")], "lacks gexfaker/wire/generated/gex.proto"),
        ([*names, "tests/test_release.py"], "what does not belong there: tests/test_release.py"),
    ):
        wheel = tmp_path / made[0].name
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in kept:
                archive.writestr(name, "")
        with pytest.raises(release.ReleaseError, match=said):
            release.check_content([wheel, made[1]])


def test_changes_that_are_not_in_the_changelog_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").write_text("how")
    assert release.fragments(tmp_path) == []
    (tmp_path / "+zip.feature.md").write_text("Zip files.")
    monkeypatch.setattr(release, "fragments", lambda: ["+zip.feature.md"])
    with pytest.raises(release.ReleaseError, match=r"\+zip.feature.md, which CHANGELOG.md lacks: run make notes"):
        next(release.release(tmp_path, ["3.11"]))


def test_a_python_that_is_not_here_ends_it_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "fragments", list)  # between releases there are some
    with pytest.raises(release.ReleaseError, match=r"there is no Python 2\.0 here"):
        next(release.release(tmp_path, ["2.0"]))
    assert list(tmp_path.iterdir()) == []


def test_notes_of_changes_come_under_the_version(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "+zip.feature.md").write_text("Recorded days may be zip files.\n")
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "9.8.7", "--date", "2026-11-29"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.index("## 9.8.7 (2026-11-29)") < text.index("Recorded days may be zip files.") < text.index("## 0.1.0")
    assert list((tmp_path / "changes").iterdir()) == []
