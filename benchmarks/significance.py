"""Measure the significance decision: python benchmarks/significance.py FOLDER (see README.md)."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.decisions import baselines, figures, folds, labelled, letters, odd, outcomes, pace
from benchmarks.decisions.figures import Figure
from benchmarks.decisions.folds import Scored, Validated
from benchmarks.decisions.labelled import Labelled, Unusable
from benchmarks.decisions.outcomes import Outcome
from policy_versions.significance import decide

PARTS = ("verdicts", "time", "odd")


class Measured(NamedTuple):
    """What a part of the measurement came to."""

    figures: list[Figure]
    details: dict[str, Any]  # what they were made from
    told: list[str]  # the same in words
    failed: dict[str, str]  # errors of the engine by pair


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0 when all ran, 1 when the engine failed on a pair, 2 when something is missing.

    No figure changes it.
    """
    args = _arguments().parse_args(given)
    try:
        pairs = labelled.gather(args.folder)
        labels = letters.gold(args.gold) if args.gold else {}
        found = _together(_measured(pairs, labels, args))
    except Unusable as error:
        say(str(error))
        return 2
    if args.json != "-":
        print("\n\n".join(filter(None, (*found.told, figures.table(found.figures)))))
    if args.json:
        shown = {"figures": [one.to_json() for one in found.figures], "failed": found.failed}
        _write({**_about(pairs), **shown, **found.details}, args.json)
    return int(bool(found.failed))


def say(message: str) -> None:
    """Tell of the progress beside the result."""
    print(message, file=sys.stderr, flush=True)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the significance decision on labelled pairs of texts.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds labels.jsonl and pairs/ID/{old,new}.md")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write JSON, to FILE or out")
    parser.add_argument(
        "--histories", type=Path, metavar="DIR", help="folders of dated Markdown: decide along each"
    )
    parser.add_argument(
        "--gold", type=Path, metavar="FILE", help="labels of the steps of those histories, as JSONL"
    )
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,…", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=20260, help="of the texts that are made")
    return parser


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(PARTS)}")
    return parts


def _about(pairs: Sequence[Labelled]) -> dict[str, Any]:
    return {"engine": decide("", "").engine, "pairs": len(pairs), "python": sys.version.split()[0]}


def _write(measured: dict[str, Any], name: str) -> None:
    text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
    if name == "-":
        sys.stdout.write(text)
    else:
        Path(name).write_text(text, "utf-8")


# -- measuring ----------------------------------------------------------------------------------


def _measured(pairs: Sequence[Labelled], labels: letters.Gold, args: argparse.Namespace) -> Iterator[Measured]:
    """Yield what was asked for, part by part."""
    if "verdicts" in args.only:
        yield _verdicts(pairs)
    if "time" in args.only:
        yield _time(pairs)
    if "odd" in args.only:
        yield _odd(args.seed)
    if args.histories:
        yield _histories(args.histories, labels)


def _together(measured: Iterable[Measured]) -> Measured:
    parts = list(measured)
    failed = {name: error for part in parts for name, error in part.failed.items()}
    return Measured(
        figures=[figures.of_failures(len(failed)), *(figure for part in parts for figure in part.figures)],
        details={name: value for part in parts for name, value in part.details.items()},
        told=[*(f"the engine failed on {name}: {error}" for name, error in failed.items()), *_words(parts)],
        failed=failed,
    )


def _words(parts: Sequence[Measured]) -> list[str]:
    return [words for part in parts for words in part.told]


def _time(pairs: Sequence[Labelled]) -> Measured:
    timings, failed = pace.run(pairs, say)
    slowest = sorted(timings, key=lambda one: -one.ours)[:5]
    told = "slowest pairs: " + ", ".join(f"{one.id} {one.ours:.0f} ms" for one in slowest)
    return Measured(figures.of_pace(timings), {"time": [one._asdict() for one in timings]}, [told], failed)


def _odd(seed: int) -> Measured:
    results = odd.run(seed, say)
    told = "\n".join(f"{kind}: {odd.told(result)}" for kind, result in results.items())
    return Measured(figures.of_odd(results), {"odd": results}, [told], {})


def _histories(folder: Path, labels: letters.Gold) -> Measured:
    steps, failed = letters.run(folder, say)
    cases = letters.judged(steps, labels)
    told = [letters.tables(steps), f"all histories: {letters.counts(steps)}"]
    found = []
    if labels:
        told += [f"{len(cases)} of {len(labels)} labels met their step", letters.disagreements(cases)]
        found = figures.of_histories(letters.agreement(cases))
    return Measured(found, {"histories": letters.to_json(steps, cases)}, told, failed)


