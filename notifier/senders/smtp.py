"""Carry letters to a mail server, one a request, over connections that are kept open.

smtplib's `sendmail` does not tell a connection lost before the letter from one lost after it. Here each
step is taken by itself, since the one is worth a retry and the other must never be retried blindly.
Source: RFC 5321 §4.2.1 (replies), §4.5.3.2 (time-outs); RFC 3207 (STARTTLS); RFC 6531 (SMTPUTF8).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Timer

from notifier.senders.mime import Envelope, Press, only, without_addresses
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient, Refused, SendFailure, Unknown

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


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


class SmtpSender:
    """A mail server. It reports no bounces, so what it accepts stays accepted."""

    name = "smtp"
    request_size = 1
    window = 10
    repeatable = False

    def __init__(
        self,
        server: Server,
        *,
        deadline: float = 60.0,
        timeout: float = 20.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """deadline: seconds for one letter in all. timeout: seconds for one wait. clock: for the Date header."""
        self.server = server
        self._deadline = deadline
        self._timeout = min(timeout, deadline)
        self._clock = clock
        self._press = Press()
        self._tls = _tls_context(verified=server.verified)
        self._idle: deque[_Line] = deque()  # as many as there were threads sending at once

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:  # noqa: ARG002
        """Carry one letter. Returns: the server's words, which name its queue entry.

        Raises: NotSent, Refused, Unknown; ValueError.
        """
        letter = self._press.letter(message).to(only(recipients), self._clock())
        with self._line() as line, _cut_after(self._deadline, line):
            return Accepted(line.carry(letter))

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Nothing is kept here: each letter left with its request."""

    def close(self) -> None:
        """Take leave of the server on each idle connection."""
        while self._idle:
            self._idle.pop().quit()

    @contextmanager
    def _line(self) -> Iterator[_Line]:
        """Lend a connection; it comes back unless it was lost."""
        try:
            line = self._idle.pop()
        except IndexError:
            line = _Line(self.server, self._tls, self._timeout)
        try:
            yield line
        finally:
            if line.is_open:
                self._idle.append(line)


class _Line:
    """One connection, or the want of one. `expired`: the deadline has passed, whatever was going on."""

    def __init__(self, server: Server, tls: ssl.SSLContext, timeout: float) -> None:
        self.expired = False
        self._begun = False  # the letter's text has begun to leave: from here on a failure leaves its fate unknown
        self._server = server
        self._tls = tls
        self._timeout = timeout
        self._smtp: smtplib.SMTP | None = None

    @property
    def is_open(self) -> bool:
        return self._smtp is not None and getattr(self._smtp, "sock", None) is not None

    def carry(self, letter: Envelope) -> str:
        """Hand one letter over. Returns: the server's words. Raises: NotSent, Refused, Unknown.

        It stays open when the server refused in due form, and is closed when anything else went wrong.
        """
        self._begun = False
        try:
            smtp = self._ready()
            _announce(smtp, letter)
            self._begun = True
            return _hand_over(smtp, letter.content)
        except SendFailure:
            raise
        except OSError as error:  # all of smtplib's are, too
            self._close()
            raise (_lost(error) if self._begun else _unsent(error)) from None
        except BaseException:  # half a letter must not become the beginning of the next
            self._close()
            raise

    def cut(self) -> None:
        """End whatever waits on this connection. Called by the deadline's thread."""
        self.expired = True
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

    def _ready(self) -> smtplib.SMTP:
        """Return a connection on which a letter may begin. Raises: OSError."""
        smtp = self._smtp
        if smtp is None or not _is_alive(smtp):
            smtp = self._connect()
        if self.expired:  # there may have been no socket to cut yet
            raise TimeoutError("time was up while connecting")
        return smtp

    def _connect(self) -> smtplib.SMTP:
        """Open a new connection in place of the old. Raises: OSError."""
        self._close()
        smtp = self._smtp = _unconnected(self._server, self._tls, self._timeout)
        code, text = smtp.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        smtp.ehlo_or_helo_if_needed()
        self._secure(smtp)
        if self._server.user is not None:
            smtp.login(self._server.user, self._server.password or "")
        return smtp

    def _secure(self, smtp: smtplib.SMTP) -> None:
        """Begin TLS where it is offered or required. Raises: SMTPNotSupportedError, OSError."""
        if not self._server.tls and (self._server.starttls_required or smtp.has_extn("starttls")):
            smtp.starttls(context=self._tls)
            smtp.ehlo_or_helo_if_needed()

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()


@contextmanager
def _cut_after(seconds: float, line: _Line) -> Iterator[None]:
    """Give a line so long in all; smtplib's own time-out is for each wait, which a dripping answer outlives."""
    line.expired = False
    timer = Timer(seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a cut under way must not hit the next letter


def _tls_context(*, verified: bool) -> ssl.SSLContext:
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


def _is_alive(smtp: smtplib.SMTP) -> bool:
    """Ask whether a kept-open connection still stands. RSET rather than NOOP: it also clears a refused letter."""
    try:
        code, _ = smtp.rset()
    except OSError:
        return False
    return code == 250


def _announce(smtp: smtplib.SMTP, letter: Envelope) -> None:
    """Come to where only the letter's text is missing. Raises: NotSent, Refused; OSError."""
    options = f" SIZE={len(letter.content)}" if smtp.has_extn("size") else ""
    if not letter.address.isascii():
        if not smtp.has_extn("smtputf8"):
            raise Refused("The mail server takes no address with other letters than A to Z.", address=True)
        smtp.command_encoding = "utf-8"  # until the next RSET
        options += " SMTPUTF8 BODY=8BITMIME"
    _expect(2, smtp.docmd(f"MAIL FROM:<{letter.sender}>{options}"), "the sender")
    _expect(2, smtp.docmd(f"RCPT TO:<{letter.address}>"), "the recipient", address=True)
    _expect(3, smtp.docmd("DATA"), "the letter")


def _hand_over(smtp: smtplib.SMTP, content: bytes) -> str:
    """Send the text. Returns: the server's words. Raises: NotSent, Refused; OSError."""
    smtp.send(_LEADING_DOT.sub(b"..", content) + b".\r\n")
    return _expect(2, smtp.getreply(), "the letter")


def _expect(kind: int, reply: tuple[int, bytes], step: str, *, address: bool = False) -> str:
    """Return the words of a reply of the kind hoped for (its first digit).

    Raises: NotSent for 4xx, Refused for 5xx; OSError for what is no SMTP, after which nothing can be relied on.
    """
    code, text = reply
    if code // 100 == kind:
        return without_addresses(text.decode(errors="replace"))
    if code // 100 not in (4, 5):
        raise smtplib.SMTPServerDisconnected(f"it answered {step} out of turn with {code}")
    raise _failure(code, text, step, address=address)


def _failure(code: int, text: bytes | str, step: str, *, address: bool = False) -> SendFailure:
    words = without_addresses(text.decode(errors="replace") if isinstance(text, bytes) else text)
    sentence = f"The mail server answered {step} with {code} {words}."
    if code // 100 == 5:
        return Refused(sentence, status=code, address=address)
    return NotSent(sentence, status=code)


def _lost(error: OSError) -> Unknown:
    why = without_addresses(str(error))
    return Unknown(f"The mail server was lost while it took the letter, which it may have kept: {why}.")


def _unsent(error: OSError) -> SendFailure:
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
