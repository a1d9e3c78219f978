"""What the publish form shows in frames: the text as readers will see it, a letter as it will be sent. Shut in."""

from __future__ import annotations

import re

from flask import Response
from werkzeug.exceptions import NotFound

from errors import Refusal
from policy_versions import archive, drafts, markdown
from policy_versions.models import DecisionRecord, Draft, Policy
from web import errors
from web.admin import blueprint, draft_letters, foreseen
from web.context import now, session
from web.headers import LETTER_POLICY
from web.public import present

# A draft shown as readers will see it, in a frame of the form: nothing in it runs or leads out of it.
PREVIEW_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin"
)


@blueprint.get("/drafts/<row:draft_id>/preview", endpoint="preview")
def preview(draft_id: int) -> Response:
    """The draft exactly as readers would see it, shut in: whoever publishes reads what somebody else wrote."""
    found = drafts.by_id(session(), draft_id)
    policy = session().get_one(Policy, found.policy_id)
    try:
        answer = Response(_preview(found, policy), mimetype="text/html")
    except Refusal as refusal:
        sentence, status = errors.page(errors.status_of(refusal), str(refusal))
        answer = Response(sentence, status, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return answer


def _preview(found: Draft, policy: Policy) -> str:
    markdown.check(found.text)
    given = drafts.publication(found, policy)
    record = archive.history(session(), policy)
    first = DecisionRecord(revision_id=0, verdict="first", decided_at=now(), recorded_at=now())
    row = foreseen.stand_in(given, record, now())
    entry = archive.Entry(row, None, None if record.latest() else first)
    whole = session().get(Policy, policy.part_of_id) if policy.part_of_id else None
    shown = archive.History(policy, (*record.entries, entry))
    html = present.text_page(shown, entry, whole, now(), is_current=True, upcoming=[])
    return _SCRIPT.sub("", html)  # the frame would not run it, and would complain


_SCRIPT = re.compile(r"<script\b[^>]*></script>")


@blueprint.get("/drafts/<row:draft_id>/letter", endpoint="draft_letter")
def letter(draft_id: int) -> Response:
    """A letter's HTML alone, for a sandboxed frame: its inlined styles are allowed here, not in the form."""
    found = draft_letters.chosen(draft_id)[2]
    if found is None:
        raise NotFound
    answer = Response(found.read("html"), mimetype="text/html")
    answer.headers["Content-Security-Policy"] = LETTER_POLICY
    return answer
