"""What a command of ours knows, and how a process is ended."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gexfaker.commands import end, environment

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


@pytest.mark.parametrize(("key", "known"), [("", ""), ("own", "own"), (None, "the-servers")])
def test_an_import_does_not_know_the_servers_key(key: str | None, known: str) -> None:
    surroundings = {"GEXBOT_API_KEY": "the-servers", "PATH": "/bin"}
    made = environment(key, surroundings)
    assert (made["GEXBOT_API_KEY"], made["PATH"], surroundings["GEXBOT_API_KEY"]) == (known, "/bin", "the-servers")
