"""The letter: what it says in each case, in both parts, and what it never lets through."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import DictLoader, UndefinedError
from jinja2.exceptions import SecurityError

from notifier import typeset
from notifier.letters import (
    LIMIT,
    Letter,
    LetterContext,
    keys,
    link_key,
    render,
    substitutions,
)
from notifier.plain_words import FINDINGS
from notifier.typeset import COLUMNS, TEMPLATES
from policy_versions.diff import BlockChange, Change, Kind, Piece, compare, redline

PREFIX = "k7q2zd"
HOME = "https://policies.plover.example/privacy-policy"
TOKEN = "4d-0123456789abcdef01234567"
OLD = """# Privacy policy

## Why we use it

We use your orders to keep our bargain with you. We do not use your scans to train software.

## How long we keep it

We keep your account for as long as you have one and 30 days after that. When an instrument comes back to us for
repair, its service record is kept with the serial number and not with your name. Payment records are kept for 12
months after the order.

- Letters: two years
"""
NEW = (
    OLD.replace("12\n", "24\n").replace("We do not use your scans to", "We use scans you contribute to")
    + """
**Northlight Vision**, in Canada, receives contributed scans.
"""
)


@dataclass(frozen=True)
class Found:
    """A finding, as the significance engine makes them."""

    reason: str
    section: str = ""
    category: str = "retention"
    before: str = ""
    after: str = ""
    level: int = 3


LONGER = Found("Payment records are kept for 24 months instead of 12.", "How long we keep it")
CONTEXT = LetterContext(
    company="Plover Instruments",
    company_address="Strandgatan 4, 621 55 Visby, Sweden",
    contact_email="privacy@plover.example",
    policy_title="Privacy policy",
    policy_url=HOME,
    text_url=f"{HOME}/7",
    redline_url=f"{HOME}/compare/6..7",
    history_url=f"{HOME}/history",
    revision=7,
    revision_label="14 October 2025",
    sha256="b2d041fe" * 8,
    chain="97c30a5e" * 8,
    effective_label="1 December 2025",
    rule="notice",
    notice_days=30,
    base=6,
    base_label="12 March 2025",
    summary="Scans you contribute will train our software.",
    findings=[LONGER],
    change=compare(OLD, NEW),
    promise="will notify",
)
OWN_PAGE: dict[str, Any] = {"member_url": "https://policies.plover.example/m/", "link_days": 180}
FIRST: dict[str, Any] = {"base": None, "base_label": None, "change": None}
VARIANTS: dict[str, dict[str, Any]] = {
    "notice": {},
    "posting": {"rule": "posting"},
    "acceptance": {"rule": "acceptance", "policy_title": "Terms of use"},
    "governs already": {"rule": "posting", "governs_already": True},
    "guardian": {"audience": "guardian"},
    "correction": {"kind": "correction", "correction_reason": "It named the wrong company."},
    "translation": {
        **FIRST,
        "kind": "translation",
        "base_label": "3 June 2026",
        "change": compare(OLD, NEW),
        "summary": "",
        "findings": (),
        "locale": "de",
        "translation_url": f"{HOME}/7/de",
        "translation_language": "German",
        "redline_url": f"{HOME}/7/de/compare/1..2",
    },
    "with a translation": {"translation_url": f"{HOME}/7/de", "translation_language": "German"},
    "first text": FIRST,
    "with a page of their own": OWN_PAGE,
    "to accept on a page of their own": OWN_PAGE | {"rule": "acceptance"},
    "to a guardian with a page of their own": OWN_PAGE | {"audience": "guardian"},
    "may notify": {"promise": "may notify"},
    "posting only": {"promise": "posting only"},
}


def letter(applies_from: str = "1 December 2025", **given: Any) -> Letter:
    """A letter as one recipient gets it."""
    written = render(replace(CONTEXT, **given), prefix=PREFIX)
    text, html = written.text, written.html
    own = {link_key(PREFIX): TOKEN}
    for key, value in (substitutions(PREFIX, applies_from=applies_from) | own).items():
        text, html = text.replace(key, value), html.replace(key, value)
    return Letter(written.subject, text, html)


def change(*blocks: BlockChange) -> Change:
    return Change(blocks)


def block(*pieces: Piece, kind: Kind = Kind.WORDS, tag: str = "p", **given: Any) -> BlockChange:
    return BlockChange("b", kind, tag, edits=pieces, **given)


def new(text: str, **given: Any) -> BlockChange:
    return block(Piece("insert", text), kind=Kind.INSERTED, **given)


class Page(HTMLParser):
    """What a mail client makes of the HTML: its elements, and the words it shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._style = tag == "style"
        self._words.append(" " if tag == "br" else "")

    def handle_endtag(self, tag: str) -> None:
        self._style = False
        self._words.append(" " if tag in ("td", "p", "h1", "h2", "h3", "div", "title") else "")

    def handle_data(self, data: str) -> None:
        self._words.append("" if self._style else data)

    @property
    def words(self) -> str:
        return flat("".join(self._words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def flat(text: str) -> str:
    return " ".join(text.split())


def says(written: Letter, sentence: str) -> bool:
    """Whether both parts say it."""
    said = {sentence in flat(written.text), sentence in Page(written.html).words}
    assert len(said) == 1, "only one part says it"
    return said.pop()


# -- what it says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({}, "Our privacy policy changes on 1 December 2025"),
        ({"policy_title": "Terms of use"}, "Our terms of use change on 1 December 2025"),
        ({"policy_title": "Cookies policy"}, "Our cookies policy changes on 1 December 2025"),
        ({"policy_title": "Privacy Policy"}, "Our Privacy Policy changes on 1 December 2025"),
        ({"policy_title": "GDPR notice"}, "Our GDPR notice changes on 1 December 2025"),
        ({"policy_title": "Our promise"}, "Our promise changes on 1 December 2025"),
        ({"governs_already": True}, "Our privacy policy changed on 1 December 2025"),
        ({"in_force": True}, "Our privacy policy changed on 1 December 2025"),
        ({"rule": "acceptance"}, "Our privacy policy changes on 1 December 2025, and we ask you to accept"),
        ({"kind": "correction"}, "Withdrawn: the change to our privacy policy on 1 December 2025"),
        (FIRST, "Our privacy policy applies from 1 December 2025"),
        (FIRST | {"governs_already": True}, "Our privacy policy has applied since 1 December 2025"),
        (FIRST | {"kind": "correction"}, "Withdrawn: our privacy policy of 1 December 2025"),
    ],
)
def test_the_first_line_says_what_changes_and_from_when(given: dict[str, Any], subject: str) -> None:
    written = letter(**given)
    assert written.subject == subject
    assert written.text.splitlines()[0] == subject
    assert f"<title>{subject}</title>" in written.html
    assert f" {subject} " in Page(written.html).words


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_parts_say_the_same_in_the_same_order(variant: str) -> None:
    written = letter(**VARIANTS[variant])
    words = re.sub(r"\[[-+]|[-+]\]", "", re.sub("^[-=]+$", "", written.text, flags=re.MULTILINE))
    html = Page(written.html).words
    at = html.index("Plover Instruments")
    for line in (flat(line.removeprefix("– ").rstrip(":")) for line in words.splitlines()):
        if line and not line.startswith("https://"):  # in the HTML the addresses are links
            assert line in html[at:], f"“{line}” is missing or misplaced"
            at = html.index(line, at) if not line.startswith(("+", "−", "±")) else at


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_parts_lead_to_the_same_addresses(variant: str) -> None:
    written = letter(**VARIANTS[variant])
    in_html = {href for a in Page(written.html).all("a") if (href := a["href"]) and href.startswith("http")}
    assert in_html == set(re.findall(r"https://\S+", written.text))


