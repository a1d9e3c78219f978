"""How often pages of somebody's own may be asked for from one address of the network.

Many members may share an address, and open a letter within the same minute; whoever tries what no letter holds may
not try often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Response

from web.admin.sign_in import limiter

READS, MISSES, ANSWERS, QUESTIONS = "1200 per minute", "30 per minute", "60 per minute", "1200 per minute"
View = TypeVar("View", bound=Callable[..., object])


def reads(view: View) -> View:
    """Pages that record nothing."""
    return cast(View, limiter.limit(MISSES, deduct_when=_missed)(limiter.limit(READS)(view)))


def answers(view: View) -> View:
    """Forms that record an answer."""
    return cast(View, limiter.limit(ANSWERS)(view))


def questions(view: View) -> View:
    """What the site notice's script asks, once for each page of the host's."""
    return cast(View, limiter.limit(MISSES, deduct_when=_missed)(limiter.limit(QUESTIONS)(view)))


def _missed(response: Response) -> bool:
    return response.status_code in (403, 404)
