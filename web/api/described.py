"""Routes that are described by what checks them: a view's annotations are its documentation and its validation.

flask-openapi3 reads `path`, `query`, `header` and `body` off a view and describes them. Checking is done here, on
the same models: the library works a model's schema out anew for each request with a query, and takes a body that
is not JSON for null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from errors import RequestMalformed
from web.api import bodies
from web.api.shapes.common import IN_WORDS
from web.problems import MEDIA_TYPE

Model = type[BaseModel]
View = Callable[..., Any]
_SECURITY = "key"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_REFUSALS = {
    400: "The body cannot be read as what it says it is.",
    401: "No valid key came with the request.",
    403: "The key does not open this, or it takes a second person.",
    404: "There is no such policy, revision, member or notice.",
    409: "It clashes with what is on record.",
    413: "The request is larger than is taken.",
    415: "The content type is not taken.",
    422: "It cannot be done as given.",
    429: "Too many requests.",
    500: "Something went wrong here.",
}
_ALWAYS = (401, 403, 404, 422, 429, 500)
_WITH_BODY = (400, 409, 413, 415)


class Bound(NamedTuple):
    """The models of a view."""

    path: Model | None
    query: Model | None
    header: Model | None
    body: Model | None


class Api(APIBlueprint):
    """A blueprint whose routes each take a key with one scope."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, operation_id_callback=_operation_id, **options)
        self.scopes: dict[str, str] = {}  # by endpoint

    def on(
        self,
        method: str,
        rule: str,
        *,
        scope: str,
        tag: Tag,
        gives: Mapping[int, Model | dict[str, Any] | None],
        takes: dict[str, Any] | None = None,
    ) -> Callable[[View], View]:
        """Serve a rule. gives: the answer's model by status; None: no body. takes: a body other than JSON."""
        add = getattr(self, method.lower())

        def decorate(view: View) -> View:
            self.scopes[f"{self.name}.{view.__name__}"] = scope
            summary, _, more = (view.__doc__ or "").partition("\n")
            described: View = add(
                rule,
                tags=[tag],
                summary=summary.rstrip("."),
                description=f"{_folded(more)}\n\nScope: `{scope}`.".strip(),
                responses=_responses(gives, has_body=method in ("POST", "PUT")),
                security=[{_SECURITY: []}],
                openapi_extensions={"x-scope": scope, **({"requestBody": takes} if takes else {})},
                merge_slashes=False,
                provide_automatic_options=False,
            )(view)
            return described

        return decorate

    @staticmethod
    def create_view_func(  # type: ignore[override]  # noqa: PLR0913, PLR0917 -- the library's own
        func: View,
        header: Model | None,
        cookie: Model | None,  # noqa: ARG004
        path: Model | None,
        query: Model | None,
        form: Model | None,  # noqa: ARG004
        body: Model | None,
        raw: Any,  # noqa: ARG004
        **_others: Any,
    ) -> View:
        bound = Bound(path, query, header, body)

        @wraps(func)
        def view(**values: Any) -> Response:
            return answer(func(**_checked(bound, values)))

        return view


def _operation_id(*, name: str, path: str, method: str) -> str:  # noqa: ARG001 -- the library's own
    return name


def _folded(text: str) -> str:
    """A docstring's further paragraphs, without its indentation."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _responses(gives: Mapping[int, Any], *, has_body: bool) -> dict[int, Any]:
    refusals = (*_ALWAYS, *_WITH_BODY) if has_body else _ALWAYS
    said = {
        status: {"description": _REFUSALS[status], "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
        for status in refusals
    }
    return {**gives, **said}


# -- what comes in ------------------------------------------------------------------------------


def _checked(bound: Bound, values: dict[str, Any]) -> dict[str, Any]:
    """What a view is given. Raises: RequestMalformed, BodyUnreadable and what a body meets."""
    given: dict[str, Any] = {}
    if bound.path is not None:
        given["path"] = _model(bound.path, values)
    if bound.query is not None:
        given["query"] = _model(bound.query, _query())
    elif request.query_string:
        raise RequestMalformed(next(iter(request.args), "query"), "this address takes no parameters")
    if bound.header is not None:
        given["header"] = _model(bound.header, _headers(bound.header))
    if bound.body is not None:
        given["body"] = _parsed(bound.body, bodies.json())
    return given


def _query() -> dict[str, str]:
    for name, values in request.args.lists():
        if len(values) > 1:
            raise RequestMalformed(name, "it is given more than once")
    return request.args.to_dict()


def _headers(model: Model) -> dict[str, str]:
    wanted = [field.alias or name for name, field in model.model_fields.items()]
    return {name: request.headers[name] for name in wanted if name in request.headers}


def _model(model: Model, values: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise malformed(error.errors(include_url=False, include_input=False, include_context=False)) from None


def _parsed(model: Model, raw: bytes) -> BaseModel:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        if faults[0]["type"] == "json_invalid":
            raise bodies.unreadable(faults[0]["msg"]) from None
        raise malformed(faults) from None


def malformed(faults: list[ErrorDetails]) -> RequestMalformed:
    """The refusal of what is not of the documented form, with each thing that is wrong; fifty at most."""
    meant = [fault for fault in faults if fault["loc"][-1:] != ("none",)]  # that it might be left out is no advice
    said = [(_where(fault), _sentence(fault["msg"])) for fault in meant[:50]]
    refusal = RequestMalformed(*said[0])
    refusal.faults = said
    return refusal


def _where(fault: ErrorDetails) -> str:
    """A path of fields; where a field may be left out, Pydantic adds what kind of value it tried."""
    parts = [str(part) for part in fault["loc"]]
    if len(parts) > 1 and (parts[-1] in _TRIED or "[" in parts[-1]):
        parts = parts[:-1]
    return ".".join(parts)


_TRIED = ("str", "int", "bool", "constrained-str", "constrained-int")


def _sentence(message: str) -> str:
    for pattern, words in IN_WORDS.items():
        if message == f"String should match pattern '{pattern}'":
            return words
    text = re.sub(r"^Value error, ", "", message).rstrip(".")
    return text[:1].lower() + text[1:]


# -- what goes out ------------------------------------------------------------------------------


def answer(given: Any) -> Response:
    """An answer of a view: a model, a model and its status, or a response as it is."""
    if isinstance(given, Response):
        return given
    said, status = given if isinstance(given, tuple) else (given, 200)
    if said is None:
        return Response(status=status)
    return Response(said.model_dump_json(), status=status, mimetype="application/json")
