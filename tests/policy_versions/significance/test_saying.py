"""A finding says in one plain sentence what changed."""

from __future__ import annotations

import pytest

from policy_versions.significance import decide, text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "We keep payment data for 12 months.",
            "We keep payment data for 24 months.",
            "Retention of payment data: from 12 months to 24 months.",
        ),
        (
            "| What | How long we keep it |\n|---|---|\n| Instrument readings | 12 months |\n",
            "| What | How long we keep it |\n|---|---|\n| Instrument readings | 24 months |\n",
            "Retention of instrument readings: from 12 months to 24 months.",
        ),
        (
            "Your scans are kept for 12 months.",
            "Your scans are kept for 24 months.",
            "Retention of scans: from 12 months to 24 months.",
        ),
        (
            "Our e-mail vendor is Larkpost of Malmö.",
            "Our e-mail vendor is Dovewire of Malmö.",
            "Sharing: Larkpost was replaced by Dovewire.",
        ),
        ("The fee is 5 €.", "The fee is 7 €.", "Fees and payment: from 5 € to 7 €."),
        (
            "We ask for:\n\n- your name\n",
            "We ask for:\n\n- your name\n- your voice\n",
            "Collection: “your voice” was added under “We ask for”.",
        ),
        (
            "We share your scans with the firms below, each of which works under a contract that binds it:\n\n"
            "- Larkpost\n",
            "We share your scans with the firms below, each of which works under a contract that binds it:\n\n"
            "- Larkpost\n- Dovewire, for letters\n",
            "Sharing: “Dovewire, for letters” was added.",
        ),
        (
            "Your scans stay in the EU, with one exception: Larkpost.",
            "Your scans stay in the EU, with two exceptions: Larkpost.",
            "Transfer abroad: “… in the EU, with one exception: Larkpost” became "
            "“… in the EU, with two exceptions: Larkpost”.",
        ),
        (
            "Hello there.\n\nWe sell your scans to anyone.",
            "Hello there.",
            "Sharing: no longer says “We sell your scans to anyone”.",
        ),
        (
            "You may object.\n\nTo object, write to desk@example.com.",
            "You may object.\n\nTo object, write to privacy@example.com.",
            "Rights and choices: desk@example.com is no longer given as an address to write to.",
        ),
        (
            "We will delete your scans.",
            "We may delete your scans.",
            "Retention: what is allowed changed: “We will delete your scans” became “We may delete your scans”.",
        ),
    ],
)
def test_a_reason_is_one_plain_sentence(old: str, new: str, said: str) -> None:
    assert said in [finding.reason for finding in decide(old, new).findings]


def test_a_decision_as_text_shows_verdict_evidence_and_rule() -> None:
    shown = text(decide("We keep payment data for 12 months.", "We keep payment data for 24 months."))
    assert shown.splitlines() == [
        "Significant, level 3 of 4 (notice in advance), 91% sure.",
        "",
        "Retention of payment data: from 12 months to 24 months.",
        "  Retention · level 3 · wider: the company may do more, or the member less",
        "  - We keep payment data for 12 months.",
        "  + We keep payment data for 24 months.",
        "  GDPR Art. 13(2)(a); WP260 rev.01 §§29–31 (notice in advance)",
        "",
        "Decided by significance-2.",
    ]


def test_a_minor_decision_as_text_says_what_was_let_pass() -> None:
    assert text(decide("Hello all.", "*Hello* all.")).splitlines()[:2] == [
        "Minor, level 0 of 4 (none), 100% sure.",
        "Only spelling, formatting, links, dates, numbering or order changed; nothing of substance.",
    ]
