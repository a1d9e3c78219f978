"""The `gazette` command: what a newcomer types, and what they are told."""

import getpass
import json
import os
import socket
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlmodel import col, delete, select

import cli
import database
import settings
from database import ROOT, reading, writing
from notifier import scheduler
from notifier.evidence import verify
from policy_versions import policies
from policy_versions.models import AuditEntry, RevisionBlocks, Translation
from policy_versions.origins import AuditOrigin
from quickstart import make_settings, prepare
from tests.house import FIRST, LONGER
from web import accounts

EXAMPLES = ROOT / "examples"


def gazette(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, catch_exceptions=False)


@pytest.fixture
def instance() -> None:
    """An instance with its settings and an empty, migrated database."""
    make_settings()
    assert gazette("migrate").exit_code == 0


def folder(tmp_path: Path, **files: str) -> Path:
    place = tmp_path / "texts" / "privacy"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / f"{name.removeprefix('d').replace('_', '-')}.md").write_text(text)
    return tmp_path / "texts"


def test_a_first_start_prepares_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    prepare("127.0.0.1:8123", actor="a test", say=said.append)
    assert "25 members" in said[0]
    assert "http://127.0.0.1:8123" in said[1]
    password = said[2].rsplit(" ", 1)[1].rstrip(".")
    engine = database.create_engine(settings.load().database_url)
    with reading(engine) as session:
        assert accounts.verify(session, "admin", password).one_time
        assert [p.slug for p in policies.policies(session)] == ["privacy-policy", "terms-of-use"]
    kept = (settings.home() / "gazette.env").read_text()
    again: list[str] = []
    prepare("127.0.0.1:8123", actor="a test", say=again.append)
    assert (settings.home() / "gazette.env").read_text() == kept
    assert len(again) == 2
    assert password not in " ".join(again)
    assert stat.S_IMODE(settings.home().stat().st_mode) == 0o700
    engine.dispose()


def test_the_address_is_the_one_that_was_asked_for_each_time() -> None:
    said: list[str] = []
    for bind in ("127.0.0.1:8123", "0.0.0.0:9000"):
        prepare(bind, actor="a test", say=said.append)
    assert "http://127.0.0.1:8123" in said[1]
    assert "http://127.0.0.1:9000" in said[3]


def test_loading_the_examples_mails_nobody() -> None:
    prepare("127.0.0.1:8123", actor="a test", say=lambda _: None)
    from app import build_runtime

    runtime = build_runtime()
    scheduler.run_all(runtime)
    assert list((settings.home() / "outbox").glob("*")) == []
    runtime.engine.dispose()


@pytest.mark.usefixtures("instance")
def test_an_import_then_the_same_again_then_the_same_bytes_out(tmp_path: Path) -> None:
    texts = folder(tmp_path, d2018_05_25=FIRST, d2019_01_01=LONGER)
    assert gazette("import", str(texts)).output == "privacy: 2 revisions.\n"
    assert gazette("import", str(texts)).output == "privacy: 0 revisions, 2 files were on record.\n"
    assert gazette("export", str(tmp_path / "out")).output == "privacy: 2 files.\n"
    same = {p.name: p.read_bytes() for p in (tmp_path / "out" / "privacy").iterdir()}
    assert same == {p.name: p.read_bytes() for p in (texts / "privacy").iterdir()}


@pytest.mark.usefixtures("instance")
def test_a_history_that_clashes_is_refused_by_name_and_the_others_come_in(tmp_path: Path) -> None:
    gazette("import", str(folder(tmp_path / "a", d2018_05_25=FIRST)))
    other = folder(tmp_path / "b", d2018_05_25=LONGER)
    (other / "terms").mkdir()
    (other / "terms" / "2018-05-25.md").write_text(FIRST)
    result = gazette("import", str(other))
    assert result.exit_code == 1
    assert "privacy was not imported" in result.output
    assert "terms: 1 revision." in result.output
    assert gazette("import", str(other), "--prefix", "b-").exit_code == 0
    gazette("export", str(tmp_path / "out"), "--prefix", "b-")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["privacy", "terms"]


