"""Sentences that say the same have the same terms."""

from __future__ import annotations

import pytest

from policy_versions.significance.terms import quantities, terms


def said(sentence: str) -> list[str]:
    return sorted(term.text for term in terms(sentence))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We shall delete it prior to the audit.", "It shall be erased by us before the audit."),
        ("kept for one year", "stored for 12 months"),
        ("within two weeks", "within 14 days"),
        ("sixty per cent (60 %) of orders", "60% of the orders"),
        ("USD 12.00 a month", "$12 per month"),
        ("You must not sell it.", "It is not allowed to sell it."),
        ("our organisation’s centre", "our organization's center"),
        ("e-mail and web site", "email and website"),
    ],
)
def test_what_is_put_otherwise_says_the_same(one: str, other: str) -> None:
    assert said(one) == said(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We share it.", "We do not share it."),
        ("We may share it.", "We must share it."),
        ("We share it with consent.", "We share it without consent."),
        ("kept for 12 months", "kept for 12 days"),
        ("for adults only", "for adults"),
        ("non-exclusive right", "exclusive right"),
    ],
)
def test_what_says_another_thing_has_other_terms(one: str, other: str) -> None:
    assert said(one) != said(other)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("after 2 years or 30 days", [(24, "month"), (30, "day")]),
        ("within 48 hours or 5 business days", [(2, "day"), (5, "day")]),
        ("€5, 7 € or 8 EUR", [(5, "€"), (7, "€"), (8, "€")]),
        ("99.9% of 3 plans", [(99.9, "%"), (3, "")]),
        ("twelve (12) months", [(12, "month")]),
        ("section 12 of version 3", []),
        ("on 12 March 2025", []),
    ],
)
def test_quantities_have_a_number_and_a_unit(sentence: str, found: list[tuple[float, str]]) -> None:
    assert [one.key for one in quantities(sentence)] == found
