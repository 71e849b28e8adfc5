"""The files of the page: small, complete, from nowhere else, and the libraries as they were published."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from gexfaker.studio.assets import LOGIN, MEDIA_TYPES, PAGE, assets

MAX_PACKED_BYTES = 150_000
"""All files together, packed."""

MAX_MODULE_LINES = 200
VENDORED = ("uplot.js", "uplot.css", "fzstd.js", "licences.txt")
OURS = [name for name in assets() if name not in VENDORED]


def text(name: str) -> str:
    return assets()[name].content.decode("utf-8")


def test_the_page_is_small() -> None:
    assert len(gzip.compress(b"".join(asset.content for asset in assets().values()), 9)) < MAX_PACKED_BYTES
    assert {name.rpartition(".")[2] for name in assets()} <= MEDIA_TYPES.keys()


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".js")])
def test_modules_are_short_and_load_only_what_there_is(name: str) -> None:
    assert text(name).count("\n") <= MAX_MODULE_LINES
    for imported in re.findall(r'from "\./([^"]+)"', text(name)):
        assert imported in assets()


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(name: str) -> None:
    content = text(name)
    assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]{2,}/", content)
    assert not re.search(r"\b(eval|innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b|new Function", content)
    if name.endswith(".html"):
        assert not re.search(r"<style|<script>|\son[a-z]+=|\sstyle=", content)


@pytest.mark.parametrize("page", [PAGE, LOGIN])
def test_a_page_names_files_that_there_are(page: str) -> None:
    named = re.findall(r'(?:src|href)="studio/([^"]+)"', text(page))
    assert named
    assert set(named) <= assets().keys()


def test_every_module_is_used() -> None:
    named = {file for page in (PAGE, LOGIN) for file in re.findall(r'(?:src|href)="studio/([^"]+)"', text(page))}
    imported = {file for name in OURS for file in re.findall(r'from "\./([^"]+)"', text(name))}
    linked = {"licences.txt"}
    assert assets().keys() == named | imported | linked | {PAGE, LOGIN}


def test_the_libraries_are_as_published_and_have_their_licences() -> None:
    licences = text("licences.txt")
    sums = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64}) +(\S+)$", licences, re.MULTILINE)}
    assert sums.keys() == {"uplot.js", "uplot.css", "fzstd.js"}
    for name, expected in sums.items():
        assert hashlib.sha256(assets()[name].content).hexdigest() == expected
    assert licences.count("Permission is hereby granted") == 2
