"""The `gazette` command: translate arguments, call a service, print what came of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from typing import Any

import click

import database
import settings as configuration
from errors import FourEyesNeeded, Refusal, SettingInvalid
from policy_versions import origins


class _Group(click.Group):
    """Says a refusal, or what the system refuses, as one sentence without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            click.echo(f"gazette: {refusal}", err=True)
            ctx.exit(1)
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # whoever read along has gone: click ends quietly
                raise
            click.echo(f"gazette: {_said(error)}", err=True)
            ctx.exit(1)


def _said(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}." if error.filename else f"{what}."


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gazette")
@click.pass_context
def main(context: click.Context) -> None:
    """Gazette: which text governed whom, from when, and how you know."""
    context.with_resource(origins.coming(origins.COMMAND_LINE, socket.gethostname()))


def _actor() -> str:
    """Acts at the command line carry the operating system's user."""
    import getpass

    try:
        return f"{getpass.getuser()} at the command line"
    except (OSError, KeyError):
        return f"uid {os.getuid()} at the command line"


def _engine() -> Any:
    """The database, at head. Commands that only touch the record need no more settings than its address."""
    engine = database.create_engine(_database_url())
    database.require_head(engine)
    return engine


def _not_by_two() -> None:
    """Raises: FourEyesNeeded where publishing takes two persons, of whom the command line knows one at most."""
    with suppress(SettingInvalid):
        if configuration.load().four_eyes:
            raise FourEyesNeeded


def _database_url() -> str:
    try:
        return configuration.load().database_url
    except SettingInvalid:
        # the rest of the settings does not concern a migration or an import of texts
        from dotenv import dotenv_values

        kept = dotenv_values(configuration.home() / "gazette.env")
        url = os.environ.get("GAZETTE_DATABASE_URL") or kept.get("GAZETTE_DATABASE_URL")
        return url or f"sqlite:///{configuration.home() / 'gazette.db'}"


@contextmanager
def _progress(label: str, total: int | None) -> Iterator[Any]:
    """A progress bar on standard error; nothing but the result where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda **moved: bar.update(task, **(moved or {"advance": 1}))


# -- running ------------------------------------------------------------------------------------


@main.command()
def migrate() -> None:
    """Bring the database's schema to this version."""
    engine = database.create_engine(_database_url())
    database.migrate(engine)
    click.echo(f"The schema is at head ({engine.url.render_as_string(hide_password=True)}).")


@main.command()
def reindex() -> None:
    """Make anew what is derived: the blocks that texts are compared by, the figures of batches of letters."""
    from notifier.events import counting
    from policy_versions import comparing

    engine = _engine()
    with _progress("Cutting texts into blocks", None) as moved:
        left = list(_counted(comparing.reindex(engine), moved))
    click.echo(f"{left[0]} texts cut into blocks anew." if left[0] else "Every text has its blocks.")
    with database.writing(engine) as session:
        wrong = counting.recount(session)
    click.echo(f"The figures of {wrong} batches were put right." if wrong else "Every batch's figures are right.")


def _counted(steps: Iterator[int], moved: Any) -> Iterator[int]:
    for number, left in enumerate(steps):
        moved(completed=number, total=number + left)
        yield left


@main.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Address and port to listen on.")
def start(bind: str) -> None:
    """Prepare whatever is missing (settings, database, examples, an administrator), then serve."""
    import quickstart

    settings = quickstart.prepare(bind, actor=_actor(), say=click.echo)
    os.environ["GAZETTE_PUBLIC_URL"] = settings.public_url
    _gunicorn(bind, [])


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Address and port to listen on.")
@click.argument("gunicorn_options", nargs=-1, type=click.UNPROCESSED)
def serve(bind: str, gunicorn_options: tuple[str, ...]) -> None:
    """Serve under gunicorn; further options go to gunicorn itself."""
    from app import build_runtime

    build_runtime().engine.dispose()  # a wrong setting or an old schema stops the start here, with its sentence
    _gunicorn(bind, list(gunicorn_options))


def _gunicorn(bind: str, options: list[str]) -> None:
    sys.stdout.flush()
    arguments = [
        sys.executable, "-m", "gunicorn", "app:app", "--chdir", str(database.ROOT), "--bind", bind,
        "--worker-class", "gthread", "--threads", "8", "--worker-tmp-dir", _memory_folder(),
        "--log-level", "warning", "--logger-class", "web.access_log.AccessLog", *options,
    ]  # fmt: skip
    os.environ["GAZETTE_HOME"] = str(configuration.home())
    os.execv(sys.executable, arguments)  # noqa: S606 -- no shell; this process becomes the server


