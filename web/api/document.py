"""The API told to programs (OpenAPI 3.1) and to people: both from what checks its requests."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Response, jsonify, render_template
from flask_openapi3.models import APISpec
from flask_openapi3.models.components import Components
from flask_openapi3.models.info import Info
from flask_openapi3.models.schema import Schema
from flask_openapi3.models.security_scheme import SecurityScheme
from markupsafe import Markup, escape
from pydantic import BaseModel

from errors import Conflict, Gone, Invalid, NotFound, Refusal
from notifier import keys
from web import problems
from web.api import DEEDS, MEMBERS, PROOF, STANDING, TEXTS, WORDS, api
from web.api.shapes.common import Problem
from web.errors import status_of

REFS = "#/components/schemas/{model}"
TAGS = [TEXTS, MEMBERS, STANDING, WORDS, DEEDS, PROOF]
_ROOTS = (Conflict, Gone, Invalid, NotFound)  # never raised as such


@api.route("/openapi.json")
def document() -> Response:
    """The OpenAPI document."""
    return jsonify(described())


@cache
def described() -> dict[str, Any]:
    """The document: of the routes that there are, the same for every request."""
    schemas = {**api.components_schemas, **_schemas(Problem)}
    spec = APISpec(
        openapi="3.1.0",
        info=Info(
            title="Gazette",
            version=_version(),
            description="Which text governed whom, from when, and how you know.",
        ),
        paths=api.paths,
        tags=TAGS,
        components=Components(
            schemas=dict(sorted(schemas.items())),
            securitySchemes={
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="A key made by `gazette keys create`."
                )
            },
        ),
    )
    made = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    cleaned: dict[str, Any] = _clean(made)
    return cleaned


def _version() -> str:
    try:
        return version("gazette")
    except PackageNotFoundError:
        return "0"


def _schemas(model: type[BaseModel]) -> dict[str, Schema]:
    made = model.model_json_schema(ref_template=REFS, mode="serialization")
    parts = made.pop("$defs", {})
    return {name: Schema(**one) for name, one in {**parts, model.__name__: made}.items()}


def _clean(given: Any) -> Any:
    """Leave out what says nothing: a default of null where null is nothing that may be sent."""
    if isinstance(given, dict):
        return {name: _clean(value) for name, value in given.items() if not (name == "default" and value is None)}
    if isinstance(given, list):
        return [_clean(value) for value in given]
    return given


# -- the readable page --------------------------------------------------------------------------


@api.route("/")
def page() -> str:
    """The API as people read it."""
    spec = described()
    return render_template(
        "api/reference.html",
        page_title="The API",
        spec=spec,
        groups=[(tag, list(_operations(spec, tag["name"]))) for tag in spec["tags"]],
        schemas=[(name, _fields(schema)) for name, schema in spec["components"]["schemas"].items()],
        scopes=keys.SCOPES,
        marked=_marked,
        problems=[_problem(kind) for kind in sorted(_kinds(), key=problems.name)],
    )


def _marked(words: str) -> Markup:
    """Words in which `names` are shown as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(words))))  # noqa: S704 -- escaped before


def _operations(spec: dict[str, Any], tag: str) -> Any:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield {**operation, "method": method.upper(), "path": path, **_body(operation)}


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    """What goes in and what comes out, by name."""
    taken = operation.get("requestBody", {}).get("content", {})
    given = {
        status: (answer["description"], _name(answer.get("content", {})))
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }
    asked = [
        {"required": False, "description": "", **one}
        for one in operation.get("parameters", [])
        if one["in"] != "path"
    ]
    return {"takes": list(taken), "body": _name(taken), "gives": given, "asked": asked}


def _name(content: dict[str, Any]) -> str:
    first: dict[str, Any] = next(iter(content.values()), {})
    found = first.get("schema", {})
    return str(found.get("$ref", "")).rpartition("/")[2]


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", [])
    fields = [
        {"name": name, "kind": _kind(field), "required": name in required, "says": field.get("description", "")}
        for name, field in schema.get("properties", {}).items()
    ]
    return {"says": schema.get("description", ""), "fields": fields}


def _kind(field: dict[str, Any]) -> str:
    """A field's kind in words: "string, date-time", "list of Revision", "integer or null"."""
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return ", ".join(str(field[name]) for name in ("type", "format") if name in field)


def _kinds() -> set[type[Refusal]]:
    return {kind for kind in problems.kinds() if kind not in _ROOTS}


def _problem(kind: type[Refusal]) -> dict[str, Any]:
    said = (kind.__doc__ or "").partition("\n")[0]
    return {
        "name": problems.name(kind),
        "title": problems.title(kind),
        "status": status_of(kind.__new__(kind)),
        "says": said,
    }
