"""A service in the midst of its work, from the examples: what pages show when there is something to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import Path

from sqlmodel import Session, col, select

import database
import quickstart
from app import build_runtime
from database import writing
from notifier import acknowledging, dossier, members, suppressions, tokens
from notifier.events import counting
from notifier.models import Delivery, DeliveryEvent
from notifier.subscriptions import subscribing
from notifier.subscriptions import tokens as subscription_tokens
from policy_versions import archive, drafts, folders, policies, translations
from policy_versions.drafts import DraftFields
from policy_versions.translations import Given
from tests.conftest import make_settings
from tests.house import House, SetClock
from tests.policy_versions.test_histories import bring
from tests.serving import answering
from tests.web.people import account
from web import four_eyes
from web.four_eyes import Wish

TODAY = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
NEXT = quickstart.EXAMPLES / "drafts" / "privacy-policy-next.md"
ADMINISTRATOR = "ines"
SUMMARY = (
    "Scans you choose to contribute may train our recognition software, a company in Canada helps with that, "
    "and payment references are kept for 24 months."
)
COOKIES = """# Cookie notice

## What we set

We set one cookie when you sign in, and none before.

## How long it stays

It stays for {days} days.
"""
COOKIES_GERMAN = """# Hinweis zu Cookies

## Was wir setzen

Wir setzen ein Cookie, wenn Sie sich anmelden, und vorher keines.

## Wie lange es bleibt

