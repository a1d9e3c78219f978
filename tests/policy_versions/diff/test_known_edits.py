"""An edit of which it is known what it changes is told as what it is, and nothing else is."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from policy_versions.diff import BlockChange, Change, Kind, compare
from tests.policy_versions.diff.documents import block_of
from tests.policy_versions.diff.edits import DEEDS, Edit, edits, several
from tests.policy_versions.diff.moves import Move, moves

quick = settings(max_examples=60, deadline=None)

TOLD = {
    "insert": [Kind.INSERTED],
    "delete": [Kind.DELETED],
    "reword": [Kind.WORDS],
    "renumber": [Kind.RENUMBERED],
    "relink": [Kind.LINK],
    "reformat": [Kind.FORMATTING],
    "split": [Kind.STRUCTURE, Kind.STRUCTURE],
    "merge": [Kind.STRUCTURE],
}


def the_changes(edit: Edit | Move) -> list[BlockChange]:
    """Return the blocks that are not equal, less items that have another number because of one before them."""
    blocks = compare(edit.old, edit.new).changed()
    return [block for block in blocks if not (block.kind is Kind.RENUMBERED and block.is_quiet)]


def text_of(chunk: str) -> str:
    block = block_of(chunk)
    assert block is not None
    return block.text


def words(block: BlockChange, op: str) -> str:
    return "".join(piece.text for piece in block.pieces if piece.op == op)


def marked(change: Change) -> tuple[int, int]:
    return change.words_inserted, change.words_deleted


@given(edits("insert"))
@quick
def test_an_inserted_block_is_told_and_nothing_else(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert (block.kind, words(block, "insert")) == (Kind.INSERTED, text_of(edit.now[0]))


@given(edits("delete"))
@quick
def test_a_deleted_block_is_told_and_nothing_else(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert (block.kind, words(block, "delete")) == (Kind.DELETED, text_of(edit.was[0]))


@given(edits("reword"))
@quick
def test_one_replaced_word_is_marked_and_no_other(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert (block.kind, block.words_inserted, block.words_deleted) == (Kind.WORDS, 1, 1)


@given(edits("retitle"))
@quick
def test_another_title_changes_the_heading_and_nothing_below_it(edit: Edit) -> None:
    told = the_changes(edit)
    assert [block.kind for block in told] in ([Kind.WORDS], [Kind.DELETED, Kind.INSERTED])
    assert all(block.tag.startswith("h") for block in told)
    assert "".join(words(block, "insert") for block in told).split() == text_of(edit.now[0]).split()


@given(edits("renumber"))
@quick
def test_another_number_is_told_as_renumbering(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert block.kind is Kind.RENUMBERED
    assert words(block, "equal").endswith(text_of(edit.was[0]).split(" ", 1)[1])
    assert not any(map(str.isalpha, words(block, "insert").removeprefix("b")))


@given(edits("relink"))
@quick
def test_another_address_is_told_and_marks_no_word(edit: Edit) -> None:
    (block,) = the_changes(edit)
    was, now = (_addresses(chunk) for chunk in (edit.was[0], edit.now[0]))
    assert (block.kind, words(block, "equal")) == (Kind.LINK, text_of(edit.now[0]))
    assert block.links == ((next(iter(was - now), ""), next(iter(now - was), "")),)


def _addresses(chunk: str) -> set[str]:
    block = block_of(chunk)
    assert block is not None
    return {mark[5:] for run in block.runs for mark in run.marks if mark.startswith("link:")}


@given(edits("reformat"))
@quick
def test_another_dress_is_told_and_marks_no_word(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert (block.kind, words(block, "equal")) == (Kind.FORMATTING, text_of(edit.now[0]))


@given(edits("split"))
@quick
def test_a_paragraph_split_at_a_sentence_loses_and_gains_no_word(edit: Edit) -> None:
    told = the_changes(edit)
    assert [(block.kind, block.part, block.parts) for block in told] == [(Kind.STRUCTURE, n, 2) for n in (1, 2)]
    assert [words(block, "equal").strip() for block in told] == [text_of(chunk) for chunk in edit.now]
    assert marked(compare(edit.old, edit.new)) == (0, 0)


@given(edits("merge"))
@quick
def test_two_paragraphs_joined_into_one_lose_and_gain_no_word(edit: Edit) -> None:
    (block,) = the_changes(edit)
    assert (block.kind, block.joined, words(block, "equal")) == (Kind.STRUCTURE, 2, text_of(edit.now[0]))


@given(moves((1, 1)))
@quick
def test_a_moved_block_is_one_move_and_marks_no_word(move: Move) -> None:
    _is_one_exact_move(move)


@given(moves((3, 7)))
@quick
def test_a_moved_section_is_one_move_and_marks_no_word(move: Move) -> None:
    _is_one_exact_move(move)


def _is_one_exact_move(move: Move) -> None:
    change = compare(move.old, move.new)
    assert {block.kind for block in the_changes(move)} == {Kind.MOVED}
    assert (change.moves, *marked(change)) == (1, 0, 0)


@given(moves((3, 7), edited=True))
@quick
def test_a_moved_section_with_some_words_replaced_is_recognised_and_marks_those(move: Move) -> None:
    change = compare(move.old, move.new)
    assert (change.moves, *marked(change)) == (1, move.replaced, move.replaced)
    assert not {block.kind for block in the_changes(move)} - {Kind.MOVED, Kind.WORDS}


@given(several([deed for deed in DEEDS if deed in TOLD]))
@quick
def test_several_edits_are_each_told_as_if_alone(drawn: tuple[str, str, list[tuple[str, Edit]]]) -> None:
    old, new, done = drawn
    change = compare(old, new)
    told = [block.kind for block in change.changed() if not (block.kind is Kind.RENUMBERED and block.is_quiet)]
    assert told == [kind for deed, _ in done for kind in TOLD[deed]]
    alone = Counter(marked(compare(edit.old, edit.new)) for _, edit in done)
    assert marked(change) == tuple(sum(pair[side] * times for pair, times in alone.items()) for side in (0, 1))


@given(st.sampled_from(DEEDS).flatmap(edits))
@quick
def test_the_other_way_round_the_same_words_are_exchanged(edit: Edit) -> None:
    assert marked(compare(edit.old, edit.new)) == marked(compare(edit.new, edit.old))[::-1]
