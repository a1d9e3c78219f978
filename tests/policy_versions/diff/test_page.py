"""How lists, tables, moves and notes stand on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib  # type: ignore[import-untyped]
import pytest

from policy_versions.diff import Change, Kind, compare
from policy_versions.diff.redline import html
from tests.policy_versions.diff.reading import letters

FILLER = "".join(f"## Part {n}\n\nSome words on part {n} only.\n\n" for n in range(4))
SECTION = "## Children\n\nWe ask no child for data.\n\nParents may write to us at once.\n\n"


def tree(shown: str) -> Element:
    found: Element = html5lib.parseFragment(shown, namespaceHTMLElements=False)
    return found


def notes(shown: str) -> list[str]:
    """Return the sentences beside the words."""
    return re.findall(r'<p class="note" data-note>(.*?)</p>', shown)


def shown_changes(shown: str) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Yield id, data-change and data-kind of each element that has one of the last two."""
    for one in tree(shown).iter():
        if "data-change" in one.attrib or "data-kind" in one.attrib:
            yield one.get("id"), one.get("data-change"), one.get("data-kind")


# -- lists and tables ---------------------------------------------------------------------------


@pytest.mark.parametrize(("sign", "tag"), [("- ", "ul"), ("1. ", "ol")])
def test_a_list_is_one_list_with_each_item_a_block(sign: str, tag: str) -> None:
    old = "".join(f"{sign}item {name}\n" for name in "abc")
    fragment = tree(html(compare(old, old.replace("item b", "thing b") + f"{sign}item d\n")))
    (items,) = fragment.iter(tag)
    assert items.get("class") == "items depth-1"
    assert [(item.tag, (item.get("class") or "").split()[0]) for item in items] == [("li", "block")] * 4
    assert [item.get("value") for item in items] == ([None] * 4 if tag == "ul" else ["1", "2", "3", "4"])


def test_an_item_shows_the_number_that_it_has_in_the_new_text() -> None:
    fragment = tree(html(compare("3. a one\n4. a two\n", "5. a one\n6. a two\n")))
    assert [item.get("value") for item in fragment.iter("li")] == ["5", "6"]


def test_lists_of_other_depth_or_sign_are_other_lists() -> None:
    fragment = tree(html(compare("", "- a\n  1. b\n  2. c\n- d\n\ntext\n\n- e\n")))
    assert [(one.tag, one.get("class")) for one in fragment.iter() if one.tag in ("ul", "ol")] == [
        ("ul", "items depth-1"),
        ("ol", "items depth-2"),
        ("ul", "items depth-1"),
        ("ul", "items depth-1"),
    ]


def test_a_table_is_one_table_and_a_second_head_begins_another() -> None:
    table = "| who | what |\n|---|---|\n| we | mail |\n| you | pay |\n"
    other = table.replace("who", "which").replace("we", "they").replace("you", "all")
    fragment = tree(html(compare(f"{table}\n{other}", f"{table.replace('pay', 'give')}\n{other}")))
    tables = list(fragment.iter("table"))
    assert [len(list(one.iter("tr"))) for one in tables] == [3, 3]
    assert [one.get("class") for one in tables] == ["rows", "rows"]


def test_marks_stand_within_cells() -> None:
    table = "| who | what |\n|---|---|\n| we | mail |\n"
    shown = html(compare(table, table + "| you | pay |\n"))
    row = shown[shown.index('data-kind="inserted"') :]
    assert re.findall(r"<td>(.*?)</td>", re.sub(r"<span.*?</span>", "", row)) == [
        "<ins>you</ins>",
        "<ins>pay</ins>",
    ]


def test_a_column_put_in_lines_up_with_the_head() -> None:
    old = "| who | when |\n|---|---|\n| we | mail us |\n| you | mail us |\n"
    new = "| who | why | when |\n|---|---|---|\n| we | mail us | mail us |\n| you | pay | mail us |\n"
    head, *rows = compare(old, new).changed()
    inserted = [
        "".join(piece.text for piece in row.pieces if piece.op == "insert").strip() for row in (head, *rows)
    ]
    assert inserted == ["why", "mail us", "pay"]
    assert [row.words_deleted for row in (head, *rows)] == [0, 0, 0]
    cells = [list(row.iter("td")) for row in tree(html(compare(old, new))).iter("tr") if row.get("data-kind")][1:]
    assert [[cell.find("ins") is not None for cell in row if "data-note" not in cell.attrib] for row in cells] == [
        [False, True, False],
        [False, True, False],
    ]


# -- moves --------------------------------------------------------------------------------------


def test_the_place_that_a_section_left_is_one_note_and_no_change_of_its_own() -> None:
    change = compare(SECTION + FILLER, FILLER + SECTION)
    fragment = tree(html(change))
    (left,) = (one for one in fragment.iter() if "block--left" in (one.get("class") or ""))
    assert "data-note" in left.attrib
    assert not {"data-kind", "data-change"} & set(left.attrib)
    assert left.get("id") == next(block.id for block in change.blocks if block.is_placeholder)


