"""Read a file's git history as dated texts: one for each commit that changes it, followed through renames."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zoneinfo import ZoneInfo

from errors import DateMalformed, NotARepository, NothingToImport
from policy_versions import dates
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.policies import PolicyFields

_SECONDS = 600
# Only a copy with a configuration of our own is ever read: a repository's own settings may name programs
# (for signatures, for fetching what is missing), and none of them is run. Said here again, should a git differ.
_SAFE = [
    argument
    for setting in (
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.sshCommand=false", "log.showSignature=false",
        "gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false",
    )
    for argument in ("-c", setting)
]  # fmt: skip


_HEAD = re.compile(r"\x1e([0-9a-f]{40,64}) (\d+)(?=\0|$)")


class Commit(NamedTuple):
    """A commit that left the file with new content at `path`."""

    sha: str
    at: datetime
    path: str


def read(repository: str, path: str, fields: PolicyFields) -> DatedHistory:
    """Read the history of one file. repository: a repository's folder here, or an https address.

    A commit's date is its committer's, in the policy's time zone; where a date goes backwards along the
    history, the text is filed under the latest date before it, so that the order stays the repository's.
    Raises: NotARepository, NothingToImport, TimeZoneUnknown.
    """
    zone = dates.zone(fields.time_zone)
    where = f"{path} in {repository}"
    name = posixpath.normpath(path)
    if name == "." or name.startswith(("/", "../")):
        raise NothingToImport(where)
    with _copy(repository) as place:
        commits = _commits(place, name)
        if not commits:
            raise NothingToImport(where)
        files = tuple(_dated(place, commits, zone))
    return DatedHistory(fields, files, f"{repository} {path}")


def slug_of(path: str) -> str:
    """A slug made from a file's name: "Policies/Terms of Use.md" gives "terms-of-use"."""
    return re.sub(r"[^a-z0-9]+", "-", PurePosixPath(path).stem.lower()).strip("-")


@contextmanager
def _copy(repository: str) -> Iterator[Path]:
    """A bare copy in a temporary folder: of the repository's own configuration, nothing comes along.

    It is fetched, not linked (`--no-local`), so that whatever a repository's files claim is checked by git.
    """
    source = _source(repository)
    with tempfile.TemporaryDirectory(prefix="gazette-git-") as folder:
        _git(Path(folder), "clone", "--quiet", "--bare", "--no-local", "--no-tags", "--", source, "clone")
        yield Path(folder) / "clone"


def _source(repository: str) -> str:
    """What git is to fetch. A local path is made absolute, so that it is no option and no other protocol."""
    if repository.startswith("https://"):
        return repository
    place = Path(repository)
    if "://" in repository or "\0" in repository or not place.is_dir():
        raise NotARepository(f"{repository} is neither a folder here nor an https address.")
    return str(place.absolute())


def _environment(place: Path) -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_ALLOW_PROTOCOL": "file:https",
        "GIT_CEILING_DIRECTORIES": str(place.parent),  # no repository further up has a say
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",  # a path names one file; it is no pattern
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


def _git(place: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 -- arguments are a list; paths stand behind --
            ["git", *_SAFE, "-C", str(place), *arguments],  # noqa: S607
            capture_output=True,
            check=True,
            env=_environment(place),
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        raise NotARepository("The program git is not installed here.") from error
    except subprocess.TimeoutExpired as error:
        raise NotARepository(f"git did not answer within {_SECONDS} seconds.") from error
    except subprocess.CalledProcessError as error:
        raise NotARepository(f"git said: {_why(error.stderr.decode(errors='replace'))}") from error
    return done.stdout


def _why(said: str) -> str:
    """The line on which git gave up, of all it said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("fatal:")), lines[0] if lines else "nothing")


def _commits(place: Path, path: str) -> list[Commit]:
    """Oldest first; commits that delete the file or make it a link are left out. None for what is no file."""
    out = _git(
        place, "log", "--follow", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--raw", "-z",
        "--abbrev=40", "--format=%x1e%H %ct", "--", path,
    )  # fmt: skip
    parts = _HEAD.split(out.decode(errors="surrogateescape"))[1:]
    found = [_commit(*parts[i : i + 3]) for i in range(0, len(parts), 3)]
    changes = [change for change in found if change is not None]
    if not changes or changes[0][1].path != path:  # a folder: what changed lies below it
        return []
    return [commit for mode, commit in reversed(changes) if mode in ("100644", "100755")]


def _commit(sha: str, seconds: str, rest: str) -> tuple[str, Commit] | None:
    """The file's mode after a commit, and the commit."""
    fields = [field for field in rest.replace("\n", "").split("\0") if field]
    if not fields:
        return None
    return fields[0].split()[1], Commit(sha, _at(sha, int(seconds)), fields[-1])


def _at(sha: str, seconds: int) -> datetime:
    try:
        at = datetime.fromtimestamp(seconds, UTC)
        dates.check(at)
    except (ValueError, OverflowError, OSError, DateMalformed) as error:
        raise NotARepository(f"The commit {sha[:10]} bears a date that cannot be meant.") from error
    return at


def _dated(place: Path, commits: list[Commit], zone: ZoneInfo) -> Iterator[DatedFile]:
    latest: dates.RevisionDate | None = None
    sequence = 0
    for commit in commits:
        day = dates.of(commit.at, zone)
        sequence = 1 if latest is None or day > latest else sequence + 1
        latest = day if latest is None else max(latest, day)
        data = _git(place, "cat-file", "blob", f"{commit.sha}:{commit.path}")
        yield DatedFile(latest, sequence, data, f"{commit.path} at {commit.sha[:10]}")
