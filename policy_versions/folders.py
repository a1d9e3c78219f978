"""Dated Markdown in folders: `<policy>/<revision date>[.n].md`, in and out. Links are not followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from errors import DateMalformed, FrontMatterInvalid, Invalid, NothingToImport, Refusal, TextTooLong
from policy_versions import dates, markdown
from policy_versions.histories import DatedFile, DatedHistory, is_text, read_yaml
from policy_versions.policies import PolicyFields

MANIFEST = "policy.yaml"
MANIFEST_LIMIT = 64 * 1024  # bytes
_NAME = re.compile(r"(\d{4}[\d-]*)(?:\.(\d{1,6}))?\.md", re.ASCII)
_KEYS = {"title", "lead", "time_zone", "promise", "part_of", "locale"}

Refuse = Callable[[str, Refusal], None]


def _raise(_slug: str, refusal: Refusal) -> None:
    raise refusal


def read(folder: Path, *, prefix: str = "", refuse: Refuse = _raise) -> list[DatedHistory]:
    """Read every policy of a folder, or the folder itself where the dated files lie in it.

    prefix: goes before each slug. refuse: told the slug and the refusal of each policy that cannot be read,
    while the others are; unless given, the first refusal is raised. Policies that others are part of come first.
    Raises: NothingToImport.
    """
    if not folder.is_dir():
        raise NothingToImport(folder)
    places = [folder] if any(_dated(folder)) else [p for p in _folders(folder) if any(_dated(p))]
    if not places:
        raise NothingToImport(folder)
    found = []
    for place in places:
        try:
            found.append(_history(place, prefix))
        except Refusal as refusal:
            refuse(_slug(place, prefix), refusal)
        except OSError as error:
            refuse(_slug(place, prefix), Invalid(f"{error.filename} cannot be read: {error.strerror}."))
    return _wholes_first(found, refuse)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _dated(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink():
            yield path, match


def _slug(folder: Path, prefix: str) -> str:
    return prefix + folder.resolve().name


def _history(folder: Path, prefix: str) -> DatedHistory:
    files = [_file(path, match) for path, match in _dated(folder)]
    return DatedHistory(_fields(folder, prefix), tuple(sorted(files, key=lambda file: file.order)), str(folder))


def _file(path: Path, match: re.Match[str]) -> DatedFile:
    where = f"{path.parent.name}/{path.name}"
    try:
        date = dates.RevisionDate.parse(match[1])
    except DateMalformed as error:
        raise DateMalformed(where) from error
    if match[2] is not None and (match[2].startswith("0") or match[2] == "1"):
        # it would share its place with another file, or come out again under another name
        raise Invalid(f"{where}: the first text of a date bears no number; those after it are .2, .3 and so on.")
    if (size := path.stat().st_size) > 2 * markdown.LIMIT:  # before anything is read
        raise TextTooLong(size, markdown.LIMIT)
    return DatedFile(date, int(match[2] or 1), path.read_bytes(), where)


def _fields(folder: Path, prefix: str) -> PolicyFields:
    """A policy's title and settings from its policy.yaml; without one, a title made from its name."""
    slug = _slug(folder, prefix)
    where = f"{folder.name}/{MANIFEST}"
    raw = _manifest(folder / MANIFEST, where)
    said = _said(raw, where)
    whole = said.pop("part_of", None)
    title = said.pop("title", None) or slug.replace("-", " ").capitalize()
    return PolicyFields(slug=slug, title=title, part_of=prefix + whole if whole else None, manifest=raw, **said)


def _manifest(path: Path, where: str) -> str:
    """The text of a policy.yaml, byte for byte; empty without one."""
    if not path.is_file() or path.is_symlink():
        return ""
    if path.stat().st_size > MANIFEST_LIMIT:
        raise FrontMatterInvalid(where, f"it has more than {MANIFEST_LIMIT:,} bytes")
    try:
        return path.read_bytes().decode()  # as text, a line's end would be changed
    except UnicodeDecodeError as error:
        raise FrontMatterInvalid(where, "it is not UTF-8") from error


def _said(raw: str, where: str) -> dict[str, str]:
    said = read_yaml(raw, where) or {}
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise FrontMatterInvalid(where, "each line is a key and a text")
    if unknown := sorted(map(str, said.keys() - _KEYS)):
        raise FrontMatterInvalid(where, f"“{unknown[0]}” is no key of it")
    if any(not is_text(value) for value in said.values()):
        raise FrontMatterInvalid(where, "it holds characters that are no text")
    return said


def _wholes_first(found: list[DatedHistory], refuse: Refuse) -> list[DatedHistory]:
    """In an order in which each policy comes after those it is part of; a circle of parts is refused."""
    whole = {history.fields.slug: history.fields.part_of for history in found}
    depths: dict[str, int] = {}
    for history in found:
        slug = history.fields.slug
        try:
            depths[slug] = _depth(slug, whole)
        except Invalid as refusal:
            refuse(slug, refusal)
    kept = [history for history in found if history.fields.slug in depths]
    return sorted(kept, key=lambda history: depths[history.fields.slug])


def _depth(slug: str, whole: dict[str, str | None]) -> int:
    """How many policies it is part of, one in another. Raises: Invalid when they lead in a circle."""
    line = [slug]
    while (above := whole.get(line[-1])) is not None:
        if above in line:
            raise Invalid(f"{' is part of '.join([*line, above])}: that leads in a circle.")
        line.append(above)
    return len(line)


def write(folder: Path, name: str, files: Iterable[tuple[str, bytes]]) -> int:
    """Write a policy's files under a folder and return how many; files of other names are left alone.

    Raises: Invalid when the folder cannot be written.
    """
    place = folder / name
    count = 0
    try:
        place.mkdir(parents=True, exist_ok=True)
        for file, data in files:
            (place / file).write_bytes(data)
            count += 1
    except OSError as error:
        raise Invalid(f"{error.filename or place} cannot be written: {error.strerror}.") from error
    return count
