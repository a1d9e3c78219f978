"""An accent is read by its contrast, as the direction of the look asks: 4.5 : 1 wherever it carries text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import colours
from database import ROOT
from errors import AccentUnreadable

HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_the_guidelines() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_our_own_accent_passes_and_is_that_of_the_stylesheet() -> None:
    made = colours.accents("#0C5A49, #74c9b1")
    assert (made.light.accent, made.dark.accent) == (colours.OURS.light.accent, colours.OURS.dark.accent)
    sheet = (ROOT / "web" / "static" / "gazette.css").read_text(encoding="utf-8")
    grounds = re.findall(r"--paper: (#\w+);\s+--wash: (#\w+);", sheet)
    assert grounds[:2] == [(one.paper, one.wash) for one in (colours.LIGHT, colours.DARK)]
    kept = re.findall(
        r"--accent: (#\w+);\s+--on-accent: (#\w+);\s+--accent-deep: (#\w+);\s+--accent-wash: (#\w+);", sheet
    )
    assert [colours.Accent(*one) for one in kept] == list(colours.OURS)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("#e8730a #74c9b1", "2.80 : 1 on its own wash of light pages"),
        ("#0c5a49 #0c5a49", "2.04 : 1 on the page’s wash of dark pages"),
        ("#767676 #74c9b1", "on its own wash of light pages"),
    ],
)
def test_one_that_cannot_be_read_names_the_ratio_and_a_shade_that_can(written: str, said: str) -> None:
    with pytest.raises(AccentUnreadable) as refused:
        colours.accents(written)
    assert said in str(refused.value)
    assert refused.value.nearest in str(refused.value)
    given = written.split()
    which = 0 if "light" in said else 1
    given[which] = refused.value.nearest
    assert colours.accents(" ".join(given))[which].accent == refused.value.nearest


@given(HEX, st.sampled_from([colours.LIGHT, colours.DARK]))
@settings(max_examples=60)
def test_whatever_the_colour_it_is_readable_or_a_readable_shade_is_named(colour: str, on: colours.Ground) -> None:
    try:
        made = colours.accent(colour, on)
    except AccentUnreadable as refusal:
        made = colours.accent(refusal.nearest, on)
    for text, ground in (
        (made.accent, on.paper),
        (made.accent, on.wash),
        (made.accent, made.wash),
        (made.on_accent, made.accent),
    ):
        assert colours.contrast(text, ground) >= colours.LEAST


@pytest.mark.parametrize(
    "written", ["", "#0c5a49", "green #74c9b1", "#0c5a49 #74c9b1 #ffffff", "#0c5a4 #74c9b1", "\n"]
)
def test_what_are_not_two_colours_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="two colours"):
        colours.accents(written)
