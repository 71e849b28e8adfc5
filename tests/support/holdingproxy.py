"""A TCP proxy that holds bytes: the network between a server and its engine, when it is cut without a word."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self


class HoldingProxy:
    """Forwards TCP connections to a Unix socket; while it holds, nothing goes through, and nothing is refused.

    Attributes:
        holds: whether bytes wait here.
    """

    def __init__(self, target: Path) -> None:
        self._target: Final = target
        self._listener: Final = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._selector: Final = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._ended = False
        self.holds = False
        self.url: Final = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._thread: Final = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._ended = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while not self._ended:
            if self.holds:
                threading.Event().wait(0.01)
                continue
            for key, _ in self._selector.select(0.02):
                if key.data is None:
                    self._accept()
                else:
                    self._forward(key.fileobj, key.data)  # type: ignore[arg-type]

    def _accept(self) -> None:
        inner, _ = self._listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(str(self._target))
        except OSError:
            inner.close()
            outer.close()
            return
        self._selector.register(inner, selectors.EVENT_READ, outer)
        self._selector.register(outer, selectors.EVENT_READ, inner)

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            found = source.recv(65536)
            if found:
                target.sendall(found)
                return
        for one in (source, target):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one)
            one.close()
