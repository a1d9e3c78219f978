"""A notice's deliveries narrowed by what is said of them and by member, and exported; its chart on the page."""

import csv
import io
from datetime import timedelta

from flask.testing import FlaskClient
from sqlmodel import select

from notifier.models import Attempt, Member
from policy_versions.models import AuditEntry
from tests.house import House
from tests.notifier.ledgers import Books, Plan
from tests.web.test_admin import Administrator, admin, password_hash, token, words
from tests.web.test_progress import made, sending

__all__ = ["admin", "password_hash"]  # fixtures


def rows(page: str) -> list[str]:
    table = page.partition('id="deliveries"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [words(each) for each in table.split("</tr>") if each.strip()]


def test_deliveries_are_narrowed_by_what_is_said_of_them(admin: Administrator, books: Books) -> None:
    notice = made(books, Plan("email", "sending", ["refused", "left out", "accepted", "unknown"]))
    page = admin.get(f"/admin/notices/{notice.id}")
    for reason in ("a reason", "said of a unknown one", "said of a accepted one"):
        assert f"<option>{reason}</option>" in page
    assert len(rows(admin.get(f"/admin/notices/{notice.id}?reason=a+reason"))) == 2
    [one] = rows(admin.get(f"/admin/notices/{notice.id}?reason=a+reason&state=failed"))
    assert one.startswith("member-0 ")
    assert rows(admin.get(f"/admin/notices/{notice.id}?reason=else")) == []


def test_what_nobody_linked_to_is_not_found(admin: Administrator, books: Books) -> None:
    notice = made(books)
    for query in ("reason=%00", f"reason={'x' * 999}", "member=x", "member=99999999999", "member=-1"):
        admin.get(f"/admin/notices/{notice.id}?{query}", status=404)


def test_a_member_s_delivery_is_found_and_no_key_stands_in_the_address(admin: Administrator, books: Books) -> None:
    notice = sending(books)
    page = admin.get(f"/admin/notices/{notice.id}")
    path = f"/admin/notices/{notice.id}/deliveries/find"
    answer = admin.client.post(path, data={"csrf_token": token(page), "who": "member-2"})
    assert answer.status_code == 302
    assert "member-2" not in answer.headers["Location"]
    [one] = rows(admin.get(answer.headers["Location"]))
    assert "member-2" in one and "Bounced" in one
    for who in ("nobody", "\x00", ""):
        said = words(admin.post(path, {"who": who}, seen=f"/admin/notices/{notice.id}"))
        assert "It is owed to nobody who is found by that." in said


def test_the_export_holds_each_delivery_once_and_is_on_record(admin: Administrator, books: Books) -> None:
    notice = sending(books)
    bold = books.session.exec(select(Member).where(Member.external_id == "member-1")).one()
    bold.external_id = "=1+1"
    books.session.add(bold)
    books.session.commit()
    page = admin.get(f"/admin/notices/{notice.id}")
    answer = admin.client.post(f"/admin/notices/{notice.id}/deliveries", data={"csrf_token": token(page)})
    assert answer.mimetype == "text/csv"
    header, *found = csv.reader(io.StringIO(answer.text))
    assert header[:4] == ["delivery_id", "member_id", "external_id", "knew"]
    assert sorted(row[2] for row in found) == ["'=1+1", *(f"member-{n}" for n in (0, 2, 3, 4, 5, 6, 7))]
    narrowed = admin.client.post(
        f"/admin/notices/{notice.id}/deliveries", data={"csrf_token": token(page), "state": "bounced"}
    )
    assert len(narrowed.text.splitlines()) == 2
    entries = books.session.exec(select(AuditEntry).where(AuditEntry.action == "deliveries exported")).all()
    assert [entry.detail for entry in entries] == [{}, {"state": "bounced"}]
    admin.post(
        f"/admin/notices/{notice.id}/deliveries", {"state": "x"}, status=404, seen=f"/admin/notices/{notice.id}"
    )


def test_an_export_needs_the_form_of_ours(admin: Administrator, client: FlaskClient, books: Books) -> None:
    assert client.post(f"/admin/notices/{made(books).id}/deliveries").status_code == 400


def test_letters_over_time_are_drawn_and_stand_in_a_table(
    admin: Administrator, house: House, books: Books
) -> None:
    notice = made(books, Plan("email", "accepted", ["accepted", "bounced"]), state="complete")
    assert "Letters each" not in admin.get(f"/admin/notices/{notice.id}"), "one bar is no chart"
    first = books.session.exec(select(Attempt)).first()
    assert first is not None
    first.started_at -= timedelta(hours=1)
    books.session.add(first)
    books.attempt(books.batch(notice, 2, Plan("email", "accepted", []), iter(())), "accepted", 0, 5, 5)
    books.session.commit()
    page = admin.get(f"/admin/notices/{notice.id}")
    assert "Letters each quarter-hour Over 1 h 15 min; times are UTC." in words(page)
    assert 'role="img" aria-label="Letters each quarter-hour from 1 June, 11:00 UTC: 7 taken' in page
    assert "1 letter more came back after that." in words(page)
    assert page.count('class="chart__left"') == 3, "two bars and the legend"
    assert "style=" not in page.partition('id="course"')[2].partition("</section>")[0]
