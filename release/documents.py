"""`python -m release.documents`: renew what is generated in the documentation (a test fails when it is stale)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gexfaker.catalog import CURRENT_HUBS, V2
from gexfaker.contract.asyncapi import kinds_of
from gexfaker.contract.upstream import NOT_SERVED, covered, own
from gexfaker.faults.kinds import KINDS, attributes_schema
from gexfaker.faults.presets import PRESETS
from gexfaker.jobs.drills import DRILLS
from gexfaker.journal.expectations import READY, takes
from gexfaker.journal.journal import TYPES
from gexfaker.parsing import REALISM
from gexfaker.records.fields import Field
from gexfaker.records.meanings import MEANINGS
from gexfaker.server.access.events import EVENTS, log_schema
from gexfaker.server.metrics.table import METRICS
from gexfaker.server.routes.table import OPERATIONS
from gexfaker.settings import SETTINGS, Section, Setting, flag_of
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.tables import Table
from gexfaker.wire.volume import KEYS

ROOT = Path(__file__).resolve().parent.parent
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
WIRE = ROOT / "docs" / "wire.md"
COVERAGE = ROOT / "docs" / "coverage.md"
OPERATING = ROOT / "docs" / "operating.md"
FAULTS = ROOT / "docs" / "faults.md"
TESTING = ROOT / "docs" / "testing.md"
LOG_SCHEMA = ROOT / "docs" / "log.schema.json"
END = "<!-- end -->"
FEED = (
    "The hubs of the second generation carry `{ticker}_spot` too. Categories by date, and the volume, are made of the "
    "nearest recorded category."
)
_TYPES = {5: "int32", 3: "int64", 13: "uint32", 17: "sint32", 9: "string"}


def settings_table() -> str:
    """The tables of all settings, section by section, and the realism switches, as Markdown."""
    parts = []
    for section in Section:
        rows = [
            f"**{section.capitalize()}**",
            "",
            "| setting, flag | default | accepted | what it does |",
            "|---|---|---|---|",
        ]
        rows += [_setting(name, setting) for name, setting in SETTINGS.items() if setting.section is section]
        parts.append("\n".join(rows) + "\n")
    rows = ["| realism switch | what it does |", "|---|---|"]
    rows += [f"| `{name}` | {text} |" for name, text in REALISM.items()]
    return "\n".join([*parts, "\n".join(rows) + "\n"])


def _setting(name: str, setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "unset"
    text = setting.help.replace("|", "\\|")
    return f"| `{name}` `{flag_of(name)}` | {default} | {setting.accepted} | {text} |"


def messages() -> str:
    """Every message of the feed, field by field, as Markdown."""
    parts = [_message(table) for table in TABLES]
    keys = ", ".join(f"`{key}`" for key in KEYS)
    parts.append(f"### Legacy volume, `proto.greek`\n\nThe content is JSON text, numbers as recorded: {keys}.\n")
    return "\n".join(parts)


def _message(table: Table) -> str:
    lines = [f"### {table.message.DESCRIPTOR.name}, `{table.type_url}`", ""]
    lines += ["| no. | field | type | JSON | times | what it is |", "|---|---|---|---|---|---|"]
    lines += [f"| 1 | timestamp | int64 | `timestamp` | | {_meaning('timestamp')} |"]
    lines += [f"| 2 | ticker | string | `ticker` | | {_meaning('ticker')} |"]
    return "\n".join([*lines, *_lines(table.fields, table.message.DESCRIPTOR, "", "")]) + "\n"


def _lines(fields: tuple[Field, ...], descriptor: Any, path: str, json: str) -> Iterator[str]:
    for position, field in enumerate(fields):
        found = descriptor.fields_by_name[field.wire]
        holder = found.message_type.fields_by_name[field.inside] if field.inside else found
        name = f"{json}[{position}] {field.json}" if json else f"`{field.json}`"
        kind = "rows" if field.columns else ("list of " if field.many else "") + _TYPES[holder.type]
        label = f"{path}{field.wire}" + (f".{field.inside}" if field.inside else "")
        times = "" if field.columns else field.factor
        kind = f"optional {kind}" if field.optional else kind
        yield f"| {found.number} | {label} | {kind} | {name} | {times} | {_meaning(field.json)} |"
        if field.columns:
            yield from _lines(field.columns, holder.message_type, f"{label}.", f"`{field.json}`[]")


def _meaning(name: str) -> str:
    meaning = MEANINGS[name]
    return meaning.text + (f" ({meaning.unit})" if meaning.unit else "")


def coverage() -> str:
    """What of the service's API is here, and what is here besides, as Markdown."""
    lines = ["| the service's | here, after the base | bases | done |", "|---|---|---|---|"]
    for line in covered(OPERATIONS):
        path = "the same" if line.path == line.upstream else f"`{line.path}`"
        lines.append(f"| `{line.upstream}` | {path} | {_bases(line.bases)} | {line.note} |")
    lines += ["", "### The real-time feed", "", FEED, "", "| hub | second generation | categories | done |"]
    lines += ["|---|---|---|---|"]
    lines += [f"| `{hub}` | `{V2}{hub}` | {_carried(hub)} | as on the service |" for hub in CURRENT_HUBS]
    lines += ["", "### Not served", "", "| the service's | why not |", "|---|---|"]
    lines += [f"| `GET {path}` | {reason} |" for path, reason in NOT_SERVED.items()]
    lines += ["", "### Here only", "", "| route | what for |", "|---|---|"]
    lines += [f"| `{line.method.upper()} {line.path}` | {line.summary} |" for line in own(OPERATIONS)]
    return "\n".join(lines) + "\n"


