"""What is one member's own: the page that a letter leads to, their page as the host opens it, the site notice.

Nothing here is kept by anybody, listed, or passed on: the address itself says who may read it.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response
from flask_wtf.csrf import CSRFProtect

blueprint = Blueprint("member", __name__)


@blueprint.after_request
def private(response: Response) -> Response:
    """On refusals too: an address that no longer holds is still nobody else's."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def register(app: Flask, csrf: CSRFProtect) -> None:
    """No cookie says who posts here: forms have tokens of their own (web/own_forms.py), the site notice its."""
    from web.member import letters, own, site

    csrf.exempt(blueprint)
    assert letters and own
    app.register_blueprint(blueprint)
    site.register(app, csrf)
