"""Where the deeds of a request come from, for the audit log: the address of an administrator or of a host only."""

from __future__ import annotations

from flask import Flask, request

from policy_versions import origins
from policy_versions.origins import Origin
from web.context import in_administration


def register(app: Flask) -> None:
    @app.before_request
    def enter() -> None:
        origins.enter(_origin())

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        origins.enter(None)


def _origin() -> Origin:
    address = request.remote_addr or ""
    if in_administration(request.path):
        return Origin(origins.PAGES, address)
    if request.path.startswith("/api/"):
        return Origin(origins.API, address)
    return Origin(origins.ELSEWHERE)
