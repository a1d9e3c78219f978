"""Which text governed, governs or will govern a member, and how that is known: the answers, on the one fold."""

from notifier.standing.answers import Answer, Line, Row, Stretch, Upcoming, Why
from notifier.standing.asking import MOST_PAIRS, many, of_external, of_member, timelines
from notifier.standing.everybody import everyone
from notifier.standing.moving import MOST_MOVEMENTS, Movement, Movements, movements

__all__ = [
    "MOST_MOVEMENTS",
    "MOST_PAIRS",
    "Answer",
    "Line",
    "Movement",
    "Movements",
    "Row",
    "Stretch",
    "Upcoming",
    "Why",
    "everyone",
    "many",
    "movements",
    "of_external",
    "of_member",
    "timelines",
]
