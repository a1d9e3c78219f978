"""Two verdicts that anyone could write in an hour, so that the engine's stands beside something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from benchmarks.decisions.labelled import Labelled

KEYWORDS = tuple(
    "account advert affiliat analytic arbitrat bill biometric cancel charg child collect consent contact"
    " controller cookie countr court data day delet disclos dispute encrypt fee gdpr information law liab"
    " licen location market month parent partner pay personal price privacy process profil prohibit provider"
    " purpose refund remov renew request retain retention right secur sell service share sharing store"
    " subprocessor subscri suspend terminat third train transfer vendor waive warrant year".split()
)
_AROUND = "*_`~#>|()[]{}<>.,;:!?\"'“”‘’"


def words_changed(old: str, new: str) -> list[str]:
    """Return the words, parted by blanks, that difflib deletes and inserts."""
    before, after = old.split(), new.split()
    changed: list[str] = []
    for kind, a, b, c, d in matcher(before, after).get_opcodes():
        if kind != "equal":
            changed += before[a:b] + after[c:d]
    return changed


def matcher(before: Sequence[str], after: Sequence[str]) -> SequenceMatcher[str]:
    """Return difflib's matcher of words, without the guess that drops what is frequent."""
    return SequenceMatcher(None, before, after, autojunk=False)


def keywords(words: Sequence[str]) -> int:
    """Return how many words begin as one of KEYWORDS does."""
    return sum(word.casefold().strip(_AROUND).startswith(KEYWORDS) for word in words)


BASELINES: dict[str, Callable[[Sequence[str]], int]] = {"changed words": len, "changed keywords": keywords}


def scores(pairs: Sequence[Labelled]) -> dict[str, list[float]]:
    """Return by baseline the score of each pair: how many words changed, and how many keywords."""
    changed = [words_changed(pair.old, pair.new) for pair in pairs]
    return {name: [float(score(words)) for words in changed] for name, score in BASELINES.items()}
