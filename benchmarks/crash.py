"""Kill workers for as long as is asked for, and judge what came of it: python benchmarks/crash.py --kills N.

The harness is that of tests/crash; the figures and what they mean stand in README.md.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine, make_url, text

import database
from benchmarks.decisions.figures import Figure, Goal, table
from benchmarks.sending import ground
from tests.crash import campaign
from tests.crash.campaign import Plan, Result
from tests.crash.scene import Terms

LETTERS_A_KILL = 1000  # so that the letters last as long as the kills
SECONDS_A_KILL = 3.0  # after which a campaign is stuck
NONE = Goal("==", 0)


def main(given: Sequence[str] | None = None) -> int:
    """Run, print, and return 0 when every rule held, 1 when one was broken or the campaign was stuck."""
    args = _arguments().parse_args(given)
    folder = Path(tempfile.mkdtemp(prefix="gazette-crash-", dir="/tmp"))
    try:
        with _made(args.database, folder) as url:
            found = campaign.run(_terms(args, url), _plan(args), folder)
    except AssertionError as error:
        print(f"The campaign was stuck: {error}", file=sys.stderr)
        return 1
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    shown = figures(found, args.kills)
    if args.json != "-":
        print(f"{table(shown)}\n\n{_in_words(found)}")
    if args.json:
        _write({"figures": [one.to_json() for one in shown], **_details(found, args)}, args.json)
    return int(bool(found.verdict.violations))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200, help="at least; a third of them inside a request")
    parser.add_argument(
        "--database", default="sqlite", metavar="URL",
        help="sqlite, postgresql (a server is started), or a PostgreSQL server to make a database on",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of each worker")
    parser.add_argument(
        "--members", type=int, help=f"{LETTERS_A_KILL:,} for each kill unless told, at least 50,000"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folder with the journal and the logs")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="to a file, or to standard output")
    return parser


def _terms(args: argparse.Namespace, url: str) -> Terms:
    members = args.members or max(50_000, LETTERS_A_KILL * args.kills)
    return Terms(url, members=members, workers=args.workers, threads=args.threads)


def _plan(args: argparse.Namespace) -> Plan:
    some = max(1, args.kills // 60)
    return Plan(
        kills=args.kills,
        inside=args.kills // 3,
        stops=some,
        cuts=1 + some,
        web_kills=some,
        # on SQLite beyond what a writer waits for the lock, so that it gives up
        cut_seconds=16.0 if args.database == "sqlite" else 3.0,
        seed=args.seed,
        seconds=120.0 + SECONDS_A_KILL * args.kills + 30.0 * some,
    )


@contextmanager
def _made(given: str, folder: Path) -> Iterator[str]:
    """A migrated database that goes again."""
    if given == "sqlite":
        url = f"sqlite:///{folder / 'gazette.db'}"
        _migrate(url)
        yield url
        return
    if given == "postgresql":
        with ground.server(folder / "data") as started, _made(started, folder) as url:
            yield url
        return
    name = f"gazette_crash_{secrets.token_hex(4)}"
    server = database.create_engine(given).execution_options(isolation_level="AUTOCOMMIT")
    _say(server, f"CREATE DATABASE {name}")
    try:
        url = make_url(given).set(database=name).render_as_string(hide_password=False)
        _migrate(url)
        yield url
    finally:
        _say(server, f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


def _migrate(url: str) -> None:
    engine = database.create_engine(url)
    database.migrate(engine)
    engine.dispose()


def _say(server: Engine, statement: str) -> None:
    with server.connect() as connection:
        connection.execute(text(statement))


# -- figures ------------------------------------------------------------------------------------


def figures(found: Result, kills: int) -> list[Figure]:
    """Return what was counted, and what was to be."""
    counts, verdict = found.counts, found.verdict
    open_to = "the recipients of the attempts open then"
    doubted = "the recipients of the other attempts listed as unknown"
    return [
        Figure("members lost", len(verdict.lost), NONE, against=f"{counts.letters:,} letters taken"),
        Figure("letters sent again though known to be taken", len(verdict.needless), NONE),
        Figure("attempts not listed as unknown before they were settled", len(verdict.unlisted), NONE),
        Figure("attempts whose recorded fate is not what happened", len(verdict.untrue), NONE),
        Figure("attempts with letters that are not theirs", len(verdict.astray), NONE),
        Figure("attempts and notices left unsettled", len(verdict.unsettled), NONE),
        Figure("two letters known and neither marked", len(verdict.unmarked), NONE),
        Figure(
            "letters repeated after violence",
            counts.after_violence,
            Goal("<=", counts.open_recipients),
            "",
            open_to,
        ),
        Figure(
            "letters repeated after silence",
            counts.after_silence,
            Goal("<=", counts.silent_recipients),
            "",
            doubted,
        ),
        Figure("kills", counts.kills, Goal(">=", kills)),
        Figure("kills between the first byte and the commit", counts.inside, Goal(">=", kills // 3)),
        Figure("attempts known to be taken twice", counts.duplicates),
        Figure("events recorded", counts.heard),
        Figure("stopped past the lease", found.done["stop"]),
        Figure("database cut off", found.done["cut"]),
        Figure("a person had to go on", len(found.resumed)),
        Figure("seconds", found.seconds, unit="s"),
    ]


def _at_most(name: str, value: int, most: int, against: str) -> Figure:
    return Figure(name, value, Goal("<=", most), against=against)


def _in_words(found: Result) -> str:
    lines = [f"{name}: {value}"[:2000] for name, value in found.verdict.violations.items()]
    return "\n".join(lines) or "Every rule held."


def _details(found: Result, args: argparse.Namespace) -> dict[str, Any]:
    return {
        "seed": args.seed,
        "workers": args.workers,
        "counts": found.counts._asdict(),
        "violations": {name: str(value)[:10_000] for name, value in found.verdict.violations.items()},
        "resumed": found.resumed,
    }


def _write(said: dict[str, Any], where: str) -> None:
    written = json.dumps(said, indent=1) + "\n"
    if where == "-":
        print(written, end="")
    else:
        Path(where).write_text(written)


if __name__ == "__main__":
    sys.exit(main())
