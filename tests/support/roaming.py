"""A reliable client of a cluster that checks every message, and comes back to any server."""

from __future__ import annotations

import contextlib
from random import Random
from urllib.parse import urlsplit, urlunsplit

from support import data, decode
from support.raw import CLOSE, JSON_RELIABLE, PING, PONG, TEXT, GoneError, RawSocket, connect, frame, upgrade_request


def at(url: str, address: tuple[str, int]) -> str:
    """The same URL at another server."""
    return urlunsplit(urlsplit(url)._replace(netloc=f"{address[0]}:{address[1]}"))


class Roaming:
    """A client in one group, to which a record is sent for each second of the market.

    Every message must come once and in order: sequence ids count up by one, the market's seconds too, and what comes
    again is byte for byte what came before.

    Attributes:
        largest: the last sequence id that came.
        second: the market time of that message.
        repeated: messages that came again.
    """

    def __init__(self, url: str, seed: int = 1) -> None:
        self._url = url
        self._random = Random(seed)
        self.largest = self.second = self.repeated = 0
        self.kept: dict[int, bytes] = {}
        self.raw = connect(url, JSON_RELIABLE)
        told = self.raw.read_json()
        self._recovery = f"awps_connection_id={told.id}&awps_reconnection_token={told.token}"
        self.raw.send_text(decode.json_join(data.group(), 1))

    def read(self) -> None:
        """One frame; a message is checked and remembered until it is acknowledged."""
        opcode, payload = self.raw.read_frame()
        if opcode == PING:
            self.raw.send(frame(PONG, payload))
            return
        if opcode == CLOSE:
            raise GoneError(f"closed with {payload!r}")
        assert opcode == TEXT, (opcode, payload)
        message = decode.json_frame(payload)
        if message.kind == "ack":
            assert message.success
            return
        assert message.kind == "data", message
        sequence: int = message.sequence
        if sequence <= self.largest:
            assert self.kept.get(sequence, payload) == payload, f"message {sequence} came again, but changed"
            self.repeated += 1
            return
        second = decode.timestamp(message.any)
        assert sequence == self.largest + 1, f"{sequence} after {self.largest}"
        assert not self.second or second == self.second + 1, f"second {second} after {self.second}"
        self.largest, self.second, self.kept[sequence] = sequence, second, payload

    def read_new(self, count: int) -> None:
        """So many messages that did not come before."""
        wanted = self.largest + count
        while self.largest < wanted:
            self.read()

    def acknowledge(self) -> None:
        """All that came, or part of it."""
        number = self._random.randint(max(self.largest - 5, 0), self.largest)
        self.raw.send_text(decode.json_sequence_ack(number))
        for sequence in [one for one in self.kept if one <= number]:
            del self.kept[sequence]

    def drop(self) -> None:
        """Lose the connection, in one of several ways."""
        way = self._random.randrange(4)
        if way == 0:
            self.raw.abort()
        elif way == 1:
            self.raw.socket.close()
        elif way == 2:
            self.raw.close(1001)
            self.raw.socket.close()
        else:
            with contextlib.suppress(GoneError, OSError):
                self.raw.read(self._random.randint(1, 300))
            self.raw.abort()

    def recover(self, address: tuple[str, int]) -> int:
        """Come back at a server; the HTTP status, 101 also if it is closed at once with 1008."""
        url = f"{at(self._url, address)}&{self._recovery}"
        self.raw = RawSocket(url)
        self.raw.send(upgrade_request(url, [JSON_RELIABLE]))
        return self.raw.read_answer()

    def close(self) -> None:
        """End in order."""
        self.raw.close(1000)
        self.raw.socket.close()