# -- verdicts -----------------------------------------------------------------------------------


def _verdicts(pairs: Sequence[Labelled]) -> Measured:
    """Return the verdicts as shipped, by left-out documents beside the baselines, and their categories."""
    decided, failed = outcomes.run(pairs, labelled.documents(pairs))
    counted, met = outcomes.shipped(decided), outcomes.categories(decided)
    engine, peers = _validated(decided)
    found = figures.of_shipped(counted, sum(one.contradicts_itself for one in decided))
    found += figures.of_validation(engine, peers) + figures.of_categories(met)
    details = {"verdicts": [one.to_json() for one in decided], "folds": _folds(engine, peers)}
    told = [_errors(decided), _about_folds(decided, engine, peers), _about_categories(decided, met.crowded)]
    return Measured(found, details, told, failed)


def _validated(decided: Sequence[Outcome]) -> tuple[Validated, dict[str, Validated]]:
    """Return the engine's validation, and by name those of the baselines on the same pairs and documents.

    A baseline is tried with the engine's least recall and, where that ruins it, for the best F1 alone.
    """
    ours = folds.validate(_scored(decided, [one.sureness for one in decided]))
    peers = {}
    for name, scores in baselines.scores([one.pair for one in decided]).items():
        peers[name] = folds.validate(_scored(decided, scores))
        peers[f"{name}, any recall"] = folds.validate(_scored(decided, scores), least=0)
    return ours, peers


def _scored(decided: Sequence[Outcome], scores: Sequence[float]) -> list[Scored]:
    return [Scored(one.document, one.pair.significant, score) for one, score in zip(decided, scores, strict=True)]


def _folds(engine: Validated, peers: dict[str, Validated]) -> dict[str, dict[str, float]]:
    """Return by contender the threshold of each document left out."""
    every = {"engine": engine, **peers}
    return {name: {fold.document: fold.threshold for fold in one.folds} for name, one in every.items()}


def _errors(decided: Sequence[Outcome]) -> str:
    wrong = [one for one in decided if one.is_error]
    return "\n".join([f"errors as shipped: {len(wrong)} of {len(decided)}", *map(_error, wrong)])


def _error(one: Outcome) -> str:
    kind = "missed" if one.pair.significant else "false"
    head = f"  {one.pair.id} {kind}, sureness {one.sureness:.3f}: {one.pair.where}"
    said = f"labelled {one.pair.label} ({', '.join(sorted(one.pair.categories)) or 'no category'})"
    sure = f", confidence {one.pair.confidence}" if one.pair.confidence else ""
    lines = [head, f"    {said}{sure}: {letters.shortened(one.pair.evidence)}"]
    if finding := outcomes.top_finding(one.decision):
        lines.append(f"    found: {letters.shortened(finding)}")
    return "\n".join(lines)


def _about_folds(decided: Sequence[Outcome], engine: Validated, peers: dict[str, Validated]) -> str:
    thresholds = [fold.threshold for fold in engine.folds] or [0.0]
    wrong = [
        one.pair.id
        for one, verdict in zip(decided, engine.verdicts, strict=True)
        if verdict != one.pair.significant
    ]
    lines = [
        f"{len(engine.folds)} documents; thresholds on sureness {min(thresholds):.3f} to {max(thresholds):.3f}",
        f"errors by left-out document: {', '.join(wrong) or 'none'}",
    ]
    for name, one in peers.items():
        least = [math.ceil(fold.threshold) for fold in one.folds] or [0]
        lines.append(f"at least {min(least)} to {max(least)} {name}: {one.confusion}")
    return "\n".join(lines)


def _about_categories(decided: Sequence[Outcome], crowded: Sequence[str]) -> str:
    """Return where named and labelled categories differ, among the pairs rightly found significant."""
    lines = ["categories lacking (-) and extra (+) in pairs rightly significant:"]
    for one in decided:
        if one.significant and one.pair.significant and one.named != one.labelled:
            marks = [f"-{name}" for name in sorted(one.labelled - one.named)]
            marks += [f"+{name}" for name in sorted(one.named - one.labelled)]
            lines.append(f"  {one.pair.id} {' '.join(marks)}")
    if crowded:
        lines.append(f"more than {outcomes.MOST} categories named: {', '.join(crowded)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
