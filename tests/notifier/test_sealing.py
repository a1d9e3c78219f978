"""Seals: what is recorded is sealed once it is whole, in order, and never in the way of letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from database import reading, writing
from notifier import sealing, seals, verifying
from notifier.evidence import verify
from notifier.models import Batch, Notice, Suppression
from notifier.seals import Seal
from tests.house import House, KeptLetters
from tests.notifier import records
from tests.notifier.sending import Later


def sealed(house: House, subject: str) -> list[tuple[int, int, int]]:
    with reading(house.runtime.engine) as session:
        found = session.exec(select(Seal).where(Seal.subject == subject).order_by(col(Seal.id)))
        return [(seal.first, seal.last, seal.rows) for seal in found]


def holds(house: House) -> bool:
    return all(result.holds for result in verifying.verify(house.runtime.engine))


def suppression(house: House, key: str) -> Suppression:
    return Suppression(email_key=key, reason="bounce", recorded_at=house.now)


def test_what_comes_later_is_sealed_later_and_nothing_twice(house: House) -> None:
    for number in range(2):
        with writing(house.runtime.engine) as session:
            session.add_all(suppression(house, f"{number} {each}") for each in range(130))
        assert sealing.seal(house.runtime)
        assert sealing.seal(house.runtime) == 0
    assert sealed(house, "suppression") == [(0, 100, 100), (101, 130, 30), (131, 230, 100), (231, 260, 30)]
    assert holds(house)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_range_is_sealed_only_when_nobody_may_still_write_into_it(house: House) -> None:
    with Session(house.runtime.engine) as slow:
        slow.add(suppression(house, "drew its number first"))
        slow.flush()
        with writing(house.runtime.engine) as session:
            session.add(suppression(house, "was done first"))
        sealing.seal(house.runtime)
        assert sealed(house, "suppression") == []
        slow.commit()
    sealing.seal(house.runtime)
    assert sealed(house, "suppression") == [(0, 2, 2)]
    assert holds(house)


def test_while_letters_leave_a_large_table_gets_one_seal_at_a_time(
    house: House, letters: KeptLetters, later: Later
) -> None:
    records.told(house, letters, later)
    with writing(house.runtime.engine) as session:
        session.get_one(Notice, 1).state = "sending"
        session.get_one(Batch, 1).state = "queued"
    house.members(*({"external_id": f"m{number}"} for number in range(2500)))
    before = sum(rows for _, _, rows in sealed(house, "member"))
    sealing.seal(house.runtime)
    assert sum(rows for _, _, rows in sealed(house, "member")) == before + seals.MANY
    with writing(house.runtime.engine) as session:
        session.get_one(Notice, 1).state = "paused"
    sealing.seal(house.runtime)
    assert sum(rows for _, _, rows in sealed(house, "member")) == 2506


@given(st.integers(0, 40), st.data())
def test_some_leaves_and_the_nodes_for_the_others_give_the_root(count: int, data: st.DataObject) -> None:
    leaves = [seals.leaf([number]) for number in range(count)]
    present = sorted(data.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=count)))
    nodes = seals.nodes(leaves, present)
    shown = [leaves[place] for place in present]
    assert verify.root(shown, count, present, nodes) == seals.digest(leaves)
    if present:
        forged = [*shown[:-1], seals.leaf(["another"])]
        assert verify.root(forged, count, present, nodes) != seals.digest(leaves)
