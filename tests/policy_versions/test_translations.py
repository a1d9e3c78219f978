"""Translations: published beside a revision, never in its place; decided once against the one they replace."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import col, select

import errors
from database import reading, writing
from notifier import translating
from policy_versions import archive, audit, locales, policies, translations
from policy_versions.models import AuditEntry, DueTranslation, Translation, TranslationDecision
from policy_versions.translations import Given
from tests.house import FIRST, LONGER, House
from tests.once import made_once

Later = Callable[..., datetime]
GERMAN = """# Datenschutz

## Was wir erheben

Wir erheben Ihren Namen und Ihre E-Mail-Adresse.

## Wie lange wir es behalten

Wir behalten Zahlungsbelege 12 Monate lang.
"""
LONGER_GERMAN = GERMAN.replace("12 Monate", "24 Monate")
BRITISH = FIRST.replace("collect", "gather")


@pytest.fixture
@made_once
def published(house: House) -> House:
    house.policy()
    house.publish(FIRST)
    house.tick()
    return house


def translate(house: House, given: str | Given = GERMAN, *, number: int = 1, locale: str = "de") -> Translation:
    whole = given if isinstance(given, Given) else Given(locale, given)
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        return translations.publish(session, policy, number, whole, actor="a test", now=house.now)


def decisions(house: House) -> list[TranslationDecision]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(TranslationDecision).order_by(col(TranslationDecision.translation_id))))


def waiting(house: House) -> list[DueTranslation]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(DueTranslation)))


# -- publishing ---------------------------------------------------------------------------------


def test_translations_are_numbered_for_each_revision_and_locale(published: House) -> None:
    published.publish(LONGER)
    made = [
        translate(published),
        translate(published, LONGER_GERMAN),
        translate(published, locale="fr"),
        translate(published, number=2),
    ]
    assert [(one.locale, one.number) for one in made] == [("de", 1), ("de", 2), ("fr", 1), ("de", 1)]


def test_the_latest_of_each_locale_stands(published: House) -> None:
    translate(published)
    translate(published, LONGER_GERMAN)
    translate(published, locale="fr")
    with reading(published.runtime.engine) as session:
        revision = archive.history(session, policies.policy(session, "privacy")).entry(1).revision
        standing = translations.latest(session, revision)
    assert {locale: one.number for locale, one in standing.items()} == {"de": 2, "fr": 1}
    assert standing["de"].text == LONGER_GERMAN


def test_a_translation_makes_no_revision_and_leaves_the_chain_alone(published: House) -> None:
    def heads() -> list[tuple[int, str]]:
        with reading(published.runtime.engine) as session:
            record = archive.history(session, policies.policy(session, "privacy"))
            assert archive.broken_link(record) is None
            return [(e.number, e.revision.chain) for e in record.entries]

    before = heads()
    translate(published)
    published.tick()
    assert heads() == before


def test_a_locale_is_kept_in_one_spelling(published: House) -> None:
    assert translate(published, locale=" DE_at ").locale == "de-AT"
    again = translate(published, LONGER_GERMAN, locale="de-aT")
    assert (again.locale, again.number) == ("de-AT", 2)


def test_a_policys_own_locale_is_one_and_kept_in_one_spelling(house: House) -> None:
    assert house.policy("terms", locale="pt_br").locale == "pt-BR"
    for bad in ("english!", "<b>", ""):
        with pytest.raises(errors.LocaleMalformed):
            house.policy("other", locale=bad)


@pytest.mark.parametrize("own", ["en", "EN", " en "])
def test_the_policys_own_locale_is_refused(published: House, own: str) -> None:
    with pytest.raises(errors.LocaleOfThePolicy, match="by a revision, not by a translation"):
        translate(published, locale=own)
    assert translate(published, BRITISH, locale="en-GB").locale == "en-GB"


@pytest.mark.parametrize(
    "locale",
    ["", " ", "d", "german", "de-", "-de", "de--AT", "de-AT-", "de/AT", "../de", "de\n", "de\0", "d€", "x-private",
     "de-u-co-phonebk", "ⅾe", "1", "compare", "de-AT-AT", "sl-nedis-nedis", "a" * 4000, "<script>"],
)  # fmt: skip
def test_what_is_no_locale_is_refused(published: House, locale: str) -> None:
    if locale == "de\n":
        assert translate(published, locale=locale).locale == "de", "white space around it is nothing"
        return
    with pytest.raises(errors.LocaleMalformed) as refused:
        translate(published, locale=locale)
    assert "\0" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        ("", errors.EmptyText),
        (" \n\t", errors.EmptyText),
        ("a\0b", errors.TextNotReadable),
        ("a\ud800b", errors.TextNotReadable),
        ("ä" * 500_001, errors.TextTooLong),
        ("> " * 30 + "tief", errors.NestedTooDeep),
    ],
)
def test_the_limits_are_those_of_a_revision(published: House, bad: str, refusal: type[errors.Refusal]) -> None:
    with pytest.raises(refusal):
        translate(published, bad)


@pytest.mark.parametrize(
    ("title", "refusal"), [("x" * 201, errors.FieldTooLong), ("Daten\x1bschutz", errors.Unprintable)]
)
def test_a_title_is_one_printable_line(published: House, title: str, refusal: type[errors.Refusal]) -> None:
    with pytest.raises(refusal):
        translate(published, Given("de", GERMAN, title))
    assert translate(published, Given("de", GERMAN, " Daten\n schutz ")).title == "Daten schutz"


def test_the_text_that_stands_already_is_refused(published: House) -> None:
    translate(published)
    with pytest.raises(errors.SameTranslation, match="equal to translation 1 into de"):
        translate(published)
    translate(published, LONGER_GERMAN)
    assert translate(published).number == 3, "an earlier text may come back"


def test_a_title_alone_may_be_corrected(published: House) -> None:
    translate(published, Given("de", GERMAN, "Datenshutz"))
    assert translate(published, Given("de", GERMAN, "Datenschutz")).number == 2
    published.tick()
    assert [one.verdict for one in decisions(published)] == ["first", "minor"]


@pytest.mark.parametrize("number", [0, 2, 99])
def test_there_must_be_such_a_revision(published: House, number: int) -> None:
    with pytest.raises(errors.NoSuchRevision):
        translate(published, number=number)


def test_a_withdrawn_revision_is_not_translated(published: House) -> None:
    published.publish(LONGER, effective_at=published.now + timedelta(days=9))
    with writing(published.runtime.engine) as session:
        of = policies.lock(session, "privacy")
        archive.withdraw(session, of, 2, reason="A mistake.", actor="a test", now=published.now)
    with pytest.raises(errors.NotTranslatable):
        translate(published, number=2)


def test_nobody_replaces_what_they_have_not_seen(published: House) -> None:
    translate(published, Given("de", GERMAN, looked_at=0))
    with pytest.raises(errors.TranslationChanged):
        translate(published, Given("de", LONGER_GERMAN, looked_at=0))
    assert translate(published, Given("de", LONGER_GERMAN, looked_at=1)).number == 2


def test_people_who_publish_at_once_get_a_number_each(published: House) -> None:
    texts = [GERMAN.replace("12", str(months)) for months in range(20, 26)]
    with ThreadPoolExecutor(len(texts)) as pool:
        made = list(pool.map(lambda one: translate(published, one).number, texts))
    assert sorted(made) == [1, 2, 3, 4, 5, 6]


def test_the_audit_log_names_it_without_its_text(published: House) -> None:
    translate(published)
    published.tick()
    with reading(published.runtime.engine) as session:
        made = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(2)).all()
        assert audit.broken(session) is None
    assert [one.action for one in reversed(made)] == ["translation published", "translation decided first"]
    assert made[1].detail["locale"] == "de"
    assert "Zahlungsbelege" not in str([one.detail for one in made])


@pytest.mark.parametrize("table", ["translation", "translation_decision"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_is_on_record(published: House, table: str, deed: str) -> None:
    translate(published)
    published.tick()
    with pytest.raises(DatabaseError, match="record of facts"), writing(published.runtime.engine) as session:
        session.execute(text(deed.format(table)))


# -- deciding -----------------------------------------------------------------------------------


def test_the_first_is_decided_first_and_a_later_one_against_the_one_it_replaces(published: House) -> None:
    one = translate(published)
    two = translate(published, LONGER_GERMAN)
    other = translate(published, locale="fr")
    published.tick()
    assert [(d.translation_id, d.verdict, d.base_id) for d in decisions(published)] == [
        (one.id, "first", None),
        (two.id, "significant", one.id),
        (other.id, "first", None),
    ]
    assert waiting(published) == []


def test_another_language_is_judged_by_structure_and_numbers_and_says_so(published: House) -> None:
    translate(published)
    translate(published, LONGER_GERMAN)
    published.tick()
    made = decisions(published)[1]
    assert (made.language, made.level) == ("other", 2)
    assert made.findings
    assert made.engine


def test_a_slip_in_a_translation_is_minor(published: House) -> None:
    translate(published, BRITISH, locale="en-GB")
    translate(published, BRITISH.replace("e-mail address.", "e-mail adress."), locale="en-GB")
    translate(published, BRITISH.replace("12 months", "24 months"), locale="en-GB")
    published.tick()
    made = decisions(published)
    assert [d.verdict for d in made] == ["first", "minor", "significant"]
    assert made[2].language == "en"


def test_any_number_of_nodes_decide_a_translation_once(published: House) -> None:
    translate(published)
    translate(published, LONGER_GERMAN)
    due = waiting(published)
    other = replace(published.runtime, node="node 2")
    assert translating.decide_due(published.runtime) == 2
    assert [translating._decide(other, one) for one in due] == [False, False], "it had read them before"
    assert len(decisions(published)) == 2


def test_what_the_engine_fails_on_is_put_off_and_decided_later(
    published: House, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no luck")

    translate(published)
    with monkeypatch.context() as patch:
        patch.setattr(translations, "judge", broken)
        published.tick()
    assert decisions(published) == []
    put_off = waiting(published)[0]
    assert (put_off.failures, put_off.error) == (1, "RuntimeError: no luck")
    published.tick()
    assert decisions(published) == [], "not before its time"
    later(minutes=1)
    published.tick()
    assert [one.verdict for one in decisions(published)] == ["first"]


# -- locales ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "offered", "got"),
    [
        ("de-AT", ["en", "de"], "de"),
        ("de_at", ["en", "de", "de-AT"], "de-AT"),
        ("de", ["en", "de-AT"], None),
        ("en-GB", ["en", "de"], "en"),
        ("zh-Hant-TW", ["zh-Hant", "zh"], "zh-Hant"),
        ("fr", ["en", "de"], None),
        ("", ["en"], None),
        ("DE", ["de"], "de"),
    ],
)
def test_a_reader_gets_the_nearest_wider_locale(wanted: str, offered: list[str], got: str | None) -> None:
    assert locales.chosen(wanted, offered) == got


@pytest.mark.parametrize(
    ("tag", "name", "own", "direction"),
    [
        ("de", "German", "Deutsch", "ltr"),
        ("de-AT", "German (AT)", "Deutsch (AT)", "ltr"),
        ("ar", "Arabic", "العربية", "rtl"),
        ("he-IL", "Hebrew (IL)", "עברית (IL)", "rtl"),
        ("az-Arab", "az-Arab", "az-Arab", "rtl"),
        ("ks-Deva", "ks-Deva", "ks-Deva", "ltr"),
        ("tlh", "tlh", "tlh", "ltr"),
        ("prs", "prs", "prs", "rtl"),
        ("iw", "iw", "iw", "rtl"),
    ],
)
def test_a_language_has_its_name_and_its_direction(tag: str, name: str, own: str, direction: str) -> None:
    assert (locales.name(tag), locales.own_name(tag), locales.direction(tag)) == (name, own, direction)


@pytest.mark.parametrize(
    ("given", "kept"), [("ZH-hANT-tw", "zh-Hant-TW"), ("ES-419", "es-419"), ("de-1996", "de-1996")]
)
def test_a_locale_is_written_as_bcp_47_writes_it(given: str, kept: str) -> None:
    assert locales.canonical(given) == kept
