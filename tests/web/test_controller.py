"""Who becomes responsible, as the publish form takes it and the API too."""

from __future__ import annotations

from flask import Flask

from database import reading, writing
from policy_versions import drafts, earlier_drafts
from tests.house import FIRST, House
from tests.web.test_admin import Administrator, admin, filled, password_hash, record, running, start_draft, words

__all__ = ["admin", "password_hash", "running"]  # fixtures
GROUP = "Plover Group plc"


def test_what_is_stated_in_the_form_is_kept_foreseen_and_published(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    html = admin.post(page, filled(draft, controller=f" {GROUP} "))
    assert f'value="{GROUP}"' in html
    assert f"{GROUP} becomes responsible for your personal information" in words(html)
    fields = filled(draft, controller=GROUP, version="2", confirm="2", shown="2")
    admin.post(f"{page}/publish", fields)
    assert record(running).entry(2).revision.controller == GROUP


def test_where_the_findings_speak_of_it_and_nobody_is_named_the_form_asks(
    admin: Administrator, running: House
) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    text = FIRST + f"\n{GROUP} is the controller of your personal information.\n"
    asks = "Does somebody else become responsible?"
    assert asks not in admin.get(page)
    assert asks in admin.post(page, filled(draft, text=text))
    assert asks not in admin.post(page, filled(draft, text=text, controller=GROUP, version="2"))


def test_what_is_put_back_has_the_statement_that_it_had(admin: Administrator, running: House) -> None:
    draft = start_draft(admin, running)
    page = f"/admin/drafts/{draft.id}"
    admin.post(page, filled(draft, controller=GROUP))
    with reading(running.runtime.engine) as session:
        before = earlier_drafts.of(drafts.by_id(session, draft.id or 0))
    admin.post(page, filled(draft, controller="", version="2"))
    with writing(running.runtime.engine) as session:
        session.add(before)
        session.flush()
        drafts.put_back(session, draft.id or 0, before.version, version=3, actor="a test", now=running.now)
        assert drafts.by_id(session, draft.id or 0).controller == GROUP


def test_the_api_takes_the_statement_in_one_line(app: Flask, house: House) -> None:
    from notifier import keys

    house.policy()
    house.publish(FIRST)
    with writing(house.runtime.engine) as session:
        token = keys.create(session, "host", ["publish"], actor="a test", now=house.now)
    client, address = app.test_client(), "/api/v1/policies/privacy/revisions"
    given = {"text": f"{FIRST}\nMore.\n", "summary": "More.", "rule": "posting"}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
    refused = client.post(address, json={**given, "controller": "A\0"}, headers=headers)
    assert refused.status_code == 422
    headers["Idempotency-Key"] = "two"
    made = client.post(address, json={**given, "controller": f"{GROUP}\n"}, headers=headers)
    assert made.status_code == 201, made.text
    assert made.get_json()["foreseen"]["verdict"] == "significant"
    assert record(house).entry(2).revision.controller == GROUP
