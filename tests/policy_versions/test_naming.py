"""A policy is called otherwise, or comes to an end: its former addresses stay its own, and it says since when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from database import reading, writing
from errors import (
    FieldMissing,
    NoSuchPolicy,
    NotRetirable,
    PolicyRetired,
    Refusal,
    SameName,
    SlugMalformed,
    SlugReserved,
    SlugTaken,
    Unprintable,
)
from notifier import standing, verifying
from policy_versions import archive, chain, naming, policies, retiring
from policy_versions.models import AuditEntry, Policy
from policy_versions.naming import Name
from tests.house import FIRST, LONGER, House

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def rename(
    house: House, slug: str, title: str = "Privacy notice", *, of: str = "privacy", why: str = "Ours"
) -> None:
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, of)
        naming.rename(session, policy, Name(slug, title, why), actor="a test", now=house.now)


def retire(house: House, slug: str = "privacy", reason: str = "Another policy says it now") -> None:
    with writing(house.runtime.engine) as session:
        record = archive.history(session, policies.lock(session, slug))
        retiring.retire(session, record, reason, actor="a test", now=house.now)


def problems(session: Session) -> list[str]:
    return [each.says for name in ("names", "seals", "texts") for each in verifying.run(session, name).found]


def take_address(house: House, session: Session, how: str) -> None:
    """Have something stand at /terms: a new policy, or one that was called otherwise."""
    if how == "made":
        fields = policies.PolicyFields("terms", "Terms")
        policies.create_policy(session, fields, actor="a test", now=house.now)
    else:
        given = Name("terms", "Terms", "Ours")
        naming.rename(session, policies.lock(session, how), given, actor="a test", now=house.now)


def someone_waits(house: House) -> bool:
    with house.runtime.engine.connect() as connection:
        asked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(connection.execute(text(asked)).scalar())


# on SQLite one writes at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("one", "other"), [("made", "made"), ("made", "privacy"), ("privacy", "cookies")])
def test_of_two_who_take_an_address_at_once_one_has_it(house: House, one: str, other: str) -> None:
    for slug in {one, other} - {"made"}:
        house.policy(slug)

    def late() -> None:
        with writing(house.runtime.engine) as session:
            take_address(house, session, other)

    with ThreadPoolExecutor(1) as pool:
        with writing(house.runtime.engine) as session:
            take_address(house, session, one)
            refused = pool.submit(late)
            while not someone_waits(house) and not refused.done():
                pass
        with pytest.raises(SlugTaken):
            refused.result()
    with reading(house.runtime.engine) as session:
        assert session.exec(select(Policy.title).where(Policy.slug == "terms")).all() == ["Terms"]


def test_a_renamed_policy_is_found_by_every_address_it_had(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("ada")
    rename(house, "privacy-notice")
    rename(house, "data", of="privacy-notice")
    house.publish(LONGER, slug="privacy")
    with reading(house.runtime.engine) as session:
        found = [policies.policy(session, slug) for slug in ("privacy", "privacy-notice", "data")]
        assert {(one.slug, one.title) for one in found} == {("data", "Privacy notice")}
        assert naming.former(session, found[0]) == ["privacy", "privacy-notice"]
        assert (found[0].first_slug, found[0].first_title) == ("privacy", "Privacy policy")
        answer = standing.of_external(session, "ada", "privacy", house.now, now=house.now)
        assert answer.policy == "data"
        said = session.exec(select(AuditEntry).where(col(AuditEntry.action) == "policy renamed")).all()
        assert [entry.detail for entry in said] == [
            {"slug": "privacy-notice", "before": "privacy"},
            {"slug": "data", "before": "privacy-notice"},
        ]
        assert problems(session) == []


@ON_SQLITE
def test_a_former_address_is_nobody_elses_and_may_be_taken_again(house: House) -> None:
    house.policy()
    rename(house, "data")
    with pytest.raises(SlugTaken):
        house.policy("privacy")
    house.policy("terms", title="Terms")
    with pytest.raises(SlugTaken):
        rename(house, "privacy", of="terms")
    rename(house, "privacy", of="data")
    with reading(house.runtime.engine) as session:
        assert policies.policy(session, "data").slug == "privacy"
        assert naming.former(session, policies.policy(session, "privacy")) == ["data"]
        with pytest.raises(NoSuchPolicy):
            policies.policy(session, "nothing")


@ON_SQLITE
@pytest.mark.parametrize(
    ("slug", "title", "why", "refusal"),
    [
        ("No Good", "T", "w", SlugMalformed),
        ("admin", "T", "w", SlugReserved),
        ("privacy", "Privacy policy", "w", SameName),
        ("data", " \n ", "w", FieldMissing),
        ("data", "T", " ", FieldMissing),
        ("data", "A\0", "w", Unprintable),
        ("data", "T", "w\0", Unprintable),
        ("terms", "T", "w", SlugTaken),
    ],
)
def test_a_name_that_cannot_be_changes_nothing(
    house: House, slug: str, title: str, why: str, refusal: type[Refusal]
) -> None:
    house.policy()
    house.policy("terms", title="Terms")
    with pytest.raises(refusal):
        rename(house, slug, title, why=why)
    with reading(house.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        assert (policy.slug, policy.title, naming.renamings(session, policy)) == ("privacy", "Privacy policy", [])


@ON_SQLITE
def test_a_name_that_no_renaming_gave_is_found(house: House) -> None:
    house.policy()
    with writing(house.runtime.engine) as session:
        session.exec(select(Policy)).one().slug = "elsewhere"
    with reading(house.runtime.engine) as session:
        assert len(problems(session)) == 1


def test_a_retired_policy_takes_no_text_until_it_is_taken_up_again(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    retire(house)
    with pytest.raises(PolicyRetired, match="Privacy policy"):
        house.publish(LONGER)
    with reading(house.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        fact = retiring.retirement(session, policy)
        assert fact is not None
        assert (fact.reason, fact.recorded_at) == ("Another policy says it now.", house.now)
    with pytest.raises(NotRetirable):
        retire(house)
    with writing(house.runtime.engine) as session:
        retiring.resume(session, policies.lock(session, "privacy"), "It does not.", actor="a test", now=house.now)
    assert house.publish(LONGER).number == 2


@ON_SQLITE
def test_what_stands_against_an_end_is_said(house: House) -> None:
    house.policy()
    with pytest.raises(NotRetirable, match="no text"):
        retire(house)
    house.publish(FIRST)
    with pytest.raises(FieldMissing):
        retire(house, reason="  ")
    house.publish(LONGER, effective_at=house.now.replace(year=house.now.year + 1))
    with pytest.raises(NotRetirable, match=r"No\. 2"):
        retire(house)
    with writing(house.runtime.engine) as session, pytest.raises(NotRetirable, match="not retired"):
        retiring.resume(session, policies.lock(session, "privacy"), "So.", actor="a test", now=house.now)


@ON_SQLITE
def test_the_chain_covers_a_stated_change_of_controller_and_older_links_stay(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, controller="Plover Group plc")
    house.tick()
    with reading(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy"))
        first, second = (entry.revision for entry in record.entries)
        assert "controller" not in archive.chained(first)
        assert second.chain == chain.link(first.chain, archive.chained(second))
        assert archive.chained(second)["controller"] == "Plover Group plc"
        decision = record.entry(2).decision
        assert decision is not None
        assert decision.verdict == "significant"
        assert decision.findings[0]["reason"].startswith("Plover Group plc becomes responsible")
