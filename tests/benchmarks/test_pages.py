"""Pages are measured in the small: every part comes to its figures, and what is asked is answered rightly."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest

from benchmarks import pages
from benchmarks.paging import texts, weights

QUICK = ["--rounds", "1", "--requests", "40", "--database", "sqlite", "--revisions", "4", "--bytes", "4000"]
FIELDS = {"name", "value", "unit", "against", "goal", "holds", "interval"}
GOALS = {
    "first redline ÷ bare diff of kept blocks": "< 3",
    "current page ÷ bare route": ">= 0.850",
    "cached redline ÷ bare route": ">= 0.850",
    "current page: weight besides the text": "< 40",
    "cached redline: weight besides the text": "< 40",
    "history: weight besides the text": "< 40",
}


@pytest.mark.socket
def test_every_part_comes_to_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.main([*QUICK, "--only", "rate,first,weight", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert all(set(each) == FIELDS and each["value"] > 0 for each in figures)
    goals = {each["name"].removeprefix("sqlite: "): each["goal"] for each in figures if each["goal"]}
    assert goals == GOALS


def test_texts_are_as_long_as_asked_and_each_is_most_of_the_one_before() -> None:
    made = list(texts.texts(3, 20_000, random.Random(1)))
    assert all(18_000 < len(text) < 24_000 for text in made)
    for old, new in pairwise(made):
        same = set(old.split("\n\n")) & set(new.split("\n\n"))
        assert 0.4 < len(same) / len(set(old.split("\n\n"))) < 1


def test_what_a_page_loads_is_found() -> None:
    html = (
        b'<link rel="canonical" href="/a"><link rel="stylesheet" href="/static/x.css?v=1">'
        b'<script src="/static/y.js" defer></script><script type="application/ld+json">{"src": "/z"}</script>'
    )
    assert weights._PARTS.findall(html) == [b"/static/x.css?v=1", b"/static/y.js"]


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        pages.main(["--only", "flying"])
    assert refused.value.code == 2
    assert "the parts are rate, first, weight, shift" in capsys.readouterr().err
