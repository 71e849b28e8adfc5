"""Noticing that the process which started this one has ended, so that nothing is left behind after a killed test."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.5
"""How often it is looked whether the parent is there; asking takes a microsecond."""

_SYNCHRONIZE: Final = 0x00100000
_TIMEOUT: Final = 0x00000102
"""Of the Windows API: the right to wait for a process, and that it still runs."""


def call_when_parent_ends(function: Callable[[], object]) -> None:
    """Call a function, from a thread, once the parent of this process has ended."""
    has_ended = _parent_on_windows() if sys.platform == "win32" else _parent()
    threading.Thread(target=_watch, args=(has_ended, function), name="parent", daemon=True).start()


def _watch(has_ended: Callable[[], bool], function: Callable[[], object]) -> None:
    while not has_ended():
        time.sleep(POLL_SECONDS)
    function()


def _parent() -> Callable[[], bool]:
    """Whether the parent has ended: its children are given to another process then."""
    parent = os.getppid()
    return lambda: os.getppid() != parent


def _parent_on_windows() -> Callable[[], bool]:
    """The same on Windows, where a process keeps its parent's number, which may be another's later: hold it open."""
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    handle = kernel.OpenProcess(_SYNCHRONIZE, False, os.getppid())
    if not handle:  # it has ended already
        return lambda: True
    return lambda: kernel.WaitForSingleObject(handle, 0) != _TIMEOUT
