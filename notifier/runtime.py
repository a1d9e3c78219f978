"""What the jobs and the edges share: built once by the composition root, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from database import Clock
from notifier.senders.protocol import Sender
from settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """One process's engine, clock, sender and settings. node: names the process in leases and ticks."""

    engine: Engine
    clock: Clock
    sender: Sender
    settings: Settings
    node: str

    @property
    def secret(self) -> str:
        return self.settings.secret_key.get_secret_value()
