"""Rates, and how far they may be trusted."""

from __future__ import annotations

import pytest

from benchmarks.decisions.rates import Confusion, Rate, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_all_mirrors_that_of_none() -> None:
    none, all_ = wilson(0, 29), wilson(29, 29)
    assert (all_.low, all_.high) == pytest.approx((1 - none.high, 1 - none.low))


def test_of_nothing_nothing_is_known() -> None:
    assert wilson(0, 0) == (0, 1)
    assert Rate(0, 0).value is None


def test_verdicts_are_counted_against_labels() -> None:
    counted = Confusion.of([(True, True)] * 3 + [(True, False)] + [(False, True)] * 2 + [(False, False)] * 4)
    assert counted == (3, 1, 2, 4)
    assert (counted.recall, counted.precision, counted.false_alarms) == ((3, 4), (3, 5), (2, 6))
    assert counted.accuracy == (7, 10)
    assert counted.f1 == pytest.approx(6 / 9)


def test_what_finds_nothing_has_no_f1() -> None:
    assert Confusion.of([(True, False), (False, False)]).f1 == 0
