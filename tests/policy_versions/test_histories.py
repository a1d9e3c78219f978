"""Folders and git histories: in once, in order, out byte for byte; what does not fit changes nothing."""

import os
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from database import reading, writing
from errors import (
    DateMalformed,
    FrontMatterInvalid,
    ImportConflict,
    Invalid,
    NoSuchPolicy,
    NotARepository,
    NothingToImport,
    Refusal,
    SlugMalformed,
    TextTooLong,
)
from notifier.models import Notice
from policy_versions import archive, folders, gits, histories, policies
from policy_versions.archive import History
from policy_versions.histories import DatedHistory, Plan
from policy_versions.models import Telling
from policy_versions.policies import PolicyFields
from tests.house import FIRST, LONGER, TYPO, House


def write(folder: Path, **files: str | bytes) -> Path:
    """Files of one policy, named by keyword as in d2018_05_25="…"; d2018_05_25__2 is the second of that day."""
    place = folder / "privacy"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        date, _, ordinal = name.removeprefix("d").partition("__")
        path = place / (date.replace("_", "-") + (f".{ordinal}" if ordinal else "") + ".md")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def bring(house: House, found: list[DatedHistory]) -> list[Plan]:
    plans = []
    for one in found:
        with reading(house.runtime.engine) as session:
            plans.append(histories.plan(session, one, now=house.now))
        with writing(house.runtime.engine) as session:
            histories.carry_out(session, plans[-1], actor="a test", now=house.now)
    return plans


def record(house: House, slug: str = "privacy") -> History:
    with reading(house.runtime.engine) as session:
        return archive.history(session, policies.policy(session, slug))


def exported(house: House, slug: str = "privacy") -> dict[str, bytes]:
    with reading(house.runtime.engine) as session:
        return dict(histories.export(session, policies.policy(session, slug)))


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "privacy").iterdir()}


TEXTS = {
    "d2018_12_17": FIRST,
    "d2018_12_17__2": LONGER,
    "d2018_12_17__10": TYPO,
    "d2018_05": "# Old\n\nIn May.\n",
    "d2015": "# Oldest\n",
}


# -- in and out ---------------------------------------------------------------------------------


def test_texts_come_in_by_date_and_by_number_within_a_day(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path, **TEXTS)))
    texts = [entry.revision.text for entry in record(house).entries]
    assert texts == ["# Oldest\n", "# Old\n\nIn May.\n", FIRST, LONGER, TYPO]


def test_an_import_is_decided_marked_and_mails_nobody(house: House, tmp_path: Path) -> None:
    house.member("ada", joined_at="2016-01-01")
    bring(house, folders.read(write(tmp_path, **TEXTS)))
    house.tick()
    verdicts = [entry.verdict for entry in record(house).entries]
    assert verdicts[0] == "first"
    assert "undecided" not in verdicts
    assert all(entry.revision.imported for entry in record(house).entries)
    with reading(house.runtime.engine) as session:
        assert session.exec(select(Notice)).all() == []


def test_a_text_is_in_force_from_the_end_of_its_date(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path, d2015_09=FIRST, d2018_05_25=LONGER)))
    effective = [entry.revision.effective_at for entry in record(house).entries]
    assert effective == [datetime(2015, 10, 1, tzinfo=UTC), datetime(2018, 5, 26, tzinfo=UTC)]


def test_a_second_import_brings_nothing(house: House, tmp_path: Path) -> None:
    folder = write(tmp_path, **TEXTS)
    bring(house, folders.read(folder))
    (again,) = bring(house, folders.read(folder))
    assert (again.revisions, again.known) == (0, 5)
    assert len(record(house).entries) == 5


def test_a_longer_folder_brings_only_what_is_new(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path, d2018_05_25=FIRST)))
    (plan,) = bring(house, folders.read(write(tmp_path, d2019_05_25=LONGER)))
    assert (plan.known, plan.revisions) == (1, 1)


