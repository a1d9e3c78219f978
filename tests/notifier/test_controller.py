"""Somebody else becomes responsible for members' personal information: the first line of every letter says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from database import reading
from policy_versions import archive, histories, policies
from tests.house import FIRST, LONGER, TYPO, House, KeptLetters
from tests.notifier.sending import Later

GROUP = "Plover Group plc"
FROM: dict[str, Any] = {"rule": "notice", "notice_days": 30}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_the_first_line_and_the_subject_name_who_becomes_responsible(house: House, letters: KeptLetters) -> None:
    house.policy()
    house.publish(FIRST)
    house.member("ada")
    house.publish(TYPO, **FROM, controller=f" {GROUP}\n", effective_at=house.now + timedelta(days=60))
    house.tick()
    subject, text, html = letters.read("ada@example.com")
    said = f"{GROUP} becomes responsible for your personal information on 31 July 2026"
    assert subject == said
    assert " ".join(text.split()).startswith(said)
    assert said in html
    assert "Our privacy policy changes on 31 July 2026" in " ".join(text.split())


def test_who_missed_that_text_is_told_of_it_with_the_next_and_no_longer_after_it(
    house: House, letters: KeptLetters, later: Later
) -> None:
    house.policy()
    house.publish(FIRST)
    later(days=1)
    house.member("ada")
    house.publish(TYPO, **FROM, controller=GROUP)
    house.publish(LONGER, **FROM)
    house.tick()
    assert letters.read("ada@example.com")[0].startswith(GROUP)
    later(days=40)
    house.publish(FIRST, **FROM)
    house.tick()
    assert letters.read("ada@example.com")[0].startswith("Our privacy policy")


def test_a_statement_goes_out_and_comes_in_with_the_dated_files(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(TYPO, controller=GROUP)
    with reading(house.runtime.engine) as session:
        policy = policies.policy(session, "privacy")
        record = archive.history(session, policy)
        named = dict(histories.export(session, policy))
        data = named[f"{record.entries[1].revision.revision_date}.2.md"]
        file = histories.DatedFile(record.entries[1].revision.date, 2, data, "here")
        front, body = histories.read_front_matter(file, policy.zone)
        assert (front.controller, body) == (GROUP, TYPO)
        assert b"controller" not in named[f"{record.entries[0].revision.revision_date}.md"]
