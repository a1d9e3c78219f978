"""The letter in the languages that Gazette speaks: nothing of another is left over, and it always fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from jinja2 import DictLoader

from database import writing
from notifier import columns, typeset, wording
from notifier.letters import LIMIT, Letter, render
from notifier.subscriptions import letters as subscription_letters
from policy_versions import policies, translations
from policy_versions.diff import compare
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.test_letters import CONTEXT, OWN_PAGE, PREFIX, VARIANTS, Found, Page, change, letter, new
from tests.notifier.test_subscriptions import QUESTION, news
from tests.once import made_once

LANGUAGES = wording.languages()[1:]
# Words of every English sentence here; none is one of another language that we speak.
ENGLISH = set("the you your and with this that what from which not of to is it applies we until".split())
NAMED = {"policy_title": "Plovtekst", "base_label": "3.2.1", "effective_label": "1.2.3", "revision_label": "2.3.4"}
OLD = "# Kvar\n\n## Lagr\n\nMi gardas ĝin dum 12 monatoj.\n\n## Moto\n\nUnu frazo. Alia frazo.\n"
CHANGE = compare(OLD, OLD.replace("12", "24") + "\nNova alineo, tute nova.\n")


def spoken(language: str, **given: Any) -> Letter:
    """A letter in a language about a text in none of ours."""
    fields = {"summary": "", "findings": [Found("An English sentence.", "Lagr")], "change": CHANGE}
    fields |= {"text_language": "Esperanto", "quotes_in": "Esperanto", "zone": "UTC", "locale": "eo"}
    told = {**fields, **OWN_PAGE, **given, **NAMED, "reader": language}
    if given.get("base", 6) is None and given.get("kind") != "translation":
        told["base_label"] = None
    told["translation_language"] = "Esperanto" if told.get("translation_language") else ""
    if told.get("correction_reason"):
        told["correction_reason"] = "Mi eraris."
    if given.get("kind") == "translation":
        told["change"] = CHANGE
    return letter("9.9.9", **told)


def words(written: Letter) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", f"{written.subject}\n{written.text}\n{Page(written.html).words}".lower()))


CASES = VARIANTS | {
    "in force": {"in_force": True},
    "guardian, in force": {"in_force": True, "audience": "guardian"},
    "guardian, governs": {"governs_already": True, "audience": "guardian"},
    "guardian, correction": {"kind": "correction", "audience": "guardian"},
    "put right": {"corrects": True},
    "no comparison": {"change": None},
    "no word": {"change": compare(OLD, OLD)},
    "too long": {"change": change(new("vorto " * 30_000))},
    "too many": {"change": change(*(new(f"Alineo {n} " + "vorto " * 100) for n in range(150)))},
    "form": {"change": compare("Unu du.\n", "*Unu* du.\n")},
    "many findings": {"findings": [Found("It is.", "", category) for category in ("purpose", "sharing", "odd")]},
    "controller": {"new_controller": "Sterna AB"},
    "in translation": {
        "in_translation": True,
        "translation_language": "x",
        "translation_url": "https://x.example",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_nothing_english_is_left_over(language: str, case: str) -> None:
    written = spoken(language, **CASES[case])
    assert not words(without_links(written)) & ENGLISH
    assert f'<html lang="{language}" dir="ltr">' in written.html
    assert max(map(_width, written.text.splitlines())) <= typeset.COLUMNS


def without_links(written: Letter) -> Letter:
    return Letter(written.subject, re.sub(r"https?://\S+", "", written.text), written.html)


def _width(line: str) -> int:
    return 0 if "://" in line else columns.width(line)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de", "„Plovtekst“ ändert sich am 1.2.3"),
        ("fr", "« Plovtekst » change le 1.2.3"),
        ("es", "«Plovtekst» cambia el 1.2.3"),
        ("ja", "「Plovtekst」が1.2.3に変わります"),
    ],
)
def test_the_first_line_is_in_the_reader_s_language(language: str, subject: str) -> None:
    written = spoken(language)
    assert written.subject == written.text.splitlines()[0] == subject
    assert subject in Page(written.html).words


CONTROLLERS = {
    "en": (
        "Sterna AB becomes responsible for your personal information on 1.2.3",
        "Our Plovtekst changes on 1.2.3.",
    ),
    "de": (
        "Sterna AB wird am 1.2.3 für Ihre personenbezogenen Daten verantwortlich",
        "„Plovtekst“ ändert sich am",
    ),
    "fr": ("Sterna AB devient responsable de vos données personnelles le 1.2.3", "« Plovtekst » change le 1.2.3."),
    "es": ("Sterna AB pasa a ser responsable de sus datos personales el 1.2.3", "«Plovtekst» cambia el 1.2.3."),
    "ja": ("1.2.3からSterna ABがお客様の個人情報の管理者となります", "「Plovtekst」が1.2.3に変わります。"),
}


@pytest.mark.parametrize("language", CONTROLLERS)
def test_a_new_controller_is_said_in_the_first_line(language: str) -> None:
    subject, then = CONTROLLERS[language]
    written = spoken(language, new_controller="Sterna AB")
    assert written.subject == written.text.splitlines()[0] == subject
    assert then in " ".join(written.text.split())
    assert then in Page(written.html).words


def test_a_change_of_controller_that_was_withdrawn_is_not_announced() -> None:
    assert "Sterna" not in spoken("en", new_controller="Sterna AB", **VARIANTS["correction"]).subject
    past = spoken("en", new_controller="Sterna AB", in_force=True, audience="guardian")
    assert past.subject == "Sterna AB has been responsible for their personal information since 1.2.3"


def test_what_the_engine_says_in_english_is_named_by_its_kind_in_other_languages() -> None:
    found = [Found("Kept longer.", "A"), Found("Kept much longer.", "B"), Found("Sold.", "C", "sharing")]
    text = spoken("de", findings=found).text
    assert (
        "In der Änderung geht es um:\n– Wie lange Daten aufbewahrt werden (A, B)\n– Weitergabe an andere (C)"
        in text
    )


@pytest.mark.parametrize("reader", ["en", "ja"])
@pytest.mark.parametrize("word", ["word ", "個人情報を"])
def test_no_letter_ever_grows_past_what_mail_programs_show(reader: str, word: str) -> None:
    """As it travels, where a Japanese character takes nine bytes."""
    many = change(*(new(f"{n} " + word * 60) for n in range(120)))
    told = {
        "summary": "\n\n".join([word * 300] * 40),
        "findings": [Found(f"{n} {word * 200}", word * 100) for n in range(40)],
        "policy_title": word * 20,
    }
    written = spoken(reader, change=many, **told)
    assert LIMIT - 20_000 < typeset.weight(written.html) <= LIMIT
    assert len(written.html.encode()) < typeset.weight(written.html)
    assert re.search(r"\b\d+\b.*\b120\b|120か所", " ".join(written.text.split()))


def test_a_letter_with_the_longest_words_of_people_and_no_room_for_passages_still_fits() -> None:
    told = {"summary": "語" * 100_000, "change": change(new("語" * 100_000))}
    assert typeset.weight(spoken("ja", **told).html) < LIMIT
    reason = spoken("ja", kind="correction", rule="acceptance", correction_reason="語" * 100_000)
    assert typeset.weight(reason.html) < LIMIT
    for name in ("policy_title", "new_controller"):
        named = spoken("ja", **{**told, name: "語" * 3_000})
        assert typeset.weight(named.html) < LIMIT, name
        assert len(named.subject) < 400


def test_a_text_written_from_right_to_left_has_its_marks_on_its_own_side() -> None:
    html = letter(locale="ar", change=change(new("نص جديد"))).html
    assert '<div lang="ar" dir="rtl">' in html
    assert re.search(r'class="said" style="[^"]*padding: ?0 14px 0 0', html)
    assert "border-right" in html
    assert 'class="card" align="left"' in html


def test_a_letter_in_a_language_from_right_to_left_is_laid_out_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there is a catalogue of one."""
    arabic = replace(wording.of("en"), language="ar")
    monkeypatch.setattr(wording, "of", lambda locale, domain="gazette": arabic)
    html = render(replace(CONTEXT, reader="ar"), prefix=PREFIX).html
    assert '<html lang="ar" dir="rtl">' in html
    assert re.search(r'class="card mirrored" align="right"', html)


