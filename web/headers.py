"""Headers of every answer: a strict content policy, no referrer, and what may be kept by whom."""

from __future__ import annotations

from flask import Flask, Response, request

from notifier.runtime import Runtime
from web import assets
from web.context import in_administration
from web.serving.middleware import MAY_BE_KEPT

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The administration's scripts may also ask this server.
ADMINISTRATION_POLICY = f"{CONTENT_POLICY}; connect-src 'self'"
# Only for a letter shown as it was sent: its styles are inlined, and nothing else in it may do anything.
LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

FOR_GOOD = "public, max-age=31536000, immutable"  # of what its address names by a hash
ASKED = (b"", b"view=side")  # what public pages that are kept may be asked for by, to the letter


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
    if request.endpoint == "static" and response.status_code < 400:
        return _static(response)
    if in_administration(request.path) or request.method not in ("GET", "HEAD"):
        response.headers["Cache-Control"] = "no-store"
        return response
    response.headers.setdefault("Cache-Control", "public, no-cache")
    if response.status_code == 200 and not response.is_streamed:
        response.add_etag()
        if request.blueprint == "public" and response.cache_control.public:
            return _kept(response)
        response.make_conditional(request)
    return response


def _kept(response: Response) -> Response:
    """Same for everybody: kept by what stands before the application, which also says when it has not changed."""
    if request.query_string in ASKED:  # else whoever makes up words could fill it
        request.environ[MAY_BE_KEPT] = True
    else:
        response.make_conditional(request)
    return response


def _static(response: Response) -> Response:
    """For good where the address names its content (web/assets.py), else for an hour."""
    version = assets.version(str((request.view_args or {}).get("filename")))
    for_good = version is not None and request.args.get("v") == version
    response.headers["Cache-Control"] = FOR_GOOD if for_good else "public, max-age=3600"
    if response.status_code == 200 and response.mimetype != "application/octet-stream":
        file = response.response
        response.direct_passthrough = False
        response.set_data(response.get_data())
        getattr(file, "close", lambda: None)()  # the file itself, as Flask opened it
        request.environ[MAY_BE_KEPT] = bool(version) and request.query_string in (b"", f"v={version}".encode())
    return response
