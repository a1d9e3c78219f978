"""A restored database in the administration: what it means, whom it waits for, and the button that ends it."""

from __future__ import annotations

from sqlmodel import select

from database import reading
from notifier import restoring
from notifier.models import Quarantine
from tests.house import House
from tests.web.test_admin import Administrator, password_hash, words
from tests.web.test_notices import given_settings, ines, running, sending

__all__ = ["given_settings", "ines", "password_hash", "running", "sending"]  # fixtures
LIFT = "/admin/quarantine/lift"


def overview(person: Administrator) -> str:
    return words(person.get("/admin"))


def test_without_a_restore_the_overview_speaks_of_none(ines: Administrator, sending: House) -> None:
    assert "restored from a backup" not in overview(ines)


def test_the_overview_says_at_its_top_what_it_means(ines: Administrator, sending: House) -> None:
    restoring.begin(sending.runtime, actor="an operator")
    said = overview(ines)
    assert "This database was restored from a backup: no letter leaves" in said
    assert "Of 2 letters nobody knows whether they left after the backup was made" in said
    assert "After that 1 notice still waits for a person" in said
    assert said.index("restored from a backup: no letter leaves") < said.index("Needs a person")
    assert "is paused. The database was restored from a backup" in said


def test_the_button_lifts_it_once_and_each_notice_waits_still(ines: Administrator, sending: House) -> None:
    restoring.begin(sending.runtime, actor="an operator")
    refused = ines.post("/admin/notices/1/resume", status=409, seen="/admin/notices/1")
    assert "nothing leaves until a person lifts that" in refused
    assert "The quarantine is lifted." in ines.post(LIFT, seen="/admin")
    assert "This database was restored from a backup" not in overview(ines)
    assert sending.notice().state == "paused"
    with reading(sending.runtime.engine) as session:
        assert session.exec(select(Quarantine.lifted_by)).one() == "ines"
    assert "not in quarantine" in ines.post(LIFT, status=409, seen="/admin")
    assert "The notice goes on." in ines.post("/admin/notices/1/resume", seen="/admin/notices/1")


def test_it_is_lifted_by_its_form_only(ines: Administrator, sending: House) -> None:
    restoring.begin(sending.runtime, actor="an operator")
    assert ines.client.post(LIFT).status_code == 400
    ines.get(LIFT, 404)
    assert "This database was restored from a backup" in overview(ines)
