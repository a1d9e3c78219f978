"""SendGrid's event webhook: the body is kept as it came before it is answered, and folded later.

Anything but 2xx is tried again for 24 hours: so what is refused while a key is put right is not lost, and what
comes twice is known by its hash.
"""

from __future__ import annotations

import logging

from flask import Response, request
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader
from werkzeug.exceptions import RequestEntityTooLarge

from database import writing
from notifier.events import bodies
from web.context import runtime
from web.hooks import blueprint, signatures

log = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024  # SendGrid posts what has come together by 768 KB


@blueprint.post("/sendgrid", endpoint="sendgrid")
def take() -> Response:
    """Keep a body whose signature holds. Answers 204, also for one that is known already."""
    key = runtime().settings.sendgrid_webhook_key
    if key is None:
        return _refused("without a key", "No key is set to check reports with, so none is taken.", 403)
    try:
        body = _body()
    except RequestEntityTooLarge:
        return _refused("too large", "That is larger than a report is.", 413)
    signature = request.headers.get(EventWebhookHeader.SIGNATURE, "")
    timestamp = request.headers.get(EventWebhookHeader.TIMESTAMP, "")
    if not signature or not timestamp:
        return _refused("unsigned", "This report is not signed.", 403)
    if not signatures.is_signed(EventWebhook(key).public_key, body, signature, timestamp):
        return _refused("signed with another key", "The signature of this report does not hold.", 403)
    with writing(runtime().engine) as own:
        now = runtime().clock.now(own)
        recent = signatures.is_recent(timestamp, now)
        if recent:
            bodies.receive(own, "sendgrid", body, now=now)
    return (
        Response(status=204)
        if recent
        else _refused("signed at another time", "This report was signed too long ago, or ahead of our clock.", 403)
    )


def _body() -> bytes:
    """The raw body, its size judged before it is read. Raises: RequestEntityTooLarge."""
    request.max_content_length = MOST_BYTES
    return request.get_data(cache=False)


def _refused(verdict: str, sentence: str, status: int) -> Response:
    """Say so, here and to the administrator; what was posted is not kept, as anybody may post."""
    with writing(runtime().engine) as own:
        if bodies.refuse(own, "sendgrid", verdict, size=request.content_length or 0, now=runtime().clock.now(own)):
            log.warning("a report was refused: %s", verdict)
    return Response(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
