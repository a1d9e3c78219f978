"""What stands in a subscriber's links: the number of a subscription, signed for one purpose. Never an address.

A token bears no date. The one that confirms ends with the question it answers, 48 hours after it was asked,
and that is on record; the one that stops letters holds for as long as a letter may lie in a mailbox.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer

from errors import SubscriptionLinkInvalid

Purpose = Literal["confirm", "unsubscribe"]
LONGEST = 200  # a token is about 50 characters; nothing is decoded of what is far longer


def token(subscription_id: int, purpose: Purpose, secret: str) -> str:
    """Return a signed token, in characters that an address takes as they are."""
    made = _signer(purpose, secret).dumps(subscription_id)
    return made if isinstance(made, str) else made.decode("ascii")


def read(written: str, purpose: Purpose, secret: str) -> int:
    """Return the subscription's id. Raises: SubscriptionLinkInvalid."""
    if len(written) > LONGEST or not written.isascii():
        raise SubscriptionLinkInvalid
    try:
        return int(_signer(purpose, secret).loads(written))
    except BadData as error:
        raise SubscriptionLinkInvalid from error


def _signer(purpose: Purpose, secret: str) -> URLSafeSerializer:
    """Each purpose signs with a salt of its own, so that no token serves for the other."""
    return URLSafeSerializer(
        secret, salt=f"gazette subscription {purpose}", signer_kwargs={"digest_method": hashlib.sha256}
    )
