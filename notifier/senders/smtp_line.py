"""One connection to a mail server, kept open from letter to letter.

smtplib's `sendmail` does not tell a connection lost before the letter from one lost after it. Here each
step is taken by itself, since the one is worth a retry and the other must never be retried blindly.
Source: RFC 5321 §4.2.1 (replies), §4.5.3.2 (time-outs); RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

from notifier.senders import smtp_exchange as exchange
from notifier.senders.mime import Envelope
from notifier.senders.protocol import SendFailure

_LEAVING = 421  # the server closes the connection after it


@dataclass(frozen=True)
class Server:
    """Where the mail goes, and on what terms."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False  # from the first byte, as in smtps
    starttls_required: bool = False  # else used when offered

    @property
    def verified(self) -> bool:
        """Whether the certificate must be the host's; where TLS is a gift, any is better than none."""
        return self.tls or self.starttls_required


class _Stale(Exception):
    """A kept connection was found closed before it had anything of the letter."""


class Line:
    """A connection, or the want of one."""

    def __init__(self, server: Server, tls: ssl.SSLContext, timeout: float) -> None:
        self._server = server
        self._tls = tls
        self._timeout = timeout
        self._smtp: smtplib.SMTP | None = None
        self._kept = False  # it has stood since a letter before this one
        self._clean = True  # nothing of a refused letter is left in it
        self._begun = False  # the letter's text has begun to leave: from here on a failure leaves its fate unknown
        self._expired = False  # time was up, whatever was going on

    @property
    def is_open(self) -> bool:
        return self._smtp is not None and getattr(self._smtp, "sock", None) is not None

    def carry(self, letter: Envelope) -> str:
        """Hand one letter over. Returns: the server's words. Raises: NotSent, Refused, Unknown.

        It stays open when the server refused in due form, and is closed when anything else went wrong. A server
        may have closed it while it was idle, which shows only now: the letter then begins anew on another.
        """
        try:
            return self._carry(letter)
        except _Stale:
            return self._carry(letter)

    def begin(self) -> None:
        """Be lent to a letter, whose time begins."""
        self._expired = False

    def cut(self) -> None:
        """End whatever waits on this connection. Called by the deadline's thread."""
        self._expired = True
        sock = getattr(self._smtp, "sock", None)
        if sock is not None:
            with suppress(OSError):  # not SSLSocket's own method, which drops its state under the reader
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def quit(self) -> None:
        """Take leave and close."""
        if self._smtp is not None and self.is_open:
            with suppress(OSError):
                self._smtp.quit()
        self._close()

    def _carry(self, letter: Envelope) -> str:
        self._kept, self._begun = self.is_open, False
        try:
            smtp = self._ready()
            exchange.announce(smtp, letter)
            self._begun = True
            return exchange.hand_over(smtp, letter)
        except SendFailure as failure:
            self._refused(failure)
            raise
        except OSError as error:  # all of smtplib's are, too
            self._close()
            self._stale_if_kept()
            raise (exchange.lost(error) if self._begun else exchange.unsent(error)) from None
        except BaseException:  # half a letter must not become the beginning of the next
            self._close()
            raise

    def _refused(self, failure: SendFailure) -> None:
        """Leave what was refused behind. Raises: _Stale."""
        self._clean = False
        if failure.status == _LEAVING:
            self._close()
            self._stale_if_kept()

    def _stale_if_kept(self) -> None:
        if self._kept and not self._begun and not self._expired:
            raise _Stale from None

    def _ready(self) -> smtplib.SMTP:
        """Return a connection on which a letter may begin. Raises: OSError."""
        smtp = self._smtp
        if smtp is None or not self.is_open or not (self._clean or exchange.is_reset(smtp)):
            smtp = self._connect()
        self._clean = True
        if self._expired:  # there may have been no socket to cut yet
            raise TimeoutError("time was up while connecting")
        return smtp

    def _connect(self) -> smtplib.SMTP:
        """Open a new connection in place of the old. Raises: OSError."""
        self._close()
        self._kept = False
        smtp = self._smtp = _unconnected(self._server, self._tls, self._timeout)
        code, text = smtp.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        smtp.ehlo_or_helo_if_needed()
        self._secure(smtp)
        if self._server.user is not None:
            smtp.login(self._server.user, self._server.password or "")
        if smtp.sock is not None:  # else the last packet of a text waits for the server's word on those before
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return smtp

    def _secure(self, smtp: smtplib.SMTP) -> None:
        """Begin TLS where it is offered or required. Raises: SMTPNotSupportedError, OSError."""
        if not self._server.tls and (self._server.starttls_required or smtp.has_extn("starttls")):
            smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()


def tls_context(*, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unconnected(server: Server, tls: ssl.SSLContext, timeout: float) -> smtplib.SMTP:
    """Make a client without connecting it, so that a cut finds its socket from the first byte on."""
    smtp = smtplib.SMTP_SSL(context=tls, timeout=timeout) if server.tls else smtplib.SMTP(timeout=timeout)
    smtp._host = server.host  # type: ignore[attr-defined]  # what certificates are checked against; only a connecting constructor sets it
    return smtp
