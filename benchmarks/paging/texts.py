"""Texts of a policy, each some 60 KB, and each a good part of the one before: made of our own examples' words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.sending.children import ROOT
from database import reading, writing
from notifier.runtime import Runtime
from policy_versions import dates, histories
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.policies import PolicyFields

BYTES = 60_000
EDITED = 0.35  # of the paragraphs, in each revision
REWORDED = 0.1  # of the words of such a paragraph
SLUG = "privacy"


def publish(engine: Engine, works: Runtime, revisions: int, *, size: int = BYTES, seed: int = 1) -> list[str]:
    """A policy with so many texts, the last of them in force; returns the texts."""
    made = list(texts(revisions, size, random.Random(seed)))
    files = tuple(
        DatedFile(dates.RevisionDate(2000 + year), 1, text.encode(), str(year)) for year, text in enumerate(made)
    )
    history = DatedHistory(PolicyFields(SLUG, "Privacy policy", "What we keep, and why."), files, "benchmark")
    with reading(engine) as session:
        plan = histories.plan(session, history, now=works.clock.now(session))
    with writing(engine) as session:
        histories.carry_out(session, plan, actor="benchmark", now=works.clock.now(session))
    return made


def texts(revisions: int, size: int, draw: random.Random) -> Iterator[str]:
    paragraphs = _first(size, draw)
    words = sorted({word for paragraph in paragraphs for word in paragraph.split() if word.isalpha()})
    for _ in range(revisions):
        yield "\n\n".join(paragraphs) + "\n"
        paragraphs = [_edited(one, words, draw) if draw.random() < EDITED else one for one in paragraphs]


def _first(size: int, draw: random.Random) -> list[str]:
    said = _paragraphs(ROOT / "examples")
    made = ["# Privacy policy"]
    while sum(len(one) + 2 for one in made) < size:
        if len(made) % 9 == 1:
            made.append(f"## {len(made) // 9 + 1}. {' '.join(draw.choice(said).split()[:4]).rstrip('.,;:')}")
        else:
            made.append(draw.choice(said))
    return made


def _paragraphs(folder: Path) -> list[str]:
    found = "\n\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*/*.md"))).split("\n\n")
    return sorted({re.sub(r"\s+", " ", one).strip() for one in found if len(one) > 120 and one[0].isalpha()})


def _edited(paragraph: str, words: Sequence[str], draw: random.Random) -> str:
    if paragraph.startswith("#"):
        return paragraph
    return " ".join(draw.choice(words) if draw.random() < REWORDED else word for word in paragraph.split(" "))
