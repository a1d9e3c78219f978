"""Proof: when the record was last verified and what was found; and evidence packs, each one made on record."""

from __future__ import annotations

import tempfile
from typing import IO

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from sqlmodel import col, func, select
from werkzeug.wrappers import Response as BaseResponse

from database import writing
from errors import NoSuchMember, NotFound, PackTooLarge, Refusal
from notifier import seals, verifications
from notifier.evidence import handing
from notifier.evidence.handing import Asked
from notifier.models import Batch
from policy_versions import audit
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import runtime, session
from web.errors import status_of

MOST_LETTERS = 100_000  # of a notice whose pack is made while somebody waits
KINDS = {
    "member": "A member, by the host’s key: an access request",
    "pseudonym": "A member, by number: nothing personal",
    "notice": "A notice, by number",
    "policy": "A policy, by its address",
}


@blueprint.get("/evidence", endpoint="evidence")
def evidence() -> str:
    return _page()


def _page(error: str = "", kind: str = "member", name: str = "") -> str:
    return render_template(
        "admin/evidence.html",
        page_title="Proof",
        last=verifications.last(session()),
        earlier=verifications.newest(session(), 10)[1:],
        under_way=verifications.under_way(session()),
        head=seals.head(session()),
        kinds=list(KINDS.items()),
        given={"kind": kind, "name": name},
        error=error,
    )


@blueprint.post("/evidence/verify", endpoint="verify_record")
def verify_record() -> BaseResponse:
    """The scheduler does it: it may take minutes."""
    with writing(runtime().engine) as own:
        at = runtime().clock.now(own)
        verifications.ask(own, actor=actor(), now=at)
        audit.record(own, actor=actor(), action="verification asked for", subject="record", now=at)
    flash("The record will be verified within a few minutes.")
    return redirect(url_for("admin.evidence"))


@blueprint.post("/evidence", endpoint="make_evidence_of")
def make_evidence_of() -> BaseResponse | tuple[str, int]:
    """A pack of what is typed. A member's key comes by POST, so that it stands in no log and in no history."""
    kind, name = request.form.get("kind", ""), request.form.get("name", "").strip()[:300]
    try:
        return _sent(_asked(kind, name))
    except Refusal as refusal:
        return _page(str(refusal), kind, name), status_of(refusal)


def _asked(kind: str, name: str) -> Asked:
    if kind == "member":
        return handing.of_member(session(), name)
    if kind in ("pseudonym", "notice") and not (name.isascii() and name.isdigit() and len(name) < 10):
        raise NoSuchMember if kind == "pseudonym" else NotFound("No such notice.")
    if kind not in KINDS:
        raise NotFound("There are no packs of that.")
    return Asked("member" if kind == "pseudonym" else kind, name)


@blueprint.post("/evidence/member/<row:number>", endpoint="member_evidence")
def member_evidence(number: int) -> BaseResponse:
    """A member's pack. personal, in the form: with what is held of them by name, for an access request."""
    return _sent(Asked("member", str(number), personal=bool(request.form.get("personal"))))


@blueprint.post("/evidence/notice/<row:number>", endpoint="notice_evidence")
def notice_evidence(number: int) -> BaseResponse:
    return _sent(Asked("notice", str(number)))


@blueprint.post("/evidence/policy/<slug>", endpoint="policy_evidence")
def policy_evidence(slug: str) -> BaseResponse:
    return _sent(Asked("policy", slug))


def _sent(asked: Asked) -> Response:
    target = made(asked, by=actor())
    return send_file(target, mimetype="application/zip", as_attachment=True, download_name=asked.file)


def made(asked: Asked, *, by: str) -> IO[bytes]:
    """A pack, for the response to close. Raises: PackTooLarge, and what making it meets. by: whoever asked."""
    if asked.kind == "notice":
        _refuse_large(int(asked.name))
    target = tempfile.TemporaryFile()  # noqa: SIM115 -- the response closes it
    try:
        handing.make(runtime().engine, runtime().clock, asked, target, actor=by)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def _refuse_large(notice_id: int) -> None:
    letters = session().exec(select(func.sum(Batch.size)).where(col(Batch.notice_id) == notice_id)).one() or 0
    if letters > MOST_LETTERS:
        raise PackTooLarge(notice_id, int(letters))


def failing() -> verifications.Verification | None:
    """The last verification, where the record did not hold: a banner says so."""
    made = verifications.last(session())
    return made if made is not None and not made.holds else None
