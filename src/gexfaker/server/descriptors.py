"""Descriptors of the process: how many there are, and how many of them connections may have."""

from __future__ import annotations

import sys
from typing import Final

from gexfaker.limits import MAX_CONNECTIONS, MAX_DESCRIPTORS, RESERVED_DESCRIPTORS

UNKNOWN: Final = MAX_DESCRIPTORS
"""What is taken for the limit where the system has none for sockets (Windows)."""


def descriptor_limit() -> int:
    """How many descriptors this process may have at present."""
    if sys.platform == "win32":
        return UNKNOWN
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> None:
    """Take as many as the system lets this process have; many systems start programs with 256 or 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a lower limit of its own
            return


def open_files_of(limit: int) -> int:
    """How many files of days may be open at once: an eighth, so that few days do not close each other's files."""
    return max(4, limit // 8)


def connections_of(limit: int) -> int:
    """How many connections there may be: what files and the server itself leave."""
    return max(1, min(MAX_CONNECTIONS, limit - open_files_of(limit) - RESERVED_DESCRIPTORS))