def test_templates_are_compiled_once_for_a_language() -> None:
    assert typeset.environment(None, "de") is typeset.environment(None, "de")
    sheet = typeset.environment(None, "de").get_template("letter.html")
    assert sheet is typeset.environment(None, "de").get_template("letter.html")


def test_an_operator_s_own_sentence_may_call_the_catalogues_too() -> None:
    names = ("letter.html", "letter.txt", "letter.css", "_runs.html")
    sources = {name: (typeset.TEMPLATES / name).read_text() for name in names}
    sentences = (typeset.TEMPLATES / "sentences.txt").read_text() + "{% set why %}{{ _('Nothing') }}{% endset %}"
    loader = DictLoader(sources | {"sentences.txt": sentences})
    written = render(replace(CONTEXT, reader="de"), prefix=PREFIX, loader=loader)
    assert "\nNichts\n" in written.text


# -- subscribers --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_subscribers_are_written_to_in_the_policy_s_language(language: str) -> None:
    about: dict[str, Any] = {"policy_title": "Plovtekst", "company": "Plover", "locale": language}
    dates: dict[str, Any] = {"effective_label": "1.2.3", "revision_label": "2.3.4", "summary": "Mallonge."}
    variants = [
        replace(QUESTION, **about),
        news(**about, **dates),
        news(**about, **dates, base=None, changes=0, verdict="first", in_force=True),
        news(**about, **dates, changes=0, verdict="minor", findings=[Found("It is.", "") for _ in range(2)]),
    ]
    for one in variants:
        written = subscription_letters.render(one, prefix=PREFIX)
        bare = re.sub(r"\S*(?:https?://|-k7q2zd)\S*", "", f"{written.subject}\n{written.text}")
        assert not set(re.findall(r"[^\W\d_]+", bare.lower())) & ENGLISH
        assert f'lang="{language}"' in written.html


