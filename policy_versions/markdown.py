"""Read a policy's Markdown: safe HTML, outline, title, and what must be refused. Pure: text in, values out.

CommonMark with tables and strikethrough. Raw HTML is text like any other: it is shown, never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore, text_join
from markdown_it.token import Token

from errors import EmptyText, NestedTooDeep, TextNotReadable, TextTooLong, TooManyBlocks, TooManyCells

LIMIT = 1_000_000  # bytes of UTF-8
NESTING = 20  # levels; one more, and markdown-it drops text without a word
BLOCKS = 20_000  # headings, paragraphs, list items, table rows, code blocks
SIGNS = 60_000  # of inline Markdown, line ends included; past them a text is shown as written
BARS = 120_000  # "|" in one text: they part the cells of tables
# What templates name themselves on the pages that show a text.
OUR_IDS = ("main", "about-text", "errors", "gone", "dots", "hatch-del", "hatch-wait", "hatch-stop")
SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_NEWLINE = r"(?:\r\n|\r|\n)"
_FRONT_MATTER = re.compile(rf"\ufeff?---[ \t]*{_NEWLINE}(?:.*?{_NEWLINE})??---[ \t]*(?:{_NEWLINE}|\Z)", re.DOTALL)
_INLINE = re.compile(r"[\\`*_~\[<&\n]")  # "]", ")" and "!" mean something beside these only
_SIGN = re.compile(r"[\[*_~`<&!\\\n]")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_CLEANER = nh3.Cleaner(
    tags={
        *_HEADINGS,
        *("p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "a", "span"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    },
    # Raw HTML is text, so that names (`id`) come from this program alone.
    attributes={"a": {"href", "title"}, "ol": {"start"}}
    | {tag: {"id"} for tag in (*_HEADINGS, "p", "li", "tr", "pre", "code", "span")},
    allowed_classes={tag: {"align-left", "align-center", "align-right"} for tag in ("th", "td")},
    url_schemes=set(SCHEMES),
    link_rel="noopener noreferrer",
)


class Heading(NamedTuple):
    """A heading as the reader sees it. `anchor` is its id in `render`'s HTML."""

    level: int  # 1 to 6
    text: str
    anchor: str


def render(text: str) -> str:
    """Return the safe HTML of a text without its front matter.

    Tables are aligned by the classes align-left, align-center, align-right: a style attribute would need
    `unsafe-inline`. An image stands as a link on its description, because nothing is loaded from elsewhere.
    """
    return show(parse(text))


def show(tokens: list[Token]) -> str:
    """Return the safe HTML of tokens."""
    html = _READER.renderer.render(tokens, _READER.options, {})
    return _CLEANER.clean(html.encode("utf-8", "replace").decode())  # a lone surrogate would raise in nh3


def parse(text: str) -> list[Token]:
    """Return markdown-it's tokens of a text without its front matter; their lines are those of `body_of`."""
    return _READER.parse(body_of(text))


class Parsed(NamedTuple):
    """A text's tokens."""

    tokens: list[Token]
    by_name: bool  # it defines links by name, so that a paragraph's source does not say where they lead


def parse_whole(text: str, known: dict[str, list[Token]]) -> Parsed:
    """Return the same tokens, and refuse what would lose some of the text or take too long.

    known: the inline tokens of paragraphs that were read before, by their source; this adds its own. A text that
    defines links by name neither uses it nor adds to it.

    Raises: TextTooLong, TooManyBlocks, TooManyCells, NestedTooDeep, as `check` does.
    """
    _check_size(text)
    env = {"lines above": _lines_above(text), "known": known}
    tokens = _READER.parse(body_of(text), env)
    _check_blocks(tokens)
    return Parsed(tokens, bool(env.get("references")))


def body_of(text: str) -> str:
    """Return what is shown of a text: no front matter, no byte order mark."""
    return split_front_matter(text)[1].removeprefix("\ufeff")


