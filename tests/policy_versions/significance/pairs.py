"""Pairs of texts of our own, and what a careful reader decides of them."""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """One edit. `category` is that of a finding it must have; None: it is minor."""

    name: str
    old: str
    new: str
    category: str | None


_KEEP = "## How long we keep it\n\nWe keep your orders for {} after you leave."
_LIST = "We collect:\n\n- your name\n- your post code\n"

SIGNIFICANT = (
    Pair("a longer retention", _KEEP.format("12 months"), _KEEP.format("24 months"), "retention"),
    Pair("a longer retention in words", _KEEP.format("one year"), _KEEP.format("three years"), "retention"),
    Pair(
        "deletion no longer promised",
        "We make scanners. We delete your scans when you close the case.",
        "We make scanners.",
        "retention",
    ),
    Pair("one more thing collected", _LIST, _LIST + "- your exact location\n", "collection"),
    Pair(
        "a sensitive thing collected",
        "When you order we receive your name.",
        "When you order we receive your name and biometric data.",
        "collection",
    ),
    Pair(
        "a sale of data",
        "We care about privacy.",
        "We care about privacy. We may sell what we know of you to advertisers.",
        "sharing",
    ),
    Pair(
        "never becomes sometimes",
        "We will never share your scans with third parties.",
        "We will share your scans with third parties.",
        "sharing",
    ),
    Pair(
        "another vendor",
        "Letters are sent by our e-mail vendor, Larkpost, from Malmö.",
        "Letters are sent by our e-mail vendor, Dovewire, from Malmö.",
        "sharing",
    ),
    Pair(
        "a new subprocessor in a table",
        "## Service providers\n\n| Who | Why |\n|---|---|\n| Larkpost | letters |\n",
        "## Service providers\n\n| Who | Why |\n|---|---|\n| Larkpost | letters |\n| Numeral Cloud | labels |\n",
        "sharing",
    ),
    Pair(
        "a safeguard dropped",
        "Our machines stand in Ohio. Transfers rest on standard contractual clauses.",
        "Our machines stand in Ohio.",
        "transfer",
    ),
    Pair(
        "another purpose",
        "We use your e-mail address to send the invoice.",
        "We use your e-mail address to send the invoice and for marketing.",
        "purpose",
    ),
    Pair(
        "training on members' content",
        "Your scans stay in your library.",
        "Your scans stay in your library. We use them to train our artificial intelligence.",
        "automated",
    ),
    Pair(
        "an opt-out taken away",
        "Write to us with questions. You can opt out of research in your profile.",
        "Write to us with questions.",
        "rights",
    ),
    Pair(
        "a right made conditional",
        "You have the right to a copy of what we hold.",
        "You have the right to a copy of what we hold only if you pay our costs.",
        "rights",
    ),
    Pair(
        "less encryption",
        "Scans are encrypted at rest and on their way.",
        "Scans are encrypted on their way.",
        "security",
    ),
    Pair(
        "another age",
        "Nobody under 16 may open an account without a parent.",
        "Nobody under 13 may open an account without a parent.",
        "children",
    ),
    Pair(
        "another basis",
        "For statistics we rely on your consent.",
        "For statistics we rely on our legitimate interests.",
        "legal_basis",
    ),
    Pair(
        "another controller",
        "The data controller is Plover Instruments AB of Uppsala.",
        "The data controller is Heron Holding Inc. of Delaware.",
        "controller",
    ),
    Pair(
        "a higher fee",
        "The monthly fee is $5 and may be cancelled at any time.",
        "The monthly fee is $9 and may be cancelled at any time.",
        "payment",
    ),
    Pair(
        "no more refunds",
        "You may return the scanner. We refund the price within 30 days.",
        "You may return the scanner.",
        "payment",
    ),
    Pair(
        "less liability",
        "We are liable for what we break.",
        "We are not liable for what we break.",
        "liability",
    ),
    Pair(
        "forced arbitration",
        "Talk to us first.",
        "Talk to us first. Any dispute goes to binding arbitration, and you waive a jury.",
        "dispute",
    ),
    Pair(
        "a wider licence",
        "Your scans stay yours.",
        "Your scans stay yours. You grant us a perpetual, royalty free licence to show them.",
        "licence",
    ),
    Pair(
        "termination at will",
        "We may terminate your account if you break these terms.",
        "We may terminate your account at any time for whatever reason.",
        "termination",
    ),
    Pair(
        "new prohibited conduct",
        "Be kind.",
        "Be kind. You may not scan banknotes with our instruments.",
        "conduct",
    ),
    Pair(
        "a shorter notice of changes",
        "We give 30 days notice of changes to these terms.",
        "We give 7 days notice of changes to these terms.",
        "change_process",
    ),
    Pair(
        "may becomes will",
        "We may disclose your address to the police.",
        "We will disclose your address to the police.",
        "sharing",
    ),
    Pair("a text at last", "", "# Privacy\n\nWe keep nothing.", "other"),
    Pair("a text taken away", "# Privacy\n\nWe keep nothing.", "", "other"),
    Pair(
        "a language not understood",
        "Guardamos sus datos durante doce meses después de la cancelación de la cuenta.",
        "Guardamos sus datos durante treinta meses después de la cancelación de la cuenta.",
        "other",
    ),
    Pair(
        "much new text of unclear meaning",
        "Welcome to the workshop.",
        "Welcome to the workshop.\n\n"
        + "\n\n".join(
            f"Gauge number {word} stands on bench {word}, beside brass lenses, spare bulbs, cork mats, a {word}."
            for word in "alder birch cedar elm fir hazel".split()
        ),
        "other",
    ),
)

