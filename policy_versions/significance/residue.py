"""What differs between two sentences when all is gone that changes no substance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.distance import OSA

from policy_versions.diff.sequence import readable
from policy_versions.diff.words import told
from policy_versions.significance.normal import is_slip, normal, stem
from policy_versions.significance.rules import rules
from policy_versions.significance.terms import Term, terms

_DENIES = frozenset(("not", "forbid"))
SHORT = 3  # letters
_NAME_WORDS = 4  # a longer run of words is no name
_UPPER = re.compile(r"\b(?=[A-Z0-9]*[A-Z])[A-Z0-9]{2,6}s?\b")


class Residue(NamedTuple):
    """The terms that only the old or only the new sentence has, and the runs of words exchanged on the spot."""

    gone: tuple[Term, ...] = ()
    come: tuple[Term, ...] = ()
    exchanged: tuple[tuple[str, str], ...] = ()

    @property
    def either(self) -> tuple[Term, ...]:
        """What came, or else what went."""
        return self.come or self.gone

    @property
    def is_exchange(self) -> bool:
        """Whether words both came and went."""
        return bool(self.gone and self.come)


def residue(was: str, now: str, renames: Mapping[str, str]) -> Residue:
    """Compare two sentences as written. renames: stems that stand for others throughout, old to new."""
    before, after = terms(was), terms(now)
    old, new = [term.text for term in before], [term.text for term in after]
    gone: list[Term] = []
    come: list[Term] = []
    exchanged: list[tuple[str, str]] = []
    i = j = 0
    old_words, new_words = normal(was), normal(now)
    for run in told(old, new, readable(old, new)):
        left, right = before[i : i + len(run.old)], after[j : j + len(run.new)]
        i, j = i + len(run.old), j + len(run.new)
        if run.kept:
            continue
        said = _said(left, old_words), _said(right, new_words)
        if said[0] and said[1] and max(len(left), len(right)) <= _NAME_WORDS:
            if _is_renamed(said, renames) or _are_slips(*said) or _differ_by_slips(left, right):
                continue
            exchanged.append(said)
        gone += left
        come += right
    spelt = _abbreviations(was, now, (old_words, new_words))
    left_gone, left_come = _cancelled(_without(gone, spelt), _without(come, spelt))
    return Residue(tuple(left_gone), tuple(left_come), tuple(exchanged))


def _are_slips(was: str, now: str) -> bool:
    """Whether the words as written differ by slips: a slip may hide what a word stands for."""
    before, after = was.split(), now.split()
    same = len(before) == len(after)
    return same and all(a == b or _is_misspelt(a, b) for a, b in zip(before, after, strict=True))


def _is_misspelt(was: str, now: str) -> bool:
    """Whether a word is another with a slip: of two that the rules know never, a short one only if unknown."""
    known = len({was, now} & rules().vocabulary)
    if known == 2:
        return False
    is_short = min(len(was), len(now)) == SHORT and (was + now).isalpha()
    return is_slip(was, now) or (is_short and known == 1 and OSA.distance(was, now) == 1)


def _is_renamed(said: tuple[str, str], renames: Mapping[str, str]) -> bool:
    if not renames:
        return False
    before, after = (" ".join(map(stem, words.split())) for words in said)
    return renames.get(before) == after


def _said(run: Sequence[Term], words: Sequence[str]) -> str:
    return " ".join(words[run[0].start : run[-1].stop]) if run else ""


def _differ_by_slips(left: Sequence[Term], right: Sequence[Term]) -> bool:
    if "".join(term.text for term in left) == "".join(term.text for term in right):
        return True
    return len(left) == len(right) and all(map(_is_slip, left, right))


def _is_slip(was: Term, now: Term) -> bool:
    force = rules().force
    return was.text == now.text or (
        was.text not in force and now.text not in force and is_slip(was.text, now.text)
    )


def _cancelled(gone: Sequence[Term], come: Sequence[Term]) -> tuple[list[Term], list[Term]]:
    """Leave out terms that only moved within the sentence, and those that differ by a slip."""
    shared = Counter(term.text for term in gone) & Counter(term.text for term in come)
    left, right = list(_less(gone, shared)), list(_less(come, shared))
    if any(term.text == "shall" for term in (*left, *right)):
        left, right = _without_shall(left, right)
    for was in tuple(left):
        for now in right:
            if _is_slip(was, now):
                left.remove(was)
                right.remove(now)
                break
    return left, right


def _without_shall(left: list[Term], right: list[Term]) -> tuple[list[Term], list[Term]]:
    """Leave out “shall”, which demands or foretells; and its “not” where the other side denies as often."""
    dropped = {"shall", "must"}
    if sum(term.text in _DENIES for term in left) == sum(term.text in _DENIES for term in right):
        dropped |= _DENIES
    left, right = ([term for term in side if term.text not in dropped] for side in (left, right))
    return left, right


def _less(run: Sequence[Term], shared: Counter[str]) -> Iterator[Term]:
    rest = Counter(shared)
    for term in run:
        if rest[term.text]:
            rest[term.text] -= 1
        else:
            yield term


# -- abbreviations -------------------------------------------------------------------------------


def _abbreviations(was: str, now: str, words: tuple[Sequence[str], Sequence[str]]) -> frozenset[str]:
    """Return the abbreviations, and the words they stand for, that either sentence spells out."""
    found: set[str] = set()
    for short in {match.lower().rstrip("s") for match in _UPPER.findall(f"{was} {now}")}:
        for side in words:
            if spelt := _spelt_out(short, side):
                found |= {short, f"{short}s", *spelt}
    return frozenset(found)


def _spelt_out(short: str, words: Sequence[str]) -> Sequence[str]:
    long = [word for word in words if word not in ("of", "and", "the", "for", "to")]
    for place in range(len(long) - len(short) + 1):
        run = long[place : place + len(short)]
        if all(word[0] == letter for word, letter in zip(run, short, strict=True)):
            return run
    return ()


def _without(run: Sequence[Term], spelt: frozenset[str]) -> list[Term]:
    if not spelt:
        return list(run)
    stems = frozenset(map(stem, spelt)) | spelt
    return [term for term in run if not set(term.text.split()) <= stems]