@pytest.mark.usefixtures("instance")
def test_a_policy_that_cannot_be_read_is_refused_by_name_and_the_others_come_in(tmp_path: Path) -> None:
    texts = folder(tmp_path, d2018_05_25=FIRST, d2018_13_45=FIRST)
    (texts / "terms").mkdir()
    (texts / "terms" / "2018-05-25.md").write_text(FIRST)
    result = gazette("import", str(texts))
    assert result.exit_code == 1
    assert "gazette: privacy was not imported. “privacy/2018-13-45.md” is not a date" in result.output
    assert "terms: 1 revision." in result.output


@pytest.mark.usefixtures("instance")
def test_what_the_system_refuses_is_one_sentence_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gazette("import", str(folder(tmp_path, d2018_05_25=FIRST)))
    (tmp_path / "file").write_text("x")
    result = gazette("export", str(tmp_path / "file" / "below"))
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "cannot be written: Not a directory." in result.output

    def unreadable(_: Path) -> None:
        raise PermissionError(13, "Permission denied", "/texts")

    monkeypatch.setattr(Path, "iterdir", unreadable)  # the tests may run as root, who may read anything
    result = gazette("import", str(tmp_path))
    assert (result.exit_code, result.output) == (1, "gazette: /texts: Permission denied.\n")


@pytest.mark.usefixtures("instance")
def test_what_is_no_folder_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    result = gazette("import", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert result.output.startswith("gazette: ")
    assert "Traceback" not in result.output
    assert gazette("import", str(EXAMPLES), "--told-through", "soon").exit_code == 1


@pytest.mark.usefixtures("instance")
def test_told_through_is_said_and_recorded_once() -> None:
    result = gazette("import", str(EXAMPLES), "--told-through", "2026-11-01")
    assert result.output.count("members told through 2026-11-01") == 2
    assert "told" not in gazette("import", str(EXAMPLES), "--told-through", "2026-11-01").output


@pytest.mark.usefixtures("instance")
def test_members_come_in_with_bad_rows_reported_by_line(tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("external_id,email\na,a@example.com\nb,nonsense\nc\n")
    result = gazette("members", "import", str(file))
    assert "line 3: that is no e-mail address" in result.output
    assert "line 4: it has fewer cells than the header" in result.output
    assert result.output.endswith("1 added, 0 changed, 0 unchanged, 2 left out.\n")


def test_a_member_and_everybodys_standing_are_exported_whole_or_not_at_all(instance: None, tmp_path: Path) -> None:
    source, target = tmp_path / "members.csv", tmp_path / "out"
    source.write_text("external_id,email\na,a@example.com\n")
    gazette("members", "import", str(source))
    gazette("import", str(folder(tmp_path, d2020_01_01="# Privacy\n\nWe collect your name.\n")))
    assert gazette("members", "export", "a", "-o", str(target)).exit_code == 0
    assert (zipfile.is_zipfile(target), target.stat().st_mode & 0o077) == (True, 0)
    wrongs = (("export", "b"), ("standing", "nope", "--at", "2030-01-01"), ("standing", "privacy", "--at", "x"))
    for wrong in wrongs:
        refused = gazette("members", *wrong, "-o", str(target))
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)
        assert zipfile.is_zipfile(target), "what is there stays"
    done = gazette("members", "standing", "privacy", "--at", "2100-01-01", "-o", str(target))
    assert done.output.endswith(f"{target} is written, as of 2100-01-01 00:00:00 UTC.\n")
    header, row = target.read_text().splitlines()
    assert header == "member_id,external_id,revision,revision_date,since,until,basis,why"
    assert row.startswith("1,a,1,2020-01-01,") and row.endswith(",,joined,")
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".out")) == []


