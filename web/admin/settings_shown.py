"""The settings as they were read: what each is, where it stood, and what it means. Secrets are never shown."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from flask import render_template
from markupsafe import Markup
from pydantic import SecretStr
from sqlalchemy import make_url

import settings as configuration
from database import ROOT
from policy_versions import markdown
from settings import PREFIX, Settings
from web.admin import blueprint
from web.context import runtime

_PASSWORD = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@|(?<=://)[^/@\s]+@")  # of an address that is none of a database
_HEADING = re.compile(r"<h3[^>]*><code[^>]*>(GAZETTE_[A-Z_]+)</code></h3>")
_IDS = re.compile(r' id="[^"]*"')


class Shown(NamedTuple):
    """A setting. value: in words, "" where it is not set. meaning: of docs/operating.md, as HTML."""

    name: str
    value: str
    source: str
    secret: bool
    meaning: Markup


@blueprint.get("/settings", endpoint="settings")
def settings() -> str:
    read = runtime().settings
    return render_template(
        "admin/settings.html", page_title="Settings", settings=shown(read), home=configuration.home()
    )


def shown(read: Settings) -> list[Shown]:
    sources, meanings = configuration.sources(read), _meanings(ROOT / "docs" / "operating.md")
    return [_shown(name, getattr(read, name), sources[name], meanings) for name in Settings.model_fields]


def _shown(name: str, value: Any, source: str, meanings: dict[str, Markup]) -> Shown:
    full = f"{PREFIX}{name.upper()}"
    return Shown(full, words(name, value), source, is_secret(name), meanings.get(full, Markup("")))


def is_secret(name: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[name].annotation)


def words(name: str, value: Any) -> str:
    """A setting's value as a person reads it; of a secret only that it is set."""
    if value is None or value == "":
        return ""
    if isinstance(value, SecretStr) or is_secret(name):
        return "set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if name == "database_url":
        return make_url(value).render_as_string(hide_password=True)
    return _PASSWORD.sub("•••@", str(value))


@cache
def _meanings(file: Path) -> dict[str, Markup]:
    """What the documents say of each setting; nothing where they were not installed."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return {}
    inside = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    parts = _HEADING.split(markdown.render(inside))
    # the ids of one page, rendered apart from it, would stand there twice
    return {
        name: Markup(_IDS.sub("", html))  # noqa: S704 -- of our own documents, and through the cleaner
        for name, html in zip(parts[1::2], parts[2::2], strict=True)
    }
