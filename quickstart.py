"""`gazette start`: make whatever a first start needs, once, and say where to go."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

import database
import settings as configuration
from database import ROOT, DatabaseClock, reading, writing
from notifier import members
from policy_versions import comparing, folders, histories, policies
from settings import Settings
from web import accounts

EXAMPLES = ROOT / "examples"
ADMINISTRATOR = "admin"

# The examples' own company; whoever runs Gazette for real sets theirs (docs/operating.md).
_FIRST_SETTINGS = """\
# Made at the first start. The environment goes before what stands here.
GAZETTE_SECRET_KEY={secret}
GAZETTE_COMPANY_NAME="Plover Instruments"
GAZETTE_COMPANY_ADDRESS="Plover Instruments AB, Uppsala, Sweden"
GAZETTE_CONTACT_EMAIL=privacy@plover.example
GAZETTE_SCHEDULER=embedded
"""


def prepare(bind: str, *, actor: str, say: Callable[[str], object]) -> Settings:
    """Make settings, schema, examples and an administrator where they are missing.

    say: prints a line. Returns: the settings to serve with.
    """
    make_settings()
    settings = configuration.load()
    if "public_url" not in settings.model_fields_set:
        settings = configuration.load(public_url=address(bind))
    engine = database.create_engine(settings.database_url)
    database.migrate(engine)
    with reading(engine) as session:
        empty = not policies.policies(session)
    if empty:
        say(load_examples(engine, settings, actor=actor))
    for _ in comparing.reindex(engine):  # after an upgrade, the texts are cut into blocks anew
        pass
    password = _administrator(engine)
    say(f"Gazette listens on {settings.public_url} (stop it with Ctrl-C).")
    say(f"Sign in at {settings.public_url}/admin as “{ADMINISTRATOR}”{_with(password)}.")
    engine.dispose()
    return settings


def _with(password: str | None) -> str:
    if password is not None:
        return f" with the one-time password {password}"
    return f"; where the password is lost, `gazette accounts reset {ADMINISTRATOR}` makes a new one"


def address(bind: str) -> str:
    """Where a browser on this machine finds a server bound so."""
    host, _, port = bind.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{port}"  # noqa: S104


def make_settings() -> Path:
    """Write the first settings with a new secret key to gazette.env (mode 600), unless it is there."""
    folder = configuration.home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "gazette.env"
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(_FIRST_SETTINGS.format(secret=secrets.token_urlsafe(48)))
    return file


def load_examples(engine: Engine, settings: Settings, *, actor: str) -> str:
    """Import the example policies and members; nobody is mailed. Returns: what came in, in one sentence."""
    clock, counts = DatabaseClock(), []
    for history in folders.read(EXAMPLES):
        with reading(engine) as session:
            plan = histories.plan(session, history, now=clock.now(session))
        with writing(engine) as session:
            histories.carry_out(session, plan, actor=actor, now=clock.now(session))
        counts.append(f"{plan.revisions} revisions of {history.fields.title.lower()}")
    with writing(engine) as session:
        report = _members(session, settings, clock)
    return f"Loaded the examples: {', '.join(counts)} and {report.added} members."


def _members(session: Session, settings: Settings, clock: DatabaseClock) -> members.Report:
    rows = members.read(EXAMPLES / "members.csv")
    secret = settings.secret_key.get_secret_value()
    return list(members.bring_in(session, rows, secret=secret, now=clock.now(session)))[-1]


def _administrator(engine: Engine) -> str | None:
    """The one-time password of a new administrator; None where there is an account already."""
    with writing(engine) as session:
        if accounts.anybody(session):
            return None
        return accounts.create(session, ADMINISTRATOR, now=DatabaseClock().now(session))
