"""Judge a sentence that was reworded, by what differs in substance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from policy_versions.significance import idle
from policy_versions.significance.about import Place, first, ideas_of, touched, weighed
from policy_versions.significance.edits import denies
from policy_versions.significance.normal import normal
from policy_versions.significance.renames import is_party
from policy_versions.significance.residue import Residue
from policy_versions.significance.rules import OTHER, Idea, Rules
from policy_versions.significance.sentences import Sentence
from policy_versions.significance.terms import Quantity, Term, quantities, terms, weight_of

AGES = 6, 25  # bare numbers between them are taken for years of age
YEARS = 1900, 2100  # a bare number between them is a year
HEAVY_MOST = 6.0  # weight of terms beyond which more of them make nothing surer
SUREST = 0.85  # that words alone can make a finding
MOST_OF_IT = 0.4  # share of an item's weight
FEW = 4  # terms; in so small a difference every denial counts, not only whether there is one
PLACED = 0.2  # how much surer a bare number is in a sentence of a category

_AGES = ("under", "over", "least", "below", "above", "than", "age", "of")  # before a number that limits
_HARD = frozenset(("quantity", "span", "name"))  # kinds that matter in an idle sentence too
_SPANS = frozenset(("month", "day", "hour"))
_SUMS = frozenset("$€£¥")


class Touch(NamedTuple):
    """A category that an edit touches: by what, how surely it matters, and the words that show it."""

    category: str  # or "other"
    kind: str  # a name of rules.toml's [weight]
    weight: float
    before: str = ""  # what shows it: words, a quantity, a name
    after: str = ""


class Reworded(NamedTuple):
    """A reworded sentence, and what it is about."""

    was: Sentence
    now: Sentence
    residue: Residue
    ideas: tuple[frozenset[Idea], frozenset[Idea]]
    own: str  # the category of its ideas, "" for none
    around: Place

    @classmethod
    def of(cls, was: Sentence, now: Sentence, residue: Residue, around: Place, rules: Rules) -> Reworded:
        """Find out what the two are about."""
        before, after = frozenset(ideas_of(was.words, rules)), frozenset(ideas_of(now.words, rules))
        own = first(weighed(before) + weighed(after), rules)
        return cls(was, now, residue, (before, after), own, around)

    @property
    def category(self) -> str:
        """What it is about: itself, else the line it hangs on, else its section."""
        return self.own or self.around.lead or self.around.section

    @property
    def named(self) -> str:
        """The category, or "other"."""
        return self.category or OTHER


def reworded(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Yield all that a reworded sentence touches; a category perhaps more than once."""
    if idle.is_address(one.was, one.now, one.residue, rules):
        return
    if idle.is_label(one.was, one.around) and idle.is_label(one.now, one.around):
        return
    records = idle.is_record(one.was, rules) and idle.is_record(one.now, rules)
    both_idle = idle.is_idle(one.was, rules) and idle.is_idle(one.now, rules)
    examples = idle.differ_by_examples(one.was, one.now)
    records |= idle.opens_with_example(one.was, rules) and idle.opens_with_example(one.now, rules)
    for touch in chain.from_iterable(judging(one, rules) for judging in _JUDGING):
        is_light = records or ((both_idle or examples) and touch.kind not in _HARD)
        yield touch._replace(weight=touch.weight * (rules.weight["courtesy"] if is_light else 1))


# -- numbers -------------------------------------------------------------------------------------


