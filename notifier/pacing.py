"""How fast letters may leave. The budget is one for all workers, and it is in the database.

What is spent is not kept but counted: the recipients of the attempts started in the rolling window, read under the
lock of one row, so that no two workers spend the same letter. Where the provider names its limit it is obeyed;
where it only refuses, the rate is halved and then rises again a little with each second.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, func, or_, select, update

from notifier.models import Attempt, Pace
from settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPAN = timedelta(seconds=10)  # over which a found rate is kept
RISE = 0.05  # of the rate, for each second in which nothing was refused
LEAST_RATE = 1.0  # letters a second
LONGEST_HOLD = timedelta(hours=24)  # senders take no longer wait from an answer either
MAY_HAVE_LEFT = ("started", "accepted", "unknown", "resent")  # attempts that spend of a quota
FIRST_HOLD = timedelta(seconds=5)


def allowance(session: Session, settings: Settings, *, now: datetime) -> int | None:
    """How many letters may leave now; None for as many as there are.

    Where there is a budget its row stays locked to the end of the transaction, which writes down what it spends.
    """
    pace = session.get(Pace, 1)
    held, rate = (pace.held_until, pace.rate) if pace is not None else (None, None)
    return allowed(session, settings, held_until=held, rate=rate, now=now)


def allowed(
    session: Session, settings: Settings, *, held_until: datetime | None, rate: float | None, now: datetime
) -> int | None:
    """See `allowance`: the same of a pace that was read already."""
    if held_until is not None and held_until > now:
        return 0
    budgets = _budgets(settings, rate)
    if not budgets:
        return None
    session.exec(select(Pace).where(Pace.id == 1).with_for_update()).one()
    return max(0, min(most - spent(session, since=now - window) for most, window in budgets))


def _budgets(settings: Settings, rate: float | None) -> list[tuple[int, timedelta]]:
    budgets = [(settings.quota_hour, HOUR), (settings.quota_day, DAY)]
    found = [(most, window) for most, window in budgets if most is not None]
    if rate is not None:
        found.append((max(1, int(rate * SPAN.total_seconds())), SPAN))
    return found


def spent(session: Session, *, since: datetime) -> int:
    """Letters tried since then, but for those that certainly did not leave."""
    found = session.exec(
        select(func.sum(Attempt.recipients)).where(
            Attempt.started_at > since, col(Attempt.state).in_(MAY_HAVE_LEFT)
        )
    ).one()
    return int(found or 0)


def refused(session: Session, *, retry_after: float | None, said: str, now: datetime) -> None:
    """The provider has had enough: nobody sends before it said, or for a while; and then at half the rate."""
    pace = session.exec(select(Pace).where(Pace.id == 1).with_for_update()).one()
    held = timedelta(seconds=retry_after) if retry_after is not None else FIRST_HOLD
    until = now + min(held, LONGEST_HOLD)
    pace.held_until = max(until, pace.held_until) if pace.held_until else until
    if retry_after is None:
        going = spent(session, since=now - SPAN) / SPAN.total_seconds()
        pace.rate = max(LEAST_RATE, (min(going, pace.rate) if pace.rate else going) / 2)
    pace.said, pace.recorded_at = said[:300], now
    session.add(pace)
    session.flush()


def hold(session: Session, *, seconds: float, now: datetime) -> None:
    """The provider said with its answer that its budget is spent until then: no sooner than it said before."""
    until = now + min(timedelta(seconds=seconds), LONGEST_HOLD)
    sooner = or_(col(Pace.held_until).is_(None), col(Pace.held_until) < until)
    session.exec(update(Pace).where(col(Pace.id) == 1, sooner).values(held_until=until, recorded_at=now))


def taken(session: Session, *, now: datetime) -> None:
    """A request was taken: a found rate rises, at most once a second."""
    given = {"before": now - timedelta(seconds=1), "now": now}
    session.connection().execute(_RISES, given)


_RISES = (
    update(Pace)
    .where(
        col(Pace.id) == 1,
        col(Pace.rate).is_not(None),
        col(Pace.recorded_at) <= bindparam("before"),
    )
    .values(rate=col(Pace.rate) * (1 + RISE), recorded_at=bindparam("now"))
)
