"""The administration: signed in only, never kept by any cache."""

from flask import Blueprint, Flask

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

from web.admin import (  # noqa: E402
    decisions,
    evidence,
    four_eyes,
    members,
    naming,
    notice_deliveries,
    notice_progress,
    notices,
    outbox,
    own_account,
    policies,
    publish,
    quarantine,
    reports,
    sign_in,
    suppressions,
    translations,
    users,
)
from web.admin import overview as overview  # noqa: E402

PARTS = (
    *(decisions, evidence, four_eyes, members, notice_deliveries, notice_progress, notices, outbox, overview),
    *(naming, policies, publish, quarantine, reports, suppressions, translations, own_account, users),
)


def register(app: Flask) -> None:
    sign_in.register(app)
    for part in PARTS:
        assert part.__name__  # imported for the routes they add
    app.register_blueprint(blueprint)
