"""How a process of another program is ended."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gexfaker.ending import end

SAYS_WHEN_READY = "print('ready', flush=True); import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAYS_WHEN_READY}"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("program", "code"), [(SAYS_WHEN_READY, -signal.SIGTERM), (DEAF, -signal.SIGKILL)])
def test_a_process_is_asked_to_end_and_made_to(program: str, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        end(process, 0.5)
        assert process.poll() == code


def test_a_process_that_has_ended_is_let_go() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as process:
        process.wait()
        end(process, 0.5)
        assert process.poll() == 0
