"""Find the sentences that came, went or were reworded, leaving out what changes no substance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from policy_versions.diff import Change
from policy_versions.diff.likeness import best_matches
from policy_versions.significance.about import touched
from policy_versions.significance.renames import renames_of
from policy_versions.significance.residue import Residue, residue
from policy_versions.significance.rules import rules
from policy_versions.significance.sentences import PERSONS, Sentence, Text
from policy_versions.significance.terms import Term, quantities, weight_of

CLEAN = 2  # changed sentences: one that was reworded, and nothing else in the passage
FEW = 2.0  # weight of the words exchanged
SHARED = 2.0  # times their weight is what the two sentences say all in all
SLIGHT = 1.0  # weight of other terms beside words of force
MUCH = 3.0  # weight of terms that stand together elsewhere by more than chance
COVERING = 2  # so many sentences together may say what one said

Pairs = Sequence[tuple[Sentence, Sentence]]


@dataclass(frozen=True)
class Edit:
    """A sentence that was reworded; or came, or went, where the other is None."""

    old: Sentence | None
    new: Sentence | None
    residue: Residue = field(default_factory=Residue)  # what differs in substance
    is_turned: bool = False  # whether it now says of the company what it said of members, or the reverse
    lost_contact: str = ""  # an e-mail address in the old sentence that stands nowhere in the new text

    @property
    def either(self) -> Sentence:
        """The new sentence, or the old one."""
        found = self.new or self.old
        assert found is not None, "an edit has a sentence"
        return found


def edits(change: Change) -> tuple[Edit, ...]:
    """Return the edits of substance; a sentence whose words stand elsewhere in the other text is none."""
    old, new = Text(change, "insert"), Text(change, "delete")
    gone, come = old.missing_in(new), new.missing_in(old)
    if not gone and not come:
        return tuple(_with_contacts((), old, new))
    places = best_matches([_said(one) for one in gone], [_said(one) for one in come])
    places += _left_alone(gone, come, places)
    pairs = [(gone[i], come[j]) for i, j in places]
    balance = _balance((old, gone), (new, come))
    found = [
        *_reworded(pairs, old, new, balance),
        *_alone(_rest(gone, (i for i, _ in places)), new, balance, is_new=False),
        *_alone(_rest(come, (j for _, j in places)), old, balance, is_new=True),
    ]
    return tuple(_with_contacts(found, old, new))


def _said(one: Sentence) -> list[str]:
    return [term.text for term in one.terms]


def _left_alone(
    gone: Sequence[Sentence], come: Sequence[Sentence], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pair what alone is left of the two sides of one block: it stands in the place of the other."""
    left = [_by_block(gone, (i for i, _ in places)), _by_block(come, (j for _, j in places))]
    both = left[0].keys() & left[1].keys()
    return [
        (left[0][block][0], left[1][block][0])
        for block in sorted(both)
        if len(left[0][block]) == len(left[1][block]) == 1
    ]