@pytest.mark.parametrize(
    "odd",
    [
        "\ufeff# With a byte order mark\n".encode(),
        b"# With CR LF\r\n\r\nLines.\r\n",
        b"---\ntitle: Not ours\n---\n\n# Text\n",
        b"--- \ntitle: Not ours either\n---\nText",
        b"---\nnever closed\n",
        b"no newline at the end",
        "# \u202eRight to left\n\n\u05d0\u05d1\n".encode(),
        b"---\ngazette:\n    summary:   odd   spacing\n---\n\n# Text\n",
    ],
)
def test_what_was_imported_comes_out_byte_for_byte(house: House, tmp_path: Path, odd: bytes) -> None:
    folder = write(tmp_path, d2018_05_25=odd, d2018_05_26=FIRST)
    bring(house, folders.read(folder))
    assert exported(house) == on_disk(folder)


def test_an_equal_text_is_a_further_date_of_the_same_revision(house: House, tmp_path: Path) -> None:
    folder = write(tmp_path, d2018_05_25=FIRST, d2019_01_01=FIRST, d2020_01_01=LONGER)
    bring(house, folders.read(folder))
    assert len(record(house).entries) == 2
    assert exported(house) == on_disk(folder)
    (again,) = bring(house, folders.read(folder))
    assert again.known == 3


def test_the_manifest_makes_the_policy_and_comes_out_again(house: House, tmp_path: Path) -> None:
    write(tmp_path, d2018_05_25=FIRST)
    manifest = "title: Our privacy policy # ours\ntime_zone: Europe/Stockholm\npromise: will notify\n"
    (tmp_path / "privacy" / "policy.yaml").write_text(manifest)
    bring(house, folders.read(tmp_path))
    policy = record(house).policy
    assert (policy.title, policy.time_zone, policy.promise) == (
        "Our privacy policy",
        "Europe/Stockholm",
        "will notify",
    )
    assert exported(house) == on_disk(tmp_path)
    assert record(house).entries[0].revision.effective_at == datetime(2018, 5, 25, 22, tzinfo=UTC)


def test_a_manifest_comes_out_byte_for_byte_whatever_its_line_ends(house: House, tmp_path: Path) -> None:
    write(tmp_path, d2018_05_25=FIRST)
    (tmp_path / "privacy" / "policy.yaml").write_bytes(b"title: Ours\r\nlead: And a lead\r\n")
    bring(house, folders.read(tmp_path))
    assert record(house).policy.lead == "And a lead"
    assert exported(house) == on_disk(tmp_path)


def test_an_export_without_what_was_withdrawn_brings_nothing_when_it_comes_back(
    house: House, tmp_path: Path
) -> None:
    house.policy()
    house.publish(FIRST)
    house.publish(LONGER, effective_at=house.now + timedelta(days=5))
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        archive.withdraw(session, policy, 2, reason="A slip.", actor="a test", now=house.now)
    house.publish(TYPO)
    assert list(exported(house)) == ["2026-06-01.md", "2026-06-01.3.md"]
    for name, data in exported(house).items():
        write(tmp_path)
        (tmp_path / "privacy" / name).write_bytes(data)
    (again,) = bring(house, folders.read(tmp_path))
    assert (again.revisions, again.known) == (0, 2)


def test_a_folder_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Invalid, match="cannot be written"):
        folders.write(tmp_path / "file" / "below", "privacy", [("2018-05-25.md", b"x")])


def test_published_revisions_export_and_import_with_the_same_text_dates_and_rule(
    house: House, tmp_path: Path
) -> None:
    house.policy()
    house.publish(FIRST, revision_date="2026-05")
    house.publish(LONGER, rule="notice", notice_days=30, summary="Kept: “twice” as long\nas before.")
    for name, data in exported(house).items():
        write(tmp_path / "out")
        (tmp_path / "out" / "privacy" / name).write_bytes(data)
    bring(house, folders.read(tmp_path / "out", prefix="copy-of-"))
    facts = [
        [
            (r.text, r.sha256, r.revision_date, r.published_at, r.effective_at, r.rule, r.notice_days, r.summary)
            for r in (entry.revision for entry in record(house, slug).entries)
        ]
        for slug in ("privacy", "copy-of-privacy")
    ]
    assert facts[0] == facts[1]
    (again,) = bring(house, folders.read(tmp_path / "out"))
    assert again.revisions == 0


# -- what does not fit --------------------------------------------------------------------------


