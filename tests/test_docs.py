"""The documentation says what the code does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import tree_sitter
import tree_sitter_powershell
from starlette.routing import Route

import gexfaker.testing
from gexfaker.cli.main import COMMANDS, cli
from gexfaker.playback.actions import ACTIONS
from gexfaker.rest.routes import ROUTES
from gexfaker.server.http.app import create_app
from gexfaker.server.routes.data import DataRoutes
from gexfaker.server.service import Service
from gexfaker.settings import SETTINGS, flag_of, load
from support.server import running_server

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def python_of(text: str) -> list[str]:
    """The examples of a document in Python."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_what_is_generated_is_fresh() -> None:
    remedy = "run python -m release.documents"
    code = f"from release.documents import stale; found = stale(); assert not found, f'{remedy}: {{list(found)}}'"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a script of a shell stands for the command")
def test_make_serve_takes_every_setting(tmp_path: Path) -> None:
    command = tmp_path / "gexfaker"
    command.write_text("#!/bin/sh\necho $GEXFAKER_SEED $GEXFAKER_SPED $GEXFAKER_BIN $GEXFAKER_DATA_DIR $*\n")
    command.chmod(0o755)
    given = [f"BIN={tmp_path}", "SEED=7", "SPED=60", "DATA_DIR=a#b $$c 'd\"", "ARGS=--open"]
    asked = ["make", "--no-print-directory", "--assume-old=.venv/runtime", "serve", *given]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.split() == ["7", "60", "a#b", "$c", "'d\"", "serve", "--open"]


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documents = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)\b", documents)) - {"them"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_is_in_the_readme_and_the_other_way_round() -> None:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL) + re.findall(r"`([^`\n]+)`", README))
    assert set(re.findall(r"\bgexfaker ([a-z]+)\b", blocks)) - {"ready"} == set(COMMANDS)


def test_every_flag_in_the_readme_exists_and_every_setting_is_there() -> None:
    listed = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`(?:[a-z ]+)?(--[a-z0-9-]+)", README + listed))
    settings = set(map(flag_of, SETTINGS))
    options = {name for command in commands(cli) for option in command.params for name in option.opts}
    assert mentioned <= settings | options | {"--help"}
    assert settings <= mentioned


def commands(group: click.Command) -> Iterator[click.Command]:
    """A command and all below it."""
    yield group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for command in filter(None, (group.get_command(context, name) for name in group.list_commands(context))):
            yield from commands(command)


def served() -> set[str]:
    """The path of everything that is served."""
    service = Service(load({"SIMULATE": "true"}, {}))
    try:
        routes = create_app(service).routes
    finally:
        service.close()
    paths = {route.path for route in routes if isinstance(route, Route)}
    assert [route for route in routes if isinstance(route, DataRoutes)], "the routes of the data are in a table"
    with_actions = {path.replace("{action}", name) for path in paths for name in ACTIONS}
    return with_actions | {line.pattern for line in ROUTES}


def test_every_endpoint_is_in_the_documents() -> None:
    coverage = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    for path in served():
        rest = re.sub("^/v[12]/", "/", path)
        assert re.search(rf"[` ]{re.escape(rest)}[`?, ]", README + coverage), path