_TEXT = "# Privacy\n\nWe share your scans with nobody.\n\nWe keep orders for 12 months.\n\n- Ask us\n- Tell us\n"
_TWO = "## Rights\n\nYou have the right to a copy.\n\n## Sharing\n\nWe share nothing with third parties.\n"

MINOR = (
    Pair("the same text", _TEXT, _TEXT, None),
    Pair("emphasis", _TEXT, _TEXT.replace("nobody", "**nobody**"), None),
    Pair("bullets", _TEXT, _TEXT.replace("- ", "* "), None),
    Pair("a list numbered", _TEXT, _TEXT.replace("- Ask", "1. Ask").replace("- Tell", "2. Tell"), None),
    Pair("heading levels", _TEXT, _TEXT.replace("# P", "### P"), None),
    Pair(
        "another address of a link",
        "See [our terms](http://a.example).",
        "See [our terms](https://a.example/t).",
        None,
    ),
    Pair("a link put on words", "Ask our support team.", "Ask our [support team](/support).", None),
    Pair("a misspelling", "We recieve and shaer your orders.", "We receive and share your orders.", None),
    Pair("a spelling", "You may cancel a cancelled licence.", "You may cancel a canceled license.", None),
    Pair("a comma", "We never share or sell it.", "We never share, or sell, it.", None),
    Pair("quotes and dashes", 'We call it "personal data" - yours.', "We call it “personal data” – yours.", None),
    Pair("capitals", "The Services share Your Data.", "the services share your data.", None),
    Pair("a blank", "You may opt out at anytime.", "You may opt out at any time.", None),
    Pair("the date", "Last updated: 12 March 2025\n\nHello.", "Last updated: October 14, 2025\n\nHello.", None),
    Pair("a version", "Version 1.0, June 2018. Hello.", "Version 1.1, July 2018. Hello.", None),
    Pair("front matter", "---\nlayout: a\n---\n" + _TEXT, "---\nlayout: b\n---\n" + _TEXT, None),
    Pair(
        "sections in another order", _TWO, "\n".join(["## Sharing", *_TWO.split("## Sharing")[::-1]]).strip(), None
    ),
    Pair("a paragraph split", "We share nothing. We keep nothing.", "We share nothing.\n\nWe keep nothing.", None),
    Pair(
        "a sentence split",
        "We share nothing, and we keep nothing long.",
        "We share nothing. And we keep nothing long.",
        None,
    ),
    Pair("renumbering", "## 5. Rights\n\nSee section 4.", "## 6. Rights\n\nSee section 5.", None),
    Pair("numbers in words", "We keep it for 12 months.", "We keep it for twelve (12) months.", None),
    Pair("a repetition", _TEXT, _TEXT + "\nWe share your scans with nobody.\n", None),
    Pair("a pointer", _TEXT, _TEXT + "\nTo learn more about how we share data, read our notes.\n", None),
    Pair("a heading reworded", "## Retention\n\nA year.", "## How long we retain your data\n\nA year.", None),
    Pair(
        "a product renamed throughout",
        "Larkbook shares no data. Larkbook never sells data. Your rights in Larkbook stay yours.",
        "Finchbook shares no data. Finchbook never sells data. Your rights in Finchbook stay yours.",
        None,
    ),
    Pair(
        "an office moved",
        "The data controller is Plover AB, Kanal Street 19, Uppsala.",
        "The data controller is Plover AB, Harbour Street 4, Uppsala.",
        None,
    ),
    Pair("an example put better", "We mend scanners quickly.", "We repair scanners fast.", None),
)
