"""The peers that the engine is measured against, each as a stopwatch over a pair of texts."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
from collections.abc import Callable
from difflib import SequenceMatcher
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.corpus import Pair
from policy_versions import markdown

NEEDED = {"speed": ("lxml", "redlines"), "quality": ("html5lib", "rapidfuzz")}
_SCRIPT = Path(__file__).with_name("wikidiff2.php")


class Capped(Exception):
    """A peer was stopped at its cap."""


def missing(parts: list[str]) -> list[str]:
    """Return the packages that these parts need and that are not installed."""
    return [name for part in parts for name in NEEDED.get(part, ()) if find_spec(name) is None]


def versions() -> dict[str, str]:
    """Return the installed versions of what is measured against."""
    names = {name for group in NEEDED.values() for name in group if find_spec(name) is not None}
    return {name: metadata.version(name) for name in sorted(names)}


def lxml() -> Callable[[Pair], object]:
    """Return lxml.html.diff on the two rendered texts, rendering included."""
    htmldiff: Any = import_module("lxml.html.diff").htmldiff
    return lambda pair: htmldiff(markdown.render(pair.old), markdown.render(pair.new))


def redlines() -> Callable[[Pair], object]:
    """Return redlines' Markdown of the two texts."""
    make: Any = import_module("redlines").Redlines
    return lambda pair: make(pair.old, pair.new).output_markdown


def difflib_words(pair: Pair) -> object:
    """Compare the words that blanks part, with autojunk, as difflib does unless told."""
    return SequenceMatcher(None, pair.old.split(), pair.new.split()).get_opcodes()


class Wikidiff2:
    """MediaWiki's wikidiff2 in one PHP process, which times itself."""

    def __init__(self, php: str, cap: float) -> None:
        self._php, self._cap = php, cap
        self._process = self._start()

    @classmethod
    def find(cls, cap: float) -> Wikidiff2 | None:
        """Return the peer; None where PHP or its extension is not installed."""
        php = shutil.which("php")
        if php is None:
            return None
        loaded = subprocess.run([php, "-m"], capture_output=True, text=True, check=False).stdout
        return cls(php, cap) if "wikidiff2" in loaded.split() else None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [self._php, "-d", "memory_limit=-1", str(_SCRIPT)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, pair: Pair) -> float:
        """Return the milliseconds of one comparison. Raises: Capped."""
        question, answer = self._process.stdin, self._process.stdout
        assert question and answer
        question.write(json.dumps({"old": pair.old, "new": pair.new}).encode() + b"\n")
        question.flush()
        if not select.select([answer], [], [], self._cap)[0]:
            self.close()
            self._process = self._start()
            raise Capped
        return float(json.loads(answer.readline())["ms"])

    def close(self) -> None:
        """End the PHP process."""
        self._process.kill()
        self._process.communicate()
