"""Problem details (RFC 9457): how everything under /api says what it refuses.

A refusal's `type` leads to its entry on the readable page of the API, and never changes; `detail` is its sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

from errors import KeyRefused, Refusal, RequestMalformed

HOME = "/api/v1/"
MEDIA_TYPE = "application/problem+json"
_SENTENCES = {
    400: "The request cannot be understood.",
    404: "There is nothing at this address; what there is stands at /api/v1/.",
    405: "This cannot be done here; the header Allow says what can.",
    413: "What was sent is larger than is taken here.",
    415: "A body of this content type is not taken here.",
    429: "Too many requests; wait as long as Retry-After says.",
    500: "Something went wrong here; it has been noted, and nothing was changed.",
}


def in_api(path: str) -> bool:
    """Whether a path is one of the API, and not of a policy such as /api-terms."""
    return path == "/api" or path.startswith("/api/")


def name(kind: type[Refusal]) -> str:
    """A type of refusal as its address names it: no-such-policy."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def title(kind: type[Refusal]) -> str:
    """The same in words, alike for every occurrence: "No such policy"."""
    return name(kind).replace("-", " ").capitalize()


def kinds(of: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every type of refusal that there is, but for the root."""
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def of_refusal(refusal: Refusal, status: int) -> Response:
    kind = type(refusal)
    more: dict[str, Any] = {}
    if isinstance(refusal, RequestMalformed):
        more["errors"] = [{"at": where, "detail": what} for where, what in refusal.faults]
    answer = _problem(f"{HOME}#{name(kind)}", title(kind), status, str(refusal), more)
    if isinstance(refusal, KeyRefused):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return answer


def of_http(error: HTTPException) -> Response:
    """What the framework refuses: the status says it all, so there is no type of ours."""
    answer = of_status(error.code or 500)
    for header, value in error.get_headers():
        if header in ("Allow", "Retry-After"):
            answer.headers[header] = value
    return answer


def of_status(status: int) -> Response:
    phrase = HTTPStatus(status).phrase
    return _problem("about:blank", phrase, status, _SENTENCES.get(status, f"{phrase}."), {})


def _problem(kind: str, called: str, status: int, detail: str, more: dict[str, Any]) -> Response:
    said = {"type": kind, "title": called, "status": status, "detail": detail, **more}
    answer = Response(json.dumps(said, ensure_ascii=False), status=status, mimetype=MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer
