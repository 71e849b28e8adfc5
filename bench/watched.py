"""gexfaker with a look at its event loop: how long nothing else got its turn.

python -m bench.watched serve FLAGS    as `gexfaker serve`; at SIGUSR2 it prints a line of JSON: the longest wait and
                                       the 99th percentile, in milliseconds, since the last SIGUSR1
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time

from gexfaker.cli.main import main
from gexfaker.server import run

BEAT_SECONDS = 0.002


class Watched(run._Uvicorn):
    """A server that looks every BEAT_SECONDS whether it is late."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As ever, and begin to look."""
        await super().startup(sockets)
        self.late: list[float] = []
        self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.late.clear)
        loop.add_signal_handler(signal.SIGUSR2, self._tell)
        while True:
            due = time.perf_counter() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            self.late.append((time.perf_counter() - due) * 1000)

    def _tell(self) -> None:
        late = sorted(self.late)
        print(json.dumps({"block_ms": late[-1], "block_p99_ms": late[len(late) * 99 // 100]}), flush=True)


if __name__ == "__main__":
    run._Uvicorn = Watched  # type: ignore[misc]
    main()
