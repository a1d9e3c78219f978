"""Forms of readers without a cookie: their token is bound to no session, but signed, dated, and of one form.

There is nothing of the reader's that a foreign page could act with; what the token and the browser's own word on
where a request comes from keep out is whoever posts without having opened the page.
"""

from __future__ import annotations

from flask import request
from flask_wtf.csrf import CSRFError
from itsdangerous import BadData, URLSafeSerializer

from web.context import now, runtime

SECONDS = 12 * 3600


def token(form: str) -> str:
    """What a form's hidden field holds. form: names it, and whatever it is about."""
    return str(_signer().dumps([form, int(now().timestamp())]))


def require(form: str) -> None:
    """Raises: CSRFError unless the request comes from that form of ours, opened not long ago."""
    from_elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    try:
        named, opened = _signer().loads(request.form.get("csrf_token", ""))
    except (BadData, ValueError) as error:
        raise CSRFError from error
    age = now().timestamp() - opened
    if from_elsewhere or named != form or not -60 <= age <= SECONDS:
        raise CSRFError


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(runtime().secret, salt="gazette subscription form")
