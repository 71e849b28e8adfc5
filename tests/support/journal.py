"""What is true of every journal, whatever a test did."""

from __future__ import annotations

from gexfaker.journal.journal import TYPES
from gexfaker.wire.tokens import world_id
from support.server import InProcess


def check_declared(server: InProcess, key: str) -> None:
    """Entries have the fields that their type declares, and no others."""
    world = server.server.service.worlds.peek(world_id(key))
    journal = world.watch.journal if world is not None and world.watch is not None else None
    for entry in journal.entries() if journal is not None else ():
        assert entry.fields.keys() <= {*TYPES[entry.type].fields}, entry
