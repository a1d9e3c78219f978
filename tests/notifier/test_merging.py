"""Accounts renamed and merged by the host: the timelines go on, and nothing that was answered changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from database import reading, writing
from errors import (
    ExternalIdImpossible,
    ExternalIdTaken,
    MergeIntoYounger,
    MergeOfOne,
    NoSuchMember,
)
from notifier import (
    acknowledging,
    deciding,
    erasures,
    facts,
    lineage,
    members,
    merging,
    notices,
    outbox,
    replaying,
    scheduler,
)
from notifier.lineage import FormerName, MemberMerge
from notifier.models import DeliveryEvent, GuardianChange, Member
from policy_versions import applicability, archive, audit, policies
from policy_versions.applicability import Timeline
from policy_versions.models import AuditEntry
from tests.house import LONGER, House, KeptLetters
from tests.notifier.lives import by_kind, one_by_one, record_of
from tests.notifier.sending import Later
from tests.once import made_once

MUCH_LONGER = LONGER.replace("24 months", "48 months")


def member(house: House, name: str) -> Member:
    with reading(house.runtime.engine) as session:
        return members.by_external_id(session, name)


def rename(house: House, old: str, new: str) -> bool:
    with writing(house.runtime.engine) as session:
        held = members.by_external_id(session, old)
        return merging.rename(session, held, new, actor="a test", now=house.now)


def merge(house: House, from_: str, into: str) -> MemberMerge:
    with writing(house.runtime.engine) as session:
        both = (members.by_external_id(session, name) for name in (from_, into))
        return merging.merge(session, *both, actor="a test", now=house.now)


def accept(house: House, name: str, number: int, **said: Any) -> None:
    given: dict[str, Any] = {"kind": "accepted", "actor": "member", "route": "api", "locale": "en", **said}
    with writing(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        held, revision = members.by_external_id(session, name), record.entry(number).revision
        acknowledging.acknowledge(session, held, revision, shown_sha256=None, now=house.now, **given)


def timeline_of(house: House, member_id: int) -> Timeline:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        found = facts.of_members(session, facts.of_policy(session, record), [session.get_one(Member, member_id)])
        return applicability.timeline(found[member_id])


def answered(line: Timeline, at: datetime) -> object:
    """What an instant is answered; when its span ends is a forecast."""
    span = line.at(at)
    return span and (span.revision, span.start, span.basis, span.evidence)


def spans(line: Timeline) -> list[tuple[int, datetime, datetime | None, str]]:
    return [(s.revision, s.start, s.end, s.basis) for s in line.spans]


@pytest.fixture
@made_once
def two(running: House, later: Later) -> House:
    """ada, who joined on the eve, and her second account ada2, of an hour ago; both under the first text."""
    running.member("ada", joined_at="2026-05-31T20:00:00Z")
    running.member("ada2")
    return running


# -- renamed --------------------------------------------------------------------------------------


def test_a_renamed_member_keeps_their_timeline_and_the_old_name_is_free(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.publish(LONGER, rule="notice", notice_days=3)
    two.tick()
    later(days=1)
    before, known = two.timeline("ada"), member(two, "ada").id
    assert rename(two, "ada", " ada.byron ")
    later(days=4)
    assert two.timeline("ada.byron") == before
    assert member(two, "ada.byron").id == known
    assert two.governs("ada.byron") == 2
    with pytest.raises(NoSuchMember):
        member(two, "ada")
    two.member("ada", email="another@example.com")
    assert member(two, "ada").id != known
    assert two.governs("ada") == 2
    assert [span.basis for span in two.timeline("ada").spans] == ["joined"]


def test_a_rename_is_audited_without_either_name(two: House) -> None:
    rename(two, "ada", "ada.byron")
    with reading(two.runtime.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "member renamed")).one()
        assert (entry.actor, entry.subject) == ("a test", f"member {member(two, 'ada.byron').id}")
        assert "byron" not in repr(entry.detail)
        assert audit.broken(session) is None


def test_the_name_that_a_member_has_already_is_no_rename(two: House) -> None:
    assert not rename(two, "ada", "ada")
    with reading(two.runtime.engine) as session:
        assert session.exec(select(FormerName)).all() == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\x00b", "\ud800", "a\r\nb", "a\x7fb"])
def test_a_name_that_no_member_can_have_is_refused(two: House, name: str) -> None:
    with pytest.raises(ExternalIdImpossible):
        rename(two, "ada", name)
    assert member(two, "ada")


def test_the_name_of_another_is_refused_and_nothing_changes(two: House) -> None:
    with writing(two.runtime.engine) as session:
        held = members.by_external_id(session, "ada")
        with pytest.raises(ExternalIdTaken) as refusal:
            merging.rename(session, held, "ada2", actor="a test", now=two.now)
    assert "ada" not in str(refusal.value)
    assert member(two, "ada").id != member(two, "ada2").id


def test_who_is_no_longer_retained_is_not_renamed(two: House, later: Later) -> None:
    two.member("ada", retained_until="2026-06-02")
    later(days=2)
    with pytest.raises(NoSuchMember):
        rename(two, "ada", "ada.byron")


# -- merged ---------------------------------------------------------------------------------------


def test_what_either_account_was_answered_before_the_merge_stays_so(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.publish(LONGER, rule="notice", notice_days=3)
    two.tick()
    later(days=1)
    stays, ends = member(two, "ada").id or 0, member(two, "ada2").id or 0
    before = {number: timeline_of(two, number) for number in (stays, ends)}
    merge(two, "ada2", "ada")
    after = {number: timeline_of(two, number) for number in (stays, ends)}
    for hours in range(1, 48):
        at = two.now - timedelta(hours=hours)
        for number in (stays, ends):
            assert answered(before[number], at) == answered(after[number], at)
    assert spans(after[ends])[-1][:3] == (1, spans(before[ends])[0][1], two.now)
    assert spans(after[stays]) == spans(before[stays])


def test_the_account_that_ends_is_known_by_its_pseudonym_only(two: House) -> None:
    ends, stays = member(two, "ada2"), member(two, "ada")
    merged = merge(two, "ada2", "ada")
    with pytest.raises(NoSuchMember):
        member(two, "ada2")
    with reading(two.runtime.engine) as session:
        gone = session.get_one(Member, ends.id)
        assert (gone.external_id, gone.email, gone.email_key, gone.guardian_email) == (None,) * 4
        assert merging.merged_into(session, gone) == stays
        assert merging.merged_into(session, stays) is None
        noted = session.exec(select(AuditEntry).where(AuditEntry.action == "members merged")).one()
        assert (noted.subject, noted.detail) == (f"member {stays.id}", {"merged": ends.id})
    assert (merged.from_id, merged.into_id) == (ends.id, stays.id)


def test_what_the_other_account_accepted_counts_from_the_merge_on(two: House, later: Later) -> None:
    two.publish(LONGER, rule="acceptance")
    two.tick()
    later(hours=5)
    accept(two, "ada2", 2)
    later(hours=5)
    assert (two.governs("ada"), two.governs("ada2")) == (1, 2)
    merge(two, "ada2", "ada")
    [_, second] = two.timeline("ada").spans
    assert (second.revision, second.start, second.basis) == (2, two.now, "acceptance")
    assert second.evidence.startswith("acknowledgement:")


def test_a_notice_that_the_other_account_got_begins_its_period_at_the_merge(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.member("ada", email="")  # she gets no letter there
    two.publish(LONGER, rule="notice", notice_days=10)
    two.tick()
    assert letters.addresses == ["ada2@example.com"]
    later(days=4)
    merge(two, "ada2", "ada")
    assert two.timeline("ada").spans[-1][:2] == (2, two.now + timedelta(days=10))
    two.tick()
    assert letters.addresses == ["ada2@example.com"]  # she knows: nothing is sent again


def test_a_letter_of_the_other_account_that_comes_back_later_is_undone(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.member("ada", email="")
    two.publish(LONGER, rule="notice", notice_days=10)
    two.tick()
    later(days=1)
    merge(two, "ada2", "ada")
    later(days=1)
    [delivery] = [d for d in two.deliveries() if d.channel == "email"]
    with writing(two.runtime.engine) as session:
        at = {"happened_at": two.now, "recorded_at": two.now}
        session.add(DeliveryEvent.model_validate({"delivery_id": delivery.id, "event": "bounce", **at}))
    later(days=30)
    assert two.governs("ada") == 1


def test_a_letter_that_came_back_before_the_merge_counts_for_nobody(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.publish(LONGER, rule="notice", notice_days=10)
    two.tick()
    at = {"happened_at": two.now, "recorded_at": two.now}
    with writing(two.runtime.engine) as session:
        for delivery in two.deliveries():
            session.add(DeliveryEvent.model_validate({"delivery_id": delivery.id, "event": "bounce", **at}))
    later(days=1)
    merge(two, "ada2", "ada")
    later(days=30)
    assert two.governs("ada") == 1


def test_accounts_merged_one_after_the_other_stand_for_one(two: House, later: Later) -> None:
    two.member("ada3")
    two.publish(LONGER, rule="acceptance")
    two.tick()
    accept(two, "ada3", 2)
    later(hours=1)
    merge(two, "ada3", "ada2")
    assert two.governs("ada2") == 2
    last = member(two, "ada2").id
    later(hours=1)
    merge(two, "ada2", "ada")
    assert spans(two.timeline("ada"))[-1] == (2, two.now, None, "acceptance")
    with reading(two.runtime.engine) as session:
        for number in (last, (last or 0) + 1):
            assert merging.merged_into(session, session.get_one(Member, number)) == member(two, "ada")


def test_a_guardian_of_either_account_is_the_persons(two: House, later: Later) -> None:
    two.member("ada2", guardian_email="guardian@example.com")
    two.publish(LONGER, rule="acceptance")
    two.tick()
    accept(two, "ada2", 2)  # her own word, which meets nothing
    later(hours=1)
    merge(two, "ada2", "ada")
    assert member(two, "ada").guardian_email == "guardian@example.com"
    assert two.governs("ada") == 1
    later(hours=1)
    accept(two, "ada", 2, actor="guardian")
    assert two.governs("ada") == 2
    with reading(two.runtime.engine) as session:
        ids = session.exec(select(GuardianChange.member_id).order_by("id")).all()
    assert ids[-1] == member(two, "ada").id


def test_an_address_that_only_the_other_had_goes_along(two: House, letters: KeptLetters) -> None:
    two.member("ada", email="")
    merge(two, "ada2", "ada")
    two.publish(LONGER)
    two.tick()
    assert letters.addresses == ["ada2@example.com"]


def test_what_was_owed_to_the_other_account_is_not_sent_to_it(two: House, letters: KeptLetters) -> None:
    two.publish(LONGER)
    deciding.decide_due(two.runtime)
    scheduler.open_due(two.runtime)
    merge(two, "ada2", "ada")
    two.tick()
    assert letters.addresses == ["ada@example.com"]


def test_a_correction_goes_to_who_stands_for_the_one_who_was_told(
    two: House, letters: KeptLetters, later: Later
) -> None:
    two.member("ada", email="")
    two.publish(LONGER, effective_at=two.now + timedelta(days=9))
    two.tick()
    merge(two, "ada2", "ada")
    letters.taken.clear()
    with writing(two.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A mistake.", actor="ines", now=two.now)
        notices.withdrawn(session, record_of(session).entry(2).revision, now=two.now)
    for _ in range(2):
        two.tick()
    assert [(r.address, m.subject.startswith("Withdrawn")) for m, r in letters.taken] == [
        ("ada2@example.com", True)
    ]
    assert two.deliveries()[-1].member_id == member(two, "ada").id


def test_who_stands_for_two_is_judged_alone_as_in_the_audience(two: House, later: Later) -> None:
    two.publish(LONGER)
    two.tick()
    later(hours=1)
    merge(two, "ada2", "ada")
    two.publish(MUCH_LONGER)
    two.tick()
    with writing(two.runtime.engine) as session:
        assert by_kind(session, record_of(session), two.now) == one_by_one(session, record_of(session), two.now)


def test_the_younger_account_cannot_be_the_one_that_stays(two: House) -> None:
    with pytest.raises(MergeIntoYounger):
        merge(two, "ada", "ada2")
    assert {member(two, name).erased_at for name in ("ada", "ada2")} == {None}


def test_one_account_is_not_merged_with_itself(two: House) -> None:
    with pytest.raises(MergeOfOne):
        merge(two, "ada", "ada")


def test_who_has_gone_is_not_merged(two: House, later: Later) -> None:
    stays = member(two, "ada")
    outbox.erase(two.runtime, member(two, "ada2"), actor="a test")
    with writing(two.runtime.engine) as session:
        gone = session.exec(select(Member).where(Member.external_id == None)).one()  # noqa: E711
        for from_, into in ((gone, stays), (stays, gone)):
            with pytest.raises(NoSuchMember):
                merging.merge(session, from_, into, actor="a test", now=two.now)


# -- erased ---------------------------------------------------------------------------------------


def test_erasing_a_member_erases_every_name_and_account_of_theirs(
    two: House, letters: KeptLetters, rows: Callable[[], str]
) -> None:
    two.publish(LONGER)
    two.tick()
    rename(two, "ada2", "ada2-renamed")
    merge(two, "ada2-renamed", "ada")
    rename(two, "ada", "ada.byron")
    kept = member(two, "ada.byron")
    outbox.erase(two.runtime, kept, actor="a test")
    assert letters.forgotten >= {delivery.id for delivery in two.deliveries()}
    assert "ada" not in rows()
    with reading(two.runtime.engine) as session:
        assert len(lineage.accounts(session, kept.id or 0)) == 2  # pseudonyms, which stay


@pytest.fixture
def rows(engine: Any) -> Callable[[], str]:
    """All that the tables of members and of the log hold."""

    def read() -> str:
        kinds = (Member, FormerName, MemberMerge, AuditEntry, GuardianChange)
        with reading(engine) as session:
            return repr([row for kind in kinds for row in session.exec(select(kind))])

    return read


def test_a_backup_from_before_knows_them_by_any_name(two: House) -> None:
    before = {name: member(two, name).id or 0 for name in ("ada", "ada2")}
    rename(two, "ada", "ada.byron")
    merge(two, "ada2", "ada.byron")
    outbox.erase(two.runtime, member(two, "ada.byron"), actor="a test")
    journal = list(erasures.read(two.runtime.settings.erasure_journal))
    with writing(two.runtime.engine) as session:  # as the backup has them
        for name, number in before.items():
            held = session.get_one(Member, number)
            held.external_id, held.erased_at = name, None
            session.add(held)
    done = replaying.replay(two.runtime, journal, actor="a test")
    assert (done.erased, done.unreadable) == (2, 0)
    for name in before:
        with pytest.raises(NoSuchMember):
            member(two, name)
