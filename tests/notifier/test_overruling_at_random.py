"""Whatever people do in whatever order: no letter while a notice is stopped, none twice or lost, no past moved."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from database import reading, writing
from errors import Refusal
from notifier import control, facts, notices, overruling
from notifier.models import Member, Notice
from notifier.runtime import Runtime
from notifier.senders.protocol import NotSent
from policy_versions import applicability, archive, policies, reopening
from policy_versions.overruling import Override
from tests.conftest import NOON, make_engine, make_settings
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters, SetClock

TEXTS = (LONGER, TYPO, LONGER.replace("address.", "adress."), LONGER.replace("24 months", "36 months"))
NUMBERS = st.integers(2, 4)
BUTTONS = st.tuples(st.sampled_from(["pause", "resume", "cancel", "send_now", "withdraw"]), NUMBERS, st.just(""))
DEED = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 3), st.sampled_from(["posting", "notice"])),
    st.tuples(st.just("decide"), NUMBERS, st.sampled_from(["minor", "significant"])),
    BUTTONS,
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 61, 50_000]), st.just("")),
    st.tuples(st.just("busy"), st.just(0), st.just("")),
    st.tuples(st.just("join"), st.just(0), st.just("")),
)
BACKLOG = st.just([("busy", 0, ""), ("wait", 61, "")])  # a notice opens, and some of its letters wait
CALL_OFF = NUMBERS.map(lambda number: [("decide", number, "minor"), ("cancel", number, "")])
SOME = st.one_of(DEED.map(lambda deed: [deed]), BACKLOG, CALL_OFF)
# two significant texts with something between them, and then more
DEEDS = st.tuples(st.lists(SOME, max_size=2), BACKLOG, st.lists(SOME, max_size=6)).map(
    lambda parts: [
        ("publish", 0, "posting"),
        *chain.from_iterable(parts[0]),
        ("publish", 3, "notice"),
        *parts[1],
        *chain.from_iterable(parts[2]),
    ]
)
_numbers = itertools.count()


def made(template: Path, folder: Path) -> tuple[House, KeptLetters]:
    path = folder / f"{next(_numbers)}.db"
    shutil.copy(template, path)
    letters = KeptLetters(request_size=1)
    url = f"sqlite:///{path}"
    given_settings = make_settings(url, folder, review_minutes=60)
    house = House(Runtime(make_engine(url), SetClock(NOON), letters, given_settings, "node 1"))
    house.policy()
    house.publish(FIRST)
    house.tick()
    for name in ("ada", "bob", "cyd"):
        house.member(name, joined_at=NOON.isoformat())
    return house, letters


def do(house: House, letters: KeptLetters, deed: str, number: int, how: str) -> None:
    """One thing that somebody does; what is refused changes nothing."""
    house.runtime.clock.instant += timedelta(seconds=1)  # type: ignore[attr-defined]
    if deed == "wait":
        house.runtime.clock.instant += timedelta(minutes=number)  # type: ignore[attr-defined]
    elif deed == "busy":
        letters.answers.extend([None, NotSent("busy", retry_after=60)])
    elif deed == "publish":
        house.publish(
            TEXTS[number],
            rule=how,
            notice_days=3 if how == "notice" else 0,
            effective_at=max(house.now, latest(house)) + timedelta(days=number),
        )
    elif deed == "decide":
        decide(house, number, how)
    elif deed == "join":
        house.member(f"late {house.now:%d-%H-%M-%S}".replace(" ", "-"), joined_at=NOON.isoformat())
    elif deed == "withdraw":
        withdraw(house, number)
    else:
        press(house, deed, number)


def latest(house: House) -> datetime:
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
    return record.entries[-1].revision.effective_at


def decide(house: House, number: int, verdict: str) -> None:
    with reading(house.runtime.engine) as session:
        entry = archive.history(session, policies.policy(session, "privacy")).entry(number)
        opened = reopening.reopened(session, entry)
    seen = (entry.decision.id if entry.decision else None) or 0, opened.id if opened else None
    override = Override(verdict, "Why.", *seen)
    overruling.overrule(house.runtime, "privacy", number, override, actor="ines", alone=True)


def withdraw(house: House, number: int) -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        control.lock(session, policy)
        archive.withdraw(session, policy, number, reason="A mistake.", actor="ines", now=house.now)
        notices.withdrawn(session, archive.history(session, policy).entry(number).revision, now=house.now)


def press(house: House, deed: str, number: int) -> None:
    button: Callable[..., None] = getattr(control, deed)
    with writing(house.runtime.engine) as session:
        entry = archive.history(session, policies.policy(session, "privacy")).entry(number)
        notice = control.about(session, entry.revision)
        if notice is not None:
            button(session, notice.id, actor="ines", now=house.now)


def stopped(house: House) -> set[str]:
    """The keys of notices of which nothing may leave now."""
    with reading(house.runtime.engine) as session:
        found = session.exec(select(Notice).where(Notice.state != "sending", Notice.state != "complete"))
        return {n.substitution_prefix for n in found if n.state != "scheduled" or n.due_at > house.now}


def prefixes(letters: KeptLetters) -> list[str]:
    return [next(iter(r.substitutions)).split(".")[0].strip("-") for _, r in letters.taken]


def go_on(house: House, letters: KeptLetters) -> None:
    """Somebody goes on with all that waits, and there is time enough."""
    letters.answers.clear()
    for _ in range(6):
        with reading(house.runtime.engine) as session:
            found = session.exec(select(Notice)).all()
        for notice in found:
            with suppress(Refusal), writing(house.runtime.engine) as session:
                control.resume(session, notice.id or 0, actor="ines", now=house.now)
        house.runtime.clock.instant += timedelta(minutes=61)  # type: ignore[attr-defined]
        house.tick()


def untold(house: House) -> set[int | None]:
    """Members who know no text as late as the last that stands as significant, and did not join under it."""
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        last = max((e.number for e in record.entries if e.live and e.verdict == "significant"), default=0)
        everybody = session.exec(select(Member)).all()
        found = facts.of_members(session, facts.of_policy(session, record), everybody)
        return {m.id for m in everybody if applicability.told(found[m.id], house.now) < last}


@settings(max_examples=40)
@given(deeds=DEEDS)
def test_no_letter_while_it_is_stopped_none_twice_none_lost_and_no_past_that_moves(
    deeds: list[tuple[str, int, str]], sqlite_template: Path, tmp_path: Path
) -> None:
    house, letters = made(sqlite_template, tmp_path)
    lived: list[tuple[datetime, dict[str, int | None]]] = []
    for deed, number, how in deeds:
        with suppress(Refusal):
            do(house, letters, deed, number, how)
        silent, sent = stopped(house), len(prefixes(letters))
        house.tick()
        assert not silent & set(prefixes(letters)[sent:])
        now = house.now
        lived.append((now, {name: house.governs(name, now) for name in ("ada", "bob", "cyd")}))
    for at, governed in lived:
        assert {name: house.governs(name, at) for name in governed} == governed
    go_on(house, letters)
    assert untold(house) == set()
    told = Counter((r.address, prefix) for (_, r), prefix in zip(letters.taken, prefixes(letters), strict=True))
    assert max(told.values(), default=1) == 1
    house.runtime.engine.dispose()
