"""A bot that watches where the price is against zero gamma, and says when it crosses.

python bot.py http://127.0.0.1:8080 demo SPX_classic_gex_zero
"""

from __future__ import annotations

import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gexfaker.testing import ListenError, decode_payload  # your client has a decoder of its own: see docs/decoding.md

RELIABLE = Subprotocol("json.reliable.webpubsub.azure.v1")
LONGEST_PAUSE = 30.0


class Refused(Exception):
    """The key is not accepted: asking again does not help."""


class Bot:
    """Listens to one group until ``stop`` is set.

    Args:
        url, key: of the service.
        group: without its prefix.
        crossed: called with the record when the price has crossed zero gamma.
    """

    def __init__(self, url: str, key: str, group: str, crossed: Callable[[dict[str, Any]], None]) -> None:
        self.url, self.key, self.group, self.crossed = url, key, group, crossed
        self.stop = False
        self.above: bool | None = None
        self.seen = 0
        self._back = ""  # the query that takes the connection back

    def run(self) -> None:
        """Listen; what breaks is taken up again."""
        address, pause = "", 0.2
        while not self.stop:
            try:
                address = address or self.negotiate()
                with connect(address + self._back, subprotocols=[RELIABLE], user_agent_header="bot") as socket:
                    pause = 0.2
                    self.listen(socket)
            except (ConnectionClosed, InvalidHandshake, OSError, ValueError) as problem:
                if self._is_forgotten(problem):
                    address, self._back, self.seen = "", "", 0
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _is_forgotten(self, problem: Exception) -> bool:
        """Whether the connection cannot be taken back, so that the bot begins from the start."""
        closed = (
            isinstance(problem, ConnectionClosed) and problem.rcvd is not None and problem.rcvd.code in (1000, 1008)
        )
        return closed or isinstance(problem, InvalidHandshake) or not self._back

    def negotiate(self) -> str:
        """The address of the hub; after 429 it waits as long as it is told. Raises Refused."""
        headers = {"Authorization": f"Bearer {self.key}", "User-Agent": "bot"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.url}/negotiate", headers=headers), timeout=10
            ) as answer:
                return str(json.load(answer)["websocket_urls"][self.group.split("_")[1]])
        except urllib.error.HTTPError as problem:
            if problem.code in (401, 403):
                raise Refused(problem.read().decode()) from None
            time.sleep(float(problem.headers.get("Retry-After", 0)))
            raise

    def listen(self, socket: ClientConnection) -> None:
        """Handle messages until the connection ends."""
        while not self.stop:
            try:
                message = json.loads(socket.recv(timeout=0.2))
            except TimeoutError:
                continue
            if message["type"] == "system" and message["event"] == "connected":
                self._connected(socket, message)
            elif message["type"] == "message":
                self._received(socket, message)

    def _connected(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        token = message["reconnectionToken"]
        if not self._back:
            socket.send(json.dumps({"type": "joinGroup", "group": f"blue_{self.group}", "ackId": 1}))
        self._back = f"&awps_connection_id={message['connectionId']}&awps_reconnection_token={token}"

    def _received(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        socket.send(json.dumps({"type": "sequenceAck", "sequenceId": message["sequenceId"]}))
        if message["sequenceId"] <= self.seen:
            return  # it was sent again
        self.seen = message["sequenceId"]
        try:
            record = decode_payload(base64.b64decode(message["data"]))
        except ListenError:
            return  # one broken message is no reason to stop
        above = record["spot"] > record["zero_gamma"]
        if self.above is not None and above != self.above:
            self.crossed(record)
        self.above = above


if __name__ == "__main__":
    Bot(*sys.argv[1:4], crossed=lambda record: print(f"{record['spot']} has crossed {record['zero_gamma']}")).run()
