"""Pairs that the engine decides otherwise than a careful reader, and why. In doubt it tells."""

from __future__ import annotations

_REWRITTEN = "a whole passage in other words: what stayed the same is not seen"
_RESTATED = "says again, in other words, what stands below: read as something new"
_EXPLAINED = "explains a word that belongs to a category: read as a promise"
_SCRAPED = "a stray line of a page: read as part of the text"
_FORM = "laid out in another form and other words: what stayed the same is not seen"
_CITED = "a statute under abbreviations of another language"

TOLD_FOR_NOTHING = {
    "applicability note for old customers restated": _RESTATED,
    "article references written out in full": _CITED,
    "bank branch app privacy, pointer added to existing deletion page": _RESTATED,
    "billing paragraph turned into a table": _FORM,
    "campsite booking terms, two sentences merged and split": _REWRITTEN,
    "children's section heading and wording refreshed": _REWRITTEN,
    "Click-here links given descriptive text": "a link's new text names something a category is about",
    "complaints paragraph rephrased and split": _REWRITTEN,
    "conduct rules told as prose and not as bullets": _FORM,
    "cookie banner line scraped into the page": _SCRAPED,
    "device information given an example": "more words under what is collected",
    "Double negative rephrased in takedown terms": "several words of force went for one",
    "Downtime formula spelled out more clearly": _REWRITTEN,
    "e-reader privacy, device added to list of same product under new name": _EXPLAINED,
    "explanation of recommendations rephrased": _REWRITTEN,
    "FAQ explains what an IP address is": _EXPLAINED,
    "ferry conditions, several typos": "a number misspelt in letters",
    "garbled sentence about opt out link repaired": "what was garbled held words of substance",
    "GDPR citations put in English style": _CITED,
    "glossary entry moved inline as a footnote": _FORM,
    "governing law clause put in plain words": _REWRITTEN,
    "grant programme rules, list of steps joined and a subject made explicit": _REWRITTEN,
    "guidelines reworded around the same three rules": _REWRITTEN,
    "Jorvik: clarifying example inside listed category": "more words under what is collected",
    "Lavenham: deprecated terms note expanded": _RESTATED,
    "leaving the club rewritten in friendlier words": _REWRITTEN,
    "legalese of the content licence made plain": _REWRITTEN,
    "meditation app privacy, sentence about itself dropped": _EXPLAINED,
    "Mereside: garbled sentence repaired": "what was garbled held words of substance",
    "newspaper comment rules, polite rewrite": _REWRITTEN,
    "no-sale promise rephrased": _REWRITTEN,
    "note for job applicants, order of items and linking words": _REWRITTEN,
    "notice about names and logos of makers shortened": "a word that limits, in a sentence of no substance",
    "opening paragraph polished by an editor": _REWRITTEN,
    "plain summary added on top of the cancellation clause": _RESTATED,
    "purposes paragraph rewritten in plain words": _REWRITTEN,
    "question and answer box explaining the existing correction right": _RESTATED,
    "rescue dog adoption contract, gender neutral words and clarified pronoun": _REWRITTEN,
    "retention table turned into a list": _FORM,
    "right to erasure glossed with its other name": _EXPLAINED,
    "Sedgefield: entry rule rephrased": _REWRITTEN,
    "stiff notice on disclosure rewritten in plain english": _REWRITTEN,
    "youth hostel house rules, tone made friendlier": _REWRITTEN,
}
MISSED = {
    "bird ringing group reliance": "another ground, in words that no rule knows",
    "charging points idle minutes": "more to pay, in words that no rule knows",
    "charity call centre abroad": "a city, and no word of a transfer",
    "charity shop local named contact": "another way to ask, in words that no rule knows",
    "data officer contact swapped": "another company behind the same address",
    "drawing table fetch work after closing": "a time to fetch what is yours, in words that no rule knows",
    "football academy pupil clips": "more who may look, in words that no rule knows",
    "garden centre household file": "a cell of a table in words that no rule knows",
    "hostel rules list": "an item under a line of no category",
    "logo contest losers keep": "two everyday words for who owns what",
    "podcast service ends disclosure to research panels": "the new text names what it says has ended",
    "union magazine two publishers": "one more company in a cell",
}
KNOWN = TOLD_FOR_NOTHING | MISSED
ONE_WAY = {
    "Leftover of former company name replaced": "the old name, brought back, could be another party's",
    "Two bullets on impersonation merged": "what was joined is found in one place; what is parted, not in two",
}
