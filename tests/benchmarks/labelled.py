"""A folder of labelled pairs in our own words, as benchmarks/significance.py takes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.decisions.labelled import Labelled

TEXT = """# Privacy policy of the lending library

## What we keep

We keep your name and the titles that you borrow for 12 months.

## Whom we tell

We do not sell your data. {telling}
"""
EDITS = {
    "significant": ("for 12 months", "for 24 months"),
    "minor": ("lending library", "Lending Library"),
    "artifact": ("# Privacy", "Menu Search Cart\n\n# Privacy"),
}


def pair(id: str = "a", label: str = "minor", **fields: Any) -> Labelled:
    """A labelled pair with what a test says of it."""
    given: dict[str, Any] = {
        "categories": frozenset(),
        "evidence": "",
        "source": "shelf",
        "path": f"{id}.md",
        "confidence": None,
        "old": "",
        "new": "",
    }
    return Labelled(id=id, label=label, **{**given, **fields})


def fill(folder: Path, *labels: str) -> Path:
    """Write one pair for each label, each of a document of its own."""
    rows = []
    for number, label in enumerate(labels):
        id = f"p{number}"
        old = TEXT.format(
            telling=" ".join(f"Shelf {number} stands in room {number * place}." for place in range(40))
        )
        sides = folder / "pairs" / id
        sides.mkdir(parents=True)
        (sides / "old.md").write_text(old, "utf-8")
        (sides / "new.md").write_text(old.replace(*EDITS[label]), "utf-8")
        categories = ["retention"] if label == "significant" else []
        rows.append({"id": id, "label": label, "categories": categories, "source": "shelf", "path": f"{id}.md"})
    (folder / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    return folder
