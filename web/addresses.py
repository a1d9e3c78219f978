"""What an address may hold: numbers of rows that a database can be asked for."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

MOST = 2**31 - 1  # PostgreSQL's integer: a larger one aborts the transaction it is asked in


class RowNumber(BaseConverter):
    """The number of a row. What no column can hold is nobody's address."""

    regex = "[0-9]{1,10}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > MOST:
            raise ValidationError
        return number


class Mail(BaseConverter):
    """The number of a letter in the folder outbox; a subscriber's is below zero."""

    regex = "-?[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)


class ExternalKey(BaseConverter):
    """A host's own key for a member; a slash in it comes as what stands in for it (see web/api/slashes.py)."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return value.replace("\x1f", "/")


def register(app: Flask) -> None:
    app.url_map.converters["row"] = RowNumber
    app.url_map.converters["mail"] = Mail
