"""A company's logo: an SVG or a PNG file, read once with its size, so that pages leave room for it."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

LARGEST = 200_000  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = re.compile(rb"<svg[\s>][^>]*>", re.IGNORECASE)
_BOX = re.compile(rb"""viewBox\s*=\s*["']\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)\s*["']""")
_SIDE = rb"""\s%s\s*=\s*["']\s*([\d.]+)(?:px)?\s*["']"""


class Picture(NamedTuple):
    """width, height: its proportions, in any unit."""

    data: bytes
    media_type: str
    width: float
    height: float
    version: str  # the first digits of its hash


def read(path: Path) -> Picture:
    """Raises: ValueError where it cannot be read, is too large, or is neither of both."""
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST else None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if data is None:
        raise ValueError(f"is larger than {LARGEST // 1000} KB")
    return _read(data)


@lru_cache(maxsize=4)
def _read(data: bytes) -> Picture:
    kind, (width, height) = ("image/png", _png(data)) if data.startswith(_PNG) else ("image/svg+xml", _svg(data))
    if not (width > 0 and height > 0):
        raise ValueError("has no size: an SVG needs a viewBox, or a width and a height")
    return Picture(data, kind, width, height, hashlib.sha256(data).hexdigest()[:12])


def _png(data: bytes) -> tuple[float, float]:
    return float(int.from_bytes(data[16:20], "big")), float(int.from_bytes(data[20:24], "big"))


def _svg(data: bytes) -> tuple[float, float]:
    """The proportions that an SVG's first tag gives; 0 for what it does not. Raises: ValueError."""
    first = _SVG.search(data[:4000])
    if first is None:
        raise ValueError("is neither an SVG nor a PNG file")
    box = _BOX.search(first[0])
    if box is not None:
        return float(box[1]), float(box[2])
    sides = [re.search(_SIDE % name, first[0]) for name in (b"width", b"height")]
    width, height = (float(side[1]) if side else 0.0 for side in sides)
    return width, height
