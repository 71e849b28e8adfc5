"""The attacker's process: ``python -m tests.siege.attacker NAME URL PID``; attacks until its stdin ends."""

from __future__ import annotations

import os
import resource
import sys
import threading
from functools import partial

from siege.attacks import ATTACKS
from siege.bounds import NICE
from siege.target import Target, report_failure


def main(name: str, url: str, pid: int) -> None:
    """Attack; at the end of stdin tell what was done and be gone, all connections with it."""
    os.nice(NICE)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack = ATTACKS[name]
    target = Target(url, pid, attack.connections)
    work = partial(report_failure, partial(attack.run, target))
    threading.Thread(target=work, daemon=True).start()
    sys.stdin.read()
    os.write(1, f"did {target.did} refused {target.refused}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
