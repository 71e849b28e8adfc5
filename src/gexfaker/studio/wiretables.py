"""The tables of the feed's messages as the page reads them: it decodes what clients get by itself."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from gexfaker.records.fields import Field
from gexfaker.wire.feeds import TABLES


def wire_tables() -> dict[str, Any]:
    """By type URL: the message's fields by number, and how they become a record."""
    return {
        table.type_url: {
            "message": table.message.DESCRIPTOR.name,
            "fields": _message(table.message.DESCRIPTOR),
            "record": [_told(field) for field in table.fields],
        }
        for table in TABLES
    }


def _message(descriptor: Any) -> dict[str, Any]:
    return {str(field.number): _field(field) for field in descriptor.fields}


def _field(field: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"name": field.name, "kind": KINDS[field.type]}
    if field.message_type is not None:
        told["fields"] = _message(field.message_type)
    # What is repeated is a list by default; protobuf 5 and 7 have no common word for it.
    return told | ({"many": True} if field.default_value == [] else {})


KINDS: Final = {
    FieldDescriptor.TYPE_INT64: "int",
    FieldDescriptor.TYPE_UINT32: "int",
    FieldDescriptor.TYPE_SINT32: "zigzag",
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_MESSAGE: "message",
}
"""How the page reads a field, by its type."""


def _told(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {"wire": field.wire, "json": field.json, "factor": field.factor}
    told |= {name: True for name in ("optional", "null", "many") if getattr(field, name)}
    told |= {"inside": field.inside} if field.inside else {}
    return told | ({"columns": [_told(column) for column in field.columns]} if field.columns else {})
