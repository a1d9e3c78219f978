"""How a decision is shown, on its page and in the publish form: everything in plain words, worked out here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from policy_versions.deciding import Judgement
from policy_versions.diff.sequence import readable
from policy_versions.diff.words import told
from policy_versions.models import DecisionRecord, Reopening, TranslationDecision

LONGEST = 1200  # characters shown of a sentence before and after
ALIKE = 0.3  # share of words that stayed, below which both sentences are shown whole

LEVELS = {
    0: ("none", "Spelling, formatting or a date; nothing to tell."),
    1: ("log", "Clarified or put elsewhere; it is kept on record, and nobody is told."),
    2: ("notice", "Members are told."),
    3: ("advance notice", "Members are told before it applies to them."),
    4: ("consent", "It reaches so far that members should be asked."),
}
DIRECTIONS = {"wider": "Wider for the company", "narrower": "Better for members"}
_TITLES = {
    "legal_basis": "Legal basis",
    "change_process": "How changes are told",
    "rights": "Rights and choices",
    "automated": "Automated decisions",
    "dispute": "Disputes and law",
    "licence": "Licence over content",
    "conduct": "What members may do",
    "transfer": "Transfer abroad",
}
_SURE = ((0.95, "very sure"), (0.85, "sure"), (0.7, "fairly sure"), (0.0, "unsure"))


class Run(NamedTuple):
    """Neighbouring words of one fate."""

    op: str  # equal, delete, insert
    text: str


@dataclass(frozen=True, slots=True)
class FindingView:
    title: str
    level: int
    section: str
    sentence: str
    runs: tuple[Run, ...]  # the words as a small redline
    rule: str
    direction: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What a decision says. confidence, engine: empty where a person decided, or it is too old to have them."""

    verdict: str
    level: int
    level_name: str
    level_means: str
    confidence: str
    is_english: bool
    findings: tuple[FindingView, ...]
    summary: str
    engine: str


def of_judgement(judged: Judgement) -> DecisionView:
    found = [asdict(finding) for finding in judged.findings]
    return _view(judged, found, confidence=judged.confidence, language=judged.language, engine=judged.engine)


def of_record(made: DecisionRecord | Reopening | TranslationDecision, *, redlined: bool = True) -> DecisionView:
    """Findings of an earlier engine lack what this one adds.

    redlined: compare the words before and after; not on a page with the findings of a whole history.
    """
    return _view(
        made,
        made.findings,
        redlined=redlined,
        confidence=made.confidence,
        language=made.language,
        engine=made.engine,
    )


def _view(
    of: Judgement | DecisionRecord | Reopening | TranslationDecision,
    findings: Sequence[Mapping[str, Any]],
    *,
    confidence: float | None,
    language: str | None,
    engine: str,
    redlined: bool = True,
) -> DecisionView:
    name, means = LEVELS.get(of.level, ("", ""))
    return DecisionView(
        of.verdict,
        of.level,
        name,
        means,
        in_words(confidence),
        language != "other",
        tuple(_finding(found, redlined=redlined) for found in findings),
        of.summary,
        engine,
    )


def in_words(confidence: float | None) -> str:
    """How sure the engine is: "sure, 88 %"; never more than it is."""
    if confidence is None:
        return ""
    word = next(word for least, word in _SURE if confidence >= least)
    return f"{word}, {int(confidence * 100)} %"


def title(category: str) -> str:
    return _TITLES.get(category) or category.replace("_", " ").capitalize()


def _finding(found: Mapping[str, Any], *, redlined: bool = True) -> FindingView:
    runs = _redline if redlined else _both
    return FindingView(
        title=title(str(found.get("category", "other"))),
        level=int(found.get("level", 0)),
        section=str(found.get("section", "")),
        sentence=str(found.get("reason", "")),
        runs=tuple(runs(_cut(str(found.get("before", ""))), _cut(str(found.get("after", ""))))),
        rule=str(found.get("rule", "")),
        direction=DIRECTIONS.get(str(found.get("direction", "")), ""),
    )


def _redline(before: str, after: str) -> Iterator[Run]:
    """The words that stayed, went and came; both sentences whole where little of them stayed."""
    old, new = before.split(), after.split()
    fates = list(told(old, new, readable(old, new))) if old and new else []
    stayed = sum(len(fate.old) for fate in fates if fate.kept)
    if stayed < ALIKE * max(len(old), len(new)):
        fates = []
    for fate in fates:
        if fate.kept:
            yield Run("equal", " ".join(fate.old))
            continue
        yield from _both(" ".join(fate.old), " ".join(fate.new))
    if not fates:
        yield from _both(" ".join(old), " ".join(new))


def _both(old: str, new: str) -> Iterator[Run]:
    if old:
        yield Run("delete", old)
    if new:
        yield Run("insert", new)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
