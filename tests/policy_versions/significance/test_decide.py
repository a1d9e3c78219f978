"""Whether a change matters, and why."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_versions.significance import ENGINE, Decision, decide
from policy_versions.significance.rules import rules
from tests.policy_versions.diff.texts import edited
from tests.policy_versions.significance.pairs import MINOR, SIGNIFICANT, Pair

ONLY_FORM = "Only spelling, formatting, links, dates, numbering or order changed; nothing of substance."
RETENTION = next(pair for pair in SIGNIFICANT if pair.name == "a longer retention")


@pytest.mark.parametrize("pair", SIGNIFICANT, ids=lambda pair: pair.name)
def test_what_a_member_would_want_to_know_is_significant(pair: Pair) -> None:
    decision = decide(pair.old, pair.new)
    assert decision.verdict == "significant"
    assert pair.category in {finding.category for finding in decision.findings}
    assert decision.level == max(finding.level for finding in decision.findings) >= 2


@pytest.mark.parametrize("pair", MINOR, ids=lambda pair: pair.name)
def test_what_changes_no_substance_is_minor(pair: Pair) -> None:
    decision = decide(pair.old, pair.new)
    assert (decision.verdict, decision.findings) == ("minor", ())
    assert decision.level <= 1


@pytest.mark.parametrize("pair", SIGNIFICANT, ids=lambda pair: pair.name)
def test_the_way_back_is_as_significant(pair: Pair) -> None:
    assert decide(pair.new, pair.old).verdict == "significant"


@pytest.mark.parametrize("pair", MINOR, ids=lambda pair: pair.name)
def test_the_way_back_is_as_minor(pair: Pair) -> None:
    assert decide(pair.new, pair.old).verdict == "minor"


def test_a_finding_says_where_what_why_and_by_which_rule() -> None:
    (finding,) = decide(RETENTION.old, RETENTION.new).findings
    assert finding.section == "How long we keep it"
    assert finding.before == "We keep your orders for 12 months after you leave."
    assert finding.after == "We keep your orders for 24 months after you leave."
    assert finding.reason == "Retention of orders: from 12 months to 24 months."
    assert (finding.level, finding.direction) == (3, "wider")
    assert finding.rule == "GDPR Art. 13(2)(a); WP260 rev.01 §§29–31 (notice in advance)"
    assert finding.dpv == ("StorageDuration", "StorageDeletion")
    assert finding.opp115 == ("Data Retention",)


def test_a_reason_shows_the_words_around_the_difference() -> None:
    said = "Whatever comes, we and those who work with us here will {}share your scans with third parties."
    (finding,) = decide(said.format("never "), said.format("")).findings
    assert finding.reason == (
        "Sharing: what is denied changed: “never” was taken out: "
        "“… with us here will never share your scans with …”."
    )


def test_findings_are_ordered_by_weight_and_summed_up() -> None:
    fee, liable = "The monthly fee is $5.", "We are liable for it."
    change = decide(
        f"{fee}\n\n{liable}", "The monthly fee is $9.\n\nWe are not liable for it.\n\nWe sell your data."
    )
    assert [(finding.category, finding.level) for finding in change.findings] == [
        ("payment", 3),
        ("sharing", 3),
        ("liability", 3),
    ]
    assert [finding.weight for finding in change.findings] == [0.9, 0.9, 0.85]
    assert change.summary.startswith("Fees and payment: from $5 to $9. Sharing: now says “We sell your data”. ")


def test_many_findings_are_counted_in_the_summary() -> None:
    old = "\n\n".join(f"Gadget {name} is kept for 12 months." for name in "alder birch cedar elm fir".split())
    assert decide(old, old.replace("12", "24")).summary.endswith(" 2 more findings.")


@pytest.mark.parametrize(
    ("old", "new", "level", "summary"),
    [
        ("Hello.", "Hello.", 0, "Nothing changed."),
        ("Hello.", "*Hello.*", 0, ONLY_FORM),
        ("Hello all.", "All hello!", 0, ONLY_FORM),
        (
            "A clear word for you.",
            "A clear paper for you.",
            1,
            "Some sentences were put in other words; nothing of substance changed.",
        ),
        ("", "Hello.", 3, "The whole text is new."),
        ("Hello.", "", 3, "The whole text was taken away."),
        ("", "", 0, "Nothing changed."),
        (" ", "", 0, ONLY_FORM),
    ],
)
def test_the_summary_of_a_change_without_findings_is_plain(old: str, new: str, level: int, summary: str) -> None:
    decision = decide(old, new)
    assert (decision.level, decision.summary) == (level, summary)


def test_a_decision_comes_back_from_json() -> None:
    decision = decide(RETENTION.old, RETENTION.new)
    assert decision.engine == ENGINE
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision


def test_every_category_has_a_title_a_level_and_a_source() -> None:
    assert sorted(rules().categories) == sorted(
        "collection purpose sharing transfer retention rights security controller children legal_basis automated"
        " payment liability dispute conduct licence termination change_process".split()
    )
    for category in rules().categories.values():
        assert category.title
        assert 2 <= category.level <= 4
        assert category.cites
        assert category.opp115


@given(edited() | st.tuples(st.text(), st.text()))
@settings(max_examples=100, deadline=None)
def test_any_two_texts_get_a_decision_and_always_the_same(pair: tuple[str, str]) -> None:
    decision = decide(*pair)
    assert decision == decide(*pair)
    assert (decision.verdict == "significant") == (decision.level >= 2) == bool(decision.findings)
    assert 0.5 <= decision.confidence <= 1
    assert decision.summary.endswith(".")


def test_a_thing_added_to_what_is_collected_is_told() -> None:
    decision = decide("# P\n\nWe collect your name.\n", "# P\n\nWe collect your name and telephone number.\n")
    assert (decision.verdict, decision.findings[0].category) == ("significant", "collection")


def test_how_long_something_is_kept_is_retention_whatever_it_is() -> None:
    decision = decide(
        "# P\n\nWe keep payment records for 12 months.\n", "# P\n\nWe keep payment records for 24 months.\n"
    )
    assert [(f.category, f.reason) for f in decision.findings] == [
        ("retention", "Retention of payment records: from 12 months to 24 months.")
    ]


def test_what_an_item_permits_is_judged_by_what_its_list_is_for() -> None:
    old = "# P\n\n## Why we use it\n\n- **To improve our software.** We do not train it on them.\n"
    decision = decide(old, old.replace("do not", "may also"))
    assert decision.verdict == "significant"


def test_a_number_is_judged_by_the_section_it_stands_in() -> None:
    old = "# P\n\n## Children\n\nAn account is for people of 13 years.\n"
    decision = decide(old, old.replace("13", "16"))
    assert (decision.verdict, decision.findings[0].category) == ("significant", "children")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "We keep orders for 12 months. We keep messages for 24 months.",
            "We keep orders for 24 months. We keep messages for 12 months.",
        ),
        (
            "We use your name for billing. We use your e-mail for marketing.",
            "We use your name for marketing. We use your e-mail for billing.",
        ),
        ("You may terminate this agreement.", "We may terminate this agreement."),
        ("We pay for the return of the goods.", "You pay for the return of the goods."),
        ("We send letters. You can opt out.", "We send letters."),
        ("We will now share it.", "We will not share it."),
        ("You can delete all of your data.", "You can delete some of your data."),
        ("We keep logs for a short time.", "We keep logs as long as we need them."),
        ("You must be 16 or older.", "You must be 13 or older."),
        ("## Subprocessors\n\n- Larkpost, Sweden\n", "## Subprocessors\n\n- Larkpost, Sweden\n- Numeral, India\n"),
    ],
)
def test_a_small_change_of_substance_is_seen_both_ways(old: str, new: str) -> None:
    assert decide(old, new).verdict == decide(new, old).verdict == "significant"


def test_a_passive_sentence_says_the_same() -> None:
    assert decide("You can cancel the contract.", "The contract can be cancelled by you.").verdict == "minor"
