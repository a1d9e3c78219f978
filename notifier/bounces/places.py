"""Where bounces are read: a mailbox on an IMAP server, or a Maildir. Each message is marked once it is dealt with.

No sentence and no error of this module holds the setting, in which a password stands.
Source: RFC 3501 (IMAP), RFC 5092 (its URLs); cr.yp.to/proto/maildir.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from errors import BouncesUnreadable, SettingInvalid
from notifier.bounces.parts import LARGEST

_LOCAL = ("localhost", "127.0.0.1", "::1")
_PORTS = {"imap": 143, "imaps": 993}


class Kept(NamedTuple):
    """A message in a place. read: at most the first million bytes; None where it is gone. done: mark it."""

    read: Callable[[], bytes | None]
    done: Callable[[], None]


class Place(Protocol):
    def messages(self) -> Iterator[Kept]:
        """Yield what is not marked yet. Raises: BouncesUnreadable, as do `read` and `done`."""
        ...


def place(setting: str) -> Place:
    """Read GAZETTE_BOUNCES: `imaps://user:password@host[:port]/INBOX`, or a Maildir's path.

    Nothing is opened yet. Raises: SettingInvalid.
    """
    setting = setting.strip()
    if "://" not in setting:
        if "@" in setting or not setting:  # a password may stand there, and be taken for part of a path
            raise SettingInvalid("GAZETTE_BOUNCES must be imaps://USER:PASSWORD@HOST/INBOX or a Maildir's path.")
        return Maildir(Path(setting).expanduser())
    return _imap(setting)


def _imap(url: str) -> Place:
    from notifier.bounces.imap import Account, ImapBox

    parts, port = _server_parts(url)
    host = parts.hostname or ""
    if parts.scheme == "imap" and host not in _LOCAL:
        raise SettingInvalid("GAZETTE_BOUNCES would send its password in the clear; use imaps://.")
    given = parts.username, parts.password, parts.path.strip("/") or "INBOX"
    user, password, mailbox = (unquote(each or "") for each in given)
    if not user or not password:
        raise SettingInvalid("GAZETTE_BOUNCES names no user and password before the host.")
    if not all(each.isascii() and each.isprintable() for each in (user, password, mailbox)):
        raise SettingInvalid("GAZETTE_BOUNCES has a user, password or mailbox that IMAP cannot carry.")
    return ImapBox(Account(host, port, parts.scheme == "imaps", user, password, mailbox))


def _server_parts(url: str) -> tuple[SplitResult, int]:
    """Take the url apart. Raises: SettingInvalid."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise SettingInvalid("GAZETTE_BOUNCES must be imaps://USER:PASSWORD@HOST/INBOX or a Maildir.") from None
    if not parts.hostname or any(c.isspace() for c in url):
        raise SettingInvalid("GAZETTE_BOUNCES names no mail server after “//”.")
    if parts.query or parts.fragment or "/" in parts.path.strip("/"):
        raise SettingInvalid(
            "GAZETTE_BOUNCES goes on after the mailbox; in a password write / as %2F, # as %23, ? as %3F."
        )
    return parts, port


class Maildir:
    """A folder with `new` and `cur` in it. A message that is dealt with goes from one to the other, as read."""

    def __init__(self, folder: Path) -> None:
        self._new, self._cur = folder / "new", folder / "cur"

    def messages(self) -> Iterator[Kept]:
        try:
            names = sorted(each.name for each in self._new.iterdir() if not each.name.startswith("."))
        except OSError as error:
            raise _unreadable("folder `new`", error) from None
        if not self._cur.is_dir():
            raise BouncesUnreadable("GAZETTE_BOUNCES names no Maildir: there is no folder `cur` in it.")
        for name in names:
            yield Kept(partial(self._read, name), partial(self._done, name))

    def _read(self, name: str) -> bytes | None:
        path = self._new / name
        try:
            if path.is_symlink() or not path.is_file():
                return None
            with path.open("rb") as file:
                return file.read(LARGEST)
        except FileNotFoundError:  # another node has dealt with it
            return None

    def _done(self, name: str) -> None:
        with suppress(FileNotFoundError):
            try:
                (self._new / name).rename(self._cur / f"{name.partition(':')[0]}:2,S")
            except PermissionError as error:
                raise _unreadable("folder `cur`", error) from None


def _unreadable(what: str, error: OSError) -> BouncesUnreadable:
    return BouncesUnreadable(f"GAZETTE_BOUNCES names a Maildir whose {what} cannot be used: {error.strerror}.")