def test_another_history_under_the_same_slug_is_refused_by_name(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path / "a", d2018_05_25=FIRST)))
    other = write(tmp_path / "b", d2017_05_25=LONGER, d2018_05_25=TYPO)
    with pytest.raises(ImportConflict, match=r"privacy/2017-05-25\.md"):
        bring(house, folders.read(other))
    assert len(record(house).entries) == 1
    bring(house, folders.read(other, prefix="b-"))
    assert len(record(house, "b-privacy").entries) == 2


def test_after_a_live_revision_no_past_is_imported(house: House, tmp_path: Path) -> None:
    folder = write(tmp_path, d2018_05_25=FIRST)
    bring(house, folders.read(folder))
    house.publish(LONGER)
    with pytest.raises(ImportConflict, match="another history"):
        bring(house, folders.read(write(folder, d2019_05_25=TYPO)))
    (folder / "privacy" / "2019-05-25.md").unlink()
    (folder / "privacy" / "2026-06-01.md").write_bytes(exported(house)["2026-06-01.md"])
    with pytest.raises(ImportConflict, match="published here"):
        bring(house, folders.read(write(folder, d2026_06_01__2=TYPO)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a\x00b", "read"),
        (b"x" * 1_000_001, "bytes"),
        (b"> " * 40 + b"deep", "nested"),
        (b"---\ngazette: {effective: 2018-01-01}\n---\nBefore its day\n", "force"),
        (b"---\ngazette: {rule: notice, notice_days: 1}\n---\nShort\n", "3 whole days"),
    ],
)
def test_one_bad_text_refuses_its_policy_by_name_and_changes_nothing(
    house: House, tmp_path: Path, text: bytes, says: str
) -> None:
    folder = write(tmp_path, d2018_05_25=FIRST, d2018_05_26=text)
    with pytest.raises(ImportConflict, match=rf"(?s)privacy/2018-05-26\.md.*{says}"):
        bring(house, folders.read(folder))
    with reading(house.runtime.engine) as session:
        assert policies.policies(session) == []


@pytest.mark.parametrize(
    "said",
    [
        "gazette: {colour: red}",
        "gazette: {notice_days: soon}",
        "gazette: {effective: tomorrow}",
        "gazette: {effective: 2018-13-45}",
        "gazette: {effective: '9999-12-31T23:59:59-05:00'}",
        "gazette: {effective: 9999-12-31T23:59:59-05:00}",
        "gazette: {published: 0001-01-01}",
        "gazette: {summary: [a, b]}",
        'gazette: {summary: "\\ud800"}',
        'gazette: {notice_days: !!int ""}',
        "gazette:\n  summary: " + "[" * 3000,
        "gazette: {",
    ],
)
def test_a_front_matter_of_ours_that_cannot_be_meant_is_refused(house: House, tmp_path: Path, said: str) -> None:
    with pytest.raises(FrontMatterInvalid, match=r"2018-05-25\.md"):
        bring(house, folders.read(write(tmp_path, d2018_05_25=f"---\n{said}\n---\nText\n")))