@pytest.mark.parametrize(
    ("given", "button"),
    [
        ({}, "See what changes for you"),
        ({"rule": "acceptance"}, "See what changes for you, then decide"),
        ({"in_force": True}, "See what changed for you"),
        ({"audience": "guardian"}, "See what changes for them, then decide"),
    ],
)
def test_the_button_leads_to_the_reader_s_own_page_which_is_not_to_be_passed_on(
    given: dict[str, Any], button: str
) -> None:
    written = letter(**OWN_PAGE | given)
    assert says(written, button)
    assert says(written, "Do not pass it on: whoever has it can answer in your place. It holds for 180 days.")
    assert written.text.count(f"https://policies.plover.example/m/{TOKEN}\n") == 1
    assert written.html.count(f'href="https://policies.plover.example/m/{TOKEN}"') == 1


@pytest.mark.parametrize("variant", ["correction", "translation", "first text"])
def test_a_letter_that_asks_for_no_answer_leads_to_no_page_of_the_reader_s_own(variant: str) -> None:
    written = letter(**VARIANTS[variant] | OWN_PAGE)
    assert TOKEN not in written.text + written.html
    assert not says(written, "Do not pass it on")


def test_it_says_in_plain_words_what_changed() -> None:
    written = letter()
    assert says(written, "Scans you contribute will train our software.")
    assert says(written, "Payment records are kept for 24 months instead of 12. (How long we keep it)")


