"""Take bounces onto the ledger, one message and one transaction at a time.

A message is marked only after its transaction is committed: what is read again after a crash is known already.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from sqlalchemy.exc import OperationalError

from database import reading as looking
from database import writing
from errors import BouncesUnreadable
from notifier import senders
from notifier.bounces import places, reading
from notifier.events import folding
from notifier.runtime import Runtime

log = logging.getLogger(__name__)

MOST = 1000  # messages in one tick
RECORDED, KNOWN, UNMATCHED = "recorded", "known already", "of no letter on record"
NOT_OURS, NO_BOUNCE, PUT_OFF = "not ours", "no bounce", "put off"
_WAYS = {"not ours": NOT_OURS, "no bounce": NO_BOUNCE}


def tick(runtime: Runtime) -> int:
    """Read the mailbox of the setting, where there is one; returns how many messages were dealt with."""
    if runtime.settings.bounces is None:
        return 0
    tally = take_all(runtime)
    if tally:
        log.info("mail to return addresses: %s", said(tally))
    return tally.total() - tally[PUT_OFF]


def take_all(runtime: Runtime) -> Counter[str]:
    """Deal with what lies in the mailbox of the setting. Returns: how many messages, by what came of them.

    Raises: BouncesUnreadable; OperationalError when the database is out of reach.
    """
    tally: Counter[str] = Counter()
    for kept in islice(_messages(runtime), MOST):
        if runtime.stopping.is_set():
            break
        tally.update(_deal_with(runtime, kept))
    return tally


def _messages(runtime: Runtime) -> Iterator[places.Kept]:
    setting = runtime.settings.bounces
    if setting is None:
        raise BouncesUnreadable("GAZETTE_BOUNCES is not set: it says where bounces are read.")
    return places.place(setting.get_secret_value()).messages()


def _deal_with(runtime: Runtime, kept: places.Kept) -> list[str]:
    """What came of a message. One that cannot be dealt with is left as it is, and holds up no other."""
    try:
        raw = kept.read()
        if raw is None:
            return []
        came = take(runtime, raw)
        kept.done()
    except (BouncesUnreadable, OperationalError):
        raise
    except Exception as fault:  # only its type: its words might quote the message
        log.error("a message to a return address could not be dealt with: %s", type(fault).__name__)
        return [PUT_OFF]
    return [came]


def take(runtime: Runtime, raw: bytes) -> str:
    """Take one message; the transaction is committed on return. Returns: what came of it.

    Raises: BouncesUnreadable when no return address is set.
    """
    returns = senders.return_address(runtime.settings)
    if returns is None:
        raise BouncesUnreadable("GAZETTE_BOUNCE_ADDRESS is not set: by it a letter that comes back is recognised.")
    with looking(runtime.engine) as session:
        now = runtime.clock.now(session)
    report, why = reading.read(raw, returns, now=now)
    if report is None:
        return _WAYS[why]
    with writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        folded = folding.fold(session, [report], secret=runtime.secret, now=now)
    if folded.events or not any(folded):  # none of a subscriber's letter, whose keeper knows what is a repetition
        return RECORDED
    return UNMATCHED if folded.unmatched else KNOWN


def said(tally: Counter[str]) -> str:
    """Say what came of messages, as in “3 recorded, 1 no bounce”."""
    return ", ".join(f"{number:,} {came}" for came, number in sorted(tally.items())) or "none"
