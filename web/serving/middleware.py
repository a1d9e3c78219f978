"""Stands before the application: gives what is kept, and keeps what the application says may be kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from web.serving import negotiation
from web.serving.freshness import Freshness, Look
from web.serving.kept import Headers, Kept, Page, Variant
from web.serving.lately import LOOK

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

MAY_BE_KEPT = "gazette.may_be_kept"  # in a request's environment, once the application has said so
# Never kept: what stands at these addresses and beneath them, but not a policy such as /health-data.
_OTHERS = ("/admin/", "/api/", "/hooks/", "/m/", "/me/", "/site-notice/", "/metrics/", "/health/")
_OWN = ("content-length", "etag", "vary", "content-encoding")


class Serving:
    """A WSGI application before another."""

    def __init__(self, application: WSGIApplication, freshness: Freshness, kept: Kept) -> None:
        self._application, self._freshness, self._kept = application, freshness, kept

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        aside = f"{environ['PATH_INFO']}/".startswith(_OTHERS) or "HTTP_RANGE" in environ
        if aside or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._application(environ, start_response)
        look, address = self._look(), _address(environ)
        page = self._kept.get(address) if look else None
        if page is not None and look is not None and look.holds(page.version, page.until):
            return _answer(page, environ, start_response)
        return self._made(address, look, environ, start_response)

    def _look(self) -> Look | None:
        try:
            return self._freshness.look()
        except Exception as error:  # whatever the driver says; the application has its own page for that
            log.warning("the record could not be asked whether it changed: %s", type(error).__name__)
            return None

    def _made(
        self, address: str, look: Look | None, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        inner = {**environ, "REQUEST_METHOD": "GET", LOOK: look}
        if "HTTP_IF_NONE_MATCH" in environ:
            inner["HTTP_IF_NONE_MATCH"] = negotiation.plain_tags(environ["HTTP_IF_NONE_MATCH"])
        chunks, status, headers = _run(self._application, inner)
        if look is not None and inner.get(MAY_BE_KEPT):
            page = _page(chunks, headers, look, self._freshness)
            self._kept.keep(address, page)
            return _answer(page, environ, start_response)
        start_response(status, headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            _closed(chunks)
            return []
        return chunks


def _run(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[Iterable[bytes], str, Headers]:
    """What an application answers. It says status and headers before it returns, as Flask does."""
    said: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, _fault: object = None) -> Any:
        said[:] = [(status, headers)]

    chunks = application(environ, start)
    return chunks, *said[0]


def _address(environ: WSGIEnvironment) -> str:
    return f"{environ.get('SCRIPT_NAME', '')}{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"


def _page(chunks: Iterable[bytes], headers: Headers, look: Look, freshness: Freshness) -> Page:
    try:
        body = b"".join(chunks)
    finally:
        _closed(chunks)
    etag = next(value for name, value in headers if name.lower() == "etag").removeprefix("W/").strip('"')
    shared = [(name, value) for name, value in headers if name.lower() not in _OWN]
    return Page(body, shared, etag, look.version, freshness.until(look.now))


def _closed(chunks: Iterable[bytes]) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()


def _answer(page: Page, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    variant: Variant = page.variant(environ.get("HTTP_ACCEPT_ENCODING", ""))
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked and negotiation.matches(asked, page.etag):
        start_response("304 NOT MODIFIED", list(variant.unchanged))
        return []
    start_response("200 OK", list(variant.headers))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [variant.body]
