from __future__ import annotations

import threading
import time

import pytest

from notifier.senders import NotSent
from notifier.senders.smtp_limits import Lanes, Watch


class Waiting:
    """Something that waits until it is cut."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.cuts = 0

    def cut(self) -> None:
        self.cuts += 1
        self.ended.set()


def test_a_domain_takes_so_many_at_once_and_others_are_not_held_up() -> None:
    lanes = Lanes(2)
    soon = time.monotonic() + 0.01
    with (
        lanes.to("example.org", soon),
        lanes.to("example.org", soon),
        lanes.to("example.net", soon),
        pytest.raises(NotSent, match=r"^Too many letters .*\.$"),
        lanes.to("example.org", soon),
    ):
        pass
    with lanes.to("example.org", 0.0):
        pass


def test_a_place_given_back_is_given_to_who_waits() -> None:
    lanes, entered = Lanes(1), threading.Event()

    def enter() -> None:
        with lanes.to("example.org", time.monotonic() + 5):
            entered.set()

    with lanes.to("example.org", 0.0):
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.is_set()
    thread.join()
    assert entered.is_set()


def test_what_does_not_end_in_time_is_cut_and_what_ended_is_not() -> None:
    watch, quick, slow = Watch(0.05), Waiting(), Waiting()
    with watch.over(quick):
        pass
    with watch.over(slow):
        assert slow.ended.wait(5)
    assert quick.cuts == 0


def test_time_is_given_anew_each_time() -> None:
    watch, line = Watch(0.05), Waiting()
    for _ in range(2):
        line.ended.clear()
        with watch.over(line):
            assert line.ended.wait(5)


def test_nothing_under_way_keeps_no_thread() -> None:
    watch, before = Watch(0.01), set(threading.enumerate())  # another test's may sleep on for a minute
    with watch.over(Waiting()):
        started = set(threading.enumerate()) - before
        thread = next(each for each in started if each.name == "smtp deadlines")
    thread.join(5)
    assert not thread.is_alive()
