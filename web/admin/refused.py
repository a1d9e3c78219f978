"""What a deed of the administration comes to: its own answer, or the page it was asked from with why not."""

from __future__ import annotations

from collections.abc import Callable

from errors import NotFound, Refusal
from web.admin.sign_in import Answer
from web.context import session
from web.errors import status_of


def or_refused(deed: Callable[[], Answer], page: Callable[[Refusal], str]) -> Answer:
    """Do it. What is not there has a page of its own; any other refusal is shown on `page`, with its status."""
    try:
        return deed()
    except NotFound:
        raise
    except Refusal as refusal:
        session().rollback()  # on SQLite it would still read what was there when the request began
        return page(refusal), status_of(refusal)
