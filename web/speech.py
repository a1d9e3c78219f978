"""In which language a page speaks: somebody's own in their locale, every other in English."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_app_context, request

from notifier import wording
from notifier.wording import N_, Wording
from policy_versions import locales

SAID_BY_OTHERS = (N_("All policies"),)  # titles of links that every page has


def current() -> Wording:
    """How this request's page speaks."""
    found: Wording | None = g.get("speech") if has_app_context() else None
    return found or wording.of(wording.SOURCE)


def speak(locale: str) -> Wording:
    """Have this request's page speak to a reader of a locale; where its address asks for a language, in that."""
    asked = request.args.get("lang", "")
    g.speech = spoken = wording.of(asked if asked in wording.languages() else locale)
    return spoken


def speak_to_browser() -> None:
    """Have a page whose reader is not known speak as their browser asks; one that speaks already goes on."""
    if not g.get("speech"):
        speak(request.accept_languages.best_match(wording.languages()) or wording.SOURCE)


def languages() -> list[tuple[str, str]]:
    """The languages that a page of somebody's own can be read in, each by its own name."""
    return [(tag, locales.own_name(tag)) for tag in wording.languages()]


def asked() -> dict[str, Any]:
    """What keeps the language that a page was asked for in the addresses that it leads to."""
    given = request.args.get("lang", "")
    return {"lang": given} if given in wording.languages() else {}


def register(app: Flask) -> None:
    wording.speak(app.jinja_env, current)
    app.add_template_filter(locales.direction)
    app.context_processor(lambda: {"speech": current()})
