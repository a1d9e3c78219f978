"""Make the texts that a decision may choke on, and decide on each in a process of its own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

LIMIT = 60.0  # seconds
ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000  # bytes, and the most that a text may have

REWRITTEN = "100 KB entirely rewritten, plain words"
REWRITTEN_POLICY = "100 KB entirely rewritten, words of policies"
TOO_LARGE = "5 MB"

PLAIN = tuple(
    "the a of and to in on with from under over near until after before while when it this that they some every no"
    " garden river stone window bridge winter morning kitchen ladder valley orchard harbour lantern meadow village"
    " basket carpet engine feather island blanket copper thunder pebble saddle timber anchor candle mirror ribbon"
    " green narrow quiet heavy wooden early bright gentle hollow ancient walks carries paints follows lifts turns"
    " gathers opens crosses watches builds mends slowly often together twice almost seldom outside".split()
)
POLICY = (
    *("personal data", "your e-mail address", "third parties", "12 months", "30 days", "we may", "we will not"),
    *("collect", "share", "sell", "retain", "delete", "disclose", "opt out", "consent", "without notice"),
    *("advertising", "location", "cookies", "partners", "subprocessors", "payment", "refund", "arbitration"),
    *("liability", "terminate your account", "children under 13", "the United States", "encryption", "profiling"),
    *("$10 a month", "your rights", "governing law", "a licence to your content", "legitimate interests"),
)

MIXED = (*PLAIN, *PLAIN, *POLICY)


class Texts(NamedTuple):
    """The bytes of an old and a new file."""

    old: bytes
    new: bytes


class Prose:
    """Sentences of words drawn by a seed."""

    def __init__(self, rng: random.Random, words: Sequence[str] = MIXED) -> None:
        self._rng, self._words = rng, words

    def sentence(self) -> str:
        """Return 8 to 24 words and a stop."""
        words = " ".join(self._rng.choices(self._words, k=self._rng.randint(8, 24)))
        return f"{words[0].upper()}{words[1:]}."

    def block(self) -> str:
        """Return a paragraph of 3 to 6 sentences or, one time in seven, a heading."""
        if not self._rng.randrange(7):
            return "## " + " ".join(self._rng.choices(self._words, k=3))
        return " ".join(self.sentence() for _ in range(self._rng.randint(3, 6)))

    def text(self, size: int) -> str:
        """Return blocks of so many bytes together."""
        return self._filled(self.block, "\n\n", size)

    def line(self, size: int) -> str:
        """Return sentences of so many bytes together, on one line."""
        return self._filled(self.sentence, " ", size)

    def half_new(self, text: str) -> str:
        """Return the text with every other word replaced, on average."""
        parts = text.split(" ")
        return " ".join(self._rng.choice(self._words) if self._rng.random() < 0.5 else word for word in parts)

    def _filled(self, make: Callable[[], str], between: str, size: int) -> str:
        parts: list[str] = []
        room = size
        while room > 0:
            parts.append(make())
            room -= len(parts[-1].encode()) + len(between)
        return between.join(parts)[:size]


def _both(make: Callable[[], str]) -> Texts:
    return Texts(make().encode(), make().encode())


def _rewritten(rng: random.Random, size: int, words: Sequence[str] = MIXED) -> Texts:
    prose = Prose(rng, words)
    return _both(lambda: prose.text(size))


def _half_rewritten(rng: random.Random) -> Texts:
    prose = Prose(rng)
    old = prose.text(100_000)
    return Texts(old.encode(), prose.half_new(old).encode())


def _line(rng: random.Random) -> Texts:
    prose = Prose(rng)
    return _both(lambda: prose.line(MEGABYTE))


def _table(rng: random.Random) -> Texts:
    prose = Prose(rng, POLICY)
    old = [[prose.sentence()[:30], str(number), f"{rng.randrange(36)} months"] for number in range(10_000)]
    new = [[*row[:2], f"{rng.randrange(36)} months"] if rng.random() < 0.1 else row for row in old]
    head = [["what", "number", "kept"], ["---"] * 3]
    sides = ("".join(f"| {' | '.join(row)} |\n" for row in head + side) for side in (old, new))
    return Texts(*(side.encode() for side in sides))


def _edited(old: str, *edits: tuple[str, str]) -> Texts:
    new = old
    for before, after in edits:
        new = new.replace(before, after)
    return Texts(old.encode(), new.encode())


_HEBREW = "אנו שומרים את כתובת הדואר שלך למשך 12 חודשים. איננו מוכרים אותה לאיש."
_ARABIC = "نحتفظ بعنوان بريدك الإلكتروني لمدة 12 شهرًا. لا نبيعه لأحد."
_RIGHT_TO_LEFT = f"# מדיניות פרטיות\n\n{_HEBREW}\n\n## الخصوصية\n\n\u202b{_ARABIC}\u202c\n"
_LANGUAGES = (
    "# Privacy\n\nWe keep your address for 12 months.\n\n"
    "## Datenschutz\n\nWir bewahren Ihre Anschrift 12 Monate auf und geben sie nicht weiter.\n\n"
    "## Vie privée\n\nNous ne vendons jamais votre adresse.\n\n"
    "## 隐私\n\n我们保留您的地址12个月。\n"
)

KINDS: dict[str, Callable[[random.Random], Texts]] = {
    "both empty": lambda _: Texts(b"", b""),
    "empty, then a text": lambda rng: Texts(b"", Prose(rng).text(5_000).encode()),
    "a text, then empty": lambda rng: Texts(Prose(rng).text(5_000).encode(), b""),
    "binary": lambda rng: Texts(rng.randbytes(50_000), rng.randbytes(50_000)),
    "a text, then NUL bytes in it": lambda _: Texts(b"We do not sell it.\n", b"We do\0sell it\0.\n"),
    TOO_LARGE: lambda rng: _rewritten(rng, 5 * MEGABYTE),
    "one line of 1 MB, entirely rewritten": _line,
    "10,000 table rows, 10 % changed": _table,
    "right-to-left, 12 months become 24": lambda _: _edited(_RIGHT_TO_LEFT, ("12", "24")),
    "right-to-left, “we do not sell” loses its not": lambda _: _edited(_RIGHT_TO_LEFT, ("איננו", "אנו")),
    "mixed languages, the German is edited": lambda _: _edited(_LANGUAGES, ("nicht weiter", "an Partner weiter")),
    "mixed languages, a Chinese number is edited": lambda _: _edited(_LANGUAGES, ("12个月", "24个月")),
    REWRITTEN: lambda rng: _rewritten(rng, 100_000, PLAIN),
    REWRITTEN_POLICY: lambda rng: _rewritten(rng, 100_000),
    "100 KB, half the words of every sentence": _half_rewritten,
    "1 MB entirely rewritten": lambda rng: _rewritten(rng, MEGABYTE),
}
UNCHANGED = frozenset({"both empty"})  # all others change what is said


def run(seed: int, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Return, by kind, a verdict or a refusal with seconds and megabytes, or that it was stopped or failed."""
    results = {}
    for kind, make in KINDS.items():
        texts = make(random.Random(seed))
        results[kind] = {"kb": max(map(len, texts)) // 1000, **trial(texts)}
        say(f"{kind}: {told(results[kind])}")
    return results


def trial(texts: Texts) -> dict[str, Any]:
    """Decide on two files' bytes in a process of its own."""
    with TemporaryDirectory() as name:
        files = [Path(name, side) for side in ("old.md", "new.md")]
        for file, content in zip(files, texts, strict=True):
            file.write_bytes(content)
        command = [sys.executable, "-m", "benchmarks.decisions.trial", *map(str, files)]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return {"timed_out": LIMIT}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def told(result: dict[str, Any]) -> str:
    """Return a result in words."""
    if "timed_out" in result:
        return f"stopped after {result['timed_out']:.0f} s"
    if "failed" in result:
        return f"failed: {result['failed']}"
    took = f"{result['seconds']:.2f} s, {result['peak_mb']:.0f} MB"
    if "refused" in result:
        return f"refused ({result['refused']}), {took}"
    return f"{result['verdict']}, level {result['level']}, {result['findings']} findings, {took}"
