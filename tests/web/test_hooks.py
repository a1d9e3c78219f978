"""What SendGrid posts is kept before it is answered; what it has not signed is refused, whatever it says."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from sqlmodel import col, select
from werkzeug.test import TestResponse

from app import create_app
from database import reading
from notifier.events import bodies
from notifier.models import DeliveryEvent, UnmatchedEvent, WebhookBody
from tests.conftest import make_settings
from tests.house import FIRST, LONGER, House
from web.hooks.sendgrid import MOST_BYTES

Later = Callable[..., datetime]

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


class Provider:
    """Signs as SendGrid does, and posts."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def headers(self, body: bytes, at: str) -> dict[str, str]:
        signature = self.key.sign(at.encode("latin-1") + body, ec.ECDSA(SHA256()))
        return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: at}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def given_settings(database_url: str, tmp_path: Path, provider: Provider) -> Any:
    return make_settings(database_url, tmp_path, sendgrid_webhook_key=provider.public_key)


@pytest.fixture
def signed(client: FlaskClient, provider: Provider, house: House) -> Iterator[Any]:
    """Post a body as the provider would. at: seconds from now."""

    def post(body: bytes, at: float = 0) -> TestResponse:
        when = str(int(house.now.timestamp() + at))
        return client.post("/hooks/sendgrid", data=body, headers=provider.headers(body, when))

    yield post


def kept(house: House) -> list[WebhookBody]:
    with reading(house.runtime.engine) as session:
        return list(session.exec(select(WebhookBody).order_by(col(WebhookBody.id))))


def verdicts(house: House) -> list[str]:
    return [row.verdict for row in kept(house)]


def told(house: House, later: Later) -> int:
    """A house in which one letter was taken. Returns: its delivery."""
    house.policy()
    house.publish(FIRST)
    house.tick()
    house.member("ada")
    later(days=1)
    house.publish(LONGER, rule="notice", notice_days=30)
    house.tick()
    return house.deliveries()[0].id


def event(house: House, name: str, **others: Any) -> dict[str, Any]:
    at = int(house.now.timestamp())
    return {"event": name, "timestamp": at, "email": "ada@example.com", "sg_event_id": "x", **others}


def body_of(*events: Any) -> bytes:
    return json.dumps(list(events)).encode()


# -- taken --------------------------------------------------------------------------------------


def test_a_signed_body_is_kept_as_it_came_and_answered_without_words(signed: Any, house: House) -> None:
    body = b'[ {"event" : "processed"} ]\n'
    answer = signed(body)
    assert (answer.status_code, answer.data) == (204, b"")
    (row,) = kept(house)
    assert (row.body, row.verdict, row.size) == (body, "verified", len(body))
    assert row.sha256 == hashlib.sha256(body).hexdigest()
    assert row.received_at == house.now


def test_the_scheduler_folds_it_and_then_only_its_hash_stays(signed: Any, house: House, later: Later) -> None:
    delivery = told(house, later)
    signed(body_of(event(house, "delivered", delivery=str(delivery))))
    house.tick()
    (row,) = kept(house)
    assert (row.body, row.events, row.said) == (None, 1, "")
    with reading(house.runtime.engine) as session:
        assert session.exec(select(DeliveryEvent.event)).all() == ["delivered"]


def test_the_same_body_again_is_answered_the_same_and_kept_once(signed: Any, house: House, later: Later) -> None:
    delivery = told(house, later)
    body = body_of(event(house, "bounce", delivery=str(delivery)))
    assert signed(body).status_code == 204
    house.tick()
    assert signed(body, at=60).status_code == 204
    house.tick()
    assert len(kept(house)) == 1
    with reading(house.runtime.engine) as session:
        assert session.exec(select(DeliveryEvent.event)).all() == ["bounce"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00 not utf-8", "not JSON"),
        (b'[{"event": "delivered", "timest', "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"event": "delivered"}', "no list"),
        (b"[1, 2, 3]", "3 of 3 elements"),
        (b"[" * 100_000, ""),
    ],
    ids=["empty", "not utf-8", "truncated", "html", "an object", "numbers", "nested"],
)
def test_a_signed_body_that_says_nothing_is_taken_and_said_to_say_nothing(
    signed: Any, house: House, body: bytes, says: str
) -> None:
    """It would only be posted again, for a day, if it were refused."""
    assert signed(body).status_code == 204
    bodies.fold_due(house.runtime)
    (row,) = kept(house)
    assert row.body is None
    assert says in row.said
    assert row.events == 0


