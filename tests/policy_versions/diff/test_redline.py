"""How a change is shown."""

from __future__ import annotations

import re

import pytest

from policy_versions.diff import compare
from policy_versions.diff.redline import html, text
from tests.policy_versions.diff.reading import letters

OLD = """\
# Privacy

Intro.

## Keep

One.

Two.

For 12 months.

Three.

## Share

- Never.
- Not once.
"""
NEW = OLD.replace("12", "24")
LONG = "words " * 30


def test_each_change_can_be_linked_to_and_leads_to_its_neighbours() -> None:
    change = compare(OLD, NEW.replace("Never", "Never ever"))
    first, second = change.changed()
    shown = html(change)
    assert (
        f'<div class="block block--words" id="{first.id}" data-change="{first.id}" data-kind="words">'
        '<div class="gutter" data-note><span class="gutter__number">1</span>'
    ) in shown
    assert f'<a href="#{second.id}" aria-label="Next change">↓</a>' in shown
    assert f'<a href="#{first.id}" aria-label="Previous change">↑</a>' in shown


def test_inserted_and_deleted_words_are_named_for_those_who_listen() -> None:
    shown = html(compare(OLD, NEW))
    assert '<del><span class="visually-hidden" data-note>deleted: </span>12</del> ' in shown
    assert '<ins><span class="visually-hidden" data-note>inserted: </span>24</ins> months' in shown


@pytest.mark.parametrize(
    ("old", "new", "glyph"),
    [("a b", "a b c", "+"), ("a b c", "a b", "−"), ("a b c d", "a b c e", "±"), ("[a](/x)", "[a](/y)", "↗")],
)
def test_the_gutter_tells_what_kind_of_change_it_is(old: str, new: str, glyph: str) -> None:
    assert f'<span aria-hidden="true">{glyph}</span>' in html(compare(old, new))


def test_marks_in_the_source_are_shown_as_text() -> None:
    shown = html(compare("<ins>a</ins> <script>x</script>", "<ins>a</ins> <script>y</script>"))
    assert "&lt;ins&gt;a&lt;/ins&gt; &lt;script&gt;" in shown
    assert "<script" not in shown


def test_only_safe_targets_are_linked() -> None:
    shown = html(
        compare("", "[a](javascript:x) [b](tel:1) [c](https://c.example/?a=1&b=2) [d](/d) [e](mailto:e@f.example)")
    )
    targets = re.findall(r'href="([^#"][^"]*)"', shown)
    assert targets == ["tel:1", "https://c.example/?a=1&amp;b=2", "/d", "mailto:e@f.example"]


def test_a_changed_link_shows_both_addresses() -> None:
    shown = html(compare("[Terms](/a)", "[Terms](/b)"))
    assert '<code class="link-note__old">/a</code> to <code class="link-note__new">/b</code>' in shown
    assert "<ins>" not in shown
    assert "<del>" not in shown


def test_quiet_blocks_beyond_the_context_are_folded() -> None:
    shown = html(compare(OLD, NEW), context=0)
    assert "<summary data-note>2 paragraphs, unchanged</summary>" in shown
    assert "<summary data-note>Share: 2 list items, unchanged</summary>" in shown
    assert "<h2>Keep</h2></div>\n<details" in shown
    assert "<details" not in html(compare(OLD, NEW))


@pytest.mark.parametrize("context", [None, 0])
def test_two_empty_texts_have_an_empty_redline(context: int | None) -> None:
    assert letters(html(compare("", ""), context=context)) == ""


def test_nothing_folds_away_a_change() -> None:
    assert "block--words" in re.sub(
        "<details.*?</details>", "", html(compare(OLD, NEW), context=0), flags=re.DOTALL
    )


def test_a_move_is_linked_both_ways() -> None:
    moved = "Our library is kept in Finland.\n\n"
    change = compare(
        f"{moved}## A\n\n{LONG}\n\n## B\n\nLast words.\n\n", f"## A\n\n{LONG}\n\n## B\n\nLast words.\n\n{moved}"
    )
    there, here = change.changed()
    shown = html(change)
    assert f'it is in <a href="#{here.id}">“B”</a> now.' in shown
    assert f'Moved here from <a href="#{there.id}">the beginning</a>.' in shown
    assert shown.count("Our library") == 1


def test_side_by_side_has_each_text_on_its_side() -> None:
    shown = html(
        compare("Kept.\n\nKept for 12 [days](/a).", "Kept.\n\nKept for 24 [days](/b).\n\nAll new."), "side_by_side"
    )
    old = re.findall(r'<div class="pair__old[^>]*>(.*?)</div><div class="pair__mid"', shown)
    new = re.findall(r'<div class="pair__new[^>]*>(.*?)</div></div>', shown)
    assert [letters(side) for side in old] == ["Kept", "Keptfor12days", ""]
    assert [letters(side) for side in new] == ["Kept", "Keptfor24days", "Allnew"]
    assert 'href="/a"' in old[1]
    assert 'href="/b"' in new[1]
    assert '<div class="pair__old pair--none"></div>' in shown


def test_blocks_keep_their_own_elements() -> None:
    shown = html(compare("", "> Quote\n\n3. Third\n\n| a |\n|---|\n| b |\n\n```\ncode <\n```\n\n***\n"))
    for element in (
        "<blockquote><p><ins>",
        'value="3">',
        '<ol class="items depth-1">',
        "</td><td><ins>",
        "<pre><ins>",
        "<hr>",
    ):
        assert element in shown


def test_plain_text_has_signs_underlined_sections_and_72_columns() -> None:
    shown = text(compare(OLD.replace("Two", LONG), NEW.replace("Two", LONG + "more")))
    assert "Keep\n----\n" in shown
    assert "For [-12-] [+24+] months." in shown
    assert "Share" not in shown
    assert max(map(len, shown.splitlines())) <= 72


def test_plain_text_tells_of_links_moves_and_kinds() -> None:
    assert "[link: /a -> /b]" in text(compare("[Terms](/a)", "[Terms](/b)"))
    assert "[It was a paragraph and is a list item now.]" in text(compare("We share", "- We share"))
    assert "| b [+c+]" in text(compare("| a | d |\n|---|---|\n| a | b |", "| a | d |\n|---|---|\n| a | b c |"))


def test_plain_text_cannot_rewrite_the_terminal() -> None:
    assert "\x1b" not in text(compare("", "red \x1b[31m alert"))


def test_what_no_reader_sees_has_a_note_and_no_element() -> None:
    shown = html(compare("---\ntitle: a\n---\n\n# T\n", "---\ntitle: b\n---\n\n# T\n"))
    assert "no reader sees" in shown
    assert "<front-matter" not in shown
    assert "<ins" not in shown