def test_a_finding_is_said_once_for_all_its_sections_and_not_where_the_summary_says_it() -> None:
    written = letter(
        summary="We sell nothing.",
        findings=[Found("It is wider.", "A"), Found("It is wider.", "B"), Found("We sell nothing.", "C")],
    )
    assert says(written, "It is wider. (A, B)")
    assert flat(written.text).count("We sell nothing.") == 1


def test_findings_past_a_dozen_are_counted() -> None:
    written = letter(findings=[Found(f"Finding {number}.") for number in range(FINDINGS + 3)])
    assert says(written, f"Finding {FINDINGS - 1}.")
    assert says(written, "and 3 more, which the page that compares both texts shows.")
    assert not says(written, f"Finding {FINDINGS}.")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rule": "posting"}, "From the moment it is in force."),
        ({}, "At least 30 days after you were first told of it, and not before 1 December 2025."),
        ({"in_force": True}, "At least 30 days after you were first told of it."),
        ({"rule": "acceptance"}, "Not before 1 December 2025, and only once you have accepted it."),
        ({"rule": "acceptance", "in_force": True}, "Only once you have accepted it."),
    ],
)
def test_each_rule_has_its_sentence(given: dict[str, Any], sentence: str) -> None:
    assert says(letter(**given), sentence)


def test_before_the_date_it_says_what_applies_until_then_and_what_stays() -> None:
    written = letter("9 December 2025")
    assert says(written, "Applies to you from 9 December 2025")
    assert says(written, "Until then The text of 12 March 2025")
    assert says(written, "You need to do Nothing")
    assert says(
        written,
        "What we collect before 9 December 2025 stays, for good, under the text that applied when we collected "
        "it. The new text does not reach back.",
    )


def test_where_acceptance_is_asked_it_says_that_nobody_must() -> None:
    written = letter("when you accept it", rule="acceptance")
    assert says(written, "Applies to you when you accept it")
    assert says(written, "You need to do Read it, and accept it if you agree")
    assert says(written, "You need not accept. As long as you do not, the earlier text goes on applying to you.")
    assert says(written, "What we collect before you accept stays, for good,")


def test_a_member_governed_already_is_told_since_when() -> None:
    written = letter("since 3 March 2026", rule="acceptance", governs_already=True)
    assert says(written, "Applies to you since 3 March 2026")
    assert says(written, "What we collected before this text applied to you stays, for good,")
    assert says(written, "You need to do Nothing")
    assert not says(written, "Until then")
    assert not says(written, "accept")


@pytest.mark.parametrize("rule", ["posting", "notice", "acceptance"])
def test_a_guardian_is_asked_to_accept_whatever_the_rule(rule: str) -> None:
    written = letter("when you accept it", audience="guardian", rule=rule)
    assert written.subject.endswith(", and we ask you to accept")
    assert says(written, "This letter is about the member whose guardian you are.")
    assert says(written, "Applies to them when you accept it")
    assert says(written, "As long as you are their guardian, it takes your acceptance.")
    assert says(written, "You get this letter on behalf of the member whose guardian you are, because we keep")
    assert not says(written, "Applies to you")


