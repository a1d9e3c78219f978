"""Texts beyond what is read are refused by type; those at its edge are compared and shown whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from errors import NestedTooDeep, TextTooLong, TooManyBlocks
from policy_versions import markdown
from policy_versions.diff import compare, read
from policy_versions.diff.redline import html, text
from policy_versions.diff.redline import markdown as as_markdown
from policy_versions.markdown import render
from tests.policy_versions.diff.reading import letters

READERS = (read, lambda one: compare("", one), lambda one: compare(one, ""))


@pytest.mark.parametrize("reader", READERS, ids=["read", "as the new one", "as the old one"])
def test_a_text_beyond_the_limit_of_bytes_is_refused(reader: Callable[[str], Any]) -> None:
    with pytest.raises(TextTooLong):
        reader("é" * (markdown.LIMIT // 2) + "e")
    reader("é" * (markdown.LIMIT // 2))


@pytest.mark.parametrize("block", ["a\n\n", "- a\n", "# a\n", "***\n\n", "| a |\n"])
def test_a_text_of_too_many_blocks_is_refused(block: str) -> None:
    head = "| a |\n|---|\n" if block.startswith("|") else ""
    with pytest.raises(TooManyBlocks):
        read(head + block * (markdown.BLOCKS + 1 - bool(head)))
    assert len(read(head + block * 50).blocks) == 50 + bool(head)


@pytest.mark.parametrize("sign", ["> ", "- ", "1. "])
@pytest.mark.parametrize("reader", READERS, ids=["read", "as the new one", "as the old one"])
def test_a_text_nested_too_deep_is_refused_with_its_line(sign: str, reader: Callable[[str], Any]) -> None:
    levels = markdown.NESTING // (1 if sign == "> " else 2)  # an item is a level within its list's
    with pytest.raises(NestedTooDeep, match=r"^Line 5 "):
        reader("---\na: 1\n---\n\n" + sign * (levels + 1) + "words\n")
    reader(sign * (levels - 1) + "words\n")


def test_what_is_as_deep_as_may_be_keeps_its_words() -> None:
    deep = "> " * 15 + "- so deep\n"
    shown = html(compare(deep, deep.replace("so", "very")))
    assert letters(shown, "ins") == letters(render(deep)) == "sodeep"


SIGNS = {
    "emphasis": "*a* " * 70_000,
    "links": "[a](/b) " * 70_000,
    "brackets": "[" * 70_000 + " end",
    "in paragraphs": "\n\n".join(["*some* `code` and **more** words"] * 12_000),
}


@pytest.mark.parametrize("dense", SIGNS.values(), ids=SIGNS)
def test_a_text_of_more_signs_than_are_read_has_the_same_letters_in_page_and_redline(dense: str) -> None:
    change = compare(dense, dense + "\n\nand *the* end")
    shown = html(change)
    assert letters(shown, "ins") == letters(render(dense))
    assert letters(shown, "del") == letters(render(dense + "\n\nand *the* end"))
    assert change.words_deleted == 0


def test_signs_beyond_those_that_are_read_are_shown_as_written() -> None:
    dense = "*a* " * markdown.SIGNS
    assert "<em>" not in html(compare("", dense))
    assert "<em>" in html(compare("", dense[: markdown.SIGNS]))


def test_a_paragraph_that_recurs_is_read_each_time_as_the_first_time() -> None:
    recurring = "Five \\* ten &amp; ![a seal](/s.png) stars.\n\n" * 3
    shown = html(compare(recurring, recurring))
    assert letters(shown) == letters(render(recurring))
    assert {block.text for block in read(recurring).blocks} == {"Five * ten & a seal stars."}


def test_how_one_text_is_read_does_not_depend_on_the_other() -> None:
    dense = "\n\n".join(["*a* " * markdown.SIGNS, "We *may* share."])
    named = "We *may* share, see [t].\n\n[t]: /a"
    texts = (dense, "We *may* share.", named, named.replace("/a", "/b"), "We *may* share, see [t].")
    for pair in permutations(texts, 2):
        assert compare(*pair).to_json() == compare(*map(read, pair)).to_json()


@pytest.mark.parametrize("view", [html, text, as_markdown])
def test_a_comparison_cut_short_says_so_in_every_view(view: Callable[..., str]) -> None:
    pairs = [(f"We keep {n} apples in box {n}.", f"We keep {n} pears in box {n}.") for n in range(30)]
    old, new = ("\n\n".join(side) for side in zip(*pairs, strict=True))
    cut_short = compare(old, new, units=1_000)
    assert not cut_short.is_complete
    assert "would take too long" in " ".join(view(cut_short).split())
    assert "would take too long" not in " ".join(view(compare(old, new)).split())


def test_a_comparison_cut_short_replaces_whole_blocks_and_marks_a_note() -> None:
    old, new = "We keep apples.\n\nIt is so.", "We keep pears.\n\nIt is so."
    cut_short = compare(old, new, units=0)
    shown = html(cut_short)
    assert '<p class="note note--incomplete" data-note>' in shown
    assert letters(shown, "ins") == letters(render(old))
    assert letters(shown, "del") == letters(render(new))
    assert (cut_short.words_deleted, cut_short.words_inserted) >= (3, 3)
