"""The languages Gazette writes to people in: gettext catalogues, and dates as the reader's own place writes them.

A catalogue is locale/<language>/LC_MESSAGES/<domain>.po, read as it stands, once a process; English is the
messages themselves. Who reads a language without a catalogue is written to in English, with the dates of their
region where CLDR knows English there.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, get_timezone_name
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from errors import N_ as N_  # noqa: PLC0414 -- messages here and below are marked alike
from policy_versions import dates, locales
from policy_versions.dates import RevisionDate

CATALOGUES = Path(__file__).parent / "locale"
LETTERS, SITE_NOTICE = "gazette", "site_notice"  # domains: the letters and pages; the notice on a host's pages
SOURCE = "en"  # the language of the messages
_PLAIN_ENGLISH = Locale("en", "GB")  # "1 December 2025", as everywhere in Gazette
_WITHOUT_SPACES = frozenset(("ja", "zh"))  # between sentences


# "du 2 mars", but "de mars": what stands before a day, and before a month or a year
_BEFORE = {"de": ("vom ", "von "), "es": ("del ", "de "), "fr": ("du ", "de ")}


class Part(str):
    """A date that is a month or a year only, in words."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """How one reader is spoken to. language: of the words; dating: whose dates they are."""

    tag: str  # the reader's locale
    language: str
    dating: Locale
    catalogue: gettext.NullTranslations

    def say(self, message: str, **parts: object) -> str:
        """A message in the reader's language, with its parts put in."""
        said = self.message(message, parts)
        return said % parts if parts else said

    def message(self, message: str, parts: Mapping[str, object]) -> str:
        """A message in the reader's language, fitted to the parts that are to be put in."""
        said = self.catalogue.gettext(message)
        before = _BEFORE.get(self.language)
        if before is not None:
            for name in (name for name, part in parts.items() if isinstance(part, Part)):
                said = said.replace(f"{before[0]}%({name})s", f"{before[1]}%({name})s")
        return said

    def day(self, instant: datetime, zone: ZoneInfo) -> str:
        """The day of an instant: "1 December 2025", "1. Dezember 2025", "2025年12月1日"."""
        return self.date(dates.of(instant, zone))

    def date(self, shown: RevisionDate) -> str:
        """A revision's date, as exactly as it was given: a day, a month or a year."""
        return _date(self.dating, shown)

    def instant(self, at: datetime, zone: ZoneInfo) -> str:
        """An instant to the minute, with its time zone: "12 March 2025, 14:05 UTC"."""
        local = at.astimezone(zone)
        return self.say(
            N_("%(day)s, %(time)s %(zone)s"), day=self.day(at, zone), time=f"{local:%H:%M}", zone=local.tzname()
        )

    def zone(self, zone: ZoneInfo) -> str:
        """A time zone's name: "Central European Time"; of one without a country its own: "UTC"."""
        key = zone.key
        if key.rpartition("/")[2].upper() in ("UTC", "UCT", "GMT", "ZULU", "UNIVERSAL") or key.startswith("Etc/"):
            return key.rpartition("/")[2]
        return get_timezone_name(zone, locale=self.dating)

    def language_of(self, tag: str) -> str:
        """A locale's name in a sentence of this language: German, Deutsch; the tag where nobody knows it."""
        if self.language == SOURCE:
            return locales.name(tag)
        try:
            name = _parsed(tag).get_display_name(self.dating)
        except (UnknownLocaleError, ValueError):
            return tag
        return name or tag

    @property
    def direction(self) -> str:
        return locales.direction(self.language)

    @property
    def between(self) -> str:
        """What stands between two sentences."""
        return "" if self.language in _WITHOUT_SPACES else " "

    def listed(self, things: Sequence[str]) -> str:
        return ("、" if self.language in _WITHOUT_SPACES else ", ").join(things)


@cache
def of(locale: str, domain: str = LETTERS) -> Wording:
    """How a reader of a locale is spoken to: de-AT in German with Austria's dates, zh-HK in English."""
    language = locales.chosen(locale, languages(domain)) or SOURCE
    return Wording(locale, language, _dating(locale, language), _catalogue(language, domain))


def speak(environment: Environment, reader: Callable[[], Wording]) -> None:
    """Let an environment's templates say `_("…", part=…)` in a reader's language."""

    def gettext(message: str) -> str:
        return reader().catalogue.gettext(message)

    def ngettext(one: str, many: str, count: int) -> str:
        return reader().catalogue.ngettext(one, many, count)

    @pass_context
    def fitted(context: Context, message: str, /, **parts: object) -> str:
        said = reader().message(message, parts)
        return (Markup(said) if context.eval_ctx.autoescape else said) % parts  # noqa: S704 -- as Jinja does

    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension brings it
    environment.globals["gettext"] = fitted


@cache
def languages(domain: str = LETTERS) -> tuple[str, ...]:
    """The languages that a domain is spoken in, English first."""
    found = CATALOGUES.glob(f"*/LC_MESSAGES/{domain}.po")
    return (SOURCE, *sorted(path.parents[1].name for path in found))


@cache
def _catalogue(language: str, domain: str) -> gettext.NullTranslations:
    if language == SOURCE:
        return gettext.NullTranslations()
    with (CATALOGUES / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=language, domain=domain)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _dating(locale: str, language: str) -> Locale:
    """Whose dates a reader gets: of the words' language, in the reader's region where CLDR knows it there."""
    region = next((part for part in locale.replace("_", "-").split("-")[1:] if _is_region(part)), None)
    if region:
        try:
            return Locale(language, region.upper())
        except UnknownLocaleError:
            pass
    return _PLAIN_ENGLISH if language == SOURCE else Locale(language)


def _is_region(subtag: str) -> bool:
    return (len(subtag) == 2 and subtag.isalpha()) or (len(subtag) == 3 and subtag.isdigit())


def _parsed(tag: str) -> Locale:
    return Locale.parse(tag.replace("-", "_"))


@lru_cache(maxsize=4096)
def _date(dating: Locale, shown: RevisionDate) -> str:
    if shown.day is not None:
        return _ordinal(dating, shown, format_date(shown.first_day, "long", locale=dating))
    return Part(format_skeleton("y" if shown.month is None else "yMMMM", shown.first_day, locale=dating))


def _ordinal(dating: Locale, shown: RevisionDate, said: str) -> str:
    """French counts the first of a month, and no other day."""
    return f"1er{said[1:]}" if dating.language == "fr" and shown.day == 1 else said
