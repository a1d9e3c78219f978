"""Judge one edit: which category it touches, how, and how much that weighs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from policy_versions.diff.sequence import readable
from policy_versions.diff.words import Told, told
from policy_versions.significance.edits import Edit, Sentence
from policy_versions.significance.normal import normal
from policy_versions.significance.rules import Category, Rules

SENTENCE = 4  # words; less is a title or a label, unless it hangs on a line that says what it is for
POINTER = 35  # words; a longer sentence that points elsewhere says something itself as well
LISTED = 2  # words of weight that only came, or only went: something on a list
REWORDED = 6  # words of weight that differ in a sentence of a category: too many for a matter of style
FEW = 8  # words, too few to tell a language by
ENGLISH = 0.15  # share of small words; English policies have 0.3 to 0.5, other languages hardly any
EXCERPT = 160  # characters
NEAR = 3  # words from a street or a floor that are part of its address
AROUND = 4  # words shown before and after what differs

SMALL = frozenset(
    "a an and are as at be been being by for from had has have he her his i if in into is it its of on or our she"
    " so such than that the their them then there these they this those to us was we were what when where which"
    " while who will with you your yours about above after also between both but each etc here how just more most"
    " other own please same some too under up very".split()
)
_FORCE = {
    "permits": "what is allowed",
    "demands": "what is demanded",
    "denies": "what is denied",
    "limits": "how far it reaches",
}
_UNITS = (
    r"(?:business |working |calendar )?(?:hour|day|week|month|year|minute|percent|%|euro|dollar|usd|eur|gbp)s?"
)
_QUANTITY = re.compile(rf"\b\d[\d.]* ?{_UNITS}\b|[$€£] ?\d[\d.]*|(?<=\b(?:under|least|below|above) )\d+")

_SPAN = re.compile(r"hour|day|week|month|year")
_KEEPING = re.compile(r"\b(?:keep|keeps|kept|retain\w*|retention|store[sd]?|hold|held|delet\w+|eras\w+)\b")


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


class _Touch(NamedTuple):
    category: Category
    level: int
    how: str  # the end of a sentence that begins with the category's title


def judge(edit: Edit, rules: Rules) -> Finding | None:
    """Return why an edit matters, or None."""
    touch = _touch(edit, rules)
    one = edit.new or edit.old
    if touch is None or one is None:
        return None
    return Finding(
        category=touch.category.name,
        section="".join(one.section[-1:]),
        before=edit.old.text if edit.old else "",
        after=edit.new.text if edit.new else "",
        reason=f"{touch.category.title}: {touch.how}",
        level=touch.level,
        rule=touch.category.cites,
    )


def weight(edit: Edit) -> int:
    """Return how many words of weight differ."""
    before, after = Counter(edit.before.split()), Counter(edit.after.split())
    return sum(count for word, count in ((before - after) + (after - before)).items() if word not in SMALL)


def is_english(words: Iterable[str]) -> bool:
    """Whether enough of the words are the small ones that every English sentence needs; few words pass."""
    counts = Counter(word in SMALL for word in words)
    return counts.total() < FEW or counts[True] >= ENGLISH * counts.total()


def _touch(edit: Edit, rules: Rules) -> _Touch | None:
    before, after = rules.ideas(edit.before), rules.ideas(edit.after)
    if not (edit.old and edit.new):
        one = edit.new or edit.old
        if one is None or _is_idle(one, rules):
            return None
        return _touched(edit, _first(before | after or rules.ideas(one.lead), rules))
    category = _first(before | after, rules)
    stands_under = category or _first(rules.ideas(edit.old.lead), rules)
    section = stands_under or _first(rules.ideas(normal(" ".join(edit.old.section[-1:]))), rules)
    return (
        _counted(edit, section, rules)
        or _touched(edit, _first(before ^ after, rules))
        or _forced(edit, stands_under, rules)
        or (None if _moved_house(edit, rules) else _told_otherwise(edit, category))
    )


def _told_otherwise(edit: Edit, category: Category | None) -> _Touch | None:
    return _named(edit, category) or _listed(edit, category) or _rewritten(edit, category)


def _first(ideas: frozenset[tuple[str, int]], rules: Rules) -> Category | None:
    """Return the category with most of the ideas; of several, the narrowest."""
    found = Counter(name for name, _ in ideas)
    categories = (rules.category(name) for name in found)
    return min(categories, key=lambda category: (-found[category.name], category.place), default=None)


def _counted(edit: Edit, category: Category | None, rules: Rules) -> _Touch | None:
    before, after = (Counter(_QUANTITY.findall(text)) for text in (edit.before, edit.after))
    gone, come = list(before - after), list(after - before)
    if gone and come and _is_kept(edit, gone):
        category = rules.category("retention")
    if category is None or not (gone and come):
        return None
    return _Touch(category, category.level, f"from {' and '.join(gone)} to {' and '.join(come)}.")


def _is_kept(edit: Edit, quantities: list[str]) -> bool:
    """Whether a span of time says how long something is kept, in the sentence or where it stands."""
    lead = edit.old.lead if edit.old else ""
    return any(map(_SPAN.search, quantities)) and _KEEPING.search(f"{lead} {edit.before}") is not None


def _touched(edit: Edit, category: Category | None) -> _Touch | None:
    return _Touch(category, category.level, _said(edit)) if category else None


def _forced(edit: Edit, category: Category | None, rules: Rules) -> _Touch | None:
    before, after = Counter(edit.before.split()), Counter(edit.after.split())
    for name, words in rules.force.items():
        if category and sum(before[word] - after[word] for word in words):
            return _Touch(category, 3, f"{_FORCE[name]} changed: {_said(edit)}")
    return None


def _named(edit: Edit, category: Category | None) -> _Touch | None:
    """Tell of a name in the place of another, where it matters who it is."""
    gone, come = _names(edit, edit.before, edit.after), _names(edit, edit.after, edit.before)
    if category is None or not category.names or not (gone and come):
        return None
    return _Touch(category, 3, f"from {_title(gone)} to {_title(come)}.")


def _moved_house(edit: Edit, rules: Rules) -> bool:
    """Whether all that differs belongs to a postal address: near a street or a floor, or a post code."""
    old, new = edit.before.split(), edit.after.split()
    fates = [Told(True, [], []), *told(old, new, readable(old, new)), Told(True, [], [])]
    return all(
        run.kept
        or all(any(map(str.isdigit, word)) for word in (*run.old, *run.new))
        or rules.places.search(" ".join((*before.new[-NEAR:], *run.old, *run.new, *after.new[:NEAR])))
        for before, run, after in zip(fates, fates[1:], fates[2:], strict=False)
    )


def _listed(edit: Edit, category: Category | None) -> _Touch | None:
    """Tell of a list that grew or shrank, where each thing on it matters."""
    before, after = Counter(edit.before.split()), Counter(edit.after.split())
    gone, come = ({word for word in side if word not in SMALL} for side in (before - after, after - before))
    if category is None or not category.lists or bool(gone) == bool(come) or len(gone | come) < LISTED:
        return None
    return _Touch(category, 2, _said(edit))


def _rewritten(edit: Edit, category: Category | None) -> _Touch | None:
    if category is None or weight(edit) < REWORDED:
        return None
    return _Touch(category, 2, f"reworded at length: {_said(edit)}")


def _is_idle(one: Sentence, rules: Rules) -> bool:
    """Whether a sentence that came or went promises nothing: a label, a pointer, the paper's own record."""
    size = len(one.words)
    if rules.records.search(one.normal) or (size <= POINTER and rules.pointers.search(one.normal)):
        return True
    return size < SENTENCE and not one.lead


