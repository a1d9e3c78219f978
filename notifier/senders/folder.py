"""Put letters into a folder, one `.eml` file each: the default where no mail server has been set."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from notifier.senders.mime import Press, only
from notifier.senders.protocol import Accepted, Message, NotSent, Recipient


class FolderSender:
    """Writes `<delivery>.eml`. A repeat replaces the file by the same letter, and so never doubles."""

    name = "folder"
    request_size = 1
    window = 50
    widest = 50
    repeatable = True
    reports = False

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Make the folder, for our eyes only. clock: for the Date header. Raises: OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._clock = clock
        self._press = Press()

    def send(self, message: Message, recipients: Sequence[Recipient], *, attempt_id: int) -> Accepted:  # noqa: ARG002
        """Write one letter. Raises: NotSent, Refused; ValueError."""
        recipient = only(recipients)
        content = self._press.letter(message).to(recipient, self._clock()).content
        file = self._folder / f"{recipient.delivery_id}.eml"
        try:
            _write_atomically(file, content)
        except OSError as error:
            raise NotSent(f"The mail folder cannot be written to: {error.strerror}.") from error
        return Accepted(file.name)

    def look_up(self, attempt_id: int) -> bool | None:  # noqa: ARG002
        """Letters carry no attempt: one whose fate is unknown is simply written again."""
        return None

    def forget(self, delivery_ids: Iterable[int]) -> None:
        """Remove these deliveries' files, and what a crash left half written of them. Raises: OSError."""
        gone = {str(each) for each in delivery_ids}
        for each in gone:
            (self._folder / f"{each}.eml").unlink(missing_ok=True)
        for half in self._folder.glob(".*.tmp"):
            if half.name.split(".")[1] in gone:
                half.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is kept open."""


def _write_atomically(file: Path, content: bytes) -> None:
    """Write the whole file or none, and see it on the disk before returning. Mode 600."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut: “accepted” is a promise."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
