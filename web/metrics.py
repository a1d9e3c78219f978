"""Prometheus metrics at /metrics, for whoever has the token: read from the database when asked.

Several processes serve and send, so none of them counts anything itself. Labels come from closed sets and from the
notices that are open; no address and no key of the host's is in any.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import case
from sqlmodel import Session, col, func, select
from werkzeug.exceptions import NotFound, Unauthorized

from errors import KeyRefused
from notifier import keys, members, progress
from notifier.models import (
    NOTICE_STATES,
    Attempt,
    Batch,
    Member,
    Notice,
    Quarantine,
    Subscription,
    Suppression,
    Tick,
    WebhookBody,
)
from policy_versions.models import DueDecision, DueTranslation
from web.context import now, runtime, session

blueprint = Blueprint("metrics", __name__)

KEPT = timedelta(minutes=1)  # figures that take longer to count are as old at most
SHOWN = timedelta(hours=1)  # a node that has not ticked for so long is gone
SUPPRESSED_FOR = ("bounce", "complaint", "dropped")  # else a person's own words, which are no label
_SLOW = "gazette_metrics_kept"

Labels = tuple[str, ...]
Figures = Iterable[tuple[Labels, float]]


@blueprint.get("/metrics")
def metrics() -> Response:
    """For the token of the settings, and a key with that scope; without the token, nothing for anybody else."""
    wanted = runtime().settings.metrics_token
    if not (wanted and _is_bearer(wanted.get_secret_value())) and not _is_key():
        if wanted is None:
            raise NotFound
        raise Unauthorized(www_authenticate=_bearer())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(session(), now()))
    answer = Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _is_bearer(token: str) -> bool:
    return hmac.compare_digest(_given().encode(), token.encode())


def _is_key() -> bool:
    try:
        return keys.find(session(), _given()).opens("metrics")
    except KeyRefused:
        return False


def _given() -> str:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else ""


def _bearer() -> Any:
    from werkzeug.datastructures import WWWAuthenticate

    return WWWAuthenticate("bearer", {"realm": "metrics"})


class _Scrape(Collector):
    """One look at the database."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self.now = session, now

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        kept = _kept(self.session, self.now)
        for name, says, labels, figures in _METRICS:
            yield _gauge(name, says, labels, figures(self.session, self.now))
        for name, says, labels in _KEPT:
            yield _gauge(name, says, labels, kept[name])


def _gauge(name: str, says: str, labels: Labels, figures: Figures) -> Metric:
    gauge = GaugeMetricFamily(f"gazette_{name}", says, labels=labels)
    for values, figure in figures:
        gauge.add_metric(values, figure)
    return gauge


# -- cheap enough for each look -----------------------------------------------------------------


def _deliveries(session: Session, _now: datetime) -> Figures:
    """Of the notices that are open."""
    open_ones = session.exec(select(Notice).where(col(Notice.state).in_(progress.OPEN))).all()
    for number, counted in progress.of_all(session, open_ones).items():
        yield from (((str(number), state), counted.states.get(state, 0)) for state in progress.STATES)


def _notices(session: Session, _now: datetime) -> Figures:
    found = dict(session.exec(select(Notice.state, func.count()).group_by(col(Notice.state))).all())
    return [((state,), found.get(state, 0)) for state in NOTICE_STATES]


def _attempts(session: Session, _now: datetime) -> Figures:
    """Of the notices that are not complete; those of the others are all settled."""
    rows = session.exec(
        select(Attempt.state, func.count())
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(_unsettled())
        .group_by(col(Attempt.state))
    )
    return [((state,), count) for state, count in rows]


def _oldest_unknown(session: Session, now: datetime) -> Figures:
    since = session.exec(
        select(func.min(func.coalesce(Attempt.doubted_at, Attempt.started_at)))
        .join(Batch, col(Batch.id) == Attempt.batch_id)
        .where(Attempt.state == "unknown", _unsettled())
    ).one()
    return _age(since, now)


def _unsettled() -> Any:
    return col(Batch.notice_id).in_(select(Notice.id).where(Notice.state != "complete"))


def _waiting() -> tuple[Any, ...]:
    return col(WebhookBody.folded_at).is_(None), col(WebhookBody.body).is_not(None)


def _bodies(session: Session, _now: datetime) -> Figures:
    return _one(session.exec(select(func.count()).select_from(WebhookBody).where(*_waiting())).one())


def _oldest_body(session: Session, now: datetime) -> Figures:
    return _age(session.exec(select(func.min(WebhookBody.received_at)).where(*_waiting())).one(), now)


def _decisions(session: Session, _now: datetime) -> Figures:
    for kind, table in (("revision", DueDecision), ("translation", DueTranslation)):
        failing = func.sum(case((col(table.failures) > 0, 1), else_=0))
        due, failed = session.exec(select(func.count(), failing).select_from(table)).one()
        yield (kind, "waiting"), due - (failed or 0)
        yield (kind, "failing"), failed or 0


def _ticks(session: Session, now: datetime) -> Figures:
    """By job and node, of the nodes that are there."""
    rows = session.exec(select(Tick).where(Tick.ticked_at > now - SHOWN).order_by(col(Tick.job), col(Tick.node)))
    return [((tick.job, tick.node), _seconds(tick.ticked_at, now)) for tick in rows]


