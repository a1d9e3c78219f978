"""Letters to people who are not members: they ask to be told of every change of a policy, and can stop it at once.

Kept apart from legal notices in everything: another table, another List-Id, no ledger, at most one letter each.
"""

from notifier.subscriptions.sending import tick
from notifier.subscriptions.subscribing import (
    answerable,
    ask,
    confirm,
    find,
    forget,
    reported,
    unsubscribe,
)
from notifier.subscriptions.tokens import Purpose, read, token

__all__ = [
    "Purpose",
    "answerable",
    "ask",
    "confirm",
    "find",
    "forget",
    "read",
    "reported",
    "tick",
    "token",
    "unsubscribe",
]
