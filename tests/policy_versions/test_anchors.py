"""A link to a passage leads to it for as long as it stands, whatever becomes of its words and its place."""

import re
from collections.abc import Sequence

import pytest

from policy_versions import anchored, anchors, diff, markdown
from policy_versions.anchors import Names

FIRST = "# Privacy\n\n## Cookies\n\nWe use cookies for signing in, and for nothing else.\n\n- One thing we keep.\n"
ALONE = "We never sell what we know about you to anybody else."


def named(*texts: str) -> Names:
    """The names of the last of a series of texts."""
    before, *others = map(diff.read, texts)
    names = anchors.first(before)
    for text in others:
        names, before = anchors.carried(names, before, text), text
    return names


def name_of(words: str, texts: Sequence[str]) -> str:
    """The own name of the only block that holds those words."""
    blocks = diff.read(texts[-1]).blocks
    (found,) = [name.own for name, block in zip(named(*texts), blocks, strict=True) if words in block.text]
    return found


def leads(name: str, words: str, *texts: str) -> bool:
    """Whether a name leads to the block with those words in the last of the texts."""
    pairs = zip(named(*texts), diff.read(texts[-1]).blocks, strict=True)
    return [words in block.text for one, block in pairs if name in (one.own, *one.others)] == [True]


def test_a_passage_that_stays_keeps_its_name_whatever_comes_before_it() -> None:
    name = name_of("cookies for", [FIRST])
    assert leads(name, "cookies for", FIRST, FIRST.replace("## Cookies", f"{ALONE}\n\n## Cookies"))


def test_a_name_is_made_of_the_words_alone() -> None:
    assert name_of("never sell", [ALONE]) == name_of("never sell", [f"{FIRST}\n{ALONE}\n"])
    assert re.fullmatch(r"p-[0-9a-f]{12}", name_of("never sell", [ALONE]))


def test_an_edited_passage_keeps_its_name_through_every_edit() -> None:
    second = FIRST.replace("nothing else", "counting visits")
    third = second.replace("We use cookies", "We still use small cookies")
    name = name_of("cookies for", [FIRST])
    assert name_of("counting visits", [FIRST, second]) == name
    assert name_of("counting visits", [FIRST, second, third]) == name


def test_a_moved_passage_keeps_its_name() -> None:
    text = (
        f"# T\n\n{ALONE}\n\n## A\n\nSome words of the first section.\n\n## B\n\nOther words of the second one.\n"
    )
    moved = text.replace(f"{ALONE}\n\n", "") + f"\n{ALONE}\n"
    assert leads(name_of("never sell", [text]), "never sell", text, moved)


def test_a_renamed_section_is_found_under_its_old_name() -> None:
    renamed = FIRST.replace("## Cookies", "## Cookies and the like")
    assert leads("cookies", "Cookies and the like", FIRST, renamed)
    assert name_of("Cookies and", [FIRST, renamed]) == "cookies-and-the-like"


def test_a_name_leads_to_the_heading_that_bears_it_now() -> None:
    renamed = FIRST.replace("## Cookies", "## Cookies and the like")
    again = f"{renamed}\n## Cookies\n\nWhat is said of them is said elsewhere.\n"
    names = named(FIRST, renamed, again)
    assert [name.own for name in names].count("cookies") == 1
    assert "cookies" not in [other for name in names for other in name.others]


def test_joined_passages_are_found_under_both_names() -> None:
    one, two = "We keep your name as long as your account is open.", "Thirty days after that we erase all of it."
    apart, joined = f"# T\n\n{one}\n\n{two}\n", f"# T\n\n{one} {two}\n"
    for words in (one, two):
        assert leads(name_of(words, [apart]), "Thirty days", apart, joined)


def test_the_first_part_of_a_split_passage_keeps_its_name() -> None:
    one, two = "We keep your name as long as your account is open.", "Thirty days after that we erase all of it."
    joined, apart = f"# T\n\n{one} {two}\n", f"# T\n\n{one}\n\n{two}\n"
    assert leads(name_of(one, [joined]), "as long as", joined, apart)


def test_passages_that_read_alike_have_names_of_their_own_and_keep_them() -> None:
    text = f"# T\n\n## A\n\nWords of A that are its own.\n\n{ALONE}\n\n## B\n\nWords of B, others.\n\n{ALONE}\n"
    first, second = (
        name.own for name in named(text) if name.own.startswith(f"p-{diff.read(ALONE).blocks[0].key[:12]}")
    )
    assert second == f"{first}-2"
    without = text.replace(f"Words of A that are its own.\n\n{ALONE}", "Words of A that are its own.")
    assert name_of("never sell", [text, without]) == second


def test_a_passage_that_comes_back_has_its_name_again() -> None:
    without = FIRST.replace("- One thing we keep.\n", "")
    assert name_of("One thing", [FIRST, without, FIRST]) == name_of("One thing", [FIRST])


def test_no_heading_takes_a_name_of_the_page_itself() -> None:
    assert [name.own for name in named("# Main\n\n## About text\n\n## Dots\n")] == [
        "main-1",
        "about-text-1",
        "dots-1",
    ]


ODD = [
    "",
    "- \n- a\n\n  b\n\n  - c\n\n      code\n- ```\n  fenced\n  ```\n",
    "- # heading in an item\n  and words of its own after it\n- > quoted\n  > - deeper\n",
    "| a | b |\n| - | - |\n| 1 | |\n| 2 | x | too many |\n\n***\n\n    indented\n",
    "1. one\n\n   two\n\n   | a |\n   | - |\n   | b |\n",
    "[¶](#p-000000000000) [a]: b\n\n> # q\n\nSetext\n===\n\n![picture](x.png)\n",
    "- a\n  - b\n\n  c\n- - - d\n",
    "<p id=x>raw</p> & &amp; `code`\n",
]


@pytest.mark.parametrize("text", ODD)
def test_every_block_of_any_text_has_a_place_for_its_name(text: str) -> None:
    names = named(text)
    html = anchored.html(text, names)
    shown = [name.own for name, block in zip(names, diff.read(text).blocks, strict=True) if block.tag != "hr"]
    assert sorted(re.findall(r' id="([^"]+)"', html)) == sorted(shown)
    headings = [heading.anchor for heading in markdown.outline(text)]
    assert [own for own in shown if own in headings] == headings


@pytest.mark.parametrize("text", [FIRST, *ODD])
def test_without_names_and_links_the_text_is_as_the_one_renderer_shows_it(text: str) -> None:
    html = anchored.html(text, named(text))
    bare = re.sub(r'<a class="pilcrow"[^>]*>¶</a>|<span id="[^"]*"></span>', "", html)
    without = re.sub(r'(<(?:p|li|tr|pre|code|h\d)) id="[^"]*"', r"\1", bare)
    assert without == re.sub(r'(<h\d) id="[^"]*"', r"\1", markdown.render(text))


def test_old_names_stand_where_they_lead_to() -> None:
    renamed = FIRST.replace("## Cookies", "## Cookies and the like")
    html = anchored.html(renamed, named(FIRST, renamed), {"cookies-and-the-like": "<p>after it</p>"})
    assert '<h2 id="cookies-and-the-like"><span id="cookies"></span>Cookies and the like<a class="pilcrow"' in html
    assert "</h2><p>after it</p>" in html
