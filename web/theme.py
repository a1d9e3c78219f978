"""A company's own look by settings: accent, logo, words at the foot, and templates that go before ours."""

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from flask import Flask, Response, request, url_for
from flask.templating import Environment
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PrefixLoader, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup
from werkzeug.exceptions import NotFound

import colours
import pictures
from database import ROOT
from errors import SettingInvalid
from notifier import typeset, wording
from pictures import Picture
from policy_versions import markdown
from settings import Settings
from web.context import runtime
from web.headers import FOR_GOOD
from web.public import blueprint

log = logging.getLogger(__name__)

TEMPLATES = ROOT / "templates"
_KINDS = (".html", ".xml", ".css", ".txt")
OURS = "gazette"  # our own templates for those that go before them: {% extends "gazette/base.html" %}
LOGO_HEIGHT = 28  # CSS pixels
# A logo shows itself and does nothing else, be it opened by its own address.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@blueprint.app_context_processor
def shared() -> dict[str, Any]:
    """What the frame of every page is made of, where the settings say so; "" where they do not."""
    settings = runtime().settings
    return {"theme_url": _theme_url(settings), "logo": _logo(settings), "footer": _footer(settings.footer)}


# -- the accent ---------------------------------------------------------------------------------


@blueprint.get("/theme.css")
def theme() -> Response:
    """The accent's own tokens, after ours."""
    sheet = _sheet(runtime().settings.accents)
    answer = Response(sheet, mimetype="text/css")
    return _lasting(answer, _version(sheet))


def _theme_url(settings: Settings) -> str:
    return url_for("public.theme", v=_version(_sheet(settings.accents))) if settings.accent else ""


@lru_cache(maxsize=4)
def _sheet(accents: colours.Accents) -> str:
    light, dark = (_tokens(one) for one in accents)
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _tokens(one: colours.Accent) -> str:
    named = {"accent": one.accent, "on-accent": one.on_accent, "accent-deep": one.deep, "accent-wash": one.wash}
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _lasting(answer: Response, version: str) -> Response:
    answer.headers["Cache-Control"] = FOR_GOOD if request.args.get("v") == version else "public, max-age=3600"
    return answer


# -- the logo, the foot -------------------------------------------------------------------------


@blueprint.get("/theme/logo")
def logo() -> Response:
    found = _picture(runtime().settings)
    if found is None:
        raise NotFound
    answer = Response(found.data, content_type=found.media_type)
    answer.headers["Content-Security-Policy"] = _PICTURE_POLICY
    return _lasting(answer, found.version)


def _picture(settings: Settings) -> Picture | None:
    """None too where the file was good at the start and is not now: a page without it is better than none."""
    try:
        return pictures.read(settings.logo) if settings.logo else None
    except ValueError as error:
        log.warning("the logo cannot be shown: it %s", error)
        return None


def _logo(settings: Settings) -> dict[str, object] | None:
    """Its address, and the room that it takes."""
    found = _picture(settings)
    if found is None:
        return None
    width = round(LOGO_HEIGHT * found.width / found.height)
    return {"url": url_for("public.logo", v=found.version), "width": width, "height": LOGO_HEIGHT}


@lru_cache(maxsize=4)
def _footer(written: str) -> Markup:
    """The company's words at the foot, as HTML that is safe."""
    return Markup(markdown.render(written)) if written.strip() else Markup("")  # noqa: S704 -- render's output


# -- templates ----------------------------------------------------------------------------------


class Sandboxed(Environment, SandboxedEnvironment):
    """Templates from the operator's folder are code: they reach what they are given, and nothing beneath it."""


def register(app: Flask, settings: Settings) -> None:
    """Before anything asks for a template. Raises: SettingInvalid where one of the folder cannot be read."""
    if settings.templates is None:
        return
    app.jinja_environment = Sandboxed
    app.jinja_loader = loader(settings.templates, TEMPLATES)


def loader(folder: Path, ours: Path) -> BaseLoader:
    """Templates of a folder before ours of the same name, and ours by their own prefix."""
    own = FileSystemLoader(ours)
    return ChoiceLoader([FileSystemLoader(folder), own, PrefixLoader({OURS: own})])


def check(app: Flask, settings: Settings) -> None:
    """Compile each template of the folder, so that a mistake stops the start. Raises: SettingInvalid."""
    if settings.templates is None:
        return
    letters = typeset.environment(typeset.Look(templates=settings.templates).loader, wording.SOURCE)
    for path in sorted(settings.templates.rglob("*")):
        name = path.relative_to(settings.templates).as_posix()
        if path.is_file() and path.suffix in _KINDS:
            inside = name.removeprefix("email/")
            _compile(letters if inside != name else app.jinja_env, inside, name)


def _compile(environment: jinja2.Environment, template: str, name: str) -> None:
    try:
        environment.get_template(template)
    except (TemplateError, UnicodeDecodeError, OSError) as error:
        line = getattr(error, "lineno", None)
        where = f"{name}, line {line}" if line else name
        raise SettingInvalid(
            f"GAZETTE_TEMPLATES holds a template that cannot be used: {where}: {error}."
        ) from error
