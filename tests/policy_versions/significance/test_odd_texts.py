"""Odd texts get an answer or a clear refusal."""

from __future__ import annotations

import pytest

from errors import TextTooLong
from policy_versions.significance import decide

GERMAN = (
    "# Datenschutz\n\nWir speichern Ihre Bestellungen zwölf Monate lang und löschen sie danach endgültig.\n\n"
    "Wir geben keine Daten an Dritte weiter, auch nicht an Partner.\n"
)
HEBREW = (
    "# פרטיות\n\nאנו שומרים את ההזמנות שלך במשך 12 חודשים ולאחר מכן מוחקים אותן.\n\nאיננו מוכרים את המידע שלך.\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (GERMAN, GERMAN.replace("zwölf", "24")),
        (GERMAN, GERMAN.replace("keine ", "")),
        (HEBREW, HEBREW.replace("12", "24")),
        (HEBREW, HEBREW.replace("איננו", "אנו")),
    ],
    ids=["a German number", "a German denial", "a Hebrew number", "a Hebrew denial"],
)
def test_a_text_in_another_language_leans_to_significant_and_says_so(old: str, new: str) -> None:
    decision = decide(old, new)
    assert (decision.verdict, decision.language) == ("significant", "other")
    assert decision.summary.startswith("The text is not in English")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (GERMAN, GERMAN.replace("Bestellungen", "Bestellugnen")),
        (GERMAN, GERMAN.replace("# ", "## ").replace("auch", "**auch**")),
        (HEBREW, HEBREW.replace("# ", "## ")),
    ],
    ids=["a slip", "German formatting", "Hebrew formatting"],
)
def test_form_is_form_in_any_language(old: str, new: str) -> None:
    assert decide(old, new).verdict == "minor"


def test_a_foreign_sentence_in_an_english_text_is_not_judged_by_english_words() -> None:
    english = "# Privacy\n\n" + "We keep what you give us for as long as you are a member with us.\n\n" * 5
    german = "Wir geben Ihre Daten ausschließlich nach Ihrer ausdrücklichen Einwilligung an sorgfältig"
    decision = decide(
        f"{english}{german} ausgewählte Dritte weiter.", f"{english}{german} ausgewählte Partner weiter."
    )
    assert decision.verdict == "significant"


@pytest.mark.parametrize("text", ["", " ", "\x00", "\x00\x01\x7f", "…", "#", "|", "- ", "1" * 5000])
def test_a_text_without_a_word_gets_an_answer(text: str) -> None:
    assert decide(text, "We keep it.").verdict == "significant"
    assert decide(text, text).verdict == "minor"


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(TextTooLong):
        decide("We keep it.", "x " * 2_500_000)


def test_ten_thousand_rows_of_which_some_changed_are_decided() -> None:
    rows = [f"| Larkpost {number} | sends parcel {number} |" for number in range(10_000)]
    old = "## Our vendors\n\n| Who | What |\n|---|---|\n" + "\n".join(rows)
    assert decide(old, old.replace("Larkpost 77 ", "Dovewire 77 ")).verdict == "significant"
    assert decide(old, old.replace("sends parcel 77 ", "*sends* parcel 77 ")).verdict == "minor"


def test_one_long_line_is_decided() -> None:
    line = "We keep your orders for 12 months and then erase them. " * 4_000
    assert decide(line, line + "We sell your data.").verdict == "significant"