def _counted(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of a quantity that became another one, or that only one of the two names."""
    gone, come = _amounts(one.was, one.now), _amounts(one.now, one.was)
    if gone and come:
        yield _exchanged(one, gone, come, rules)
    else:
        left = {term.start for term in (one.residue.gone if gone else one.residue.come)}
        alone = [amount for amount in (gone or come) if amount.unit and amount.start in left]
        if alone:
            sides = (_spelt(alone, one.was), "") if gone else ("", _spelt(alone, one.now))
            yield Touch(one.named, "span", rules.weight["span"], *sides)


def _amounts(one: Sentence, other: Sentence) -> list[Quantity]:
    known = Counter(map(_measure, quantities(other.text)))
    rest = Counter(map(_measure, quantities(one.text))) - known
    return [amount for amount in quantities(one.text) if _measure(amount) in rest and not _is_label(amount, one)]


def _measure(amount: Quantity) -> tuple[float, str]:
    """Equal for equal quantities; an age may be told with or without the word years."""
    is_age = amount.unit == "" and AGES[0] <= amount.number <= AGES[1]
    return (amount.number * 12, "month") if is_age else amount.key


def _is_label(amount: Quantity, one: Sentence) -> bool:
    """Whether a bare number is a year, or belongs to a name: “Studio 4”, “Form 12”."""
    if amount.unit:
        return False
    before = one.words[amount.start - 1] if amount.start else ""
    is_opening = amount.start == 1 and one.text.lstrip("*_#> ")[:1].isupper()
    return YEARS[0] <= amount.number <= YEARS[1] or before in one.capitals or is_opening


def _exchanged(one: Reworded, gone: Sequence[Quantity], come: Sequence[Quantity], rules: Rules) -> Touch:
    units = {amount.unit for amount in (*gone, *come)} - {""}
    sides = _spelt(gone, one.was), _spelt(come, one.now)
    if units or any(amount.start and one.was.words[amount.start - 1] in _AGES for amount in gone):
        return Touch(_of_units(units, one), "quantity", rules.weight["quantity"], *sides)
    return Touch(one.named, "number", rules.weight["number"] + PLACED * bool(one.category), *sides)


def _of_units(units: set[str], one: Reworded) -> str:
    """Return the category of a quantity: how long something is kept is retention, whatever it is."""
    around = chain.from_iterable(map(terms, (one.was.text, one.was.lead, *one.was.section[-1:])))
    if units & _SPANS and "keep" in {term.text for term in around}:
        return "retention"
    if any(idea.category == "children" for side in one.ideas for idea in side):
        return "children"  # an age, whatever else the sentence is about
    return "payment" if units & _SUMS and not one.category else one.named


def _spelt(found: Iterable[Quantity], one: Sentence) -> str:
    return " and ".join(" ".join(one.words[amount.start : amount.stop]) for amount in found)


# -- ideas ---------------------------------------------------------------------------------------


def _ideas(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of ideas that only one of the two holds, where words of substance that differ are part of them."""
    before, after = one.ideas
    for side, left, only in (
        (one.was, one.residue.gone, before - after),
        (one.now, one.residue.come, after - before),
    ):
        for match in touched(side, left, rules):
            if match.value in only:
                said = " ".join(side.words[match.start : match.stop])
                kind = "hint" if match.value.is_hint else "idea"
                sides = (said, "") if side is one.was else ("", said)
                yield Touch(match.value.category, kind, rules.weight[kind], *sides)


def _forced(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of words that change what is permitted, demanded, denied or limited."""
    gone, come = one.residue.gone, one.residue.come
    left, right = _forces(gone, rules), _forces(come, rules)
    changed = {name for name in left | right if left[name] != right[name]}
    if denies(one.was) == denies(one.now) and len(gone) + len(come) > FEW:
        changed.discard("denies")
    if "demands" not in changed and not left["advises"]:
        changed.discard("advises")
    if changed:
        kind = "force" if one.category else "force_alone"
        yield Touch(
            one.named, kind, rules.weight[kind], _of_force(gone, changed, rules), _of_force(come, changed, rules)
        )


def _forces(run: Iterable[Term], rules: Rules) -> Counter[str]:
    return Counter(rules.force[term.text] for term in run if term.text in rules.force)


def _of_force(run: Iterable[Term], changed: set[str], rules: Rules) -> str:
    return " ".join(term.text for term in run if rules.force.get(term.text) in changed)


# -- names and other words -----------------------------------------------------------------------


def _named(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of a name in the place of another."""
    gone, come = _names(one.residue.gone, one.was), _names(one.residue.come, one.now)
    if gone and come:
        at_party = is_party(normal(come[0]), one.now.words)
        about = (one.category, *one.around, "sharing" if at_party else "")
        party = next((name for name in about if rules.category(name).names), "")
        kind = "name" if party else "item" if one.now.tag == "tr" else "name_alone"
        yield Touch(party or one.named, kind, rules.weight[kind], " ".join(gone), " ".join(come))


def _names(left: Sequence[Term], one: Sentence) -> list[str]:
    """Return the words that are written with a capital, not only because they begin the sentence, as written."""
    found = (word for term in left if weight_of(term.text) == 1 for word in one.words[term.start : term.stop])
    return [one.capitals[word] for word in found if word in one.capitals]


def _regions(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of a country that came or went."""
    gone, come = _places(one.residue.gone, one.was, rules), _places(one.residue.come, one.now, rules)
    if gone or come:
        yield Touch(one.named, "region", rules.weight["region"], gone, come)


def _places(left: Sequence[Term], one: Sentence, rules: Rules) -> str:
    places = {place for term in left for place in range(term.start, term.stop)}
    found = (match for match in rules.regions.longest(one.words) if places & set(range(match.start, match.stop)))
    return " and ".join(" ".join(one.words[match.start : match.stop]) for match in found)


def _words(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Weigh the other words that came, went or were exchanged."""
    lost, won = _heft(one.residue.gone, rules), _heft(one.residue.come, rules)
    own = one.own or one.around.lead
    suffix = "" if own else "_alone"
    exchanged, alone = min(lost, won), abs(lost - won)
    weight = 2 * rules.weight["reworded" + suffix] * exchanged + rules.weight["term" + suffix] * alone
    weight += rules.weight["listed"] * (rules.category(own).lists and exchanged < 1 <= alone)
    if weight > 0:
        kind = "reworded" if exchanged else "term"
        yield Touch(one.named, kind, min(weight, SUREST))


def _heft(left: Iterable[Term], rules: Rules) -> float:
    return min(HEAVY_MOST, sum(weight_of(term.text) for term in left if term.text not in rules.force))


def _item(one: Reworded, rules: Rules) -> Iterator[Touch]:
    """Tell of an item or a row most of which is another one now."""
    if one.around.lead and all(share >= MOST_OF_IT for share in _shares(one)):
        yield Touch(one.own or one.around.lead, "item", rules.weight["item"], one.was.text, one.now.text)


def _shares(one: Reworded) -> Iterator[float]:
    for side, left in ((one.was, one.residue.gone), (one.now, one.residue.come)):
        yield sum(weight_of(term.text) for term in left) / sum(weight_of(term.text) for term in side.terms)


_JUDGING = (_counted, _ideas, _forced, _named, _regions, _words, _item)
