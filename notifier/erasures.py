"""The erasure journal: a file outside the database, so that a restored backup can be told whom to erase again.

A line for each erasure: the member's pseudonym, the host's key for them as a keyed hash, and when. Neither the key
itself nor an address stands in it. A line is on the disk before its erasure is committed, so none is missed; one
whose erasure failed after all names somebody whom somebody had decided to erase, and nobody else.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from errors import JournalUnreadable, JournalUnwritable
from notifier.lineage import Named

LONGEST_LINE = 4096  # bytes; a line of ours has 150


class Line(NamedTuple):
    """An erasure. key: keyed hash of the host's key for the member."""

    member_id: int
    key: str
    at: str  # as written: it is evidence, and orders nothing


class Unreadable(NamedTuple):
    """A line that is none of ours: half written when a machine stopped, or spoilt."""

    number: int


def key(external_id: str, secret: str) -> str:
    """HMAC-SHA-256 of a host's key, in hexadecimal; it differs from an address's, should the two be one text."""
    return hmac.new(secret.encode(), b"erasure\0" + external_id.encode(), hashlib.sha256).hexdigest()


def note(path: Path, member_id: int, external_id: str, *, secret: str, now: datetime) -> None:
    """Write an erasure down; it is on the disk when this returns. Raises: JournalUnwritable."""
    note_all(path, [Named(member_id, external_id)], secret=secret, now=now)


def note_all(path: Path, names: Iterable[Named], *, secret: str, now: datetime) -> None:
    """Write an erasure down by every name that the member has or had: a backup knows them by the name of its time.

    Raises: JournalUnwritable.
    To refuse is the lesser evil: an erasure that is refused is seen and asked for again, one that is not in the
    journal is undone by the next restore and nobody knows.
    """
    fields = ({"member": n.member_id, "key": key(n.external_id, secret), "at": now.isoformat()} for n in names)
    lines = "".join(f"{json.dumps(each)}\n" for each in fields)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        _append(path, lines.encode())
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        raise JournalUnwritable(error.strerror or type(error).__name__) from error


def _append(path: Path, line: bytes) -> None:
    """Append a line; one process at a time, and never onto the half of a line that a crash has left."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(file, line) :]
        os.fsync(file)
    finally:
        os.close(file)  # which gives the lock up too


def _sync_folder(folder: Path) -> None:
    """A new file is lost with its folder's entry unless that is on the disk as well."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def read(path: Path) -> Iterator[Line | Unreadable]:
    """Stream a journal, whatever is in it. Raises: JournalUnreadable, with the reason."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(_lines(file), 1):
                if raw.strip():
                    yield _line(raw) or Unreadable(number)
    except OSError as error:
        raise JournalUnreadable(str(path), error.strerror or type(error).__name__) from error


def _lines(file: Any) -> Iterator[bytes]:
    """Lines by their ends, each at most a little longer than any of ours."""
    while raw := file.readline(LONGEST_LINE):
        whole = raw
        while not raw.endswith(b"\n") and (raw := file.readline(LONGEST_LINE)):
            whole = b"?"  # too long to be one of ours
        yield whole


def _line(raw: bytes) -> Line | None:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    member_id, hashed, at = (fields.get(name) for name in ("member", "key", "at"))
    if type(member_id) is not int or not isinstance(hashed, str) or not isinstance(at, str):
        return None
    return Line(member_id, hashed, at) if 0 < member_id < 2**31 and hashed.isascii() else None
