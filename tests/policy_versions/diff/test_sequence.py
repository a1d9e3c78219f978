"""What two sequences have in common: always true, in order, and as much as there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_versions.diff.sequence import (
    CELLS,
    PLENTY,
    READABLE,
    Effort,
    Stretch,
    ascending,
    common,
    gaps,
    pairs_of,
    patient,
    readable,
    unique_on_both,
)

SHORT = st.lists(st.integers(0, 5), max_size=25)
PAIRS = st.tuples(SHORT, SHORT)
quick = settings(max_examples=200, deadline=None)


def longest(old: Sequence[int], new: Sequence[int]) -> int:
    """Return the length of the longest common subsequence, from the table of all beginnings."""
    row = [0] * (len(new) + 1)
    for one in old:
        before = row
        row = [0]
        for place, other in enumerate(new):
            row.append(before[place] + 1 if one == other else max(before[place + 1], row[place]))
    return row[-1]


def assert_true(found: Sequence[Stretch], old: Sequence[int], new: Sequence[int]) -> None:
    """What is said to be equal is equal, and comes in the same order on both sides."""
    assert all(one.size > 0 for one in found)
    assert all(old[i : i + size] == new[j : j + size] for i, j, size in found)
    for one, after in pairwise(found):
        assert one.old + one.size <= after.old
        assert one.new + one.size <= after.new
    assert not found or found[-1].old + found[-1].size <= len(old)
    assert not found or found[-1].new + found[-1].size <= len(new)


def length(found: Sequence[Stretch]) -> int:
    return sum(one.size for one in found)


@given(PAIRS)
@quick
def test_the_fewest_edits_are_as_few_as_the_whole_table_tells(pair: tuple[list[int], list[int]]) -> None:
    found = common(*pair, Effort(PLENTY))
    assert_true(found, *pair)
    assert length(found) == longest(*pair)


@given(PAIRS)
@quick
def test_patience_keeps_what_is_unique_on_both_sides_and_in_order(pair: tuple[list[int], list[int]]) -> None:
    found = patient(*pair, Effort(PLENTY))
    assert_true(found, *pair)
    assert length(found) <= longest(*pair)
    anchors = ascending(unique_on_both(*pair))
    assert length(found) >= len(anchors)


@given(st.permutations(range(12)), st.permutations(range(12)))
@quick
def test_patience_is_minimal_where_nothing_recurs(old: list[int], new: list[int]) -> None:
    assert length(patient(old, new, Effort(PLENTY))) == longest(old, new)


@given(PAIRS)
@quick
def test_readable_stretches_do_not_depend_on_which_side_is_old(pair: tuple[list[int], list[int]]) -> None:
    old, new = pair
    found = readable(old, new)
    assert_true(found, old, new)
    assert found == [Stretch(i, j, size) for j, i, size in readable(new, old)]


@given(PAIRS)
@quick
def test_readable_stretches_are_those_of_difflib_between_equal_ends(pair: tuple[list[int], list[int]]) -> None:
    old, new = ([6, *pair[0], 7], [8, *pair[1], 9])  # no beginning and no end in common
    theirs = [
        length([Stretch(*one) for one in SequenceMatcher(None, *two, autojunk=False).get_matching_blocks()])
        for two in ((old, new), (new, old))
    ]
    assert length(readable(old, new)) in theirs


@given(st.randoms(use_true_random=False), st.integers(2, 30))
@settings(max_examples=20, deadline=None)
def test_beyond_what_difflib_can_do_readable_is_minimal(random: Random, letters: int) -> None:
    old, new = ([random.randrange(letters) for _ in range(READABLE + 50)] for _ in range(2))
    found = readable(old, new)
    assert_true(found, old, new)
    assert length(found) == longest(old, new)


@given(PAIRS, st.integers(0, 60))
@quick
def test_without_effort_less_is_found_and_nothing_wrong(pair: tuple[list[int], list[int]], units: int) -> None:
    for find in (common, patient, readable):
        effort = Effort(units)
        found = find(*pair, effort)
        assert_true(found, *pair)
        assert length(found) <= longest(*pair)
        assert find is readable or effort.is_spent or length(found) == length(find(*pair, Effort(PLENTY)))


def test_effort_once_spent_stays_spent() -> None:
    effort = Effort(10)
    assert effort.spend(10)
    assert not effort.is_spent
    assert not effort.spend(1)
    assert effort.is_spent
    assert not effort.spend(0)


def shuffled(size: int, letters: int, seed: int) -> list[int]:
    random = Random(seed)
    return [random.randrange(letters) for _ in range(size)]


LARGE = 11_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (shuffled(LARGE, 40, 1), shuffled(LARGE, 40, 2)),
        (shuffled(LARGE, 3, 3), shuffled(LARGE, 3, 4)),
        (shuffled(LARGE, 4 * LARGE, 5), shuffled(LARGE, 4 * LARGE, 6)),
        ([0, *[1] * LARGE], [*[1] * LARGE, 2]),
        ([1, 2] * (LARGE // 2), [2, 1] * (LARGE // 2)),
    ],
    ids=["few letters", "three letters", "mostly unique", "one letter", "a rhythm"],
)
def test_beyond_the_largest_table_nothing_wrong_is_found(old: list[int], new: list[int]) -> None:
    assert len(old) * len(new) > CELLS
    for find in (common, patient):
        assert_true(find(old, new, Effort(PLENTY)), old, new)


@pytest.mark.parametrize("find", [common, patient])
def test_beyond_the_largest_table_unique_neighbours_keep_the_rest_in_place(
    find: Callable[[list[int], list[int], Effort], list[Stretch]],
) -> None:
    old = list(range(LARGE))
    new = [LARGE if number % 7 == 0 else number for number in range(LARGE)]
    found = find(old, new, Effort(PLENTY))
    assert_true(found, old, new)
    assert length(found) == sum(number < LARGE for number in new)


def test_one_letter_beyond_the_largest_table_is_mostly_kept() -> None:
    old, new = [0, *[1] * LARGE, 0], [2, *[1] * LARGE, 2]
    assert length(common(old, new, Effort(PLENTY))) >= LARGE * 0.9


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))).map(lambda pairs: sorted(dict(pairs).items())))
@quick
def test_the_longest_ascent_is_as_long_as_the_whole_table_tells(pairs: list[tuple[int, int]]) -> None:
    found = ascending(pairs)
    assert set(found) <= set(pairs)
    assert all(i < x and j < y for (i, j), (x, y) in pairwise(found))
    assert len(found) == longest([j for _, j in pairs], sorted({j for _, j in pairs}))


@given(PAIRS)
@quick
def test_stretches_and_gaps_are_the_whole(pair: tuple[list[int], list[int]]) -> None:
    old, new = pair
    found = common(old, new, Effort(PLENTY))
    left = list(gaps(found, len(old), len(new)))
    kept = pairs_of(found)
    assert sorted([i for i, _ in kept] + [i for was, _ in left for i in range(was.start, was.stop)]) == [
        *range(len(old))
    ]
    assert sorted([j for _, j in kept] + [j for _, now in left for j in range(now.start, now.stop)]) == [
        *range(len(new))
    ]
