"""Workers are killed at any instant, 60 times and more over 50,000 members, and the promise holds.

Never lost, never knowingly sent twice, and what is not known is listed by name. Nothing here depends on how fast
the machine is: a campaign goes on until enough was done, and is judged by what the provider and the ledger say.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import campaign
from tests.crash.campaign import Plan, Result
from tests.crash.scene import Terms

pytestmark = pytest.mark.socket
BOUND = 100.0  # seconds; it takes less than half of them unless something is stuck


def judged(result: Result) -> None:
    """Fail with all that was found."""
    told = f"{result.counts}\n{result.done}\nresumed: {result.resumed}"
    assert result.verdict.violations == {}, told
    assert result.counts.kills >= 60
    assert result.counts.inside >= 20
    assert result.counts.letters >= 50_000
    assert result.counts.heard > 0, "no event came by the webhook"
    assert result.counts.after_violence <= result.counts.open_recipients
    assert (result.done["stop"], result.done["cut"]) == (1, 2), told


def test_killed_on_sqlite(sqlite_url: str, folder: Path) -> None:
    judged(campaign.run(Terms(sqlite_url, workers=1, threads=4), Plan(seed=1, seconds=BOUND), folder))


def test_killed_on_postgresql_with_three_workers(postgresql_url: str, folder: Path) -> None:
    judged(campaign.run(Terms(postgresql_url, workers=3, threads=2), Plan(seed=2, seconds=BOUND), folder))
