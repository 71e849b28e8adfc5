"""Which server the commands ask, and with which key: from the flag, the environment, or the server's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gexfaker.errors import SettingError
from gexfaker.settings import FILE, LOOPBACK, SETTINGS, load

Command = Callable[..., Any]

LOCAL: Final = "http://127.0.0.1"
DEFAULT_PORT: Final = int(SETTINGS["PORT"].default)


def default_url() -> str:
    """The server of this machine, at the port that it would have if it were started here."""
    return f"{LOCAL}:{load({}, os.environ, Path(FILE)).port or DEFAULT_PORT}"


def is_ours(url: str) -> bool:
    """Whether a server is on this machine, so that it may be given the control token of the environment."""
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def is_given(name: str) -> bool:
    """Whether an option of the command that runs was given by its flag."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


class Url(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A base URL, of which people leave out the start."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URL with a scheme, and without a slash at its end."""
        text = str(value).strip()
        text = (text if "://" in text else f"http://{text}").rstrip("/")
        if not text.lower().startswith(("http://", "https://")):
            raise SettingError("URL", value, "--url or GEXFAKER_URL", f"accepted: a URL such as {LOCAL}:8080")
        return text


def with_url(command: Command) -> Command:
    """Give a command ``--url``."""
    return click.option(
        "--url",
        type=Url(),
        metavar="URL",
        envvar="GEXFAKER_URL",
        default=default_url,
        show_default=f"GEXFAKER_URL, else {LOCAL} at the PORT set here, else at 8080",
        help="Base URL of the server.",
    )(command)


def with_key(command: Command) -> Command:
    """Give a command ``--key``."""
    return click.option(
        "--key",
        envvar="GEXFAKER_KEY",
        default="demo",
        show_default="GEXFAKER_KEY, else demo",
        help="API key; each key has a place of its own in the day.",
    )(command)


def with_token(command: Command) -> Command:
    """Give a command ``--token``."""
    return click.option(
        "--token",
        envvar=["GEXFAKER_TOKEN", "GEXFAKER_CONTROL_TOKEN"],
        help="The server's control token.  [default: GEXFAKER_TOKEN or GEXFAKER_CONTROL_TOKEN in the environment]",
    )(command)