def _bases(bases: tuple[str, ...]) -> str:
    return ", ".join(f"`{base or '/'}`" for base in bases)


def _carried(hub: str) -> str:
    """The categories that a hub carries, with its package."""
    return ", ".join(f"`{name}`" for name in kinds_of(hub))


def metrics() -> str:
    """Every metric of ours, as Markdown."""
    lines = ["| metric | kind | labels | what it is |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"


def events() -> str:
    """Every event of the JSON log, as Markdown."""
    return (
        "\n".join(["| event | when |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in EVENTS.items())])
        + "\n"
    )


def faults() -> str:
    """The table of all types of faults with their attributes, as Markdown."""
    rows = ["| type | what it does | acts on | attributes |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        attributes = attributes_schema(kind).get("properties", {})
        told = ", ".join(f"`{one}` {_default(about)}" for one, about in attributes.items())
        does = " ".join((kind.__doc__ or "").split()).replace("``", "`")
        rows.append(f"| `{name}` | {does} | {', '.join(kind.POINTS)} | {told} |")
    return "\n".join(rows) + "\n"


def _default(about: dict[str, Any]) -> str:
    if "enum" in about:
        return " or ".join(f"`{value}`" for value in about["enum"])
    default = about.get("default")
    return "(none)" if default is None else f"{default:g}" if isinstance(default, float) else f"`{json.dumps(default)}`"


def presets() -> str:
    """The presets, each with what a good client does, as Markdown."""
    rows = ["| preset | what happens | a good client |", "|---|---|---|"]
    rows += [f"| `{name}` | {one.about} | {one.good} |" for name, one in PRESETS.items()]
    return "\n".join(rows) + "\n"


def entries() -> str:
    """The types of entries of a journal, as Markdown."""
    rows = ["| type | what happened | fields |", "|---|---|---|"]
    for name, one in TYPES.items():
        rows.append(f"| `{name}` | {one.about} | {', '.join(f'`{field}`' for field in one.fields)} |")
    return "\n".join(rows) + "\n"


def expectations() -> str:
    """The ready-made expectations, as Markdown."""
    held = {name: " ".join((one.__doc__ or "").split()) for name, one in READY.items()}
    told = [f"| `{name}` | {must} | {takes(name)} |" for name, must in held.items()]
    return "\n".join(["| `is` | what must hold | takes (else) |", "|---|---|---|", *told]) + "\n"


def drills() -> str:
    """The drills, as Markdown."""
    rows = ["| drill | what happens | a good client |", "|---|---|---|"]
    rows += [f"| `{one.name}` | {one.about} | {one.good} |" for one in DRILLS]
    return "\n".join(rows) + "\n"


def renewed(text: str, section: str, made: str) -> str:
    """``text`` with the generated part named ``section`` made anew."""
    begin = f"<!-- {section}: made by `python -m release.documents` -->\n"
    head, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"there is no {begin.strip()}")
    return head + begin + made + END + rest.partition(END)[2]


def stale() -> dict[Path, str]:
    """The documents whose generated parts are not what the code says, with what they should be."""
    made = {
        SETTINGS_PAGE: {"settings": settings_table()},
        WIRE: {"messages": messages()},
        COVERAGE: {"routes": coverage()},
        OPERATING: {"metrics": metrics(), "events": events()},
        FAULTS: {"faults": faults(), "presets": presets()},
        TESTING: {"entries": entries(), "expectations": expectations(), "drills": drills()},
    }
    fresh = {LOG_SCHEMA: json.dumps(log_schema(), indent=1) + "\n"}
    for path, sections in made.items():
        text = path.read_text(encoding="utf-8")
        for section, new in sections.items():
            text = renewed(text, section, new)
        fresh[path] = text
    return {path: new for path, new in fresh.items() if not path.exists() or path.read_text(encoding="utf-8") != new}


if __name__ == "__main__":
    for document, content in stale().items():
        document.write_text(content, encoding="utf-8")
