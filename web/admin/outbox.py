"""Letters to look at: the folder outbox as a mailbox, and each letter as it was sent, whatever carried it."""

from __future__ import annotations

from email import policy as email_policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import NamedTuple

from flask import Response, render_template, url_for
from werkzeug.exceptions import NotFound

from notifier import as_sent
from web import filters
from web.admin import blueprint
from web.context import runtime, session
from web.headers import LETTER_POLICY

SHOWN = 200


class Letter(NamedTuple):
    """A letter's head, as a mailbox lists it."""

    name: str
    to: str
    subject: str
    date: str


def folder() -> Path | None:
    """Where letters are put; None where mail goes elsewhere."""
    mail = runtime().settings.mail
    return Path(mail.removeprefix("folder:")) if mail.startswith("folder:") else None


@blueprint.get("/outbox", endpoint="outbox")
def index() -> str:
    place = folder()
    files = sorted(place.glob("*.eml"), key=lambda f: (f.stat().st_mtime, f.name), reverse=True) if place else []
    return render_template(
        "admin/outbox.html",
        page_title="Outbox",
        is_folder=place is not None,
        count=len(files),
        letters=[_head(file) for file in files[:SHOWN]],
    )


def _head(file: Path) -> Letter:
    message = _read(file)
    return Letter(file.stem, str(message["To"]), str(message["Subject"]), _date(message))


def _date(message: EmailMessage) -> str:
    written = getattr(message["Date"], "datetime", None)
    return filters.instant(written) if written else ""


def _read(file: Path) -> EmailMessage:
    message = BytesParser(_class=EmailMessage, policy=email_policy.default).parsebytes(file.read_bytes())
    assert isinstance(message, EmailMessage)
    return message


def holds(delivery_id: int) -> bool:
    """Whether a letter lies in the folder."""
    return _file(delivery_id) is not None


def _file(delivery_id: int) -> Path | None:
    place = folder()
    file = place / f"{delivery_id}.eml" if place else None
    return file if file and file.is_file() else None


def _letter(delivery_id: int) -> EmailMessage:
    file = _file(delivery_id)
    if file is None:
        raise NotFound
    return _read(file)


@blueprint.get("/outbox/<row:delivery_id>", endpoint="letter")
def letter(delivery_id: int) -> str:
    message = _letter(delivery_id)
    return render_template(
        "admin/letter.html",
        page_title=str(message["Subject"]),
        crumb=("Outbox", url_for("admin.outbox")),
        lede=f"Letter {delivery_id}, as it was written.",
        frame=url_for("admin.letter_html", delivery_id=delivery_id),
        headers=[(name, str(message[name])) for name in ("From", "To", "Reply-To", "Subject", "Date")],
        text=_part(message, "plain"),
    )


@blueprint.get("/outbox/<row:delivery_id>/html", endpoint="letter_html")
def letter_html(delivery_id: int) -> Response:
    """The HTML part alone, for a sandboxed frame: its inlined styles are allowed here and nowhere else."""
    return _alone(_part(_letter(delivery_id), "html"))


def _alone(html: str) -> Response:
    answer = Response(html, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = LETTER_POLICY
    return answer


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content() if part is not None else ""


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
    )


@blueprint.get("/deliveries/<row:delivery_id>/letter/html", endpoint="sent_letter_html")
def sent_html(delivery_id: int) -> Response:
    return _alone(as_sent.of_delivery(session(), delivery_id).html)
