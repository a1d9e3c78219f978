"""Letters in a company's own look: its accent, and templates that go before ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House, KeptLetters


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def tell(house: House, tmp_path: Path, **given: Any) -> None:
    """Tell a member of a change under those settings."""
    was = house.runtime
    told = make_settings(was.settings.database_url, tmp_path, **given)
    house = House(replace(was, settings=told))
    house.policy()
    house.publish(FIRST)
    house.member("ada")
    house.publish(LONGER, rule="notice", notice_days=10, effective_at=house.now + timedelta(days=20))
    house.tick()


def test_a_letter_has_the_accent_of_the_settings(house: House, letters: KeptLetters, tmp_path: Path) -> None:
    tell(house, tmp_path, accent="#1d4ed8 #93c5fd")
    _, _, html = letters.read("ada@example.com")
    assert 'bgcolor="#1d4ed8"' in html
    assert "#93c5fd" in html
    assert "#0c5a49" not in html
    assert "{{" not in html


def test_a_template_of_the_folder_goes_before_ours(house: House, letters: KeptLetters, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "email"
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear reader,\n{% include 'gazette/letter.txt' %}\nYours.\n")
    tell(house, tmp_path, templates=folder.parent)
    subject, text, html = letters.read("ada@example.com")
    assert text.startswith("Dear reader,")
    assert "24" in text
    assert text.endswith("Yours.\n")
    assert "Dear reader" not in html + subject


@pytest.mark.parametrize("words", ["{{ ''.__class__.__mro__ }}", "{{ letter.__init__.__globals__ }}"])
def test_a_template_of_the_folder_reaches_nothing_beneath_what_it_is_given(
    house: House, letters: KeptLetters, tmp_path: Path, words: str
) -> None:
    folder = tmp_path / "own" / "email"
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text(words)
    tell(house, tmp_path, templates=folder.parent)
    assert letters.taken == []
