"""HEAD asks as GET does, and does nothing: no form stands behind it, so no token does either."""

from __future__ import annotations

from flask import Flask

from database import reading
from policy_versions import archive, policies
from tests.house import FIRST, LONGER, House
from tests.web.people import account, sign_in


def test_head_answers_as_get_does_and_changes_nothing(house: House, app: Flask) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, revision_date="2026-06-02", effective_at=None)
    account(house, "ines")
    client = sign_in(app, "ines")
    for path in (
        "/admin/policies/privacy/2/withdraw",
        "/admin/policies/privacy/2/decision",
        "/admin/policies/privacy/2/translate",
        "/admin/policies/new",
        "/admin/users/new",
        "/admin/password",
        "/admin/account/second-factor",
        "/admin/sure",
    ):
        asked = client.get(path)
        answer = client.head(path)
        assert (answer.status_code, answer.data) == (asked.status_code, b""), path
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        assert [record.status(entry, house.now) for entry in record.entries] == ["superseded", "in force"]
