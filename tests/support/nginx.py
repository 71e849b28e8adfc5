"""A real nginx with the configuration of deploy/, in front of servers of a test."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.server import Served, free_port, wait_until

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "gexfaker.conf"


class Balanced(Served):
    """nginx; what it is asked, one of the servers answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.stdout, self.stderr = [], []


def configuration(addresses: Sequence[tuple[str, int]], port: int, folder: Path) -> str:
    """The configuration of deploy/ for these servers, everything that is written in a folder."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    found = iter(addresses)
    text, count = re.subn(r"server node-\d:8080", lambda _: "server {}:{}".format(*next(found)), text)
    assert count == len(addresses)
    text, count = re.subn(r"listen 8080;", f"listen 127.0.0.1:{port};", text)
    assert count == 1
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    text = text.replace("http {", f"http {{ access_log off;\n{paths}", 1)
    return f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n{text}"


@contextlib.contextmanager
def balanced(addresses: Sequence[tuple[str, int]]) -> Iterator[Balanced]:
    """nginx, round robin over three servers, certainly gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        file = Path(folder) / "nginx.conf"
        file.write_text(configuration(addresses, port, Path(folder)), encoding="utf-8")
        process = subprocess.Popen(["nginx", "-p", folder, "-c", str(file)], stderr=subprocess.DEVNULL)
        try:
            made = Balanced(port)
            wait_until(lambda: _answers(made), 10, "nginx answers")
            yield made
        finally:
            process.terminate()
            process.wait()


def _answers(made: Balanced) -> bool:
    with contextlib.suppress(OSError):
        return made.get("/ready")[0] == 200
    return False
