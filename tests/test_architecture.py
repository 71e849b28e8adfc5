"""One way through the house: which package may import what, and which must stay pure."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "gexfaker"

ALLOWED = {
    "records": {"records"},
    "exchange": {"exchange"},
    "faults": {"faults", "exchange"},
    "journal": {"journal"},
    "tapes": {"records", "tapes"},
    "market": {"records", "market", "tapes", "exchange", "faults"},
    "inspection": {"records", "inspection", "tapes", "exchange"},
    "playback": {"records", "playback", "tapes", "market", "exchange", "faults"},
    "wire": {"records", "wire"},
    "hubs": {"records", "hubs", "wire", "playback", "tapes", "exchange"},
    "worlds": {"records", "worlds", "hubs", "wire", "playback", "tapes", "exchange", "faults", "journal"},
    "rest": {"records", "rest", "playback", "tapes", "exchange"},
    "archive": {"archive", "playback", "tapes", "exchange"},
    "contract": {"records", "contract", "rest", "wire", "playback", "faults", "journal"},
    "studio": {"studio", "records", "wire"},
    "client": {"client", "wire", "playback", "exchange"},
    "jobs": {"jobs", "client", "wire", "inspection", "market", "tapes", "exchange"},
    "server": {
        *(
            "studio",
            "server",
            "contract",
            "worlds",
            "hubs",
            "wire",
            "rest",
            "archive",
            "playback",
            "inspection",
            "tapes",
        ),
        *("exchange", "faults", "journal"),
    },
    "plotting": {"records", "plotting", "playback", "market", "tapes", "exchange"},
    "cli": {
        *("cli", "client", "jobs", "server", "plotting", "faults"),
        *("wire", "inspection", "playback", "market", "tapes", "exchange"),
    },
}
"""What each package may import of the others; catalog, errors, limits and settings (server, cli) are open."""

PURE = (
    *("faults", "journal", "records", "exchange", "market", "tapes", "inspection", "plotting", "playback"),
    *("wire", "hubs", "worlds", "rest", "archive", "contract", "studio"),
)
IMPURE = {"asyncio", "time", "socket", "ssl", "starlette", "uvicorn", "http", "urllib.request", "random"}


def modules(package: str) -> list[Path]:
    return [path for path in sorted((SOURCE / package).rglob("*.py")) if not path.name.endswith("_pb2.py")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


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


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    declared = {re.split(r"[<>=!~; ]", line)[0].lower() for line in wanted}
    distributions = packages_distributions()
    for path in sorted(SOURCE.rglob("*.py")):
        roots = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"gexfaker"}
        for root in roots:
            owners = {name.lower().replace("_", "-") for name in distributions[root]}
            assert owners & declared, f"{path.name} imports {root}, which pyproject.toml does not ask for"


def test_bounds_are_named_and_explained() -> None:
    parsed = tree(SOURCE / "limits.py")
    units = {"KIB", "MIB"}
    body = parsed.body
    for position, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id not in units:
            following = body[position + 1]
            explained = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            assert explained, f"{node.target.id} has no reason"


# --- no circles ----------------------------------------------------------------------------------


def sources() -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        if not path.name.endswith("_pb2.py"):
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_module_imports_itself_by_a_detour() -> None:
    """Imports that are for types only, or inside a function, count as well."""
    modules_by_name = sources()
    arrows = {
        name: {used for used in imports(path) if used in modules_by_name} for name, path in modules_by_name.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for used in sorted(arrows[name] - {name}):
                visit(used, (*way, name))
            done.add(name)

    for name in sorted(arrows):
        visit(name, ())


DOORS = {
    "market": {"simulation"},
    "server": {
        "alarm",
        "descriptors",
        "rarely",
        "run",
        "service",
        "slices",
        "statefile",
        "steadyclock",
        "stream",
    },
}
"""The modules at the top of the two largest rooms: what others come in by, and what runs them."""


@pytest.mark.parametrize("room", DOORS)
def test_only_doors_are_at_the_top_of_the_large_rooms(room: str) -> None:
    assert {path.stem for path in (SOURCE / room).glob("*.py")} - {"__init__"} == DOORS[room]


# --- sizes ---------------------------------------------------------------------------------------

MAX_FUNCTION_LINES = 35
"""Lines of a function without its docstring and comments. The median is 5; one that needs more has two subjects."""

MAX_CLASS_ATTRIBUTES = 12
"""Attributes of an object. One that has more keeps two things that change for different reasons."""

MANY_ATTRIBUTES = {
    "settings.Settings": "a record of independent values, none of which changes",
    "server.transport.websocket.Socket": "the shell of one connection: parser, transport, buffers, timers",
    "wire.jsonfields.UpFrame": "a frame, with every key that one of a client's messages may have",
    "wire.jsonfields.DownFrame": "a frame, with every key that one of the service's messages may have",
    "hubs.handover.Handed": "a connection as it is written: a record of independent values",
    "server.service.Service": "the parts of a server, each made once",
    "hubs.connection.Connection": "one client: 20,000 of them, so no object inside it for two values each",
}
"""Classes that have more, each with the reason."""


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, path in sources().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}.{node.name}", node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of its body that hold code."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return len({line for node in body for part in ast.walk(node) if hasattr(part, "lineno") for line in [part.lineno]})


def test_functions_are_short() -> None:
    long = {name: length(node) for name, node in functions() if length(node) > MAX_FUNCTION_LINES}
    assert not long


def targets(node: ast.AST) -> list[ast.expr]:
    """What a statement sets."""
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def attributes(node: ast.ClassDef) -> set[str]:
    """What a class keeps: its fields, and what its methods set."""
    fields = {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and "ClassVar" not in ast.dump(item)
    }
    for part in ast.walk(node):
        targets = (
            part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) else []
        )
        for target in targets:
            for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "self":
                    fields.add(one.attr)
    return fields


def crowded() -> dict[str, int]:
    found = {}
    for name, path in sources().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and len(attributes(node)) > MAX_CLASS_ATTRIBUTES:
                found[f"{name.removeprefix('gexfaker.')}.{node.name}"] = len(attributes(node))
    return found


def test_classes_keep_few_attributes() -> None:
    assert crowded().keys() == MANY_ATTRIBUTES.keys(), crowded()
