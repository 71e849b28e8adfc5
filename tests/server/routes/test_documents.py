"""What people and programs read at a running server: the first page, the contract in its forms, the documents."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import yaml

from contract.test_page import Reader
from gexfaker.contract.documents import NAMES
from support.server import Served, running_server

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", data_date="2026-07-17") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as made:
        yield made


def test_the_root_is_json_for_programs_and_a_page_for_people(server: Served, client: httpx.Client) -> None:
    told = client.get("/").json()
    assert (told["name"], told["day"]) == ("gexfaker", "2026-07-17")
    for url in told["links"].values():
        assert httpx.get(url, headers={"Authorization": "Bearer demo"}, trust_env=False).status_code == 200, url
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    read = Reader(page.text)
    assert read.faults == []
    assert f"{server.url}/v2/SPX/classic/gex_zero/majors" in "".join(read.text)
    for tag, attributes in read.seen:
        if tag == "a":
            assert client.get(f"/{attributes['href']}").status_code == 200, attributes


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_yaml_is_yaml_and_the_same_as_json(client: httpx.Client, name: str) -> None:
    text = client.get(f"/{name}.yaml")
    assert text.headers["content-type"] == "application/yaml"
    assert not text.text.lstrip().startswith("{")
    assert "&id" not in text.text, "no references that a reader must follow"
    assert yaml.safe_load(text.text) == client.get(f"/{name}.json").json()
    assert client.get(f"/{name}.yaml").text == text.text


def test_the_contract_of_the_feed_names_the_server(server: Served, client: httpx.Client) -> None:
    host = server.url.partition("://")[2]
    assert client.get("/asyncapi.json").json()["servers"]["here"]["host"] == host


@pytest.mark.parametrize("host", ['a"b', "a<script>", "a b", "a\\n", "@HOST@", "x" * 300 + "!"])
@pytest.mark.parametrize("path", ["/", "/docs", "/asyncapi.yaml", "/asyncapi.json", "/llms.txt"])
def test_a_strange_host_goes_nowhere(client: httpx.Client, path: str, host: str) -> None:
    answer = client.get(path, headers={"Host": host, "Accept": "text/html"})
    assert answer.status_code in (200, 400)
    assert host not in answer.text


@pytest.mark.parametrize("trusted", ["true", "false"])
def test_forwarded_headers_count_as_they_do_for_negotiate(trusted: str) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gex.example.com"}
    with running_server(tickers="SPX", trust_forwarded=trusted) as running:
        told = json.loads(running.get("/asyncapi.json", headers)[1])["servers"]["here"]
        here = {"host": running.url.partition("://")[2], "protocol": "ws"}
    assert told == ({"host": "gex.example.com", "protocol": "wss"} if trusted == "true" else here)


def test_the_page_of_the_api_has_the_address_and_the_day(server: Served, client: httpx.Client) -> None:
    text = client.get("/docs").text
    assert f'{server.url}/v2/hist/SPX/classic/gex_zero/2026-07-17"' in text


def test_pages_run_no_script_but_their_own(client: httpx.Client) -> None:
    page = client.get("/docs")
    [script] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in client.get("/docs/readme").headers["content-security-policy"]


@pytest.mark.parametrize("name", NAMES)
def test_every_document_is_served_as_it_is_written_and_as_a_page(client: httpx.Client, name: str) -> None:
    path = ROOT / ("README.md" if name == "readme" else f"docs/{name}.md")
    served, written = client.get(f"/docs/{name}.md").text, path.read_text(encoding="utf-8")
    assert without_links(served) == without_links(written)
    page = client.get(f"/docs/{name}")
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1 id=" in page.text
    assert "&lt;!--" not in page.text


def without_links(text: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)


@pytest.mark.parametrize("name", [*NAMES, *(f"{name}.md" for name in NAMES)])
def test_every_link_of_a_document_leads_to_a_place_that_is_there(
    server: Served, client: httpx.Client, name: str
) -> None:
    here = f"{server.url}/docs/{name}"
    text = client.get(here).text
    is_page = not name.endswith(".md")
    for link in re.findall(r'(?:href|src)="([^"]+)"' if is_page else r"\]\(([^)\s]+)\)", text):
        target, _, place = urljoin(here, link).partition("#")
        if target.startswith(server.url):
            found = client.get(target)
            assert found.status_code == 200, link
            assert not place or not is_page or f'id="{place}"' in found.text, link


def test_what_many_ask_for_at_once_is_made_once(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def as_page(name: str) -> str:
        made.append(name)
        return name

    monkeypatch.setattr("gexfaker.contract.documents.as_page", as_page)
    with running_server(tickers="SPX") as fresh, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: fresh.get("/docs/wire"), range(20)))
    assert {status for status, _ in answers} == {200}
    assert made == ["wire"]


@pytest.mark.parametrize(
    ("public", "server"),
    [
        ("https://gex.example.com/base", {"host": "gex.example.com", "protocol": "wss", "pathname": "/base"}),
        ("http://gex.example.com:81", {"host": "gex.example.com:81", "protocol": "ws"}),
    ],
)
def test_the_feed_is_where_clients_find_it(public: str, server: dict[str, str]) -> None:
    with running_server(tickers="SPX", public_url=public) as running:
        as_json = json.loads(running.get("/asyncapi.json")[1])
        as_yaml = yaml.safe_load(running.get("/asyncapi.yaml")[1])
    assert as_json["servers"]["here"] == as_yaml["servers"]["here"] == server


def test_all_documents_of_the_folder_are_served() -> None:
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} | {"readme"} == set(NAMES)


@pytest.mark.parametrize("name", ["nope", "..%2fREADME", "wire.md.md", "WIRE", "__main__", "pictures"])
def test_there_is_nothing_else(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/docs/{name}")
    assert answer.status_code == 404
    assert "error" in answer.json()
    assert client.get(f"/docs/pictures/{name}").status_code == 404


def test_language_models_find_everything(client: httpx.Client) -> None:
    index = client.get("/llms.txt").text
    assert index.startswith("# gexfaker\n\n> ")
    links = re.findall(r"\]\((http[^)]+)\)", index)
    assert len(links) == len(NAMES) + 4
    for link in links:
        assert httpx.get(link, trust_env=False).status_code == 200, link
    whole = client.get("/llms-full.txt").text
    for name in NAMES:
        assert client.get(f"/docs/{name}.md").text.strip() in whole
    assert "](docs/" not in whole


@pytest.mark.parametrize("path", ["/favicon.ico", "/favicon.svg"])
def test_the_icon_is_a_picture(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg ")


def test_the_installed_package_has_the_documents() -> None:
    """As the wheel is made: what is shown at /docs/NAME must be in it."""
    import tomllib

    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {
        "README.md": "gexfaker/documents/README.md",
        "docs": "gexfaker/documents/docs",
    }
    assert json.dumps(build["targets"]["sdist"]["include"]).count("/docs") == 1
