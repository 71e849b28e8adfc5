"""The Dockerfile without Docker: each RUN line runs in a root of its own, and what comes of it serves as an image does.

The root is an overlay over this machine's, in a mount namespace, so that nothing of it stays. It stands for the base.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from support.server import free_port

pytestmark = [pytest.mark.alone, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"
SECONDS = 400
PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
NAMESPACE = ("unshare", "--mount", "--propagation", "private")


class Line(NamedTuple):
    """An instruction and what stands behind it."""

    name: str
    text: str


def stages() -> list[list[Line]]:
    """The instructions from each FROM on."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [Line(*line.split(None, 1)) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[list[Line]] = []
    for line in lines:
        if line.name == "FROM":
            found.append([])
        if found:
            found[-1].append(line)
    return found


def of(stage: list[Line], name: str) -> list[str]:
    return [line.text for line in stage if line.name == name]


def environment(stage: list[Line]) -> dict[str, str]:
    """What ENV sets, with the PATH of a base image behind ours."""
    pairs = [pair.partition("=") for text in of(stage, "ENV") for pair in shlex.split(text)]
    base = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": base, "HOME": "/tmp"} | {name: value.replace("$PATH", base) for name, _, value in pairs}


def copied(text: str) -> list[str]:
    """The sources of a COPY from the context."""
    return [] if text.startswith("--from=") else shlex.split(text)[:-1]


def steps(stage: list[Line], root: str, built: str) -> list[str]:
    """The shell commands that do what a stage says, in a root that is mounted at ``root``."""
    done, folder = [], "/"
    for line in stage:
        match line.name:
            case "WORKDIR":
                folder = line.text
                done.append(f"mkdir -p {root}{folder}")
            case "COPY" if line.text.startswith("--from="):
                _, source, target = shlex.split(line.text)
                done.append(f"mkdir -p {root}{Path(target).parent} && cp -a {built}{source} {root}{target}")
            case "COPY":
                *sources, target = shlex.split(line.text)
                many = len(sources) > 1 or target.endswith("/")
                to = f"{root}{folder}/{target}"
                done += [f"cp -r {shlex.quote(str(ROOT / one))} {to + '/' if many else to}" for one in sources]
            case "RUN":
                inside = shlex.quote(f"cd {folder} && {line.text}")
                done.append(f"echo '== {line.text[:60]}' && chroot {root} /bin/sh -ec {inside}")
    return done


def mounted(scratch: Path, name: str) -> list[str]:
    """The shell commands that mount a root."""
    upper, work, root = (f"{scratch}/{name}-{part}" for part in ("upper", "work", "root"))
    return [
        f"mkdir -p {upper} {work} {root}",
        f"mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}",
        f"mount --bind /dev {root}/dev && mount -t proc proc {root}/proc",
        f"rm -rf {root}/opt/gexfaker {root}/opt/build {root}/src {root}/wheels {root}/data",
        f"mkdir -p {root}/usr/local/bin && ln -sf {PYTHON} {root}/usr/local/bin/python",
        f"chmod a+rx {' '.join(f'{root}{folder}' for folder in reversed(PYTHON.parents))}",  # it may be root's own
    ]


def can_mount(scratch: Path) -> bool:
    """Whether this machine lets us have a root of our own."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    script = "\n".join(["set -e", f"mount -t tmpfs tmpfs {scratch}", *mounted(scratch, "trial")])
    return subprocess.run([*NAMESPACE, "sh", "-c", script], capture_output=True, check=False).returncode == 0


def test_the_image_is_built_and_serves_with_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a test mount a root of its own (that needs Linux, and to be root)")
    build, last = stages()
    built, root, port = f"{tmp_path}/build-root", f"{tmp_path}/last-root", free_port()
    [user] = of(last, "USER")
    given = environment(last) | {"GEXFAKER_PORT": str(port), "GEXFAKER_TICKERS": "SPX"}
    inside = ["chroot", f"--userspec={user}", root, "env", "-i", *(f"{name}={value}" for name, value in given.items())]
    [health] = re.findall(r"CMD (\[.*\])", of(last, "HEALTHCHECK")[0])
    start, check = json.loads(of(last, "ENTRYPOINT")[0]) + json.loads(of(last, "CMD")[0]), json.loads(health)
    script = [
        "set -eu",
        f"mount -t tmpfs tmpfs {tmp_path}",
        *mounted(tmp_path, "build"),
        *steps(build, built, built),
        *mounted(tmp_path, "last"),
        *steps(last, root, built),
        f"mount -o remount,ro {root}",
        f"for folder in {' '.join(['/tmp', *of(last, 'VOLUME')])}; do mount -t tmpfs tmpfs {root}$folder; done",
        f"! touch {root}/opt/gexfaker/written 2>/dev/null",
        f"{shlex.join(inside)} {shlex.join(start)} & server=$!",
        f"for _ in $(seq 100); do {shlex.join(inside)} {shlex.join(check)} && break; sleep 0.2; done",
        f"{shlex.join(inside)} {shlex.join(check)}",
        f"{shlex.join(inside)} id -u",
        "kill -TERM $server && wait $server",
        "echo 'ended with 0'",
    ]
    command = [*NAMESPACE, "sh", "-c", "\n".join(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "status               ok" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["10001", "ended with 0"]
    for line in (*of(build, "RUN"), *of(last, "RUN")):
        assert f"== {line[:60]}" in done.stdout


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    sources = [source for stage in stages() for text in of(stage, "COPY") for source in copied(text)]
    assert sorted(sources) == sorted(allowed)
    assert all((ROOT / source).exists() for source in sources)


def test_it_runs_as_nobody_in_particular_and_is_looked_after_without_curl() -> None:
    *_, last = stages()
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert of(last, "USER") == ["10001:10001"]
    assert json.loads(re.findall(r"CMD (\[.*\])", of(last, "HEALTHCHECK")[0])[0]) == ["gexfaker", "health"]
    assert text.index("ARG PYTHON=") < text.index("FROM ${PYTHON}")
    assert all("${PYTHON}" in line for line in re.findall(r"^FROM (.*)$", text, re.MULTILINE))
    assert not re.search(r"\bcurl\b|\bwget\b|\bapt", text)
    for line in re.findall(r"pip install .*-r .*", text):
        assert "--require-hashes" in line