def test_exports_of_the_erased_to_standard_output_and_to_nowhere(instance: None, tmp_path: Path) -> None:
    source, target = tmp_path / "members.csv", tmp_path / "out.zip"
    source.write_text("external_id,email\na,a@example.com\n")
    gazette("members", "import", str(source))
    gazette("import", str(folder(tmp_path, d2020_01_01="# Privacy\n\nWe collect your name.\n")))
    lines = gazette("members", "standing", "privacy", "--at", "2100-01-01").stdout.splitlines()
    assert (len(lines), lines[1][:6]) == (2, "1,a,1,")
    nowhere = tmp_path / "nowhere" / "out.zip"
    for refused in (("export", "a"), ("standing", "privacy", "--at", "2100-01-01")):
        result = gazette("members", *refused, "-o", str(nowhere))
        assert (result.exit_code, result.stderr) == (1, f"gazette: {nowhere}: No such file or directory.\n")
    gazette("members", "erase", "a")
    assert gazette("members", "export", "a", "-o", str(target)).exit_code == 1 and not target.exists()
    done = gazette("members", "export", "--pseudonym", "1", "-o", str(target))
    assert done.output.endswith("Nothing personal is in it.\n")
    with zipfile.ZipFile(target) as archive:
        assert not any(b"example.com" in archive.read(name) for name in archive.namelist())
    assert gazette("members", "export", "--pseudonym", "2", "-o", str(tmp_path / "x")).exit_code == 1
    for wrong in ((), ("a", "--pseudonym", "1")):
        assert gazette("members", "export", *wrong, "-o", str(tmp_path / "x")).exit_code == 2


