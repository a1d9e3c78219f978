"""What the jobs and the edges share: built once by the composition root, never changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlalchemy import Engine

from database import Clock
from notifier.senders.protocol import Sender
from settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """One process's engine, clock, sender and settings. node: names the process in leases and ticks.

    stopping: set when the process is to end; whoever is at work finishes the request under way and no more.
    """

    engine: Engine
    clock: Clock
    sender: Sender
    settings: Settings
    node: str
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def secret(self) -> str:
        return self.settings.secret_key.get_secret_value()
