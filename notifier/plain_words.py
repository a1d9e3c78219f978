"""The findings of a decision as letters tell them: in plain words, as many as there is room for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from notifier import categories, typeset, wording
from notifier.wording import Wording

FINDINGS = 12  # sentences; the page that compares both texts has the rest
FINDINGS_WEIGH = 20_000  # bytes of all of them, as they travel
LONGEST_FINDING = 600  # characters
LONGEST_PLACES = 200  # characters of the sections that one holds for


class Finding(Protocol):
    """What the significance engine found. section: title of a heading, or ""; reason: one English sentence."""

    @property
    def category(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def reason(self) -> str: ...


class PlainWords(NamedTuple):
    """A finding's sentence, said once for all the sections it holds for."""

    sentence: str
    sections: str  # joined; "" for none


def first_of(findings: Sequence[PlainWords]) -> Sequence[PlainWords]:
    """The findings that a letter has room for: a dozen, and fewer where they are very long."""
    weights = accumulate(typeset.weight(f"{finding.sentence} {finding.sections}") for finding in findings)
    return findings[: min(FINDINGS, sum(weight <= FINDINGS_WEIGH for weight in weights))]


def told(findings: Sequence[Finding], summary: str, speech: Wording) -> list[PlainWords]:
    """Each finding's sentence once, without those that the summary says already."""
    sections: dict[str, dict[str, None]] = {}
    for finding in findings:
        if finding.reason not in summary:  # the publisher may have taken it over
            said = _in_words(finding, speech)
            sections.setdefault(said, {}).update({finding.section: None} if finding.section else {})
    return [PlainWords(said, _places(titles, speech)) for said, titles in sections.items()]


def _in_words(finding: Finding, speech: Wording) -> str:
    """The engine's sentence, which is English; in another language what it is about."""
    if speech.language == wording.SOURCE:
        return typeset.shortened(finding.reason, LONGEST_FINDING)
    return categories.title(finding.category, speech)


def _places(sections: Mapping[str, None], speech: Wording) -> str:
    return typeset.shortened(speech.listed([*sections]), LONGEST_PLACES)