@pytest.mark.parametrize("block", re.findall(r"```powershell\n(.*?)```", README, re.DOTALL))
def test_the_lines_for_powershell_are_powershell(block: str) -> None:
    """By the grammar of PowerShell; and `curl` there is another command, which takes no -H."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    assert not parser.parse(block.encode()).root_node.has_error, block
    assert parser.parse(b"if (").root_node.has_error
    assert not re.search(r"\bcurl ", block)
    for command in re.findall(r"^gexfaker ([a-z]+)", block, re.MULTILINE):
        assert command in COMMANDS


@pytest.mark.parametrize("family", ["/negotiate", "/client/hubs/", "/health", "/ready", "/_gexfaker/sessions"])
def test_the_readme_names_what_everybody_needs(family: str) -> None:
    assert family in README


def test_the_readme_client_works_as_printed(tmp_path: Path) -> None:
    [code] = [code for code in python_of(README) if "WebPubSubClient" in code]
    with running_server(ws_stream_interval="50ms") as server:
        assert "http://127.0.0.1:8080" in code
        (tmp_path / "client.py").write_text(code.replace("http://127.0.0.1:8080", server.url))
        command = [sys.executable, "-u", str(tmp_path / "client.py")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            lines = [client.stdout.readline() for _ in range(3)]
            _, errors = client.communicate("\n", timeout=60)
    assert re.search(r"blue_ES_SPX_orderflow_orderflow \d+ bytes", "".join(lines))
    assert client.returncode == 0, errors


def test_the_readme_curl_line_is_what_serve_prints() -> None:
    with running_server() as server:
        [line] = [line for line in server.stdout if "curl" in line]
    assert line.strip().removeprefix("or:").strip().replace(server.url, "http://127.0.0.1:8080") in README


EXAMPLES = [
    code for text in (TESTING, README) for code in python_of(text) if "gexfaker" in code and "azure" not in code
]
OF_PYTEST = [code for code in EXAMPLES if "def test_" in code]
MY_CLIENT = """
import threading
from bot import Bot


class Client:
    def __init__(self, url, key):
        self._bot = Bot(url, key, "SPX_classic_gex_zero", lambda record: None)

    def start(self):
        threading.Thread(target=self._bot.run, daemon=True).start()
"""
"""What stands for the reader's client in the examples: the bot of examples/."""


@pytest.mark.parametrize("example", OF_PYTEST)
def test_the_examples_for_pytest_pass(example: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "bot" / "bot.py", tmp_path)
    (tmp_path / "my_client.py").write_text(MY_CLIENT, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(example, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_first_test_of_ones_own_client_takes_eight_lines_at_most() -> None:
    [first] = [code for code in python_of(README) if "def test_" in code]
    assert len([line for line in first.splitlines() if line.strip()]) <= 8


@pytest.mark.parametrize("example", [code for code in EXAMPLES if code not in OF_PYTEST])
def test_the_examples_for_tests_work(example: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_testing_page_names_all_that_is_public() -> None:
    assert [name for name in gexfaker.testing.__all__ if name not in TESTING] == []


def test_the_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "gexfaker"
    for name in re.findall(r"`([a-z_/]+/?[a-z_]*\.py|[a-z]+/[a-z]*/?)`", text):
        assert any((root / name).exists() for root in (source, source.parent, ROOT)), name


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text(encoding="utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), target


@pytest.mark.parametrize(
    "path", ["requirements/runtime.txt", "requirements/cluster.txt", "requirements/dev.txt", "requirements/build.txt"]
)
def test_lock_files_are_hashed_and_name_no_host(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert "://" not in text
    for pinned in re.findall(r"^([a-z0-9-]+==[^ ]+)(.*)$", text, re.MULTILINE):
        assert pinned[1].endswith("\\"), f"{pinned[0]} has no hash"


def test_the_repository_stands_alone() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for name in tracked:
        if name != "tests/test_docs.py":
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            assert "../shared" not in text, name
            assert "/work/shared" not in text, name


def test_the_security_page_names_bounds_and_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    limits = (ROOT / "src/gexfaker/limits.py").read_text(encoding="utf-8")
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in re.findall(r"`(src/[\w/]+\.py)`", text))
    for constant in re.findall(r"`(MAX_[A-Z_]+|[A-Z_]+_(?:SECONDS|BYTES))`", text):
        assert f"\n{constant}: Final" in limits + sources, constant
    tests = re.findall(r"`(tests/[\w/]+\.py)`", text)
    assert len(tests) > 20
    assert [path for path in tests if not (ROOT / path).exists()] == []
