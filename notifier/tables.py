"""Tables of one transaction: where the database keeps what it works out while an audience is fixed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table

_OWN = MetaData()
APART = Table("apart", _OWN, Column("member_id", Integer, primary_key=True))
LETTERS = Table("letters", _OWN, Column("member_id", Integer, primary_key=True), Column("signature", BigInteger))
BARRED = Table("barred", _OWN, Column("member_id", Integer, primary_key=True))
