"""`gexfaker serve --collect`: each evening's reports, got by a process of its own, so that no client waits for it."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Final

from gexfaker.cli.download import key_of, names_of
from gexfaker.ending import end
from gexfaker.upstream import KEY, SERVICE

log: Final = logging.getLogger(__name__)

DAYS_BACK: Final = "7"
"""How far back gaps are filled: a week in which the machine was off."""

STOP_SECONDS: Final = 5.0
"""How long the process has to end after it was asked to: files are brought in whole or not at all."""


@contextlib.contextmanager
def collecting(tickers: str, upstream: str | None, folder: str) -> Iterator[None]:
    """Have the reports of these tickers collected into a folder while the context lasts.

    Raises:
        DataError: there is no API key for the service, or a ticker that is none.
    """
    key = key_of(None)
    names_of(tickers)
    source = upstream or SERVICE
    process = _started(tickers, source, folder, key)
    text = "collect: the reports of %s come from %s into %s, each trading evening"
    log.info(text, tickers, source, folder, extra=_TOLD)
    reader = threading.Thread(target=_tell, args=(process,), name="collect", daemon=True)
    reader.start()
    try:
        yield
    finally:
        end(process, STOP_SECONDS)
        reader.join(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _started(tickers: str, upstream: str, folder: str, key: str) -> subprocess.Popen[str]:
    """The process; the key goes by the environment, where no list of processes shows it."""
    command = [sys.executable, "-m", "gexfaker", "collect", "--tickers", tickers, "--out", folder]
    command += ["--upstream", upstream, "--back", DAYS_BACK, "--exit-with-parent"]
    return subprocess.Popen(  # noqa: S603 - it is this very program
        command,
        env=os.environ | {KEY: key, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def _tell(process: subprocess.Popen[str]) -> None:
    """Its lines in the server's log, and that it has ended, if it ends by itself."""
    if process.stdout is not None:
        for line in process.stdout:
            log.info("collect: %s", line.rstrip(), extra=_TOLD)
    code = process.wait()
    if code > 0:
        log.warning("collect has ended with code %d: no days are collected any more", code, extra=_TOLD)


_TOLD: Final = {"fields": {"event": "collect"}}
