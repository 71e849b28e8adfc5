"""Scenarios as TOML: a strict reader, and the named ones that come with the package.

A file has an optional ``description``, a table ``[day]`` with the knobs of the whole day, and tables ``[[events]]``,
each with its ``kind``. Times are TOML's local times (``at = 14:32:00``), New York. Anything not known is an error that
names file and line: a knob misspelt would otherwise be a day that is quietly not what was asked for.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import MISSING, Field, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final

from gexfaker.errors import ControlError, DataError
from gexfaker.exchange.hours import FIRST_RECORD, LAST_RECORD
from gexfaker.faults.rules import Rule, for_every_key, rule_of
from gexfaker.market.scenarios.scenario import (
    Crash,
    DataGap,
    FrozenFeed,
    Halt,
    PinAt,
    Scenario,
    Squeeze,
    VolatilityShock,
    shape_of,
)
from gexfaker.shell import expanded

KINDS: Final[dict[str, Any]] = {
    "crash": Crash,
    "squeeze": Squeeze,
    "pin": PinAt,
    "volatility-shock": VolatilityShock,
    "halt": Halt,
    "data-gap": DataGap,
    "frozen-feed": FrozenFeed,
}
"""What an event's ``kind`` may be."""

NAMES: Final = ("calm", "trend-day", "opex-pin", "flash-crash", "gap-down", "vol-crush", "fed-day", "data-outage")
"""The scenarios that come with the package."""

_DAY: Final = ("drift", "gap", "volatility", "implied", "volume")
_TOP: Final = ("description", "day", "events", "faults")
_HEADER: Final = re.compile(r"\s*\[{1,2}\s*([^\]\s]+)\s*\]{1,2}")


def read_scenario(name: str | None) -> Scenario | None:
    """The scenario of a name that is shipped, or of a TOML file. Raises DataError, naming file and line."""
    if name is None:
        return None
    path = expanded(Path(name))
    if path.suffix != ".toml":
        return named_scenario(name)
    try:
        return load_scenario(str(path), path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def named_scenario(name: str) -> Scenario:
    """A scenario that comes with the package. Raises DataError, with the list, when there is none of that name."""
    if name not in NAMES:
        raise DataError(f"there is no scenario {name!r}; there are {', '.join(NAMES)}, or give a .toml file")
    text = (resources.files("gexfaker.market.scenarios") / f"{name}.toml").read_text(encoding="utf-8")
    return load_scenario(name, text)


def load_scenario(name: str, text: str) -> Scenario:
    """The scenario written in a TOML text.

    Args:
        name: of the scenario, or of the file it is from; errors begin with it.

    Raises:
        DataError: not TOML, or a key or value that is not known; names the line.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"(at line {len(text.splitlines())}, the end)"
        raise DataError(f"{name}: {error}".replace("(at end of document)", end)) from None
    return _Reader(name, text).scenario(document)


class _Reader:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = text.splitlines()

    def scenario(self, document: dict[str, Any]) -> Scenario:
        """The scenario of a parsed file."""
        self._known(document, _TOP, ("", 0))
        description, day, events = document.get("description", ""), document.get("day", {}), document.get("events", [])
        faults = document.get("faults", [])
        lists = (("events", events, list), ("faults", faults, list))
        for key, value, kind in (("description", description, str), ("day", day, dict), *lists):
            if not isinstance(value, kind):
                raise self._error(("", 0), key, f"is not {_CALLED[kind]}")
        self._known(day, _DAY, ("day", 0))
        knobs = {
            item.name: self._value(item, day[item.name], ("day", 0)) for item in fields(Scenario) if item.name in day
        }
        made = tuple(self._event(event, ("events", number)) for number, event in enumerate(events))
        broken = tuple(self._fault(table, number) for number, table in enumerate(faults))
        scenario = Scenario(name=self._name, description=description, events=made, faults=broken, **knobs)
        if not len(shape_of(scenario).seconds):
            raise DataError(f"{self._name}: its gaps leave no record of the day")
        return scenario

    def _fault(self, table: Any, number: int) -> Rule:
        """A rule of what is broken on purpose; a time of the market is a local time, as everywhere in the file."""
        when = table.get("when") if isinstance(table, dict) else None
        if isinstance(when, dict) and isinstance(when.get("market"), dt.time):
            table = table | {"when": when | {"market": when["market"].isoformat()}}
        try:
            [rule] = for_every_key((rule_of(table, f"fault {number + 1}"),))
            return rule
        except ControlError as problem:
            line = self._header("faults", number)
            raise DataError(f"{self._name}, line {line}: {problem}") from None

    def _header(self, name: str, number: int) -> int:
        """The line on which a table begins."""
        lines = [at for at, line in enumerate(self._lines, 1) if (found := _HEADER.match(line)) and found[1] == name]
        return lines[number] if number < len(lines) else 1

    def _event(self, table: Any, where: tuple[str, int]) -> Any:
        if not isinstance(table, dict):
            raise self._error(("", 0), "events", "must be written as [[events]] tables")
        kind = table.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise self._error(where, "kind", f"must be one of {', '.join(KINDS)}")
        items = {item.name: item for item in fields(KINDS[kind])}
        self._known(table, ("kind", *items), where)
        missing = [name for name, item in items.items() if item.default is MISSING and name not in table]
        if missing:
            raise self._error(where, "kind", f"= {kind!r} also needs {', '.join(missing)}")
        return KINDS[kind](**{k: self._value(items[k], value, where) for k, value in table.items() if k != "kind"})

    def _known(self, table: dict[str, Any], known: tuple[str, ...], where: tuple[str, int]) -> None:
        for key in table:
            if key not in known:
                raise self._error(where, key, f"is not known here; known are {', '.join(known)}")

    def _value(self, item: Field[Any], value: Any, where: tuple[str, int]) -> Any:
        if item.name == "at":
            if not isinstance(value, dt.time) or not FIRST_RECORD <= value <= LAST_RECORD:
                raise self._error(where, "at", f"must be a time from {FIRST_RECORD} to {LAST_RECORD}, such as 14:30:00")
            return value
        low, high = item.metadata["low"], item.metadata["high"]
        whole = isinstance(low, int)
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise self._error(where, item.name, f"must be a {'whole ' * whole}number from {low} to {high}")
        return value if whole else float(value)

    def _error(self, where: tuple[str, int], key: str, text: str) -> DataError:
        return DataError(f"{self._name}, line {self._line(where, key)}: {key} {text}")

    def _line(self, where: tuple[str, int], key: str) -> int:
        """The line of a key in the ``number``-th table of a name; the table's own where the key is not written."""
        table, count, start = "", {"": 1}, 1
        for number, line in enumerate(self._lines, 1):
            if header := _HEADER.match(line):
                table = header[1]
                count[table] = count.get(table, 0) + 1
            if (table, count.get(table, 0) - 1) == where:
                start = number if header else start
                if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                    return number
            if not where[0] and header and header[1].split(".")[0] == key:
                return number
        return start


_CALLED: Final = {str: "a text", dict: "a table", list: "a list of tables"}
