"""`gexfaker serve --collect`: each evening's reports, got by a process of its own, so that no client waits for it."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from collections.abc import Iterator
from typing import Final

from gexfaker.cli.download import key_of, names_of
from gexfaker.cli.exits import INTERRUPTED, TERMINATED
from gexfaker.commands import STOP_SECONDS, begin, end
from gexfaker.upstream import SERVICE

log: Final = logging.getLogger(__name__)

DAYS_BACK: Final = "7"
"""How far back gaps are filled: a week in which the machine was off."""


@contextlib.contextmanager
def collecting(tickers: str, upstream: str | None, folder: str) -> Iterator[None]:
    """Have the reports of these tickers collected into a folder while the context lasts.

    Raises:
        DataError: there is no API key for the service, or a ticker that is none.
    """
    key = key_of(None)
    names_of(tickers)
    source = upstream or SERVICE
    wanted = ["--tickers", tickers, "--out", folder, "--upstream", source, "--back", DAYS_BACK]
    process = begin(["collect", *wanted], key)
    text = "collect: the reports of %s come from %s into %s, each trading evening"
    log.info(text, tickers, source, folder, extra=_TOLD)
    reader = threading.Thread(target=_tell, args=(process,), name="collect", daemon=True)
    reader.start()
    try:
        yield
    finally:
        end(process)
        reader.join(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _tell(process: subprocess.Popen[str]) -> None:
    """Its lines in the server's log, and that it has ended, if it ends by itself."""
    if process.stdout is not None:
        for line in process.stdout:
            if line.strip():
                log.info("collect: %s", line.rstrip(), extra=_TOLD)
    code = process.wait()
    if code > 0 and code not in (INTERRUPTED, TERMINATED):  # it was asked to end, as the server is
        log.warning("collect has ended with code %d: no days are collected any more", code, extra=_TOLD)


_TOLD: Final = {"fields": {"event": "collect"}}