def test_a_member_s_links_are_taken_back_and_a_stranger_s_are_not(instance: None, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("external_id\na\n")
    gazette("members", "import", str(file))
    assert "Taken back." in gazette("members", "revoke-links", "a").output
    unknown = gazette("members", "revoke-links", "b")
    assert (unknown.exit_code, "No such member." in unknown.output) == (1, True)


@pytest.mark.usefixtures("instance")
def test_a_member_is_erased_once_and_then_a_stranger(tmp_path: Path) -> None:
    file = tmp_path / "members.jsonl"
    file.write_text('{"external_id": "a", "email": "canary@example.com"}\n')
    gazette("members", "import", str(file))
    assert "Erased" in gazette("members", "erase", "a").output
    again = gazette("members", "erase", "a")
    assert (again.exit_code, again.output) == (1, "gazette: No such member.\n")
    kept = b"".join(p.read_bytes() for p in settings.home().glob("gazette.db*"))
    assert b"canary@" not in kept


@pytest.mark.usefixtures("instance")
def test_an_account_is_made_and_reset_and_the_act_is_on_record() -> None:
    first = gazette("accounts", "create", "ines").output.rsplit(" ", 1)[1].strip()
    second = gazette("accounts", "reset", "ines").output.rsplit(" ", 1)[1].strip()
    assert gazette("accounts", "create", "ines").exit_code == 1
    engine = database.create_engine(settings.load().database_url)
    with reading(engine) as session:
        account = accounts.verify(session, "ines", second)
        assert account.one_time
        with pytest.raises(Exception, match="do not go together"):
            accounts.verify(session, "ines", first)
        actors = {entry.actor for entry in session.exec(select(AuditEntry))}
    assert actors == {f"{getpass.getuser()} at the command line"}
    engine.dispose()


def test_without_settings_a_start_says_one_sentence_that_names_the_first() -> None:
    result = gazette("serve")
    assert result.exit_code == 1
    assert result.output.startswith("gazette: GAZETTE_")
    assert result.output.count("\n") == 1


def test_an_old_schema_stops_the_start() -> None:
    make_settings()
    assert "run `gazette migrate` first" in gazette("serve").output
    assert "run `gazette migrate` first" in gazette("export", "out").output


def test_any_server_that_asks_for_the_app_is_told_in_one_sentence_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "routes"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "GAZETTE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("gazette: GAZETTE_SECRET_KEY is missing")
    assert "Traceback" not in done.stderr


def test_the_demo_tells_the_whole_story() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import cli; cli.main(['demo'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    story = done.stdout
    for part in (
        "25 members",
        "Significant",
        "letter accepted",
        "no address",
        "lapsed",
        "forecast",
        "before",
        "after",
    ):
        assert part in story, part
    assert "Traceback" not in done.stderr


def test_every_command_has_its_heading_or_mention_in_the_documents() -> None:
    documents = "".join(p.read_text(encoding="utf-8") for p in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"))
    missing = [name for name in cli.main.commands if f"gazette {name}" not in documents]
    assert missing == []


# -- gazette diff and reindex -------------------------------------------------------------------

RIGHT = "Every batch's figures are right.\n"


def texts(tmp_path: Path) -> tuple[str, str]:
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text(FIRST)
    new.write_text(LONGER)
    return str(old), str(new)


def test_diff_shows_what_changed_between_two_files(tmp_path: Path) -> None:
    result = gazette("diff", *texts(tmp_path))
    assert result.exit_code == 0
    assert "We keep payment records for [-12-] [+24+] months." in result.output
    assert "What we collect" not in result.output, "what did not change is left out"
    assert "What we collect" in gazette("diff", "--whole", *texts(tmp_path)).output


def test_diff_needs_no_instance_and_is_coloured_only_where_asked(tmp_path: Path) -> None:
    assert "\x1b" not in gazette("diff", *texts(tmp_path)).output
    shown = gazette("diff", "--colour", "always", *texts(tmp_path)).output
    assert "\x1b[33;9m12\x1b[0m \x1b[34;4m24\x1b[0m months." in shown
    assert not settings.home().joinpath("gazette.db").exists()


def test_diff_writes_html_markdown_and_json(tmp_path: Path) -> None:
    old, new = texts(tmp_path)
    assert '<div class="redline">' in gazette("diff", "--as", "html", old, new).output
    assert 'class="pair' in gazette("diff", "--as", "html", "--side-by-side", old, new).output
    assert "<del>12</del> <ins>24</ins>" in gazette("diff", "--as", "markdown", old, new).output
    assert json.loads(gazette("diff", "--as", "json", old, new).output)["words_inserted"] == 1


def test_diff_says_nothing_of_equal_texts_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    old, new = texts(tmp_path)
    assert (gazette("diff", "--exit-code", old, old).exit_code, gazette("diff", old, old).output) == (0, "")
    assert gazette("diff", "--exit-code", old, new).exit_code == 1


def test_diff_reads_published_texts_and_standard_input(instance: None, tmp_path: Path) -> None:
    gazette("import", str(folder(tmp_path, d2020_01_01=FIRST, d2021_01_01=LONGER)))
    assert "[-12-] [+24+]" in gazette("diff", "privacy@1", "privacy@2021-01-01").output
    given = CliRunner().invoke(cli.main, ["diff", "privacy@2", "-"], input=LONGER.replace("24", "36"))
    assert "[-24-] [+36+]" in given.output


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("nothing.md", "nothing.md: No such file or directory."),
        ("privacy@9", "9"),
        ("nothing@1", "nothing"),
        ("binary.md", "not UTF-8"),
        ("deep.md", "Line 1 is nested more than 20 levels deep"),
    ],
)
def test_diff_says_what_it_cannot_compare(
    instance: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, said: str
) -> None:
    gazette("import", str(folder(tmp_path, d2020_01_01=FIRST)))
    monkeypatch.chdir(tmp_path)
    Path("binary.md").write_bytes(b"\xff\xfe\x00")
    Path("deep.md").write_text(">" * 30 + " deep")
    result = gazette("diff", old, "privacy@1")
    assert result.exit_code == 1
    assert result.stderr.startswith("gazette: ")
    assert said in result.stderr


def test_decide_says_whether_a_change_is_significant_and_why(tmp_path: Path) -> None:
    old, new = texts(tmp_path)
    result = gazette("decide", old, new)
    assert result.output.startswith("Significant, level 3 of 4 (notice in advance), ")
    assert "Retention of payment records: from 12 months to 24 months." in result.output
    given = json.loads(gazette("decide", "--json", old, new).output)
    assert (given["verdict"], given["findings"][0]["category"]) == ("significant", "retention")
    assert gazette("decide", old, old).output.startswith(
        "Minor, level 0 of 4 (none), 100% sure.\nNothing changed."
    )
    assert not settings.home().joinpath("gazette.db").exists()


def test_decide_tells_by_its_exit_code_where_asked(tmp_path: Path) -> None:
    old, new = texts(tmp_path)
    codes = [gazette("decide", "--exit-code", *pair).exit_code for pair in ((old, new), (old, old))]
    assert codes == [1, 0]
    assert gazette("decide", old, new).exit_code == 0


def test_decide_says_what_it_cannot_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.md"
    binary.write_bytes(b"\xff\xfe\x00")
    result = gazette("decide", str(binary), str(binary))
    assert (result.exit_code, result.output) == (1, result.stderr)
    assert result.stderr.startswith("gazette: ")


def test_reindex_says_what_it_did(instance: None, tmp_path: Path) -> None:
    gazette("import", str(folder(tmp_path, d2020_01_01=FIRST, d2021_01_01=LONGER)))
    assert gazette("reindex").output == f"Every text has its blocks.\n{RIGHT}"
    engine = database.create_engine(settings.load().database_url)
    with writing(engine) as session:
        session.execute(delete(RevisionBlocks))
    assert gazette("reindex").output == f"2 texts cut into blocks anew.\n{RIGHT}"


# -- gazette translate --------------------------------------------------------------------------

GERMAN = "# Datenschutz\n\nWir behalten Zahlungsbelege 12 Monate lang.\n"


@pytest.fixture
def translatable(instance: None, tmp_path: Path) -> Path:
    """A policy with one revision, and the file of its translation."""
    assert gazette("import", str(folder(tmp_path, d2018_05_25=FIRST))).exit_code == 0
    file = tmp_path / "de.md"
    file.write_text(GERMAN)
    return file


def test_a_translation_is_published_from_a_file(translatable: Path) -> None:
    result = gazette("translate", "privacy@1", "DE", str(translatable), "--title", "Datenschutz")
    assert (result.exit_code, result.output) == (0, "privacy, No. 1: translation 1 into de is published.\n")
    translatable.write_text(GERMAN.replace("12", "24"))
    assert "translation 2 into de" in gazette("translate", "privacy@2018-05-25", "de", str(translatable)).output
    with reading(database.create_engine(settings.load().database_url)) as session:
        made = session.exec(select(Translation).order_by(col(Translation.number))).all()
    assert [(one.text, one.title) for one in made] == [
        (GERMAN, "Datenschutz"),
        (GERMAN.replace("12", "24"), None),
    ]
    assert made[0].published_by.endswith("at the command line")


def test_a_translation_comes_from_standard_input_too(translatable: Path) -> None:
    result = CliRunner().invoke(cli.main, ["translate", "privacy@1", "fr", "-"], input=GERMAN)
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("revision", "locale", "sentence"),
    [
        ("privacy@9", "de", "There is no revision 9 of this policy."),
        ("privacy", "de", "There is no policy at"),
        ("nothing@1", "de", "There is no policy at"),
        ("privacy@1", "en", "own locale"),
        ("privacy@1", "german", "is no locale"),
    ],
)
def test_what_cannot_be_translated_is_refused_in_one_sentence(
    translatable: Path, revision: str, locale: str, sentence: str
) -> None:
    result = gazette("translate", revision, locale, str(translatable))
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("content", "sentence"), [(b"", "empty"), (b"\xff", "not UTF-8"), (b"a\0b", "NUL")])
def test_a_file_that_cannot_be_a_text_is_refused(translatable: Path, content: bytes, sentence: str) -> None:
    translatable.write_bytes(content)
    result = gazette("translate", "privacy@1", "de", str(translatable))
    assert (result.exit_code, sentence in result.stderr) == (1, True)
    missing = gazette("translate", "privacy@1", "de", str(translatable) + ".none")
    assert (missing.exit_code, "No such file" in missing.stderr) == (1, True)


