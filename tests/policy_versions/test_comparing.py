"""Published texts are compared from the blocks kept with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlmodel import Session, col, select, update

from database import reading, writing
from errors import NestedTooDeep, TooManyBlocks
from policy_versions import archive, comparing, dates, diff, histories, markdown, policies
from policy_versions.diff import Kind, stored
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.models import Revision, RevisionBlocks
from policy_versions.policies import PolicyFields
from tests.house import FIRST, LONGER, TYPO, House

INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


def kept(house: House) -> dict[int | None, str]:
    """The engine of each revision's blocks."""
    with reading(house.runtime.engine) as session:
        return {row.revision_id: row.engine for row in session.exec(select(RevisionBlocks))}


def forget(house: House, engine: str) -> None:
    """As if the blocks had been made by another engine."""
    with writing(house.runtime.engine) as session:
        session.execute(update(RevisionBlocks).values(engine=engine, content="nothing of use"))


def both(house: House) -> tuple[Revision, Revision]:
    with reading(house.runtime.engine) as session:
        old, new = session.exec(select(Revision).order_by(col(Revision.id))).all()
        return old, new


@pytest.fixture
def published(house: House) -> House:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER)
    return house


def test_publishing_keeps_a_texts_blocks(published: House) -> None:
    assert set(kept(published).values()) == {diff.ENGINE}
    assert len(kept(published)) == 2


def test_an_import_keeps_the_blocks_of_every_text(house: House) -> None:
    files = tuple(
        DatedFile(dates.RevisionDate.parse(day), 1, text.encode(), f"privacy/{day}.md")
        for day, text in (("2020-01-01", FIRST), ("2021-01-01", TYPO))
    )
    history = DatedHistory(PolicyFields("privacy", title="Privacy policy"), files, "privacy")
    with writing(house.runtime.engine) as session:
        plan = histories.plan(session, history, now=house.now)
        histories.carry_out(session, plan, actor="a test", now=house.now)
    assert len(kept(house)) == 2


def revision(session: Session, name: str, text: str, words: str) -> Revision:
    """A revision whose kept blocks say other words than its text, so that it shows which were looked at."""
    policy = policies.policy(session, "privacy")
    number = len(archive.history(session, policy).entries) + 1
    made = Revision(
        policy_id=policy.id or 0, number=number, revision_date="2026-01-01", text=text, sha256=name, chain="",
        published_at=INSTANT, effective_at=INSTANT, recorded_at=INSTANT,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add(RevisionBlocks(revision_id=made.id, engine=diff.ENGINE, content=stored.dump(diff.read(words))))
    session.flush()
    return made


def test_a_comparison_parses_no_text(house: House, request: pytest.FixtureRequest) -> None:
    house.policy()
    with writing(house.runtime.engine) as session:
        old = revision(session, f"old {request.node.name}", "Not these.", "Kept for 12 months.")
        new = revision(session, f"new {request.node.name}", "Nor these.", "Kept for 24 months.")
        (block,) = comparing.compare(session, old, new).changed()
    assert [piece.text for piece in block.pieces] == ["Kept for", " 12", " 24", " months."]


def test_without_blocks_of_this_engine_the_text_is_read(house: House, request: pytest.FixtureRequest) -> None:
    house.policy()
    with writing(house.runtime.engine) as session:
        old = revision(session, f"old {request.node.name}", "Kept for 12 months.", "Not these.")
        new = revision(session, f"new {request.node.name}", "Kept for 24 months.", "Nor these.")
        session.execute(update(RevisionBlocks).values(engine="diff-0"))
        session.expire_all()
        (block,) = comparing.compare(session, old, new).changed()
    assert block.kind is Kind.WORDS
    assert (block.words_inserted, block.words_deleted) == (1, 1)


def test_reindex_makes_the_blocks_of_an_earlier_engine_anew(published: House) -> None:
    forget(published, "diff-0")
    assert list(comparing.reindex(published.runtime.engine)) == [2, 1, 0]
    assert set(kept(published).values()) == {diff.ENGINE}
    old, new = both(published)
    with reading(published.runtime.engine) as session:
        content = session.get_one(RevisionBlocks, new.id).content
        assert stored.load(content) == stored.load(stored.dump(diff.read(new.text)))
        assert comparing.compare(session, old, new).words_inserted == 1


def test_reindex_makes_missing_blocks_and_nothing_twice(published: House) -> None:
    with writing(published.runtime.engine) as session:
        session.delete(session.get_one(RevisionBlocks, both(published)[0].id))
    assert list(comparing.reindex(published.runtime.engine)) == [1, 0]
    assert list(comparing.reindex(published.runtime.engine)) == [0]


def test_the_same_pair_is_compared_once(published: House) -> None:
    old, new = both(published)
    with reading(published.runtime.engine) as session:
        assert comparing.compare(session, old, new) is comparing.compare(session, old, new)
        assert comparing.compare(session, old, new) is not comparing.compare(session, new, old)


def test_a_draft_is_compared_with_the_kept_text(published: House) -> None:
    old, _ = both(published)
    with reading(published.runtime.engine) as session:
        change = comparing.compare_draft(session, old, FIRST.replace("12", "36"))
        assert [block.kind for block in change.changed()] == [Kind.WORDS]
        with pytest.raises(NestedTooDeep):
            comparing.compare_draft(session, old, ">" * 30 + " deep")


def test_a_text_of_too_many_blocks_is_not_published(house: House) -> None:
    house.policy()
    with pytest.raises(TooManyBlocks, match="20,001"):
        house.publish("a\n\n" * (markdown.BLOCKS + 1))
    assert kept(house) == {}
