"""Tell of a touch whether it is for the worse or the better, and how much must be done before it may apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from policy_versions.significance.edits import Edit
from policy_versions.significance.phrases import Phrases
from policy_versions.significance.reworded import Touch
from policy_versions.significance.rules import OTHER, Category, Rules
from policy_versions.significance.sentences import Sentence
from policy_versions.significance.terms import Quantity, Term, quantities, weight_of

Direction = Literal["wider", "narrower", ""]

NOTICE, CONSENT = 2, 4  # levels; 3, notice in advance, is what a category asks
AVAILABLE = 90  # per cent; so high a share is how much of the time a service runs
PLAIN = 2  # good things more that words exchanged for others must hold to be called better
REACH = 10  # words after a denial that it denies
SLIGHT = 2.0  # weight of terms beside words of force, up to which these alone tell the direction
_PROCESSORS = ("sharing", "transfer")  # where another name is another processor
_SENSITIVE = ("collection", "purpose", "sharing", "legal_basis", "automated", "transfer")
_GROWING = frozenset(  # where more is plainly worse, or plainly better
    ("collection", "purpose", "sharing", "automated", "conduct", "licence", "rights", "security", "change_process")
)
_TIMES = frozenset(("month", "day", "hour", "minute"))


def direction(edit: Edit, touch: Touch, rules: Rules) -> Direction:
    """Return wider where the company may do more or the member less, narrower for the reverse, "" if in doubt."""
    category = rules.category(touch.category)
    if touch.kind == "contact":
        return "wider"
    if touch.kind == "quantity":
        return _by_quantity(edit, category, rules)
    if _is_of_force(edit, rules):
        return _by_force(edit, category, rules)
    return _by_good_and_bad(edit, rules) or _by_growth(edit, category, rules)


def _worse(is_worse: bool) -> Direction:
    return "wider" if is_worse else "narrower"


# -- by what is good or bad for a member ----------------------------------------------------------


def _by_good_and_bad(edit: Edit, rules: Rules) -> Direction:
    """By what comes and goes of the things that are always good, or always bad, for a member."""
    come = _balance(edit.new, edit.residue.come, rules)
    gone = _balance(edit.old, edit.residue.gone, rules)
    if come < gone:
        return "wider"
    is_plain = come - gone >= (PLAIN if edit.residue.is_exchange else 1)
    return "narrower" if is_plain and not _comes(edit, rules.regions) else ""


def _balance(one: Sentence | None, left: Sequence[Term], rules: Rules) -> int:
    """Return how many good things more than bad ones a sentence says in words that differ; denied, the reverse."""
    if one is None:
        return 0
    places = {place for term in left for place in range(term.start, term.stop)}
    denied = _denials(one, rules)
    refusals = [m for m in rules.refusals.longest(one.words) if places & set(range(m.start, m.stop))]
    refused = {place for match in refusals for place in range(match.start, match.stop)}

    def count(phrases: Phrases[None]) -> int:
        found = (m for m in phrases.longest(one.words) if (places - refused) & set(range(m.start, m.stop)))
        return sum(-1 if any(m.start - REACH <= place < m.start for place in denied) else 1 for m in found)

    return count(rules.better) - count(rules.worse) - len(refusals)


def _denials(one: Sentence, rules: Rules) -> list[int]:
    """Return where a sentence denies, be it not by a refusal that is itself bad for a member."""
    refused = {place for match in rules.refusals.find(one.words) for place in range(match.start, match.stop)}
    denied = (term for term in one.terms if rules.force.get(term.text) == "denies" and term.text != "non")
    return [term.start for term in denied if term.start not in refused]


def _by_growth(edit: Edit, category: Category, rules: Rules) -> Direction:
    """More of a burden is wider, more of a benefit narrower; what is exchanged or denied tells nothing."""
    one = edit.new if edit.residue.come else edit.old
    if category.name not in _GROWING or edit.residue.is_exchange or one is None:
        return ""
    grows = bool(edit.residue.come) != (category.burden and _is_denied(one, category, rules))
    return _worse(grows == category.burden)


def _is_denied(one: Sentence, category: Category, rules: Rules) -> bool:
    """Whether a sentence denies what it says of a category: a denial stands before it, and not far off."""
    said = [match.start for match in rules.ideas.find(one.words) if match.value.category == category.name]
    denied = _denials(one, rules)
    return any(start - REACH <= place < start for place in denied for start in said or (len(one.words),))


# -- by words of force ---------------------------------------------------------------------------


def _is_of_force(edit: Edit, rules: Rules) -> bool:
    """Whether a reworded sentence differs by words of force, and hardly by others."""
    if not (edit.old and edit.new):
        return False
    differing = (*edit.residue.gone, *edit.residue.come)
    others = sum(weight_of(term.text) for term in differing if term.text not in rules.force)
    return any(term.text in rules.force for term in differing) and others <= SLIGHT


def _by_force(edit: Edit, category: Category, rules: Rules) -> Direction:
    """By the words of force that came or went, where they all tell the same."""
    told = {*_told(edit.old, edit.residue.gone, category, rules, is_new=False)}
    told |= {*_told(edit.new, edit.residue.come, category, rules, is_new=True)}
    return told.pop() if len(told) == 1 else ""


def _told(
    one: Sentence | None, left: Sequence[Term], category: Category, rules: Rules, *, is_new: bool
) -> Iterator[Direction]:
    for term in left if one else ():
        name = rules.force.get(term.text)
        if one and name and (is_bad := _is_bad(name, one, term, category, rules)) is not None:
            yield _worse(is_bad == is_new)


def _is_bad(name: str, one: Sentence, term: Term, category: Category, rules: Rules) -> bool | None:
    """Whether it is bad for a member that a word of force stands there; None where that cannot be told."""
    is_benefit = not category.burden or _gives_back(one, rules)
    if term.text == "unless":
        return is_benefit != bool(_denials(one, rules))
    if name in ("denies", "limits"):
        return is_benefit or (name == "denies" and category.name == "liability")
    is_members = _is_of_member(one.words[: term.start], rules)
    if name == "demands":
        return is_members
    if name == "advises":
        return None
    return not is_members if name == "permits" else None if is_members else True


def _is_of_member(words: Sequence[str], rules: Rules) -> bool:
    """Whether the last that is spoken of before a word is a member, not the company."""
    spoken = (word for word in reversed(words) if word in rules.members or word in ("we", "our", "us"))
    return next(spoken, "") in rules.members


def _gives_back(one: Sentence, rules: Rules) -> bool:
    return next(rules.gives_back.find(one.words), None) is not None


# -- by quantities -------------------------------------------------------------------------------


def _by_quantity(edit: Edit, category: Category, rules: Rules) -> Direction:
    before, after = _single(edit.old, edit.new), _single(edit.new, edit.old)
    if before is None or after is None or before.unit != after.unit:
        return ""
    if before.unit == "%" and min(before.number, after.number) >= AVAILABLE:
        return _worse(after.number < before.number)
    more_is_bad = _more_is_bad(edit.either, before.unit, category, rules)
    return "" if more_is_bad is None else _worse((after.number > before.number) == more_is_bad)


def _more_is_bad(one: Sentence, unit: str, category: Category, rules: Rules) -> bool | None:
    """Whether more of a unit is bad for a member; None where that cannot be told."""
    if category.name == "retention":
        return unit in _TIMES or None
    around = Sentence(f"{one.text} {one.lead} {' '.join(one.section[-1:])}")
    if next(rules.time_to_act.find(one.words), None) is not None or _gives_back(around, rules):
        return False
    if category.name in ("change_process", "termination", "liability", "dispute"):
        return False
    if category.name in ("security", "rights"):
        return unit in _TIMES or None
    return True if category.name == "payment" and unit not in _TIMES else None


def _single(one: Sentence | None, other: Sentence | None) -> Quantity | None:
    """The one quantity that only one of two sentences names."""
    known = {amount.key for amount in quantities(other.text)} if other else set()
    found = [amount for amount in quantities(one.text) if amount.key not in known] if one else []
    return found[0] if len(found) == 1 else None


# -- level ---------------------------------------------------------------------------------------


def level(edit: Edit, touch: Touch, way: Direction, rules: Rules) -> int:
    """Return 2 notice, 3 advance notice or 4 consent, by WP260 rev.01 §§29–31."""
    category = rules.category(touch.category)
    if way == "narrower":
        return NOTICE
    if category.name != OTHER and _asks_consent(edit, touch, way, rules):
        return CONSENT
    if touch.kind == "contact" or (category.name in _PROCESSORS and _is_processor(edit, touch, rules)):
        return NOTICE
    return category.level


def _is_processor(edit: Edit, touch: Touch, rules: Rules) -> bool:
    """Whether a processor was exchanged, or came or went on a list of processors."""
    if touch.kind in ("name", "name_alone"):
        return True
    hangs_on = Sentence(f"{edit.either.lead} {' '.join(edit.either.section[-1:])}")
    return edit.either.tag in ("tr", "li") and next(rules.parties.find(hangs_on.words), None) is not None


def _asks_consent(edit: Edit, touch: Touch, way: Direction, rules: Rules) -> bool:
    """Whether it reaches back, or takes in data of a special category."""
    if edit.new is None and way != "wider":
        return False
    if _comes(edit, rules.retroactive):
        return True
    is_special = _comes(edit, rules.special) or (way == "wider" and _stands(edit, rules.special))
    return touch.category in _SENSITIVE and is_special


def _stands(edit: Edit, phrases: Phrases[None]) -> bool:
    sides = [side.words for side in (edit.old, edit.new) if side]
    return any(next(phrases.find(words), None) is not None for words in sides)


def _comes(edit: Edit, phrases: Phrases[None]) -> bool:
    """Whether a phrase stands in the new sentence that the old one lacks, in words that differ."""
    if edit.new is None:
        return False
    places = {place for term in edit.residue.come for place in range(term.start, term.stop)}
    was = edit.old.words if edit.old else ()
    known = {was[match.start : match.stop] for match in phrases.find(was)}
    return any(
        places & set(range(match.start, match.stop)) and edit.new.words[match.start : match.stop] not in known
        for match in phrases.find(edit.new.words)
    )
