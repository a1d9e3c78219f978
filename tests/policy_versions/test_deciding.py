"""Two comparisons, one decision: which of them counts, how sure it is, and what its summary says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policy_versions import deciding, significance
from policy_versions.archive import Entry
from policy_versions.diff import read
from policy_versions.models import DecisionRecord, Revision
from policy_versions.significance import Decision, Finding

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEPT = Finding("retention", "", "12", "24", "Kept longer.", 3, "GDPR")


def minor(confidence: float, language: str = "en") -> Decision:
    return Decision("minor", 1, (), "Nothing of substance.", confidence=confidence, language=language)


def significant(confidence: float) -> Decision:
    return Decision("significant", 3, (KEPT,), "Kept longer.", confidence=confidence)


def revision(number: int, rule: str = "posting") -> Revision:
    return Revision(
        id=number, policy_id=1, number=number, revision_date="2026-06-01", text=f"Text {number}.",
        sha256=str(number), chain="", published_at=NOON, effective_at=NOON, recorded_at=NOON, rule=rule,
    )  # fmt: skip


def entry(number: int, verdict: str) -> Entry:
    decided = DecisionRecord(revision_id=number, verdict=verdict, decided_at=NOON, recorded_at=NOON)
    return Entry(revision(number), None, decided)


def judged(
    monkeypatch: pytest.MonkeyPatch, step: Decision, sum_: Decision, *, rule: str = "posting"
) -> deciding.Judgement:
    """No. 3 against No. 2, a minor one, and against No. 1."""
    answers = iter((step, sum_))
    with monkeypatch.context() as patched:
        patched.setattr(significance, "decide", lambda *_: next(answers))
        entries = [entry(1, "first"), entry(2, "minor")]
        return deciding.judge(entries, revision(3, rule), lambda of: read(of.text))


@pytest.mark.parametrize(
    ("step", "sum_", "verdict", "confidence"),
    [
        (minor(0.9), minor(0.7), "minor", 0.7),  # minor takes both
        (significant(0.6), minor(0.9), "significant", 0.6),
        (minor(0.9), significant(0.8), "significant", 0.8),
        (significant(0.6), significant(0.8), "significant", 0.8),  # one is enough
    ],
)
def test_one_sure_comparison_is_enough_for_significant_and_minor_takes_both(
    monkeypatch: pytest.MonkeyPatch, step: Decision, sum_: Decision, verdict: str, confidence: float
) -> None:
    made = judged(monkeypatch, step, sum_)
    assert (made.verdict, made.confidence, made.bases) == (verdict, confidence, (2, 1))
    assert made.engine == significance.ENGINE


def test_the_summary_is_of_the_comparison_that_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, minor(1), significant(1)).summary == "Kept longer."
    assert judged(monkeypatch, minor(1), minor(1)).summary == "Nothing of substance."


def test_a_changed_rule_is_certain_and_said_after_what_else_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled = "A revision now comes to apply when it is accepted, before by posting."
    alone = judged(monkeypatch, minor(0.6), minor(0.6), rule="acceptance")
    assert (alone.verdict, alone.confidence, alone.summary) == ("significant", 1.0, ruled)
    both = judged(monkeypatch, significant(0.6), minor(0.6), rule="acceptance")
    assert both.summary == f"Kept longer. {ruled}"


def test_what_was_not_judged_by_its_words_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, minor(0.6, "other"), minor(0.9)).language == "other"
    assert judged(monkeypatch, minor(0.6), minor(0.9)).language == "en"


def test_the_last_that_stands_as_significant_is_the_second_base() -> None:
    entries = [entry(1, "first"), entry(2, "significant"), entry(3, "minor")]
    against = deciding.bases(entries, revision(4))
    assert against is not None
    assert [base.number for base in against] == [3, 2]
    assert deciding.bases([], revision(1)) is None