def _memory_folder() -> str:
    """Where gunicorn keeps its heartbeat: a disk may stall, and a stalled heartbeat kills a worker."""
    shared = Path("/dev/shm")  # noqa: S108
    return str(shared) if os.access(shared, os.W_OK) else "/tmp"  # noqa: S108


@main.command()
def worker() -> None:
    """Run the scheduler apart from the web: decide, open, deliver, settle, purge."""
    from app import build_runtime
    from notifier import scheduler

    runtime = build_runtime()
    serving = scheduler.serve(runtime)

    def stop(*_: object) -> None:
        runtime.stopping.set()  # what is under way is finished, within its lease, and nothing more begun
        serving.shutdown(wait=False)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    click.echo(f"The scheduler ticks every {runtime.settings.tick_seconds:g} seconds; stop it with Ctrl-C.")
    serving.start()
    runtime.sender.close()


@main.command("notices")
@click.argument("number", type=int, required=False)
@click.option("--follow", is_flag=True, help="Go on showing it until it is over; Ctrl-C ends the showing only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a look.")
def notices_(number: int | None, follow: bool, as_json: bool) -> None:
    """Show how far the notices are; with its number, one of them."""
    from rich.console import Console

    from app import build_runtime
    from notifier import watching

    runtime, console = build_runtime(), Console()
    try:
        if number is None:
            watching.show_all(runtime, console, as_json=as_json)
        else:
            watching.show(runtime, console, number, follow=follow, as_json=as_json)
    finally:
        runtime.sender.close()


@main.command()
@click.option("--lift", is_flag=True, help="End the quarantine: letters may leave again.")
@click.option(
    "--journal",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A further erasure journal, where nodes keep one each; as often as there are.",
)
def restored(lift: bool, others: tuple[Path, ...]) -> None:
    """Run this when the database was restored from a backup, before anything else of Gazette is started.

    Nothing leaves until a person lifts the quarantine; whoever was erased since the backup is erased again.
    """
    from app import build_runtime
    from notifier import restoring

    runtime = build_runtime()
    if lift:
        with database.writing(runtime.engine) as session:
            restoring.lift(session, actor=_actor(), now=runtime.clock.now(session))
        click.echo("The quarantine is lifted. Each notice waits still, until a person lets it go on.")
        return
    found = restoring.begin(runtime, actor=_actor())
    click.echo(restoring.in_words(found))
    for journal in dict.fromkeys((runtime.settings.erasure_journal, *others)):
        _replay(runtime, journal)
    click.echo(restoring.NEXT)


def _replay(runtime: Any, journal: Path) -> None:
    """A journal that cannot be read is said, and holds up nothing: the quarantine stands."""
    from errors import JournalUnreadable
    from notifier import erasures, replaying

    try:
        done = replaying.replay(runtime, erasures.read(journal), actor=_actor())
    except JournalUnreadable as refusal:
        click.echo(f"gazette: {refusal} Whoever was erased since the backup may be back.", err=True)
        return
    click.echo(replaying.replayed_in_words(done))
    if done.unreadable:
        click.echo(f"gazette: {replaying.unreadable_in_words(journal, done)}", err=True)


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
def bounces(files: tuple[Path, ...]) -> None:
    """Take letters that came back: from the mailbox of GAZETTE_BOUNCES, or from FILES, - for standard input.

    A mail server may pipe each message for the return addresses into `gazette bounces -`.
    """
    from notifier.bounces import taking

    if files == (Path("-"),):
        _bounce_piped()
        return
    with _runtime() as runtime:
        came = (taking.take(runtime, _bounce(file)) for file in files)
        tally = Counter(came) if files else taking.take_all(runtime)
    click.echo(f"Messages: {taking.said(tally)}.")


@contextmanager
def _runtime() -> Iterator[Any]:
    """What the jobs share, given back at the end."""
    from app import build_runtime

    runtime = build_runtime()
    try:
        yield runtime
    finally:
        runtime.sender.close()
        runtime.engine.dispose()


