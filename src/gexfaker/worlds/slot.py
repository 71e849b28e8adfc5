"""A slot: the memberships that a key negotiated by POST and changed by PATCH, which the server joins for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gexfaker.catalog import V2_HUBS
from gexfaker.hubs.negotiation import generation


@dataclass(slots=True)
class Slot:
    """One negotiated set.

    Attributes:
        id: unguessable name, part of its tokens; a later one is greater.
        groups: by hub, the group names as they are there.
        restored: whether it is known from a token only, because the server was restarted.
    """

    id: str
    groups: dict[str, list[str]] = field(default_factory=dict)
    restored: bool = False

    def counts(self) -> dict[str, int]:
        """Memberships by hub, for every hub of the generation."""
        hubs = generation(next(iter(self.groups))) if self.groups else V2_HUBS
        return {hub: len(self.groups.get(hub, ())) for hub in hubs}
