"""One way through the house: which package may import what, and which must stay pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "gexfaker"

ALLOWED = {
    "exchange": {"exchange"},
    "tapes": {"tapes"},
    "market": {"market", "tapes", "exchange"},
    "inspection": {"inspection", "tapes", "exchange"},
    "playback": {"playback", "tapes", "market", "exchange"},
    "wire": {"wire"},
    "hubs": {"hubs", "wire", "playback", "tapes", "exchange"},
    "worlds": {"worlds", "hubs", "wire", "playback", "tapes", "exchange"},
    "rest": {"rest", "playback", "tapes", "exchange"},
    "archive": {"archive", "playback", "tapes", "exchange"},
    "contract": {"contract", "rest", "wire", "playback"},
    "client": {"client", "wire"},
    "jobs": {"jobs", "wire", "inspection", "market", "tapes", "exchange"},
    "server": {"server", "contract", "worlds", "hubs", "wire", "rest", "archive", "playback", "tapes", "exchange"},
    "plotting": {"plotting", "playback", "market", "tapes", "exchange"},
    "cli": {"cli", "client", "jobs", "server", "plotting", "wire", "inspection", "market", "tapes", "exchange"},
}
"""What each package may import of the others; catalog, errors, limits and settings (server, cli) are open."""

PURE = (
    *("exchange", "market", "tapes", "inspection", "plotting", "playback"),
    *("wire", "hubs", "worlds", "rest", "archive", "contract"),
)
IMPURE = {"asyncio", "time", "socket", "ssl", "starlette", "uvicorn", "http", "urllib.request", "random"}


def modules(package: str) -> list[Path]:
    return [path for path in sorted((SOURCE / package).rglob("*.py")) if not path.name.endswith("_pb2.py")]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_comes_before_them(package: str) -> None:
    for path in modules(package):
        used = {name.split(".")[1] for name in imports(path) if name.startswith("gexfaker.")}
        foreign = (used & ALLOWED.keys()) - ALLOWED[package]
        assert not foreign, f"{path.name} imports {sorted(foreign)}"


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_do_no_io_and_have_no_clock(package: str) -> None:
    for path in modules(package):
        names = imports(path)
        impure = {name for name in names if name in IMPURE or name.split(".")[0] in IMPURE}
        assert not impure, f"{path.name} imports {sorted(impure)}"
        text = path.read_text(encoding="utf-8")
        assert ".now(" not in text, f"{path.name} reads a clock"
        assert ".today(" not in text, f"{path.name} reads a clock"


def test_every_package_is_covered() -> None:
    packages = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages == ALLOWED.keys()


def test_bounds_are_named_and_explained() -> None:
    tree = ast.parse((SOURCE / "limits.py").read_text(encoding="utf-8"))
    units = {"KIB", "MIB"}
    body = tree.body
    for position, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id not in units:
            following = body[position + 1]
            explained = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            assert explained, f"{node.target.id} has no reason"


def test_no_module_outgrows_the_house() -> None:
    for path in SOURCE.rglob("*.py"):
        if not path.name.endswith("_pb2.py"):
            lines = path.read_text(encoding="utf-8").count("\n")
            assert lines <= 300, f"{path.name} has {lines} lines"
