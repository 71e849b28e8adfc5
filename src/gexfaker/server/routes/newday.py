"""A day that opens while the server runs: new keys start with it, and with ``today`` everybody goes on with it."""

from __future__ import annotations

from gexfaker.playback.actions import ChangeDay
from gexfaker.server.routes.control import act
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.tapes.folder import TODAY


async def follow_date(service: Service) -> None:
    """Look whether a day has opened. With ``--data-date today`` the keys in use are moved to it, in slices."""
    before = service.days.first
    date = service.follow_date()
    if date is None or service.settings.data_date != TODAY:
        return
    async for world in in_slices(service.worlds.in_use()):
        if world.play.date == before:
            await act(service, world, ChangeDay(date), quietly=True)
