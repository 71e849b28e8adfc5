"""`gexfaker listen --decode-file`: frames as people capture them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.main import cli
from gexfaker.client import captured as module
from gexfaker.testing import Received, receive
from support import decode
from support.raw import PROTOBUF, connect
from support.server import Served, running_server

GROUP = "SPX_classic_gex_zero"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX") as running:
        yield running


@pytest.fixture(scope="module")
def messages(server: Served) -> list[Received]:
    return receive(server.url, GROUP, count=2)


def run(tmp_path: Path, content: bytes) -> Result:
    file = tmp_path / "frames"
    file.write_bytes(content)
    return CliRunner().invoke(cli, ["listen", "--decode-file", str(file)])


def records(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.exception
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_messages_one_a_line(messages: list[Received], tmp_path: Path) -> None:
    found = records(run(tmp_path, "\n\n".join(message.frame for message in messages).encode() + b"\r\n"))
    assert found == [{"group": f"blue_{GROUP}", **message.record} for message in messages]


@pytest.mark.parametrize("form", ["base64", "base64 without its end", "urlsafe", "hex", "HEX", "bytes"])
def test_the_any_in_each_form(messages: list[Received], form: str, tmp_path: Path) -> None:
    text: str = json.loads(messages[0].frame)["data"]
    data = base64.b64decode(text)
    forms = {
        "base64": text.encode(),
        "base64 without its end": text.rstrip("=").encode(),
        "urlsafe": base64.urlsafe_b64encode(data),
        "hex": data.hex(" ").encode(),
        "HEX": data.hex().upper().encode(),
        "bytes": data,
    }
    assert records(run(tmp_path, forms[form])) == [messages[0].record]


def test_a_frame_of_the_protobuf_subprotocol(server: Served, tmp_path: Path) -> None:
    url = server.negotiate("other")["classic"]
    with connect(url, PROTOBUF) as raw:
        connected = raw.read_message()
        raw.send(b"\x82" + _masked(decode.protobuf_join(f"blue_{GROUP}", 1)))
        frame = next(found for _ in range(5) if decode.protobuf_frame(found := raw.read_message()).kind == "data")
    [record] = records(run(tmp_path, frame))
    assert (record["group"], record["ticker"]) == (f"blue_{GROUP}", "SPX")
    done = run(tmp_path, connected)
    assert done.exit_code != 0


def _masked(payload: bytes) -> bytes:
    """A client's payload with a mask of zeros."""
    return bytes([0x80 | len(payload)]) + bytes(4) + payload


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"zzz!", "line 1: it is neither a JSON message, nor base64, nor hexadecimal digits"),
        (b"{}", "line 1: "),
        (b'{"type":"ack","ackId":1,"success":true}', "line 1: it is a message of the protocol without a record"),
        (b"\n00ff", "line 2: cannot decode a message"),
        (b"\x00\xff\xfe", "cannot decode a message"),
    ],
)
def test_what_is_no_frame_is_told_with_its_line(content: bytes, said: str, tmp_path: Path) -> None:
    error = str(run(tmp_path, content).exception)
    assert error.startswith(said)
    assert "\n" not in error


@pytest.mark.parametrize("content", [b"\xff" * 11, b"a" * 11], ids=["bytes", "a line"])
def test_a_frame_that_is_too_long_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, content: bytes, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "MAX_FRAME_BYTES", 10)
    assert "more than the 10 bytes" in str(run(tmp_path, content).exception)


def test_without_a_name_it_says_what_to_write() -> None:
    assert "gexfaker listen orderflow SPX" in str(CliRunner().invoke(cli, ["listen"]).exception)
