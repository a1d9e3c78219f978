"""Read bounces from an IMAP mailbox: what is unseen, each message marked as seen once it is dealt with.

Source: RFC 3501 §6.4.4 (SEARCH), §6.4.5 (BODY.PEEK[]<first.count>), §6.4.6 (STORE).
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from errors import BouncesUnreadable
from notifier.bounces.parts import LARGEST
from notifier.bounces.places import Kept
from notifier.senders.mime import without_addresses

_PATIENCE = 30.0  # seconds for one wait
_ATOM = re.compile(r"[A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]+")
_AT_ONCE = 5000  # messages searched in one go: imaplib takes no answer of more than a million characters


@dataclass(frozen=True)
class Account:
    """Where a mailbox is, and who reads it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    mailbox: str


class ImapBox:
    """A mailbox that Gazette alone reads."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def messages(self) -> Iterator[Kept]:
        """Yield what is unseen. Raises: BouncesUnreadable."""
        with self._said():
            connection = self._connect()
        try:
            with self._said():
                unseen = list(self._unseen(connection, self._open(connection)))
            for uid in unseen:
                yield Kept(partial(self._fetch, connection, uid), partial(self._mark, connection, uid))
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                connection.logout()

    def _connect(self) -> imaplib.IMAP4:
        host, port = self._account.host, self._account.port
        if self._account.tls:
            return imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=_PATIENCE)
        return imaplib.IMAP4(host, port, timeout=_PATIENCE)

    def _open(self, connection: imaplib.IMAP4) -> int:
        """Sign in and open the mailbox. Returns: how many messages it holds."""
        try:
            connection.login(_quoted(self._account.user), self._account.password)
        except imaplib.IMAP4.error as error:  # of its words only the code is said: they may repeat the password
            code = re.search(r"\[[A-Z-]+\]", str(error))
            raise imaplib.IMAP4.error(f"the sign-in was refused {code[0] if code else ''}".rstrip()) from None
        kind, data = connection.select(_quoted(self._account.mailbox))
        _expect_ok(kind, data)
        return int(data[0] or 0)

    def _unseen(self, connection: imaplib.IMAP4, size: int) -> Iterator[str]:
        for first in range(1, size + 1, _AT_ONCE):
            kind, data = connection.uid("SEARCH", f"{first}:{min(size, first + _AT_ONCE - 1)}", "UNSEEN")
            _expect_ok(kind, data)
            yield from (data[0] or b"").decode().split()

    def _fetch(self, connection: imaplib.IMAP4, uid: str) -> bytes | None:
        with self._said():
            kind, data = connection.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
            _expect_ok(kind, data)
        if data == [None]:  # another node or a person has removed it
            return None
        return next((part[1] for part in data if isinstance(part, tuple)), b"")

    def _mark(self, connection: imaplib.IMAP4, uid: str) -> None:
        with self._said():
            _expect_ok(*connection.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)"))

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say what goes wrong without the password, which a server may repeat. Raises: BouncesUnreadable."""
        try:
            yield
        except (OSError, imaplib.IMAP4.error) as error:
            why = without_addresses(str(error).replace(self._account.password, "…")) or type(error).__name__
            raise BouncesUnreadable(f"The mailbox of GAZETTE_BOUNCES cannot be read: {why}.") from None


def _quoted(text: str) -> str:
    """Write a string as IMAP takes it; imaplib itself does so with the password only."""
    if _ATOM.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _expect_ok(kind: str, data: object) -> None:
    """Raises: imaplib's error for a NO."""
    if kind != "OK":
        raise imaplib.IMAP4.error(f"it answered {kind} {data}")
