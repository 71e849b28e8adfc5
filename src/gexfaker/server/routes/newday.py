"""What changes on the disk while the server runs: a day that opens, and other files of a day that is played."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from gexfaker.playback.actions import ChangeDay
from gexfaker.server.routes.control import act
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.tapes.folder import TODAY

log = logging.getLogger(__name__)


async def follow_date(service: Service) -> None:
    """Look whether a day has opened. With ``--data-date today`` the keys in use are moved to it, in slices."""
    before = service.days.first
    date = service.follow_date()
    if date is None or service.settings.data_date != TODAY:
        return
    async for world in in_slices(service.worlds.in_use()):
        if world.play.date == before:
            await act(service, world, ChangeDay(date), quietly=True)


async def follow_files(service: Service) -> bool:
    """Open days again whose files were added, replaced or taken away; keys go on at their market time. True: some were.

    The disk is looked at in a thread, as it may be slow.
    """
    looks = service.days.looks()
    changed = await asyncio.to_thread(_changed, looks) if looks else []
    for date in changed:
        service.renew(date)
        log.info("the files of %s have changed: they are opened again", date)
        async for world in in_slices(service.worlds.in_use()):
            if world.play.date == date:
                world.play.find_again()
    return bool(changed)


def _changed(looks: Mapping[str, Callable[[], bool]]) -> list[str]:
    return [date for date, has_changed in looks.items() if has_changed()]
