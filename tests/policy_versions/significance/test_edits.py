"""An edit of substance is what is left when all is gone that changes none."""

from __future__ import annotations

import pytest

from policy_versions.diff import compare
from policy_versions.significance.edits import Edit, edits

LONG = "We keep the list of your orders in a locked room in Uppsala."


def found(old: str, new: str) -> tuple[Edit, ...]:
    return edits(compare(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"# A\n\n{LONG}\n\n# B\n\nEnd.", f"# A\n\n# B\n\nEnd.\n\n{LONG}"),
        ("We mend scanners and we sell lamps.", "We mend scanners. We sell lamps."),
        ("- chairs\n- tables\n", "- tables\n- chairs\n"),
        ("Ask the [desk](https://a.example/x).", "Ask the [desk](https://b.example/y)."),
        ("{{ site.name }} Hello to all of you.", "{% name %} Hello to all of you."),
        ("Our desk recieves your letters.", "Our desk receives your letters."),
        ("Every clerk uses MFA to log in.", "Every clerk uses multi-factor authentication (MFA) to log in."),
        ("1. Ask us.\n2. Wait.\n", "7. Ask us.\n8. Wait.\n"),
    ],
    ids=["moved", "split", "reordered", "link", "template", "slip", "abbreviation", "numbering"],
)
def test_what_changes_no_substance_is_no_edit(old: str, new: str) -> None:
    assert found(old, new) == ()


def test_a_name_replaced_throughout_is_renamed() -> None:
    old = "Lamprey keeps notes.\n\nNotes in Lamprey are yours.\n\nAsk us to wipe what Lamprey holds.\n"
    assert found(old, old.replace("Lamprey", "Heron")) == ()


def test_a_vendor_replaced_is_exchanged() -> None:
    old = "Letters go by our vendor, Larkpost, from Malmö.\n\nWe use Larkpost to write to you.\n"
    assert found(old, old.replace("Larkpost", "Dovewire"))


def test_what_alone_is_left_of_a_block_stands_in_its_place() -> None:
    (edit,) = found(
        "| A | B |\n|---|---|\n| Basket | 30 days. |\n", "| A | B |\n|---|---|\n| Basket | 24 months. |\n"
    )
    assert edit.old
    assert edit.new


def test_an_address_that_stands_nowhere_any_more_is_told() -> None:
    old = "To object, write to desk@example.com.\n\nWe answer within a week.\n"
    (edit,) = found(old, old.replace("desk@", "privacy@"))
    assert edit.lost_contact == "desk@example.com"
    assert found(old, old.replace("desk@example.com", "privacy@example.com, or to desk@example.com")) == ()


@pytest.mark.parametrize(
    ("old", "new", "is_edit"),
    [
        ("The firm shall not lend your keys.", "The firm will not lend your keys.", False),
        ("The firm shall not lend your keys.", "The firm must not lend your keys.", False),
        ("The firm shall not lend your keys.", "The firm shall lend your keys.", True),
        ("The firm shall not lend your keys.", "The firm lends your keys.", True),
        ("The firm shall lend your keys.", "The firm may lend your keys.", True),
    ],
)
def test_shall_stands_for_will_and_must_but_a_denial_stays(old: str, new: str, is_edit: bool) -> None:
    assert bool(found(old, new)) == is_edit


def test_a_denial_that_is_dropped_is_found_among_other_changes() -> None:
    old = "We do not sell your scans. We do not keep your card. You may not resell a lamp. We may mend it."
    new = "We sell your scans. We do not store your card. You must not resell a lamp. We can mend it for you."
    assert [edit.old.text for edit in found(old, new) if edit.old] == ["We do not sell your scans."]