@pytest.mark.usefixtures("instance")
def test_a_key_is_printed_once_listed_without_it_and_revoked() -> None:
    made = gazette("keys", "create", "--name", "shop", "--scope", "read", "--scope", "members")
    token = made.stdout.strip()
    assert token.startswith("gzt_")
    assert "not shown again" in made.stderr
    listed = gazette("keys", "list").stdout
    assert listed.startswith("shop: read members; made ")
    assert "never used" in listed
    assert token not in listed
    assert "shop is revoked" in gazette("keys", "revoke", "shop").stdout
    assert "revoked" in gazette("keys", "list").stdout
    again = gazette("keys", "revoke", "shop")
    assert (again.exit_code, again.stderr) == (1, "gazette: There is no key “shop” that could be revoked.\n")
    wrong = gazette("keys", "create", "--name", "till", "--scope", "everything")
    assert "is no scope" in wrong.stderr


def test_the_whole_record_is_verified_and_what_was_changed_is_named(instance: None, tmp_path: Path) -> None:
    assert gazette("import", str(folder(tmp_path, d2024_05_01=FIRST))).exit_code == 0
    said = gazette("verify")
    assert (said.exit_code, "holds  texts: 1 checked" in said.output) == (0, True), said.output
    engine = database.create_engine(f"sqlite:///{settings.home() / 'gazette.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER revision_refuses_update")
        connection.exec_driver_sql("UPDATE revision SET text = 'Something else.'")
    engine.dispose()
    said = gazette("verify", "--json")
    assert said.exit_code == 1
    texts = next(check for check in json.loads(said.output)["checks"] if check["check"] == "texts")
    assert texts["problems"][0]["where"] == "revision privacy@1"


