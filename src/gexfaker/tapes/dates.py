"""Days as folders and files are called by them."""

from __future__ import annotations

import datetime
import re
from typing import Final

FIRST_YEAR: Final = 1980
LAST_YEAR: Final = 2099
"""Years of days: ZIP archives know none before, and calendars have to work with the days after one."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(value: str) -> bool:
    """Whether ``value`` is a day of the calendar written YYYY-MM-DD."""
    if not _DATE.fullmatch(value):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_playable(value: str) -> bool:
    """Whether it is a day of a year that can be meant."""
    return is_date(value) and FIRST_YEAR <= int(value[:4]) <= LAST_YEAR


def is_day_folder(name: str) -> bool:
    """Whether a folder is called as a day, with dashes or without."""
    return is_playable(dashed(name))


def dashed(date: str) -> str:
    """A date as folders are called, of one that may have no dashes; another text as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdecimal() else date
