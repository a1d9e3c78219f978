"""What the significance engine's findings are about, in the reader's language.

The engine says its reasons in English sentences about the words of the text. A letter in another language names
what each is about instead; the passages themselves stand below, word for word.
"""

from __future__ import annotations

from collections.abc import Mapping

from notifier.wording import N_, Wording

TITLES: Mapping[str, str] = {
    "children": N_("Children"),
    "automated": N_("Automated decisions"),
    "legal_basis": N_("Legal basis"),
    "controller": N_("Who is responsible"),
    "transfer": N_("Transfer abroad"),
    "retention": N_("How long information is kept"),
    "rights": N_("Rights and choices"),
    "security": N_("Security"),
    "payment": N_("Fees and payment"),
    "liability": N_("Liability"),
    "dispute": N_("Disputes"),
    "licence": N_("Licence on your content"),
    "termination": N_("Termination"),
    "change_process": N_("How changes are told"),
    "sharing": N_("Sharing with others"),
    "collection": N_("What is collected"),
    "purpose": N_("What information is used for"),
    "conduct": N_("What members must or must not do"),
    "other": N_("Other changes"),
}


def title(category: str, wording: Wording) -> str:
    """The name of a category; of one that is not known here, that of all others."""
    return wording.say(TITLES.get(category, TITLES["other"]))
