"""What the Tab key proposes, as a shell asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gexfaker.cli.main import cli


def proposed(*words: str) -> list[str]:
    """What bash would be given for the last of these words."""
    environment = os.environ | {
        "_GEXFAKER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("gexfaker", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-m", "gexfaker"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=True)
    return [line.partition(",")[2] for line in done.stdout.split()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("serve", "--playback", ""), ["clock", "step"]),
        (("serve", "--cache-mode", "r"), ["rotation"]),
        (("serve", "--strict-groups", ""), ["true", "false"]),
        (("serve", "--log-level", ""), ["debug", "info", "warning", "error"]),
        (("serve", "--scenario", "fl"), ["flash-crash"]),
        (("serve", "--tickers", "SP"), ["SPX", "SPXW", "SPY"]),
        (("serve", "--realism", "m"), ["market-hours"]),
        (("serve", "--token-secret", ""), []),
        (("serve", "--cache-m",), ["--cache-mode"]),
        (("listen", "ord"), ["orderflow"]),
        (("listen", "SPX_classic_gex_"), ["SPX_classic_gex_full", "SPX_classic_gex_one", "SPX_classic_gex_zero"]),
        (("listen", "ES_SPX_sp"), ["ES_SPX_spot"]),
        (("listen", "orderflow", "ES_"), ["ES_SPX"]),
    ],
)  # fmt: skip
def test_values_are_proposed(words: tuple[str, ...], expected: list[str]) -> None:
    assert proposed(*words) == expected


def test_a_misspelt_command_is_answered_with_the_right_one_and_does_not_disturb_completion() -> None:
    refused = CliRunner().invoke(cli, ["srve"])
    assert refused.exit_code == 2
    assert "No such command 'srve'. Did you mean 'serve'?" in refused.output
    proposed("srve", "--")


@pytest.mark.parametrize(
    ("word", "meant"), [("play", "resume"), ("goto", "seek"), ("pausee", "pause"), ("falt", "fault")]
)
def test_another_word_for_an_action_is_answered_with_ours(word: str, meant: str) -> None:
    refused = CliRunner().invoke(cli, ["ctl", word])
    assert refused.exit_code == 2
    assert f"No such command {word!r}. Did you mean {meant!r}?" in refused.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_for_a_shell_are_those_that_click_gives(shell: str) -> None:
    made = CliRunner().invoke(cli, ["completion", shell], prog_name="gexfaker")
    assert made.exit_code == 0
    assert f"_GEXFAKER_COMPLETE={shell}_complete" in made.stdout
    if command := shutil.which(shell):
        done = subprocess.run([command, "-n"], input=made.stdout, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_real_bash_completes_with_them(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None or sys.platform == "win32":
        pytest.skip("there is no bash")
    command = tmp_path / "gexfaker"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gexfaker "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(gexfaker completion bash)"
        COMP_WORDS=(gexfaker serve --playback ""); COMP_CWORD=3
        _gexfaker_completion gexfaker; echo "${COMPREPLY[@]}"
    """
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=True)
    assert done.stdout.split() == ["clock", "step"]
