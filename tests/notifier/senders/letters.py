"""Build letters and recipients; a test names only what its behaviour depends on."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from notifier.senders import Message, Recipient

PLAIN, ESCAPED = "-k3v9-name-", "-k3v9-name-html-"


def message(**changed: Any) -> Message:
    usual = Message(
        subject=f"{PLAIN}, our privacy policy changes",
        text=f"Dear {PLAIN},\n\n.a line that begins with a dot\n“§ 4” now reads — 個人情報.\n",
        html=f"<p>Dear {ESCAPED},</p><p>“§ 4” now reads — 個人情報.</p>{'<br>' * 400}",
        sender='"Größe & Co." <policies@example.com>',
        reply_to="privacy@example.com",
        headers={"List-Id": "Policies <policies.example.com>", "Auto-Submitted": "auto-generated"},
    )
    return usual._replace(**changed)


def recipient(delivery_id: int = 1, address: str = "zoe@example.org", name: str = "Zoë") -> Recipient:
    return Recipient(delivery_id, address, {PLAIN: name, ESCAPED: name.replace("&", "&amp;")})


def parsed(content: bytes) -> EmailMessage:
    """Read a letter back, sure that a strict reader found nothing odd."""
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert not [part.defects for part in letter.walk() if part.defects]
    return letter


def body(letter: EmailMessage, subtype: str) -> str:
    part = letter.get_body((subtype,))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")
