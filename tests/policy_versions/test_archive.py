"""The record: what may be published, what is in force, and that the past stays as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import col, select

from database import reading, writing
from errors import (
    BeforeEarlierRevision,
    EmptyText,
    FieldMissing,
    IntoThePast,
    NoSuchPolicy,
    NoSuchRevision,
    NoticePeriodTooShort,
    NotWithdrawable,
    Refusal,
    SameText,
    SlugMalformed,
    SlugReserved,
    SlugTaken,
    TimeZoneUnknown,
)
from policy_versions import archive, audit, policies
from policy_versions.archive import History
from policy_versions.models import AuditEntry, DueDecision
from tests.house import FIRST, LONGER, TYPO, House

Later = Callable[..., datetime]


def record(house: House, slug: str = "privacy") -> History:
    with reading(house.runtime.engine) as session:
        return archive.history(session, policies.policy(session, slug))


def withdraw(house: House, number: int, reason: str = "A mistake.") -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, number, reason=reason, actor="a test", now=house.now)


# -- making a policy ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "refusal"),
    [
        ("admin", SlugReserved),
        ("feed", SlugReserved),
        ("Privacy", SlugMalformed),
        ("a--b", SlugMalformed),
        ("-a", SlugMalformed),
        ("a/b", SlugMalformed),
        ("", SlugMalformed),
        ("2018-05-25", SlugMalformed),
        ("é", SlugMalformed),
        ("a" * 61, SlugMalformed),
        ("privacy\n", SlugMalformed),
    ],
)
def test_a_slug_that_cannot_be_an_address_is_refused(slug: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        policies.check_slug(slug)


def test_a_slug_that_exists_is_refused(house: House) -> None:
    house.policy()
    with pytest.raises(SlugTaken):
        house.policy()


def test_a_policy_needs_a_title_and_a_time_zone_that_exists(house: House) -> None:
    with pytest.raises(FieldMissing):
        house.policy(title="  ")
    with pytest.raises(TimeZoneUnknown):
        house.policy(time_zone="Europe/Atlantis")
    with pytest.raises(NoSuchPolicy):
        house.policy(part_of="terms")


def test_no_newline_gets_into_a_title(house: House) -> None:
    assert house.policy(title="Privacy\r\nBcc: x@example.com").title == "Privacy Bcc: x@example.com"


# -- publishing ---------------------------------------------------------------------------------


def test_a_revision_in_force_at_once_is_in_force(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    current = record(house).in_force(house.now)
    assert current is not None
    assert (current.number, current.revision.text) == (1, FIRST)


def test_publishing_writes_the_decision_that_is_due(house: House) -> None:
    house.policy()
    revision = house.publish(FIRST)
    with reading(house.runtime.engine) as session:
        assert session.exec(select(DueDecision.revision_id)).all() == [revision.id]


def test_a_revision_to_come_is_upcoming_until_its_instant(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    comes = house.now + timedelta(days=10)
    house.publish(LONGER, effective_at=comes)
    history = record(house)
    before = history.in_force(comes - timedelta(microseconds=1))
    at = history.in_force(comes)
    assert before is not None
    assert at is not None
    assert (before.number, at.number) == (1, 2)
    assert [e.number for e in history.upcoming(house.now)] == [2]
    assert history.status(history.entry(1), comes) == "superseded"


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"text": ""}, EmptyText),
        ({"text": " \n\t"}, EmptyText),
        ({"summary": "  "}, FieldMissing),
        ({"effective_at": datetime(2026, 6, 1, 11, 59, tzinfo=UTC)}, IntoThePast),
        ({"rule": "notice", "notice_days": 2}, NoticePeriodTooShort),
        ({"rule": "telepathy"}, Refusal),
        ({"rule": "notice", "notice_days": 99_999}, Refusal),
        ({"text": FIRST}, SameText),
    ],
)
def test_what_cannot_be_published_is_refused_and_changes_nothing(
    house: House, given: dict[str, Any], refusal: type[Refusal]
) -> None:
    house.policy()
    house.publish(FIRST)
    with pytest.raises(refusal):
        house.publish(**{"text": LONGER, **given})
    assert len(record(house).entries) == 1


def test_coming_into_force_before_an_earlier_revision_is_refused(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=10))
    with pytest.raises(BeforeEarlierRevision, match="revision 2"):
        house.publish(TYPO, effective_at=house.now + timedelta(days=9))


def test_an_equal_text_may_be_published_with_another_rule_or_date(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(FIRST, rule="acceptance")
    house.publish(FIRST, rule="acceptance", revision_date="2026-05")
    assert len(record(house).entries) == 3


# -- withdrawing --------------------------------------------------------------------------------


def test_a_withdrawn_revision_stays_in_the_record_and_never_governs(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    comes = house.now + timedelta(days=10)
    house.publish(LONGER, effective_at=comes)
    withdraw(house, 2)
    history = record(house)
    at = history.in_force(comes)
    assert at is not None
    assert at.number == 1
    assert history.status(history.entry(2), house.now) == "withdrawn"


def test_only_the_latest_and_only_before_it_is_in_force_can_be_withdrawn(house: House, later: Later) -> None:
    house.policy()
    house.publish(FIRST)
    with pytest.raises(NotWithdrawable, match="in force"):
        withdraw(house, 1)
    house.publish(LONGER, effective_at=house.now + timedelta(days=10))
    house.publish(TYPO, effective_at=house.now + timedelta(days=20))
    with pytest.raises(NotWithdrawable, match="latest"):
        withdraw(house, 2)
    with pytest.raises(FieldMissing):
        withdraw(house, 3, reason=" ")
    with pytest.raises(NoSuchRevision):
        withdraw(house, 4)
    later(days=20)
    with pytest.raises(NotWithdrawable):
        withdraw(house, 3)


def test_after_a_withdrawal_an_earlier_date_is_free_again(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=10))
    withdraw(house, 2)
    house.publish(TYPO, effective_at=house.now + timedelta(days=5))
    assert [e.number for e in record(house).upcoming(house.now)] == [3]


# -- the past stays as it was -------------------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE revision SET text = 'Rewritten.'",
        "UPDATE revision SET effective_at = published_at",
        "DELETE FROM revision",
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
    ],
)
def test_the_database_itself_refuses_to_change_the_record(house: House, deed: str) -> None:
    house.policy()
    house.publish(FIRST)
    with pytest.raises(DatabaseError, match="rows are never changed"), writing(house.runtime.engine) as session:
        session.execute(text(deed))


def test_a_rewritten_past_breaks_the_chain(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER)
    history = record(house)
    assert archive.broken_link(history) is None
    history.entry(1).revision.summary = "Nothing to see."
    assert archive.broken_link(history) == 1


def test_the_audit_log_is_chained(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    with reading(house.runtime.engine) as session:
        assert audit.broken(session) is None
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id)).limit(1)).one()
        with session.no_autoflush:  # the database would refuse it; as if somebody had got round that
            entry.actor = "nobody"
            assert audit.broken(session) == entry.id
        session.rollback()


def test_a_revision_is_found_by_number_and_by_date(house: House) -> None:
    policy = house.policy()
    house.publish(FIRST, revision_date="2026-05")
    house.publish(LONGER, revision_date="2026-06-01")
    house.publish(TYPO, revision_date="2026-06-01")
    with reading(house.runtime.engine) as session:
        names = ["1", "2026-05", "2026-06-01", "2026-06-01.2", "3"]
        assert [archive.by_name(session, policy, n).number for n in names] == [1, 1, 2, 3, 3]
        for stranger in ("0", "4", "2026", "2026-06-01.3", "2026-06-01.x", "", "..", "9" * 40):
            with pytest.raises(NoSuchRevision):
                archive.by_name(session, policy, stranger)
