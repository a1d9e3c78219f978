"""Every refusal has a sentence, and a status."""

import inspect

import errors
from errors import Refusal
from web.errors import status_of


def descendants(kind: type[Refusal]) -> list[type[Refusal]]:
    return [kind, *(one for child in kind.__subclasses__() for one in descendants(child))]


def test_every_refusal_has_a_status() -> None:
    kinds = [kind for kind in descendants(Refusal) if kind is not Refusal]
    assert len(kinds) > 30
    for kind in kinds:
        assert 400 <= status_of(kind.__new__(kind)) < 600, kind


def test_every_refusal_made_here_is_one_sentence() -> None:
    for kind in descendants(Refusal):
        if kind.__module__ != errors.__name__ or "__init__" not in vars(kind):
            continue
        sentence = str(kind(*_given(kind)))
        assert sentence.endswith("."), kind
        assert "\n" not in sentence


def _given(kind: type[Refusal]) -> list[object]:
    """Something for each of its parameters that has to be given."""
    parameters = list(inspect.signature(vars(kind)["__init__"]).parameters.values())[1:]
    values: dict[str, object] = {"sentence": "A sentence."}
    numbers = {"int": 3, "float": 3.0}
    needed = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    return [values.get(p.name, numbers.get(p.annotation, "three")) for p in needed]
