"""Headers of every answer: a strict content policy, no referrer, and what may be kept by whom."""

from __future__ import annotations

from flask import Flask, Response, request

from notifier.runtime import Runtime
from web.context import in_administration

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The administration's pages may run the scripts that are served here, and those may ask this server.
ADMINISTRATION_POLICY = f"{CONTENT_POLICY}; script-src 'self'; connect-src 'self'"
# Only for a letter shown as it was sent: its styles are inlined, and nothing else in it may do anything.
LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def register(app: Flask, runtime: Runtime) -> None:
    secure = runtime.settings.secure

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        inside = in_administration(request.path)
        headers.setdefault("Content-Security-Policy", ADMINISTRATION_POLICY if inside else CONTENT_POLICY)
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return _cached(response)


def _cached(response: Response) -> Response:
    """Public pages may be kept but are asked for again with their ETag; the administration's are never kept."""
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response
    if in_administration(request.path) or request.method not in ("GET", "HEAD"):
        response.headers["Cache-Control"] = "no-store"
        return response
    response.headers.setdefault("Cache-Control", "public, no-cache")
    if response.status_code == 200 and not response.is_streamed:
        response.add_etag()
        response.make_conditional(request)
    return response