@pytest.mark.parametrize(
    "said",
    [
        b"title: 2018-13-45",
        b"title: " + b"[" * 3000,
        b"title: caf\xe9",
        b'title: "\\ud800"',
        b"lead: x\n" * 10_000,
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused_by_name(tmp_path: Path, said: bytes) -> None:
    write(tmp_path, d2018_05_25=FIRST)
    (tmp_path / "privacy" / "policy.yaml").write_bytes(said)
    with pytest.raises(FrontMatterInvalid, match=r"privacy/policy\.yaml"):
        folders.read(tmp_path)


def test_a_policy_that_cannot_be_read_is_refused_and_the_others_come_in(tmp_path: Path) -> None:
    for slug, name, text in (
        ("dated", "2018-13-01.md", b"x"),
        ("giant", "2018-05-25.md", b"x" * 2_000_001),
        ("good", "2018-05-25.md", b"x"),
        ("manifest", "policy.yaml", b"colour: red"),
    ):
        (tmp_path / slug).mkdir()
        (tmp_path / slug / "2018-05-24.md").write_text(FIRST)
        (tmp_path / slug / name).write_bytes(text)
    refused: dict[str, Refusal] = {}
    found = folders.read(tmp_path, prefix="my-", refuse=refused.__setitem__)
    assert [history.fields.slug for history in found] == ["my-good"]
    assert {slug: type(why) for slug, why in refused.items()} == {
        "my-dated": DateMalformed,
        "my-giant": TextTooLong,
        "my-manifest": FrontMatterInvalid,
    }


@pytest.mark.parametrize("ordinal", ["0", "1", "02", "000001"])
def test_a_name_that_would_not_come_out_again_is_refused(tmp_path: Path, ordinal: str) -> None:
    write(tmp_path, **{"d2018_05_25": FIRST, f"d2018_05_25__{ordinal}": LONGER})
    with pytest.raises(Invalid, match=rf"privacy/2018-05-25\.{ordinal}\.md"):
        folders.read(tmp_path)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", d2018_05_25=FIRST) / "privacy"
    (outside / "policy.yaml").write_text("title: Outside\n")
    inside = write(tmp_path / "inside", d2019_05_25=LONGER)
    (inside / "terms").symlink_to(outside)
    (inside / "privacy" / "2018-05-25.md").symlink_to(outside / "2018-05-25.md")
    (inside / "privacy" / "policy.yaml").symlink_to(outside / "policy.yaml")
    (found,) = folders.read(inside)
    assert [file.where for file in found.files] == ["privacy/2019-05-25.md"]
    assert found.fields.title == "Privacy"


def parts(folder: Path, **whole: str) -> Path:
    for slug, of in whole.items():
        (folder / slug).mkdir()
        (folder / slug / "2018-05-25.md").write_text(FIRST)
        (folder / slug / "policy.yaml").write_text(f"part_of: {of}\n" if of else "")
    return folder


def test_parts_of_parts_come_in_after_their_wholes(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(parts(tmp_path, achild="bmid", bmid="ztop", ztop="")))
    assert record(house, "achild").policy.part_of_id == record(house, "bmid").policy.id
    assert record(house, "bmid").policy.part_of_id == record(house, "ztop").policy.id


def test_parts_in_a_circle_are_refused_by_name_and_the_others_come_in(tmp_path: Path) -> None:
    refused: dict[str, Refusal] = {}
    folder = parts(tmp_path, a="b", b="c", c="b", d="d", e="")
    found = folders.read(folder, refuse=refused.__setitem__)
    assert [history.fields.slug for history in found] == ["e"]
    assert str(refused["a"]) == "a is part of b is part of c is part of b: that leads in a circle."
    assert sorted(refused) == ["a", "b", "c", "d"]


def test_a_missing_whole_is_refused_by_name(house: House, tmp_path: Path) -> None:
    with pytest.raises(NoSuchPolicy, match="nowhere"):
        bring(house, folders.read(parts(tmp_path, child="nowhere")))


def test_a_date_to_come_is_published_not_imported(house: House, tmp_path: Path) -> None:
    with pytest.raises(ImportConflict, match="not come yet"):
        bring(house, folders.read(write(tmp_path, d2030_01_01=FIRST)))


def test_a_folder_without_dated_files_a_wrong_date_and_a_giant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingToImport):
        folders.read(tmp_path / "nowhere")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.md").write_text("not dated")
    with pytest.raises(NothingToImport):
        folders.read(tmp_path)
    with pytest.raises(DateMalformed, match=r"2018-13-01\.md"):
        folders.read(write(tmp_path / "a", d2018_13_01=FIRST))
    with pytest.raises(TextTooLong):
        folders.read(write(tmp_path / "b", d2018_12_01=b"x" * 2_000_001))


def test_a_folder_whose_name_is_no_slug_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "Privacy Policy").mkdir()
    (tmp_path / "Privacy Policy" / "2018-05-25.md").write_text(FIRST)
    with pytest.raises(SlugMalformed):
        bring(house, folders.read(tmp_path))


# -- told through -------------------------------------------------------------------------------


def test_told_through_counts_for_those_who_had_joined_and_only_once(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path, d2018_05_25=FIRST, d2019_05_25=LONGER)))
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        made = histories.told_through(session, policy, date(2020, 1, 1), now=house.now)
        again = histories.told_through(session, policy, date(2020, 1, 1), now=house.now)
    assert made is not None
    assert again is None