def split_front_matter(text: str) -> tuple[str, str]:
    """Return the front matter, with its fences and last line end, or "", and the rest. Joined: the text.

    Source: Jekyll, https://jekyllrb.com/docs/front-matter/ (a first line `---`, up to the next one).
    """
    found = _FRONT_MATTER.match(text)
    end = found.end() if found else 0
    return text[:end], text[end:]


def outline(text: str) -> tuple[Heading, ...]:
    """Return the headings in reading order."""
    tokens = parse(text)
    return tuple(
        Heading(int(token.tag[1]), visible(tokens[index + 1]), str(token.attrs["id"]))
        for index, token in enumerate(tokens)
        if token.type == "heading_open"
    )


def title(text: str) -> str | None:
    """Return the first heading's text; None where there is no heading, or an empty one."""
    headings = outline(text)
    return (headings[0].text or None) if headings else None


def visible(inline: Token) -> str:
    """Return the text a reader sees of an inline token, line breaks as spaces."""
    return "".join(map(_visible, inline.children or ())).strip()


def _visible(child: Token) -> str:
    if child.type == "image":
        return visible(child)
    return " " if child.type in ("softbreak", "hardbreak") else child.content


def decoded(data: bytes) -> str:
    """Return the text of a file. Raises: TextNotReadable, where it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextNotReadable("it is not UTF-8") from error


def check(text: str) -> None:
    """Refuse a text that could not be kept or shown whole.

    Raises: EmptyText, TextTooLong (over LIMIT bytes), TextNotReadable (NUL or lone surrogate), NestedTooDeep
    (with the line, counted from 1 and from the front matter's first), TooManyBlocks, TooManyCells.
    """
    if not text.strip("\ufeff \t\r\n") or text.isspace():
        raise EmptyText
    _check_size(text)
    if "\0" in text:
        raise TextNotReadable("it holds NUL characters, as binary files do")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise TextNotReadable("it holds half characters, which UTF-8 cannot write")
    _check_blocks(_BLOCK_READER.parse(body_of(text), {"lines above": _lines_above(text)}))


def _check_size(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LIMIT:
        raise TextTooLong(size, LIMIT)
    if (bars := text.count("|")) > BARS:
        raise TooManyCells(bars, BARS)


def _check_blocks(tokens: list[Token]) -> None:
    count = sum(token.type in ("inline", "fence", "code_block", "hr", "tr_open") for token in tokens)
    count -= sum(token.type in ("th_open", "td_open") for token in tokens)  # a row is one block, its cells none
    if count > BLOCKS:
        raise TooManyBlocks(count, BLOCKS)


def _lines_above(text: str) -> int:
    """Return how many lines the front matter has."""
    return len(re.findall(_NEWLINE, split_front_matter(text)[0]))


def is_safe_link(url: str) -> bool:
    """Whether a target may be followed: http, https, mailto, tel, or relative to the page."""
    head = re.split("[/?#]", url, maxsplit=1)[0]
    return ":" not in head or head.partition(":")[0].lower() in SCHEMES


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        """Leave `[text](javascript:…)` in the text as it was written, so that nothing vanishes."""
        return is_safe_link(url)


def _show_images_as_links(state: StateCore) -> None:
    for token in state.tokens:
        if "![" in token.content and any(child.type == "image" for child in token.children or ()):
            token.children = _without_images(token.children or [])


def _without_images(children: list[Token]) -> list[Token]:
    out: list[Token] = []
    links = 0
    for child in children:
        links += child.nesting if child.type.startswith("link_") else 0
        out += _described(child, linked=links > 0) if child.type == "image" else [child]
    return out


def _described(image: Token, *, linked: bool) -> list[Token]:
    """Return an image's description, or "image", linked to the image unless it stands in a link already."""
    description = [Token("text", "", 0, content=visible(image) or "image")]
    target = str(image.attrs["src"])
    if linked or not target:
        return description
    return [Token("link_open", "a", 1, attrs={"href": target}), *description, Token("link_close", "a", -1)]


def _name_headings(state: StateCore) -> None:
    pairs = zip(state.tokens, state.tokens[1:], strict=False)
    headings = [(token, visible(inline)) for token, inline in pairs if token.type == "heading_open"]
    for (token, _), name in zip(headings, anchors(title for _, title in headings), strict=True):
        token.attrs["id"] = name


def anchors(titles: Iterable[str]) -> list[str]:
    """Return the ids of headings in reading order: of their words, each once, none that the page itself has."""
    taken = dict.fromkeys(OUR_IDS, 0)
    return [_unique(_slug(title), taken) for title in titles]


def _slug(text: str) -> str:
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", text.lower())).strip("-")[:80] or "section"


def _unique(slug: str, taken: dict[str, int]) -> str:
    """Return the slug, or slug-1, slug-2 …; `taken` holds each name's last number, so that many are quick."""
    name, number = slug, taken.get(slug, 0)
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    taken[slug] = number
    taken.setdefault(name, 0)
    return name


def _align_by_class(state: StateCore) -> None:
    for token in state.tokens:
        if token.attrs and (style := token.attrs.pop("style", None)):
            token.attrs["class"] = "align-" + str(style).removeprefix("text-align:")


def _refuse_depth(state: StateBlock, line: int, _end: int, _silent: bool) -> bool:
    """Raise, where that is asked for, at a block one level below which markdown-it would stop reading."""
    if state.level >= NESTING and "lines above" in state.env:
        raise NestedTooDeep(state.env["lines above"] + line + 1, NESTING)
    return False


def _read_inline(state: StateCore) -> None:
    """Do what markdown-it's own rule does, until SIGNS are met: each can cost it some microseconds."""
    left, targets = SIGNS, LIMIT
    by_name = bool(state.env.get("references"))
    known = {} if by_name else state.env.get("known", {})
    for token in state.tokens:
        if token.type != "inline":
            continue
        left -= len(_SIGN.findall(token.content))
        if left < 0 or targets < 0:
            token.children, token.meta = [*_as_written(token.content)], {"as written": True}
            continue
        if token.content not in known:
            known[token.content] = _children(state, token.content)
        token.children = known[token.content]
        if by_name:  # one long address can be named by thousands of links
            targets -= sum(len(str(child.attrs.get("href", ""))) for child in token.children)


def _children(state: StateCore, content: str) -> list[Token]:
    if _INLINE.search(content) is None:  # most of any policy: nothing to parse
        return [Token("text", "", 0, content=content)]
    children: list[Token] = []
    state.md.inline.parse(content, state.md, state.env, children)
    token = Token("inline", "", 0, children=children)
    text_join(StateCore("", state.md, state.env, [token]))  # at once: done twice, it would double what is escaped
    return token.children or []


def _as_written(content: str) -> Iterator[Token]:
    for number, line in enumerate(content.split("\n")):
        if number:
            yield Token("softbreak", "br", 0)
        yield Token("text", "", 0, content=line.strip())


def _reader() -> MarkdownIt:
    reader = _Reader("commonmark", {"html": False, "maxNesting": NESTING + 1}).enable(["table", "strikethrough"])
    reader.disable(["html_block", "html_inline"])  # which do nothing where HTML is text
    reader.block.ruler.before("table", "depth", _refuse_depth)
    reader.core.ruler.at("inline", _read_inline)
    reader.core.ruler.disable("text_join")
    for rule in (_show_images_as_links, _name_headings, _align_by_class):
        reader.core.ruler.push(rule.__name__, rule)
    return reader


def _block_reader() -> MarkdownIt:
    """Return a reader that stops at blocks: depth and number are a matter of those."""
    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING + 1}).enable("table")
    reader.core.ruler.disable(["inline", "text_join"])
    reader.block.ruler.before("table", "depth", _refuse_depth)
    return reader


_READER = _reader()
_BLOCK_READER = _block_reader()
