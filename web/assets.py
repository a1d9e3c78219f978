"""The static files' addresses, which name what the files hold: kept for good, and new when they are."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, url_for

from database import ROOT

FOLDER = ROOT / "web" / "static"


def version(name: str) -> str | None:
    """The first digits of a static file's hash; None where there is no such file."""
    path = FOLDER / name
    if Path(name).name != name or not path.is_file():  # another folder's, or another way to write it
        return None
    return _hash(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _hash(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a static file."""
    return url_for("static", filename=name, v=version(name))


def register(app: Flask) -> None:
    app.add_template_global(asset)
