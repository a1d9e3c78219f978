"""Colours by their contrast: whether an accent can be read where pages use it, else the nearest shade. Pure.

Contrast as WCAG 2.2 has it, 1.4.3: 4.5 : 1 for text. The page's own colours are those of web/static/gazette.css.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator
from typing import NamedTuple

from errors import AccentUnreadable

LEAST = 4.5
WASHED = 0.08  # of an accent in its wash; the rest is paper
Colour = tuple[float, float, float]  # red, green, blue, from 0 to 1
_WRITTEN = re.compile(r"#[0-9a-f]{6}")


class Ground(NamedTuple):
    """What a scheme's pages are printed on. darker: which way an accent moves to be read better."""

    scheme: str
    paper: str
    wash: str
    darker: bool


LIGHT = Ground("light", "#ffffff", "#f6f6f3", darker=True)
DARK = Ground("dark", "#131615", "#1b1f1d", darker=False)


class Accent(NamedTuple):
    """An accent with what follows from it: the text on it, it under the pointer, its wash."""

    accent: str
    on_accent: str
    deep: str
    wash: str


class Accents(NamedTuple):
    light: Accent
    dark: Accent


OURS = Accents(
    Accent("#0c5a49", "#ffffff", "#083f33", "#ecf4f1"), Accent("#74c9b1", "#06231b", "#9adcc9", "#172521")
)


def accents(written: str) -> Accents:
    """Read two colours, for light pages and for dark ones: "#0c5a49 #74c9b1".

    Raises: ValueError where they are not two; AccentUnreadable, which names the ratio and the nearest shade.
    """
    given = written.lower().replace(",", " ").split()
    if len(given) != 2 or not all(_WRITTEN.fullmatch(one) for one in given):
        raise ValueError("names two colours, for light pages and for dark ones, such as “#0c5a49 #74c9b1”")
    return Accents(accent(given[0], LIGHT), accent(given[1], DARK))


def accent(colour: str, on: Ground) -> Accent:
    """Raises: AccentUnreadable."""
    ratio, where = _least(colour, on)
    if ratio < LEAST:
        raise AccentUnreadable(colour, on.scheme, ratio, where, LEAST, _nearest(colour, on))
    return _follows(colour, on)


def _follows(colour: str, on: Ground) -> Accent:
    away = "#000000" if on.darker else "#ffffff"
    return Accent(colour, _on(colour), mixed(colour, away, 0.7), mixed(colour, on.paper, WASHED))


def _on(colour: str) -> str:
    """White, or the accent's own darkest shade: whichever is read better on it."""
    return max(("#ffffff", mixed(colour, "#000000", 0.2)), key=lambda text: contrast(text, colour))


def _least(colour: str, on: Ground) -> tuple[float, str]:
    """The lowest of the contrasts that pages need, and where it is met."""
    made = _follows(colour, on)
    return min(
        (contrast(colour, on.paper), "the page"),
        (contrast(colour, on.wash), "the page’s wash"),
        (contrast(colour, made.wash), "its own wash"),
        (contrast(made.on_accent, colour), "its buttons, under their text"),
    )


def _nearest(colour: str, on: Ground) -> str:
    """The shade of the same hue that differs least and passes."""
    return next(shade for shade in _shades(colour, on) if _least(shade, on)[0] >= LEAST)


def _shades(colour: str, on: Ground) -> Iterator[str]:
    """Ever darker on light pages, ever lighter on dark ones, to the end."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_read(colour))
    step = -1 / 512 if on.darker else 1 / 512
    while 0 < lightness < 1:
        lightness = min(1.0, max(0.0, lightness + step))
        yield _written(colorsys.hls_to_rgb(hue, lightness, saturation))
    yield "#000000" if on.darker else "#ffffff"


# -- contrast -----------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """From 1 to 21. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = _read(colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(one: str, other: str, share: float) -> str:
    """So much of the one, and the rest of the other."""
    pairs = zip(_read(one), _read(other), strict=True)
    red, green, blue = (share * part + (1 - share) * rest for part, rest in pairs)
    return _written((red, green, blue))


def _read(colour: str) -> Colour:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