def test_told_through_after_the_first_live_revision_is_refused(house: House) -> None:
    house.policy()
    house.publish(FIRST)
    with writing(house.runtime.engine) as session, pytest.raises(ImportConflict):
        histories.told_through(session, policies.lock(session, "privacy"), date(2026, 6, 2), now=house.now)


def test_told_through_counts_who_joined_during_the_day_and_not_who_joined_after(
    house: House, tmp_path: Path
) -> None:
    write(tmp_path, d2024_01_01=FIRST, d2025_01_01=LONGER)
    (tmp_path / "privacy" / "policy.yaml").write_text("time_zone: Europe/Stockholm\n")
    bring(house, folders.read(tmp_path))
    with writing(house.runtime.engine) as session:
        histories.told_through(session, policies.lock(session, "privacy"), date(2025, 1, 1), now=house.now)
    with reading(house.runtime.engine) as session:
        told = session.exec(select(Telling)).one()
    assert told.told_at == datetime(2025, 1, 1, 23, tzinfo=UTC) - timedelta(microseconds=1)


def test_told_through_today_goes_as_far_as_now(house: House, tmp_path: Path) -> None:
    bring(house, folders.read(write(tmp_path, d2024_01_01=FIRST)))
    with writing(house.runtime.engine) as session:
        made = histories.told_through(session, policies.lock(session, "privacy"), date(2026, 6, 1), now=house.now)
        assert made is not None
        assert made.told_at == house.now


def test_told_through_the_day_of_the_first_live_revision_is_refused_and_the_day_before_is_not(
    house: House, tmp_path: Path
) -> None:
    bring(house, folders.read(write(tmp_path, d2024_01_01=FIRST)))
    house.publish(LONGER)
    with writing(house.runtime.engine) as session:
        policy = policies.lock(session, "privacy")
        with pytest.raises(ImportConflict):
            histories.told_through(session, policy, date(2026, 6, 1), now=house.now)
        assert histories.told_through(session, policy, date(2026, 5, 31), now=house.now) is not None


# -- git ----------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    run(place, "init", "-q", "-b", "main")
    return place


def run(place: Path, *arguments: str, at: str = "2020-01-01T12:00:00+00:00", given: str | None = None) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at,
           "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": os.environ["PATH"]}  # fmt: skip
    command = ["git", "-C", str(place), *arguments]
    done = subprocess.run(command, check=True, env=who, input=given, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def commit(place: Path, name: str, text: str, at: str) -> None:
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)
    run(place, "add", "-A", at=at)
    run(place, "commit", "-q", "-m", "change", at=at)


FIELDS = PolicyFields("privacy", "Privacy policy")


def test_each_commit_that_changes_the_file_is_a_revision_through_renames(house: House, repository: Path) -> None:
    commit(repository, "old name.md", FIRST, "2020-01-01T12:00:00+00:00")
    commit(repository, "unrelated.md", "x", "2020-01-02T12:00:00+00:00")
    run(repository, "mv", "old name.md", "privacy é.md")
    commit(repository, "privacy é.md", LONGER, "2020-02-01T12:00:00+00:00")
    commit(repository, "privacy é.md", TYPO, "2020-02-01T13:00:00+00:00")
    bring(house, [gits.read(str(repository), "privacy é.md", FIELDS)])
    assert [(e.revision.revision_date, e.revision.text) for e in record(house).entries] == [
        ("2020-01-01", FIRST),
        ("2020-02-01", LONGER),
        ("2020-02-01", TYPO),
    ]
    assert list(exported(house)) == ["2020-01-01.md", "2020-02-01.md", "2020-02-01.2.md"]


def test_a_commit_dated_before_its_parent_keeps_its_place(house: House, repository: Path) -> None:
    commit(repository, "p.md", FIRST, "2020-03-01T12:00:00+00:00")
    commit(repository, "p.md", LONGER, "2020-02-01T12:00:00+00:00")
    bring(house, [gits.read(str(repository), "p.md", FIELDS)])
    assert [(e.revision.revision_date, e.revision.text) for e in record(house).entries] == [
        ("2020-03-01", FIRST),
        ("2020-03-01", LONGER),
    ]


