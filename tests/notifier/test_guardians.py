"""A guardian set and ended: by the service and by an import alike, each a dated fact."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from database import reading, writing
from errors import MemberUnfit, NoGuardian, NoSuchMember
from notifier import guardians, members, outbox
from notifier.models import GuardianChange
from policy_versions.models import AuditEntry
from tests.house import LONGER, House, KeptLetters
from tests.notifier.sending import Later


def appoint(house: House, name: str, address: str) -> bool:
    with writing(house.runtime.engine) as session:
        held = members.by_external_id(session, name)
        return guardians.appoint(session, held, address, actor="a test", now=house.now)


def discharge(house: House, name: str) -> None:
    with writing(house.runtime.engine) as session:
        held = members.by_external_id(session, name)
        guardians.discharge(session, held, actor="a test", now=house.now)


def changes(house: House) -> list[tuple[bool, object]]:
    with reading(house.runtime.engine) as session:
        rows = session.exec(select(GuardianChange).order_by(col(GuardianChange.id)))
        return [(row.present, row.recorded_at) for row in rows]


def test_setting_and_ending_are_facts_of_their_instants(running: House, later: Later) -> None:
    running.member("kid")
    since = later(hours=1)
    assert appoint(running, "kid", " guardian@example.com ")
    until = later(hours=1)
    discharge(running, "kid")
    assert changes(running) == [(True, since), (False, until)]
    with reading(running.runtime.engine) as session:
        noted = session.exec(select(AuditEntry).where(col(AuditEntry.action).startswith("guardian"))).all()
    assert [entry.action for entry in noted] == ["guardian set", "guardian ended"]
    assert "example.com" not in repr(noted)


def test_another_address_is_no_other_guardianship(running: House, later: Later) -> None:
    running.member("kid")
    appoint(running, "kid", "guardian@example.com")
    later(hours=1)
    assert appoint(running, "kid", "other@example.com")
    assert not appoint(running, "kid", "other@example.com")
    assert len(changes(running)) == 1


def test_an_import_sets_and_ends_it_as_the_service_does(
    running: House, letters: KeptLetters, later: Later
) -> None:
    for name in ("imported", "served"):
        running.member(name)
    later(hours=1)
    running.members({"external_id": "imported", "guardian_email": "g1@example.com"})
    appoint(running, "served", "g2@example.com")
    running.publish(LONGER)  # posting moves no ward
    running.tick()
    assert letters.addresses == ["g1@example.com", "g2@example.com"]
    assert [running.governs(name) for name in ("imported", "served")] == [1, 1]
    ended = later(hours=1)
    running.members({"external_id": "imported", "guardian_email": ""})
    discharge(running, "served")
    for name in ("imported", "served"):
        assert [(span.revision, span.start) for span in running.timeline(name).spans][1:] == [(2, ended)]


UNFIT = ["", "nobody", "a@example.com\nBcc: b@example.com", "x" * 250 + "@example.com"]


@pytest.mark.parametrize("address", UNFIT)
def test_an_address_that_cannot_be_written_to_is_refused(running: House, address: str) -> None:
    running.member("kid")
    with pytest.raises(MemberUnfit) as refusal:
        appoint(running, "kid", address)
    assert "Bcc" not in str(refusal.value)
    assert changes(running) == []


def test_a_guardianship_that_is_none_cannot_end(running: House) -> None:
    running.member("kid")
    with pytest.raises(NoGuardian):
        discharge(running, "kid")


def test_who_is_erased_meanwhile_gets_no_guardian(running: House) -> None:
    running.member("kid")
    with reading(running.runtime.engine) as session:
        before = members.by_external_id(session, "kid")
    outbox.erase(running.runtime, before, actor="a test")
    with writing(running.runtime.engine) as session, pytest.raises(NoSuchMember):
        guardians.appoint(session, before, "guardian@example.com", actor="a test", now=running.now)
