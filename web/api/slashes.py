"""A host's key may hold a slash: written %2F in an address, it is told apart from those that part the address.

WSGI hands addresses over decoded, where both are one; servers add the address as it came, under one of two names.
Without either a key with a slash has no address here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask

STANDS_IN = "\x1f"  # no key holds it: see ExternalId
_SLASH = re.compile("%2f", re.IGNORECASE)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def register(app: Flask) -> None:
    inner: Application = app.wsgi_app

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        came = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
        if came.startswith("/api/") and _SLASH.search(came):
            environ["PATH_INFO"] = unquote_to_bytes(_SLASH.sub("%1F", came)).decode("latin-1")
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]
