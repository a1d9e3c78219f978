"""Phrases are found among words in one pass."""

from __future__ import annotations

import pytest

from policy_versions.significance.phrases import Match, Phrases

PHRASES = Phrases(
    [("opt out", "choice"), ("delet*", "erasure"), ("restrict * processing", "right"), ("data", "d")]
)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("you may opt out", [Match(2, 4, "choice")]),
        ("deleting deleted", [Match(0, 1, "erasure"), Match(1, 2, "erasure")]),
        ("restrict our processing", [Match(0, 3, "right")]),
        ("restrict processing", []),
        ("opt", []),
        ("", []),
    ],
)
def test_a_phrase_is_found_where_all_its_words_stand_together(words: str, found: list[Match[str]]) -> None:
    assert list(PHRASES.find(words.split())) == found


def test_of_phrases_that_overlap_the_longest_from_the_left_is_taken() -> None:
    phrases = Phrases([("personal data", 2), ("data", 1), ("data about you", 3), ("you", 1)])
    words = "personal data about you and data about you".split()
    assert [(m.start, m.stop) for m in phrases.longest(words)] == [(0, 2), (3, 4), (5, 8)]
