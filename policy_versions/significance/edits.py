"""Find the sentences that came, went or were reworded, leaving out what changes no substance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from policy_versions.diff import Change
from policy_versions.diff.likeness import best_matches
from policy_versions.diff.model import Op
from policy_versions.diff.sequence import readable
from policy_versions.diff.words import Told, told
from policy_versions.significance.normal import is_slip, normal, sentences

MOST = 2_000  # sentences looked at; a change of more is a new text
PASSAGE = 5  # words; so many stand elsewhere not by chance but because they were moved
RENAMED = 3  # a name replaced by another this often is renamed, not exchanged


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as written and in normal form, and what it hangs on."""

    text: str
    normal: str
    section: tuple[str, ...]
    lead: str  # for an item or a row: in normal form, the line before the list and the section's title

    tag: str  # of its block

    @property
    def words(self) -> list[str]:
        """Its words in normal form."""
        return self.normal.split()


@dataclass(frozen=True, slots=True)
class Edit:
    """A sentence that was reworded; or came, or went, where the other is None."""

    old: Sentence | None
    new: Sentence | None

    @property
    def before(self) -> str:
        """The old sentence in normal form, or ""."""
        return self.old.normal if self.old else ""

    @property
    def after(self) -> str:
        """The new sentence in normal form, or ""."""
        return self.new.normal if self.new else ""


def edits(change: Change) -> tuple[Edit, ...]:
    """Return the edits of substance; a sentence whose words stand elsewhere in the other text is none."""
    old, new = _Text(_sentences(change, "insert")), _Text(_sentences(change, "delete"))
    gone, come = old.missing_in(new), new.missing_in(old)
    pairs = best_matches([one.words for one in gone], [one.words for one in come])
    apart = [(gone[i], come[j]) for i, j in pairs if not (new.holds(gone[i].words) and old.holds(come[j].words))]
    reworded = [Edit(was, _settled(was, now, old, new)) for was, now in apart]
    renames = _renames(reworded, Counter(word for one in old.sentences for word in one.words))
    reworded = [_renamed(edit, renames) for edit in reworded]
    paired_old, paired_new = {i for i, _ in pairs}, {j for _, j in pairs}
    left = [one for i, one in enumerate(gone) if i not in paired_old and not new.holds(one.words)]
    came = [one for j, one in enumerate(come) if j not in paired_new and not old.holds(one.words)]
    return (
        *(edit for edit in reworded if edit.before != edit.after),
        *(Edit(one, None) for one in left),
        *(Edit(None, one) for one in came),
    )


class _Text:
    """One text's sentences, and what stands in it."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self.sentences = tuple(sentences)
        self._known = {one.normal for one in self.sentences}
        self._whole = f" {' '.join(one.normal for one in self.sentences)} "

    def missing_in(self, other: _Text) -> list[Sentence]:
        """Return the sentences, headings aside, that are none of the other text's: each once, MOST in all."""
        missing: dict[str, Sentence] = {}
        for one in self.sentences:
            if one.normal and one.normal not in other._known and one.tag[0] != "h":
                missing.setdefault(one.normal, one)
        return list(islice(missing.values(), MOST))

    def holds(self, words: Sequence[str]) -> bool:
        """Whether these words stand together somewhere, be it across sentences."""
        return f" {' '.join(words)} " in self._whole


def _sentences(change: Change, other: Op) -> Iterator[Sentence]:
    """Yield the sentences of one text: all but what only the other one has."""
    lead = ""
    for block in change.blocks:
        text = "".join(piece.text for piece in block.pieces if piece.op != other)
        if block.tag not in ("li", "tr"):
            lead = normal(text) if text.rstrip().endswith(":") else ""
        hangs_on = f"{lead} {normal(' '.join(block.section[-1:]))}" if block.tag in ("li", "tr") else ""
        for sentence in sentences(text):
            yield Sentence(sentence, normal(sentence), block.section, hangs_on, block.tag)


def _settled(one: Sentence, other: Sentence, old: _Text, new: _Text) -> Sentence:
    """Return the new sentence with the old one's words wherever the difference is none of substance."""
    fates = told(one.words, other.words, readable(one.words, other.words))
    words = (run.old if run.kept or _is_harmless(run, old, new) else run.new for run in fates)
    return replace(other, normal=" ".join(chain.from_iterable(words)))


def _is_harmless(run: Told[str], old: _Text, new: _Text) -> bool:
    """Whether words differ by slips or blanks only, or passages went to, or came from, elsewhere."""
    if "".join(run.old) == "".join(run.new):
        return True
    if len(run.old) == len(run.new) and all(map(is_slip, run.old, run.new)):
        return True
    return _is_passage(run.old, new) and _is_passage(run.new, old)


def _is_passage(words: Sequence[str], text: _Text) -> bool:
    return not words or (len(words) >= PASSAGE and text.holds(words))


def _renames(reworded: Iterable[Edit], known: Counter[str]) -> dict[str, str]:
    """Return the names that were replaced throughout, or by a name the old text used already."""
    replaced: Counter[tuple[str, str]] = Counter()
    for edit in reworded:
        if edit.old and edit.new:
            changed = told(edit.old.words, edit.new.words, readable(edit.old.words, edit.new.words))
            names = (run for run in changed if _is_name(run.old, edit.old) and _is_name(run.new, edit.new))
            replaced.update((" ".join(run.old), " ".join(run.new)) for run in names if not run.kept)
    return {
        old: new
        for (old, new), count in replaced.items()
        if count >= RENAMED or min(known[word] for word in new.split()) >= RENAMED
    }


def _is_name(words: Sequence[str], sentence: Sentence) -> bool:
    """Whether a sentence writes all of the words, four at most, with capitals."""
    capital = {word.casefold() for word in re.findall(r"\w+", sentence.text) if word[0].isupper()}
    return 0 < len(words) <= 4 and capital.issuperset(words)


def _renamed(edit: Edit, renames: dict[str, str]) -> Edit:
    if not edit.old:
        return edit
    text = f" {edit.before} "
    for old, new in renames.items():
        text = text.replace(f" {old} ", f" {new} ")
    return replace(edit, old=replace(edit.old, normal=text.strip()))
