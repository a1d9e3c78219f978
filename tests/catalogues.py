"""`make messages`: what is to be translated, gathered from the sources and put into the catalogues.

A message that a source says and a catalogue lacks is added to it untranslated, one that nothing says any more is
taken out. The tests hold that nothing is left untranslated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from database import ROOT
from notifier import wording

KEYWORDS: dict[str, Any] = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
JINJA = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
SOURCES = {
    wording.LETTERS: (
        "errors.py",
        "notifier/*.py",
        "notifier/subscriptions/*.py",
        "web/member/*.py",
        "web/public/subscriptions.py",
        "web/speech.py",
        "web/errors.py",
        "templates/email/*.txt",
        "templates/email/*.html",
        "templates/member/*.html",
        "templates/public/subscribe*.html",
        "templates/public/error.html",
        "templates/base.html",
        "templates/macros.html",
    ),
    wording.SITE_NOTICE: ("web/member/words.py",),
}


def template(domain: str) -> Catalog:
    """Every message of a domain, with the files that say it."""
    found: Catalog = Catalog(project="Gazette", charset="utf-8")
    for path in _files(domain):
        method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
        options = {} if method == "python" else JINJA
        for _, message, comments, _ in extract_from_file(method, path, KEYWORDS, ("Translators:",), options):
            found.add(message, locations=[(path.relative_to(ROOT).as_posix(), 0)], auto_comments=comments)
    return found


def _files(domain: str) -> Iterator[Path]:
    others = {path for name in SOURCES if name != domain for path in _matching(name)}
    return (path for path in _matching(domain) if domain != wording.LETTERS or path not in others)


def _matching(domain: str) -> list[Path]:
    return sorted({path for pattern in SOURCES[domain] for path in ROOT.glob(pattern)})


def catalogue(language: str, domain: str) -> Catalog:
    with path_of(language, domain).open("rb") as stream:
        return read_po(stream, locale=language, domain=domain)


def path_of(language: str, domain: str) -> Path:
    return wording.CATALOGUES / language / "LC_MESSAGES" / f"{domain}.po"


def update(language: str, domain: str, gathered: Catalog) -> int:
    """Bring a catalogue up to date; how many of its messages wait for a translation."""
    kept = catalogue(language, domain)
    kept.update(gathered, no_fuzzy_matching=True)
    kept.obsolete.clear()
    write(kept, language, domain)
    return sum(not translated(message.string) for message in kept if message.id)


def write(kept: Catalog, language: str, domain: str) -> None:
    kept.header_comment = f"# {language}: what Gazette says; see docs/translating.md."
    path = path_of(language, domain)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_po(stream, kept, width=100, include_lineno=False, sort_output=False)


def translated(string: Any) -> bool:
    return bool(string) and all(string if isinstance(string, (tuple, list)) else (string,))


def main() -> None:
    for domain in SOURCES:
        gathered = template(domain)
        for language in wording.languages(domain)[1:]:
            print(f"{language} {domain}: {update(language, domain, gathered)} to translate")  # noqa: T201


if __name__ == "__main__":
    main()