def _last_ticks(session: Session, now: datetime) -> Figures:
    rows = session.exec(select(Tick.job, func.max(Tick.ticked_at)).group_by(col(Tick.job)).order_by(col(Tick.job)))
    return [((job,), _seconds(at, now)) for job, at in rows]


def _failing(session: Session, now: datetime) -> Figures:
    wrong = func.sum(case(((col(Tick.error) != "") & (col(Tick.ticked_at) > now - SHOWN), 1), else_=0))
    return [((job,), count) for job, count in session.exec(select(Tick.job, wrong).group_by(col(Tick.job)))]


def _quarantine(session: Session, _now: datetime) -> Figures:
    standing = select(func.count()).select_from(Quarantine).where(col(Quarantine.lifted_at).is_(None))
    return _one(1 if session.exec(standing).one() else 0)


def _subscriptions(session: Session, _now: datetime) -> Figures:
    asked = func.sum(case((col(Subscription.confirmed_at).is_(None), 1), else_=0))
    rows = select(func.count(), asked).where(col(Subscription.ended_at).is_(None))
    standing, unconfirmed = session.exec(rows.select_from(Subscription)).one()
    yield ("asked",), unconfirmed or 0
    yield ("confirmed",), standing - (unconfirmed or 0)


Reader = Callable[[Session, datetime], Figures]
_METRICS: tuple[tuple[str, str, Labels, Reader], ...] = (
    ("deliveries", "Deliveries of each open notice by state.", ("notice", "state"), _deliveries),
    ("notices", "Notices by state.", ("state",), _notices),
    ("attempts", "Requests of the notices that are not complete, by state.", ("state",), _attempts),
    ("unknown_oldest_seconds", "Age of the oldest request whose fate is not known.", (), _oldest_unknown),
    ("webhook_bodies_waiting", "Webhook bodies that wait to be folded.", (), _bodies),
    ("webhook_oldest_seconds", "Age of the oldest webhook body that waits to be folded.", (), _oldest_body),
    ("decisions_due", "Revisions and translations that wait to be decided.", ("kind", "state"), _decisions),
    ("tick_age_seconds", "Time since a node last ran a job.", ("job", "node"), _ticks),
    ("last_tick_age_seconds", "Time since any node last ran a job.", ("job",), _last_ticks),
    ("ticks_failing", "Nodes on which a job last failed.", ("job",), _failing),
    ("quarantine", "1 while a restored database waits for a person.", (), _quarantine),
    ("subscriptions", "Subscriptions to the news of a policy, by state.", ("state",), _subscriptions),
)


def _one(figure: float) -> Figures:
    return [((), figure)]


def _age(since: datetime | None, now: datetime) -> Figures:
    return _one(_seconds(since, now) if since else 0)


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


# -- counted once a minute ----------------------------------------------------------------------

_KEPT: tuple[tuple[str, str, Labels], ...] = (
    ("deliveries_finished", "Deliveries of the notices that are over, by state.", ("state",)),
    ("letters_heard_of", "Letters by the event that ranks highest.", ("event",)),
    ("suppressions", "Addresses not to be written to, by reason.", ("reason",)),
    ("members_retained", "Members whose personal information is retained.", ()),
)


def _kept(session: Session, now: datetime) -> dict[str, list[tuple[Labels, float]]]:
    """The figures that take a second at ten million members, from this process's last minute."""
    counted_at, figures = current_app.extensions.get(_SLOW, (None, {}))
    if counted_at is None or not timedelta() <= now - counted_at < KEPT:
        figures = {
            "deliveries_finished": list(_finished(session)),
            "letters_heard_of": list(_heard_of(session)),
            "suppressions": list(_suppressions(session)),
            "members_retained": list(_members(session, now)),
        }
        current_app.extensions[_SLOW] = now, figures
    found: dict[str, list[tuple[Labels, float]]] = figures
    return found


def _finished(session: Session) -> Figures:
    over = session.exec(select(Notice).where(col(Notice.state).in_(("complete", "cancelled", "recalled")))).all()
    counted = progress.of_all(session, over).values()
    return [((state,), sum(each.states.get(state, 0) for each in counted)) for state in progress.STATES]


def _heard_of(session: Session) -> Figures:
    sums = func.sum(Batch.delivered), func.sum(Batch.bounced), func.sum(Batch.dropped)
    delivered, bounced, dropped = session.exec(select(*sums)).one()
    return [(("delivered",), delivered or 0), (("bounced",), bounced or 0), (("dropped",), dropped or 0)]


def _suppressions(session: Session) -> Figures:
    known = case((col(Suppression.reason).in_(SUPPRESSED_FOR), col(Suppression.reason)), else_="person").label(
        "why"
    )
    rows = session.exec(select(known, func.count()).where(col(Suppression.lifted_at).is_(None)).group_by(known))
    found = dict(rows.all())
    return [((reason,), found.get(reason, 0)) for reason in (*SUPPRESSED_FOR, "person")]


def _members(session: Session, now: datetime) -> Figures:
    return _one(session.exec(select(func.count()).select_from(Member).where(members.retained(now))).one())
