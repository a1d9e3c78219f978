"""Answers are measured in the small: every part comes to its figures, and what is asked is answered rightly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import col, select

from benchmarks import applicability
from benchmarks.applying import history
from benchmarks.sending import ground
from database import reading
from notifier import facts, standing
from notifier.models import Member
from policy_versions import applicability as core
from policy_versions import archive, policies

FIELDS = {"name", "value", "unit", "against", "goal", "holds", "interval"}
QUICK = ["--members", "400", "--rounds", "1", "--requests", "40", "--database", "sqlite"]
NAMES = {
    "lookup",
    "lookup ÷ bare",
    "batch of 400",
    "batch ÷ bare",
    "lookups ÷ batch",
    "batch, the first of a process ÷ bare",
    "export",
    "export: memory, at its peak",
    "export: exponent of its time",
    "API: lookups",
    "API: lookups ÷ bare route",
}


@pytest.mark.socket
def test_every_part_comes_to_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert applicability.main([*QUICK, "--json", str(file)]) == 0
    figures = {each["name"]: each for each in json.loads(file.read_text())["figures"]}
    assert set(figures) == {f"sqlite: {name}" for name in NAMES}
    assert all(set(each) == FIELDS for each in figures.values())
    assert all(each["value"] > 0 for name, each in figures.items() if "exponent" not in name)
    assert capsys.readouterr().out.count("sqlite: ") == len(NAMES)


def test_parts_are_chosen_and_given_as_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert applicability.main([*QUICK, "--only", "asking", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    goals = {each["name"].removeprefix("sqlite: "): each["goal"] for each in figures if each["goal"]}
    assert goals == {"lookup ÷ bare": "<= 3", "batch ÷ bare": "<= 2", "lookups ÷ batch": ">= 20"}


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        applicability.main(["--only", "flying"])
    assert refused.value.code == 2
    assert "the parts are asking, export, api" in capsys.readouterr().err


def test_what_is_measured_is_answered_as_the_plain_fold_has_it() -> None:
    """Ten years of texts and letters, with every kind of fact of members' own among them."""
    with ground.at("sqlite") as engine:
        history.write(engine, 300)
        with reading(engine) as session:
            now = history.published(history.TEXTS + 5)
            record = archive.history(session, policies.policy(session, "privacy"))
            everybody = session.exec(select(Member).order_by(col(Member.id))).all()
            gathered = facts.of_members(session, facts.of_policy(session, record), everybody)
            pairs = [(m.id or 0, history.published(number)) for m in everybody for number in (7, 20, 36, 50)]
            answered = standing.many(session, "privacy", pairs, now=now)
    spans = {m.id: core.timeline(gathered[m.id]) for m in everybody}
    told = [(a.revision, a.since, a.until, a.evidence) if a.revision else None for a in answered]
    plain = [spans[member_id].at(at) for member_id, at in pairs]
    assert told == [(s.revision, s.start, s.end, s.rests_on) if s else None for s in plain]
    assert len({each and each[0] for each in told}) > 4
