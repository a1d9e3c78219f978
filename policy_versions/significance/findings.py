"""The reasons for a verdict: each with its evidence, its level and one plain sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from policy_versions.significance.edits import Edit
from policy_versions.significance.reworded import Touch
from policy_versions.significance.rules import OTHER, Category, Rules
from policy_versions.significance.saying import sentence
from policy_versions.significance.weighing import direction, level

CATEGORIES = 5  # named of one change; the findings of others are told under the next best
MOST = 60  # findings told; of more the lightest are not
SECOND = 0.5  # what the second category of an edit adds, of its weight


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for a verdict."""

    category: str  # a category of rules.toml, or "other"
    section: str  # title of the section it stands in, "" before the first heading
    before: str  # the sentence as it was, "" where it is new
    after: str  # the sentence as it is, "" where it is gone
    reason: str  # one plain sentence
    level: int  # 2 to 4
    rule: str  # what it cites
    direction: str = ""  # wider: the company may do more or the member less; narrower; "" where it cannot be told
    weight: float = 1.0  # 0 to 1, how surely it alone makes the change significant
    dpv: tuple[str, ...] = ()  # names of the W3C Data Privacy Vocabulary
    opp115: tuple[str, ...] = ()  # practice categories of the OPP-115 corpus

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """Return the finding that `dataclasses.asdict` gave, of this or an earlier engine."""
        listed = {name: tuple(data.get(name, ())) for name in ("dpv", "opp115")}
        return cls(**{**data, **listed})


class Judged(NamedTuple):
    """An edit and what it touches, the surest first."""

    edit: Edit
    touches: Sequence[Touch]


def findings(judged: Sequence[Judged], rules: Rules) -> tuple[Finding, ...]:
    """Return the findings by level and weight, each sentence once, MOST in all."""
    named = _named(judged)
    told = (one for judgement in judged for one in _told(judgement, named, rules))
    once = {(one.category, one.before, one.after): one for one in told}
    ranked = sorted(once.values(), key=lambda one: (-one.level, -one.weight, rules.category(one.category).place))
    return tuple(ranked[:MOST])


def _named(judged: Iterable[Judged]) -> frozenset[str]:
    """Return the categories that weigh most over all edits."""
    weights: Counter[str] = Counter()
    for _, touches in judged:
        for place, touch in enumerate(touches[:2]):
            weights[touch.category] += touch.weight * (SECOND if place else 1)  # type: ignore[assignment]
    del weights[OTHER]
    return frozenset(sorted(weights, key=lambda name: (-weights[name], name))[:CATEGORIES])


def _told(judged: Judged, named: frozenset[str], rules: Rules) -> Iterator[Finding]:
    """Yield what is told of one edit: at most two categories that are named, else what is surest of it."""
    sure = [touch for touch in judged.touches[:2] if touch.weight >= rules.threshold["told"]]
    kept = [touch for touch in sure if touch.category in named]
    for touch in kept or [touch._replace(category=OTHER) for touch in sure[:1]]:
        yield finding(judged.edit, touch, rules)


def finding(edit: Edit, touch: Touch, rules: Rules) -> Finding:
    """Return one reason, in words."""
    category, way = rules.category(touch.category), direction(edit, touch, rules)
    weighs = level(edit, touch, way, rules)
    return Finding(
        category=category.name,
        section="".join(edit.either.section[-1:]),
        before=edit.old.text if edit.old else "",
        after=edit.new.text if edit.new else "",
        reason=sentence(edit, touch, rules),
        level=weighs,
        rule=_cites(category, weighs, rules),
        direction=way,
        weight=round(touch.weight, 2),
        dpv=category.dpv,
        opp115=category.opp115,
    )


def _cites(category: Category, level: int, rules: Rules) -> str:
    return category.cites if category.name == OTHER else f"{category.cites}; {rules.levels[level]}"


def unsure(reason: str, level: int, rules: Rules, edit: Edit | None = None) -> Finding:
    """Return a finding that says why in doubt the change is significant."""
    category = rules.category(OTHER)
    before, after = ((side.text if side else "") for side in (edit.old, edit.new)) if edit else ("", "")
    section = "".join(edit.either.section[-1:]) if edit else ""
    return Finding(OTHER, section, before, after, reason, level, category.cites, opp115=category.opp115)
