"""The site notice, for hosts that draw it themselves, and the token for those that leave it to our script."""

from __future__ import annotations

from flask import Response
from sqlmodel import Session

from notifier import keeping, site_notices, tokens
from policy_versions import archive
from web.api import WORDS, api
from web.api.members import ONE, one
from web.api.repeats import Done, once
from web.api.shapes import members as shapes
from web.api.shapes.common import MemberPath, Number, Once
from web.api.texts import public
from web.context import now, runtime, session
from web.public import present


class ShownPath(MemberPath):
    notice: Number


@api.on("GET", f"{ONE}/site-notice", scope="acknowledge", tag=WORDS, gives={200: shapes.SiteNotice})
def site_notice(path: MemberPath) -> shapes.SiteNotice:
    """What a member is still to be shown on your pages; nothing for one who has a guardian."""
    found = site_notices.pending(session(), one(path), now=now())
    return shapes.SiteNotice(items=[_pending(pending) for pending in found])


def _pending(of: site_notices.Pending) -> shapes.Pending:
    policy, revision = of.policy, of.revision
    entry = archive.history(session(), policy).entry(revision.number)
    compare = present.compare_url(policy, of.base, revision.number) if of.base else None
    return shapes.Pending(
        notice=of.notice_id,
        kind=of.kind,
        policy=policy.slug,
        title=policy.title,
        revision=revision.number,
        revision_date=revision.revision_date,
        summary=present.said(entry),
        knows=of.base,
        applies_from=of.applies_from,
        already=of.already,
        asks=of.asks,
        url=public(f"{present.home(policy)}/{revision.number}"),
        compare_url=public(compare) if compare else None,
    )


@api.on("POST", f"{ONE}/site-notice/<notice>/seen", scope="acknowledge", tag=WORDS, gives={200: shapes.Shown})
def site_notice_seen(path: ShownPath, header: Once) -> Response:
    """Record that a signed-in member was shown a notice: it counts as notice from here on."""
    return once(header, lambda own: _shown(own, path))


def _shown(own: Session, path: ShownPath) -> Done:
    instant = runtime().clock.now(own)
    member = keeping.find(own, path.external_id, now=instant)
    is_new = site_notices.shown(own, member, path.notice, now=instant)
    return shapes.Shown(notice=path.notice, new=is_new), 200


@api.on("POST", f"{ONE}/site-notice/token", scope="acknowledge", tag=WORDS, gives={201: shapes.SiteToken})
def site_token(path: MemberPath, body: shapes.Origins) -> tuple[shapes.SiteToken, int]:
    """Make the token that one page hands to the site notice's script, for a signed-in member; it holds an hour."""
    made = tokens.site_token(
        one(path).id or 0,
        body.origins,
        audience=runtime().settings.public_url,
        secret=runtime().secret,
        now=now(),
    )
    return shapes.SiteToken(token=made, expires_at=now() + tokens.SITE_TOKEN), 201
