"""Decide whether a change of a policy is significant, with reasons. Pure, and the same for the same texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from policy_versions.diff import Blocks, Change, compare
from policy_versions.significance.edits import Edit, edits
from policy_versions.significance.judge import Finding, is_english, judge, weight
from policy_versions.significance.rules import OTHER, rules

ENGINE = "significance-1"
SIGNIFICANT = 2  # the least level that is
REWRITE = 40  # words of weight that came and went without touching a category: unsure, therefore significant
SUMMARY = 3  # findings told in the summary

Verdict = Literal["significant", "minor"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a change, and what it rests on."""

    verdict: Verdict
    level: int  # 0 nothing changed, 1 nothing of substance, 2 to 4 the weightiest finding's
    findings: tuple[Finding, ...]  # the weightiest first
    summary: str  # one to four plain sentences
    engine: str = ENGINE
    confidence: float = 1.0  # 0.5 to 1, of the verdict
    language: str = "en"  # "en", or "other" where the words were not judged

    def to_json(self) -> dict[str, Any]:
        """Return it ready for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decision:
        """Return the decision that `to_json` gave, of this or an earlier engine."""
        findings = tuple(Finding.from_json(finding) for finding in data["findings"])
        return cls(**{**data, "findings": findings})


def decide(old: str | Blocks, new: str | Blocks) -> Decision:
    """Decide on the change from one text to the other. An empty text is one without any promise.

    Raises: as `diff.read` does, for a text.
    """
    change = compare(old, new)
    findings = _whole_text(change) or tuple(_findings(change))
    level = max((finding.level for finding in findings), default=0 if change.is_empty else 1)
    verdict: Verdict = "significant" if level >= SIGNIFICANT else "minor"
    return Decision(verdict, level, findings, _summary(change, findings))


def _whole_text(change: Change) -> tuple[Finding, ...]:
    ops = {piece.op for block in change.blocks for piece in block.pieces}
    if len(ops) != 1 or "equal" in ops:
        return ()
    reason = "The whole text is new." if "insert" in ops else "The whole text was taken away."
    return (_unsure(reason, level=4),)


def _findings(change: Change) -> Iterator[Finding]:
    found = edits(change)
    judged = [(edit, judge(edit, rules())) for edit in found]
    findings = [finding for _, finding in judged if finding]
    yield from sorted(findings, key=lambda finding: (-finding.level, rules().category(finding.category).place))
    rest = [edit for edit, finding in judged if not finding]
    if rest and not is_english(_words(change)):
        yield _unsure("The text is not in English, so its meaning was not judged.", rest[0])
    elif sum(map(weight, rest)) >= REWRITE:
        yield _unsure("Much was rewritten, and its meaning is not certain.", max(rest, key=weight))


def _words(change: Change) -> Iterator[str]:
    return (word for block in change.blocks for piece in block.pieces for word in piece.text.casefold().split())


def _unsure(reason: str, edit: Edit | None = None, level: int = SIGNIFICANT) -> Finding:
    before, after = (side.text if side else "" for side in (edit.old, edit.new)) if edit else ("", "")
    return Finding(OTHER, "", before, after, reason, level, rules().category(OTHER).cites)


def _summary(change: Change, findings: Sequence[Finding]) -> str:
    if change.is_empty:
        return "Nothing changed."
    if not findings:
        return "Only wording, formatting, links or order changed; nothing of substance."
    more = len(findings) - SUMMARY
    rest = f" {more} more finding{'s' * (more > 1)}." if more > 0 else ""
    return " ".join(finding.reason for finding in findings[:SUMMARY]) + rest
