"""Loaded by the command line of Schemathesis: its own check rewrites the tuples of schemas and then refuses them."""

from __future__ import annotations

from typing import Any

import schemathesis

from contract.strict import wrong


@schemathesis.check
def answers_as_documented(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Status, type and schema of an answer, by the document as it was served."""
    operation = case.operation.schema.raw_schema["paths"][case.operation.path][case.operation.method.lower()]
    if case.method.lower() != case.operation.method.lower():
        return  # a method that the operation has not, tried on purpose
    kind = (response.headers.get("content-type") or [""])[0]
    found = wrong(case.operation.schema.raw_schema, operation, response.status_code, kind, response.content)
    assert found is None, found
