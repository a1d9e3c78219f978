"""The faces: thin edges that translate HTTP, call a service and render."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask
    from flask_wtf.csrf import CSRFProtect

    from notifier.runtime import Runtime

MOST_BYTES = 8 * 1024 * 1024  # a text of a megabyte may treble when a form encodes it


def register(app: Flask, runtime: Runtime) -> None:
    """Make a Flask application serve Gazette's pages."""
    # Imported here, so that a migration, which needs the accounts' table, does not load every page.
    from flask_wtf.csrf import CSRFProtect

    from web import addresses, assets, context, errors, filters, headers, origins, serving, speech, theme

    theme.register(app, runtime.settings)
    _configure(app, runtime)
    serving.register(app, runtime)
    assets.register(app)
    _stand_behind(app, runtime.settings.proxies)
    addresses.register(app)
    csrf = CSRFProtect(app)
    context.register(app)
    origins.register(app)
    filters.register(app)
    speech.register(app)
    errors.register(app)
    headers.register(app, runtime)
    _add_faces(app, csrf)
    theme.check(app, runtime.settings)


def _add_faces(app: Flask, csrf: CSRFProtect) -> None:
    """Each face at its addresses. csrf: asks every form for its token, save where a face says that it has none."""
    from web import admin, api, hooks, member, metrics, public

    admin.register(app)
    hooks.register(app, csrf)
    api.register(app, csrf)
    member.register(app, csrf)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(public.blueprint)


def _configure(app: Flask, runtime: Runtime) -> None:
    """What holds for every page: its secrets and cookies, how its templates are read."""
    from jinja2 import StrictUndefined

    settings = runtime.settings
    app.extensions["gazette"] = runtime
    app.config.update(
        SECRET_KEY=runtime.secret,
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        SESSION_COOKIE_NAME="__Host-gazette" if settings.secure else "gazette",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=int(settings.session_hours * 3600),
        WTF_CSRF_TIME_LIMIT=int(settings.session_hours * 3600),
        WTF_CSRF_SSL_STRICT=False,  # no referrer is sent, so there is none to check; the token is what counts
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _stand_behind(app: Flask, proxies: int) -> None:
    """Believe so many proxies in front; before whatever else asks where a request came from."""
    from werkzeug.middleware.proxy_fix import ProxyFix

    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