# -- from the record ----------------------------------------------------------------------------


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The database plays no part here."""
    return sqlite_url


@pytest.fixture
@made_once
def told(house: House, later: Callable[..., datetime]) -> House:
    """Members of several locales under the first text."""
    house.policy(time_zone="Europe/Stockholm")
    house.publish(FIRST, revision_date="2026-06-01")
    house.tick()
    later(days=1)
    for name, locale in (("ada", "en"), ("bo", "de-AT"), ("chie", "ja"), ("dan", "zh-HK")):
        house.member(name, locale=locale)
    house.member("kim", locale="fr", guardian_email="parent@example.com")
    return house


def test_each_member_is_written_to_in_their_own_locale(told: House, letters: KeptLetters) -> None:
    told.publish(LONGER, rule="notice", notice_days=30, revision_date="2026-06-02")
    told.tick()
    subject, text, _ = letters.read("bo@example.com")
    assert subject == "„Privacy policy“ hat sich am 2. Juni 2026 geändert"
    assert "Gilt für Sie ab       3. Juli 2026" in text
    assert "Was wir vor dem 3. Juli 2026 erheben" in text
    assert "Mitteleuropäische Zeit" in text
    assert "2026年7月3日より前に収集した情報には" in "".join(letters.read("chie@example.com")[1].split())
    assert letters.read("ada@example.com")[0] == letters.read("dan@example.com")[0]
    assert letters.read("parent@example.com")[0].endswith("nous vous demandons votre accord")


def test_what_a_request_said_of_the_day_is_kept_with_it(told: House) -> None:
    told.publish(LONGER, rule="notice", notice_days=30, revision_date="2026-06-02")
    told.tick()
    with told.runtime.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT applies_words FROM attempt").scalars().all()
    assert set(rows) == {"3 July 2026", "3. Juli 2026", "2026年7月3日", "dès que vous l’acceptez"}


def test_where_both_texts_are_translated_the_passages_are_the_translation_s(
    told: House, letters: KeptLetters
) -> None:
    told.publish(LONGER, rule="notice", notice_days=30, revision_date="2026-06-02")
    german = "# Datenschutz\n\n## Dauer\n\nWir behalten Zahlungsdaten {} Monate.\n"
    for number, months in ((1, 12), (2, 24)):
        _translate(told, number, german.format(months))
    told.tick()
    subject, text, html = letters.read("bo@example.com")
    assert subject.startswith("„Datenschutzerklärung“")
    assert "± Wir behalten Zahlungsdaten [-12-] [+24+] Monate." in text
    assert "Dies ist die Übersetzung (Deutsch). Maßgeblich ist der Text auf Englisch." in " ".join(text.split())
    assert '<div lang="de" dir="ltr">' in html
    assert "Wir veröffentlichen diesen Text" not in text
    assert "± We keep payment records for [-12-] [+24+] months." in letters.read("chie@example.com")[1]


def _translate(house: House, number: int, text: str) -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        given = translations.Given("de", text, title="Datenschutzerklärung")
        translations.publish(session, policy, number, given, actor="a test", now=house.now)
