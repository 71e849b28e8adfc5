"""A slot: what a key negotiated last. By POST, with memberships that PATCH changes and the server joins for it; by GET,
with none, as the client joins its groups itself.
"""

from __future__ import annotations

import msgspec

from gexfaker.catalog import V2_HUBS
from gexfaker.hubs.negotiation import generation


class Slot(msgspec.Struct):
    """One negotiated set.

    Attributes:
        id: unguessable name, part of its tokens; a later one is greater.
        groups: by hub, the group names as they are there.
        restored: whether it is known from a token only, because the server was restarted.
        by_client: whether the client joins, as after a GET.
    """

    id: str
    groups: dict[str, list[str]] = msgspec.field(default_factory=dict)
    restored: bool = False
    by_client: bool = False

    def counts(self) -> dict[str, int]:
        """Memberships by hub, for every hub of the generation."""
        hubs = generation(next(iter(self.groups))) if self.groups else V2_HUBS
        return {hub: len(self.groups.get(hub, ())) for hub in hubs}
