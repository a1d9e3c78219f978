"""Say in one plain sentence what an edit changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import zip_longest

from policy_versions.diff.sequence import readable
from policy_versions.diff.words import Told, told
from policy_versions.significance.edits import Edit
from policy_versions.significance.reworded import Touch
from policy_versions.significance.rules import OTHER, Rules

EXCERPT = 160  # characters
LEAD = 80  # the same of the line that an item hangs on
AROUND = 4  # words shown before and after what differs
SUBJECT = 5  # words, of what is kept or deleted

_KEPT = re.compile(
    r"\b(?:keep|retain|store|hold|delet\w*|eras\w*|kept|retention of)s? (?P<what>(?:[\w'’-]+ ){0,5}?[\w'’-]+)"
    r" (?:for|until|after|within|no longer than)\b"
)
_IS_KEPT = re.compile(
    r"(?P<what>(?:[\w'’-]+ ){1,5}?)(?:is|are|will be) (?:kept|retained|stored|held|deleted|erased)\b"
)
_SUMS = re.compile(r"([$€£¥]) (?=\d)| (?=%)")
_SINGLE = re.compile(r"\b1 (month|day|hour|year|week)s\b")


def sentence(edit: Edit, touch: Touch, rules: Rules) -> str:
    """Return one plain sentence: what it is about, and what became of it."""
    how = _SAYING.get(touch.kind, _differs)
    if touch.kind.startswith("sentence"):
        how = _came_or_went
    return f"{_title(edit, touch, rules)}: {how(edit, touch, rules)}"


def _title(edit: Edit, touch: Touch, rules: Rules) -> str:
    title = rules.category(touch.category).title if touch.category != OTHER else "Unsure"
    subject = _subject(edit, rules) if touch.category == "retention" else ""
    return f"{title} of {subject}" if subject else title


def _subject(edit: Edit, rules: Rules) -> str:
    """What is kept or deleted: “payment data”; of a row its first cell; "" where that is not plain."""
    text = edit.either.text
    if edit.either.tag == "tr":
        words = text.split("\t")[0].split()
    else:
        found = _KEPT.search(text) or _IS_KEPT.match(text)
        words = found["what"].split() if found else []
    if words and words[0].casefold() in ("your", "the", "our", "all", "any"):
        words = words[1:]
    if not 0 < len(words) <= SUBJECT or words[0].casefold() in rules.weightless | rules.small:
        return ""
    return _uncapped(" ".join(words))


def _uncapped(words: str) -> str:
    """A capital that only begins a cell or a sentence is taken back."""
    return words[0].lower() + words[1:] if words[1:2].islower() else words


def _numbers(edit: Edit, touch: Touch, rules: Rules) -> str:
    if touch.before and touch.after:
        return f"from {_plain(touch.before)} to {_plain(touch.after)}."
    if touch.before:
        return f"{_plain(touch.before)} is no longer said. {_differs(edit, touch, rules)}"
    return f"{_plain(touch.after)} is said now. {_differs(edit, touch, rules)}"


def _plain(quantity: str) -> str:
    return _SINGLE.sub(r"1 \1", _SUMS.sub(r"\1", quantity))


def _exchanged(_edit: Edit, touch: Touch, _rules: Rules) -> str:
    return f"{touch.before} was replaced by {touch.after}."


def _force(edit: Edit, touch: Touch, rules: Rules) -> str:
    words = f"{touch.before} {touch.after}".split()
    classes = dict.fromkeys(rules.force[word] for word in words if word in rules.force)
    changed = " and ".join(rules.said[name] for name in classes) or "what is promised"
    return f"{changed} changed: {_differs(edit, touch, rules)}"


def _contact(_edit: Edit, touch: Touch, _rules: Rules) -> str:
    return f"{touch.before} is no longer given as an address to write to."


def _came_or_went(edit: Edit, _touch: Touch, _rules: Rules) -> str:
    one = edit.either
    said = _cut(one.text.replace("\t", " · ").split())
    if one.lead:
        came = "added" if edit.new else "taken away"
        return f"“{said}” was {came}{_under(one.lead)}."
    return f"{'now' if edit.new else 'no longer'} says “{said}”."


def _under(lead: str) -> str:
    """The line that an item hangs on, where it is short enough to be read along."""
    words = lead.strip().rstrip(":")
    return f" under “{words}”" if len(words) <= LEAD else ""


def _differs(edit: Edit, touch: Touch, rules: Rules) -> str:
    """Return what was said and is said, cut to the part that differs; where words only came or went, these."""
    if not edit.old or not edit.new:
        return _came_or_went(edit, touch, rules)
    old, new = edit.old.text.split(), edit.new.text.split()
    runs = [run for run in told(old, new, readable(old, new)) if not run.kept]
    if runs and (not any(run.old for run in runs) or not any(run.new for run in runs)):
        return _came_within(runs, old, new)
    head = max(0, _common(old, new) - AROUND)
    tail = max(0, _common(old[::-1], new[::-1]) - AROUND)
    was, now = (_excerpt(side, head, tail) for side in (old, new))
    return f"“{was}” became “{now}”."


def _came_within(runs: list[Told[str]], old: list[str], new: list[str]) -> str:
    is_new = any(run.new for run in runs)
    words = " … ".join(_cut([*(run.new if is_new else run.old)]) for run in runs)
    side, other = (new, old) if is_new else (old, new)
    head = max(0, _common(side, other) - AROUND)
    tail = max(0, _common(side[::-1], other[::-1]) - AROUND)
    return f"“{words}” was {'added' if is_new else 'taken out'}: “{_excerpt(side, head, tail)}”."


def _excerpt(words: list[str], head: int, tail: int) -> str:
    stop = max(head, len(words) - tail)
    part = _cut(words[head:stop])
    return f"{'… ' * (head > 0)}{part}{' …' * (stop < len(words) and not part.endswith('…'))}"


def _common(old: list[str], new: list[str]) -> int:
    return next((at for at, (a, b) in enumerate(zip_longest(old, new)) if a != b), len(old))


def _cut(words: list[str]) -> str:
    text = " ".join(words).strip().rstrip(".;:,")
    return text if len(text) <= EXCERPT else text[:EXCERPT].rsplit(" ", 1)[0] + " …"


_SAYING: Mapping[str, Callable[[Edit, Touch, Rules], str]] = {
    "quantity": _numbers,
    "span": _numbers,
    "name": _exchanged,
    "name_alone": _exchanged,
    "force": _force,
    "force_alone": _force,
    "contact": _contact,
}
