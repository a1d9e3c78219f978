"""How public pages are served: each rendered once, kept compressed, and asked for again by its ETag.

What is kept is given again only while the record stands as it did when the page was made (see `freshness`), so
that no reader sees a text that another process has replaced, or a day that has come.
"""

from __future__ import annotations

from flask import Flask

from notifier.runtime import Runtime
from web.serving.freshness import Freshness
from web.serving.kept import Kept
from web.serving.lately import Lately
from web.serving.middleware import Serving


def register(app: Flask, runtime: Runtime) -> None:
    """Stand before the application. Register it before whatever rewrites addresses, such as ProxyFix."""
    freshness = Freshness(runtime)
    app.extensions["gazette_lately"] = Lately(freshness)
    app.wsgi_app = Serving(app.wsgi_app, freshness, Kept())  # type: ignore[method-assign]
