"""Keys: named, scoped, shown once, revoked for good."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from errors import FieldMissing, KeyExists, KeyRefused, NoSuchKey, Refusal, ScopeUnknown, Unprintable
from notifier import keys
from tests.conftest import NOON


def make(session: Session, name: str = "shop", *scopes: str) -> str:
    return keys.create(session, name, scopes or ("read",), actor="a test", now=NOON)


def test_a_key_opens_what_its_scopes_name_and_nothing_else(writing: Session) -> None:
    found = keys.find(writing, make(writing, "shop", "publish", "read", "read"))
    assert [scope for scope in keys.SCOPES if found.opens(scope)] == ["read", "publish"]
    assert (found.name, found.actor) == ("shop", "key shop")


def test_no_two_keys_are_alike_and_none_is_kept(writing: Session) -> None:
    first, second = make(writing, "shop"), make(writing, "till")
    assert first != second
    assert len(first) > 40
    assert all(token not in repr(key.model_dump()) for token in (first, second) for key in keys.listed(writing))


def test_a_revoked_key_is_like_one_never_made_and_its_name_is_not_given_again(writing: Session) -> None:
    token = make(writing)
    keys.revoke(writing, "shop", actor="a test", now=NOON)
    for given in (token, "gzt_never", "", "\udcff", "x" * 100_000):
        with pytest.raises(KeyRefused):
            keys.find(writing, given)
    with pytest.raises(NoSuchKey):
        keys.revoke(writing, "shop", actor="a test", now=NOON)
    with pytest.raises(KeyExists):
        make(writing)


@pytest.mark.parametrize(
    ("name", "scopes", "refusal"),
    [
        ("", ["read"], FieldMissing),
        ("shop\x07", ["read"], Unprintable),
        ("x" * 61, ["read"], Refusal),
        ("shop", [], FieldMissing),
        ("shop", ["read", "everything"], ScopeUnknown),
    ],
)
def test_a_key_that_nobody_could_tell_apart_is_refused(
    writing: Session, name: str, scopes: list[str], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        keys.create(writing, name, scopes, actor="a test", now=NOON)
    assert keys.listed(writing) == []
