"""How readers are spoken to: in which language, with whose dates."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from notifier import typeset, wording
from policy_versions.dates import RevisionDate

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NIGHT = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)  # the first of January in Stockholm


@pytest.mark.parametrize(
    ("locale", "language", "day"),
    [
        ("en", "en", "1 January 2026"),
        ("en-US", "en", "January 1, 2026"),
        ("de", "de", "1. Januar 2026"),
        ("de-AT", "de", "1. Jänner 2026"),
        ("DE_at", "de", "1. Jänner 2026"),
        ("fr", "fr", "1er janvier 2026"),
        ("fr-CA", "fr", "1er janvier 2026"),
        ("es-MX", "es", "1 de enero de 2026"),
        ("ja", "ja", "2026年1月1日"),
        ("zh", "en", "1 January 2026"),
        ("zh-Hant-HK", "en", "1 January 2026"),
        ("pt-US", "en", "January 1, 2026"),
        ("de-QQ", "de", "1. Januar 2026"),
        ("ar", "en", "1 January 2026"),
        ("no such locale", "en", "1 January 2026"),
        ("", "en", "1 January 2026"),
    ],
)
def test_words_fall_back_to_english_and_dates_keep_the_region(locale: str, language: str, day: str) -> None:
    spoken = wording.of(locale)
    assert (spoken.language, spoken.day(NIGHT, STOCKHOLM)) == (language, day)


@pytest.mark.parametrize(
    ("locale", "month", "year"),
    [
        ("en", "September 2015", "2015"),
        ("de", "September 2015", "2015"),
        ("fr", "septembre 2015", "2015"),
        ("es", "septiembre de 2015", "2015"),
        ("ja", "2015年9月", "2015年"),
    ],
)
def test_a_date_is_as_exact_as_it_was_given(locale: str, month: str, year: str) -> None:
    spoken = wording.of(locale)
    assert spoken.date(RevisionDate(2015, 9)) == month
    assert spoken.date(RevisionDate(2015)) == year
    assert spoken.date(RevisionDate(2015, 9, 2)).count("2") >= 2


def test_an_instant_states_its_time_zone() -> None:
    assert wording.of("en").instant(NIGHT, STOCKHOLM) == "1 January 2026, 00:30 CET"
    assert wording.of("ja").instant(NIGHT, ZoneInfo("UTC")) == "2025年12月31日 23:30（UTC）"


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Europe/Stockholm", "Mitteleuropäische Zeit"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Etc/GMT-3", "GMT-3"),
        ("Asia/Tokyo", "Japanische Zeit"),
    ],
)
def test_a_time_zone_is_named(zone: str, name: str) -> None:
    assert wording.of("de").zone(ZoneInfo(zone)) == name


@pytest.mark.parametrize(
    ("locale", "tag", "name"),
    [
        ("en", "de", "German"),
        ("de", "en", "Englisch"),
        ("fr", "de-AT", "allemand (Autriche)"),
        ("ja", "de", "ドイツ語"),
        ("de", "xx-nonsense", "xx-nonsense"),
        ("de", "qqq", "qqq"),
    ],
)
def test_a_language_is_named_in_a_sentence(locale: str, tag: str, name: str) -> None:
    assert wording.of(locale).language_of(tag) == name


def test_a_catalogue_is_read_once_a_process() -> None:
    assert wording.of("de-AT").catalogue is wording.of("de-CH").catalogue
    assert wording.of("de-AT") is wording.of("de-AT")


@pytest.mark.parametrize(
    ("locale", "day", "month", "year"),
    [
        ("de", "Die Fassung vom 2. März 2022", "Die Fassung von März 2022", "Die Fassung von 2022"),
        ("fr", "La version du 2 mars 2022", "La version de mars 2022", "La version de 2022"),
        ("es", "La versión del 2 de marzo de 2022", "La versión de marzo de 2022", "La versión de 2022"),
        ("en", "The text of 2 March 2022", "The text of March 2022", "The text of 2022"),
    ],
)
def test_a_month_and_a_year_take_no_article_as_a_day_does(locale: str, day: str, month: str, year: str) -> None:
    spoken = wording.of(locale)
    template = typeset.environment(None, locale).from_string("{{ _('The text of %(date)s', date=date) }}")
    for shown, said in (
        (RevisionDate(2022, 3, 2), day),
        (RevisionDate(2022, 3), month),
        (RevisionDate(2022), year),
    ):
        assert spoken.say("The text of %(date)s", date=spoken.date(shown)) == said
        assert template.render(date=spoken.date(shown)) == said
