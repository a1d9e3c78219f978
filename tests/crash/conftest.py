"""What the tests of crashes share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """For journals, logs and the control socket, whose path may be 107 characters long at most."""
    made = Path(tempfile.mkdtemp(prefix="gazette-crash-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)
