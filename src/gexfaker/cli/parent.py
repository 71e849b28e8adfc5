"""Noticing that the process which started this one has ended, so that nothing is left behind after a killed test."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import click

from gexfaker.cli.reach import Command
from gexfaker.errors import GexfakerError

POLL_SECONDS: Final = 0.5
"""How often it is looked whether the parent is there; asking takes a microsecond."""

_SYNCHRONIZE: Final = 0x00100000
_TIMEOUT: Final = 0x00000102
_NO_SUCH_PROCESS: Final = 87
"""Of the Windows API: the right to wait for a process, that it still runs, and that there is none of that number."""


def ending_with_parent(command: Command) -> Command:
    """Give a command ``--exit-with-parent``, which is done before the command begins."""

    def end_with_parent(_context: click.Context, _parameter: click.Parameter, is_wished: bool) -> None:
        if is_wished:
            from gexfaker.cli.main import PARENT

            call_when_parent_ends(PARENT, lambda: os._exit(0))

    return click.option(
        "--exit-with-parent",
        is_flag=True,
        expose_value=False,
        callback=end_with_parent,
        help="Stop when the process that started this one has ended.",
    )(command)


def call_when_parent_ends(parent: int, function: Callable[[], object]) -> None:
    """Call a function, from a thread, once the process that started this one has ended.

    Args:
        parent: its number, as it was when this process began.
        function: what is called.

    Raises:
        GexfakerError: Windows does not let it be watched.
    """
    has_ended = _parent_on_windows(parent) if sys.platform == "win32" else lambda: os.getppid() != parent
    threading.Thread(target=_watch, args=(has_ended, function), name="parent", daemon=True).start()


def _watch(has_ended: Callable[[], bool], function: Callable[[], object]) -> None:
    while not has_ended():
        time.sleep(POLL_SECONDS)
    function()


def _parent_on_windows(parent: int) -> Callable[[], bool]:
    """On Windows a process keeps its parent's number, which may be another's later: hold the parent open."""
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    handle = kernel.OpenProcess(_SYNCHRONIZE, False, parent)
    if not handle:
        if kernel.GetLastError() == _NO_SUCH_PROCESS:
            return lambda: True
        raise GexfakerError("--exit-with-parent: Windows does not let the process be watched that started this one")
    return lambda: kernel.WaitForSingleObject(handle, 0) != _TIMEOUT