def test_an_event_of_a_letter_that_is_none_of_ours_keeps_no_address(
    signed: Any, house: House, later: Later
) -> None:
    told(house, later)
    stranger = "stranger@example.com"
    signed(body_of(event(house, "bounce", delivery="987654", email=stranger)))
    house.tick()
    with reading(house.runtime.engine) as session:
        (row,) = session.exec(select(UnmatchedEvent)).all()
    assert (row.event, row.named) == ("bounce", "987654")
    assert row.address_key
    assert stranger not in str(row.model_dump())


# -- refused ------------------------------------------------------------------------------------


def test_a_body_without_a_signature_is_refused(client: FlaskClient, house: House) -> None:
    answer = client.post("/hooks/sendgrid", data=body_of(event(house, "bounce")))
    assert answer.status_code == 403
    assert answer.text == "This report is not signed.\n"
    assert verdicts(house) == ["unsigned"]
    assert kept(house)[0].body is None


def test_a_body_signed_with_another_key_is_refused(client: FlaskClient, house: House) -> None:
    body = body_of(event(house, "bounce"))
    headers = Provider().headers(body, str(int(house.now.timestamp())))
    assert client.post("/hooks/sendgrid", data=body, headers=headers).status_code == 403
    assert verdicts(house) == ["signed with another key"]


@pytest.mark.parametrize("changed", ["body", "time", "cut"])
def test_a_body_changed_after_it_was_signed_is_refused(
    client: FlaskClient, provider: Provider, house: House, changed: str
) -> None:
    body, at = body_of(event(house, "bounce")), int(house.now.timestamp())
    headers = provider.headers(body, str(at))
    if changed == "body":
        body = body.replace(b"bounce", b"opened")
    elif changed == "time":
        headers[TIMESTAMP] = str(at + 1)
    else:
        body = body[:-7]
    assert client.post("/hooks/sendgrid", data=body, headers=headers).status_code == 403
    assert [row.body for row in kept(house)] == [None]


@pytest.mark.parametrize("signature", ["no base64!", "AAAA", "é", "=" * 5000])
def test_a_signature_that_is_none_is_refused(client: FlaskClient, house: House, signature: str) -> None:
    headers = {SIGNATURE: signature, TIMESTAMP: "1700000000"}
    assert client.post("/hooks/sendgrid", data=b"[]", headers=headers).status_code == 403
    assert verdicts(house) == ["signed with another key"]


@pytest.mark.parametrize("hours", [-49, 1])
def test_a_body_signed_at_another_time_is_refused(signed: Any, house: House, hours: int) -> None:
    assert signed(b"[]", at=hours * 3600).status_code == 403
    assert verdicts(house) == ["signed at another time"]


@pytest.mark.parametrize("at", ["yesterday", "-1", "1" * 12, "1e9", ""])
def test_a_time_that_is_none_is_refused(client: FlaskClient, provider: Provider, house: House, at: str) -> None:
    answer = client.post("/hooks/sendgrid", data=b"[]", headers=provider.headers(b"[]", at))
    assert answer.status_code == 403
    assert all(row.body is None for row in kept(house))


def test_one_of_30_mb_is_refused_before_it_is_read(client: FlaskClient, house: House) -> None:
    answer = client.post("/hooks/sendgrid", data=b" " * (30 * 1024 * 1024))
    assert answer.status_code == 413
    assert verdicts(house) == ["too large"]


def test_one_that_does_not_say_how_long_it_is_is_cut_off(client: FlaskClient, house: House) -> None:
    endless = io.BytesIO(b" " * (MOST_BYTES + 10))
    answer = client.post(
        "/hooks/sendgrid", input_stream=endless, environ_overrides={"wsgi.input_terminated": True}
    )
    assert answer.status_code == 413
    assert all(row.body is None for row in kept(house))


def test_without_a_key_nothing_is_taken(
    house: House, tmp_path: Path, provider: Provider, database_url: str
) -> None:
    keyless = replace(house.runtime, settings=make_settings(database_url, tmp_path))
    client = create_app(runtime=keyless).test_client()
    headers = provider.headers(b"[]", str(int(house.now.timestamp())))
    assert client.post("/hooks/sendgrid", data=b"[]", headers=headers).status_code == 403
    assert verdicts(house) == ["without a key"]


def test_a_flood_of_refused_bodies_is_one_row(client: FlaskClient, house: House, later: Later) -> None:
    for number in range(20):
        later(seconds=30)
        client.post("/hooks/sendgrid", data=b"[%d]" % number)
    (row,) = kept(house)
    assert row.received_at >= house.now - timedelta(minutes=1)


def test_there_is_nothing_to_read(client: FlaskClient) -> None:
    assert client.get("/hooks/sendgrid").status_code == 404
