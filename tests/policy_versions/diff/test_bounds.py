"""What small texts must not grow to, and what is refused before it is read."""

from __future__ import annotations

import json

import pytest

from errors import TooManyCells
from policy_versions import markdown
from policy_versions.diff import Kind, compare, read
from policy_versions.diff.redline import html, text


def test_an_address_named_by_many_links_is_not_written_out_for_each() -> None:
    source = f"[a]: https://a.example/{'x' * 50_000}\n\n" + "[a] here\n\n" * 2_000
    assert len(html(compare(source, source + "end"))) < 60 * len(source)
    assert len(markdown.render(source)) < 60 * len(source)


def test_links_by_name_within_bounds_lead_where_they_should() -> None:
    (block,) = compare("[a]: /one\n\nSee [a].", "[a]: /two\n\nSee [a].").changed()
    assert (block.kind, block.links) == (Kind.LINK, (("/one", "/two"),))


def test_a_long_title_is_not_told_again_with_every_block() -> None:
    source = f"# {'title ' * 5_000}\n\n" + "".join(f"Words of number {n} here.\n\n" for n in range(500))
    change = compare(source, source.replace("here", "there"))
    assert len(json.dumps(change.to_json())) < 30 * len(source)
    assert max(map(len, change.blocks[-1].section)) <= 301


def test_more_bars_than_tables_may_have_are_refused() -> None:
    table = "|h" * 100 + "|\n" + "|-" * 100 + "|\n" + ("|" * 101 + "\n") * 1_200
    with pytest.raises(TooManyCells, match="120,000"):
        read(table)
    with pytest.raises(TooManyCells):
        markdown.check(table)


def test_a_thousand_paragraphs_may_become_one() -> None:
    paragraphs = [" ".join(f"w{n}x{i}" for i in range(7)) for n in range(1_000)]
    change = compare("\n\n".join(paragraphs), " ".join(paragraphs))
    (block,) = change.changed()
    assert (block.joined, block.words_inserted, block.words_deleted) == (1_000, 0, 0)
    assert compare(" ".join(paragraphs), "\n\n".join(paragraphs)).words_inserted == 0


def test_a_few_words_over_and_over_are_compared_whole() -> None:
    old = "\n\n".join(f"k{n} " + "a b " * 99 for n in range(40))
    new = "\n\n".join(f"k{n} " + "b a a " * 66 for n in range(40))
    change = compare(old, new)
    assert change.is_complete
    assert sum(block.kind is Kind.WORDS for block in change.changed()) > 30


@pytest.mark.parametrize("sign", ["\x1b[31m", "\x9b31m", "\u202e", "\u2066"])
def test_no_sign_of_a_text_commands_what_shows_it(sign: str) -> None:
    from policy_versions.diff.redline import markdown as marked

    change = compare(
        f"## Old {sign}\n\nSome words to move here.\n\nx\n\ny\n\nz", f"x\n\ny\n\nz\n\n## Old {sign}\n\nSome words"
    )
    assert sign not in text(change) + marked(change)
