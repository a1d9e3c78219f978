"""`gazette notices`: a list with bars, one notice live, plain lines where nobody looks on, JSON for programs."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from sqlmodel import col, update

from errors import NoSuchNotice
from notifier import watching
from notifier.models import Attempt, Batch, Notice
from tests.house import House
from tests.notifier.ledgers import Books, Plan


@pytest.fixture
def notice(books: Books) -> Notice:
    made = books.notice([Plan("email", "sending", ["delivered", "started", "unknown", "untouched"])])
    books.session.commit()
    return made


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=110)


def paper() -> Console:
    return Console(file=io.StringIO(), width=110)


def written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


class Ending:
    """Sleeps not; after some looks the notice is complete."""

    def __init__(self, books: Books, looks: int) -> None:
        self.books, self.left = books, looks

    def __call__(self, _seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            session = self.books.session
            session.exec(update(Attempt).values(state="accepted"))
            session.exec(update(Batch).values(state="accepted", size=3))
            session.exec(update(Notice).where(col(Notice.state) == "sending").values(state="complete"))
            session.commit()


def test_a_list_without_notices_says_so(house: House) -> None:
    console = paper()
    watching.show_all(house.runtime, console)
    assert written(console) == "No notice has gone out yet.\n"


def test_the_list_has_a_line_for_each(house: House, notice: Notice) -> None:
    console = paper()
    watching.show_all(house.runtime, console)
    said = written(console)
    assert said.startswith(
        f"Notice {notice.id}, Privacy policy, No. 1: sending, 1 of 4 letters sent (delivered 1, "
    )
    assert said.count("\n") == 1
    console = terminal()
    watching.show_all(house.runtime, console)
    assert "1 of 4" in written(console)
    assert "━" in written(console)


def test_one_is_a_single_plain_line_where_no_terminal_is(house: House, notice: Notice) -> None:
    console = paper()
    watching.show(house.runtime, console, notice.id or 0)
    assert written(console) == (
        f"Notice {notice.id}, Privacy policy, No. 1: sending, 1 of 4 letters sent "
        "(delivered 1, unknown 1, sending 1, left 1). At 6 a minute the last leaves at about 12:01 UTC.\n"
    )


def test_followed_it_ends_when_the_notice_does(house: House, books: Books, notice: Notice) -> None:
    console = terminal()
    watching.show(house.runtime, console, notice.id or 0, follow=True, sleep=Ending(books, 3))
    assert "complete" in written(console)
    assert "3 of 3 letters sent" in written(console)


def test_followed_on_paper_it_is_one_line_at_first_and_one_at_the_end(
    house: House, books: Books, notice: Notice
) -> None:
    console = paper()
    watching.show(house.runtime, console, notice.id or 0, follow=True, sleep=Ending(books, 5))
    first, last = written(console).splitlines()
    assert "sending, 1 of 4" in first
    assert "complete, 3 of 3" in last


def test_whoever_has_seen_enough_leaves_without_a_traceback(house: House, notice: Notice) -> None:
    def enough(_seconds: float) -> None:
        raise KeyboardInterrupt

    for console in (terminal(), paper()):
        watching.show(house.runtime, console, notice.id or 0, follow=True, sleep=enough)
        assert "1 of 4 letters sent" in written(console)


def test_programs_get_an_object_a_look(house: House, books: Books, notice: Notice) -> None:
    console = paper()
    watching.show(house.runtime, console, notice.id or 0, follow=True, as_json=True, sleep=Ending(books, 2))
    looks = [json.loads(line) for line in written(console).splitlines()]
    assert [look["state"] for look in looks] == ["sending", "sending", "complete"]
    assert looks[0]["states"]["unknown"] == 1
    assert (looks[0]["letters"], looks[0]["sent"], looks[0]["left"]) == (4, 1, 1)
    console = paper()
    watching.show_all(house.runtime, console, as_json=True)
    assert [each["notice"] for each in json.loads(written(console))] == [notice.id]


def test_a_notice_that_is_not_there_is_refused(house: House) -> None:
    with pytest.raises(NoSuchNotice):
        watching.show(house.runtime, paper(), 99)
