"""The REST API: for programs with a key; one scope a route, a problem for every refusal, described by OpenAPI."""

from flask import Flask
from flask_openapi3.models.tag import Tag
from flask_wtf.csrf import CSRFProtect

from web.api.described import Api

TEXTS = Tag(name="Texts", description="Policies, their revisions, and what changed between any two.")
MEMBERS = Tag(name="Members", description="The people whose personal information the service retains.")
STANDING = Tag(name="Standing", description="Which text governs whom, when, and how that is known.")
WORDS = Tag(
    name="Acknowledgements", description="What members said of a text, and notices shown on the host's pages."
)
PROOF = Tag(
    name="Evidence",
    description="Archives that show what happened, and verify themselves.",
)
DEEDS = Tag(name="Publishing", description="Publishing, withdrawing, deciding again, and the notices that follow.")

api = Api("api", __name__, url_prefix="/api/v1")

from web.api import (  # noqa: E402
    access,
    acknowledgements,
    batches,
    decisions,
    document,
    elsewhere,
    evidence,
    members,
    notices,
    publishing,
    site_notice,
    standing,
    texts,
)

PARTS = (
    acknowledgements,
    batches,
    decisions,
    document,
    evidence,
    members,
    notices,
    publishing,
    site_notice,
    standing,
    texts,
)


def register(app: Flask, csrf: CSRFProtect) -> None:
    for part in PARTS:
        assert part.__name__  # imported for the routes they add
    access.register(app)
    csrf.exempt(api)  # a bearer's key is sent by no browser of itself, and no cookie counts here
    app.register_blueprint(api)
    elsewhere.register(app, csrf)
