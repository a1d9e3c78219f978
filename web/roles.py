"""Who may do what: the roles that an account holds, and what each opens. Pure.

Roles do not contain one another, but for drafts, which whoever publishes may write too: an owner who is to publish
holds both roles, and the record of accounts says since when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from errors import FieldMissing, RoleUnknown

Permission = Literal["read", "inspect", "write", "publish", "export", "manage", "own"]

ROLES: Mapping[str, str] = {
    "editor": "Writes drafts, and sees policies and decisions.",
    "publisher": "Publishes, decides again, sends, and writes drafts; looks members and letters up.",
    "auditor": "Reads everything, members too, and exports it.",
    "owner": "Manages users, and what is done to members: erasure, guardians, links, barred addresses.",
}
OPENS: Mapping[str, frozenset[Permission]] = {
    "editor": frozenset(("read", "write")),
    "publisher": frozenset(("read", "inspect", "write", "publish")),
    "auditor": frozenset(("read", "inspect", "export")),
    "owner": frozenset(("read", "inspect", "manage")),
}
# What each permission is, as the page says that refuses it.
DEEDS: Mapping[Permission, str] = {
    "read": "read the administration",
    "inspect": "look members, letters and the log up",
    "write": "write drafts",
    "publish": "publish, decide again or send",
    "export": "export the record",
    "manage": "manage users, or act on members",
    "own": "use your own account",
}


def parsed(kept: str) -> tuple[str, ...]:
    """The roles of a row, in the order of ROLES."""
    held = kept.split()
    return tuple(role for role in ROLES if role in held)


def written(given: Iterable[str]) -> str:
    """Roles as a row keeps them. Raises: RoleUnknown, FieldMissing."""
    asked = set(given)
    if unknown := sorted(asked - ROLES.keys()):
        raise RoleUnknown(unknown[0], ", ".join(ROLES))
    if not asked:
        raise FieldMissing("roles", f"Choose at least one role: {', '.join(ROLES)}.")
    return " ".join(role for role in ROLES if role in asked)


ALL = written(ROLES)


def may(held: Iterable[str], permission: Permission) -> bool:
    """Whether roles open something; one's own account is everybody's."""
    return permission == "own" or any(permission in OPENS[role] for role in held)


def holders(permission: Permission) -> tuple[str, ...]:
    """The roles that open something."""
    return tuple(role for role in ROLES if permission in OPENS[role])
