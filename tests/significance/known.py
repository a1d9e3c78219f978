"""Pairs that the engine decides otherwise than a careful reader, and why."""

from __future__ import annotations

_REWRITTEN = "a whole passage in new words: in doubt it is told"

TOLD_FOR_NOTHING = {
    "explanation of recommendations rephrased": _REWRITTEN,
    "children's section heading and wording refreshed": _REWRITTEN,
    "device information given an example": _REWRITTEN,
    "conduct rules told as prose and not as bullets": _REWRITTEN,
    "governing law clause put in plain words": _REWRITTEN,
    "cookie banner line scraped into the page": _REWRITTEN,
    "opening paragraph polished by an editor": _REWRITTEN,
    "plain summary added on top of the cancellation clause": _REWRITTEN,
    "article references written out in full": _REWRITTEN,
    "legalese of the content licence made plain": _REWRITTEN,
    "guidelines reworded around the same three rules": _REWRITTEN,
    "billing paragraph turned into a table": _REWRITTEN,
    "stiff notice on disclosure rewritten in plain english": _REWRITTEN,
    "purposes paragraph rewritten in plain words": _REWRITTEN,
    "retention table turned into a list": _REWRITTEN,
    "right to erasure glossed with its other name": _REWRITTEN,
    "complaints paragraph rephrased and split": _REWRITTEN,
    "no-sale promise rephrased": _REWRITTEN,
    "leaving the club rewritten in friendlier words": _REWRITTEN,
    "regulations cited by their consolidated title": _REWRITTEN,
}