def _bounce(file: Path) -> bytes:
    from notifier.bounces.parts import LARGEST

    if str(file) == "-":
        raw = sys.stdin.buffer.read(LARGEST)
        while sys.stdin.buffer.read(LARGEST):  # a mail server must not find its pipe closed
            pass
        return raw
    with file.open("rb") as opened:
        return opened.read(LARGEST)


def _bounce_piped() -> None:
    """Take one message from a mail server, which is told to come again later where that cannot be done now."""
    from notifier.bounces import taking

    raw = _bounce(Path("-"))
    try:
        with _runtime() as runtime:
            came = taking.take(runtime, raw)
    except Exception as fault:  # whatever it is, the message must not be lost for it
        click.echo(f"gazette: {fault if isinstance(fault, Refusal) else type(fault).__name__}", err=True)
        raise SystemExit(os.EX_TEMPFAIL) from None
    click.echo(f"Messages: 1 {came}.")


@main.group(cls=_Group)
def subscriptions() -> None:
    """Subscriptions of people who are not members."""


@subscriptions.command("end")
@click.argument("address")
def subscriptions_end(address: str) -> None:
    """End every subscription of an address, at a person's word."""
    from app import build_runtime
    from notifier import subscriptions as service

    runtime = build_runtime()
    with database.writing(runtime.engine) as session:
        now = runtime.clock.now(session)
        letters = service.forget(session, address, runtime.secret, now, actor=_actor())
    runtime.sender.forget(letters)
    database.forget_erased(runtime.engine)
    click.echo("Every subscription of that address has ended.")


@main.command()
def demo() -> None:
    """Tell the main job in the terminal, on an empty temporary database."""
    import demonstration

    demonstration.run()


# -- the record ---------------------------------------------------------------------------------


@main.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--prefix", default="", help="Goes before each policy's slug.")
@click.option(
    "--told-through",
    metavar="DATE",
    help="Members who had joined by the end of that day were told of the texts so far.",
)
def import_(folder: Path, prefix: str, told_through: str | None) -> None:
    """Import dated Markdown: FOLDER/<policy>/<date>[.n].md. Nobody is mailed."""
    from policy_versions import folders

    day = _day(told_through)
    refused: list[str] = []

    def refuse(slug: str, refusal: Refusal) -> None:
        refused.append(slug)
        _not_imported(slug, refusal)

    found = folders.read(folder, prefix=prefix, refuse=refuse)
    _import(found, day, refused=len(refused))


@main.command("import-git")
@click.argument("repository")
@click.argument("path")
@click.option("--slug", help="The policy's address; made from the file's name unless given.")
@click.option("--title", help="The policy's title; made from the slug unless given.")
@click.option("--time-zone", default="UTC", show_default=True, help="In which a commit's day is told.")
@click.option(
    "--told-through",
    metavar="DATE",
    help="Members who had joined by the end of that day were told of the texts so far.",
)
def import_git(
    repository: str, path: str, slug: str | None, title: str | None, time_zone: str, told_through: str | None
) -> None:
    """Import a file's git history: a revision for each commit that changes PATH in REPOSITORY."""
    from policy_versions import gits
    from policy_versions.policies import PolicyFields

    slug = slug or gits.slug_of(path)
    fields = PolicyFields(slug, title or slug.replace("-", " ").capitalize(), time_zone=time_zone)
    _import([gits.read(repository, path, fields)], _day(told_through))


def _day(written: str | None) -> date | None:
    from policy_versions import dates

    return None if written is None else dates.parse_day(written)


def _not_imported(slug: str, refusal: Refusal) -> None:
    click.echo(f"gazette: {slug} was not imported. {refusal}", err=True)


def _import(found: list[Any], told_through: date | None, *, refused: int = 0) -> None:
    """Each policy in a transaction of its own: one that is refused changes nothing, and the others come in.

    refused: how many could not even be read.
    """
    engine = _engine()
    with _progress("Reading and deciding", sum(len(history.files) for history in found)) as moved:
        for history in found:
            try:
                click.echo(_import_one(engine, history, told_through, moved))
            except Refusal as refusal:
                refused += 1
                _not_imported(history.fields.slug, refusal)
    if refused:
        raise SystemExit(1)


