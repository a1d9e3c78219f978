"""Where bounces are read: each message once, none lost, and never a password in a sentence."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from errors import BouncesUnreadable, Refusal, SettingInvalid
from notifier.bounces import imap
from notifier.bounces.parts import LARGEST
from notifier.bounces.places import Place, place
from tests.stubs.imap import PASSWORD, USER, Mailserver
from tests.stubs.smtp import certificate


def url(server: Mailserver, *, scheme: str = "imap", password: str = PASSWORD, mailbox: str = "INBOX") -> str:
    return f"{scheme}://{quote(USER)}:{quote(password, safe='')}@127.0.0.1:{server.port}/{mailbox}"


def read_all(where: Place) -> list[bytes | None]:
    return [kept.read() for kept in where.messages()]


def mark_all(where: Place) -> int:
    marked = 0
    for kept in where.messages():
        kept.read()
        kept.done()
        marked += 1
    return marked


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


# -- a Maildir ----------------------------------------------------------------------------------


def test_a_message_that_is_dealt_with_goes_from_new_to_read(maildir: Path) -> None:
    (maildir / "new" / "1.a.host").write_bytes(b"one")
    (maildir / "new" / "2.a.host").write_bytes(b"two")
    (maildir / "cur" / "0.a.host:2,").write_bytes(b"somebody looked at it")
    where = place(str(maildir))
    assert read_all(where) == [b"one", b"two"]
    assert mark_all(where) == 2
    assert {each.name for each in (maildir / "cur").iterdir()} == {"0.a.host:2,", "1.a.host:2,S", "2.a.host:2,S"}
    assert read_all(where) == []


def test_a_message_not_marked_is_read_again(maildir: Path) -> None:
    (maildir / "new" / "1").write_bytes(b"one")
    assert read_all(place(str(maildir))) == read_all(place(str(maildir))) == [b"one"]


def test_of_a_huge_message_only_the_beginning_is_read(maildir: Path) -> None:
    with (maildir / "new" / "1").open("wb") as file:
        file.truncate(50 * LARGEST)
    [raw] = read_all(place(str(maildir)))
    assert raw is not None
    assert len(raw) == LARGEST


def test_what_is_no_message_is_passed_over(maildir: Path) -> None:
    (maildir / "new" / "folder").mkdir()
    (maildir / "new" / ".hidden").touch()
    os.mkfifo(maildir / "new" / "pipe")
    (maildir / "new" / "link").symlink_to("/etc/hostname")
    assert [raw for raw in read_all(place(str(maildir))) if raw is not None] == []


def test_a_message_that_another_node_took_meanwhile_is_no_fault(maildir: Path) -> None:
    (maildir / "new" / "1").write_bytes(b"one")
    for kept in place(str(maildir)).messages():
        (maildir / "new" / "1").unlink()
        assert kept.read() is None
        kept.done()


@pytest.mark.parametrize("missing", ["new", "cur"])
def test_a_folder_that_is_no_maildir_is_said(maildir: Path, missing: str) -> None:
    (maildir / missing).rmdir()
    with pytest.raises(BouncesUnreadable, match=rf"Maildir.*`{missing}`"):
        read_all(place(str(maildir)))


# -- IMAP ---------------------------------------------------------------------------------------


@pytest.mark.socket
def test_unseen_messages_are_read_and_marked_one_by_one() -> None:
    with Mailserver(b"one", b"", b"three") as server:
        server.seen.add(103)
        where = place(url(server))
        assert read_all(where) == [b"one", b""]
        assert server.seen == {103}
        assert mark_all(where) == 2
        assert (server.seen, read_all(where)) == ({101, 102, 103}, [])


@pytest.mark.socket
def test_a_mailbox_of_another_name_is_opened() -> None:
    with Mailserver(b"one") as server:
        assert read_all(place(url(server, mailbox="What%20came%20back"))) == [b"one"]
        assert 'SELECT "What came back"' in server.asked


@pytest.mark.socket
def test_many_messages_are_searched_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_AT_ONCE", 2)
    with Mailserver(*(b"%d" % number for number in range(5))) as server:
        assert read_all(place(url(server))) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.socket
def test_of_a_huge_message_only_the_beginning_is_asked_for() -> None:
    with Mailserver(b"x" * (LARGEST + 1)) as server:
        [raw] = read_all(place(url(server)))
    assert raw is not None
    assert len(raw) == LARGEST


@pytest.mark.socket
def test_a_message_that_vanished_is_passed_over() -> None:
    with Mailserver(b"one", b"two") as server:
        server.vanished.add(101)
        assert read_all(place(url(server))) == [None, b"two"]


@pytest.mark.socket
def test_imaps_is_read_where_the_certificate_is_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    with Mailserver(b"one", tls=context) as server:
        where = place(url(server, scheme="imaps"))
        with pytest.raises(BouncesUnreadable, match="certificate verify failed"):
            read_all(where)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert read_all(where) == [b"one"]


@pytest.mark.socket
@pytest.mark.parametrize("refused", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE"])
def test_what_the_server_refuses_is_said_without_the_password(refused: str) -> None:
    with Mailserver(b"one") as server, pytest.raises(BouncesUnreadable) as failed:
        server.refuses.add(refused)
        mark_all(place(url(server)))
    shown = "".join(traceback.format_exception(failed.value))
    assert "hun" not in shown
    assert USER not in str(failed.value)
    assert str(failed.value).endswith(".")
    assert server.seen == set()


@pytest.mark.socket
def test_no_server_is_said() -> None:
    with Mailserver() as server:
        where = place(url(server))
    with pytest.raises(BouncesUnreadable, match="refused"):
        read_all(where)


# -- the setting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "imap://anna:hunter2@mail.example/INBOX",
        "imap://anna:hunter2@127.0.0.1.example/INBOX",
        "imaps://mail.example/INBOX",
        "imaps://anna@mail.example/INBOX",
        "imaps://anna:hunter2@/INBOX",
        "imaps://anna:hunter2@mail.example:port/INBOX",
        "imaps://anna:hunter2@mail.example/INBOX/more",
        "imaps://anna:hunter2@mail.example/INBOX?x=1",
        "imaps://anna:hunter2#x@mail.example/INBOX",
        "imaps://anna:hünter2@mail.example/INBOX",
        "imaps://anna%0D%0AA1 LOGOUT:hunter2@mail.example/INBOX",
        "imaps://anna:hunter2%0D%0A@mail.example/INBOX",
        "imaps://anna:hunter2@[mail.example/INBOX",
        "pop3://anna:hunter2@mail.example/INBOX",
        "imaps//anna:hunter2@mail.example/INBOX",
        "imaps:anna:hunter2@mail.example",
    ],
)
def test_a_setting_that_cannot_be_used_is_told_without_its_secrets(setting: str) -> None:
    with pytest.raises(Refusal, match=r"^GAZETTE_BOUNCES .*\.$") as refused:
        place(setting)
    assert isinstance(refused.value, SettingInvalid)
    assert "nter2" not in str(refused.value)


def test_a_mailbox_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(vars(place("imaps://anna:hunter2@mail.example")))
