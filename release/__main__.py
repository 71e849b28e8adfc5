"""`make release`: the sdist and the wheel of this version, built twice and compared, and tried in clean environments.

    python -m release                     with every Python of PYTHONS; one that is not here ends it
    python -m release --python 3.13       with this one alone; may be given again
    python -m release --out FOLDER        to another folder than dist/

Nothing is published and no tag is set. The version is `__version__` of the package. What changed stands in `changes/`,
a file for each change; `make notes` puts it into CHANGELOG.md, and a release with files left there is refused.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from gexfaker import __version__

ROOT: Final = Path(__file__).resolve().parent.parent
PYTHONS: Final = ("3.11", "3.12", "3.13")
"""Those that a release is tried with."""

IN_THE_WHEEL: Final = (
    "gexfaker/wire/generated/gex.proto",
    "gexfaker/market/scenarios/calm.toml",
    "gexfaker/documents/README.md",
    "gexfaker/documents/docs/wire.md",
    "gexfaker/py.typed",
)
"""One of each kind of file that is no module and must not be left out."""


class ReleaseError(Exception):
    """Why there is no release."""


def fragments(folder: Path = ROOT / "changes") -> list[str]:
    """The names of the changes that are not in CHANGELOG.md yet."""
    return sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")


def build(out: Path) -> list[Path]:
    """The sdist and the wheel. The time in them is that of the last commit, so that they come out the same."""
    asked = ["git", "log", "-1", "--format=%ct"]
    committed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    environment = os.environ | {"SOURCE_DATE_EPOCH": committed}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return sorted(out.glob(f"gexfaker-{__version__}*"))


def build_twice(out: Path) -> list[Path]:
    """The same, built a second time to see that nothing in it depends on the moment. Raises ReleaseError."""
    made = build(out)
    with tempfile.TemporaryDirectory() as again:
        for one, other in zip(made, build(Path(again)), strict=True):
            if not filecmp.cmp(one, other, shallow=False):
                raise ReleaseError(f"{one.name} is not the same when it is built again")
    return made


def check_content(made: Sequence[Path]) -> None:
    """Whether all that belongs into them is there. Raises ReleaseError."""
    wheel = next(path for path in made if path.suffix == ".whl")
    names = zipfile.ZipFile(wheel).namelist()
    if missing := [name for name in IN_THE_WHEEL if name not in names]:
        raise ReleaseError(f"{wheel.name} lacks {', '.join(missing)}")
    if foreign := [name for name in names if not name.startswith(("gexfaker/", f"gexfaker-{__version__}.dist-info/"))]:
        raise ReleaseError(f"{wheel.name} has what does not belong there: {', '.join(foreign[:5])}")
    sdist = next(path for path in made if path.suffix == ".gz")
    with tarfile.open(sdist) as archive:
        if f"gexfaker-{__version__}/pyproject.toml" not in archive.getnames():
            raise ReleaseError(f"{sdist.name} lacks pyproject.toml")


def interpreter(version: str) -> str:
    """The command of a Python. Raises ReleaseError: it is not here."""
    names = [f"python{version}", *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))]
    for name in names:
        found = shutil.which(name)
        asked = [found or "", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if found and subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return found
    raise ReleaseError(f"there is no Python {version} here to try it with: install it, or name others with --python")


def try_out(version: str, package: Path) -> Iterator[str]:
    """Install a package in a clean environment and use it; sentences about what was done. Raises ReleaseError."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([interpreter(version), "-m", "venv", folder], check=True, capture_output=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        _run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")])
        build = ["-r", str(ROOT / "requirements" / "build.txt")] if package.suffix == ".gz" else []
        if build:
            _run([*pip, "--require-hashes", *build])
        _run([*pip, "--no-deps", *(["--no-build-isolation"] if build else []), str(package)])
        command = f"{folder}/bin/gexfaker"
        if _run([command, "--version"], folder).split()[-1] != __version__:
            raise ReleaseError(f"{package.name} says that it is another version")
        _use(command, folder)
        yield f"{package.name} serves with Python {version}"


def _use(command: str, folder: str) -> None:
    """A server, and our clients of it."""
    serving = [command, "serve", "--port", "0", "--tickers", "SPX", "--log-level", "warning"]
    with subprocess.Popen(serving, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip().rpartition(" ")[2]
        try:
            _run([command, "health", "--url", url], folder)
            _run([command, "listen", "orderflow", "SPX", "--count", "2", "--url", url], folder)
        finally:
            server.terminate()
    if server.returncode:
        raise ReleaseError(f"the server ended with {server.returncode}")


def _run(command: Sequence[str], folder: str | None = None) -> str:
    """What a command prints. Raises ReleaseError: it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def release(out: Path, versions: Sequence[str]) -> Iterator[str]:
    """Everything, with a sentence about each step. Raises ReleaseError."""
    if left := fragments():
        raise ReleaseError(f"changes/ has {', '.join(left)}, which CHANGELOG.md lacks: run make notes")
    for version in versions:
        interpreter(version)
    made = build_twice(out)
    check_content(made)
    yield f"built twice, the same each time: {', '.join(path.name for path in made)}"
    sdist, wheel = sorted(made, key=lambda path: path.suffix == ".whl")
    for version in versions:
        yield from try_out(version, wheel)
    yield from try_out(versions[-1], sdist)
    for path in made:
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m release", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", action="append", metavar="VERSION", help="a Python to try it with, such as 3.13")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to; dist/ by default")
    given = parser.parse_args(arguments)
    try:
        for sentence in release(given.out, given.python or PYTHONS):
            print(sentence, flush=True)
    except ReleaseError as error:
        sys.exit(f"no release: {error}")


if __name__ == "__main__":
    main()
