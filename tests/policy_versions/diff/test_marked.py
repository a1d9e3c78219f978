"""How a change is shown in Markdown, to whatever renders it and lets HTML through."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from policy_versions.diff import compare
from policy_versions.diff.redline import markdown
from policy_versions.markdown import render
from tests.policy_versions.diff.edits import DEEDS, edits
from tests.policy_versions.diff.reading import letters, open_marks
from tests.policy_versions.diff.texts import DOCUMENTS, edited

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {f"<{end}{tag}>" for tag in ("ins", "del", "code", "pre") for end in ("", "/")} | {"<br>"}
PAIRS = edited() | st.sampled_from(DEEDS).flatmap(edits).map(lambda edit: (edit.old, edit.new))
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def html_in(shown: str) -> list[list[Token]]:
    """Return the HTML of each block: of a paragraph's or a cell's words, and of a block that is HTML itself."""
    blocks = ([token] if token.type == "html_block" else token.children or [] for token in READER.parse(shown))
    return [[part for part in block if part.type.startswith("html")] for block in blocks]


@given(PAIRS)
@quick
def test_each_mark_is_closed_in_the_block_that_opened_it(pair: tuple[str, str]) -> None:
    for block in html_in(markdown(compare(*pair), context=None)):
        assert open_marks(block) == []


@given(PAIRS)
@quick
def test_no_tag_of_the_source_becomes_one(pair: tuple[str, str]) -> None:
    for block in html_in(markdown(compare(*pair), context=None)):
        assert {tag for part in block for tag in re.findall(r"<[^>]*>", part.content)} <= OURS


@given(DOCUMENTS.map("\n\n".join))
@quick
def test_where_nothing_changed_there_is_no_mark(document: str) -> None:
    for block in html_in(markdown(compare(document, document), context=None)):
        assert not {"<ins>", "<del>"} & {tag for part in block for tag in re.findall(r"<[^>]*>", part.content)}


@given(DOCUMENTS.map(lambda blocks: "\n\n".join(["To begin with", *blocks])))
@quick
def test_a_new_text_comes_back_letter_by_letter(document: str) -> None:
    shown = READER.render(markdown(compare("", document), context=None))
    assert letters(shown) == letters(render(document))
    assert letters(shown, "ins") == ""


def test_words_are_marked_and_blocks_keep_their_signs() -> None:
    old = "# T\n\n- Kept for **12** months.\n\n> Quoted a.\n\n3. Third a\n"
    shown = markdown(compare(old, old.replace("12", "24").replace(" a", " b")))
    assert "- Kept for <del>**12**</del> <ins>**24**</ins> months." in shown
    assert "> Quoted <del>a</del> <ins>b</ins>." in shown
    assert "3. Third <del>a</del> <ins>b</ins>" in shown


def test_notes_are_emphasised_and_links_named() -> None:
    assert "*Link changed: /a → /b*" in markdown(compare("[Terms](/a)", "[Terms](/b)"))
    assert "*It was a paragraph and is a list item now.*" in markdown(compare("We share", "- We share"))


def test_a_table_keeps_its_head_and_one_rule() -> None:
    table = "| who | what |\n|---|---|\n| we | mail |\n"
    shown = markdown(compare(table, table.replace("mail", "post")), context=1)
    assert shown == "| who | what |\n| --- | --- |\n| we | <del>mail</del> <ins>post</ins> |\n"


def test_a_row_without_its_head_is_still_a_table() -> None:
    table = "| who | what |\n|---|---|\n| we | mail |\n"
    shown = READER.render(markdown(compare(table, table.replace("mail", "post"))))
    assert "<td>we</td>" in shown
    assert "<ins>post</ins></td>" in shown


@pytest.mark.parametrize(
    "source",
    [
        "<ins>a</ins> b",
        "<script>x</script>",
        "a <b title='<'> c",
        "`<del>`",
        "```\n<ins>\n```",
        "    <pre>",
        "| <ins> |\n|---|\n| </del> |",
        "&lt;ins&gt;",
        "[<ins>](/a)",
        "[a](</b%3E>)",
        "# <del>",
        "<!-- no -->",
    ],
)
def test_marks_of_the_source_stay_text(source: str) -> None:
    shown = READER.render(markdown(compare("", source), context=None))
    assert letters(shown) == letters(render(source))
    assert set(re.findall(r"<(?:ins|del|script|b|!--)\b", shown)) <= {"<ins"}