def _import_one(engine: Any, history: Any, told_through: date | None, moved: Any) -> str:
    from policy_versions import histories

    clock = database.DatabaseClock()
    with database.reading(engine) as session:
        plan = histories.plan(session, history, now=clock.now(session), progress=moved)
    with database.writing(engine) as session:
        now = clock.now(session)
        policy = histories.carry_out(session, plan, actor=_actor(), now=now)
        told = histories.told_through(session, policy, told_through, now=now) if told_through else None
    further = len(plan.steps) - plan.revisions
    parts = [f"{plan.revisions} revisions" if plan.revisions != 1 else "1 revision"]
    parts += [f"{further} further dates of the same text"] if further else []
    parts += (
        [f"{plan.known} files were on record" if plan.known > 1 else "1 file was on record"] if plan.known else []
    )
    parts += [f"members told through {told_through}"] if told else []
    return f"{history.fields.slug}: {', '.join(parts)}."


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--policy", "only", help="Only the policy of that slug.")
@click.option(
    "--prefix", default="", help="Only policies whose slug begins so; it is taken off the folder's name."
)
def export(folder: Path, only: str | None, prefix: str) -> None:
    """Export every policy as dated Markdown under FOLDER; what was imported comes out byte for byte."""
    from policy_versions import folders, histories, policies

    with database.reading(_engine()) as session:
        chosen = [policies.policy(session, only)] if only else policies.policies(session)
        for policy in chosen:
            if policy.slug.startswith(prefix) and policy.slug != prefix:
                files = histories.export(session, policy)
                count = folders.write(folder, policy.slug.removeprefix(prefix), files)
                click.echo(f"{policy.slug}: {count} files.")


@main.command()
@click.argument("revision", metavar="POLICY@NUMBER")
@click.argument("locale")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--title", default="", help="What the policy is called in that language.")
def translate(revision: str, locale: str, file: Path, title: str) -> None:
    """Publish the translation of a revision into LOCALE (de, pt-BR …) from a Markdown FILE, - for standard input.

    One into the same locale takes the place of the one before it. Nobody is mailed.
    """
    from policy_versions import archive, markdown, policies, translations

    slug, _, which = revision.rpartition("@")
    _not_by_two()
    text = markdown.decoded(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    clock = database.DatabaseClock()
    with database.writing(_engine()) as session:
        policy = policies.lock(session, slug)
        number = archive.by_name(session, policy, which).number
        given = translations.Given(locale, text, title)
        made = translations.publish(session, policy, number, given, actor=_actor(), now=clock.now(session))
    click.echo(f"{slug}, No. {number}: translation {made.number} into {made.locale} is published.")


@main.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--as", "form", type=click.Choice(["text", "markdown", "html", "json"]), default="text", show_default=True
)
@click.option("--context", type=click.IntRange(min=0), help="Unchanged blocks shown around each change.")
@click.option("--whole", is_flag=True, help="Show all that did not change as well.")
@click.option("--side-by-side", is_flag=True, help="In HTML: both texts beside each other.")
@click.option("--colour", "--color", type=click.Choice(["auto", "always", "never"]), default="auto")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the texts differ.")
def diff_(
    old: str,
    new: str,
    form: str,
    context: int | None,
    whole: bool,
    side_by_side: bool,
    colour: str,
    exit_code: bool,
) -> None:
    """Show what changed from OLD to NEW: Markdown files, - for standard input, or published texts as
    POLICY@NUMBER or POLICY@DATE."""
    from policy_versions.diff import compare, redline

    change = compare(_text_of(old), _text_of(new))
    around = None if whole else context or 0
    if form == "html":
        said = redline.html(change, "side_by_side" if side_by_side else "inline", around) + "\n"
    elif form == "json":
        said = json.dumps(change.to_json(), indent=2) + "\n"
    elif form == "markdown":
        said = redline.markdown(change, around)
    else:
        said = redline.text(change, around, coloured=_in_colour(colour)) if not change.is_empty else ""
    click.echo(said, nl=False, color=True)
    if exit_code and not change.is_empty:
        raise SystemExit(1)


@main.command()
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="As JSON, as it is kept and as the API gives it.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the change is significant.")
def decide(old: str, new: str, as_json: bool, exit_code: bool) -> None:
    """Decide whether the change from OLD to NEW is significant, and say why: texts as for `gazette diff`."""
    from policy_versions import significance

    decision = significance.decide(_text_of(old), _text_of(new))
    shown = json.dumps(decision.to_json(), indent=2, ensure_ascii=False) + "\n" if as_json else ""
    click.echo(shown or significance.text(decision), nl=False)
    if exit_code and decision.verdict == "significant":
        raise SystemExit(1)


