"""Write an archive whose bytes follow from what is in it: files in order of their names, all of one date."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold
Row = Mapping[str, Any]


class Spool:
    """The files of an archive, on disk until all are there, so that no pack need fit into memory."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._places = folder, dict[str, Path]()
        self.hashes: dict[str, str] = {}  # by name

    def text(self, name: str, text: str) -> dict[str, str]:
        """Write a text; returns what stands for it in a row. One of that name already is left as it is."""
        if name not in self._places:
            with self._file(name) as write:
                write(text)
        return {"file": name}

    def json(self, name: str, value: object) -> None:
        self.text(name, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=plain) + "\n")

    @contextmanager
    def rows(self, table: str) -> Iterator[Callable[[Row], None]]:
        """Write rows one after another, a line each."""
        with self._file(f"rows/{table}.jsonl") as write:
            yield lambda row: write(
                json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=plain) + "\n"
            )

    @contextmanager
    def _file(self, name: str) -> Iterator[Callable[[str], None]]:
        made = hashlib.sha256()
        path = self._folder / f"{len(self._places):06}"  # no name of the archive becomes one of the disk
        self._places[name] = path
        with path.open("wb") as file:

            def write(text: str) -> None:
                raw = text.encode()
                made.update(raw)
                file.write(raw)

            yield write
        self.hashes[name] = made.hexdigest()

    def archive(self, target: IO[bytes]) -> None:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(self._places):
                info = zipfile.ZipInfo(name, _DATE)
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                info.create_system = 3  # the same bytes, wherever it is made
                with self._places[name].open("rb") as file, archive.open(info, "w", force_zip64=True) as packed:
                    shutil.copyfileobj(file, packed)


@contextmanager
def spooling() -> Iterator[Spool]:
    with tempfile.TemporaryDirectory(prefix="gazette-evidence-") as folder:
        yield Spool(Path(folder))


def plain(value: object) -> str:
    """An instant as rows, hashes and seals have it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no place in a pack")
