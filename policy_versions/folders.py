"""Dated Markdown in folders: `<policy>/<revision date>[.n].md`, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from errors import DateMalformed, FrontMatterInvalid, NothingToImport, TextTooLong
from policy_versions import dates, markdown
from policy_versions.histories import DatedFile, DatedHistory
from policy_versions.policies import PolicyFields

MANIFEST = "policy.yaml"
_NAME = re.compile(r"(\d{4}[\d-]*)(?:\.(\d{1,6}))?\.md", re.ASCII)
_KEYS = {"title", "lead", "time_zone", "promise", "part_of", "locale"}


def read(folder: Path, *, prefix: str = "") -> list[DatedHistory]:
    """Read every policy of a folder, or the folder itself where the dated files lie in it.

    prefix: goes before each slug. Policies that others are part of come first.
    Raises: NothingToImport, DateMalformed, TextTooLong, FrontMatterInvalid.
    """
    if not folder.is_dir():
        raise NothingToImport(folder)
    places = [folder] if any(_dated(folder)) else sorted(p for p in folder.iterdir() if p.is_dir())
    found = [_history(place, prefix) for place in places if any(_dated(place))]
    if not found:
        raise NothingToImport(folder)
    return sorted(found, key=lambda history: history.fields.part_of is not None)


def _dated(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            yield path, match


def _history(folder: Path, prefix: str) -> DatedHistory:
    files = [_file(path, match) for path, match in _dated(folder)]
    return DatedHistory(_fields(folder, prefix), tuple(sorted(files, key=lambda file: file.order)), str(folder))


def _file(path: Path, match: re.Match[str]) -> DatedFile:
    where = f"{path.parent.name}/{path.name}"
    try:
        date = dates.RevisionDate.parse(match[1])
    except DateMalformed as error:
        raise DateMalformed(where) from error
    if (size := path.stat().st_size) > 2 * markdown.LIMIT:  # before anything is read
        raise TextTooLong(size, markdown.LIMIT)
    return DatedFile(date, int(match[2] or 1), path.read_bytes(), where)


def _fields(folder: Path, prefix: str) -> PolicyFields:
    """A policy's title and settings from its policy.yaml; without one, a title made from its name."""
    slug = prefix + folder.resolve().name
    manifest = folder / MANIFEST
    raw = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
    said = _manifest(raw, f"{folder.name}/{MANIFEST}")
    whole = said.pop("part_of", None)
    title = said.pop("title", None) or slug.replace("-", " ").capitalize()
    return PolicyFields(slug=slug, title=title, part_of=prefix + whole if whole else None, manifest=raw, **said)


def _manifest(raw: str, where: str) -> dict[str, str]:
    try:
        said = yaml.safe_load(raw) or {}
    except yaml.YAMLError as error:
        raise FrontMatterInvalid(where, "it is not YAML") from error
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise FrontMatterInvalid(where, "each line is a key and a text")
    if unknown := sorted(map(str, said.keys() - _KEYS)):
        raise FrontMatterInvalid(where, f"“{unknown[0]}” is no key of it")
    return said


def write(folder: Path, name: str, files: Iterable[tuple[str, bytes]]) -> int:
    """Write a policy's files under a folder and return how many; files of other names are left alone."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    count = 0
    for file, data in files:
        (place / file).write_bytes(data)
        count += 1
    return count
