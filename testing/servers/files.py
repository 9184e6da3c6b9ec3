"""A web server on loopback for the files of a folder, with ranges and ETags, that can also do it wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from testing.servers.loopback import serving


@dataclass
class Reply:
    """What is sent, as it should be; a fault may change it.

    Attributes:
        status: of the answer.
        headers: of the answer; Content-Length is the length of `body` unless it is here.
        body: its content.
        sent: bytes of the body after which the connection is closed; None for all, -1 to say nothing at all.
        before_close: called before the connection is closed early.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: int | None = None
    before_close: Callable[[], None] = lambda: None


@dataclass
class Asked:
    """A request: method, path, and headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


Answers = Callable[[Asked, bytes], Reply]


@dataclass
class FileServer:
    """Attributes: origin of the server, the requests that came, and what answers them."""

    origin: str
    answers: Answers
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked]


def file_reply(folder: Path, asked: Asked) -> Reply:
    """Return a file below a folder, the part of it that was asked for, or that it is unchanged."""
    path = folder / unquote(asked.path).removeprefix("/")
    if not path.is_file():
        return Reply(404, body=b"no such file")
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if asked.headers.get("if-none-match") == tag:
        return Reply(304, {"ETag": tag})
    first = asked.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    if first:
        whole = {"ETag": tag, "Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
        return Reply(206, whole, body[int(first) :]) if int(first) < len(body) else Reply(416)
    return Reply(200, {"ETag": tag}, body)


@contextmanager
def file_server(answers: Path | Answers) -> Iterator[FileServer]:
    """Serve a folder, or whatever a function answers, until the end of the block."""
    folder = answers if isinstance(answers, Path) else None

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
            served.asked.append(asked)
            reply = file_reply(folder, asked) if folder else served.answers(asked, content)
            self.send(reply)

        do_GET = do_POST = do_PUT = do_HEAD = do

        def send(self, reply: Reply) -> None:
            if reply.sent == -1:
                reply.before_close()
                self.close_connection = True
                return
            self.send_response(reply.status)
            length = {} if reply.status == 304 else {"Content-Length": str(len(reply.body))}
            for name, value in {**length, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            if reply.sent is None:
                self.wfile.write(reply.body)
                return
            self.wfile.write(reply.body[: reply.sent])
            self.wfile.flush()
            reply.before_close()
            self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with serving(Handler) as origin:
        served = FileServer(origin, answers if callable(answers) else _nothing)
        yield served


def _nothing(asked: Asked, content: bytes) -> Reply:
    return Reply(404)
