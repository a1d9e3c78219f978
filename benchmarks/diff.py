"""Measure the redline on pairs of real texts: python benchmarks/diff.py FOLDER [FOLDER...] (see README.md)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this file's own folder would hide the package's name

from benchmarks import adversarial, corpus, moves, peers, quality, report, speed
from benchmarks.corpus import Corpus
from policy_versions.diff import ENGINE

PARTS = ("speed", "quality", "moves", "adversarial")


def main() -> int:
    """Measure, print, and return 0 when all ran, 1 when the engine failed, 2 when something is missing.

    No figure changes it.
    """
    args = _arguments()
    parts = [part for part in PARTS if part in args.only]
    if absent := peers.missing(parts):
        say(f"Not installed: {', '.join(absent)}. Run: .venv/bin/pip install -r requirements-bench.txt")
        return 2
    pairs = corpus.gather(args.folders, args.histories, args.limit, args.seed)
    if not pairs.pairs and parts != ["adversarial"]:
        say("No pairs found: FOLDER holds ID/old.md and ID/new.md, --histories DIR dated *.md files.")
        return 2
    say(f"{len(pairs.pairs)} pairs; left out: {pairs.left_out or 'none'}")
    figures, details = _measured(parts, pairs, args)
    if args.json != "-":
        _print(figures, details)
    if args.json:
        _write({**_about(pairs, args), "figures": [one.to_json() for one in figures], **details}, args.json)
    return int(_has_failed(details))


def _has_failed(details: dict[str, Any]) -> bool:
    """Whether the engine, not a peer, failed on any text; what adversarial texts did to it is a figure."""
    timed = details.get("speed", {}).get("capped_or_failed", {})
    return bool(details.get("quality", {}).get("failed") or timed.keys() & set(speed.OURS))


def say(message: str) -> None:
    """Tell of the progress beside the result."""
    print(message, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the redline on pairs of real texts.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="holds ID/old.md and ID/new.md")
    parser.add_argument("--histories", action="append", default=[], type=Path, metavar="DIR")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write JSON, to FILE or out")
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,…", help=", ".join(PARTS))
    parser.add_argument("--limit", type=int, help="so many pairs, drawn by the seed")
    parser.add_argument("--seed", type=int, default=20260)
    parser.add_argument("--cap", type=float, default=10.0, help="seconds a peer may take on a pair (10)")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(PARTS)}")
    return parts


def _about(pairs: Corpus, args: argparse.Namespace) -> dict[str, Any]:
    return {
        "engine": ENGINE,
        "pairs": len(pairs.pairs),
        "left_out": pairs.left_out,
        "seed": args.seed,
        "python": sys.version.split()[0],
        "peers": peers.versions(),
    }


def _write(measured: dict[str, Any], name: str) -> None:
    text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
    if name == "-":
        sys.stdout.write(text)
    else:
        Path(name).write_text(text, "utf-8")


def _print(figures: Sequence[report.Figure], details: dict[str, Any]) -> None:
    print(report.table(figures))
    if "speed" in details:
        print(f"\n{report.bins(details['speed']['ms'])}")
    if faults := report.faults(details.get("quality", {}).get("pairs", ()), details.get("moves", ())):
        print(f"\n{faults}")
    for kind, result in details.get("adversarial", {}).items():
        print(f"{kind}: {adversarial.told(result)}")


# -- measuring ----------------------------------------------------------------------------------


def _measured(
    parts: list[str], pairs: Corpus, args: argparse.Namespace
) -> tuple[list[report.Figure], dict[str, Any]]:
    """Return the figures, and by part what they were made from."""
    run = {"speed": _speed, "quality": _quality, "moves": _moves, "adversarial": _adversarial}
    figures: list[report.Figure] = []
    details = {}
    for part in parts:
        found, details[part] = run[part](pairs, args)
        figures += found
    return figures, details


def _speed(pairs: Corpus, args: argparse.Namespace) -> tuple[list[report.Figure], Any]:
    times = speed.run(pairs.pairs, args.cap, say)
    details = {"cap_s": args.cap, "capped_or_failed": speed.states(times)}
    return report.of_speed(times), {**details, "ms": speed.by_bin(pairs.pairs, times)}


def _quality(pairs: Corpus, _: argparse.Namespace) -> tuple[list[report.Figure], Any]:
    scores, failed = quality.run(pairs.pairs, say)
    details = {"pairs": [asdict(score) for score in scores], "failed": failed}
    return report.of_quality(scores, len(failed)), details


def _moves(pairs: Corpus, args: argparse.Namespace) -> tuple[list[report.Figure], Any]:
    outcomes = moves.run(pairs.pairs, args.seed, say)
    return report.of_moves(outcomes), [outcome._asdict() for outcome in outcomes]


def _adversarial(_: Corpus, args: argparse.Namespace) -> tuple[list[report.Figure], Any]:
    results = adversarial.run(args.seed, say)
    return report.of_adversarial(results), results


if __name__ == "__main__":
    sys.exit(main())
