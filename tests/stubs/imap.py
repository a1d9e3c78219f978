"""An IMAP server on 127.0.0.1 with one mailbox: as much of RFC 3501 as it takes to read unseen messages."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from types import TracebackType

USER, PASSWORD = "bounces@plover.example", 'hun"ter\\2'
_FETCH = re.compile(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", re.IGNORECASE)
_STORE = re.compile(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", re.IGNORECASE)
_SEARCH = re.compile(r"UID SEARCH (\d+):(\d+) UNSEEN", re.IGNORECASE)


class Mailserver(socketserver.ThreadingTCPServer):
    """messages: by UID. seen: the UIDs marked. refuses: commands answered with NO and the words of the command.

    vanished: listed, but gone when they are asked for.
    """

    daemon_threads = True

    def __init__(self, *messages: bytes, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.messages = dict(enumerate(messages, 101))
        self.seen: set[int] = set()
        self.refuses: set[str] = set()
        self.vanished: set[int] = set()
        self.asked: list[str] = []
        self.tls = tls

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Mailserver:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.shutdown()
        self.server_close()

    def get_request(self) -> tuple[socket.socket, object]:
        caller, address = super().get_request()
        if self.tls is not None:  # the handshake is the caller's own affair, and its thread's
            caller = self.tls.wrap_socket(caller, server_side=True, do_handshake_on_connect=False)
        return caller, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no event."""


class _Client(socketserver.StreamRequestHandler):
    server: Mailserver

    def handle(self) -> None:
        self._say(b"* OK ready")
        for line in self.rfile:
            tag, _, command = line.decode().rstrip("\r\n").partition(" ")
            self.server.asked.append(command)
            self._answer(tag, command)

    def _answer(self, tag: str, command: str) -> None:
        if any(command.upper().startswith(each) for each in self.server.refuses):
            self._say(f"{tag} NO [REFUSED] not {command}".encode())
            return
        for line in self._lines(command):
            self._say(line)
        self._say(f"{tag} OK done".encode())

    def _lines(self, command: str) -> list[bytes]:
        if command.upper().startswith("CAPABILITY"):
            return [b"* CAPABILITY IMAP4rev1"]
        if command.upper().startswith("SELECT"):
            return [f"* {len(self.server.messages)} EXISTS".encode()]
        if found := _SEARCH.fullmatch(command):
            some = list(self.server.messages)[int(found[1]) - 1 : int(found[2])]
            unseen = [str(uid) for uid in some if uid not in self.server.seen]
            return [" ".join(["* SEARCH", *unseen]).encode()]
        if found := _FETCH.fullmatch(command):
            return self._fetched(int(found[1]), int(found[2]))
        if found := _STORE.fullmatch(command):
            self.server.seen.add(int(found[1]))
        return []

    def _fetched(self, uid: int, most: int) -> list[bytes]:
        if uid in self.server.vanished:
            return []
        raw = self.server.messages[uid][:most]
        return [b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%b)" % (uid - 100, uid, len(raw), raw)]

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")
