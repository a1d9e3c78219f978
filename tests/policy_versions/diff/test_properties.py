"""What holds for any two texts."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy_versions.diff import Change, Kind, compare, read
from policy_versions.diff.redline import html, text
from policy_versions.diff.stored import dump, load
from policy_versions.markdown import render
from tests.policy_versions.diff.edits import DEEDS, Edit, edits, several
from tests.policy_versions.diff.moves import Move, moves
from tests.policy_versions.diff.reading import faults, letters
from tests.policy_versions.diff.texts import edited


def pair_of(edit: Edit | Move) -> tuple[str, str]:
    return edit.old, edit.new


KNOWN = st.one_of(
    st.sampled_from(DEEDS).flatmap(edits).map(pair_of),
    moves((3, 7), edited=True).map(pair_of),
    several(DEEDS).map(lambda drawn: drawn[:2]),
)
PAIRS = edited() | KNOWN
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _recoverable(redline: str, change: Change, old: str, new: str) -> None:
    was, now = letters(redline, "ins"), letters(redline, "del")
    if change.moves:  # a moved block counts at its new place only
        assert Counter(was) == Counter(letters(render(old)))
    else:
        assert was == letters(render(old))
    assert now == letters(render(new))


@given(PAIRS | st.tuples(st.text(), st.text()), st.sampled_from([None, 0, 1, 3]))
@quick
def test_a_redline_holds_both_texts_letter_by_letter(pair: tuple[str, str], context: int | None) -> None:
    change = compare(*pair)
    _recoverable(html(change, context=context), change, *pair)


@given(PAIRS, st.integers(0, 3_000_000))
@quick
def test_a_comparison_cut_short_holds_both_texts_and_says_so(pair: tuple[str, str], units: int) -> None:
    change = compare(*pair, units=units)
    shown = html(change)
    _recoverable(shown, change, *pair)
    assert change.is_complete != ('<p class="note note--incomplete" data-note>' in shown)


@given(PAIRS, st.sampled_from([None, 1]))
@quick
def test_a_redline_is_valid_html_where_both_texts_are(pair: tuple[str, str], context: int | None) -> None:
    if not faults(render(pair[0])) and not faults(render(pair[1])):
        change = compare(*pair)
        assert faults(html(change, context=context)) == []
        assert faults(html(change, "side_by_side", context=context)) == []


@given(PAIRS)
@quick
def test_the_other_way_round_what_came_is_what_went(pair: tuple[str, str]) -> None:
    there, back = compare(*pair), compare(*pair[::-1])
    assert (there.words_inserted, there.words_deleted) == (back.words_deleted, back.words_inserted)
    assert (there.links_changed, there.moves) == (back.links_changed, back.moves)


@given(PAIRS)
@quick
def test_a_change_survives_json(pair: tuple[str, str]) -> None:
    told = compare(*pair).to_json()
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(told, sort_keys=True))


@given(PAIRS)
@quick
def test_kept_blocks_compare_as_the_texts_do(pair: tuple[str, str]) -> None:
    fresh = compare(*pair)
    kept = compare(*(load(dump(read(one))) for one in pair))
    assert kept.to_json() == fresh.to_json()
    assert [block.pieces for block in kept.blocks] == [block.pieces for block in fresh.blocks]
    assert html(kept) == html(fresh)
    assert html(kept, "side_by_side", context=1) == html(fresh, "side_by_side", context=1)


@given(PAIRS)
@quick
def test_how_one_text_is_read_does_not_depend_on_the_other(pair: tuple[str, str]) -> None:
    assert compare(*pair) == compare(*map(read, pair))


@given(PAIRS | st.tuples(st.text(), st.text()))
@quick
def test_a_text_does_not_differ_from_itself(pair: tuple[str, str]) -> None:
    assert compare(pair[0], pair[0]).is_empty
    assert compare(*pair).is_empty == (pair[0] == pair[1])


@given(PAIRS)
@quick
def test_ids_are_unique_and_the_answer_is_always_the_same(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    assert change == compare(*pair)
    assert len({block.id for block in change.blocks}) == len(change.blocks)


@given(PAIRS)
@quick
def test_both_halves_of_a_move_name_each_other(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    blocks = {block.id: block for block in change.blocks}
    for block in change.blocks:
        assert (block.twin is not None) == (block.kind is Kind.MOVED)
        if block.twin:
            assert blocks[block.twin].twin == block.id
            assert blocks[block.twin].is_placeholder != block.is_placeholder


@given(PAIRS)
@quick
def test_side_by_side_has_the_old_text_on_one_side_and_the_new_one_on_the_other(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    shown = html(change, "side_by_side", context=0)
    assert letters(shown, classes=("pair__old",)) == letters(render(pair[1]))
    if not change.moves:
        assert letters(shown, classes=("pair__new",)) == letters(render(pair[0]))


@given(PAIRS)
@quick
def test_plain_text_ends_in_one_line_end(pair: tuple[str, str]) -> None:
    shown = text(compare(*pair), context=None)
    assert shown == shown.rstrip("\n") + "\n"
