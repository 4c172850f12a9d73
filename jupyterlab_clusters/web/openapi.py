"""The OpenAPI 3.1 document, from the route table and the types. ``python -m jupyterlab_clusters.web.openapi``.

Promise: nothing is written here by hand that the routes or the structs say.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import msgspec

from ..cluster.models import LoadModel
from . import messages
from .errors import ErrorModel
from .resource import Operation, Resource
from .routes import ROOT, ROUTES

METHODS = ("get", "post", "put", "delete")
STREAM = (messages.Subscribe, messages.Snapshot, messages.Changes, messages.Lines, messages.Lagged, messages.TopicError)
TEMPLATE = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """The whole document, ready for JSON."""
    operations = [
        (path, method, operation)
        for path, kind in ROUTES.items()
        for method in METHODS
        if (operation := _operation(kind, method)) is not None
    ]
    types = [one for _, _, operation in operations for one in (*_answers(operation), operation.body) if one is not None]
    every = [*types, ErrorModel, *STREAM, LoadModel]
    schemas, components = msgspec.json.schema_components(every, ref_template=TEMPLATE)
    by_type = list(zip(every, schemas, strict=True))
    paths: dict[str, Any] = {}
    for path, method, operation in operations:
        paths.setdefault(f"/{ROOT}/{path}", {})[method] = _described(path, operation, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "jupyterlab-clusters", "version": "1", "description": "IPython Parallel clusters, live."},
        "paths": paths,
        "components": {"schemas": _plain_names(components)},
    }


def _answers(operation: Operation) -> tuple[Any, ...]:
    """The types a method may answer with."""
    if operation.answer in (None, bytes):
        return ()
    return operation.answer if isinstance(operation.answer, tuple) else (operation.answer,)


def _operation(kind: type[Resource], method: str) -> Operation | None:
    found: Operation | None = getattr(getattr(kind, method), "operation", None)
    return found


def _described(path: str, operation: Operation, by_type: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    needs = f"Needs `{operation.action}` on `clusters`."
    described: dict[str, Any] = {"summary": operation.summary, "description": needs}
    parameters = [_parameter(name, "path") for name in re.findall(r"\{(\w+)\}", path)]
    parameters += [_parameter(name, "query") for name in operation.query]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {"content": {"application/json": {"schema": _schema(operation.body, by_type)}}}
    error = {"description": "Refused", "content": {"application/json": {"schema": _schema(ErrorModel, by_type)}}}
    described["responses"] = {
        **{str(status): _answer(operation, by_type) for status in (operation.status, *operation.also)},
        "default": error,
    }
    return described


def _answer(operation: Operation, by_type: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "Done"}
    if operation.answer is bytes:
        return {"description": "The file", "content": {"text/plain": {"schema": {"type": "string"}}}}
    answers = [_schema(one, by_type) for one in _answers(operation)]
    schema = answers[0] if len(answers) == 1 else {"anyOf": answers}
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


def _schema(wanted: Any, by_type: list[tuple[Any, dict[str, Any]]]) -> dict[str, Any]:
    return next(_plain(schema) for kind, schema in by_type if kind == wanted)


def _parameter(name: str, place: str) -> dict[str, Any]:
    numbers = {"at", "before", "after", "from", "last", "limit", "slot"}
    schema = {"type": "integer", "minimum": 0} if name in numbers else {"type": "string"}
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _plain_names(components: dict[str, Any]) -> dict[str, Any]:
    lenient = {kind.__name__ for kind in _structs(msgspec.Struct) if _may_leave_out(kind)}
    for name, schema in components.items():
        # What we send always has every field, also those that have a default in Python.
        if name not in lenient and "properties" in schema:
            schema["required"] = list(schema["properties"])
    return {_dotless(name): _plain(schema) for name, schema in sorted(components.items())}


def _may_leave_out(kind: type[msgspec.Struct]) -> bool:
    config = kind.__struct_config__
    return config.omit_defaults or config.forbid_unknown_fields


def _structs(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    return [one for child in kind.__subclasses__() for one in (child, *_structs(child))]


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _dotless(value) if name == "$ref" else _plain(value) for name, value in schema.items()}
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _dotless(name: str) -> str:
    # A class within a class is told as `Outer.Inner`, which is no name in TypeScript.
    return re.sub(r"(\w+)\.(\w+)$", r"\1\2", name)


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2)
    sys.stdout.write("\n")
