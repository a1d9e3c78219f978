"""What a person typed into the publish form: read, and given back where its draft is gone; what confirms it."""

from __future__ import annotations

from dataclasses import replace

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from database import writing
from errors import AnotherTextSince, AudienceDiffers, NoSuchPolicy, Refusal, TextNotReadable
from policy_versions import archive, drafts, policies
from policy_versions.archive import History
from policy_versions.drafts import DraftFields
from policy_versions.models import Policy
from web.admin import blueprint
from web.admin.sign_in import actor
from web.context import runtime, session
from web.errors import status_of

FIELDS: tuple[str, ...] = ("text", "revision_date", "effective", "rule", "notice_days", "summary", "controller")


def fields() -> DraftFields:
    """What stands in the form's fields."""
    return DraftFields(**{name: request.form.get(name, "") for name in FIELDS})


def to_keep(given: DraftFields) -> DraftFields:
    """The same as a draft keeps it: with the text of a file, where one was chosen.

    A summary that is as it was proposed is not kept, so that it goes on following the findings.
    Raises: TextNotReadable.
    """
    proposed = _one_way(request.form.get("proposed", ""))
    own = "" if proposed and _one_way(given.summary) == proposed else given.summary
    return replace(given, summary=own, text=_of_file() if has_file() else given.text)


def _one_way(words: str) -> str:
    return words.replace("\r\n", "\n").strip()


def has_file() -> bool:
    chosen = request.files.get("file")
    return bool(chosen and chosen.filename)


def _of_file() -> str:
    """Raises: TextNotReadable."""
    try:
        read: bytes = request.files["file"].read()
        return read.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextNotReadable("the file is not UTF-8 text") from error


def check_follows(record: History) -> None:
    """Whether the draft would follow the text that the person was shown it against. Raises: AnotherTextSince."""
    last = str(record.last_number)
    if request.form.get("follows", last) != last:
        raise AnotherTextSince


def number(telling: int) -> int | None:
    """The number of members that was typed to confirm it; None where nobody would be told.

    telling: how many would be. Raises: AudienceDiffers, also where a number was typed and nobody would be told.
    """
    confirmed = request.form.get("confirm", "").strip()
    if confirmed.translate(_SEPARATORS) == (str(telling) if telling else ""):
        return telling or None
    shown = request.form.get("shown", "")
    was = int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 12 else None
    raise AudienceDiffers(confirmed[:40], telling, was=was)


# what stands between the thousands of a number, as people write them
_SEPARATORS = str.maketrans("", "", ",.'’ \u00a0\u2009\u202f")


def page(given: DraftFields, refusal: Refusal, *, policy_slug: str) -> tuple[str, int]:
    """What was typed, to copy or to put into a new draft of its policy, under the sentence of the refusal."""
    html = render_template(
        "admin/typed.html",
        page_title="What you typed is not kept",
        sentence=str(refusal),
        policy=_policy(policy_slug),
        given={name: getattr(given, name) for name in FIELDS},
    )
    return html, status_of(refusal)


def _policy(slug: str) -> Policy | None:
    try:
        return policies.policy(session(), slug)
    except NoSuchPolicy:
        return None


@blueprint.post("/policies/<slug>/drafts/again", endpoint="draft_again")
def again(slug: str) -> Response | tuple[str, int]:
    """Start a draft with what was typed into one that is gone."""
    given = fields()
    try:
        with writing(runtime().engine) as own:
            instant = runtime().clock.now(own)
            found = policies.policy(own, slug)
            latest = archive.history(own, found).latest()
            made = drafts.start(own, found, latest.revision if latest else None, actor=actor(), now=instant)
            drafts.save(own, made.id or 0, given, version=made.version, actor=actor(), now=instant)
    except Refusal as refusal:
        return page(given, refusal, policy_slug=slug)
    return redirect(url_for("admin.draft", draft_id=made.id))
