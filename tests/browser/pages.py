"""Every page there is, with something on it: by its endpoint, in a world (see tests/world.py)."""

from __future__ import annotations

from flask import Flask

from tests.world import World

# What answers with something else than a page that stands by itself, and why.
NO_PAGES = {
    "admin.draft_letter": "a letter, in a frame of its own",
    "admin.draft_others": "a part of the draft's page",
    "admin.draft_parts": "parts of the draft's page",
    "admin.letter_html": "a letter, in a frame of its own",
    "admin.letter_source": "plain text",
    "admin.notice_progress": "a part of the notice's page",
    "admin.sent_letter_html": "a letter, in a frame of its own",
    "admin.preview": "a text, in a frame of its own where no script runs",
    "metrics.metrics": "plain text",
    "public.chain_json": "JSON",
    "public.change_history": "JSON",
    "public.comparison_as": "JSON, text or Markdown",
    "public.current_markdown": "Markdown",
    "public.feed": "a feed",
    "public.feed_of_all": "a feed",
    "public.health": "JSON",
    "public.lasting_redline": "leads to a comparison's parts",
    "public.lasting_text": "Markdown",
    "public.pick": "leads to a comparison",
    "public.revision_markdown": "Markdown",
    "public.robots": "plain text",
    "public.sitemap": "XML",
    "public.slashed": "leads to the policy",
    "public.logo": "a picture",
    "public.theme": "a stylesheet",
    "public.translation_markdown": "Markdown",
    "site_notice.script": "a script",
    "static": "files",
    "admin.code": "is asked in the middle of signing in",
}


def public(world: World) -> dict[str, list[str]]:
    """What readers see, and who has a link."""
    privacy, cookies = "/privacy-policy", "/cookies"
    return {
        "public.index": ["/"],
        "public.policy": [privacy, cookies],
        "public.revision": [f"{privacy}/3", f"{privacy}/10"],
        "public.translation": [f"{cookies}/2/de"],
        "public.translation_comparison": [f"{cookies}/2/de/compare/1..2"],
        "public.chain": [f"{privacy}/chain"],
        "public.comparison": [
            f"{privacy}/compare/9..10",
            f"{privacy}/compare/9..10?view=side",
            f"{privacy}/compare/1..9",
        ],
        "public.history": [f"{privacy}/history"],
        "public.on": [f"{privacy}/on?on=tomorrow"],  # a mistake: its page
        "public.subscribe": [f"{privacy}/subscribe"],
        "public.confirming": [world.confirm_link],
        "public.unsubscribing": [world.end_link],
        "member.letter": [world.letter_link],
        "member.confirming": [f"{world.letter_link}/accept", f"{world.letter_link}/decline"],
        "member.own": [world.member_link],
        "member.own_confirming": [f"{world.member_link}/privacy-policy/10/accept"],
        "admin.sign_in": ["/admin/sign-in"],
        "errors": ["/nothing-of-this-name", f"{privacy}/99", "/m/nothing?lang=de"],
    }


def administration(world: World) -> dict[str, list[str]]:
    """What those see who have signed in."""
    draft, notice, policy = f"/admin/drafts/{world.draft_id}", "/admin/notices/2", "/admin/policies"
    return {
        "admin.overview": ["/admin/"],
        "admin.account": ["/admin/account"],
        "admin.second_factor": ["/admin/account/second-factor"],
        "admin.addresses": ["/admin/addresses"],
        "admin.suppression": ["/admin/addresses/1"],
        "admin.audit": ["/admin/audit"],
        "admin.sent_letter": [f"/admin/deliveries/{world.delivery_id}/letter"],
        "admin.draft": [draft],
        "admin.earlier_drafts": [f"{draft}/earlier"],
        "admin.publish_draft": [f"{draft}/publish"],
        "admin.test_draft": [f"{draft}/test"],
        "admin.evidence": ["/admin/evidence"],
        "admin.members": ["/admin/members"],
        "admin.member": [f"/admin/members/{world.member_id}"],
        "admin.notices": ["/admin/notices"],
        "admin.notice": [notice],
        "admin.dry_run": [f"{notice}/dry-run"],
        "admin.recall_notice": [f"{notice}/recall"],
        "admin.outbox": ["/admin/outbox"],
        "admin.letter": [f"/admin/outbox/{world.delivery_id}"],
        "admin.password": ["/admin/password"],
        "admin.policy": [f"{policy}/privacy-policy"],
        "admin.rename_policy": [f"{policy}/cookies/rename"],
        "admin.retire_policy": [f"{policy}/cookies/retire"],
        "admin.decision": [f"{policy}/privacy-policy/10/decision"],
        "admin.translate": [f"{policy}/cookies/2/translate"],
        "admin.translation": [f"{policy}/cookies/2/translations/de/1"],
        "admin.withdraw": [f"{policy}/privacy-policy/10/withdraw"],
        "admin.unreached": [f"{policy}/privacy-policy/unreached"],
        "admin.new_policy": [f"{policy}/new"],
        "admin.reports": ["/admin/reports"],
        "admin.settings": ["/admin/settings"],
        "admin.sure": ["/admin/sure"],
        "admin.requests": ["/admin/requests"],
        "admin.request": [f"/admin/requests/{world.request_id}"],
        "admin.users": ["/admin/users"],
        "admin.user": ["/admin/users/2"],
        "admin.new_user": ["/admin/users/new"],
    }


def forgotten(app: Flask, world: World) -> set[str]:
    """Endpoints that answer a reader and are neither listed as pages nor known to be none."""
    listed = {*public(world), *administration(world), *NO_PAGES}
    rules = (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    return {
        rule.endpoint for rule in rules if not rule.endpoint.startswith(("api", "elsewhere", "nothing"))
    } - listed
