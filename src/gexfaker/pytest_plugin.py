"""The pytest plug-in: a server in the process of the tests, and an API key of its own for each test.

    def test_my_client_comes_back(gexfaker):
        client = MyClient(gexfaker.url, gexfaker.key)
        gexfaker.wait_for("joinGroup")
        gexfaker.set_faults({"type": "reset_peer", "count": 1})
        gexfaker.verify("recovered", within=5)

Nothing of gexfaker is imported before the first test asks for it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from gexfaker.testing import AsyncKeyUnderTest, KeyUnderTest, Server

MARKER: Final = (
    "gexfaker(day, start, speed, paused, faults, preset, fault_seed, journal, **settings): how the key of the fixture "
    "`gexfaker` is played; settings such as scenario start a server of their own"
)
OF_THE_KEY: Final = ("day", "start", "speed", "paused", "faults", "preset", "fault_seed", "journal")
"""What the marker may say of the key; everything else is a setting of the server."""

SWITCHES: Final = ("paused", "journal")
"""Of these, what is True or False."""

_numbers: Final = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def gexfaker_settings() -> Mapping[str, Any]:
    """The settings of the server; write a fixture of this name to have others."""
    return {}


@pytest.fixture(scope="session")
def gexfaker_servers() -> Iterator[Callable[..., Server]]:
    """Gives a server with these settings; each is started once."""
    from gexfaker.testing import serving

    running: dict[str, Server] = {}
    with contextlib.ExitStack() as stack:

        def serve(**settings: Any) -> Server:
            name = repr(sorted(settings.items()))
            if name not in running:
                running[name] = stack.enter_context(serving(**settings))
            return running[name]

        yield serve


@pytest.fixture(scope="session")
def gexfaker_server(gexfaker_servers: Callable[..., Server], gexfaker_settings: Mapping[str, Any]) -> Server:
    """A server on a free port, in a thread of this process, for all tests."""
    return gexfaker_servers(**gexfaker_settings)


@pytest.fixture
def gexfaker(
    request: pytest.FixtureRequest, gexfaker_servers: Callable[..., Server], gexfaker_settings: Mapping[str, Any]
) -> Iterator[KeyUnderTest]:
    """An API key of its own for this test, as the marker says; its journal is on, and nothing of it stays."""
    from gexfaker.testing import KeyUnderTest

    asked = _asked(request)
    of_marker = {name: value for name, value in asked.items() if name not in OF_THE_KEY}
    server = gexfaker_servers(**{**gexfaker_settings, **of_marker})
    settings = server.service.settings
    made = KeyUnderTest(server.url, _new_key(request), settings.control_token or None)
    _set_up(made, asked)
    yield made
    made.forget()
    _collect_once()


@functools.cache
def _collect_once() -> None:
    """Have Python look for garbage behind the first test, which has loaded the server: else a later one waits for it.

    It takes 40 ms, ten times as long as a short test.
    """
    gc.collect()


@pytest.fixture
def gexfaker_async(gexfaker: KeyUnderTest) -> AsyncKeyUnderTest:
    """The same for tests with an event loop: its methods are awaited."""
    from gexfaker.testing import AsyncKeyUnderTest

    return AsyncKeyUnderTest(gexfaker)


def _asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers say, the nearest one first."""
    asked: dict[str, Any] = {}
    for marker in request.node.iter_markers("gexfaker"):
        if marker.args:
            raise pytest.UsageError(f"write @pytest.mark.gexfaker(day=..., start=...), by names: {MARKER}")
        asked = dict(marker.kwargs) | asked
    _check_names(asked)
    for name in SWITCHES:
        if not isinstance(asked.get(name, False), bool):
            raise pytest.UsageError(f"@pytest.mark.gexfaker({name}={asked[name]!r}): write {name}=True or {name}=False")
    return asked


def _check_names(asked: Mapping[str, Any]) -> None:
    """Raises UsageError: the marker has a name that is neither of the key nor a setting."""
    if not (unknown := [name for name in asked if name not in OF_THE_KEY]):
        return
    from gexfaker.nearest import nearest
    from gexfaker.settings import SETTINGS

    known = [*OF_THE_KEY, *map(str.lower, SETTINGS)]
    for name in unknown:
        if name not in known and name != "clock":
            close = nearest(name, known)
            meant = f"did you mean {close}?" if close else "docs/settings.md has all settings"
            raise pytest.UsageError(f"@pytest.mark.gexfaker has no {name}: {meant}")


def _new_key(request: pytest.FixtureRequest) -> str:
    """An API key that no other test has, in whichever process it runs."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", request.node.name)[:60]
    return f"{name}-{worker}-{next(_numbers)}"


def _set_up(key: KeyUnderTest, asked: Mapping[str, Any]) -> None:
    import msgspec

    from gexfaker.client.undertest import rules_in
    from gexfaker.faults.presets import preset
    from gexfaker.testing import ChangeDay, Speed

    if asked.get("journal", True):
        key.journal()
    if asked.get("paused"):  # first, so that it stands exactly where the others put it
        key.pause()
    if "day" in asked:
        key.act(ChangeDay(date=asked["day"]))
    if "start" in asked:
        key.advance_to(asked["start"])
    if "speed" in asked:
        key.act(Speed(speed=asked["speed"]))
    rules = rules_in(asked.get("faults", ()))
    if "preset" in asked:
        rules += map(msgspec.to_builtins, preset(asked["preset"]))  # behind the others, as the server adds it
    if rules:
        key.set_faults(*rules, seed=asked.get("fault_seed", 0))