def _in_colour(wish: str) -> bool:
    """Colours are for people: none where output is no terminal, or NO_COLOR is set (https://no-color.org)."""
    return wish == "always" or (wish == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))


def _text_of(name: str) -> str:
    """The text of a file, of standard input, or of a published revision named POLICY@NUMBER or POLICY@DATE."""
    from policy_versions import archive, markdown, policies

    slug, at, which = name.rpartition("@")
    if name == "-":
        return markdown.decoded(sys.stdin.buffer.read())
    if Path(name).is_file() or not at:
        return markdown.decoded(Path(name).read_bytes())
    with database.reading(_engine()) as session:
        return archive.by_name(session, policies.policy(session, slug), which).text


# -- proof --------------------------------------------------------------------------------------


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: each check, and what does not hold.")
def verify(as_json: bool) -> None:
    """Check every chain, seal and sum of the whole database, and name what does not hold."""
    from notifier import verifying

    results = []
    for result in verifying.verify(_engine()):
        results.append(result)
        if not as_json:
            click.echo("\n".join(verifying.in_words(result)))
    if as_json:
        click.echo(json.dumps(verifying.as_json(results), indent=2))
    if not all(result.holds for result in results):
        raise SystemExit(1)


@main.group(cls=_Group)
def policy() -> None:
    """Rename a policy, retire it, or take it up again."""


_REASON = click.option("--reason", required=True, help="Why: one sentence, which the record keeps.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@policy.command("rename")
@click.argument("slug")
@click.argument("address")
@click.option("--title", help="What it is called from now on; as before unless given.")
@_REASON
@_YES
def policy_rename(slug: str, address: str, title: str | None, reason: str, yes: bool) -> None:
    """Give the policy SLUG another ADDRESS or title. Every address it had leads there for good."""
    from policy_versions import naming, policies

    engine, clock = _engine(), database.DatabaseClock()
    with database.reading(engine) as session:
        found = policies.policy(session, slug)
        name = naming.check(session, found, naming.Name(address, title or found.title, reason))
    if not yes:
        click.confirm(f"“{found.title}” at /{found.slug} becomes “{name.title}” at /{name.slug}?", abort=True)
    with database.writing(engine) as session:
        naming.rename(session, policies.lock(session, slug), name, actor=_actor(), now=clock.now(session))
    click.echo(f"It is “{name.title}” now, at /{name.slug}; addresses before lead there.")


@policy.command("retire")
@click.argument("slug")
@_REASON
@_YES
def policy_retire(slug: str, reason: str, yes: bool) -> None:
    """End the policy SLUG: its texts stay readable, and it takes no further one. Readers see the reason."""
    from policy_versions import archive, policies, retiring

    engine = _engine()
    with database.reading(engine) as session:
        title = policies.policy(session, slug).title
    if not yes:
        click.confirm(f"Retire “{title}”?", abort=True)
    with database.writing(engine) as session:
        record = archive.history(session, policies.lock(session, slug))
        retiring.retire(session, record, reason, actor=_actor(), now=database.DatabaseClock().now(session))
    click.echo(f"“{title}” is retired; its texts stay where they are.")


@policy.command("resume")
@click.argument("slug")
@_REASON
def policy_resume(slug: str, reason: str) -> None:
    """Take up the retired policy SLUG again."""
    from policy_versions import policies, retiring

    with database.writing(_engine()) as session:
        found = policies.lock(session, slug)
        retiring.resume(session, found, reason, actor=_actor(), now=database.DatabaseClock().now(session))
    click.echo(f"“{found.title}” is taken up again.")


@main.group(cls=_Group)
def evidence() -> None:
    """Write evidence packs: all that shows what was in force, decided, sent and received."""


_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive; named for what it is of unless given.",
)


