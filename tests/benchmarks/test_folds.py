"""Thresholds are chosen on other documents than they are applied to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.decisions.folds import Scored, split, threshold, validate
from benchmarks.decisions.labelled import documents, name
from tests.benchmarks.labelled import pair

SCORED = st.lists(
    st.builds(Scored, st.sampled_from("abcde"), st.booleans(), st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.9, 1.0]))
)


def of(*scores: tuple[bool, float], document: str = "a") -> list[Scored]:
    return [Scored(document, significant, score) for significant, score in scores]


# -- documents ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Policies/takedown-policy-of-ours.md", "Policies/other/takedown-policy-of-ours.md"),
        ("browser_notice_for_phones/en-US.md", "en/browser_notice_for_phones.md"),
        ("Mapmaker/Privacy Policy.md", "mapmaker/Privacy Policy.md"),
        ("refund/index.md", "refund.md"),
    ],
)
def test_a_document_keeps_its_name_when_it_moves(one: str, other: str) -> None:
    assert name("shelf", one) == name("shelf", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mapmaker/Privacy Policy.md", "Bellfounder/Privacy Policy.md"),
        ("refund/index.md", "abuse/index.md"),
        ("maps_notice/en-US.md", "bells_notice/en-US.md"),
    ],
)
def test_a_stem_that_says_only_the_kind_names_no_document(one: str, other: str) -> None:
    assert name("shelf", one) != name("shelf", other)


def test_documents_of_two_sources_share_no_name() -> None:
    assert name("shelf", "bells.md") != name("drawer", "bells.md")


def test_near_copies_are_one_document_whatever_they_are_called() -> None:
    text = " ".join(f"sentence {number} of the policy stands here." for number in range(200))
    other = " ".join(f"clause {number} in these terms reads otherwise." for number in range(200))
    pairs = [
        pair("maps", old=text, new=text),
        pair("bells", old=other, new=other),
        pair("charts", source="drawer", old=text.replace("100", "hundred"), new=text),
    ]
    assert documents(pairs) == ["shelf maps.md", "shelf bells.md", "shelf maps.md"]


def test_two_pairs_that_are_of_one_document_with_a_third_are_of_one_document() -> None:
    text = " ".join(f"sentence {number} of the policy stands here." for number in range(200))
    pairs = [
        pair("a", path="charts.md", old="nothing", new="else"),
        pair("b", source="drawer", old=text, new=text),
        pair("c", path="old/charts.md", old=text, new=text),
    ]
    assert set(documents(pairs)) == {"shelf charts.md"}


# -- folds --------------------------------------------------------------------------------------


@given(SCORED)
def test_each_pair_is_left_out_once_with_all_of_its_document(scored: list[Scored]) -> None:
    folds = split(scored)
    assert sorted(place for fold in folds for place in fold.places) == list(range(len(scored)))
    for fold in folds:
        assert fold.places == tuple(place for place, one in enumerate(scored) if one.document == fold.document)


@given(SCORED)
def test_the_document_left_out_has_no_say_in_its_threshold(scored: list[Scored]) -> None:
    for fold in split(scored):
        turned = [
            one._replace(significant=not one.significant, score=0.3) if one.document == fold.document else one
            for one in scored
        ]
        assert next(one for one in split(turned) if one.document == fold.document).threshold == fold.threshold


def test_a_threshold_is_applied_to_the_document_left_out() -> None:
    scored = [
        *of((True, 0.9), (False, 0.1), document="a"),
        *of((True, 0.6), (False, 0.2), document="b"),
        *of((True, 0.3), document="c"),
    ]
    validated = validate(scored)
    thresholds = {fold.document: fold.threshold for fold in validated.folds}
    assert thresholds == pytest.approx({"a": 0.25, "b": 0.2, "c": 0.4})
    assert validated.verdicts == [True, False, True, True, False]
    assert validated.confusion == (2, 1, 1, 1)


# -- the threshold ------------------------------------------------------------------------------


def test_the_threshold_parts_what_can_be_parted() -> None:
    assert threshold(of((False, 0.1), (False, 0.2), (True, 0.8), (True, 1.0))) == pytest.approx(0.5)


def test_recall_comes_before_f1() -> None:
    scored = of((True, 0.2), *[(False, 0.4)] * 5, *[(True, 0.9)] * 9)
    assert threshold(scored) == pytest.approx(0.1)
    assert threshold(scored, least=0) == pytest.approx(0.65)


def test_one_in_thirty_may_be_missed() -> None:
    scored = of((True, 0.2), *[(False, 0.4)] * 5, *[(True, 0.9)] * 29)
    assert threshold(scored) == pytest.approx(0.65)


def test_of_equals_the_widest_gap_is_chosen() -> None:
    scored = of((True, 0.1), (False, 0.2), (False, 0.3), (True, 0.8))
    assert threshold(scored) == pytest.approx(0.05)  # all significant: F1 0.67, and recall is whole
    equal = of((False, 0.0), (True, 0.2), (False, 0.4), (False, 0.5), (True, 0.9))
    assert threshold(equal, least=0) == pytest.approx(0.7)  # one of two found and none false: F1 0.67, as from 0.2


def test_of_equal_gaps_the_lower_is_chosen() -> None:
    scored = of((True, 0.25), (False, 0.5), (False, 0.75), (True, 1.0))
    assert threshold(scored, least=0) == pytest.approx(0.125)


def test_nothing_is_all_significant() -> None:
    assert threshold([]) == 0
    assert threshold(of((True, 0.0), (True, 0.0))) == 0
