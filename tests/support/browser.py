"""A real browser: Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.sync.client import ClientConnection, connect

from support.server import wait_until

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS: Final = 30.0


def executable() -> str:
    """The browser's command; without one the test is skipped, and fails in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        text = "chromium is needed to look at the pages: install chromium"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(text)
        pytest.skip(text)
    return found


class Page:
    """A page of the browser.

    Attributes:
        problems: what the page has complained of since: errors in the console, refused by its policy, failed requests.
    """

    def __init__(self, devtools: ClientConnection) -> None:
        self._devtools: Final = devtools
        self._numbers: Final = count(1)
        self._session: dict[str, str] = {}
        self.problems: Final[list[str]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def _ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._devtools.send(json.dumps({"id": number, "method": method, "params": parameters, **self._session}))
        until = time.monotonic() + SECONDS
        while (answer := json.loads(self._devtools.recv(SECONDS))).get("id") != number:
            self._hear(answer.get("method"), answer.get("params"))
            assert time.monotonic() < until, f"the browser does not answer {method}: {parameters}"
        assert "error" not in answer, answer
        return answer["result"]

    def _hear(self, event: str, told: Any) -> None:
        """Remember what went wrong."""
        match event:
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                self.problems.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case "Network.loadingFailed" if not told.get("canceled"):
                self.problems.append(f"a request failed: {told['errorText']}")

    def press(self, key: str, text: str = "") -> None:
        """Press a key, such as ``Tab`` or ``a``."""
        for kind in ("keyDown", "keyUp"):
            code = {"Tab": 9, "Enter": 13, " ": 32, "ArrowRight": 39, "ArrowLeft": 37}.get(key, 0)
            typed = {"text": text} if text and kind == "keyDown" else {}
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed)

    def prefer(self, **features: str) -> None:
        """What the user prefers: ``prefers_color_scheme="dark"``, ``prefers_reduced_motion="reduce"``."""
        told = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self._ask("Emulation.setEmulatedMedia", features=told)

    def heap_mb(self) -> float:
        """What the page's scripts keep, in MB, after a collection of garbage."""
        self._ask("HeapProfiler.collectGarbage")
        used: float = self._ask("Runtime.getHeapUsage")["usedSize"]
        return used / 1e6

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what the page looks like, as PNG; ``whole``: all of it, and not the window alone."""
        taken = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self._ask("Page.navigate", url=url)
        wait_until(lambda: self.run("document.readyState") == "complete", SECONDS, "the page to be loaded")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def choose(self, selector: str, *paths: Path) -> None:
        """Give a field for files these files, as a user does."""
        root = self._ask("DOM.getDocument")["root"]["nodeId"]
        node = self._ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._ask("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def save_to(self, folder: Path) -> None:
        """Where what the page saves is put."""
        self._ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def resize(self, width: int, height: int) -> None:
        """Another size of the window, as a phone has."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
        command = [executable(), *flags, f"--user-data-dir={folder}", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port = Path(folder) / "DevToolsActivePort"
                wait_until(lambda: port.exists() and "\n" in port.read_text(), SECONDS, "the browser to start")
                number, path = port.read_text().splitlines()[:2]
                with connect(f"ws://127.0.0.1:{number}{path}", proxy=None, max_size=None) as devtools:
                    yield Page(devtools)
            finally:
                process.kill()
