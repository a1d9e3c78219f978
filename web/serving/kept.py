"""Pages as they are sent, by address: the last asked for, each in the encodings that somebody asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from web.serving import negotiation

MOST = 48_000_000  # bytes in one process, of all pages and their encodings
LARGEST = 4_000_000  # of one page; larger ones are made anew each time

Headers = list[tuple[str, str]]


class Variant(NamedTuple):
    """A page in one encoding. unchanged: the headers of a 304."""

    body: bytes
    headers: Headers
    unchanged: Headers


@dataclass(slots=True)
class Page:
    """A page that was answered with 200. headers: all but length, tag and encoding.

    version, until: of the record it was made from, and the instant (UTC) from which it may say something else.
    """

    body: bytes
    headers: Headers
    etag: str
    version: int
    until: datetime
    variants: dict[str, Variant] = field(default_factory=dict)

    @property
    def compressible(self) -> bool:
        kind = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        return len(self.body) >= negotiation.LEAST and negotiation.COMPRESSIBLE.match(kind) is not None

    def variant(self, accepted: str) -> Variant:
        """As a client with that Accept-Encoding is sent it."""
        encoded = negotiation.encoding(accepted) if self.compressible else negotiation.PLAIN
        found = self.variants.get(encoded)
        if found is None:
            found = self.variants[encoded] = self._made(encoded)
        return found

    def _made(self, encoded: str) -> Variant:
        body = negotiation.ENCODERS[encoded](self.body) if encoded else self.body
        shared = [*self.headers, ("ETag", negotiation.tag(self.etag, encoded))]
        shared += [("Vary", "Accept-Encoding")] if self.compressible else []
        unchanged = [(name, value) for name, value in shared if not name.lower().startswith("content-type")]
        own = [("Content-Encoding", encoded)] if encoded else []
        return Variant(body, [*shared, *own, ("Content-Length", str(len(body)))], unchanged)


class Kept:
    """The pages last asked for. Safe for several threads.

    most: bytes; a page counts twice what it has when it comes in, for its encodings are made later.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._lock, self._held = most, threading.Lock(), 0
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def get(self, address: str) -> Page | None:
        with self._lock:
            if address in self._pages:
                self._pages.move_to_end(address)
            return self._pages.get(address)

    def keep(self, address: str, page: Page) -> None:
        if len(page.body) > LARGEST:
            return
        with self._lock:
            self._forget(address)
            self._pages[address] = page
            self._held += 2 * len(page.body)
            while self._held > self._most:
                self._forget(next(iter(self._pages)))

    def _forget(self, address: str) -> None:
        gone = self._pages.pop(address, None)
        if gone is not None:
            self._held -= 2 * len(gone.body)

    def __len__(self) -> int:
        return len(self._pages)
