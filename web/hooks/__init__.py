"""What providers call: no cookie, no page; the signature says who it is."""

from flask import Blueprint, Flask
from flask_wtf.csrf import CSRFProtect

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

from web.hooks import sendgrid  # noqa: E402


def register(app: Flask, csrf: CSRFProtect) -> None:
    assert sendgrid.__name__  # imported for the route it adds
    csrf.exempt(blueprint)  # nothing here acts by a browser's cookie
    app.register_blueprint(blueprint)
