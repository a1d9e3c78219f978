"""Addresses below /api at which nothing is, and methods that an address does not have.

Readers' addresses (/policy/revision/locale) would fit them otherwise, and answer for the API.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from flask import Flask, Response
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import MethodNotAllowed, NotFound

METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY".split())
View = Callable[..., Response]


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Call it when all routes of the API are there."""
    for number, (path, methods) in enumerate(_routes(app).items()):
        other, options = _views(sorted(methods | {"OPTIONS"}))
        _add(app, csrf, path, f"elsewhere-{number}", other, METHODS - methods - {"OPTIONS"})
        _add(app, csrf, path, f"options-{number}", options, frozenset({"OPTIONS"}))
    for number, path in enumerate(("/api", "/api/", "/api/<path:rest>")):
        _add(app, csrf, path, f"nothing-{number}", _nothing, METHODS)


def _routes(app: Flask) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            found[rule.rule] |= (rule.methods or set()) - {"OPTIONS"}
    return found


def _views(allowed: list[str]) -> tuple[View, View]:
    def other(**_values: object) -> Response:
        raise MethodNotAllowed(valid_methods=allowed)

    def options(**_values: object) -> Response:
        return Response(status=204, headers={"Allow": ", ".join(allowed)})

    return other, options


def _nothing(**_values: object) -> Response:
    raise NotFound


def _add(app: Flask, csrf: CSRFProtect, path: str, endpoint: str, view: View, methods: frozenset[str]) -> None:
    app.view_functions[endpoint] = csrf.exempt(view)
    rule = app.url_rule_class(path, endpoint=endpoint, methods=methods, merge_slashes=False, strict_slashes=True)
    rule.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask's own, beside werkzeug's
    app.url_map.add(rule)
