"""The tables of what a policy is called and whether it goes on: facts, which the database refuses to change."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from policy_versions.models import one_of


class Renaming(SQLModel, table=True):
    """A policy was given another address, another title, or both. Immutable."""

    __tablename__ = "policy_renaming"
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    slug_before: str = Field(index=True)
    slug_after: str
    title_before: str
    title_after: str
    reason: str
    renamed_by: str
    recorded_at: datetime


class Retirement(SQLModel, table=True):
    """A policy was retired, or taken up again; the latest of a policy stands. Immutable."""

    __tablename__ = "policy_retirement"
    __table_args__ = (one_of("deed", ("retired", "resumed")),)
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policy.id", index=True)
    deed: str
    reason: str  # as readers see it
    decided_by: str
    recorded_at: datetime
