"""What a comparison says of an edit."""

from __future__ import annotations

import json

import pytest

from policy_versions.diff import BlockChange, Change, Kind, Section, compare


def told(change: Change) -> list[tuple[str, str]]:
    """Return the kind and tag of each block that is not equal."""
    return [(block.kind, block.tag) for block in change.changed()]


def the_change(old: str, new: str) -> BlockChange:
    (block,) = compare(old, new).changed()
    return block


def edits(block: BlockChange) -> list[tuple[str, str]]:
    return [(piece.op, piece.text.strip()) for piece in block.pieces if piece.op != "equal"]


def test_a_replaced_number_is_one_deletion_and_one_insertion() -> None:
    block = the_change("Kept for 12 months.", "Kept for 24 months.")
    assert block.kind is Kind.WORDS
    assert edits(block) == [("delete", "12"), ("insert", "24")]


def test_small_words_between_edits_are_read_as_part_of_them() -> None:
    block = the_change("We use cookies and beacons here.", "We use pixels and tags here.")
    assert edits(block) == [("delete", "cookies and beacons"), ("insert", "pixels and tags")]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("See [terms](/a).", "See [terms](/b).", Kind.LINK),
        ("See terms.", "See [terms](/b).", Kind.LINK),
        ("See [terms][t].\n\n[t]: /a", "See [terms][t].\n\n[t]: /b", Kind.LINK),
        ("![Seal](/a.png)", "![Seal](/b.png)", Kind.LINK),
        ("We *may* share.", "We **may** share.", Kind.FORMATTING),
        ("Share,but", "Share, but", Kind.FORMATTING),
        ("one  \ntwo", "one\ntwo", Kind.FORMATTING),
        ("## Rights", "### Rights", Kind.STRUCTURE),
        ("- We share", "We share", Kind.STRUCTURE),
        ("- We share", "1. We share", Kind.STRUCTURE),
        ("> We share", "We share", Kind.STRUCTURE),
        ("3. We share", "4. We share", Kind.RENUMBERED),
        ("## 5. Rights", "## 6. Rights", Kind.RENUMBERED),
        ("5.1 Rights are yours", "6.1 Rights are yours", Kind.RENUMBERED),
        ("30 days after", "60 days after", Kind.WORDS),
        ("We\nshare", "We share", Kind.SOURCE),
        ("* We share", "- We share", Kind.SOURCE),
        ("*We* share", "_We_ share", Kind.SOURCE),
        ("| a |\n|---|\n| b |", "| a |\n|:--|\n| b |", Kind.SOURCE),
        ("We share\r\n", "We share\n", Kind.SOURCE),
        ("---\na: 1\n---\nWe share", "---\na: 2\n---\nWe share", Kind.SOURCE),
        ("[x]: /a\n\nWe share", "[x]: /b\n\nWe share", Kind.SOURCE),
    ],
)
def test_each_difference_has_its_kind(old: str, new: str, kind: Kind) -> None:
    assert the_change(old, new).kind is kind


def test_only_a_new_address_inserts_no_word() -> None:
    change = compare("See [our terms](/a) and [our terms](/a).", "See [our terms](/b) and [our terms](/b).")
    assert (change.words_inserted, change.words_deleted, change.links_changed) == (0, 0, 2)
    assert next(change.changed()).links == (("/a", "/b"),)


def test_a_new_address_is_told_beside_new_words() -> None:
    block = the_change("Write to [us](mailto:a@b.example) soon.", "Write to [us](/form) today.")
    assert (block.kind, block.links) == (Kind.WORDS, (("mailto:a@b.example", "/form"),))


def test_one_row_is_one_block_and_its_cells_are_compared_one_by_one() -> None:
    head = "| who | what |\n|---|---|\n| we | mail |\n"
    change = compare(head + "| you | pay |", head + "| you | pay more |")
    assert told(change) == [("words", "tr")]
    assert edits(next(change.changed())) == [("insert", "more")]


def test_small_words_at_the_edge_of_a_cell_are_kept_beside_an_edit() -> None:
    head = "| who | what |\n|---|---|\n"
    block = the_change(head + "| a | to try it |", head + "| a | to do it |")
    assert edits(block) == [("delete", "try"), ("insert", "do")]


def test_a_moved_paragraph_stands_at_its_new_place_and_leaves_a_placeholder() -> None:
    passage = "Our library is kept in Finland.\n\n"
    old = f"## One\n\nFirst words.\n\n## Two\n\n{passage}Other words here.\n\nMore words of ours.\n"
    new = f"## One\n\n{passage}First words.\n\n## Two\n\nOther words here.\n\nMore words of ours.\n"
    change = compare(old, new)
    here, there = change.changed()
    assert (here.kind, here.moved_from, here.twin) == (Kind.MOVED, "Two", there.id)
    assert (there.kind, there.moved_to, there.twin, there.pieces) == (Kind.MOVED, "One", here.id, ())
    assert [piece.text for piece in here.pieces] == [passage.strip()]
    assert (change.moves, change.words_inserted, change.words_deleted) == (1, 0, 0)
    assert change.numbered == (here,)


