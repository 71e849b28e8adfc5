"""`python -m docs`: renew what is generated in the documentation (a test fails when it is stale)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gexfaker.settings import SETTINGS, flag_of
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.tables import Field, Table
from gexfaker.wire.volume import KEYS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
WIRE = ROOT / "docs" / "wire.md"
END = "<!-- end -->"
_TYPES = {5: "int32", 3: "int64", 13: "uint32", 17: "sint32", 9: "string"}


def settings_table() -> str:
    """The table of all settings, as Markdown."""
    rows = ["| setting, flag | default | accepted | what it does |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "unset"
        text = setting.help.replace("|", "\\|")
        rows.append(f"| `{setting.name}` `{flag_of(setting.name)}` | {default} | {setting.accepted} | {text} |")
    return "\n".join(rows) + "\n"


def messages() -> str:
    """Every message of the feed, field by field, as Markdown."""
    parts = [_message(table) for table in TABLES]
    keys = ", ".join(f"`{key}`" for key in KEYS)
    parts.append(f"### Legacy volume, `proto.greek`\n\nThe content is JSON text, numbers as recorded: {keys}.\n")
    return "\n".join(parts)


def _message(table: Table) -> str:
    lines = [f"### {table.message.DESCRIPTOR.name}, `{table.type_url}`", ""]
    lines += ["| no. | field | type | JSON | times |", "|---|---|---|---|---|"]
    lines += ["| 1 | timestamp | int64 | `timestamp` | |", "| 2 | ticker | string | `ticker` | |"]
    return "\n".join([*lines, *_lines(table.fields, table.message.DESCRIPTOR, "", "")]) + "\n"


def _lines(fields: tuple[Field, ...], descriptor: Any, path: str, json: str) -> Iterator[str]:
    for position, field in enumerate(fields):
        found = descriptor.fields_by_name[field.wire]
        holder = found.message_type.fields_by_name[field.inside] if field.inside else found
        name = f"{json}[{position}] {field.json}" if json else f"`{field.json}`"
        kind = "rows" if field.columns else ("list of " if field.many else "") + _TYPES[holder.type]
        label = f"{path}{field.wire}" + (f".{field.inside}" if field.inside else "")
        times = "" if field.columns else field.factor
        yield f"| {found.number} | {label} | {'optional ' if field.optional else ''}{kind} | {name} | {times} |"
        if field.columns:
            yield from _lines(field.columns, holder.message_type, f"{label}.", f"`{field.json}`[]")


def renewed(text: str, section: str, made: str) -> str:
    """``text`` with the generated part named ``section`` made anew."""
    begin = f"<!-- {section}: made by `python -m docs` -->\n"
    head, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"there is no {begin.strip()}")
    return head + begin + made + END + rest.partition(END)[2]


def stale() -> dict[Path, str]:
    """The documents whose generated parts are not what the code says, with what they should be."""
    made = {README: ("settings", settings_table()), WIRE: ("messages", messages())}
    texts = {path: (path.read_text(encoding="utf-8"), *part) for path, part in made.items()}
    fresh = {path: (text, renewed(text, section, new)) for path, (text, section, new) in texts.items()}
    return {path: new for path, (old, new) in fresh.items() if old != new}


if __name__ == "__main__":
    for document, content in stale().items():
        document.write_text(content, encoding="utf-8")
