"""Judge one edit: which categories it touches, by what, and how surely that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from policy_versions.significance import idle
from policy_versions.significance.about import Place, first, ideas_of, place, touched, weighed
from policy_versions.significance.edits import Edit
from policy_versions.significance.reworded import Reworded, Touch, reworded
from policy_versions.significance.rules import OTHER, Idea, Rules
from policy_versions.significance.sentences import Sentence
from policy_versions.significance.terms import Term, weight_of

SECTION = 5  # what a section or a lead adds to its category; an idea of the sentence itself adds 4
NEARLY = 0.6  # share of the first category's ideas that a second one needs to be told too
AROUND = 0.3  # how much more a category tells that the place is about
TOLD = 2  # categories of one sentence
CONTACTED = ("rights", "security", "change_process", "termination")  # what members write about

_ENOUGH = {"sentence": 1.3, "sentence_lead": 1, "sentence_hint": 4, "sentence_section": 6, "sentence_alone": 8}


def judge(edit: Edit, rules: Rules) -> list[Touch]:
    """Return what an edit touches, one touch a category, the surest first; nothing where it does not matter."""
    around = place(edit.either, rules)
    found = chain(_worded(edit, around, rules), _contact(edit, around, rules))
    best: dict[str, Touch] = {}
    for touch in sorted(found, key=lambda one: -one.weight):
        best.setdefault(touch.category, touch)
    return sorted(best.values(), key=lambda one: (-_rank(one, around), rules.category(one.category).place))


def _rank(touch: Touch, around: Place) -> float:
    """How well a touch tells what an edit is about: by its weight, and whether it is what the place is about."""
    return touch.weight * (1 + AROUND * (touch.category in around))


def _worded(edit: Edit, around: Place, rules: Rules) -> Iterator[Touch]:
    if edit.is_turned:
        return _turned(edit, around, rules)
    if edit.old and edit.new:
        return reworded(Reworded.of(edit.old, edit.new, edit.residue, around, rules), rules)
    return _alone(edit.either, edit.residue.either, around, rules, is_new=edit.new is not None)


def _turned(edit: Edit, around: Place, rules: Rules) -> Iterator[Touch]:
    """Tell of what is said of the company now and was said of members, or the reverse."""
    category = first(weighed(ideas_of(edit.either.words, rules)), rules) or next(filter(None, around), "")
    kind = "force" if category else "force_alone"
    yield Touch(category or OTHER, kind, rules.weight[kind])


def _contact(edit: Edit, around: Place, rules: Rules) -> Iterator[Touch]:
    """Tell of an address that members wrote to and that stands nowhere any more."""
    if edit.lost_contact:
        asked = {idea.category for idea in ideas_of(edit.either.words, rules)} | set(around)
        for name in [name for name in CONTACTED if name in asked][:1]:
            yield Touch(name, "contact", rules.weight["contact"], edit.lost_contact, "")


# -- came or went --------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """Why a sentence that came or went matters: a name of rules.toml's [weight], and the categories."""

    name: str
    categories: Sequence[str]


def _alone(one: Sentence, left: Sequence[Term], around: Place, rules: Rules, *, is_new: bool) -> Iterator[Touch]:
    if idle.is_label(one, around) or idle.is_record(one, rules):
        return
    factor = rules.weight["courtesy"] if idle.is_idle(one, rules) or idle.is_example(one, rules) else 1.0
    kind = _kind(one, left, around, rules)
    heft = sum(weight_of(term.text) for term in left)
    enough = 1 if one.lead else _ENOUGH[kind.name]  # an item says as much as a sentence
    weight = rules.weight[kind.name] * factor * min(1.0, heft / enough)
    for name in kind.categories:
        yield Touch(name, kind.name, weight, *("", one.text) if is_new else (one.text, ""))


def _kind(one: Sentence, left: Sequence[Term], around: Place, rules: Rules) -> _Kind:
    ideas = [match.value for match in touched(one, left, rules)]
    if any(not idea.is_hint for idea in ideas):
        return _Kind(
            "sentence", _told([idea.category for idea in ideas if not idea.is_hint], ideas, around, rules)
        )
    hinted = first(weighed(ideas), rules)
    hangs_on = around.lead or _listed_under(one, around, rules)
    if hangs_on:
        return _Kind("sentence_lead", [hangs_on if one.tag == "li" else hinted or hangs_on])
    if hinted:
        return _Kind("sentence_hint", [hinted])
    return _Kind("sentence_section", [around.section]) if around.section else _Kind("sentence_alone", [OTHER])


def _listed_under(one: Sentence, around: Place, rules: Rules) -> str:
    """Return the section's category for a row of it, and for an item where each thing on its lists matters."""
    is_listed = one.tag == "tr" or (one.tag == "li" and rules.category(around.section).lists)
    return around.section if is_listed else ""


def _told(strong: Sequence[str], ideas: Sequence[Idea], around: Place, rules: Rules) -> list[str]:
    """Return the categories a sentence is told under: what most of its ideas and its place are about."""
    found = weighed(ideas)
    for name in filter(None, around):
        found[name] += SECTION
    named = {*strong, *filter(None, (around.section,))}
    ranked = sorted(named, key=lambda name: (-found[name], rules.category(name).place))
    return [name for name in ranked[:TOLD] if found[name] >= NEARLY * found[ranked[0]]]
