"""A translation that was corrected: who was told in its language, and the letter that goes to exactly those."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

import errors
from database import reading, writing
from notifier import addresses, control, notices, outbox, scheduler, translating
from notifier.audience import LeftOut
from notifier.models import Member, Notice, Omission, Suppression
from notifier.senders.protocol import NotSent, Unknown
from policy_versions import archive, policies, translations
from policy_versions.models import Translation
from tests.house import FIRST, LONGER, House, KeptLetters
from tests.notifier.sending import soon
from tests.once import made_once
from tests.policy_versions.test_translations import GERMAN, LONGER_GERMAN, translate

Later = Callable[..., datetime]
GERMAN_2 = LONGER_GERMAN.replace("24", "240")  # as wrong as can be
FIXED = LONGER_GERMAN
CORRECTED = "Berichtigt: die Übersetzung von „Privacy policy“ (Deutsch)"
WITHDRAWN = "Withdrawn: the change to our privacy policy on 2 July 2026"
WITHDRAWN_ELSEWHERE = (
    "Zurückgezogen: die Änderung von „Privacy policy“ am 2. Juli 2026",
    "Retrait : la modification de « Privacy policy » prévue le 2 juillet 2026",
)


@pytest.fixture
@made_once
def running(house: House, later: Later) -> House:
    house.policy()
    house.publish(FIRST)
    house.tick()
    later(days=1)
    return house


@pytest.fixture
@made_once
def told(running: House, letters: KeptLetters, later: Later) -> House:
    """No. 2 was told of, in four locales; its German translation was wrong, and is mended."""
    for name, locale in (("ada", "de"), ("bea", "de-AT"), ("cy", "en-GB"), ("dora", "fr")):
        running.member(name, locale=locale)
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    running.tick()
    assert len(letters.taken) == 4
    later(days=1)
    translate(running, FIXED, number=2)
    running.tick()
    letters.taken.clear()
    return running


def one(house: House, number: int = 2, locale: str = "de", which: int | None = None) -> Translation:
    with reading(house.runtime.engine) as session:
        revision = archive.history(session, policies.policy(session, "privacy")).entry(number).revision
        return translations.find(session, revision, locale, which)


def listed(house: House, number: int = 2) -> dict[str, str]:
    """Who was told in German: by name, with why they get no letter."""
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        found = translating.told(session, record, one(house, number), secret=house.runtime.secret, now=house.now)
        return {
            str(v.member.external_id or v.member.id): v.reason if isinstance(v, LeftOut) else "" for v in found
        }


def correct(house: House, typed: str = "2", translation: Translation | None = None) -> Notice:
    with writing(house.runtime.engine) as session:
        of = policies.lock(session, "privacy")
        return translating.correct(
            session,
            of,
            session.get_one(Translation, (translation or one(house)).id),
            typed=typed,
            secret=house.runtime.secret,
            actor="a test",
            now=house.now,
        )


# -- who was told -------------------------------------------------------------------------------


def test_those_told_in_the_language_are_listed(told: House) -> None:
    assert listed(told) == {"ada": "", "bea": ""}


def test_a_wider_translation_serves_only_whom_no_narrower_one_served_then(told: House, later: Later) -> None:
    later(hours=1)
    translate(told, GERMAN, number=2, locale="de-AT")  # too late for the letters that have left
    assert listed(told) == {"ada": "", "bea": ""}


def test_readers_of_a_narrower_translation_are_its_own(running: House, later: Later) -> None:
    for name, locale in (("ada", "de"), ("bea", "de-AT")):
        running.member(name, locale=locale)
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    translate(running, GERMAN_2, number=2, locale="de-AT")
    running.tick()
    later(days=1)
    translate(running, FIXED, number=2)
    translate(running, FIXED, number=2, locale="de-AT")
    running.tick()
    assert listed(running) == {"ada": ""}


def test_a_narrower_translation_that_came_later_has_no_readers_of_the_wider_ones(
    running: House, letters: KeptLetters, later: Later
) -> None:
    """Their letter led to the wider one, so a correction of the other would be of what they were not told."""
    running.member("bea", locale="de-AT")
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    running.tick()
    later(days=1)
    for text in (GERMAN_2, FIXED):
        translate(running, text, number=2, locale="de-AT")
    translate(running, FIXED, number=2)
    running.tick()
    letters.taken.clear()
    correct(running, "1")
    with pytest.raises(errors.NotCorrectable, match="No member"):
        correct(running, "1", one(running, locale="de-AT"))
    running.tick()
    assert [m.subject for m, _ in letters.taken] == [CORRECTED]


def test_a_letter_written_before_a_narrower_translation_led_to_the_wider_one_whenever_it_left(
    running: House, letters: KeptLetters, later: Later
) -> None:
    running.member("ada", locale="de-AT")
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    running.tick()
    later(days=1)
    translate(running, GERMAN, number=2, locale="de-AT")
    running.member("late", locale="de-AT", joined_at=(running.now - timedelta(days=3)).isoformat())
    running.tick()
    assert "/privacy/2/de\n" in letters.read("late@example.com")[1], "the letter that was written for ada"
    later(days=1)
    translate(running, FIXED, number=2)
    running.tick()
    assert listed(running) == {"ada": "", "late": ""}


def test_nobody_is_listed_for_a_text_nobody_was_told_of(told: House, later: Later) -> None:
    translate(told, GERMAN)
    translate(told, FIXED)
    told.tick()
    assert listed(told, number=1) == {}


def test_a_letter_that_may_have_left_counts_and_one_that_did_not_does_not(
    running: House, letters: KeptLetters
) -> None:
    for name in ("ada", "bob"):
        running.member(name, locale="de")
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    running.runtime.sender.request_size = 1
    letters.answers.extend([Unknown("who knows"), NotSent("not now")])
    running.tick()
    translate(running, FIXED, number=2)
    running.tick()
    assert listed(running) == {"ada": ""}


def test_a_letter_that_led_to_the_corrected_translation_needs_no_correction(told: House, later: Later) -> None:
    later(days=1)
    told.member("late", locale="de", joined_at=(told.now - timedelta(days=3)).isoformat())
    told.tick()
    assert listed(told) == {"ada": "", "bea": ""}


def test_who_cannot_be_written_to_is_listed_with_why(told: House, letters: KeptLetters, later: Later) -> None:
    for name in ("gone", "lapsed", "barred", "mute"):
        told.member(name, locale="de", joined_at=(told.now - timedelta(days=1)).isoformat())
    told.tick()
    assert len(letters.taken) == 4, "late arrivals are told of No. 2 as well, the same day"
    told.members({"external_id": "lapsed", "retained_until": soon(told)}, {"external_id": "mute", "email": ""})
    later(seconds=1)
    secret = told.runtime.secret
    with writing(told.runtime.engine) as session:
        key = addresses.key("barred@example.com", secret)
        session.add(Suppression(email_key=key, reason="bounced", recorded_at=told.now))
        gone = session.exec(select(Member).where(Member.external_id == "gone")).one()
    outbox.erase(told.runtime, gone, actor="a test")
    assert listed(told) == {
        "ada": "", "bea": "", str(gone.id): "erased", "lapsed": "lapsed", "barred": "suppressed",
        "mute": "no address",
    }  # fmt: skip
    letters.taken.clear()
    notice = correct(told)
    told.tick()
    assert letters.addresses == ["ada@example.com", "bea@example.com"]
    with reading(told.runtime.engine) as session:
        left_out = session.exec(select(Omission).where(Omission.notice_id == notice.id)).all()
    assert {o.reason: o.members for o in left_out} == {
        "erased": 1, "lapsed": 1, "suppressed": 1, "no address": 1,
    }  # fmt: skip


# -- the correction -----------------------------------------------------------------------------


def test_the_letter_shows_what_changed_in_the_translation_and_that_the_text_did_not(
    told: House, letters: KeptLetters
) -> None:
    correct(told)
    told.tick()
    assert letters.addresses == ["ada@example.com", "bea@example.com"]
    for name in ("ada", "bea"):
        subject, text, html = letters.read(f"{name}@example.com")
        assert subject == CORRECTED
        words = " ".join(text.split())
        assert "Der Text selbst (Englisch) hat sich nicht geändert." in words
        assert "[-240-] [+24+]" in words
        assert "http://127.0.0.1:8000/privacy/2/de/compare/1..2" in text
        assert '<div lang="de" dir="ltr">' in html
        assert "24 months" not in words
        assert "Gilt für Sie" not in words
    assert told.notice().state == "complete"


def test_the_letter_goes_to_each_of_them_once(told: House, letters: KeptLetters) -> None:
    correct(told)
    told.tick()
    told.tick()
    assert len(letters.taken) == 2
    with pytest.raises(errors.NotCorrectable, match="made already"):
        correct(told)


def test_an_address_barred_meanwhile_holds_up_no_correction(told: House, letters: KeptLetters) -> None:
    notice = correct(told)
    scheduler.open_due(told.runtime)
    with writing(told.runtime.engine) as session:
        key = addresses.key("bea@example.com", told.runtime.secret)
        session.add(Suppression(email_key=key, reason="bounced", recorded_at=told.now))
    told.tick()
    assert letters.addresses == ["ada@example.com"]
    with reading(told.runtime.engine) as session:
        assert session.get_one(Notice, notice.id).state == "complete"


def test_a_correction_is_no_notice_of_a_revision(running: House, letters: KeptLetters, later: Later) -> None:
    """A bounced letter gave no notice; the correction that arrived instead gives none either."""
    running.member("ada", locale="de")
    running.publish(LONGER, rule="notice", notice_days=10)
    translate(running, GERMAN_2, number=2)
    letters.answers.append(Unknown("who knows"))
    running.tick()
    translate(running, FIXED, number=2)
    running.tick()
    correct(running, "1")
    running.tick()
    assert letters.addresses == ["ada@example.com"]
    later(days=100)
    assert running.governs("ada") == 1


@pytest.mark.parametrize("typed", ["", "1", "3", "two", "2.0", "-2", "2\0", "9" * 500])
def test_the_number_has_to_be_typed(told: House, typed: str) -> None:
    with pytest.raises(errors.RecipientsDiffer) as refused:
        correct(told, typed)
    assert "Type 2 to send" in str(refused.value)
    assert correct(told, " 2 ").expected_audience == 2


def test_what_is_not_significant_is_not_corrected(told: House, later: Later) -> None:
    with pytest.raises(errors.NotCorrectable, match="stands as first"):
        correct(told, translation=one(told, which=1))
    third = translate(told, FIXED + "\nUnd mehr.\n", number=2)
    with pytest.raises(errors.NotCorrectable, match="not decided yet"):
        correct(told, translation=third)


def test_where_nobody_can_be_written_to_there_is_no_correction(running: House) -> None:
    translate(running, GERMAN)
    translate(running, FIXED)
    running.tick()
    with pytest.raises(errors.NotCorrectable, match="No member"):
        correct(running, "0", one(running, 1))


def test_each_language_has_a_correction_of_its_own_beside_that_of_a_withdrawal(
    told: House, letters: KeptLetters
) -> None:
    translate(told, GERMAN, number=2, locale="fr")
    translate(told, FIXED, number=2, locale="fr")
    told.tick()
    correct(told)
    correct(told, "1", one(told, locale="fr"))
    told.tick()
    assert letters.addresses == ["ada@example.com", "bea@example.com", "dora@example.com"]
    letters.taken.clear()
    withdraw(told)
    told.tick()
    assert {m.subject for m, _ in letters.taken} == {WITHDRAWN, *WITHDRAWN_ELSEWHERE}
    assert len(letters.taken) == 4


def withdraw(house: House) -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="a test", now=house.now)
        notices.withdrawn(session, archive.history(session, policy).entry(2).revision, now=house.now)


def test_a_withdrawal_ends_the_correction_of_a_translation(told: House, letters: KeptLetters) -> None:
    notice = correct(told)
    with writing(told.runtime.engine) as session:
        control.pause(session, notice.id or 0, actor="a test", now=told.now)
    withdraw(told)
    told.tick()
    assert {m.subject for m, _ in letters.taken} <= {WITHDRAWN, *WITHDRAWN_ELSEWHERE}
    with reading(told.runtime.engine) as session:
        assert session.get_one(Notice, notice.id).state == "cancelled"
    with pytest.raises(errors.NotCorrectable):
        correct(told)


def test_a_withdrawn_revisions_translation_is_not_corrected(told: House) -> None:
    withdraw(told)
    with pytest.raises(errors.NotCorrectable, match="was withdrawn"):
        correct(told)


def test_a_guardian_gets_the_wards_correction(running: House, letters: KeptLetters) -> None:
    running.member("kim", locale="de", guardian_email="parent@example.com")
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2)
    running.tick()
    translate(running, FIXED, number=2)
    running.tick()
    letters.taken.clear()
    correct(running, "1")
    running.tick()
    assert letters.addresses == ["parent@example.com"]
    assert "das Mitglied, für das Sie sorgeberechtigt sind" in " ".join(
        letters.read("parent@example.com")[1].split()
    )


# -- the link in a letter of a change -----------------------------------------------------------


def test_a_letter_leads_to_the_translation_in_its_readers_language(running: House, letters: KeptLetters) -> None:
    for name, locale in (("ada", "de-AT"), ("cy", "en"), ("dora", "fr")):
        running.member(name, locale=locale)
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, LONGER_GERMAN, number=2)
    running.tick()
    link = "http://127.0.0.1:8000/privacy/2/de"
    _, text, html = letters.read("ada@example.com")
    assert f"{link}\n" in text
    assert f'href="{link}"' in html
    assert "Die Übersetzung lesen (Deutsch); der Text auf Englisch geht vor" in " ".join(text.split())
    assert "[-12-] [+24+]" in text, "the redline is the authoritative one where the earlier text is not translated"
    assert "translation" not in letters.read("cy@example.com")[1]
    assert "traduction" not in letters.read("dora@example.com")[1]


def test_the_authoritative_redline_is_marked_as_in_its_own_language(running: House, letters: KeptLetters) -> None:
    running.member("ada", locale="ar")
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    running.tick()
    html = letters.read("ada@example.com")[2]
    assert '<div lang="en" dir="ltr">' in html
    assert "rtl" not in html
    assert 'lang="ar"' not in html


@pytest.mark.parametrize("locale", ["ckb", "az-Arab"])
def test_a_correction_written_from_right_to_left_is_marked_so(
    running: House, letters: KeptLetters, locale: str
) -> None:
    running.member("ada", locale=locale)
    running.publish(LONGER, effective_at=running.now + timedelta(days=30))
    translate(running, GERMAN_2, number=2, locale=locale)
    running.tick()
    translate(running, FIXED, number=2, locale=locale)
    running.tick()
    correct(running, "1", one(running, locale=locale))
    running.tick()
    assert f'<div lang="{locale}" dir="rtl">' in letters.read("ada@example.com")[2]


def test_the_notice_of_a_change_goes_on_beside_a_correction(told: House, letters: KeptLetters) -> None:
    correct(told)
    told.tick()
    letters.taken.clear()
    told.member("late", locale="de", joined_at=(told.now - timedelta(days=1)).isoformat())
    told.tick()
    assert letters.addresses == ["late@example.com"]
    assert "/privacy/compare/1..2" in letters.read("late@example.com")[1]
    with reading(told.runtime.engine) as session:
        kinds = session.exec(select(Notice.kind).order_by(col(Notice.id))).all()
    assert kinds == ["change", "correction"]