@evidence.command("member")
@click.argument("external_id", required=False)
@click.option(
    "--pseudonym",
    type=click.IntRange(1, 2**31 - 1),
    help="The member's number; nothing personal is in the pack then.",
)
@_OUTPUT
def evidence_member(external_id: str | None, pseudonym: int | None, output: Path | None) -> None:
    """Of a member: by EXTERNAL_ID, with what is held of them by name, or by --pseudonym, without."""
    from notifier.evidence.handing import Asked, of_member

    if (external_id is None) == (pseudonym is None):
        raise click.UsageError("Give either EXTERNAL_ID or --pseudonym.")
    engine = _engine()
    if external_id is None:
        asked = Asked("member", str(pseudonym))
    else:
        with database.reading(engine) as session:
            asked = of_member(session, external_id)
    _write_evidence(engine, asked, output)


@evidence.command("notice")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@_OUTPUT
def evidence_notice(number: int, output: Path | None) -> None:
    """Of notice NUMBER: what was owed, tried and heard, by pseudonym."""
    from notifier.evidence.handing import Asked

    _write_evidence(_engine(), Asked("notice", str(number)), output)


@evidence.command("policy")
@click.argument("slug")
@_OUTPUT
def evidence_policy(slug: str, output: Path | None) -> None:
    """Of a policy: its texts, decisions and notices; of members numbers only."""
    from notifier.evidence.handing import Asked

    _write_evidence(_engine(), Asked("policy", slug), output)


def _write_evidence(engine: Any, asked: Any, output: Path | None) -> None:
    """What is there of that name is replaced only by a whole pack."""
    from notifier.evidence import handing

    path = output or Path(asked.file)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("xb") as target:
            handing.make(engine, database.DatabaseClock(), asked, target, actor=_actor())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"{path} is written. Verify it with: python3 -m zipfile -e {path} pack && python3 pack/verify.py")


# -- members and accounts -----------------------------------------------------------------------


@main.group(cls=_Group)
def members() -> None:
    """Bring members in, export what is on record of them, and erase them."""


@members.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def members_import(file: Path) -> None:
    """Import members from CSV (or JSON lines, by the ending .jsonl). Rows that cannot be used are left out."""
    from notifier import members as service

    secret = configuration.load().secret_key.get_secret_value()
    engine = _engine()
    report = service.Report()
    with _progress("Members", None) as moved, database.writing(engine) as session:
        clock = database.DatabaseClock()
        now, rows = clock.now(session), service.read(file)
        for report in service.bring_in(session, rows, secret=secret, now=now, finished=lambda: clock.now(session)):
            moved(completed=report.added + report.changed + report.unchanged)
    for line, sentence in report.rejected:
        click.echo(f"line {line}: {sentence}", err=True)
    click.echo(
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, {report.refused} left out."
    )


@members.command("export")
@click.argument("external_id", required=False)
@click.option(
    "--pseudonym", type=click.IntRange(1, 2**31 - 1), help="The member's number, also of one who was erased."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False))
def members_export(external_id: str | None, pseudonym: int | None, output: Path) -> None:
    """Write everything on record of a member, for an access request: a ZIP of CSV files."""
    from notifier import dossier, exporting
    from notifier import members as service

    if (external_id is None) == (pseudonym is None):
        raise click.UsageError("Give either EXTERNAL_ID or --pseudonym.")
    engine, secret = _engine(), configuration.load().secret_key.get_secret_value()
    with _whole(output) as target:
        with database.writing(engine) as session:
            now = database.DatabaseClock().now(session)
            if external_id is None:
                member = dossier.by_id(session, pseudonym or 0)
            else:
                member = service.by_external_id(session, external_id)
            exporting.note_member(session, member, actor=_actor(), now=now)
        with exporting.steady(engine) as session:
            exporting.of_member(session, member, target, secret=secret, now=now)
    personal = "It holds personal information: hand it to nobody but that member."
    click.echo(f"{output} is written. {personal if member.erased_at is None else 'Nothing personal is in it.'}")


@members.command("standing")
@click.argument("policy")
@click.option("--at", "at", required=True, help="A date, or a time such as 2026-05-25T09:30:00Z.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; standard output unless given.",
)
def members_standing(policy: str, at: str, output: Path | None) -> None:
    """Write which revision of POLICY governs each member at a date, as CSV. A date is its first instant in UTC."""
    from notifier import exporting
    from policy_versions import policies

    instant, engine = exporting.instant(at), _engine()
    with _whole(output) if output else nullcontext(sys.stdout.buffer) as target:
        with database.writing(engine) as session:
            now = database.DatabaseClock().now(session)
            policies.policy(session, policy)
            exporting.note_standing(session, policy, instant, actor=_actor(), now=now)
        with exporting.steady(engine) as session, _progress("Members", None) as moved:
            count = 0
            for piece in exporting.of_everyone(session, policy, instant, now=now):
                target.write(piece.encode())
                count += piece.count("\n")
                moved(completed=count)
    if output:
        click.echo(f"{output} is written, as of {instant:%Y-%m-%d %H:%M:%S} UTC.")


