"""What holds for any two texts."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy_versions.diff import Change, Kind, compare
from policy_versions.diff.redline import html, text
from policy_versions.markdown import render
from tests.policy_versions.diff.reading import letters
from tests.policy_versions.diff.texts import edited

PAIRS = edited() | st.tuples(st.text(), st.text())
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _recoverable(change: Change, old: str, new: str) -> None:
    redline = html(change, context=1)
    was, now = letters(redline, "ins"), letters(redline, "del")
    if change.moves:  # a moved block counts at its new place only
        assert Counter(was) == Counter(letters(render(old)))
    else:
        assert was == letters(render(old))
    assert now == letters(render(new))


@given(PAIRS)
@quick
def test_a_redline_holds_both_texts_letter_by_letter(pair: tuple[str, str]) -> None:
    _recoverable(compare(*pair), *pair)


@given(PAIRS)
@quick
def test_a_text_does_not_differ_from_itself(pair: tuple[str, str]) -> None:
    assert compare(pair[0], pair[0]).is_empty
    assert compare(*pair).is_empty == (pair[0] == pair[1])


@given(edited())
@quick
def test_ids_are_unique_and_the_answer_is_always_the_same(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    assert change == compare(*pair)
    assert len({block.id for block in change.blocks}) == len(change.blocks)


@given(edited())
@quick
def test_both_halves_of_a_move_name_each_other(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    blocks = {block.id: block for block in change.blocks}
    for block in change.blocks:
        assert (block.twin is not None) == (block.kind is Kind.MOVED)
        if block.twin:
            assert blocks[block.twin].twin == block.id
            assert blocks[block.twin].is_placeholder != block.is_placeholder


@given(edited())
@quick
def test_side_by_side_and_plain_text_are_well_formed(pair: tuple[str, str]) -> None:
    change = compare(*pair)
    letters(html(change, "side_by_side", context=0))
    assert text(change, context=None).endswith("\n")
