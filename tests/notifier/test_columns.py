"""Plain text in columns: what is wide takes two, and lines end where they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import columns

SENTENCE = "同意される前に収集した情報には、収集した時点で適用されていた版がこれからも適用されます。（2026年3月）"


@pytest.mark.parametrize(
    ("text", "wide"),
    [("abc", 3), ("日本", 4), ("ﾊﾝｶｸ", 4), ("é", 1), ("e\u0301", 1), ("a\u200bb", 2), ("—–…", 3), ("", 0)],
)
def test_a_wide_character_takes_two_columns(text: str, wide: int) -> None:
    assert columns.width(text) == wide


def test_a_label_is_filled_up_by_its_width() -> None:
    assert columns.padded("適用", 6) == "適用  "
    assert columns.padded("toolong", 3) == "toolong"


def test_text_without_blanks_is_broken_between_its_characters() -> None:
    lines = columns.wrap(SENTENCE, 24).splitlines()
    assert max(map(columns.width, lines)) <= 24
    assert min(map(columns.width, lines[:-1])) >= 20
    assert "".join(lines) == SENTENCE


@pytest.mark.parametrize("size", range(10, 30))
def test_no_line_begins_with_what_closes_or_ends_with_what_opens(size: int) -> None:
    for line in columns.wrap(SENTENCE, size).splitlines():
        assert line[0] not in "、。）"
        assert line[-1] != "（"


def test_a_number_and_a_latin_word_stay_whole_among_wide_characters() -> None:
    assert columns.wrap("これはSHA-256で1234年です", 10).splitlines() == ["これは", "SHA-256で", "1234年です"]


def test_what_is_too_wide_for_any_line_stands_on_one_of_its_own() -> None:
    address = "https://policies.plover.example/privacy-policy/compare/6..7"
    assert columns.wrap(f"See {address} now", 20, "+ ", "  ") == f"+ See\n  {address}\n  now"


def test_a_no_break_space_is_no_end_of_a_line() -> None:
    assert columns.wrap("on 1\N{NO-BREAK SPACE}May 2026", 7) == "on\n1\N{NO-BREAK SPACE}May\n2026"


@given(st.text(alphabet=st.sampled_from("ab é日本、。「」 \n\N{NO-BREAK SPACE}"), max_size=80), st.integers(4, 40))
def test_nothing_but_blanks_is_lost_or_added(text: str, size: int) -> None:
    filled = columns.wrap(text, size, "> ", "  ")
    assert filled.startswith("> ")
    assert "".join(filled[2:].split()) == "".join(text.split())
