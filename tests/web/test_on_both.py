"""What a page asks of the database, it asks of either kind: a walk over all pages, good addresses and bad."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.house import FIRST, LONGER, House
from tests.web.test_public import PAGES


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


BAD = [
    "/%00",
    "/privacy/%00",
    "/privacy/compare/%00..1",
    "/privacy/99",
    "/privacy/on?on=%00",
    "/privacy/" + "9" * 40,
]


def test_every_page_answers_and_every_bad_address_is_refused(client: FlaskClient, house: House) -> None:
    house.policy()
    house.publish(FIRST, revision_date="2026-05")
    house.publish(LONGER, effective_at=house.now + timedelta(days=30))
    house.tick()
    for path in PAGES:
        assert client.get(path).status_code in (200, 404), path
    for path in BAD:
        assert client.get(path).status_code in (404, 422), path
