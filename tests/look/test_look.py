"""The look keeps its word: contrast, no script, nothing foreign or styled in place, every part described."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CSS = (ROOT / "web/static/gazette.css").read_text()
TEMPLATES = [
    path for path in sorted((ROOT / "templates").rglob("*.html")) if not {"email", "evidence"} & set(path.parts)
]  # a letter has styles in place, because mail knows no other; so have pages that stand alone in an archive
MACROS = (ROOT / "templates/macros.html").read_text()

Tokens = dict[str, str]


def tokens(scheme: str) -> Tokens:
    """The colours of a scheme: the first block of :root, and for the dark one what it sets anew."""
    light, dark = re.findall(r":root \{(.*?)\n *\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else found


def luminance(colour: str) -> float:
    """Source: WCAG 2, relative luminance."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXT = [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent") for ground in ("paper", "wash")]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-deep"), ("ink", "accent-wash"), ("accent", "accent-wash")]
TEXT += [(kind, f"{kind}-wash") for kind in ("ins", "del", "move", "stop", "wait")]
TEXT += [(kind, "paper") for kind in ("ins", "del", "move", "stop", "wait")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_stands_out_from_its_ground(scheme: str, ink: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[ink], colours[ground]) >= 4.8


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_the_edge_of_a_control_can_be_seen(scheme: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours["edge"], colours[ground]) >= 3.2


def test_every_custom_property_that_is_used_is_set() -> None:
    assert set(re.findall(r"var\((--[\w-]+)", CSS)) <= set(re.findall(r"(--[\w-]+):", CSS))


def test_the_stylesheet_loads_nothing() -> None:
    assert "@import" not in CSS
    assert all(target.startswith("#") for target in re.findall(r"url\(\"?([^\")]+)", CSS))


# A script of our own from a file, or data that no browser runs.
HARMLESS = r"<script (?:src=\"{{ (?:url_for\('static'|asset\()|type=\"application/ld\+json\">)"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_has_no_script_nor_style_of_its_own_and_names_no_foreign_address(path: Path) -> None:
    source = re.sub(HARMLESS, "", path.read_text())
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=\"|javascript:", source)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", source)


def test_every_macro_is_described_in_a_line() -> None:
    bare = [
        line
        for before, line in pairwise(MACROS.splitlines())
        if re.match(r"\{% macro [a-z]", line) and not (before.startswith("{#") and before.endswith("#}"))
    ]
    assert bare == []


def test_every_class_that_the_public_pages_name_has_its_rule() -> None:
    pages = [path.read_text() for path in TEMPLATES if path.parent.name in ("templates", "public")]
    plain = re.findall(r'class="([^"{}]+)"', "".join(pages))
    named = {name for names in plain for name in names.split()}
    assert {name for name in named if f".{name}" not in CSS} == set()
