"""What anyone could write in an hour."""

from __future__ import annotations

from benchmarks.decisions.baselines import keywords, scores, words_changed
from tests.benchmarks.labelled import pair

OLD = "We keep your name for 12 months. The garden is open."


def test_words_are_counted_on_both_sides() -> None:
    assert words_changed(OLD, OLD.replace("12 months", "two years")) == ["12", "months.", "two", "years."]


def test_equal_texts_change_no_word() -> None:
    assert words_changed(OLD, OLD.replace(" ", "\n")) == []


def test_keywords_are_known_by_their_beginnings_in_any_case() -> None:
    assert keywords(["**Retention**", "(sharing)", "garden", "“Privacy”,", "unpaid"]) == 3


def test_each_baseline_scores_each_pair() -> None:
    pairs = [
        pair("a", old=OLD, new=OLD.replace("garden", "orchard")),
        pair("b", old=OLD, new=OLD.replace("months", "years")),
    ]
    assert scores(pairs) == {"changed words": [2, 2], "changed keywords": [0, 2]}
