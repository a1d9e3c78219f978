"""The administration: signed in only, never kept by any cache."""

from flask import Blueprint, Flask

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

from web.admin import decisions, notice_progress, notices, outbox, policies, publish, sign_in, translations  # noqa: E402
from web.admin import overview as overview  # noqa: E402


def register(app: Flask) -> None:
    sign_in.register(app)
    for part in (decisions, notice_progress, notices, outbox, policies, publish, overview, translations):
        assert part.__name__  # imported for the routes they add
    app.register_blueprint(blueprint)
