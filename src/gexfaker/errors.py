"""Every error gexfaker raises, one tree.

GexfakerError          anything a user can act on; the CLI prints its text as one line, no traceback
├── SettingError       a setting's value is not acceptable: names the setting, its source, what is
│   └── NoSettingError     there is no setting of that name
├── DataError          the data folder, or a name that would leave it, is unusable
│   └── UnavailableError   it cannot be read at the moment, for a reason of the system (HTTP 503)
├── RecordError        one record of a tape cannot be served: it is skipped and counted, never fatal
├── ExhaustedError     the day is over for this position (HTTP 404)
├── UndecidedError     a key that several servers share can be changed by their common decision only
├── TokenError         an access token is missing, malformed, expired or not ours (HTTP 401)
├── NegotiationError   a POST or PATCH /negotiate cannot be done as asked (HTTP 400 or 403)
├── ControlError       something that cannot be done to a session (HTTP 400)
└── FrameError         a client's or server's frame is malformed (carries the close code and reason)
"""

from __future__ import annotations


class GexfakerError(Exception):
    """Base of all errors whose text is meant for the user: what, where, and the remedy."""


class SettingError(GexfakerError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, value: object, source: str, accepted: str) -> None:
        super().__init__(f"{name}={value!r} (from {source}) is not usable: {accepted}")
        self.name = name
        self.source = source


class NoSettingError(SettingError):
    """There is no setting of that name."""

    def __init__(self, name: str, source: str, remedy: str) -> None:
        GexfakerError.__init__(self, f"{source}: there is no setting {name}: {remedy}")
        self.name = name
        self.source = source


class DataError(GexfakerError):
    """A data folder, day, ticker or category that does not exist or may not be read."""


class UnavailableError(DataError):
    """A file cannot be read at the moment: no descriptors, no space. The next request tries again."""


class RecordError(GexfakerError):
    """One record cannot be decoded or encoded; the text says why (the tape adds file and line)."""


class ExhaustedError(GexfakerError):
    """There are no more records on the day that is played."""

    def __init__(self) -> None:
        super().__init__("No more data available")


class UndecidedError(GexfakerError):
    """A world that several servers share cannot be changed by one of them alone."""

    def __init__(self) -> None:
        super().__init__("this key is shared by the servers of a cluster")


class TokenError(GexfakerError):
    """An access token does not open this hub.

    Attributes:
        owner: the id of the world whose it is, if that is sure, because the token was signed by us, and if it does not
            only watch; else empty.
        remedy: what to do.
    """

    def __init__(self, text: str, owner: str = "", remedy: str = "negotiate again") -> None:
        super().__init__(text)
        self.owner = owner
        self.remedy = remedy


class NegotiationError(GexfakerError):
    """A negotiation that cannot be done; the text is one sentence that says what to add or change.

    Attributes:
        status: the HTTP status: 400 (ask differently), 403 (not with this key), 404 (there is no such thing).
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class ControlError(GexfakerError):
    """A request of the control plane that cannot be done; the text says what would be accepted."""


class FrameError(GexfakerError):
    """A malformed message.

    Attributes:
        code: the WebSocket close code it deserves (1003, 1007, 1009, ...).
        reason: the close reason, at most 123 bytes of UTF-8, in the service's words, which never say more.
        why: what is wrong with it, for the log.
    """

    def __init__(self, code: int, reason: str, why: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.why = why
