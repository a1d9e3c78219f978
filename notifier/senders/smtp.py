"""Carry letters to a mail server, one a request, over connections that are kept open."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from notifier.senders.mime import Press, only
from notifier.senders.protocol import Accepted, Message, Recipient
from notifier.senders.returns import ReturnAddress
from notifier.senders.smtp_limits import Lanes, Watch
from notifier.senders.smtp_line import Line, Server, tls_context

__all__ = ["Server", "SmtpSender"]


class SmtpSender:
    """A mail server. What it accepts stays accepted unless it comes back by the return address."""

    name = "smtp"
    request_size = 1
    window = 10
    widest = 250
    repeatable = False

    def __init__(
        self,
        server: Server,
        *,
        reports: bool = False,
        returns: ReturnAddress | None = None,
        per_domain: int = 4,
        deadline: float = 60.0,
        timeout: float = 20.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """reports: what comes back is read. returns: where it goes; None: to the letters' own sender.

        per_domain: letters under way at once to one domain. deadline: seconds for one letter in all. timeout:
        seconds for one wait. clock: for the Date header.
        """
        self.server = server
        self.reports = reports
        self._returns = returns
        self._clock = clock
        self._press = Press()
        self._lanes = Lanes(per_domain)
        self._watch = Watch(deadline)
        self._timeout = min(timeout, deadline)
        self._tls = tls_context(verified=server.verified)
        self._idle: deque[Line] = deque()  # as many as there were threads sending at once

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:  # noqa: ARG002
        """Carry one letter. Returns: the server's words, which name its queue entry.

        Raises: NotSent, Refused, Unknown; ValueError.
        """
        recipient = only(recipients)
        letter = self._press.letter(message).to(recipient, self._clock())
        if self._returns is not None:
            letter = letter._replace(sender=self._returns.of(recipient.delivery_id))
        domain = letter.address.rpartition("@")[2].lower()
        with self._line() as line, self._watch.over(line) as until, self._lanes.to(domain, until):
            return Accepted(line.carry(letter))

    def look_up(self, attempt_id: int) -> bool | None:  # noqa: ARG002
        """A mail server has no log that could be asked."""
        return None

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Nothing is kept here: each letter left with its request."""

    def close(self) -> None:
        """Take leave of the server on each idle connection."""
        while self._idle:
            self._idle.pop().quit()

    @contextmanager
    def _line(self) -> Iterator[Line]:
        """Lend a connection; it comes back unless it was lost."""
        try:
            line = self._idle.pop()
        except IndexError:
            line = Line(self.server, self._tls, self._timeout)
        line.begin()
        try:
            yield line
        finally:
            if line.is_open:
                self._idle.append(line)
