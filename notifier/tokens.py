"""Signed tokens: a letter's link, a member's session as the host opens it, and the site notice's. Pure.

Each purpose signs with a key of its own, so that no token serves for another. None holds a name or an address.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer

from errors import (
    LinkInvalid,
    LinkOfATest,
    OriginMalformed,
    OriginRefused,
    SessionExpired,
    SessionInvalid,
    SiteTokenExpired,
    SiteTokenInvalid,
)

TEST = "test"  # stands in a letter that an administrator sends to themselves, in place of a link
LETTER_LINK = timedelta(days=180)  # from when the letter left
SESSION = timedelta(minutes=15)
SITE_TOKEN = timedelta(hours=1)
LONGEST_SITE_TOKEN = timedelta(days=1)
MOST_ORIGINS = 10
_LONGEST = 2048  # nothing is decoded of what is longer
_SIGNATURE = 12  # bytes: 96 bits, against guesses that are counted and slowed down

# -- a letter's link ----------------------------------------------------------------------------

_LINK = re.compile(r"(g?)([0-9a-f]{1,16})-([0-9a-f]{24})", re.ASCII)


class Link(NamedTuple):
    """What a letter's link says, whether or not it is genuine. guardian: it stood in a letter to the guardian."""

    delivery_id: int
    guardian: bool
    signature: str


class LetterLinks:
    """Makes and checks the links of letters: one keyed hash each, since ten million are made while letters leave.

    A link names a delivery, and no date: when it ends, or whether it was taken back, is looked up when it is used.
    A guardian's holds for the address that the letter went to, so that it ends with that guardian.
    """

    def __init__(self, secret: str) -> None:
        key = hmac.digest(secret.encode(), b"gazette: letter links", hashlib.sha256)
        self._member = hashlib.blake2b(key=key, digest_size=_SIGNATURE, person=b"member")
        self._guardian = hashlib.blake2b(key=key, digest_size=_SIGNATURE, person=b"guardian")

    def of_member(self, delivery_id: int) -> str:
        """Return what stands in a letter to a member, in characters that an address takes as they are."""
        made = self._member.copy()
        made.update(b"%d" % delivery_id)
        return f"{delivery_id:x}-{made.hexdigest()}"

    def of_guardian(self, delivery_id: int, address: str) -> str:
        """Return what stands in a letter to a guardian."""
        made = self._guardian.copy()
        made.update(b"%d " % delivery_id + address.casefold().encode())
        return f"g{delivery_id:x}-{made.hexdigest()}"

    def read(self, written: str) -> Link:
        """Take a link apart. A guardian's is not checked yet: see `check`. Raises: LinkInvalid, LinkOfATest."""
        if written == TEST:
            raise LinkOfATest
        found = _LINK.fullmatch(written) if len(written) < 64 else None
        if found is None or int(found[2], 16) >= 2**63:
            raise LinkInvalid
        link = Link(int(found[2], 16), bool(found[1]), found[3])
        if not link.guardian:
            _compare(self.of_member(link.delivery_id), link)
        return link

    def check(self, link: Link, guardian: str | None) -> None:
        """Hold a guardian's link against the address of the guardian that the member has. Raises: LinkInvalid."""
        if link.guardian:
            _compare(self.of_guardian(link.delivery_id, guardian or ""), link)
            if not guardian:
                raise LinkInvalid


def _compare(made: str, link: Link) -> None:
    if not hmac.compare_digest(made.rpartition("-")[2], link.signature):
        raise LinkInvalid


@cache
def letter_links(secret: str) -> LetterLinks:
    """The links of an installation; its key is derived once."""
    return LetterLinks(secret)


# -- the host's session for a member ------------------------------------------------------------


class Session(NamedTuple):
    """What a session's token says."""

    member_id: int
    issued: datetime
    ends: datetime


def member_session(member_id: int, *, secret: str, now: datetime, lifetime: timedelta = SESSION) -> str:
    """Return what stands in a short-lived address of a member's own page, which the host opens for them."""
    return _dumps([member_id, *_span(now, lifetime)], "member session", secret)


def read_member_session(written: str, *, secret: str, now: datetime) -> Session:
    """Raises: SessionInvalid, SessionExpired."""
    given = _loads(written, "member session", secret)
    if given is None:
        raise SessionInvalid
    member_id, issued, ends = given
    session = Session(member_id, _instant(issued), _instant(ends))
    if session.ends <= now:
        raise SessionExpired
    return session


# -- the site notice ----------------------------------------------------------------------------


class SiteToken(NamedTuple):
    """What a site notice's token says. origins: of the pages that may use it, as in https://www.example.com."""

    member_id: int
    issued: datetime
    ends: datetime
    origins: tuple[str, ...]


def site_token(
    member_id: int,
    origins: Iterable[str],
    *,
    audience: str,
    secret: str,
    now: datetime,
    lifetime: timedelta = SITE_TOKEN,
) -> str:
    """Return the token that a host's page gives to the site notice's script.

    audience: this installation's public address. lifetime: a day at most. Raises: OriginMalformed.
    """
    allowed = list(dict.fromkeys(origin(each) for each in origins))
    if not 1 <= len(allowed) <= MOST_ORIGINS:
        raise OriginMalformed(f"{len(allowed)} origins")
    until = min(lifetime, LONGEST_SITE_TOKEN)
    return _dumps([member_id, *_span(now, until), audience, allowed], "site notice", secret)


def read_site_token(written: str, *, audience: str, secret: str) -> SiteToken:
    """Return what a genuine token says; see `allow`. Raises: SiteTokenInvalid."""
    given = _loads(written, "site notice", secret)
    if given is None or given[3] != audience:
        raise SiteTokenInvalid
    member_id, issued, ends, _, origins = given
    return SiteToken(member_id, _instant(issued), _instant(ends), tuple(origins))


def allow(token: SiteToken, asking: str | None, *, now: datetime) -> None:
    """Let a page use a token, by its Origin header. Raises: OriginRefused, SiteTokenExpired."""
    if asking not in token.origins:
        raise OriginRefused
    if token.ends <= now:
        raise SiteTokenExpired


def origin(written: str) -> str:
    """Return an origin as browsers write it. Raises: OriginMalformed."""
    try:
        parts = urlsplit(written.strip())
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise OriginMalformed(written) from error
    beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if not written.strip().isprintable() or parts.scheme not in ("http", "https") or beyond:
        raise OriginMalformed(written)
    if not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:.]+", host):
        raise OriginMalformed(written)
    usual = {"http": 80, "https": 443}[parts.scheme]
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{port}" if port and port != usual else "")


# -- signing ------------------------------------------------------------------------------------


def _span(now: datetime, lifetime: timedelta) -> tuple[int, int]:
    return int(now.timestamp()), int((now + lifetime).timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _signer(purpose: str, secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt=f"gazette: {purpose}",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def _dumps(said: list[Any], purpose: str, secret: str) -> str:
    made = _signer(purpose, secret).dumps(said)
    return made if isinstance(made, str) else made.decode("ascii")


def _loads(written: str, purpose: str, secret: str) -> list[Any] | None:
    """What was signed for a purpose; None where it was not, or not here."""
    if len(written) > _LONGEST or not written.isascii():
        return None
    try:
        said: list[Any] = _signer(purpose, secret).loads(written)
    except BadData:
        return None
    return said