def test_a_correction_says_what_is_withdrawn_and_why() -> None:
    written = letter(**VARIANTS["correction"])
    assert says(written, "We wrote to you about No. 7 of our privacy policy, dated 14 October 2025, which was to")
    assert says(written, "It does not apply to you. It named the wrong company.")
    assert says(written, "Nothing was collected under the withdrawn text")
    assert says(written, "Privacy policy, No. 7, revised 14 October 2025, withdrawn")
    assert not says(written, "Word for word")
    assert not says(written, "Scans you contribute")


def test_a_corrected_translation_says_that_the_text_itself_has_not_changed() -> None:
    written = letter(**VARIANTS["translation"])
    assert says(written, "Its translation into German has been corrected since, and now says something else.")
    assert says(written, "The text itself, in English, has not changed.")
    assert says(written, "Not changed The text in English")
    assert says(written, "You need to do Nothing")
    assert says(written, "Against the translation of 3 June 2026:")
    assert says(written, "Word for word")
    assert not says(written, "Applies to you")
    assert not says(written, "accept it")


def test_a_corrected_translation_asks_nothing_of_a_guardian() -> None:
    written = letter(**VARIANTS["translation"], audience="guardian", rule="acceptance")
    assert says(written, "This letter is about the member whose guardian you are.")
    assert says(written, "You need to do Nothing")
    assert not says(written, "we ask you to accept")


def test_a_letter_leads_to_a_translation_and_says_which_text_prevails() -> None:
    written = letter(**VARIANTS["with a translation"])
    assert says(written, "Read it in German, in a translation; the text in English prevails")
    assert f"{HOME}/7/de" in written.text
    assert "in a translation" not in letter().text


def test_a_first_text_has_nothing_to_be_compared_with() -> None:
    written = letter(**FIRST, rule="acceptance")  # whoever was under no text comes under the first one unasked
    assert says(written, "Until then No text of this policy")
    assert says(written, "You need to do Nothing")
    assert not says(written, "Word for word")
    assert CONTEXT.redline_url not in written.html + written.text


@pytest.mark.parametrize(
    ("promise", "sentence"),
    [
        ("will notify", "about you, and promised to tell you of changes like this one."),
        ("may notify", "about you, and said that we may tell you of changes like this one."),
        ("posting only", "about you. The policy promises that changes are posted on its page; we write to you"),
    ],
)
def test_it_never_claims_more_than_the_policy_promises(promise: str, sentence: str) -> None:
    written = letter(promise=promise)
    assert says(written, f"You get this letter because we keep personal information {sentence}")
    assert says(written, "promised to tell you") is (promise == "will notify")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_letter_says_which_text_it_is_about_and_how_to_check_it(variant: str) -> None:
    written = letter(**VARIANTS[variant])
    for fact in (CONTEXT.sha256, CONTEXT.chain, "No. 7, revised 14 October 2025", CONTEXT.contact_email):
        assert says(written, fact)
    assert says(written, "It carries no advertising. It is a legal notice, so it cannot be unsubscribed from.")
    assert says(written, "Plover Instruments, Strandgatan 4, 621 55 Visby, Sweden")


# -- word for word ------------------------------------------------------------------------------


def test_changed_passages_stand_under_their_sections_with_both_wordings() -> None:
    written = letter()
    assert "How long we keep it\n-------------------\n" in written.text
    assert "± … Payment records are kept for [-12-] [+24+] months after the order." in written.text
    assert re.search(r"<del [^>]*>12</del> <ins [^>]*>24</ins> months", written.html)
    assert "+ [+Northlight Vision, in Canada, receives contributed scans.+]" in written.text
    assert re.search(r"<ins [^>]*><strong>Northlight Vision</strong>, in Canada", written.html)


def test_long_unchanged_stretches_are_left_out_in_whole_sentences() -> None:
    assert not says(letter(), "We keep your account")
    assert says(letter(), "We use your orders to keep our bargain with you. We")  # short ones stay


def test_an_abbreviation_ends_no_sentence() -> None:
    before = "It is kept for the reasons given above and for no other reason at all. " * 3
    passage = block(Piece("equal", before + "Partners, e.g. Tern Ltd. Oslo, get "), Piece("insert", "more."))
    assert says(letter(change=change(passage)), "+ … Partners, e.g. Tern Ltd. Oslo, get")


