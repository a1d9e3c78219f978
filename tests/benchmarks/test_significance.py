"""benchmarks/significance.py, from its arguments to its figures."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import significance
from benchmarks.decisions import figures, labelled, letters, odd, outcomes, pace
from benchmarks.decisions.figures import Figure, Goal
from benchmarks.decisions.odd import Texts
from policy_versions.significance import Decision, decide
from tests.benchmarks.labelled import TEXT, fill

SHAPE = ["name", "value", "unit", "against", "goal", "holds", "interval"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "set", "significant", "minor", "significant", "minor", "artifact")


def measured(folder: Path, capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert significance.main([str(folder), "--json", "-", *args]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {figure["name"]: figure["value"] for figure in found["figures"]}


# -- verdicts -----------------------------------------------------------------------------------


def test_figures_have_one_shape(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(folder, capsys, "--only", "verdicts,time")
    assert {tuple(figure) for figure in found["figures"]} == {tuple(SHAPE)}
    assert found["engine"] == decide("", "").engine


def test_artifacts_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(folder, capsys, "--only", "verdicts")
    assert found["pairs"] == len(found["verdicts"]) == 4


def test_clear_pairs_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = by_name(measured(folder, capsys, "--only", "verdicts"))
    assert found["as shipped: F1"] == found["by left-out document: F1"] == 1
    assert found["categories: recall"] == 1
    assert found["verdicts that sureness and threshold contradict"] == 0


def test_each_document_has_its_fold_in_every_contender(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(folder, capsys, "--only", "verdicts")
    assert {one["document"] for one in found["verdicts"]} == set(found["folds"]["engine"])
    assert all(each.keys() == found["folds"]["engine"].keys() for each in found["folds"].values())


def test_the_table_ends_with_the_figures_and_lists_the_errors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = folder / "labels.jsonl"
    labels.write_text(labels.read_text("utf-8").replace("significant", "minor", 1), "utf-8")
    assert significance.main([str(folder), "--only", "verdicts"]) == 0
    told = capsys.readouterr().out
    assert "errors as shipped: 1 of 4\n  p0 false, sureness " in told
    assert told.rstrip().rpartition("\n\n")[2].startswith("figure ")
    assert told.rstrip().splitlines()[-1].startswith("pairs with more than 6 categories named")


def test_a_pair_that_the_engine_fails_on_is_told_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: str) -> None:
        raise RuntimeError("no verdict")

    monkeypatch.setattr(outcomes, "decide", failing)
    assert significance.main([str(folder), "--only", "verdicts"]) == 1
    told = capsys.readouterr().out
    assert "the engine failed on p0: RuntimeError('no verdict')" in told
    assert "pairs that the engine failed on                  4" in told


def test_it_runs_as_a_script(folder: Path) -> None:
    command = [sys.executable, significance.__file__, str(folder), "--only", "verdicts", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["pairs"] == 4


# -- refusals -----------------------------------------------------------------------------------


def test_an_empty_folder_is_refused_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert significance.main([str(tmp_path)]) == 2
    assert f"{tmp_path} holds no labels.jsonl; it is to hold that and" in capsys.readouterr().err


def test_a_folder_of_artifacts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert significance.main([str(fill(tmp_path, "artifact"))]) == 2
    assert "labels no pair significant or minor" in capsys.readouterr().err


def test_a_labelled_pair_without_its_text_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pairs/p1/new.md").unlink()
    assert significance.main([str(folder)]) == 2
    assert "p1/new.md is missing, though it is labelled." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ('{"id": "p0"}', "not an object with id, label"),
        ('["label", "id"]', "not an object with id, label"),
        ('{"id": "p0", "label": "grave"}', "the label 'grave' is none of significant, minor, artifact"),
    ],
)
def test_a_malformed_label_is_refused_with_its_line(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "labels.jsonl").write_text(f"\n{line}\n", "utf-8")
    with pytest.raises(labelled.Unusable, match=f"line 2: {why}"):
        labelled.gather(tmp_path)


def test_an_unknown_part_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        significance.main([str(folder), "--only", "speed"])
    assert "speed is none of verdicts, time, odd" in capsys.readouterr().err


# -- histories ----------------------------------------------------------------------------------


@pytest.fixture
def histories(tmp_path: Path) -> Path:
    history = tmp_path / "histories" / "library" / "privacy"
    history.mkdir(parents=True)
    first = TEXT.format(telling="")
    longer = first.replace("12 months", "24 months")
    texts = {"2024-05-01": first, "2024-05-01.2": longer, "2024-05-01.10": longer.replace("lending", "Lending")}
    for date, text in texts.items():
        (history / f"{date}.md").write_text(text, "utf-8")
    return tmp_path / "histories"


def test_a_history_is_decided_step_by_step_in_the_order_of_dates(histories: Path) -> None:
    steps, _ = letters.run(histories, lambda _: None)
    assert [(step.history, step.date, step.verdict) for step in steps] == [
        ("library/privacy", "2024-05-01.2", "significant"),
        ("library/privacy", "2024-05-01.10", "minor"),
    ]
    assert steps[0].finding == decide(*(TEXT.replace("12", number) for number in ("12", "24"))).findings[0].reason


def test_a_history_is_told_with_its_counts(
    folder: Path, histories: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert significance.main([str(folder), "--only", "verdicts", "--histories", str(histories)]) == 0
    told = capsys.readouterr().out
    assert "library/privacy: 2 changes, 1 significant" in told
    assert "all histories: 2 changes, 1 significant" in told


def test_labels_of_a_history_add_agreement_and_disagreements(
    folder: Path, histories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold = tmp_path / "gold.jsonl"
    step = {"history": "library/privacy", "label": "significant", "evidence": "Lending Library"}
    gold.write_text("\n".join(json.dumps({**step, "new": f"2024-05-01.{n}.md"}) for n in (2, 10, 11)), "utf-8")
    args = [str(folder), "--only", "verdicts", "--histories", str(histories), "--gold", str(gold)]
    assert significance.main(args) == 0
    told = capsys.readouterr().out
    assert "2 of 3 labels met their step" in told
    assert "library/privacy  2024-05-01.10  minor" in told
    assert "1 found, 1 missed, 0 false, 0 rightly minor" in told


def test_a_folder_without_history_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert significance.main([str(folder), "--only", "verdicts", "--histories", str(empty)]) == 2
    assert "holds no folder with two dated texts" in capsys.readouterr().err


# -- time and odd texts -------------------------------------------------------------------------


def test_a_pair_is_timed_without_what_was_remembered_of_it(folder: Path) -> None:
    timings, failed = pace.run(labelled.gather(folder), lambda _: None)
    assert not failed
    assert [one.id for one in timings] == ["p0", "p1", "p2", "p3"]
    assert all(one.ours > 0 and one.difflib > 0 for one in timings)


def test_an_engine_that_fails_stops_neither_times_nor_histories(
    folder: Path, histories: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(old: str, new: str) -> Decision:
        if old.startswith("#") and old.replace("for 12", "for 24") == new:
            raise RuntimeError("no verdict")
        return decide(old, new)

    monkeypatch.setattr(pace, "decide", failing)
    monkeypatch.setattr(letters, "decide", failing)
    args = ["--only", "time", "--histories", str(histories), "--json", "-"]
    assert significance.main([str(folder), *args]) == 1
    found = json.loads(capsys.readouterr().out)
    assert set(found["failed"]) == {"p0", "p2", "histories/library/privacy/2024-05-01.2"}
    assert (len(found["time"]), len(found["histories"])) == (2, 1)


def test_made_texts_are_the_same_for_the_same_seed() -> None:
    make = odd.KINDS[odd.REWRITTEN_POLICY]
    one, again, other = (make(random.Random(seed)) for seed in (1, 1, 2))
    assert one == again != other
    assert len(one.old) == len(one.new) == 100_000
    assert not set(one.old.split(b"\n\n")) & set(one.new.split(b"\n\n")) - {b""}


def test_an_odd_text_is_answered_in_a_process_of_its_own() -> None:
    answer = odd.trial(Texts(b"We keep it for 12 months.\n", b"We keep it for 24 months.\n"))
    assert answer["verdict"] == "significant"
    assert answer["peak_mb"] > answer["own_mb"] >= 0


def test_a_refusal_is_an_answer() -> None:
    answer = odd.trial(Texts(b"\xff\xfe\x00", b"text"))
    assert answer["refused"] == "TextNotReadable"
    assert odd.told(answer).startswith("refused (TextNotReadable), ")


def test_what_is_stopped_or_fails_holds_no_goal() -> None:
    answered = {"verdict": "minor", "seconds": 1.0, "peak_mb": 50.0, "own_mb": 9.0}
    results: dict[str, dict[str, Any]] = {
        odd.REWRITTEN: {"timed_out": 60.0},
        odd.REWRITTEN_POLICY: {"failed": "died"},
        odd.TOO_LARGE: answered,
    }
    found = {figure.name: figure for figure in figures.of_odd(results)}
    assert [found[odd.REWRITTEN].holds, found["odd texts stopped or failed"].value] == [False, 2]
    assert found[odd.REWRITTEN].to_json()["value"] is None
    assert found["odd texts called minor though another thing is said"].against == odd.TOO_LARGE


def test_what_was_not_measured_reaches_no_goal() -> None:
    assert Figure("recall", None, Goal(">=", 0.96)).holds is False
    assert Figure("recall", None).holds is None
