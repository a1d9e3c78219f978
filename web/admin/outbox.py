"""Letters to look at: the folder outbox as a mailbox, and each letter as it was sent, whatever carried it."""

from __future__ import annotations

from itertools import islice
from math import ceil
from pathlib import Path

from flask import Response, render_template, request, url_for
from werkzeug.exceptions import NotFound

from notifier import as_sent, mailbox
from notifier.mailbox import Box, Head
from web import filters
from web.admin import blueprint
from web.context import runtime, session
from web.headers import LETTER_POLICY

PAGE = 50
LONGEST = 200  # of what is looked for
FIRST = ("From", "To", "Reply-To", "Subject", "Date")  # headers that everybody wants to see


def folder() -> Path | None:
    """Where letters are put; None where mail goes elsewhere."""
    mail = runtime().settings.mail
    return Path(mail.removeprefix("folder:")) if mail.startswith("folder:") else None


def holds(delivery_id: int) -> bool:
    """Whether a letter lies in the folder."""
    place = folder()
    return place is not None and mailbox.head(place, delivery_id).fault == ""


# -- the mailbox --------------------------------------------------------------------------------


@blueprint.get("/outbox", endpoint="outbox")
def index() -> str:
    place = folder()
    box = mailbox.box(place) if place else mailbox.Box((), 0)
    pages = max(1, ceil(len(box.numbers) / PAGE))
    given = request.args.get("page", "1")
    page = min(int(given), pages) if given.isascii() and given.isdigit() and len(given) < 8 else 1
    shown = box.numbers[(page - 1) * PAGE : page * PAGE] if page > 0 else ()
    return _mailbox([mailbox.head(place, each) for each in shown] if place else [], box, page=page, pages=pages)


@blueprint.post("/outbox", endpoint="find_letters")
def find() -> str:
    """What is looked for comes by POST: an address in a link would stand in logs."""
    place, words = folder(), request.form.get("words", "")[:LONGEST]
    box = mailbox.box(place) if place else mailbox.Box((), 0)
    found = list(islice(mailbox.search(place, words), PAGE)) if place and words.strip() else []
    return _mailbox(found, box, words=words)


def _mailbox(heads: list[Head], box: Box, *, words: str = "", page: int = 1, pages: int = 1) -> str:
    return render_template(
        "admin/outbox.html",
        page_title="Outbox",
        is_folder=folder() is not None,
        count=len(box.numbers),
        others=box.others,
        letters=heads,
        words=words,
        searched=mailbox.SEARCHED,
        most=PAGE,
        page=page,
        pages=pages,
    )


@blueprint.get("/outbox/<mail:delivery_id>", endpoint="letter")
def letter(delivery_id: int) -> str:
    found = _letter(delivery_id)
    return render_template(
        "admin/letter.html",
        page_title=found.head.subject or f"Letter {delivery_id}, without a subject",
        crumb=("Outbox", url_for("admin.outbox")),
        lede=f"Letter {delivery_id}, as it was written.",
        frame=url_for("admin.letter_html", delivery_id=delivery_id) if found.html else "",
        headers=[each for each in found.headers if each[0].title() in FIRST],
        text=found.text,
        whole=found,
        source=url_for("admin.letter_source", delivery_id=delivery_id),
    )


def _letter(delivery_id: int) -> mailbox.Letter:
    place = folder()
    found = mailbox.letter(place, delivery_id) if place else None
    if found is None:
        raise NotFound
    return found


@blueprint.get("/outbox/<mail:delivery_id>/html", endpoint="letter_html")
def letter_html(delivery_id: int) -> Response:
    """The HTML part alone, for a sandboxed frame: its inlined styles are allowed here and nowhere else."""
    return _alone(_letter(delivery_id).html)


@blueprint.get("/outbox/<mail:delivery_id>/source", endpoint="letter_source")
def source(delivery_id: int) -> Response:
    """The file as it lies there, as far as it is text."""
    return Response(_letter(delivery_id).source, mimetype="text/plain")


def _alone(html: str) -> Response:
    answer = Response(html, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = LETTER_POLICY
    return answer


# -- as it was sent -----------------------------------------------------------------------------


@blueprint.get("/deliveries/<row:delivery_id>/letter", endpoint="sent_letter")
def sent(delivery_id: int) -> str:
    """What a provider took for one member, from what is kept of it; nothing personal is in it."""
    found = as_sent.of_delivery(session(), delivery_id)
    return render_template(
        "admin/letter.html",
        page_title=found.subject,
        crumb=(f"Notice {found.notice.id}", url_for("admin.notice", notice_id=found.notice.id)),
        lede=f"Letter {delivery_id}, as it was sent."
        " In place of the member’s own link stands one that opens nothing.",
        frame=url_for("admin.sent_letter_html", delivery_id=delivery_id),
        headers=[
            ("Subject", found.subject),
            ("Sent", filters.instant(found.attempt.started_at)),
            ("By", found.attempt.sender),
            ("SHA-256", f"{found.sha256}, before the member’s own words were put in"),
        ],
        text=found.text,
        whole=None,
        source="",
    )


@blueprint.get("/deliveries/<row:delivery_id>/letter/html", endpoint="sent_letter_html")
def sent_html(delivery_id: int) -> Response:
    return _alone(as_sent.of_delivery(session(), delivery_id).html)
