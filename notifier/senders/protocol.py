"""What a sender is: it carries one letter to some recipients, and says honestly what became of it.

A request's fate is one of four. It returns (the provider took it), or raises one of three types:
certainly not sent and worth retrying, certainly not sent and not worth retrying, or unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """A letter as rendered once for a group; personal fields stand in it as substitution keys."""

    subject: str
    text: str
    html: str
    sender: str  # RFC 5322 mailbox, as in "Company <policies@example.com>"
    reply_to: str
    headers: Mapping[str, str]  # List-Id, Auto-Submitted, …: the same for everybody


class Recipient(NamedTuple):
    """One delivery's address and what is put in place of the substitution keys for it."""

    delivery_id: int
    address: str
    substitutions: Mapping[str, str]


class Accepted(NamedTuple):
    """The provider took the request."""

    message_id: str | None  # the provider's own, where it gives one
    pause: float | None = None  # seconds until the next request may leave; None: it may leave at once


class SendFailure(Exception):
    """`str()` is one sentence for the administrator, never with an address in it."""

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(sentence)


class NotSent(SendFailure):
    """Certainly not sent, and worth retrying after `retry_after` seconds (None: the caller's back-off)."""

    def __init__(self, sentence: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(sentence, status=status)


class Refused(SendFailure):
    """Certainly not sent, and the same request would be refused again.

    address: True when one of the addresses may be at fault, so that halving the request can find it;
    False when it is the account, the key or the letter, so that the notice pauses.
    """

    def __init__(self, sentence: str, *, status: int | None = None, address: bool = False) -> None:
        self.address = address
        super().__init__(sentence, status=status)


class Unknown(SendFailure):
    """It may have been sent: a time-out while reading, a reset, a 5xx. Never retried blindly."""


class Sender(Protocol):
    """name: as in the setting. request_size: recipients in one request.

    window: requests between commits. widest: as many at most, where so many leave within a second.
    repeatable: True when sending the same delivery twice leaves one letter (the folder), so that an
    attempt cut short may simply be made again.
    reports: whether it will be heard what became of accepted letters (a webhook, bounces that are read).
    """

    name: str
    request_size: int
    window: int
    widest: int
    repeatable: bool
    reports: bool

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:
        """Carry one request. Raises: NotSent, Refused, Unknown."""
        ...

    def look_up(self, attempt_id: int) -> bool | None:
        """Ask the provider's own log about an attempt whose fate is unknown.

        Returns: True when it shows a letter of that attempt, so that the request was taken; False when it shows
        none; None when it cannot be asked, or not now. Logs lag by minutes and forget after days: False is worth
        something only in between.
        """
        ...

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Remove what is kept here of these deliveries' letters, as at an erasure."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