def test_evidence_is_written_whole_or_not_at_all(instance: None, tmp_path: Path) -> None:
    assert gazette("import", str(folder(tmp_path, d2024_05_01=FIRST))).exit_code == 0
    target = tmp_path / "pack.zip"
    assert gazette("evidence", "policy", "privacy", "-o", str(target)).exit_code == 0
    assert verify.verify(target) == 0
    before = target.read_bytes()
    for refused in (
        ("policy", "nothing"),
        ("policy", "../etc"),
        ("notice", "9"),
        ("notice", "99999999999"),
        ("member", "nobody"),
        ("member",),
        ("member", "ann", "--pseudonym", "1"),
        ("member", "--pseudonym", "7"),
    ):
        said = gazette("evidence", *refused, "-o", str(target))
        assert said.exit_code != 0, refused
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "pack" in path.name] == ["pack.zip"]


def test_members_are_renamed_merged_and_get_a_guardian(instance: None, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(
        "external_id,email,joined_at\nold,old@example.com,2024-01-01\nnew,new@example.com,2025-01-01\n"
    )
    gazette("members", "import", str(file))
    assert gazette("members", "rename", "old", "older").output == "Renamed.\n"
    assert "joined first stays" in gazette("members", "merge", "older", "new").output
    assert "member 1 stands for that person" in gazette("members", "merge", "new", "older").output
    assert gazette("members", "guardian", "older", "guardian@example.com").exit_code == 0
    assert "own rule holds" in gazette("members", "guardian", "older", "--end").output
    assert "has no guardian" in gazette("members", "guardian", "older", "--end").output
    for wrong in (("older",), ("older", "guardian@example.com", "--end")):
        assert "or --end" in gazette("members", "guardian", *wrong).output
    assert "No such member." in gazette("members", "rename", "old", "oldest").output


@pytest.mark.usefixtures("instance")
def test_accounts_are_managed_at_the_command_line_too() -> None:
    gazette("accounts", "create", "ona")
    assert gazette("accounts", "create", "joel").exit_code == 1  # a later one holds what it is given
    assert gazette("accounts", "create", "joel", "--role", "editor").exit_code == 0
    assert (
        "joel holds: publisher, auditor."
        in gazette("accounts", "roles", "joel", "--role", "auditor", "--role", "publisher").output
    )
    assert "joel is disabled" in gazette("accounts", "disable", "joel").output
    assert "joel: publisher, auditor; never signed in; disabled" in gazette("accounts", "list").output
    assert "joel may sign in again" in gazette("accounts", "enable", "joel").output
    assert "0 sessions of joel have ended" in gazette("accounts", "end-sessions", "joel").output
    assert "takes no code" in gazette("accounts", "remove-second-factor", "joel").output
    for refused in (
        ("disable", "ona"),
        ("roles", "ona", "--role", "editor"),
        ("reset", "nobody"),
        ("roles", "joel"),
    ):
        result = gazette("accounts", *refused)
        assert (result.exit_code, result.output.startswith("gazette: ")) == (1, True), refused


def test_what_is_done_here_says_so_in_the_audit_log(instance: None) -> None:
    gazette("accounts", "create", "ines")
    with reading(database.create_engine(settings.load().database_url)) as session:
        entry = session.exec(select(AuditEntry)).one()
        origin = session.get_one(AuditOrigin, entry.id)
    assert (origin.door, origin.address) == ("command line", socket.gethostname())