def test_blocks_that_moved_together_share_one_note() -> None:
    change = compare(SECTION + FILLER, FILLER + SECTION)
    assert sum(block.kind is Kind.MOVED and not block.is_placeholder for block in change.blocks) == 3
    assert [block.kind for block in change.numbered] == [Kind.MOVED], "a reader is led to the passage once"
    said = [re.sub("<.*?>", "", note) for note in notes(html(change))]
    assert said == [
        "The section “Children” stood here; it is at its new place now.",
        "Moved here from its old place.",
    ]


def test_passages_that_moved_apart_have_a_note_each() -> None:
    one, two = "Our library is kept in Finland.\n\n", "Your scans are never sold to others.\n\n"
    change = compare(f"{one}{FILLER}{two}", f"{two}{FILLER}{one}")
    assert change.moves == 2
    assert len(notes(html(change))) == 4


def test_a_moved_and_edited_block_has_its_marks() -> None:
    edited = SECTION.replace("at once", "by post")
    change = compare(SECTION + FILLER, FILLER + edited)
    (block,) = (block for block in change.numbered if block.words_inserted)
    assert (block.kind, block.words_deleted, block.words_inserted) == (Kind.MOVED, 2, 2)
    (frame,) = (
        one
        for one in tree(html(change)).iter("div")
        if one.get("class") == "moved-frame" and one.find(".//ins") is not None
    )
    assert frame.find(".//del") is not None
    assert "moved and reworded" in html(change)


# -- notes --------------------------------------------------------------------------------------

FIRST = "We keep your mail for a year."
SECOND = "Then nobody can read it again."


def test_a_split_paragraph_has_one_note_and_no_mark() -> None:
    shown = html(compare(f"{FIRST} {SECOND}", f"{FIRST}\n\n{SECOND}"))
    assert notes(shown) == ["One paragraph was split into 2 parts."]
    assert not re.search("<ins>|<del>", shown)
    assert shown.count('<span class="visually-hidden">split</span>') == 2


def test_joined_paragraphs_have_one_note_and_no_mark() -> None:
    shown = html(compare(f"{FIRST}\n\n{SECOND}", f"{FIRST} {SECOND}"))
    assert notes(shown) == ["2 blocks were joined into this one."]
    assert not re.search("<ins>|<del>", shown)
    assert '<span class="visually-hidden">joined</span>' in shown


def test_words_that_lead_elsewhere_are_shown_as_such() -> None:
    shown = html(compare("See [our terms](/a) now.", "See [our terms](/b) now."))
    assert '<span class="relinked"><a href="/b" rel="noopener noreferrer">our terms</a></span> now.' in shown


def test_words_in_another_dress_are_shown_as_such() -> None:
    shown = html(compare("We may share.", "We **may** share."))
    assert '<span class="reformatted"><strong>may</strong></span> share.' in shown
    assert notes(shown) == ["Only the formatting changed."]


# -- names that others rely on ------------------------------------------------------------------

OLD = (
    f"# T\n\n{SECTION}{FILLER}- a one\n- a two\n\n| who | what |\n|---|---|\n| we | mail |\n"
    "\nSee [it](/a).\n\nBye for now."
)
NEW = (
    f"# T\n\n{FILLER}{SECTION}- a one more\n- a two\n- new\n\n| who | what |\n|---|---|\n| we | post |\n"
    "\nSee [it](/b).\n\n**Bye** for now.\n\n* * *\n"
)


@pytest.mark.parametrize("view", ["inline", "side_by_side"])
def test_each_change_is_named_alike_in_every_view_and_in_json(view: str) -> None:
    change = compare(OLD, NEW)
    told = [
        (block["id"], block["id"], block["kind"])
        for block in change.to_json()["blocks"]
        if "moved_to" not in block
    ]
    shown = html(change, "side_by_side" if view == "side_by_side" else "inline")
    assert list(shown_changes(shown)) == told
    assert len(told) == 9


def test_placeholders_are_told_in_json_with_their_other_half() -> None:
    change = compare(OLD, NEW)
    blocks = {block["id"]: block for block in change.to_json()["blocks"]}
    left = [block for block in blocks.values() if "moved_to" in block]
    assert len(left) == 3
    assert all(blocks[block["twin"]]["twin"] == block["id"] for block in left)


def test_every_link_to_a_change_leads_somewhere() -> None:
    shown = html(compare(OLD, NEW))
    ids = {one.get("id") for one in tree(shown).iter()}
    assert {target[1:] for target in re.findall(r'href="(#[^"]*)"', shown)} <= ids


def test_all_that_belongs_to_neither_text_is_a_note() -> None:
    change: Change = compare(OLD, NEW)
    assert letters(html(change), "del") == letters(html(compare(NEW, NEW)))