@contextmanager
def _whole(path: Path) -> Iterator[Any]:
    """A file to write, for our own eyes; what is there of that name is replaced only once it is whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            yield target
        partial.replace(path)
    except OSError as error:
        if error.filename == str(partial):  # the name that was asked for tells more
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            partial.unlink()


@members.command("erase")
@click.argument("external_id")
def members_erase(external_id: str) -> None:
    """Erase a member: no personal information stays; the pseudonymous timeline does."""
    from app import build_runtime
    from notifier import members as service
    from notifier import outbox

    runtime = build_runtime()
    with database.reading(runtime.engine) as session:
        member = service.by_external_id(session, external_id)
    outbox.erase(runtime, member, actor=_actor())
    database.forget_erased(runtime.engine)
    click.echo(f"Erased. What stays is the timeline of member {member.id}, without anything personal.")


@members.command("rename")
@click.argument("old")
@click.argument("new")
def members_rename(old: str, new: str) -> None:
    """Give the member OLD the external_id NEW: their timeline goes on, and OLD is free from here on."""
    from notifier import members as service
    from notifier import merging

    with database.writing(_engine()) as session:
        member, now = service.by_external_id(session, old), database.DatabaseClock().now(session)
        renamed = merging.rename(session, member, new, actor=_actor(), now=now)
    click.echo("Renamed." if renamed else "That is their external_id already.")


@members.command("merge")
@click.argument("from_", metavar="FROM")
@click.argument("into")
def members_merge(from_: str, into: str) -> None:
    """End the account FROM, and let INTO, the older one of the same person, stand for both."""
    from notifier import members as service
    from notifier import merging

    engine = _engine()
    with database.writing(engine) as session:
        ends, stays = (service.by_external_id(session, each) for each in (from_, into))
        merging.merge(session, ends, stays, actor=_actor(), now=database.DatabaseClock().now(session))
    database.forget_erased(engine)
    click.echo(f"Merged. The timeline of member {ends.id} ends here; member {stays.id} stands for that person.")


@members.command("guardian")
@click.argument("external_id")
@click.argument("address", required=False)
@click.option("--end", is_flag=True, help="From here the member has no guardian.")
def members_guardian(external_id: str, address: str | None, end: bool) -> None:
    """Set a member's guardian, who is told and accepts in their place; or --end the guardianship."""
    from notifier import guardians
    from notifier import members as service

    if end == (address is not None):
        raise click.UsageError("Give the guardian's address, or --end.")
    with database.writing(_engine()) as session:
        member, now = service.by_external_id(session, external_id), database.DatabaseClock().now(session)
        if address is None:
            guardians.discharge(session, member, actor=_actor(), now=now)
        else:
            guardians.appoint(session, member, address, actor=_actor(), now=now)
    click.echo("From here each text's own rule holds." if end else "From here notices go to the guardian.")


@members.command("revoke-links")
@click.argument("external_id")
def members_revoke_links(external_id: str) -> None:
    """Take back every link, page and site-notice token that a member, or their guardian, was given so far."""
    from notifier import members as service
    from notifier import revocations

    with database.writing(_engine()) as session:
        member = service.by_external_id(session, external_id)
        revocations.revoke(session, member, actor=_actor(), now=database.DatabaseClock().now(session))
    click.echo("Taken back. What the next letter, or the host, gives them holds again.")


@main.group(cls=_Group)
def accounts() -> None:
    """Administrators' accounts."""


_ROLES = click.option(
    "--role", "held", multiple=True, help="editor, publisher, auditor or owner; as often as they hold."
)


@contextmanager
def _account(name: str) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """The account of that name in a transaction that writes, and who does it when. Raises: NoSuchAccount."""
    from web import accounts as service

    with database.writing(_engine()) as session:
        by = {"actor": _actor(), "now": database.DatabaseClock().now(session)}
        yield session, service.named(session, name), by