def test_the_middle_of_an_endless_sentence_is_left_out() -> None:
    written = letter(change=change(block(Piece("equal", "word " * 400), Piece("insert", "more"))))
    shown = written.text.split("Word for word")[1].split("Compare both")[0]
    assert "word … word" in flat(shown)
    assert len(shown) < 600


def test_passages_that_moved_together_are_told_once_and_their_old_place_not_at_all() -> None:
    place = "## Where it is kept\n\nIt is kept in the European Union.\n\nIt rests on machines in Finland.\n"
    others = "".join(f"\n## Part {at}\n\nThis is what part {at} says of your scans and us.\n" for at in range(9))
    written = letter(change=compare(f"{place}{others}", f"{others}\n{place}"))
    assert says(written, "⇅ Moved here. The 2 passages after it moved with it. Where it is kept")
    assert written.html.count("⇅") == 1
    assert not says(written, "It rests on machines in Finland")


def test_a_moved_passage_says_from_where() -> None:
    moved = block(Piece("equal", "One. Two."), kind=Kind.MOVED, moved_from="Old place", section=("New place",))
    left = BlockChange("c", Kind.MOVED, "p", section=("Old place",), moved_to="New place")
    written = letter(change=change(moved, left))
    assert says(written, "⇅ Moved here from “Old place”.")
    assert "One. …" in written.text


def test_a_link_that_leads_elsewhere_shows_both_addresses() -> None:
    told = compare("[Write](https://old.example/a) to us.\n", "[Write](https://new.example/b) to us.\n")
    written = letter(change=told)
    assert "Link changed. [-https://old.example/a-] [+https://new.example/b+]" in flat(written.text)
    assert says(written, "↗ Write to us.")
    assert "https://old.example/a" not in [a["href"] for a in Page(written.html).all("a")]


def test_links_that_came_or_went_are_told() -> None:
    words = Piece("equal", "Write to us.", (), ("link:/a",))
    assert says(letter(change=change(block(words, kind=Kind.LINK, links=(("", "/b"),)))), "Link added.")
    assert says(letter(change=change(block(words, kind=Kind.LINK, links=(("/a", ""),)))), "Link removed.")


def test_what_changed_in_form_only_is_counted() -> None:
    assert says(letter(change=compare("One two.\n", "*One* two.\n")), "One passage differs in form only")
    both = compare("One two.\n\nThree four.\n", "*One* two.\n\n- Three four.\n")
    assert says(letter(change=both), "2 passages differ in form only, and in no word.")


def test_cells_of_a_row_are_parted() -> None:
    table = "| What | How long |\n| --- | --- |\n| Crash reports | {} days |\n"
    written = letter(change=compare(table.format(90), table.format(180)))
    assert "± Crash reports | [-90-] [+180+] days" in written.text
    assert "Crash reports | <del" in written.html


def test_code_keeps_its_lines() -> None:
    written = letter(change=compare("Text.\n", "Text.\n\n```\none\n  two\n```\n"))
    assert "+ [+one\n    two" in written.text
    assert re.search(r"one\n  two", written.html)


def test_a_heading_is_not_said_twice() -> None:
    written = letter(change=compare("# A\n\n## B\n\nOne.\n", "# A\n\n## B\n\nOne.\n\n## New part\n\nTwo.\n"))
    assert written.text.count("New part") == 1
    assert "+ [+New part+]\n\n+ [+Two.+]" in written.text


def test_where_no_word_differs_it_says_so() -> None:
    assert says(letter(change=compare(OLD, OLD)), "No word differs from the text of 12 March 2025.")


def test_without_a_comparison_it_leads_to_the_page() -> None:
    written = letter(change=None)
    assert says(written, "The page that compares it with the text of 12 March 2025 shows every passage")


def test_passages_stop_at_the_limit_and_the_rest_is_linked() -> None:
    many = change(*(new(f"Passage {number}. " + "All of it is new. " * 40) for number in range(300)))
    written = letter(change=many)
    shown = written.html.count("All of it is new. All") and written.text.count("+ [+Passage")
    assert LIMIT - 3_000 < typeset.weight(written.html) <= LIMIT
    assert says(written, f"This letter has room for {shown} of the 300 passages that differ.")
    assert says(written, f"Passage {shown - 1}.")
    assert not says(written, f"Passage {shown}.")


