"""The word that is most like one that does not exist, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like another; None when none is."""
    import difflib  # here, because it takes 6 ms to load, and most starts have no misspelt word

    close = difflib.get_close_matches(word, list(known), n=1)
    return close[0] if close else None
