"""The service itself, from which recorded days come."""

from __future__ import annotations

from typing import Final

SERVICE: Final = "https://api.gex.bot"
"""Its API."""

KEY: Final = "GEXBOT_API_KEY"
"""Where the environment has the API key for it."""


def is_key(text: str) -> bool:
    """Whether a text can be an API key, which goes into a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