def test_a_passage_too_long_for_any_letter_is_linked() -> None:
    written = letter(change=change(new("All of it is new. " * 9_000)))
    assert typeset.weight(written.html) < LIMIT
    assert says(
        written, "What differs is too long for a letter. The page that compares both texts shows all of it."
    )


# -- what it never lets through -----------------------------------------------------------------

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}{% raw %}"


@pytest.mark.parametrize(
    "given",
    [
        {"policy_title": HOSTILE},
        {"company": HOSTILE, "company_address": HOSTILE},
        {"summary": HOSTILE},
        {"findings": [Found(HOSTILE, HOSTILE)]},
        {"kind": "correction", "correction_reason": HOSTILE},
        {"change": change(new(HOSTILE, section=(HOSTILE,), tag="pre"))},
        {"change": change(block(Piece("insert", HOSTILE, ("strong", "em", "code", "strike", f"link:{HOSTILE}"))))},
        {"change": change(block(Piece("equal", HOSTILE), links=((HOSTILE, HOSTILE),), kind=Kind.LINK))},
        {"change": change(block(Piece("equal", HOSTILE), moved_from=HOSTILE, kind=Kind.MOVED))},
        {"contact_email": HOSTILE, "redline_url": HOSTILE, "locale": HOSTILE, "effective_label": HOSTILE},
    ],
)
def test_hostile_words_are_only_words(given: dict[str, Any]) -> None:
    written = letter(**given)
    page = Page(written.html)
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in page.words or HOSTILE in written.html.replace("&amp;", "&").replace("&quot;", '"')
    assert "49" not in page.words.replace("&", "")
    assert "<script>" in written.text  # plain text escapes nothing


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e", "\0"])
def test_no_newline_reaches_the_subject(end: str) -> None:
    title = f"Privacy policy{end}Bcc: everyone@plover.example"
    subject = letter(policy_title=title, effective_label=f"1{end}May").subject
    assert len(subject.splitlines()) == 1
    assert subject.isprintable()


def test_no_sign_turns_the_subject_around() -> None:
    assert "\u202e" not in letter(policy_title="Privacy \u202eycilop").subject


def test_a_key_like_string_in_a_policy_is_not_substituted() -> None:
    other = "-aaaaaa.applies_from.html- -aaaaaa.applies_from.text-"
    written = letter(summary=other, change=change(new(other)))
    assert says(written, other)


@pytest.mark.parametrize(
    "given",
    [
        {"summary": f"-{PREFIX}.applies_from.html-"},
        {"policy_title": f"-{PREFIX}.applies_from.text-"},
        {"findings": [Found(f"-{PREFIX}.applies_from.text-")]},
        {"change": change(block(Piece("delete", f"{PREFIX}.applies_from.text")))},  # brackets complete the key
        {"change": change(block(Piece("insert", PREFIX[:3]), Piece("insert", f"{PREFIX[3:]}.", ("em",))))},
    ],
)
def test_a_prefix_that_stands_in_the_text_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="draw another"):
        letter(**given)


@pytest.mark.parametrize("prefix", ["", "short", "UPPERCASE", "a b c d e f", "abcdef.", "a" * 33, "abcdé1"])
def test_a_malformed_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="6 to 32"):
        render(CONTEXT, prefix=prefix)


def test_what_is_personal_goes_escaped_and_plain_and_never_into_the_subject() -> None:
    values = substitutions(PREFIX, applies_from="<1>\r\n& 2")
    assert values == {
        f"-{PREFIX}.applies_from.html-": "&lt;1&gt; &amp; 2",
        f"-{PREFIX}.applies_from.text-": "<1> & 2",
    }
    assert set(keys(PREFIX)) == {*values, link_key(PREFIX)}
    written = render(replace(CONTEXT, **OWN_PAGE), prefix=PREFIX)
    assert PREFIX not in written.subject
    escaped, plain = values
    assert set(re.findall(rf"-{PREFIX}[^-]*-", written.html)) == {escaped, link_key(PREFIX)}
    assert set(re.findall(rf"-{PREFIX}[^-]*-", written.text)) == {plain, link_key(PREFIX)}


