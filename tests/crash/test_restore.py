"""A backup put back while letters leave: nothing leaves until a person says so, and then nobody is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import restore
from tests.crash.scene import Terms

pytestmark = pytest.mark.socket
BOUND = 60.0  # seconds; it takes a fraction of them unless something is stuck


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_put_back_from_a_backup(request: pytest.FixtureRequest, folder: Path, kind: str) -> None:
    terms = Terms(request.getfixturevalue(f"{kind}_url"), members=4_000, batch_size=100, workers=1, threads=2)
    found = restore.run(terms, folder, seed=3, seconds=BOUND)
    assert found.violations == {}
    assert 0 < found.repeats <= found.listed
