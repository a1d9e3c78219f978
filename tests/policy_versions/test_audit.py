"""The audit log: where each deed came from, its chain from any entry on, its reading by person, deed and day."""

from datetime import date, timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from database import reading, writing
from policy_versions import audit, audit_reading, origins
from policy_versions.audit_reading import Asked
from policy_versions.models import AuditEntry
from policy_versions.origins import AuditOrigin
from tests.conftest import NOON
from tests.house import House
from tests.once import made_once


def note(house: House, actor: str, action: str, subject: str, days: int = 0) -> None:
    with writing(house.runtime.engine) as session:
        at = NOON + timedelta(days=days)
        audit.record(session, actor=actor, action=action, subject=subject, now=at, number=days)


@pytest.fixture
@made_once
def log(house: House) -> House:
    with origins.coming(origins.PAGES, "203.0.113.7"):
        note(house, "ines", "published", "revision 1")
    with origins.coming(origins.API, "198.51.100.9"):
        note(house, "key shop", "published", "revision 11", days=1)
    note(house, "ines", "notice paused", "notice 1", days=1)
    note(house, "olga", "notice paused", "notice 11", days=2)
    return house


def ids(session: Session, **asked: object) -> list[int]:
    return [each.entry.id or 0 for each in audit_reading.newest(session, Asked(**asked), limit=9)]  # type: ignore[arg-type]


def test_it_is_read_by_person_deed_subject_and_day(log: House) -> None:
    with reading(log.runtime.engine) as session:
        assert ids(session) == [4, 3, 2, 1]
        assert ids(session, actor="ines") == [3, 1]
        assert ids(session, action="published", actor="ines") == [1]
        assert ids(session, subject="revision 1") == [1]
        assert ids(session, subject="notice") == [4, 3]
        assert ids(session, subject="not%") == ids(session, subject="noti") == []
        assert ids(session, since=date(2026, 6, 2)) == [4, 3, 2]
        assert ids(session, since=date(2026, 6, 2), until=date(2026, 6, 2)) == [3, 2]
        page = audit_reading.newest(session, Asked(), limit=2, before=3)
        assert [each.entry.id for each in page] == [2, 1]
        assert [(each.door, each.address) for each in page] == [
            ("API", "198.51.100.9"),
            ("administration", "203.0.113.7"),
        ]
        assert [each.entry.id for each in audit_reading.in_order(session, Asked(actor="ines"))] == [1, 3]
        assert audit_reading.known(session, col(AuditEntry.actor)) == ["ines", "key shop", "olga"]


def test_in_order_goes_on_past_its_own_steps(log: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_reading, "_AT_ONCE", 1)
    with reading(log.runtime.engine) as session:
        assert [each.entry.id for each in audit_reading.in_order(session, Asked())] == [1, 2, 3, 4]


def test_what_comes_from_nowhere_known_says_nothing_of_it(log: House) -> None:
    with reading(log.runtime.engine) as session:
        assert [each.id for each in session.exec(select(AuditOrigin))] == [1, 2]


def test_an_origin_is_left_again_even_when_what_was_done_failed(house: House) -> None:
    with pytest.raises(ZeroDivisionError), origins.coming(origins.PAGES, "203.0.113.7"):
        1 / 0  # noqa: B018
    note(house, "ines", "published", "revision 1")
    with reading(house.runtime.engine) as session:
        assert session.get(AuditOrigin, 1) is None


def test_the_chain_is_gone_through_from_any_entry_on(log: House) -> None:
    with reading(log.runtime.engine) as session:
        assert [audit.broken(session, newest=n) for n in (1, 2, 3, 4, 99)] == [None] * 5
    with log.runtime.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER audit_refuses_update")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE id = 3")
    with reading(log.runtime.engine) as session:
        assert [audit.broken(session, newest=n) for n in (1, 2, 3, 4, 99)] == [None, 3, 3, 3, 3]
        assert audit.broken(session) == 3


@pytest.mark.parametrize("deed", ["UPDATE audit_origin SET address = ''", "DELETE FROM audit_origin"])
def test_where_a_deed_came_from_is_never_changed(log: House, deed: str) -> None:
    with pytest.raises(DBAPIError, match="never changed"), log.runtime.engine.begin() as connection:
        connection.exec_driver_sql(deed)
