"""Read a file's git history as dated texts: one for each commit that changes it, followed through renames."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zoneinfo import ZoneInfo

from errors import NotARepository, NothingToImport
from policy_versions import dates
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.policies import PolicyFields

_SECONDS = 600
# A repository's own settings may name programs to run; none of them is.
_SAFE = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"]


class Commit(NamedTuple):
    """A commit that left the file with new content at `path`."""

    sha: str
    at: datetime
    path: str


def read(repository: str, path: str, fields: PolicyFields) -> DatedHistory:
    """Read the history of a file. repository: a local path, or an https address that is fetched first.

    A commit's date is its committer's, in the policy's time zone; where a date goes backwards along the
    history, the text is filed under the latest date before it, so that the order stays the repository's.
    Raises: NotARepository, NothingToImport.
    """
    with _local(repository) as place:
        commits = _commits(place, path)
        if not commits:
            raise NothingToImport(f"{path} in {repository}")
        files = _dated(place, commits, dates.zone(fields.time_zone))
    return DatedHistory(fields, tuple(files), f"{repository} {path}")


def slug_of(path: str) -> str:
    """A slug made from a file's name: "Policies/Terms of Use.md" gives "terms-of-use"."""
    return re.sub(r"[^a-z0-9]+", "-", PurePosixPath(path).stem.lower()).strip("-")


@contextmanager
def _local(repository: str) -> Iterator[Path]:
    if repository.startswith("https://"):
        with tempfile.TemporaryDirectory(prefix="gazette-git-") as folder:
            _git(Path(folder), "clone", "--quiet", "--bare", "--no-tags", "--", repository, "clone")
            yield Path(folder) / "clone"
        return
    place = Path(repository)
    if "://" in repository or not place.is_dir():
        raise NotARepository(f"{repository} is neither a folder here nor an https address.")
    yield place


def _git(place: Path, *arguments: str) -> bytes:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    try:
        done = subprocess.run(  # noqa: S603 -- arguments are a list; paths stand behind --
            ["git", *_SAFE, "-C", str(place), *arguments],  # noqa: S607
            capture_output=True,
            check=True,
            env=environment,
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        raise NotARepository("The program git is not installed here.") from error
    except subprocess.TimeoutExpired as error:
        raise NotARepository(f"git did not answer within {_SECONDS} seconds.") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise NotARepository(f"git said: {said[0] if said else 'nothing'}") from error
    return done.stdout


def _commits(place: Path, path: str) -> list[Commit]:
    """Oldest first; commits that delete the file or make it a link are left out."""
    out = _git(
        place, "log", "--follow", "--no-ext-diff", "--no-textconv", "--raw", "-z", "--abbrev=40",
        "--format=%x1e%H %ct", "--", path,
    )  # fmt: skip
    found = [_commit(part) for part in out.decode(errors="surrogateescape").split("\x1e")[1:]]
    return [commit for commit in reversed(found) if commit is not None]


def _commit(part: str) -> Commit | None:
    head, _, rest = part.partition("\0")
    sha, seconds = head.split()
    fields = [field for field in rest.replace("\n", "").split("\0") if field]
    if not fields:
        return None
    new_mode = fields[0].split()[1]
    if new_mode not in ("100644", "100755"):
        return None
    return Commit(sha, datetime.fromtimestamp(int(seconds), UTC), fields[-1])


def _dated(place: Path, commits: list[Commit], zone: ZoneInfo) -> Iterator[DatedFile]:
    latest: dates.RevisionDate | None = None
    sequence = 0
    for commit in commits:
        day = dates.of(commit.at, zone)
        sequence = 1 if latest is None or day > latest else sequence + 1
        latest = day if latest is None else max(latest, day)
        data = _git(place, "cat-file", "blob", f"{commit.sha}:{commit.path}")
        yield DatedFile(latest, sequence, data, f"{commit.path} at {commit.sha[:10]}")
