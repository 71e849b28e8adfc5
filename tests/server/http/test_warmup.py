"""What is loaded when: nothing that the first answer does not need, and the rest before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.data import write_day

HEAVY = (
    "numpy",
    "google.protobuf",
    "websockets",
    "jwt",
    "zstandard",
    "importlib.metadata",
    "rich",
    "gexfaker.market.simulation",
)

PROGRAM = """
import asyncio, json, sys, urllib.request
from gexfaker.settings import load
from gexfaker.server.run import Server

def ask(url, path):
    headers = {"Authorization": "Bearer k", "User-Agent": "x"}
    with urllib.request.urlopen(urllib.request.Request(url + path, headers=headers)) as answer:
        return answer.read()

async def main():
    async with Server(load(json.loads(sys.argv[1]), {})) as server:
        seen = []
        for path in json.loads(sys.argv[2]):
            await asyncio.to_thread(ask, server.url, path)
            seen.append([name for name in json.loads(sys.argv[3]) if name in sys.modules])
        print(json.dumps(seen))

asyncio.run(main())
"""


def loaded(settings: dict[str, str], *paths: str) -> list[list[str]]:
    """Which of HEAVY a server has loaded after each of these requests."""
    arguments = [json.dumps(value) for value in (settings, paths, HEAVY)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, capture_output=True, text=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"DATA_DIR": str(write_day(tmp_path_factory.mktemp("warmup"), 5)), "PORT": "0"}


def test_rest_of_recorded_days_needs_nothing_heavy(recorded: dict[str, str]) -> None:
    assert loaded(recorded, "/", "/health", "/ES_SPX/orderflow/orderflow", "/tickers") == [[]] * 4


def test_what_the_feed_needs_is_there_before_a_client_connects(recorded: dict[str, str]) -> None:
    before, after = loaded(recorded, "/whoami", "/negotiate")
    assert before == []
    assert {"numpy", "google.protobuf", "websockets", "jwt", "zstandard"} <= set(after)
    assert "gexfaker.market.simulation" not in after


def test_a_simulated_market_is_loaded_with_its_first_record(tmp_path: Path) -> None:
    settings = {"SIMULATE": "true", "TICKERS": "SPX", "PORT": "0"}
    before, after = loaded(settings, "/health", "/SPX/orderflow/orderflow")
    assert before == []
    assert {"numpy", "gexfaker.market.simulation"} <= set(after)
    assert not {"google.protobuf", "websockets"} & set(after)
