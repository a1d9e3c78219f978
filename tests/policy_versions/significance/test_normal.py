"""What is left of a sentence when all is gone that changes no substance."""

from __future__ import annotations

import pytest

from policy_versions.significance.normal import is_slip, normal, sentences


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("We can’t share “Data”—yet!", "we can not share data yet"),
        ("5.1 (a) E-mails of Acme's", "emails of acme"),
        ("Twelve (12) months", "12 months"),
        ("1,000 EUR or €5", "1000 eur or € 5"),
        ("Updated on 12 March 2025, 2025-03-12 and March 2025.", "updated on and"),
        ("See Section 5.2 of https://a.example/b or mail x@y.example", "see section of or mail"),
        ('<a href="/x">Über</a> {{ page.title }}', "uber"),
        ("May we keep it?", "may we keep it"),
        ("数据", "数据"),
        ("They've said we'll organise it, haven't they?", "they have said we will organize it have not they"),
        ("Call +46 8 123 456 78 or 555-010-9999.", "call or"),
        ("Sixty-five per cent of opt-outs", "65 % of optout"),
        ("The U.S. and the US, e.g. us.", "the unitedstates and the unitedstates eg us"),
        ("Itâ€™s â€œfineâ€", "it fine"),
        ("", ""),
    ],
)
def test_a_sentence_is_left_with_what_it_says(written: str, left: str) -> None:
    assert " ".join(normal(written)) == left


def test_a_text_is_parted_into_sentences_and_a_row_is_one() -> None:
    assert list(sentences("One. Two?\nThree; four\tfive")) == ["One.", "Two?", "Three;", "four\tfive"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("recieve", "receive"),
        ("seperately", "separately"),
        ("acknowlegement", "acknowledgement"),
        ("owever", "however"),
        ("month", "months"),
        ("centre", "center"),
    ],
)
def test_a_slip_is_one_letter_or_two_swapped(old: str, new: str) -> None:
    assert is_slip(old, new)
    assert is_slip(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("now", "not"),
        ("may", "must"),
        ("able", "unable"),
        ("lawful", "unlawful"),
        ("complete", "incomplete"),
        ("within", "without"),
        ("1000", "2000"),
        ("数据数据", "数据数目"),
    ],
)
def test_another_word_is_no_slip(old: str, new: str) -> None:
    assert not is_slip(old, new)
