"""Try a notice without telling anybody: a dry run on a member, a letter to oneself; and who was not reached."""

from __future__ import annotations

import logging

from flask import flash, redirect, render_template, request, url_for

from database import writing
from errors import AddressMalformed, NoSuchMember, RowInvalid
from notifier import addresses, arithmetic, control, deadlines, dry_run, headcount, specimen, unreached
from notifier.audience import Audience
from notifier.models import Notice
from notifier.senders.mime import without_addresses
from notifier.senders.protocol import Message, NotSent, Recipient, Refused, SendFailure, Unknown
from notifier.specimen import Specimen
from policy_versions import archive, policies
from policy_versions.archive import Entry, History
from web.admin import blueprint
from web.admin import notices as pages
from web.admin.sign_in import Answer, actor, limiter
from web.context import now, runtime, session
from web.errors import status_of

log = logging.getLogger(__name__)
LISTED = 100


@blueprint.get("/notices/<row:notice_id>/dry-run", endpoint="dry_run")
def try_on(notice_id: int) -> Answer:
    """Whether a member would get it, and why; and how many would, by reason."""
    found, record, entry = pages.about(notice_id)
    name = request.args.get("member", "").strip()
    answer, missing = None, False
    if name:
        try:
            answer = dry_run.would_get(session(), found, record, name, secret=runtime().secret, now=now())
        except NoSuchMember:
            missing = True
    counted = _counted(found, record, entry)
    page = render_template(
        "admin/dry_run.html",
        page_title="Dry run",
        title=pages.title(found, record, entry),
        notice=found,
        policy=record.policy,
        number=entry.number,
        name=name[:200],
        answer=answer,
        missing=missing,
        counted=counted,
        arithmetic=_arithmetic(found, record, entry, counted.email),
    )
    return (page, 404) if missing else page


def _counted(found: Notice, record: History, entry: Entry) -> Audience:
    if found.opened_at is not None:
        return headcount.as_opened(session(), found)
    return headcount.if_opened_now(session(), found, record, entry, secret=runtime().secret, now=now())


def _arithmetic(found: Notice, record: History, entry: Entry, letters: int) -> list[str]:
    if found.opened_at is not None or found.state not in control.CANCELLABLE:
        return []
    plan = deadlines.of_notice(session(), runtime(), found, record, entry, letters, now=now())
    first = deadlines.gate(runtime(), letters)
    return [*arithmetic.sentences(plan), *([first] if first else [])]


# -- a letter to oneself ------------------------------------------------------------------------


@blueprint.post("/notices/<row:notice_id>/test", endpoint="test_letter")
@limiter.limit("6 per minute", methods=["POST"])
def test_letter(notice_id: int) -> Answer:
    """Send one of a notice's letters to an address typed here: no member's, no delivery, nothing kept of it."""
    found, record, _ = pages.about(notice_id)
    try:
        address = addresses.checked(request.form.get("address", ""))
    except RowInvalid:
        return pages.page(notice_id, AddressMalformed()), status_of(AddressMalformed())
    which = _which(found, record)
    message, recipient = specimen.letter(
        session(), found, record, which, runtime().settings, address=address, now=now()
    )
    session().close()  # the connection is given back before the network is used
    outcome, said = send(message, recipient)
    with writing(runtime().engine) as own:
        instant = runtime().clock.now(own)
        control.note(
            own, "test letter sent", notice_id, actor(), instant,
            base=which.base, locale=which.locale, audience=which.audience, outcome=outcome,
        )  # fmt: skip
    flash(said)
    return redirect(url_for("admin.notice", notice_id=notice_id, _anchor="test"))


def _which(found: Notice, record: History) -> Specimen:
    """The letter chosen; the first one where what was sent names none of those offered."""
    offered = specimen.specimens(session(), found, record)
    chosen = request.form.get("letter", "")
    return next((one for one in offered if pages.key(one) == chosen), offered[0])


def send(message: Message, recipient: Recipient) -> tuple[str, str]:
    """What became of it: in a word for the log, and in a sentence for the person. Never with the address."""
    try:
        runtime().sender.send(message, [recipient], attempt_id=0)
    except Unknown as doubt:
        return "unknown", f"Nobody knows whether the test letter left: {without_addresses(str(doubt))}."
    except NotSent as failure:
        return "not sent", f"The test letter could not be sent now: {without_addresses(str(failure))}."
    except Refused as failure:
        return "refused", f"The test letter was refused: {without_addresses(str(failure))}."
    except (SendFailure, ValueError) as failure:
        return "refused", f"The test letter cannot be sent as it is: {without_addresses(str(failure))}."
    except Exception as fault:
        log.exception("a test letter broke off")
        return "unknown", f"Nobody knows whether the test letter left: {type(fault).__name__} while sending."
    return "accepted", "The test letter was accepted."


# -- governed, not reached ----------------------------------------------------------------------


@blueprint.get("/policies/<slug>/unreached", endpoint="unreached")
def governed_not_reached(slug: str) -> str:
    """Members under a text that they were not told of, as their letter came back or failed."""
    policy = policies.policy(session(), slug)
    record = archive.history(session(), policy)
    after = request.args.get("after", "")
    after = after if after.isprintable() else ""
    found = unreached.unreached(session(), record, now=now(), after=after, limit=LISTED + 1)
    return render_template(
        "admin/unreached.html",
        page_title="Governed, not reached",
        policy=policy,
        rows=found[:LISTED],
        words=unreached.WORDS,
        after=after,
        next=found[LISTED - 1].external_id if len(found) > LISTED else "",
    )
