"""Markdown as policies are written, and edits such as lawyers make; for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.sampled_from(
    "we you data share keep delete never may must for 12 24 months the of and partners cookies Rights e-mail l'été"
    " 数据 *may* **not** `code` ~~old~~ [link](https://a.example/x) [other](mailto:b@c.example)"
    " <b>raw</b> <del>x</del> ![seal](/s.png) & < \\* (a) 5.1 U.S. https://d.example".split()
)
LINES = st.lists(WORDS, min_size=1, max_size=14).map(" ".join)
ROWS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4)


def _table(rows: list[tuple[str, str]]) -> str:
    return "| what | why |\n|---|--:|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)


BLOCKS = st.one_of(
    LINES,
    LINES,
    LINES.map("# {}".format),
    LINES.map("## {}".format),
    st.lists(LINES, min_size=1, max_size=4).map(lambda lines: "\n".join(f"- {line}" for line in lines)),
    st.lists(LINES, min_size=1, max_size=4).map(
        lambda lines: "\n".join(f"1. {line}\n   - in it" for line in lines)
    ),
    LINES.map("> {}".format),
    LINES.map(lambda line: f"```\n{line}\n  {line}\n```"),
    LINES.map(lambda line: f"{line}  \n{line}"),
    ROWS.map(_table),
    st.just("---\n"),
)
DOCUMENTS = st.lists(BLOCKS, max_size=10)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a document and the same one after a few edits: blocks put in, taken out, changed, moved."""
    old = draw(DOCUMENTS)
    new = list(old)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(new)))
        deed = draw(st.sampled_from(["insert", "delete", "word", "move"]))
        if deed == "insert" or not new[place:]:
            new.insert(place, draw(BLOCKS))
        elif deed == "delete":
            del new[place]
        elif deed == "move":
            new.insert(draw(st.integers(0, len(new) - 1)), new.pop(place))
        else:
            new[place] = new[place].replace(draw(WORDS), draw(WORDS), 1)
    return "\n\n".join(old), "\n\n".join(new)