def test_links_and_hooks_of_a_repository_are_not_followed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (repository / "p.md").symlink_to(tmp_path / "secret.md")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "a link")
    with pytest.raises(NothingToImport):
        gits.read(str(repository), "p.md", FIELDS)


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A program that a repository might name, which leaves a mark where it ran."""
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    program.chmod(0o755)
    return program


def test_no_program_that_a_repository_names_for_signatures_is_run(
    repository: Path, evil: Path, tmp_path: Path
) -> None:
    commit(repository, "p.md", FIRST, "2020-01-01T12:00:00+00:00")
    head, _, message = run(repository, "cat-file", "commit", "HEAD").partition("\n\n")
    signed = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n{message}\n"
    sha = run(repository, "hash-object", "-t", "commit", "-w", "--stdin", given=signed)
    run(repository, "update-ref", "HEAD", sha)
    run(repository, "config", "log.showSignature", "true")
    for setting in ("gpg.program", "uploadpack.packObjectsHook", "core.fsmonitor", "core.alternateRefsCommand"):
        run(repository, "config", setting, str(evil))
    run(repository, "log", "-1")
    assert (tmp_path / "ran").exists()  # git itself would run it
    (tmp_path / "ran").unlink()
    assert [file.data for file in gits.read(str(repository), "p.md", FIELDS).files] == [FIRST.encode()]
    assert not (tmp_path / "ran").exists()


def test_no_program_that_a_repository_names_for_fetching_is_run(
    repository: Path, evil: Path, tmp_path: Path
) -> None:
    commit(repository, "p.md", FIRST, "2020-01-01T12:00:00+00:00")
    commit(repository, "p.md", LONGER, "2020-02-01T12:00:00+00:00")
    blob = run(repository, "rev-parse", "HEAD~1:p.md")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()  # now it would have to be fetched
    for setting, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", str(tmp_path)),
        ("remote.origin.uploadpack", str(evil)),
    ):
        run(repository, "config", setting, value)
    with pytest.raises(subprocess.CalledProcessError):
        run(repository, "cat-file", "blob", blob)
    assert (tmp_path / "ran").exists()  # git itself would run it
    (tmp_path / "ran").unlink()
    with pytest.raises(NotARepository):
        gits.read(str(repository), "p.md", FIELDS)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", [".", "", "*.md", ":(top)p.md", ":!other", "folder", "../p.md", "/p.md", "--all"])
def test_a_path_names_one_file(repository: Path, path: str) -> None:
    commit(repository, "p.md", FIRST, "2020-01-01T12:00:00+00:00")
    commit(repository, "folder/p.md", FIRST, "2020-01-01T12:00:00+00:00")
    with pytest.raises(NothingToImport):
        gits.read(str(repository), path, FIELDS)


def test_a_leading_hyphen_is_no_option(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repository, "--output=x", FIRST, "2020-01-01T12:00:00+00:00")
    repository.rename(tmp_path / "--upload-pack=x")
    monkeypatch.chdir(tmp_path)
    assert len(gits.read("--upload-pack=x", "--output=x", FIELDS).files) == 1


def test_a_commit_dated_beyond_all_years_is_refused(repository: Path) -> None:
    commit(repository, "p.md", FIRST, "@99999999999999 +0000")
    with pytest.raises(NotARepository, match="date"):
        gits.read(str(repository), "p.md", FIELDS)


def test_what_is_no_repository_is_refused(tmp_path: Path, repository: Path) -> None:
    for place in (str(tmp_path / "nowhere"), "ssh://example.com/x", "ext::sh -c id", "file:///etc"):
        with pytest.raises(NotARepository):
            gits.read(place, "p.md", FIELDS)
    commit(repository, "p.md", FIRST, "2020-01-01T12:00:00+00:00")
    with pytest.raises(NothingToImport):
        gits.read(str(repository), "other.md", FIELDS)


@pytest.mark.parametrize(
    ("path", "slug"), [("Policies/Terms of Use.md", "terms-of-use"), ("PRIVACY.md", "privacy")]
)
def test_a_slug_is_made_from_the_files_name(path: str, slug: str) -> None:
    assert gits.slug_of(path) == slug
