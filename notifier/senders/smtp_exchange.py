"""What is said to a mail server for one letter, and what its replies mean.

Where the server takes commands in one go (PIPELINING), a letter costs two round trips in place of four. Its text
leaves only after the server has asked for it, either way.
Source: RFC 5321 §4.2.1 (replies); RFC 2920 (PIPELINING); RFC 3461 §4.3 (RET); RFC 6531 (SMTPUTF8).
"""

from __future__ import annotations

import re
import smtplib
import ssl

from notifier.senders.mime import Envelope, without_addresses
from notifier.senders.protocol import NotSent, Refused, SendFailure, Unknown

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_STEPS = ((2, "the sender", False), (2, "the recipient", True), (3, "the letter", False))


def is_reset(smtp: smtplib.SMTP) -> bool:
    """Clear what a refused letter left; whether the connection stands and is clean."""
    try:
        code, _ = smtp.rset()
    except OSError:
        return False
    return code == 250


def announce(smtp: smtplib.SMTP, letter: Envelope) -> None:
    """Come to where only the letter's text is missing. Raises: NotSent, Refused; OSError."""
    commands = _commands(smtp, letter)
    if smtp.has_extn("pipelining"):
        _announce_at_once(smtp, commands, letter.address)
    else:
        for command, step in zip(commands, _STEPS, strict=True):
            smtp.send(command)
            _expect(smtp.getreply(), letter.address, *step)


def hand_over(smtp: smtplib.SMTP, letter: Envelope) -> str:
    """Send the text. Returns: the server's words. Raises: NotSent, Refused; OSError."""
    content = letter.content
    if b"\n." in content:
        content = _LEADING_DOT.sub(b"..", content)
    smtp.send(content + b".\r\n")
    code, text = smtp.getreply()
    _expect((code, text), letter.address, 2, "the letter")
    return _words(text, letter.address)


def _commands(smtp: smtplib.SMTP, letter: Envelope) -> tuple[bytes, bytes, bytes]:
    """Write MAIL, RCPT and DATA. Raises: Refused; ValueError for an address that would be a command of its own."""
    options = f" SIZE={len(letter.content)}" if smtp.has_extn("size") else ""
    if smtp.has_extn("dsn"):
        options += " RET=HDRS"  # what comes back need not hold the letter
    if not letter.address.isascii():
        if not smtp.has_extn("smtputf8"):
            raise Refused("The mail server takes no address with other letters than A to Z.", address=True)
        options += " SMTPUTF8 BODY=8BITMIME"
    addresses = letter.sender + letter.address
    if "\r" in addresses or "\n" in addresses:
        raise ValueError("a line break stands in an address")
    return (
        f"MAIL FROM:<{letter.sender}>{options}\r\n".encode(),
        f"RCPT TO:<{letter.address}>\r\n".encode(),
        b"DATA\r\n",
    )


def _announce_at_once(smtp: smtplib.SMTP, commands: tuple[bytes, bytes, bytes], to: str) -> None:
    """Say all three, and read all three replies before judging any, so that none is taken for a later one's."""
    smtp.send(b"".join(commands))
    replies: list[tuple[int, bytes]] = []
    while len(replies) < len(commands):
        replies.append(smtp.getreply())
        if replies[-1][0] == 421:  # it closes; no more will come
            break
    try:
        for reply, step in zip(replies, _STEPS, strict=False):
            _expect(reply, to, *step)
    except SendFailure:
        if replies[-1][0] // 100 == 3:  # it waits for the text of a letter that it has no recipient for
            smtp.close()
        raise


def _expect(reply: tuple[int, bytes], to: str, kind: int, step: str, address: bool = False) -> None:
    """Go on where a reply is of the kind hoped for (its first digit). to: the letter's address.

    Raises: NotSent for 4xx, Refused for 5xx; OSError for what is no SMTP, after which nothing can be relied on.
    """
    code, text = reply
    if code // 100 == kind:
        return
    if code // 100 not in (4, 5):
        raise smtplib.SMTPServerDisconnected(f"it answered {step} out of turn with {code}")
    raise _failure(code, text, step, to=to, address=address)


def _failure(code: int, text: bytes | str, step: str, *, to: str = "", address: bool = False) -> SendFailure:
    sentence = f"The mail server answered {step} with {code} {_words(text, to)}."
    if code // 100 == 5:
        return Refused(sentence, status=code, address=address)
    return NotSent(sentence, status=code)


def _words(text: bytes | str, to: str) -> str:
    """What the server said. Many name the mailbox or its domain alone; kept, that would outlive an erasure."""
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    for part in to.rpartition("@")[::2]:
        if part and part.lower() in said.lower():  # so that an expression is made of few of ten million
            said = re.sub(rf"(?<![\w.+-]){re.escape(part)}(?![\w+-])", "[address]", said, flags=re.IGNORECASE)
    return without_addresses(said)


def lost(error: OSError) -> Unknown:
    """Say what a failure after the letter's text had begun means."""
    why = without_addresses(str(error))
    return Unknown(f"The mail server was lost while it took the letter, which it may have kept: {why}.")


def unsent(error: OSError) -> SendFailure:
    """Say what a failure before the letter's text means."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _failure(error.smtp_code, error.smtp_error, "the sign-in")
    if isinstance(error, smtplib.SMTPResponseException):
        return _failure(error.smtp_code, error.smtp_error, "the connection")
    why = without_addresses(str(error))
    if _needs_a_person(error):
        return Refused(f"The mail server cannot be used as set: {why}.")
    return NotSent(f"The mail server was not reached, or lost before it had the letter: {why}.")


def _needs_a_person(error: OSError) -> bool:
    """Tell whether a retry would meet the same: no STARTTLS, no sign-in we know, a certificate not its own."""
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return True
    return type(error) is smtplib.SMTPException  # login()'s, when no method of authentication suits
