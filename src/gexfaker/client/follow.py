"""Connections to hubs as a reliable client keeps them: join, acknowledge, recover, and negotiate again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from websockets.typing import Subprotocol

from gexfaker.client.feed import PASSING, ListenError, Received, Target, UnreachableError, decode_payload
from gexfaker.client.heard import Numbers
from gexfaker.errors import FrameError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from gexfaker.wire.messages import DataMessage

SUBPROTOCOL: Final = Subprotocol("json.reliable.webpubsub.azure.v1")

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 2.0
"""Between two attempts to connect; it doubles, so that a server that starts again is not hurried."""

ENDED: Final = 1000
"""The close code of a connection that is ended on purpose: another one has taken its place, or somebody closed it."""

NO_RECOVERY: Final = 1008
"""The close code after which the service does not take the connection back."""


class LostError(ListenError):
    """A connection has ended, or could not be made.

    Attributes:
        code: of the close frame; None without one.
    """

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code: Final = code


class Reconnection:
    """What is done about a lost connection.

    Args:
        seconds: how long is tried; 0 is not at all.
        negotiate: gives the addresses anew, hub by hub as at first; raises ListenError. It is called in a thread.
        tell: takes a sentence for people.
    """

    def __init__(self, seconds: float, negotiate: Callable[[], Sequence[Target]], tell: Callable[[str], None]) -> None:
        self.seconds: Final = seconds
        self.negotiate: Final = negotiate
        self.tell: Final = tell


def _no_targets() -> Sequence[Target]:
    return ()


NEVER: Final = Reconnection(0, _no_targets, lambda _: None)
"""A lost connection is the end."""


async def follow(
    targets: Sequence[Target], receive: Callable[[Received], bool], reconnection: Reconnection = NEVER
) -> None:
    """Give every data message of all targets to ``receive``, each once, until it returns False.

    Raises:
        ListenError: a connection cannot be made, is refused, or ends and does not come back.
    """
    lines = [_Line(target, place, receive, reconnection) for place, target in enumerate(targets)]
    readers = [asyncio.create_task(line.run()) for line in lines]
    try:
        done, _ = await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
        for reader in done:
            reader.result()
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


class _Line:
    """One hub, over one connection after the other."""

    def __init__(
        self, target: Target, place: int, receive: Callable[[Received], bool], reconnection: Reconnection
    ) -> None:
        self._target = target
        self._place: Final = place
        self._receive: Final = receive
        self._reconnection: Final = reconnection
        self._numbers = Numbers()
        self._recovery = ""  # the query that takes the connection back
        self._is_recovered = False
        self._was_up = False
        self._outage: _Outage | None = None

    async def run(self) -> None:
        """Until ``receive`` has enough. Raises ListenError, and what ``receive`` raises."""
        while True:
            try:
                return await self._attend()
            except LostError as lost:
                if not await self._may_return(lost):
                    raise

    async def _may_return(self, lost: LostError) -> bool:
        """Wait for the next attempt; False when there is none."""
        seconds = self._reconnection.seconds
        if lost.code == ENDED:  # two that negotiate again would end each other's connections for ever
            return False
        if self._outage is None and self._was_up and seconds:
            self._outage = _Outage(seconds)
            self._reconnection.tell(f"{lost}; trying for {seconds:g} s to connect again")
        if self._outage is None or self._outage.is_over():
            return False
        if lost.code == NO_RECOVERY:
            self._recovery = ""
        await self._outage.pause()
        return True

    async def _attend(self) -> None:
        """One connection, to its end. Raises ListenError, and what ``receive`` raises."""
        from websockets.exceptions import ConnectionClosed

        websocket = await _connect(await self._address())
        try:
            await self._converse(websocket)
        except ConnectionClosed as error:
            closed = error.rcvd
            how = f"closed it with {closed.code} {closed.reason}".strip() if closed else "is gone without a close frame"
            raise LostError(f"the connection is lost: the server {how}", closed.code if closed else None) from None
        finally:
            await _close(websocket)

    async def _address(self) -> str:
        """Where to connect now: back to the lost connection, or, when that is not possible, to a new one."""
        if self._recovery:
            return f"{self._target.address}&{self._recovery}"
        if self._outage is not None:
            try:
                self._target = (await asyncio.to_thread(self._reconnection.negotiate))[self._place]
            except UnreachableError as error:
                raise LostError(str(error)) from None
        return self._target.address

    async def _converse(self, websocket: ClientConnection) -> None:
        from gexfaker.wire.jsoncodec import encode_upstream
        from gexfaker.wire.messages import JoinGroup

        self._is_recovered = bool(self._recovery)
        if not self._recovery:
            self._numbers = Numbers()
            for number, group in enumerate(self._target.joins, 1):
                await websocket.send(encode_upstream(JoinGroup(group, number)), text=True)
        async for frame in websocket:
            if not await self._take(websocket, frame):
                return
        closed = f"{websocket.close_code} {websocket.close_reason}".strip()
        raise LostError(f"the connection is lost: the server closed it with {closed}", websocket.close_code)

    async def _take(self, websocket: ClientConnection, frame: str | bytes) -> bool:
        """One message; whether to go on."""
        from gexfaker.wire import messages as m
        from gexfaker.wire.jsoncodec import encode_upstream

        message = self._read(frame)
        if isinstance(message, m.Connected):
            self._was_up = True
            token = {"awps_connection_id": message.connection_id, "awps_reconnection_token": message.reconnection_token}
            self._recovery = urlencode(token) if message.reconnection_token else ""
        elif isinstance(message, m.DataMessage):
            if message.sequence_id is not None:
                await websocket.send(encode_upstream(m.SequenceAck(message.sequence_id)), text=True)
            self._end_outage()
            if self._is_new(message.sequence_id) and (record := self._record(message)) is not None:
                return self._receive(Received(str(frame), message.group or "", record))
        elif isinstance(message, m.Ack) and message.error is not None:
            raise ListenError(message.error.message)
        return True

    def _read(self, frame: str | bytes) -> Any:
        """The message in a frame; of one that is none it is told, and it is passed over."""
        try:
            return _decode(frame)
        except ListenError as problem:
            self._pass_over(problem)
            return None

    def _record(self, message: DataMessage) -> dict[str, Any] | None:
        """What a message carries; None of one that cannot be decoded."""
        try:
            return decode_payload(message.data.value)
        except ListenError as problem:
            self._pass_over(problem, message.group or "")
            return None

    def _pass_over(self, problem: ListenError, group: str = "") -> None:
        """Tell what is wrong and go on; who listens once, as a test does, is given the error."""
        if self._reconnection is NEVER:
            raise problem
        self._reconnection.tell(f"passed over: {group + ': ' if group else ''}{problem}")

    def _end_outage(self) -> None:
        """A record has come, so the connection is back: one that only greets and closes would be tried for ever."""
        if self._outage is not None:
            how = "and nothing was lost" if self._is_recovered else "but what was sent meanwhile is lost"
            self._reconnection.tell(f"connected again, {how}")
            self._outage = None

    def _is_new(self, number: int | None) -> bool:
        """Whether a message is not one that came before the connection was recovered; tell what is missing."""
        if number is None:  # the server does not number
            return True
        if not self._numbers.is_new(number):
            return False
        missing = self._numbers.take(number)
        if missing:
            self._reconnection.tell(f"messages missing before number {number:,} of the connection: {missing:,}")
        return True


class _Outage:
    """The time since a connection was lost."""

    def __init__(self, seconds: float) -> None:
        self._end: Final = time.monotonic() + seconds
        self._pause = FIRST_PAUSE_SECONDS

    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    async def pause(self) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)


async def _connect(address: str) -> ClientConnection:
    """A connection. Raises LostError: it cannot be made, with 1008 when the server refuses for good."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    try:
        return await connect(address, subprotocols=[SUBPROTOCOL], compression=None, proxy=None)
    except (WebSocketException, OSError) as error:
        is_refused = isinstance(error, InvalidStatus) and error.response.status_code not in PASSING
        bare = address.partition("?")[0]
        text = f"cannot connect to {bare}: {str(error).replace(address, bare)}"
        raise LostError(text, NO_RECOVERY if is_refused else None) from None


async def _close(websocket: ClientConnection) -> None:
    """Close with 1000, which says that nobody comes back.

    What still comes is read and dropped. A client that does not read finds no answer to its close frame behind the
    messages that wait, and gives up after ten seconds only.
    """
    from websockets.exceptions import ConnectionClosed

    closing = asyncio.create_task(websocket.close())
    with contextlib.suppress(ConnectionClosed):
        async for _ in websocket:
            continue
    await closing


def _decode(frame: str | bytes) -> Any:
    from gexfaker.wire.jsoncodec import decode_downstream

    try:
        return decode_downstream(frame if isinstance(frame, bytes) else frame.encode())
    except FrameError as error:
        raise ListenError(f"not a message of this protocol ({error}): {frame!r:.200}") from None
