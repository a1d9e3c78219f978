"""How a change is shown as plain text, in letters and terminals."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings

from policy_versions.diff import compare
from policy_versions.diff.redline import text
from tests.policy_versions.diff.texts import edited

LONG = "words " * 30
COLOURS = re.compile("\x1b\\[[0-9;]*m")
START, END = {"\x1b[34;4m", "\x1b[33;9m"}, "\x1b[0m"


def assert_no_colour_leaks(shown: str) -> None:
    """Each line ends every colour that it begins, so that none reaches into a margin or a prompt."""
    for line in shown.split("\n"):
        marks = COLOURS.findall(line)
        assert set(marks[::2]) <= START
        assert marks[1::2] == [END] * (len(marks) // 2)
        assert len(marks) % 2 == 0


def test_a_colour_begins_again_on_each_line_that_it_reaches_into() -> None:
    lines = text(compare("Kept.", f"Kept.\n\n{LONG}"), coloured=True).strip().split("\n")
    assert len(lines) > 2
    assert all(line.startswith("\x1b[34;4mwords") and line.endswith("words\x1b[0m") for line in lines)


def test_a_colour_does_not_reach_into_the_margin_of_an_item() -> None:
    lines = text(compare("- Kept.", f"- Kept.\n- {LONG}"), coloured=True).rstrip("\n").split("\n")
    assert all(line.startswith(("- \x1b[34;4m", "  \x1b[34;4m")) for line in lines)
    assert_no_colour_leaks("\n".join(lines))


def test_lines_are_as_wide_with_colours_as_72_columns_allow() -> None:
    old, new = f"We {LONG}share.", f"We {LONG.replace('words words', 'words other', 9)}share."
    shown = text(compare(old, new), coloured=True)
    assert max(len(COLOURS.sub("", line)) for line in shown.split("\n")) <= 72
    assert_no_colour_leaks(shown)


def test_colours_take_the_place_of_the_brackets() -> None:
    shown = text(compare("For 12 months.", "For 24 months."), coloured=True)
    assert shown == "For \x1b[33;9m12\x1b[0m \x1b[34;4m24\x1b[0m months.\n"


@pytest.mark.parametrize("sneaky", ["\x1b[31m", "\ue000", "\ue001 a \ue002", "\x07"])
def test_a_text_cannot_set_colours_of_its_own(sneaky: str) -> None:
    shown = text(compare("Kept.", f"Kept {sneaky} so."), coloured=True)
    assert_no_colour_leaks(shown)
    assert sneaky not in shown
    assert len(COLOURS.findall(shown)) == 2


@given(edited())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_colour_leaks_and_none_changes_the_words(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    coloured = text(change, context=None, coloured=True)
    assert_no_colour_leaks(coloured)
    bare = re.sub(r"\[[-+]|[-+]\]", "", text(change, context=None))
    assert "".join(filter(str.isalnum, COLOURS.sub("", coloured))) == "".join(filter(str.isalnum, bare))


def test_links_moves_splits_and_joins_are_told_in_brackets() -> None:
    first, second = "We keep your mail for a year.", "Then nobody can read it again."
    assert "[One paragraph was split into 2 parts.]" in text(
        compare(f"{first} {second}", f"{first}\n\n{second}"), context=None
    )
    assert "[2 blocks were joined into this one.]" in text(compare(f"{first}\n\n{second}", f"{first} {second}"))
    assert "[link: none -> /b]" in text(compare("See terms.", "See [terms](/b)."))
    moved = text(compare(f"## A\n\n{first}\n\n## B\n\n{second}", f"## A\n\n## B\n\n{second}\n\n{first}"))
    assert "[A passage stood here; it is in “B” now.]" in moved
    assert "[Moved here from “A”.]" in moved