@accounts.command("create")
@click.argument("name")
@_ROLES
def accounts_create(name: str, held: tuple[str, ...]) -> None:
    """Make an account and print its one-time password. The first one holds every role unless you name some."""
    from web import accounts as service

    with database.writing(_engine()) as session:
        now = database.DatabaseClock().now(session)
        password = service.create(session, name, held=held, actor=_actor(), now=now)
    click.echo(f"{name} may sign in once with: {password}")


@accounts.command("list")
def accounts_list() -> None:
    """Show every account: its roles, its second factor, and when it last signed in."""
    from web import accounts as service
    from web import second_factor

    with database.reading(_engine()) as session:
        factors = second_factor.owners(session)
        for one in service.listed(session):
            at = one.signed_in_at
            said = [", ".join(one.held) or "no role"]
            said += [f"last signed in {at:%Y-%m-%d %H:%M} UTC" if at else "never signed in"]
            said += ["second factor"] if one.id in factors else []
            said += [f"disabled {one.disabled_at:%Y-%m-%d}"] if one.disabled_at else []
            click.echo(f"{one.name}: {'; '.join(said)}")


@accounts.command("roles")
@click.argument("name")
@_ROLES
def accounts_roles(name: str, held: tuple[str, ...]) -> None:
    """Give an account these roles and no others; whoever is signed in with it signs in again."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        changed = service.set_roles(session, account, held, **by)
        roles = ", ".join(account.held)
    click.echo(f"{name} holds: {roles}." if changed else f"{name} held exactly these: {roles}.")


@accounts.command("reset")
@click.argument("name")
def accounts_reset(name: str) -> None:
    """Give an account a new one-time password; its open sessions end."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        password = service.reset(session, account, **by)
    click.echo(f"{name} may sign in once with: {password}")


@accounts.command("disable")
@click.argument("name")
def accounts_disable(name: str) -> None:
    """Nobody signs in with an account any more; its name stays in the record."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        service.disable(session, account, **by)
    click.echo(f"{name} is disabled; nobody is signed in with it any more.")


@accounts.command("enable")
@click.argument("name")
def accounts_enable(name: str) -> None:
    """Let an account sign in again that was disabled, with the password that it had."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        service.enable(session, account, **by)
    click.echo(f"{name} may sign in again.")


@accounts.command("end-sessions")
@click.argument("name")
def accounts_end_sessions(name: str) -> None:
    """Whoever is signed in with an account is so no longer."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        ended = service.end_sessions(session, account, **by)
    click.echo(f"{ended} sessions of {name} have ended." if ended != 1 else f"1 session of {name} has ended.")


@accounts.command("remove-second-factor")
@click.argument("name")
def accounts_remove_second_factor(name: str) -> None:
    """Let an account sign in by password alone, as when the telephone and the recovery codes are lost."""
    from web import accounts as service

    with _account(name) as (session, account, by):
        service.remove_factor(session, account, **by)
    click.echo(f"Signing in as {name} takes no code until a new second factor is set up.")


@main.group(cls=_Group)
def keys() -> None:
    """Keys of applications that use the API."""


@keys.command("create")
@click.option("--name", required=True, help="After the application that will hold it; the record shows it.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it opens; as often as there are.")
def keys_create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it, this once."""
    from notifier import keys as service

    with database.writing(_engine()) as session:
        now = database.DatabaseClock().now(session)
        token = service.create(session, name, scopes, actor=_actor(), now=now)
    click.echo(token)
    click.echo("Keep it where only the application reads it: it is not shown again.", err=True)


@keys.command("list")
def keys_list() -> None:
    """Show every key there is or was, and when it was last used; never the keys themselves."""
    from notifier import keys as service

    with database.reading(_engine()) as session:
        for key in service.listed(session):
            used = f"last used {key.used_at:%Y-%m-%d %H:%M} UTC" if key.used_at else "never used"
            ended = f", revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else ""
            click.echo(
                f"{key.name}: {key.scopes}; made {key.created_at:%Y-%m-%d} by {key.created_by}, {used}{ended}"
            )


@keys.command("revoke")
@click.argument("name")
def keys_revoke(name: str) -> None:
    """From now on a key opens nothing."""
    from notifier import keys as service

    with database.writing(_engine()) as session:
        service.revoke(session, name, actor=_actor(), now=database.DatabaseClock().now(session))
    click.echo(f"The key {name} is revoked.")
