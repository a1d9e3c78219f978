"""What a request is given: the runtime, a session for reading, and the instant it is answered at."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, Response, current_app, g, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from sqlmodel import Session

from notifier.runtime import Runtime


def runtime() -> Runtime:
    found: Runtime = current_app.extensions["gazette"]
    return found


def session() -> Session:
    """The request's session for reading, opened when first asked for."""
    if "session" not in g:
        g.session = Session(runtime().engine, expire_on_commit=False)
    opened: Session = g.session
    return opened


def now() -> datetime:
    """The instant of this request (UTC), by the record's clock; read once."""
    if "now" not in g:
        g.now = runtime().clock.now(session())
    instant: datetime = g.now
    return instant


def forget_session() -> None:
    """Close the request's session, as after an error that leaves it unusable; the next use opens another."""
    opened: Session | None = g.pop("session", None)
    if opened is not None:
        opened.close()


def in_administration(path: str) -> bool:
    """Whether a path is one of the administration's, and not of a policy such as /administration."""
    return path == "/admin" or path.startswith("/admin/")


class AdministrationSession(SecureCookieSessionInterface):
    """Readers get no cookie, and their pages do not vary by one: sessions are the administration's alone."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if in_administration(request.path):
            super().save_session(app, session, response)


def register(app: Flask) -> None:
    app.session_interface = AdministrationSession()

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        forget_session()
