"""Make evidence packs: of a member, of a notice, of a policy. The same facts give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Row
from sqlmodel import Session, col, select

from notifier import compose, facts, filling, lineage, sealing
from notifier.evidence import pages, rows
from notifier.evidence.spool import Spool, spooling
from notifier.models import Attempt, Batch, Delivery, Member, Notice
from policy_versions import applicability, archive, chain, policies
from policy_versions.archive import History
from policy_versions.models import Policy

FORMAT = "gazette evidence 1"
VERIFIER = Path(__file__).parent / "verify.py"
MOST_PROVED = 100_000  # letters: the proof of a pack of more would take longer than all the rest of it
OF_REVISIONS = ("withdrawal", "decision", "proposal", "reopening", "telling", "filing")
OF_MEMBERS = ("guardian_change", "acknowledgement", "link_revocation")


@dataclass(slots=True)
class Pack:
    """A pack in the making. held: the ids of its rows, by table. answers: whether those to requests are proved."""

    session: Session
    spool: Spool
    held: dict[str, list[int]] = field(default_factory=dict)
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # rows that the index tells of
    answers: bool = True

    def rows(self, name: str, some: Iterable[Mapping[str, Any]]) -> list[int]:
        """Write a table's rows; returns their ids. Texts become files."""
        ids = []
        with self.spool.rows(name) as write:
            for row in some:
                write(row)
                ids.append(row["id"])
        self.held[name] = ids
        return ids

    def few(self, name: str, some: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write a table's rows, and keep them for the index."""
        kept = self.shown[name] = list(some)
        self.rows(name, kept)
        return kept


def of_member(session: Session, member: Member, target: IO[bytes], *, personal: bool) -> None:
    """Write a member's pack. personal: an access request, so that it carries what we hold of them by name."""
    with spooling() as spool:
        pack = Pack(session, spool)
        accounts = lineage.accounts(session, member.id or 0)
        records = _record(pack, policies.published(session))
        _accounts(pack, accounts)
        told = list(rows.deliveries(session, col(Delivery.member_id).in_(accounts)))
        _told(pack, told)
        _timelines(pack, records, [session.get_one(Member, number) for number in accounts])
        if personal:
            spool.json("personal.json", _personal(member))
        about = {f"member {number}" for number in accounts}
        _finish(pack, target, kind="member", title=f"Evidence on member {member.id}", about=about)


def of_notice(session: Session, notice: Notice, target: IO[bytes]) -> None:
    """Write a notice's pack: every letter of it, by pseudonym."""
    with spooling() as spool:
        pack = Pack(session, spool)
        policy = session.get_one(Policy, notice.policy_id)
        _record(pack, [policy])
        _notices(pack, [notice.id])
        batches = pack.rows("batch", rows.read(session, "batch", rows.table_of("batch").c.notice_id == notice.id))
        pack.rows("attempt", _requests(session, batches))
        letters = pack.rows("delivery", rows.deliveries(session, col(Delivery.notice_id) == notice.id))
        if len(letters) > MOST_PROVED:  # those that left are sealed with the requests that they left in, too
            del pack.held["delivery"]
        letters.sort()
        _heard(pack, notice)
        _finish(pack, target, kind="notice", title=f"Evidence on notice {notice.id}, {policy.title}", about=set())


def of_policy(session: Session, policy: Policy, target: IO[bytes]) -> None:
    """Write a policy's pack: its texts, its decisions, its notices; of members numbers only."""
    with spooling() as spool:
        pack = Pack(session, spool)
        _record(pack, [policy])
        told: list[int | None] = list(session.exec(select(Notice.id).where(Notice.policy_id == policy.id)))
        _notices(pack, told)
        batches = pack.few("batch", rows.among(session, "batch", "notice_id", pack.held["notice"]))
        pack.answers = sum(batch["size"] for batch in batches) <= MOST_PROVED
        requests = rows.among(session, "attempt", "batch_id", pack.held["batch"])
        pack.rows("attempt", (_without_letters(pack, row) for row in requests))
        _finish(pack, target, kind="policy", title=f"Evidence on {policy.title}", about=set())


# -- the record ---------------------------------------------------------------------------------


def _record(pack: Pack, some: Sequence[Policy]) -> list[History]:
    """The policies' texts, with all that was decided of them, and their redlines."""
    session, spool = pack.session, pack.spool
    records = [archive.history(session, policy) for policy in sorted(some, key=lambda policy: policy.id or 0)]
    slugs = {record.policy.id: record.policy.slug for record in records}
    pack.few("policy", rows.among(session, "policy", "id", slugs))
    for name in ("policy_renaming", "policy_retirement"):
        pack.few(name, rows.among(session, name, "policy_id", slugs))
    revisions = pack.few("revision", _texts(spool, slugs, rows.among(session, "revision", "policy_id", slugs)))
    ids = [row["id"] for row in revisions]
    for name in OF_REVISIONS:
        pack.few(name, rows.among(session, name, "revision_id", ids))
    pack.few("proposal_answer", rows.among(session, "proposal_answer", "proposal_id", pack.held["proposal"]))
    numbers = {row["id"]: (slugs[row["policy_id"]], row["number"]) for row in revisions}
    translated = rows.among(session, "translation", "revision_id", ids)
    pack.few("translation", _translations(spool, numbers, translated))
    of = pack.held["translation"]
    pack.few("translation_decision", rows.among(session, "translation_decision", "translation_id", of))
    heads = {r.policy.first_slug: r.entries[-1].revision.chain if r.entries else "" for r in records}
    spool.json("heads.json", heads)
    pages.redlines(session, spool, records, pack.shown["decision"])
    return records


def _texts(
    spool: Spool, slugs: Mapping[int | None, str], some: Iterable[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for row in some:
        name = f"texts/{slugs[row['policy_id']]}/{row['number']:03}.md"
        yield {**row, "text": spool.text(name, row["text"])}


def _translations(
    spool: Spool, numbers: Mapping[int, tuple[str, int]], some: Iterable[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for row in some:
        slug, number = numbers[row["revision_id"]]
        name = f"texts/{slug}/{number:03}.{row['locale']}.{row['number']}.md"
        yield {**row, "text": spool.text(name, row["text"])}


# -- members ------------------------------------------------------------------------------------


def _accounts(pack: Pack, accounts: Sequence[int]) -> None:
    session = pack.session
    pack.few("member", rows.among(session, "member", "id", accounts))
    merged = rows.among(session, "member_merge", "into_id", accounts)
    pack.few("member_merge", merged)
    for name in OF_MEMBERS:
        pack.few(name, rows.among(session, name, "member_id", accounts))


def _personal(member: Member) -> dict[str, object]:
    """What is on record of a member by name; of a guardian only that there is one."""
    names = ("external_id", "email", "locale", "joined_at", "retained_until")
    return {**{name: getattr(member, name) for name in names}, "guardian": bool(member.guardian_email)}


def _timelines(pack: Pack, records: Sequence[History], members: Sequence[Member]) -> None:
    stated = []
    for record in records:
        gathered = facts.of_members(pack.session, facts.of_policy(pack.session, record), members)
        for member in members:
            spans = applicability.timeline(gathered[member.id]).spans
            stated.append(
                {
                    "policy": record.policy.slug,
                    "policy_id": record.policy.id,
                    "member_id": member.id,
                    "spans": [_span(span) for span in spans],
                }
            )
    pack.spool.json("timelines.json", stated)
    pack.shown["timelines"] = stated


def _span(span: applicability.Span) -> dict[str, Any]:
    return {
        "revision": span.revision,
        "from": span.start,
        "to": span.end,
        "basis": str(span.basis),
        "evidence": list(span.rests_on or (span.evidence,)),
    }


# -- the telling --------------------------------------------------------------------------------


def _told(pack: Pack, told: Sequence[dict[str, Any]]) -> None:
    """What a member was owed, the requests that held it, and what was heard of it."""
    session = pack.session
    _notices(pack, {row["notice_id"] for row in told})
    batches = {row["batch_id"] for row in told}
    pack.few("batch", rows.among(session, "batch", "id", batches))
    requests = [each for row in told for each in _holding(session, row)]
    own = {row["id"] for row in told}
    pack.few("attempt", _with_proof(pack, sorted(set(requests)), own))
    pack.shown["delivery"] = list(told)
    pack.rows("delivery", told)
    pack.held["delivery"].sort()
    pack.few("delivery_event", rows.among(session, "delivery_event", "delivery_id", own))


def _holding(session: Session, delivery: Mapping[str, Any]) -> Sequence[int]:
    """The requests that a letter was in, or was to be in."""
    if delivery["position"] is None:
        return ()
    covering = select(Attempt.id).where(
        Attempt.batch_id == delivery["batch_id"],
        Attempt.first <= delivery["position"],
        Attempt.last > delivery["position"],
    )
    return [number for number in session.exec(covering) if number is not None]


def _with_proof(pack: Pack, ids: Sequence[int], own: set[int]) -> Iterator[dict[str, Any]]:
    """Requests, each with what stands for the letters of others that were in it."""
    session = pack.session
    for row in rows.among(session, "attempt", "id", ids):
        proof, numbers = rows.letters_proof(session, _sealed_form(session, row["id"]), own)
        said = _said(session, row)
        if said:
            name = f"requests/{row['id']}.txt"
            said["ids"] = pack.spool.text(name, "".join(f"{number}\n" for number in numbers))
        yield {**row, "letters": proof, **said}


def _without_letters(pack: Pack, row: dict[str, Any]) -> dict[str, Any]:
    """A request with the one hash that stands for all its letters, where its answer is to be proved."""
    if not pack.answers:
        return row
    proof, _ = rows.letters_proof(pack.session, _sealed_form(pack.session, row["id"]), set())
    return {**row, "letters": proof}


def _sealed_form(session: Session, attempt_id: int) -> Row[Any]:
    table = rows.table_of("attempt")
    return session.execute(sealing.attempts().where(table.c.id == attempt_id)).one()


def _requests(session: Session, batches: Sequence[int]) -> Iterator[dict[str, Any]]:
    for row in rows.among(session, "attempt", "batch_id", batches):
        yield {**row, **_said(session, row)}


def _said(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a request that was taken at once: the letter that it carried, and what was put in for all of them."""
    if row["state"] != "accepted" or row["doubted_at"] is not None:
        return {}
    batch = session.get_one(Batch, row["batch_id"])
    notice = session.get_one(Notice, batch.notice_id)
    letter = compose.rendered(session, notice, batch, now=row["started_at"])
    if letter is None:
        return {}
    policy = session.get_one(Policy, notice.policy_id)
    said = filling.as_sent(session.get_one(Attempt, row["id"]), batch, policy)
    return {"letter_id": letter.id, "words": filling.personal(notice, said)}


def _notices(pack: Pack, ids: Iterable[int | None]) -> None:
    """Notices with their letters as they were rendered, and who was left out."""
    session = pack.session
    wanted = pack.few("notice", rows.among(session, "notice", "id", ids))
    numbers = [row["id"] for row in wanted]
    pack.few("omission", rows.among(session, "omission", "notice_id", numbers))
    pack.few("letter", _letters(pack.spool, rows.among(session, "letter", "notice_id", numbers)))


def _letters(spool: Spool, some: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in some:
        name = f"letters/{row['notice_id']}-{row['id']}"
        text, html = spool.text(f"{name}.txt", row["text"]), spool.text(f"{name}.html", row["html"])
        yield {**row, "text": text, "html": html}


def _heard(pack: Pack, notice: Notice) -> None:
    table, delivery = rows.table_of("delivery_event"), rows.table_of("delivery")
    own = select(delivery.c.id).where(delivery.c.notice_id == notice.id)
    pack.rows("delivery_event", rows.read(pack.session, "delivery_event", table.c.delivery_id.in_(own)))


# -- the whole ----------------------------------------------------------------------------------


def _finish(pack: Pack, target: IO[bytes], *, kind: str, title: str, about: set[str]) -> None:
    """Add the audit log's part, the seals, the pages, the verifier and the manifest, and write the archive."""
    session, spool = pack.session, pack.spool
    about |= {f"{name} {number}" for name in ("policy", "revision", "notice") for number in pack.held[name]}
    pack.rows("audit", rows.audited(session, about))
    rows.prove(session, spool, pack.held, answers=pack.answers)
    pages.index(spool, kind=kind, title=title, shown=pack.shown, held=pack.held)
    spool.text("verify.py", VERIFIER.read_text(encoding="utf-8"))
    manifest = {"format": FORMAT, "kind": kind, "title": title, "files": dict(spool.hashes)}
    spool.json("manifest.json", {**manifest, "sha256": chain.link("", manifest)})
    spool.archive(target)
