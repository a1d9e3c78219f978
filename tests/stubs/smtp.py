"""A mail server on 127.0.0.1 that answers as it is told: aiosmtpd, with the replies in our hands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Ending = Callable[[SMTP], Awaitable[str]]
USER, PASSWORD = "anna", "hunter2"


class Inbox(Controller):
    """letters: those whose text came in whole. lines: the connections that said EHLO.

    replies: what to say to RSET, MAIL, RCPT or DATA (after the text) in place of 250; once: only the next time.
    ending: what to do once a letter's text has come, in place of a reply. pipelining: it offers to take commands
    in one go.
    """

    def __init__(self, *, pipelining: bool = False, **options: Any) -> None:
        super().__init__(self, hostname="127.0.0.1", port=0, **options)
        self.letters: list[Envelope] = []
        self.replies: dict[str, str] = {}
        self.once: dict[str, str] = {}
        self.ending: Ending | None = None
        self.pipelining = pipelining
        self.lines: list[SMTP] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Inbox:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones. Returns when they are closed."""
        closing = asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop)
        closing.result(timeout=5)

    async def _hang_up(self) -> None:
        for line in self.lines:
            if line.transport is not None:
                line.transport.close()

    def _trigger_server(self) -> None:
        """Learn the port that the system chose; aiosmtpd would call on port 0."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.lines.append(server)
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._reply("MAIL")
        if reply.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._reply("RCPT")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self._reply("RSET")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.letters.append(envelope)
        if self.ending is not None:
            return await self.ending(server)
        return self._reply("DATA", "250 2.0.0 Ok: queued as 4F2A")

    def _reply(self, step: str, usual: str = "250 OK") -> str:
        return self.once.pop(step, "") or self.replies.get(step, usual)


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
) -> AuthResult:
    good = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


async def hang_up(server: SMTP) -> str:
    """End a letter by closing the connection without a reply."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    raise asyncio.CancelledError


async def drip(server: SMTP) -> str:
    """End a letter by a reply that comes a byte at a time and never to its end."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.write(b"250-")
    while not server.transport.is_closing():
        server.transport.write(b".")
        await asyncio.sleep(0.02)
    return "250 too late"


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a server's TLS context for 127.0.0.1. Returns: it, and the file with the certificate to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    host = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / "server.crt", folder / "server.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file
