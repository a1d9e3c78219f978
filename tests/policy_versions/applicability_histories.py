"""Ten thousand histories drawn by a number each: a policy and one of its members, on whole days, often at once.

Drawn by hand, as strategies would take longer than what is tested. A number gives the same history for good, so a
failure is told by it. `features` says which rules a history puts to work, so that a test can count them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from policy_versions.applicability import (
    Acknowledged,
    Basis,
    Decided,
    Ended,
    Fact,
    Guardianship,
    Joined,
    Noticed,
    Published,
    Rule,
    Span,
    Timeline,
    Undone,
    Withdrawn,
)
from tests.policy_versions.applicability_oracle import DAY, EPOCH, Record, day, every

RULES = (Rule.POSTING, Rule.NOTICE, Rule.NOTICE, Rule.ACCEPTANCE)
VERDICTS = ("", "", "s", "s", "s", "m", "m", "ms", "sm", "mm", "msm")
ANSWERS = ("accepted", "accepted", "accepted", "read", "read", "declined", "consent withdrawn")


def history(number: int) -> list[Fact]:
    """The history of a number; its facts in no order."""
    draw = random.Random(number)
    facts = [*_policy(draw)]
    facts += _member(draw, every(facts, Published))
    draw.shuffle(facts)
    return facts


def _policy(draw: random.Random) -> Iterator[Fact]:
    """Up to five revisions; only the latest is withdrawn, and only before it is in force."""
    live: list[Published] = []
    today = 0
    for number in range(1, draw.randint(1, 5) + 1):
        today += draw.choice((0, 0, 1, 2, 3))
        effective = max([day(today), *(r.effective_at for r in live)]) + DAY * draw.choice((0, 0, 0, 2, 4))
        period = DAY * draw.choice((3, 3, 4))
        live.append(Published(day(today), number, effective, draw.choice(RULES), period, f"revision {number}"))
        yield live[-1]
        yield from _decided(draw, number, today)
        while live and live[-1].effective_at > day(today) and draw.random() < 0.2:
            today = draw.randint(today, (live[-1].effective_at - EPOCH).days - 1)
            yield Withdrawn(day(today), live.pop().revision, f"withdrawal {today}.{number}.{len(live)}")


def _decided(draw: random.Random, number: int, today: int) -> Iterator[Fact]:
    for index, verdict in enumerate(draw.choice(VERDICTS)):
        today += draw.choice((0, 0, 1, 3))
        yield Decided(day(today), number, verdict == "s", f"decision {number}.{index}")


def _member(draw: random.Random, revisions: Sequence[Published]) -> Iterator[Fact]:
    joined = draw.choice((0, 0, 1, 2, 3, 5, 8))
    yield Joined(day(joined), "member")
    yield from _guardians(draw, joined)
    for revision in revisions:
        earliest = (max(revision.at, day(joined)) - EPOCH).days
        for index in range(draw.choice((0, 1, 1, 2))):
            yield from _notice(draw, revision.revision, earliest, f"notice {revision.revision}.{index}")
        for index in range(draw.choice((0, 0, 0, 1, 2))):
            by_guardian, kind = draw.random() < 0.4, draw.choice(ANSWERS)
            at = day(earliest + draw.randint(0, 6))
            yield Acknowledged(at, revision.revision, kind, by_guardian, f"answer {revision.revision}.{index}")
    if draw.random() < 0.15:
        yield Ended(day(joined + draw.randint(0, 12)), "end")


def _guardians(draw: random.Random, joined: int) -> Iterator[Fact]:
    if draw.random() < 0.3:
        at = joined + draw.choice((0, 0, 1, 3))
        for index in range(draw.choice((1, 2, 2, 3))):
            yield Guardianship(day(at), index % 2 == 0, f"guardian {index}")
            at += draw.choice((0, 2, 4, 6))


def _notice(draw: random.Random, number: int, earliest: int, name: str) -> Iterator[Fact]:
    at = earliest + draw.randint(0, 4)
    stated = day(at + draw.randint(0, 6)) if draw.random() < 0.5 else None
    yield Noticed(day(at), number, max(0, number - draw.choice((1, 1, 2, 3))), stated, name)
    if draw.random() < 0.3:
        yield Undone(day(at + draw.randint(0, 7)), name, f"bounce of {name}")


# -- what a history puts to work ----------------------------------------------------------------


def features(facts: Sequence[Fact], line: Timeline) -> Iterator[str]:
    """Names of the rules that this history puts to work."""
    yield from {type(fact).__name__ for fact in facts}
    yield from (f"begins: {span.basis}" for span in line.spans)
    yield from (f"says: {fact.kind}" for fact in every(facts, Acknowledged))
    if len({fact.at for fact in facts}) < len(facts) - len(every(facts, Published)):
        yield "several facts at one instant"
    yield from _at_once(facts)
    yield from _at_the_ends(facts, line)
    for before, after in pairwise(line.spans):
        yield from _of_move(facts, Record(facts, after.start), before, after)
    for span in line.spans:
        yield from _of_span(facts, span)


def _at_once(facts: Sequence[Fact]) -> Iterator[str]:
    decisions = [(fact.revision, fact.at) for fact in every(facts, Decided)]
    if len(set(decisions)) < len(decisions):
        yield "decided twice at once"
    changes = [fact.at for fact in every(facts, Guardianship)]
    if len(set(changes)) < len(changes):
        yield "a guardian set and ended at once"
    notices = [(fact.revision, fact.at) for fact in every(facts, Noticed)]
    if len(set(notices)) < len(notices):
        yield "told twice at once"


def _at_the_ends(facts: Sequence[Fact], line: Timeline) -> Iterator[str]:
    [member], ends = every(facts, Joined), every(facts, Ended)
    if not line.spans:
        yield "never under any text"
        return
    if line.spans[0].start > member.at:
        yield "joined before any text was in force"
    if ends and any(fact.at > ends[0].at for fact in facts):
        yield "facts after the end"
    if ends and any(span.end == ends[0].at for span in line.spans):
        yield "ended under a text"
    if any(r.effective_at > member.at >= r.at for r in every(facts, Published)):
        yield "joined while one was upcoming"


def _of_move(facts: Sequence[Fact], record: Record, before: Span, after: Span) -> Iterator[str]:
    passed = [number for number in record.live() if before.revision < number <= after.revision]
    significant = [number for number in passed if record.significant(number)]
    rules = {record.live()[number].rule for number in significant}
    if len(passed) > 1:
        yield "skipped a revision"
    if len(passed) > len(significant) > 0:
        yield "a minor one moved with a significant one"
    if after.revision < max(record.effective()):
        yield "moved to one superseded already"
    if any(before.revision < fact.revision < after.revision for fact in record.every(Withdrawn)):
        yield "passed a withdrawn one"
    if record.guarded() and significant:
        yield "a ward moved by the guardian's word"
    if after.basis is Basis.ACCEPTANCE and rules - {Rule.ACCEPTANCE}:
        yield "accepted under another rule"
    if any(fact.at == after.start and not fact.significant for fact in record.every(Decided)):
        yield "moved when decided minor"
    if any(fact.at == after.start and not fact.present for fact in record.every(Guardianship)):
        yield "moved when guardianship ended"
    yield from _of_notice(facts, record, after)


def _of_notice(facts: Sequence[Fact], record: Record, after: Span) -> Iterator[str]:
    if after.basis is not Basis.NOTICE:
        return
    given = next((fact for fact in every(facts, Noticed) if fact.id == after.evidence), None)
    if given is None:
        yield "moved by a read"
        return
    if given.not_before == after.start:
        yield "moved on the day that the letter named"
    if given.base < given.revision - 1:
        yield "by a letter that told of several"
    undone = [fact for fact in every(facts, Undone) if fact.notice == given.id]
    if any(fact.at > after.start for fact in undone):
        yield "came back after the move"
    failed = {fact.notice for fact in record.every(Undone)}
    if any(f.id in failed and f.revision >= after.revision and f.at <= given.at for f in record.every(Noticed)):
        yield "by another notice than one that came back"


def _of_span(facts: Sequence[Fact], span: Span) -> Iterator[str]:
    """What held somebody back, looked at in the last moment of a span."""
    last = span.end - timedelta(hours=1) if span.end else max(fact.at for fact in facts)
    record = Record(facts, max(last, span.start))
    ahead = sorted(number for number in record.effective() if number > span.revision)
    if not ahead:
        return
    unmet = [number for number in ahead if record.significant(number) and not record.met(number)]
    if unmet and any(not record.significant(number) for number in ahead if number > unmet[0]):
        yield "a minor one held behind an unmet significant one"
    if unmet and not any(fact.revision == unmet[0] for fact in record.every(Decided)):
        yield "held back by an undecided one"
    if unmet and record.guarded() and record.live()[unmet[0]].rule is Rule.POSTING:
        yield "a ward held back from what was posted"
    told = {number for fact in record.every(Noticed) for number in range(fact.base + 1, fact.revision + 1)}
    standing = {n for fact in record.standing() for n in range(fact.base + 1, fact.revision + 1)}
    if unmet and unmet[0] in told - standing:
        yield "held back as the notice came back"
    verdicts = [fact for fact in record.every(Decided) if unmet and fact.revision == unmet[0]]
    if len({fact.significant for fact in verdicts}) > 1:
        yield "held back by an override up"
