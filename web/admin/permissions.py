"""Which role each route of the administration takes, in one place. A route that is not listed here is nobody's.

`read` is what its GET takes, `post` what its POST takes where that differs. `sure`: the person must have shown
within the last minutes who they are, so that a browser left open is not enough.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from flask import Flask, current_app, request
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect

from errors import RoleMissing, RoleUndeclared
from web import roles
from web.context import in_administration
from web.roles import Permission

log = logging.getLogger(__name__)


class Need(NamedTuple):
    """What a route takes."""

    read: Permission
    post: Permission | None = None
    sure: bool = False

    def of(self, method: str) -> Permission:
        return self.post if self.post is not None and method not in ("GET", "HEAD", "OPTIONS") else self.read


OPEN = {"sign_in", "sign_out", "code"}  # whoever is not signed in

NEEDS: dict[str, Need] = {
    # policies, drafts, decisions
    "overview": Need("read"),
    "policy": Need("read"),
    "new_policy": Need("publish"),
    "new_draft": Need("write"),
    "draft": Need("write"),
    "draft_again": Need("write"),
    "draft_parts": Need("write"),
    "keep_draft": Need("write"),
    "draft_others": Need("write"),
    "discard_draft": Need("write"),
    "publish_draft": Need("publish"),
    "draft_letter": Need("write"),
    "test_draft": Need("publish"),
    "earlier_drafts": Need("write"),
    "put_back_draft": Need("write"),
    "preview": Need("read"),
    "withdraw": Need("publish"),
    "rename_policy": Need("publish"),
    "retire_policy": Need("publish"),
    "decision": Need("read", post="publish"),
    "confirm_override": Need("publish"),
    "reject_override": Need("publish"),
    "translate": Need("publish"),
    "translation": Need("inspect"),
    "correct_translation": Need("publish"),
    # what takes two persons
    "requests": Need("read"),
    "request": Need("read"),
    "confirm_request": Need("publish"),
    "decline_request": Need("publish"),
    "take_back_request": Need("publish"),
    # notices and letters
    "notices": Need("inspect"),
    "notice": Need("inspect"),
    "notice_progress": Need("inspect"),
    "find_delivery": Need("inspect"),
    "export_deliveries": Need("export"),
    "dry_run": Need("inspect"),
    "unreached": Need("inspect"),
    "pause_notice": Need("publish"),
    "resume_notice": Need("publish"),
    "send_notice_now": Need("publish"),
    "cancel_notice": Need("publish"),
    "schedule_notice": Need("publish"),
    "retry_notice": Need("publish"),
    "settle_request": Need("publish"),
    "recall_notice": Need("publish"),
    "test_letter": Need("publish"),
    "lift_quarantine": Need("publish"),
    "outbox": Need("inspect"),
    "letter": Need("inspect"),
    "letter_html": Need("inspect"),
    "letter_source": Need("inspect"),
    "find_letters": Need("inspect"),
    "sent_letter": Need("inspect"),
    "sent_letter_html": Need("inspect"),
    # members, addresses, proof
    "members": Need("inspect"),
    "find_members": Need("inspect"),
    "member": Need("inspect"),
    "show_address": Need("inspect"),
    "export_standing": Need("export"),
    "export_member": Need("export"),
    "erase_member": Need("manage"),
    "member_guardian": Need("manage"),
    "revoke_member_links": Need("manage"),
    "addresses": Need("inspect"),
    "look_up_address": Need("inspect"),
    "suppression": Need("inspect"),
    "lift_suppression": Need("manage"),
    "reports": Need("inspect"),
    "audit": Need("inspect"),
    "export_audit": Need("export"),
    "settings": Need("inspect"),
    "evidence": Need("inspect"),
    "verify_record": Need("inspect"),
    "make_evidence_of": Need("export"),
    "member_evidence": Need("export"),
    "notice_evidence": Need("export"),
    "policy_evidence": Need("export"),
    # users
    "users": Need("manage"),
    "new_user": Need("manage", sure=True),
    "user": Need("manage", sure=True),
    "user_roles": Need("manage", sure=True),
    "disable_user": Need("manage", sure=True),
    "enable_user": Need("manage", sure=True),
    "reset_user": Need("manage", sure=True),
    "end_user_sessions": Need("manage", sure=True),
    "remove_user_factor": Need("manage", sure=True),
    # one's own account
    "sure": Need("own"),
    "account": Need("own"),
    "password": Need("own", sure=True),
    "end_session": Need("own"),
    "end_other_sessions": Need("own", sure=True),
    "second_factor": Need("own", sure=True),
    "remove_second_factor": Need("own", sure=True),
    "renew_recovery": Need("own", sure=True),
}


def name(endpoint: str | None) -> str:
    """An endpoint as it is listed here."""
    return (endpoint or "").removeprefix("admin.")


def need(endpoint: str | None) -> Need:
    """Raises: RoleUndeclared."""
    found = NEEDS.get(name(endpoint))
    if found is None:
        log.error("add %s to NEEDS in %s", endpoint, __name__)
        raise RoleUndeclared(name(endpoint))
    return found


def require(permission: Permission) -> None:
    """Raises: RoleMissing unless the signed-in account may."""
    if not current_user.account.may(permission):
        raise RoleMissing(roles.DEEDS[permission], " or ".join(roles.holders(permission)))


# -- for templates ------------------------------------------------------------------------------


def register(app: Flask) -> None:
    app.jinja_env.globals.update(may=may, may_open=may_open)


def may(endpoint: str, method: str = "GET") -> bool:
    """Whether the signed-in account may open a page of the administration, or do a deed there."""
    signed_in = current_user and current_user.is_authenticated
    return bool(signed_in and current_user.account.may(need(endpoint).of(method)))


def may_open(address: str, method: str = "GET") -> bool:
    """The same of an address; outside the administration everything may be opened."""
    path = address.partition("#")[0].partition("?")[0]
    if not path and method == "GET":
        return True  # a place on the page that they are on
    try:
        needed = takes(current_app.url_map, path or request.path, method)
    except HTTPException:
        return False  # there is no such way at all
    return needed is None or bool(current_user.is_authenticated and current_user.account.may(needed))


def takes(routes: Map, path: str, method: str) -> Permission | None:
    """What a path takes; None where it takes nothing, as outside the administration.

    Raises: RoleUndeclared; NotFound and MethodNotAllowed of werkzeug, where there is no such route.
    """
    if not in_administration(path):
        return None
    try:
        endpoint, _ = routes.bind("").match(path, method=method)
    except RequestRedirect:
        return None
    if not endpoint.startswith("admin.") or name(endpoint) in OPEN:
        return None
    return need(endpoint).of(method)
