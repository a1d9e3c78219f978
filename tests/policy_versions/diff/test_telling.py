"""What a reader must not miss, and what they must not be told wrongly."""

from __future__ import annotations

import re

import pytest

from policy_versions.diff import Kind, compare
from policy_versions.diff.redline import html, markdown, text
from tests.policy_versions.diff.reading import faults

SPLIT = (
    "One two three four five six. Seven eight nine [ten](http://old) eleven twelve.",
    "One two three four five six.\n\nSeven eight nine [ten](http://new) eleven twelve.",
)


def test_a_link_that_changed_in_a_later_part_of_a_split_is_led_to_and_told() -> None:
    change = compare(*SPLIT)
    assert [block.part for block in change.numbered] == [1, 2]
    assert "[link: http://old -> http://new]" in text(change)
    assert "http://new" in markdown(change)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("unbelievable things", "un*believ*able things", Kind.FORMATTING),
        ("**V**irginia is far", "Virginia is far", Kind.FORMATTING),
        ("see [GitHub's](/x) text", "see [GitHub](/x)'s text", Kind.LINK),
    ],
)
def test_a_word_partly_in_another_dress_is_the_same_word(old: str, new: str, kind: Kind) -> None:
    for change in (compare(old, new), compare(new, old)):
        (block,) = change.changed()
        assert (block.kind, change.words_inserted, change.words_deleted) == (kind, 0, 0)


def test_a_word_in_several_dresses_counts_once() -> None:
    change = compare("We keep this here.", "We keep un*believ*able this here.")
    assert (change.words_inserted, change.words_deleted) == (1, 0)
    assert "un<em>believ</em>able</ins>" in html(change)


@pytest.mark.parametrize(
    ("old", "new"), [("* a", "- a"), ("---\na: 1\n---\nx", "---\na: 2\n---\nx"), ("1. a", "2. a")]
)
def test_a_change_that_is_all_quiet_is_said_in_one_line(old: str, new: str) -> None:
    said = "Nothing changed but what no reader sees, or the numbers of list items."
    assert (text(compare(old, new)), markdown(compare(old, new))) == (f"[{said}]\n", f"*{said}*\n")


def test_a_rule_that_came_or_went_is_marked() -> None:
    change = compare("a\n\n---\n\nb", "a\n\nb")
    assert "[-* * *-]" in text(change)
    assert r"<del>\* \* \*</del>" in markdown(change)


def test_an_image_without_a_description_does_not_vanish() -> None:
    (block,) = compare("See ![](/a.png)", "See ![](/b.png)").changed()
    assert (block.kind, block.links) == (Kind.LINK, (("/a.png", "/b.png"),))
    assert "[-image-]" in text(compare("![](/a.png)\n\nx", "x"))


def test_an_item_of_a_deep_list_is_no_code_in_markdown() -> None:
    shown = markdown(compare("1. a\n   - b\n     - c old\n", "1. a\n   - b\n     - c new\n"))
    assert shown == "- c <del>old</del> <ins>new</ins>\n"


def test_a_heading_that_moved_under_another_name_did_not_come_from_itself() -> None:
    others = "".join(f"## Part {n}\n\nSome words on part {n} only.\n\n" for n in range(5))
    one = "## Location of Site and Data\n\nOur machines stand in Finland, and nowhere else at all.\n\n"
    change = compare(one + others, others + one.replace("Site and Data", "site and data"))
    assert "Moved here from its old place." in text(change)
    assert text(change).count("Moved here") == 1, "blocks that moved together are told of once"


def test_a_link_within_a_link_is_one_link() -> None:
    change = compare(
        "[see <https://x.example> here](http://a.example) x", "[see <https://x.example> here](http://a.example) y"
    )
    assert faults(html(change)) == []
    assert faults(html(change, "side_by_side")) == []


def test_moves_count_alike_from_either_text() -> None:
    items = [f"Item {n} unique text about subject{n} with enough words{n}." for n in range(30)]
    kept = [items[n] for n in range(1, 20) if n not in (10, 11, 12)]
    new = [items[0], items[10], items[12], *kept, items[11], *items[20:]]
    there, back = (compare("\n\n".join(a), "\n\n".join(b)) for a, b in ((items, new), (new, items)))
    assert there.moves == back.moves > 0


def test_the_number_of_an_item_that_begins_with_a_heading_is_told() -> None:
    (block,) = compare("3. # Title", "4. # Title").changed()
    assert (block.kind, block.old_number, block.number) == (Kind.RENUMBERED, 3, 4)


def test_a_tab_in_code_is_no_cell() -> None:
    assert " | " not in text(compare("```\na\tb\n```", "```\na\tc\n```"))


def test_a_date_beside_another_change_is_still_reworded() -> None:
    old = "Last updated October 1, 2019\n\nWe keep what you tell us for one year after you leave us."
    new = "Last updated January 31, 2020\n\nWe keep what you tell us for two years after you leave us."
    assert [block.kind for block in compare(old, new).changed()] == [Kind.WORDS, Kind.WORDS]


def test_a_part_of_a_split_begins_with_its_first_word() -> None:
    shown = html(compare(SPLIT[0], SPLIT[1].replace("Seven", "Even")))
    assert re.search(r"<p>\s", shown) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* a\n\nb c", "- a\n\nb c"),
        ("*a* b", "_a_ b"),
        ("| a |\n|---|\n| *b* |", "| a |\n|---|\n| _b_ |"),
        ("---\na: 1\n---\nx", "---\na: 2\n---\nx"),
        ("a b\nc", "a\nb c"),
    ],
)
def test_what_is_only_written_otherwise_has_one_note_and_no_mark(old: str, new: str) -> None:
    shown = html(compare(old, new))
    assert shown.count('data-kind="source"') == shown.count("data-note") == 1
    assert re.search("<(ins|del)>", shown) is None