def test_the_same_letter_has_the_same_hash_and_another_another() -> None:
    hashes = {render(CONTEXT, prefix=PREFIX).sha256 for _ in range(3)}
    assert len(hashes) == 1
    assert render(replace(CONTEXT, revision=8), prefix=PREFIX).sha256 not in hashes


# -- how it is set ------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_is_fetched(variant: str) -> None:
    written = letter(**VARIANTS[variant])
    page = Page(written.html)
    assert not {"img", "link", "script", "iframe", "video", "object", "form"} & {tag for tag, _ in page.elements}
    assert not re.search(r"url\(|@import|@font-face|background=|src=|srcset=", written.html)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_light_letter_needs_no_class(variant: str) -> None:
    page = Page(letter(**VARIANTS[variant]).html)
    for tag, attributes in page.elements:
        assert attributes.get("style") or not attributes.get("class"), (tag, attributes)
        assert attributes.get("style") or tag not in ("h1", "h2", "h3", "p", "ins", "del", "a", "body")


def test_marks_carry_colour_wash_and_line_of_their_own() -> None:
    page = Page(letter().html)
    assert all(
        "underline" in (ins["style"] or "") and "#e4eefa" in (ins["style"] or "") for ins in page.all("ins")
    )
    assert all("line-through" in (gone["style"] or "") for gone in page.all("del"))
    assert {span.get("aria-label") for span in page.all("span")} >= {"inserted", "changed"}


def test_one_style_stays_for_dark_screens_and_phones() -> None:
    html = letter().html
    assert html.count("<style") == 1
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 640px" in html


def test_it_is_one_article_in_presentation_tables_with_its_language() -> None:
    page = Page(letter(locale="ar").html)
    assert page.all("html")[0] == {"lang": "en", "dir": "ltr"}  # its own sentences are English
    assert {"lang": "ar", "dir": "rtl"}.items() <= {k: v for k, v in page.all("p")[0].items() if v}.items()
    assert [div.get("role") for div in page.all("div")].count("article") == 1
    assert {table.get("role") for table in page.all("table")} == {"presentation"}
    assert page.all("table")[1]["width"] == "600"


def test_dates_are_not_broken_over_lines() -> None:
    assert '<span class="whole" style="white-space:nowrap">1 December 2025</span></h1>' in letter().html


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_text_part_keeps_to_its_columns(variant: str) -> None:
    text = letter(**VARIANTS[variant]).text
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= COLUMNS
    assert not re.search(r"[ \xa0]$|\n{4}", text, flags=re.MULTILINE)


# -- an operator's own templates ----------------------------------------------------------------


def test_an_operator_may_bring_other_sentences() -> None:
    names = ("letter.html", "letter.txt", "letter.css", "_runs.html")
    sources = {name: (TEMPLATES / name).read_text() for name in names}
    sentences = (TEMPLATES / "sentences.txt").read_text() + "{% set why %}Because.{% endset %}"
    written = render(CONTEXT, prefix=PREFIX, loader=DictLoader(sources | {"sentences.txt": sentences}))
    assert "Because." in written.text
    assert "Because." in written.html


def test_a_template_that_names_what_is_not_there_fails() -> None:
    loader = DictLoader({"sentences.txt": "{% set title %}{{ nothing }}{% endset %}", "letter.css": ""})
    with pytest.raises(UndefinedError):
        render(replace(CONTEXT, change=None), prefix=PREFIX, loader=loader)


def test_a_template_cannot_reach_past_what_it_is_given() -> None:
    loader = DictLoader({"sentences.txt": "{% set title %}{{ letter.__class__.__mro__ }}{% endset %}"})
    with pytest.raises(SecurityError):
        render(replace(CONTEXT, change=None), prefix=PREFIX, loader=loader)


def test_a_passage_bears_the_id_of_its_change_as_the_page_does() -> None:
    told = compare("Kept for 12 months.\n\nWe sell nothing.\n", "Kept for 24 months.\n\nWe sell scans.\n\nNew.\n")
    shown = [table["id"] for table in Page(letter(change=told).html).all("table") if table.get("id")]
    assert shown == [block.id for block in told.numbered]
    assert all(f'id="{name}"' in redline.html(told) for name in shown)
