from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.senders import Refused
from notifier.senders.mime import Letter, deliverable, header, mailbox, substituted, without_addresses
from tests.notifier.senders.letters import body, message, parsed, recipient

NOON = datetime(2018, 5, 25, 12, tzinfo=UTC)


def test_a_letter_reads_back_as_it_was_written() -> None:
    letter = parsed(Letter(message()).to(recipient(7), NOON).content)
    assert letter["Subject"] == "Zoë, our privacy policy changes"
    assert letter["From"] == '"Größe & Co." <policies@example.com>'
    assert letter["To"] == "zoe@example.org"
    assert letter["Reply-To"] == "privacy@example.com"
    assert letter["Date"].datetime == NOON
    assert letter["List-Id"] == "Policies <policies.example.com>"
    assert letter.get_content_type() == "multipart/alternative"
    assert body(letter, "plain") == "Dear Zoë,\n\n.a line that begins with a dot\n“§ 4” now reads — 個人情報.\n"
    assert body(letter, "html") == message().html.replace("-k3v9-name-html-", "Zoë") + "\n"


def test_a_letter_is_seven_bit_with_short_lines_that_end_in_crlf() -> None:
    content = Letter(message()).to(recipient(), NOON).content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_survives(text: str) -> None:
    letter = parsed(Letter(message(text=text, html=text)).to(recipient(), NOON).content)
    ends = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body(letter, "plain") == body(letter, "html") == (ends if ends.endswith("\n") else f"{ends}\n")


def test_a_delivery_has_one_message_id_and_another_installations_has_another() -> None:
    def name(delivery_id: int, address: str) -> str:
        letter = Letter(message()).to(recipient(delivery_id, address), NOON)
        return str(parsed(letter.content)["Message-ID"])

    assert name(7, "zoe@example.org") == name(7, "zoe@example.org")
    assert len({name(7, "zoe@example.org"), name(8, "zoe@example.org"), name(7, "max@example.org")}) == 3
    assert name(7, "zoe@example.org").endswith("@example.com>")


def test_a_long_url_in_a_header_is_left_whole() -> None:
    url = f"<https://example.com/{'a' * 200}>"
    assert header("List-Unsubscribe", url) == f"List-Unsubscribe: {url}\r\n".encode()


def test_a_header_too_long_for_a_line_is_folded() -> None:
    lines = header("X-Long", "word " * 400).split(b"\r\n")
    assert max(map(len, lines)) < 998


def test_a_value_that_holds_a_key_is_not_substituted_again() -> None:
    assert substituted("-a- -b- -ab-", {"-a-": "-b-", "-b-": "2", "-ab-": "3", "-c-": "4"}) == "-b- 2 3"


def test_of_two_keys_that_begin_alike_the_longer_is_taken() -> None:
    assert substituted("-name -name-html", {"-name": "A", "-name-html": "B"}) == "A B"


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Hello\r\nBcc: eve@example.net"},
        {"headers": {"X-A": "b\nBcc: eve@example.net"}},
        {"headers": {"X-A: b\r\nBcc": "eve@example.net"}},
        {"headers": {"bcc": "eve@example.net"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"sender": "a@example.com\nBcc: eve@example.net"},
        {"sender": "a@example.com, b@example.com"},
        {"sender": "nobody"},
        {"sender": "größe@example.com"},
        {"reply_to": "a@example.com\r\nX: y"},
    ],
)
def test_what_would_begin_a_header_of_its_own_is_an_error_of_ours(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"control character|by the sender|mailbox"):
        Letter(message(**changed))


def test_a_recipients_field_that_would_break_the_subject_is_theirs_alone() -> None:
    with pytest.raises(Refused) as refused:
        Letter(message()).to(recipient(name="Eve\r\nBcc: eve@example.net"), NOON)
    assert refused.value.address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "zoe",
        "@example.org",
        "zoe@",
        "zoe@example.org\nBcc: eve@example.net",
        "zoe@example.org\n",
        "zoe\r\nRSET@example.org",
        "zoe@example.org, eve@example.net",
        "zoe@example.org> SIZE=1",
        "<zoe@example.org>",
        "zoe@eve@example.org",
        "zoe@exa mple.org",
        "zoe@example..org",
        "zoe\u2028@example.org",
        "zoe\ud800@example.org",
        f"{'z' * 320}@example.org",
    ],
)
def test_what_would_not_be_read_as_one_address_is_refused(address: str) -> None:
    with pytest.raises(Refused, match=r"^The address is malformed\.$") as refused:
        deliverable(address)
    assert refused.value.address


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("zoe@example.org", "zoe@example.org"),
        ("O'Neil+news@Example.org", "O'Neil+news@Example.org"),
        ("zoe..z.@docomo.example", "zoe..z.@docomo.example"),
        ('"zoe@home"@example.org', '"zoe@home"@example.org'),
        ("zoe@[IPv6:::1]", "zoe@[IPv6:::1]"),
        ("zoe@exämple.org", "zoe@xn--exmple-cua.org"),
        ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
        ("zoë@例え.example", "zoë@xn--r8jz45g.example"),
    ],
)
def test_a_domain_is_written_in_ascii(address: str, written: str) -> None:
    assert deliverable(address) == written


def test_an_international_letter_stays_ascii_but_for_its_to() -> None:
    letter = Letter(message()).to(recipient(address="zoë@example.org"), NOON)
    assert [line for line in letter.content.split(b"\r\n") if not line.isascii()] == [
        "To: zoë@example.org".encode()
    ]


def test_the_senders_domain_is_written_in_ascii() -> None:
    assert mailbox("Größe <policies@größe.example>").addr_spec == "policies@xn--gre-6ka8i.example"


def test_what_a_provider_said_loses_addresses_and_line_breaks() -> None:
    said = "5.1.1 <zoe@example.org>:\r\n\x1b[31muser [zoe@example.org] unknown."
    assert without_addresses(said) == "5.1.1 [address] [31muser [address] unknown"
    assert len(without_addresses("word " * 1000)) <= 300
