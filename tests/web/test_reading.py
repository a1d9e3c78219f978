"""A text on its page: what leads where, what is said of the last change, what it weighs."""

import gzip
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.house import FIRST, LONGER, House
from tests.policy_versions.test_translations import translate
from tests.web.test_public import get, words

Later = Callable[..., datetime]

SENTENCE = "We never sell what we know about you to anybody else."
TABLE = "| What | How long |\n| - | - |\n| Invoices | Ten years |\n"
LONG = f"{FIRST}\n{SENTENCE}\n\n- One thing.\n- Another thing.\n\n{TABLE}"


@pytest.fixture
def house_with(house: House, later: Later) -> Callable[..., House]:
    """Publishes texts a day apart, and has them decided."""

    def publish(*texts: str) -> House:
        house.policy()
        for text in texts:
            house.publish(text)
            later(days=1)
        house.tick()
        return house

    return publish


def name_of(sentence: str, html: str) -> str:
    """The name of the passage that begins with those words."""
    found = re.search(rf'<(?:p|li) id="([^"]+)">(?:<span id="[^"]*"></span>)*{re.escape(sentence)}', html)
    assert found, sentence
    return found[1]


def ids(html: str) -> list[str]:
    return re.findall(r'\sid="([^"]+)"', html)


def test_a_link_to_a_sentence_leads_to_it_in_later_texts(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    edited = LONG.replace("to anybody else", "to anybody, whatever they offer")
    house_with(LONG, LONG.replace("## What we collect", "## New\n\nNew words.\n\n## What we collect"), edited)
    name = name_of(SENTENCE, get(client, "/privacy/1"))
    assert name_of(SENTENCE, get(client, "/privacy/2")) == name
    assert name_of("We never sell what we know about you to anybody, whatever", get(client, "/privacy")) == name


def test_every_passage_has_a_link_to_itself(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house_with(LONG)
    html = get(client, "/privacy")
    links = re.findall(r'<a class="pilcrow" href="#([^"]+)" aria-label="Link to this passage">¶</a>', html)
    assert len(links) == 9  # 2 headings, 3 paragraphs, 2 items, 2 rows; the title stands in the page's head
    assert set(links) <= set(ids(html))


def test_the_contents_lead_to_their_sections(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house_with(FIRST + "\n## Main\n\nA section that is named as a part of the page is.\n")
    html = get(client, "/privacy")
    nav = re.search(r'<nav data-follows class="contents.*?</nav>', html, re.DOTALL)
    assert nav
    assert re.findall(r'href="#([^"]+)"', nav[0]) == ["what-we-collect", "how-long-we-keep-it", "main-1"]
    assert {"what-we-collect", "how-long-we-keep-it", "main-1"} <= set(ids(html))


def test_no_name_is_given_twice_on_a_page(client: FlaskClient, house_with: Callable[..., House]) -> None:
    twice = f"{LONG}\n## Twice\n\n{SENTENCE}\n\n## Twice\n\n{SENTENCE}\n"
    house = house_with(twice, twice.replace("12 months", "24 months"))
    translate(house, twice, number=2)
    for path in ("/privacy", "/privacy/1", "/privacy/compare/1..2", "/privacy/history", "/privacy/2/de"):
        found = ids(get(client, path))
        assert len(found) == len(set(found)), (path, [one for one in found if found.count(one) > 1])


def test_a_section_says_which_revision_changed_it_and_leads_there(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house_with(FIRST, LONGER)
    html = get(client, "/privacy")
    notes = re.findall(r'<h2 id="([^"]+)">.*?</h2><p class="changed" lang="en">(.*?)</p>', html)
    assert [name for name, _ in notes] == ["how-long-we-keep-it"]
    assert words(notes[0][1]).startswith("Changed in No.&nbsp;2")
    (page, change) = re.findall(r'href="([^"#]+)#([^"]+)"', notes[0][1])[0]
    assert page == "/privacy/compare/1..2"
    assert change in ids(get(client, page))
    assert 'class="changed"' not in get(client, "/privacy/1")


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (LONGER, "The one change is significant; it concerns retention."),
        (FIRST.replace("address.", "adress."), "The one change is minor."),
        (f"\n{FIRST}", "Nothing that a reader sees changed."),
    ],
)
def test_what_changed_is_said_with_why_it_counts(
    client: FlaskClient, house_with: Callable[..., House], second: str, sentence: str
) -> None:
    house_with(FIRST, second)
    said = words(get(client, "/privacy"))
    assert f"What changes. {sentence}" in said
    assert "The one change" not in words(get(client, "/privacy/1"))


def test_what_nobody_decided_is_said_to_be_undecided(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER)
    assert "The one change is not decided yet" in words(get(client, "/privacy/2"))


def test_each_printed_page_names_the_text_in_full(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house = house_with(FIRST)
    revision = house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    foot = re.search(r'<div class="print-only print-foot".*?</div>', get(client, "/privacy/2"), re.DOTALL)
    assert foot
    said = words(foot[0])
    assert f"SHA-256 {revision.sha256}" in said
    assert "No. 2, revised 2 June 2026, in force from 2 July 2026" in said


def test_a_translation_has_names_that_its_next_one_keeps(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house = house_with(FIRST)
    german = "# Datenschutz\n\nWir verkaufen niemals, was wir über Sie wissen.\n"
    translate(house, german, number=1)
    translate(house, german.replace("# Datenschutz\n", "# Datenschutz\n\nEtwas Neues am Anfang.\n"), number=1)
    name = name_of("Wir verkaufen", get(client, "/privacy/1/de/1"))
    assert name_of("Wir verkaufen", get(client, "/privacy/1/de")) == name


def test_a_page_weighs_little_besides_its_text(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house_with(FIRST, LONGER)
    files = [Path(__file__).parents[2] / "web/static" / name for name in ("gazette.css", "reader.js", "mark.svg")]
    shared = sum(len(gzip.compress(file.read_bytes())) for file in files)
    for path in ("/privacy", "/privacy/history", "/privacy/compare/1..2", "/privacy/compare/1..2?view=side"):
        bare = re.sub(r"<article.*?</article>", "", get(client, path), flags=re.DOTALL)
        assert shared + len(gzip.compress(bare.encode())) < 40_000


# -- redlines -----------------------------------------------------------------------------------


def test_the_bar_leads_to_the_changes_without_any_script(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house_with(LONG, LONG.replace("12 months", "24 months").replace("Ten years", "Seven years"))
    html = get(client, "/privacy/compare/1..2")
    changes = re.findall(r'data-change="([^"]+)"', html)
    assert len(changes) == 2
    assert re.findall(r'href="#([^"]+)" data-step="(-?1)"', html) == [(changes[1], "-1"), (changes[0], "1")]
    assert f'data-changes="{" ".join(changes)}"' in html


def test_a_redline_says_its_title_once(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house_with(FIRST, LONGER, LONGER.replace("# Privacy policy", "# Policy on privacy"))
    assert len(re.findall(r"<h1", get(client, "/privacy/compare/1..2"))) == 1
    assert len(re.findall(r"<h1", get(client, "/privacy/compare/2..3"))) == 2, "a changed title is a change"


def test_the_list_of_sections_says_what_became_of_each(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    parts = {
        "A": "The first section speaks of one thing at some length, and of no other.",
        "B": "The second section is about [something else](https://one.example) and goes on about it.",
        "C": "The third one stands in its place and is as it was, whatever moves around it.",
    }
    old = "".join(f"## {name}\n\n{said}\n\n" for name, said in parts.items())
    moved = "".join(f"## {name}\n\n{parts[name]}\n\n" for name in "BCA").replace("one.example", "two.example")
    house_with(old, moved)
    nav = re.search(r'<nav data-follows class="sections.*?</nav>', get(client, "/privacy/compare/1..2"), re.DOTALL)
    assert nav
    said = words(nav[0])
    assert "A moved" in said
    assert "B link" in said


def test_sections_have_the_numbers_of_their_own_pages(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    parts = {name: f"Section {name} speaks of {name} at some length, and of no other thing." for name in "ABCD"}
    house_with(*("".join(f"## {name}\n\n{parts[name]}\n\n" for name in order) for order in ("ABCD", "BCDA", "DA")))
    shown = r'<h2 data-section="(\d)">([A-D])</h2>'
    assert re.findall(shown, get(client, "/privacy/compare/1..2")) == [
        ("1", "B"),
        ("2", "C"),
        ("3", "D"),
        ("4", "A"),
    ]
    side = re.findall(shown, get(client, "/privacy/compare/1..2?view=side"))
    assert side[-2:] == [("1", "A"), ("4", "A")], "each text's own"
    gone = get(client, "/privacy/compare/2..3")
    assert 'data-section="' not in gone, "two sections have no numbers on their own page"


@pytest.mark.parametrize("instead", ["{}", "- {}", "> {}", "### {}"])
def test_a_heading_that_comes_to_be_none_is_compared_both_ways(
    client: FlaskClient, house_with: Callable[..., House], instead: str
) -> None:
    said = "What we do with cookies of other companies"
    one, other = (f"{FIRST}\n{line}\n\nNothing.\n" for line in (f"## {said}", instead.format(said)))
    house_with(one, other)
    for pair in ("1..2", "2..1"):
        for view in ("", "?view=side"):
            assert said in words(get(client, f"/privacy/compare/{pair}{view}"))


def test_moves_lead_to_one_another(client: FlaskClient, house_with: Callable[..., House]) -> None:
    moved = LONG.replace(f"\n{SENTENCE}\n", "").replace(
        "## What we collect\n", f"## What we collect\n\n{SENTENCE}\n"
    )
    house_with(LONG, moved)
    for view in ("", "?view=side"):
        html = get(client, f"/privacy/compare/1..2{view}")
        there = re.findall(r'<p class="note" data-note>[^<]*<a href="#([^"]+)"', html)
        assert len(there) == 2
        assert set(there) <= set(ids(html))


# -- the history's forms ------------------------------------------------------------------------


UNANSWERED = [
    ("on?on=", 422, "on", "Say which day, as in 2018-05-25."),
    ("on?on=2026-13-01", 422, "on", "“2026-13-01” is not a date; write it as 2018-05-25, 2018-05 or 2018."),
    ("on?on=%3Cb%3E", 422, "on", "“&lt;b&gt;” is not a date"),
    (
        "on?on=1999-01-01",
        404,
        "on",
        "was in force on 1 January 1999: the first one is in force from 1 June 2026.",
    ),
    ("compare?from=1", 422, "to", "Pick the later text to compare."),
    ("compare?to=1", 422, "from", "Pick the earlier text to compare."),
    ("compare?from=1&to=99", 404, "to", "There is no revision 99 of this policy."),
]


def test_a_question_that_cannot_be_answered_comes_back_with_its_error(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house_with(FIRST, LONGER)
    for asked, status, field, sentence in UNANSWERED:
        html = get(client, f"/privacy/{asked}", status)
        assert f'<a href="#f-{field}">' in html
        assert f'aria-describedby="{"hint-on " * (field == "on")}error-{field}" aria-invalid="true"' in html
        assert html.count(sentence) == 2, f"on top, and at the field: {asked}"
        assert "<title>Error: " in html
        assert "No. 2" in words(html), "the history is there"


def test_what_was_asked_stands_in_the_form_again(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house_with(FIRST, LONGER)
    assert 'name="on" value="1999-01-01"' in get(client, "/privacy/on?on=1999-01-01", 404)
    assert '<option value="1" selected>' in get(client, "/privacy/compare?to=1", 422)


def test_the_history_says_what_there_is_and_that_the_record_is_whole(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house_with(FIRST, LONGER)
    said = words(get(client, "/privacy/history"))
    assert "Two texts since 2026." in said
    assert "Record Unbroken, 2 of 2 verified" in said


def test_a_broken_record_is_said_to_be_broken(client: FlaskClient, house_with: Callable[..., House]) -> None:
    house = house_with(FIRST, LONGER)
    with house.runtime.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER revision_refuses_update")
        connection.exec_driver_sql("UPDATE revision SET text = text || 'x' WHERE number = 2")
    assert "Record Broken at No. 2" in words(get(client, "/privacy/history"))


def test_an_earlier_text_leads_to_what_has_changed_since(
    client: FlaskClient, house_with: Callable[..., House]
) -> None:
    house = house_with(FIRST, LONGER, LONGER.replace("24", "36"))
    house.publish(FIRST, effective_at=house.now + timedelta(days=3))
    link = "See what has changed since"
    assert f'<a href="/privacy/compare/1..3">{link}</a>' in get(client, "/privacy/1")
    assert all(link not in get(client, path) for path in ("/privacy", "/privacy/3", "/privacy/4"))
