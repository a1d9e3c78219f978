"""The catalogues: complete, nothing fuzzy, the same parts in every language, and nothing that no source says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from babel.messages import Catalog
from babel.messages.catalog import Message

from notifier import wording
from tests import catalogues

PART = re.compile(r"%\(\w+\)s|\{\w+\}")
LANGUAGES = [
    (language, domain)
    for domain in catalogues.SOURCES
    for language in wording.languages(domain)
    if language != "en"
]

gathered = cache(catalogues.template)


def test_letters_and_pages_speak_five_languages_and_the_site_notice_eight() -> None:
    assert wording.languages() == ("en", "de", "es", "fr", "ja")
    assert wording.languages(wording.SITE_NOTICE) == ("en", "de", "es", "fr", "it", "ja", "nl", "sv")


@pytest.mark.parametrize(("language", "domain"), LANGUAGES)
def test_a_catalogue_holds_what_the_sources_say_and_nothing_else(language: str, domain: str) -> None:
    """`make messages` puts right what this finds."""
    kept = catalogues.catalogue(language, domain)
    assert {message.id for message in _said(kept)} == {message.id for message in _said(gathered(domain))}
    assert not kept.obsolete


@pytest.mark.parametrize(("language", "domain"), LANGUAGES)
def test_every_message_is_translated_with_the_same_parts(language: str, domain: str) -> None:
    kept = catalogues.catalogue(language, domain)
    for message in _said(kept):
        assert not message.fuzzy, message.id
        said = [*message.string] if isinstance(message.string, (tuple, list)) else [str(message.string or "")]
        assert len(said) == (kept.num_plurals if message.pluralizable else 1), message.id
        for one in said:
            assert one.strip(), message.id
            assert _parts(one) == _parts(_many(message)) or _may_leave_out(message, one), message.id


def _said(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _many(message: Message) -> str:
    return message.id[1] if isinstance(message.id, tuple) else str(message.id)


def _parts(text: str) -> set[str]:
    return set(PART.findall(text))


def _may_leave_out(message: Message, said: str) -> bool:
    """The form for one need not name the number."""
    return message.pluralizable and _parts(said) == _parts(message.id[0])


def test_what_a_source_says_anew_waits_for_a_translation_and_what_none_says_goes(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording, "CATALOGUES", tmp_path)
    kept = Catalog(locale="de")
    kept.add("Close", "Schließen")
    kept.add("Gone", "Weg")
    catalogues.write(kept, "de", "gazette")
    said = Catalog()
    for message in ("Close", "New"):
        said.add(message)
    assert catalogues.update("de", "gazette", said) == 1
    again = catalogues.catalogue("de", "gazette")
    assert {message.id: message.string for message in _said(again)} == {"Close": "Schließen", "New": ""}
