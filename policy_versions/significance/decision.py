"""Decide whether a change of a policy is significant, with reasons. Pure, and the same for the same texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from math import prod
from typing import Any, Literal

from policy_versions.diff import Blocks, Change, compare
from policy_versions.significance.edits import Edit, edits
from policy_versions.significance.findings import Finding, Judged, findings, unsure
from policy_versions.significance.judge import judge
from policy_versions.significance.language import is_english, is_foreign
from policy_versions.significance.reworded import Touch
from policy_versions.significance.rules import OTHER, rules

ENGINE = "significance-2"
SIGNIFICANT = 2  # the least level that is
SUMMARY = 3  # findings told in the summary
SAMPLE = 3_000  # words by which a text's language is told

_WORD = re.compile(r"[^\W\d_]+")

Verdict = Literal["significant", "minor"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a change, and what it rests on."""

    verdict: Verdict
    level: int  # 0 nothing a reader would see, 1 nothing of substance, 2 to 4 the weightiest finding's
    findings: tuple[Finding, ...]  # by level, then by weight
    summary: str  # a few plain sentences
    engine: str = ENGINE
    confidence: float = 1.0  # 0.5 to 1, of the verdict
    language: str = "en"  # "en", or "other" where the words were not judged

    def to_json(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """Return the decision that `to_json` gave, of this or an earlier engine."""
        found = tuple(Finding.from_json(finding) for finding in data["findings"])
        return cls(**{**data, "findings": found})


def decide(old: str | Blocks, new: str | Blocks) -> Decision:
    """Decide on the change from one text to the other. An empty text is one without any promise.

    Raises: as `diff.read` does, for a text.
    """
    change = compare(old, new)
    if whole := _whole_text(change):
        return Decision("significant", whole.level, (whole,), whole.reason)
    case = _Case(change)
    found = case.findings() if case.is_significant else ()
    return Decision(
        "significant" if case.is_significant else "minor",
        max((finding.level for finding in found), default=case.least_level),
        found,
        _summary(case, found),
        confidence=_confidence(case.sureness),
        language="en" if case.is_english else "other",
    )


def sureness(old: str | Blocks, new: str | Blocks) -> float:
    """Return how surely a change is significant, from 0 to 1; from the threshold on it is decided so."""
    change = compare(old, new)
    return 1.0 if _whole_text(change) else _Case(change).sureness


def _whole_text(change: Change) -> Finding | None:
    """Return the one finding of a change where one of the two texts has no words at all."""
    was, now = (any(_speaks(change, other)) for other in ("insert", "delete"))
    if was == now:
        return None
    return unsure("The whole text is new." if now else "The whole text was taken away.", 3, rules())


def _speaks(change: Change, other: str) -> Iterator[bool]:
    """Yield for each piece of one text whether it holds a word. other: what stands only in the other text."""
    pieces = (piece for block in change.blocks for piece in block.pieces if piece.op != other)
    return (_WORD.search(piece.text) is not None for piece in pieces)


def _confidence(sure: float) -> float:
    """How far a sureness is from the threshold: 0.5 at it, 1 at the end of its side."""
    least = rules().threshold["significant"]
    beyond = (sure - least) / (1 - least) if sure >= least else (least - sure) / least
    return round(0.5 + beyond / 2, 2)


class _Case:
    """A change, its edits of substance, and what they touch."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.edits = edits(change)
        self.is_english = is_english(islice(_words(change), SAMPLE), rules())
        self.judged = [Judged(edit, self._touches(edit)) for edit in self.edits]
        self.sureness = _together(self.judged)
        self.is_significant = self.sureness >= rules().threshold["significant"]

    @property
    def least_level(self) -> int:
        """The level of a change without findings: 1 where words of substance differ."""
        return int(any(judged.touches for judged in self.judged))

    def _touches(self, edit: Edit) -> Sequence[Touch]:
        if not is_foreign(edit.either, rules(), among_english=self.is_english):
            return judge(edit, rules())
        differs = edit.residue.gone or edit.residue.come
        return [Touch(OTHER, "foreign", rules().weight["foreign"])] if differs else []

    def findings(self) -> tuple[Finding, ...]:
        """Return why it is significant."""
        if not self.is_english:
            reason = "The text is not in English, so only its structure, numbers and size were judged."
            return (unsure(reason, SIGNIFICANT, rules(), self.edits[0]),)
        found = findings(self.judged, rules())
        if found:
            return found
        heaviest = max(self.judged, key=lambda judged: max((t.weight for t in judged.touches), default=0.0))
        reason = "Several small changes add up, and it is not certain that they change nothing of substance."
        return (unsure(reason, SIGNIFICANT, rules(), heaviest.edit),)


def _words(change: Change) -> Iterator[str]:
    return (
        word for block in change.blocks for piece in block.pieces for word in _WORD.findall(piece.text.casefold())
    )


def _together(judged: Iterable[Judged]) -> float:
    """Return how surely edits together are significant: each counts as independent, and the same one once."""
    surest: dict[tuple[Any, ...], float] = {}
    for edit, touches in judged:
        weight = max((touch.weight for touch in touches), default=0.0)
        key = tuple(tuple(term.text for term in side) for side in (edit.residue.gone, edit.residue.come))
        surest[key] = max(weight, surest.get(key, 0.0))
    return 1 - prod(1 - weight for weight in surest.values())


# -- the summary ---------------------------------------------------------------------------------


def _summary(case: _Case, found: Sequence[Finding]) -> str:
    if case.change.is_empty:
        return "Nothing changed."
    if not found:
        return _of_minor(case)
    told = _told_once(found)
    more = len(told) - SUMMARY
    rest = f" {more} more finding{'s' * (more > 1)}." if more > 0 else ""
    return f"{_topics(told)}{' '.join(finding.reason for finding in told[:SUMMARY])}{rest}"


def _told_once(found: Sequence[Finding]) -> list[Finding]:
    """Leave out what would say the same sentence, or the same words of a policy, again."""
    once: dict[tuple[str, str], Finding] = {}
    reasons: set[str] = set()
    for finding in found:
        if finding.reason not in reasons:
            once.setdefault((finding.before, finding.after), finding)
        reasons.add(finding.reason)
    return list(once.values())


def _of_minor(case: _Case) -> str:
    if case.least_level:
        return "Some sentences were put in other words; nothing of substance changed."
    return "Only spelling, formatting, links, dates, numbering or order changed; nothing of substance."


def _topics(found: Sequence[Finding]) -> str:
    """Return a sentence that names what a change of many findings is about, "" where they are few."""
    counts = Counter(finding.category for finding in found if finding.category != OTHER)
    if len(found) <= SUMMARY or len(counts) < 2:
        return ""
    titles = [_small(rules().category(name).title) for name, _ in counts.most_common()]
    return f"The change is about {', '.join(titles[:-1])} and {titles[-1]}. "


def _small(title: str) -> str:
    return title[0].lower() + title[1:]
