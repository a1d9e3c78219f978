"""Make the texts on which comparisons go wrong, each as large as a text may be."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

BYTES = 980_000  # near markdown.LIMIT, with room for what an edit adds
BLOCKS = 19_900  # near the 20,000 blocks that a text may have
NESTING = 18  # quotes around a paragraph; 20 levels in all may be open


class Texts(NamedTuple):
    """An old and a new text."""

    old: str
    new: str


class _Words:
    """A vocabulary of made-up words, drawn as unevenly as those of a language."""

    def __init__(self, rng: random.Random, size: int = 4000) -> None:
        self._rng = rng
        syllables = [a + b for a in "bdfgklmnprstv" for b in "aeiou"]
        self._all = sorted({"".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(size)})
        rng.shuffle(self._all)
        self._weights = [1 / (place + 2) for place in range(len(self._all))]

    def draw(self, count: int) -> list[str]:
        return self._rng.choices(self._all, self._weights, k=count)

    def some(self, size: int) -> list[str]:
        """Return words that fill so many bytes."""
        words = self.draw(size // 4)
        while sum(map(len, words)) + len(words) > size:
            words = words[: len(words) * 9 // 10]
        return words

    def edited(self, words: Sequence[str], share: float) -> list[str]:
        """Return the words with a share of them replaced."""
        chance = self._rng.random
        others = iter(self.draw(len(words)))
        return [next(others) if chance() < share else word for word in words]


def _policy(rng: random.Random, words: _Words, size: int = BYTES) -> list[str]:
    """Return blocks: sections of a heading and eleven paragraphs."""
    blocks: list[str] = []
    left = size
    while left > 1000:
        heading = not len(blocks) % 12
        drawn = words.draw(4 if heading else rng.randint(30, 120))
        blocks.append(f"## {len(blocks) // 12 + 1}. " + " ".join(drawn) if heading else " ".join(drawn) + ".")
        left -= len(blocks[-1]) + 2
    return blocks


def _joined(blocks: Sequence[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _edited_policy(rng: random.Random, share: float) -> Texts:
    words = _Words(rng)
    old = _policy(rng, words, BYTES - 20_000)
    new = [block if block.startswith("#") else " ".join(words.edited(block.split(), share)) for block in old]
    return Texts(_joined(old), _joined(new))


def _same_paragraphs(rng: random.Random) -> Texts:
    old = ["The same short sentence stands here once more."] * BLOCKS
    new = ["A new short sentence stands here once more." if rng.random() < 0.02 else block for block in old]
    del new[5000:5010]
    return Texts(_joined(old), _joined(new))


def _rows(rng: random.Random, words: _Words, columns: int) -> list[list[str]]:
    return [[*words.draw(columns - 1), str(rng.randrange(1000))] for _ in range(BLOCKS)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = [f"head{place}" for place in range(len(rows[0]))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def _table_rows(rng: random.Random) -> Texts:
    words = _Words(rng)
    old = _rows(rng, words, 5)
    new = [[row[0], *words.draw(2), *row[3:]] if rng.random() < 0.1 else row for row in old]
    return Texts(_table(old), _table(new))


def _table_column(rng: random.Random) -> Texts:
    words = _Words(rng)
    old = _rows(rng, words, 4)
    return Texts(_table(old), _table([[*row[:2], "yes", *row[2:]] for row in old]))


def _unrelated(rng: random.Random) -> Texts:
    words = _Words(rng)
    return Texts(_joined(_policy(rng, words)), _joined(_policy(rng, words)))


def _reversed(rng: random.Random) -> Texts:
    blocks = _policy(rng, _Words(rng))
    return Texts(_joined(blocks), _joined(blocks[::-1]))


def _one_paragraph(rng: random.Random) -> Texts:
    words = _Words(rng)
    old = words.some(BYTES - 20_000)
    return Texts(" ".join(old), " ".join(words.edited(old, 0.05)))


def _repeated(_: random.Random) -> Texts:
    old = ["the"] * (BYTES // 4)
    return Texts(" ".join(old), " ".join("our" if place % 97 == 96 else word for place, word in enumerate(old)))


def _two_words(rng: random.Random) -> Texts:
    sides = (" ".join(rng.choices(["shall", "may"], k=BYTES * 2 // 11)) for _ in range(2))
    return Texts(*sides)


def _brackets(_: random.Random) -> Texts:
    return Texts("[" * BYTES, "[" * (BYTES // 2) + "x" + "[" * (BYTES // 2))


def _emphasis(_: random.Random) -> Texts:
    count = BYTES // 7
    return Texts("*a **b " * count, "*a **b " * (count // 2) + "*a **c " + "*a **b " * (count // 2 - 1))


def _quotes(rng: random.Random, depth: int) -> Texts:
    words = _Words(rng)
    quote = ">" * depth
    count = (BYTES - 20_000) // (2 * depth + 150)
    old = [" ".join(words.draw(20)) for _ in range(count)]
    new = [" ".join(words.edited(block.split(), 0.05)) for block in old]
    sides = (f"\n{quote}\n".join(f"{quote} {block}" for block in side) for side in (old, new))
    return Texts(*sides)


def _code(rng: random.Random) -> Texts:
    words = _Words(rng)
    old = words.some(BYTES - 20_000)
    sides = (
        "".join(" ".join(side[at : at + 10]) + "\n" for at in range(0, len(side), 10))
        for side in (old, words.edited(old, 0.05))
    )
    return Texts(*(f"```\n{side}```\n" for side in sides))


KINDS: dict[str, Callable[[random.Random], Texts]] = {
    "20,000 equal paragraphs, 2 % changed": _same_paragraphs,
    "20,000-row table, 10 % of rows changed": _table_rows,
    "20,000-row table, a column added": _table_column,
    "1 MB, 20 % of the words of every paragraph": lambda rng: _edited_policy(rng, 0.2),
    "two unrelated policies of 1 MB": _unrelated,
    "1 MB, order of blocks reversed": _reversed,
    "one paragraph of 1 MB, 5 % edited": _one_paragraph,
    "“the” to 1 MB, every 97th changed": _repeated,
    "“shall” or “may” at random to 1 MB": _two_words,
    "1 MB, 2 % of the words": lambda rng: _edited_policy(rng, 0.02),
    "“[” to 1 MB": _brackets,
    "“*a **b” to 1 MB": _emphasis,
    "code block of 1 MB, 5 % edited": _code,
    f"quotes {NESTING} deep to 1 MB, 5 % edited": lambda rng: _quotes(rng, NESTING),
    "quotes 3,000 deep to 1 MB": lambda rng: _quotes(rng, 3000),
}