def _by_block(found: Sequence[Sentence], paired: Iterable[int]) -> defaultdict[int, list[int]]:
    taken = set(paired)
    left: defaultdict[int, list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if place not in taken:
            left[one.block].append(place)
    return left


def _rest(found: Sequence[Sentence], paired: Iterable[int]) -> list[Sentence]:
    taken = set(paired)
    return [one for place, one in enumerate(found) if place not in taken]


def _with_contacts(found: Iterable[Edit], old: Text, new: Text) -> Iterator[Edit]:
    """Yield the edits; those of sentences with an address that is lost say so, and any such sentence is one."""
    lost = {
        one: address
        for one in old.changed
        for address in one.addresses
        if not one.is_title and address not in new.addresses
    }
    for edit in found:
        yield replace(edit, lost_contact=lost.pop(edit.old, "")) if edit.old else edit
    yield from (Edit(one, None, lost_contact=address) for one, address in lost.items())


# -- what a passage keeps as a whole -------------------------------------------------------------


class _Balance:
    """What each passage lost and won when all its sentences are counted together."""

    def __init__(self) -> None:
        self._rest: dict[tuple[int, bool], Counter[str]] = {}

    def weigh(self, passage: int, before: Counter[str], after: Counter[str], *, loose: bool) -> None:
        self._rest[passage, False] = _less(before, after, loose=loose)
        self._rest[passage, True] = _less(after, before, loose=loose)

    def left(self, one: Sentence, terms: Sequence[Term], *, is_new: bool) -> tuple[Term, ...]:
        """Return those of a sentence's terms that its passage lost, or won, as a whole."""
        rest = self._rest[one.passage, is_new]
        return tuple(term for term in terms if term.text in rest)


def _balance(*sides: tuple[Text, Sequence[Sentence]]) -> _Balance:
    (old, gone), (new, come) = sides
    had, has = _bags(old, gone), _bags(new, come)
    sizes = Counter(one.passage for one in (*gone, *come))
    found = _Balance()
    for passage in had.keys() | has.keys():
        found.weigh(passage, had[passage], has[passage], loose=sizes[passage] > CLEAN)
    return found


def _bags(text: Text, missing: Iterable[Sentence]) -> defaultdict[int, Counter[str]]:
    """Return the terms of each passage's sentences that the other text lacks, and of its titles."""
    bags: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for one in (*missing, *(one for one in text.changed if one.is_title)):
        bags[one.passage].update(one.bag)
    return bags


def _less(bag: Counter[str], other: Counter[str], *, loose: bool) -> Counter[str]:
    """Return what the other bag lacks. loose: what carries little or gives force need only stand there at all."""
    rest = bag - other
    if loose:
        for term in [term for term in rest if other[term] and (weight_of(term) < 1 or term in rules().force)]:
            del rest[term]
    return rest


# -- what is said elsewhere ----------------------------------------------------------------------


def _reworded(pairs: Pairs, old: Text, new: Text, balance: _Balance) -> Iterator[Edit]:
    renames = renames_of(pairs, old, new)
    for was, now in pairs:
        left = residue(was.text, now.text, renames)
        gone = balance.left(was, left.gone, is_new=False)
        come = balance.left(now, left.come, is_new=True)
        if _is_exchange(was, now, left):  # then it is its own, though another sentence says it now
            gone, come = _with_weighty(was, left.gone, gone), _with_weighty(now, left.come, come)
        if _is_slight(left):  # then a word of force is its own, whatever the rest of the passage says
            gone, come = _with_force(left.gone, gone), _with_force(left.come, come)
        gone = () if _is_elsewhere(gone, was, now, new) else gone
        come = () if _is_elsewhere(come, now, was, old) else come
        is_turned = _is_turned(was, now)
        if gone or come or is_turned:
            yield Edit(was, now, left._replace(gone=gone, come=come), is_turned=is_turned)


def _is_turned(was: Sentence, now: Sentence) -> bool:
    """Whether two sentences differ in nothing but who is spoken of: “you may” became “we may”."""
    pairs = [pair for pair in zip(was.words, now.words, strict=False) if pair[0] != pair[1]]
    persons = [(PERSONS.get(old), PERSONS.get(new)) for old, new in pairs]
    return bool(pairs) and len(was.words) == len(now.words) and all(a and b and a != b for a, b in persons)


def _is_slight(left: Residue) -> bool:
    """Whether two sentences differ in hardly more than words of force."""
    return _weight([term for term in (*left.gone, *left.come) if term.text not in rules().force]) <= SLIGHT


def _is_exchange(was: Sentence, now: Sentence, left: Residue) -> bool:
    """Whether hardly anything but a few words was exchanged for others."""
    lost, won = _weight(left.gone), _weight(left.come)
    return (
        0 < lost <= FEW
        and 0 < won <= FEW
        and _weight(was.terms) >= SHARED * lost
        and _weight(now.terms) >= SHARED * won
    )


def _with_weighty(one: Sentence, left: Sequence[Term], kept: Sequence[Term]) -> tuple[Term, ...]:
    """Return what is kept, and besides the quantities and what is part of a category's idea."""
    ideas = {place for match in touched(one, left, rules()) for place in range(match.start, match.stop)}
    return tuple(term for term in left if term in kept or term.text[0].isdigit() or term.start in ideas)


def _with_force(left: Sequence[Term], kept: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(term for term in left if term in kept or term.text in rules().force)


def _is_elsewhere(left: Sequence[Term], one: Sentence, twin: Sentence, other: Text) -> bool:
    """Whether terms, if they are many, are said in the other text beside the sentence's twin."""
    if _weight(left) < MUCH:
        return False
    return _is_covered(left, one, [candidate for candidate in other.like(one) if candidate is not twin])


def _alone(found: Iterable[Sentence], other: Text, balance: _Balance, *, is_new: bool) -> Iterator[Edit]:
    for one in found:
        left = balance.left(one, one.terms, is_new=is_new)
        if not one.is_title and not _is_kept(one, left) and not _is_covered(one.terms, one, other.like(one)):
            yield Edit(None, one, Residue(come=left)) if is_new else Edit(one, None, Residue(gone=left))


def _is_kept(one: Sentence, left: Sequence[Term]) -> bool:
    """Whether its passage keeps nearly all that a sentence says."""
    said = 1 - _weight(left) / _weight(one.terms)
    return said >= rules().threshold["restated"] and not any(term.text in rules().force for term in left)


def _is_covered(left: Sequence[Term], one: Sentence, candidates: Iterable[Sentence]) -> bool:
    """Whether other sentences say these terms of a sentence: nearly all their weight, and all their force."""
    wanted = Counter(term.text for term in left)
    missing, helped = wanted, list[Sentence]()
    for candidate in sorted(candidates, key=lambda other: -_heft(wanted & other.bag))[:COVERING]:
        rest = missing - candidate.bag
        if rest != missing:
            missing = rest
            helped.append(candidate)
    if not helped or 1 - _heft(missing) / _heft(wanted) < rules().threshold["restated"]:
        return False
    return not any(term in rules().force for term in missing) and _says_as_much(one, helped)


def _says_as_much(one: Sentence, others: Sequence[Sentence]) -> bool:
    """Whether sentences name the same quantities, and deny if it denies."""
    named = {amount.key for other in others for amount in quantities(other.text)}
    wanted = {amount.key for amount in quantities(one.text) if amount.unit}
    return wanted <= named and denies(one) == any(map(denies, others))


def denies(one: Sentence) -> bool:
    """Whether a sentence says no."""
    return any(rules().force.get(term.text) == "denies" for term in one.terms)


def _weight(left: Sequence[Term]) -> float:
    return sum(weight_of(term.text) for term in left)


def _heft(bag: Counter[str]) -> float:
    return sum(weight_of(term) * count for term, count in bag.items())