def test_a_section_that_moves_is_one_move() -> None:
    first = "## Children\n\nWe ask no child for data.\n\nParents may write to us at once.\n\n"
    rest = "".join(f"## Part {n}\n\nSome words on part {n} only.\n\n" for n in range(4))
    assert compare(first + rest, rest + first).moves == 1


def test_short_recurring_words_do_not_move() -> None:
    assert compare("No.\n\nWe keep it.\n\nYou may ask.", "We keep it.\n\nYou may ask.\n\nNo.").moves == 0


def test_a_reworded_paragraph_is_found_among_new_ones() -> None:
    change = compare(
        "We store your scans in Finland for one year.",
        "This is new.\n\nAnother sentence stands here.\n\nWe store your scans in Sweden for one year.",
    )
    assert told(change) == [("inserted", "p"), ("inserted", "p"), ("words", "p")]


def test_unlike_paragraphs_are_not_compared_word_by_word() -> None:
    change = compare("We never sell what you tell us.", "Arbitration takes place in Delaware.")
    assert told(change) == [("deleted", "p"), ("inserted", "p")]


def test_a_deleted_block_keeps_its_old_section_under_the_new_title() -> None:
    old = "## How long\n\nWe keep mail for a year.\n\nGone words stand here.\n"
    new = "## How long we keep it\n\nWe keep mail for a year.\n"
    deleted = [block for block in compare(old, new).changed() if block.kind is Kind.DELETED]
    assert [(block.section, block.old_section) for block in deleted] == [(("How long we keep it",), ("How long",))]


def test_an_item_put_in_first_renumbers_the_others_quietly() -> None:
    change = compare("1. one\n2. two", "1. new\n2. one\n3. two")
    assert [block.kind for block in change.changed()] == [Kind.INSERTED, Kind.RENUMBERED, Kind.RENUMBERED]
    assert [block.kind for block in change.numbered] == [Kind.INSERTED]


def test_sections_count_under_the_top_headings() -> None:
    old = "# Policy\n\nIntro.\n\n## Keep\n\nFor 12 months.\n\n### Deep\n\nSame.\n\n## Share\n\nNever.\n"
    new = old.replace("12", "24").replace("Same.", "Same, still.")
    change = compare(old, new)
    first = next(change.changed()).id
    assert change.sections == (
        Section("Policy", 0, 0, 0, None),
        Section("Keep", 2, 1, 2, first),
        Section("Share", 0, 0, 0, None),
    )


def test_ids_do_not_depend_on_what_else_changed() -> None:
    old = "We keep it for 12 months.\n\nThe end is here."
    alone = compare(old, old.replace("12", "24"))
    among = compare(old, "A new first line.\n\n" + old.replace("12", "24"))
    assert {block.id for block in alone.changed()} < {block.id for block in among.changed()}


def test_a_change_can_be_written_as_json() -> None:
    data = compare("# A\n\nKept for [12](/a) months.", "# A\n\nKept for [12](/b) weeks.").to_json()
    assert json.loads(json.dumps(data))["words_inserted"] == 1
    assert [block["kind"] for block in data["blocks"]] == ["words"]


@pytest.mark.parametrize(
    ("old", "new"), [("", "Text"), ("Text", ""), ("", ""), ("- ", "1. \n2. "), ("---", "***")]
)
def test_empty_texts_are_compared_like_any_other(old: str, new: str) -> None:
    assert compare(old, new).is_empty == (old == new)


ROWS = "| no | what |\n|---|---|\n" + "".join(f"| {n} | thing {n % 7} |\n" for n in range(3000))
PARAGRAPH = " ".join(f"word{n % 5000} the of{'.' if n % 11 == 0 else ''}" for n in range(30_000))


@pytest.mark.parametrize(
    ("old", "new", "most"),
    [
        (ROWS, ROWS.replace("thing 3", "item 3"), 1000),
        (PARAGRAPH, PARAGRAPH.replace("word77 ", "other "), 20),
        ("the " * 20_000, "the " * 10_000 + "a " + "the " * 9_999 + "b", 20_000),
        ("yes\n\n" * 5000, "no\n\n" * 5000, 5000),
        ("a" * 200_000, "b" * 200_000, 1),
    ],
    ids=["rows", "paragraph", "one word", "alike", "one line"],
)
def test_large_texts_are_compared(old: str, new: str, most: int) -> None:
    assert 0 < compare(old, new).words_inserted <= most