Es bleibt {days} Tage lang.
"""


@dataclass
class World:
    """house: all that is at work. address: where it is served. The rest: addresses of pages that need a token."""

    house: House
    address: str
    folder: Path
    letter_link: str = ""
    member_link: str = ""
    confirm_link: str = ""
    end_link: str = ""
    member_id: int = 0
    delivery_id: int = 0
    draft_id: int = 0
    request_id: int = 0

    def letters(self) -> list[Path]:
        """What was written to members, oldest first."""
        return sorted((self.folder / "outbox").glob("*.eml"), key=lambda file: int(file.stem))


@contextmanager
def served(folder: Path) -> Iterator[World]:
    """A world that answers on this machine, until its context ends."""
    house = _house(folder)
    with answering(house.runtime) as address:
        yield furnished(house, address, folder)


def _house(folder: Path) -> House:
    url = f"sqlite:///{folder / 'gazette.db'}"
    engine = database.create_engine(url)
    database.migrate(engine)
    engine.dispose()
    settings = make_settings(url, folder, company_address="Plover Instruments AB, Uppsala, Sweden", quota_hour=12)
    return House(build_runtime(settings, clock=SetClock(TODAY - timedelta(days=6))))


def furnished(house: House, address: str, folder: Path) -> World:
    """Two policies of many revisions and one of two, members, a notice that went out and one that waits."""
    world = World(house, address, folder)
    bring(house, list(folders.read(quickstart.EXAMPLES)))
    with writing(house.runtime.engine) as session:
        rows = members.read(quickstart.EXAMPLES / "members.csv")
        list(members.bring_in(session, rows, secret=house.runtime.secret, now=house.now))
        _subscribes(session, house, "subscriber@example.com")
    for locale in ("es", "ja"):  # the examples' members read the other languages
        house.member(f"scan-{locale}", locale=locale, joined_at="2025-02-03")
    account(house, ADMINISTRATOR)
    account(house, "second")
    _translated(house)
    house.tick()
    with writing(house.runtime.engine) as session:
        subscribing.confirm(session, 1, now=house.now)
    _told(world)
    _waiting(world)
    return world


def _translated(house: House) -> None:
    """A small policy in two languages, twice; each translation was put right once."""
    house.policy("cookies", title="Cookie notice", lead="The one cookie we set, and why.")
    for days, date in ((30, "2026-11-17"), (14, "2026-11-18")):
        house.publish(
            COOKIES.format(days=days), slug="cookies", revision_date=date, summary=f"The cookie stays {days} days."
        )
        with writing(house.runtime.engine) as session:
            policy = policies.lock(session, "cookies")
            number = archive.history(session, policy).entries[-1].number
            for text in (COOKIES_GERMAN.format(days=days + 1), COOKIES_GERMAN.format(days=days)):
                given = Given("de", text, title="Hinweis zu Cookies")
                translations.publish(session, policy, number, given, actor=ADMINISTRATOR, now=house.now)


def _told(world: World) -> None:
    """A significant revision to come: letters left two days ago, some came back, somebody has accepted."""
    house = world.house
    _set(house, TODAY - timedelta(days=2))
    effective = datetime(2026, 12, 31, 23, tzinfo=UTC)
    text = NEXT.read_text(encoding="utf-8")
    house.publish(
        text, slug="privacy-policy", rule="notice", notice_days=30, effective_at=effective, summary=SUMMARY,
        revision_date="2026-11-22",
    )  # fmt: skip
    house.tick()
    for _ in range(4):
        _set(house, house.now + timedelta(minutes=40))  # at twelve letters an hour
        house.tick()
    with writing(house.runtime.engine) as session:
        of_it = select(Delivery).where(Delivery.notice_id == house.notice().id)
        sent = session.exec(of_it.order_by(col(Delivery.id))).all()
        for number, delivery in enumerate(sent):
            what = "bounce" if number % 9 == 4 else "delivered"
            at = house.now + timedelta(minutes=7 * (number + 1))
            found = {"delivery_id": delivery.id, "event": what, "happened_at": at, "recorded_at": at}
            session.add(DeliveryEvent.model_validate(found))
        session.flush()
        counting.recount(session)
        world.member_id, world.delivery_id = sent[0].member_id, sent[0].id or 0
    _set(house, TODAY - timedelta(hours=5))
    house.tick()
    world.letter_link = _link(world.folder / "outbox" / f"{world.delivery_id}.eml")
    with writing(house.runtime.engine) as session:
        record = archive.history(session, policies.policy(session, "privacy-policy"))
        member = dossier.by_id(session, world.member_id)
        acknowledging.acknowledge(
            session, member, record.entries[-1].revision, "accepted", actor="member", route="link",
            shown_sha256=None, locale="en", now=house.now,
        )  # fmt: skip


def _waiting(world: World) -> None:
    """Somebody writes at a draft, a revision is not decided yet; and pages that need a token have theirs."""
    house, secret = world.house, world.house.runtime.secret
    _set(house, TODAY)
    house.tick()
    house.publish(COOKIES.format(days=7), slug="cookies", revision_date="2026-11-24", summary="It stays 7 days.")
    with writing(house.runtime.engine) as session:
        terms = policies.policy(session, "terms-of-use")
        latest = archive.history(session, terms).entries[-1].revision
        draft = drafts.start(session, terms, latest, actor=ADMINISTRATOR, now=house.now)
        world.draft_id = draft.id or 0
        text = latest.text.replace("within 14 days after the return", "within 30 days after the return")
        written = DraftFields(text.replace("writing to you twice", "writing to you once"), effective="2027-01-15")
        drafts.save(session, world.draft_id, written, version=draft.version, actor=ADMINISTRATOR, now=house.now)
        session.refresh(draft)
        payload = {"summary": "Refunds take up to 30 days.", "tell_first": False}
        digest = four_eyes.digest_of_draft(draft, payload)
        wish = Wish("publish", terms.id or 0, world.draft_id, digest, "Publish a text of Terms of use", payload)
        world.request_id = four_eyes.ask(session, wish, actor="second", now=house.now).id or 0
        (key,) = suppressions.keys("member05@example.com", secret)
        suppressions.suppress(session, key, "complaint", None, house.now)
        _subscribes(session, house, "reader@example.com")
    world.member_link = f"/me/{tokens.member_session(world.member_id, secret=secret, now=house.now)}"
    world.confirm_link = f"/subscribe/{subscription_tokens.token(2, 'confirm', secret)}"
    world.end_link = f"/unsubscribe/{subscription_tokens.token(1, 'unsubscribe', secret)}"


def _subscribes(session: Session, house: House, address: str) -> None:
    """Somebody who is no member asks to be told of every change."""
    policy = policies.policy(session, "privacy-policy")
    subscribing.ask(session, policy, address, secret=house.runtime.secret, now=house.now)


def _set(house: House, instant: datetime) -> None:
    assert isinstance(house.runtime.clock, SetClock)
    house.runtime.clock.instant = instant


def _link(file: Path) -> str:
    """The personal link of a letter, without the server's address."""
    message = BytesParser(policy=email_policy.default).parsebytes(file.read_bytes())
    part = message.get_body(("plain",))
    assert part is not None
    found = re.search(r"https?://[^/\s]+(/m/[^\s)>]+)", part.get_content())
    assert found is not None, part.get_content()
    return found[1]