def _names(edit: Edit, side: str, other: str) -> list[str]:
    """Return the words that only one side has and that are written with capitals, in order, each once."""
    raw = " ".join(one.text for one in (edit.old, edit.new) if one)
    capital = {word.casefold() for word in re.findall(r"(?<=[^.!?:] )[^\W\d_]+", raw) if word[0].isupper()}
    return [word for word in dict.fromkeys(side.split()) if word in capital and word not in other.split()]


def _title(words: list[str]) -> str:
    return " ".join(word.capitalize() for word in words)


def _said(edit: Edit) -> str:
    """Return what was said and is said, cut to the part that differs."""
    if not edit.old or not edit.new:
        one = edit.new or edit.old
        return f"{'now' if edit.new else 'no longer'} says “{_cut(one.text.split() if one else [])}”."
    old, new = edit.old.text.split(), edit.new.text.split()
    head = max(0, _common(old, new) - AROUND)
    tail = max(0, _common(old[::-1], new[::-1]) - AROUND)
    shown = [_cut(side[head : max(head, len(side) - tail)]) for side in (old, new)]
    before, after = "… " * (head > 0), " …" * (tail > 0)
    was, now = (f"“{before}{part}{'' if part.endswith('…') else after}”" for part in shown)
    return f"{was} became {now}."


def _common(old: list[str], new: list[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _cut(words: list[str]) -> str:
    text = " ".join(words).rstrip(".;:,")
    return text if len(text) <= EXCERPT else text[:EXCERPT].rsplit(" ", 1)[0] + " …"
