"""The state file: sessions' positions, written whole or not at all, read back at the next start."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from gexfaker.errors import DataError
from gexfaker.playback.memory import recall, remember
from gexfaker.playback.sessions import Sessions

log: Final = logging.getLogger(__name__)


class StateFile:
    """Where the sessions are kept, if anywhere.

    Args:
        path: of the file; None keeps nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path: Final = None if path is None else Path(path).expanduser()
        self._written = b""

    def load(self, sessions: Sessions, now: float) -> None:
        """Put back what the file has, if it exists.

        Raises:
            DataError: it is no state file, or cannot be read; nothing is overwritten then.
        """
        if self._path is None or not self._path.exists():
            return
        try:
            count = recall(sessions, self._path.read_bytes(), now)
        except (OSError, DataError) as error:
            raise DataError(f"{self._path} cannot be used ({error}): remove it, or set another STATE_FILE") from None
        log.info("%s: positions of %d sessions restored", self._path, count)

    def save(self, sessions: Sessions, now: float) -> None:
        """Write the sessions if they have changed; a failure is logged, and tried again the next time."""
        if self._path is None:
            return
        text = remember(sessions, now)
        if text == self._written:
            return
        new = self._path.with_name(self._path.name + ".new")
        try:
            with new.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)
            return
        self._written = text
