"""The chain of a policy's texts: its head on every page, what it is for, and all of it for programs."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, render_template, request
from sqlmodel import col, select

from notifier import seals
from policy_versions import archive
from policy_versions.models import Policy, Revision
from web.context import session
from web.public import blueprint, moved, present


@blueprint.app_context_processor
def chain_head() -> dict[str, Any]:
    """The head of the chain of the policy that a page is of, in its short form; None where it is of none."""
    slug = (request.view_args or {}).get("slug")
    return {"chain_head": head(slug) if request.blueprint == blueprint.name and slug else None}


def head(slug: str) -> dict[str, str] | None:
    """The head of a policy's chain in its short form, and where it is explained; None where there is no text."""
    newest = select(Revision.chain).join(Policy, col(Policy.id) == Revision.policy_id).where(Policy.slug == slug)
    found = session().exec(newest.order_by(col(Revision.number).desc()).limit(1)).first()
    return {"short": present.grouped(found), "url": f"/{slug}/chain"} if found else None


@blueprint.get("/<slug>/chain")
def chain(slug: str) -> str:
    policy = moved.here(slug)
    return render_template(
        "public/chain.html",
        page_title=f"The chain of {policy.title}",
        policy=present.PolicyView.of(policy, None),
        entries=list(reversed(archive.history(session(), policy).entries)),
        json_url=f"{present.home(policy)}/chain.json",
    )


@blueprint.get("/<slug>/chain.json")
def chain_json(slug: str) -> Response:
    """Every link with the facts that its hash covers, and the head of the seals over the whole record."""
    record = archive.history(session(), moved.here(slug))
    links = [{**archive.chained(e.revision), "chain": e.revision.chain} for e in record.entries]
    shown = [{name: _plain(value) for name, value in link.items()} for link in links]
    sealed = seals.head(session())
    answer = jsonify(
        policy=slug,
        rule=_RULE,
        head=links[-1]["chain"] if links else None,
        links=shown,
        seals={"number": sealed.id, "head": sealed.chain, "recorded_at": _plain(sealed.recorded_at)}
        if sealed
        else None,
    )
    answer.headers["Cache-Control"] = "no-cache"  # seals come without any entry in the audit log
    return answer


_RULE = (
    "chain is the SHA-256 of one line of JSON: the other fields of the link, and previous, the chain of the link "
    "before or empty; keys sorted, no spaces, UTF-8"
)


def _plain(value: object) -> object:
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else value
