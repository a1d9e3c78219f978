"""The stand-in refuses what the real one does; what it refuses it has not taken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stubs.sendgrid import faults


def request(**changed: Any) -> dict[str, Any]:
    usual = {
        "from": {"email": "policies@example.com"},
        "subject": "News",
        "content": [{"type": "text/plain", "value": "News"}],
        "personalizations": [{"to": [{"email": "zoe@example.org"}]}],
    }
    return usual | changed


def to(*addresses: str) -> list[dict[str, Any]]:
    return [{"to": [{"email": address}]} for address in addresses]


def test_a_good_request_has_no_faults() -> None:
    assert not list(faults(request()))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"from": {}}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": to(*(f"m{n}@example.org" for n in range(1001)))}, "personalizations"),
        ({"personalizations": to("zoe@example.org", "ZOE@example.org")}, "personalizations"),
        ({"personalizations": to("zoe@example.org", "zoe")}, "personalizations.1.to.0.email"),
    ],
)
def test_a_fault_is_named_by_its_field(changed: dict[str, Any], field: str) -> None:
    assert [each["field"] for each in faults(request(**changed))] == [field]
