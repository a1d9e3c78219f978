"""The composition root: settings -> engine, clock, sender, Flask application. Builds things once, decides nothing.

`app:app` is the application for any WSGI server (where a server reads the module's dictionary instead of its
attributes, name the factory: `app:create_app()`).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from types import FrameType
from typing import Any

from flask import Flask

import database
import settings as configuration
from database import Clock, DatabaseClock
from errors import Refusal
from notifier import logs, senders
from notifier.bounces import places
from notifier.runtime import Runtime
from notifier.senders.protocol import Sender
from settings import Settings


def build_runtime(
    settings: Settings | None = None, *, clock: Clock | None = None, sender: Sender | None = None
) -> Runtime:
    """Build what the jobs and the edges share. Raises: SettingInvalid, SchemaNotAtHead."""
    settings = settings or configuration.load()
    logs.configure(settings)
    if settings.bounces is not None:
        places.place(settings.bounces.get_secret_value())  # a wrong one is said now, not when a tick meets it
    engine = database.create_engine(settings.database_url)
    database.require_head(engine)
    return Runtime(
        engine=engine,
        clock=clock or DatabaseClock(),
        sender=sender or senders.chosen(settings),
        settings=settings,
        node=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}",
    )


def create_app(settings: Settings | None = None, *, runtime: Runtime | None = None) -> Flask:
    """Build the web application. It starts no scheduler. Raises: SettingInvalid, SchemaNotAtHead."""
    import web

    runtime = runtime or build_runtime(settings)
    app = Flask(
        __name__,
        root_path=str(database.ROOT),
        template_folder="templates",
        static_folder="web/static",
        static_url_path="/static",
    )
    web.register(app, runtime)
    return app


def serve() -> Flask:
    """The application as a server runs it: with the scheduler inside where GAZETTE_SCHEDULER is `embedded`."""
    from notifier import scheduler

    app = create_app()
    runtime: Runtime = app.extensions["gazette"]
    _stop_when_told(runtime)
    if runtime.settings.scheduler == "embedded":
        app.extensions["gazette_scheduler"] = scheduler.start(runtime)
    return app


def _stop_when_told(runtime: Runtime) -> None:
    """Begin nothing more once the server is told to end: what is under way is finished within its lease."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        runtime.stopping.set()
        if callable(before):
            before(number, frame)
        elif before == signal.SIG_DFL:
            raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)


def __getattr__(name: str) -> Any:
    # Made when a server asks for it, so that importing the factory needs no settings and opens nothing.
    if name != "app":
        raise AttributeError(name)
    try:
        globals()["app"] = made = serve()
    except Refusal as refusal:
        raise SystemExit(f"gazette: {refusal}") from refusal
    return made
