"""Names that were replaced throughout: renamed, not exchanged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from policy_versions.significance.normal import stem
from policy_versions.significance.residue import residue
from policy_versions.significance.rules import rules
from policy_versions.significance.sentences import Sentence, Text

RENAMED = 2  # a name replaced by another this often, and never left, is renamed, not exchanged
RENAMED_PARTY = 4  # the same for what may be a party's name, or is no name
NEAR = 1  # words between a name and the word that says what party it is

Exchange = tuple[str, str]


def renames_of(pairs: Sequence[tuple[Sentence, Sentence]], old: Text, new: Text) -> dict[str, str]:
    """Return the words that were replaced by others throughout, the old ones nowhere left: old stems to new ones.

    Where a sentence tells of a party that a name stands for, another name is another party.
    """
    replaced: Counter[Exchange] = Counter()
    parties: set[Exchange] = set()
    names: set[Exchange] = set()
    for was, now in pairs:
        for exchange in residue(was.text, now.text, {}).exchanged:
            stems = _stems(exchange[0]), _stems(exchange[1])
            replaced[stems] += 1
            name = exchange[1].split()
            if is_party(name, now.words) or _is_region(exchange):
                parties.add(stems)
            if now.is_name(name):
                names.add(stems)
    return dict(
        exchange
        for exchange, count in replaced.items()
        if _is_often(exchange, count, old, doubtful=exchange in parties or exchange not in names)
        and _is_gone(exchange, new, mentions=int(count >= RENAMED and exchange in names))
    )


def _stems(words: str) -> str:
    return " ".join(map(stem, words.split()))


def _is_often(exchange: Exchange, count: int, old: Text, *, doubtful: bool) -> bool:
    if doubtful:
        return count >= RENAMED_PARTY and _say_alike(exchange) and not _is_region(exchange)
    known = min(old.stems[word] for word in exchange[1].split())
    return count >= RENAMED or known >= RENAMED_PARTY


def is_party(name: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a word for a party, such as vendor or Ltd, stands at a name."""
    places = [place for place, word in enumerate(words) if word == name[0]]
    return any(
        match.start - NEAR <= place + len(name) and place <= match.stop + NEAR - 1
        for match in rules().parties.find(words)
        for place in places
    )


def _is_region(exchange: Exchange) -> bool:
    """Whether a country stands for another: nobody renames it."""
    return any(next(rules().regions.find(words.split()), None) is not None for words in exchange)


def _say_alike(exchange: Exchange) -> bool:
    """Whether no idea of any category is in one of two phrases only."""
    before, after = ({match.value for match in rules().ideas.find(words.split())} for words in exchange)
    return before == after  # of stems: an idea told by a phrase is not seen, by its first letters it is


def _is_gone(exchange: Exchange, new: Text, *, mentions: int) -> bool:
    """Whether the old words are nowhere left but in so many mentions, as in “formerly …”."""
    before, after = (words.split() for words in exchange)
    if any(word[0].isdigit() or word in rules().force for word in (*before, *after)):
        return False
    only = set(before) - set(after)
    return bool(only) and min(new.stems[word] for word in only) <= mentions
