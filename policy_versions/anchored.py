"""A text as HTML whose blocks have their names, each with a link to itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markdown_it.token import Token

from policy_versions import markdown
from policy_versions.anchors import Name

_SIGN = "\ue0b6"  # stands in for ¶, which a text may use itself
_LINK = re.compile(rf'<a href="#([^"]+)" rel="noopener noreferrer">{_SIGN}</a>')
_HEADING = re.compile(r'<(h[1-6]) id="([^"]+)">.*?</\1>', re.DOTALL)


def html(text: str, names: Sequence[Name], after: Mapping[str, str] | None = None) -> str:
    """Return the safe HTML of a text: `markdown.render`'s, with names and links, which are no part of the text.

    names: of its blocks (see `anchors`). after: HTML to stand after a heading, by the heading's own name.
    """
    tokens = markdown.parse(text)
    for (opened, inline), name in zip(_blocks(tokens), names, strict=True):
        opened.attrs["id"] = name.own
        unmarked = (name.own,) if opened.hidden else ()  # words of a tight list that have no element
        if inline is not None:  # neither code nor a rule, which hold nothing but themselves
            inline.children = [*_places((*unmarked, *name.others)), *(inline.children or []), *_link(name)]
    link = r'<a class="pilcrow" href="#\1" aria-label="Link to this passage">¶</a>'
    shown = _LINK.sub(link, markdown.show(tokens))
    return _HEADING.sub(lambda found: found[0] + (after or {}).get(found[2], ""), shown)


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token | None]]:
    """Yield of each block, in the order of `diff.read`, the token of its element and that of its last words."""
    around: list[Token] = []
    item: Token | None = None  # has begun and has no block yet
    cell: Token | None = None
    for token in tokens:
        if token.nesting > 0:
            around.append(token)
            item = token if token.type == "list_item_open" else item
        elif token.nesting < 0:
            opened = around.pop()
            item = None if opened.type == "list_item_open" else item
            if opened.type == "tr_open":
                yield opened, cell
        elif token.type == "inline" and around[-1].type in ("th_open", "td_open"):
            cell = token
        else:
            is_words = token.type == "inline"
            own = around[-1] if is_words else token
            yield (item if item and own.type == "paragraph_open" else own), (token if is_words else None)
            item = None


def _places(names: Iterable[str]) -> Iterator[Token]:
    for name in names:
        yield Token("span_open", "span", 1, attrs={"id": name})
        yield Token("span_close", "span", -1)


def _link(name: Name) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": f"#{name.own}"})
    yield Token("text", "", 0, content=_SIGN)
    yield Token("link_close", "a", -1)
