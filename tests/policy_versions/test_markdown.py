"""Reading Markdown: what readers are shown, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import EmptyText, NestedTooDeep, TextNotReadable, TextTooLong
from policy_versions.markdown import Heading, check, outline, render, split_front_matter, title


def test_raw_html_is_shown_as_text() -> None:
    html = render("Hello <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "&#x6A;avascript:x",
        "file:///etc",
    ],
)
def test_an_unsafe_link_stays_text_so_that_nothing_vanishes(target: str) -> None:
    html = render(f"[click]({target})")
    assert "<a" not in html
    assert "click" in html


@pytest.mark.parametrize(
    "target", ["https://a.example", "http://a.example", "mailto:a@b.example", "/terms", "#top", "x.md"]
)
def test_a_safe_link_leads_there(target: str) -> None:
    assert f'<a href="{target}" rel="noopener noreferrer">here</a>' in render(f"[here]({target})")


def test_a_table_is_aligned_by_class_and_never_by_style() -> None:
    html = render("| a | b | c |\n|:-:|--:|---|\n| 1 | 2 | 3 |")
    assert '<td class="align-center">1</td>' in html
    assert '<td class="align-right">2</td>' in html
    assert "style" not in html


def test_an_image_is_a_link_on_its_description() -> None:
    assert '<a href="https://a.example/x.png" rel="noopener noreferrer">Our seal</a>' in render(
        "![Our seal](https://a.example/x.png)"
    )
    assert render("[![Seal](x.png)](/trust)").count("<a") == 1


def test_struck_text_is_shown_struck() -> None:
    assert "<s>gone</s>" in render("~~gone~~")


def test_headings_carry_their_anchors() -> None:
    text = "# Your *data*\n\n## Rights\n\n## Rights\n\n### Rights 1\n\n## !?\n"
    assert outline(text) == (
        Heading(1, "Your data", "your-data"),
        Heading(2, "Rights", "rights"),
        Heading(2, "Rights", "rights-1"),
        Heading(3, "Rights 1", "rights-1-1"),
        Heading(2, "!?", "section"),
    )
    assert re.findall(r'id="([^"]+)"', render(text)) == [heading.anchor for heading in outline(text)]


def test_the_title_is_the_first_heading() -> None:
    assert title("Some words.\n\n## Privacy `policy`\n\n# Other") == "Privacy policy"
    assert title("No heading") is None
    assert title("#\n") is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_front_matter_is_parted_from_the_text(end: str, mark: str) -> None:
    front = f"{mark}---  {end}title: x{end}---{end}"
    assert split_front_matter(f"{front}# Hello{end}") == (front, f"# Hello{end}")
    assert render(front + "# Hello") == '<h1 id="hello">Hello</h1>\n'
    assert title(front + "# Hello") == "Hello"


@pytest.mark.parametrize(
    "text", ["", "---", "---\nopen for ever", "a\n---\nb\n---\n", " ---\na\n---\n", "----\na\n---\n"]
)
def test_what_is_no_front_matter_stays(text: str) -> None:
    assert split_front_matter(text) == ("", text)


def test_an_empty_front_matter_is_one() -> None:
    assert split_front_matter("---\n---\nx") == ("---\n---\n", "x")


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "\ufeff", "\u00a0\u2003"])
def test_white_space_alone_is_refused(text: str) -> None:
    with pytest.raises(EmptyText):
        check(text)


def test_a_text_of_a_million_bytes_is_taken_and_one_more_is_not() -> None:
    check("é" * 500_000)
    with pytest.raises(TextTooLong, match="1,000,001"):
        check("é" * 500_000 + "a")


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(TextNotReadable):
        check(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (">" * 20 + " a", 1),
        ("# Fine\n\n" + "- " * 10 + "a", 3),
        ("---\na: b\n---\n\nFine\n\n" + "> " * 3000 + "a", 7),
        ("\ufeff---\r\na: b\r\n---\r\n" + ">" * 20 + " a", 4),
        ("".join(f"{'  ' * depth}- item\n" for depth in range(12)), 10),
    ],
)
def test_nesting_that_would_be_dropped_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(NestedTooDeep, match=f"Line {line} "):
        check(text)


@pytest.mark.parametrize(
    "text", [">" * 19 + " deepest", "- " * 9 + "deepest", "a | b\n--|--\n" + ">" * 19 + " deepest"]
)
def test_the_deepest_nesting_taken_is_shown(text: str) -> None:
    check(text)
    assert "deepest" in render(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "[" * 50_000,
        "![" * 20_000,
        "*a **b" * 10_000,
        "<" * 100_000,
        "שלום " * 10_000,
        "`" * 100_000,
    ],
    ids=["line", "brackets", "images", "emphasis", "tags", "right to left", "ticks"],
)
def test_strange_texts_are_rendered_whole(text: str) -> None:
    assert sum(map(str.isalnum, render(text).replace("&lt;", ""))) >= sum(map(str.isalnum, text))


@given(st.text() | st.text(alphabet="[]()<>!*_`#|-:\n \\&;javscript"))
def test_no_text_renders_to_anything_unsafe(text: str) -> None:
    html = render(text).lower()
    assert not re.search(r"<(script|img|iframe|style|svg|object|form)|<[^>]+ (style|on\w+)=", html)
    assert not re.search(r'href="\s*(javascript|data|vbscript|file):', html)


@given(st.text())
def test_front_matter_and_body_make_up_the_text(text: str) -> None:
    assert "".join(split_front_matter("---\n" + text)) == "---\n" + text


@given(st.text(alphabet=">-+ 1.\n\ta", max_size=200))
def test_what_passes_the_check_loses_no_letter(text: str) -> None:
    try:
        check(text)
    except (EmptyText, NestedTooDeep):
        return
    assert re.sub("<[^>]*>", "", render(text)).count("a") == text.count("a")
