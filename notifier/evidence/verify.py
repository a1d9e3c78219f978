"""Verify an evidence pack of Gazette, offline: `python3 verify.py [PACK.zip or FOLDER]`.

It needs Python 3.9 or later, no package and nothing of Gazette. Without an argument it verifies its own folder.
It prints a line for each check and ends with 1 where anything does not hold. The rules by which a timeline follows
from the facts are written here a second time, as plainly as they can be, so that nobody has to believe the program
that made the pack.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "gazette evidence 1"
LARGEST = 4 * 1024**3  # bytes of one file, unpacked
MOST_PLACES = 10_000_000  # of a tree: a request has a thousand letters, a seal a thousand rows
EMPTY = hashlib.sha256(b"").hexdigest()
Row = dict[str, Any]


class Broken(Exception):
    """The pack cannot be read as one."""


# -- reading a pack -----------------------------------------------------------------------------


class Pack:
    """The files of a pack by name, from an archive or a folder."""

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else None
        self._archive = None if self._folder else _archive(path)
        self.names = sorted(self._names())

    def _names(self) -> Iterator[str]:
        if self._archive:
            for info in self._archive.infolist():
                yield _safe(info)
        elif self._folder:
            for path in self._folder.rglob("*"):
                if path.is_symlink():
                    raise Broken(f"{path.name} is a link and not a file")
                if path.is_file() and "__pycache__" not in path.parts:
                    yield path.relative_to(self._folder).as_posix()

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file's bytes, a megabyte at a time."""
        if name not in self.names:
            raise Broken(f"{name} is missing")
        try:
            with (
                self._archive.open(name)
                if self._archive
                else (self._folder or Path()).joinpath(name).open("rb") as file
            ):
                while True:
                    piece = file.read(1 << 20)
                    if not piece:
                        return
                    yield piece
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise Broken(f"{name} cannot be read: {error}") from error
        except Exception as error:  # what a damaged stream may raise differs from one Python to the next
            raise Broken(f"{name} cannot be unpacked: {error}") from error

    def text(self, name: str) -> str:
        try:
            return b"".join(self.pieces(name)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Broken(f"{name} is no UTF-8 text") from error

    def json(self, name: str) -> Any:
        return _parsed(self.text(name), name)

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, one a line; none where the pack holds none."""
        name = f"rows/{table}.jsonl"
        if name not in self.names:
            return
        rest = b""
        number = 0
        for piece in self.pieces(name):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number += 1
                row = _parsed(line, f"{name}, line {number}")
                if not isinstance(row, dict):
                    raise Broken(f"{name}, line {number} is no object")
                yield row
        if rest.strip():
            raise Broken(f"{name} breaks off in line {number + 1}")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # what a damaged archive may raise differs from one Python to the next
        raise Broken(f"{path.name} is no whole archive: {error}") from error


def _safe(info: zipfile.ZipInfo) -> str:
    name = info.filename
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or ".." in parts or "" in parts:
        raise Broken(f"the name {name!r} leads out of the pack")
    if info.file_size > LARGEST or info.file_size > 400 * max(info.compress_size, 1) + 1_000_000:
        raise Broken(f"{name} would unpack to {info.file_size:,} bytes")
    return name


def _parsed(text: Any, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken(f"{name} is no JSON: {error}") from error


def instant(value: Any) -> datetime:
    """An instant as rows have it: 2026-06-01T12:00:00.000000+00:00."""
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Broken(f"{value!r} is no time") from error
    if read.tzinfo is None:
        raise Broken(f"{value!r} is a time of no zone")
    return read.astimezone(timezone.utc)  # noqa: UP017 -- Python 3.9 knows no other


# -- hashes -------------------------------------------------------------------------------------


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def link(previous: str, facts: Row) -> str:
    """A link of a chain: the hash of the one before and of these facts."""
    return sha256(canonical({"previous": previous, **facts}))


def root(leaves: Sequence[str], count: int, present: Sequence[int], nodes: Iterable[str]) -> str:
    """The root of a tree of `count` leaves. leaves: those at the places `present`; nodes: for the others."""
    if count == 0:
        return EMPTY
    given, others = dict(zip(present, leaves)), iter(nodes)  # noqa: B905
    depth = (count - 1).bit_length()
    sizes = [count]
    for _ in range(depth):
        sizes.append((sizes[-1] + 1) // 2)
    there: list[set[int]] = [set(present)]
    for _ in range(depth):
        there.append({place // 2 for place in there[-1]})

    def node(level: int, place: int) -> bytes:
        if place not in there[level]:
            return bytes.fromhex(next(others))
        if level == 0:
            return bytes.fromhex(given[place])
        left = node(level - 1, 2 * place)
        if 2 * place + 1 >= sizes[level - 1]:
            return left
        return hashlib.sha256(b"\x01" + left + node(level - 1, 2 * place + 1)).digest()

    made = node(depth, 0).hex()
    if next(others, None) is not None:
        raise ValueError("more hashes than places")
    return made


def places(written: str) -> list[int]:
    """The places that runs such as 0-4,7 name."""
    found: list[int] = []
    for run in filter(None, written.split(",")):
        first, _, last = run.partition("-")
        if int(last or first) >= MOST_PLACES:
            raise ValueError(f"{run} is no place in a seal or a request")
        found.extend(range(int(first), int(last or first) + 1))
    return found


# -- the checks ---------------------------------------------------------------------------------


class Note(str):
    """What nobody can say of, from this pack alone."""


def say(line: str) -> None:
    """Print a line. What a pack says is a stranger's: it moves no cursor and begins no line of its own."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
    encoding = sys.stdout.encoding or "utf-8"
    print(plain.encode(encoding, "replace").decode(encoding))  # noqa: T201


class Report:
    """Prints what holds and what does not."""

    def __init__(self) -> None:
        self.failed = self.noted = 0

    def check(self, name: str, made: Callable[[], Iterator[Any]]) -> None:
        """Run a check: it yields numbers of what holds, sentences of what does not, and notes."""
        held, wrong, notes = 0, list[str](), list[str]()
        try:
            for each in made():
                if isinstance(each, int):
                    held += each
                else:
                    (notes if isinstance(each, Note) else wrong).append(str(each))
        except Broken as error:
            wrong.append(str(error))
        except Exception as error:  # a stranger may have written anything: whatever it breaks is a finding
            wrong.append(f"what it needs is malformed: {type(error).__name__}: {error}")
        self.failed += len(wrong)
        self.noted += len(notes)
        for sentence in wrong[:50]:
            say(f"FAILS  {name}: {sentence}")
        if len(wrong) > 50:
            say(f"FAILS  {name}: and {len(wrong) - 50:,} more")
        if not wrong:
            say(f"holds  {name}: {held:,} checked")
        for sentence in notes:
            say(f"note   {name}: {sentence}")


def verify(path: Path) -> int:
    """Verify a pack and print what came of it. Returns: how many things do not hold."""
    report = Report()
    try:
        pack = Pack(path)
        manifest = pack.json("manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Broken(f"manifest.json is not of the format {FORMAT!r}")
    except Broken as error:
        say(f"FAILS  pack: {error}")
        return 1
    report.check("manifest", lambda: files(pack, manifest))
    report.check("texts", lambda: texts(pack))
    report.check("chains of revisions", lambda: chains(pack))
    report.check("audit log", lambda: audit(pack))
    report.check("seals", lambda: seals(pack))
    report.check("covered by seals", lambda: covered(pack))
    report.check("letters", lambda: letters(pack))
    report.check("notices", lambda: notices(pack))
    report.check("ledger", lambda: ledger(pack))
    report.check("timelines", lambda: timelines(pack))
    report.check("evidence", lambda: evidence(pack))
    report.check("heads", lambda: heads(pack))
    verdict = "Everything holds." if not report.failed else f"{report.failed:,} things do not hold."
    say(f"{manifest.get('title', 'This pack')}: {verdict}{' Read the notes above.' if report.noted else ''}")
    return report.failed


def files(pack: Pack, manifest: Row) -> Iterator[Any]:
    """Every file is the one of its hash, and none is there that the manifest does not name."""
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        raise Broken("manifest.json names no files")
    own = link("", {name: value for name, value in manifest.items() if name != "sha256"})
    yield 1 if manifest.get("sha256") == own else "manifest.json is not the one of its hash"
    seen: set[str] = set()
    for name in pack.names:
        if name in seen:
            yield f"{name} is in the pack twice"
        seen.add(name)
        if name != "manifest.json" and name not in listed:
            yield f"{name} is not in the manifest"
    for name, expected in sorted(listed.items()):
        try:
            made = hashlib.sha256()
            for piece in pack.pieces(name):
                made.update(piece)
            yield 1 if made.hexdigest() == expected else f"{name} is not the file of its hash"
        except Broken as error:
            yield str(error)


def texts(pack: Pack) -> Iterator[Any]:
    """Each published text and translation is the one of its hash."""
    for table in ("revision", "translation"):
        for row in pack.rows(table):
            held = sha256(pack.text(row["text"]["file"])) == row["sha256"]
            yield 1 if held else f"{table} {row['id']}: its text is not the one of its hash"


CHAINED = (
    *("number", "revision_date", "sha256", "published_at", "effective_at", "rule", "notice_days", "summary"),
    "imported",
)


def chains(pack: Pack) -> Iterator[Any]:
    """Each policy's chain, link by link from the first text to the head."""
    heads = {row["id"]: row for row in pack.rows("policy")}
    by_policy = sorted(pack.rows("revision"), key=lambda row: (row["policy_id"], row["number"]))
    for policy_id, rows in groupby(by_policy, key=lambda row: row["policy_id"]):
        slug, previous = heads[policy_id]["slug"], ""  # where it was made, whatever it is called now
        for expected, row in enumerate(rows, 1):
            if row["number"] != expected:
                yield f"{slug}: No. {expected} is missing"
                break
            stated = ["controller"] if row.get("controller") else []  # older links know of none
            previous = link(previous, {name: row[name] for name in (*CHAINED, *stated)})
            yield 1 if previous == row["chain"] else f"{slug}, No. {row['number']}: its chain hash does not follow"
            previous = row["chain"]
        head = pack.json("heads.json").get(slug)
        yield 1 if head == previous else f"{slug}: the head is not the one stated"


def audit(pack: Pack) -> Iterator[Any]:
    """Each entry's hash follows from it and the one before; where both are here, they are the same chain."""
    before: Row = {}
    names = ("recorded_at", "actor", "action", "subject", "detail")
    for row in pack.rows("audit"):
        held = link(row["previous"], {name: row[name] for name in names}) == row["chain"]
        yield 1 if held else f"entry {row['id']}: its hash does not follow"
        if before and row["id"] == before["id"] + 1 and row["previous"] != before["chain"]:
            yield f"entry {row['id']}: it does not follow entry {before['id']}"
        before = row


# -- seals --------------------------------------------------------------------------------------

SEALED = ("subject", "first", "last", "rows", "columns", "digest", "recorded_at")


def seals(pack: Pack) -> Iterator[Any]:
    """Each seal is a link of the chain of seals, and each sealed row is as it was."""
    by_subject: dict[str, list[Row]] = {}
    before: Row = {}
    for seal in pack.rows("seal"):
        made = link(seal["previous"], {"number": seal["id"], **{name: seal[name] for name in SEALED}})
        yield 1 if made == seal["chain"] else f"seal {seal['id']}: its hash does not follow"
        if before and seal["id"] == before["id"] + 1 and seal["previous"] != before["chain"]:
            yield f"seal {seal['id']}: it does not follow seal {before['id']}"
        before = seal
        by_subject.setdefault(seal["subject"], []).append(seal)
    for subject, some in sorted(by_subject.items()):
        if subject == "answer":
            continue
        yield from _sealed_rows(pack, subject, some)


def _sealed_rows(pack: Pack, subject: str, some: Sequence[Row]) -> Iterator[Any]:
    rows = pack.rows(subject)
    if subject == "delivery":  # they stand by batch, and are sealed by number
        rows = iter(sorted(rows, key=lambda row: int(row["id"])))
    row = next(rows, None)
    for seal in some:
        names = seal["columns"].split(",")
        held: list[str] = []
        while row is not None and row["id"] <= seal["last"]:
            if row["id"] >= seal["first"]:
                held.append(leaf(pack, row, names))
            row = next(rows, None)
        present = places(seal["present"])
        if len(held) != len(present):
            yield f"{subject}: seal {seal['id']} covers {len(present):,} rows of a pack that has {len(held):,}"
        elif root(held, seal["rows"], present, seal["nodes"]) != seal["digest"]:
            where = f"{subject}: a row from {seal['first']} to {seal['last']}"
            yield f"{where} is not as it was when it was sealed (seal {seal['id']})"
        else:
            yield len(held)


def leaf(pack: Pack, row: Row, names: Iterable[str]) -> str:
    """The hash of a row, in the columns that are sealed."""
    values = [row["id"]]
    for name in names:
        value = row[name]
        values.append(pack.text(value["file"]) if isinstance(value, dict) and set(value) == {"file"} else value)
    return sha256(canonical(values))


SLOWLY = ("member", "batch", "delivery", "attempt", "delivery_event")  # sealed bit by bit while letters leave
TIMES = ("recorded_at", "decided_at", "created_at")


def covered(pack: Pack) -> Iterator[Any]:
    """Each row is in a seal, but for the latest: of those only this pack itself says that they are on record."""
    seals = list(pack.rows("seal"))
    newest = max((instant(seal["recorded_at"]) for seal in seals), default=None)
    for name in pack.names:
        table = name[len("rows/") : -len(".jsonl")] if name.startswith("rows/") else "seal"
        if table != "seal":
            own = sorted((seal["first"], seal["last"]) for seal in seals if seal["subject"] == table)
            yield from _covered(pack, table, own, newest)
    final = [row["id"] for row in pack.rows("attempt") if row["state"] in ("accepted", "refused")]
    sealed = {number for seal in seals for number in seal.get("attempts", ())}
    yield from _in_none("the answers to attempt", [number for number in final if number not in sealed])


def _covered(pack: Pack, table: str, ranges: Sequence[tuple[int, int]], newest: datetime | None) -> Iterator[Any]:
    firsts, end = [first for first, _ in ranges], max((last for _, last in ranges), default=None)
    outside = []
    for row in pack.rows(table):
        place = bisect_right(firsts, row["id"]) - 1
        if place >= 0 and row["id"] <= ranges[place][1]:
            yield 1
        elif end is not None and row["id"] <= end:
            yield f"{table} {row['id']}: the seal over it is missing"
        elif newest is not None and table not in SLOWLY and _recorded(row) + timedelta(days=1) < newest:
            yield f"{table} {row['id']}: a seal here is more than a day younger, and it is in none"
        else:
            outside.append(row["id"])
    yield from _in_none(table, outside)


def _recorded(row: Row) -> datetime:
    return next(instant(row[name]) for name in TIMES if row.get(name))


def _in_none(what: str, ids: Sequence[int]) -> Iterator[Note]:
    if ids:
        named = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10:,} more" if len(ids) > 10 else "")
        yield Note(f"in no seal, as only the latest may be: {what} {named}")


def heads(pack: Pack) -> Iterator[Any]:
    """What to compare with what others hold: nothing in a pack speaks against a record rewritten as a whole."""
    for slug, head in sorted(pack.json("heads.json").items()):
        say(f"head   {slug}: {head} (compare it with a letter, a page or a feed of the time)")
        yield 1


# -- letters and the ledger ---------------------------------------------------------------------


def letters(pack: Pack) -> Iterator[Any]:
    """Each letter as it was rendered is the one of its hash."""
    for row in pack.rows("letter"):
        parts = [row["subject"], pack.text(row["text"]["file"]), pack.text(row["html"]["file"])]
        held = sha256(json.dumps(parts)) == row["sha256"]
        yield 1 if held else f"letter {row['id']}: it is not the one of its hash"


AUDITED = {"opened_at": ("notice opened", "notice opened again"), "recalled_at": ("notice recalled",)}


def notices(pack: Pack) -> Iterator[Any]:
    """When a notice opened and was recalled is in the audit log, too."""
    noted: dict[tuple[str, str], set[datetime]] = {}
    for entry in pack.rows("audit"):
        noted.setdefault((entry["subject"], entry["action"]), set()).add(instant(entry["recorded_at"]))
    for row in pack.rows("notice"):
        for column, actions in AUDITED.items():
            times = [noted.get((f"notice {row['id']}", action), set()) for action in actions]
            held = instant(row[column]) in set().union(*times) if row[column] else not any(times)
            yield 1 if held else f"notice {row['id']}: {column} is not the time in the audit log"


STANDING = ("accepted", "unknown", "started")
CLOSED = ("accepted", "unknown", "refused")


def ledger(pack: Pack) -> Iterator[Any]:
    """Requests and what was answered are as sealed, hold the letters they say, and said what they say they did."""
    batches = {row["id"]: row for row in pack.rows("batch")}
    requests: dict[int, list[Row]] = {}
    for row in pack.rows("attempt"):
        requests.setdefault(row["batch_id"], []).append(row)
    kind = pack.json("manifest.json")["kind"]
    hashes: dict[int, str] = {row["id"]: row["sha256"] for row in pack.rows("letter")}
    answers: dict[int, str] = {}
    for batch_id, deliveries in _by_batch(pack, batches):
        batch, own = batches[batch_id], requests.pop(batch_id, [])
        if kind == "notice" and batch["size"] != len(deliveries):
            yield f"batch {batch_id}: {len(deliveries):,} letters are here, not {batch['size']:,}"
        if kind != "member" and batch["state"] in CLOSED and batch["state"] not in {row["state"] for row in own}:
            yield f"batch {batch_id}: it is {batch['state']}, and none of its requests is"
        for row in own:
            held = [d for d in deliveries if _is_in(d, row)]
            yield from _request(pack, row, held, hashes, answers, kind == "notice")
        yield from _fates(batch, deliveries, own)
    for number in requests:
        yield f"batch {number}: its requests are here, and it is not"
    for seal in (row for row in pack.rows("seal") if row["subject"] == "answer"):
        yield from _answers(seal, answers)


def _by_batch(pack: Pack, batches: Iterable[int]) -> Iterator[tuple[int, list[Row]]]:
    """Each batch with its letters; those without come last."""
    without = set(batches)
    for batch_id, some in groupby(pack.rows("delivery"), key=lambda row: row["batch_id"]):
        without.discard(batch_id)
        yield batch_id, list(some)
    yield from ((batch_id, []) for batch_id in sorted(without))


def _is_in(delivery: Row, request: Row) -> bool:
    """Whether a letter was in a request: at one of its positions, and not left out before it was made."""
    if delivery["position"] is None or not request["first"] <= delivery["position"] < request["last"]:
        return False
    return delivery["outcome"] is None or instant(delivery["outcome_at"]) > instant(request["started_at"])


ANSWERED = (
    *("batch_id", "first", "last", "recipients", "body_sha256", "sender", "applies_from", "state", "status"),
    *("said", "provider_message_id", "started_at", "doubted_at", "settled_by", "duplicate", "recorded_at"),
)


def _request(
    pack: Pack,
    row: Row,
    held: Sequence[Row],
    hashes: dict[int, str],
    answers: dict[int, str],
    whole: bool,
) -> Iterator[Any]:
    taken = held if row["state"] == "accepted" else []
    if whole and taken and row["doubted_at"] is None and row["recipients"] != len(taken):
        yield f"attempt {row['id']}: {len(taken):,} letters are in it, not {row['recipients']:,}"
    every = f"0-{len(taken) - 1}" if taken else ""
    proof = row.get("letters") or {"count": len(taken), "present": every, "nodes": []}
    leaves = [sha256(canonical([d["id"], d["position"], d["member_id"]])) for d in taken]
    present = places(proof["present"])
    if len(present) != len(leaves):
        yield f"attempt {row['id']}: the letters in it are not those that it was sealed with"
        return
    tree = root(leaves, proof["count"], present, proof["nodes"])
    answers[row["id"]] = sha256(canonical([row["id"], *(row[name] for name in ANSWERED), tree]))
    if row.get("words") is None:
        return
    ids = pack.text(row["ids"]["file"]).split() if row.get("ids") else [str(d["id"]) for d in taken]
    common = "\n".join((hashes[row["letter_id"]], repr(sorted(row["words"].items()))))
    body = sha256("\n".join((common, *ids)))
    yield 1 if body == row["body_sha256"] else f"attempt {row['id']}: what it sent is not what its hash says"
    if not {str(d["id"]) for d in taken} <= set(ids):
        yield f"attempt {row['id']}: a letter is not among those that it sent"


def _answers(seal: Row, answers: dict[int, str]) -> Iterator[Any]:
    held = [answers.get(number, EMPTY) for number in seal["attempts"]]
    if root(held, seal["rows"], places(seal["present"]), seal["nodes"]) == seal["digest"]:
        yield len(held)
    else:
        names = ", ".join(map(str, seal["attempts"]))
        yield f"attempt {names}: an answer, or a letter in it, is not as it was sealed (seal {seal['id']})"


def _fates(batch: Row, deliveries: Iterable[Row], requests: Sequence[Row]) -> Iterator[Any]:
    """Of a closed batch something became of every letter; one that failed, by what a request was answered."""
    standing = [row for row in requests if row["state"] in STANDING and not row["duplicate"]]
    for each in deliveries:
        if each["outcome"] == "failed" and each["reason"] not in {
            row["said"] for row in requests if row["state"] == "refused" and _holds(row, each)
        }:
            yield f"delivery {each['id']}: it is said to have failed, and no request says so"
        if each["position"] is None or each["outcome"] is not None or batch["state"] not in CLOSED:
            continue
        holders = [row["id"] for row in standing if _holds(row, each)]
        if len(holders) == 1:
            yield 1
        else:
            yield f"delivery {each['id']}: it is in {len(holders)} requests, and should be in one"


def _holds(request: Row, delivery: Row) -> bool:
    position = delivery["position"]
    return position is not None and bool(request["first"] <= position < request["last"])


# -- timelines ----------------------------------------------------------------------------------


class Fact(NamedTuple):
    """Something on record. at: its place in time; what: its kind; the rest as the kind has it."""

    at: datetime
    what: str
    id: str
    revision: int = 0
    effective_at: datetime | None = None
    rule: str = ""
    period: timedelta = timedelta()
    yes: bool = False  # significant; a guardian is there; said by the guardian
    base: int = 0
    not_before: datetime | None = None
    undoes: str = ""


class Span(NamedTuple):
    revision: int
    start: datetime
    end: datetime | None
    basis: str
    evidence: str


def timelines(pack: Pack) -> Iterator[Any]:
    """Each stated timeline is the one that follows from the facts."""
    if pack.json("manifest.json")["kind"] != "member":
        return
    rows = {table: list(pack.rows(table)) for table in TABLES}
    for stated in pack.json("timelines.json"):
        expected = fold(facts(rows, stated["policy_id"], stated["member_id"]))
        found = [
            Span(
                s["revision"],
                instant(s["from"]),
                instant(s["to"]) if s["to"] else None,
                s["basis"],
                s["evidence"][0],
            )
            for s in stated["spans"]
        ]
        if expected == found:
            yield len(found) or 1
            continue
        name = f"member {stated['member_id']}, {stated['policy']}"
        for number in range(max(len(expected), len(found))):
            should, says = expected[number : number + 1], found[number : number + 1]
            if should != says:
                yield f"{name}: the facts give {_said(should)}, the pack says {_said(says)}"
                break


def _said(spans: Sequence[Span]) -> str:
    if not spans:
        return "nothing more"
    span = spans[0]
    until = f"to {span.end:%Y-%m-%d %H:%M:%S}" if span.end else "without an end"
    return f"No. {span.revision} from {span.start:%Y-%m-%d %H:%M:%S} {until} by {span.basis} ({span.evidence})"


TABLES = (
    *("revision", "withdrawal", "decision", "telling", "member", "guardian_change", "member_merge", "notice"),
    *("batch", "attempt", "delivery", "delivery_event", "acknowledgement"),
)
Rows = dict[str, list[Row]]


def facts(rows: Rows, policy_id: int, member_id: int) -> list[Fact]:
    """The facts of a policy and a member, read off the rows."""
    numbers = {row["id"]: row["number"] for row in rows["revision"] if row["policy_id"] == policy_id}
    member = next(row for row in rows["member"] if row["id"] == member_id)
    found = [*_of_policy(rows, numbers), *_of_member(rows, numbers, member)]
    merges = [row for row in rows["member_merge"] if row["into_id"] == member_id]
    since: dict[int, datetime | None] = {member_id: None}
    since.update({row["from_id"]: instant(row["recorded_at"]) for row in merges})
    for fact, of in (*_told(rows, numbers), *_said_so(rows, numbers)):
        if of in since:
            merged = since[of]
            found.append(fact if merged is None or fact.at >= merged else fact._replace(at=merged))
    return found


def _of_policy(rows: Rows, numbers: dict[int, int]) -> Iterator[Fact]:
    for row in rows["revision"]:
        if row["id"] in numbers:
            yield Fact(
                instant(row["published_at"]), "published", f"revision:{row['id']}", row["number"],
                effective_at=instant(row["effective_at"]), rule=row["rule"], period=timedelta(row["notice_days"]),
            )  # fmt: skip
    for row in rows["withdrawal"]:
        if row["revision_id"] in numbers:
            yield Fact(
                instant(row["recorded_at"]), "withdrawn", f"withdrawal:{row['id']}", numbers[row["revision_id"]]
            )
    for row in rows["decision"]:
        if row["revision_id"] in numbers:
            number, significant = numbers[row["revision_id"]], row["verdict"] == "significant"
            yield Fact(instant(row["decided_at"]), "decided", f"decision:{row['id']}", number, yes=significant)


def _of_member(rows: Rows, numbers: dict[int, int], member: Row) -> Iterator[Fact]:
    joined = instant(member["joined_at"])
    yield Fact(joined, "joined", f"member:{member['id']}")
    for name in ("erased_at", "retained_until"):
        if member[name]:
            yield Fact(instant(member[name]), "ended", f"member:{member['id']}")
    for row in rows["guardian_change"]:
        if row["member_id"] == member["id"]:
            yield Fact(instant(row["recorded_at"]), "guardian", f"guardian:{row['id']}", yes=row["present"])
    for row in rows["telling"]:
        told = instant(row["told_at"])
        if row["revision_id"] in numbers and joined <= told:
            yield Fact(told, "notice", f"telling:{row['id']}", numbers[row["revision_id"]], not_before=told)


def _told(rows: Rows, numbers: dict[int, int]) -> Iterator[tuple[Fact, int]]:
    """Letters that were taken, site notices that were shown, and what undid them; each with whose it is."""
    notices = {row["id"]: row for row in rows["notice"]}
    batches = {row["id"]: row for row in rows["batch"]}
    for delivery in rows["delivery"]:
        notice, batch = notices[delivery["notice_id"]], batches[delivery["batch_id"]]
        about = notice["kind"] == "change" and notice["revision_id"] in numbers
        number, base = numbers.get(notice["revision_id"], 0), numbers.get(batch["base_revision_id"], 0)
        of, recalled = delivery["member_id"], notice["recalled_at"]
        events = [row for row in rows["delivery_event"] if row["delivery_id"] == delivery["id"]]
        attempts = [row for row in rows["attempt"] if row["batch_id"] == batch["id"]]
        for row in attempts:
            name = f"delivery:{delivery['id']}:{row['id']}"
            if about and _was_taken(delivery, row):
                day = instant(row["applies_from"]) if row["applies_from"] else None
                yield Fact(instant(row["recorded_at"]), "notice", name, number, base=base, not_before=day), of
            if recalled:
                yield Fact(instant(recalled), "undone", f"notice:{notice['id']}", undoes=name), of
            for event in events:
                if event["event"] in ("bounce", "dropped", "failed") and event["attempt_id"] in (None, row["id"]):
                    yield Fact(instant(event["recorded_at"]), "undone", f"event:{event['id']}", undoes=name), of
        for event in events if about else ():
            if event["event"] == "shown":
                name = f"event:{event['id']}"
                yield Fact(instant(event["recorded_at"]), "notice", name, number, base=base), of
                if recalled:
                    yield Fact(instant(recalled), "undone", f"notice:{notice['id']}", undoes=name), of


def _was_taken(delivery: Row, request: Row) -> bool:
    return (
        request["state"] == "accepted"
        and request["recorded_at"] is not None
        and delivery["position"] is not None
        and delivery["outcome"] is None
        and bool(request["first"] <= delivery["position"] < request["last"])
    )


def _said_so(rows: Rows, numbers: dict[int, int]) -> Iterator[tuple[Fact, int]]:
    for row in rows["acknowledgement"]:
        if row["revision_id"] not in numbers or row["kind"] not in ("accepted", "read"):
            continue
        what = (
            "accepted" if row["kind"] == "accepted" else "notice"
        )  # who has read a text knows all that led to it
        fact = Fact(
            instant(row["recorded_at"]), what, f"acknowledgement:{row['id']}", numbers[row["revision_id"]],
            yes=row["actor"] == "guardian",
        )  # fmt: skip
        yield fact, row["member_id"]


def fold(known: Sequence[Fact]) -> list[Span]:
    """Go from instant to instant, and at each ask what is on record and what follows from it."""
    joined = min((fact for fact in known if fact.what == "joined"), key=lambda fact: fact.at)
    end = min((fact.at for fact in known if fact.what == "ended"), default=None)
    spans: list[Span] = []
    for now in sorted(_instants(known)):
        if now < joined.at:
            continue
        if end is not None and now >= end:
            return [*spans[:-1], spans[-1]._replace(end=end)] if spans else []
        record = Record([fact for fact in known if fact.at <= now], now)
        following = record.start(joined) if not spans else record.move(spans[-1].revision)
        if following is not None:
            if spans:
                spans[-1] = spans[-1]._replace(end=now)
            spans.append(following)
    return spans


def _instants(known: Sequence[Fact]) -> set[datetime]:
    """When an answer may change: when something is recorded, a text takes effect, or a notice has run its time."""
    published = [fact for fact in known if fact.what == "published"]
    found = {fact.at for fact in known}
    found |= {fact.effective_at for fact in published if fact.effective_at}
    notices = [fact for fact in known if fact.what == "notice"]
    return found | {due(n, r) for n in notices for r in published if n.base < r.revision <= n.revision}


def due(notice: Fact, revision: Fact) -> datetime:
    """The notice plus the period, or the date in the letter, whichever is later."""
    over = notice.at + revision.period
    return over if notice.not_before is None else max(over, notice.not_before)


class Record:
    """All that is on record at an instant."""

    def __init__(self, known: Sequence[Fact], now: datetime) -> None:
        self.known, self.now = known, now
        withdrawn = {fact.revision for fact in self.of("withdrawn")}
        self.live = {fact.revision: fact for fact in self.of("published") if fact.revision not in withdrawn}

    def of(self, what: str) -> list[Fact]:
        return [fact for fact in self.known if fact.what == what]

    def effective(self) -> list[int]:
        return [n for n, fact in self.live.items() if fact.effective_at and fact.effective_at <= self.now]

    def significant(self, number: int) -> bool:
        """The latest decision says; of two at one instant the significant one; undecided counts as significant."""
        return self._latest([fact for fact in self.of("decided") if fact.revision == number], otherwise=True)

    def guarded(self) -> bool:
        return self._latest(self.of("guardian"), otherwise=False)

    def _latest(self, some: Sequence[Fact], otherwise: bool) -> bool:
        last = max((fact.at for fact in some), default=None)
        return any(fact.yes for fact in some if fact.at == last) if some else otherwise

    def start(self, joined: Fact) -> Span | None:
        """The text in force, whatever its rule; while there is none, none governs."""
        number = max(self.effective(), default=None)
        if number is None:
            return None
        if joined.at == self.now:
            return Span(number, self.now, None, "joined", joined.id)
        return Span(number, self.now, None, "first", self.live[number].id)

    def move(self, current: int) -> Span | None:
        """The greatest effective text of which every significant one on the way is met."""
        for number in sorted(self.effective(), reverse=True):
            if number <= current:
                return None
            passed = [n for n in sorted(self.live) if current < n <= number and self.significant(n)]
            met = [self.met(self.live[n]) for n in passed]
            if all(met):
                asked = [way for way in met if way and way[2] != "posted"]
                last = max(asked, key=lambda way: way[:2]) if asked else (self.now, self.live[number].id, "posted")
                return Span(number, self.now, None, last[2], last[1])
        return None

    def met(self, revision: Fact) -> tuple[datetime, str, str] | None:
        """By which fact, and from when, what a significant text asks for is done; None where it is not yet."""
        ways = [self._accepted(revision)]
        if not self.guarded():
            ways.append(self._by_rule(revision))
        done = [way for way in ways if way is not None and way[0] <= self.now]
        return min(done, key=lambda way: way[:2]) if done else None

    def _accepted(self, revision: Fact) -> tuple[datetime, str, str] | None:
        """An acceptance meets every text up to it; while there is a guardian only theirs does."""
        counting = [
            (fact.at, fact.id, "acceptance")
            for fact in self.of("accepted")
            if fact.revision >= revision.revision and (fact.yes or not self.guarded())
        ]
        return min(counting) if counting else None

    def _by_rule(self, revision: Fact) -> tuple[datetime, str, str] | None:
        if revision.rule == "posting":
            return revision.at, revision.id, "posted"
        if revision.rule != "notice":
            return None
        undone = {fact.undoes for fact in self.of("undone")}
        covering = [
            fact
            for fact in self.of("notice")
            if fact.id not in undone and fact.base < revision.revision <= fact.revision
        ]
        first = min((fact.at for fact in covering), default=None)
        given = [(due(fact, revision), fact.id, "notice") for fact in covering if fact.at == first]
        return max(given) if given else None


# -- evidence -----------------------------------------------------------------------------------

_TABLE_OF = {
    "guardian": "guardian_change",
    "event": "delivery_event",
    "merge": "member_merge",
}


def evidence(pack: Pack) -> Iterator[Any]:
    """All that a span rests on is in this pack."""
    if pack.json("manifest.json")["kind"] != "member":
        return
    ids: dict[str, set[str]] = {}
    for stated in pack.json("timelines.json"):
        for span in stated["spans"]:
            for name in span["evidence"]:
                kind, *numbers = name.split(":")
                tables = [_TABLE_OF.get(kind, kind)] + (["attempt"] if kind == "delivery" else [])
                for table, number in zip(tables, numbers):  # noqa: B905
                    if table not in ids:
                        ids[table] = {str(row["id"]) for row in pack.rows(table)}
                    yield 1 if number in ids[table] else f"{name}, on which a span rests, is not in this pack"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) > 1:
        print("usage: python3 verify.py [PACK.zip or FOLDER]", file=sys.stderr)  # noqa: T201
        return 2
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    if not path.exists():
        say(f"FAILS  pack: there is no {path}")
        return 1
    return 1 if verify(path) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
