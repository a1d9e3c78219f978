"""Pairs that the engine decides otherwise than a careful reader, and why. In doubt it tells."""

from __future__ import annotations

_REWRITTEN = "a whole passage in other words: what stayed the same is not seen"
_RESTATED = "says again, in other words, what stands below: read as something new"
_EXPLAINED = "explains a word that belongs to a category: read as a promise"
_SCRAPED = "a stray line of a page: read as part of the text"
_FORM = "laid out in another form and other words: what stayed the same is not seen"
_CITED = "a statute under abbreviations of another language"

TOLD_FOR_NOTHING = {
    "Click-here links given descriptive text": "a link's new text names something a category is about",
    "Double negative rephrased in takedown terms": "several words of force went for one",
    "Downtime formula spelled out more clearly": _REWRITTEN,
    "FAQ explains what an IP address is": _EXPLAINED,
    "GDPR citations put in English style": _CITED,
    "article references written out in full": _CITED,
    "billing paragraph turned into a table": _FORM,
    "children's section heading and wording refreshed": _REWRITTEN,
    "complaints paragraph rephrased and split": _REWRITTEN,
    "conduct rules told as prose and not as bullets": _FORM,
    "cookie banner line scraped into the page": _SCRAPED,
    "device information given an example": "more words under what is collected",
    "explanation of recommendations rephrased": _REWRITTEN,
    "glossary entry moved inline as a footnote": _FORM,
    "governing law clause put in plain words": _REWRITTEN,
    "guidelines reworded around the same three rules": _REWRITTEN,
    "leaving the club rewritten in friendlier words": _REWRITTEN,
    "legalese of the content licence made plain": _REWRITTEN,
    "no-sale promise rephrased": _REWRITTEN,
    "opening paragraph polished by an editor": _REWRITTEN,
    "plain summary added on top of the cancellation clause": _RESTATED,
    "purposes paragraph rewritten in plain words": _REWRITTEN,
    "question and answer box explaining the existing correction right": _RESTATED,
    "retention table turned into a list": _FORM,
    "right to erasure glossed with its other name": _EXPLAINED,
    "stiff notice on disclosure rewritten in plain english": _REWRITTEN,
}
MISSED = {
    "podcast service ends disclosure to research panels": "the new text names what it says has ended",
}
KNOWN = TOLD_FOR_NOTHING | MISSED
